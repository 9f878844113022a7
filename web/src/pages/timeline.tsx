// What a customer did, newest first, as far back as anybody scrolls.
import { useInfiniteQuery } from "@tanstack/react-query";
import { Eye, FileText, Group, type LucideIcon, MousePointerClick, PackageCheck, Smartphone, UserRoundPen, Waypoints } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { enc, get, type KithEvent, type Page, refPath } from "../api";
import { clock, day, plain } from "../format";
import { Badge, Button, cx, Empty, Fold, Input, Json, Skeleton, Trouble } from "../ui/kit";

const icons: Record<string, LucideIcon> = { page: FileText, screen: Smartphone, identify: UserRoundPen, group: Group, alias: Waypoints, track: MousePointerClick };

export function eventTitle(e: KithEvent): string {
  return e.event ?? (e.name ? `${e.type}: ${e.name}` : e.type);
}

export function eventIcon(e: KithEvent): LucideIcon {
  if (e.event && /order|purchase|paid/i.test(e.event)) return PackageCheck;
  if (e.event && /viewed/i.test(e.event)) return Eye;
  return icons[e.type] ?? MousePointerClick;
}

/** eventLine is the content of an event in one line: what is plain in it. */
export function eventLine(e: KithEvent): string {
  const content = e.properties ?? e.traits ?? {};
  return Object.entries(content)
    .map(([k, v]) => (Array.isArray(v) && v.some((x) => typeof x === "object") ? `${k} ×${v.length}` : v !== null && typeof v === "object" ? null : `${k} ${plain(v)}`))
    .filter(Boolean)
    .join(" · ");
}

export function Timeline({ at }: { at: string }) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const q = useInfiniteQuery({
    queryKey: ["timeline", at],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) => get<Page<KithEvent>>(`/v1/profiles/${refPath(at)}/events?limit=50${pageParam && `&cursor=${enc(pageParam)}`}`, signal),
    getNextPageParam: (p) => p.next ?? undefined,
  });
  const all = useMemo(() => q.data?.pages.flatMap((p) => p.data) ?? [], [q.data]);
  const shown = useMemo(() => {
    const words = text.trim().toLowerCase();
    return words ? all.filter((e) => (eventTitle(e) + " " + e.type + " " + JSON.stringify(e.properties ?? e.traits ?? "")).toLowerCase().includes(words)) : all;
  }, [all, text]);
  if (q.isPending) return <Skeleton lines={8} />;
  if (q.isError) return <Trouble error={q.error} retry={() => q.refetch()} />;
  if (all.length === 0) return <Empty title={t("timeline.none")}>{t("timeline.noneLead")}</Empty>;
  return (
    <div>
      <div className="flex flex-wrap items-center gap-3 border-b border-line px-4 py-2">
        <Input type="search" value={text} onChange={(e) => setText(e.target.value)} aria-label={t("timeline.filter")} placeholder={t("timeline.filter")} className="!w-64 max-w-full" />
        <span role="status" className="text-sm text-soft">
          {text.trim() ? t("timeline.filtered", { n: shown.length, of: all.length }) : t("timeline.loaded", { count: all.length })}
        </span>
        <Button small className="ml-auto" onClick={() => q.refetch()}>
          {t("refresh")}
        </Button>
      </div>
      <Days events={shown} />
      {q.hasNextPage && <Further more={() => q.fetchNextPage()} busy={q.isFetchingNextPage} />}
    </div>
  );
}

function Days({ events }: { events: KithEvent[] }) {
  const { i18n } = useTranslation();
  const days = useMemo(() => {
    const m = new Map<string, KithEvent[]>();
    for (const e of events) {
      const d = day(e.timestamp, i18n.language);
      m.set(d, [...(m.get(d) ?? []), e]);
    }
    return [...m];
  }, [events, i18n.language]);
  return (
    <ol>
      {days.map(([d, es]) => (
        <li key={d}>
          <h3 className="border-b border-line bg-sunken px-4 py-1 text-sm font-semibold text-soft">{d}</h3>
          <ol className="divide-y divide-line">
            {es.map((e) => (
              <Row key={e.messageId + e.received_at} e={e} />
            ))}
          </ol>
        </li>
      ))}
    </ol>
  );
}

function Row({ e }: { e: KithEvent }) {
  const { i18n } = useTranslation();
  const Icon = eventIcon(e);
  const order = Icon === PackageCheck;
  return (
    <li className="px-3 py-1.5 [content-visibility:auto] [contain-intrinsic-size:auto_2.6rem] compact:py-0.5">
      <Fold
        summary={
          <span className="flex flex-wrap items-baseline gap-x-3 sm:flex-nowrap">
            <time dateTime={e.timestamp} className="w-17 shrink-0 text-sm text-soft">
              {clock(e.timestamp, i18n.language)}
            </time>
            <Icon aria-hidden className={cx("size-4 shrink-0 self-center", order ? "text-good" : "text-soft")} />
            <span className={cx("shrink-0 font-medium", order && "text-good")}>{eventTitle(e)}</span>
            <span className="min-w-0 flex-1 basis-40 truncate text-sm text-soft">{eventLine(e)}</span>
          </span>
        }
      >
        {() => (
          <div className="my-2 ml-5">
            <p className="mb-2 flex flex-wrap gap-1.5">
              <Badge>{e.type}</Badge>
              {e.source && <Badge>{e.source}</Badge>}
              <Badge>{e.messageId}</Badge>
            </p>
            <Json value={e} label={eventTitle(e)} />
          </div>
        )}
      </Fold>
    </li>
  );
}

/** Further loads the next part when its button comes into view. */
function Further({ more, busy }: { more: () => void; busy: boolean }) {
  const { t } = useTranslation();
  const ref = useRef<HTMLDivElement>(null);
  const latest = useRef(more);
  latest.current = more;
  useEffect(() => {
    if (busy || !ref.current) return;
    const seen = new IntersectionObserver((es) => es.some((e) => e.isIntersecting) && latest.current(), { rootMargin: "400px" });
    seen.observe(ref.current);
    return () => seen.disconnect();
  }, [busy]);
  return (
    <div ref={ref} className="border-t border-line p-3 text-center">
      <Button onClick={more} disabled={busy}>
        {busy ? t("loading") : t("more")}
      </Button>
    </div>
  );
}
