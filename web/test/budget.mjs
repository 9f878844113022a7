// What a visit costs, and whether the interface stays quick while very much comes
// in. Times are told; held are sizes and counts, and of times only what a slow
// machine keeps as well.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { Person, until } from "./browser.mjs";

const kB = (n) => `${Math.round(n / 1024)} kB`;

/** firstVisit holds what the first page loads, that a second visit loads none of
 * it again, and tells how soon something is seen on a slow machine. */
export async function firstVisit(t, browser, world) {
  const p = await Person.arrive(browser, world.demo);
  p.expect(/^401 GET \/v1\/session$/);
  const slow = await p.context.newCDPSession(p.page);
  await slow.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  await p.page.addInitScript(() => {
    window.paints = [];
    new PerformanceObserver((l) => window.paints.push(...l.getEntries().map((e) => [e.entryType, e.startTime]))).observe({ type: "largest-contentful-paint", buffered: true });
  });
  await p.open(await world.demo.link());
  await p.page.getByRole("heading", { level: 1, name: "Home" }).waitFor();
  await p.settled();
  const loaded = () =>
    p.page.evaluate(() => {
      const of = (e) => ({ name: e.name, packed: e.encodedBodySize, moved: e.transferSize });
      return { files: performance.getEntriesByType("resource").filter((e) => e.name.includes("/ui/assets/")).map(of), calls: performance.getEntriesByType("resource").filter((e) => e.name.includes("/v1/")).map((e) => new URL(e.name).pathname), first: performance.getEntriesByName("first-contentful-paint")[0]?.startTime, largest: window.paints.at(-1)?.[1] };
    });
  const one = await loaded();
  const size = (end) => one.files.filter((f) => f.name.endsWith(end)).reduce((n, f) => n + f.packed, 0);
  t.say(`first visit: ${one.files.length} files, ${kB(size(".js"))} of scripts and ${kB(size(".css"))} of styles as sent; ${one.calls.length} calls`);
  t.say(`on a machine four times slower the first thing is painted after ${Math.round(one.first)} ms and the largest after ${Math.round(one.largest)} ms`);
  assert.ok(size(".js") > 0 && size(".js") <= 260 * 1024, "over the budget of 260 kB");
  assert.ok(size(".css") > 0 && size(".css") <= 20 * 1024, "over the budget of 20 kB");
  assert.ok(one.files.length <= 32, `${one.files.length} files`);
  assert.equal(new Set(one.files.map((f) => f.name)).size, one.files.length, "a file is loaded twice");
  assert.equal(one.files.filter((f) => /\/(en|fr)-[\w-]+\.js$/.test(f.name)).length, 1, "more than one language is loaded");
  assert.ok(one.calls.length <= 16, `${one.calls.length} calls: ${one.calls}`);
  assert.ok(one.largest < 15_000, "nobody waits that long");
  await p.page.reload();
  await p.settled();
  const two = await loaded();
  assert.equal(two.files.reduce((n, f) => n + f.moved, 0), 0, "a second visit loads files again");
  const waits = [];
  for (const link of await p.by("navigation", "Screens").getByRole("link").all()) {
    const name = (await link.innerText()).trim();
    if (name === "kith") continue;
    waits.push([name, await p.page.evaluate((href) => new Promise((done) => {
      const began = performance.now();
      const before = document.querySelector("h1");
      const seen = () => document.querySelector("h1") !== before || location.pathname === new URL(href).pathname ? requestAnimationFrame(() => done(performance.now() - began)) : requestAnimationFrame(seen);
      [...document.querySelectorAll("nav a")].find((a) => a.href === href).click();
      requestAnimationFrame(seen);
    }), await link.evaluate((a) => a.href))]);
    await p.settled();
  }
  t.say(`from a click to the next screen, four times slower: ${waits.map(([n, ms]) => `${n} ${Math.round(ms)} ms`).join(", ")}`);
  await slow.send("Emulation.setCPUThrottlingRate", { rate: 1 });
  await p.leave();
}

