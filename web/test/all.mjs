// Everything that is tried in a browser, on servers that whoever starts this has
// started: a demo that may still be loading, and some that are empty. A line of
// JSON for each trial; the folder gets pictures and a page of them.
import { createInterface } from "node:readline";
import { crowd, firstVisit, sizes } from "./budget.mjs";
import { launch, Person } from "./browser.mjs";
import { markers } from "./markers.mjs";
import { Report } from "./report.mjs";
import { emptyScreens, everyScreen, policy, printed } from "./screens.mjs";
import { Server } from "./server.mjs";
import { door, tasks } from "./tasks.mjs";
import { furnish } from "./world.mjs";

const given = JSON.parse(process.env.KITH_UI_SERVERS);
const report = new Report(process.env.KITH_UI_FOLDER ?? "ui-test", process.argv[2]);
const browser = await launch();
const world = { demo: Object.assign(new Server(given.demo), { link1: given.demo.link, started: given.demo.started, listening: given.demo.listening }) };
const empty = given.empty.map((e) => new Server(e));

// Whoever started the demo says a word when it is loaded.
const loaded = new Promise((done) => createInterface({ input: process.stdin }).once("line", done).once("close", done));

const ways = [
  { name: "English, mouse", language: "en", hand: "mouse", empty: 0 },
  { name: "French, keys alone, dark", language: "fr", theme: "dark", hand: "keys", empty: 1 },
  { name: "phone, dark", language: "en", theme: "dark", width: 390, height: 844, hand: "mouse" },
];

/** tried is one task in one way; somebody who does not manage may begin again. */
const tried = (task, way, first) =>
  report.attempt(`${task.name} (${way.name})`, async (t, n) => {
    const server = task.empty ? empty[way.empty] : world.demo;
    const p = await Person.arrive(browser, server, way);
    p.expect(/^401 GET \/v1\/session$/);
    await p.open(n === 1 && first ? first : await server.link());
    await t.as(p, () => task.run(t, p, world));
  }, 2);

try {
  // The first minute: while the demo is still loading.
  await tried(tasks[0], ways[0], given.demo.link);
  await report.attempt("nothing that is stored runs", (t) => markers(t, browser, empty[2]));
  for (const language of ["en", "fr"]) await report.attempt(`every screen of an empty kith (${language})`, (t) => emptyScreens(t, browser, empty[3], language));
  await report.attempt("the size of what is built", (t) => sizes(t));
  await loaded;
  const known = await furnish(world.demo);
  const key = (await world.demo.api("GET", "/v1/sources/web")).write_key;
  Object.assign(world, known, { send: world.demo.sender(key) });
  for (const way of ways) {
    for (const task of tasks) {
      if ((way.width && !task.phone) || (task.once && way !== ways[0]) || (task === tasks[0] && way === ways[0])) continue;
      await tried(task, way);
    }
  }
  await report.attempt("a link signs in once, and the token by hand", (t) => door(t, browser, world));
  await report.attempt("what a visit costs", (t) => firstVisit(t, browser, world));
  await report.attempt("500 events a second", (t) => crowd(t, browser, empty[0]));
  await report.attempt("a page can do what its policy allows and no more", (t) => policy(t, browser, world));
  await report.attempt("what is printed", (t) => printed(t, browser, world));
  await Promise.all(
    ["en", "fr"].map((language) => report.attempt(`every screen, by day and night, on a desk and a phone (${language})`, (t) => everyScreen(t, browser, world, language))),
  );
} finally {
  report.page();
  await browser.close();
}
process.exit(report.failed ? 1 : 0);
