// A browser on a running kith, signed in by a one-time link.
import { chromium } from "playwright-core";

export const base = process.env.KITH_URL ?? "http://127.0.0.1:8420";
const token = process.env.KITH_ADMIN_TOKEN;

/** api asks the server as an operator's script would. */
export async function api(method, path, body) {
  const res = await fetch(base + path, {
    method,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await res.text();
  if (!res.ok) throw new Error(`${method} ${path}: ${res.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

export async function launch() {
  return chromium.launch({
    executablePath: process.env.KITH_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"],
  });
}

/** open returns a page that is signed in, and what went wrong on it. */
export async function open(browser, { language = "en", theme = "light", width = 1366, height = 768 } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, locale: language === "fr" ? "fr-FR" : "en-GB", colorScheme: theme, timezoneId: "Europe/Paris", reducedMotion: "reduce" });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const trouble = [];
  page.on("console", (m) => m.type() === "error" && trouble.push(`console: ${m.text()} ${m.location().url}`));
  page.on("pageerror", (e) => trouble.push(`page: ${e.message}`));
  page.on("request", (r) => {
    const u = new URL(r.url());
    if (u.origin !== base && u.protocol !== "data:" && u.protocol !== "blob:") trouble.push(`off-origin: ${r.url()}`);
  });
  const { path } = await api("POST", "/v1/session/codes");
  await page.goto(base + path);
  await page.getByRole("navigation").or(page.getByRole("banner")).first().waitFor();
  return { context, page, trouble };
}

/** fresh is a page that is not signed in. */
export async function fresh(browser) {
  const context = await browser.newContext({ viewport: { width: 1366, height: 768 }, locale: "en-GB" });
  return { context, page: await context.newPage() };
}

export const settle = async (page) => {
  await page.waitForLoadState("networkidle", { timeout: 3000 }).catch(() => {}); // a live page never is
  await page.waitForTimeout(350);
};
