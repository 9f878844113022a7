// The texts of the interface in the language that somebody reads. Tests name a
// text as it stands in English; what they look for is what stands there in the
// reader's language, so one script is done in both.
import { readdirSync, readFileSync } from "node:fs";

const read = (language) => JSON.parse(readFileSync(new URL(`../src/lang/${language}.json`, import.meta.url), "utf8"));
export const languages = { en: read("en"), fr: read("fr") };

const place = /\{\{(\w+)\}\}/g;
const escaped = (s) => s.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/\s+/g, "\\s+");
const counted = /^(n|of|count)$/;
const pattern = (s) => s.split(place).map((part, n) => (n % 2 ? (counted.test(part) ? "([\\d.,\\s]+)" : "(.+?)") : escaped(part))).join("");

/** say is a text of the interface in a language, from its English. Places that no
 * value is given for match anything; of a plural all forms match, and so do all
 * texts that are one in English. */
export function say(language, text, values = {}) {
  const keys = Object.keys(languages.en).filter((k) => languages.en[k] === text);
  if (keys.length === 0) throw new Error(`the interface has no text “${text}”`);
  const forms = new Set();
  for (const k of keys) {
    const base = k.replace(/_(one|many|other)$/, "");
    for (const form of base === k ? [k] : [`${base}_one`, `${base}_many`, `${base}_other`]) forms.add(languages[language][form]);
  }
  const filled = [...forms].map((f) => f.replace(place, (whole, name) => values[name] ?? whole));
  if (filled.length === 1 && !place.test(filled[0])) return filled[0];
  const either = filled.map(pattern).join("|");
  return new RegExp(text.includes("{{") ? either : `^(?:${either})$`);
}

/** sayKey is the text of a key, where the English text stands for several or the text is put into another one. */
export function sayKey(language, key) {
  const text = languages[language][key];
  if (text === undefined) throw new Error(`the interface has no text ${key}`);
  return text;
}

// A French page holds no text that only the English one has.
const french = new Set(Object.values(languages.fr));
const onlyEnglish = Object.entries(languages.en).filter(([k, v]) => v !== languages.fr[k] && !french.has(v));
const englishTexts = new Set(onlyEnglish.filter(([, v]) => !v.includes("{{")).map(([, v]) => v));
const englishForms = onlyEnglish.filter(([, v]) => v.includes("{{") && /[a-z]{3}/.test(v.replace(place, ""))).map(([, v]) => new RegExp(`^${pattern(v)}$`));
const englishWords = /\b(the|of|is|are|was|were|with|that|this|not|has|have|been|there|cannot|must|which|because|by)\b/g;

/** leftInEnglish are those of the texts of a French page that are English: texts of
 * the interface, and whatever else reads as a sentence. */
export const leftInEnglish = (texts) =>
  texts.filter((t) => englishTexts.has(t) || englishForms.some((f) => f.test(t)) || (t.match(englishWords)?.length ?? 0) > 1);

// A text that is missing shows as its key. Keys that the source writes out are
// known to be there; those that it puts together at run time are looked for.
const folder = new URL("../src/", import.meta.url);
const source = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((f) => /\.tsx?$/.test(f)).map((f) => readFileSync(new URL(f, folder), "utf8")).join("\n");
const families = [...new Set([...source.matchAll(/`(\w+)\.\$\{/g)].map((m) => m[1]))];
const missing = new RegExp(`^(${families.join("|")})\\.\\w*$`);

/** keysLeft are those of the texts of a page that are the key of a text. */
export const keysLeft = (texts) => texts.filter((t) => missing.test(t) || (t.includes(".") && t in languages.en));
