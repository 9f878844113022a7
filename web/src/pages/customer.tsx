// Everything about one customer, and why.
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { get, type Page, Problem, type Profile, refPath } from "../api";
import { initials, isMoment, plain } from "../format";
import { Badge, Card, Copy, Empty, Json, Num, PageHead, Rows, Skeleton, Tabs, Trouble, When } from "../ui/kit";
import { Identity } from "./identity";
import { Memberships } from "./memberships";
import { Timeline } from "./timeline";

const first = (p: Profile, type: string) => p.identifiers.find((i) => i.type === type)?.value;
const trait = (p: Profile, ...keys: string[]) => {
  for (const k of keys) {
    const v = p.traits[k]?.value;
    if (typeof v === "string" && v) return v;
  }
  return undefined;
};

/** nameOfProfile is what to call somebody: a name, else what they are known by. */
export function nameOfProfile(p: Profile): string {
  const whole = trait(p, "name") ?? [trait(p, "firstName", "first_name"), trait(p, "lastName", "last_name")].filter(Boolean).join(" ");
  return whole || trait(p, "email") || first(p, "email") || first(p, "phone") || first(p, "user_id") || first(p, "group_id") || p.id;
}

export function Customer() {
  const { t } = useTranslation();
  const { ref } = useParams({ from: "/profiles/$ref" });
  const profile = useQuery({
    queryKey: ["profile", ref],
    queryFn: ({ signal }) => get<Profile>(`/v1/profiles/${refPath(ref)}?verbose=1`, signal),
    refetchInterval: 10_000,
  });
  if (profile.isPending) return <Skeleton lines={8} />;
  if (profile.isError) {
    if (profile.error instanceof Problem && profile.error.status === 404) {
      return (
        <Card>
          <PageHead title={t("customer.unknown")} />
          <Empty title={t("customer.unknown")}>
            {t("customer.unknownLead")}{" "}
            <Link to="/profiles" className="text-accent underline">
              {t("profiles.search")}
            </Link>
          </Empty>
        </Card>
      );
    }
    return <Trouble error={profile.error} retry={() => profile.refetch()} />;
  }
  return <Whole p={profile.data} at={ref} />;
}

function Whole({ p, at }: { p: Profile; at: string }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ from: "/profiles/$ref" });
  const account = p.identifiers.some((i) => i.type === "group_id");
  const tabs = [
    { value: "timeline", label: t("tab.timeline"), panel: <Timeline at={at} /> },
    { value: "traits", label: t("tab.traits"), panel: <Traits p={p} /> },
    ...(account ? [{ value: "members", label: t("tab.members"), panel: <Members at={at} /> }] : []),
    ...(account ? [] : [{ value: "identity", label: t("tab.identity"), panel: <Identity p={p} /> }]),
    ...(account ? [] : [{ value: "segments", label: t("tab.segments"), panel: <Memberships p={p} at={at} /> }]),
    ...(account ? [] : [{ value: "consents", label: t("tab.consents"), panel: <Consents at={at} /> }]),
    { value: "raw", label: t("tab.raw"), panel: <div className="p-4"><Json value={p} label={t("tab.raw")} /></div> },
  ];
  const tab = tabs.some((x) => x.value === search.tab) ? search.tab! : "timeline";
  return (
    <>
      <Head p={p} account={account} />
      <div className="grid items-start gap-4 lg:grid-cols-[19rem_1fr]">
        <Side p={p} account={account} />
        <Card flush className="min-w-0">
          <Tabs
            label={t("customer.tabs")}
            tabs={tabs}
            value={tab}
            change={(v) => void navigate({ to: "/profiles/$ref", params: { ref: at }, search: { tab: v }, replace: true })}
          />
        </Card>
      </div>
    </>
  );
}

