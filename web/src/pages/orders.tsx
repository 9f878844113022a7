// What a customer bought and gave back, and the rows of entities that are theirs.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { enc, get, type Page, type Profile, refPath, sql } from "../api";
import { money, num, plain } from "../format";
import { Badge, Button, cx, Empty, Fold, Json, Rows, Skeleton, Trouble, When } from "../ui/kit";

export type Order = { at: string; name: string; source: string; properties: Record<string, unknown> };
const bought = `('Order Completed', 'Order Refunded', 'Order Cancelled', 'Order Updated')`;

/** valueOf is what an order is worth; what was given back counts below nought. */
export function valueOf(o: Order): number {
  const n = Number(o.properties.revenue ?? o.properties.total ?? 0);
  return /refund|cancel/i.test(o.name) ? -Math.abs(n) : n;
}

export const useOrders = (p: Profile) =>
  useQuery({
    queryKey: ["orders", p.id],
    queryFn: async ({ signal }): Promise<{ orders: Order[]; as_of: string }> => {
      const a = await sql(`SELECT timestamp, name, source, properties FROM events WHERE profile_id = '${p.id}' AND name IN ${bought} ORDER BY timestamp DESC LIMIT 1000`, signal);
      return {
        as_of: a.as_of,
        orders: a.data.map((r) => ({ at: String(r.timestamp), name: String(r.name), source: String(r.source), properties: (typeof r.properties === "string" ? JSON.parse(r.properties) : (r.properties ?? {})) as Record<string, unknown> })),
      };
    },
    staleTime: 15_000,
  });

const text = (v: unknown) => (typeof v === "string" || typeof v === "number" ? String(v) : undefined);

export function Orders({ p }: { p: Profile }) {
  const { t, i18n } = useTranslation();
  const q = useOrders(p);
  if (q.isPending) return <Skeleton lines={6} />;
  if (q.isError) return <Trouble error={q.error} retry={() => q.refetch()} />;
  if (q.data.orders.length === 0) return <Empty title={t("orders.none")}>{t("orders.noneLead")}</Empty>;
  return (
    <ul className="divide-y divide-line">
      {q.data.orders.map((o, n) => {
        const lines = Array.isArray(o.properties.products) ? (o.properties.products as Record<string, unknown>[]) : [];
        const currency = text(o.properties.currency);
        const back = valueOf(o) < 0;
        return (
          <li key={n} className="px-3 py-2 [contain-intrinsic-size:auto_2.6rem] [content-visibility:auto]">
            <Fold
              summary={
                <span className="flex flex-wrap items-baseline gap-x-2 sm:gap-x-3">
                  <span className="shrink-0 text-sm text-soft sm:w-26"><When at={o.at} /></span>
                  <span className="font-medium">{text(o.properties.order_id) ?? o.name}</span>
                  {back && <Badge tone="bad">{t("orders.back")}</Badge>}
                  <span className="min-w-0 flex-1 truncate text-sm text-soft max-sm:order-1 max-sm:basis-full">
                    {[lines.length > 0 && t("orders.lines", { count: lines.length }), lines.slice(0, 2).map((l) => text(l.name)).filter(Boolean).join(", ")].filter(Boolean).join(" · ")}
                  </span>
                  <span className={cx("ml-auto font-semibold", back && "text-bad")}>{money(valueOf(o), i18n.language, currency)}</span>
                </span>
              }
            >
              {() => (
                <div className="my-2 ml-5">
                  {lines.length > 0 ? (
                    <Rows
                      label={t("orders.items")}
                      rows={lines.map((l, i) => ({ ...l, i }))}
                      id={(l) => String(l.i)}
                      columns={[
                        { head: t("orders.item"), wide: true, cell: (l) => text((l as Record<string, unknown>).name) ?? text((l as Record<string, unknown>).product_id) ?? "–" },
                        { head: t("orders.sku"), cell: (l) => <span className="font-mono text-sm">{text((l as Record<string, unknown>).sku) ?? text((l as Record<string, unknown>).product_id) ?? "–"}</span> },
                        { head: t("orders.quantity"), right: true, cell: (l) => num(Number((l as Record<string, unknown>).quantity ?? 1), i18n.language) },
                        { head: t("orders.price"), right: true, cell: (l) => money(Number((l as Record<string, unknown>).price ?? 0), i18n.language, currency) },
                      ]}
                    />
                  ) : (
                    <Json value={o.properties} label={t("orders.items")} />
                  )}
                </div>
              )}
            </Fold>
          </li>
        );
      })}
    </ul>
  );
}

type Entity = { key: string; name?: string; relation?: unknown };
export const useEntities = () => useQuery({ queryKey: ["entities"], queryFn: ({ signal }) => get<Page<Entity>>("/v1/entities?limit=200", signal), staleTime: 60_000 });

type EntityRow = { key: string; attributes?: Record<string, unknown>; updated_at?: string } & Record<string, unknown>;

/** Records are the rows of entities that belong to a customer. */
export function Records({ at }: { at: string }) {
  const { t } = useTranslation();
  const entities = useEntities();
  if (entities.isPending) return <Skeleton />;
  if (entities.isError) return <Trouble error={entities.error} retry={() => entities.refetch()} />;
  return (
    <div className="divide-y divide-line">
      {entities.data.data.filter((e) => e.relation).map((e) => (
        <section key={e.key} className="p-4">
          <h3 className="mb-2 font-semibold">{e.name ?? e.key}</h3>
          <OfEntity at={at} entity={e.key} />
        </section>
      ))}
      {entities.data.data.length === 0 && <Empty title={t("records.none")}>{t("records.noneLead")}</Empty>}
    </div>
  );
}

function OfEntity({ at, entity }: { at: string; entity: string }) {
  const { t } = useTranslation();
  const q = useInfiniteQuery({
    queryKey: ["records", at, entity],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) => get<Page<EntityRow>>(`/v1/profiles/${refPath(at)}/entities/${enc(entity)}?limit=25${pageParam && `&cursor=${enc(pageParam)}`}`, signal),
    getNextPageParam: (x) => x.next ?? undefined,
  });
  if (q.isPending) return <Skeleton lines={2} />;
  if (q.isError) return <Trouble error={q.error} retry={() => q.refetch()} />;
  const rows = q.data.pages.flatMap((x) => x.data);
  if (rows.length === 0) return <p className="text-soft">{t("records.nobody")}</p>;
  return (
    <>
      <ul className="space-y-2">
        {rows.map((r) => (
          <li key={r.key} className="rounded-md border border-line px-3 py-2">
            <span className="font-mono text-sm font-medium">{r.key}</span>
            <span className="ml-3 text-sm break-words text-soft">{plain(r.attributes ?? {})}</span>
          </li>
        ))}
      </ul>
      {q.hasNextPage && (
        <Button small className="mt-2" onClick={() => q.fetchNextPage()} disabled={q.isFetchingNextPage}>
          {t("more")}
        </Button>
      )}
    </>
  );
}
