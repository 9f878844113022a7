// Who is one person: the rules, and what others would change, tried on everybody
// without changing anything.
import { Link } from "@tanstack/react-router";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { FlaskConical, Plus, Trash2 } from "lucide-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { call, enc, get, type Job, type Named, type Place, Problem } from "../api";
import { going } from "../tray";
import { Reason, refusalOf } from "../reason";
import { Badge, Button, Card, Dialog, Facts, Field, Fold, Input, Num, Progress, Segmented, Select, Skeleton, Tick, Trouble } from "../ui/kit";
import { say } from "../ui/toast";

type Rule = { type: string; priority: number; limit: { count: number; window: string }; policy: string; guard: Record<string, number> | null; protected: boolean };
type Rules = { default_country?: string | null; types: Rule[]; blocked: Record<string, string[]> | null; paths: { path: string; type: string; events?: string[] }[] | null; anonymous_events: string; alias_merges_users: boolean; cluster_size: { soft: number; hard: number } };
type Member = Named & { profile_id: string };
type Report = {
  profiles: { before: number; after: number };
  merged: Regrouped;
  split: Regrouped;
  renamed: Regrouped;
  quarantined: Counted;
  released: Counted;
};
type Regrouped = { profiles: number; samples: { before: Member[]; after: Member[] }[] | null };
type Counted = { count: number; samples: Member[] | null };

export function IdentityRules() {
  const q = useQuery({ queryKey: ["identity-settings"], queryFn: ({ signal }) => get<Rules>("/v1/settings/identity", signal) });
  if (q.isPending) return <Skeleton lines={8} />;
  if (q.isError) return <Trouble error={q.error} retry={() => q.refetch()} />;
  return <Editor key={JSON.stringify(q.data)} saved={q.data} />;
}

