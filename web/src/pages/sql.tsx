// Questions in SQL over the open tables.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { Download, Play, Square } from "lucide-react";
import { type KeyboardEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Problem, sql, type Table, text } from "../api";
import { plain } from "../format";
import { Area, Badge, Button, Card, cx, Empty, Fold, Num, Skeleton, Trouble, When } from "../ui/kit";
import { Page } from "./page";

const tables = ["events", "profiles", "identifiers", "links", "traits_history"];
const examples = [
  { key: "sql.ex.sources", query: "SELECT source, count(*) AS events, max(timestamp) AS last\nFROM events\nGROUP BY source\nORDER BY events DESC" },
  { key: "sql.ex.days", query: "SELECT date_trunc('day', timestamp) AS day, count(*) AS events\nFROM events\nGROUP BY day\nORDER BY day DESC\nLIMIT 30" },
  { key: "sql.ex.names", query: "SELECT name, count(*) AS events, count(DISTINCT profile_id) AS people\nFROM events\nWHERE type = 'track'\nGROUP BY name\nORDER BY people DESC" },
];

/** quoted writes a name as SQL takes it anywhere. */
export const quoted = (name: string) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`);

export function Sql() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { q } = useSearch({ from: "/sql" });
  const [query, setQuery] = useState(q ?? examples[0].query);
  const [answer, setAnswer] = useState<{ table: Table; took: number; query: string } | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [stop, setStop] = useState<AbortController | null>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  const run = async () => {
    stop?.abort();
    const mine = new AbortController();
    setStop(mine);
    setError(null);
    void navigate({ to: "/sql", search: { q: query }, replace: true });
    const began = performance.now();
    try {
      setAnswer({ table: await sql(query, mine.signal), took: performance.now() - began, query });
    } catch (e) {
      if (!mine.signal.aborted) {
        setError(e);
        mark(e);
      }
    } finally {
      setStop((s) => (s === mine ? null : s));
    }
  };
  const mark = (e: unknown) => {
    const at = e instanceof Problem ? caret(query, e.detail) : null;
    if (at !== null) {
      area.current?.focus();
      area.current?.setSelectionRange(at, at + 1);
    }
  };
  const key = (e: KeyboardEvent) => {
    if ((e.ctrlKey || e.metaKey) && e.key === "Enter") {
      e.preventDefault();
      void run();
    }
  };
  return (
    <Page title={t("nav.sql")} lead={t("sql.lead")}>
      <div className="grid items-start gap-4 lg:grid-cols-[1fr_17rem]">
        <div className="min-w-0 space-y-4">
          <Card flush>
            <Area ref={area} aria-label={t("sql.query")} rows={Math.min(16, Math.max(6, query.split("\n").length + 1))} value={query} onChange={(e) => setQuery(e.target.value)} onKeyDown={key} className="!rounded-none !rounded-t-lg !border-0 !border-b !border-line !p-4 focus-visible:!-outline-offset-2" />
            <div className="flex flex-wrap items-center gap-2 p-2.5">
              <Button kind="main" onClick={run} disabled={!query.trim()}>
                <Play aria-hidden className="size-4" />
                {t("sql.run")}
              </Button>
              {stop && (
                <Button onClick={() => stop.abort()}>
                  <Square aria-hidden className="size-4" />
                  {t("cancel")}
                </Button>
              )}
              <span className="text-sm text-soft">Ctrl+Enter</span>
              <span className="ml-auto flex flex-wrap gap-1.5">
                {examples.map((x) => (
                  <Button key={x.key} small kind="quiet" onClick={() => setQuery(x.query)}>
                    {t(x.key)}
                  </Button>
                ))}
              </span>
            </div>
            {error != null && <Trouble error={error} />}
          </Card>
          {stop && !answer && <Card flush><Skeleton /></Card>}
          {answer && <Answer a={answer} dim={!!stop} />}
        </div>
        <Card title={t("sql.tables")}>
          <ul className="space-y-1">
            {tables.map((name) => (
              <li key={name}>
                <Fold summary={<span className="font-mono text-sm">{name}</span>}>
                  {() => (
                    <Columns
                      table={name}
                      pick={(c) => {
                        const at = area.current?.selectionStart ?? query.length;
                        setQuery(query.slice(0, at) + quoted(c) + query.slice(at));
                        area.current?.focus();
                      }}
                    />
                  )}
                </Fold>
              </li>
            ))}
          </ul>
        </Card>
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

function Columns({ table, pick }: { table: string; pick: (c: string) => void }) {
  const { t } = useTranslation();
  const q = useQuery({ queryKey: ["columns", table], queryFn: ({ signal }) => sql(`SELECT * FROM ${table} LIMIT 0`, signal), staleTime: 60_000 });
  if (q.isPending) return <Skeleton lines={3} />;
  if (q.isError) return <Trouble error={q.error} />;
  return (
    <ul className="mb-2 ml-5">
      {q.data.columns.map((c) => (
        <li key={c.name}>
          <button type="button" title={t("sql.insert")} onClick={() => pick(c.name)} className="flex min-h-6 w-full items-baseline justify-between gap-2 rounded px-1 text-left text-sm hover:bg-sunken">
            <span className="truncate font-mono">{c.name}</span>
            <span className="text-xs text-soft">{c.type}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Answer({ a, dim }: { a: { table: Table; took: number; query: string }; dim: boolean }) {
  const { t } = useTranslation();
  const [error, setError] = useState<unknown>(null);
  const save = async () => {
    try {
      const csv = await text("POST", "/v1/sql", { query: a.query }, "text/csv");
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([csv], { type: "text/csv" }));
      link.download = "kith.csv";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
      setError(null);
    } catch (e) {
      setError(e);
    }
  };
  return (
    <Card
      flush
      className={cx(dim && "opacity-60")}
      title={
        <span className="flex flex-wrap items-center gap-2 text-sm font-normal text-soft">
          <span role="status"><Num n={a.table.rows} /> {t("sql.rows")}</span>· <Num n={Math.round(a.took)} /> ms · {t("asOf")} <When at={a.table.as_of} />
          {a.table.truncated && <Badge tone="warn">{t("sql.truncated")}</Badge>}
        </span>
      }
      action={
        <Button small onClick={save}>
          <Download aria-hidden className="size-4" />
          CSV
        </Button>
      }
    >
      {error != null && <Trouble error={error} />}
      {a.table.data.length === 0 ? <Empty title={t("sql.noRows")} /> : <Grid table={a.table} />}
    </Card>
  );
}

const numeric = /INT|DECIMAL|DOUBLE|FLOAT|HUGEINT/;

function Grid({ table }: { table: Table }) {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: table.data.length, getScrollElement: () => box.current, estimateSize: () => 32, overscan: 12 });
  const items = rows.getVirtualItems();
  const above = items[0]?.start ?? 0;
  const below = rows.getTotalSize() - (items.at(-1)?.end ?? 0);
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
            <tr key={v.key} className="h-8 border-t border-line">
              {table.columns.map((c) => (
                <td key={c.name} className={cx("max-w-96 truncate px-3 whitespace-nowrap", numeric.test(c.type) && "text-right")} title={plain(table.data[v.index][c.name])}>
                  {plain(table.data[v.index][c.name])}
                </td>
              ))}
            </tr>
          ))}
          {below > 0 && <tr aria-hidden><td colSpan={table.columns.length} height={below} /></tr>}
        </tbody>
      </table>
    </div>
  );
}
