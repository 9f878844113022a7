// What was tried, how it went, and a picture of every step, as lines for whoever
// started this and as a page for a person to judge.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";

const html = (s) => String(s).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const slug = (s) => s.normalize("NFKD").replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 70).toLowerCase();

export class Report {
  /** A report writes into a folder, and tries only what an expression names. */
  constructor(folder, only = "") {
    this.folder = folder;
    this.only = new RegExp(only);
    this.tried = [];
    mkdirSync(folder, { recursive: true });
  }

  /** attempt runs one trial, which counts as failed with whatever is thrown. With
   * more tries than one it may be run again from its beginning; what went wrong the
   * first time is told all the same. */
  async attempt(name, run, tries = 1) {
    if (!this.only.test(name)) return;
    const trial = { name, ok: false, steps: [], said: [], began: performance.now(), folder: this.folder };
    for (let n = 1; n <= tries && !trial.ok; n++) {
      const t = new Trial(trial);
      try {
        await run(t, n);
        trial.ok = true;
      } catch (e) {
        trial.said.push(`try ${n} of ${tries}: ${String(e?.stack ?? e).slice(0, 4000)}`);
        await t.last?.picture(`${this.folder}/${slug(name)}-failed-${n}.png`).catch(() => {}); // the browser may be what failed
        if (t.last) trial.said.push(`at ${t.last.page.url()}`, ...t.last.trouble);
      }
    }
    trial.seconds = (performance.now() - trial.began) / 1000;
    this.tried.push(trial);
    console.log(JSON.stringify({ name, ok: trial.ok, seconds: trial.seconds, said: trial.said }));
  }

  /** page writes all of it as one page. */
  page() {
    const parts = this.tried.map((t) => {
      const shots = t.steps.map((s) => `<figure><a href="${s.file}"><img src="${s.file}" loading="lazy" alt=""></a><figcaption>${html(s.title)}</figcaption></figure>`);
      return `<section><h2>${t.ok ? "✓" : "✗"} ${html(t.name)} <small>${t.seconds.toFixed(1)} s</small></h2><pre>${html(t.said.join("\n"))}</pre><div>${shots.join("")}</div></section>`;
    });
    const style = "body{font:15px system-ui;margin:2rem}pre{white-space:pre-wrap}section>div{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0;width:24rem}img{max-width:100%;max-height:20rem;border:1px solid #ccc}";
    writeFileSync(`${this.folder}/index.html`, `<!doctype html><html lang="en"><meta charset="utf-8"><title>kith: the interface, tried</title><style>${style}</style>${parts.join("")}</html>`);
  }

  get failed() {
    return this.tried.filter((t) => !t.ok).length;
  }
}

class Trial {
  constructor(trial) {
    this.trial = trial;
  }

  /** say adds a line to what is told of the trial. */
  say(line) {
    this.trial.said.push(line);
  }

  /** as lets somebody do something, tells what it took, and holds that nothing went wrong meanwhile. */
  async as(person, run) {
    this.last = person;
    const began = performance.now();
    await run(person);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    this.say(person.hand === "mouse" ? `${person.clicks} clicks, ${seconds} s` : `no mouse, ${person.keys} keys, ${seconds} s`);
    await person.leave();
  }

  /** view keeps how it looks where somebody asked for pictures; there are many. */
  async view(person, title) {
    this.last = person;
    if (process.env.KITH_UI_TEST) await this.picture(person, title);
  }

  /** picture keeps how it looks. */
  async picture(person, title) {
    this.last = person;
    const file = `${slug(this.trial.name)}-${this.trial.steps.length + 1}.png`;
    this.trial.steps.push({ title, file });
    await person.picture(`${this.trial.folder}/${file}`);
  }

  /** step takes a picture, and holds that the page fits and is in one language. */
  async step(person, title) {
    await this.picture(person, title);
    assert.deepEqual(await person.tooWide(), [], `${title}: the page is wider than the window`);
    assert.deepEqual(await person.untranslated(), [], `${title}: not in the reader's language`);
  }
}
