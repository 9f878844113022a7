// The tasks of people who are new to kith, each done by what is seen. A script is
// done in two languages, with a mouse and without, and some on a phone; what the
// screens say is held against SQL and the API.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { number, Person, until } from "./browser.mjs";
import { featured, nameOf } from "./world.mjs";

const sh = promisify(execFile);
const took = (began) => `${Math.round(performance.now() - began)} ms`;

// What somebody last said of marketing, of no channel in particular.
const said = "json_extract_string(consents, '/=marketing/=')";

/** size is where the preview of a segment tells that it has so many people. */
const size = (p, n) => p.by("status").filter({ hasText: p.sayKey(`segments.people_${n === 1 || (n === 0 && p.language === "fr") ? "one" : "other"}`) }).getByText(new RegExp(`^${String(n).replace(/\B(?=(\d{3})+$)/g, "\\D?")}$`));

/** tasks are what is done, in order. On a phone are those that people do on the
 * way; a budget is how many clicks it may take. */
export const tasks = [];
const task = (name, options, run) => tasks.push({ name, ...options, run });

task("1: meet a customer of several systems, and why it is one person", { phone: true }, async (t, p, world) => {
  const truth = await until(`${featured} is in profiles`, async () => {
    await world.demo.flush();
    const found = await world.demo.rows(`SELECT i.profile_id, list(DISTINCT i.type) AS types FROM identifiers i WHERE i.profile_id IN (SELECT profile_id FROM identifiers WHERE type = 'user_id' AND value = '${featured}') GROUP BY 1`);
    return found.length === 1 && found[0].types.length > 1 && found[0];
  });
  await p.find(featured, /./);
  await p.by("tab", p.say("Timeline")).waitFor();
  const profile = await world.demo.api("GET", `/v1/profiles/id:${truth.profile_id}?verbose=1`);
  await p.page.getByRole("heading", { level: 1, name: nameOf(profile), exact: true }).waitFor();
  if (p.hand === "mouse") assert.ok(p.clicks <= 3, `${p.clicks} clicks`);
  if (world.demo.started && !world.demo.met) {
    world.demo.met = true;
    t.say(`${((Date.now() - world.demo.started) / 1000).toFixed(1)} s after the demo was started, which told its address after ${((world.demo.listening - world.demo.started) / 1000).toFixed(1)} s`);
  }
  const sources = new Set(profile.identifiers.flatMap((i) => i.sources));
  assert.ok(sources.size >= 3, `only ${[...sources]}`);
  const names = new Map((await world.demo.api("GET", "/v1/sources?limit=200")).data.map((s) => [s.key, s.name]));
  await p.sees([...sources].map((s) => names.get(s) ?? s).sort((a, b) => a.localeCompare(b)).join(", "));
  await p.settled();
  await t.step(p, "the customer");
  await p.use(p.by("tab", p.say("Identity")));
  await p.use(p.page.getByRole("button", { name: p.say("Why is {{id}} the same person?") }).last());
  await p.sees(p.say("One person, by {{count}} link"));
  await p.settled();
  await t.step(p, "why it is one person");
});

task("2: an empty kith, a first source, and its snippet as it stands", { empty: true }, async (t, p, world) => {
  await p.page.getByRole("heading", { level: 1, name: p.say("Home"), exact: true }).waitFor();
  await p.go(p.say("Sources"));
  await p.use(p.by("button", p.say("Add a source")));
  const dialog = p.by("dialog");
  await p.write(dialog.getByLabel(p.sayKey("col.name")), "Pop-up shop");
  await t.step(p, "a name for the source");
  await p.use(dialog.getByRole("button", { name: p.say("Add a source") }));
  const shown = p.page.getByLabel("Pop-up shop: curl");
  await shown.waitFor();
  await p.settled();
  await p.use(p.by("tabpanel").filter({ has: shown }).getByRole("button", { name: p.say("Copy"), exact: true }));
  const snippet = await until("the snippet is copied", () => p.page.evaluate(() => navigator.clipboard.readText()).then((s) => s.startsWith("curl") && s));
  assert.equal(snippet, (await shown.innerText()).trim());
  await t.step(p, "the snippet");
  await p.go(p.say("Live events"));
  await p.choose(p.page.getByLabel(p.say("Source"), { exact: true }), "Pop-up shop");
  await p.sees(p.text(p.say("Listening")));
  await p.sees(p.text(p.say("Waiting for events")));
  await t.step(p, "waiting for events");
  const began = performance.now();
  await sh("sh", ["-c", `${snippet} -sS --fail -o /dev/null`]);
  const row = p.page.getByRole("button", { name: /Order Completed/ });
  await row.waitFor();
  t.say(`seen ${took(began)} after curl was started`);
  await p.use(row.first());
  await p.sees(p.text(p.say("What became of this event")));
  await p.sees(p.by("dialog").getByText(p.sayKey("trace.person")));
  if (p.hand === "mouse") assert.ok(p.clicks <= 8, `${p.clicks} clicks`);
  await t.step(p, "what became of the event");
  await p.press("Escape");
  await p.go(p.say("Home"));
  await p.sees(p.page.getByRole("link", { name: `${p.sayKey("check.send")} ${p.sayKey("check.done")}` }));
  await t.step(p, "the first thing to do is done");
});

