// What a customer said of each purpose, with its proof.
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { get, type Page, type Profile, refPath } from "../api";
import { plain } from "../format";
import { Badge, Empty, Rows, Skeleton, Trouble, When } from "../ui/kit";

export type Said = { id: string; purpose: string; channel: string; state: string; at: string; received_at: string; via: string; source: string | null; policy: unknown; evidence: unknown };

export const consentTone = (state: string) => (state === "granted" ? "good" : state === "denied" || state === "withdrawn" ? "bad" : "none");

export const useSaid = (at: string, enabled = true) =>
  useQuery({ queryKey: ["consents", at], queryFn: ({ signal }) => get<Page<Said>>(`/v1/profiles/${refPath(at)}/consents?limit=100`, signal), enabled });

export function Consents({ at, p }: { at: string; p: Profile }) {
  const { t } = useTranslation();
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
              <li key={c.purpose + c.channel} className="flex items-center gap-2 rounded-md border border-line px-3 py-1.5">
                <span className="font-medium">{[c.purpose, c.channel].filter(Boolean).join(" / ")}</span>
                <Badge tone={consentTone(c.state)}>{t(`consent.${c.state}`)}</Badge>
                <span className="text-sm text-soft"><When at={c.at} /></span>
              </li>
            ))}
          </ul>
        </div>
      )}
      <Rows
        label={t("tab.consents")}
        rows={said.data.data}
        id={(c) => `${c.id}${c.purpose}${c.channel}${c.via}`}
        columns={[
          { head: t("col.purpose"), cell: (c) => <span className="font-medium">{[c.purpose, c.channel].filter(Boolean).join(" / ")}</span> },
          { head: t("col.state"), cell: (c) => <Badge tone={consentTone(c.state)}>{t(`consent.${c.state}`)}</Badge> },
          { head: t("col.when"), cell: (c) => <When at={c.at} /> },
          { head: t("col.via"), cell: (c) => <span className="whitespace-nowrap">{[c.via, c.source].filter(Boolean).join(" · ")}</span> },
          { head: t("col.proof"), wide: true, cell: (c) => <span className="text-sm break-words text-soft">{[c.policy, c.evidence].filter((x) => x !== null && x !== undefined).map(plain).join(" · ") || "–"}</span> },
        ]}
      />
    </>
  );
}
