// What takes long and was started.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { call, enc, get, type Job } from "../api";
import { going, jobTone, useJobs, useKind } from "../tray";
import { Reason, refusalOf } from "../reason";
import { Badge, Button, Card, Dialog, Empty, Facts, Json, Num, Progress, Rows, Skeleton, Trouble, When } from "../ui/kit";
import { Page } from "./page";

function useStop() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => call("DELETE", `/v1/jobs/${enc(id)}`),
    onSettled: () => client.invalidateQueries({ queryKey: ["jobs"] }),
  });
}

export function Jobs() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { id } = useSearch({ from: "/jobs" });
  const kind = useKind();
  const q = useJobs();
  const stop = useStop();
  const open = (x?: string) => void navigate({ to: "/jobs", search: { id: x }, replace: true });
  return (
    <Page title={t("nav.jobs")} lead={t("jobs.lead")}>
      <Card flush>
        {q.isPending && <Skeleton />}
        {q.isError && <Trouble error={q.error} retry={() => q.refetch()} />}
        {stop.isError && <Trouble error={stop.error} />}
        {q.data?.data.length === 0 && <Empty title={t("jobs.none")}>{t("jobs.noneLead")}</Empty>}
        {q.data && q.data.data.length > 0 && (
          <Rows
            label={t("nav.jobs")}
            rows={q.data.data}
            id={(j) => j.id}
            columns={[
              { head: t("jobs.kind"), cell: (j) => <button type="button" onClick={() => open(j.id)} className="min-h-6 rounded text-left font-semibold text-accent hover:underline">{kind(j.kind)}</button> },
              { head: t("col.state"), cell: (j) => <Badge tone={jobTone(j.state)}>{t(`job.${j.state}`)}</Badge> },
              { head: t("jobs.progress"), wide: true, cell: (j) => <Far j={j} /> },
              { head: t("jobs.trouble"), cell: (j) => <span className="text-bad">{j.error ? <Reason {...refusalOf(j.error)} /> : ""}</span> },
              { head: t("jobs.began"), right: true, cell: (j) => <When at={j.created_at} /> },
              { head: t("jobs.took"), right: true, cell: (j) => <Took j={j} /> },
              { head: t("jobs.stop"), right: true, cell: (j) => (going(j) ? <Button small kind="bad" onClick={() => stop.mutate(j.id)}>{t("jobs.stop")}</Button> : null) },
            ]}
          />
        )}
      </Card>
      <Dialog open={!!id} close={() => open()} title={t("jobs.one")} side>
        {id && <One id={id} />}
      </Dialog>
    </Page>
  );
}

function Far({ j }: { j: Job }) {
  const { t } = useTranslation();
  return (
    <span className="flex min-w-44 items-center gap-3">
      {going(j) && <span className="w-32"><Progress done={j.accepted + j.rejected} total={j.total || null} label={t("jobs.progress")} /></span>}
      <span className="text-sm text-soft">
        <Num n={j.accepted} />
        {j.total ? <> / <Num n={j.total} /></> : null}
        {j.rejected > 0 && <> · {t("jobs.rejected")} <Num n={j.rejected} /></>}
      </span>
    </span>
  );
}

function Took({ j }: { j: Job }) {
  const { i18n } = useTranslation();
  if (!j.ended_at || !j.created_at) return <>–</>;
  const seconds = (Date.parse(j.ended_at) - Date.parse(j.created_at)) / 1000;
  const unit = seconds < 90 ? "second" : "minute";
  return <span className="whitespace-nowrap">{new Intl.NumberFormat(i18n.language, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 1 }).format(unit === "second" ? seconds : seconds / 60)}</span>;
}

function One({ id }: { id: string }) {
  const { t } = useTranslation();
  const kind = useKind();
  const stop = useStop();
  const q = useQuery({ queryKey: ["job", id], queryFn: ({ signal }) => get<Job>(`/v1/jobs/${enc(id)}`, signal), refetchInterval: (x) => (x.state.data && !going(x.state.data) ? false : 1_000) });
  if (q.isPending) return <Skeleton />;
  if (q.isError) return <Trouble error={q.error} retry={() => q.refetch()} />;
  const j = q.data;
  return (
    <div className="space-y-4 p-4">
      <div className="flex items-center justify-between gap-3">
        <h3 className="text-lg font-semibold">{kind(j.kind)}</h3>
        <Badge tone={jobTone(j.state)}>{t(`job.${j.state}`)}</Badge>
      </div>
      {going(j) && <Progress done={j.accepted + j.rejected} total={j.total || null} label={t("jobs.progress")} />}
      <Facts
        facts={[
          [t("jobs.progress"), <Far j={j} />],
          [t("jobs.began"), <When at={j.created_at} absolute />],
          ...(j.ended_at ? [[t("jobs.ended"), <When at={j.ended_at} absolute />] as [string, ReactNode]] : []),
          [t("jobs.id"), <span className="font-mono text-sm break-all">{j.id}</span>],
        ]}
      />
      {j.error != null && <p className="rounded-md bg-bad-wash p-3 text-bad"><Reason {...refusalOf(j.error)} /></p>}
      {j.result != null && <Json value={j.result} label={t("jobs.result")} />}
      {stop.isError && <Trouble error={stop.error} />}
      {going(j) && <Button kind="bad" onClick={() => stop.mutate(j.id)}>{t("jobs.stop")}</Button>}
    </div>
  );
}