task("3: find a person by part of a number, a mistyped name and an order", { phone: true }, async (t, p, world) => {
  await p.go(p.say("Profiles"));
  const box = p.page.getByRole("searchbox", { name: p.say("Find a customer") });
  const waits = [];
  for (const one of world.known.slice(0, p.hand === "mouse" && p.width > 1000 ? 5 : 1)) {
    for (const words of [one.dialled, one.mistyped, one.order]) {
      await p.write(box, "");
      await until("nobody is asked for", () => !new URL(p.page.url()).searchParams.has("q"));
      await p.settled();
      const began = performance.now();
      await p.write(box, words);
      const first = p.by("row").nth(1).getByRole("link");
      await first.and(p.page.getByRole("link", { name: one.name, exact: true })).waitFor();
      waits.push(performance.now() - began);
      assert.match(await first.getAttribute("href"), new RegExp(one.profile_id), `“${words}” finds somebody else first`);
    }
  }
  waits.sort((a, b) => a - b);
  t.say(`${waits.length} searches, from the first letter to the person: half within ${Math.round(waits[waits.length >> 1])} ms, the slowest ${Math.round(waits.at(-1))} ms`);
  await t.step(p, "found by an order");
  const clicks = p.clicks;
  await p.use(p.by("row").nth(1).getByRole("link"));
  await p.by("tab", p.say("Timeline")).waitFor();
  await p.sees(p.say("{{count}} event loaded"));
  if (p.hand === "mouse") assert.equal(p.clicks, clicks + 1);
  await p.settled();
  if (p.width > 1000) {
    await p.above(p.by("heading").first());
    for (const part of ["tile.worth", "tile.latest", "tile.standing"]) await p.above(p.page.getByRole("heading", { name: p.sayKey(part), exact: true }));
    await p.above(p.page.getByText(new RegExp(`^(${p.sayKey("consent.granted")}|${p.sayKey("consent.denied")}|${p.sayKey("side.noConsents")})$`)).first());
    for (let n = 0; n < 4; n++) await p.above(p.by("tabpanel").getByRole("time").nth(n));
  }
  await t.step(p, "the customer, at one look");
});

