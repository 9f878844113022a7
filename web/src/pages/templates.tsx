// Segments that many want, ready to begin with, each with its size of now.
import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { call, type Where } from "../api";
import { placed } from "../kpis";
import { Num } from "../ui/kit";

const ordered = (count: Record<string, unknown>, window?: Record<string, unknown>) => ({ event: placed, count, ...(window ? { window } : {}) });
const templates: { key: string; where: Where }[] = [
  { key: "loyal", where: { all: [ordered({ op: "gte", value: 2 }, { last: "90d" })] } },
  { key: "lapsed", where: { all: [ordered({ op: "gte", value: 2 }, { last: "365d" }), ordered({ op: "eq", value: 0 }, { last: "90d" })] } },
  { key: "first", where: { all: [ordered({ op: "eq", value: 1 }), ordered({ op: "gte", value: 1 }, { last: "30d" })] } },
  { key: "cart", where: { all: [{ sequence: [{ event: "Product Added" }, { not: true, event: placed, within: "1d" }], window: { last: "7d" } }] } },
  { key: "big", where: { all: [{ event: placed, aggregate: { fn: "sum", property: "revenue" }, op: "gte", value: 500, window: { last: "365d" } }] } },
  { key: "never", where: { all: [{ event: { type: "page" }, count: { op: "gte", value: 5 }, window: { last: "30d" } }, ordered({ op: "eq", value: 0 })] } },
  { key: "reachable", where: { all: [{ consent: { purpose: "marketing" }, op: "granted" }, { trait: "email", op: "exists" }] } },
  { key: "quiet", where: { all: [ordered({ op: "gte", value: 1 }), { none: [{ event: { type: "page" }, window: { last: "60d" } }, ordered({ op: "gte", value: 1 }, { last: "60d" })] }] } },
];

export function Templates() {
  const { t } = useTranslation();
  const [asked, setAsked] = useState(0);
  return (
    <section>
      <h2 className="mb-2 font-semibold">{t("templates.title")}</h2>
      <ul className="grid gap-2 sm:grid-cols-2 2xl:grid-cols-4">
        {templates.map((x, n) => (
          <li key={x.key}>
            <Link to="/segments/new" search={{ where: x.where, name: t(`template.${x.key}`) }} className="flex h-full flex-col rounded-lg border border-line bg-panel px-3 py-2.5 hover:border-accent">
              <span className="flex items-baseline justify-between gap-2">
                <span className="font-medium">{t(`template.${x.key}`)}</span>
                <span className="shrink-0 font-semibold text-accent"><Live where={x.where} k={x.key} turn={n <= asked} done={() => setAsked((a) => Math.max(a, n + 1))} /></span>
              </span>
              <span className="text-sm text-soft">{t(`templateLead.${x.key}`)}</span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Live is the size of now. One is asked for after the other, for all at once would each be asked of fewer people. */
function Live({ where, k, turn, done }: { where: Where; k: string; turn: boolean; done: () => void }) {
  const q = useQuery({
    queryKey: ["template", k],
    queryFn: ({ signal }) => call<{ size: number; exact: boolean }>("POST", "/v1/segments:preview", { where, sample: 0 }, signal),
    enabled: turn,
    staleTime: 60_000,
    retry: false,
  });
  useEffect(() => {
    if (q.isFetched) done();
    // done only counts on
    // eslint-disable-next-line
  }, [q.isFetched]);
  return q.data ? <>{!q.data.exact && "≈ "}<Num n={q.data.size} /></> : <span className="text-soft">{q.isError ? "–" : "…"}</span>;
}
