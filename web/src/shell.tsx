// What is around every screen: the way to the others, search, and what was chosen.
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { useQueryClient } from "@tanstack/react-query";
import { CircleHelp, LogOut, Menu, Moon, Rows3, Search, Sun, X } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { call, Problem } from "./api";
import { useStatus } from "./data";
import { switchLanguage } from "./i18n";
import { Palette } from "./palette";
import { type Group, groupsFor, spots } from "./places";
import { choose, usePrefs } from "./prefs";
import { forget, Logo, useWho } from "./signin";
import { Tray } from "./tray";
import { Badge, Button, Card, cx, Dialog, Fold, Missing, Num, Trouble } from "./ui/kit";
import { Toasts } from "./ui/toast";

function typing(e: KeyboardEvent) {
  const el = e.composedPath()[0] as HTMLElement | undefined; // the editor stands in a tree of its own
  return !!el && (el.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(el.tagName));
}

function useKeys(openPalette: () => void, openHelp: () => void) {
  const navigate = useNavigate();
  useEffect(() => {
    let before = "";
    const down = (e: KeyboardEvent) => {
      if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "k") {
        e.preventDefault();
        openPalette();
        return;
      }
      if (typing(e) || e.ctrlKey || e.metaKey || e.altKey) return;
      if (e.key === "/") {
        e.preventDefault();
        openPalette();
      } else if (e.key === "?") {
        openHelp();
      } else if (before === "g") {
        const place = spots.find((p) => p.key === e.key);
        if (place) void navigate({ to: place.to as "/" });
      } else if (e.key === "c") {
        void navigate({ to: "/segments/new" });
      } else if (e.key === "j" || e.key === "k") {
        step(e.key === "j" ? 1 : -1);
      }
      before = e.key;
    };
    window.addEventListener("keydown", down);
    return () => window.removeEventListener("keydown", down);
    // the callbacks set state, which never changes what they are
    // eslint-disable-next-line
  }, [navigate]);
}

/** step moves the focus along the first links of a list's rows. */
function step(by: number) {
  const rows = [...document.querySelectorAll<HTMLElement>("main tbody tr a:first-of-type, main ol > li > button, main ul > li > a")];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  rows[Math.max(0, Math.min(rows.length - 1, at + by))]?.focus();
}

export function Shell() {
  const { t } = useTranslation();
  const [palette, setPalette] = useState(false);
  const [menu, setMenu] = useState(false);
  const [help, setHelp] = useState(false);
  const path = useRouterState({ select: (s) => s.location.pathname });
  useEffect(() => setMenu(false), [path]);
  useKeys(() => setPalette(true), () => setHelp(true));
  return (
    <div className="min-h-screen lg:grid lg:grid-cols-[13.5rem_1fr] print:block">
      <a href="#content" className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:rounded focus:bg-panel focus:p-3">
        {t("skip")}
      </a>
      <div className={cx("fixed inset-y-0 left-0 z-30 w-60 border-r border-line bg-panel lg:static lg:block lg:w-auto print:hidden", menu ? "block shadow-2xl" : "hidden")}>
        <Rail close={() => setMenu(false)} />
      </div>
      <div className="min-w-0">
        <header className="sticky top-0 z-20 flex h-13 items-center gap-2 border-b border-line bg-panel px-3 lg:px-6">
          <Button kind="quiet" className="lg:hidden" aria-label={t("menu")} aria-expanded={menu} onClick={() => setMenu(!menu)}>
            <Menu aria-hidden className="size-5" />
          </Button>
          <button
            type="button"
            onClick={() => setPalette(true)}
            className="flex h-9 min-w-0 flex-1 items-center gap-2 rounded-md border border-edge/60 bg-base px-3 text-soft hover:bg-sunken sm:max-w-md"
          >
            <Search aria-hidden className="size-4 shrink-0" />
            <span className="truncate max-sm:sr-only">{t("palette.open")}</span>
            <span aria-hidden className="sm:hidden">{t("palette.short")}</span>
            <kbd className="ml-auto hidden rounded border border-line bg-panel px-1.5 text-xs sm:block">Ctrl K</kbd>
          </button>
          <div className="ml-auto flex items-center gap-1">
            <Lag />
            <Tray />
            <Button kind="quiet" aria-label={t("help.title")} title={t("help.title")} className="max-sm:hidden" onClick={() => setHelp(true)}>
              <CircleHelp aria-hidden className="size-4.5" />
            </Button>
            <Choices />
          </div>
        </header>
        <main id="content" tabIndex={-1} className="mx-auto max-w-[96rem] p-4 focus:outline-none lg:p-6 compact:lg:p-4">
          <Outlet />
        </main>
      </div>
      <Palette open={palette} close={() => setPalette(false)} />
      <Dialog open={help} close={() => setHelp(false)} title={t("help.title")} wide>
        <Help />
      </Dialog>
      <Toasts />
    </div>
  );
}

