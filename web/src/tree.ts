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
  const form = groupOf(node);
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
  }
  return { any: [] };
}
