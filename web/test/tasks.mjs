// The tasks of people who are new to kith, done in a real browser on a real kith
// by what is seen: roles and visible text. Prints a line for each, with clicks
// and time, and fails with what went wrong.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { api, base, fresh, launch, open, settle } from "./browser.mjs";
import { prepare, screens } from "./screens.mjs";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const browser = await launch();
const made = await prepare();
let failed = 0;
let clicks = 0;

const click = async (l) => {
  clicks++;
  await l.click();
};

const only = process.argv[2];

async function task(name, run) {
  if (only && !name.includes(only)) return;
  clicks = 0;
  const began = Date.now();
  try {
    await run();
    console.log(`ok   ${name} (${clicks} clicks, ${((Date.now() - began) / 1000).toFixed(1)} s)`);
  } catch (e) {
    failed++;
    console.log(`FAIL ${name}: ${e.stack?.slice(0, 1500)}`);
  }
}

/** quiet is a page on which nothing may go wrong but what is expected. */
async function quiet(options, run) {
  const { context, page, trouble } = await open(browser, options);
  try {
    await run(page);
    const bad = trouble.filter((t) => !options.expect?.test(t));
    assert.deepEqual(bad, []);
  } finally {
    await context.close();
  }
}

const number = (s) => Number(s.replace(/[^\d]/g, ""));
const one = async (query) => (await api("POST", "/v1/sql", { query })).data[0];

await task("a link signs in once, and the token by hand", async () => {
  const { path } = await api("POST", "/v1/session/codes");
  const first = await fresh(browser);
  await first.page.goto(base + path);
  await first.page.getByRole("heading", { name: "Home" }).waitFor();
  assert.equal(new URL(first.page.url()).hash, "", "the code stays in the address");
  assert.equal(await first.page.evaluate(() => document.cookie), "", "scripts can read the cookie");
  await first.page.reload();
  await first.page.getByRole("heading", { name: "Home" }).waitFor();
  const second = await fresh(browser);
  await second.page.goto(base + path);
  await second.page.getByText("The link has been used", { exact: false }).or(second.page.getByText("the link has been used", { exact: false })).first().waitFor();
  await second.page.getByLabel("Admin token").fill(process.env.KITH_ADMIN_TOKEN);
  await second.page.getByRole("button", { name: "Sign in" }).click();
  await second.page.getByRole("heading", { name: "Home" }).waitFor();
  await second.page.getByRole("button", { name: "Sign out" }).click();
  await second.page.getByRole("heading", { name: "Sign in to kith" }).waitFor();
  await second.page.reload();
  await second.page.getByRole("heading", { name: "Sign in to kith" }).waitFor();
  await first.context.close();
  await second.context.close();
});

await task("meet a customer, and why two identifiers are one person, by keyboard", () =>
  quiet({}, async (page) => {
    await page.keyboard.press("Control+k");
    const user = made.profile.identifiers.find((i) => i.type === "user_id").value;
    await page.getByRole("combobox", { name: /Find/ }).fill(user);
    await page.getByRole("option").first().waitFor();
    await page.waitForTimeout(400);
    await page.keyboard.press("Enter");
    await page.getByRole("tab", { name: "Timeline" }).waitFor();
    await page.getByText("events loaded").waitFor();
    await page.getByRole("tab", { name: "Timeline" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: /^Why is / }).last().focus();
    await page.keyboard.press("Enter");
    await page.getByText(/One person, by \d+ link/).waitFor();
  }));

await task("the timeline goes back to the first event", () =>
  quiet({}, async (page) => {
    const all = made.profile.events;
    await page.goto(`${base}/ui/profiles/${made.ref}`);
    await page.getByText("events loaded").waitFor();
    for (let n = 0; n < 60; n++) {
      const more = page.getByRole("button", { name: "Show more" });
      if ((await more.count()) === 0 && !(await page.getByText("Loading…").count())) break;
      await page.mouse.wheel(0, 20_000);
      await page.waitForTimeout(150);
    }
    const shown = number(await page.getByText(/events loaded/).innerText());
    assert.ok(shown >= all, `${shown} of ${all}`);
  }));

await task("find a person by number, mistyped name and order", () =>
  quiet({}, async (page) => {
    const name = [made.profile.traits.firstName, made.profile.traits.lastName].filter(Boolean).join(" ");
    const phone = made.profile.identifiers.find((i) => i.type === "phone")?.value;
    const order = await one(`SELECT properties->>'order_id' AS id FROM events WHERE name = 'Order Completed' AND profile_id = '${made.profile.id}' LIMIT 1`);
    await page.goto(`${base}/ui/profiles`);
    for (const q of [name.slice(0, -1), phone?.slice(-8), order.id].filter(Boolean)) {
      await page.getByRole("searchbox").fill(q);
      await page.waitForFunction((x) => new URL(location.href).searchParams.get("q")?.replace(/^"|"$/g, "") === x, q);
      await page.getByRole("row").nth(1).getByText(name).waitFor();
    }
    await click(page.getByRole("link", { name }).first());
    await page.getByRole("heading", { name }).waitFor();
    assert.ok(clicks <= 1);
  }));