function Rail({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const who = useWho();
  const client = useQueryClient();
  const { work } = usePrefs();
  const ordered = groupsFor(work);
  return (
    <nav aria-label={t("nav.label")} className="sticky top-0 flex h-screen flex-col">
      <div className="flex h-13 items-center justify-between px-4">
        <Link to="/" className="rounded">
          <Logo />
        </Link>
        <Button kind="quiet" small className="lg:hidden" aria-label={t("close")} onClick={close}>
          <X aria-hidden className="size-4" />
        </Button>
      </div>
      <div className="flex-1 overflow-y-auto px-2.5 py-2">
        <Places groups={ordered.first} />
        {ordered.others.length > 0 && (
          <Fold key={work} summary={<span className="text-sm text-soft">{t("nav.more")}</span>}>
            {() => (
              <div className="mt-1">
                <Places groups={ordered.others} />
              </div>
            )}
          </Fold>
        )}
      </div>
      <div className="flex items-center justify-between border-t border-line px-4 py-2 text-sm">
        <span className="min-w-0">
          <span className="block truncate font-medium">{who.data?.name}</span>
          <span className="block truncate text-soft">{who.data?.workspace}</span>
        </span>
        <Button
          kind="quiet"
          small
          aria-label={t("signout")}
          title={t("signout")}
          onClick={async () => {
            await call("DELETE", "/v1/session");
            client.setQueryData(["session"], null);
            forget(client);
          }}
        >
          <LogOut aria-hidden className="size-4" />
        </Button>
      </div>
    </nav>
  );
}

function Places({ groups }: { groups: Group[] }) {
  const { t } = useTranslation();
  return groups.map((g, i) => (
    <div key={g.label ?? i} className="mb-3">
      {g.label && <p className="px-2 pt-2 pb-1 text-xs font-semibold tracking-wide text-soft uppercase">{t(g.label)}</p>}
      {g.places.map((p) => (
        <Link
          key={p.to}
          to={p.to as "/"}
          activeOptions={{ exact: p.to === "/" }}
          className="flex min-h-9 items-center gap-2.5 rounded-md px-2 font-medium text-soft hover:bg-sunken hover:text-ink compact:min-h-8"
          activeProps={{ className: "!bg-accent-wash !text-accent", "aria-current": "page" }}
        >
          <p.icon aria-hidden className="size-4.5 shrink-0" />
          {t(p.label)}
        </Link>
      ))}
    </div>
  ));
}

function Help() {
  const { t } = useTranslation();
  const keys: [string, string][] = [
    [`${t("key.ctrl")} K  /`, t("help.find")],
    ...spots.map((p): [string, string] => [`g ${p.key}`, t(p.label)]),
    ["c", t("segments.new")],
    ["j  k", t("help.rows")],
    [`${t("key.ctrl")} ${t("key.enter")}`, t("help.run")],
    ["?", t("help.title")],
  ];
  return (
    <div className="p-4">
      <p className="mb-3 text-soft">{t("help.lead")}</p>
      <dl className="grid gap-x-8 gap-y-1.5 sm:grid-cols-2">
        {keys.map(([k, what]) => (
          <div key={k} className="flex items-baseline justify-between gap-3">
            <dt>{what}</dt>
            <dd className="flex shrink-0 gap-1">
              {k.split("  ").map((one, n) => (
                <span key={one} className="flex items-baseline gap-1">
                  {n > 0 && <span className="px-0.5 text-sm text-soft">{t("cond.or")}</span>}
                  {one.split(" ").map((cap) => (
                    <kbd key={cap} className="rounded border border-line bg-sunken px-1.5 py-0.5 font-mono text-xs">{cap}</kbd>
                  ))}
                </span>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

/** Lag tells that what is shown is not all that was sent, only when that is so. */
function Lag() {
  const { t } = useTranslation();
  const status = useStatus();
  if (status.isError) return <Badge tone="bad">{t("status.unreachable")}</Badge>;
  if (!status.data || status.data.lag < 1000) return null;
  return (
    <Badge tone="warn" title={t("status.lagHint")}>
      {t("status.lag")} <Num n={status.data.lag} />
    </Badge>
  );
}

function Choices() {
  const { t } = useTranslation();
  const p = usePrefs();
  const dark = document.documentElement.dataset.theme === "dark";
  const other = p.language === "en" ? "fr" : "en";
  return (
    <>
      <Button kind="quiet" aria-label={t("density")} title={t("density")} aria-pressed={p.density === "compact"} className="max-sm:hidden" onClick={() => choose({ density: p.density === "compact" ? "normal" : "compact" })}>
        <Rows3 aria-hidden className="size-4.5" />
      </Button>
      <Button kind="quiet" aria-label={t("theme")} title={t("theme")} onClick={() => choose({ theme: dark ? "light" : "dark" })}>
        {dark ? <Sun aria-hidden className="size-4.5" /> : <Moon aria-hidden className="size-4.5" />}
      </Button>
      <Button
        kind="quiet"
        lang={other}
        title={other === "fr" ? "Français" : "English"}
        onClick={() => {
          choose({ language: other });
          void switchLanguage(other);
        }}
      >
        <span aria-hidden>{other.toUpperCase()}</span>
        <span className="sr-only">{other === "fr" ? "Français" : "English"}</span>
      </Button>
    </>
  );
}

/** Failed stands where a screen could not be drawn; the others go on working. */
export function Failed({ error, reset }: { error: unknown; reset: () => void }) {
  return (
    <Card>
      <Trouble error={new Problem(0, "screen", error instanceof Error ? error.message : String(error), "", [])} retry={reset} />
    </Card>
  );
}

export function NotThere() {
  const { t } = useTranslation();
  return (
    <Missing title={t("notthere.title")}>
      {t("notthere.lead")}{" "}
      <Link to="/" className="text-accent underline">
        {t("nav.home")}
      </Link>
    </Missing>
  );
}
