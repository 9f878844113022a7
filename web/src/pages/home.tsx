// What moved, whether all is well, and what to do next.
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { ArrowDownRight, ArrowRight, ArrowUpRight, Check, Circle, CircleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { call, get, type Page, type Where } from "../api";
import { lastUsed, useSegments, useSources, useStatus } from "../data";
import { date, dayMonth, money, num, percent } from "../format";
import { callTitle } from "../kinds";
import { type Day, type Period, placed, readAgain, readDays, readMovers, readPeople, readPeriods, rowsOf } from "../kpis";
import { Chart, Spark } from "../ui/chart";
import { Badge, Card, Code, cx, Empty, Num, Segmented, Skeleton, Trouble, When } from "../ui/kit";
import { Page as Whole } from "./page";
import { snippet } from "./snippets";

const ranges = [7, 30, 90];

export function Home() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ from: "/" });
  const days = ranges.includes(search.days ?? 0) ? search.days! : 30;
  const status = useStatus();
  const people = useQuery({ queryKey: ["kpi", "people", days], queryFn: ({ signal }) => readPeople(days, signal), staleTime: 30_000 });
  const empty = people.data?.people === 0 && status.data?.accepted === 0;
  return (
    <Whole
      title={t("nav.home")}
      lead={t("home.lead")}
      action={<Segmented label={t("home.range")} value={String(days)} change={(v) => void navigate({ to: "/", search: { days: Number(v) === 30 ? undefined : Number(v) }, replace: true })} options={ranges.map((d) => ({ value: String(d), label: t("home.days", { count: d }) }))} />}
    >
      {status.isError && <Trouble error={status.error} retry={() => status.refetch()} />}
      <Health />
      {empty ? (
        <First />
      ) : (
        <>
          <Numbers days={days} people={people} />
          <div className="mt-4 grid items-start gap-4 xl:grid-cols-[1fr_22rem]">
            <Activity days={days} />
            <div className="grid gap-4 md:grid-cols-2 xl:grid-cols-1">
              <Changes days={days} />
              {people.data && <Checklist people={people.data.people} />}
            </div>
          </div>
        </>
      )}
    </Whole>
  );
}

type Opened = { to: string; search?: Record<string, unknown> };

/** Stat is one number with where it came from: its change, its course, and its rows. */
function Stat({ label, value, before, now, course, open, note, pending, error }: { label: string; value: ReactNode; before?: number; now?: number; course?: number[]; open: Opened; note?: ReactNode; pending: boolean; error?: boolean }) {
  return (
    <Link to={open.to as "/"} search={open.search as never} className="group flex min-w-0 flex-col rounded-lg border border-line bg-panel px-4 pt-3 pb-2.5 hover:border-accent compact:px-3 compact:pt-2">
      <span className="flex items-center justify-between gap-2">
        <span className="text-soft">{label}</span>
        <ArrowRight aria-hidden className="size-3.5 shrink-0 text-transparent group-hover:text-accent max-sm:hidden" />
      </span>
      <span className="flex flex-wrap items-baseline gap-x-2 max-sm:flex-col">
        <span className="text-2xl font-semibold tracking-tight">{pending ? <span className="text-soft">…</span> : error ? "–" : value}</span>
        {now !== undefined && before !== undefined && !pending && !error && <Delta now={now} before={before} />}
      </span>
      {course ? <Spark values={course} className="mt-auto pt-1" height={26} /> : <span className="mt-auto flex min-h-[26px] items-end pt-1 text-sm text-soft">{note}</span>}
    </Link>
  );
}

/** Delta compares with the period before. */
function Delta({ now, before }: { now: number; before: number }) {
  const { t, i18n } = useTranslation();
  if (before === 0) return now === 0 ? null : <span className="text-sm text-soft">{t("home.new")}</span>;
  const share = (now - before) / before;
  const Icon = share > 0.005 ? ArrowUpRight : share < -0.005 ? ArrowDownRight : ArrowRight;
  return (
    <span title={t("home.against", { n: num(Math.round(before * 100) / 100, i18n.language) })} className={cx("inline-flex items-baseline gap-0.5 text-sm font-medium whitespace-nowrap [&>svg]:self-center", share > 0.005 ? "text-good" : share < -0.005 ? "text-bad" : "text-soft")}>
      <Icon aria-hidden className="size-3.5" />
      {percent(Math.abs(share), i18n.language)}
      <span className="sr-only"> {t(share < 0 ? "home.less" : "home.more")}</span>
    </span>
  );
}

