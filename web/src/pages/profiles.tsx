// Finding a customer by anything that is known of them.
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Search } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { enc, type Found, get, type Page, sql } from "../api";
import { fieldName, useStatus } from "../data";
import { nameOf, useDelayed } from "../palette";
import { PersonLink } from "../person";
import { Badge, Button, Card, Code, Empty, Input, Num, PageHead, Rows, Skeleton, Trouble, When } from "../ui/kit";

export function Profiles() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { q = "" } = useSearch({ from: "/profiles" });
  const [text, setText] = useState(q);
  const late = useDelayed(text, 180);
  useEffect(() => {
    if (late !== q) void navigate({ to: "/profiles", search: { q: late || undefined }, replace: true });
    // only what is typed changes the address; the address changing is the browser's doing
    // eslint-disable-next-line
  }, [late]);
  useEffect(() => setText(q), [q]);
  return (
    <>
      <PageHead title={t("nav.profiles")} lead={t("profiles.lead")} />
      <div className="relative mb-1.5 max-w-2xl">
        <Search aria-hidden className="pointer-events-none absolute top-1/2 left-3 size-4.5 -translate-y-1/2 text-soft" />
        <Input autoFocus type="search" aria-label={t("profiles.search")} placeholder={t("profiles.hint")} value={text} onChange={(e) => setText(e.target.value)} className="!min-h-11 !pl-10" />
      </div>
      <p className="mb-4 text-sm text-soft">{t("profiles.startLead")}</p>
      <Card flush>{q.trim() ? <Results q={q} /> : <Lately />}</Card>
    </>
  );
}

/** Lately are those who were seen last, to begin with. */
function Lately() {
  const { t } = useTranslation();
  const q = useQuery({
    queryKey: ["lately"],
    queryFn: ({ signal }) => sql("SELECT profile_id, traits, events, identifiers, first_seen, last_seen FROM profiles ORDER BY last_seen DESC LIMIT 15", signal),
    staleTime: 10_000,
  });
  if (q.isPending) return <Skeleton lines={6} />;
  if (q.isError) return <Trouble error={q.error} retry={() => q.refetch()} />;
  if (q.data.data.length === 0) return <Empty title={t("profiles.start")} />;
  return (
    <>
      <h2 className="border-b border-line px-4 py-2.5 font-semibold">{t("profiles.lately")}</h2>
      <Rows
        label={t("profiles.lately")}
        rows={q.data.data}
        id={(r) => String(r.profile_id)}
        columns={[
          { head: t("col.name"), cell: (r) => <span className="block sm:min-w-48"><PersonLink id={String(r.profile_id)} /></span> },
          { head: t("col.contact"), wide: true, bare: true, cell: (r) => <Contact of={contactOf(r.traits)} /> },
          { head: t("profiles.identifiers"), right: true, cell: (r) => <Num n={Number(r.identifiers)} /> },
          { head: t("col.events"), right: true, cell: (r) => <Num n={Number(r.events)} /> },
          { head: t("col.firstSeen"), right: true, cell: (r) => <When at={String(r.first_seen)} /> },
          { head: t("col.lastSeen"), right: true, cell: (r) => <When at={String(r.last_seen)} /> },
        ]}
      />
    </>
  );
}

function contactOf(v: unknown): unknown[] {
  const traits = (typeof v === "string" ? JSON.parse(v) : v) as Record<string, unknown> | null;
  return [traits?.email, traits?.phone];
}

/** Contact is by what somebody is reached; an address is not torn, a number never. */
function Contact({ of }: { of: unknown[] }) {
  const all = of.filter((x): x is string => typeof x === "string" && x !== "");
  return (
    <span className="flex flex-wrap gap-x-3 text-soft max-sm:text-sm">
      {all.length === 0 ? "–" : all.map((x, n) => <span key={x} className={n === 0 ? "break-all" : "whitespace-nowrap"}>{x}</span>)}
    </span>
  );
}

function Results({ q }: { q: string }) {
  const { t } = useTranslation();
  const status = useStatus();
  const found = useInfiniteQuery({
    queryKey: ["search", q],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) => get<Page<Found>>(`/v1/profiles?q=${enc(q)}&limit=25${pageParam && `&cursor=${enc(pageParam)}`}`, signal),
    getNextPageParam: (p) => p.next ?? undefined,
    placeholderData: keepPreviousData,
  });
  if (found.isPending) return <Skeleton lines={6} />;
  if (found.isError) return <Trouble error={found.error} retry={() => found.refetch()} />;
  const rows = found.data.pages.flatMap((p) => p.data);
  if (rows.length === 0) {
    return (
      <Empty title={t("profiles.none")}>
        <p>{t("profiles.noneLead")}</p>
        {status.data?.accepted === 0 && (
          <div className="mt-4 text-left">
            <p className="mb-2">{t("profiles.noneDemo")}</p>
            <Code text={"kith demo"} label={t("profiles.demo")} />
          </div>
        )}
      </Empty>
    );
  }
  return (
    <>
      <Rows
        rows={rows}
        id={(r) => r.id}
        label={t("nav.profiles")}
        columns={[
          {
            head: t("col.name"),
            cell: (r) => (
              <Link to="/profiles/$ref" params={{ ref: `id:${r.id}` }} className="font-medium text-accent hover:underline">
                {nameOf(r)}
              </Link>
            ),
          },
          { head: t("col.contact"), wide: true, bare: true, cell: (r) => <Contact of={[r.email, r.phone]} /> },
          {
            head: t("col.matched"),
            cell: (r) => (
              <span className="flex flex-wrap gap-1">
                {r.matched.slice(0, 2).map((m) => (
                  <Badge key={m.field + m.value} tone="accent" title={m.field}>
                    <span className="truncate">
                      {t("cond.listed", { join: fieldName(t, m.field), parts: m.value })}
                    </span>
                  </Badge>
                ))}
              </span>
            ),
          },
          { head: t("col.events"), right: true, cell: (r) => <Num n={r.events} /> },
          { head: t("col.lastSeen"), right: true, cell: (r) => <When at={r.last_seen} /> },
        ]}
      />
      {found.hasNextPage && (
        <div className="border-t border-line p-3 text-center">
          <Button onClick={() => found.fetchNextPage()} disabled={found.isFetchingNextPage}>
            {t("more")}
          </Button>
        </div>
      )}
    </>
  );
}
