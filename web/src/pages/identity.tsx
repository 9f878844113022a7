// By what a customer is known, why any two of it are one person, and the way to
// bring together or part what was seen wrongly.
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { TFunction } from "i18next";
import { ArrowDown, GitMerge, Link2, Scissors, Unlink } from "lucide-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { call, enc, type Found, get, type Identifier, type Named, type Page, type Profile, refPath, sql, type Why } from "../api";
import { useSourceName } from "../data";
import { between } from "../format";
import { nameOf, useDelayed, useFound } from "../palette";
import { type Edge, Graph, graphMax } from "../ui/graph";
import { Badge, Button, Card, Copy, Dialog, Empty, Field, Fold, Input, Num, Rows, Segmented, Select, Skeleton, Trouble, When } from "../ui/kit";
import { say } from "../ui/toast";

const ref = (i: Named) => `${i.type}:${i.value}`;

export type Decision = { id: string; kind: string; at: string; by: string | null; reason: string | null; state: string; a?: Named; b?: Named; left?: Named[]; right?: Named[] };
export type Audited = { at: string; kind: string; from: string | null; to: string | null; identifiers: Named[]; count: number; cause: { source: string | null; message_id: string | null; decision_id: string | null } | null; decision: Decision | null };

export const useAudit = (at: string, enabled = true) =>
  useQuery({ queryKey: ["audit", at], queryFn: ({ signal }) => get<Page<Audited>>(`/v1/profiles/${refPath(at)}/audit?limit=100`, signal), enabled });

