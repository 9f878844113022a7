// Events that could not be taken into profiles, and the way back for them.
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { call, enc, get, type Page as Part } from "../api";
import { Badge, Button, Card, Dialog, Empty, Json, Rows, Skeleton, Trouble, When } from "../ui/kit";
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
  const rows = q.data?.pages.flatMap((p) => p.data) ?? [];
  return (
    <Page title={t("nav.quarantine")} lead={t("held.lead")}>
      <Card flush>
        {q.isPending && <Skeleton />}
        {q.isError && <Trouble error={q.error} retry={() => q.refetch()} />}
        {q.data && rows.length === 0 && <Empty title={t("held.none")}>{t("held.noneLead")}</Empty>}
        {rows.length > 0 && (
          <Rows
            label={t("nav.quarantine")}
            rows={rows}
            id={(h) => h.id}
            columns={[
              { head: t("held.why"), wide: true, cell: (h) => <span><span lang="en" className="block">{h.detail}</span><span className="font-mono text-xs text-soft">{h.code}</span></span> },
              { head: t("col.source"), cell: (h) => (h.source ? <Badge>{h.source}</Badge> : "–") },
              { head: t("trace.message"), cell: (h) => <span className="font-mono text-sm break-all">{h.message_id ?? "–"}</span> },
              { head: t("trace.received"), right: true, cell: (h) => <When at={h.received_at} /> },
              { head: t("held.content"), right: true, cell: (h) => <Button small aria-label={`${h.message_id ?? h.id}: ${t("held.look")}`} onClick={() => setOpen(h)}>{t("held.look")}</Button> },
            ]}
          />
        )}
        {q.hasNextPage && (
          <div className="border-t border-line p-3 text-center">
            <Button onClick={() => q.fetchNextPage()} disabled={q.isFetchingNextPage}>{t("more")}</Button>
          </div>
        )}
      </Card>
      <Dialog open={!!open} close={() => setOpen(null)} title={open?.message_id ?? open?.id ?? ""} wide>
        {open && <One h={open} done={() => setOpen(null)} />}
      </Dialog>
    </Page>
  );
}

function One({ h, done }: { h: Held; done: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
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
      <p lang="en" className="font-medium">{h.detail}</p>
      {q.isPending && <Skeleton />}
      {q.isError && <Trouble error={q.error} />}
      {q.data && <Json value={q.data.body ?? q.data} label={t("held.content")} />}
      {again.isError && <Trouble error={again.error} />}
      <div className="flex items-center justify-end gap-3">
        <span className="text-sm text-soft">{t("held.retryHint")}</span>
        <Button kind="main" disabled={again.isPending} onClick={() => again.mutate()}>{t("held.retry")}</Button>
      </div>
    </div>
  );
}
