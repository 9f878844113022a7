// Every screen has an address, and the address holds what it shows.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { NotThere, Shell } from "./shell";

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
  validateSearch: (s: Record<string, unknown>): { tab?: string; a?: string; b?: string; segment?: string } => ({
    tab: str(s.tab),
    a: str(s.a),
    b: str(s.b),
    segment: str(s.segment),
  }),
  component: lazyRouteComponent(() => import("./pages/customer"), "Customer"),
});

const home = createRoute({ getParentRoute: () => root, path: "/", component: lazyRouteComponent(() => import("./pages/home"), "Home") });
const live = createRoute({
  getParentRoute: () => root,
  path: "/live",
  validateSearch: (s: Record<string, unknown>): { type?: string; source?: string; name?: string } => ({ type: str(s.type), source: str(s.source), name: str(s.name) }),
  component: lazyRouteComponent(() => import("./pages/live"), "LiveEvents"),
});
const tab = (s: Record<string, unknown>): { tab?: string } => ({ tab: str(s.tab) });
const segments = createRoute({ getParentRoute: () => root, path: "/segments", component: lazyRouteComponent(() => import("./pages/segments"), "Segments") });
const newSegment = createRoute({ getParentRoute: () => root, path: "/segments/new", validateSearch: tab, component: lazyRouteComponent(() => import("./pages/segments"), "NewSegment") });
const segment = createRoute({ getParentRoute: () => root, path: "/segments/$key", validateSearch: tab, component: lazyRouteComponent(() => import("./pages/segments"), "OneSegment") });
const sql = createRoute({
  getParentRoute: () => root,
  path: "/sql",
  validateSearch: (s: Record<string, unknown>): { q?: string } => ({ q: str(s.q) }),
  component: lazyRouteComponent(() => import("./pages/sql"), "Sql"),
});
const sources = createRoute({ getParentRoute: () => root, path: "/sources", component: lazyRouteComponent(() => import("./pages/sources"), "Sources") });
const quarantine = createRoute({ getParentRoute: () => root, path: "/quarantine", component: lazyRouteComponent(() => import("./pages/quarantine"), "Quarantine") });
const jobs = createRoute({ getParentRoute: () => root, path: "/jobs", component: lazyRouteComponent(() => import("./pages/jobs"), "Jobs") });
const settings = createRoute({ getParentRoute: () => root, path: "/settings", component: lazyRouteComponent(() => import("./pages/settings"), "Settings") });

const tree = root.addChildren([home, profiles, profile, live, segments, newSegment, segment, sql, sources, quarantine, jobs, settings]);

export function makeRouter() {
  return createRouter({
    routeTree: tree,
    basepath: "/ui",
    defaultPreload: "intent",
    scrollRestoration: true,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
