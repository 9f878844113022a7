import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import en from "../lang/en.json";
import fr from "../lang/fr.json";
import refusals from "../lang/refusals.fr.json";

const root = join(import.meta.dirname, "..");
const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((f) => /\.tsx?$/.test(f) && !f.startsWith("test"));
const source = files.map((f) => readFileSync(join(root, f), "utf8")).join("\n");
const words: Record<string, Record<string, string>> = { en, fr };
const bare = (k: string) => k.replace(/_(one|many|other)$/, "");

describe("languages", () => {
  it("have the same keys, filled, with the same places", () => {
    expect(Object.keys(fr)).toEqual(Object.keys(en));
    const places = (s: string) => [...s.matchAll(/\{\{(\w+)\}\}/g)].map((m) => m[1]).sort();
    for (const k of Object.keys(en)) {
      expect(words.fr[k].trim(), k).not.toBe("");
      expect(places(words.fr[k]), k).toEqual(places(words.en[k]));
    }
  });
  it("do not let a line break before the signs that French sets apart", () => {
    const loose = [...Object.entries(words.fr), ...Object.entries(refusals)].filter(([, s]) => / [:;?!»]|« /.test(s));
    expect(loose).toEqual([]);
  });
  it("know every key that the source names", () => {
    const known = new Set(Object.keys(en).map(bare));
    const asked = [...source.matchAll(/\bt\(\s*(?:\w+ \? )?"([\w.]+)"/g)].map((m) => m[1]);
    expect(asked.length).toBeGreaterThan(150);
    expect([...new Set(asked)].filter((k) => !known.has(k))).toEqual([]);
  });
  it("hold nothing that no screen uses", () => {
    const prefixes = [...source.matchAll(/`(\w+)\.\$\{/g)].map((m) => m[1] + ".");
    const unused = Object.keys(en).map(bare).filter((k) => !source.includes(`"${k}"`) && !prefixes.some((p) => k.startsWith(p)));
    expect([...new Set(unused)]).toEqual([]);
  });
  it("explain only refusals that the server has", () => {
    const server = join(root, "../../internal");
    const codes = readdirSync(server, { recursive: true, encoding: "utf8" })
      .filter((f) => f.endsWith(".go") && !f.endsWith("_test.go"))
      .flatMap((f) => [...readFileSync(join(server, f), "utf8").matchAll(/"([a-z]+\.[a-z_]+)"/g)].map((m) => m[1]));
    const known = new Set(codes);
    expect(Object.keys(refusals).filter((c) => !known.has(c))).toEqual([]);
  });
  it("are the only place of words: no text stands in a screen", () => {
    const loose = [...source.matchAll(/>\s*([A-Z][a-z]+(?: [a-z]+)+)\s*</g)].map((m) => m[1]);
    expect(loose).toEqual([]);
  });
});

describe("source", () => {
  it("writes nothing as HTML and evaluates nothing", () => {
    expect(source).not.toMatch(/dangerouslySetInnerHTML|innerHTML|outerHTML|insertAdjacentHTML|\beval\(|new Function\(|document\.write/);
  });
  it("has colours in one place", () => {
    expect(source).not.toMatch(/(?:bg|text|border)-(?:red|blue|green|gray|slate|white|black)\b/);
  });
});
