// In which segments somebody is, and of any segment why or why not.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { Check, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { call, enc, type Explained, get, type Profile, refPath } from "../api";
import { formOf, opWord, sentence, valueWord } from "../conditions";
import { useSegments, useSourceName } from "../data";
import { Badge, Button, cx, Empty, Fold, Skeleton, Trouble, When } from "../ui/kit";

export function Memberships({ p, at }: { p: Profile; at: string }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { segment } = useSearch({ from: "/profiles/$ref" });
  const all = useSegments();
  if (all.isPending) return <Skeleton />;
  if (all.isError) return <Trouble error={all.error} retry={() => all.refetch()} />;
  const list = all.data.data.filter((s) => s.scope !== "account");
  if (list.length === 0) return <Empty title={t("segments.none")}>{t("segments.noneLead")}</Empty>;
  const open = (key?: string) => void navigate({ to: "/profiles/$ref", params: { ref: at }, search: { tab: "segments", segment: key }, replace: true });
  return (
    <ul className="divide-y divide-line">
      {list.map((s) => {
        const inside = p.segments.find((m) => m.key === s.key);
        const shown = segment === s.key;
        return (
          <li key={s.key} className="px-4 py-2.5">
            <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
              <Verdict yes={!!inside} />
              <span className="font-medium">{s.name}</span>
              <span className="text-sm text-soft">
                {inside ? (
                  <>
                    {t("member.since")} <When at={inside.since} day />
                  </>
                ) : (
                  t("member.not")
                )}
              </span>
              {s.where && (
                <Button small className="ml-auto aria-expanded:border-accent aria-expanded:bg-accent-wash aria-expanded:text-accent" aria-expanded={shown} aria-label={`${s.name}: ${t(inside ? "member.why" : "member.whyNot")}`} onClick={() => open(shown ? undefined : s.key)}>
                  {t(inside ? "member.why" : "member.whyNot")}
                </Button>
              )}
            </div>
            {shown && <Explain at={at} of={{ segment: s.key }} />}
          </li>
        );
      })}
    </ul>
  );
}

export function Verdict({ yes }: { yes: boolean }) {
  const { t } = useTranslation();
  const Icon = yes ? Check : X;
  return (
    <span className={cx("inline-flex size-5 shrink-0 items-center justify-center rounded-full", yes ? "bg-good-wash text-good" : "bg-bad-wash text-bad")}>
      <Icon aria-hidden className="size-3.5" />
      <span className="sr-only">{t(yes ? "verdict.yes" : "verdict.no")}</span>
    </span>
  );
}

/** Explain says why somebody is in a segment, or meets a condition that is not saved. */
export function Explain({ at, of }: { at: string; of: { segment: string } | { where: unknown } }) {
  const why = useQuery({
    queryKey: ["explain", at, of],
    queryFn: ({ signal }) => ("segment" in of ? get<Explained>(`/v1/profiles/${refPath(at)}/explain?segment=${enc(of.segment)}`, signal) : call<Explained>("POST", `/v1/profiles/${refPath(at)}/explain`, of, signal)),
  });
  if (why.isPending) return <Skeleton />;
  if (why.isError) return <Trouble error={why.error} retry={() => why.refetch()} />;
  return (
    <div className="mt-2 rounded-md border border-line bg-sunken/50 p-3">
      <Tree e={why.data} />
    </div>
  );
}

function Tree({ e }: { e: Explained }) {
  const { t } = useTranslation();
  const source = useSourceName();
  const leaf = e.children.length === 0;
  return (
    <div>
      <div className="flex items-start gap-2">
        <Verdict yes={e.verdict} />
        <div className="min-w-0 flex-1">
          <p className={leaf ? "" : "font-semibold"}>{sentence(t, e.condition)}</p>
          {leaf && (
            <p className="flex flex-wrap items-center gap-x-3 text-sm text-soft">
              <span>
                {t("explain.found")} <Badge tone={e.verdict ? "good" : "bad"}>{e.value === null ? t("explain.nothing") : formOf(e.condition) === "consent" ? opWord(t, e.value) : valueWord(t, e.value)}</Badge>
              </span>
              {e.next_change && (
                <span>
                  {t("explain.next")} <When at={e.next_change} absolute />
                </span>
              )}
            </p>
          )}
          {e.events.length > 0 && (
            <Fold summary={<span className="text-sm">{t(e.more_events ? "explain.eventsMore" : "explain.events", { count: e.events.length })}</span>}>
              {() => (
                <ul className="my-1 ml-5 space-y-0.5 text-sm">
                  {e.events.map((v) => (
                    <li key={v.source + v.message_id} className="break-all">
                      <When at={v.timestamp} absolute /> · {source(v.source)} · <span className="font-mono">{v.message_id}</span>
                    </li>
                  ))}
                </ul>
              )}
            </Fold>
          )}
        </div>
      </div>
      {e.children.length > 0 && (
        <div className="mt-2 ml-2.5 space-y-2 border-l-2 border-line pl-4">
          {e.children.map((c, n) => (
            <Tree key={n} e={c} />
          ))}
        </div>
      )}
    </div>
  );
}

