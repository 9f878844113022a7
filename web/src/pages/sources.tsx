// Where events come from: all sources with what they send, and one with its keys,
// ways to send, volume and rules.
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Globe, KeyRound, type LucideIcon, Plus, Server, Smartphone, Terminal } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { call, enc, get, Problem, type Source, sql } from "../api";
import { keyOf, lastUsed, useSources } from "../data";
import { date, dayMonth } from "../format";
import { eventTitle } from "../kinds";
import { everyDay } from "../kpis";
import { Chart, Ranks, Spark } from "../ui/chart";
import { Badge, Button, Card, Code, Copy, cx, Dialog, Empty, Exact, Field, Input, Missing, Num, Rows, Segmented, Select, Skeleton, Tabs, Tick, Trouble, When } from "../ui/kit";
import { say } from "../ui/toast";
import { Page } from "./page";
import { type Kind, kinds, snippet } from "./snippets";

const literal = (s: string) => `'${s.replaceAll("'", "''")}'`;

/** useVolumes is how many events each source sent on each of the last 14 days, by when they came in. */
const useVolumes = () =>
  useQuery({
    queryKey: ["volumes"],
    queryFn: async ({ signal }) => {
      const a = await sql("SELECT source, date_trunc('day', received_at) AS day, count(*) AS n FROM events WHERE received_at > now() - INTERVAL 14 DAY GROUP BY source, day", signal);
      const by = new Map<string, Map<string, number>>();
      for (const r of a.data) {
        const s = String(r.source);
        if (!by.has(s)) by.set(s, new Map());
        by.get(s)!.set(String(r.day).slice(0, 10), Number(r.n));
      }
      return { by, as_of: a.as_of };
    },
    staleTime: 30_000,
  });

export function Sources() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const sources = useSources();
  const volumes = useVolumes();
  const [adding, setAdding] = useState(false);
  const [rotating, setRotating] = useState<Source | null>(null);
  const days = (key: string) => everyDay(Date.now(), 14, volumes.data?.by.get(key) ?? new Map<string, number>(), () => 0);
  return (
    <Page
      title={t("nav.sources")}
      lead={t("sources.lead")}
      action={
        <Button kind="main" onClick={() => setAdding(true)}>
          <Plus aria-hidden className="size-4" />
          {t("sources.add")}
        </Button>
      }
    >
      <Card flush>
        {sources.isPending && <Skeleton lines={6} />}
        {sources.isError && <Trouble error={sources.error} retry={() => sources.refetch()} />}
        {sources.data?.data.length === 0 && (
          <Empty title={t("sources.none")} action={<Button kind="main" onClick={() => setAdding(true)}>{t("sources.add")}</Button>}>
            {t("sources.noneLead")}
          </Empty>
        )}
        {sources.data && sources.data.data.length > 0 && (
          <Rows
            label={t("nav.sources")}
            rows={sources.data.data}
            id={(s) => s.key}
            columns={[
              {
                head: t("col.name"),
                cell: (s) => (
                  <span className="block sm:min-w-36">
                    <Link to="/sources/$key" params={{ key: s.key }} className="block font-semibold break-words text-accent hover:underline">{s.name}</Link>
                    {s.name !== s.key && <span className="font-mono text-xs text-soft">{s.key}</span>}
                    {!s.enabled && <span className="ml-2"><Badge tone="warn">{t("source.off")}</Badge></span>}
                  </span>
                ),
              },
              { head: t("source.state"), cell: (s) => <State s={s} /> },
              {
                head: t("source.fortnight"),
                wide: true,
                cell: (s) => {
                  const d = days(s.key);
                  const sum = d.reduce((a, b) => a + b, 0);
                  return (
                    <span className="flex items-center gap-3 sm:min-w-44">
                      <Spark values={d} className="w-28 shrink-0" height={24} />
                      <span className="font-medium sm:min-w-14 sm:text-right">{volumes.data ? <Num n={sum} /> : volumes.isError ? "–" : "…"}</span>
                    </span>
                  );
                },
              },
              {
                head: t("source.key"),
                cell: (s) => (
                  <span className="block">
                    <span className="flex items-center gap-1">
                      <span className="w-36 truncate font-mono text-sm">{s.write_key}</span>
                      <Copy text={s.write_key} label={`${s.name}: ${t("source.copyKey")}`} />
                    </span>
                    <OldKeys s={s} />
                  </span>
                ),
              },
              {
                head: t("source.rotateShort"),
                right: true,
                bare: true,
                cell: (s) => (
                  <Button small aria-label={`${s.name}: ${t("source.rotateShort")}`} onClick={() => setRotating(s)}>
                    <KeyRound aria-hidden className="size-3.5" />
                    {t("source.rotateShort")}
                  </Button>
                ),
              },
            ]}
          />
        )}
      </Card>
      {volumes.isError && <Trouble error={volumes.error} retry={() => volumes.refetch()} />}
      <Dialog open={adding} close={() => setAdding(false)} title={t("sources.add")} wide>
        <Add
          done={(key) => {
            setAdding(false);
            if (key) void navigate({ to: "/sources/$key", params: { key } });
          }}
        />
      </Dialog>
      <Dialog open={!!rotating} close={() => setRotating(null)} title={t("source.rotate")}>
        {rotating && <Rotate s={rotating} done={() => setRotating(null)} />}
      </Dialog>
    </Page>
  );
}

