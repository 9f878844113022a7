// How this browser shows things, what kith runs on, who is one person, and what
// was decided about it.
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { get } from "../api";
import { purposeName, usePurposes, useSources, useStatus } from "../data";
import { switchLanguage } from "../i18n";
import { choose, type Prefs, usePrefs, type Work, works } from "../prefs";
import { useWho } from "../signin";
import { Badge, Card, Code, Coded, Copy, Empty, Facts, Field, Num, Rows, Select, Skeleton, Tabs, Trouble, When } from "../ui/kit";
import { Decisions } from "./identity";
import { Page } from "./page";
import { IdentityRules } from "./rules";

export function Settings() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { tab = "general" } = useSearch({ from: "/settings" });
  const tabs = [
    { value: "general", label: t("settings.general"), panel: <General /> },
    { value: "identity", label: t("settings.rules"), panel: <IdentityRules /> },
    { value: "decisions", label: t("decision.title"), panel: <Decisions /> },
    { value: "keys", label: t("settings.keys"), panel: <Keys /> },
    { value: "purposes", label: t("settings.purposes"), panel: <Purposes /> },
  ];
  return (
    <Page title={t("nav.settings")} lead={t("settings.lead")}>
      <Card flush>
        <Tabs label={t("nav.settings")} tabs={tabs} value={tabs.some((x) => x.value === tab) ? tab : "general"} change={(v) => void navigate({ to: "/settings", search: { tab: v === "general" ? undefined : v }, replace: true })} />
      </Card>
    </Page>
  );
}

function General() {
  const { t } = useTranslation();
  const p = usePrefs();
  const who = useWho();
  const status = useStatus();
  const about = useQuery({ queryKey: ["about"], queryFn: ({ signal }) => get<{ info: { version: string } }>("/v1/openapi.json", signal), staleTime: Infinity });
  const s = status.data;
  return (
    <div className="grid gap-x-8 gap-y-6 p-4 lg:grid-cols-2">
      <section>
        <h2 className="mb-3 font-semibold">{t("settings.browser")}</h2>
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
          <Field label={t("settings.work")} hint={t("settings.workHint")}>
            <Select value={p.work} onChange={(e) => choose({ work: e.target.value as Work })} options={works.map((v) => ({ value: v, label: t(`work.${v}`) }))} />
          </Field>
          <div className="grid gap-3 sm:grid-cols-2">
            <Field label={t("settings.theme")}>
              <Select value={p.theme} onChange={(e) => choose({ theme: e.target.value as Prefs["theme"] })} options={(["system", "light", "dark"] as const).map((v) => ({ value: v, label: t(`theme.${v}`) }))} />
            </Field>
            <Field label={t("settings.density")}>
              <Select value={p.density} onChange={(e) => choose({ density: e.target.value as Prefs["density"] })} options={(["normal", "compact"] as const).map((v) => ({ value: v, label: t(`density.${v}`) }))} />
            </Field>
          </div>
        </div>
      </section>
      <section>
        <h2 className="mb-3 font-semibold">{t("settings.server")}</h2>
        {status.isError && <Trouble error={status.error} retry={() => status.refetch()} />}
        <Facts
          wide
          facts={[
            [t("settings.workspace"), <b className="font-medium">{who.data?.workspace}</b>],
            [t("settings.signedIn"), <b className="font-medium">{who.data?.name}</b>],
            [t("settings.version"), <b className="font-medium">{about.data?.info.version === "(devel)" ? t("settings.unreleased") : (about.data?.info.version ?? "…")}</b>],
            ...Object.entries(s?.engines ?? {}).map(([k, v]): [string, ReactNode] => [t(`engine.${k}`, { defaultValue: k }), <b className="font-medium">{t(`engineis.${v}`, { defaultValue: v })}</b>]),
            [t("settings.accepted"), s ? <Num n={s.accepted} /> : "…"],
            [t("settings.repeats"), s ? <Num n={s.repeats} /> : "…"],
            [t("settings.api"), <a href="/v1/openapi.json" className="text-accent hover:underline">/v1/openapi.json</a>],
          ]}
        />
      </section>
    </div>
  );
}