await task("a segment of customers with two orders in 90 days has the size that SQL says", () =>
  quiet({ expect: /422/ }, async (page) => {
    await click(page.getByRole("link", { name: "Segments", exact: true }));
    await click(page.getByRole("link", { name: "New segment" }).first());
    await page.getByLabel("Name").fill("Two orders");
    await click(page.getByRole("button", { name: "Event", exact: true }));
    await page.getByLabel("Event name").fill("Order Completed");
    await page.getByLabel("times").fill("2");
    const truth = await one("SELECT count(*) AS n FROM (SELECT profile_id FROM events WHERE name = 'Order Completed' AND timestamp > now() - INTERVAL 90 DAY GROUP BY 1 HAVING count(*) >= 2)");
    await page.getByText("people · exact").waitFor();
    await page.waitForFunction((n) => [...document.querySelectorAll("[role=status] p")].some((p) => p.textContent.replace(/\D/g, "") === n), String(truth.n));
    await page.getByLabel("Such as 90d").fill("90x");
    await page.getByRole("alert").getByText("window/last").waitFor();
    await page.getByLabel("Such as 90d").fill("90d");
    await click(page.getByRole("button", { name: "Save" }));
    await page.getByRole("tab", { name: "Members" }).waitFor();
    assert.ok(clicks <= 6, `${clicks} clicks`);
    const saved = await api("GET", "/v1/segments/two_orders");
    assert.deepEqual(saved.where, { all: [{ event: "Order Completed", count: { op: "gte", value: 2 }, window: { last: "90d" } }] });
    await click(page.getByRole("button", { name: "Delete" }));
    await page.getByLabel(/to confirm/).fill("Two orders");
    await click(page.getByRole("dialog").getByRole("button", { name: "Delete" }));
    await page.getByRole("heading", { name: "Segments" }).waitFor();
    await assert.rejects(api("GET", "/v1/segments/two_orders"), /404/);
  }));

await task("why somebody is in a segment or not, from the customer's page", () =>
  quiet({}, async (page) => {
    await page.goto(`${base}/ui/profiles/${made.ref}`);
    await click(page.getByRole("tab", { name: "Segments" }));
    await click(page.getByRole("button", { name: /Lapsed but loyal: Why/ }));
    await page.getByText("All of these").waitFor();
    const truth = await api("GET", `/v1/profiles/${made.ref}/explain?segment=lapsed`);
    const found = await page.getByText(/^Found:/).first().innerText();
    assert.equal(number(found), truth.children[0].value);
    assert.ok(clicks <= 3);
  }));

await task("add a source, run its snippet as it stands, and see the event come in", () =>
  quiet({}, async (page) => {
    await page.goto(`${base}/ui/sources`);
    await click(page.getByRole("button", { name: "Add a source" }));
    await page.getByLabel("Name").fill("Pop-up shop");
    await click(page.getByRole("dialog").getByRole("button", { name: "Add a source" }));
    const snippet = await page.getByLabel("Pop-up shop: curl").innerText();
    await click(page.getByRole("link", { name: "Live events" }));
    await page.getByLabel("Source").selectOption("pop_up_shop");
    await page.getByText("Listening").waitFor();
    execFileSync("sh", ["-c", `${snippet} -sS --fail -o /dev/null`]);
    await page.getByRole("button", { name: /Order Completed/ }).waitFor({ timeout: 3000 });
    await click(page.getByRole("button", { name: /Order Completed/ }));
    await page.getByText("What became of this event").waitFor();
    await page.getByText("Message", { exact: true }).waitFor();
    await page.keyboard.press("Escape");
    assert.ok(clicks <= 8);
  }));

await task("the write key is made anew and the old one goes on for a while", () =>
  quiet({}, async (page) => {
    const before = await api("GET", "/v1/sources/pop_up_shop");
    await page.goto(`${base}/ui/sources`);
    await click(page.getByRole("button", { name: "Pop-up shop: New key" }));
    await click(page.getByRole("dialog").getByRole("button", { name: "New write key" }));
    await page.getByText("The old key").first().waitFor();
    const after = await api("GET", "/v1/sources/pop_up_shop");
    assert.notEqual(after.write_key, before.write_key);
    assert.ok(after.write_keys.some((k) => k.value === before.write_key && k.expires_at));
  }));

await task("SQL: an error stands at its place, an answer can be taken along", () =>
  quiet({ expect: /422/ }, async (page) => {
    await page.goto(`${base}/ui/sql`);
    const box = page.getByLabel("Query");
    await box.fill("SELECT source\nFRM events");
    await click(page.getByRole("button", { name: "Run" }));
    await page.getByRole("alert").waitFor();
    const at = await box.evaluate((e) => e.selectionStart);
    assert.ok(at >= 14, `caret at ${at}`);
    await box.fill("SELECT source, count(*) AS n FROM events WHERE source <> 'app' AND source <> 'web' GROUP BY source ORDER BY n DESC, source");
    await box.press("Control+Enter");
    const truth = await api("POST", "/v1/sql", { query: "SELECT source FROM events WHERE source <> 'app' AND source <> 'web' GROUP BY source ORDER BY count(*) DESC, source" });
    await page.getByRole("cell", { name: truth.data[0].source, exact: true }).waitFor();
    const [file] = await Promise.all([page.waitForEvent("download"), click(page.getByRole("button", { name: "CSV" }))]);
    const chunks = [];
    for await (const c of await file.createReadStream()) chunks.push(c);
    assert.ok(Buffer.concat(chunks).toString().startsWith("source,n"));
  }));