/** State is whether anything comes in: now, lately, long ago, or never. */
function State({ s }: { s: Source }) {
  const { t } = useTranslation();
  const last = lastUsed(s);
  const age = last ? Date.now() - Date.parse(last) : Infinity;
  const tone = !s.enabled ? "bg-edge" : age < 86_400_000 ? "bg-good" : last ? "bg-warn" : "bg-edge";
  return (
    <span className="inline-flex items-center gap-2 whitespace-nowrap">
      <span aria-hidden className={cx("size-2.5 rounded-full", tone)} />
      {last ? <span>{t("source.last")} <When at={last} /></span> : <span className="text-soft">{t("source.never")}</span>}
    </span>
  );
}

function OldKeys({ s }: { s: Source }) {
  const { t } = useTranslation();
  const old = s.write_keys.filter((k) => k.value !== s.write_key && k.expires_at && Date.parse(k.expires_at) > Date.now());
  return old.map((k) => (
    <p key={k.value} className="text-sm text-soft">
      {t("source.old")} <span className="font-mono">{k.value.slice(0, 10)}…</span> {t("source.until")} <When at={k.expires_at} absolute />
    </p>
  ));
}

export function OneSource() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { key } = useParams({ from: "/sources/$key" });
  const { tab = "send" } = useSearch({ from: "/sources/$key" });
  const [rotating, setRotating] = useState(false);
  const q = useQuery({ queryKey: ["source", key], queryFn: ({ signal }) => get<Source>(`/v1/sources/${enc(key)}`, signal), refetchInterval: 3_000 });
  if (q.isPending) return <Skeleton lines={8} />;
  if (q.error instanceof Problem && q.error.status === 404) {
    return (
      <Missing title={t("missing.source")}>
        {t("missing.lead")} <Link to="/sources" className="text-accent underline">{t("sources.all")}</Link>
      </Missing>
    );
  }
  if (q.isError) return <Page title={t("nav.sources")}><Trouble error={q.error} retry={() => q.refetch()} /></Page>;
  const s = q.data;
  const tabs = [
    { value: "send", label: t("source.snippets"), panel: <Send s={s} /> },
    { value: "volume", label: t("source.volume"), panel: <Volume s={s} /> },
    { value: "rules", label: t("source.rules"), panel: <Rules key={s.version} s={s} /> },
  ];
  return (
    <Page
      title={s.name}
      lead={
        <span className="flex flex-wrap items-center gap-x-3">
          <span className="text-sm">{t("settings.key")} <span className="font-mono">{s.key}</span></span> <State s={s} /> {!s.enabled && <Badge tone="warn">{t("source.off")}</Badge>}
        </span>
      }
      action={
        <>
          <Link to="/live" search={{ source: s.key }} className="inline-flex min-h-9 items-center rounded-md border border-line bg-panel px-3 font-medium hover:bg-sunken">{t("nav.live")}</Link>
          <Button onClick={() => setRotating(true)}>
            <KeyRound aria-hidden className="size-4" />
            {t("source.rotate")}
          </Button>
        </>
      }
    >
      <Card className="mb-4">
        <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <span className="text-soft">{t("source.key")}</span>
          <span className="min-w-0">
            <span className="font-mono text-sm break-all">{s.write_key}</span> <Copy text={s.write_key} label={`${s.name}: ${t("source.copyKey")}`} />
          </span>
          <span className="text-sm text-soft">{t("source.keyNote")}</span>
        </div>
        <OldKeys s={s} />
      </Card>
      <Card flush>
        <Tabs label={s.name} tabs={tabs} value={tabs.some((x) => x.value === tab) ? tab : "send"} change={(v) => void navigate({ to: "/sources/$key", params: { key }, search: { tab: v === "send" ? undefined : v }, replace: true })} />
      </Card>
      <Dialog open={rotating} close={() => setRotating(false)} title={t("source.rotate")}>
        <Rotate s={s} done={() => setRotating(false)} />
      </Dialog>
    </Page>
  );
}

