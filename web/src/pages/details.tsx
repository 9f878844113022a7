// What is known of a customer: each trait with where it is from, and what it was
// before.
import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Profile, sql } from "../api";
import { useSourceName } from "../data";
import { isMoment, plain } from "../format";
import { Badge, Button, Dialog, Empty, Input, Num, Rows, Skeleton, Trouble, When } from "../ui/kit";
import { useComputedNames } from "./traits";

export function Value({ v }: { v: unknown }) {
  const { t } = useTranslation();
  if (isMoment(v)) return <When at={v} absolute />;
  if (typeof v === "number") return <Num n={v} />;
  if (typeof v === "boolean") return <>{t(v ? "yes" : "no")}</>;
  return <span className="break-words">{plain(v)}</span>;
}

/** Computed is a computed trait, which says of itself when it is not whole. */
export function Computed({ v }: { v: unknown }) {
  const { t } = useTranslation();
  if (v === null || typeof v !== "object" || !("value" in v)) return <Value v={v} />;
  const partial = ("partial" in v && v.partial === true) || ("truncated" in v && v.truncated === true);
  return (
    <>
      <Value v={v.value} /> {partial && <Badge tone="warn">{t("traits.partial")}</Badge>}
    </>
  );
}

export function Traits({ p }: { p: Profile }) {
  const { t } = useTranslation();
  const [find, setFind] = useState("");
  const [past, setPast] = useState<string | null>(null);
  const source = useSourceName();
  const name = useComputedNames();
  const words = find.trim().toLowerCase();
  const rows = Object.entries(p.traits)
    .filter(([k, v]) => !words || `${k} ${plain(v.value)} ${v.source}`.toLowerCase().includes(words))
    .sort(([a], [b]) => a.localeCompare(b));
  const computed = Object.entries(p.computed);
  const none = Object.keys(p.traits).length === 0 && computed.length === 0;
  return (
    <>
      {none && <Empty title={t("traits.none")}>{t("traits.noneLead")}</Empty>}
      {Object.keys(p.traits).length > 8 && (
        <div className="border-b border-line px-4 py-2">
          <Input type="search" value={find} onChange={(e) => setFind(e.target.value)} aria-label={t("traits.find")} placeholder={t("traits.find")} className="!min-h-8 max-w-xs" />
        </div>
      )}
      {rows.length > 0 && (
        <Rows
          label={t("tab.traits")}
          rows={rows}
          id={([k]) => k}
          columns={[
            { head: t("col.trait"), cell: ([k]) => <span className="font-medium">{k}</span> },
            { head: t("col.value"), wide: true, cell: ([, v]) => <Value v={v.value} /> },
            { head: t("col.source"), cell: ([, v]) => <span className="whitespace-nowrap"><Badge>{source(v.source)}</Badge></span> },
            { head: t("col.since"), right: true, cell: ([, v]) => <When at={v.timestamp} /> },
            {
              head: t("traits.past"),
              right: true,
              bare: true,
              cell: ([k]) => (
                <Button small aria-label={`${k}: ${t("traits.past")}`} onClick={() => setPast(k)}>
                  {t("traits.past")}
                </Button>
              ),
            },
          ]}
        />
      )}
      {computed.length > 0 && (
        <>
          <h3 className="flex items-center justify-between border-y border-line bg-sunken px-4 py-1.5 font-semibold">
            {t("side.computed")}
            <Link to="/traits" className="text-sm font-normal text-accent hover:underline">{t("traits.all")}</Link>
          </h3>
          <Rows
            label={t("side.computed")}
            rows={computed}
            id={([k]) => k}
            columns={[
              { head: t("col.trait"), cell: ([k]) => <Link to="/traits/$key" params={{ key: k }} className="font-medium text-accent hover:underline">{name(k)}</Link> },
              { head: t("col.value"), wide: true, cell: ([, v]) => <Computed v={v} /> },
            ]}
          />
        </>
      )}
      <Dialog open={!!past} close={() => setPast(null)} title={`${past ?? ""} · ${t("traits.past")}`} side>
        {past && <Past p={p} trait={past} />}
      </Dialog>
    </>
  );
}

/** Past is every value that a trait was given, the newest first. */
function Past({ p, trait }: { p: Profile; trait: string }) {
  const { t } = useTranslation();
  const account = p.identifiers.find((i) => i.type === "group_id");
  const source = useSourceName();
  const q = useQuery({
    queryKey: ["past", p.id, trait],
    queryFn: ({ signal }) =>
      sql(
        `SELECT h.timestamp, h.value, h.source, h.message_id FROM traits_history h JOIN identifiers i ON i.node_id = h.node_id WHERE i.profile_id = '${p.id}' AND h.scope = '${account ? "account" : "profile"}' AND h.trait = '${trait.replaceAll("'", "''")}' ORDER BY h.timestamp DESC LIMIT 200`,
        signal,
      ),
  });
  if (q.isPending) return <Skeleton />;
  if (q.isError) return <Trouble error={q.error} retry={() => q.refetch()} />;
  if (q.data.data.length === 0) return <Empty title={t("traits.noPast")}>{t("traits.noPastLead")}</Empty>;
  return (
    <ol className="divide-y divide-line">
      {q.data.data.map((r, n) => (
        <li key={n} className="px-4 py-2.5">
          <p className="font-medium break-words">{r.value === null ? <span className="text-soft">{t("traits.taken")}</span> : <Value v={parsed(r.value)} />}</p>
          <p className="text-sm text-soft">
            <When at={String(r.timestamp)} absolute /> · {source(String(r.source))}
          </p>
        </li>
      ))}
    </ol>
  );
}

/** parsed reads a value that the tables hold as JSON. */
function parsed(v: unknown): unknown {
  if (typeof v !== "string") return v;
  try {
    return JSON.parse(v);
  } catch {
    return v;
  }
}
