// Whatever is stored stays text: a kith whose every field holds what would run if
// any screen wrote it as HTML, followed it as a link or computed it.
import assert from "node:assert/strict";
import { Person, until } from "./browser.mjs";

/** marker would tell the field it stands in, if it ran. */
const marker = (field) => `"'><img src=x onerror=hit('${field}')><svg/onload=hit('${field}')>{{hit('${field}')}}$t(nav.home)`;
const link = (field) => `javascript:hit('${field}')`;

/** mark fills every field that takes a text, and returns what there is to look at.
 * A field that refuses it is told. */
export async function mark(t, server) {
  const refused = [];
  const attempt = (name, run) => run().catch((e) => refused.push(`${name}: ${String(e.message).slice(0, 400)}`));
  const send = await server.source("marked", marker("source"));
  const key = "marked";
  await attempt("purpose", () => server.api("PUT", `/v1/purposes/${key}`, { name: marker("purpose"), channels: ["email"], categories: [marker("category")] }));
  await attempt("computed trait", () => server.api("PUT", `/v1/traits/${key}`, { name: marker("trait-name"), type: "last", event: "Marked", property: "content" }));
  await attempt("entity", () =>
    server.api("PUT", `/v1/entities/${key}`, { name: marker("entity"), key: "row_id", relation: { attribute: "user_id", identifier_type: "user_id" } }),
  );
  const condition = (n) => ({ all: [{ event: marker(`${n}-event`), where: [{ property: "content", op: "eq", value: marker(`${n}-value`) }] }, { trait: marker(`${n}-trait`), op: "eq", value: marker(`${n}-text`) }, { consent: { purpose: "marked" }, op: "granted" }] });
  await attempt("segment", () => server.api("PUT", `/v1/segments/${key}`, { name: marker("segment"), where: condition("condition") }));
  await attempt("segment", () => server.api("PUT", "/v1/segments/everybody", { name: marker("everybody"), where: { all: [{ trait: "email", op: "exists" }] } }));
  const user = marker("user");
  await send("identify", {
    userId: user,
    anonymousId: marker("anonymous"),
    traits: { name: marker("name"), email: "m@marked.example", phone: "+33639980001", [marker("key")]: marker("trait"), [marker("flag")]: true, list: [marker("item")], deep: { [marker("inner-key")]: marker("inner") }, url: link("trait-url"), avatar: link("avatar") },
    context: { userAgent: marker("agent"), page: { url: link("page"), title: marker("title"), referrer: marker("referrer") }, consent: { categoryPreferences: { [marker("category")]: true } }, device: { id: marker("device") }, externalIds: [{ type: "loyalty_id", id: marker("external"), collection: "users", encoding: "none" }] },
  });
  await send("group", { userId: user, groupId: marker("group"), traits: { name: marker("account"), [marker("account-key")]: marker("account-trait") } });
  await send("track", { userId: user, event: "Marked", messageId: marker("message"), properties: { content: marker("content"), [marker("property")]: marker("property-value"), url: link("url"), order_id: marker("order") } });
  await send("track", { userId: user, event: marker("event"), properties: {} });
  await send("page", { userId: user, name: marker("page-name"), category: marker("page-category"), properties: { title: marker("page-title"), url: link("page-url") } });
  await send("screen", { userId: user, name: marker("screen-name") });
  await send("alias", { userId: user, previousId: marker("previous") });
  await send("batch", { batch: [{ type: "track", userId: user, event: "", messageId: marker("held"), properties: { content: marker("held-content") } }] });
  await send("identify", { userId: "other", traits: { name: marker("other") } });
  await attempt("consent", () =>
    server.api("POST", "/v1/consents", { identity: { type: "user_id", value: user }, purpose: "marked", channel: "email", state: "granted", policy: { version: marker("policy") }, evidence: { form: marker("evidence"), [marker("evidence-key")]: link("evidence") } }),
  );
  await attempt("rows", () => server.api("PUT", `/v1/entities/${key}/rows`, { rows: [{ row_id: marker("row"), user_id: user, [marker("attribute")]: marker("cell") }], source: "marked", run: marker("run") }));
  await server.flush();
  await attempt("merge", () => server.api("POST", "/v1/identity/merge", { a: { type: "user_id", value: user }, b: { type: "user_id", value: "other" }, reason: marker("reason") }));
  await attempt("retraction", () => server.api("POST", "/v1/identity/retract", { source: "marked", run: marker("retracted") }));
  await server.flush();
  t.say(`refused, so nothing to show: ${refused.join("; ") || "nothing"}`);
  const { data } = await server.api("GET", `/v1/profiles?q=${encodeURIComponent("m@marked.example")}&limit=1`);
  assert.ok(data[0], "the marked person is not found");
  return { id: data[0].id, user, group: marker("group"), send };
}