/** ruleWords says at which turn a link was judged in the reader's language, null of a sentence that it does not know. */
export function ruleWords(t: TFunction, rule: string): string | null {
  if (/operator's merge/.test(rule)) return t("rule.operator");
  const [, from, to, seen] = /^links of priority (\d+) to (\d+), (?:the (last|first) seen first|and only if there is no rival)$/.exec(rule) ?? [];
  return from ? t(`rule.${seen ?? "none"}`, { from, to }) : null;
}

type Linked = { nodes: { id: string; type: string; value: string }[]; edges: Edge[] };

/** useLinks are the identifiers of a person with what joins them. */
const useLinks = (p: Profile) =>
  useQuery({
    queryKey: ["links", p.id, p.identifiers.length],
    queryFn: async ({ signal }): Promise<Linked> => {
      const mine = `SELECT node_id, type, value FROM identifiers WHERE profile_id = '${p.id}'`;
      const [ids, links] = await Promise.all([
        sql(`${mine} ORDER BY last_seen DESC LIMIT 300`, signal),
        sql(`SELECT l.node_a, l.node_b, l.kinds, l.count, l.verdict FROM links l JOIN (${mine}) a ON a.node_id = l.node_a JOIN (${mine}) b ON b.node_id = l.node_b LIMIT 2000`, signal),
      ]);
      return {
        nodes: ids.data.map((r) => ({ id: String(r.node_id), type: String(r.type), value: String(r.value) })),
        edges: links.data.map((r) => ({ a: String(r.node_a), b: String(r.node_b), count: Number(r.count ?? 1), accepted: r.verdict === "accepted", kinds: kinds(r.kinds) })),
      };
    },
    staleTime: 15_000,
  });

const kinds = (v: unknown) => (Array.isArray(v) ? v : typeof v === "string" && v.startsWith("[") ? (JSON.parse(v) as unknown[]) : [v]).join(", ");

export function Identity({ p }: { p: Profile }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const at = useParams({ from: "/profiles/$ref" }).ref;
  const search = useSearch({ from: "/profiles/$ref" });
  const [marked, setMarked] = useState<Set<string>>(new Set());
  const [merging, setMerging] = useState(false);
  const [splitting, setSplitting] = useState(false);
  const links = useLinks(p);
  const source = useSourceName();
  const all = p.identifiers.map(ref);
  const a = search.a ?? all[0];
  const b = search.b;
  const view = search.view ?? "list";
  const go = (change: Record<string, string | undefined>) => void navigate({ to: "/profiles/$ref", params: { ref: at }, search: { tab: "identity", a: search.a, b: search.b, view: search.view, ...change }, replace: true });
  const show = (x: string | undefined, y: string | undefined) => go({ a: x, b: y });
  const options = all.map((x) => ({ value: x, label: x }));
  const mark = (id: string) =>
    setMarked((m) => {
      const n = new Set(m);
      if (!n.delete(id)) n.add(id);
      return n;
    });
  const nodes = links.data?.nodes ?? [];
  const idOf = (i: Named) => nodes.find((n) => n.type === i.type && n.value === i.value)?.id;
  return (
    <>
      <div className="no-print flex flex-wrap items-center gap-2 border-b border-line px-4 py-2">
        <Segmented label={t("identity.view")} value={view} change={(v) => go({ view: v === "list" ? undefined : v })} options={["list", "graph", "log"].map((v) => ({ value: v, label: t(`identity.${v}`) }))} />
        <span className="ml-auto flex flex-wrap gap-2">
          <Button small onClick={() => setMerging(true)}>
            <GitMerge aria-hidden className="size-3.5" />
            {t("merge.open")}
          </Button>
          <Button small disabled={marked.size === 0 || marked.size >= nodes.length} title={marked.size === 0 ? t("split.how") : undefined} onClick={() => setSplitting(true)}>
            <Scissors aria-hidden className="size-3.5" />
            {marked.size > 0 ? t("split.openN", { count: marked.size }) : t("split.open")}
          </Button>
        </span>
      </div>
      {view !== "log" && (
        <div className="flex flex-wrap items-end gap-2 border-b border-line px-4 py-3">
          <p className="w-full text-sm text-soft">{t("why.lead")}</p>
          <label className="min-w-0 flex-1 basis-56">
            <span className="mb-1 block text-sm font-medium">{t("why.from")}</span>
            <Select options={options} value={a} onChange={(e) => show(e.target.value, b)} />
          </label>
          <label className="min-w-0 flex-1 basis-56">
            <span className="mb-1 block text-sm font-medium">{t("why.to")}</span>
            <Select options={[{ value: "", label: t("why.choose") }, ...options.filter((o) => o.value !== a)]} value={b ?? ""} onChange={(e) => show(a, e.target.value || undefined)} />
          </label>
        </div>
      )}
      {view !== "log" && a && b && a !== b && <Explanation a={a} b={b} />}
      {links.isError && <Trouble error={links.error} retry={() => links.refetch()} />}
      {view === "graph" && links.isPending && <Skeleton lines={6} />}
      {view === "graph" && links.data && (
        <>
          {nodes.length > graphMax && <p className="px-4 pt-3 text-sm text-soft">{t("graph.some", { n: graphMax, of: nodes.length })}</p>}
          <Graph nodes={nodes.slice(0, graphMax)} edges={links.data.edges} marked={marked} mark={mark} chosen={nodes.filter((n) => b && [a, b].includes(ref(n))).map((n) => n.id)} />
          <p className="border-t border-line px-4 py-2 text-sm text-soft">{t("split.how")}</p>
        </>
      )}
      {view === "log" && <Log at={at} />}
      {view === "list" && (
        <Rows<Identifier>
          label={t("tab.identity")}
          rows={p.identifiers}
          id={ref}
          columns={[
            { head: t("col.type"), slim: true, cell: (i) => <span className="font-medium">{i.type}</span> },
            {
              head: t("col.value"),
              wide: true,
              bare: true,
              cell: (i) => (
                <span className="inline-flex items-start gap-1 sm:min-w-[21rem]">
                  <span className="mt-0.5 font-mono text-sm break-all">{i.value}</span>
                  <Copy text={i.value} />
                </span>
              ),
            },
            { head: t("side.sources"), cell: (i) => <span className="inline-block text-soft sm:min-w-32">{i.sources.map(source).join(", ")}</span> },
            { head: t("col.firstSeen"), right: true, cell: (i) => <When at={i.first_seen} /> },
            { head: t("col.lastSeen"), right: true, cell: (i) => <When at={i.last_seen} /> },
            {
              head: t("split.pick"),
              cell: (i) => <input type="checkbox" aria-label={`${t("split.pick")}: ${ref(i)}`} checked={marked.has(idOf(i) ?? "")} disabled={!idOf(i)} onChange={() => mark(idOf(i)!)} className="mt-1 size-4" />,
            },
            {
              head: t("why.ask"),
              right: true,
              bare: true,
              cell: (i) =>
                ref(i) === a ? (
                  <Badge>{t("why.start")}</Badge>
                ) : (
                  <Button small aria-label={t("why.askFor", { id: ref(i) })} onClick={() => show(a, ref(i))}>
                    {t("why.ask")}
                  </Button>
                ),
            },
          ]}
        />
      )}
      <Dialog open={merging} close={() => setMerging(false)} title={t("merge.title")} wide>
        <Merge p={p} done={() => setMerging(false)} />
      </Dialog>
      <Dialog open={splitting} close={() => setSplitting(false)} title={t("split.title")} wide>
        {links.data && <Split p={p} links={links.data} marked={marked} done={() => (setSplitting(false), setMarked(new Set()))} />}
      </Dialog>
    </>
  );
}

function Explanation({ a, b }: { a: string; b: string }) {
  const { t, i18n } = useTranslation();
  const source = useSourceName();
  const why = useQuery({ queryKey: ["why", a, b], queryFn: ({ signal }) => get<Why>(`/v1/identity/why?a=${enc(a)}&b=${enc(b)}`, signal) });
  if (why.isPending) return <Skeleton />;
  if (why.isError) return <Trouble error={why.error} retry={() => why.refetch()} />;
  const w = why.data;
  return (
    <section aria-label={t("why.title")} className="border-b border-line bg-accent-wash/40 p-4">
      <p className="mb-3 flex items-center gap-2 font-semibold">
        {w.together ? <Link2 aria-hidden className="size-4.5 text-good" /> : <Unlink aria-hidden className="size-4.5 text-bad" />}
        {w.together ? t("why.together", { count: w.path.length }) : t("why.apart")}
      </p>
      <ol>
        {w.path.map((step, n) => (
          <li key={n}>
            {n === 0 && <Node id={step.a} />}
            <div className="my-1 ml-4 flex gap-3 border-l-2 border-accent/50 py-2 pl-4">
              <ArrowDown aria-hidden className="mt-0.5 size-4 shrink-0 text-accent" />
              <div className="min-w-0">
                <p>
                  {t("why.seen", { count: step.count, sources: step.sources.map(source).join(", ") })} <Badge>{step.kinds.map((k) => t(`linkkind.${k}`, { defaultValue: k })).join(", ")}</Badge>
                </p>
                <p className="text-sm text-soft">
                  <time dateTime={step.first_seen}>{between(step.first_seen, step.last_seen, i18n.language)}</time>
                </p>
                <p className="text-sm text-soft">{t("why.rule")} {ruleWords(t, step.rule) ?? <span lang="en">{step.rule}</span>}</p>
                <Fold summary={<span className="text-sm">{t("why.messages", { count: step.messages.length })}</span>}>
                  {() => (
                    <ul className="mt-1 ml-5 space-y-0.5 text-sm">
                      {step.messages.map((m) => (
                        <li key={m.source + m.message_id} className="break-all">
                          <When at={m.timestamp} absolute /> · {source(m.source)} · <span className="font-mono">{m.message_id}</span>
                        </li>
                      ))}
                    </ul>
                  )}
                </Fold>
              </div>
            </div>
            <Node id={step.b} />
          </li>
        ))}
      </ol>
    </section>
  );
}

const Node = ({ id }: { id: Named }) => (
  <p className="inline-flex max-w-full items-baseline gap-2 rounded-md border border-line bg-panel px-3 py-1.5">
    <span className="text-sm text-soft">{id.type}</span>
    <span className="font-mono text-sm break-all">{id.value}</span>
  </p>
);

/** Log is what became of the profile, and what operators decided. */
function Log({ at }: { at: string }) {
  const { t } = useTranslation();
  const source = useSourceName();
  const q = useAudit(at);
  const revoke = useRevoke();
  if (q.isPending) return <Skeleton />;
  if (q.isError) return <Trouble error={q.error} retry={() => q.refetch()} />;
  if (q.data.data.length === 0) return <Empty title={t("audit.none")}>{t("audit.noneLead")}</Empty>;
  return (
    <ol className="divide-y divide-line">
      {q.data.data.map((e, n) => (
        <li key={n} className="flex flex-wrap items-start gap-x-4 gap-y-1 px-4 py-2.5">
          <span className="w-28 shrink-0 text-sm text-soft"><When at={e.at} /></span>
          <div className="min-w-0 flex-1 basis-64">
            <p className="font-medium">
              {t(`audit.${e.kind}`)} {e.decision && <Badge tone={e.decision.state === "standing" ? "accent" : "none"}>{t(`decision.${e.decision.kind}`)} · {t(`decision.${e.decision.state}`)}</Badge>}
            </p>
            {e.decision?.reason && <p>{e.decision.reason}</p>}
            {(e.identifiers ?? []).length > 0 && <p className="text-sm break-all text-soft">{e.identifiers.map(ref).join(" · ")}</p>}
            {e.cause?.message_id && (
              <p className="text-sm break-all text-soft">
                {t("audit.cause")} {source(e.cause.source)} · <span className="font-mono">{e.cause.message_id}</span>
              </p>
            )}
          </div>
          {e.decision?.state === "standing" && e.kind === "decided" && (
            <Button small onClick={() => revoke.mutate(e.decision!.id)} disabled={revoke.isPending}>
              {t("decision.revoke")}
            </Button>
          )}
        </li>
      ))}
      {revoke.isError && <Trouble error={revoke.error} />}
    </ol>
  );
}

function useRevoke() {
  const { t } = useTranslation();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => call("DELETE", `/v1/identity/decisions/${enc(id)}`),
    onSuccess: async () => {
      say(t("decision.isRevoked"));
      await client.invalidateQueries();
    },
  });
}

