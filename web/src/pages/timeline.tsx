// Everything that happened with a customer, newest first, as far back as anybody
// scrolls: what they did, what they said, what became of their profile.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { GitMerge, type LucideIcon, ShieldCheck, Tags } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import i18next from "i18next";
import { useTranslation } from "react-i18next";
import { enc, get, type KithEvent, type Page, type Profile, refPath, sql } from "../api";
import { fieldName, usePurposeName, useSegments, useSourceName } from "../data";
import { clock, date, day, isMoment, money, num, plain, spaced } from "../format";
import { eventIcon, eventTitle, type Subject, subjectOf, subjects } from "../kinds";
import { Chart } from "../ui/chart";
import { Button, cx, Dialog, Empty, Fold, Input, Json, Segmented, Skeleton, Trouble } from "../ui/kit";
import { type Audited, useAudit } from "./identity";
import { useSaid } from "./consents";
import { Trace } from "./trace";

/** leads are the properties that say what an event is about, which need no name. */
const leads = ["name", "title", "query", "email_subject", "subject", "topic", "campaign_name", "path", "order_id"];

/** leadOf is the property that says what an event is about. */
function leadOf(e: KithEvent): [string, string] | undefined {
  const p = e.properties ?? {};
  const key = leads.find((k) => (typeof p[k] === "string" && p[k] !== e.name) || (k === "order_id" && typeof p[k] === "number"));
  return key === undefined ? undefined : [key, String(p[key])];
}

/** lineOf is in a few words what an event is about: its amount or its subject, else its whole line. */
export function lineOf(e: KithEvent, language: string): string {
  return (subjectOf(e) === "orders" && amountOf(e, language)) || leadOf(e)?.[1] || eventLine(e, language);
}

// What says nothing to a reader who sees the event: ids, and what stands beside it.
const untold = /(^|_)id$|Id$|^(currency|line_count|campaign_name|createdAt|created_at)$/;

// What says by itself what it is.
const plainWords = /^(e-?mail|phone|first_?name|last_?name|name)$/i;

/** eventLine is the content of an event in one line: what it is about, and what else is plain in it. */
export function eventLine(e: KithEvent, language: string): string {
  const content = e.properties ?? e.traits ?? {};
  const lead = leadOf(e);
  const currency = typeof content.currency === "string" ? content.currency : undefined;
  const rest = Object.entries(content).map(([k, v]) => {
    if (v === null || k === lead?.[0] || v === lead?.[1] || v === e.name || untold.test(k)) return null;
    if (subjectOf(e) === "orders" && (k === "revenue" || k === "total")) return null;
    if (Array.isArray(v) && v.some((x) => typeof x === "object")) return k === "products" ? i18next.t("orders.lines", { count: v.length }) : `${spaced(k)} ×${v.length}`;
    if (v !== null && typeof v === "object" && !Array.isArray(v)) return null;
    const text = typeof v === "number" ? (currency && /^(value|price|revenue|total|tax|shipping|discount)$/.test(k) ? money(v, language, currency) : num(v, language)) : isMoment(v) ? date(v, language) : typeof v === "boolean" ? i18next.t(v ? "yes" : "no") : plain(v);
    const itself = (k === "value" && currency) || (e.type === "identify" && plainWords.test(k));
    return itself ? text : `${fieldName(i18next.t, k)} ${text}`;
  });
  return [lead?.[1], ...rest].filter(Boolean).join(" · ");
}

/** amountOf is what an order is worth, null of anything else. */
export function amountOf(e: KithEvent, language: string): string | null {
  const n = e.properties?.revenue ?? e.properties?.total;
  const currency = e.properties?.currency;
  return typeof n === "number" ? money(n, language, typeof currency === "string" ? currency : undefined) : null;
}

type Entry =
  | { kind: "event"; at: string; subject: Subject; key: string; e: KithEvent }
  | { kind: "visit"; at: string; subject: Subject; key: string; events: KithEvent[] }
  | { kind: "note"; at: string; subject: Subject; key: string; icon: LucideIcon; title: string; line: string; value: unknown };

const visitGap = 30 * 60_000;

