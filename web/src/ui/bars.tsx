// A bar chart over days: SVG that can be read out, printed and drawn in any
// theme. Scales and ticks are those of d3.
import { scaleBand, scaleLinear } from "d3-scale";
import { useTranslation } from "react-i18next";
import { date, num } from "../format";

const width = 720;
const height = 190;
const left = 48;
const bottom = 22;
const right = 16;

export function DayBars({ days, label }: { days: { day: string; n: number }[]; label: string }) {
  const { i18n } = useTranslation();
  const x = scaleBand(
    days.map((d) => d.day),
    [left, width - right],
  ).padding(0.25);
  const y = scaleLinear([0, Math.max(1, ...days.map((d) => d.n))], [height - bottom, 8]).nice(4);
  const every = Math.ceil(days.length / 6);
  return (
    <figure>
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label} className="w-full">
        {y.ticks(4).map((v) => (
          <g key={v}>
            <line x1={left} x2={width} y1={y(v)} y2={y(v)} className="stroke-line" />
            <text x={left - 8} y={y(v) + 4} textAnchor="end" className="fill-soft text-[11px]">
              {num(v, i18n.language)}
            </text>
          </g>
        ))}
        {days.map((d, n) => (
          <g key={d.day}>
            <rect x={x(d.day)} width={x.bandwidth()} y={y(d.n)} height={height - bottom - y(d.n)} rx="2" className="fill-accent">
              <title>{`${date(d.day, i18n.language)}: ${num(d.n, i18n.language)}`}</title>
            </rect>
            {n % every === 0 && (
              <text x={(x(d.day) ?? 0) + x.bandwidth() / 2} y={height - 5} textAnchor="middle" className="fill-soft text-[11px]">
                {new Intl.DateTimeFormat(i18n.language === "en" ? "en-GB" : i18n.language, { day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(d.day))}
              </text>
            )}
          </g>
        ))}
      </svg>
      <div className="sr-only">
        <table>
        <caption>{label}</caption>
        <tbody>
          {days.map((d) => (
            <tr key={d.day}>
              <th scope="row">{date(d.day, i18n.language)}</th>
              <td>{num(d.n, i18n.language)}</td>
            </tr>
          ))}
        </tbody>
        </table>
      </div>
    </figure>
  );
}
