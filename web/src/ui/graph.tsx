// Identifiers and what joins them, as a small picture: types in columns, links
// between them. It is drawn once, so it stays where it is.
import { useTranslation } from "react-i18next";
import { cx } from "./kit";

export type Node = { id: string; type: string; value: string };
export type Edge = { a: string; b: string; count: number; accepted: boolean; kinds: string };

const columnOf = (type: string) => (/^(user_id|crm|customer|external|loyalty)/.test(type) || type.endsWith("_id") && !/^(anonymous|device)/.test(type) ? 1 : /^(email|phone)/.test(type) ? 0 : 2);

const boxWidth = 196;
const boxHeight = 38;
const rowGap = 12;
const columnGap = 92;
export const graphMax = 45;

export function Graph({ nodes, edges, marked, mark, chosen }: { nodes: Node[]; edges: Edge[]; marked: Set<string>; mark: (id: string) => void; chosen?: string[] }) {
  const { t } = useTranslation();
  const columns: Node[][] = [[], [], []];
  for (const n of nodes) columns[columnOf(n.type)].push(n);
  const used = columns.filter((c) => c.length > 0);
  const tall = Math.max(1, ...used.map((c) => c.length));
  const height = tall * (boxHeight + rowGap) + 8;
  const width = used.length * boxWidth + (used.length - 1) * columnGap + 52;
  const place = new Map<string, { x: number; y: number; column: number }>();
  used.forEach((c, i) => {
    const top = (height - c.length * (boxHeight + rowGap) + rowGap) / 2;
    c.forEach((n, j) => place.set(n.id, { x: 2 + i * (boxWidth + columnGap), y: top + j * (boxHeight + rowGap), column: i }));
  });
  const short = (s: string, n: number) => (s.length > n ? s.slice(0, n - 1) + "…" : s);
  return (
    <div className="relative overflow-x-auto p-4" tabIndex={0} role="region" aria-label={t("graph.label")}>
      <svg width={width} height={height} role="group" aria-label={t("graph.label")} className="mx-auto block">
        {edges.map((e) => {
          const a = place.get(e.a);
          const b = place.get(e.b);
          if (!a || !b) return null;
          const [l, r] = a.x <= b.x ? [a, b] : [b, a];
          const same = l.column === r.column;
          const x1 = same ? l.x + boxWidth : l.x + boxWidth;
          const x2 = same ? r.x + boxWidth : r.x;
          const y1 = l.y + boxHeight / 2;
          const y2 = r.y + boxHeight / 2;
          const bend = same ? 46 : (x2 - x1) / 2;
          const cut = marked.has(e.a) !== marked.has(e.b);
          return (
            <path
              key={`${e.a} ${e.b}`}
              d={same ? `M${x1},${y1} C${x1 + bend},${y1} ${x2 + bend},${y2} ${x2},${y2}` : `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`}
              strokeWidth={Math.min(4, 1.2 + Math.log10(1 + e.count))}
              strokeDasharray={!e.accepted || cut ? "5 4" : undefined}
              className={cx("fill-transparent", !e.accepted || cut ? "stroke-bad" : "stroke-one opacity-55")}
            >
              <title>{`${e.kinds} ×${e.count}`}</title>
            </path>
          );
        })}
        {nodes.map((n) => {
          const at = place.get(n.id)!;
          const on = marked.has(n.id);
          return (
            <g
              key={n.id}
              transform={`translate(${at.x},${at.y})`}
              role="checkbox"
              aria-checked={on}
              aria-label={`${n.type}: ${n.value}`}
              tabIndex={0}
              onClick={() => mark(n.id)}
              onKeyDown={(e) => {
                if (e.key === " " || e.key === "Enter") {
                  e.preventDefault();
                  mark(n.id);
                }
              }}
              className="cursor-pointer"
            >
              <rect width={boxWidth} height={boxHeight} rx={7} strokeWidth={chosen?.includes(n.id) || on ? 2 : 1} className={cx(on ? "fill-bad-wash stroke-bad" : chosen?.includes(n.id) ? "fill-accent-wash stroke-accent" : "fill-panel stroke-edge/60")} />
              <text x={10} y={15} className="fill-soft font-sans text-[11px]">{n.type}</text>
              <text x={10} y={30} className="fill-ink font-mono text-[12px]">{short(n.value, 25)}</text>
              <title>{`${n.type}: ${n.value}`}</title>
            </g>
          );
        })}
      </svg>
    </div>
  );
}
