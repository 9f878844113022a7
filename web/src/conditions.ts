// Conditions in words: the same sentences in the builder, in explanations and in
// lists.
import type { TFunction } from "i18next";
import i18next from "i18next";
import { date, isMoment, plain } from "./format";
import { consentOf } from "./tree";

type Obj = Record<string, unknown>;
const isObj = (v: unknown): v is Obj => v !== null && typeof v === "object" && !Array.isArray(v);

export const groupForms = ["all", "any", "none"] as const;

/** formOf names the form of a condition, of a document or of an explanation. */
export function formOf(c: Obj): string {
  if (typeof c.form === "string") return c.form;
  for (const f of ["all", "any", "none", "event", "sequence", "trait", "segment", "consent", "account", "entity", "members"]) if (f in c) return f;
  return "unknown";
}

export function opWord(t: TFunction, op: unknown): string {
  const key = `op.${String(op)}`;
  const word = t(key);
  return word === key ? String(op) : word;
}

/** countWord is an operator in front of a number of times or an amount. */
export const countWord = (t: TFunction, op: unknown): string => t(`countop.${String(op)}`, { defaultValue: String(op) });

/** valueWord writes a value in the reader's language. */
export function valueWord(t: TFunction, v: unknown): string {
  if (typeof v === "boolean") return t(v ? "yes" : "no");
  return isMoment(v) ? date(v, i18next.language || "en") : plain(v);
}

const units: Record<string, string> = { m: "minute", h: "hour", d: "day", w: "week" };

/** span writes a duration such as 90d in words. */
export function span(d: unknown): string {
  const m = /^(\d+)([mhdw])$/.exec(String(d));
  if (!m) return plain(d);
  return new Intl.NumberFormat(i18next.language || "en", { style: "unit", unit: units[m[2]], unitDisplay: "long" }).format(Number(m[1]));
}

/** windowWords tells when; a missing window means ever. */
export function windowWords(t: TFunction, w: unknown): string {
  if (!isObj(w) || Object.keys(w).length === 0) return t("window.everWords");
  if (w.last !== undefined) {
    const [, n, unit] = /^(\d+)([mhdw])$/.exec(String(w.last)) ?? [];
    return unit ? t(`inlast.${unit}`, { count: Number(n) }) : t("window.lastWords", { d: plain(w.last) });
  }
  if (w.from !== undefined || w.to !== undefined) return t("window.betweenWords", { from: span(w.from), to: span(w.to) });
  if (w.until === undefined) return t("window.sinceOnly", { since: valueWord(t, w.since) });
  if (w.since === undefined) return t("window.untilOnly", { until: valueWord(t, w.until) });
  return t("window.sinceWords", { since: valueWord(t, w.since), until: valueWord(t, w.until) });
}

function eventName(t: TFunction, e: unknown): string {
  if (isObj(e)) return e.type === "track" ? t("cond.anyEvent") : t(`call.${String(e.type)}`, { defaultValue: plain(e.type) });
  if (Array.isArray(e)) return e.map(plain).join(` ${t("cond.or")} `);
  return plain(e);
}

/** compared says an operator and what stands behind it. */
function compared(t: TFunction, c: Obj, none: unknown = undefined): string {
  const v = c.value ?? c.compared_with ?? none;
  const word = v === undefined ? "" : String(c.op).startsWith("within_") ? span(v) : valueWord(t, v);
  return `${opWord(t, c.op)} ${word}`.trim();
}

/** whatWords are which events something is about: their name, and what their properties have to be. */
export function whatWords(t: TFunction, event: unknown, where: unknown): string {
  const name = eventName(t, event);
  if (!Array.isArray(where) || where.length === 0) return name;
  const parts = where.filter(isObj).map((p) => `${plain(p.property ?? p.context)} ${compared(t, p, p.ref)}`);
  return `${name} ${t("cond.whereWords", { parts: parts.join(` ${t("join.all")} `) })}`;
}

function eventWords(t: TFunction, c: Obj): string {
  const bare = !Array.isArray(c.where) || c.where.length === 0;
  const what = whatWords(t, c.event, c.where) + (bare ? "" : ",");
  const when = windowWords(t, c.window);
  const agg = isObj(c.aggregate) ? c.aggregate : c.fn && c.fn !== "count" ? { fn: c.fn, property: c.property } : null;
  if (agg) {
    return t("cond.aggregateWords", {
      fn: t(`fn.${String(agg.fn)}`),
      property: plain(agg.property),
      what: whatWords(t, c.event, c.where),
      op: countWord(t, c.op),
      n: plain(c.value ?? c.compared_with),
      when,
    });
  }
  const count = isObj(c.count) ? c.count : { op: c.op ?? "gte", value: c.compared_with ?? 1 };
  if (count.op === "eq" && Number(count.value) === 0) return t("cond.notWords", { what, when });
  if (count.op === "gte" && Number(count.value) === 1) return t("cond.didWords", { what, when });
  return t("cond.countWords", { what, op: countWord(t, count.op), count: Number(count.value), n: plain(count.value), when });
}

/** insideWords says what stands within an account or its people. */
function insideWords(t: TFunction, c: Obj): string {
  for (const g of groupForms) if (Array.isArray(c[g])) return c[g].filter(isObj).map((x) => sentence(t, x)).join(g === "any" ? ` ${t("cond.or")} ` : ", ");
  return sentence(t, c);
}

/** sentence says a condition in words; groups say how they join. */
export function sentence(t: TFunction, c: Obj): string {
  const form = consentOf(c) ? "consent" : formOf(c);
  switch (form) {
    case "all":
    case "any":
    case "none":
      return t(`group.${form}`);
    case "event":
      return eventWords(t, c);
    case "trait":
      return `${plain(c.trait)} ${compared(t, c)}`;
    case "segment":
      return t(c.op === "not_in" ? "cond.outOf" : "cond.inOf", { segment: plain(c.segment) });
    case "consent": {
      const { consent: of, op }: { consent: Obj; op: unknown } = consentOf(c) ?? { consent: c, op: c.op ?? "granted" };
      return t("cond.consentWords", { purpose: [of.purpose, of.channel].filter(Boolean).map(plain).join(" / "), state: opWord(t, op) });
    }
    case "sequence": {
      const steps = (Array.isArray(c.sequence) ? c.sequence : Array.isArray(c.steps) ? c.steps : []).filter(isObj);
      const words = steps.map((s) => t(s.not === true ? "cond.stepNot" : "cond.step", { what: whatWords(t, s.event, s.where), within: s.within ? ` ${t("cond.within", { d: span(s.within) })}` : "" }));
      return `${words.join(" → ")}, ${windowWords(t, c.window)}`;
    }
    case "account":
      return t("cond.accountWords", { what: isObj(c.account) ? insideWords(t, c.account) : "" }).trim();
    case "members":
      return t(`match.${String(c.match ?? "any")}`, { what: isObj(c.members) ? insideWords(t, c.members) : "" }).trim();
    case "entity": {
      const count = isObj(c.count) ? c.count : { op: c.op ?? "gte", value: c.compared_with ?? 1 };
      return t("cond.entityWords", { entity: whatWords(t, c.entity, c.where), op: countWord(t, count.op), n: plain(count.value) });
    }
  }
  const key = `form.${form}`;
  const word = t(key);
  return word === key ? form : word;
}
