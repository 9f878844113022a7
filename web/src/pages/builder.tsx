// The condition of a segment, line by line, in every form that there is.
import { useQuery } from "@tanstack/react-query";
import { FolderPlus, Plus, Trash2, X } from "lucide-react";
import { createContext, useContext, useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { get, type Page, type Place, sql, type Where } from "../api";
import { countWord, formOf, opWord } from "../conditions";
import { bareOps, consentOf, fresh, groupOf, isObj, listOps, type Obj, type Path, pointer, put, refusals, typed, valueFor, withConsent } from "../tree";
import { Reason } from "../reason";
import { Area, Button, cx, Input, Num, Select } from "../ui/kit";
import { type Choice, Picker } from "../ui/picker";
import { purposeName, usePurposes, useSegments } from "../data";

type Scope = "profile" | "account";
type Edit = { change: (path: Path, value: unknown) => void; places: Place[]; counts: number[] | undefined; stale: boolean; rough?: boolean; hints: Hints; root: Path; total?: number; scope: Scope };
type Hints = { events: Choice[]; traits: Choice[]; accountTraits: Choice[]; purposes: Choice[]; entities: Choice[]; segments: { key: string; name: string }[] };

const Ctx = createContext<Edit | null>(null);
const useEdit = () => useContext(Ctx)!;

const choices = (rows: Record<string, unknown>[] | undefined, name: string): Choice[] => (rows ?? []).map((r) => ({ value: String(r[name]), n: Number(r.n) }));

/** useEventNames are the names of events that there are, the most used first. */
export const useEventNames = () =>
  choices(useQuery({ queryKey: ["hint", "events"], queryFn: () => sql("SELECT name, count(*) AS n FROM events WHERE type = 'track' AND name IS NOT NULL GROUP BY name ORDER BY n DESC LIMIT 200"), staleTime: 60_000 }).data?.data, "name");

/** useTraitNames are the names of traits, computed ones first. */
export function useTraitNames(scope: Scope = "profile"): Choice[] {
  const { t } = useTranslation();
  const custom = useQuery({ queryKey: ["hint", "traits", scope], queryFn: () => sql(`SELECT trait, count(*) AS n FROM traits_history WHERE scope = '${scope}' GROUP BY trait ORDER BY n DESC LIMIT 200`), staleTime: 60_000 });
  const computed = useQuery({ queryKey: ["traits"], queryFn: () => get<Page<{ key: string; scope?: string }>>("/v1/traits?limit=200"), staleTime: 60_000 });
  return [...(computed.data?.data ?? []).filter((c) => (c.scope ?? "profile") === scope).map((c) => ({ value: c.key, note: t("builder.computed") })), ...choices(custom.data?.data, "trait")];
}

/** useHints are the names that there are. */
function useHints(): Hints {
  const purposes = usePurposes();
  const entities = useQuery({ queryKey: ["entities"], queryFn: () => get<Page<{ key: string }>>("/v1/entities?limit=200"), staleTime: 60_000 });
  const segments = useSegments();
  return {
    events: useEventNames(),
    traits: useTraitNames("profile"),
    accountTraits: useTraitNames("account"),
    purposes: (purposes.data?.data ?? []).map((p) => ({ value: p.key, note: purposeName(p).toLowerCase() === p.key.toLowerCase() ? undefined : purposeName(p) })),
    entities: (entities.data?.data ?? []).map((p) => ({ value: p.key })),
    segments: (segments.data?.data ?? []).map((s) => ({ key: s.key, name: s.name })),
  };
}

const literal = (s: string) => `'${s.replaceAll("'", "''")}'`;
const jsonPath = (path: string) => literal(`$.${path.split(".").map((p) => `"${p.replaceAll('"', "")}"`).join(".")}`);

/** eventWhere picks the rows of the table that an event of a condition is about. */
function eventWhere(event: unknown): string | null {
  if (typeof event === "string" && event) return `type = 'track' AND name = ${literal(event)}`;
  if (Array.isArray(event) && event.length > 0) return `type = 'track' AND name IN (${event.map((e) => literal(String(e))).join(", ")})`;
  if (isObj(event) && typeof event.type === "string") return `type = ${literal(event.type)}`;
  return null;
}

/** usePaths are the properties that an event has, those of most events first. */
export function usePaths(event: unknown, part: string): Choice[] {
  const where = eventWhere(event);
  const column = part === "context" ? "context" : "properties";
  const q = useQuery({
    queryKey: ["hint", "paths", where, column],
    queryFn: () => sql(`SELECT k, count(*) AS n FROM (SELECT unnest(json_keys(${column})) AS k FROM (SELECT ${column} FROM events WHERE ${where} AND ${column} IS NOT NULL LIMIT 5000)) GROUP BY k ORDER BY n DESC LIMIT 100`),
    enabled: !!where,
    staleTime: 120_000,
    retry: false,
  });
  return choices(q.data?.data, "k");
}

/** useValues are the values that a property of an event has most. */
function useValues(event: unknown, part: string, path: string): Choice[] {
  const where = eventWhere(event);
  const column = part === "context" ? "context" : "properties";
  const q = useQuery({
    queryKey: ["hint", "values", where, column, path],
    queryFn: () => sql(`SELECT v, count(*) AS n FROM (SELECT json_extract_string(${column}, ${jsonPath(path)}) AS v FROM events WHERE ${where} LIMIT 50000) WHERE v IS NOT NULL GROUP BY v ORDER BY n DESC LIMIT 40`),
    enabled: !!where && !!path,
    staleTime: 120_000,
    retry: false,
  });
  return choices(q.data?.data, "v");
}

function useTraitValues(trait: string, scope: Scope): Choice[] {
  const q = useQuery({
    queryKey: ["hint", "trait-values", trait, scope],
    queryFn: () => sql(`SELECT value->>'$' AS v, count(DISTINCT node_id) AS n FROM traits_history WHERE scope = '${scope}' AND trait = ${literal(trait)} GROUP BY v ORDER BY n DESC LIMIT 40`),
    enabled: !!trait,
    staleTime: 120_000,
    retry: false,
  });
  return choices(q.data?.data, "v").filter((c) => c.value !== "null");
}

export function Builder({ where, change, places, counts, stale, rough, total, scope = "profile" }: { where: Where; change: (w: Where) => void; places: Place[]; counts: number[] | undefined; stale: boolean; rough?: boolean; total?: number; scope?: Scope }) {
  const hints = useHints();
  const root: Path = ["where"];
  const edit: Edit = { change: (path, value) => change((put({ where }, path, value) as { where: Where }).where), places, counts, stale, rough, hints, root, total, scope };
  return (
    <Ctx.Provider value={edit}>
      <Group node={where} path={root} scope={scope} />
    </Ctx.Provider>
  );
}

function Refused({ path, node }: { path: Path; node: unknown }) {
  const { places } = useEdit();
  const mine = refusals(places, path, node);
  if (mine.length === 0) return null;
  return (
    <ul role="alert" className="mt-1.5 space-y-0.5 text-sm text-bad">
      {mine.map((p) => (
        <li key={p.pointer + p.code}>
          <span className="font-mono text-xs">{p.pointer.slice(pointer(path).length + 1) || p.code}</span> <Reason code={p.code} detail={p.detail} />
        </li>
      ))}
    </ul>
  );
}

const formsOf = (scope: Scope, inAccount: boolean) => (inAccount ? ["trait"] : scope === "account" ? ["trait", "members", "segment"] : ["event", "sequence", "trait", "segment", "consent", "account", "entity"]);

function Group({ node, path, scope, inAccount = false }: { node: Where; path: Path; scope: Scope; inAccount?: boolean }) {
  const { t } = useTranslation();
  const { change, counts, stale, rough, root, total } = useEdit();
  const form = groupOf(node) ?? "all";
  const parts = (node[form] as unknown[]) ?? [];
  const top = path.length === root.length;
  return (
    <fieldset className={cx("min-w-0", !top && "rounded-lg border border-line bg-sunken/50 p-3 compact:p-2")}>
      <legend className="sr-only">{t(`group.${form}`)}</legend>
      <div className="mb-2 flex flex-wrap items-center gap-2">
        <span className={top ? "font-medium" : "sr-only"}>{t(top && scope === "account" ? "builder.whoAccounts" : "builder.who")}</span>
        <Select
          aria-label={t("builder.join")}
          className="field-sizing-content !w-auto min-w-0 font-medium max-sm:max-w-[calc(100%-2.75rem)]"
          value={form}
          onChange={(e) => change(path, { [e.target.value]: parts })}
          options={(["all", "any", "none"] as const).map((g) => ({ value: g, label: t(top ? `groupin.${g}` : `group.${g}`) }))}
        />
        {!top && !inAccount && <Remove path={path} />}
      </div>
      <Refused path={path} node={node} />
      <ol className="space-y-2">
        {parts.map((c, n) => {
          const at = [...path, form, n];
          const count = counts?.[n];
          return (
            <li key={n} className="items-start gap-2 sm:flex">
              <div className="min-w-0 flex-1">
                {n > 0 && <span className="mb-1 block pl-1 text-xs font-semibold tracking-wide text-soft uppercase">{t(`join.${form}`)}</span>}
                {groupOf(c) && !consentOf(c) ? <Group node={c as Where} path={at} scope={scope} inAccount={inAccount} /> : <Leaf node={c as Obj} path={at} scope={scope} inAccount={inAccount} />}
              </div>
              {top && (
                <span title={t("builder.lineCount", { count: count ?? 2 })} className={cx("block shrink-0 pt-1 text-right text-sm font-semibold sm:w-22", n > 0 ? "sm:pt-8" : "sm:pt-2.5", stale ? "text-soft" : "text-ink")}>
                  {count !== undefined && (
                    <>
                      {rough && "≈ "}<Num n={count} /> <span className="text-xs leading-tight font-normal text-soft sm:block">{t("builder.lineCount", { count })}</span>
                      {total !== undefined && total > 0 && (
                        <svg aria-hidden width="100%" height="5" className="mt-1 block rounded-full bg-sunken">
                          <rect width={`${Math.min(100, (count / total) * 100)}%`} height="5" rx="2.5" className={stale ? "fill-edge" : "fill-one"} />
                        </svg>
                      )}
                    </>
                  )}
                </span>
              )}
            </li>
          );
        })}
      </ol>
      <div className="mt-2.5 flex flex-wrap gap-1.5">
        {formsOf(scope, inAccount).map((f) => (
          <Button key={f} small onClick={() => change([...path, form], [...parts, fresh(f)])}>
            <Plus aria-hidden className="size-3.5" />
            {t(`formShort.${f}`)}
          </Button>
        ))}
        <Button small onClick={() => change([...path, form], [...parts, fresh("any")])}>
          <FolderPlus aria-hidden className="size-3.5" />
          {t("builder.group")}
        </Button>
      </div>
    </fieldset>
  );
}

function Remove({ path }: { path: Path }) {
  const { t } = useTranslation();
  const { change } = useEdit();
  return (
    <button type="button" aria-label={t("builder.remove")} title={t("builder.remove")} onClick={() => change(path, undefined)} className="ml-auto inline-flex size-8 shrink-0 items-center justify-center rounded text-soft hover:bg-bad-wash hover:text-bad">
      <Trash2 aria-hidden className="size-4" />
    </button>
  );
}

function Leaf({ node, path, scope, inAccount }: { node: Obj; path: Path; scope: Scope; inAccount: boolean }) {
  const form = consentOf(node) ? "consent" : formOf(node);
  const body = () => {
    switch (form) {
      case "event":
        return <EventLine node={node} path={path} />;
      case "sequence":
        return Array.isArray(node.sequence) ? <SequenceLines node={node} path={path} /> : null;
      case "trait":
        return <TraitLine node={node} path={path} scope={inAccount ? "account" : scope} />;
      case "segment":
        return <SegmentLine node={node} path={path} />;
      case "consent":
        return consentOf(node) ? <ConsentLine node={node} path={path} /> : null;
      case "account":
        return isObj(node.account) ? <Within node={node} path={path} part="account" /> : null;
      case "members":
        return isObj(node.members) ? <Within node={node} path={path} part="members" /> : null;
      case "entity":
        return <EntityLine node={node} path={path} />;
    }
    return null;
  };
  return (
    <div className="rounded-md border border-line bg-panel p-2.5 compact:p-1.5">
      <div className="flex items-start gap-1">
        <div className="min-w-0 flex-1">{body() ?? <Raw node={node} path={path} />}</div>
        <Remove path={path} />
      </div>
      <Refused path={path} node={form === "account" ? node.account : form === "members" ? node.members : node} />
    </div>
  );
}

/** Within is a condition on the accounts of a person, or the people of an account. */
function Within({ node, path, part }: { node: Obj; path: Path; part: "account" | "members" }) {
  const { t } = useTranslation();
  const { change } = useEdit();
  const inner = node[part] as Obj;
  const at = [...path, part];
  return (
    <div className="space-y-2">
      <div className="flex flex-wrap items-center gap-2">
        <span className="text-sm font-medium text-accent">{t(`form.${part}`)}</span>
        {part === "members" && (
          <Select aria-label={t("builder.match")} className="field-sizing-content !w-auto" value={String(node.match ?? "any")} onChange={(e) => change([...path, "match"], e.target.value)} options={["any", "all", "none"].map((m) => ({ value: m, label: t(`builder.match_${m}`) }))} />
        )}
      </div>
      {groupOf(inner) ? <Group node={inner} path={at} scope={part === "account" ? "account" : "profile"} inAccount={part === "account"} /> : <Group node={{ all: [inner] }} path={at} scope={part === "account" ? "account" : "profile"} inAccount={part === "account"} />}
    </div>
  );
}

/** Typed keeps what is being typed, and hands on what it means. */
function Typed({ value, op, change, label, className, choices: known }: { value: unknown; op: string; change: (v: unknown) => void; label: string; className?: string; choices?: Choice[] }) {
  const [text, setText] = useState(typed(value));
  const means = JSON.stringify(value);
  useEffect(() => {
    if (JSON.stringify(valueFor(op, text)) !== means) setText(typed(value));
    // what is typed follows the value only when the value changed elsewhere
    // eslint-disable-next-line
  }, [means, op]);
  const put_ = (s: string) => {
    setText(s);
    change(valueFor(op, s));
  };
  if (known && known.length > 0 && !listOps.includes(op)) return <Picker label={label} value={text} change={put_} choices={known} className={className} />;
  return <Input aria-label={label} placeholder={label} value={text} className={className} onChange={(e) => put_(e.target.value)} />;
}

const numberOps = ["gte", "gt", "eq", "neq", "lte", "lt"];
const refOps = ["eq", "neq", "gt", "gte", "lt", "lte"];
const valueOps = ["eq", "neq", "gt", "gte", "lt", "lte", "in", "not_in", "contains", "not_contains", "starts_with", "ends_with", "matches", "exists", "not_exists", "before", "after", "within_last", "within_next"];

function Ops({ value, ops, change, label, counts }: { value: string; ops: string[]; change: (op: string) => void; label?: string; counts?: boolean }) {
  const { t } = useTranslation();
  return <Select aria-label={label ?? t("builder.op")} className="field-sizing-content !w-auto max-sm:grow" value={value} onChange={(e) => change(e.target.value)} options={(ops.includes(value) ? ops : [value, ...ops]).map((o) => ({ value: o, label: counts ? countWord(t, o) : opWord(t, o) }))} />;
}

/** withOp changes an operator and keeps the value in the form that it takes. */
function withOp(node: Obj, op: string): Obj {
  const { value, ...rest } = node;
  if (bareOps.includes(op)) return { ...rest, op };
  if (rest.ref !== undefined) return { ...rest, op };
  const list = Array.isArray(value) ? value : value === undefined || value === "" ? [] : [value];
  return { ...rest, op, value: listOps.includes(op) ? list : (list[0] ?? "") };
}

const callTypes = ["page", "screen", "track", "identify", "group"];

/** EventName is which events a line is about: one name, any of several, or all of a type. */
export function EventName({ value, change, events, lead }: { value: unknown; change: (v: unknown) => void; events: Choice[]; lead?: string }) {
  const { t } = useTranslation();
  const [adding, setAdding] = useState("");
  const kind = Array.isArray(value) ? "list" : isObj(value) ? String(value.type) : "one";
  const list = Array.isArray(value) ? (value as string[]) : [];
  const become = (k: string) => {
    const name = typeof value === "string" ? value : (list[0] ?? "");
    change(k === "one" ? name : k === "list" ? (name ? [name] : []) : { type: k });
  };
  return (
    <>
      <Select
        aria-label={t("builder.which")}
        className="field-sizing-content !w-auto font-medium !text-accent max-sm:grow"
        value={kind}
        onChange={(e) => become(e.target.value)}
        options={[{ value: "one", label: lead ?? t("builder.did") }, { value: "list", label: t("builder.anyOf") }, ...callTypes.map((c) => ({ value: c, label: t(`builder.any_${c}`) }))]}
      />
      {kind === "one" && <Picker label={t("builder.eventName")} value={String(value ?? "")} choices={events} change={change} className="!w-44 max-w-full flex-1 basis-36 max-sm:basis-full" />}
      {kind === "list" && (
        <span className="flex min-w-0 flex-1 flex-wrap items-center gap-1.5">
          {list.map((n) => (
            <span key={n} className="inline-flex items-center gap-1 rounded bg-accent-wash px-2 py-1 text-sm font-medium text-accent">
              {n}
              <button type="button" aria-label={`${n}: ${t("builder.remove")}`} onClick={() => change(list.filter((x) => x !== n))} className="inline-flex size-6 items-center justify-center rounded hover:bg-panel">
                <X aria-hidden className="size-3.5" />
              </button>
            </span>
          ))}
          <Picker
            label={t("builder.addEvent")}
            value={adding}
            choices={events.filter((e) => !list.includes(e.value))}
            change={(v) => {
              if (events.some((e) => e.value === v) && !list.includes(v)) {
                change([...list, v]);
                setAdding("");
              } else setAdding(v);
            }}
            className="!w-40 max-w-full"
          />
          {adding && (
            <Button
              small
              onClick={() => {
                change([...list, adding.trim()]);
                setAdding("");
              }}
            >
              {t("builder.take")}
            </Button>
          )}
        </span>
      )}
    </>
  );
}

function EventLine({ node, path }: { node: Obj; path: Path }) {
  const { t } = useTranslation();
  const { change, hints } = useEdit();
  const agg = isObj(node.aggregate) ? node.aggregate : null;
  const count = isObj(node.count) ? node.count : { op: "gte", value: 1 };
  const paths = usePaths(node.event, "property");
  const measure = (fn: string) => {
    const { count: _c, aggregate: _a, op: _o, value: _v, ...rest } = node;
    change(path, fn === "count" ? { ...rest, count: { op: "gte", value: 1 } } : { ...rest, aggregate: { fn, property: String(agg?.property ?? "") }, op: "gte", value: 1 });
  };
  return (
    <div className="space-y-2">
      <div className="flex flex-wrap items-center gap-2">
        <EventName value={node.event} events={hints.events} change={(v) => change([...path, "event"], v)} />
        <Select aria-label={t("builder.measure")} className="field-sizing-content !w-auto max-sm:grow" value={agg ? String(agg.fn) : "count"} onChange={(e) => measure(e.target.value)} options={["count", "sum", "avg", "min", "max", "count_distinct"].map((f) => ({ value: f, label: t(`fn.${f}`) }))} />
        {agg && <Picker label={t("builder.property")} value={String(agg.property ?? "")} choices={paths} change={(v) => change([...path, "aggregate", "property"], v)} className="!w-32 max-sm:grow" />}
        {agg ? (
          <span className="flex items-center gap-2 max-sm:grow">
            <Ops counts value={String(node.op)} ops={numberOps} change={(op) => change([...path, "op"], op)} />
            <Typed op="eq" label={t("col.value")} value={node.value} change={(v) => change([...path, "value"], v)} className="!w-20" />
          </span>
        ) : (
          <span className="flex items-center gap-2 max-sm:grow">
            <Ops counts value={String(count.op)} ops={numberOps} change={(op) => change([...path, "count"], { ...count, op })} />
            <Typed op="eq" label={t("builder.times")} value={count.value} change={(v) => change([...path, "count"], { ...count, value: v })} className="!w-15" />
          </span>
        )}
      </div>
      <Lines node={node} path={path} event={node.event} />
      <div className="flex flex-wrap items-center gap-2">
        <Window node={node.window} path={[...path, "window"]} />
        <AddLine node={node} path={path} />
      </div>
    </div>
  );
}

function AddLine({ node, path }: { node: Obj; path: Path }) {
  const { t } = useTranslation();
  const { change } = useEdit();
  const where = (Array.isArray(node.where) ? node.where : []) as Obj[];
  return (
    <Button small kind="quiet" onClick={() => change([...path, "where"], [...where, { property: "", op: "eq", value: "" }])}>
      <Plus aria-hidden className="size-3.5" />
      {t("builder.addWhere")}
    </Button>
  );
}

/** Lines are what properties of an event, or attributes of a row, have to be. */
function Lines({ node, path, event, before = 0, properties = false }: { node: Obj; path: Path; event: unknown; before?: number; properties?: boolean }) {
  const where = (Array.isArray(node.where) ? node.where : []) as Obj[];
  return where.map((p, n) => <OneLine key={n} p={p} at={[...path, "where", n]} event={event} before={before} properties={properties} />);
}

function OneLine({ p, at, event, before, properties }: { p: Obj; at: Path; event: unknown; before: number; properties: boolean }) {
  const { t } = useTranslation();
  const { change, root } = useEdit();
  const name = p.context !== undefined ? "context" : "property";
  const path = String(p[name] ?? "");
  const paths = usePaths(event, name);
  const values = useValues(event, name, path);
  const ref = p.ref !== undefined;
  const refKind = !ref ? "value" : String(p.ref).startsWith("traits.") ? "traits" : (/^steps\.\d+/.exec(String(p.ref))?.[0] ?? "traits");
  const setKind = (k: string) => {
    const { value: _v, ref: _r, ...rest } = p;
    const op = refOps.includes(String(p.op)) ? p.op : "eq";
    change(at, k === "value" ? { ...rest, value: "" } : { ...rest, op, ref: `${k}.${path || "id"}` });
  };
  const inLeaf = root.length > 0; // there the button that removes stands below that of the line
  return (
    <div className={cx("flex items-start gap-1 border-l-2 border-line pl-3", inLeaf && "-mr-9")}>
      <div className="flex min-w-0 flex-1 flex-wrap items-center gap-2">
        <span className="text-sm text-soft">{t("builder.where")}</span>
        {!properties && (
          <Select aria-label={t("builder.part")} className="field-sizing-content !w-auto max-sm:grow" value={name} onChange={(e) => { const { property: _p, context: _c, ...rest } = p; change(at, { [e.target.value]: p[name], ...rest }); }} options={["property", "context"].map((v) => ({ value: v, label: t(`builder.${v}`) }))} />
        )}
        <Picker label={t("builder.path")} value={path} choices={paths} change={(v) => change([...at, name], v)} className="!w-32 max-sm:!w-24 max-sm:grow" />
        <Ops value={String(p.op)} ops={ref ? refOps : valueOps} change={(op) => change(at, withOp(p, op))} />
        {before > 0 && (
          <Select
            aria-label={t("builder.against")}
            className="field-sizing-content !w-auto"
            value={refKind}
            onChange={(e) => setKind(e.target.value)}
            options={[{ value: "value", label: t("builder.aValue") }, ...Array.from({ length: before }, (_, i) => ({ value: `steps.${i}`, label: t("builder.ofStep", { n: i + 1 }) })), { value: "traits", label: t("builder.ofTrait") }]}
          />
        )}
        {ref ? (
          <Input aria-label={t("builder.path")} placeholder={t("builder.path")} value={String(p.ref).replace(/^(steps\.\d+|traits)\./, "")} onChange={(e) => change([...at, "ref"], `${refKind}.${e.target.value}`)} className="!w-32" />
        ) : (
          !bareOps.includes(String(p.op)) && <Typed op={String(p.op)} label={t("col.value")} value={p.value} change={(v) => change([...at, "value"], v)} choices={values} className="!w-32 max-sm:!w-20 max-sm:grow" />
        )}
      </div>
      <Remove path={at} />
    </div>
  );
}

/** SequenceLines are events in order, each perhaps within a time of the one before. */
function SequenceLines({ node, path }: { node: Obj; path: Path }) {
  const { t } = useTranslation();
  const { change, hints } = useEdit();
  const steps = node.sequence as Obj[];
  return (
    <div className="space-y-2">
      <p className="text-sm font-medium text-accent">{t("form.sequence")}</p>
      <ol className="space-y-2">
        {steps.map((s, n) => {
          const at = [...path, "sequence", n];
          return (
            <li key={n} className="flex items-start gap-2">
              <span aria-hidden className="mt-1.5 inline-flex size-6 shrink-0 items-center justify-center rounded-full bg-accent-wash text-xs font-semibold text-accent">{n + 1}</span>
              <div className="min-w-0 flex-1 space-y-2">
                <div className="flex flex-wrap items-center gap-2">
                  {n > 0 && (
                    <Select
                      aria-label={t("builder.follows")}
                      className="field-sizing-content !w-auto"
                      value={s.not === true ? "not" : "then"}
                      onChange={(e) => {
                        const { not: _n, ...rest } = s;
                        change(at, e.target.value === "not" ? { not: true, ...rest } : rest);
                      }}
                      options={[{ value: "then", label: t("builder.then") }, { value: "not", label: t("builder.thenNot") }]}
                    />
                  )}
                  <EventName value={s.event} events={hints.events} change={(v) => change([...at, "event"], v)} />
                  {n > 0 && (
                    <label className="flex items-center gap-1.5 text-sm">
                      {t("builder.within")}
                      <Duration label={t("builder.withinHint")} placeholder={t("builder.anyTime")} value={String(s.within ?? "")} change={(v) => change([...at, "within"], v === "" || /^[mhdw]$/.test(v) ? undefined : v)} />
                    </label>
                  )}
                  <AddLine node={s} path={at} />
                  {steps.length > 1 && <Remove path={at} />}
                </div>
                <Lines node={s} path={at} event={s.event} before={n} />
              </div>
            </li>
          );
        })}
      </ol>
      <div className="flex flex-wrap items-center gap-2">
        <Window node={node.window} path={[...path, "window"]} />
        <Button small kind="quiet" onClick={() => change([...path, "sequence"], [...steps, { event: "", within: "1d" }])}>
          <Plus aria-hidden className="size-3.5" />
          {t("builder.addStep")}
        </Button>
      </div>
    </div>
  );
}

function EntityLine({ node, path }: { node: Obj; path: Path }) {
  const { t } = useTranslation();
  const { change, hints } = useEdit();
  const count = isObj(node.count) ? node.count : { op: "gte", value: 1 };
  return (
    <div className="space-y-2">
      <div className="flex flex-wrap items-center gap-2">
        <span className="text-sm font-medium text-accent">{t("form.entity")}</span>
        <Picker label={t("builder.entity")} value={String(node.entity ?? "")} choices={hints.entities} change={(v) => change([...path, "entity"], v)} className="!w-40 max-w-full flex-1" />
        <Ops counts value={String(count.op)} ops={numberOps} change={(op) => change([...path, "count"], { ...count, op })} />
        <Typed op="eq" label={t("builder.rows")} value={count.value} change={(v) => change([...path, "count"], { ...count, value: v })} className="!w-16" />
        <AddLine node={node} path={path} />
      </div>
      <Lines node={node} path={path} event={null} properties />
    </div>
  );
}

function Window({ node, path }: { node: unknown; path: Path }) {
  const { change } = useEdit();
  return <WindowChoice node={node} change={(key, v) => change(key === null ? path : [...path, key], v)} />;
}

/** WindowChoice is when something has to have happened. */
export function WindowChoice({ node, change }: { node: unknown; change: (key: string | null, v: unknown) => void }) {
  const { t } = useTranslation();
  const w = isObj(node) ? node : {};
  const kind = w.last !== undefined ? "last" : w.from !== undefined || w.to !== undefined ? "between" : w.since !== undefined || w.until !== undefined ? "since" : "ever";
  const start: Record<string, Obj | undefined> = useMemo(() => ({ ever: undefined, last: { last: "90d" }, between: { from: "90d", to: "30d" }, since: { since: new Date(Date.now() - 90 * 86_400_000).toISOString().slice(0, 10) + "T00:00:00Z" } }), []);
  const field = (name: string, label: string) => <Duration label={label} last={name === "last"} value={String(w[name] ?? "")} change={(v) => change(name, v)} />;
  const moment = (name: string, label: string) => (
    <Input type="datetime-local" aria-label={label} title={label} value={local(w[name])} onChange={(e) => change(name, e.target.value ? new Date(e.target.value).toISOString() : undefined)} className="!w-52" />
  );
  return (
    <>
      <Select aria-label={t("builder.window")} className="field-sizing-content !w-auto max-sm:grow" value={kind} onChange={(e) => change(null, start[e.target.value])} options={["ever", "last", "between", "since"].map((k) => ({ value: k, label: t(`window.${k}`) }))} />
      {kind === "last" && field("last", t("builder.duration"))}
      {kind === "between" && field("from", t("builder.from"))}
      {kind === "between" && <span className="text-sm text-soft">{t("builder.and")}</span>}
      {kind === "between" && field("to", t("builder.to"))}
      {kind === "since" && moment("since", t("builder.since"))}
      {kind === "since" && moment("until", t("builder.until"))}
    </>
  );
}

const units = ["m", "h", "d", "w"];

/** Duration is a number and its unit, such as 90 days, which a document writes as 90d. */
function Duration({ label, value, change, placeholder, last: back }: { label: string; value: string; change: (v: string) => void; placeholder?: string; last?: boolean }) {
  const { t } = useTranslation();
  const [, n = "", read] = /^(.*?)([mhdw])?$/s.exec(value) ?? [];
  const [last, setLast] = useState(read ?? "d");
  const unit = read ?? last;
  return (
    <span className="inline-flex items-center gap-2">
      <Input aria-label={label} title={label} inputMode="numeric" placeholder={placeholder} value={n} onChange={(e) => change(e.target.value.trim() + unit)} className={placeholder ? "!w-26" : "!w-15"} />
      <Select
        aria-label={`${label}: ${t("builder.unit")}`}
        className="field-sizing-content !w-auto"
        value={unit}
        onChange={(e) => {
          setLast(e.target.value);
          change(n + e.target.value);
        }}
        options={units.map((u) => ({ value: u, label: t(back ? `unitlast.${u}` : `unit.${u}`) }))}
      />
    </span>
  );
}

/** local writes a moment as the browser's own field takes it. */
function local(v: unknown): string {
  if (typeof v !== "string" || Number.isNaN(Date.parse(v))) return "";
  const d = new Date(v);
  return new Date(d.getTime() - d.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function TraitLine({ node, path, scope }: { node: Obj; path: Path; scope: Scope }) {
  const { t } = useTranslation();
  const { change, hints } = useEdit();
  const values = useTraitValues(String(node.trait ?? ""), scope);
  return (
    <div className="flex flex-wrap items-center gap-2">
      <span className="text-sm font-medium text-accent">{t("form.trait")}</span>
      <Picker label={t("builder.traitName")} value={String(node.trait ?? "")} choices={scope === "account" ? hints.accountTraits : hints.traits} change={(v) => change([...path, "trait"], v)} className="!w-44 max-w-full flex-1 basis-44" />
      <Ops value={String(node.op)} ops={valueOps} change={(op) => change(path, withOp(node, op))} />
      {!bareOps.includes(String(node.op)) && <Typed op={String(node.op)} label={t("col.value")} value={node.value} change={(v) => change([...path, "value"], v)} choices={values} className="!w-40 max-w-full flex-1" />}
    </div>
  );
}

function SegmentLine({ node, path }: { node: Obj; path: Path }) {
  const { t } = useTranslation();
  const { change, hints } = useEdit();
  const key = String(node.segment ?? "");
  const options = [{ value: "", label: t("builder.chooseSegment") }, ...hints.segments.map((s) => ({ value: s.key, label: s.name }))];
  return (
    <div className="flex flex-wrap items-center gap-2">
      <span className="text-sm font-medium text-accent">{t("form.segment")}</span>
      <Select aria-label={t("builder.membership")} className="field-sizing-content !w-auto" value={String(node.op ?? "in")} onChange={(e) => change([...path, "op"], e.target.value)} options={["in", "not_in"].map((o) => ({ value: o, label: t(`builder.${o}`) }))} />
      <Select aria-label={t("form.segment")} className="!w-48 max-w-full flex-1" value={key} onChange={(e) => change([...path, "segment"], e.target.value)} options={options.some((o) => o.value === key) ? options : [...options, { value: key, label: key }]} />
    </div>
  );
}

function ConsentLine({ node, path }: { node: Obj; path: Path }) {
  const { t } = useTranslation();
  const { change, hints } = useEdit();
  const { consent: of, op } = consentOf(node)!;
  const set = (consent: Obj, state = op) => change(path, withConsent(consent, state));
  return (
    <div className="flex flex-wrap items-center gap-2">
      <span className="text-sm font-medium text-accent">{t("form.consent")}</span>
      <Picker label={t("col.purpose")} value={String(of.purpose ?? "")} choices={hints.purposes} change={(purpose) => set({ ...of, purpose })} className="!w-36 max-w-full flex-1 basis-36" />
      <Input aria-label={t("builder.channel")} placeholder={t("builder.anyChannel")} value={String(of.channel ?? "")} onChange={(e) => set({ ...of, channel: e.target.value || undefined })} className="!w-40 max-sm:grow" />
      <Ops label={t("col.state")} value={op} ops={["granted", "denied", "withdrawn", "not_granted", "not_refused"]} change={(state) => set(of, state)} />
    </div>
  );
}

/** Raw is a condition of a form that has no line of its own, as JSON. */
function Raw({ node, path }: { node: Obj; path: Path }) {
  const { t } = useTranslation();
  const { change } = useEdit();
  const [text, setText] = useState(JSON.stringify(node, null, 2));
  const [bad, setBad] = useState(false);
  return (
    <div className="space-y-1">
      <div className="flex items-center">
        <span className="text-sm font-medium text-accent">{t(`form.${formOf(node)}`, { defaultValue: formOf(node) })}</span>
      </div>
      <Area
        aria-label={t("builder.json")}
        rows={Math.min(12, text.split("\n").length)}
        value={text}
        aria-invalid={bad}
        onChange={(e) => {
          setText(e.target.value);
          try {
            const v: unknown = JSON.parse(e.target.value);
            setBad(!isObj(v));
            if (isObj(v)) change(path, v);
          } catch {
            setBad(true);
          }
        }}
      />
      {bad && <p role="alert" className="text-sm text-bad">{t("builder.badJson")}</p>}
    </div>
  );
}

/** SelectionLines are which events count and when, as a computed trait says it: the
 * fields event, where and window of a document. */
export function SelectionLines({ doc, change, places }: { doc: Obj; change: (doc: Obj) => void; places: Place[] }) {
  const hints = useHints();
  const edit: Edit = { change: (path, value) => change(put(doc, path, value) as Obj), places, counts: undefined, stale: false, hints, root: [], scope: "profile" };
  return (
    <Ctx.Provider value={edit}>
      <div className="space-y-2">
        <div className="flex flex-wrap items-center gap-2">
          <EventName value={doc.event} events={hints.events} change={(v) => change({ ...doc, event: v })} />
        </div>
        <Lines node={doc} path={[]} event={doc.event} />
        <div className="flex flex-wrap items-center gap-2">
          <Window node={doc.window} path={["window"]} />
          <AddLine node={doc} path={[]} />
        </div>
      </div>
    </Ctx.Provider>
  );
}