function Send({ s }: { s: Source }) {
  const { t } = useTranslation();
  const [kind, setKind] = useState<string>("curl");
  const last = lastUsed(s);
  const lately = !!last && Date.now() - Date.parse(last) < 86_400_000;
  return (
    <div>
      <div className="flex items-center gap-2 border-b border-line px-4 py-2.5" role="status">
        <span aria-hidden className={cx("size-2.5 shrink-0 rounded-full", lately ? "bg-good" : last ? "bg-warn" : "animate-pulse bg-warn")} />
        {last ? <span>{t(lately ? "source.hears" : "source.silent")} <When at={last} /></span> : <span className="text-soft">{t("source.listens")}</span>}
      </div>
      <Tabs
        label={`${s.name}: ${t("source.snippets")}`}
        value={kind}
        change={setKind}
        tabs={kinds.map((k) => ({
          value: k,
          label: t(`snippet.${k}`),
          panel: (
            <div className="space-y-2 p-4">
              {k !== "curl" && <p className="text-sm text-soft">{t("source.install")} <code className="rounded bg-sunken px-1.5 py-0.5 font-mono">{installs[k]}</code></p>}
              <Code text={snippet(k, location.origin, s.write_key)} label={`${s.name}: ${k}`} />
            </div>
          ),
        }))}
      />
      <p className="border-t border-line px-4 py-2.5 text-sm text-soft">{t("source.compatible")}</p>
    </div>
  );
}

const installs: Record<Exclude<Kind, "curl">, string> = {
  browser: "npm install @segment/analytics-next",
  node: "npm install @segment/analytics-node",
  python: "pip install segment-analytics-python",
  go: "go get github.com/segmentio/analytics-go/v3",
  java: "com.segment.analytics.java:analytics",
  ruby: "gem install analytics-ruby",
  php: "composer require segmentio/analytics-php",
};

