// What came in, whether all is well, and what to do next.
import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { Check, Circle } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { get, type Page, sql, type Source } from "../api";
import { Page as Whole } from "./page";
import { useStatus } from "../shell";
import { DayBars } from "../ui/bars";
import { Badge, Card, cx, Empty, Num, Skeleton, Trouble, When } from "../ui/kit";
import { useSegments } from "./memberships";

export const useSources = () => useQuery({ queryKey: ["sources"], queryFn: ({ signal }) => get<Page<Source>>("/v1/sources?limit=200", signal), refetchInterval: 10_000 });

const daysShown = 30;
const daily = `SELECT date_trunc('day', timestamp) AS day, count(*) AS n FROM events WHERE timestamp > now() - INTERVAL ${daysShown} DAY GROUP BY 1 ORDER BY 1`;

/** lastUsed is when anything last came by any key of a source. */
export const lastUsed = (s: Source) =>
  s.write_keys
    .map((k) => k.last_used_at)
    .filter((x): x is string => !!x)
    .sort()
    .at(-1) ?? null;

export function Home() {
  const { t } = useTranslation();
  const status = useStatus();
  const people = useQuery({ queryKey: ["sql", "people"], queryFn: ({ signal }) => sql("SELECT count(*) AS n FROM profiles", signal), staleTime: 30_000 });
  return (
    <Whole title={t("nav.home")} lead={t("home.lead")}>
      {status.isError && <Trouble error={status.error} retry={() => status.refetch()} />}
      <div className="mb-4 grid grid-cols-2 gap-3 lg:grid-cols-4 lg:gap-4">
        <Tile label={t("home.people")} to="/profiles" n={people.isError ? undefined : people.data ? Number(people.data.data[0].n) : null} note={people.data && <>{t("asOf")} <When at={people.data.as_of} /></>} />
        <Tile label={t("home.accepted")} to="/live" n={status.data?.accepted ?? null} note={status.data && <>{t("home.repeats")} <Num n={status.data.repeats} /></>} />
        <Tile label={t("home.lag")} to="/live" n={status.data?.lag ?? null} good={status.data?.lag === 0} note={status.data && t(status.data.lag === 0 ? "home.lagNone" : "home.lagSome")} />
        <Tile label={t("home.held")} to="/quarantine" n={status.data?.quarantined ?? null} warn={(status.data?.quarantined ?? 0) > 0} note={t("home.heldNote")} />
      </div>
      <div className="grid items-start gap-4 lg:grid-cols-[1fr_21rem]">
        <div className="min-w-0 space-y-4">
          <Activity />
          <SourceList />
        </div>
        <Checklist people={people.data ? Number(people.data.data[0].n) : 0} />
      </div>
    </Whole>
  );
}

function Tile({ label, n, note, to, good, warn }: { label: string; n: number | null | undefined; note?: ReactNode; to: string; good?: boolean; warn?: boolean }) {
  return (
    <Link to={to as "/"} className="min-w-0 rounded-lg border border-line bg-panel px-4 py-3 hover:border-accent compact:py-2">
      <p className="truncate text-soft" title={label}>{label}</p>
      <p className={cx("text-2xl font-semibold", good && "text-good", warn && "text-warn")}>{n === null ? "…" : n === undefined ? "–" : <Num n={n} />}</p>
      <p className="truncate text-sm text-soft">{note ?? " "}</p>
    </Link>
  );
}

function Activity() {
  const { t } = useTranslation();
  const q = useQuery({ queryKey: ["sql", "daily"], queryFn: ({ signal }) => sql(daily, signal), staleTime: 30_000 });
  return (
    <Card title={t("home.activity", { n: daysShown })} flush={!q.data}>
      {q.isPending && <Skeleton />}
      {q.isError && <Trouble error={q.error} retry={() => q.refetch()} />}
      {q.data && (q.data.data.length === 0 ? <p className="text-soft">{t("home.noActivity")}</p> : <DayBars label={t("home.activity", { n: daysShown })} days={filled(q.data.data.map((r) => ({ day: String(r.day), n: Number(r.n) })))} />)}
    </Card>
  );
}

/** filled puts in the days on which nothing came. */
export function filled(days: { day: string; n: number }[]): { day: string; n: number }[] {
  const have = new Map(days.map((d) => [d.day.slice(0, 10), d.n]));
  const out: { day: string; n: number }[] = [];
  const last = Date.parse(days.at(-1)!.day.slice(0, 10));
  for (let at = Date.parse(days[0].day.slice(0, 10)); at <= last; at += 86_400_000) {
    const day = new Date(at).toISOString();
    out.push({ day, n: have.get(day.slice(0, 10)) ?? 0 });
  }
  return out;
}

function SourceList() {
  const { t } = useTranslation();
  const sources = useSources();
  return (
    <Card title={t("nav.sources")} flush action={<Link to={"/sources" as "/"} className="text-sm text-accent hover:underline">{t("home.allSources")}</Link>}>
      {sources.isPending && <Skeleton />}
      {sources.isError && <Trouble error={sources.error} retry={() => sources.refetch()} />}
      <ul className="divide-y divide-line">
        {sources.data?.data.map((s) => (
          <li key={s.key} className="flex flex-wrap items-center gap-x-3 px-4 py-2 compact:py-1">
            <span className="font-medium">{s.name}</span>
            {!s.enabled && <Badge tone="warn">{t("source.off")}</Badge>}
            <span className="ml-auto text-sm text-soft">{lastUsed(s) ? <>{t("source.last")} <When at={lastUsed(s)} /></> : t("source.never")}</span>
          </li>
        ))}
      </ul>
      {sources.data?.data.length === 0 && <Empty title={t("sources.none")} />}
    </Card>
  );
}

/** Checklist is derived from what is there and never ticked by hand. */
function Checklist({ people }: { people: number }) {
  const { t } = useTranslation();
  const sources = useSources();
  const segments = useSegments();
  const status = useStatus();
  const items = [
    { done: !!sources.data?.data.some((s) => lastUsed(s)), label: t("check.send"), to: "/sources" },
    { done: people > 0, label: t("check.people"), to: "/profiles" },
    { done: (sources.data?.data.filter((s) => lastUsed(s)).length ?? 0) > 1, label: t("check.second"), to: "/sources" },
    { done: (segments.data?.data.length ?? 0) > 0, label: t("check.segment"), to: "/segments" },
    { done: status.data?.quarantined === 0, label: t("check.held"), to: "/quarantine" },
  ];
  const done = items.filter((i) => i.done).length;
  return (
    <Card title={t("check.title")} action={<span className="text-sm text-soft">{done}/{items.length}</span>}>
      <ul className="space-y-1">
        {items.map((i) => (
          <li key={i.label}>
            <Link to={i.to as "/"} className="flex items-center gap-2.5 rounded px-1 py-1.5 hover:bg-sunken">
              {i.done ? <Check aria-hidden className="size-4.5 shrink-0 text-good" /> : <Circle aria-hidden className="size-4.5 shrink-0 text-soft" />}
              <span className={i.done ? "text-soft" : "font-medium"}>{i.label}</span>
              <span className="sr-only">{t(i.done ? "check.done" : "check.open")}</span>
            </Link>
          </li>
        ))}
      </ul>
    </Card>
  );
}
