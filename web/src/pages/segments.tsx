// All segments: who is in each, how many, and which of them overlap.
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import type { TFunction } from "i18next";
import { FileUp, Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { call, enc, get, type Segment, type Where } from "../api";
import { sentence } from "../conditions";
import { percent } from "../format";
import { rooted } from "../tree";
import { Overlap } from "../ui/chart";
import { Badge, buttonLook, Card, cx, Empty, Exact, Input, Num, Rows, Skeleton, Tabs, Trouble, When } from "../ui/kit";
import { usePeopleTotal, useSegments } from "../data";
import { Small, useCourses } from "./course";
import { Page } from "./page";
import { Templates } from "./templates";

export const useSegment = (key: string) =>
  useQuery({ queryKey: ["segment", key], queryFn: ({ signal }) => get<Segment>(`/v1/segments/${enc(key)}`, signal), refetchInterval: 10_000 });

export function Segments() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ from: "/segments" });
  const [find, setFind] = useState("");
  const all = useSegments();
  const courses = useCourses();
  const words = find.trim().toLowerCase();
  const rows = (all.data?.data ?? []).filter((s) => !words || `${s.name} ${s.key} ${JSON.stringify(s.where ?? "")}`.toLowerCase().includes(words));
  const total = usePeopleTotal().data ?? 0;
  const add = (
    <>
      <Link to="/segments/new" search={{ tab: "list" }} className={cx(buttonLook(), "max-sm:order-1")}>
        <FileUp aria-hidden className="size-4" />
        {t("upload.title")}
      </Link>
      <Link to="/segments/new" className={buttonLook("main")}>
        <Plus aria-hidden className="size-4" />
        {t("segments.new")}
      </Link>
    </>
  );
  const list = (
    <>
      {all.isPending && <Skeleton />}
      {all.isError && <Trouble error={all.error} retry={() => all.refetch()} />}
      {all.data?.data.length === 0 && (
        <div className="p-4">
          <Empty title={t("segments.none")} action={add}>{t("segments.noneLead")}</Empty>
          <Templates />
        </div>
      )}
      {all.data && all.data.data.length > 0 && (
        <>
          {all.data.data.length > 6 && (
            <div className="border-b border-line px-4 py-2">
              <Input type="search" value={find} onChange={(e) => setFind(e.target.value)} aria-label={t("segments.find")} placeholder={t("segments.find")} className="!min-h-8 max-w-xs" />
            </div>
          )}
          <Rows
            label={t("nav.segments")}
            rows={rows}
            id={(s) => s.key}
            columns={[
              {
                head: t("col.name"),
                cell: (s) => (
                  <span className="block sm:min-w-40">
                    <Link to="/segments/$key" params={{ key: s.key }} className="font-semibold text-accent hover:underline">{s.name}</Link>
                    {s.scope === "account" && <span className="ml-2"><Badge>{t("segments.ofAccounts")}</Badge></span>}
                  </span>
                ),
              },
              { head: t("segments.who"), wide: true, bare: true, cell: (s) => <span className="line-clamp-2 text-soft sm:min-w-64" title={s.where && inWords(t, s.where)}>{s.where ? inWords(t, s.where) : t("segments.list")}</span> },
              { head: t("col.state"), cell: (s) => <Status k={s.key} /> },
              { head: t("course.month"), cell: (s) => <Went k={s.key} changes={courses.data?.get(s.key)} /> },
              { head: t("segments.size"), right: true, cell: (s) => <Size k={s.key} total={s.scope === "account" ? 0 : total} /> },
              { head: t("segments.changed"), right: true, cell: (s) => <When at={s.updated_at} /> },
            ]}
          />
        </>
      )}
    </>
  );
  const tab = search.tab === "overlap" ? "overlap" : "list";
  return (
    <Page title={t("nav.segments")} lead={t("segments.lead")} action={add}>
      <Card flush>
        {(all.data?.data.length ?? 0) > 1 ? (
          <Tabs
            label={t("nav.segments")}
            value={tab}
            change={(v) => void navigate({ to: "/segments", search: v === "overlap" ? { tab: v } : {}, replace: true })}
            tabs={[
              { value: "list", label: t("segments.all"), panel: list },
              { value: "overlap", label: t("overlap.title"), panel: <Overlaps keys={search.keys ?? []} change={(keys) => void navigate({ to: "/segments", search: { tab: "overlap", keys: keys.length ? keys : undefined }, replace: true })} /> },
            ]}
          />
        ) : (
          list
        )}
      </Card>
    </Page>
  );
}

/** inWords says a condition in one line. */
export function inWords(t: TFunction, where: Where): string {
  const root = rooted(where);
  const form = Object.keys(root)[0];
  const parts = (root[form] as Where[]).map((c) => sentence(t, c));
  return parts.length === 1 && form === "all" ? parts[0] : t("cond.listed", { join: t(`group.${form}`), parts: parts.join(t("cond.and")) });
}