task("4: a segment of people with two orders in 90 days who did not refuse marketing", {}, async (t, p, world) => {
  const count = async (also) => (await world.demo.one(`WITH buyers AS (SELECT profile_id FROM events WHERE name = 'Order Completed' AND timestamp > now() - INTERVAL 90 DAY GROUP BY 1 HAVING count(*) >= 2) SELECT count(*) AS n FROM profiles JOIN buyers USING (profile_id) WHERE ${also}`)).n;
  const refused = `coalesce(${said}, '') IN ('denied', 'withdrawn')`;
  p.expect(/^422 POST \/v1\/segments:preview$/);
  await p.go(p.say("Segments"));
  await p.use(p.page.getByRole("link", { name: p.say("New segment") }).first());
  await p.write(p.page.getByLabel(p.sayKey("col.name")).first(), "Two orders");
  await p.use(p.by("button", p.say("Event")));
  await p.write(p.page.getByLabel(p.say("Event name"), { exact: true }), "Order Completed");
  const began = performance.now();
  await p.write(p.page.getByLabel(p.say("times"), { exact: true }), "2");
  await size(p, await count("true")).waitFor();
  t.say(`the size follows ${took(began)} after the last key`);
  await t.step(p, "two orders in 90 days");
  await p.use(p.by("button", p.say("Consent")));
  await p.choose(p.page.getByLabel(p.say("State"), { exact: true }), p.sayKey("op.not_refused"));
  await size(p, await count(`NOT ${refused}`)).waitFor();
  if (p.hand === "mouse") assert.ok(p.clicks <= 6, `${p.clicks} clicks`);
  const lines = await p.by("main").getByText(p.say("meet this line")).all();
  assert.equal(lines.length, 2);
  const everybody = (await world.demo.one(`SELECT count(*) AS n FROM profiles WHERE NOT ${refused}`)).n;
  assert.equal(number(await lines[1].locator("..").innerText()), everybody);
  await t.step(p, "and no refusal");
  await p.write(p.page.getByLabel(p.say("How long"), { exact: true }), "90x");
  await p.sees(p.by("alert").getByText("window/last"));
  await t.step(p, "a mistake stands at its line");
  await p.write(p.page.getByLabel(p.say("How long"), { exact: true }), "90");
  await p.sees(size(p, await count(`NOT ${refused}`)));
  const one = await world.demo.one("SELECT p.profile_id, (SELECT count(*) FROM events e WHERE e.profile_id = p.profile_id AND e.name = 'Order Completed' AND e.timestamp > now() - INTERVAL 90 DAY) AS orders, min(i.value) AS mail FROM profiles p JOIN identifiers i USING (profile_id) WHERE i.type = 'email' GROUP BY 1 ORDER BY orders DESC, p.profile_id LIMIT 1");
  await p.use(p.by("tab", p.sayKey("segments.explain")));
  await p.sees(p.sayKey("segments.explainDraft"));
  await p.write(p.page.getByLabel(p.sayKey("segments.explainWhom")), one.mail);
  await p.use(p.by("tabpanel").getByRole("button", { pressed: false }).first());
  const found = p.by("tabpanel").getByText(p.sayKey("explain.found")).first();
  await found.waitFor();
  assert.equal(number(await found.innerText()), one.orders, `orders of ${one.profile_id}`);
  await t.step(p, "why somebody would be in it");
  await p.use(p.by("tab", p.sayKey("segments.condition")));
  await p.use(p.by("button", p.say("Save")));
  await p.by("tab", p.sayKey("tab.members")).waitFor();
  const saved = await world.demo.api("GET", "/v1/segments/two_orders");
  assert.deepEqual(saved.where, {
    all: [
      { event: "Order Completed", count: { op: "gte", value: 2 }, window: { last: "90d" } },
      { none: [{ consent: { purpose: "marketing" }, op: "denied" }, { consent: { purpose: "marketing" }, op: "withdrawn" }] },
    ],
  });
  await p.use(p.by("button", p.say("Delete")));
  await p.write(p.page.getByLabel(p.say("Type “{{name}}” to confirm", { name: "Two orders" })), "Two orders");
  await t.step(p, "to remove it takes its name");
  await p.use(p.by("dialog").getByRole("button", { name: p.say("Delete"), exact: true }));
  await p.page.getByRole("heading", { level: 1, name: p.say("Segments"), exact: true }).waitFor();
  await assert.rejects(world.demo.api("GET", "/v1/segments/two_orders"), /404/);
});

