// What takes long and goes on now, from every screen.
import { Popover } from "@base-ui/react/popover";
import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { ListChecks } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { get, type Job, type Page } from "./api";
import { Badge, cx, Num, Progress, When } from "./ui/kit";
import { say } from "./ui/toast";

export const going = (j: Job) => j.state === "queued" || j.state === "running";
export const jobTone = (s: string) => (s === "done" ? "good" : s === "failed" ? "bad" : s === "cancelled" ? "none" : "accent");

export const useJobs = () =>
  useQuery({
    queryKey: ["jobs"],
    queryFn: ({ signal }) => get<Page<Job>>("/v1/jobs?limit=100", signal),
    refetchInterval: (x) => (x.state.data?.data.some(going) ? 1_000 : 10_000),
  });

/** useKind names a kind of job in words. */
export function useKind() {
  const { t } = useTranslation();
  return (kind: string) => t(`jobkind.${kind}`, { defaultValue: kind.replaceAll("_", " ") });
}

/** useEnds tells when a job ends that was seen while it went on. */
function useEnds(jobs: Job[]) {
  const { t } = useTranslation();
  const kind = useKind();
  const before = useRef(new Set<string>());
  useEffect(() => {
    for (const j of jobs) {
      if (!going(j) && before.current.has(j.id)) say(t("cond.listed", { join: kind(j.kind), parts: t(`job.${j.state}`) }));
    }
    before.current = new Set(jobs.filter(going).map((j) => j.id));
  }, [jobs, t, kind]);
}

export function Tray() {
  const { t } = useTranslation();
  const kind = useKind();
  const jobs = useJobs();
  const all = jobs.data?.data ?? none;
  const now = all.filter(going);
  const [open, setOpen] = useState(false);
  useEnds(all);
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger
        aria-label={now.length ? t("tray.going", { count: now.length }) : t("nav.jobs")}
        title={t("nav.jobs")}
        className={cx("relative inline-flex min-h-9 items-center justify-center gap-1.5 rounded-md px-3 text-soft hover:bg-sunken hover:text-ink compact:min-h-8 max-sm:px-2", now.length > 0 && "text-accent")}
      >
        <ListChecks aria-hidden className="size-4.5" />
        {now.length > 0 && <span className="text-sm font-semibold">{now.length}</span>}
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Positioner sideOffset={6} align="end" className="z-40">
          <Popover.Popup className="w-80 max-w-[calc(100vw-1.5rem)] rounded-lg border border-line bg-panel text-ink shadow-xl outline-none">
            <div className="flex items-center justify-between border-b border-line px-4 py-2">
              <Popover.Title className="font-semibold">{t("nav.jobs")}</Popover.Title>
              <Link to={"/jobs" as "/"} onClick={() => setOpen(false)} className="text-sm text-accent hover:underline">
                {t("tray.all")}
              </Link>
            </div>
            {all.length === 0 && <p className="px-4 py-3 text-soft">{t("jobs.none")}</p>}
            <ul className="divide-y divide-line">
              {all.slice(0, 5).map((j) => (
                <li key={j.id} className="px-4 py-2">
                  <Link to={"/jobs" as "/"} search={{ id: j.id } as never} onClick={() => setOpen(false)} className="block rounded">
                    <span className="flex items-baseline justify-between gap-2">
                      <span className="min-w-0 truncate font-medium">{kind(j.kind)}</span>
                      <Badge tone={jobTone(j.state)}>{t(`job.${j.state}`)}</Badge>
                    </span>
                    {going(j) && <span className="mt-1.5 block"><Progress done={j.accepted + j.rejected} total={j.total || null} label={t("jobs.progress")} /></span>}
                    <span className="text-sm text-soft">
                      <Num n={j.accepted} />
                      {j.total ? <> / <Num n={j.total} /></> : null} · <When at={j.ended_at ?? j.created_at} />
                    </span>
                  </Link>
                </li>
              ))}
            </ul>
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  );
}

const none: Job[] = [];
