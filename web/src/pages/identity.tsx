// By what a customer is known, and why any two of it are one person.
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { ArrowDown, Link2, Unlink } from "lucide-react";
import { useTranslation } from "react-i18next";
import { enc, get, type Identifier, type Named, type Profile, type Why } from "../api";
import { Badge, Button, Copy, Fold, Rows, Select, Skeleton, Trouble, When } from "../ui/kit";

const ref = (i: Named) => `${i.type}:${i.value}`;

export function Identity({ p }: { p: Profile }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const at = useParams({ from: "/profiles/$ref" }).ref;
  const search = useSearch({ from: "/profiles/$ref" });
  const all = p.identifiers.map(ref);
  const a = search.a ?? all[0];
  const b = search.b;
  const show = (x: string | undefined, y: string | undefined) =>
    void navigate({ to: "/profiles/$ref", params: { ref: at }, search: { tab: "identity", a: x, b: y }, replace: true });
  const options = all.map((x) => ({ value: x, label: x }));
  return (
    <>
      <div className="flex flex-wrap items-end gap-2 border-b border-line p-4">
        <label className="min-w-0 flex-1 basis-56">
          <span className="mb-1 block text-sm font-medium">{t("why.from")}</span>
          <Select options={options} value={a} onChange={(e) => show(e.target.value, b)} />
        </label>
        <label className="min-w-0 flex-1 basis-56">
          <span className="mb-1 block text-sm font-medium">{t("why.to")}</span>
          <Select options={[{ value: "", label: t("why.choose") }, ...options.filter((o) => o.value !== a)]} value={b ?? ""} onChange={(e) => show(a, e.target.value || undefined)} />
        </label>
      </div>
      {a && b && a !== b && <Explanation a={a} b={b} />}
      <Rows<Identifier>
        label={t("tab.identity")}
        rows={p.identifiers}
        id={ref}
        columns={[
          { head: t("col.type"), cell: (i) => <span className="font-medium">{i.type}</span> },
          {
            head: t("col.value"),
            wide: true,
            cell: (i) => (
              <span className="inline-flex items-start gap-1">
                <span className="font-mono text-sm break-all">{i.value}</span>
                <Copy text={i.value} />
              </span>
            ),
          },
          { head: t("side.sources"), cell: (i) => <span className="inline-block min-w-32 text-soft">{i.sources.join(", ")}</span> },
          { head: t("col.firstSeen"), right: true, cell: (i) => <When at={i.first_seen} /> },
          { head: t("col.lastSeen"), right: true, cell: (i) => <When at={i.last_seen} /> },
          {
            head: t("why.title"),
            right: true,
            cell: (i) =>
              ref(i) === a ? (
                <span className="text-sm text-soft">{t("why.start")}</span>
              ) : (
                <Button small aria-label={t("why.askFor", { id: ref(i) })} onClick={() => show(a, ref(i))}>
                  {t("why.ask")}
                </Button>
              ),
          },
        ]}
      />
    </>
  );
}

function Explanation({ a, b }: { a: string; b: string }) {
  const { t } = useTranslation();
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
                  {t("why.seen", { count: step.count, sources: step.sources.join(", ") })} <Badge>{step.kinds.join(", ")}</Badge>
                </p>
                <p className="text-sm text-soft">
                  <When at={step.first_seen} absolute /> – <When at={step.last_seen} absolute />
                </p>
                <p className="text-sm text-soft">{t("why.rule", { rule: step.rule })}</p>
                <Fold summary={<span className="text-sm">{t("why.messages", { count: step.messages.length })}</span>}>
                  {() => (
                    <ul className="mt-1 ml-5 space-y-0.5 text-sm">
                      {step.messages.map((m) => (
                        <li key={m.source + m.message_id} className="break-all">
                          <When at={m.timestamp} absolute /> · {m.source} · <span className="font-mono">{m.message_id}</span>
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
