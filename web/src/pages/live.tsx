// Events while they come in, and what became of each.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { Pause, Play, Trash2 } from "lucide-react";
import { memo, useState } from "react";
import { useTranslation } from "react-i18next";
import { enc, get, type KithEvent } from "../api";
import { clock } from "../format";
import { type Seen, seenMax, useLive } from "../stream";
import { Badge, Button, Card, Code, Dialog, Empty, Input, Json, Num, Select, Skeleton, Trouble, When } from "../ui/kit";
import { PersonLink } from "./customer";
import { useSources } from "./home";
import { Page } from "./page";
import { snippet } from "./sources";
import { eventIcon, eventLine } from "./timeline";

const types = ["track", "page", "screen", "identify", "group", "alias"];
export const outcomeTone = (o: string) => (o === "folded" ? "good" : o === "repeat" ? "none" : o === "held" ? "warn" : "bad");

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
      <div className="mb-3 grid gap-2 sm:grid-cols-[10rem_12rem_1fr]">
        <Select aria-label={t("col.type")} value={search.type ?? ""} onChange={(e) => set({ type: e.target.value || undefined })} options={[{ value: "", label: t("live.allTypes") }, ...types.map((x) => ({ value: x, label: x }))]} />
        <Select aria-label={t("col.source")} value={search.source ?? ""} onChange={(e) => set({ source: e.target.value || undefined })} options={[{ value: "", label: t("live.allSources") }, ...(sources.data?.data ?? []).map((s) => ({ value: s.key, label: s.name }))]} />
        <Input key={search.name ?? ""} aria-label={t("live.name")} placeholder={t("live.name")} defaultValue={search.name ?? ""} onBlur={(e) => set({ name: e.target.value || undefined })} onKeyDown={(e) => e.key === "Enter" && set({ name: e.currentTarget.value || undefined })} />
      </div>
      <Card
        flush
        title={
          <span className="flex items-center gap-2 font-normal">
            <Badge tone={paused ? "warn" : live.state === "open" ? "good" : live.state === "broken" ? "bad" : "none"}>{t(paused ? "live.paused" : `live.${live.state}`)}</Badge>
            <span className="text-sm text-soft">
              <Num n={live.count} /> {t("live.came")}
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
          <ol className="divide-y divide-line">
            {live.seen.map((s) => (
              <Row key={s.key} s={s} open={setTrace} />
            ))}
          </ol>
        )}
      </Card>
      <Dialog open={!!trace} close={() => setTrace(null)} title={t("trace.title")} wide>
        {trace && <Trace source={trace.verdict.source} message={trace.verdict.message_id} />}
      </Dialog>
    </Page>
  );
}

const Row = memo(function Row({ s, open }: { s: Seen; open: (s: Seen) => void }) {
  const { t, i18n } = useTranslation();
  const e = s.event ?? ({ type: s.verdict.type ?? "", event: s.verdict.type === "track" ? s.verdict.name : undefined } as KithEvent);
  const Icon = eventIcon(e);
  return (
    <li className="[content-visibility:auto] [contain-intrinsic-size:auto_2.4rem]">
      <button type="button" onClick={() => open(s)} className="flex w-full flex-wrap items-center gap-x-3 px-4 py-1.5 text-left hover:bg-sunken focus-visible:-outline-offset-2 sm:flex-nowrap compact:py-0.5">
        <time dateTime={s.verdict.received_at} className="w-17 shrink-0 text-sm text-soft">
          {clock(s.verdict.received_at, i18n.language)}
        </time>
        <Badge tone={outcomeTone(s.verdict.outcome)}>{t(`outcome.${s.verdict.outcome}`)}</Badge>
        <Icon aria-hidden className="size-4 shrink-0 text-soft" />
        <span className="shrink-0 font-medium">{s.verdict.name ?? s.verdict.type ?? s.verdict.message_id}</span>
        <Badge>{s.verdict.source}</Badge>
        <span className="min-w-0 flex-1 basis-40 truncate text-sm text-soft">{s.event ? eventLine(s.event) : (s.verdict.detail ?? "")}</span>
      </button>
    </li>
  );
});

type Traced = {
  records: {
    position: string;
    outcome: string;
    summary: string;
    type: string | null;
    received_at: string;
    timestamp: string | null;
    notes: unknown[];
    profile_id: string | null;
    identifiers: { type: string; value: string }[];
    dropped: unknown[];
    observation: string | null;
    code: string | null;
    detail: string | null;
    event?: unknown;
  }[];
};

export function Trace({ source, message }: { source: string; message: string }) {
  const { t } = useTranslation();
  const q = useQuery({ queryKey: ["trace", source, message], queryFn: ({ signal }) => get<Traced>(`/v1/events/${enc(source)}/${enc(message)}`, signal) });
  if (q.isPending) return <Skeleton />;
  if (q.isError) return <Trouble error={q.error} retry={() => q.refetch()} />;
  return (
    <ol className="divide-y divide-line">
      {q.data.records.map((r) => (
        <li key={r.position} className="space-y-3 p-4">
          <p className="flex flex-wrap items-center gap-2">
            <Badge tone={outcomeTone(r.outcome)}>{t(`outcome.${r.outcome}`)}</Badge>
            <span>{r.summary}</span>
          </p>
          {r.detail && <p className="text-bad">{r.detail}</p>}
          <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1">
            <dt className="text-soft">{t("trace.received")}</dt>
            <dd><When at={r.received_at} absolute /></dd>
            {r.timestamp && <dt className="text-soft">{t("trace.happened")}</dt>}
            {r.timestamp && <dd><When at={r.timestamp} absolute /></dd>}
            <dt className="text-soft">{t("col.source")}</dt>
            <dd>{source}</dd>
            <dt className="text-soft">{t("trace.message")}</dt>
            <dd className="font-mono text-sm break-all">{message}</dd>
            {r.profile_id && <dt className="text-soft">{t("trace.person")}</dt>}
            {r.profile_id && <dd><PersonLink id={r.profile_id} /></dd>}
            {r.identifiers?.length > 0 && <dt className="text-soft">{t("side.identifiers")}</dt>}
            {r.identifiers?.length > 0 && (
              <dd className="flex flex-wrap gap-1">
                {r.identifiers.map((i) => <Badge key={i.type + i.value}>{i.type}: {i.value}</Badge>)}
              </dd>
            )}
          </dl>
          {r.event !== undefined && r.event !== null && <Json value={r.event} label={t("trace.event")} />}
        </li>
      ))}
    </ol>
  );
}
