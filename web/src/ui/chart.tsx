// Charts: SVG that can be read out, printed and drawn in any theme. Shapes,
// scales and axes are those of visx.
import { AxisBottom, AxisLeft } from "@visx/axis";
import { GridRows } from "@visx/grid";
import { Group } from "@visx/group";
import { scaleBand, scaleLinear, scalePoint } from "@visx/scale";
import { AreaClosed, Bar, LinePath } from "@visx/shape";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { compact, num } from "../format";
import { cx } from "./kit";

/** Point is one place of a chart: what stands below it, and a value for each series. */
export type Point = { key: string; label: string; short?: string; values: number[] };
export type Series = { name: string; show?: (n: number) => string };

const fills = ["fill-one", "fill-two", "fill-three", "fill-four"];
const strokes = ["stroke-one", "stroke-two", "stroke-three", "stroke-four"];
const marks = ["bg-one", "bg-two", "bg-three", "bg-four"];

/** useWidth is how wide a box is drawn, in pixels. */
function useWidth(first: number) {
  const ref = useRef<HTMLDivElement>(null);
  const [width, set] = useState(first);
  useEffect(() => {
    if (!ref.current) return;
    const seen = new ResizeObserver((all) => set(Math.max(40, Math.round(all[0].contentRect.width))));
    seen.observe(ref.current);
    return () => seen.disconnect();
  }, []);
  return { ref, width };
}

