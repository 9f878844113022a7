import i18next from "i18next";
import { beforeAll, describe, expect, it } from "vitest";
import { sentence } from "../conditions";
import { ago, between, initials, money, plain, spaced, yamlDocument } from "../format";
import en from "../lang/en.json";
import fr from "../lang/fr.json";
import { eventLine, lineOf } from "../pages/timeline";
import { bins } from "../pages/traits";
import { gather, type Seen, seenMax, type Verdict } from "../stream";
import { fresh, groupOf, parsed, pointer, put, refusals, rooted, typed, valueFor } from "../tree";

describe("tree", () => {
  it("puts, changes and removes at any depth without touching the rest", () => {
    const before = { all: [{ event: "A", where: [{ property: "x" }] }, { any: [{ trait: "t" }] }] };
    const copy = structuredClone(before);
    expect(put(before, ["all", 0, "where", 0, "property"], "y")).toEqual({ all: [{ event: "A", where: [{ property: "y" }] }, { any: [{ trait: "t" }] }] });
    expect(put(before, ["all", 0], undefined)).toEqual({ all: [{ any: [{ trait: "t" }] }] });
    expect(put(before, ["all", 1, "any", 1], { segment: "s" })).toEqual({ all: [before.all[0], { any: [{ trait: "t" }, { segment: "s" }] }] });
    expect(put({ window: { last: "1d" } }, ["window"], undefined)).toEqual({});
    expect(before).toEqual(copy);
  });
  it("shows a single condition as a group of one", () => {
    expect(rooted({ trait: "a", op: "exists" })).toEqual({ all: [{ trait: "a", op: "exists" }] });
    expect(rooted({ none: [] })).toEqual({ none: [] });
    expect(rooted(undefined)).toEqual({ all: [] });
    expect(groupOf({ any: [] })).toBe("any");
    expect(groupOf({ event: "any" })).toBeNull();
  });
  it("gives each refusal to the line that it is about, once", () => {
    const where = { all: [{ event: "" }, { any: [{ trait: "" }] }] };
    const p = (pointer: string) => ({ pointer, code: "c", detail: "d" });
    const places = [p("/where/all/0/event"), p("/where/all/1/any/0"), p("/where/all/10/op"), p("/where/all"), p("/name")];
    expect(refusals(places, ["where", "all", 0], where.all[0])).toEqual([places[0]]);
    expect(refusals(places, ["where", "all", 1], where.all[1])).toEqual([]);
    expect(refusals(places, ["where", "all", 1, "any", 0], { trait: "" })).toEqual([places[1]]);
    expect(refusals(places, ["where"], where)).toEqual([places[3]]);
    expect(pointer(["a/b", "c~d", 3])).toBe("/a~1b/c~0d/3");
  });
  it("reads what is typed as it is meant, and writes it so that it reads back", () => {
    expect(parsed("20")).toBe(20);
    expect(parsed("-1.5")).toBe(-1.5);
    expect(parsed("0033")).toBe("0033");
    expect(parsed("+33 1")).toBe("+33 1");
    expect(parsed('"20"')).toBe("20");
    expect(parsed("true")).toBe(true);
    expect(valueFor("in", "FR, BE,,3")).toEqual(["FR", "BE", 3]);
    expect(valueFor("exists", "x")).toBeUndefined();
    for (const v of ["20", "true", "plain", 20, 1.5, true, false, "0033"]) expect(parsed(typed(v))).toEqual(v);
  });
  it("makes new conditions of every form", () => {
    for (const f of ["event", "trait", "segment", "consent"]) expect(Object.keys(fresh(f))).toContain(f);
    expect(groupOf(fresh("group"))).toBe("any");
  });
});

describe("format", () => {
  it("writes YAML that keeps the meaning of texts", () => {
    expect(yamlDocument({ segments: [{ key: "a", name: "Yes", where: { all: [{ event: "Order Completed", n: 2, e: [] }, { v: "no", w: "1", x: "a: b", y: true }] } }] })).toBe(
      'segments:\n  - key: a\n    name: "Yes"\n    where:\n      all:\n        - event: Order Completed\n          "n": 2\n          e: []\n        - v: "no"\n          w: "1"\n          x: "a: b"\n          "y": true\n',
    );
  });
  it("tells distances and names", () => {
    const now = Date.parse("2026-05-01T12:00:00Z");
    expect(ago(now - 3 * 86_400_000, now, "en")).toBe("3 days ago");
    expect(ago(now - 90_000, now, "fr").replace(/\s/gu, " ")).toBe("il y a 1 minute");
    expect(initials("Ana Maria Martin")).toBe("AM");
    expect(initials("😀x")).toBe("😀");
    expect(plain({ city: "Lyon", list: [1, 2], none: [] })).toBe("city: Lyon · list: 1, 2 · none: –");
    expect(plain({ call: "track", consent: { preferences: { marketing: true, ads: false } } })).toBe("call: track · consent (preferences (marketing: true, ads: false))");
    expect(plain([{ a: 1 }, "b"])).toBe("(a: 1), b");
    expect(["push_enabled", "lastName", "vip", "__"].map(spaced)).toEqual(["push enabled", "last name", "vip", "__"]);
    expect(money(-2.95, "en", "GBP")).toBe("−£2.95");
    expect(between("2026-05-01T12:00:00Z", "2026-05-01T12:00:00Z", "en")).not.toContain("–");
    expect(plain(null)).toBe("–");
  });
});

