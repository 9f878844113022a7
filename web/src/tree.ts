// A condition as a tree that can be edited at any place, and where the server's
// refusals belong in it.
import type { Place, Where } from "./api";

export type Obj = Record<string, unknown>;
export type Path = (string | number)[];
export const isObj = (v: unknown): v is Obj => v !== null && typeof v === "object" && !Array.isArray(v);

const groups = ["all", "any", "none"] as const;
export type GroupForm = (typeof groups)[number];

/** groupOf returns the form of a group, null of anything else. */
export function groupOf(c: unknown): GroupForm | null {
  if (!isObj(c)) return null;
  return groups.find((g) => Array.isArray(c[g])) ?? null;
}

/** rooted makes a group of a condition, as the builder shows it. */
export function rooted(where: Where | undefined): Where {
  if (!where || Object.keys(where).length === 0) return { all: [] };
  return groupOf(where) ? where : { all: [where] };
}

/** grouped is a condition as the builder shows it: a group, and groups within accounts and their people. */
export function grouped(where: Where | undefined): Where {
  return inside(rooted(where)) as Where;
}

function inside(c: unknown): unknown {
  if (!isObj(c)) return c;
  const g = groupOf(c);
  if (g) return { ...c, [g]: (c[g] as unknown[]).map(inside) };
  for (const part of ["account", "members"]) if (isObj(c[part])) return { ...c, [part]: inside(rooted(c[part] as Where)) };
  return c;
}

/** put returns the tree with another value at a place; undefined takes it out. */
export function put(tree: unknown, path: Path, value: unknown): unknown {
  if (path.length === 0) return value;
  const [step, ...rest] = path;
  if (Array.isArray(tree)) {
    const copy = [...tree];
    if (rest.length === 0 && value === undefined) copy.splice(Number(step), 1);
    else copy[Number(step)] = put(copy[Number(step)], rest, value);
    return copy;
  }
  const copy: Obj = { ...(isObj(tree) ? tree : {}) };
  const next = put(copy[step], rest, value);
  if (next === undefined) delete copy[step];
  else copy[step] = next;
  return copy;
}

export const pointer = (path: Path) => path.map((p) => "/" + String(p).replaceAll("~", "~0").replaceAll("/", "~1")).join("");

/** refusals are those of a place; of a group without those of its parts. */
export function refusals(places: Place[], path: Path, node: unknown): Place[] {
  const here = pointer(path);
  const form = consentOf(node) ? null : groupOf(node);
  return places.filter((p) => {
    if (p.pointer !== here && !p.pointer.startsWith(here + "/")) return false;
    if (!form) return true;
    const deeper = p.pointer.slice(here.length + 1 + form.length);
    return !(p.pointer.startsWith(`${here}/${form}/`) && /^\/\d+/.test(deeper));
  });
}

/** parsed reads what was typed: a number, yes or no, else a text. */
export function parsed(text: string): unknown {
  const s = text.trim();
  if (/^-?(0|[1-9]\d{0,14})(\.\d+)?$/.test(s)) return Number(s);
  if (s === "true") return true;
  if (s === "false") return false;
  const quoted = /^"(.*)"$/.exec(s);
  return quoted ? quoted[1] : s;
}

/** typed is the other way round. */
export function typed(v: unknown): string {
  if (v === undefined || v === null) return "";
  if (Array.isArray(v)) return v.map(typed).join(", ");
  if (typeof v === "string" && typeof parsed(v) !== "string") return `"${v}"`;
  return typeof v === "object" ? JSON.stringify(v) : String(v);
}

export const listOps = ["in", "not_in"];
export const bareOps = ["exists", "not_exists"];

/** valueFor reads a value as its operator takes it. */
export function valueFor(op: string, text: string): unknown {
  if (bareOps.includes(op)) return undefined;
  if (listOps.includes(op)) return text.split(",").map((x) => x.trim()).filter(Boolean).map(parsed);
  return parsed(text);
}

// What was not said is a group of none of what was.
const unsaid: Record<string, string[]> = { not_granted: ["granted"], not_refused: ["denied", "withdrawn"] };

/** consentOf reads a condition on consent, and null of any other: what was said, or that it was not. */
export function consentOf(c: unknown): { consent: Obj; op: string } | null {
  if (!isObj(c)) return null;
  if (isObj(c.consent)) return { consent: c.consent, op: String(c.op ?? "granted") };
  if (!Array.isArray(c.none) || Object.keys(c).length > 1) return null;
  const parts = c.none.filter(isObj);
  const of = parts[0]?.consent;
  const same = parts.length === c.none.length && isObj(of) && parts.every((p) => JSON.stringify(p.consent) === JSON.stringify(of));
  const op = same && Object.keys(unsaid).find((k) => unsaid[k].join() === parts.map((p) => String(p.op)).join());
  return op ? { consent: of, op } : null;
}

/** withConsent is the other way round. */
export function withConsent(consent: Obj, op: string): Obj {
  return unsaid[op] ? { none: unsaid[op].map((state) => ({ consent, op: state })) } : { consent, op };
}

/** fresh are new conditions of each form. */
export function fresh(form: string): Obj {
  switch (form) {
    case "event":
      return { event: "", count: { op: "gte", value: 1 }, window: { last: "90d" } };
    case "trait":
      return { trait: "", op: "exists" };
    case "segment":
      return { segment: "", op: "in" };
    case "consent":
      return { consent: { purpose: "marketing" }, op: "granted" };
    case "sequence":
      return { sequence: [{ event: "" }, { event: "", within: "1d" }], window: { last: "30d" } };
    case "account":
      return { account: { all: [{ trait: "", op: "exists" }] } };
    case "entity":
      return { entity: "", count: { op: "gte", value: 1 } };
    case "members":
      return { members: { all: [fresh("event")] }, match: "any" };
  }
  return { any: [] };
}
