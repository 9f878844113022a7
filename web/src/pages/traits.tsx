// Computed traits: values that kith makes of what people do, and keeps up to date.
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { TFunction } from "i18next";
import { Plus } from "lucide-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { call, enc, get, type Page as Part, type Place, Problem } from "../api";
import { valueWord, whatWords, windowWords } from "../conditions";
import { keyOf, usePeopleTotal, useSegments } from "../data";
import { compact, num, percent, plain, spaced, yamlDocument } from "../format";
import type { Obj } from "../tree";
import { Chart, Ranks } from "../ui/chart";
import { Reason } from "../reason";
import { Badge, Button, buttonLook, Card, Code, Dialog, Empty, Exact, Field, Fold, Input, Missing, Num, Rows, Segmented, Select, Skeleton, Trouble, When } from "../ui/kit";
import { Picker } from "../ui/picker";
import { say } from "../ui/toast";
import { SelectionLines, usePaths, useTraitNames } from "./builder";
import { Page } from "./page";

export type Computed = Obj & { key: string; name: string; type: string; scope?: string; version: number; updated_at: string };

const types = ["count", "sum", "avg", "min", "max", "first", "last", "most_frequent", "unique_list", "unique_count", "time_since_first", "time_since_last", "expression"];
const ofProperty = ["sum", "avg", "min", "max", "first", "last", "most_frequent", "unique_list", "unique_count"];

export const useTraits = () => useQuery({ queryKey: ["traits"], queryFn: ({ signal }) => get<Part<Computed>>("/v1/traits?limit=200", signal), staleTime: 10_000 });

/** useComputedNames calls computed traits as those who made them do. */
export function useComputedNames() {
  const all = useTraits();
  return (key: string) => all.data?.data.find((d) => d.key === key)?.name ?? spaced(key);
}

/** traitWords says what a computed trait is made of. */
function traitWords(t: TFunction, d: Obj): string {
  if (d.type === "expression") return plain(d.expression);
  const what = whatWords(t, d.event, d.where);
  const of = d.property ? ` ${t("trait.of", { property: plain(d.property) })}` : "";
  return `${t("cond.listed", { join: t(`traittype.${String(d.type)}`) + of, parts: what })}, ${windowWords(t, d.window)}`;
}

/** useUsers are the segments that name a trait. */
function useUsers(key: string) {
  const all = useSegments();
  return (all.data?.data ?? []).filter((s) => JSON.stringify(s.where ?? "").includes(`"trait":${JSON.stringify(key)}`));
}

export function Traits() {
  const { t } = useTranslation();
  const q = useTraits();
  const add = (
    <Link to="/traits/$key" params={{ key: "new" }} className={buttonLook("main")}>
      <Plus aria-hidden className="size-4" />
      {t("trait.new")}
    </Link>
  );
  return (
    <Page title={t("nav.traits")} lead={t("trait.lead")} action={add}>
      <Card flush>
        {q.isPending && <Skeleton />}
        {q.isError && <Trouble error={q.error} retry={() => q.refetch()} />}
        {q.data?.data.length === 0 && (
          <Empty title={t("trait.none")} action={add}>
            <p>{t("trait.noneLead")}</p>
            <div className="mt-4 text-left">
              <Code label="curl" text={`curl -X PUT ${location.origin}/v1/traits/orders_90d \\\n  -H "Authorization: Bearer $KITH_ADMIN_TOKEN" \\\n  -d '{"type":"count","event":"Order Completed","window":{"last":"90d"}}'`} />
            </div>
          </Empty>
        )}
        {q.data && q.data.data.length > 0 && (
          <Rows
            label={t("nav.traits")}
            rows={q.data.data}
            id={(d) => d.key}
            columns={[
              {
                head: t("col.name"),
                cell: (d) => (
                  <span className="block min-w-48">
                    <Link to="/traits/$key" params={{ key: d.key }} className="font-semibold text-accent hover:underline">{d.name}</Link>
                    {d.name !== d.key && <span className="block font-mono text-xs text-soft">{d.key}</span>}
                  </span>
                ),
              },
              { head: t("trait.made"), wide: true, bare: true, cell: (d) => <span className="text-soft">{traitWords(t, d)}</span> },
              { head: t("trait.scope"), cell: (d) => <Badge>{t(d.scope === "account" ? "segments.ofAccounts" : "segments.ofPeople")}</Badge> },
              { head: t("trait.users"), cell: (d) => <Users k={d.key} /> },
              { head: t("segments.changed"), right: true, cell: (d) => <When at={d.updated_at} /> },
            ]}
          />
        )}
      </Card>
    </Page>
  );
}