/** Alternative says in a table what a chart draws. */
function Alternative({ label, points, series }: { label: string; points: Point[]; series: Series[] }) {
  const { t, i18n } = useTranslation();
  return (
    <div className="sr-only">
      <table>
        <caption>{label}</caption>
        <thead>
          <tr>
            <th scope="col">{t("chart.place")}</th>
            {series.map((s) => (
              <th key={s.name} scope="col">{s.name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {points.map((p) => (
            <tr key={p.key}>
              <th scope="row">{p.label}</th>
              {p.values.map((v, n) => (
                <td key={n}>{series[n]?.show?.(v) ?? num(v, i18n.language)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Legend({ series }: { series: Series[] }) {
  if (series.length < 2) return null;
  return (
    <p className="mb-1 flex flex-wrap gap-x-4 gap-y-1 text-sm text-soft">
      {series.map((s, n) => (
        <span key={s.name} className="inline-flex items-center gap-1.5">
          <span aria-hidden className={cx("size-2.5 rounded-sm", marks[n % 4])} />
          {s.name}
        </span>
      ))}
    </p>
  );
}

const left = 46;
const bottom = 24;

/** Chart draws one or more series over places in order, as bars or lines. Labels stand a multiple of beat apart. */
export function Chart({ points, series, label, kind = "bars", height = 190, pick, zero = true, beat = 1 }: { points: Point[]; series: Series[]; label: string; kind?: "bars" | "lines"; height?: number; pick?: (key: string) => void; zero?: boolean; beat?: number }) {
  const { i18n } = useTranslation();
  const { ref, width } = useWidth(640);
  const [at, setAt] = useState<number | null>(null);
  const inner = Math.max(40, width - left - 8);
  const keys = points.map((p) => p.key);
  const all = points.flatMap((p) => p.values);
  const y = scaleLinear<number>({ domain: [zero ? Math.min(0, ...all) : Math.min(...all), Math.max(1e-9, ...all)], range: [height - bottom, 10], nice: 4 });
  const band = scaleBand({ domain: keys, range: [0, inner], padding: points.length > 60 ? 0.1 : 0.25 });
  const point = scalePoint({ domain: keys, range: [0, inner], padding: 0.5 });
  const x = (key: string) => (kind === "bars" ? (band(key) ?? 0) + band.bandwidth() / 2 : (point(key) ?? 0));
  const slot = points.length ? inner / points.length : inner;
  const shown = at === null ? null : points[at];
  const base = y(Math.max(0, y.domain()[0]));
  // The newest place always has its label; the others stand as far apart as their texts are long.
  const room = 22 + 6.5 * Math.max(3, ...points.map((p) => (p.short ?? p.label).length));
  const every = Math.max(1, Math.ceil(points.length / Math.max(2, Math.floor(inner / room)) / beat)) * beat;
  // A short first one finds room beside the next.
  const named = keys.filter((_, n) => (points.length - 1 - n) % every === 0 || (n === 0 && (points[0].short ?? points[0].label).length <= 2));
  const wide = series.length > 1 && kind === "bars" ? band.bandwidth() / series.length : band.bandwidth();
  const ticks = Math.max(2, Math.min(4, Math.floor((height - bottom) / 36)));
  const axis = "fill-soft text-[11px] font-sans";
  return (
    <figure className="relative">
      <Legend series={series} />
      <div ref={ref} onMouseLeave={() => setAt(null)}>
        <svg width={width} height={height} role="img" aria-label={label} className="block max-w-full">
          <Group left={left}>
            <GridRows scale={y} width={inner} numTicks={ticks} className="[&_line]:stroke-line" stroke="var(--line)" />
            {shown && <rect x={x(shown.key) - slot / 2} width={slot} y={10} height={height - bottom - 10} className="fill-accent-wash" />}
            {series.map((s, n) =>
              kind === "bars" ? (
                <g key={s.name}>
                  {points.map((p) => (
                    <Bar key={p.key} x={x(p.key) - band.bandwidth() / 2 + (series.length > 1 ? wide * n : 0)} width={Math.max(1, wide)} y={Math.min(base, y(p.values[n] ?? 0))} height={Math.abs(base - y(p.values[n] ?? 0))} rx={Math.min(2, wide / 3)} className={fills[n % 4]} />
                  ))}
                </g>
              ) : (
                <g key={s.name}>
                  {series.length === 1 && <AreaClosed data={points} x={(p) => x(p.key)} y={(p) => y(p.values[n] ?? 0)} yScale={y} className="fill-one opacity-12" />}
                  <LinePath data={points} x={(p) => x(p.key)} y={(p) => y(p.values[n] ?? 0)} strokeWidth={2} className={cx("fill-transparent", strokes[n % 4])} />
                  {shown && <circle cx={x(shown.key)} cy={y(shown.values[n] ?? 0)} r={3.5} className={fills[n % 4]} />}
                </g>
              ),
            )}
            <AxisLeft scale={y} numTicks={ticks} hideAxisLine hideTicks tickFormat={(v) => compact(Number(v), i18n.language)} tickLabelProps={() => ({ className: axis, textAnchor: "end", dx: -4, dy: 4 })} />
            <AxisBottom
              scale={kind === "bars" ? band : point}
              top={height - bottom}
              hideTicks
              stroke="var(--line)"
              tickValues={named}
              tickFormat={(k) => points.find((p) => p.key === k)?.short ?? String(k)}
              tickLabelProps={(k) => (k === named.at(-1) && slot < room - 16 ? { className: axis, textAnchor: "end", dx: slot / 2 + 7, dy: 2 } : { className: axis, textAnchor: "middle", dy: 2 })}
            />
            {points.map((p, n) => (
              <rect key={p.key} x={x(p.key) - slot / 2} width={slot} y={0} height={height - bottom} className={cx("fill-transparent", pick && "cursor-pointer")} onMouseEnter={() => setAt(n)} onClick={pick && (() => pick(p.key))} />
            ))}
          </Group>
        </svg>
      </div>
      {shown && (
        <div aria-hidden className="pointer-events-none absolute top-0 z-10 rounded-md border border-line bg-panel px-2.5 py-1.5 text-sm whitespace-nowrap shadow-lg" style={{ left: Math.min(Math.max(0, left + x(shown.key) - 70), Math.max(0, width - 150)) }}>
          <p className="text-soft">{shown.label}</p>
          {series.map((s, n) => (
            <p key={s.name} className="font-semibold">
              {series.length > 1 && <span className={cx("mr-1.5 inline-block size-2 rounded-sm", marks[n % 4])} />}
              {s.show?.(shown.values[n] ?? 0) ?? num(shown.values[n] ?? 0, i18n.language)} <span className="font-normal text-soft">{s.name}</span>
            </p>
          ))}
        </div>
      )}
      <Alternative label={label} points={points} series={series} />
    </figure>
  );
}

/** Spark is the course of a number, without axes, for beside it. */
export function Spark({ values, className, height = 30 }: { values: number[]; className?: string; height?: number }) {
  const { ref, width } = useWidth(120);
  const x = scaleLinear<number>({ domain: [0, Math.max(1, values.length - 1)], range: [1, width - 3] });
  const y = scaleLinear<number>({ domain: [Math.min(0, ...values), Math.max(1e-9, ...values)], range: [height - 2, 3] });
  const data = values.map((v, n) => ({ v, n }));
  return (
    <div ref={ref} aria-hidden className={className}>
      <svg width={width} height={height} className="block max-w-full">
        <AreaClosed data={data} x={(d) => x(d.n)} y={(d) => y(d.v)} yScale={y} className="fill-one opacity-12" />
        <LinePath data={data} x={(d) => x(d.n)} y={(d) => y(d.v)} strokeWidth={1.5} className="fill-transparent stroke-one" />
        {values.length > 0 && <circle cx={x(values.length - 1)} cy={y(values.at(-1)!)} r={2.5} className="fill-one" />}
      </svg>
    </div>
  );
}

/** Ranks are names with a bar for each number, the largest first as given. */
export function Ranks({ rows, label, of, show }: { rows: { key: string; name: ReactNode; n: number; note?: ReactNode }[]; label: string; of?: number; show?: (n: number) => string }) {
  const { i18n } = useTranslation();
  const top = of ?? Math.max(1e-9, ...rows.map((r) => r.n));
  return (
    <ul aria-label={label} className="space-y-2">
      {rows.map((r) => (
        <li key={r.key}>
          <span className="flex items-baseline justify-between gap-3">
            <span className="min-w-0 truncate">{r.name}</span>
            <span className="shrink-0 font-medium">
              {show?.(r.n) ?? num(r.n, i18n.language)}{r.note && <span className="text-sm font-normal text-soft"> · {r.note}</span>}
            </span>
          </span>
          <svg aria-hidden width="100%" height="6" className="mt-0.5 block rounded-full bg-sunken">
            <rect width={`${Math.max(r.n > 0 ? 0.8 : 0, (r.n / top) * 100)}%`} height="6" rx="3" className="fill-one" />
          </svg>
        </li>
      ))}
    </ul>
  );
}

/** Overlap shows how many are in each combination of sets: a row for each, with a
 * dot for every set that it lies in. */
export function Overlap({ sets, regions, label, open }: { sets: { key: string; name: string }[]; regions: { in: string[]; size: number }[]; label: string; open?: (r: { in: string[]; size: number }) => ReactNode }) {
  const { t, i18n } = useTranslation();
  const id = useId();
  const top = Math.max(1, ...regions.map((r) => r.size));
  return (
    <div className="relative overflow-x-auto" tabIndex={0} role="region" aria-labelledby={id}>
      <table className="w-full border-collapse text-left">
        <caption id={id} className="sr-only">{label}</caption>
        <thead>
          <tr className="border-b border-line text-sm text-soft">
            {sets.map((s) => (
              <th key={s.key} scope="col" className="max-w-28 px-2 py-1.5 text-center font-medium break-words">{s.name}</th>
            ))}
            <th scope="col" className="w-3/5 px-3 py-1.5 font-medium">{t("segments.ofPeople")}</th>
            {open && <th scope="col" className="px-2 text-right font-medium"><span className="sm:sr-only">{t("segments.new")}</span></th>}
          </tr>
        </thead>
        <tbody>
          {regions.map((r) => (
            <tr key={r.in.join(" ")} className="border-b border-line last:border-0">
              {sets.map((s) => (
                <td key={s.key} className="px-2 py-1.5 text-center">
                  <span aria-hidden className={cx("inline-block size-3 rounded-full", r.in.includes(s.key) ? "bg-one" : "border border-edge/50")} />
                  <span className="sr-only">{t(r.in.includes(s.key) ? "verdict.yes" : "verdict.no")}</span>
                </td>
              ))}
              <td className="px-3 py-1.5 sm:min-w-28">
                <span className="flex items-center gap-3">
                  <span className="w-12 shrink-0 text-right font-medium">{num(r.size, i18n.language)}</span>
                  <svg aria-hidden width="100%" height="8" className="hidden min-w-0 flex-1 sm:block">
                    <rect width={`${(r.size / top) * 100}%`} height="8" rx="4" className="fill-one" />
                  </svg>
                </span>
              </td>
              {open && <td className="px-2 py-1 text-right">{open(r)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
