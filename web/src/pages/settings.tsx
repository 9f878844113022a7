// How this browser shows things, what kith runs on, and the rules of identity.
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { get } from "../api";
import { switchLanguage } from "../i18n";
import { choose, type Prefs, usePrefs } from "../prefs";
import { useStatus } from "../data";
import { useWho } from "../signin";
import { Badge, Card, Field, Rows, Select, Skeleton, Trouble } from "../ui/kit";
import { Page } from "./page";

type Rules = { types: { type: string; priority: number; limit: { count: number; window: string }; policy: string; protected: boolean }[] };

export function Settings() {
  const { t } = useTranslation();
  const p = usePrefs();
  const who = useWho();
  const status = useStatus();
  const about = useQuery({ queryKey: ["about"], queryFn: ({ signal }) => get<{ info: { version: string } }>("/v1/openapi.json", signal), staleTime: Infinity });
  const rules = useQuery({ queryKey: ["identity-settings"], queryFn: ({ signal }) => get<Rules>("/v1/settings/identity", signal) });
  return (
    <Page title={t("nav.settings")} lead={t("settings.lead")}>
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Card title={t("settings.browser")}>
          <div className="space-y-3">
            <Field label={t("settings.language")}>
              <Select
                value={p.language}
                onChange={(e) => {
                  const language = e.target.value as Prefs["language"];
                  choose({ language });
                  void switchLanguage(language);
                }}
                options={[{ value: "en", label: "English" }, { value: "fr", label: "Français" }]}
              />
            </Field>
            <Field label={t("settings.theme")}>
              <Select value={p.theme} onChange={(e) => choose({ theme: e.target.value as Prefs["theme"] })} options={(["system", "light", "dark"] as const).map((v) => ({ value: v, label: t(`theme.${v}`) }))} />
            </Field>
            <Field label={t("settings.density")}>
              <Select value={p.density} onChange={(e) => choose({ density: e.target.value as Prefs["density"] })} options={(["normal", "compact"] as const).map((v) => ({ value: v, label: t(`density.${v}`) }))} />
            </Field>
          </div>
        </Card>
        <Card title={t("settings.server")}>
          <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-2">
            <dt className="text-soft">{t("settings.workspace")}</dt>
            <dd className="font-medium">{who.data?.workspace}</dd>
            <dt className="text-soft">{t("settings.signedIn")}</dt>
            <dd className="font-medium">{who.data?.name}</dd>
            <dt className="text-soft">{t("settings.version")}</dt>
            <dd className="font-medium">{about.data?.info.version ?? "…"}</dd>
            {Object.entries(status.data?.engines ?? {}).map(([k, v]) => [
              <dt key={k} className="text-soft">{t("settings.engine", { name: k })}</dt>,
              <dd key={`${k}.`} className="font-medium">{v}</dd>,
            ])}
          </dl>
        </Card>
      </div>
      <Card title={t("settings.identity")} flush className="mt-4">
        {rules.isPending && <Skeleton />}
        {rules.isError && <Trouble error={rules.error} retry={() => rules.refetch()} />}
        {rules.data && (
          <Rows
            label={t("settings.identity")}
            rows={rules.data.types}
            id={(r) => r.type}
            columns={[
              { head: t("col.type"), wide: true, cell: (r) => <span className="font-medium">{r.type}</span> },
              { head: t("settings.priority"), right: true, cell: (r) => r.priority },
              { head: t("settings.limit"), cell: (r) => `${r.limit.count} · ${r.limit.window === "ever" ? t("window.ever") : r.limit.window}` },
              { head: t("settings.policy"), cell: (r) => <Badge>{r.policy}</Badge> },
              { head: t("settings.protected"), cell: (r) => t(r.protected ? "yes" : "no") },
            ]}
          />
        )}
      </Card>
    </Page>
  );
}