await task("an event that cannot be taken shows where it is and why", () =>
  quiet({}, async (page) => {
    await page.goto(`${base}/ui/`);
    await click(page.getByRole("main").getByRole("link", { name: /^Set apart/ }));
    await page.getByText("track needs a non-empty event name").first().waitFor();
    await click(page.getByRole("button", { name: /Look$/ }).first());
    await page.getByLabel("Content").waitFor();
  }));

await task("what is stored is never run: markers in every field", () =>
  quiet({ expect: /404/ }, async (page) => {
    const marker = (n) => `<img src=x onerror="window.hit='${n}'"><script>window.hit='${n}'</script>{{constructor.constructor('window.hit=1')()}}`;
    const source = await api("PUT", "/v1/sources/marked", { name: marker("source"), type: "http" });
    const send = (path, body) =>
      fetch(`${base}/v1/${path}`, { method: "POST", headers: { "Content-Type": "application/json", Authorization: "Basic " + Buffer.from(source.write_key + ":").toString("base64") }, body: JSON.stringify(body) });
    await api("PUT", "/v1/segments/marked", { name: marker("segment"), where: { all: [{ trait: marker("cond"), op: "eq", value: marker("value") }] } });
    await send("identify", { userId: marker("user"), traits: { name: marker("name"), email: "m@marked.example", [marker("key")]: marker("trait"), flag: true, [marker("flag")]: true } });
    await send("group", { userId: marker("user"), groupId: marker("group"), traits: { name: marker("account") } });
    await send("track", { userId: marker("user"), event: marker("event"), messageId: marker("id").slice(0, 90), properties: { [marker("prop")]: marker("content"), url: "javascript:window.hit='url'" }, context: { page: { url: "javascript:window.hit=1" } } });
    await api("POST", "/v1/flush?timeout=20s");
    const [who] = (await api("GET", "/v1/profiles?q=m%40marked.example&limit=1")).data;
    assert.ok(who, "the marked person is not found");
    const paths = ["/ui/", "/ui/profiles?q=m%40marked.example", "/ui/segments", "/ui/segments/marked", "/ui/segments/marked?tab=document", "/ui/sources", "/ui/live", "/ui/quarantine", `/ui/profiles?q=${encodeURIComponent(marker("q"))}`, `/ui/profiles/${encodeURIComponent("user_id:" + marker("nobody"))}`];
    for (const tab of ["timeline", "traits", "identity", "segments&segment=marked", "consents", "raw"]) paths.push(`/ui/profiles/id:${who.id}?tab=${tab}`);
    paths.push(`/ui/sql?q=${encodeURIComponent(JSON.stringify("SELECT traits, properties, name FROM events WHERE source = 'marked'"))}`);
    for (const path of paths) {
      await page.goto(base + path);
      await settle(page);
      for (const b of await page.getByRole("main").locator("button[aria-expanded=false]").all()) await b.click().catch(() => {});
      if (path.startsWith("/ui/sql")) await page.getByRole("button", { name: "Run" }).click();
      await page.waitForTimeout(100);
      assert.equal(await page.evaluate(() => window.hit), undefined, path);
      assert.equal(await page.locator("main img, main script, a[href^='javascript:']").count(), 0, path);
    }
    await api("DELETE", "/v1/segments/marked");
  }));

for (const language of ["en", "fr"]) {
  for (const theme of ["light", "dark"]) {
    await task(`every screen, ${language}, ${theme}: accessible, nothing cut, nothing untranslated`, () =>
      quiet({ language, theme, expect: /404/ }, async (page) => {
        const wrong = [];
        for (const s of screens(made)) {
          await page.setViewportSize({ width: 1366, height: 768 });
          await page.goto(base + s.path);
          await settle(page);
          await s.then?.(page);
          assert.equal(await page.locator("html").getAttribute("lang"), language);
          await page.evaluate(await import("node:fs").then((fs) => fs.readFileSync(axe, "utf8")));
          const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
          const grave = violations.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) => `${s.name}: ${v.id} ${v.nodes[0].html.slice(0, 160)} ${v.nodes[0].failureSummary?.slice(0, 160)}`);
          wrong.push(...grave);
          const body = await page.locator("body").innerText();
          assert.doesNotMatch(body, /\b(nav|col|tab|side|why|home|sql|segments|builder|live|held|jobs|settings)\.[a-z][A-Za-z]+\b(?!\()/, s.name);
          for (const width of [1366, 390]) {
            await page.setViewportSize({ width, height: 800 });
            const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
            if (over > 0) wrong.push(`${s.name} at ${width} is ${over} too wide`);
          }
        }
        assert.deepEqual(wrong, []);
      }));
  }
}

await browser.close();
process.exit(failed ? 1 : 0);
