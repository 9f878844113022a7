// One segment: its condition with the size while it is edited, what saving would
// change, its people, why, and its document.
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { call, enc, get, type Page as Part, Problem, type Segment, type Where } from "../api";
import { keyOf, usePeopleTotal, useSegments } from "../data";
import { valueWord } from "../conditions";
import { num, percent, plain, yamlDocument } from "../format";
import { nameOf, useDelayed, useFound } from "../palette";
import { PersonLink } from "../person";
import { grouped, isObj, rooted } from "../tree";
import { Ranks } from "../ui/chart";
import { Area, Badge, Button, buttonLook, Card, Code, cx, Dialog, Empty, Exact, Field, Input, Missing, Num, Rows, Segmented, Skeleton, Tabs, Trouble, When } from "../ui/kit";
import { Picker } from "../ui/picker";
import { say } from "../ui/toast";
import { Builder, useTraitNames } from "./builder";
import { Explain } from "./memberships";
import { Course, type Span } from "./course";
import { Page } from "./page";
import { Overlaps, useSegment } from "./segments";
import { Templates } from "./templates";
import { NewList, Upload } from "./upload";

export function NewSegment() {
  const search = useSearch({ from: "/segments/new" });
  if (search.tab === "list") return <NewList />;
  return <Editor key={JSON.stringify(search.where ?? null)} saved={null} first={{ where: search.where, name: search.name }} />;
}

export function OneSegment() {
  const { t } = useTranslation();
  const { key } = useParams({ from: "/segments/$key" });
  const s = useSegment(key);
  if (s.isPending) return <Skeleton lines={8} />;
  if (s.error instanceof Problem && s.error.status === 404) {
    return (
      <Missing title={t("missing.segment")}>
        {t("missing.lead")} <Link to="/segments" className="text-accent underline">{t("segments.all")}</Link>
      </Missing>
    );
  }
  if (s.isError) return <Trouble error={s.error} retry={() => s.refetch()} />;
  return <Editor key={key} saved={s.data} />;
}

type Person = { profile_id?: string; account_id?: string; name?: string; first_name?: string; last_name?: string; email?: string; identifier?: { type: string; value: string } };
type Change = { key: string; size_now: number; staying: number; entering: { size: number; sample: Person[] }; leaving: { size: number; sample: Person[] }; needed_by: string[] };
type Preview = { size: number; exact: boolean; margin?: number; as_of: string; per_condition: number[]; sample: Person[]; change?: Change };