task("5: why a person is in a segment or not", {}, async (t, p, world) => {
  const people = await world.demo.rows(
    `SELECT p.profile_id, count(e.name) AS orders, any_value(p.traits->>'country') IS NOT NULL AS country
     FROM profiles p LEFT JOIN events e ON e.profile_id = p.profile_id AND e.name = 'Order Completed' AND e.timestamp > now() - INTERVAL 90 DAY
     GROUP BY 1 ORDER BY md5(p.profile_id || 'some')`,
  );
  const some = [...people.filter((x) => x.orders >= 2).slice(0, 6), ...people.filter((x) => x.orders < 2).slice(0, 14)];
  assert.equal(some.length, 20);
  const why = async (who, within) => {
    const inside = who.orders >= 2 && who.country;
    const found = within.getByText(p.sayKey("explain.found")).first();
    await found.waitFor();
    assert.equal(number(await found.innerText()), who.orders, `orders of ${who.profile_id}`);
    const verdicts = await within.getByText(new RegExp(`^(${p.sayKey("verdict.yes")}|${p.sayKey("verdict.no")})$`)).allInnerTexts();
    const yes = p.sayKey("verdict.yes");
    assert.deepEqual(verdicts.map((v) => v.trim() === yes), [inside, inside, who.orders >= 2, who.country], `verdicts on ${who.profile_id}`);
  };
  const line = () => p.by("listitem").filter({ hasText: "Q4 buyers" });
  const first = some.at(-1);
  await p.open(`/ui/profiles/id:${first.profile_id}`);
  const clicks = p.clicks;
  await p.use(p.by("tab", p.sayKey("tab.segments")));
  await p.use(p.page.getByRole("button", { name: `Q4 buyers: ${p.sayKey("member.whyNot")}` }));
  await why(first, line());
  if (p.hand === "mouse") assert.ok(p.clicks - clicks <= 3);
  await t.step(p, "why not");
  for (const who of p.hand === "mouse" ? some : some.slice(0, 1)) {
    await p.open(`/ui/profiles/id:${who.profile_id}?tab=segments&segment=loyal`);
    await why(who, line());
  }
  await t.step(p, "why");
});

task("6: the overlap of three segments, and a part of it as a segment", {}, async (t, p, world) => {
  const names = ["Q4 buyers", "Silent 30 d", "Letters FR"];
  const truth = await world.demo.rows(
    `WITH did AS (SELECT profile_id,
         count(*) FILTER (timestamp > now() - INTERVAL 90 DAY) AS recent,
         count(*) FILTER (timestamp > now() - INTERVAL 30 DAY) AS last,
         count(*) FILTER (timestamp > now() - INTERVAL 365 DAY AND (properties->>'revenue')::DECIMAL(18,4) > 20) AS good
       FROM events WHERE name = 'Order Completed' GROUP BY 1),
     who AS (SELECT coalesce(recent, 0) >= 2 AND (traits->>'country') IS NOT NULL AS loyal,
         coalesce(good, 0) >= 3 AND coalesce(last, 0) = 0 AND (coalesce(${said}, '') = 'granted' OR coalesce((traits->>'vip'), '') = 'true') AS lapsed,
         coalesce((traits->>'locale'), '') LIKE 'fr%' AS french
       FROM profiles LEFT JOIN did USING (profile_id))
     SELECT loyal, lapsed, french, count(*) AS n FROM who WHERE loyal OR lapsed OR french GROUP BY 1, 2, 3`,
  );
  const sizes = new Map(truth.map((r) => [[r.loyal, r.lapsed, r.french].join(), r.n]));
  await p.go(p.say("Segments"));
  await p.use(p.by("tab", p.sayKey("overlap.title")));
  for (const name of names) await p.tick(p.page.getByRole("checkbox", { name, exact: true }));
  const rows = p.by("region", p.sayKey("overlap.title")).getByRole("row");
  await until("there are seven parts", async () => (await rows.count()) === 8);
  await p.settled();
  const shown = [];
  for (const row of (await rows.all()).slice(1)) {
    const cells = (await row.getByRole("cell").allInnerTexts()).map((c) => c.trim());
    shown.push([cells.slice(0, 3).map((c) => c === p.sayKey("verdict.yes")).join(), number(cells[3])]);
  }
  assert.equal(new Set(shown.map(([part]) => part)).size, 7);
  for (const [part, n] of shown) assert.equal(n, sizes.get(part) ?? 0, `loyal, lapsed, french: ${part}`);
  await t.step(p, "all seven parts");
  await p.use(rows.nth(1).getByRole("link"));
  await p.page.getByRole("heading", { level: 1, name: p.say("New segment") }).waitFor();
  await size(p, shown[0][1]).waitFor();
  if (p.hand === "mouse") assert.ok(p.clicks <= 6, `${p.clicks} clicks`);
  await t.step(p, "the largest as a segment");
  await p.use(p.by("button", p.say("Save")));
  await p.by("tab", p.sayKey("tab.members")).waitFor();
  const key = decodeURIComponent(new URL(p.page.url()).pathname.split("/").at(-1));
  const saved = await world.demo.api("GET", `/v1/segments/${key}`);
  const part = shown[0][0].split(",");
  assert.deepEqual(saved.where, { all: ["loyal", "lapsed", "french"].map((k, n) => ({ segment: k, op: part[n] === "true" ? "in" : "not_in" })) });
  await world.demo.api("DELETE", `/v1/segments/${key}`);
});

