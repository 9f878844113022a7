// Segments: all of them, and one with its condition, its people and why.
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { call, enc, get, type Page as Part, Problem, type Segment, type Where } from "../api";
import { sentence } from "../conditions";
import { yamlDocument } from "../format";
import { nameOf, useDelayed, useFound } from "../palette";
import { isObj, rooted } from "../tree";
import { Area, Badge, Button, Card, Code, cx, Dialog, Empty, Field, Input, Num, Rows, Skeleton, Tabs, Trouble, When } from "../ui/kit";
import { Builder } from "./builder";
import { PersonLink } from "./customer";
import { Explain, useSegments } from "./memberships";
import { Page } from "./page";
import { keyOf } from "./sources";

const useSegment = (key: string) =>
  useQuery({ queryKey: ["segment", key], queryFn: ({ signal }) => get<Segment>(`/v1/segments/${enc(key)}`, signal), refetchInterval: 5_000 });

export function Segments() {
  const { t } = useTranslation();
  const all = useSegments();
  const add = (
    <Link to="/segments/new" className="inline-flex min-h-9 items-center gap-1.5 rounded-md border border-accent bg-accent px-3 font-medium text-on-accent hover:bg-accent-strong">
      <Plus aria-hidden className="size-4" />
      {t("segments.new")}
    </Link>
  );
  return (
    <Page title={t("nav.segments")} lead={t("segments.lead")} action={add}>
      <Card flush>
        {all.isPending && <Skeleton />}
        {all.isError && <Trouble error={all.error} retry={() => all.refetch()} />}
        {all.data?.data.length === 0 && <Empty title={t("segments.none")} action={add}>{t("segments.noneLead")}</Empty>}
        {all.data && all.data.data.length > 0 && (
          <Rows
            label={t("nav.segments")}
            rows={all.data.data}
            id={(s) => s.key}
            columns={[
              { head: t("col.name"), cell: (s) => <Link to="/segments/$key" params={{ key: s.key }} className="font-semibold text-accent hover:underline">{s.name}</Link> },
              { head: t("segments.who"), wide: true, cell: (s) => <span className="text-soft">{s.where ? <InWords where={s.where} /> : t("segments.list")}</span> },
              { head: t("col.state"), cell: (s) => <Status k={s.key} /> },
              { head: t("segments.size"), right: true, cell: (s) => <Size k={s.key} /> },
              { head: t("segments.changed"), right: true, cell: (s) => <When at={s.updated_at} /> },
            ]}
          />
        )}
      </Card>
    </Page>
  );
}

function InWords({ where }: { where: Where }) {
  const { t } = useTranslation();
  const root = rooted(where);
  const form = Object.keys(root)[0];
  const parts = (root[form] as Where[]).map((c) => sentence(t, c));
  return <>{`${t(`group.${form}`)}: ${parts.join("; ")}`}</>;
}

const Status = ({ k }: { k: string }) => {
  const { t } = useTranslation();
  const s = useSegment(k);
  if (!s.data?.status) return null;
  return <Badge tone={s.data.status === "live" ? "good" : "accent"}>{t(`segstate.${s.data.status}`, { defaultValue: s.data.status })}</Badge>;
};

function Size({ k }: { k: string }) {
  const s = useSegment(k);
  if (s.data?.size === undefined || s.data.size === null) return <>…</>;
  return (
    <Link to="/segments/$key" params={{ key: k }} search={{ tab: "members" }} className="font-semibold hover:underline">
      <Num n={s.data.size} />
    </Link>
  );
}

export function NewSegment() {
  return <Editor saved={null} />;
}

export function OneSegment() {
  const { key } = useParams({ from: "/segments/$key" });
  const s = useSegment(key);
  if (s.isPending) return <Skeleton lines={8} />;
  if (s.isError) return <Trouble error={s.error} retry={() => s.refetch()} />;
  return <Editor key={key} saved={s.data} />;
}

type Preview = { size: number; exact: boolean; as_of: string; per_condition: number[]; sample: { profile_id?: string; account_id?: string; email?: string }[] };