function Head({ p, account }: { p: Profile; account: boolean }) {
  const { t } = useTranslation();
  const name = nameOfProfile(p);
  const flags = Object.entries(p.traits).filter(([, v]) => v.value === true);
  const contact = [first(p, "email"), first(p, "phone")].filter((x): x is string => !!x && x !== name);
  return (
    <div className="mb-4 flex items-center gap-4">
      <div aria-hidden className="flex size-14 shrink-0 items-center justify-center rounded-full bg-accent-wash text-lg font-semibold text-accent compact:size-11">
        {initials(name)}
      </div>
      <div className="min-w-0 [&>div]:mb-0">
        <PageHead title={name} />
        <div className="mt-0.5 flex flex-wrap items-center gap-x-3 gap-y-1 text-soft">
          {contact.map((c) => (
            <span key={c} className="inline-flex items-center gap-0.5 break-all">
              {c}
              <Copy text={c} />
            </span>
          ))}
          {account && <Badge tone="accent">{t("customer.account")}</Badge>}
          {flags.map(([k]) => (
            <Badge key={k} tone="accent">
              {k}
            </Badge>
          ))}
        </div>
      </div>
    </div>
  );
}

function Fact({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <div className="flex justify-between gap-3 py-1">
      <dt className="text-soft">{label}</dt>
      <dd className="min-w-0 text-right font-medium break-words">{children}</dd>
    </div>
  );
}

export const consentTone = (state: string) => (state === "granted" ? "good" : state === "denied" || state === "withdrawn" ? "bad" : "none");

/** Side is what has to be seen at once, whichever tab is open. */
function Side({ p, account }: { p: Profile; account: boolean }) {
  const { t } = useTranslation();
  const sources = new Set(p.identifiers.flatMap((i) => i.sources));
  return (
    <div className="space-y-4">
      <Card title={t("side.activity")}>
        <dl>
          <Fact label={t("col.events")}><Num n={p.events} /></Fact>
          <Fact label={t("col.lastSeen")}><When at={p.last_seen} /></Fact>
          <Fact label={t("col.firstSeen")}><When at={p.first_seen} /></Fact>
          <Fact label={t("side.sources")}>{[...sources].sort().join(", ") || "–"}</Fact>
          {!account && <Fact label={t("side.identifiers")}><Num n={p.identifiers.length} /></Fact>}
        </dl>
      </Card>
      {Object.keys(p.computed).length > 0 && (
        <Card title={t("side.computed")}>
          <dl>
            {Object.entries(p.computed).map(([k, v]) => (
              <Fact key={k} label={k}><Computed v={v} /></Fact>
            ))}
          </dl>
        </Card>
      )}
      {!account && (
        <Card title={t("tab.segments")}>
          {p.segments.length === 0 ? (
            <p className="text-soft">{t("side.noSegments")}</p>
          ) : (
            <div className="flex flex-wrap gap-1.5">
              {p.segments.map((s) => <Badge key={s.key} tone="accent">{s.key}</Badge>)}
            </div>
          )}
        </Card>
      )}
      {!account && (
        <Card title={t("tab.consents")}>
          {p.consents.length === 0 ? (
            <p className="text-soft">{t("side.noConsents")}</p>
          ) : (
            <dl>
              {p.consents.map((c) => (
                <Fact key={c.purpose + c.channel} label={[c.purpose, c.channel].filter(Boolean).join(" / ")}>
                  <Badge tone={consentTone(c.state)}>{t(`consent.${c.state}`)}</Badge>
                </Fact>
              ))}
            </dl>
          )}
        </Card>
      )}
      {p.accounts.length > 0 && (
        <Card title={t("side.accounts")}>
          <ul className="space-y-1">
            {p.accounts.map((a) => (
              <li key={a}>
                <Link to="/profiles/$ref" params={{ ref: `group_id:${a}` }} className="text-accent hover:underline">{a}</Link>
              </li>
            ))}
          </ul>
        </Card>
      )}
    </div>
  );
}

export function Value({ v }: { v: unknown }) {
  const { t } = useTranslation();
  if (isMoment(v)) return <When at={v} absolute />;
  if (typeof v === "number") return <Num n={v} />;
  if (typeof v === "boolean") return <>{t(v ? "yes" : "no")}</>;
  return <span className="break-words">{plain(v)}</span>;
}