task("a list of guests from a file, and one of them taken out again", {}, async (t, p, world) => {
  const guests = await world.demo.rows("SELECT min(value) AS email FROM identifiers WHERE type = 'email' GROUP BY profile_id ORDER BY md5(min(value)) LIMIT 4");
  const file = (name, text) => ({ name, mimeType: "text/csv", buffer: Buffer.from(text) });
  const choose = async (f) => {
    const [chooser] = await Promise.all([p.page.waitForEvent("filechooser"), p.use(p.page.getByLabel(p.say("File with one person per row")))]);
    await chooser.setFiles(f);
  };
  const counts = async () => (await p.by("definition").allInnerTexts()).filter((_, n) => n % 2 === 0).map(number);
  const members = () => until("the list has who it should", async () => {
    await world.demo.flush();
    const found = (await world.demo.api("GET", "/v1/segments/guests/members")).data.map((m) => m.profile_id).sort();
    return found.length === expected.length && found;
  });
  const of = async (emails) => (await world.demo.rows(`SELECT DISTINCT profile_id FROM identifiers WHERE type = 'email' AND value IN (${emails.map((e) => `'${e}'`).join()}) ORDER BY 1`)).map((r) => r.profile_id);
  const emails = guests.map((g) => g.email);
  p.expect(/^404 GET \/v1\/segments\/guests/); // it is removed while its screen is open
  await world.demo.api("DELETE", "/v1/segments/guests").catch(() => {}); // somebody began before
  let expected = await of(emails);
  await p.go(p.say("Segments"));
  await p.use(p.page.getByRole("link", { name: p.say("Upload a list") }));
  await p.write(p.page.getByLabel(p.sayKey("col.name")), "Guests");
  await choose(file("guests.csv", `Numéro;Adresse\n${[...emails, "nobody@guests.example", "ana chez shop", ""].map((e, n) => `${n};${e}`).join("\n")}\n`));
  const column = p.page.getByLabel(p.say("Column that names the person"));
  assert.equal(await column.evaluate((s) => s.selectedOptions[0].label), "Adresse", "the column with addresses is found");
  assert.equal(await p.page.getByLabel(p.say("What it holds")).inputValue(), "email");
  assert.equal(await p.page.getByLabel(p.say("The first row holds the names of the columns")).isChecked(), true);
  assert.equal(await p.by("region", p.say("First rows")).getByRole("row").count(), 1 + 5);
  await t.step(p, "the first rows of the file");
  await p.use(p.page.getByRole("button", { name: p.say("Upload {{n}} rows") }));
  await p.page.getByRole("heading", { name: p.say("Uploaded"), exact: true }).waitFor();
  assert.deepEqual(await counts(), [4, 1, 2], "matched, not known, not valid");
  await p.sees(p.text(p.say("not an e-mail address")));
  await t.step(p, "what became of the rows");
  const [kept] = await Promise.all([p.page.waitForEvent("download"), p.use(p.page.getByRole("button", { name: p.say("Download {{n}} rows that are not valid") }))]);
  const parts = [];
  for await (const part of await kept.createReadStream()) parts.push(part);
  const lines = Buffer.concat(parts).toString().trim().split("\r\n");
  assert.equal(lines.length, 3);
  assert.match(lines[1], /^"7","ana chez shop",/);
  assert.deepEqual(await members(), expected);
  await p.use(p.by("button", p.say("See the members")));
  await until("the members are shown", async () => (await p.by("tabpanel").getByRole("row").count()) === 1 + 4);
  await t.step(p, "the members");
  await p.use(p.by("tab", p.say("Upload a list")));
  await choose(file("gone.txt", `${emails[0]}\n`));
  await p.use(p.by("button", p.say("Replace")));
  await p.sees(p.text(p.say("The list then holds them alone: everybody else leaves it.")));
  await p.use(p.by("button", p.sayKey("upload.remove")));
  await t.step(p, "what to do with them");
  await p.use(p.page.getByRole("button", { name: p.say("Remove {{n}} row from the list") }));
  await p.page.getByRole("heading", { name: p.say("Removed from the list"), exact: true }).waitFor();
  assert.deepEqual(await counts(), [1, 0, 0]);
  expected = await of(emails.slice(1));
  assert.deepEqual(await members(), expected);
  await world.demo.api("DELETE", "/v1/segments/guests");
});

