// Every screen there is, on a demo, and what has to hold on each.
import assert from "node:assert/strict";
import { Person, until } from "./browser.mjs";
import { nameOf } from "./world.mjs";

const ref = (i) => encodeURIComponent(`${i.type}:${i.value}`);

/** screens are those of a demo. then brings a screen into a state of its own; tabs
 * are gone through one by one. */
export const screens = ({ rich, send }) => [
  { name: "home", path: "/ui/" },
  { name: "profiles", path: "/ui/profiles" },
  { name: "profiles, found", path: "/ui/profiles?q=girard" },
  { name: "profiles, nobody", path: "/ui/profiles?q=zzzzzzzzzzzz" },
  { name: "customer", path: `/ui/profiles/id:${rich.id}`, tabs: true, then: (p) => p.sees(p.say("{{count}} event loaded")) },
  { name: "customer, an event", path: `/ui/profiles/id:${rich.id}`, then: (p) => p.by("tabpanel").getByRole("button", { expanded: false }).filter({ hasText: "Order Completed" }).first().click() },
  {
    name: "customer, what became of an event",
    path: `/ui/profiles/id:${rich.id}`,
    then: async (p) => {
      await p.by("tabpanel").getByRole("button", { expanded: false }).filter({ hasText: "Order Completed" }).first().click();
      await p.by("button", p.say("What became of this event")).click();
      await p.sees(p.by("dialog").getByText(p.sayKey("trace.person")));
    },
  },
  { name: "customer, why one person", path: `/ui/profiles/id:${rich.id}?tab=identity&a=${ref(rich.identifiers[0])}&b=${ref(rich.identifiers.at(-1))}` },
  { name: "customer, why in a segment", path: `/ui/profiles/id:${rich.id}?tab=segments&segment=lapsed` },
  { name: "customer, unknown", path: "/ui/profiles/user_id:nobody", refused: /^404 GET \/v1\/profiles\/user_id:nobody$/ },
  { name: "segments", path: "/ui/segments", tabs: true },
  { name: "segments, overlap", path: `/ui/segments?tab=overlap&keys=${encodeURIComponent('["loyal","lapsed","french"]')}`, then: (p) => p.sees(p.by("cell")) },
  { name: "segment", path: "/ui/segments/lapsed", tabs: true },
  { name: "segment, unknown", path: "/ui/segments/nothing", refused: /^404 GET \/v1\/segments\/nothing$/ },
  { name: "segment, to be removed", path: "/ui/segments/lapsed", then: (p) => p.by("button", p.say("Delete")).click() },
  { name: "segment, new", path: "/ui/segments/new" },
  {
    name: "segment, a list to upload",
    path: "/ui/segments/new?tab=list",
    then: async (p) => {
      await p.page.getByLabel(p.say("File with one person per row")).setInputFiles({ name: "guests.csv", mimeType: "text/csv", buffer: Buffer.from(`${p.sayKey("col.name")},E-mail\nAna Martin,ana@guests.example\nBo Lee,bo@guests.example\n`) });
      await p.sees(p.by("cell"));
    },
  },
  { name: "computed traits", path: "/ui/traits" },
  { name: "computed trait", path: "/ui/traits/orders_ever" },
  { name: "computed trait, new", path: "/ui/traits/new" },
  { name: "computed trait, unknown", path: "/ui/traits/nothing", refused: /^404 GET \/v1\/traits\/nothing$/ },
  {
    name: "SQL",
    path: "/ui/sql",
    then: async (p) => {
      await p.page.getByRole("textbox", { name: p.say("Query") }).press("Control+Enter");
      await p.sees(p.by("cell"));
    },
  },
  {
    name: "SQL, refused",
    path: `/ui/sql?q=${encodeURIComponent(JSON.stringify("SELECT nothing FROM nowhere"))}`,
    refused: /^422 POST \/v1\/sql$/,
    then: async (p) => {
      await p.by("button", p.say("Run")).click();
      await p.sees(p.by("alert"));
    },
  },
  {
    name: "live events",
    path: "/ui/live",
    then: async (p) => {
      await p.sees(p.text(p.say("Listening")));
      await send("track", { userId: "12583", event: "Screens Looked At", properties: { revenue: 1 } });
      await p.page.getByRole("button", { name: /Screens Looked At/ }).first().click();
      await p.sees(p.text(p.say("Message")));
    },
  },
  { name: "sources", path: "/ui/sources" },
  { name: "source", path: "/ui/sources/web", tabs: true },
  { name: "source, unknown", path: "/ui/sources/nothing", refused: /^404 GET \/v1\/sources\/nothing$/ },
  { name: "sources, a new one", path: "/ui/sources", then: (p) => p.by("button", p.say("Add a source")).click() },
  { name: "sources, a new key", path: "/ui/sources", then: (p) => p.page.getByRole("button", { name: new RegExp(`: ${p.sayKey("source.rotateShort")}$`) }).first().click() },
  { name: "set apart", path: "/ui/quarantine" },
  {
    name: "set apart, one event",
    path: "/ui/quarantine",
    then: async (p) => {
      await p.page.getByRole("button", { name: new RegExp(`${p.sayKey("held.look")}$`) }).first().click();
      await p.page.getByLabel(p.say("Content")).waitFor();
    },
  },
  { name: "jobs", path: "/ui/jobs" },
  { name: "settings", path: "/ui/settings", tabs: true },
  {
    name: "the box that finds everything",
    path: "/ui/",
    then: async (p) => {
      await p.page.keyboard.press("Control+k");
      await p.by("combobox", p.say("Find a person or a page")).fill(nameOf(rich));
      await p.sees(p.page.getByRole("option", { name: nameOf(rich) }));
    },
  },
  { name: "keys and help", path: "/ui/", then: (p) => p.page.keyboard.press("?") },
  { name: "a page that is not there", path: "/ui/nowhere" },
];