/** markers holds that no screen runs anything of it, and that the screens did show it. */
export async function markers(t, browser, server) {
  const made = await mark(t, server);
  const p = await Person.signedIn(browser, server);
  await p.context.addInitScript(() => {
    window.hit = (field) => console.error(`ran: ${field}`);
  });
  const enc = encodeURIComponent;
  const person = `/ui/profiles/id:${made.id}`;
  const screens = ["/ui/", "/ui/profiles?q=m%40marked.example", `/ui/profiles?q=${enc(marker("asked"))}`, person, `/ui/profiles/user_id:${enc(made.user)}`, `/ui/profiles/group_id:${enc(made.group)}`, `/ui/profiles/user_id:${enc(marker("nobody"))}`];
  screens.push("/ui/segments", "/ui/segments/marked", "/ui/segments/everybody", `/ui/segments/${enc(marker("no-segment"))}`, "/ui/segments/new", "/ui/sources", "/ui/quarantine", "/ui/jobs", "/ui/settings");
  screens.push(`${person}?tab=identity&a=${enc(`user_id:${made.user}`)}&b=${enc("email:m@marked.example")}`, `${person}?tab=${enc(marker("tab"))}`, `${person}?tab=segments&segment=marked`);
  screens.push(`/ui/live?name=${enc(marker("asked-name"))}&source=${enc(marker("asked-source"))}`, `/ui/${enc(marker("no-page"))}`);
  for (const what of ["traits, properties, context, name, user_id, anonymous_id, message_id FROM events", "* FROM profiles", "* FROM identifiers", "* FROM traits_history", `'${marker("constant").replaceAll("'", "''")}' AS "${marker("column").replaceAll('"', '""')}"`]) {
    screens.push(`/ui/sql?q=${enc(JSON.stringify(`SELECT ${what}`))}`);
  }
  p.expect(/^404 /, /^422 POST \/v1\/(sql|segments:preview)$/, /^(400|404|422) GET \/v1\/(live\/events|profiles|segments)/);
  const seen = new Set();
  const look = async (where) => {
    const { texts, strange } = await p.page.evaluate(() => ({
      texts: [...document.querySelectorAll("body, body *")].flatMap((e) => [...[...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data), ...[...e.attributes].map((a) => a.value), e.value ?? ""]).filter((x) => typeof x === "string" && x.includes("hit(")),
      strange: [...document.querySelectorAll("img, script:not([src]), iframe, object, embed, svg[onload], [onerror], [onclick], [onmouseover], [href^='javascript:' i], [src^='javascript:' i]")].map((e) => e.outerHTML.slice(0, 200)),
    }));
    assert.deepEqual(strange, [], `${where}: what was stored became part of the page`);
    for (const text of texts) for (const m of text.matchAll(/hit\('([\w-]+)'\)/g)) seen.add(m[1]);
    assert.deepEqual(p.trouble, [], where);
  };
  /** unfold opens whatever can be opened on a screen, and looks. */
  const unfold = async (where) => {
    for (const b of await p.by("main").getByRole("button", { expanded: false }).all()) if (await b.isVisible()) await b.click();
    await p.settled();
    await look(where);
  };
  for (const path of screens) {
    await p.open(path);
    if (path.startsWith("/ui/sql")) await p.by("button", "Run").click();
    await p.settled();
    await look(path);
    await unfold(path);
    const tabs = p.by("main").getByRole("tablist").first().getByRole("tab");
    for (const tab of (await tabs.count()) > 1 && !path.startsWith("/ui/sources") ? await tabs.all() : []) {
      await tab.click();
      await p.settled();
      await unfold(`${path}, ${await tab.innerText()}`);
    }
  }
  await dialogs(p, made, look);
  t.say(`shown as text on some screen: ${[...seen].sort().join(", ")}`);
  for (const must of ["source", "segment", "condition-value", "name", "key", "trait", "user", "anonymous", "account", "content", "event", "message", "page-name", "held", "held-content", "evidence", "policy"]) {
    assert.ok(seen.has(must), `no screen showed ${must}, so nothing is said of it`);
  }
  await t.picture(p, "marked");
  await p.leave();
}

/** dialogs opens what stands before the screens. */
async function dialogs(p, made, look) {
  await p.open("/ui/quarantine");
  await p.page.getByRole("button", { name: /View$/ }).first().click();
  await p.page.getByLabel("Content").waitFor();
  await look("an event that was set apart");
  await p.open("/ui/sources");
  await p.page.getByRole("button", { name: /New key$/ }).first().click();
  await p.by("dialog").waitFor();
  await look("a new key");
  await p.open("/ui/segments/marked");
  await p.by("button", "Delete").click();
  await p.by("dialog").waitFor();
  await look("to remove a segment");
  await p.open("/ui/live");
  await p.sees(p.text("Listening"));
  await made.send("track", { userId: made.user, event: marker("live-event"), messageId: marker("live-message"), properties: { [marker("live-key")]: marker("live-value") } });
  await p.page.getByRole("button", { name: /live-event/ }).first().click();
  await p.sees(p.text("Message"));
  await p.settled();
  await look("what became of an event");
  await p.press("Escape");
  await p.press("Control+k");
  await p.by("combobox", "Find a person or a page").fill("m@marked.example");
  await p.page.getByRole("option", { name: /hit\(/ }).first().waitFor();
  await look("the box that finds everything");
  await p.open("/ui/segments/everybody?tab=explain");
  await p.page.getByRole("searchbox").fill("m@marked.example");
  await p.page.getByRole("button", { name: /hit\(/ }).first().click();
  await p.sees("Found:");
  await look("why somebody is in a segment");
}