function Users({ k, none = "–" }: { k: string; none?: string }) {
  const { t } = useTranslation();
  const users = useUsers(k);
  if (users.length === 0) return <span className="text-soft">{none}</span>;
  return (
    <span className="inline-block min-w-28">
      {users.slice(0, 2).map((s) => (
        <Link key={s.key} to="/segments/$key" params={{ key: s.key }} className="block text-accent hover:underline">{s.name}</Link>
      ))}
      {users.length > 2 && <span className="text-sm text-soft">{t("trait.moreUsers", { n: users.length - 2 })}</span>}
    </span>
  );
}

export function OneTrait() {
  const { t } = useTranslation();
  const { key } = useParams({ strict: false }) as { key: string };
  const fresh = key === "new";
  const q = useQuery({ queryKey: ["trait", key], queryFn: ({ signal }) => get<Computed>(`/v1/traits/${enc(key)}`, signal), enabled: !fresh });
  if (fresh) return <Editor saved={null} />;
  if (q.isPending) return <Skeleton lines={8} />;
  if (q.error instanceof Problem && q.error.status === 404) {
    return (
      <Missing title={t("missing.trait")}>
        {t("missing.lead")} <Link to="/traits" className="text-accent underline">{t("traits.all")}</Link>
      </Missing>
    );
  }
  if (q.isError) return <Page title={t("nav.traits")}><Trouble error={q.error} retry={() => q.refetch()} /></Page>;
  return <Editor key={key} saved={q.data} />;
}

/** own are the fields of a document that somebody writes. */
const own = (d: Obj): Obj => Object.fromEntries(Object.entries(d).filter(([k]) => ["type", "scope", "event", "where", "property", "window", "expression"].includes(k)));

