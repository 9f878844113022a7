// Everything about one customer, and why: what matters now first, the rest one
// click away.
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { MailCheck, MailX, Printer, Star, TriangleAlert } from "lucide-react";
import { type ReactNode, useEffect, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { get, type KithEvent, type Page, Problem, type Profile, refPath } from "../api";
import { usePurposeName, useSegments, useSourceName } from "../data";
import { initials, money, num, spaced } from "../format";
import { eventIcon, eventTitle, subjectOf } from "../kinds";
import { firstOf, nameOfProfile, PersonLink, traitOf } from "../person";
import { Spark } from "../ui/chart";
import { Badge, Button, Card, Copy, cx, Empty, Facts, Json, Missing, Num, PageHead, Skeleton, Tabs, Trouble, When } from "../ui/kit";
import { Consents, consentTone } from "./consents";
import { Computed, Traits } from "./details";
import { Identity } from "./identity";
import { Memberships } from "./memberships";
import { Orders, Records, useEntities, useOrders, valueOf } from "./orders";
import { eventLine, lineOf, Timeline } from "./timeline";
import { useComputedNames } from "./traits";

export function Customer() {
  const { t } = useTranslation();
  const { ref } = useParams({ from: "/profiles/$ref" });
  const profile = useQuery({
    queryKey: ["profile", ref],
    queryFn: ({ signal }) => get<Profile>(`/v1/profiles/${refPath(ref)}?verbose=1`, signal),
    refetchInterval: 15_000,
  });
  if (profile.isPending) return <Skeleton lines={8} />;
  if (profile.isError) {
    if (profile.error instanceof Problem && profile.error.status === 404) {
      return (
        <Missing title={t("customer.unknown")}>
          {t("customer.unknownLead")}{" "}
          <Link to="/profiles" className="text-accent underline">
            {t("profiles.search")}
          </Link>
        </Missing>
      );
    }
    return <Trouble error={profile.error} retry={() => profile.refetch()} />;
  }
  return <Whole p={profile.data} at={ref} />;
}

/** useArrivals reads anew when something of the customer comes in. */
function useArrivals(p: Profile, at: string) {
  const client = useQueryClient();
  const known = p.identifiers.find((i) => i.type === "user_id") ?? p.identifiers[0];
  const named = known && `${known.type}:${known.value}`;
  useEffect(() => {
    if (!named) return;
    let waits: ReturnType<typeof setTimeout> | undefined;
    const stream = new EventSource(`/v1/live/events?identifier=${encodeURIComponent(named)}`);
    stream.addEventListener("event", () => {
      waits ??= setTimeout(() => {
        waits = undefined;
        void client.invalidateQueries({ queryKey: ["profile", at] });
        void client.invalidateQueries({ queryKey: ["timeline", at] });
        void client.invalidateQueries({ queryKey: ["newest", at] });
      }, 800);
    });
    return () => {
      clearTimeout(waits);
      stream.close();
    };
  }, [named, at, client]);
}

function Whole({ p, at }: { p: Profile; at: string }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ from: "/profiles/$ref" });
  const account = p.identifiers.some((i) => i.type === "group_id");
  const entities = useEntities();
  const records = !!entities.data?.data.some((e) => e.relation);
  useArrivals(p, at);
  const panel = (node: ReactNode) => <div className="print-whole">{node}</div>;
  const tabs = [
    { value: "timeline", label: t("tab.timeline"), panel: panel(<Timeline at={at} p={p} />) },
    { value: "traits", label: t("tab.traits"), panel: panel(<Traits p={p} />) },
    ...(account ? [{ value: "members", label: t("tab.members"), panel: <Members at={at} /> }] : []),
    ...(account ? [] : [{ value: "identity", label: t("tab.identity"), panel: <Identity p={p} /> }]),
    ...(account ? [] : [{ value: "segments", label: t("tab.segments"), panel: <Memberships p={p} at={at} /> }]),
    ...(account ? [] : [{ value: "consents", label: t("tab.consents"), panel: <Consents at={at} p={p} /> }]),
    ...(account ? [] : [{ value: "orders", label: t("tab.orders"), panel: <Orders p={p} /> }]),
    ...(records ? [{ value: "records", label: t("tab.records"), panel: <Records at={at} /> }] : []),
    { value: "raw", label: t("tab.raw"), panel: <div className="p-4"><Json value={p} label={t("tab.raw")} /></div> },
  ];
  const tab = tabs.some((x) => x.value === search.tab) ? search.tab! : "timeline";
  return (
    <>
      <Head p={p} account={account} at={at} />
      <div className="mb-4 grid gap-3 md:grid-cols-2 xl:grid-cols-3">
        {account ? <AccountFacts p={p} /> : <Worth p={p} />}
        <Now p={p} at={at} />
        <Standing p={p} account={account} at={at} />
      </div>
      <Card flush className="min-w-0">
        <Tabs
          label={t("customer.tabs")}
          tabs={tabs}
          value={tab}
          change={(v) => void navigate({ to: "/profiles/$ref", params: { ref: at }, search: { tab: v }, replace: true })}
        />
      </Card>
    </>
  );
}

