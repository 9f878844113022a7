// What a customer said of each purpose, with its proof.
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { get, type Page, type Profile, refPath } from "../api";
import { usePurposeName, useSourceName } from "../data";
import { plain, spaced } from "../format";
import { Badge, Empty, Facts, Fold, Json, Rows, Skeleton, Trouble, When } from "../ui/kit";

export type Said = { id: string; purpose: string; channel: string; state: string; at: string; received_at: string; via: string; source: string | null; policy: unknown; evidence: unknown };

export const consentTone = (state: string) => (state === "granted" ? "good" : state === "denied" || state === "withdrawn" ? "bad" : "none");

export const useSaid = (at: string, enabled = true) =>
  useQuery({ queryKey: ["consents", at], queryFn: ({ signal }) => get<Page<Said>>(`/v1/profiles/${refPath(at)}/consents?limit=100`, signal), enabled });

export function Consents({ at, p }: { at: string; p: Profile }) {
  const { t } = useTranslation();
  const purpose = usePurposeName();
  const source = useSourceName();
  const said = useSaid(at);
  if (said.isPending) return <Skeleton />;
  if (said.isError) return <Trouble error={said.error} retry={() => said.refetch()} />;
  if (said.data.data.length === 0) return <Empty title={t("side.noConsents")}>{t("consents.noneLead")}</Empty>;
  return (
    <>
      {p.consents.length > 0 && (
        <div className="border-b border-line p-4">
          <h3 className="mb-2 font-semibold">{t("consents.now")}</h3>
          <ul className="flex flex-wrap gap-2">
            {p.consents.map((c) => (
              <li key={c.purpose + c.channel} className="flex flex-wrap items-center gap-x-2 gap-y-0.5 rounded-md border border-line px-3 py-1.5">
                <span className="font-medium">{purpose(c.purpose, c.channel)}</span>
                <Badge tone={consentTone(c.state)}>{t(`consent.${c.state}`)}</Badge>
                <span className="text-sm text-soft"><When at={c.at} /></span>
              </li>
            ))}
          </ul>
        </div>
      )}
      <h3 className="px-4 pt-4 pb-1 font-semibold">{t("consents.all")}</h3>
      <Rows
        label={t("tab.consents")}
        rows={said.data.data}
        id={(c) => `${c.id}${c.purpose}${c.channel}${c.via}`}
        columns={[
          { head: t("col.purpose"), cell: (c) => <span className="font-medium sm:whitespace-nowrap">{purpose(c.purpose, c.channel)}</span> },
          { head: t("col.state"), cell: (c) => <Badge tone={consentTone(c.state)}>{t(`consent.${c.state}`)}</Badge> },
          { head: t("col.when"), cell: (c) => <When at={c.at} absolute /> },
          { head: t("col.via"), cell: (c) => <span className="sm:whitespace-nowrap">{[t(`via.${c.via}`, { defaultValue: c.via }), source(c.source)].filter(Boolean).join(" · ")}</span> },
          { head: t("col.proof"), wide: true, cell: (c) => <Proof c={c} /> },
        ]}
      />
    </>
  );
}

const isObj = (v: unknown): v is Record<string, unknown> => v !== null && typeof v === "object" && !Array.isArray(v);

// What a proof is called by those who keep it, under one name each.
const proofs: Record<string, string> = { ip: "ip", ip_address: "ip", userAgent: "browser", user_agent: "browser", url: "page", page: "page", form: "form", version: "version", text: "text" };

/** Proof is by what somebody's word can be shown: what is plain in it, and the whole on demand. */
function Proof({ c }: { c: Said }) {
  const { t } = useTranslation();
  const has = [c.policy, c.evidence].filter((x) => x !== null && x !== undefined);
  if (has.length === 0) return <>–</>;
  const told = [...(isObj(c.evidence) ? Object.entries(c.evidence) : []), ...(isObj(c.policy) ? Object.entries(c.policy) : [])].filter(([k, v]) => k !== "call" && v !== null && typeof v !== "object");
  const facts: [string, string][] = told.map(([k, v]) => [proofs[k] ? t(`proof.${proofs[k]}`) : spaced(k), plain(v)]);
  if (c.policy && !isObj(c.policy)) facts.unshift([t("proof.policy"), plain(c.policy)]);
  if (c.evidence && !isObj(c.evidence)) facts.push([t("proof.text"), plain(c.evidence)]);
  return (
    <div className="space-y-1.5 text-sm">
      {facts.length > 0 && <Facts wide facts={facts.slice(0, 5)} />}
      <Fold summary={<span className="text-soft">{t("proof.all")}</span>}>
        {() => <div className="my-1"><Json value={{ ...(c.policy ? { policy: c.policy } : {}), ...(c.evidence ? { evidence: c.evidence } : {}) }} label={t("col.proof")} /></div>}
      </Fold>
    </div>
  );
}