task("a long list is a job, whose refused rows are all there", { once: true }, async (t, p, world) => {
  await world.demo.api("DELETE", "/v1/segments/long_list").catch(() => {}); // somebody began before
  await p.open("/ui/segments/new?tab=list");
  await p.write(p.page.getByLabel(p.sayKey("col.name")), "Long list");
  const rows = Array.from({ length: 2500 }, (_, n) => (n % 10 === 0 ? `x${n}` : `guest${n}@guests.example`));
  await p.page.getByLabel(p.say("File with one person per row")).setInputFiles({ name: "long.txt", mimeType: "text/plain", buffer: Buffer.from(rows.join("\n")) });
  await p.use(p.page.getByRole("button", { name: p.say("Upload {{n}} rows") }));
  await p.page.getByRole("heading", { name: p.say("Uploaded"), exact: true }).waitFor();
  assert.deepEqual((await p.by("definition").allInnerTexts()).filter((_, n) => n % 2 === 0).map(number), [0, 2250, 250]);
  await t.step(p, "what became of the rows");
  await world.demo.api("DELETE", "/v1/segments/long_list");
});

task("12: SQL with a mistake, a file of the answer, and a long query that is stopped", {}, async (t, p, world) => {
  p.expect(/^422 POST \/v1\/sql$/);
  await p.go(p.say("SQL"));
  const box = p.page.getByRole("textbox", { name: p.say("Query") });
  const run = () => p.use(p.by("button", p.say("Run")));
  await p.write(box, "SELECT count(*) FROM prof");
  const table = p.page.getByRole("option", { name: "profiles" }).first();
  await table.waitFor();
  await t.step(p, "names are offered");
  // The editor takes neither clicks nor keys for a moment after it offers something new.
  const written = async () => (await box.innerText()).trim() === "SELECT count(*) FROM profiles";
  if (p.hand === "mouse") {
    await until("the name is written", async () => {
      if (await written()) return true;
      await table.click({ timeout: 1000 }).catch(() => {});
      return false;
    });
  } else {
    await until("the name is written", async () => {
      if (await written()) return true;
      if ((await table.getAttribute("aria-selected", { timeout: 1000 }).catch(() => null)) === "true") await p.press("Enter");
      else if (await table.isVisible()) await p.press("ArrowDown");
      else {
        await p.write(box, "SELECT count(*) FROM prof"); // a key was taken as typed
        await table.waitFor({ timeout: 5000 }).catch(() => {});
      }
      return written();
    });
  }
  await t.step(p, "a name is picked");
  await p.write(box, "SELECT source FRM events");
  await run();
  const refusal = await p.sees(p.by("alert"));
  assert.match(await refusal.innerText(), /line 1, column \d+/);
  await t.step(p, "the mistake");
  for (const write of ["DELETE FROM events", "CREATE TABLE x AS SELECT 1", "COPY events TO 'x.csv'"]) {
    await p.write(box, write);
    await run();
    await p.settled();
    await p.sees(p.by("alert"));
  }
  const query = "SELECT source, count(*) AS n FROM events WHERE source <> 'web' GROUP BY source ORDER BY n DESC, source";
  await p.write(box, query);
  await p.press("Control+Enter");
  await p.sees(p.by("cell").first());
  await p.settled();
  const truth = await world.demo.rows(query);
  const shown = (await p.by("row").allInnerTexts()).slice(1).map((r) => r.split(/\t|\n/).map((c) => c.trim()).filter(Boolean));
  assert.deepEqual(shown.map(([source, n]) => [source, number(n)]), truth.map((r) => [r.source, r.n]));
  await t.step(p, "the answer");
  const [file] = await Promise.all([p.page.waitForEvent("download"), p.use(p.by("button", "CSV"))]);
  const parts = [];
  for await (const part of await file.createReadStream()) parts.push(part);
  assert.equal(Buffer.concat(parts).toString().trim().split(/\r?\n/).length, truth.length + 1);
  if (p.hand === "mouse") assert.ok(p.clicks <= 8, `${p.clicks} clicks`);
  await p.write(box, "SELECT count(*) AS n FROM range(10000000) a(x), range(10000000) b(y) WHERE (x * y) % 7 = 3");
  await p.press("Control+Enter");
  const stop = p.by("button", p.say("Cancel"));
  await stop.waitFor();
  await t.step(p, "a long query");
  const began = performance.now();
  await p.use(stop);
  await stop.waitFor({ state: "detached" });
  t.say(`stopped after ${took(began)}`);
  const again = performance.now();
  await world.demo.rows("SELECT 1 AS one");
  t.say(`the next query was answered after ${took(again)}`);
});