/** sizes tells what the built files have, packed in both ways. */
export function sizes(t) {
  const folder = new URL("../dist/assets/", import.meta.url);
  const files = readdirSync(folder).map((name) => {
    const data = readFileSync(new URL(name, folder));
    return { name: name.replace(/-[\w-]{8}\./, "."), raw: data.length, gzip: gzipSync(data, { level: 9 }).length, brotli: brotliCompressSync(data).length };
  });
  const sum = (of) => files.reduce((n, f) => n + f[of], 0);
  t.say(`${files.length} files: ${kB(sum("raw"))}, ${kB(sum("gzip"))} by gzip, ${kB(sum("brotli"))} by brotli`);
  for (const f of files.sort((a, b) => b.gzip - a.gzip).slice(0, 8)) t.say(`${f.name}: ${kB(f.gzip)} by gzip, ${kB(f.brotli)} by brotli`);
  const language = files.filter((f) => /^(en|fr)\.js$/.test(f.name));
  assert.equal(language.length, 2);
  for (const f of language) assert.ok(f.gzip <= 25 * 1024, `${f.name} is over 25 kB`);
}

/** crowd holds that somebody can go on working while 500 events a second come in,
 * that none of them is lost from the count, and that the page does not grow. */
export async function crowd(t, browser, server) {
  const send = await server.source("crowd");
  const p = await Person.signedIn(browser, server);
  await p.open("/ui/live");
  await p.sees(p.text("Listening"));
  await p.page.evaluate(() => {
    window.inputs = [];
    window.blocked = [];
    window.drawn = 0;
    new PerformanceObserver((l) => window.inputs.push(...l.getEntries().filter((e) => e.interactionId).map((e) => e.duration))).observe({ type: "event", durationThreshold: 16 });
    new PerformanceObserver((l) => window.blocked.push(...l.getEntries().map((e) => e.duration))).observe({ type: "longtask" });
    new MutationObserver(() => window.drawn++).observe(document.querySelector("main"), { childList: true, subtree: true });
  });
  const perSecond = 500, batch = 50, all = 5_000;
  let sent = 0;
  const began = performance.now();
  const load = (async () => {
    while (sent < all) {
      const now = Array.from({ length: batch }, (_, n) => ({ type: "track", messageId: `crowd-${sent + n}`, userId: `u${(sent + n) % 200}`, event: "Crowded", properties: { n: sent + n, note: "what a shop sends" } }));
      await send("batch", { batch: now });
      sent += batch;
      await new Promise((done) => setTimeout(done, Math.max(0, began + (sent * 1000) / perSecond - performance.now())));
    }
  })();
  const name = p.page.getByLabel("Event name, then Enter");
  await name.focus();
  let typed = 0;
  while (sent < all) {
    await p.page.keyboard.press(typed % 12 === 11 ? "Control+a" : "abcdefghijkl"[typed % 12]);
    typed++;
    await p.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
  }
  await load;
  const seconds = (performance.now() - began) / 1000;
  await server.flush();
  const counted = async () => {
    const line = await p.by("main").getByText(/received/).first().innerText();
    const came = Number(line.match(/([\d,.\s\u202f]+)\s*received/)[1].replace(/\D/g, ""));
    const lost = Number(line.match(/([\d,.\s\u202f]+)\s*left out/)?.[1].replace(/\D/g, "") ?? 0);
    return { came, lost };
  };
  await until("every event is counted", async () => {
    const { came, lost } = await counted();
    return came + lost >= all;
  });
  const { came, lost } = await counted();
  const found = await p.page.evaluate(() => ({ inputs: window.inputs, blocked: window.blocked, drawn: window.drawn, rows: document.querySelectorAll("main li").length }));
  const slowest = Math.max(0, ...found.inputs);
  const sorted = found.inputs.sort((a, b) => a - b);
  t.say(`${all} events in ${seconds.toFixed(1)} s, ${came} shown as received, ${lost} told as left out`);
  t.say(`${typed} keys meanwhile; ${sorted.length} of them took 16 ms or more to be painted, the slowest ${slowest} ms, half of these within ${sorted[sorted.length >> 1] ?? 0} ms`);
  t.say(`${found.blocked.length} times the page was busy for over 50 ms, at most ${Math.round(Math.max(0, ...found.blocked))} ms; drawn ${found.drawn} times; ${found.rows} rows`);
  assert.equal(came + lost, all, "the count is not what was sent");
  assert.ok(found.rows <= 320, `${found.rows} rows: the page grows with what comes in`);
  assert.ok(found.drawn <= seconds * 12 + 40, `drawn ${found.drawn} times in ${seconds} s`);
  assert.ok(slowest < 2_000, `a key took ${slowest} ms`);
  await t.picture(p, "500 events a second");
  await p.leave();
}
