// What became of one message, step by step.
import { useQuery } from "@tanstack/react-query";
import { Check, CircleAlert, CircleMinus, type LucideIcon, X } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { enc, get } from "../api";
import { useSourceName } from "../data";
import { PersonLink } from "../person";
import { Badge, Copy, cx, Facts, Fold, Json, Skeleton, Trouble, When } from "../ui/kit";

export const outcomeTone = (o: string) => (o === "folded" ? "good" : o === "held" || o === "waiting" ? "warn" : o === "rejected" || o === "retracted" ? "bad" : "none");

type Traced = {
  source: string;
  message_id: string;
  complete: boolean;
  records: {
    position: string;
    outcome: string;
    summary: string;
    type: string | null;
    received_at: string | null;
    timestamp: string | null;
    last_copy_at: string | null;
    admission: string;
    notes: string[];
    node_id: string | null;
    profile_id: string | null;
    identifiers: { type: string; value: string; node_id: string }[];
    dropped: { type: string; reason: string }[];
    observation: string | null;
    code: string | null;
    detail: string | null;
    event?: unknown;
  }[];
};
type Record_ = Traced["records"][number];

export function Trace({ source, message, position }: { source: string; message: string; position?: string }) {
  const { t } = useTranslation();
  const q = useQuery({ queryKey: ["trace", source, message, position], queryFn: ({ signal }) => get<Traced>(`/v1/events/${enc(source)}/${enc(message)}${position ? `?position=${enc(position)}` : ""}`, signal) });
  if (q.isPending) return <Skeleton />;
  if (q.isError) return <Trouble error={q.error} retry={() => q.refetch()} />;
  return (
    <div>
      <div className="flex items-start gap-1 border-b border-line px-4 py-2 text-sm">
        <span className="shrink-0 text-soft">{t("trace.message")}</span>
        <span className="ml-2 min-w-0 font-mono break-all max-sm:text-xs">{message}</span>
        <Copy text={message} />
      </div>
      <ol className="divide-y divide-line">
        {q.data.records.map((r) => (
          <li key={r.position} className="p-4">
            <Steps r={r} source={source} />
            {r.event !== undefined && r.event !== null && (
              <div className="mt-4">
                <h3 className="mb-1.5 text-sm font-semibold">{t("trace.event")}</h3>
                <Json value={r.event} label={t("trace.event")} />
              </div>
            )}
          </li>
        ))}
      </ol>
      {!q.data.complete && <p className="px-4 pb-4 text-sm text-warn">{t("trace.incomplete")}</p>}
    </div>
  );
}

// What is done to a message when it is accepted, by a word of how the server says it.
const noteWords: [RegExp, string][] = [
  [/characters/, "stamp.replaced"],
  [/too far ahead/, "stamp.ahead"],
  [/sender's clock/, "stamp.clock"],
  [/so one was made/, "stamp.made"],
  [/so a hash/, "stamp.hash"],
  [/Privacy Control/, "stamp.gpc"],
  [/came from a server/, "stamp.server"],
  [/may not claim/, "stamp.distrusted"],
];
const noteOf = (text: string) => noteWords.find(([re]) => re.test(text))?.[1] ?? text;

type Tone = "good" | "bad" | "warn" | "none";
const look: Record<Tone, [LucideIcon, string]> = { good: [Check, "bg-good-wash text-good"], bad: [X, "bg-bad-wash text-bad"], warn: [CircleAlert, "bg-warn-wash text-warn"], none: [CircleMinus, "bg-sunken text-soft"] };

function Step({ tone, title, children, last }: { tone: Tone; title: string; children?: ReactNode; last?: boolean }) {
  const [Icon, wash] = look[tone];
  return (
    <li className="flex gap-3">
      <span className="flex flex-col items-center">
        <span className={cx("inline-flex size-6 shrink-0 items-center justify-center rounded-full", wash)}>
          <Icon aria-hidden className="size-3.5" />
        </span>
        {!last && <span aria-hidden className="w-px flex-1 bg-line" />}
      </span>
      <div className={cx("min-w-0 flex-1", !last && "pb-4")}>
        <p className="font-semibold">{title}</p>
        <div className="mt-0.5 space-y-1 text-sm">{children}</div>
      </div>
    </li>
  );
}

/** Steps is the way of a record: received, admitted, identified, and where it went. */
function Steps({ r, source }: { r: Record_; source: string }) {
  const { t } = useTranslation();
  const end = outcomeTone(r.outcome);
  const name = useSourceName();
  return (
    <ol>
      <Step tone="good" title={t("trace.received")}>
        <p className="text-soft">
          <When at={r.received_at} absolute /> · {t("col.source").toLowerCase()} {name(source)}
          {r.type && <> · {r.type}</>}
        </p>
        {r.timestamp && (
          <p className="text-soft">
            {t("trace.happened")} <When at={r.timestamp} absolute />
          </p>
        )}
        {r.last_copy_at && r.last_copy_at !== r.received_at && (
          <p className="text-soft">
            {t("trace.lastCopy")} <When at={r.last_copy_at} absolute />
          </p>
        )}
        {r.notes?.length > 0 && (
          <ul className="list-disc pl-4 text-warn">
            {r.notes.map((n) => (
              <li key={n}>{t(noteOf(n), { defaultValue: n })}</li>
            ))}
          </ul>
        )}
      </Step>
      <Step tone={r.outcome === "rejected" ? "bad" : r.admission === "unjudged" ? "none" : "good"} title={t(r.outcome === "rejected" ? "trace.refused" : "trace.admitted")}>
        <p className="text-soft">{t(`admission.${r.admission}`, { defaultValue: r.admission })}</p>
      </Step>
      {(r.identifiers?.length > 0 || r.dropped?.length > 0) && (
        <Step tone={r.identifiers.length > 0 ? "good" : "warn"} title={t("trace.identified")}>
          <ul className="flex flex-wrap gap-1">
            {r.identifiers.map((i, n) => (
              <li key={i.type + i.value}>
                <Badge tone={n === 0 ? "accent" : "none"} title={n === 0 ? t("trace.home") : undefined}>
                  <span className="break-all">{t("cond.listed", { join: i.type, parts: i.value })}</span>
                </Badge>
              </li>
            ))}
          </ul>
          {r.observation && r.identifiers.length > 1 && <p className="text-soft">{t("trace.together", { kind: r.observation })}</p>}
          {r.dropped?.map((d) => (
            <p key={d.type + d.reason} className="text-warn">{t("trace.dropped", { type: d.type, reason: d.reason })}</p>
          ))}
        </Step>
      )}
      <Step last tone={end} title={t(`outcomeLong.${r.outcome}`)}>
        {r.profile_id && (
          <p>
            {t("trace.person")} <PersonLink id={r.profile_id} />
          </p>
        )}
        {r.detail && <p lang="en" className="text-bad">{r.detail}</p>}
        {r.code && <p className="font-mono text-xs text-soft">{r.code}</p>}
        <Fold summary={<span className="text-soft">{t("trace.technical")}</span>}>
          {() => (
            <div className="my-1 ml-5">
              <Facts
                wide
                facts={[
                  [t("trace.position"), <span className="font-mono">{r.position}</span>],
                  [t("trace.node"), <span className="font-mono break-all">{r.node_id ?? "–"}</span>],
                ]}
              />
            </div>
          )}
        </Fold>
      </Step>
    </ol>
  );
}