/** useDecide carries a decision out, with a way back. */
function useDecide(path: "/v1/identity/merge" | "/v1/identity/split", done: () => void, text: string) {
  const client = useQueryClient();
  const revoke = useRevoke();
  return useMutation({
    mutationFn: (body: unknown) => call<{ decision_id: string }>("POST", path, body),
    onSuccess: async (d) => {
      done();
      say(text, () => revoke.mutate(d.decision_id));
      await client.invalidateQueries();
    },
  });
}

function Merge({ p, done }: { p: Profile; done: () => void }) {
  const { t } = useTranslation();
  const [q, setQ] = useState("");
  const [reason, setReason] = useState("");
  const [who, setWho] = useState<Found | null>(null);
  const found = useFound(useDelayed(q, 180), 6);
  const decide = useDecide("/v1/identity/merge", done, t("merge.done"));
  const others = (found.data?.data ?? []).filter((f) => f.id !== p.id);
  return (
    <div className="space-y-4 p-4">
      <p>{t("merge.lead")}</p>
      <Field label={t("merge.whom")}>
        <Input autoFocus type="search" value={q} onChange={(e) => setQ(e.target.value)} placeholder={t("profiles.hint")} />
      </Field>
      {found.isError && <Trouble error={found.error} />}
      {q.trim() && found.data && others.length === 0 && <p className="text-soft">{t("profiles.none")}</p>}
      {others.length > 0 && (
        <ul className="divide-y divide-line rounded-md border border-line">
          {others.map((f) => (
            <li key={f.id}>
              <label className="flex cursor-pointer items-center gap-3 px-3 py-2 hover:bg-sunken">
                <input type="radio" name="other" checked={who?.id === f.id} onChange={() => setWho(f)} className="accent-accent" />
                <span className="font-medium">{nameOf(f)}</span>
                <span className="min-w-0 truncate text-sm text-soft">{[f.email, f.phone].filter(Boolean).join(" · ")}</span>
                <span className="ml-auto shrink-0 text-sm text-soft"><Num n={f.events} /> {t("col.events").toLowerCase()}</span>
              </label>
            </li>
          ))}
        </ul>
      )}
      <Field label={t("decision.reason")}>
        <Input value={reason} onChange={(e) => setReason(e.target.value)} maxLength={500} />
      </Field>
      {decide.isError && <Trouble error={decide.error} />}
      <div className="flex items-center justify-end gap-2">
        <span className="mr-auto text-sm text-soft">{t("decision.stands")}</span>
        <Button onClick={done}>{t("cancel")}</Button>
        <Button kind="main" disabled={!who || !reason.trim() || decide.isPending} onClick={() => who && decide.mutate({ a: { type: "id", value: p.id }, b: { type: "id", value: who.id }, reason: reason.trim() })}>
          {t("merge.go")}
        </Button>
      </div>
    </div>
  );
}