function Editor({ saved }: { saved: Rules }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [doc, setDoc] = useState<Rules>(saved);
  const [sure, setSure] = useState(false);
  const [trying, setTrying] = useState<string | null>(null);
  const changed = JSON.stringify(doc) !== JSON.stringify(saved);
  const attempt = useMutation({ mutationFn: () => call<{ job_id: string }>("POST", "/v1/identity/try", doc), onSuccess: (j) => setTrying(j.job_id) });
  const save = useMutation({
    mutationFn: () => call<{ job_id: string }>("PUT", "/v1/settings/identity", doc),
    onSuccess: async () => {
      setSure(false);
      say(t("rules.started"));
      await client.invalidateQueries({ queryKey: ["identity-settings"] });
      await client.invalidateQueries({ queryKey: ["jobs"] });
    },
  });
  const error = attempt.error ?? save.error;
  const places: Place[] = useMemo(() => (error instanceof Problem ? error.places : []), [error]);
  const put = (change: Partial<Rules>) => {
    attempt.reset();
    save.reset();
    setDoc({ ...doc, ...change });
  };
  const rule = (n: number, change: Partial<Rule>) => put({ types: doc.types.map((r, i) => (i === n ? { ...r, ...change } : r)) });
  const bin = (n: number, r: Rule) => (
    <button type="button" aria-label={`${r.type}: ${t("builder.remove")}`} onClick={() => put({ types: doc.types.filter((_, i) => i !== n) })} className="inline-flex size-8 items-center justify-center rounded text-soft hover:bg-bad-wash hover:text-bad">
      <Trash2 aria-hidden className="size-4" />
    </button>
  );
  return (
    <div className="space-y-4 p-4">
      <p className="max-w-3xl text-soft">{t("rules.lead")}</p>
      <div className="relative overflow-x-auto rounded-lg border border-line" tabIndex={0} role="region" aria-label={t("settings.identity")}>
        <table role="table" className="w-full border-collapse text-left max-sm:block">
          <thead role="rowgroup" className="max-sm:sr-only">
            <tr role="row" className="border-b border-line bg-sunken text-sm text-soft">
              {["col.type", "settings.priority", "settings.limit", "rules.within", "settings.policy", "rules.guard", "settings.protected", "builder.remove"].map((h) => (
                <th key={h} role="columnheader" scope="col" className="px-2.5 py-2 font-medium whitespace-nowrap">{h === "builder.remove" ? <span className="sr-only">{t(h)}</span> : t(h)}</th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup" className="max-sm:block">
            {doc.types.map((r, n) => (
              <tr key={n} role="row" className="border-b border-line last:border-0 max-sm:flex max-sm:flex-wrap max-sm:items-end max-sm:gap-x-4 max-sm:gap-y-2 max-sm:px-3 max-sm:py-3">
                <td role="cell" className="max-sm:flex max-sm:basis-full max-sm:items-center max-sm:justify-between sm:px-2.5 sm:py-1.5">{saved.types.some((s) => s.type === r.type) ? <span className="font-mono text-sm font-medium">{r.type}</span> : <Input aria-label={t("col.type")} value={r.type} onChange={(e) => rule(n, { type: e.target.value })} className="!w-36" />}<span className="sm:hidden">{bin(n, r)}</span></td>
                <td role="cell" className="sm:px-2.5 sm:py-1.5"><Small of="settings.priority" /><Input type="number" min={1} max={100} aria-label={`${r.type}: ${t("settings.priority")}`} value={r.priority} onChange={(e) => rule(n, { priority: Number(e.target.value) })} className="!w-16" /></td>
                <td role="cell" className="sm:px-2.5 sm:py-1.5"><Small of="settings.limit" /><Input type="number" min={1} aria-label={`${r.type}: ${t("settings.limit")}`} value={r.limit.count} onChange={(e) => rule(n, { limit: { ...r.limit, count: Number(e.target.value) } })} className="!w-20" /></td>
                <td role="cell" className="sm:px-2.5 sm:py-1.5"><Small of="rules.within" /><Span label={`${r.type}: ${t("rules.within")}`} value={r.limit.window} change={(window) => rule(n, { limit: { ...r.limit, window } })} /></td>
                <td role="cell" className="sm:px-2.5 sm:py-1.5"><Small of="settings.policy" /><Select aria-label={`${r.type}: ${t("settings.policy")}`} value={r.policy} onChange={(e) => rule(n, { policy: e.target.value })} options={["first", "latest", "none"].map((p) => ({ value: p, label: t(`policy.${p}`) }))} className="!w-auto" /></td>
                <td role="cell" className="sm:px-2.5 sm:py-1.5"><Small of="rules.guard" /><Guard rule={r} change={(guard) => rule(n, { guard })} /></td>
                <td role="cell" className="sm:px-2.5 sm:py-1.5"><Small of="settings.protected" /><input type="checkbox" aria-label={`${r.type}: ${t("settings.protected")}`} checked={r.protected} onChange={(e) => rule(n, { protected: e.target.checked })} className="my-1 block size-4" /></td>
                <td role="cell" className="max-sm:hidden sm:px-2 sm:py-1.5">{bin(n, r)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="text-sm text-soft">{t("rules.others")}</p>
      <Fold summary={<span className="text-sm font-medium">{t("rules.columns")}</span>}>
        {() => (
          <div className="mt-1.5 ml-5 max-w-3xl text-sm">
            <Facts wide facts={(["settings.priority", "settings.limit", "settings.policy", "rules.guard", "settings.protected"] as const).map((k) => [t(k), t(`rulehint.${k.split(".")[1]}`)])} />
          </div>
        )}
      </Fold>
      <Button small onClick={() => put({ types: [...doc.types, { type: "", priority: 5, limit: { count: 5, window: "ever" }, policy: "first", guard: null, protected: false }] })}>
        <Plus aria-hidden className="size-3.5" />
        {t("rules.addType")}
      </Button>
      <div className="grid gap-4 md:grid-cols-2">
        <Field label={t("rules.country")} hint={t("source.countryHint")}><Input value={doc.default_country ?? ""} maxLength={2} onChange={(e) => put({ default_country: e.target.value.toUpperCase() || undefined })} className="!w-24" /></Field>
        <div>
          <span className="mb-1 block text-sm font-medium">{t("rules.anonymous")}</span>
          <Segmented label={t("rules.anonymous")} value={doc.anonymous_events} change={(v) => put({ anonymous_events: v })} options={["latest", "never"].map((v) => ({ value: v, label: t(`anonymous.${v}`) }))} />
        </div>
        <Field label={t("rules.blocked")} hint={t("rules.blockedHint")}>
          <textarea
            defaultValue={Object.entries(doc.blocked ?? {}).map(([k, v]) => `${k}: ${v.join(", ")}`).join("\n")}
            onChange={(e) => put({ blocked: readBlocked(e.target.value) })}
            rows={3}
            spellCheck={false}
            className="w-full rounded-md border border-edge/60 bg-panel px-2.5 py-2 font-mono text-sm"
          />
        </Field>
        <div className="space-y-3">
          <Tick label={t("rules.alias")} hint={t("rules.aliasHint")} checked={doc.alias_merges_users} change={(v) => put({ alias_merges_users: v })} />
          <Field label={t("rules.hard")} hint={t("rules.hardHint")}><Input type="number" min={2} value={doc.cluster_size.hard} onChange={(e) => put({ cluster_size: { ...doc.cluster_size, hard: Number(e.target.value) } })} className="!w-28" /></Field>
        </div>
      </div>
      {error && <Trouble error={error} />}
      {places.length > 0 && (
        <ul className="text-sm text-bad">
          {places.map((p) => (
            <li key={p.pointer + p.code}><span className="font-mono text-xs">{p.pointer}</span> <Reason code={p.code} detail={p.detail} /></li>
          ))}
        </ul>
      )}
      <div className="flex flex-wrap items-center gap-2 border-t border-line pt-4">
        <Button disabled={!changed || attempt.isPending} onClick={() => attempt.mutate()}>
          <FlaskConical aria-hidden className="size-4" />
          {t("rules.try")}
        </Button>
        <Button kind="main" disabled={!changed || save.isPending} onClick={() => setSure(true)}>{t("rules.save")}</Button>
        {changed ? <Button kind="quiet" onClick={() => setDoc(saved)}>{t("rules.reset")}</Button> : <span className="text-sm text-soft">{t("rules.unchanged")}</span>}
      </div>
      {trying && <Attempt id={trying} />}
      <Dialog open={sure} close={() => setSure(false)} title={t("rules.save")}>
        <div className="space-y-4 p-4">
          <p>{t("rules.sure")}</p>
          {save.isError && <Trouble error={save.error} />}
          <div className="flex justify-end gap-2">
            <Button onClick={() => setSure(false)}>{t("cancel")}</Button>
            <Button kind="main" disabled={save.isPending} onClick={() => save.mutate()}>{t("rules.go")}</Button>
          </div>
        </div>
      </Dialog>
    </div>
  );
}

/** Span is how far back a limit counts: ever, or a number and its unit, which a document writes as 365d. */
function Span({ label, value, change }: { label: string; value: string; change: (v: string) => void }) {
  const { t } = useTranslation();
  const [, n, unit] = /^(\d*)([mhdw])$/.exec(value) ?? [];
  return (
    <span className="flex items-center gap-1.5">
      {unit && <Input inputMode="numeric" aria-label={label} value={n} onChange={(e) => change(e.target.value.replace(/\D/g, "") + unit)} className="!w-14" />}
      <Select aria-label={unit ? `${label}: ${t("builder.unit")}` : label} value={unit ?? "ever"} onChange={(e) => change(e.target.value === "ever" ? "ever" : `${n || 365}${e.target.value}`)} options={["ever", "m", "h", "d", "w"].filter((u) => u !== "m" || unit === "m").map((u) => ({ value: u, label: u === "ever" ? t("rules.ever") : t(`unit.${u}`) }))} className="field-sizing-content !w-auto" />
    </span>
  );
}

/** Small names a value on a phone, where no head of a table stands above it. */
function Small({ of }: { of: string }) {
  const { t } = useTranslation();
  return <span aria-hidden className="block text-xs text-soft sm:hidden">{t(of)}</span>;
}

/** readBlocked reads lines of a type, a colon, and values between commas. */
export function readBlocked(text: string): Record<string, string[]> {
  const out: Record<string, string[]> = {};
  for (const line of text.split("\n")) {
    const at = line.indexOf(":");
    if (at < 1) continue;
    const values = line.slice(at + 1).split(",").map((x) => x.trim()).filter(Boolean);
    if (values.length > 0) out[line.slice(0, at).trim()] = values;
  }
  return out;
}

function Guard({ rule, change }: { rule: Rule; change: (g: Record<string, number> | null) => void }) {
  const { t } = useTranslation();
  const text = Object.entries(rule.guard ?? {}).map(([k, v]) => `${k}: ${v}`).join(", ");
  const [mine, setMine] = useState(text);
  return (
    <Input
      aria-label={`${rule.type}: ${t("rules.guard")}`}
      placeholder={t("rules.noGuard")}
      title={t("rules.guardHint")}
      value={mine}
      onChange={(e) => {
        setMine(e.target.value);
        const all = [...e.target.value.matchAll(/([\w.-]+)\s*:\s*(\d+)/g)].map((m): [string, number] => [m[1], Number(m[2])]);
        change(all.length > 0 ? Object.fromEntries(all) : null);
      }}
      className="!w-48 font-mono text-sm"
    />
  );
}

/** Attempt is what the rules would change, told by a job. */
function Attempt({ id }: { id: string }) {
  const { t } = useTranslation();
  const q = useQuery({ queryKey: ["job", id], queryFn: ({ signal }) => get<Job>(`/v1/jobs/${enc(id)}`, signal), refetchInterval: (x) => (x.state.data && !going(x.state.data) ? false : 800) });
  const j = q.data;
  const r = j?.state === "done" ? (j.result as Report | undefined) : undefined;
  return (
    <Card title={t("try.title")} action={j && <Badge tone={j.state === "done" ? "good" : j.state === "failed" ? "bad" : "accent"}>{t(`job.${j.state}`)}</Badge>}>
      {q.isError && <Trouble error={q.error} retry={() => q.refetch()} />}
      {j && going(j) && <Progress done={j.accepted} total={j.total || null} label={t("try.title")} />}
      {j?.state === "failed" && <p className="text-bad"><Reason {...refusalOf(j.error)} /></p>}
      {r && (
        <div className="space-y-4">
          <p>
            {t("try.profiles")} <b><Num n={r.profiles.before} /></b> → <b><Num n={r.profiles.after} /></b>
          </p>
          <dl className="grid grid-cols-2 gap-2 sm:grid-cols-5">
            {([["merged", r.merged.profiles], ["split", r.split.profiles], ["renamed", r.renamed.profiles], ["quarantined", r.quarantined.count], ["released", r.released.count]] as const).map(([k, n]) => (
              <div key={k} className="rounded-md bg-sunken px-2 py-2 text-center">
                <dd className="text-xl font-semibold"><Num n={n} /></dd>
                <dt className="text-sm text-soft">{t(`try.${k}`)}</dt>
              </div>
            ))}
          </dl>
          <Samples title={t("try.merged")} of={r.merged} />
          <Samples title={t("try.split")} of={r.split} />
        </div>
      )}
    </Card>
  );
}

function Samples({ title, of }: { title: string; of: Regrouped }) {
  if (!of.samples || of.samples.length === 0) return null;
  const side = (all: Member[]) => {
    const by = new Map<string, Member[]>();
    for (const m of all) by.set(m.profile_id, [...(by.get(m.profile_id) ?? []), m]);
    return [...by.values()].map((ms, n) => (
      <span key={n} className="mr-1.5 mb-1 inline-block rounded border border-line px-2 py-0.5 text-sm break-all">
        {ms.slice(0, 4).map((m) => (
          <Link key={m.type + m.value} to="/profiles/$ref" params={{ ref: `${m.type}:${m.value}` }} className="mr-1.5 text-accent hover:underline">{m.type}: {m.value}</Link>
        ))}
        {ms.length > 4 && `+${ms.length - 4}`}
      </span>
    ));
  };
  return (
    <div>
      <h3 className="mb-1 text-sm font-medium">{title}</h3>
      <ul className="space-y-2">
        {of.samples.slice(0, 5).map((s, n) => (
          <li key={n} className="grid gap-2 rounded-md bg-sunken/60 p-2 sm:grid-cols-[1fr_auto_1fr]">
            <span>{side(s.before)}</span>
            <span aria-hidden className="text-soft">→</span>
            <span>{side(s.after)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
