// How the browser's tests are written, so that they try what people do: by what
// is seen, in every language, and never by waiting for a while.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { languages, leftInEnglish, say } from "./words.mjs";

const read = (name) => readFileSync(new URL(name, import.meta.url), "utf8");
const files = readdirSync(new URL(".", import.meta.url)).filter((f) => f.endsWith(".mjs") && !f.includes(".test."));

describe("the browser's tests", () => {
  it("find things by roles and texts, not by what nobody sees", () => {
    const bad = files.flatMap((f) => [...read(f).matchAll(/getByTestId|data-testid|\.locator\((?!"(?:\.\.|html[^"]*)"\))[^)]*\)/g)].map((m) => `${f}: ${m[0]}`));
    expect(bad).toEqual([]);
  });
  it("wait for what is seen, not for time to pass", () => {
    const waits = files.flatMap((f) => [...read(f).matchAll(/waitForTimeout|networkidle/g)].map((m) => `${f}: ${m[0]}`));
    expect(waits).toEqual([]);
  });
  it("name texts that there are", () => {
    for (const f of files) {
      for (const [, text] of read(f).matchAll(/\bp\.say\("([^"]+)"/g)) expect(() => say("fr", text), `${f}: ${text}`).not.toThrow();
      for (const [, key] of read(f).matchAll(/\bp\.sayKey\("([^"]+)"/g)) expect(languages.en, `${f}: ${key}`).toHaveProperty([key]);
    }
  });
});

describe("words", () => {
  it("are found in the reader's language, with any value and in every number", () => {
    expect(say("fr", "New segment")).toBe("Nouveau segment");
    expect(say("en", "Type “{{name}}” to confirm", { name: "Two" })).toBe("Type “Two” to confirm");
    expect("1 événement chargé").toMatch(say("fr", "{{count}} events loaded"));
    expect("1\u202f234 événements chargés").toMatch(say("fr", "{{count}} event loaded"));
    expect("1 event loaded").not.toMatch(say("fr", "{{count}} event loaded"));
    expect(() => say("en", "No such text")).toThrow();
  });
  it("of another language are noticed", () => {
    expect(leftInEnglish(["Nouveau segment", "Segments", "web", "12583", "WHITE METAL LANTERN"])).toEqual([]);
    const left = ["New segment", "Delete “x”", "12 events loaded", "there is no segment of that key"];
    expect(leftInEnglish(left)).toEqual(left);
  });
  it("in French are French", () => {
    const alike = Object.keys(languages.en).filter((k) => languages.en[k] === languages.fr[k] && /[a-z]{3,} [a-z]{2,}/i.test(languages.en[k].replace(/\{\{\w+\}\}/g, "")));
    expect(alike.map((k) => languages.en[k])).toEqual([]);
  });
});