/** parts are the groups that links hold together when those between the marked and
 * the others count no more. */
export function parts(nodes: string[], edges: { a: string; b: string; accepted: boolean }[], marked: Set<string>): string[][] {
  const next = new Map<string, string[]>(nodes.map((n) => [n, []]));
  for (const e of edges) {
    if (!e.accepted || marked.has(e.a) !== marked.has(e.b) || !next.has(e.a) || !next.has(e.b)) continue;
    next.get(e.a)!.push(e.b);
    next.get(e.b)!.push(e.a);
  }
  const seen = new Set<string>();
  const out: string[][] = [];
  for (const n of nodes) {
    if (seen.has(n)) continue;
    const part: string[] = [];
    const open = [n];
    seen.add(n);
    while (open.length > 0) {
      const one = open.pop()!;
      part.push(one);
      for (const m of next.get(one)!) {
        if (!seen.has(m)) {
          seen.add(m);
          open.push(m);
        }
      }
    }
    out.push(part);
  }
  return out.sort((x, y) => y.length - x.length);
}

function Split({ p, links, marked, done }: { p: Profile; links: Linked; marked: Set<string>; done: () => void }) {
  const { t } = useTranslation();
  const [reason, setReason] = useState("");
  const decide = useDecide("/v1/identity/split", done, t("split.done"));
  const byId = useMemo(() => new Map(links.nodes.map((n) => [n.id, n])), [links.nodes]);
  const groups = useMemo(() => parts(links.nodes.map((n) => n.id), links.edges, marked), [links, marked]);
  const cut = links.edges.filter((e) => e.accepted && marked.has(e.a) !== marked.has(e.b));
  const side = (on: boolean) => links.nodes.filter((n) => marked.has(n.id) === on).map(({ type, value }) => ({ type, value }));
  return (
    <div className="space-y-4 p-4">
      <p>{t("split.lead")}</p>
      <div className="grid gap-3 sm:grid-cols-2">
        {groups.map((g, n) => (
          <Card key={g[0]} title={t("split.part", { n: n + 1 })} action={<Badge tone={marked.has(g[0]) ? "bad" : "accent"}>{t("split.count", { count: g.length })}</Badge>}>
            <ul className="space-y-0.5 text-sm">
              {g.slice(0, 8).map((id) => (
                <li key={id} className="break-all">
                  <span className="text-soft">{byId.get(id)!.type}</span> <span className="font-mono">{byId.get(id)!.value}</span>
                </li>
              ))}
              {g.length > 8 && <li className="text-soft">+{g.length - 8}</li>}
            </ul>
          </Card>
        ))}
      </div>
      <p className="text-sm text-soft">
        {t("split.cut", { count: cut.length })} {t("split.basis", { n: p.events })}
      </p>
      <Field label={t("decision.reason")}>
        <Input autoFocus value={reason} onChange={(e) => setReason(e.target.value)} maxLength={500} />
      </Field>
      {decide.isError && <Trouble error={decide.error} />}
      <div className="flex items-center justify-end gap-2">
        <span className="mr-auto text-sm text-soft">{t("decision.stands")}</span>
        <Button onClick={done}>{t("cancel")}</Button>
        <Button kind="bad" disabled={!reason.trim() || decide.isPending} onClick={() => decide.mutate({ left: side(false), right: side(true), reason: reason.trim() })}>
          {t("split.go")}
        </Button>
      </div>
    </div>
  );
}