/** mailState is whether somebody may be written to, as they said last; null when they said nothing. */
function mailState(p: Profile): string | null {
  const of = (channel: string) => p.consents.find((c) => c.purpose === "marketing" && c.channel === channel)?.state;
  return of("email") ?? of("*") ?? of("") ?? null;
}

function Head({ p, account, at }: { p: Profile; account: boolean; at: string }) {
  const { t } = useTranslation();
  const name = nameOfProfile(p) === p.id ? t("person.anonymous", { id: p.id.slice(0, 8) }) : nameOfProfile(p);
  const flags = Object.entries(p.traits).filter(([, v]) => v.value === true);
  const contact = [traitOf(p, "email") ?? firstOf(p, "email"), traitOf(p, "phone") ?? firstOf(p, "phone")].filter((x): x is string => !!x && x !== name);
  const address = p.traits.address?.value;
  const city = [traitOf(p, "city") ?? (address && typeof address === "object" ? (address as Record<string, unknown>).city : undefined), traitOf(p, "country")].filter((x): x is string => typeof x === "string");
  const company = traitOf(p, "company");
  const mail = mailState(p);
  const known = p.identifiers.some((i) => ["user_id", "email", "phone"].includes(i.type));
  return (
    <div className="mb-4 flex flex-wrap items-start gap-x-4 gap-y-2">
      <div aria-hidden className="flex size-13 shrink-0 items-center justify-center rounded-full bg-accent-wash text-lg font-semibold text-accent compact:size-11">
        {initials(name)}
      </div>
      <div className="min-w-0 flex-1 basis-64 [&>div]:mb-0">
        <PageHead title={name} />
        <div className="mt-0.5 flex flex-wrap items-center gap-x-3 gap-y-1 text-soft">
          {contact.map((c) => (
            <span key={c} className="inline-flex items-center gap-0.5 break-all">
              {c}
              <Copy text={c} />
            </span>
          ))}
          {company && company !== name && <span>{company}</span>}
          {city.length > 0 && <span>{city.join(", ")}</span>}
        </div>
        <div className="mt-1.5 flex flex-wrap gap-1.5">
          {account && <Badge tone="accent">{t("customer.account")}</Badge>}
          {!account && !known && <Badge tone="warn">{t("customer.anonymous")}</Badge>}
          {mail === "granted" && (
            <Badge tone="good">
              <MailCheck aria-hidden className="size-3.5" />
              {t("flag.mail")}
            </Badge>
          )}
          {mail && mail !== "granted" && (
            <Badge tone="bad">
              <MailX aria-hidden className="size-3.5" />
              {t("flag.noMail")}
            </Badge>
          )}
          {flags.map(([k]) => (
            <Badge key={k} tone={/complain|risk|fraud|block|churn/i.test(k) ? "bad" : "accent"}>
              {/complain|risk|fraud|block|churn/i.test(k) ? <TriangleAlert aria-hidden className="size-3.5" /> : <Star aria-hidden className="size-3.5" />}
              <span className="inline-block first-letter:uppercase">{spaced(k)}</span>
            </Badge>
          ))}
        </div>
      </div>
      <div className="no-print flex flex-wrap items-center gap-2 max-sm:pl-17">
        <span className="flex items-center gap-1 text-sm text-soft" title={p.id}>
          {t("customer.id")} <span className="font-mono">{p.id.slice(0, 8)}…</span> <Copy text={p.id} label={t("customer.copyId")} />
        </span>
        <Button small aria-label={t("print")} title={t("print")} onClick={() => window.print()}>
          <Printer aria-hidden className="size-4" />
        </Button>
        {!account && (
          <Link to="/profiles/$ref" params={{ ref: at }} search={{ tab: "segments" }} className="sr-only focus:not-sr-only">
            {t("tab.segments")}
          </Link>
        )}
      </div>
    </div>
  );
}