const reachable = (purpose: string | undefined): Where => ({ all: [{ trait: "email", op: "exists" }, ...(purpose ? [{ consent: { purpose, channel: "email" }, op: "granted" }] : [])] });
const bought = (days: number, times: number): Where => ({ all: [{ event: placed, count: { op: "gte", value: times }, window: { last: `${days}d` } }] });

function Numbers({ days, people }: { days: number; people: { data?: Awaited<ReturnType<typeof readPeople>>; isPending: boolean; isError: boolean } }) {
  const { t, i18n } = useTranslation();
  const l = i18n.language;
  const course = useQuery({ queryKey: ["kpi", "days", days], queryFn: ({ signal }) => readDays(days, signal), staleTime: 30_000 });
  const periods = useQuery({ queryKey: ["kpi", "periods", days], queryFn: ({ signal }) => readPeriods(days, signal), staleTime: 30_000 });
  const again = useQuery({ queryKey: ["kpi", "again"], queryFn: ({ signal }) => readAgain(signal), staleTime: 60_000 });
  const purposes = useQuery({ queryKey: ["purposes"], queryFn: () => get<Page<{ key: string }>>("/v1/purposes?limit=200"), staleTime: 60_000 });
  const purpose = purposes.data?.data.find((p) => p.key === "marketing")?.key ?? purposes.data?.data[0]?.key;
  const reach = useQuery({
    queryKey: ["kpi", "reach", purpose],
    queryFn: ({ signal }) => call<{ size: number; exact: boolean; as_of: string }>("POST", "/v1/segments:preview", { where: reachable(purpose), sample: 0 }, signal),
    enabled: purposes.isSuccess,
    staleTime: 60_000,
  });
  const { now, before } = periods.data ?? { now: none, before: none };
  const line = (f: (d: Day) => number) => course.data?.days.map(f);
  const p = people.data;
  const average = (x: Period) => (x.orders ? x.revenue / x.orders : 0);
  const query = (q: string): Opened => ({ to: "/sql", search: { q, run: 1 } });
  const builder = (where: Where, name: string): Opened => ({ to: "/segments/new", search: { where, name } });
  return (
    <>
      <div className="grid grid-cols-2 gap-3 lg:grid-cols-4">
        <Stat label={t("kpi.active")} value={<Num n={now.active} />} now={now.active} before={before.active} course={line((d) => d.people)} open={query(rowsOf.active(days))} pending={periods.isPending} error={periods.isError} />
        <Stat label={t("kpi.new")} value={<Num n={p?.fresh ?? 0} />} now={p?.fresh} before={p?.freshBefore} course={p?.arrivals} open={query(rowsOf.fresh(days))} pending={people.isPending} error={people.isError} />
        <Stat label={t("kpi.orders")} value={<Num n={now.orders} />} now={now.orders} before={before.orders} course={line((d) => d.orders)} open={query(rowsOf.orders(days))} pending={periods.isPending} error={periods.isError} />
        <Stat label={t("kpi.revenue")} value={money(now.revenue, l, now.currency)} now={now.revenue} before={before.revenue} course={line((d) => d.revenue)} open={query(rowsOf.revenue(days))} pending={periods.isPending} error={periods.isError} />
        <Stat label={t("kpi.average")} value={money(average(now), l, now.currency)} now={average(now)} before={average(before)} open={query(rowsOf.orders(days))} pending={periods.isPending} error={periods.isError} note={periods.data && t("kpi.buyers", { count: now.buyers, n: num(now.buyers, l) })} />
        <Stat label={t("kpi.again")} value={again.data?.buyers ? percent(again.data.again / again.data.buyers, l) : "–"} open={builder(bought(365, 2), t("kpi.againName"))} pending={again.isPending} error={again.isError} note={again.data && t("kpi.againOf", { count: again.data.again, n: num(again.data.again, l), of: num(again.data.buyers, l) })} />
        <Stat label={t("kpi.reach")} value={<>{reach.data?.exact === false && "≈ "}<Num n={reach.data?.size ?? 0} /></>} open={builder(reachable(purpose), t("template.reachable"))} pending={reach.isPending} error={reach.isError || purposes.isError} note={p && p.people > 0 && reach.data ? t("kpi.share", { share: percent(reach.data.size / p.people, l) }) : undefined} />
        <Stat label={t("kpi.known")} value={p?.people ? percent(p.known / p.people, l) : "–"} open={query(rowsOf.known())} pending={people.isPending} error={people.isError} note={p && t("kpi.knownOf", { count: p.known, n: num(p.known, l), of: num(p.people, l) })} />
      </div>
      <p className="mt-1.5 text-sm text-soft">
        {t("home.compared", { count: days })}
        {course.data && <> · {t("exact")} · <span className="whitespace-nowrap">{t("asOf")} <When at={course.data.as_of} /></span></>}
      </p>
      {(periods.isError || people.isError) && <Trouble error={periods.error} retry={() => void periods.refetch()} />}
    </>
  );
}

