// The parts that every screen is made of.
import { Dialog as BaseDialog } from "@base-ui/react/dialog";
import { Tabs as BaseTabs } from "@base-ui/react/tabs";
import { Check, ChevronRight, CircleAlert, Copy as CopyIcon, X } from "lucide-react";
import { type ComponentProps, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Problem } from "../api";
import { ago, date, full, num } from "../format";
import { Reason } from "../reason";

export const cx = (...parts: (string | false | null | undefined)[]) => parts.filter(Boolean).join(" ");

const kinds = {
  main: "bg-accent text-on-accent border-accent hover:bg-accent-strong hover:border-accent-strong",
  plain: "bg-panel text-ink border-line hover:bg-sunken",
  quiet: "bg-transparent text-soft border-transparent hover:bg-sunken hover:text-ink",
  bad: "bg-panel text-bad border-line hover:bg-bad-wash",
};

export function Button({ kind = "plain", small, className, ...rest }: ComponentProps<"button"> & { kind?: keyof typeof kinds; small?: boolean }) {
  return (
    <button
      type="button"
      className={cx(
        "inline-flex items-center justify-center gap-1.5 rounded-md border font-medium whitespace-nowrap disabled:opacity-55 aria-pressed:border-accent aria-pressed:bg-accent-wash aria-pressed:text-accent",
        small ? "min-h-7 px-2 text-sm" : "min-h-9 px-3 compact:min-h-8",
        kinds[kind],
        className,
      )}
      {...rest}
    />
  );
}

/** buttonLook makes a link look like a button. */
export const buttonLook = (kind: keyof typeof kinds = "plain", small?: boolean) =>
  cx("inline-flex items-center justify-center gap-1.5 rounded-md border font-medium whitespace-nowrap", small ? "min-h-7 px-2 text-sm" : "min-h-9 px-3 compact:min-h-8", kinds[kind]);

/** sideways tells whether a row that scrolls has more to its left or right, as a class that fades it there. */
function sideways(e: HTMLElement): string {
  const most = e.scrollWidth - e.clientWidth;
  return cx(e.scrollLeft > 4 && "more-left", e.scrollLeft < most - 4 && "more-right");
}

/** useSideways brings the chosen part of a row that scrolls into view, and fades the row where it goes on. */
function useSideways(at: number, parts: string) {
  const ref = useRef<HTMLDivElement>(null);
  const [fade, setFade] = useState("");
  useEffect(() => {
    const row = ref.current;
    if (!row) return;
    const look = () => setFade(sideways(row));
    const show = () => {
      const part = row.querySelectorAll<HTMLElement>(parts)[at];
      if (part && row.scrollWidth > row.clientWidth) row.scrollLeft = part.offsetLeft - (row.clientWidth - part.offsetWidth) / 2;
      look();
    };
    show();
    const seen = new ResizeObserver(show);
    seen.observe(row);
    row.addEventListener("scroll", look, { passive: true });
    return () => {
      seen.disconnect();
      row.removeEventListener("scroll", look);
    };
  }, [at, parts]);
  return { ref, fade };
}

const box = "max-w-full min-w-0 min-h-9 compact:min-h-8 rounded-md border border-edge/60 bg-panel px-2.5 text-ink placeholder:text-soft w-full";

export function Input({ className, ...rest }: ComponentProps<"input">) {
  return <input className={cx(box, className)} {...rest} />;
}

export function Area({ className, ...rest }: ComponentProps<"textarea">) {
  return <textarea className={cx(box, "py-2 font-mono text-sm", className)} spellCheck={false} {...rest} />;
}

export function Select({ className, options, ...rest }: ComponentProps<"select"> & { options: { value: string; label: string }[] }) {
  return (
    <select className={cx(box, "pr-7", className)} {...rest}>
      {options.map((o) => (
        <option key={o.value} value={o.value}>
          {o.label}
        </option>
      ))}
    </select>
  );
}

