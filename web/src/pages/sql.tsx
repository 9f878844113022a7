// Questions in SQL over the open tables.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useQueries } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { Download, Play, Square } from "lucide-react";
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Problem, sql, type Table, text } from "../api";
import { keep } from "../table";
import { date, dayMonth, isMoment, plain } from "../format";
import { Chart, type Point } from "../ui/chart";
import type { EditorHandle, Schema } from "../ui/editor";
import { Badge, Button, Card, cx, Empty, Fold, Num, Segmented, Skeleton, Trouble, When } from "../ui/kit";
import { Page } from "./page";

const Editor = lazy(() => import("../ui/editor").then((m) => ({ default: m.Editor })));

const tables = ["events", "profiles", "identifiers", "links", "traits_history", "segment_members", "segment_transitions"];
const examples = [
  { key: "sources", query: "SELECT source, count(*) AS events, max(timestamp) AS last\nFROM events\nGROUP BY source\nORDER BY events DESC" },
  { key: "days", query: "SELECT date_trunc('day', timestamp) AS day, count(*) AS events\nFROM events\nWHERE timestamp > now() - INTERVAL 60 DAY\nGROUP BY day\nORDER BY day" },
  { key: "names", query: "SELECT name, count(*) AS events, count(DISTINCT profile_id) AS people\nFROM events\nWHERE type = 'track'\nGROUP BY name\nORDER BY people DESC" },
  { key: "revenue", query: "SELECT date_trunc('month', timestamp) AS month,\n  sum(CAST(properties->>'revenue' AS DOUBLE)) AS revenue,\n  count(*) AS orders\nFROM events\nWHERE name = 'Order Completed'\nGROUP BY month\nORDER BY month" },
  { key: "best", query: "SELECT profile_id,\n  sum(CAST(properties->>'revenue' AS DOUBLE)) AS revenue,\n  count(*) AS orders,\n  max(timestamp) AS last\nFROM events\nWHERE name = 'Order Completed'\nGROUP BY profile_id\nORDER BY revenue DESC\nLIMIT 100" },
  { key: "funnel", query: "SELECT count(DISTINCT CASE WHEN name = 'Product Viewed' THEN profile_id END) AS viewed,\n  count(DISTINCT CASE WHEN name = 'Product Added' THEN profile_id END) AS added,\n  count(DISTINCT CASE WHEN name = 'Checkout Started' THEN profile_id END) AS checkout,\n  count(DISTINCT CASE WHEN name = 'Order Completed' THEN profile_id END) AS bought\nFROM events\nWHERE timestamp > now() - INTERVAL 90 DAY" },
  { key: "hours", query: "SELECT hour(timestamp) AS hour, count(*) AS events\nFROM events\nWHERE timestamp > now() - INTERVAL 30 DAY\nGROUP BY hour\nORDER BY hour" },
  { key: "countries", query: "SELECT traits->>'country' AS country, count(*) AS people\nFROM profiles\nGROUP BY country\nORDER BY people DESC\nLIMIT 20" },
  { key: "merged", query: "SELECT identifiers, count(*) AS people\nFROM profiles\nGROUP BY identifiers\nORDER BY identifiers" },
  { key: "rejected", query: "SELECT reason, count(*) AS links\nFROM links\nWHERE verdict = 'rejected'\nGROUP BY reason\nORDER BY links DESC" },
];

