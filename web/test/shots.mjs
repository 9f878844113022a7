// Writes a picture of every screen, in both languages and themes, on a desk and
// on a phone, for a person to judge.
import { mkdirSync } from "node:fs";
import { base, launch, open, settle } from "./browser.mjs";
import { prepare, screens } from "./screens.mjs";

const folder = process.argv[2] ?? "ui-shots";
const only = process.argv[3];
mkdirSync(folder, { recursive: true });
const made = await prepare();
const browser = await launch();
let bad = 0;
try {
  for (const language of ["en", "fr"]) {
    for (const theme of ["light", "dark"]) {
      for (const [width, height] of [[1366, 768], [390, 844]]) {
        const { context, page, trouble } = await open(browser, { language, theme, width, height });
        for (const s of screens(made)) {
          if (only && !s.name.includes(only)) continue;
          await page.goto(base + s.path);
          await settle(page);
          await s.then?.(page);
          await page.screenshot({ path: `${folder}/${s.name}-${language}-${theme}-${width}.png` });
        }
        for (const t of trouble) console.error(`${language} ${theme} ${width}: ${t}`);
        bad += trouble.length;
        await context.close();
      }
    }
  }
} finally {
  await browser.close();
}
process.exit(bad ? 1 : 0);