export function Field({ label, hint, children }: { label: string; hint?: ReactNode; children: ReactNode }) {
  return (
    <label className="block">
      <span className="mb-1 block text-sm font-medium">{label}</span>
      {children}
      {hint && <span className="mt-1 block text-sm text-soft">{hint}</span>}
    </label>
  );
}

const tones = {
  none: "bg-sunken text-soft",
  accent: "bg-accent-wash text-accent",
  good: "bg-good-wash text-good",
  bad: "bg-bad-wash text-bad",
  warn: "bg-warn-wash text-warn",
};

export function Badge({ tone = "none", children, title }: { tone?: keyof typeof tones; children: ReactNode; title?: string }) {
  return (
    <span title={title} className={cx("inline-flex max-w-full items-center gap-1 rounded px-1.5 py-0.5 text-xs font-medium", tones[tone])}>
      {children}
    </span>
  );
}

export function Card({ title, action, children, className, flush }: { title?: ReactNode; action?: ReactNode; children: ReactNode; className?: string; flush?: boolean }) {
  return (
    <section className={cx("min-w-0 rounded-lg border border-line bg-panel", className)}>
      {title && (
        <div className="flex min-h-11 flex-wrap items-center justify-between gap-x-3 border-b border-line px-4 py-1.5 compact:min-h-9">
          <h2 className="font-semibold">{title}</h2>
          {action}
        </div>
      )}
      <div className={flush ? "" : "px-4 py-3 compact:px-3 compact:py-2"}>{children}</div>
    </section>
  );
}