/** folded puts what somebody looked at in one visit together. */
export function folded(events: KithEvent[]): Entry[] {
  const out: Entry[] = [];
  for (const e of events) {
    const subject = subjectOf(e);
    const last = out.at(-1);
    if (subject === "web" && last && last.subject === "web" && last.kind !== "note") {
      const before = last.kind === "visit" ? last.events.at(-1)! : last.e;
      if (before.source === e.source && Date.parse(before.timestamp) - Date.parse(e.timestamp) < visitGap) {
        out[out.length - 1] = { kind: "visit", at: last.at, subject, key: last.key, events: last.kind === "visit" ? [...last.events, e] : [last.e, e] };
        continue;
      }
    }
    out.push({ kind: "event", at: e.timestamp, subject, key: `${e.source}/${e.messageId}/${e.received_at}`, e });
  }
  return out;
}

export function Timeline({ at, p }: { at: string; p: Profile }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { show = "all", find = "" } = useSearch({ from: "/profiles/$ref" });
  const [text, setText] = useState(find);
  const [trace, setTrace] = useState<KithEvent | null>(null);
  const set = (change: { show?: string; find?: string }) =>
    void navigate({ to: "/profiles/$ref", params: { ref: at }, search: (s: Record<string, unknown>) => ({ ...s, tab: undefined, ...change }), replace: true });
  const q = useInfiniteQuery({
    queryKey: ["timeline", at],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) => get<Page<KithEvent>>(`/v1/profiles/${refPath(at)}/events?limit=50${pageParam && `&cursor=${enc(pageParam)}`}`, signal),
    getNextPageParam: (x) => x.next ?? undefined,
  });
  const all = useMemo(() => q.data?.pages.flatMap((x) => x.data) ?? [], [q.data]);
  const notes = useNotes(at, p);
  const entries = useMemo(() => {
    const until = q.hasNextPage && all.length > 0 ? all.at(-1)!.timestamp : "";
    const words = text.trim().toLowerCase();
    const found = words ? all.filter((e) => (eventTitle(e) + " " + e.type + " " + (e.source ?? "") + " " + JSON.stringify(e.properties ?? e.traits ?? "")).toLowerCase().includes(words)) : all;
    const told = notes.filter((n) => n.at >= until && (!words || `${n.title} ${n.line}`.toLowerCase().includes(words)));
    return [...folded(found), ...told].filter((x) => show === "all" || x.subject === show).sort((a, b) => b.at.localeCompare(a.at));
  }, [all, notes, text, show, q.hasNextPage]);
  const have = useMemo(() => new Set<Subject>([...all.map(subjectOf), ...notes.map((n) => n.subject)]), [all, notes]);
  if (q.isPending) return <Skeleton lines={8} />;
  if (q.isError) return <Trouble error={q.error} retry={() => q.refetch()} />;
  if (all.length === 0 && notes.length === 0) return <Empty title={t("timeline.none")}>{t("timeline.noneLead")}</Empty>;
  return (
    <div>
      <div className="no-print flex flex-wrap items-center gap-x-3 gap-y-2 border-b border-line px-4 py-2">
        <Segmented label={t("timeline.subject")} value={show} change={(v) => set({ show: v === "all" ? undefined : v })} options={["all", ...subjects.filter((s) => have.has(s))].map((s) => ({ value: s, label: t(`subject.${s}`) }))} />
        <Input
          type="search"
          value={text}
          onChange={(e) => setText(e.target.value)}
          onBlur={() => set({ find: text || undefined })}
          aria-label={t("timeline.filter")}
          placeholder={t("timeline.find")}
          className="!min-h-8 sm:!w-44"
        />
        <span role="status" className="text-sm text-soft">
          {text.trim() ? t("timeline.filtered", { n: entries.length, of: all.length }) : t("timeline.loaded", { count: all.length })}
        </span>
      </div>
      {p.events > 20 && <Course p={p} />}
      {entries.length === 0 && <Empty title={t("timeline.noMatch")}>{t("timeline.noMatchLead")}</Empty>}
      <Days entries={entries} trace={setTrace} />
      {q.hasNextPage && <Further more={() => q.fetchNextPage()} busy={q.isFetchingNextPage} />}
      <Dialog open={!!trace} close={() => setTrace(null)} title={t("trace.title")} side>
        {trace && <Trace source={trace.source ?? ""} message={trace.messageId} />}
      </Dialog>
    </div>
  );
}