function Tile({ title, children, more }: { title: string; children: ReactNode; more?: ReactNode }) {
  return (
    <section className="flex min-w-0 flex-col rounded-lg border border-line bg-panel px-4 py-3 compact:px-3 compact:py-2">
      <div className="mb-1.5 flex items-baseline justify-between gap-2">
        <h2 className="text-sm font-semibold text-soft">{title}</h2>
        {more}
      </div>
      {children}
    </section>
  );
}

const tabLink = "rounded text-sm text-accent hover:underline";

/** Worth is what somebody bought, all in all. */
function Worth({ p }: { p: Profile }) {
  const { t, i18n } = useTranslation();
  const { ref } = useParams({ from: "/profiles/$ref" });
  const q = useOrders(p);
  const orders = q.data?.orders ?? [];
  const paid = orders.filter((o) => valueOf(o) >= 0 && o.name === "Order Completed");
  const gross = paid.reduce((n, o) => n + valueOf(o), 0);
  const back = orders.reduce((n, o) => n + Math.max(0, -valueOf(o)), 0);
  const currency = orders.map((o) => o.properties.currency).find((c): c is string => typeof c === "string");
  const course = useMemo(() => {
    const by = new Map<string, number>();
    for (const o of orders) by.set(o.at.slice(0, 7), (by.get(o.at.slice(0, 7)) ?? 0) + valueOf(o));
    return [...by].sort(([a], [b]) => a.localeCompare(b)).map(([, v]) => v);
  }, [orders]);
  const computed = Object.entries(p.computed).slice(0, 3);
  const name = useComputedNames();
  return (
    <Tile title={t("tile.worth")} more={orders.length > 0 && <Link to="/profiles/$ref" params={{ ref }} search={{ tab: "orders" }} className={tabLink}>{t("tab.orders")}</Link>}>
      {q.isPending && <p className="text-soft">{t("loading")}</p>}
      {q.isError && <p className="text-soft">{t("tile.unknown")}</p>}
      {q.data && orders.length === 0 && <p className="text-soft">{t("orders.noneLead")}</p>}
      {q.data && orders.length > 0 && (
        <>
          <div className="flex items-end justify-between gap-4">
            <p>
              <span className="text-2xl font-semibold tracking-tight">{money(gross - back, i18n.language, currency, 2)}</span>{" "}
              <span className="whitespace-nowrap text-soft">{t("tile.orders", { count: paid.length })}</span>
            </p>
            {course.length > 2 && <Spark values={course} className="w-20 shrink-0" height={30} />}
          </div>
          {back > 0 && <p className="text-sm text-soft">{t("tile.returned", { n: money(back, i18n.language, currency, 2) })}</p>}
          <p className="flex flex-wrap gap-x-3 text-sm text-soft">
            {paid[0] ? (
              <>
                <span>{t("tile.average", { n: money(gross / paid.length, i18n.language, currency, 2) })}</span>
                <span>{t("tile.lastOrder")} <When at={paid[0].at} day /></span>
              </>
            ) : (
              t("orders.noneLead")
            )}
          </p>
        </>
      )}
      {computed.length > 0 && (
        <div className="mt-2 border-t border-line pt-2">
          <Facts facts={computed.map(([k, v]) => [<Link key={k} to="/profiles/$ref" params={{ ref }} search={{ tab: "traits" }} className="hover:underline">{name(k)}</Link>, <Computed key={`${k}.`} v={v} />])} />
        </div>
      )}
    </Tile>
  );
}

function AccountFacts({ p }: { p: Profile }) {
  const { t } = useTranslation();
  const name = useComputedNames();
  return (
    <Tile title={t("side.activity")}>
      <Facts
        facts={[
          [t("col.events"), <Num n={p.events} />],
          [t("col.firstSeen"), <When at={p.first_seen} />],
          ...Object.entries(p.computed).slice(0, 3).map(([k, v]): [ReactNode, ReactNode] => [name(k), <Computed v={v} />]),
        ]}
      />
    </Tile>
  );
}