export function PageHead({ title, lead, action }: { title: string; lead?: ReactNode; action?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · kith`;
  }, [title]);
  return (
    <div className="mb-4 flex flex-wrap items-end justify-between gap-3">
      <div className="min-w-0">
        <h1 className="text-2xl font-semibold tracking-tight">{title}</h1>
        {lead && <p className="mt-0.5 text-soft">{lead}</p>}
      </div>
      {action && <div className="flex flex-wrap gap-2">{action}</div>}
    </div>
  );
}

export function Skeleton({ lines = 4 }: { lines?: number }) {
  const { t } = useTranslation();
  const [shown, show] = useState(false);
  useEffect(() => {
    const id = setTimeout(() => show(true), 150);
    return () => clearTimeout(id);
  }, []);
  return (
    <div role="status" aria-label={t("loading")} className={cx("space-y-2.5 p-4", !shown && "opacity-0")}>
      {Array.from({ length: lines }, (_, i) => (
        <div key={i} className={cx("h-4 animate-pulse rounded bg-sunken", ["w-3/4", "w-full", "w-1/2", "w-5/6"][i % 4])} />
      ))}
    </div>
  );
}

export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="px-6 py-10 text-center">
      <p className="font-semibold">{title}</p>
      {children && <div className="mx-auto mt-1 max-w-prose text-soft">{children}</div>}
      {action && <div className="mt-4 flex justify-center gap-2">{action}</div>}
    </div>
  );
}

/** Missing stands where what an address names is not there. */
export function Missing({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Card className="text-center">
      <div className="py-8 [&>div]:mb-1 [&>div]:justify-center">
        <PageHead title={title} />
        <p className="text-soft">{children}</p>
      </div>
    </Card>
  );
}

export function Trouble({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t } = useTranslation();
  const p = error instanceof Problem ? error : null;
  return (
    <div role="alert" className="m-3 flex gap-3 rounded-md border border-bad/40 bg-bad-wash p-3 text-ink">
      <CircleAlert aria-hidden className="mt-0.5 size-5 shrink-0 text-bad" />
      <div className="min-w-0 flex-1">
        <p className="font-semibold">{p?.code === "network" ? t("error.network") : t("error.title")}</p>
        <p className="break-words">{p?.code === "network" ? t("error.networkHint") : p?.detail ? <Reason code={p.code} detail={p.detail} /> : t("error.unknown")}</p>
        {p && p.code !== "network" && (
          <p className="mt-1 font-mono text-xs break-all text-soft">
            {p.code}
            {p.requestId && ` · ${p.requestId}`}
          </p>
        )}
      </div>
      {retry && (
        <Button small onClick={retry} className="self-start">
          {t("retry")}
        </Button>
      )}
    </div>
  );
}

export function When({ at, absolute, day }: { at: string | null | undefined; absolute?: boolean; day?: boolean }) {
  const { t, i18n } = useTranslation();
  if (!at) return <>–</>;
  return (
    <time dateTime={at} title={`${full(at, i18n.language)} (${at})`} className="whitespace-nowrap">
      {absolute ? full(at, i18n.language) : Math.abs(Date.now() - Date.parse(at)) < 5_000 && !day ? t("justNow") : day || Math.abs(Date.now() - Date.parse(at)) > 27 * 86_400_000 ? date(at, i18n.language) : ago(Date.parse(at), Date.now(), i18n.language)}
    </time>
  );
}

export function Num({ n }: { n: number }) {
  const { i18n } = useTranslation();
  return <>{num(n, i18n.language)}</>;
}

export function Copy({ text, label }: { text: string; label?: string }) {
  const { t } = useTranslation();
  const [done, setDone] = useState(false);
  return (
    <button
      type="button"
      title={label ?? t("copy")}
      aria-label={label ?? t("copy")}
      className="inline-flex size-6 shrink-0 items-center justify-center rounded text-soft hover:bg-sunken hover:text-ink"
      onClick={async () => {
        await navigator.clipboard?.writeText(text);
        setDone(true);
        setTimeout(() => setDone(false), 1200);
      }}
    >
      {done ? <Check aria-hidden className="size-3.5 text-good" /> : <CopyIcon aria-hidden className="size-3.5" />}
      <span role="status" className="sr-only">
        {done ? t("copied") : ""}
      </span>
    </button>
  );
}

/** Code shows text as it is, with a way to take it along. */
export function Code({ text, tall, label }: { text: string; tall?: boolean; label?: string }) {
  const { t } = useTranslation();
  return (
    <div className="relative min-w-0 rounded-md border border-line bg-sunken">
      <pre tabIndex={0} aria-label={label ?? t("code")} className={cx("overflow-auto p-3 pr-10 font-mono text-xs leading-relaxed", tall ? "max-h-[60vh]" : "max-h-80")}>
        {text}
      </pre>
      <div className="absolute top-1.5 right-1.5 rounded bg-sunken">
        <Copy text={text} />
      </div>
    </div>
  );
}

/** Coded is a sentence in which one name of a file or a command is not torn. */
export function Coded({ text, code }: { text: string; code: string }) {
  return text.split(code).map((part, n) => (
    <span key={n}>
      {n > 0 && <code className="rounded bg-sunken px-1 font-mono text-sm whitespace-nowrap">{code}</code>}
      {part}
    </span>
  ));
}

export const Json = ({ value, label }: { value: unknown; label?: string }) => <Code label={label} text={JSON.stringify(value, null, 2)} />;

/** Dialog asks or shows something in front of the screen; at the side it leaves the list beside it in view. */
export function Dialog({ open, close, title, children, wide, top, side }: { open: boolean; close: () => void; title: ReactNode; children: ReactNode; wide?: boolean; top?: boolean; side?: boolean }) {
  const { t } = useTranslation();
  return (
    <BaseDialog.Root open={open} onOpenChange={(o) => !o && close()}>
      <BaseDialog.Portal>
        <BaseDialog.Backdrop className="fixed inset-0 z-40 bg-[#0008]" />
        <BaseDialog.Popup
          className={cx(
            "fixed z-50 flex flex-col overflow-hidden border border-line bg-panel text-ink shadow-2xl",
            side
              ? "inset-y-0 right-0 w-full max-w-[34rem] border-y-0 border-r-0"
              : cx("left-1/2 max-h-[86vh] w-[calc(100vw-1.5rem)] -translate-x-1/2 rounded-xl", wide ? "max-w-3xl" : "max-w-xl", top ? "top-[10vh]" : "top-[7vh]"),
          )}
        >
          <div className="flex min-h-11 items-center justify-between gap-2 border-b border-line py-1.5 pr-2 pl-4">
            <BaseDialog.Title className="min-w-0 font-semibold break-words">{title}</BaseDialog.Title>
            <BaseDialog.Close aria-label={t("close")} className="inline-flex size-8 items-center justify-center rounded text-soft hover:bg-sunken">
              <X aria-hidden className="size-4" />
            </BaseDialog.Close>
          </div>
          <div className="min-h-0 overflow-auto">{children}</div>
        </BaseDialog.Popup>
      </BaseDialog.Portal>
    </BaseDialog.Root>
  );
}

export function Tabs({ tabs, value, change, label }: { tabs: { value: string; label: ReactNode; panel: ReactNode }[]; value: string; change: (v: string) => void; label: string }) {
  const { ref, fade } = useSideways(tabs.findIndex((x) => x.value === value), "[role=tab]");
  return (
    <BaseTabs.Root value={value} onValueChange={(v) => change(String(v))}>
      <BaseTabs.List ref={ref} aria-label={label} className={cx("relative flex gap-1 overflow-x-auto border-b border-line px-2", fade)}>
        {tabs.map((t) => (
          <BaseTabs.Tab
            key={t.value}
            value={t.value}
            className="-mb-px min-h-10 border-b-2 border-transparent px-3 font-medium whitespace-nowrap text-soft hover:text-ink focus-visible:-outline-offset-2 data-[active]:border-accent data-[active]:text-accent compact:min-h-8"
          >
            {t.label}
          </BaseTabs.Tab>
        ))}
      </BaseTabs.List>
      {tabs.map((t) => (
        <BaseTabs.Panel key={t.value} value={t.value} className="focus-visible:-outline-offset-2">
          {t.panel}
        </BaseTabs.Panel>
      ))}
    </BaseTabs.Root>
  );
}

/** Segmented chooses one of a few, all of which are in view. */
export function Segmented({ label, value, change, options }: { label: string; value: string; change: (v: string) => void; options: { value: string; label: ReactNode }[] }) {
  const { ref, fade } = useSideways(options.findIndex((o) => o.value === value), "button");
  return (
    <div ref={ref} role="group" aria-label={label} className={cx("relative inline-flex max-w-full overflow-x-auto rounded-md border border-line bg-sunken p-0.5", fade)}>
      {options.map((o) => (
        <button
          key={o.value}
          type="button"
          aria-pressed={o.value === value}
          onClick={() => change(o.value)}
          className={cx("min-h-7 rounded px-2.5 text-sm font-medium whitespace-nowrap", o.value === value ? "bg-panel text-ink shadow-sm dark:bg-line" : "text-soft hover:text-ink")}
        >
          {o.label}
        </button>
      ))}
    </div>
  );
}

/** Check is a choice of yes or no with its words beside it. */
export function Tick({ label, checked, change, hint }: { label: ReactNode; checked: boolean; change: (v: boolean) => void; hint?: string }) {
  return (
    <label className="flex min-h-7 items-start gap-2">
      <input type="checkbox" checked={checked} onChange={(e) => change(e.target.checked)} className="mt-1 size-4 shrink-0 accent-accent" />
      <span className="min-w-0">
        {label}
        {hint && <span className="block text-sm text-soft">{hint}</span>}
      </span>
    </label>
  );
}

/** Facts are names with what is known of each. */
export function Facts({ facts, wide }: { facts: [ReactNode, ReactNode][]; wide?: boolean }) {
  return (
    <dl className={wide ? "grid grid-cols-[auto_minmax(0,1fr)] gap-x-5 gap-y-1.5" : "space-y-1.5"}>
      {facts.map(([k, v], n) =>
        wide ? (
          <div key={n} className="contents">
            <dt className="text-soft">{k}</dt>
            <dd className="min-w-0 break-words">{v}</dd>
          </div>
        ) : (
          <div key={n} className="flex justify-between gap-3">
            <dt className="shrink-0 text-soft">{k}</dt>
            <dd className="min-w-0 text-right font-medium break-words">{v}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

/** Exact says as of when a number holds and how sure it is. */
export function Exact({ at, exact = true }: { at: string | null | undefined; exact?: boolean }) {
  const { t } = useTranslation();
  return (
    <span className="text-sm text-soft">
      {t(exact ? "exact" : "estimated")} · <span className="whitespace-nowrap">{t("asOf")} <When at={at} /></span>
    </span>
  );
}

/** Progress is a bar of how much of something is done; without a total it only says that it goes on. */
export function Progress({ done, total, label }: { done: number; total: number | null; label: string }) {
  const share = total ? Math.min(100, Math.round((done / total) * 100)) : null;
  return (
    <span role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={share ?? undefined} className="block h-1.5 w-full overflow-hidden rounded-full bg-sunken">
      <span className={cx("block h-full rounded-full bg-accent", share === null && "w-1/3 animate-pulse")} style={share === null ? undefined : { width: `${share}%` }} />
    </span>
  );
}

/** Column is one of a table. A wide one takes what room there is; a bare one says by itself what it is; a slim one, as the first, is no wider than its values. */
export type Column<T> = { head: string; cell: (row: T) => ReactNode; right?: boolean; wide?: boolean; bare?: boolean; slim?: boolean };

/** Rows is a table, whose rows are blocks of their own on a phone: there each value has its name above it. */
export function Rows<T>({ rows, columns, id, label }: { rows: T[]; columns: Column<T>[]; id: (row: T) => string; label: string }) {
  return (
    <div className="relative overflow-x-auto" tabIndex={0} role="region" aria-label={label}>
      <table role="table" className="w-full border-collapse text-left max-sm:block">
        <thead role="rowgroup" className="max-sm:sr-only">
          <tr role="row" className="border-b border-line text-sm text-soft">
            {columns.map((c) => (
              <th key={c.head} role="columnheader" scope="col" className={cx("px-4 py-2 font-medium whitespace-nowrap compact:px-3 compact:py-1", c.right && "text-right")}>
                {c.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup" className="max-sm:block">
          {rows.map((r) => (
            <tr key={id(r)} role="row" className="border-b border-line last:border-0 hover:bg-sunken/60 max-sm:flex max-sm:flex-wrap max-sm:items-start max-sm:gap-x-6 max-sm:gap-y-1.5 max-sm:px-4 max-sm:py-3">
              {columns.map((c, n) => (
                <td
                  key={c.head}
                  role="cell"
                  className={cx(
                    "align-top max-sm:min-w-0 sm:px-4 sm:py-2 sm:compact:px-3 sm:compact:py-1",
                    c.right && "sm:text-right",
                    c.wide && "break-words sm:w-full sm:min-w-48",
                    (n === 0 || c.wide) && "max-sm:basis-full",
                    n > 0 && "max-sm:text-sm",
                    c.bare && "max-sm:self-end",
                    n === 0 && !c.wide && !c.slim && "sm:min-w-44",
                  )}
                >
                  {n > 0 && !c.bare && <span aria-hidden className="block text-xs text-soft sm:hidden">{c.head}</span>}
                  <div>{c.cell(r)}</div>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Fold hides detail until it is asked for. */
export function Fold({ summary, children, open: first = false }: { summary: ReactNode; children: () => ReactNode; open?: boolean }) {
  const [open, set] = useState(first);
  const id = useId();
  return (
    <div>
      <button type="button" aria-expanded={open} aria-controls={open ? id : undefined} onClick={() => set(!open)} className="flex w-full items-start gap-1.5 text-left focus-visible:-outline-offset-2">
        <ChevronRight aria-hidden className={cx("mt-[calc((1lh-1rem)/2)] size-4 shrink-0 text-soft transition-transform", open && "rotate-90")} />
        <span className="min-w-0 flex-1">{summary}</span>
      </button>
      {open && <div id={id}>{children()}</div>}
    </div>
  );
}
