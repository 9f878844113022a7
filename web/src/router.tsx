// Every screen has an address, and the address holds what it shows.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
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

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/profiles" });
  },
});

const tree = root.addChildren([home, profiles, profile]);

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