/** useNotes is what happened beside events: consents, segments, the profile itself. */
function useNotes(at: string, p: Profile): Extract<Entry, { kind: "note" }>[] {
  const { t } = useTranslation();
  const account = p.identifiers.some((i) => i.type === "group_id");
  const said = useSaid(at, !account);
  const audit = useAudit(at, !account);
  const names = useSegments();
  const purpose = usePurposeName();
  const source = useSourceName();
  return useMemo(() => {
    const consents = (said.data?.data ?? []).map((c) => ({
      kind: "note" as const,
      at: c.at,
      subject: "consent" as const,
      key: `consent/${c.id}/${c.purpose}/${c.channel}`,
      icon: ShieldCheck,
      title: t("note.consent", { purpose: purpose(c.purpose, c.channel), state: t(`consent.${c.state}`) }),
      line: [t(`via.${c.via}`, { defaultValue: c.via }), source(c.source)].filter(Boolean).join(" · "),
      value: c,
    }));
    const identity = (audit.data?.data ?? []).map((a: Audited, n) => ({
      kind: "note" as const,
      at: a.at,
      subject: "identity" as const,
      key: `audit/${a.at}/${n}`,
      icon: GitMerge,
      title: t(`audit.${a.kind}`),
      line: a.decision?.reason ?? (a.identifiers ?? []).map((i) => `${i.type}: ${i.value}`).join(" · "),
      value: a,
    }));
    const segments = p.segments
      .filter((s) => s.since)
      .map((s) => ({ kind: "note" as const, at: s.since!, subject: "segments" as const, key: `segment/${s.key}`, icon: Tags, title: t("note.entered", { segment: names.data?.data.find((x) => x.key === s.key)?.name ?? s.key }), line: "", value: s }));
    return [...consents, ...identity, ...segments];
  }, [said.data, audit.data, names.data, p.segments, purpose, source, t]);
}

/** Course is how much happened in each month, over the whole time. */
function Course({ p }: { p: Profile }) {
  const { t, i18n } = useTranslation();
  const q = useQuery({
    queryKey: ["course", p.id],
    queryFn: ({ signal }) => sql(`SELECT date_trunc('month', timestamp) AS month, count(*) AS n FROM events WHERE profile_id = '${p.id}' GROUP BY month ORDER BY month`, signal),
    staleTime: 60_000,
  });
  const rows = q.data?.data ?? [];
  if (rows.length < 3) return null;
  const have = new Map(rows.map((r) => [String(r.month).slice(0, 7), Number(r.n)]));
  const months: string[] = [];
  for (let m = String(rows[0].month).slice(0, 7); m <= String(rows.at(-1)!.month).slice(0, 7) && months.length < 120; ) {
    months.push(m);
    const [y, n] = m.split("-").map(Number);
    m = n === 12 ? `${y + 1}-01` : `${y}-${String(n + 1).padStart(2, "0")}`;
  }
  const name = (m: string) => new Intl.DateTimeFormat(i18n.language === "en" ? "en-GB" : i18n.language, { month: "short", year: "numeric", timeZone: "UTC" }).format(new Date(`${m}-01T00:00:00Z`));
  return (
    <div className="border-b border-line px-4 pt-1">
      <p className="text-xs text-soft">{t("timeline.course")}</p>
      <Chart label={t("timeline.course")} height={72} series={[{ name: t("col.events") }]} points={months.map((m) => ({ key: m, label: name(m), short: name(m), values: [have.get(m) ?? 0] }))} />
    </div>
  );
}

function Days({ entries, trace }: { entries: Entry[]; trace: (e: KithEvent) => void }) {
  const { i18n } = useTranslation();
  const days = useMemo(() => {
    const m = new Map<string, Entry[]>();
    for (const e of entries) {
      const d = day(e.at, i18n.language);
      m.set(d, [...(m.get(d) ?? []), e]);
    }
    return [...m];
  }, [entries, i18n.language]);
  return (
    <ol>
      {days.map(([d, es]) => (
        <li key={d}>
          <h3 className="border-b border-line bg-sunken px-4 py-1 text-sm font-semibold text-soft first-letter:uppercase">{d}</h3>
          <ol className="divide-y divide-line">
            {es.map((e) => (
              <li key={e.key} className="px-3 py-1.5 [contain-intrinsic-size:auto_2.6rem] [content-visibility:auto] compact:py-0.5">
                {e.kind === "event" ? <One e={e.e} trace={trace} /> : e.kind === "visit" ? <Visit events={e.events} trace={trace} /> : <Note e={e} />}
              </li>
            ))}
          </ol>
        </li>
      ))}
    </ol>
  );
}