function Editor({ saved }: { saved: Computed | null }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [name, setName] = useState(saved?.name ?? "");
  const [doc, setDoc] = useState<Obj>(() => (saved ? own(saved) : { type: "count", event: "", window: { last: "90d" } }));
  const [base, setBase] = useState(() => JSON.stringify({ name: saved?.name ?? "", doc: saved ? own(saved) : null }));
  const [removing, setRemoving] = useState(false);
  const all = useTraits();
  const key = saved?.key ?? keyOf(name);
  const taken = !saved && (key === "new" || all.data?.data.some((d) => d.key === key));
  const changed = JSON.stringify({ name, doc }) !== base;
  const type = String(doc.type);
  const body = { name: name.trim(), ...doc, ...(saved ? { version: saved.version } : {}) };
  const save = useMutation({
    mutationFn: () => call<Computed>("PUT", `/v1/traits/${enc(key)}`, body),
    onSuccess: async () => {
      setBase(JSON.stringify({ name, doc }));
      say(t("saved"));
      await client.invalidateQueries({ queryKey: ["traits"] });
      await client.invalidateQueries({ queryKey: ["trait", key] });
      if (!saved) void navigate({ to: "/traits/$key", params: { key } });
    },
  });
  const places: Place[] = useMemo(() => (save.error instanceof Problem ? save.error.places : []), [save.error]);
  const change = (d: Obj) => {
    save.reset();
    setDoc(d);
  };
  const become = (next: string) => {
    const { property, expression: _e, event, where, window, ...rest } = doc;
    if (next === "expression") return change({ ...rest, type: next, expression: "" });
    change({ ...rest, type: next, event: event ?? "", ...(where ? { where } : {}), ...(window ? { window } : {}), ...(ofProperty.includes(next) ? { property: property ?? "" } : {}) });
  };
  const paths = usePaths(doc.event, "property");
  const names = useTraitNames(doc.scope === "account" ? "account" : "profile");
  const at = (p: string) => places.filter((x) => x.pointer === p || x.pointer.startsWith(`${p}/`));
  const Said = ({ p }: { p: string }) => at(p).map((x) => <p key={x.pointer} role="alert" className="mt-1 text-sm text-bad"><Reason code={x.code} detail={x.detail} /></p>);
  const outside = save.error && !places.some((p) => ["/event", "/where", "/window", "/property", "/expression", "/type"].some((k) => p.pointer.startsWith(k)));
  return (
    <Page
      title={saved ? saved.name : t("trait.new")}
      lead={saved ? <span className="text-sm">{t("settings.key")} <span className="font-mono">{saved.key}</span></span> : t("trait.newLead")}
      action={
        <>
          {saved && <Button kind="bad" onClick={() => setRemoving(true)}>{t("delete")}</Button>}
          <Button kind="main" disabled={!name.trim() || !key || taken || !changed || save.isPending} onClick={() => save.mutate()}>{t("save")}</Button>
        </>
      }
    >
      <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,1fr)_24rem]">
        <div className="min-w-0 space-y-4">
          <div className="max-w-xl">
            <Field label={t("col.name")} hint={saved ? undefined : key ? `${t("source.keyWillBe")} ${key}` : t("trait.nameHint")}>
              <Input value={name} autoFocus={!saved} onChange={(e) => { save.reset(); setName(e.target.value); }} />
            </Field>
            {taken && <p role="alert" className="mt-1 text-bad">{t("trait.taken")}</p>}
          </div>
          {outside && <Trouble error={save.error} />}
          <Card title={t("trait.what")}>
            <div className="space-y-4">
              <div className="flex flex-wrap items-end gap-3">
                <label className="min-w-56">
                  <span className="mb-1 block text-sm font-medium">{t("trait.type")}</span>
                  <Select value={type} onChange={(e) => become(e.target.value)} options={types.map((x) => ({ value: x, label: t(`traittype.${x}`) }))} />
                </label>
                {ofProperty.includes(type) && (
                  <div className="min-w-44">
                    <span className="mb-1 block text-sm font-medium">{t("trait.property")}</span>
                    <Picker label={t("trait.property")} value={String(doc.property ?? "")} choices={paths} change={(v) => change({ ...doc, property: v })} />
                  </div>
                )}
                <Segmented label={t("trait.scope")} value={doc.scope === "account" ? "account" : "profile"} change={(v) => { const { scope: _s, ...rest } = doc; change(v === "account" ? { ...rest, scope: v } : rest); }} options={[{ value: "profile", label: t("trait.perPerson") }, { value: "account", label: t("trait.perAccount") }]} />
              </div>
              <p className="text-soft">{t(`traitlead.${type}`)}</p>
              <Said p="/type" />
              <Said p="/property" />
              {type === "expression" ? (
                <div>
                  <Field label={t("trait.expression")} hint={t("trait.expressionHint")}>
                    <Input value={String(doc.expression ?? "")} onChange={(e) => change({ ...doc, expression: e.target.value })} className="font-mono" placeholder="coalesce(spent_90d, 0) / orders_90d" />
                  </Field>
                  <Said p="/expression" />
                  <p className="mt-2 flex flex-wrap gap-1.5">
                    {names.slice(0, 12).map((n) => (
                      <Button key={n.value} small kind="quiet" onClick={() => change({ ...doc, expression: `${String(doc.expression ?? "")}${n.value}` })}>{n.value}</Button>
                    ))}
                  </p>
                </div>
              ) : (
                <div>
                  <h3 className="mb-2 text-sm font-medium">{t("trait.counted")}</h3>
                  <SelectionLines doc={doc} change={change} places={places} />
                  <Said p="/event" />
                  <Said p="/where" />
                  <Said p="/window" />
                </div>
              )}
            </div>
          </Card>
          <Card>
            <Fold summary={<span className="font-semibold">{t("document.file")}</span>}>
              {() => (
                <div className="mt-2 space-y-2">
                  <p className="text-soft">{t("document.traitLead")}</p>
                  <Code label="YAML" text={yamlDocument({ traits: [{ key: key || "my_trait", name: name.trim(), ...doc }] })} />
                </div>
              )}
            </Fold>
          </Card>
        </div>
        {saved ? (
          <div className="space-y-4">
            <Values k={saved.key} account={saved.scope === "account"} version={saved.version} />
            <Card title={t("trait.users")}>
              <Users k={saved.key} none={t("trait.noUsers")} />
            </Card>
          </div>
        ) : (
          <Card title={t("trait.values")}>
            <p className="text-soft">{t("trait.valuesLater")}</p>
          </Card>
        )}
      </div>
      <Dialog open={removing} close={() => setRemoving(false)} title={t("trait.delete", { name: saved?.name ?? "" })}>
        {saved && <Removal d={saved} close={() => setRemoving(false)} />}
      </Dialog>
    </Page>
  );
}

type Broken = { exact: boolean; as_of: string; data: { value: unknown; size: number }[]; other: number; values: number };

