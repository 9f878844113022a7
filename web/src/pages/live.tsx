// Events while they come in, and what became of each.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Pause, Play, Trash2 } from "lucide-react";
import { memo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { KithEvent } from "../api";
import { clock } from "../format";
import { callTitle, eventIcon } from "../kinds";
import { type Seen, seenMax, useLive } from "../stream";
import { Badge, Button, Card, Code, Dialog, Empty, Input, Num, Select } from "../ui/kit";
import { useSourceName, useSources } from "../data";
import { Page } from "./page";
import { snippet } from "./snippets";
import { eventLine } from "./timeline";
import { outcomeTone, Trace } from "./trace";

const types = ["track", "page", "screen", "identify", "group", "alias"];

export function LiveEvents() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ from: "/live" });
  const [paused, setPaused] = useState(false);
  const [trace, setTrace] = useState<Seen | null>(null);
  const sources = useSources();
  const query = new URLSearchParams(Object.entries(search).filter((x): x is [string, string] => !!x[1])).toString();
  const live = useLive(query && `?${query}`, paused);
  const set = (change: Partial<typeof search>) => void navigate({ to: "/live", search: { ...search, ...change }, replace: true });
  return (
    <Page
      title={t("nav.live")}
      lead={t("live.lead")}
      action={
        <>
          <Button onClick={live.clear}>
            <Trash2 aria-hidden className="size-4" />
            {t("live.clear")}
          </Button>
          <Button kind={paused ? "main" : "plain"} onClick={() => setPaused(!paused)}>
            {paused ? <Play aria-hidden className="size-4" /> : <Pause aria-hidden className="size-4" />}
            {t(paused ? "live.resume" : "live.pause")}
          </Button>
        </>
      }
    >
      <div className="mb-3 grid gap-2 sm:grid-cols-2 xl:grid-cols-[12rem_13.5rem_1fr_1fr]">
        <Select aria-label={t("col.type")} value={search.type ?? ""} onChange={(e) => set({ type: e.target.value || undefined })} options={[{ value: "", label: t("live.allTypes") }, ...types.map((x) => ({ value: x, label: x }))]} />
        <Select aria-label={t("col.source")} value={search.source ?? ""} onChange={(e) => set({ source: e.target.value || undefined })} options={[{ value: "", label: t("live.allSources") }, ...(sources.data?.data ?? []).map((s) => ({ value: s.key, label: s.name }))]} />
        <Input key={search.name ?? ""} aria-label={t("live.name")} placeholder={t("live.name")} defaultValue={search.name ?? ""} onBlur={(e) => set({ name: e.target.value || undefined })} onKeyDown={(e) => e.key === "Enter" && set({ name: e.currentTarget.value || undefined })} />
        <Input key={`i${search.identifier ?? ""}`} aria-label={t("live.who")} placeholder={t("live.who")} defaultValue={search.identifier ?? ""} onBlur={(e) => set({ identifier: e.target.value || undefined })} onKeyDown={(e) => e.key === "Enter" && set({ identifier: e.currentTarget.value || undefined })} />
      </div>
      <Card
        flush
        title={
          <span className="flex items-center gap-2 font-normal">
            <Badge tone={paused ? "warn" : live.state === "open" ? "good" : live.state === "broken" ? "bad" : "none"}>{t(paused ? "live.paused" : `live.${live.state}`)}</Badge>
            <span className="text-sm text-soft">
              <Num n={live.count} /> {t("live.came", { count: live.count })}
              {live.count > seenMax && ` · ${t("live.newest", { n: seenMax })}`}
              {live.lost > 0 && ` · ${t("live.lost", { n: live.lost })}`}
            </span>
          </span>
        }
      >
        {live.seen.length === 0 ? (
          <Empty title={t(paused ? "live.paused" : "live.waiting")}>
            <p>{t("live.waitingLead")}</p>
            {sources.data?.data[0] && (
              <div className="mt-4 text-left">
                <Code text={snippet("curl", location.origin, (sources.data.data.find((s) => s.key === "default") ?? sources.data.data[0]).write_key)} label="curl" />
              </div>
            )}
          </Empty>
        ) : (
          <ol className="divide-y divide-line" aria-label={t("nav.live")}>
            {live.seen.map((s) => (
              <Row key={s.key} s={s} open={setTrace} />
            ))}
          </ol>
        )}
      </Card>
      <Dialog open={!!trace} close={() => setTrace(null)} title={t("trace.title")} side>
        {trace && <Trace source={trace.verdict.source} message={trace.verdict.message_id} />}
      </Dialog>
    </Page>
  );
}

const Row = memo(function Row({ s, open }: { s: Seen; open: (s: Seen) => void }) {
  const { t, i18n } = useTranslation();
  const e = s.event ?? ({ type: s.verdict.type ?? "", event: s.verdict.type === "track" ? s.verdict.name : undefined } as KithEvent);
  const Icon = eventIcon(e);
  const source = useSourceName();
  return (
    <li className="[content-visibility:auto] [contain-intrinsic-size:auto_2.4rem]">
      <button type="button" onClick={() => open(s)} className="flex w-full flex-wrap items-center gap-x-3 px-4 py-1.5 text-left hover:bg-sunken focus-visible:-outline-offset-2 sm:flex-nowrap compact:py-0.5">
        <time dateTime={s.verdict.received_at} className="w-17 shrink-0 text-sm text-soft">
          {clock(s.verdict.received_at, i18n.language)}
        </time>
        <Badge tone={outcomeTone(s.verdict.outcome)}>{t(`outcome.${s.verdict.outcome}`)}</Badge>
        <Icon aria-hidden className="size-4 shrink-0 text-soft" />
        <span className="font-medium max-sm:min-w-0 sm:shrink-0">{s.verdict.name ?? (s.verdict.type ? callTitle(s.verdict.type) : s.verdict.message_id)}</span>
        <Badge>{source(s.verdict.source)}</Badge>
        <span lang={s.event ? undefined : "en"} className="min-w-0 flex-1 basis-40 truncate text-sm text-soft max-sm:basis-full">{s.event ? eventLine(s.event, i18n.language) : (s.verdict.detail ?? "")}</span>
      </button>
    </li>
  );
});