function Editor({ saved }: { saved: Segment | null }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const client = useQueryClient();
  const { tab = "builder" } = useSearch({ strict: false }) as { tab?: string };
  const [name, setName] = useState(saved?.name ?? "");
  const [where, setWhere] = useState<Where>(() => rooted(saved?.where));
  const [base, setBase] = useState(() => JSON.stringify({ name: saved?.name ?? "", where: rooted(saved?.where) }));
  const [removing, setRemoving] = useState(false);
  const changed = JSON.stringify({ name, where }) !== base;
  const key = saved?.key ?? keyOf(name);
  const all = useSegments();
  const taken = !saved && (key === "new" || all.data?.data.some((s) => s.key === key));
  const body = { name: name.trim(), where, ...(saved?.scope ? { scope: saved.scope } : {}), ...(saved ? { version: saved.version } : {}) };
  const late = useDelayed(where, 250);
  const empty = Object.values(where).every((v) => Array.isArray(v) && v.length === 0);
  const preview = useQuery({
    queryKey: ["preview", JSON.stringify(late), saved?.scope],
    queryFn: ({ signal }) => call<Preview>("POST", "/v1/segments:preview", { where: late, sample: 5, ...(saved?.scope ? { scope: saved.scope } : {}) }, signal),
    enabled: !empty && !saved?.list,
    placeholderData: keepPreviousData,
    retry: false,
  });
  const save = useMutation({
    mutationFn: () => call<Segment>("PUT", `/v1/segments/${enc(key)}`, body),
    onSuccess: async () => {
      setBase(JSON.stringify({ name, where }));
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
  const panels = [
    {
      value: "builder",
      label: t("segments.condition"),
      panel: (
        <div className="space-y-3 p-4 compact:p-2">
          {saved?.list ? <p className="text-soft">{t("segments.list")}</p> : <Builder where={where} change={edit} places={places} counts={preview.data?.per_condition} stale={stale} />}
        </div>
      ),
    },
    ...(saved ? [{ value: "members", label: t("tab.members"), panel: <Members k={saved.key} account={saved.scope === "account"} /> }] : []),
    ...(saved && !saved.list && saved.scope !== "account" ? [{ value: "explain", label: t("segments.explain"), panel: <ExplainSomeone k={saved.key} changed={changed} /> }] : []),
    { value: "document", label: t("segments.document"), panel: <Document k={key || "my_segment"} body={{ name: name.trim(), ...(saved?.scope ? { scope: saved.scope } : {}), where }} change={edit} /> },
  ];
  const shown = panels.some((p) => p.value === tab) ? tab : "builder";
  return (
    <Page
      title={saved ? saved.name : t("segments.new")}
      lead={saved ? <span className="font-mono text-sm">{saved.key}</span> : t("segments.newLead")}
      action={
        <>
          {saved && <Button kind="bad" onClick={() => setRemoving(true)}>{t("delete")}</Button>}
          <Button kind="main" disabled={!name.trim() || !key || taken || !changed || save.isPending || empty} onClick={() => save.mutate()}>
            {t("save")}
          </Button>
        </>
      }
    >
      <div className="grid items-start gap-4 xl:grid-cols-[1fr_19rem]">
        <div className="min-w-0 space-y-4">
          <div className="max-w-xl">
            <Field label={t("col.name")} hint={saved ? undefined : key ? `${t("source.keyWillBe")} ${key}` : t("segments.nameHint")}>
              <Input value={name} autoFocus={!saved} onChange={(e) => { save.reset(); setName(e.target.value); }} />
            </Field>
            {taken && <p role="alert" className="mt-1 text-bad">{t("segments.taken")}</p>}
          </div>
          {outside && <Trouble error={problem} />}
          {save.isSuccess && !changed && <p role="status" className="text-good">{t("saved")}</p>}
          <Card flush>
            <Tabs
              label={t("segments.parts")}
              tabs={panels}
              value={shown}
              change={(v) => void (saved ? navigate({ to: "/segments/$key", params: { key: saved.key }, search: { tab: v }, replace: true }) : navigate({ to: "/segments/new", search: { tab: v }, replace: true }))}
            />
          </Card>
        </div>
        {!saved?.list && <Side preview={preview.data} error={preview.isError} empty={empty} stale={stale} saved={saved} />}
      </div>
      <Dialog open={removing} close={() => setRemoving(false)} title={t("segments.delete", { name: saved?.name ?? "" })}>
        {saved && <Removal s={saved} close={() => setRemoving(false)} />}
      </Dialog>
    </Page>
  );
}

function Side({ preview, error, empty, stale, saved }: { preview: Preview | undefined; error: boolean; empty: boolean; stale: boolean; saved: Segment | null }) {
  const { t } = useTranslation();
  return (
    <div className="space-y-4 xl:sticky xl:top-18">
      <Card title={t("segments.preview")}>
        {empty ? (
          <p className="text-soft">{t("segments.previewEmpty")}</p>
        ) : !preview ? (
          <p className="text-soft">{error ? t("segments.previewError") : t("loading")}</p>
        ) : (
          <div className={cx(stale && "opacity-55")} role="status">
            <p className="text-3xl font-semibold">
              {!preview.exact && "≈ "}
              <Num n={preview.size} />
            </p>
            <p className="text-soft">
              {t(saved?.scope === "account" ? "segments.accounts" : "segments.people")} · {t(preview.exact ? "exact" : "estimated")} · <When at={preview.as_of} />
            </p>
            {error && <p className="mt-1 text-sm text-bad">{t("segments.previewError")}</p>}
            {preview.sample.length > 0 && <p className="mt-3 mb-1 text-sm font-medium">{t("segments.sample")}</p>}
            <ul className="space-y-1">
              {preview.sample.map((s) => (
                <li key={s.profile_id ?? s.account_id} className="truncate">
                  {s.profile_id ? <PersonLink id={s.profile_id} known={s.email} /> : <Link to="/profiles/$ref" params={{ ref: `group_id:${s.account_id}` }} className="text-accent hover:underline">{s.account_id}</Link>}
                </li>
              ))}
            </ul>
          </div>
        )}
      </Card>
      {saved && saved.size !== undefined && (
        <Card title={t("segments.savedNow")}>
          <p className="text-xl font-semibold"><Num n={saved.size} /></p>
          <p className="text-soft">{t("exact")} · <When at={saved.as_of} /></p>
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

function ExplainSomeone({ k, changed }: { k: string; changed: boolean }) {
  const { t } = useTranslation();
  const [q, setQ] = useState("");
  const [who, setWho] = useState<{ id: string; name: string } | null>(null);
  const found = useFound(useDelayed(q, 180), 5);
  return (
    <div className="space-y-3 p-4">
      {changed && <p className="text-warn">{t("segments.explainSaved")}</p>}
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
      {who && (
        <section aria-label={who.name}>
          <p className="font-semibold"><PersonLink id={who.id} known={who.name} /></p>
          <Explain at={`id:${who.id}`} segment={k} />
        </section>
      )}
    </div>
  );
}

function Document({ k, body, change }: { k: string; body: Record<string, unknown> & { where: Where }; change: (w: Where) => void }) {
  const { t } = useTranslation();
  const current = JSON.stringify(body.where, null, 2);
  const [text, setText] = useState(current);
  const [bad, setBad] = useState("");
  useEffect(() => {
    setText((old) => {
      try {
        return JSON.stringify(JSON.parse(old)) === JSON.stringify(JSON.parse(current)) ? old : current;
      } catch {
        return old;
      }
    });
  }, [current]);
  return (
    <div className="grid gap-4 p-4 lg:grid-cols-2">
      <div>
        <h3 className="mb-1 text-sm font-medium">YAML</h3>
        <Code tall label="YAML" text={yamlDocument({ segments: [{ key: k, ...body }] })} />
      </div>
      <div>
        <label className="mb-1 block text-sm font-medium" htmlFor="where-json">{t("segments.json")}</label>
        <Area
          id="where-json"
          rows={18}
          value={text}
          aria-invalid={!!bad}
          onChange={(e) => {
            setText(e.target.value);
            try {
              const v: unknown = JSON.parse(e.target.value);
              if (!isObj(v)) throw new Error(t("builder.badJson"));
              setBad("");
              change(rooted(v));
            } catch (x) {
              setBad((x as Error).message);
            }
          }}
        />
        {bad && <p role="alert" className="mt-1 text-sm text-bad">{bad}</p>}
      </div>
    </div>
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
      <p>{t("segments.deleteLead")}{s.size !== undefined && <> <strong><Num n={s.size} /></strong> {t("segments.deleteSize")}</>}</p>
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