/** Now is where somebody was last, and what they did there. */
function Now({ p, at }: { p: Profile; at: string }) {
  const { t, i18n } = useTranslation();
  const q = useQuery({ queryKey: ["newest", at], queryFn: ({ signal }) => get<Page<KithEvent>>(`/v1/profiles/${refPath(at)}/events?limit=30`, signal), staleTime: 5_000 });
  const events = q.data?.data ?? [];
  const seen: KithEvent[] = [];
  for (const e of events) {
    if (seen.length < 4 && !seen.some((x) => eventTitle(x) === eventTitle(e) && eventLine(x, i18n.language) === eventLine(e, i18n.language))) seen.push(e);
  }
  const source = useSourceName();
  const sources = [...new Set(p.identifiers.flatMap((i) => i.sources))].map(source).sort((a, b) => a.localeCompare(b));
  return (
    <Tile title={t("tile.latest")} more={<span className="text-sm text-soft"><When at={p.last_seen} /></span>}>
      {q.isPending && <p className="text-soft">{t("loading")}</p>}
      {q.isError && <p className="text-soft">{t("tile.unknown")}</p>}
      <ul className="space-y-1">
        {seen.map((e) => {
          const Icon = eventIcon(e);
          return (
            <li key={e.messageId + e.received_at} className="flex items-center gap-2">
              <Icon aria-hidden className={cx("size-4 shrink-0", subjectOf(e) === "orders" ? "text-good" : "text-soft")} />
              <span className="shrink-0 font-medium">{eventTitle(e)}</span>
              <span className="min-w-0 flex-1 truncate text-sm text-soft" title={eventLine(e, i18n.language)}>{lineOf(e, i18n.language)}</span>
              <span className="shrink-0 text-sm text-soft"><When at={e.timestamp} /></span>
            </li>
          );
        })}
      </ul>
      <p className="mt-auto pt-2 text-sm text-soft">
        {t("tile.events", { count: p.events, n: num(p.events, i18n.language) })} · {sources.join(", ")} · {t("tile.since")} <When at={p.first_seen} day />
      </p>
    </Tile>
  );
}

/** Standing is what somebody allowed and where they belong. */
function Standing({ p, account, at }: { p: Profile; account: boolean; at: string }) {
  const { t } = useTranslation();
  const segments = useSegments();
  const name = (key: string) => segments.data?.data.find((s) => s.key === key)?.name ?? key;
  const purpose = usePurposeName();
  return (
    <Tile title={t("tile.standing")} more={!account && <Link to="/profiles/$ref" params={{ ref: at }} search={{ tab: "segments" }} className={tabLink}>{t("member.whyAll")}</Link>}>
      {p.segments.length === 0 ? (
        <p className="text-soft">{t("side.noSegments")}</p>
      ) : (
        <ul className="flex flex-wrap gap-1.5">
          {p.segments.slice(0, 8).map((s) => (
            <li key={s.key} className="max-w-full">
              <Link to="/profiles/$ref" params={{ ref: at }} search={{ tab: "segments", segment: s.key }} className="inline-flex max-w-full rounded bg-accent-wash px-2 py-0.5 text-sm font-medium text-accent hover:underline">
                <span className="truncate">{name(s.key)}</span>
              </Link>
            </li>
          ))}
          {p.segments.length > 8 && <li className="text-sm text-soft">+{p.segments.length - 8}</li>}
        </ul>
      )}
      {!account && (
        <ul className="mt-2.5 flex flex-wrap gap-x-4 gap-y-1 border-t border-line pt-2.5">
          {p.consents.length === 0 && <li className="text-soft">{t("side.noConsents")}</li>}
          {p.consents.slice(0, 6).map((c) => (
            <li key={c.purpose + c.channel} className="flex items-center gap-1.5 text-sm">
              <span className="text-soft">{purpose(c.purpose, c.channel)}</span>
              <Badge tone={consentTone(c.state)}>{t(`consent.${c.state}`)}</Badge>
            </li>
          ))}
        </ul>
      )}
      {p.accounts.length > 0 && (
        <p className="mt-2 text-sm">
          <span className="mr-2 text-soft">{t("side.accounts")}</span>
          {p.accounts.map((a) => (
            <Link key={a} to="/profiles/$ref" params={{ ref: `group_id:${a}` }} className="mr-2 text-accent hover:underline">{a}</Link>
          ))}
        </p>
      )}
    </Tile>
  );
}

function Members({ at }: { at: string }) {
  const { t } = useTranslation();
  const members = useQuery({
    queryKey: ["members", at],
    queryFn: ({ signal }) => get<{ data: { profile_id?: string; id?: string }[] }>(`/v1/profiles/${refPath(at)}/members?limit=50`, signal),
  });
  if (members.isPending) return <Skeleton />;
  if (members.isError) return <Trouble error={members.error} retry={() => members.refetch()} />;
  if (members.data.data.length === 0) return <Empty title={t("members.none")} />;
  return (
    <ul className="divide-y divide-line">
      {members.data.data.map((m) => {
        const id = m.profile_id ?? m.id ?? "";
        return <li key={id} className="px-4 py-2"><PersonLink id={id} /></li>;
      })}
    </ul>
  );
}