task("the timeline goes back to the first event", { once: true }, async (t, p, world) => {
  await p.open(`/ui/profiles/id:${world.rich.id}`);
  const loaded = await p.sees(p.say("{{count}} event loaded"));
  await until("all events are there", async () => {
    await p.page.mouse.wheel(0, 20_000);
    await p.settled();
    return (await p.by("button", p.say("Show more")).count()) === 0;
  });
  const shown = number(await loaded.innerText());
  assert.ok(shown >= world.rich.events, `${shown} of ${world.rich.events}`);
  await t.step(p, "the first event");
});

task("the write key is made anew and the old one goes on for a while", { empty: true }, async (t, p, world) => {
  const before = await p.server.api("GET", "/v1/sources/pop_up_shop");
  await p.go(p.say("Sources"));
  await p.use(p.page.getByRole("button", { name: `Pop-up shop: ${p.sayKey("source.rotateShort")}` }));
  await p.use(p.by("dialog").getByRole("button", { name: p.say("Create the key"), exact: true }));
  await p.sees(p.say("The old key"));
  await t.step(p, "both keys");
  const after = await p.server.api("GET", "/v1/sources/pop_up_shop");
  assert.notEqual(after.write_key, before.write_key);
  assert.ok(after.write_keys.some((k) => k.value === before.write_key && k.expires_at));
});

task("an event that cannot be taken shows where it is and why", {}, async (t, p) => {
  await p.use(p.by("main").getByRole("link", { name: new RegExp(`^${p.sayKey("nav.quarantine")}`) }));
  await p.sees(p.by("cell").getByText(p.say("An event without a name"), { exact: true }));
  await p.use(p.page.getByRole("button", { name: new RegExp(`${p.sayKey("held.look")}$`) }).first());
  await p.page.getByLabel(p.say("Content")).waitFor();
  await p.sees(p.by("dialog").getByText(/^(track needs a non-empty event name|userId or anonymousId must be a non-empty string)$/));
  await p.settled();
  await t.step(p, "the event");
});

/** door holds that a link signs in once, the token by hand, and that signing out ends it. */
export async function door(t, browser, world) {
  const link = await world.demo.link();
  const home = (p) => p.page.getByRole("heading", { level: 1, name: "Home" }).waitFor();
  await t.as(await Person.arrive(browser, world.demo), async (p) => {
    p.expect(/^401 GET \/v1\/session$/);
    await p.page.goto(link);
    await home(p);
    assert.equal(new URL(p.page.url()).hash, "", "the code stays in the address");
    assert.equal(await p.page.evaluate(() => document.cookie), "", "scripts can read the cookie");
    await p.page.reload();
    await home(p);
  });
  await t.as(await Person.arrive(browser, world.demo), async (p) => {
    p.expect(/^401 GET \/v1\/session$/, /^403 POST \/v1\/session$/);
    await p.page.goto(link);
    await p.sees(p.page.getByText(/the link has been used/i));
    await t.step(p, "a link that was used");
    await p.write(p.page.getByLabel("Admin token"), world.demo.token);
    await p.use(p.by("button", "Sign in"));
    await home(p);
    await p.settled(); // what is still asked for would be refused
    await p.use(p.by("button", "Sign out"));
    await p.page.getByRole("heading", { name: "Sign in to kith" }).waitFor();
    await p.page.reload();
    await p.page.getByRole("heading", { name: "Sign in to kith" }).waitFor();
  });
}