/** Computed is a computed trait, which says of itself when it is not whole. */
function Computed({ v }: { v: unknown }) {
  const { t } = useTranslation();
  if (v === null || typeof v !== "object" || !("value" in v)) return <Value v={v} />;
  const partial = ("partial" in v && v.partial === true) || ("truncated" in v && v.truncated === true);
  return (
    <>
      <Value v={v.value} /> {partial && <Badge tone="warn">{t("traits.partial")}</Badge>}
    </>
  );
}

function Traits({ p }: { p: Profile }) {
  const { t } = useTranslation();
  const rows = Object.entries(p.traits).sort(([a], [b]) => a.localeCompare(b));
  const computed = Object.entries(p.computed);
  return (
    <>
      {rows.length === 0 && computed.length === 0 && <Empty title={t("traits.none")}>{t("traits.noneLead")}</Empty>}
      {rows.length > 0 && (
        <Rows
          label={t("tab.traits")}
          rows={rows}
          id={([k]) => k}
          columns={[
            { head: t("col.trait"), cell: ([k]) => <span className="font-medium">{k}</span> },
            { head: t("col.value"), wide: true, cell: ([, v]) => <Value v={v.value} /> },
            { head: t("col.source"), cell: ([, v]) => <Badge>{v.source}</Badge> },
            { head: t("col.since"), right: true, cell: ([, v]) => <When at={v.timestamp} /> },
          ]}
        />
      )}
      {computed.length > 0 && (
        <>
          <h3 className="border-y border-line bg-sunken px-4 py-1.5 font-semibold">{t("side.computed")}</h3>
          <Rows
            label={t("side.computed")}
            rows={computed}
            id={([k]) => k}
            columns={[
              { head: t("col.trait"), cell: ([k]) => <span className="font-medium">{k}</span> },
              { head: t("col.value"), wide: true, cell: ([, v]) => <Computed v={v} /> },
            ]}
          />
        </>
      )}
    </>
  );
}

type Said = { id: string; purpose: string; channel: string; state: string; at: string; received_at: string; via: string; source: string | null; policy: string | null; evidence: unknown };

function Consents({ at }: { at: string }) {
  const { t } = useTranslation();
  const said = useQuery({
    queryKey: ["consents", at],
    queryFn: ({ signal }) => get<Page<Said>>(`/v1/profiles/${refPath(at)}/consents?limit=100`, signal),
  });
  if (said.isPending) return <Skeleton />;
  if (said.isError) return <Trouble error={said.error} retry={() => said.refetch()} />;
  if (said.data.data.length === 0) return <Empty title={t("side.noConsents")}>{t("consents.noneLead")}</Empty>;
  return (
    <Rows
      label={t("tab.consents")}
      rows={said.data.data}
      id={(c) => `${c.id}${c.purpose}${c.channel}${c.via}`}
      columns={[
        { head: t("col.purpose"), cell: (c) => <span className="font-medium">{[c.purpose, c.channel].filter(Boolean).join(" / ")}</span> },
        { head: t("col.state"), cell: (c) => <Badge tone={consentTone(c.state)}>{t(`consent.${c.state}`)}</Badge> },
        { head: t("col.when"), cell: (c) => <When at={c.at} /> },
        { head: t("col.via"), cell: (c) => [c.via, c.source].filter(Boolean).join(" · ") },
        { head: t("col.proof"), wide: true, cell: (c) => <span className="text-sm break-all text-soft">{[c.policy, c.evidence ? plain(c.evidence) : null].filter(Boolean).join(" · ") || "–"}</span> },
      ]}
    />
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

/** PersonLink names a person by what is known of them. */
export function PersonLink({ id, known }: { id: string; known?: string }) {
  const p = useQuery({
    queryKey: ["profile", `id:${id}`],
    queryFn: ({ signal }) => get<Profile>(`/v1/profiles/${refPath(`id:${id}`)}?verbose=1`, signal),
    enabled: !known,
    staleTime: 60_000,
  });
  return (
    <Link to="/profiles/$ref" params={{ ref: `id:${id}` }} className="font-medium break-all text-accent hover:underline">
      {known ?? (p.data ? nameOfProfile(p.data) : id)}
    </Link>
  );
}