function Volume({ s }: { s: Source }) {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const [by, setBy] = useState("received_at");
  const days = 30;
  const q = useQuery({
    queryKey: ["volume", s.key, by],
    queryFn: async ({ signal }) => {
      const [d, n] = await Promise.all([
        sql(`SELECT date_trunc('day', ${by}) AS day, count(*) AS n FROM events WHERE source = ${literal(s.key)} AND ${by} > now() - INTERVAL ${days} DAY GROUP BY day`, signal),
        sql(`SELECT type, name, count(*) AS n FROM events WHERE source = ${literal(s.key)} AND ${by} > now() - INTERVAL ${days} DAY GROUP BY type, name ORDER BY n DESC LIMIT 12`, signal),
      ]);
      return { days: everyDay(Date.now(), days, new Map(d.data.map((r) => [String(r.day).slice(0, 10), { day: String(r.day).slice(0, 10), n: Number(r.n) }])), (day) => ({ day, n: 0 })), names: n.data.map((r) => ({ type: String(r.type), name: typeof r.name === "string" ? r.name : null, n: Number(r.n) })), as_of: d.as_of };
    },
    staleTime: 15_000,
  });
  if (q.isPending) return <Skeleton lines={6} />;
  if (q.isError) return <Trouble error={q.error} retry={() => q.refetch()} />;
  const none = q.data.days.every((d) => d.n === 0);
  return (
    <div className="space-y-4 p-4">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <Segmented label={t("source.by")} value={by} change={setBy} options={[{ value: "received_at", label: t("source.received") }, { value: "timestamp", label: t("source.happened") }]} />
        <Exact at={q.data.as_of} />
      </div>
      {none ? (
        <Empty title={t("source.quiet")}>{t("source.quietLead")}</Empty>
      ) : (
        <>
          <h3 className="font-semibold">{t("source.perDay")}</h3>
          <Chart label={t("source.perDay")} height={200} series={[{ name: t("col.events") }]} points={q.data.days.map((d) => ({ key: d.day, label: date(d.day, i18n.language), short: dayMonth(d.day, i18n.language), values: [d.n] }))} />
          <h3 className="font-semibold">{t("source.names")}</h3>
          <Ranks
            label={t("source.names")}
            rows={q.data.names.map((n) => ({
              key: `${n.type} ${n.name}`,
              n: n.n,
              name: (
                <button type="button" className="min-h-6 rounded hover:underline" onClick={() => void navigate({ to: "/sql", search: { q: `SELECT timestamp, profile_id, properties\nFROM events\nWHERE source = ${literal(s.key)} AND type = ${literal(n.type)} AND name ${n.name === null ? "IS NULL" : `= ${literal(n.name)}`}\nORDER BY received_at DESC\nLIMIT 100`, run: 1 } })}>
                  {eventTitle({ type: n.type, ...(n.type === "track" ? { event: n.name ?? undefined } : { name: n.name ?? undefined }) })}
                </button>
              ),
            }))}
          />
        </>
      )}
    </div>
  );
}

/** Rules are what a source may send and how it is taken. */
function Rules({ s }: { s: Source }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [name, setName] = useState(s.name);
  const [enabled, setEnabled] = useState(s.enabled);
  const [country, setCountry] = useState(s.default_country ?? "");
  const [origins, setOrigins] = useState(s.allow_origins.join("\n"));
  const [types, setTypes] = useState((s.identifies ?? []).join(", "));
  const [trusted, setTrusted] = useState(s.server_fields !== "ignored");
  const split = (x: string) => x.split(/[\s,]+/).filter(Boolean);
  const now = JSON.stringify([name.trim(), enabled, country.trim().toUpperCase(), split(origins), split(types), trusted]);
  const changed = now !== JSON.stringify([s.name, s.enabled, s.default_country ?? "", s.allow_origins, s.identifies ?? [], s.server_fields !== "ignored"]);
  const save = useMutation({
    mutationFn: () =>
      call("PUT", `/v1/sources/${enc(s.key)}`, {
        name: name.trim(),
        type: s.type,
        enabled,
        default_country: country.trim().toUpperCase() || null,
        allow_origins: split(origins),
        identifies: split(types),
        server_fields: trusted ? "taken" : "ignored",
        version: s.version,
      }),
    onSuccess: async () => {
      say(t("saved"));
      await client.invalidateQueries({ queryKey: ["sources"] });
      await client.invalidateQueries({ queryKey: ["source", s.key] });
    },
  });
  return (
    <form
      className="max-w-2xl space-y-4 p-4"
      onSubmit={(e) => {
        e.preventDefault();
        save.mutate();
      }}
    >
      <Field label={t("col.name")}><Input value={name} onChange={(e) => setName(e.target.value)} maxLength={200} /></Field>
      <Tick label={t("source.enabled")} checked={enabled} change={setEnabled} hint={t("source.enabledHint")} />
      <Field label={t("source.country")} hint={t("source.countryHint")}><Input value={country} onChange={(e) => setCountry(e.target.value)} maxLength={2} className="!w-24 uppercase" /></Field>
      <Field label={t("source.origins")} hint={t("source.originsHint")}>
        <textarea value={origins} onChange={(e) => setOrigins(e.target.value)} rows={3} spellCheck={false} className="w-full rounded-md border border-edge/60 bg-panel px-2.5 py-2 font-mono text-sm" />
      </Field>
      <Field label={t("source.identifies")} hint={t("source.identifiesHint")}><Input value={types} onChange={(e) => setTypes(e.target.value)} className="font-mono" /></Field>
      <Tick label={t("source.trusted")} checked={trusted} change={setTrusted} hint={t("source.trustedHint")} />
      {save.isError && <Trouble error={save.error} />}
      <Button kind="main" type="submit" disabled={!name.trim() || !changed || save.isPending}>{t("save")}</Button>
    </form>
  );
}

