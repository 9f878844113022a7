// Every screen has an address, and the address holds what it shows.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { Failed, NotThere, Shell } from "./shell";
import { isObj } from "./tree";

const root = createRootRoute({ component: Shell, notFoundComponent: NotThere });

const str = (v: unknown) => (typeof v === "string" && v !== "" ? v : typeof v === "number" ? String(v) : undefined);

const profiles = createRoute({
  getParentRoute: () => root,
  path: "/profiles",
  validateSearch: (s: Record<string, unknown>): { q?: string } => ({ q: str(s.q) }),
  component: lazyRouteComponent(() => import("./pages/profiles"), "Profiles"),
});
const profile = createRoute({
  getParentRoute: () => root,
  path: "/profiles/$ref",
  validateSearch: (s: Record<string, unknown>): { tab?: string; a?: string; b?: string; segment?: string; show?: string; find?: string; view?: string } => ({
    tab: str(s.tab),
    show: str(s.show),
    find: str(s.find),
    view: str(s.view),
    a: str(s.a),
    b: str(s.b),
    segment: str(s.segment),
  }),
  component: lazyRouteComponent(() => import("./pages/customer"), "Customer"),
});

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  validateSearch: (s: Record<string, unknown>): { days?: number } => ({ days: typeof s.days === "number" ? s.days : undefined }),
  component: lazyRouteComponent(() => import("./pages/home"), "Home"),
});
const live = createRoute({
  getParentRoute: () => root,
  path: "/live",
  validateSearch: (s: Record<string, unknown>): { type?: string; source?: string; name?: string; identifier?: string } => ({ type: str(s.type), source: str(s.source), name: str(s.name), identifier: str(s.identifier) }),
  component: lazyRouteComponent(() => import("./pages/live"), "LiveEvents"),
});
const list = (v: unknown) => (Array.isArray(v) ? v.filter((x): x is string => typeof x === "string") : undefined);
const parts = (s: Record<string, unknown>): { tab?: string; keys?: string[]; trait?: string; span?: "day" | "week" | "month" } => ({ tab: str(s.tab), span: s.span === "day" || s.span === "month" || s.span === "week" ? s.span : undefined, keys: list(s.keys), trait: str(s.trait) });
const segments = createRoute({ getParentRoute: () => root, path: "/segments", validateSearch: parts, component: lazyRouteComponent(() => import("./pages/segments"), "Segments") });
const newSegment = createRoute({ getParentRoute: () => root, path: "/segments/new", validateSearch: (s: Record<string, unknown>): { tab?: string; where?: Record<string, unknown>; name?: string; trait?: string } => ({ tab: str(s.tab), trait: str(s.trait), where: isObj(s.where) ? s.where : undefined, name: str(s.name) }), component: lazyRouteComponent(() => import("./pages/segment"), "NewSegment") });
const segment = createRoute({ getParentRoute: () => root, path: "/segments/$key", validateSearch: parts, component: lazyRouteComponent(() => import("./pages/segment"), "OneSegment") });
const traits = createRoute({ getParentRoute: () => root, path: "/traits", component: lazyRouteComponent(() => import("./pages/traits"), "Traits") });
const trait = createRoute({ getParentRoute: () => root, path: "/traits/$key", component: lazyRouteComponent(() => import("./pages/traits"), "OneTrait") });
const sql = createRoute({
  getParentRoute: () => root,
  path: "/sql",
  validateSearch: (s: Record<string, unknown>): { q?: string; run?: number; view?: string } => ({ q: str(s.q), run: s.run === 1 ? 1 : undefined, view: str(s.view) }),
  component: lazyRouteComponent(() => import("./pages/sql"), "Sql"),
});
const sources = createRoute({ getParentRoute: () => root, path: "/sources", component: lazyRouteComponent(() => import("./pages/sources"), "Sources") });
const source = createRoute({ getParentRoute: () => root, path: "/sources/$key", validateSearch: (s: Record<string, unknown>): { tab?: string } => ({ tab: str(s.tab) }), component: lazyRouteComponent(() => import("./pages/sources"), "OneSource") });
const quarantine = createRoute({ getParentRoute: () => root, path: "/quarantine", validateSearch: (s: Record<string, unknown>): { code?: string } => ({ code: str(s.code) }), component: lazyRouteComponent(() => import("./pages/quarantine"), "Quarantine") });
const jobs = createRoute({ getParentRoute: () => root, path: "/jobs", validateSearch: (s: Record<string, unknown>): { id?: string } => ({ id: str(s.id) }), component: lazyRouteComponent(() => import("./pages/jobs"), "Jobs") });
const settings = createRoute({ getParentRoute: () => root, path: "/settings", validateSearch: (s: Record<string, unknown>): { tab?: string } => ({ tab: str(s.tab) }), component: lazyRouteComponent(() => import("./pages/settings"), "Settings") });

const kit = createRoute({ getParentRoute: () => root, path: "/kit", component: lazyRouteComponent(() => import("./pages/parts"), "Parts") });

const tree = root.addChildren([home, profiles, profile, live, segments, newSegment, segment, traits, trait, sql, sources, source, quarantine, jobs, settings, kit]);

export function makeRouter() {
  return createRouter({
    routeTree: tree,
    basepath: "/ui",
    defaultPreload: "intent",
    defaultErrorComponent: Failed,
    scrollRestoration: true,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
