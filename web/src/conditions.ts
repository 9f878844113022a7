// Conditions in words: the same sentences in the builder, in explanations and in
// lists.
import type { TFunction } from "i18next";
import i18next from "i18next";
import { plain } from "./format";
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

const units: Record<string, string> = { m: "minute", h: "hour", d: "day", w: "week" };

/** span writes a duration such as 90d in words. */
export function span(d: unknown): string {
  const m = /^(\d+)([mhdw])$/.exec(String(d));
  if (!m) return plain(d);
  return new Intl.NumberFormat(i18next.language || "en", { style: "unit", unit: units[m[2]], unitDisplay: "long" }).format(Number(m[1]));
}

/** windowWords tells when; a missing window means ever. */
export function windowWords(t: TFunction, w: unknown): string {
  if (!isObj(w) || Object.keys(w).length === 0) return t("window.ever");
  if (w.last !== undefined) return t("window.lastWords", { d: span(w.last) });
  if (w.from !== undefined || w.to !== undefined) return t("window.betweenWords", { from: span(w.from), to: span(w.to) });
  return t("window.sinceWords", { since: plain(w.since), until: plain(w.until) });
}

function eventName(t: TFunction, e: unknown): string {
  if (isObj(e)) return t("cond.anyOfType", { type: plain(e.type) });
  return plain(e);
}

const valueWords = (p: Obj) => {
  const v = p.value ?? p.compared_with ?? p.ref;
  return v === undefined ? "" : plain(v);
};

function whereWords(t: TFunction, where: unknown): string {
  if (!Array.isArray(where) || where.length === 0) return "";
  const parts = where.filter(isObj).map((p) => `${plain(p.property ?? p.context)} ${opWord(t, p.op)} ${valueWords(p)}`.trim());
  return ` ${t("cond.whereWords", { parts: parts.join(", ") })}`;
}

function eventWords(t: TFunction, c: Obj): string {
  const what = eventName(t, c.event) + whereWords(t, c.where);
  const when = windowWords(t, c.window);
  const agg = isObj(c.aggregate) ? c.aggregate : c.fn && c.fn !== "count" ? { fn: c.fn, property: c.property } : null;
  if (agg) {
    return t("cond.aggregateWords", {
      fn: t(`fn.${String(agg.fn)}`),
      property: plain(agg.property),
      what,
      op: opWord(t, c.op),
      n: plain(c.value ?? c.compared_with),
      when,
    });
  }
  const count = isObj(c.count) ? c.count : { op: c.op ?? "gte", value: c.compared_with ?? 1 };
  if (count.op === "eq" && Number(count.value) === 0) return t("cond.notWords", { what, when });
  if (count.op === "gte" && Number(count.value) === 1) return t("cond.didWords", { what, when });
  return t("cond.countWords", { what, op: opWord(t, count.op), n: plain(count.value), when });
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
      return `${plain(c.trait)} ${opWord(t, c.op)} ${plain(c.value ?? c.compared_with ?? "")}`.trim();
    case "segment":
      return t(c.op === "not_in" ? "cond.outOf" : "cond.inOf", { segment: plain(c.segment) });
    case "consent": {
      const { consent: of, op }: { consent: Obj; op: unknown } = consentOf(c) ?? { consent: c, op: c.op ?? "granted" };
      return t("cond.consentWords", { purpose: [of.purpose, of.channel].filter(Boolean).map(plain).join(" / "), state: opWord(t, op) });
    }
    case "sequence": {
      const steps = (Array.isArray(c.sequence) ? c.sequence : Array.isArray(c.steps) ? c.steps : []).filter(isObj);
      const words = steps.map((s) => t(s.not === true ? "cond.stepNot" : "cond.step", { what: eventName(t, s.event) + whereWords(t, s.where), within: s.within ? ` ${t("cond.within", { d: span(s.within) })}` : "" }));
      return `${words.join(" → ")}, ${windowWords(t, c.window)}`;
    }
    case "account":
      return t("cond.accountWords", { what: isObj(c.account) ? insideWords(t, c.account) : "" }).trim();
    case "members":
      return t(`match.${String(c.match ?? "any")}`, { what: isObj(c.members) ? insideWords(t, c.members) : "" }).trim();
    case "entity": {
      const count = isObj(c.count) ? c.count : { op: c.op ?? "gte", value: c.compared_with ?? 1 };
      return t("cond.entityWords", { entity: plain(c.entity) + whereWords(t, c.where), op: opWord(t, count.op), n: plain(count.value) });
    }
  }
  const key = `form.${form}`;
  const word = t(key);
  return word === key ? form : word;
}