const catalogue: { key: string; icon: LucideIcon; way: Kind }[] = [
  { key: "website", icon: Globe, way: "browser" },
  { key: "app", icon: Smartphone, way: "browser" },
  { key: "server", icon: Server, way: "node" },
  { key: "script", icon: Terminal, way: "curl" },
];

function Add({ done }: { done: (key?: string) => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const sources = useSources();
  const [name, setName] = useState("");
  const key = keyOf(name);
  const taken = sources.data?.data.some((s) => s.key === key);
  const add = useMutation({
    mutationFn: () => call("PUT", `/v1/sources/${enc(key)}`, { name: name.trim(), type: "http" }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["sources"] });
      done(key);
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    add.mutate();
  };
  return (
    <form onSubmit={submit} className="space-y-4 p-4">
      <div>
        <p className="mb-2 text-soft">{t("sources.what")}</p>
        <ul className="grid grid-cols-2 gap-2 sm:grid-cols-4">
          {catalogue.map((c) => (
            <li key={c.key}>
              <button type="button" onClick={() => setName(t(`catalogue.${c.key}`))} className="flex w-full flex-col items-center gap-1.5 rounded-lg border border-line px-2 py-3 text-sm font-medium hover:border-accent hover:bg-accent-wash">
                <c.icon aria-hidden className="size-5 text-accent" />
                {t(`catalogue.${c.key}`)}
              </button>
            </li>
          ))}
        </ul>
      </div>
      <Field label={t("col.name")} hint={key ? `${t("source.keyWillBe")} ${key}` : t("source.nameHint")}>
        <Input autoFocus value={name} onChange={(e) => setName(e.target.value)} maxLength={200} />
      </Field>
      {taken && <p role="alert" className="text-bad">{t("source.taken")}</p>}
      {add.isError && <Trouble error={add.error} />}
      <div className="flex justify-end gap-2">
        <Button onClick={() => done()}>{t("cancel")}</Button>
        <Button kind="main" type="submit" disabled={!key || taken || add.isPending}>{t("sources.add")}</Button>
      </div>
    </form>
  );
}

function Rotate({ s, done }: { s: Source; done: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [overlap, setOverlap] = useState("24h");
  const rotate = useMutation({
    mutationFn: () => call("POST", `/v1/sources/${enc(s.key)}/rotate`, { overlap }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["sources"] });
      await client.invalidateQueries({ queryKey: ["source", s.key] });
      done();
    },
  });
  return (
    <div className="space-y-4 p-4">
      <p>{t("source.rotateLead", { name: s.name })}</p>
      <Field label={t("source.overlap")}>
        <Select value={overlap} onChange={(e) => setOverlap(e.target.value)} options={["1h", "24h", "7d", "30d"].map((v) => ({ value: v, label: t(`overlap.${v}`) }))} />
      </Field>
      {rotate.isError && <Trouble error={rotate.error} />}
      <div className="flex justify-end gap-2">
        <Button onClick={done}>{t("cancel")}</Button>
        <Button kind="main" disabled={rotate.isPending} onClick={() => rotate.mutate()}>{t("source.make")}</Button>
      </div>
    </div>
  );
}