function Editor({ saved, first }: { saved: Segment | null; first?: { where?: Where; name?: string } }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const client = useQueryClient();
  const search = useSearch({ strict: false }) as { tab?: string; keys?: string[]; trait?: string; span?: Span };
  const [name, setName] = useState(saved?.name ?? first?.name ?? "");
  const [where, setWhere] = useState<Where>(() => grouped(saved?.where ?? first?.where));
  const [scope, setScope] = useState<"profile" | "account">(saved?.scope === "account" ? "account" : "profile");
  const [base, setBase] = useState(() => JSON.stringify({ name: saved?.name ?? "", where: grouped(saved?.where) }));
  const [removing, setRemoving] = useState(false);
  const changed = JSON.stringify({ name, where }) !== base;
  const key = saved?.key ?? keyOf(name);
  const all = useSegments();
  const total = usePeopleTotal().data ?? 0;
  const taken = !saved && (key === "new" || all.data?.data.some((s) => s.key === key));
  const scoped = scope === "account" ? { scope } : {};
  const body = { name: name.trim(), ...(saved?.list ? { list: true } : { where }), ...scoped, ...(saved ? { version: saved.version } : {}) };
  const late = useDelayed(where, 250);
  const [whole, setWhole] = useState("");
  const asked = JSON.stringify(late);
  const empty = Object.values(where).every((v) => Array.isArray(v) && v.length === 0);
  const preview = useQuery({
    queryKey: ["preview", asked, scope, changed ? saved?.key : undefined, saved?.version, whole === asked],
    queryFn: ({ signal }) => call<Preview>("POST", "/v1/segments:preview", { where: late, sample: 5, ...scoped, ...(saved && changed ? { key: saved.key } : {}), ...(whole === asked ? { exact: true } : {}) }, signal),
    enabled: !empty && !saved?.list,
    placeholderData: keepPreviousData,
    retry: false,
  });
  const save = useMutation({
    mutationFn: () => call<Segment>("PUT", `/v1/segments/${enc(key)}`, body),
    onSuccess: async () => {
      setBase(JSON.stringify({ name, where }));
      say(t("saved"));
      await client.invalidateQueries({ queryKey: ["segments"] });
      await client.invalidateQueries({ queryKey: ["segment", key] });
      if (!saved) void navigate({ to: "/segments/$key", params: { key } });
    },
  });
  const problem = save.error ?? (preview.isError && late === where ? preview.error : null);
  const places = useMemo(() => (problem instanceof Problem ? problem.places : []), [problem]);
  const edit = (w: Where) => {
    save.reset();
    setWhere(w);
  };
  const outside = problem && !places.some((p) => p.pointer.startsWith("/where"));
  const stale = late !== where || preview.isPlaceholderData || preview.isError;
  const go = (more: Record<string, unknown>) =>
    void (saved
      ? navigate({ to: "/segments/$key", params: { key: saved.key }, search: { tab: search.tab, ...more } as never, replace: true })
      : navigate({ to: "/segments/new", search: (s: Record<string, unknown>) => ({ ...s, ...more }), replace: true }));
  const account = scope === "account";
  const naming = (
    <div className="max-w-xl">
      <Field label={t("col.name")} hint={saved ? undefined : key ? `${t("source.keyWillBe")} ${key}` : t("segments.nameHint")}>
        <Input value={name} autoFocus={!saved && !first?.where} onChange={(e) => { save.reset(); setName(e.target.value); }} />
      </Field>
      {taken && <p role="alert" className="mt-1 text-bad">{t("segments.taken")}</p>}
    </div>
  );
  const panels = [
    {
      value: "builder",
      label: t(saved?.list ? "upload.title" : "segments.condition"),
      panel: (
        <div className="space-y-3 p-4 compact:p-2">
          {saved && naming}
          {saved?.list ? (
            <>
              <p className="text-soft">{t("segments.listLead")}</p>
              <Upload into={() => Promise.resolve(saved.key)} ready fresh={saved.size === 0} account={account} />
            </>
          ) : (
            <>
              {!saved && (
                <span className="flex flex-wrap items-center gap-2">
                  <span aria-hidden>{t("segments.scope")}</span>
                  <Segmented
                    label={t("segments.scope")}
                    value={scope}
                    change={(v) => {
                      setScope(v as typeof scope);
                      edit({ all: [] });
                    }}
                    options={[{ value: "profile", label: t("segments.ofPeople") }, { value: "account", label: t("segments.ofAccounts") }]}
                  />
                </span>
              )}
              <Builder where={where} change={edit} places={places} counts={preview.data?.per_condition} rough={preview.data?.exact === false} stale={stale} total={account ? undefined : total} scope={scope} />
              {!saved && empty && !account && (
                <div className="border-t border-line pt-4">
                  <Templates />
                </div>
              )}
            </>
          )}
        </div>
      ),
    },
    ...(saved ? [{ value: "members", label: t("tab.members"), panel: <Members k={saved.key} account={account} /> }] : []),
    ...(saved?.list || empty ? [] : [{ value: "breakdown", label: t("breakdown.title"), panel: <Breakdown where={late} scope={scope} trait={search.trait} change={(trait) => go({ trait })} /> }]),
    ...(saved ? [{ value: "course", label: t("course.tab"), panel: <Course k={saved.key} now={saved.size ?? 0} span={search.span ?? "week"} change={(span) => go({ span })} /> }] : []),
    ...(saved ? [{ value: "overlap", label: t("overlap.title"), panel: <Overlaps fixed={saved.key} keys={search.keys ?? []} change={(keys) => go({ keys: keys.length ? keys : undefined })} /> }] : []),
    ...(saved?.list || empty || account ? [] : [{ value: "explain", label: t("segments.explain"), panel: <ExplainSomeone of={saved && !changed ? { segment: saved.key } : { where: late }} /> }]),
    ...(saved?.list ? [] : [{ value: "document", label: t("segments.document"), panel: <Document k={key || "my_segment"} body={{ name: name.trim(), ...scoped, where }} change={(w) => edit(grouped(w))} /> }]),
  ];
  const shown = panels.some((p) => p.value === search.tab) ? search.tab! : "builder";
  return (
    <Page
      title={saved ? saved.name : t("segments.new")}
      lead={saved ? <span className="text-sm">{t("settings.key")} <span className="font-mono">{saved.key}</span></span> : t("segments.newLead")}
      action={
        <>
          {!saved && <Link to="/segments/new" search={{ tab: "list" }} className={buttonLook()}>{t("upload.title")}</Link>}
          {saved && <Button kind="bad" onClick={() => setRemoving(true)}>{t("delete")}</Button>}
          <Button kind="main" disabled={!name.trim() || !key || taken || !changed || save.isPending || (empty && !saved?.list)} onClick={() => save.mutate()}>
            {t("save")}
          </Button>
        </>
      }
    >
      <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,1fr)_19rem]">
        <div className="min-w-0 space-y-4">
          {!saved && naming}
          {outside && <Trouble error={problem} />}
          <Card flush>
            <Tabs label={t("segments.parts")} tabs={panels} value={shown} change={(v) => go({ tab: v === "builder" ? undefined : v })} />
          </Card>
        </div>
        {saved?.list && (
          <Card title={t("tile.now")}>
            <p><span className="text-3xl font-semibold tracking-tight"><Num n={saved.size ?? 0} /></span> <span className="text-soft">{t(account ? "segments.accounts" : "segments.people", { count: saved.size ?? 0 })}</span></p>
            <Exact at={saved.as_of} exact={saved.exact} />
          </Card>
        )}
        {!saved?.list && <Side preview={preview.data} error={preview.isError} empty={empty} stale={stale} saved={saved} account={account} changed={changed} total={account ? 0 : total} count={whole === asked ? undefined : () => setWhole(asked)} />}
      </div>
      <Dialog open={removing} close={() => setRemoving(false)} title={t("segments.delete", { name: saved?.name ?? "" })}>
        {saved && <Removal s={saved} close={() => setRemoving(false)} />}
      </Dialog>
    </Page>
  );
}