const Status = ({ k }: { k: string }) => {
  const { t } = useTranslation();
  const s = useSegment(k);
  if (!s.data?.status) return null;
  return <span className="whitespace-nowrap"><Badge tone={s.data.status === "live" ? "good" : "accent"}>{t(`segstate.${s.data.status}`, { defaultValue: s.data.status })}</Badge></span>;
};

function Went({ k, changes }: { k: string; changes: Parameters<typeof Small>[0]["changes"] }) {
  const s = useSegment(k);
  return s.data?.size === undefined || s.data.size === null ? null : <Small now={s.data.size} changes={changes} />;
}

function Size({ k, total }: { k: string; total: number }) {
  const { t, i18n } = useTranslation();
  const s = useSegment(k);
  if (s.data?.size === undefined || s.data.size === null) return <>…</>;
  const share = total > 0 ? s.data.size / total : null;
  return (
    <span className="inline-block min-w-32 whitespace-nowrap">
      <Link to="/segments/$key" params={{ key: k }} search={{ tab: "members" }} className="font-semibold hover:underline">
        <Num n={s.data.size} />
      </Link>
      {share !== null && (
        <>
          <span className="text-sm text-soft"> · {t("segments.part", { share: percent(share, i18n.language, share < 0.1 ? 1 : 0) })}</span>
          <svg aria-hidden width="100%" height="4" className="mt-1 block w-0 min-w-full rounded-full bg-sunken">
            <rect width={`${Math.min(100, share * 100)}%`} height="4" rx="2" className="fill-one" />
          </svg>
        </>
      )}
    </span>
  );
}

type Overlapped = { exact: boolean; as_of: string; sizes: Record<string, number>; regions: { in: string[]; size: number }[] };

/** Overlaps is how many are in which of some segments at once. */
export function Overlaps({ keys, change, fixed }: { keys: string[]; change: (keys: string[]) => void; fixed?: string }) {
  const { t } = useTranslation();
  const all = useSegments();
  const scope = all.data?.data.find((s) => s.key === fixed)?.scope ?? all.data?.data.find((s) => keys.includes(s.key))?.scope ?? "profile";
  const can = (all.data?.data ?? []).filter((s) => (s.scope ?? "profile") === scope);
  const chosen = [...(fixed ? [fixed] : []), ...keys.filter((k) => k !== fixed && can.some((s) => s.key === k))].slice(0, 5);
  const q = useQuery({
    queryKey: ["overlap", chosen],
    queryFn: ({ signal }) => call<Overlapped>("POST", "/v1/segments:overlap", { segments: chosen }, signal),
    enabled: chosen.length > 1,
    staleTime: 15_000,
  });
  const name = (k: string) => can.find((s) => s.key === k)?.name ?? k;
  const others = can.filter((s) => s.key !== fixed);
  return (
    <div className="space-y-4 p-4">
      <fieldset>
        <legend className="mb-2 text-sm font-medium">{t(fixed ? "overlap.with" : "overlap.which")}</legend>
        <div className="flex flex-wrap gap-2">
          {others.map((s) => {
            const on = chosen.includes(s.key);
            return (
              <label key={s.key} className={cx("flex min-h-8 cursor-pointer items-center gap-2 rounded-md border px-3 text-sm", on ? "border-accent bg-accent-wash text-accent" : "border-line")}>
                <input type="checkbox" checked={on} disabled={!on && chosen.length >= 5} onChange={() => change(on ? keys.filter((k) => k !== s.key) : [...keys, s.key])} className="accent-accent" />
                {s.name}
              </label>
            );
          })}
        </div>
        {others.length === 0 && <p className="text-soft">{t("overlap.none")}</p>}
      </fieldset>
      {chosen.length < 2 && others.length > 0 && <p className="text-soft">{t("overlap.choose")}</p>}
      {chosen.length > 1 && q.isPending && <Skeleton />}
      {q.isError && <Trouble error={q.error} retry={() => q.refetch()} />}
      {q.data && chosen.length > 1 && (
        <>
          <Overlap
            label={t("overlap.title")}
            sets={chosen.map((k) => ({ key: k, name: name(k) }))}
            regions={q.data.regions.filter((r) => r.in.length > 0).sort((a, b) => b.size - a.size)}
            open={(r) => (
              <Link
                to="/segments/new"
                search={{ where: { all: chosen.map((k) => ({ segment: k, op: r.in.includes(k) ? "in" : "not_in" })) }, name: r.in.map(name).join(" + ") }}
                title={t("overlap.asSegment")}
                className="inline-flex min-h-6 min-w-6 items-center justify-center text-sm text-accent hover:underline sm:whitespace-nowrap"
              >
                <Plus aria-hidden className="size-4.5 sm:hidden" />
                <span className="max-sm:sr-only">{t("overlap.asSegment")}</span>
              </Link>
            )}
          />
          <Exact at={q.data.as_of} exact={q.data.exact} />
        </>
      )}
    </div>
  );
}