function Line({ at, icon: Icon, title, amount, line, tone }: { at: string; icon: LucideIcon; title: string; amount?: string | null; line: string; tone?: "good" | "bad" | "accent" }) {
  const { i18n } = useTranslation();
  return (
    <span className="flex flex-wrap items-baseline gap-x-3 max-sm:gap-x-2.5 sm:flex-nowrap">
      <time dateTime={at} className="w-17 shrink-0 text-sm text-soft">
        {clock(at, i18n.language)}
      </time>
      <Icon aria-hidden className={cx("mt-[calc((1lh-1rem)/2)] size-4 shrink-0 self-start sm:mt-0 sm:self-center", tone === "good" ? "text-good" : tone === "bad" ? "text-bad" : tone === "accent" ? "text-accent" : "text-soft")} />
      <span className={cx("font-medium max-sm:min-w-0 max-sm:flex-1 sm:shrink-0", tone === "good" && "text-good", tone === "bad" && "text-bad")}>{title}</span>
      {amount && <span className="shrink-0 font-semibold">{amount}</span>}
      {line && <span className="min-w-0 flex-1 basis-40 truncate text-sm text-soft max-sm:basis-full">{line}</span>}
    </span>
  );
}

const toneOf = (e: KithEvent) => (subjectOf(e) !== "orders" ? undefined : /refund|cancel|fail/i.test(e.event ?? "") ? ("bad" as const) : ("good" as const));

function One({ e, trace }: { e: KithEvent; trace: (e: KithEvent) => void }) {
  const { t, i18n } = useTranslation();
  const source = useSourceName();
  return (
    <Fold summary={<Line at={e.timestamp} icon={eventIcon(e)} title={eventTitle(e)} amount={toneOf(e) && amountOf(e, i18n.language)} line={eventLine(e, i18n.language)} tone={toneOf(e)} />}>
      {() => (
        <div className="my-2 ml-5">
          <p className="mb-2 flex flex-wrap items-center gap-x-4 gap-y-1.5 text-sm">
            <span><span className="text-soft">{t("trace.call")}</span> {e.type}</span>
            {e.source && <span><span className="text-soft">{t("col.source")}</span> {source(e.source)}</span>}
            <span className="min-w-0 break-all"><span className="text-soft">{t("trace.message")}</span> <span className="font-mono">{e.messageId}</span></span>
            <Button small onClick={() => trace(e)}>
              {t("trace.title")}
            </Button>
          </p>
          <Json value={e} label={eventTitle(e)} />
        </div>
      )}
    </Fold>
  );
}

function Visit({ events, trace }: { events: KithEvent[]; trace: (e: KithEvent) => void }) {
  const { t } = useTranslation();
  const source = useSourceName();
  const last = events[0];
  const names = [...new Set(events.map((e) => [e.properties?.name, e.properties?.title, e.properties?.query].find((x) => typeof x === "string" && x) ?? eventTitle(e)))];
  return (
    <Fold summary={<Line at={last.timestamp} icon={eventIcon(last)} title={t("timeline.visit", { count: events.length })} line={[source(last.source), names.slice(0, 4).join(", ")].filter(Boolean).join(" · ")} />}>
      {() => (
        <ol className="my-1 ml-5 divide-y divide-line border-l-2 border-line pl-2">
          {events.map((e) => (
            <li key={e.messageId + e.received_at} className="py-1">
              <One e={e} trace={trace} />
            </li>
          ))}
        </ol>
      )}
    </Fold>
  );
}

function Note({ e }: { e: Extract<Entry, { kind: "note" }> }) {
  const line = <Line at={e.at} icon={e.icon} title={e.title} line={e.line} tone="accent" />;
  if (e.subject === "segments") return <div className="pl-5.5">{line}</div>; // its line says all there is
  return (
    <Fold summary={line}>
      {() => (
        <div className="my-2 ml-5">
          <Json value={e.value} label={e.title} />
        </div>
      )}
    </Fold>
  );
}

/** Further loads the next part when its button comes into view. */
function Further({ more, busy }: { more: () => void; busy: boolean }) {
  const { t } = useTranslation();
  const ref = useRef<HTMLDivElement>(null);
  const latest = useRef(more);
  latest.current = more;
  useEffect(() => {
    if (busy || !ref.current) return;
    const seen = new IntersectionObserver((es) => es.some((e) => e.isIntersecting) && latest.current(), { rootMargin: "400px" });
    seen.observe(ref.current);
    return () => seen.disconnect();
  }, [busy]);
  return (
    <div ref={ref} className="no-print border-t border-line p-3 text-center">
      <Button onClick={more} disabled={busy}>
        {busy ? t("loading") : t("more")}
      </Button>
    </div>
  );
}