/** calledOf is a name where the answer has one; without it the person is asked. */
const calledOf = (s: Person) => s.name ?? ([s.first_name, s.last_name].filter(Boolean).join(" ") || undefined);

function People({ people }: { people: Person[] }) {
  return (
    <ul className="space-y-1">
      {people.map((s) => (
        <li key={s.profile_id ?? s.account_id} className="truncate">
          {s.profile_id ? <PersonLink id={s.profile_id} known={calledOf(s)} /> : <Link to="/profiles/$ref" params={{ ref: `group_id:${s.account_id}` }} className="text-accent hover:underline">{s.account_id}</Link>}
        </li>
      ))}
    </ul>
  );
}

function Side({ preview, error, empty, stale, saved, account, changed, total, count }: { count: (() => void) | undefined; preview: Preview | undefined; error: boolean; empty: boolean; stale: boolean; saved: Segment | null; account: boolean; changed: boolean; total: number }) {
  const { t, i18n } = useTranslation();
  const c = preview?.change;
  const live = saved && !changed && saved.size !== undefined && saved.status === "live";
  const now = live && preview ? { ...preview, size: saved.size ?? 0, exact: saved.exact ?? true, as_of: saved.as_of ?? preview.as_of } : preview;
  return (
    <div className="space-y-4 xl:sticky xl:top-18">
      <Card title={t(saved && !changed ? "tile.now" : "segments.preview")} action={saved?.status && saved.status !== "live" && !changed && <Badge tone="accent">{t(`segstate.${saved.status}`, { defaultValue: saved.status })}</Badge>}>
        {empty ? (
          <p className="text-soft">{t("segments.previewEmpty")}</p>
        ) : !preview || !now ? (
          <p className="text-soft">{error ? t("segments.previewError") : t("loading")}</p>
        ) : (
          <div className={cx(stale && "opacity-70")} role="status">
            <p>
              <span className="text-3xl font-semibold tracking-tight">
                {!now.exact && "≈ "}
                <Num n={now.size} />
              </span>
              {!now.exact && now.margin !== undefined && <span className="ml-2 text-soft">± <Num n={now.margin} /></span>} <span className="text-soft">{t(account ? "segments.accounts" : "segments.people", { count: now.size })}</span>
            </p>
            <Exact at={now.as_of} exact={now.exact} />
            {total > 0 && (
              <>
                <svg aria-hidden width="100%" height="6" className="mt-2 block rounded-full bg-sunken">
                  <rect width={`${Math.min(100, (now.size / total) * 100)}%`} height="6" rx="3" className="fill-one" />
                </svg>
                <p className="mt-1 text-sm text-soft">{t("segments.ofAll", { share: percent(now.size / total, i18n.language, 1) })}</p>
              </>
            )}
            {!now.exact && now.margin !== undefined && count && <Button small className="mt-2" onClick={count}>{t("segments.countAll")}</Button>}
            {error && <p className="mt-1 text-sm text-bad">{t("segments.previewError")}</p>}
            {preview.sample.length > 0 && <p className="mt-3 mb-1 text-sm font-medium">{t("segments.sample")}</p>}
            <People people={preview.sample} />
          </div>
        )}
      </Card>
      {saved && c && changed && !error && (
        <Card title={t("change.title")}>
          <div className={cx("space-y-3", stale && "opacity-70")} role="status">
            <dl className="grid grid-cols-3 gap-2 text-center">
              {([["entering", c.entering.size, "text-good", "+"], ["staying", c.staying, "", ""], ["leaving", c.leaving.size, "text-bad", "−"]] as const).map(([k, n, tone, sign]) => (
                <div key={k} className="rounded-md bg-sunken px-1 py-1.5">
                  <dd className={cx("text-lg font-semibold", n > 0 && tone)}>{!preview.exact && n > 0 && "≈ "}{n > 0 && sign}<Num n={n} /></dd>
                  <dt className="text-sm text-soft">{t(`change.${k}`)}</dt>
                </div>
              ))}
            </dl>
            {c.entering.sample.length > 0 && (
              <div>
                <p className="mb-1 text-sm font-medium">{t("change.entering")}</p>
                <People people={c.entering.sample.slice(0, 3)} />
              </div>
            )}
            {c.leaving.sample.length > 0 && (
              <div>
                <p className="mb-1 text-sm font-medium">{t("change.leaving")}</p>
                <People people={c.leaving.sample.slice(0, 3)} />
              </div>
            )}
            {c.needed_by.length > 0 && <p className="text-sm text-warn">{t("change.needed", { names: c.needed_by.join(", ") })}</p>}
            <p className="text-sm text-soft">{t("change.nothing")}</p>
          </div>
        </Card>
      )}
      {saved && changed && saved.size !== undefined && (
        <Card title={t("segments.savedNow")}>
          <p className="text-xl font-semibold"><Num n={saved.size} /></p>
          {saved.status && saved.status !== "live" ? <Badge tone="accent">{t(`segstate.${saved.status}`, { defaultValue: saved.status })}</Badge> : <Exact at={saved.as_of} />}
        </Card>
      )}
    </div>
  );
}

