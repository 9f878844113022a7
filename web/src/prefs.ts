// What a person chose for this browser. Nothing of a customer is kept here.
import { useSyncExternalStore } from "react";

export const works = ["all", "marketing", "service", "engineering", "analysis"] as const;
export type Work = (typeof works)[number];

/** Prefs has the work that somebody does here, by which screens come first. */
export type Prefs = { theme: "system" | "light" | "dark"; density: "normal" | "compact"; language: "en" | "fr"; work: Work };

const place = "kith.prefs";
const listeners = new Set<() => void>();
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function read(): Prefs {
  const first: Prefs = { theme: "system", density: "normal", language: navigator.language.startsWith("fr") ? "fr" : "en", work: "all" };
  try {
    const p = JSON.parse(localStorage.getItem(place) ?? "{}");
    return {
      theme: ["light", "dark"].includes(p.theme) ? p.theme : first.theme,
      density: p.density === "compact" ? "compact" : first.density,
      language: ["en", "fr"].includes(p.language) ? p.language : first.language,
      work: works.includes(p.work) ? p.work : first.work,
    };
  } catch {
    return first;
  }
}

let now = read();

export const prefs = () => now;

export function apply() {
  const root = document.documentElement;
  root.dataset.theme = now.theme === "system" ? (dark.matches ? "dark" : "light") : now.theme;
  root.dataset.density = now.density;
  root.lang = now.language;
}

export function choose(change: Partial<Prefs>) {
  now = { ...now, ...change };
  try {
    localStorage.setItem(place, JSON.stringify(now));
  } catch {
    // a browser that keeps nothing forgets the choice with the page
  }
  apply();
  listeners.forEach((f) => f());
}

dark.addEventListener("change", apply);

export function usePrefs(): Prefs {
  return useSyncExternalStore(
    (f) => {
      listeners.add(f);
      return () => listeners.delete(f);
    },
    () => now,
  );
}
