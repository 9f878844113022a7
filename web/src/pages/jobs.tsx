// What takes long and was started.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { call, enc, get, type Job, type Page as Part } from "../api";
import { plain } from "../format";
import { Badge, Button, Card, Empty, Num, Rows, Skeleton, Trouble, When } from "../ui/kit";
import { Page } from "./page";

const tone = (s: string) => (s === "done" ? "good" : s === "failed" ? "bad" : s === "cancelled" ? "none" : "accent");
const going = (j: Job) => j.state === "queued" || j.state === "running";

export function Jobs() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const q = useQuery({
    queryKey: ["jobs"],
    queryFn: ({ signal }) => get<Part<Job>>("/v1/jobs?limit=100", signal),
    refetchInterval: (x) => (x.state.data?.data.some(going) ? 1_000 : 10_000),
  });
  const stop = useMutation({
    mutationFn: (id: string) => call("DELETE", `/v1/jobs/${enc(id)}`),
    onSettled: () => client.invalidateQueries({ queryKey: ["jobs"] }),
  });
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
              { head: t("jobs.kind"), cell: (j) => <span className="font-medium">{j.kind}</span> },
              { head: t("col.state"), cell: (j) => <Badge tone={tone(j.state)}>{t(`job.${j.state}`)}</Badge> },
              {
                head: t("jobs.progress"),
                wide: true,
                cell: (j) => (
                  <span className="flex items-center gap-3">
                    {!!j.total && <progress aria-label={t("jobs.progress")} max={j.total} value={j.state === "done" ? j.total : j.accepted + j.rejected} className="h-2 w-32 accent-accent" />}
                    <span className="text-sm text-soft"><Num n={j.accepted} />{j.total ? <> / <Num n={j.total} /></> : null}{j.rejected > 0 && <> · {t("jobs.rejected")} <Num n={j.rejected} /></>}</span>
                  </span>
                ),
              },
              { head: t("jobs.trouble"), cell: (j) => <span lang="en" className="text-bad">{j.error ? plain((j.error as { detail?: string }).detail ?? j.error) : ""}</span> },
              { head: t("jobs.began"), right: true, cell: (j) => <When at={j.created_at} /> },
              { head: t("jobs.stop"), right: true, cell: (j) => (going(j) ? <Button small kind="bad" onClick={() => stop.mutate(j.id)}>{t("jobs.stop")}</Button> : null) },
            ]}
          />
        )}
      </Card>
    </Page>
  );
}
