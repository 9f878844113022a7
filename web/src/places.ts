// The screens there are, and which come first in whose work.
import { Activity, Cog, Filter, House, ListChecks, type LucideIcon, Plug, ShieldAlert, Sigma, SquareTerminal, Users } from "lucide-react";
import type { Work } from "./prefs";

export type Spot = { to: string; label: string; icon: LucideIcon; key: string };
export type Group = { label: string | null; places: Spot[] };

const home: Spot = { to: "/", label: "nav.home", icon: House, key: "h" };
const profiles: Spot = { to: "/profiles", label: "nav.profiles", icon: Users, key: "p" };
const segments: Spot = { to: "/segments", label: "nav.segments", icon: Filter, key: "s" };
const traits: Spot = { to: "/traits", label: "nav.traits", icon: Sigma, key: "t" };
const sql: Spot = { to: "/sql", label: "nav.sql", icon: SquareTerminal, key: "q" };
const live: Spot = { to: "/live", label: "nav.live", icon: Activity, key: "l" };
const sources: Spot = { to: "/sources", label: "nav.sources", icon: Plug, key: "o" };
const held: Spot = { to: "/quarantine", label: "nav.quarantine", icon: ShieldAlert, key: "k" };
const jobs: Spot = { to: "/jobs", label: "nav.jobs", icon: ListChecks, key: "j" };
const settings: Spot = { to: "/settings", label: "nav.settings", icon: Cog, key: "e" };

/** all are the screens by subject; nothing else is in the navigation. */
export const all: Group[] = [
  { label: null, places: [home] },
  { label: "nav.customers", places: [profiles, segments, traits] },
  { label: "nav.analyse", places: [sql] },
  { label: "nav.data", places: [live, sources, held] },
  { label: "nav.system", places: [jobs, settings] },
];

export const spots = all.flatMap((g) => g.places);

const first: Record<Exclude<Work, "all">, Spot[]> = {
  marketing: [home, segments, profiles, traits],
  service: [profiles, home],
  engineering: [live, sources, held, jobs, sql],
  analysis: [sql, segments, traits, home],
};

/** groupsFor are the screens of somebody's work first, and then the others. */
export function groupsFor(work: Work): { first: Group[]; others: Group[] } {
  if (work === "all") return { first: all, others: [] };
  const mine = first[work];
  const rest = all.map((g) => ({ ...g, places: g.places.filter((p) => !mine.includes(p)) })).filter((g) => g.places.length > 0);
  return { first: [{ label: `work.${work}`, places: mine }], others: rest };
}

/** landing is the screen on which somebody's work begins. */
export const landing = (work: Work) => (work === "all" ? "/" : first[work][0].to);
