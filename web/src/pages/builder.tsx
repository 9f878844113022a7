// The condition of a segment, line by line.
import { useQuery } from "@tanstack/react-query";
import { FolderPlus, Plus, Trash2 } from "lucide-react";
import { createContext, useContext, useEffect, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { get, type Page, type Place, sql, type Where } from "../api";
import { formOf, opWord } from "../conditions";
import { bareOps, fresh, groupOf, isObj, listOps, type Obj, type Path, pointer, put, refusals, typed, valueFor } from "../tree";
import { Area, Button, cx, Input, Num, Select } from "../ui/kit";
import { useSegments } from "./memberships";

type Edit = { change: (path: Path, value: unknown) => void; places: Place[]; counts: number[] | undefined; stale: boolean; hints: Hints; root: Path };
type Hints = { events: string[]; traits: string[]; purposes: string[]; segments: { key: string; name: string }[] };

const Ctx = createContext<Edit | null>(null);
const useEdit = () => useContext(Ctx)!;

/** useHints are the names that there are, the most used first. */
export function useHints(): Hints {
  const events = useQuery({ queryKey: ["hint", "events"], queryFn: () => sql("SELECT name, count(*) AS n FROM events WHERE type = 'track' AND name IS NOT NULL GROUP BY name ORDER BY n DESC LIMIT 200"), staleTime: 60_000 });
  const traits = useQuery({ queryKey: ["hint", "traits"], queryFn: () => sql("SELECT trait, count(*) AS n FROM traits_history WHERE scope = 'profile' GROUP BY trait ORDER BY n DESC LIMIT 200"), staleTime: 60_000 });
  const computed = useQuery({ queryKey: ["traits"], queryFn: () => get<Page<{ key: string }>>("/v1/traits?limit=200"), staleTime: 60_000 });
  const purposes = useQuery({ queryKey: ["purposes"], queryFn: () => get<Page<{ key: string }>>("/v1/purposes?limit=200"), staleTime: 60_000 });
  const segments = useSegments();
  return {
    events: (events.data?.data ?? []).map((r) => String(r.name)),
    traits: [...(computed.data?.data ?? []).map((c) => c.key), ...(traits.data?.data ?? []).map((r) => String(r.trait))],
    purposes: (purposes.data?.data ?? []).map((p) => p.key),
    segments: (segments.data?.data ?? []).map((s) => ({ key: s.key, name: s.name })),
  };
}

export function Builder({ where, change, places, counts, stale }: { where: Where; change: (w: Where) => void; places: Place[]; counts: number[] | undefined; stale: boolean }) {
  const hints = useHints();
  const root: Path = ["where"];
  const edit: Edit = { change: (path, value) => change((put({ where }, path, value) as { where: Where }).where), places, counts, stale, hints, root };
  return (
    <Ctx.Provider value={edit}>
      <Group node={where} path={root} />
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
          <span className="font-mono text-xs">{p.pointer.slice(pointer(path).length + 1) || p.code}</span> {p.detail}
        </li>
      ))}
    </ul>
  );
}