/** Keys are by what others may send and read. */
function Keys() {
  const { t } = useTranslation();
  const sources = useSources();
  if (sources.isPending) return <Skeleton />;
  if (sources.isError) return <Trouble error={sources.error} retry={() => sources.refetch()} />;
  const keys = sources.data.data.flatMap((s) => s.write_keys.map((k) => ({ ...k, s, current: k.value === s.write_key })));
  return (
    <div>
      <div className="space-y-2 border-b border-line p-4">
        <h2 className="font-semibold">{t("settings.admin")}</h2>
        <p className="text-soft"><Coded text={t("settings.adminLead")} code="admin-token" /></p>
        <Code text="kith open" label={t("signin.command")} />
      </div>
      <h2 className="px-4 pt-4 pb-1 font-semibold">{t("settings.writeKeys")}</h2>
      {keys.length === 0 ? (
        <Empty title={t("sources.none")}>{t("sources.noneLead")}</Empty>
      ) : (
        <Rows
          label={t("settings.writeKeys")}
          rows={keys}
          id={(k) => k.value}
          columns={[
            { head: t("col.source"), cell: (k) => <Link to="/sources/$key" params={{ key: k.s.key }} className="font-medium text-accent hover:underline">{k.s.name}</Link> },
            { head: t("source.key"), wide: true, cell: (k) => <span className="flex items-center gap-1"><span className="font-mono text-sm break-all">{k.value}</span><Copy text={k.value} label={`${k.s.name}: ${t("source.copyKey")}`} /></span> },
            { head: t("col.state"), cell: (k) => (k.current ? <Badge tone="good">{t("settings.current")}</Badge> : k.expires_at ? <span className="text-sm whitespace-nowrap text-soft">{t("source.until")} <When at={k.expires_at} absolute /></span> : "–") },
            { head: t("settings.made"), right: true, cell: (k) => <When at={k.created_at} /> },
            { head: t("settings.used"), right: true, cell: (k) => <When at={k.last_used_at} /> },
          ]}
        />
      )}
    </div>
  );
}

function Purposes() {
  const { t } = useTranslation();
  const q = usePurposes();
  if (q.isPending) return <Skeleton />;
  if (q.isError) return <Trouble error={q.error} retry={() => q.refetch()} />;
  if (q.data.data.length === 0) {
    return (
      <Empty title={t("purposes.none")}>
        <p>{t("purposes.noneLead")}</p>
        <div className="mt-4 text-left">
          <Code label="curl" text={`curl -X PUT ${location.origin}/v1/purposes/marketing \\\n  -H "Authorization: Bearer $KITH_ADMIN_TOKEN" \\\n  -d '{"name":"Marketing"}'`} />
        </div>
      </Empty>
    );
  }
  return (
    <Rows
      label={t("settings.purposes")}
      rows={q.data.data}
      id={(p) => p.key}
      columns={[
        { head: t("col.name"), cell: (p) => <span className="font-medium sm:whitespace-nowrap">{purposeName(p)}</span> },
        { head: t("settings.key"), cell: (p) => <span className="font-mono text-sm">{p.key}</span> },
        { head: t("col.state"), cell: (p) => (p.updated_at ? <>{t("segments.changed")} <When at={p.updated_at} /></> : <span className="whitespace-nowrap text-soft">{t("purposes.builtIn")}</span>) },
        { head: t("purposes.granted"), wide: true, bare: true, cell: (p) => <Link to="/segments/new" search={{ where: { all: [{ consent: { purpose: p.key }, op: "granted" }] }, name: t("cond.listed", { join: purposeName(p), parts: t("op.granted") }) }} className="text-accent hover:underline">{t("purposes.open")}</Link> },
      ]}
    />
  );
}