function Members({ k, account }: { k: string; account: boolean }) {
  const { t } = useTranslation();
  const q = useInfiniteQuery({
    queryKey: ["members-of", k],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) => get<Part<{ profile_id?: string; account_id?: string; since: string }>>(`/v1/segments/${enc(k)}/members?limit=25${pageParam && `&cursor=${enc(pageParam)}`}`, signal),
    getNextPageParam: (p) => p.next ?? undefined,
  });
  if (q.isPending) return <Skeleton />;
  if (q.isError) return <Trouble error={q.error} retry={() => q.refetch()} />;
  const rows = q.data.pages.flatMap((p) => p.data);
  if (rows.length === 0) return <Empty title={t("segments.nobody")}>{t("segments.nobodyLead")}</Empty>;
  return (
    <>
      <Rows
        label={t("tab.members")}
        rows={rows}
        id={(m) => m.profile_id ?? m.account_id ?? ""}
        columns={[
          { head: t("col.name"), wide: true, cell: (m) => (account ? <Link to="/profiles/$ref" params={{ ref: `group_id:${m.account_id}` }} className="text-accent hover:underline">{m.account_id}</Link> : <PersonLink id={m.profile_id!} />) },
          { head: t("col.since"), right: true, cell: (m) => <When at={m.since} /> },
          ...(account ? [] : [{ head: t("member.why"), right: true, bare: true, cell: (m: { profile_id?: string }) => <Link to="/profiles/$ref" params={{ ref: `id:${m.profile_id}` }} search={{ tab: "segments", segment: k }} className="text-accent hover:underline">{t("member.why")}</Link> }]),
        ]}
      />
      {q.hasNextPage && (
        <div className="border-t border-line p-3 text-center">
          <Button onClick={() => q.fetchNextPage()} disabled={q.isFetchingNextPage}>{t("more")}</Button>
        </div>
      )}
    </>
  );
}