function Group({ node, path }: { node: Where; path: Path }) {
  const { t } = useTranslation();
  const { change, counts, stale, root } = useEdit();
  const form = groupOf(node) ?? "all";
  const parts = (node[form] as unknown[]) ?? [];
  const top = path.length === root.length;
  return (
    <fieldset className={cx("min-w-0 rounded-lg border p-3 compact:p-2", top ? "border-line bg-panel" : "border-line bg-sunken/50")}>
      <legend className="sr-only">{t(`group.${form}`)}</legend>
      <div className="mb-2 flex flex-wrap items-center gap-2">
        <span className={top ? "font-medium" : "sr-only"}>{t("builder.who")}</span>
        <Select
          aria-label={t("builder.join")}
          className="!w-auto font-medium"
          value={form}
          onChange={(e) => change(path, { [e.target.value]: parts })}
          options={(["all", "any", "none"] as const).map((g) => ({ value: g, label: t(`group.${g}`) }))}
        />
        {!top && <Remove path={path} />}
      </div>
      <Refused path={path} node={node} />
      <ol className="space-y-2">
        {parts.map((c, n) => {
          const at = [...path, form, n];
          return (
            <li key={n} className="items-start gap-2 sm:flex">
              <div className="min-w-0 flex-1">{groupOf(c) ? <Group node={c as Where} path={at} /> : <Leaf node={c as Obj} path={at} />}</div>
              {top && (
                <span title={t("builder.lineCount")} className={cx("block shrink-0 pt-1 text-right text-sm font-medium sm:w-16 sm:pt-2.5", stale ? "text-soft" : "text-ink")}>
                  {counts?.[n] !== undefined && (
                    <>
                      <Num n={counts[n]} /> <span className="sr-only">{t("builder.lineCount")}</span>
                    </>
                  )}
                </span>
              )}
            </li>
          );
        })}
      </ol>
      <div className="mt-2.5 flex flex-wrap gap-1.5">
        {["event", "trait", "segment", "consent"].map((f) => (
          <Button key={f} small onClick={() => change([...path, form], [...parts, fresh(f)])}>
            <Plus aria-hidden className="size-3.5" />
            {t(`form.${f}`)}
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

function Leaf({ node, path }: { node: Obj; path: Path }) {
  const form = formOf(node);
  const known = form === "event" ? !isObj(node.event) && !Array.isArray(node.event) : form === "consent" ? isObj(node.consent) : form === "trait" || form === "segment";
  return (
    <div className="rounded-md border border-line bg-panel p-2.5 compact:p-1.5">
      <div className="flex items-start gap-1">
        <div className="min-w-0 flex-1">
          {!known && <Raw node={node} path={path} />}
          {known && form === "event" && <EventLine node={node} path={path} />}
          {known && form === "trait" && <TraitLine node={node} path={path} />}
          {known && form === "segment" && <SegmentLine node={node} path={path} />}
          {known && form === "consent" && <ConsentLine node={node} path={path} />}
        </div>
        <Remove path={path} />
      </div>
      <Refused path={path} node={node} />
    </div>
  );
}

function Named({ value, change, options, label, className }: { value: string; change: (v: string) => void; options: string[]; label: string; className?: string }) {
  const id = useId();
  return (
    <>
      <Input list={id} aria-label={label} placeholder={label} value={value} onChange={(e) => change(e.target.value)} className={className} />
      <datalist id={id}>
        {options.map((o) => (
          <option key={o} value={o} />
        ))}
      </datalist>
    </>
  );
}

/** Typed keeps what is being typed, and hands on what it means. */
function Typed({ value, op, change, label, className }: { value: unknown; op: string; change: (v: unknown) => void; label: string; className?: string }) {
  const [text, setText] = useState(typed(value));
  const means = JSON.stringify(value);
  useEffect(() => {
    if (JSON.stringify(valueFor(op, text)) !== means) setText(typed(value));
    // what is typed follows the value only when the value changed elsewhere
    // eslint-disable-next-line
  }, [means]);
  return (
    <Input
      aria-label={label}
      placeholder={label}
      value={text}
      className={className}
      onChange={(e) => {
        setText(e.target.value);
        change(valueFor(op, e.target.value));
      }}
    />
  );
}

const numberOps = ["gte", "gt", "eq", "neq", "lte", "lt"];
const valueOps = ["eq", "neq", "gt", "gte", "lt", "lte", "in", "not_in", "contains", "not_contains", "starts_with", "ends_with", "matches", "exists", "not_exists", "before", "after", "within_last", "within_next"];

function Ops({ value, ops, change, label }: { value: string; ops: string[]; change: (op: string) => void; label?: string }) {
  const { t } = useTranslation();
  return <Select aria-label={label ?? t("builder.op")} className="!w-auto" value={value} onChange={(e) => change(e.target.value)} options={(ops.includes(value) ? ops : [value, ...ops]).map((o) => ({ value: o, label: opWord(t, o) }))} />;
}

/** withOp changes an operator and keeps the value in the form that it takes. */
function withOp(node: Obj, op: string): Obj {
  const { value, ...rest } = node;
  if (bareOps.includes(op)) return { ...rest, op };
  const list = Array.isArray(value) ? value : value === undefined || value === "" ? [] : [value];
  return { ...rest, op, value: listOps.includes(op) ? list : (list[0] ?? "") };
}

function EventLine({ node, path }: { node: Obj; path: Path }) {
  const { t } = useTranslation();
  const { change, hints } = useEdit();
  const agg = isObj(node.aggregate) ? node.aggregate : null;
  const count = isObj(node.count) ? node.count : { op: "gte", value: 1 };
  const where = (Array.isArray(node.where) ? node.where : []) as Obj[];
  const measure = (fn: string) => {
    const { count: _c, aggregate: _a, op: _o, value: _v, ...rest } = node;
    change(path, fn === "count" ? { ...rest, count: { op: "gte", value: 1 } } : { ...rest, aggregate: { fn, property: String(agg?.property ?? "") }, op: "gte", value: 1 });
  };
  return (
    <div className="space-y-2">
      <div className="flex flex-wrap items-center gap-2">
        <span className="text-sm font-medium text-accent">{t("builder.did")}</span>
        <Named label={t("builder.eventName")} value={String(node.event ?? "")} options={hints.events} change={(v) => change([...path, "event"], v)} className="!w-40 max-w-full flex-1" />
        <Select aria-label={t("builder.measure")} className="!w-auto" value={agg ? String(agg.fn) : "count"} onChange={(e) => measure(e.target.value)} options={["count", "sum", "avg", "min", "max", "count_distinct"].map((f) => ({ value: f, label: t(`fn.${f}`) }))} />
        {agg && <Input aria-label={t("builder.property")} placeholder={t("builder.property")} value={String(agg.property ?? "")} onChange={(e) => change([...path, "aggregate", "property"], e.target.value)} className="!w-32" />}
        {agg ? (
          <>
            <Ops value={String(node.op)} ops={numberOps} change={(op) => change([...path, "op"], op)} />
            <Typed op="eq" label={t("col.value")} value={node.value} change={(v) => change([...path, "value"], v)} className="!w-20" />
          </>
        ) : (
          <>
            <Ops value={String(count.op)} ops={numberOps} change={(op) => change([...path, "count"], { ...count, op })} />
            <Typed op="eq" label={t("builder.times")} value={count.value} change={(v) => change([...path, "count"], { ...count, value: v })} className="!w-16" />
          </>
        )}
      </div>
      {where.map((p, n) => {
        const at = [...path, "where", n];
        const name = p.context !== undefined ? "context" : "property";
        return (
          <div key={n} className="flex items-start gap-1 border-l-2 border-line pl-3">
            <div className="flex min-w-0 flex-1 flex-wrap items-center gap-2">
            <span className="text-sm text-soft">{t("builder.where")}</span>
            <Select aria-label={t("builder.part")} className="!w-auto" value={name} onChange={(e) => { const { property: _p, context: _c, ...rest } = p; change(at, { [e.target.value]: p[name], ...rest }); }} options={["property", "context"].map((v) => ({ value: v, label: t(`builder.${v}`) }))} />
            <Input aria-label={t("builder.path")} placeholder={t("builder.path")} value={String(p[name] ?? "")} onChange={(e) => change([...at, name], e.target.value)} className="!w-32" />
            <Ops value={String(p.op)} ops={valueOps} change={(op) => change(at, withOp(p, op))} />
            {!bareOps.includes(String(p.op)) && <Typed op={String(p.op)} label={t("col.value")} value={p.value} change={(v) => change([...at, "value"], v)} className="!w-28" />}
            </div>
            <Remove path={at} />
          </div>
        );
      })}
      <div className="flex flex-wrap items-center gap-2">
        <Window node={node.window} path={[...path, "window"]} />
        <Button small kind="quiet" onClick={() => change([...path, "where"], [...where, { property: "", op: "eq", value: "" }])}>
          <Plus aria-hidden className="size-3.5" />
          {t("builder.addWhere")}
        </Button>
      </div>
    </div>
  );
}

function Window({ node, path }: { node: unknown; path: Path }) {
  const { t } = useTranslation();
  const { change } = useEdit();
  const w = isObj(node) ? node : {};
  const kind = w.last !== undefined ? "last" : w.from !== undefined || w.to !== undefined ? "between" : w.since !== undefined || w.until !== undefined ? "since" : "ever";
  const start: Record<string, Obj | undefined> = { ever: undefined, last: { last: "90d" }, between: { from: "90d", to: "30d" }, since: { since: new Date(Date.now() - 90 * 86_400_000).toISOString().slice(0, 10) + "T00:00:00Z" } };
  const field = (name: string, label: string, width: string) => <Input aria-label={label} placeholder={label} title={label} value={typed(w[name])} onChange={(e) => change([...path, name], e.target.value || undefined)} className={width} />;
  return (
    <>
      <Select aria-label={t("builder.window")} className="!w-auto" value={kind} onChange={(e) => change(path, start[e.target.value])} options={["ever", "last", "between", "since"].map((k) => ({ value: k, label: t(`window.${k}`) }))} />
      {kind === "last" && field("last", t("builder.duration"), "!w-20")}
      {kind === "between" && field("from", t("builder.from"), "!w-20")}
      {kind === "between" && field("to", t("builder.to"), "!w-20")}
      {kind === "since" && field("since", t("builder.since"), "!w-52")}
      {kind === "since" && field("until", t("builder.until"), "!w-52")}
    </>
  );
}

function TraitLine({ node, path }: { node: Obj; path: Path }) {
  const { t } = useTranslation();
  const { change, hints } = useEdit();
  return (
    <div className="flex flex-wrap items-center gap-2">
      <span className="text-sm font-medium text-accent">{t("form.trait")}</span>
      <Named label={t("builder.traitName")} value={String(node.trait ?? "")} options={hints.traits} change={(v) => change([...path, "trait"], v)} className="!w-44 max-w-full flex-1" />
      <Ops value={String(node.op)} ops={valueOps} change={(op) => change(path, withOp(node, op))} />
      {!bareOps.includes(String(node.op)) && <Typed op={String(node.op)} label={t("col.value")} value={node.value} change={(v) => change([...path, "value"], v)} className="!w-40 max-w-full flex-1" />}
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
      <Select aria-label={t("builder.membership")} className="!w-auto" value={String(node.op ?? "in")} onChange={(e) => change([...path, "op"], e.target.value)} options={["in", "not_in"].map((o) => ({ value: o, label: t(`builder.${o}`) }))} />
      <Select aria-label={t("form.segment")} className="!w-48 max-w-full flex-1" value={key} onChange={(e) => change([...path, "segment"], e.target.value)} options={options.some((o) => o.value === key) ? options : [...options, { value: key, label: key }]} />
    </div>
  );
}

function ConsentLine({ node, path }: { node: Obj; path: Path }) {
  const { t } = useTranslation();
  const { change, hints } = useEdit();
  const of = node.consent as Obj;
  return (
    <div className="flex flex-wrap items-center gap-2">
      <span className="text-sm font-medium text-accent">{t("form.consent")}</span>
      <Named label={t("col.purpose")} value={String(of.purpose ?? "")} options={hints.purposes} change={(v) => change([...path, "consent", "purpose"], v)} className="!w-36 max-w-full flex-1" />
      <Input aria-label={t("builder.channel")} placeholder={t("builder.channel")} value={String(of.channel ?? "")} onChange={(e) => change([...path, "consent", "channel"], e.target.value || undefined)} className="!w-32" />
      <Ops label={t("col.state")} value={String(node.op ?? "granted")} ops={["granted", "denied", "withdrawn", "not_granted", "not_denied"]} change={(op) => change([...path, "op"], op)} />
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