/** Decisions are what operators decided about anybody, with the way to take it back. */
export function Decisions() {
  const { t } = useTranslation();
  const q = useQuery({ queryKey: ["decisions"], queryFn: ({ signal }) => get<Page<Decision>>("/v1/identity/decisions?limit=50", signal) });
  const revoke = useRevoke();
  if (q.isPending) return <Skeleton />;
  if (q.isError) return <Trouble error={q.error} retry={() => q.refetch()} />;
  if (q.data.data.length === 0) return <Empty title={t("decision.none")}>{t("decision.noneLead")}</Empty>;
  const about = (d: Decision) => [d.a, d.b, ...(d.left ?? []), ...(d.right ?? [])].filter((x): x is Named => !!x);
  return (
    <>
      {revoke.isError && <Trouble error={revoke.error} />}
      <Rows
        label={t("decision.title")}
        rows={q.data.data}
        id={(d) => d.id}
        columns={[
          { head: t("col.type"), cell: (d) => <Badge tone={d.state === "standing" ? "accent" : "none"}>{t(`decision.${d.kind}`)}</Badge> },
          {
            head: t("decision.about"),
            wide: true,
            cell: (d) => (
              <span className="break-all">
                {about(d).slice(0, 3).map((i) => (
                  <Link key={ref(i)} to="/profiles/$ref" params={{ ref: ref(i) }} className="mr-2 text-accent hover:underline">{ref(i)}</Link>
                ))}
                {about(d).length > 3 && <span className="text-soft">+{about(d).length - 3}</span>}
              </span>
            ),
          },
          { head: t("decision.reason"), cell: (d) => d.reason ?? "–" },
          { head: t("decision.by"), cell: (d) => d.by ?? "–" },
          { head: t("col.when"), right: true, cell: (d) => <When at={d.at} /> },
          { head: t("decision.revoke"), right: true, cell: (d) => (d.state === "standing" ? <Button small onClick={() => revoke.mutate(d.id)}>{t("decision.revoke")}</Button> : <span className="text-sm text-soft">{t("decision.revoked")}</span>) },
        ]}
      />
    </>
  );
}
