// Events that could not be taken into profiles, and the way back for them.
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { call, enc, get, type Page as Part } from "../api";
import { useSourceName } from "../data";
import { Badge, Button, Card, cx, Dialog, Empty, Facts, Json, Num, Rows, Skeleton, Trouble, When } from "../ui/kit";
import { useQuery } from "@tanstack/react-query";
import { Page } from "./page";

type Held = { id: string; code: string; detail: string; source: string | null; message_id: string | null; type: string | null; received_at: string | null; body?: unknown };

export function Quarantine() {
  const { t } = useTranslation();
  const [open, setOpen] = useState<Held | null>(null);
  const q = useInfiniteQuery({
    queryKey: ["held"],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) => get<Part<Held>>(`/v1/quarantine?limit=50${pageParam && `&cursor=${enc(pageParam)}`}`, signal),
    getNextPageParam: (p) => p.next ?? undefined,
  });
  const navigate = useNavigate();
  const source = useSourceName();
  const { code } = useSearch({ from: "/quarantine" });
  const all = q.data?.pages.flatMap((p) => p.data) ?? [];
  const rows = code ? all.filter((h) => h.code === code) : all;
  const causes = [...all.reduce((m, h) => m.set(h.code, [...(m.get(h.code) ?? []), h]), new Map<string, Held[]>())].sort((a, b) => b[1].length - a[1].length);
  return (
    <Page title={t("nav.quarantine")} lead={t("held.lead")}>
      {causes.length > 0 && (
        <div className="mb-4 grid gap-2 sm:grid-cols-2 xl:grid-cols-3" role="group" aria-label={t("held.causes")}>
          {causes.map(([c, held]) => (
            <button
              key={c}
              type="button"
              aria-pressed={code === c}
              onClick={() => void navigate({ to: "/quarantine", search: { code: code === c ? undefined : c }, replace: true })}
              className={cx("flex min-w-0 flex-col rounded-lg border px-4 py-2.5 text-left", code === c ? "border-accent bg-accent-wash" : "border-line bg-panel hover:border-accent")}
            >
              <span className="flex items-baseline justify-between gap-3">
                <span className="min-w-0 font-medium break-words">{t(`cause.${c.replaceAll(".", "_")}`, { defaultValue: c })}</span>
                <span className="text-xl font-semibold"><Num n={held.length} />{q.hasNextPage && "+"}</span>
              </span>
              <span className="block truncate text-sm text-soft">{[...new Set(held.map((h) => h.source).filter(Boolean))].map(source).join(", ")}</span>
            </button>
          ))}
        </div>
      )}
      <Card flush>
        {q.isPending && <Skeleton />}
        {q.isError && <Trouble error={q.error} retry={() => q.refetch()} />}
        {q.data && all.length === 0 && <Empty title={t("held.none")}>{t("held.noneLead")}</Empty>}
        {rows.length > 0 && (
          <Rows
            label={t("nav.quarantine")}
            rows={rows}
            id={(h) => h.id}
            columns={[
              { head: t("held.why"), wide: true, cell: (h) => <Cause h={h} /> },
              { head: t("col.source"), cell: (h) => (h.source ? <span className="whitespace-nowrap"><Badge>{source(h.source)}</Badge></span> : "–") },
              { head: t("trace.message"), cell: (h) => <span className="inline-block min-w-32 font-mono text-sm break-all">{h.message_id ?? "–"}</span> },
              { head: t("trace.received"), right: true, cell: (h) => <When at={h.received_at} /> },
              { head: t("held.content"), right: true, bare: true, cell: (h) => <Button small aria-label={`${h.message_id ?? h.id}: ${t("held.look")}`} onClick={() => setOpen(h)}>{t("held.look")}</Button> },
            ]}
          />
        )}
        {q.hasNextPage && (
          <div className="border-t border-line p-3 text-center">
            <Button onClick={() => q.fetchNextPage()} disabled={q.isFetchingNextPage}>{t("more")}</Button>
          </div>
        )}
      </Card>
      <Dialog open={!!open} close={() => setOpen(null)} title={t("held.one")} side>
        {open && <One h={open} done={() => setOpen(null)} />}
      </Dialog>
    </Page>
  );
}

/** Cause is why an event was set apart, in the reader's words where there are any. */
function Cause({ h }: { h: Held }) {
  const { t } = useTranslation();
  const words = t(`cause.${h.code.replaceAll(".", "_")}`, { defaultValue: "" });
  return (
    <span lang={words ? undefined : "en"} className="block first-letter:uppercase">{words || h.detail}</span>
  );
}

function One({ h, done }: { h: Held; done: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const source = useSourceName();
  const q = useQuery({ queryKey: ["held", h.id], queryFn: ({ signal }) => get<Held>(`/v1/quarantine/${enc(h.id)}`, signal) });
  const again = useMutation({
    mutationFn: () => call("POST", `/v1/quarantine/${enc(h.id)}/retry`),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["held"] });
      await client.invalidateQueries({ queryKey: ["status"] });
      done();
    },
  });
  return (
    <div className="space-y-3 p-4">
      <h3 className="text-lg font-semibold"><Cause h={h} /></h3>
      <p lang="en" className="text-sm text-soft">{h.detail}</p>
      <Facts
        wide
        facts={[
          [t("trace.message"), <span className="font-mono text-sm break-all">{h.message_id ?? h.id}</span>],
          [t("held.code"), <span className="font-mono text-sm">{h.code}</span>],
          [t("col.source"), source(h.source) || "–"],
          [t("trace.received"), <When at={h.received_at} absolute />],
        ]}
      />
      {q.isPending && <Skeleton />}
      {q.isError && <Trouble error={q.error} />}
      {q.data && <Json value={q.data.body ?? q.data} label={t("held.content")} />}
      {again.isError && <Trouble error={again.error} />}
      <div className="flex flex-wrap items-center justify-end gap-3">
        <span className="text-sm text-soft">{t("held.retryHint")}</span>
        <Button kind="main" disabled={again.isPending} onClick={() => again.mutate()}>{t("held.retry")}</Button>
      </div>
    </div>
  );
}