/** Values is how the values of a trait are spread over everybody who has one. */
function Values({ k, account, version }: { k: string; account: boolean; version: number }) {
  const { t, i18n } = useTranslation();
  const total = usePeopleTotal().data;
  const q = useQuery({
    queryKey: ["spread", k, version],
    queryFn: ({ signal }) => call<Broken>("POST", "/v1/segments:breakdown", { where: { all: [{ trait: k, op: "exists" }] }, trait: k, limit: 1000, ...(account ? { scope: "account" } : {}) }, signal),
    staleTime: 15_000,
    retry: false,
  });
  const data = q.data?.data ?? [];
  const sum = data.reduce((n, x) => n + x.size, 0) + (q.data?.other ?? 0);
  // An estimate may come to more people than there are.
  const people = account || !total ? sum : Math.min(sum, total);
  const numbers = data.length > 8 && data.every((x) => typeof x.value === "number");
  return (
    <Card title={t("trait.values")} action={q.data && <Exact at={q.data.as_of} exact={q.data.exact} />}>
      {q.isPending && <p className="text-soft">{t("loading")}</p>}
      {q.isError && <Trouble error={q.error} retry={() => q.refetch()} />}
      {q.data && sum === 0 && <p className="text-soft">{t("trait.noValues")}</p>}
      {sum > 0 && (
        <>
          <p className="mb-3 text-soft">
            <span className="text-2xl font-semibold text-ink">{!q.data!.exact && "≈ "}<Num n={people} /></span> {t(account ? "segments.accounts" : "segments.people", { count: people })} · {!q.data!.exact && "≈ "}{t("trait.different", { count: q.data!.values, n: num(q.data!.values, i18n.language) })}
          </p>
          <p className="mb-1 text-sm font-medium">{t(account ? "trait.spreadAccounts" : "trait.spread")}</p>
          {numbers ? (
            <Chart label={t("trait.values")} height={170} series={[{ name: t(account ? "segments.ofAccounts" : "segments.ofPeople") }]} points={bins(data as { value: number; size: number }[], i18n.language)} />
          ) : (
            <Ranks label={t("trait.values")} rows={data.slice(0, 12).map((x) => ({ key: JSON.stringify(x.value), name: valueWord(t, x.value), n: x.size, note: percent(x.size / sum, i18n.language, 0) }))} />
          )}
          <p className="mt-3">
            <Link to="/segments/new" search={{ where: { all: [{ trait: k, op: "exists" }] } }} className="text-accent hover:underline">{t("trait.asSegment")}</Link>
          </p>
        </>
      )}
    </Card>
  );
}

/** bins puts numbers into a dozen ranges of one width; nought stands alone, and the
 * few that are far above the others share the last range. */
export function bins(all: { value: number; size: number }[], language: string) {
  const data = [...all].sort((a, b) => a.value - b.value);
  const sum = data.reduce((n, d) => n + d.size, 0);
  let seen = 0;
  const most = data.find((d) => (seen += d.size) >= 0.97 * sum)?.value ?? 0;
  const low = data[0].value;
  const whole = data.every((d) => Number.isInteger(d.value));
  const span = Math.max(most - low, whole ? 1 : 1e-9);
  const step = nice(span / 12, whole);
  const several = whole && step > 1; // whole numbers in one range, such as 1 to 5
  const from = several && (low === 0 || low === 1) ? 1 : Math.floor(low / step) * step;
  const count = Math.max(1, Math.ceil((most - from + (whole ? 1 : 0)) / step));
  const nought = several && low === 0 ? data[0].size : null;
  const sizes = Array.from({ length: count }, () => 0);
  for (const d of nought === null ? data : data.slice(1)) sizes[Math.min(count - 1, Math.floor((d.value - from) / step))] += d.size;
  const ranges = sizes.map((n, i) => {
    const a = from + i * step;
    const more = i === count - 1 && data.at(-1)!.value >= a + step;
    const say = (write: (x: number, language: string) => string) =>
      more ? `≥ ${write(a, language)}` : whole && step === 1 ? write(a, language) : several ? `${write(a, language)}–${write(a + step - 1, language)}` : `${write(a, language)} – ${write(a + step, language)}`;
    return { key: String(i), label: say(num), short: more || several ? say(compact) : compact(a, language), values: [n] };
  });
  return nought === null ? ranges : [{ key: "0-", label: "0", short: "0", values: [nought] }, ...ranges];
}

/** nice is the next number of 1, 2 or 5 with noughts. */
function nice(n: number, whole: boolean): number {
  const ten = 10 ** Math.floor(Math.log10(n));
  const step = [1, 2, 5, 10].map((x) => x * ten).find((x) => x >= n) ?? n;
  return whole ? Math.max(1, Math.round(step)) : step;
}

function Removal({ d, close }: { d: Computed; close: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const client = useQueryClient();
  const users = useUsers(d.key);
  const remove = useMutation({
    mutationFn: () => call("DELETE", `/v1/traits/${enc(d.key)}`),
    onSuccess: async () => {
      close();
      await navigate({ to: "/traits" });
      client.removeQueries({ queryKey: ["trait", d.key] });
      await client.invalidateQueries({ queryKey: ["traits"] });
    },
  });
  return (
    <div className="space-y-4 p-4">
      <p>{t("trait.deleteLead")}</p>
      {users.length > 0 && <p className="text-warn">{t("trait.deleteUsers", { names: users.map((s) => s.name).join(", ") })}</p>}
      {remove.isError && <Trouble error={remove.error} />}
      <div className="flex justify-end gap-2">
        <Button onClick={close}>{t("cancel")}</Button>
        <Button kind="bad" disabled={remove.isPending} onClick={() => remove.mutate()}>{t("delete")}</Button>
      </div>
    </div>
  );
}
