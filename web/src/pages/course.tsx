// How the size of segments went, from what was recorded of every entry and exit.
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { sql } from "../api";
import { full, percent } from "../format";
import { Chart, Ranks, Spark } from "../ui/chart";
import { Empty, Exact, Segmented, Skeleton, Trouble } from "../ui/kit";

const literal = (s: string) => `'${s.replaceAll("'", "''")}'`;
const hour = 3_600_000;

/** Spans are how far back a course goes, each in steps of its own. */
const spans = { day: { step: hour, count: 24, unit: "hour" }, week: { step: 6 * hour, count: 28, unit: "hour" }, month: { step: 24 * hour, count: 30, unit: "day" } } as const;
export type Span = keyof typeof spans;

// Labels stand a whole day apart where a day has several steps.
const beats: Record<Span, number> = { day: 1, week: 4, month: 1 };

type Change = { at: number; entered: number; left: number };

/** sizes goes back from the size of now: before each change it was as much less as
 * came in, and as much more as went out. */
export function sizes(now: number, changes: Change[], from: number, step: number, count: number): { at: number; size: number; entered: number; left: number }[] {
  const out = [];
  let size = now;
  const left = [...changes].sort((a, b) => b.at - a.at);
  for (let i = count - 1; i >= 0; i--) {
    const begin = from - (count - i) * step;
    let entered = 0;
    let gone = 0;
    while (left.length > 0 && left[0].at >= begin) {
      const c = left.shift()!;
      entered += c.entered;
      gone += c.left;
    }
    out.push({ at: begin + step, size: Math.max(0, size), entered, left: gone });
    size -= entered - gone;
  }
  return out.reverse();
}

/** useCourse is what came into a segment, and out of it, in each step of a span. */
function useCourse(key: string, span: Span) {
  const { step, count, unit } = spans[span];
  return useQuery({
    queryKey: ["course-of", key, span],
    queryFn: async ({ signal }) => {
      const hours = Math.ceil((step * count) / hour);
      const [a, c] = await Promise.all([
        sql(`SELECT date_trunc('${unit}', recorded_at) AS bucket, count(CASE WHEN entered THEN 1 END) AS entered, count(CASE WHEN NOT entered THEN 1 END) AS gone FROM segment_transitions WHERE segment = ${literal(key)} AND recorded_at > now() - INTERVAL ${hours} HOUR GROUP BY bucket`, signal),
        sql(`SELECT cause, count(*) AS n FROM segment_transitions WHERE segment = ${literal(key)} AND recorded_at > now() - INTERVAL ${hours} HOUR GROUP BY cause ORDER BY n DESC`, signal),
      ]);
      return {
        as_of: a.as_of,
        changes: a.data.map((r): Change => ({ at: Date.parse(`${String(r.bucket).replace(/Z$/, "")}Z`), entered: Number(r.entered), left: Number(r.gone) })),
        causes: c.data.map((r) => ({ cause: String(r.cause), n: Number(r.n) })),
      };
    },
    staleTime: 15_000,
  });
}

export function Course({ k, now, span, change }: { k: string; now: number; span: Span; change: (s: Span) => void }) {
  const { t, i18n } = useTranslation();
  const q = useCourse(k, span);
  const { step, count } = spans[span];
  const all = q.data ? sizes(now, q.data.changes, Date.now(), step, count) : [];
  const moved = all.some((p) => p.entered + p.left > 0);
  const name = (at: number) =>
    new Intl.DateTimeFormat(i18n.language === "en" ? "en-GB" : i18n.language, span === "day" ? { hour: "2-digit", minute: "2-digit" } : { day: "numeric", month: "short" }).format(at);
  const points = (f: (p: (typeof all)[number]) => number[]) => all.map((p) => ({ key: String(p.at), label: full(new Date(p.at).toISOString(), i18n.language), short: name(p.at), values: f(p) }));
  const sum = (q.data?.causes ?? []).reduce((n, c) => n + c.n, 0);
  return (
    <div className="space-y-5 p-4">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <Segmented label={t("home.range")} value={span} change={(v) => change(v as Span)} options={(["day", "week", "month"] as const).map((s) => ({ value: s, label: t(`span.${s}`) }))} />
        {q.data?.as_of && <Exact at={q.data.as_of} />}
      </div>
      {q.isPending && <Skeleton lines={6} />}
      {q.isError && <Trouble error={q.error} retry={() => q.refetch()} />}
      {q.data && !moved && <Empty title={t("course.none")}>{t("course.noneLead")}</Empty>}
      {q.data && moved && (
        <>
          <div>
            <h3 className="mb-1 font-semibold">{t("segments.size")}</h3>
            <Chart kind="lines" label={t("course.title")} height={190} beat={beats[span]} series={[{ name: t("segments.size") }]} points={points((p) => [p.size])} />
          </div>
          <div>
            <h3 className="mb-1 font-semibold">{t("course.moves")}</h3>
            <Chart label={t("course.moves")} height={150} beat={beats[span]} series={[{ name: t("course.entered") }, { name: t("course.left") }]} points={points((p) => [p.entered, p.left])} />
          </div>
          <div>
            <h3 className="mb-2 font-semibold">{t("course.why")}</h3>
            <Ranks label={t("course.why")} rows={q.data.causes.map((c) => ({ key: c.cause, name: t(`changecause.${c.cause}`, { defaultValue: c.cause }), n: c.n, note: percent(c.n / Math.max(1, sum), i18n.language) }))} />
          </div>
        </>
      )}
    </div>
  );
}

/** useCourses are the changes of all segments in the last month, by day. */
export const useCourses = () =>
  useQuery({
    queryKey: ["courses"],
    queryFn: async ({ signal }) => {
      const a = await sql("SELECT segment, date_trunc('day', recorded_at) AS bucket, count(CASE WHEN entered THEN 1 END) AS entered, count(CASE WHEN NOT entered THEN 1 END) AS gone FROM segment_transitions WHERE recorded_at > now() - INTERVAL 30 DAY GROUP BY segment, bucket", signal);
      const by = new Map<string, Change[]>();
      for (const r of a.data) {
        const k = String(r.segment);
        by.set(k, [...(by.get(k) ?? []), { at: Date.parse(`${String(r.bucket).replace(/Z$/, "")}Z`), entered: Number(r.entered), left: Number(r.gone) }]);
      }
      return by;
    },
    staleTime: 60_000,
  });

/** Small is the course of one segment beside its name. */
export function Small({ now, changes }: { now: number; changes: Change[] | undefined }) {
  const { step, count } = spans.month;
  return <Spark values={sizes(now, changes ?? [], Date.now(), step, count).map((p) => p.size)} className="w-24" height={24} />;
}