describe("sentences", () => {
  const t = i18next.t.bind(i18next);
  beforeAll(async () => {
    await i18next.init({ lng: "en", resources: { en: { translation: en }, fr: { translation: fr } }, interpolation: { escapeValue: false }, keySeparator: false, nsSeparator: false });
  });
  const bought = { event: "Order Completed", where: [{ property: "revenue", op: "gt", value: 20 }, { property: "gift", op: "eq", value: true }], count: { op: "gte", value: 3 }, window: { last: "365d" } };
  it("say a condition as people do", () => {
    expect(sentence(t, bought)).toBe("did Order Completed where revenue is more than 20 and gift is yes, at least 3 times in the last 365 days");
    expect(sentence(t, { event: "Order Completed", count: { op: "eq", value: 0 }, window: { last: "1w" } })).toBe("did not do Order Completed in the last week");
    expect(sentence(t, { event: ["A", "B"], count: { op: "eq", value: 1 } })).toBe("did A or B exactly 1 time over all time");
    expect(sentence(t, { event: { type: "track" }, window: { since: "2026-05-01T12:00:00Z" } })).toBe("did any event since 1 May 2026");
    expect(sentence(t, { event: "Order Completed", aggregate: { fn: "sum", property: "revenue" }, op: "gte", value: 500 })).toBe("total of revenue over Order Completed: at least 500 over all time");
    expect(sentence(t, { trait: "renewal", op: "within_next", value: "30d" })).toBe("renewal is within the next 30 days");
  });
  it("say it in French with the numbers where they belong", async () => {
    await i18next.changeLanguage("fr");
    expect(sentence(t, bought)).toBe("a fait Order Completed où revenue est supérieur à 20 et gift est oui, au moins 3 fois durant les 365 derniers jours");
    expect(sentence(t, { event: "Order Completed", count: { op: "eq", value: 0 }, window: { last: "2w" } })).toBe("n’a pas fait Order Completed durant les 2 dernières semaines");
    await i18next.changeLanguage("en");
  });
  it("say what an event is about, without ids and what stands beside it", () => {
    const e = (event: string, properties: Record<string, unknown>) => ({ type: "track", messageId: "m", event, timestamp: "", received_at: "", properties });
    expect(eventLine(e("Order Completed", { order_id: 575654, currency: "GBP", total: 299.21, revenue: 299.21, line_count: 13, products: [{}, {}] }), "en")).toBe("575654 · 2 items");
    expect(eventLine(e("Checkout Started", { cart_id: "c1", currency: "GBP", value: 116.97, gift: true, at: null }), "en")).toBe("£116.97 · gift yes");
    expect(eventLine(e("Email Opened", { campaign_id: "c", campaign_name: "early", email_subject: "New in: early" }), "en")).toBe("New in: early");
    expect(lineOf(e("Order Completed", { order_id: 1, currency: "GBP", total: 299.21 }), "en")).toBe("£299.21");
  });
});

describe("ranges of numbers", () => {
  const of = (...all: [number, number][]) => all.map(([value, size]) => ({ value, size }));
  const labels = (...all: [number, number][]) => bins(of(...all), "en").map((b) => `${b.label}: ${b.values[0]}`);
  it("are of whole numbers that no two share, with nought alone", () => {
    const counts = Array.from({ length: 20 }, (_, n): [number, number] => [n, 10]);
    expect(labels(...counts)).toEqual(["0: 10", "1–2: 20", "3–4: 20", "5–6: 20", "7–8: 20", "9–10: 20", "11–12: 20", "13–14: 20", "15–16: 20", "17–18: 20", "19–20: 10"]);
    expect(labels(...counts.slice(1))[0]).toBe("1–2: 20");
    expect(labels(...Array.from({ length: 9 }, (_, n): [number, number] => [n, 1]))).toEqual(Array.from({ length: 9 }, (_, n) => `${n}: 1`));
  });
  it("hold everybody, and share the last one above the others", () => {
    const spread = Array.from({ length: 40 }, (_, n): [number, number] => [n * 7.3, 3]);
    const all = bins([...of(...spread), { value: 9000, size: 1 }], "en");
    expect(all.reduce((n, b) => n + b.values[0], 0)).toBe(121);
    expect(all.at(-1)!.label).toMatch(/^≥ /);
  });
});

describe("live events", () => {
  const verdict = (n: number, outcome = "folded"): Verdict => ({ outcome, position: `0-${n}`, source: "web", message_id: `m${n}`, received_at: "" });
  const event = (n: number) => ({ type: "track", messageId: `m${n}`, timestamp: "", received_at: "", source: "web" });
  it("shows the newest first, joins events with their verdicts, and stays bounded", () => {
    let seen: Seen[] = gather([], [verdict(1), verdict(2)], [event(1)]);
    expect(seen.map((s) => s.key)).toEqual(["0-2", "0-1"]);
    expect(seen[1].event?.messageId).toBe("m1");
    seen = gather(seen, [], [event(2)]);
    expect(seen[0].event?.messageId).toBe("m2");
    seen = gather(seen, Array.from({ length: seenMax + 50 }, (_, n) => verdict(n + 3)), []);
    expect(seen).toHaveLength(seenMax);
    expect(seen[0].key).toBe(`0-${seenMax + 52}`);
  });
  it("gives a repeat no event of its own", () => {
    const seen = gather([], [verdict(1), { ...verdict(2, "repeat"), message_id: "m1" }], [event(1)]);
    expect(seen.map((s) => !!s.event)).toEqual([false, true]);
  });
});