/** visit goes through every screen, those that only the navigation names too, and
 * through the tabs of some, and looks at each. */
export async function visit(p, world, look) {
  const all = screens(world);
  await p.open("/ui/");
  for (const link of await p.by("navigation", p.say("Screens")).getByRole("link").all()) {
    const path = await link.getAttribute("href");
    if (!all.some((s) => s.path.replace(/\/$/, "") === path.replace(/\/$/, ""))) all.push({ name: path, path });
  }
  for (const s of all) {
    if (s.refused) p.expect(s.refused);
    await p.open(s.path);
    await s.then?.(p);
    await p.settled();
    await look(s.name);
    if (!s.tabs) continue;
    const tabs = p.by("main").getByRole("tablist").first().getByRole("tab");
    for (const tab of (await tabs.all()).slice(1)) {
      await tab.click();
      await p.settled();
      await look(`${s.name}, ${(await tab.innerText()).trim()}`);
    }
  }
}

/** everyScreen holds that nobody is kept out of any screen by day or night, that
 * nothing is cut on a desk or on a phone, and that all of it is in one language. */
export async function everyScreen(t, browser, world, language) {
  await t.as(await Person.signedIn(browser, world.demo, { language }), async (p) => {
    const wrong = [];
    let looked = 0;
    const look = async (name) => {
      looked++;
      const note = (what) => wrong.push(`${name}: ${what}`);
      assert.equal(await p.page.locator("html").getAttribute("lang"), language);
      (await p.untranslated()).forEach((x) => note(`not in the reader's language: ${x}`));
      (await p.barriers()).forEach(note);
      await t.view(p, `${name}, ${language}`);
      await p.page.emulateMedia({ colorScheme: "dark" });
      await until("it is dark", () => p.page.locator("html[data-theme=dark]").count());
      (await p.barriers(["color-contrast"])).forEach((x) => note(`dark: ${x}`));
      await t.view(p, `${name}, ${language}, dark`);
      for (const [width, height] of [[390, 844], [1366, 768]]) {
        await p.page.setViewportSize({ width, height });
        (await p.tooWide()).forEach((x) => note(`at ${width} pixels: ${x}`));
        if (width === 390) await t.view(p, `${name}, ${language}, dark, phone`);
      }
      await p.page.emulateMedia({ colorScheme: "light" });
    };
    await visit(p, world, look);
    t.say(`${looked} screens and states`);
    assert.deepEqual(wrong, []);
  });
}