const none: Period = { events: 0, active: 0, orders: 0, revenue: 0, buyers: 0 };

function Activity({ days }: { days: number }) {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const q = useQuery({ queryKey: ["kpi", "days", days], queryFn: ({ signal }) => readDays(days, signal), staleTime: 30_000 });
  const label = t("home.activity", { n: days });
  return (
    <Card title={label} action={<span className="text-sm text-soft">{t("home.pickDay")}</span>} flush={!q.data}>
      {q.isPending && <Skeleton />}
      {q.isError && <Trouble error={q.error} retry={() => q.refetch()} />}
      {q.data &&
        (q.data.days.every((d) => d.events === 0) ? (
          <p className="text-soft">{t("home.noActivity")}</p>
        ) : (
          <Chart
            label={label}
            height={270}
            series={[{ name: t("col.events") }]}
            points={q.data.days.map((d) => ({ key: d.day, label: date(d.day, i18n.language), short: dayMonth(d.day, i18n.language), values: [d.events] }))}
            pick={(day) => void navigate({ to: "/sql", search: { q: rowsOf.day(day), run: 1 } })}
          />
        ))}
    </Card>
  );
}

/** Changes are the events whose number moved most against the period before. */
function Changes({ days }: { days: number }) {
  const { t, i18n } = useTranslation();
  const q = useQuery({ queryKey: ["kpi", "movers", days], queryFn: ({ signal }) => readMovers(days, signal), staleTime: 60_000 });
  const movers = (q.data ?? []).filter((m) => Math.abs(m.now - m.before) >= Math.max(5, 0.05 * m.before)).slice(0, 5);
  return (
    <Card title={t("home.changed")} flush>
      {q.isPending && <Skeleton />}
      {q.isError && <Trouble error={q.error} retry={() => q.refetch()} />}
      {q.data && movers.length === 0 && <p className="px-4 py-3 text-soft">{t("home.unchanged")}</p>}
      <ul className="divide-y divide-line">
        {movers.map((m) => (
          <li key={m.name}>
            <Link to={"/sql" as "/"} search={{ q: rowsOf.named(m.name, days), run: 1 } as never} className="flex items-baseline gap-3 px-4 py-1.5 hover:bg-sunken">
              <span className="min-w-0 flex-1 truncate font-medium">{callTitle(m.name)}</span>
              <span className="shrink-0 text-sm text-soft">{t("home.fromTo", { from: num(m.before, i18n.language), to: num(m.now, i18n.language) })}</span>
              <span className="w-16 shrink-0 text-right"><Delta now={m.now} before={m.before} /></span>
            </Link>
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** Health says in one line whether anything needs looking after. */
function Health() {
  const { t, i18n } = useTranslation();
  const status = useStatus();
  const sources = useSources();
  const s = status.data;
  if (!s) return null;
  const quiet = (sources.data?.data ?? []).filter((x) => x.enabled && lastUsed(x) && Date.now() - Date.parse(lastUsed(x)!) > 86_400_000);
  const waits = s.wave.due - s.wave.done;
  const items: { key: string; bad: boolean; text: string; to: string }[] = [
    { key: "fold", bad: s.lag > 1000, text: s.lag > 0 ? t("health.lag", { count: s.lag, n: num(s.lag, i18n.language) }) : t("health.folded"), to: "/live" },
    { key: "tables", bad: s.analytics_lag_ms > 120_000, text: s.analytics_lag_ms > 60_000 ? t("health.tablesBehind", { n: num(Math.round(s.analytics_lag_ms / 1000), i18n.language) }) : t("health.tables"), to: "/sql" },
    ...(waits > 0 ? [{ key: "wave", bad: false, text: t("health.wave", { count: waits, n: num(waits, i18n.language) }), to: "/segments" }] : []),
    { key: "held", bad: s.quarantined > 0, text: s.quarantined > 0 ? t("health.held", { count: s.quarantined, n: num(s.quarantined, i18n.language) }) : t("health.noneHeld"), to: "/quarantine" },
    { key: "sources", bad: quiet.length > 0, text: quiet.length > 0 ? t("health.quiet", { names: quiet.map((x) => x.name).join(", ") }) : t("health.sources"), to: "/sources" },
  ];
  return (
    <ul aria-label={t("health.title")} className="mb-4 flex flex-wrap gap-x-5 gap-y-1 rounded-lg border border-line bg-panel px-4 py-2 text-sm">
      {items.map((i) => (
        <li key={i.key} className="min-w-0">
          <Link to={i.to as "/"} className="inline-flex max-w-full items-center gap-1.5 rounded hover:underline">
            {i.bad ? <CircleAlert aria-hidden className="size-4 shrink-0 text-warn" /> : <Check aria-hidden className="size-4 shrink-0 text-good" />}
            <span className={cx("truncate", i.bad ? "font-medium text-ink" : "text-soft")}>{i.text}</span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

/** First is what to do where nothing is yet. */
function First() {
  const { t } = useTranslation();
  const sources = useSources();
  const key = (sources.data?.data.find((s) => s.key === "default") ?? sources.data?.data[0])?.write_key;
  return (
    <div className="grid items-start gap-4 lg:grid-cols-2">
      <Card title={t("first.send")}>
        <p className="mb-3 text-soft">{t("first.sendLead")}</p>
        {key ? <Code text={snippet("curl", location.origin, key)} label="curl" /> : <Skeleton />}
        <p className="mt-3 flex items-center gap-2 text-soft" role="status">
          <span aria-hidden className="size-2.5 animate-pulse rounded-full bg-warn" />
          {t("first.waiting")}
        </p>
        <p className="mt-3"><Link to="/sources" className="text-accent hover:underline">{t("first.ways")}</Link></p>
      </Card>
      <Card title={t("first.demo")}>
        <p className="mb-3 text-soft">{t("first.demoLead")}</p>
        <Code text="kith demo" label={t("profiles.demo")} />
      </Card>
    </div>
  );
}

/** Checklist is derived from what is there and never ticked by hand. */
function Checklist({ people }: { people: number }) {
  const { t } = useTranslation();
  const sources = useSources();
  const segments = useSegments();
  const traits = useQuery({ queryKey: ["traits"], queryFn: () => get<Page<{ key: string }>>("/v1/traits?limit=200"), staleTime: 60_000 });
  const status = useStatus();
  const used = sources.data?.data.filter((s) => lastUsed(s)).length ?? 0;
  const items = [
    { done: used > 0, label: t("check.send"), to: "/sources" },
    { done: people > 0, label: t("check.people"), to: "/profiles" },
    { done: used > 1, label: t("check.second"), to: "/sources" },
    { done: (traits.data?.data.length ?? 0) > 0, label: t("check.trait"), to: "/traits" },
    { done: (segments.data?.data.length ?? 0) > 0, label: t("check.segment"), to: "/segments" },
    { done: status.data?.quarantined === 0, label: t("check.held"), to: "/quarantine" },
  ];
  const done = items.filter((i) => i.done).length;
  if (sources.isError) return <Trouble error={sources.error} retry={() => sources.refetch()} />;
  if (done === items.length || sources.isPending || segments.isPending || traits.isPending || !status.data) return null;
  return (
    <Card title={t("check.title")} action={<Badge tone="accent">{done} / {items.length}</Badge>}>
      <ul>
        {items.map((i) => (
          <li key={i.label}>
            <Link to={i.to as "/"} className="flex items-center gap-2.5 rounded px-1 py-1 hover:bg-sunken">
              {i.done ? <Check aria-hidden className="size-4.5 shrink-0 text-good" /> : <Circle aria-hidden className="size-4.5 shrink-0 text-soft" />}
              <span className={i.done ? "text-soft" : "font-medium"}>{i.label}</span>
              <span className="sr-only">{t(i.done ? "check.done" : "check.open")}</span>
            </Link>
          </li>
        ))}
      </ul>
      {sources.data?.data.length === 0 && <Empty title={t("sources.none")} />}
    </Card>
  );
}