/** quoted writes a name as SQL takes it anywhere. */
export const quoted = (name: string) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`);

type Answered = { table: Table; took: number; query: string };

/** useSchema is the columns of every table. */
function useSchema() {
  return useQueries({
    queries: tables.map((name) => ({ queryKey: ["columns", name], queryFn: ({ signal }: { signal: AbortSignal }) => sql(`SELECT * FROM ${name} LIMIT 0`, signal), staleTime: 300_000 })),
  });
}

export function Sql() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { q, run: at, view = "table" } = useSearch({ from: "/sql" });
  const [query, setQuery] = useState(q ?? examples[0].query);
  const [answer, setAnswer] = useState<Answered | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [stop, setStop] = useState<AbortController | null>(null);
  const [past, setPast] = useState<Answered[]>([]);
  const editor = useRef<EditorHandle>(null);
  const columns = useSchema();
  const known = columns.map((c) => c.dataUpdatedAt).join();
  const schema = useMemo(() => {
    const s: Schema = {};
    tables.forEach((name, n) => (s[name] = columns[n].data?.columns.map((c) => c.name) ?? []));
    return s;
    // the columns change when any of them was read
    // eslint-disable-next-line
  }, [known]);
  const run = async (what = query) => {
    stop?.abort();
    const mine = new AbortController();
    setStop(mine);
    setError(null);
    editor.current?.mark(null);
    void navigate({ to: "/sql", search: (s: Record<string, unknown>) => ({ ...s, q: what, run: undefined }), replace: true });
    const began = performance.now();
    try {
      const done = { table: await sql(what, mine.signal), took: performance.now() - began, query: what };
      setAnswer(done);
      setPast((p) => [done, ...p.filter((x) => x.query !== what)].slice(0, 20));
    } catch (e) {
      if (!mine.signal.aborted) {
        setError(e);
        const place = e instanceof Problem ? caret(what, e.detail) : null;
        if (place !== null) editor.current?.mark(place);
      }
    } finally {
      setStop((s) => (s === mine ? null : s));
    }
  };
  useEffect(() => {
    if (at === 1) {
      setQuery(q ?? query);
      void run(q ?? query);
    }
    // another screen asked for an answer by the address
    // eslint-disable-next-line
  }, [q, at]);
  return (
    <Page title={t("nav.sql")} lead={t("sql.lead")}>
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_17rem]">
        <div className="min-w-0 space-y-4">
          <Card flush>
            <Suspense fallback={<Skeleton lines={5} />}>
              <Editor ref={editor} value={query} change={setQuery} run={() => void run()} schema={schema} label={t("sql.query")} />
            </Suspense>
            <div className="flex flex-wrap items-center gap-2 border-t border-line p-2.5">
              <Button kind="main" onClick={() => void run()} disabled={!query.trim()}>
                <Play aria-hidden className="size-4" />
                {t("sql.run")}
              </Button>
              {stop && (
                <Button onClick={() => stop.abort()}>
                  <Square aria-hidden className="size-4" />
                  {t("cancel")}
                </Button>
              )}
              <kbd className="hidden rounded border border-line bg-sunken px-1.5 text-xs text-soft sm:block">{t("key.ctrl")} {t("key.enter")}</kbd>
              {stop && <span role="status" className="text-sm text-soft">{t("sql.running")}</span>}
            </div>
            {error != null && <Trouble error={error} />}
          </Card>
          {stop && !answer && <Card flush><Skeleton /></Card>}
          {answer && <Answer a={answer} dim={!!stop} view={view} show={(v) => void navigate({ to: "/sql", search: (s: Record<string, unknown>) => ({ ...s, view: v === "table" ? undefined : v }), replace: true })} />}
          {!answer && !stop && error == null && (
            <Card>
              <Empty title={t("sql.begin")}>{t("sql.beginLead")}</Empty>
            </Card>
          )}
        </div>
        <div className="space-y-4">
          <Card title={t("sql.tables")}>
            <ul className="space-y-1">
              {tables.map((name, n) => (
                <li key={name}>
                  <Fold summary={<span className="font-mono text-sm">{name}</span>}>
                    {() =>
                      columns[n].isError ? (
                        <Trouble error={columns[n].error} />
                      ) : !columns[n].data ? (
                        <Skeleton lines={3} />
                      ) : (
                        <ul className="mb-2 ml-5">
                          {columns[n].data.columns.map((c) => (
                            <li key={c.name}>
                              <button type="button" title={t("sql.insert")} onClick={() => editor.current?.insert(quoted(c.name))} className="flex min-h-6 w-full items-baseline justify-between gap-2 rounded px-1 text-left text-sm hover:bg-sunken">
                                <span className="truncate font-mono">{c.name}</span>
                                <span className="shrink-0 text-xs text-soft">{c.type}</span>
                              </button>
                            </li>
                          ))}
                        </ul>
                      )
                    }
                  </Fold>
                </li>
              ))}
            </ul>
          </Card>
          <Card title={t("sql.examples")}>
            <ul className="-mx-1.5">
              {examples.map((x) => (
                <li key={x.key}>
                  <button type="button" onClick={() => (setQuery(x.query), void run(x.query))} className="min-h-7 w-full rounded px-1.5 py-0.5 text-left hover:bg-sunken">
                    {t(`sqlex.${x.key}`)}
                  </button>
                </li>
              ))}
            </ul>
          </Card>
          {past.length > 1 && (
            <Card title={t("sql.past")}>
              <ul className="-mx-1.5">
                {past.slice(1).map((x) => (
                  <li key={x.query}>
                    <button type="button" title={x.query} onClick={() => (setQuery(x.query), setAnswer(x))} className="min-h-7 w-full truncate rounded px-1.5 py-0.5 text-left font-mono text-xs hover:bg-sunken">
                      {x.query.replaceAll(/\s+/g, " ")}
                    </button>
                  </li>
                ))}
              </ul>
              <p className="mt-1 text-sm text-soft">{t("sql.pastNote")}</p>
            </Card>
          )}
        </div>
      </div>
    </Page>
  );
}

/** caret is the place of "line 2, column 5" in a text. */
export function caret(query: string, detail: string): number | null {
  const m = /line (\d+), column (\d+)/.exec(detail);
  if (!m) return null;
  const lines = query.split("\n");
  const before = lines.slice(0, Number(m[1]) - 1).reduce((n, l) => n + l.length + 1, 0);
  return Math.min(query.length, before + Number(m[2]) - 1);
}

function Answer({ a, dim, view, show }: { a: Answered; dim: boolean; view: string; show: (v: string) => void }) {
  const { t } = useTranslation();
  const [error, setError] = useState<unknown>(null);
  const save = async () => {
    try {
      keep("kith.csv", await text("POST", "/v1/sql", { query: a.query }, "text/csv"));
      setError(null);
    } catch (e) {
      setError(e);
    }
  };
  const drawn = charted(a.table);
  return (
    <Card
      flush
      className={cx(dim && "opacity-60")}
      title={
        <span className="flex flex-wrap items-center gap-x-2 text-sm font-normal text-soft">
          <span>
            <span role="status"><Num n={a.table.rows} /> {t("sql.rows", { count: a.table.rows })}</span> · <Num n={Math.round(a.took)} /> ms · <span className="whitespace-nowrap">{t("asOf")} <When at={a.table.as_of} /></span>
          </span>
          {a.table.truncated && <Badge tone="warn">{t("sql.truncated")}</Badge>}
        </span>
      }
      action={
        <span className="flex items-center gap-2">
          {drawn && <Segmented label={t("sql.view")} value={view === "chart" ? "chart" : "table"} change={show} options={[{ value: "table", label: t("sql.table") }, { value: "chart", label: t("sql.chart") }]} />}
          <Button small onClick={save}>
            <Download aria-hidden className="size-4" />
            CSV
          </Button>
        </span>
      }
    >
      {error != null && <Trouble error={error} />}
      {a.table.data.length === 0 ? (
        <Empty title={t("sql.noRows")}>{t("sql.noRowsLead")}</Empty>
      ) : view === "chart" && drawn ? (
        <Drawn d={drawn} table={a.table} />
      ) : (
        <Grid table={a.table} />
      )}
    </Card>
  );
}

const numeric = /INT|DECIMAL|DOUBLE|FLOAT|HUGEINT/;
const pointsMax = 400;

type Drawing = { x: string; ys: string[]; time: boolean };

/** charted is how an answer can be drawn, null when it cannot: a first column of
 * places, and columns of numbers. */
export function charted(table: Table): Drawing | null {
  if (table.data.length < 2 || table.columns.length < 2) return null;
  const time = table.columns.find((c) => /DATE|TIME/.test(c.type));
  const x = time ?? table.columns.find((c) => !numeric.test(c.type)) ?? table.columns[0];
  const ys = table.columns.filter((c) => c !== x && numeric.test(c.type)).slice(0, 4);
  return ys.length > 0 ? { x: x.name, ys: ys.map((c) => c.name), time: !!time } : null;
}

function Drawn({ d, table }: { d: Drawing; table: Table }) {
  const { t, i18n } = useTranslation();
  const rows = [...table.data].slice(0, pointsMax);
  if (d.time) rows.sort((a, b) => String(a[d.x]).localeCompare(String(b[d.x])));
  const points: Point[] = rows.map((r, n) => {
    const v = r[d.x];
    const moment = isMoment(v) || (d.time && typeof v === "string");
    return { key: `${n}`, label: moment ? date(String(v), i18n.language) : plain(v), short: moment ? dayMonth(String(v), i18n.language) : plain(v).slice(0, 10), values: d.ys.map((y) => Number(r[y] ?? 0)) };
  });
  return (
    <div className="p-4">
      <Chart label={t("sql.answer")} kind={d.time && points.length > 20 ? "lines" : "bars"} height={320} points={points} series={d.ys.map((name) => ({ name }))} />
      {table.data.length > pointsMax && <p className="mt-2 text-sm text-soft">{t("sql.drawnSome", { n: pointsMax })}</p>}
    </div>
  );
}

function Grid({ table }: { table: Table }) {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: table.data.length, getScrollElement: () => box.current, estimateSize: () => 32, overscan: 12 });
  const items = rows.getVirtualItems();
  const above = items[0]?.start ?? 0;
  const below = rows.getTotalSize() - (items.at(-1)?.end ?? 0);
  const navigate = useNavigate();
  return (
    <div ref={box} tabIndex={0} role="region" aria-label={t("sql.answer")} className="max-h-[60vh] overflow-auto">
      <table className="w-full border-collapse text-left text-sm">
        <thead className="sticky top-0 bg-sunken">
          <tr>
            {table.columns.map((c) => (
              <th key={c.name} scope="col" title={c.type} className={cx("px-3 py-1.5 font-medium whitespace-nowrap", numeric.test(c.type) && "text-right")}>
                {c.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {above > 0 && <tr aria-hidden><td colSpan={table.columns.length} height={above} /></tr>}
          {items.map((v) => (
            <tr key={v.key} className="h-8 border-t border-line hover:bg-sunken/60">
              {table.columns.map((c) => {
                const value = table.data[v.index][c.name];
                return (
                  <td key={c.name} className={cx("max-w-96 truncate px-3 whitespace-nowrap", numeric.test(c.type) && "text-right")} title={plain(value)}>
                    {c.name === "profile_id" && typeof value === "string" ? (
                      <button type="button" className="min-h-6 rounded text-accent hover:underline" onClick={() => void navigate({ to: "/profiles/$ref", params: { ref: `id:${value}` } })}>
                        {value}
                      </button>
                    ) : (
                      plain(value)
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
          {below > 0 && <tr aria-hidden><td colSpan={table.columns.length} height={below} /></tr>}
        </tbody>
      </table>
    </div>
  );
}
