// Numbers and moments in the reader's language.

export const num = (n: number, language: string) => new Intl.NumberFormat(language, { maximumFractionDigits: 2 }).format(n);

/** compact writes a large number short, as an axis needs it. */
export const compact = (n: number, language: string) => new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 }).format(n);

export const percent = (share: number, language: string, digits = 0) => new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: digits }).format(share);

/** money writes an amount, a large one without its cents unless these are asked for; without a currency it is a plain number. */
export function money(n: number, language: string, currency?: string, digits = Math.abs(n) >= 1000 ? 0 : 2): string {
  const known = !!currency && /^[A-Z]{3}$/.test(currency);
  const form = known ? new Intl.NumberFormat(place(language), { style: "currency", currency, currencyDisplay: "narrowSymbol", maximumFractionDigits: digits }) : new Intl.NumberFormat(language, { maximumFractionDigits: digits });
  return form.format(n).replace("-", "−");
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** ago tells a moment by its distance from now, both in milliseconds. */
export function ago(at: number, now: number, language: string): string {
  const seconds = Math.round((at - now) / 1000);
  const f = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  for (const [unit, size] of steps) {
    if (Math.abs(seconds) >= size) return f.format(Math.trunc(seconds / size), unit);
  }
  return f.format(seconds, "second");
}

// The 24-hour clock and day before month in English too, as dates are written in
// most of the world.
const place = (language: string) => (language === "en" ? "en-GB" : language);

/** first writes the first of a month as French does, which Intl does not. */
const first = (s: string, language: string) => (language === "fr" ? s.replace(/(^|\s)1(?=\s\p{L})/u, "$11er") : s);

export const day = (iso: string, language: string) =>
  first(new Intl.DateTimeFormat(place(language), { weekday: "short", day: "numeric", month: "long", year: "numeric" }).format(new Date(iso)), language);
export const date = (iso: string, language: string) =>
  first(new Intl.DateTimeFormat(place(language), { day: "numeric", month: "short", year: "numeric" }).format(new Date(iso)), language);
export const clock = (iso: string, language: string) =>
  new Intl.DateTimeFormat(place(language), { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(new Date(iso));
export const full = (iso: string, language: string) =>
  first(new Intl.DateTimeFormat(place(language), { dateStyle: "medium", timeStyle: "medium" }).format(new Date(iso)), language);

/** between is a stretch of time; what both ends share is written once. */
export const between = (from: string, to: string, language: string) =>
  new Intl.DateTimeFormat(place(language), { dateStyle: "medium", timeStyle: "medium" }).formatRange(new Date(from), new Date(to));

/** dayMonth is a day of UTC without its year, for axes. */
export const dayMonth = (iso: string, language: string) =>
  first(new Intl.DateTimeFormat(place(language), { day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(iso)), language);

/** plain writes a value as one short line. */
export function plain(v: unknown): string {
  return v !== null && typeof v === "object" && !Array.isArray(v) ? Object.entries(v).map(named).join(" · ") : inner(v);
}

const named = ([k, v]: [string, unknown]): string => (v !== null && typeof v === "object" && !Array.isArray(v) ? `${k} ${inner(v)}` : `${k}: ${inner(v)}`);

function inner(v: unknown): string {
  if (v === null || v === undefined) return "–";
  if (Array.isArray(v)) return v.map(inner).join(", ") || "–";
  if (typeof v === "object") return `(${Object.entries(v).map(named).join(", ")})`;
  return String(v);
}

/** spaced writes a name of data, such as push_enabled or lastName, as words. */
export const spaced = (key: string) => key.replace(/_+/g, " ").replace(/([a-z\d])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`).trim() || key;

const isoForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;
export const isMoment = (v: unknown): v is string => typeof v === "string" && isoForm.test(v) && !Number.isNaN(Date.parse(v));

/** initials of a name, for its picture. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const first = [...(words[0] ?? "?")][0] ?? "?";
  const last = words.length > 1 ? ([...(words.at(-1) ?? "")][0] ?? "") : "";
  return (first + last).toUpperCase();
}

/** yaml writes a document of conditions as `kith apply` takes it. */
export function yaml(v: unknown, indent = ""): string {
  if (Array.isArray(v)) {
    if (v.length === 0) return "[]";
    return v.map((x) => `\n${indent}- ${inItem(x, indent + "  ")}`).join("");
  }
  if (v !== null && typeof v === "object") {
    const entries = Object.entries(v).filter(([, x]) => x !== undefined);
    if (entries.length === 0) return "{}";
    return entries
      .map(([k, x]) => {
        const below = yaml(x, indent + "  ");
        return `\n${indent}${scalar(k)}:${below.startsWith("\n") ? below : " " + below}`;
      })
      .join("");
  }
  return scalar(v);
}

function inItem(v: unknown, indent: string): string {
  return yaml(v, indent).replace(/^\n\s*/u, "");
}

function scalar(v: unknown): string {
  if (typeof v !== "string") return JSON.stringify(v);
  if (/^[A-Za-z_][\w .@/-]*$/.test(v) && v.trim() === v && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(v)) return v;
  return JSON.stringify(v);
}

export const yamlDocument = (v: unknown) => yaml(v).replace(/^\n/, "") + "\n";
