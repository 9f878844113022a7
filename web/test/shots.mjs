// Writes a picture of every screen, in both languages and themes, on a desk and
// on a phone, two windows deep, for a person to judge.
import { mkdirSync } from "node:fs";
import { launch, Person } from "./browser.mjs";
import { visit } from "./screens.mjs";
import { Server } from "./server.mjs";
import { furnish } from "./world.mjs";

const given = JSON.parse(process.env.KITH_UI_SERVERS);
const folder = process.env.KITH_UI_FOLDER ?? "ui-shots";
mkdirSync(folder, { recursive: true });
const demo = new Server(given.demo);
const world = { demo, ...(await furnish(demo)), send: demo.sender((await demo.api("GET", "/v1/sources/web")).write_key) };
const browser = await launch();
let wrong = 0;
try {
  for (const language of ["en", "fr"]) {
    for (const theme of ["light", "dark"]) {
      for (const [width, height] of [[1366, 768], [390, 844]]) {
        const p = await Person.signedIn(browser, demo, { language, theme, width, height });
        await visit(p, world, (name) => p.picture(`${folder}/${name.replace(/[^\p{L}\p{N}]+/gu, "-")}-${language}-${theme}-${width}.png`, 2));
        for (const t of p.trouble) console.error(`${language} ${theme} ${width}: ${t}`);
        wrong += p.trouble.length;
        await p.context.close();
      }
    }
  }
} finally {
  await browser.close();
}
process.exit(wrong ? 1 : 0);