/** emptyScreens holds the same of a kith to which nothing was sent yet, whose screens say what to do first. */
export async function emptyScreens(t, browser, server, language) {
  await t.as(await Person.signedIn(browser, server, { language }), async (p) => {
    const wrong = [];
    const links = await p.by("navigation", p.say("Screens")).getByRole("link").all();
    const paths = new Set(await Promise.all(links.map((l) => l.getAttribute("href"))));
    for (const path of [...paths, "/ui/segments/new", "/ui/traits/new"]) {
      await p.open(path);
      const note = (what) => wrong.push(`${path}: ${what}`);
      (await p.untranslated()).forEach((x) => note(`not in the reader's language: ${x}`));
      (await p.barriers()).forEach(note);
      await p.page.setViewportSize({ width: 390, height: 844 });
      (await p.tooWide()).forEach((x) => note(`on a phone: ${x}`));
      await p.page.setViewportSize({ width: 1366, height: 768 });
      await t.view(p, `${path}, nothing yet, ${language}`);
    }
    t.say(`${paths.size + 2} screens`);
    assert.deepEqual(wrong, []);
  });
}

/** printed holds that what is printed is the content, dark on white. */
export async function printed(t, browser, world) {
  await t.as(await Person.signedIn(browser, world.demo, { theme: "dark" }), async (p) => {
    for (const s of screens(world).filter((x) => ["home", "customer", "segment", "segments"].includes(x.name))) {
      await p.open(s.path);
      await p.settled();
      await p.page.emulateMedia({ media: "print", colorScheme: "dark" });
      assert.equal(await p.by("navigation").count(), 0, `${s.name}: the navigation is printed`);
      assert.ok(await p.page.getByRole("heading", { level: 1 }).isVisible(), `${s.name}: nothing is printed`);
      assert.deepEqual(await p.barriers(["color-contrast"]), [], s.name);
      const paper = await p.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assert.equal(paper, "rgb(255, 255, 255)", `${s.name}: the paper`);
      await t.picture(p, `${s.name}, printed`);
      const pdf = await p.page.pdf({ format: "A4", printBackground: true });
      const pages = pdf.toString("latin1").match(/\/Type\s*\/Page\b/g)?.length ?? 0;
      t.say(`${s.name}: ${pages} pages`);
      assert.ok(pages > 0);
      await p.page.emulateMedia({ media: "screen", colorScheme: "dark" });
    }
  });
}

/** policy holds that a page can do nothing but what its policy allows, even when
 * something foreign were in it. */
export async function policy(t, browser, world) {
  const p = await Person.signedIn(browser, world.demo);
  const refused = await p.page.evaluate(async () => {
    const seen = new Set();
    document.addEventListener("securitypolicyviolation", (e) => seen.add(e.effectiveDirective));
    const tries = {
      html: () => (document.body.innerHTML = "<b>x</b>"),
      evaluated: () => new Promise((done, failed) => setTimeout(() => { try { (0, eval)("1"); done(); } catch (e) { failed(e); } })),
      elsewhere: () => fetch("https://example.com/"),
      worker: () => new Promise((done, failed) => { try { const w = new Worker("data:text/javascript,1"); w.onerror = failed; w.onmessage = done; } catch (e) { failed(e); } }),
    };
    const done = [];
    for (const [name, attempt] of Object.entries(tries)) await Promise.resolve().then(attempt).then(() => done.push(name), () => {});
    const style = document.createElement("style");
    style.textContent = "body { visibility: hidden }";
    document.head.append(style);
    const frame = document.createElement("iframe");
    frame.src = "https://example.com/";
    const image = new Image();
    const gone = new Promise((ended) => (image.onerror = ended));
    image.src = "https://example.com/x.png";
    document.body.append(frame, image);
    const button = document.createElement("button");
    let clicked = false;
    window.addEventListener("foreign", () => (clicked = true));
    try {
      button.setAttribute("onclick", "window.dispatchEvent(new Event('foreign'))");
    } catch {
      // a policy of trusted types refuses the attribute itself
    }
    button.click();
    await gone;
    while (!seen.has("frame-src")) await new Promise((next) => document.addEventListener("securitypolicyviolation", next, { once: true }));
    return { done, clicked, hidden: getComputedStyle(document.body).visibility, seen: [...seen].sort() };
  });
  t.say(`refused: ${refused.seen.join(", ")}`);
  assert.deepEqual([refused.done, refused.clicked, refused.hidden], [[], false, "visible"]);
  for (const directive of ["connect-src", "frame-src", "img-src", "style-src-elem", "require-trusted-types-for"]) assert.ok(refused.seen.includes(directive), `${directive} lets it through`);
  await p.context.close();
}