type Broken = { exact: boolean; as_of: string; data: { value: unknown; size: number }[]; other: number; values: number };

/** Breakdown is how many of a condition's people have each value of a trait. */
function Breakdown({ where, scope, trait, change }: { where: Where; scope: "profile" | "account"; trait: string | undefined; change: (trait: string | undefined) => void }) {
  const { t, i18n } = useTranslation();
  const names = useTraitNames(scope);
  const [text, setText] = useState(trait ?? "");
  const late = useDelayed(text.trim(), 300);
  useEffect(() => {
    if (late !== (trait ?? "")) change(late || undefined);
    // what is typed goes into the address; the address changing is the browser's doing
    // eslint-disable-next-line
  }, [late]);
  const q = useQuery({
    queryKey: ["breakdown", JSON.stringify(where), scope, late],
    queryFn: ({ signal }) => call<Broken>("POST", "/v1/segments:breakdown", { where, trait: late, limit: 15, ...(scope === "account" ? { scope } : {}) }, signal),
    enabled: !!late,
    placeholderData: keepPreviousData,
    retry: false,
  });
  const sum = (q.data?.data.reduce((n, x) => n + x.size, 0) ?? 0) + (q.data?.other ?? 0);
  return (
    <div className="space-y-4 p-4">
      <div className="max-w-sm">
        <span className="mb-1 block text-sm font-medium">{t("breakdown.by")}</span>
        <Picker label={t("builder.traitName")} value={text} change={setText} choices={names} />
      </div>
      {!late && <p className="text-soft">{t("breakdown.choose")}</p>}
      {late && q.isPending && <Skeleton />}
      {q.isError && <Trouble error={q.error} />}
      {late && q.data && !q.isError && (
        <>
          <Ranks
            label={t("breakdown.title")}
            rows={q.data.data.map((x) => ({
              key: JSON.stringify(x.value),
              n: x.size,
              note: percent(x.size / Math.max(1, sum), i18n.language, 1),
              name:
                scope === "account" || isObj(x.value) ? (
                  valueWord(t, x.value)
                ) : (
                  <Link
                    to="/segments/new"
                    search={{ where: { all: [...((rooted(where).all as Where[] | undefined) ?? [where]), x.value === null ? { trait: late, op: "not_exists" } : { trait: late, op: "eq", value: x.value }] }, name: `${late} ${plain(x.value)}` }}
                    className="hover:underline"
                    title={t("breakdown.open")}
                  >
                    {x.value === null ? <span className="text-soft">{t("breakdown.none")}</span> : valueWord(t, x.value)}
                  </Link>
                ),
            }))}
          />
          {q.data.other > 0 && <p className="text-sm text-soft">{t("breakdown.other", { n: num(q.data.other, i18n.language), values: num(q.data.values - q.data.data.length, i18n.language) })}</p>}
          <Exact at={q.data.as_of} exact={q.data.exact} />
        </>
      )}
    </div>
  );
}

function ExplainSomeone({ of }: { of: { segment: string } | { where: Where } }) {
  const { t } = useTranslation();
  const [q, setQ] = useState("");
  const [who, setWho] = useState<{ id: string; name: string } | null>(null);
  const found = useFound(useDelayed(q, 180), 5);
  return (
    <div className="space-y-3 p-4">
      {"where" in of && <p className="text-soft">{t("segments.explainDraft")}</p>}
      <Input type="search" aria-label={t("segments.explainWhom")} placeholder={t("segments.explainWhom")} value={q} onChange={(e) => setQ(e.target.value)} className="max-w-lg" />
      {q.trim() && (
        <ul className="flex flex-wrap gap-2">
          {(found.data?.data ?? []).map((f) => (
            <li key={f.id}>
              <Button small aria-pressed={who?.id === f.id} onClick={() => setWho({ id: f.id, name: nameOf(f) })}>{nameOf(f)}</Button>
            </li>
          ))}
        </ul>
      )}
      {found.isError && <Trouble error={found.error} />}
      {found.data?.data.length === 0 && q.trim() && <p className="text-soft">{t("profiles.none")}</p>}
      {!who && !q.trim() && <p className="text-soft">{t("segments.explainLead")}</p>}
      {who && (
        <section aria-label={who.name}>
          <p className="font-semibold"><PersonLink id={who.id} known={who.name} /></p>
          <Explain at={`id:${who.id}`} of={of} />
        </section>
      )}
    </div>
  );
}

