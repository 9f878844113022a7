// Somebody at a browser, who finds their way by what is seen: roles and texts.
// They use a mouse or nothing but keys, read English or French, and whatever goes
// wrong on a page while they are at it is noticed.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { keysLeft, leftInEnglish, say, sayKey } from "./words.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const launch = () =>
  chromium.launch({
    executablePath: process.env.KITH_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"],
  });

/** until asks again until the answer is yes, or fails with what was asked. */
export async function until(what, ask, ms = 15_000) {
  const end = Date.now() + ms;
  for (;;) {
    const found = await ask();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not within ${ms / 1000} s: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** number reads a number as it is written in any language. */
export const number = (s) => Number(s.replace(/[^\d]/g, ""));

export class Person {
  /** arrive opens a browser of somebody's own, not signed in yet. */
  static async arrive(browser, server, { language = "en", theme = "light", width = 1366, height = 768, hand = "mouse" } = {}) {
    const context = await browser.newContext({
      viewport: { width, height },
      locale: language === "fr" ? "fr-FR" : "en-GB",
      colorScheme: theme,
      timezoneId: "Europe/Paris",
      reducedMotion: "reduce",
      permissions: ["clipboard-read", "clipboard-write"],
    });
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    return new Person(server, context, page, { language, theme, width, height, hand }, await server.known());
  }

  /** signedIn is somebody who followed a link. */
  static async signedIn(browser, server, options) {
    const p = await Person.arrive(browser, server, options);
    await p.open(await server.link());
    return p;
  }

  constructor(server, context, page, options, known) {
    Object.assign(this, options, { server, context, page, known });
    this.clicks = 0;
    this.keys = 0;
    this.trouble = [];
    this.expected = [];
    this.asked = new Set();
    this.watch();
  }

  /** watch notices what goes wrong: errors, refusals that nobody expects, calls to
   * elsewhere and calls that the API does not describe. */
  watch() {
    const { page, asked } = this;
    page.on("console", (m) => {
      if (m.type() === "error" && !m.text().startsWith("Failed to load resource")) this.trouble.push(`console: ${m.text()}`);
    });
    page.on("pageerror", (e) => this.trouble.push(`error: ${e.message}`));
    page.on("dialog", (d) => this.trouble.push(`dialog: ${d.message()}`));
    page.on("request", (r) => {
      const u = new URL(r.url());
      if (u.protocol === "data:" || u.protocol === "blob:") return;
      if (u.origin !== this.server.url) this.trouble.push(`asked elsewhere: ${r.url()}`);
      else if (!this.known(r.method(), u.pathname)) this.trouble.push(`asked what the API does not describe: ${r.method()} ${u.pathname}`);
      if (u.pathname !== "/v1/live/events") asked.add(r);
    });
    for (const end of ["requestfinished", "requestfailed"]) page.on(end, (r) => asked.delete(r));
    page.on("response", (r) => {
      if (r.status() < 400) return;
      const line = `${r.status()} ${r.request().method()} ${new URL(r.url()).pathname}`;
      if (!this.expected.some((e) => e.test(line))) this.trouble.push(`refused: ${line}`);
    });
  }

  /** expect names answers that are refusals and right, such as 422 while typing. */
  expect(...lines) {
    this.expected.push(...lines);
  }

  async leave() {
    await this.context.close();
    assert.deepEqual(this.trouble, []);
  }

  say(text, values) {
    return say(this.language, text, values);
  }

  sayKey(key) {
    return sayKey(this.language, key);
  }

  /** by finds what has a role and, exactly, a name. */
  by(role, name) {
    return this.page.getByRole(role, name === undefined ? {} : { name, exact: true });
  }

  text(text) {
    return this.page.getByText(text, { exact: true });
  }

  /** sees waits for something to be seen. */
  async sees(what) {
    const l = typeof what === "string" || what instanceof RegExp ? this.page.getByText(what) : what;
    await l.first().waitFor();
    return l.first();
  }

  async open(address) {
    await this.page.goto(new URL(address, this.server.url).href);
    await this.by("main").waitFor();
    await this.settled();
  }

  /** settled waits until nothing is asked for and nothing is drawn any more. */
  async settled() {
    const loading = this.by("status", this.say("Loading…"));
    await until("the page is settled", async () => {
      if (this.asked.size > 0) return false;
      await this.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      return this.asked.size === 0 && (await loading.count()) === 0;
    }, 60_000);
  }

  /** use presses a button, follows a link or chooses a tab. */
  async use(l) {
    if (this.hand === "mouse") {
      this.clicks++;
      return l.click();
    }
    await this.reach(l);
    if ((await l.getAttribute("aria-selected")) === "true") return;
    await this.press("Enter");
  }

  /** tick ticks a box, or takes the tick away. */
  async tick(l) {
    if (this.hand === "mouse") {
      this.clicks++;
      return l.click();
    }
    await this.reach(l);
    await this.press("Space");
  }

  async press(key) {
    this.keys++;
    await this.page.keyboard.press(key);
  }

  /** write replaces what stands in a field. */
  async write(l, text) {
    const editor = await l.evaluate((e) => e.isContentEditable);
    if (this.hand === "mouse" && !editor) return l.fill(text);
    if (this.hand === "mouse") await l.click();
    else await this.reach(l);
    await this.press("Control+a");
    this.keys += text.length;
    if (text === "") return this.press("Delete");
    await this.page.keyboard.type(text);
  }

  /** choose picks an option of a list by its text. */
  async choose(l, option) {
    if (this.hand === "mouse") {
      this.clicks++;
      return l.selectOption({ label: option });
    }
    await this.reach(l);
    const at = () => l.evaluate((s, o) => [...s.options].findIndex((x) => x.label === o) - s.selectedIndex, option);
    for (let steps = await at(), n = 0; steps !== 0; steps = await at()) {
      assert.ok(n++ < 60, `“${option}” is not reached by arrows`);
      await this.press(steps > 0 ? "ArrowDown" : "ArrowUp");
    }
  }

  /** reach goes to something by Tab, and among tabs by arrows, as far as it takes;
   * where the keyboard is has to be seen all the way. */
  async reach(l) {
    await l.waitFor();
    const way = (target) => {
      const tab = target.getAttribute("role") === "tab";
      let at = document.activeElement;
      while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
      if (at === target) return "here";
      while (target.getRootNode().host && target.getRootNode() !== at.getRootNode()) target = target.getRootNode().host;
      while (at.getRootNode().host && at.getRootNode() !== target.getRootNode()) at = at.getRootNode().host;
      const list = tab && target.closest("[role=tablist]");
      if (list && list.contains(at)) {
        return at.compareDocumentPosition(target) & Node.DOCUMENT_POSITION_FOLLOWING ? "ArrowRight" : "ArrowLeft";
      }
      return at === document.body || at.compareDocumentPosition(target) & Node.DOCUMENT_POSITION_FOLLOWING ? "Tab" : "Shift+Tab";
    };
    for (let n = 0; n < 250; n++) {
      const next = await l.evaluate(way);
      if (next === "here") {
        const seen = await l.evaluate((e) => e.matches("input, textarea, [contenteditable=true]") || getComputedStyle(e).outlineStyle !== "none"); // a caret is seen too
        assert.ok(seen, `it is not seen that the keyboard is at ${l}`);
        return;
      }
      await this.press(next);
    }
    assert.fail(`the keyboard does not reach ${l}`);
  }

  /** go opens a screen by the navigation, which is behind a button on a phone. */
  async go(screen) {
    const link = this.by("navigation", this.say("Screens")).getByRole("link", { name: screen, exact: true });
    const menu = this.by("button", this.say("Menu"));
    if (await menu.isVisible()) await this.use(menu);
    await this.use(link);
    await this.page.getByRole("heading", { level: 1, name: screen, exact: true }).waitFor();
    await this.settled();
  }

  /** find opens somebody from the box that finds everything. */
  async find(words, name) {
    if (this.hand === "mouse") await this.use(this.page.getByRole("button", { name: this.say("Find a person or a page") }));
    else await this.press("Control+k");
    await this.write(this.by("combobox", this.say("Find a person or a page")), words);
    const option = this.page.getByRole("option", { name });
    await option.first().waitFor();
    if (this.hand === "mouse") return this.use(option.first());
    await until("the person is chosen", async () => {
      if ((await option.first().getAttribute("aria-selected")) === "true") return true;
      await this.press("ArrowDown");
      return false;
    });
    await this.press("Enter");
  }

  /** above holds that something is seen without scrolling. */
  async above(l) {
    const b = await l.boundingBox();
    assert.ok(b && b.y >= 0 && b.y + b.height <= this.height && b.x >= 0 && b.x + b.width <= this.width, `${l} is not seen at once: ${JSON.stringify(b)}`);
  }

  /** picture is how it looks, as many windows deep as it is long, without the style that hides a caret, which the policy refuses. */
  async picture(path, windows = 1) {
    if (windows === 1) return this.page.screenshot({ path, caret: "initial" });
    // Rows beyond the window are painted when they come into it, which a picture does not wait for.
    await this.page.evaluate(() => document.querySelectorAll("li").forEach((e) => (e.style.contentVisibility = "visible")));
    const open = (await this.by("dialog").count()) > 0; // it stands in the window, however long the page is
    const height = open ? 0 : Math.min(windows * this.height, await this.page.evaluate(() => (window.scrollTo(0, 0), document.documentElement.scrollHeight)));
    return this.page.screenshot({ path, caret: "initial", ...(height > this.height ? { fullPage: true, clip: { x: 0, y: 0, width: this.width, height } } : {}) });
  }

  /** tooWide is what makes a page wider than the window, if anything does. */
  tooWide() {
    return this.page.evaluate(() => {
      const page = document.documentElement;
      if (page.scrollWidth <= page.clientWidth) return [];
      const style = (e) => getComputedStyle(e);
      const clipped = (e, loose) => e && e !== document.body && ((style(e).overflowX !== "visible" && (!loose || style(e).position !== "static")) || clipped(e.parentElement, loose && style(e).position === "static"));
      const wide = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > page.clientWidth + 1 && !clipped(e.parentElement, style(e).position === "absolute"));
      return [`${page.scrollWidth - page.clientWidth} pixels too wide`, ...wide.slice(-2).map((e) => e.outerHTML.slice(0, 300))];
    });
  }

  /** texts are all texts of the page that somebody reads or is told, but for what
   * was stored (code, and what says of itself to be in another language). */
  texts() {
    return this.page.evaluate(() => {
      const found = new Set();
      const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
      const language = document.documentElement.lang;
      const isCode = (e) => e.closest("[role=alert]") && getComputedStyle(e).fontFamily.includes("monospace"); // of a refusal
      const skipped = (e) => e.closest("script, style, noscript, pre, textarea") || e.closest("[lang]").lang !== language || isCode(e);
      for (let n = walk.currentNode; n; n = walk.nextNode()) {
        const e = n.nodeType === 3 ? n.parentElement : n;
        if (skipped(e)) continue;
        const said = n.nodeType === 3 ? [n.data] : ["aria-label", "title", "placeholder", "alt"].map((a) => e.getAttribute(a) ?? "");
        for (const s of said) if (s.trim()) found.add(s.trim());
      }
      return [...found];
    });
  }

  /** untranslated is what is not in the reader's language, or in none. */
  async untranslated() {
    const texts = await this.texts();
    const english = this.language === "fr" ? leftInEnglish(texts) : [];
    const stored = english.length > 0 ? await this.server.names() : new Set();
    return [...keysLeft(texts), ...english.filter((x) => !stored.has(x))];
  }

  /** barriers are what axe finds that keeps people out. */
  async barriers(only) {
    await this.page.evaluate(`window.axe || (() => {${axe}})()`);
    const { violations } = await this.page.evaluate(
      (rules) => window.axe.run(document, { resultTypes: ["violations"], runOnly: rules ?? ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }),
      only,
    );
    return violations
      .filter((v) => ["serious", "critical"].includes(v.impact))
      .map((v) => `${v.id}: ${v.nodes.length} × ${v.nodes[0].html.slice(0, 200)} ${v.nodes[0].failureSummary?.slice(0, 200)}`);
  }
}