/** Document is the segment as text, which can be edited as such. */
function Document({ k, body, change }: { k: string; body: Record<string, unknown> & { where: Where }; change: (w: Where) => void }) {
  const { t } = useTranslation();
  const [form, setForm] = useState("yaml");
  const curl = `curl -X PUT ${location.origin}/v1/segments/${enc(k)} \\\n  -H "Authorization: Bearer $KITH_ADMIN_TOKEN" \\\n  -H 'Content-Type: application/json' \\\n  -d '${JSON.stringify(body).replaceAll("'", "'\\''")}'`;
  return (
    <div className="space-y-3 p-4">
      <Segmented label={t("segments.document")} value={form} change={setForm} options={[{ value: "yaml", label: "YAML" }, { value: "json", label: "JSON" }, { value: "file", label: t("document.file") }, { value: "curl", label: "curl" }]} />
      {form === "yaml" && <Text key="yaml" label={t("segments.yaml")} write={(w) => yamlDocument(w)} read={async (s) => (await import("yaml")).parse(s) as unknown} where={body.where} change={change} />}
      {form === "json" && <Text key="json" label={t("segments.json")} write={(w) => JSON.stringify(w, null, 2)} read={async (s) => JSON.parse(s) as unknown} where={body.where} change={change} />}
      {form === "file" && (
        <>
          <p className="text-soft">{t("document.fileLead")}</p>
          <Code tall label="YAML" text={yamlDocument({ segments: [{ key: k, ...body }] })} />
        </>
      )}
      {form === "curl" && <Code tall label="curl" text={curl} />}
    </div>
  );
}

function Text({ label, write, read, where, change }: { label: string; write: (w: Where) => string; read: (s: string) => Promise<unknown>; where: Where; change: (w: Where) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState(() => write(where));
  const [bad, setBad] = useState("");
  const [mine, setMine] = useState(() => JSON.stringify(where));
  useEffect(() => {
    if (JSON.stringify(where) !== mine) {
      setText(write(where));
      setMine(JSON.stringify(where));
    }
    // the text follows the condition when it was changed elsewhere
    // eslint-disable-next-line
  }, [where]);
  const put = async (s: string) => {
    setText(s);
    try {
      const v = await read(s);
      if (!isObj(v)) throw new Error(t("builder.badJson"));
      setBad("");
      setMine(JSON.stringify(grouped(v)));
      change(v);
    } catch (x) {
      setBad((x as Error).message);
    }
  };
  return (
    <>
      <Area aria-label={label} rows={Math.min(28, Math.max(12, text.split("\n").length + 1))} value={text} aria-invalid={!!bad} onChange={(e) => void put(e.target.value)} />
      {bad && <p role="alert" className="text-sm whitespace-pre-wrap text-bad">{bad}</p>}
    </>
  );
}

function Removal({ s, close }: { s: Segment; close: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [typedName, setTyped] = useState("");
  const remove = useMutation({
    mutationFn: () => call("DELETE", `/v1/segments/${enc(s.key)}`),
    onSuccess: async () => {
      close();
      await navigate({ to: "/segments" });
      client.removeQueries({ queryKey: ["segment", s.key] });
      await client.invalidateQueries({ queryKey: ["segments"] });
    },
  });
  return (
    <div className="space-y-4 p-4">
      <p>{t("segments.deleteLead")}{s.size !== undefined && <> <strong><Num n={s.size} /> {t(s.scope === "account" ? "segments.accounts" : "segments.people", { count: s.size })}</strong> {t("segments.deleteSize", { count: s.size })}</>}</p>
      <Field label={t("segments.typeName", { name: s.name })}>
        <Input value={typedName} onChange={(e) => setTyped(e.target.value)} />
      </Field>
      {remove.isError && <Trouble error={remove.error} />}
      <div className="flex justify-end gap-2">
        <Button onClick={close}>{t("cancel")}</Button>
        <Button kind="bad" disabled={typedName !== s.name || remove.isPending} onClick={() => remove.mutate()}>{t("delete")}</Button>
      </div>
    </div>
  );
}
