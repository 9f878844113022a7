// The numbers of the first screen, as questions to the open tables. Each one says
// which rows it counts, so that these can be opened.
import { sql } from "./api";

/** placed is the name of the call by which the Segment specification tells a paid order. */
export const placed = "Order Completed";

const paid = `coalesce(TRY_CAST(properties->>'revenue' AS DOUBLE), TRY_CAST(properties->>'total' AS DOUBLE), 0)`;

const daily = (days: number) => `SELECT date_trunc('day', timestamp) AS day,
  count(*) AS events,
  count(DISTINCT profile_id) AS people,
  count(CASE WHEN name = '${placed}' THEN 1 END) AS orders,
  sum(CASE WHEN name = '${placed}' THEN ${paid} END) AS revenue
FROM events
WHERE timestamp > now() - INTERVAL ${days} DAY AND timestamp <= now()
GROUP BY day
ORDER BY day`;

const periods = (days: number) => `SELECT CASE WHEN timestamp > now() - INTERVAL ${days} DAY THEN 'now' ELSE 'before' END AS period,
  count(*) AS events,
  count(DISTINCT profile_id) AS active,
  count(CASE WHEN name = '${placed}' THEN 1 END) AS orders,
  sum(CASE WHEN name = '${placed}' THEN ${paid} END) AS revenue,
  count(DISTINCT CASE WHEN name = '${placed}' THEN profile_id END) AS buyers,
  any_value(CASE WHEN name = '${placed}' THEN properties->>'currency' END) AS currency
FROM events
WHERE timestamp > now() - INTERVAL ${2 * days} DAY AND timestamp <= now()
GROUP BY period`;

const people = (days: number) => `SELECT count(*) AS people,
  count(CASE WHEN first_seen > now() - INTERVAL ${days} DAY THEN 1 END) AS new_now,
  count(CASE WHEN first_seen > now() - INTERVAL ${2 * days} DAY AND first_seen <= now() - INTERVAL ${days} DAY THEN 1 END) AS new_before
FROM profiles`;

const arrivals = (days: number) => `SELECT date_trunc('day', first_seen) AS day, count(*) AS n
FROM profiles
WHERE first_seen > now() - INTERVAL ${days} DAY AND first_seen <= now()
GROUP BY day
ORDER BY day`;

const known = `SELECT count(DISTINCT profile_id) AS n FROM identifiers WHERE type IN ('user_id', 'email', 'phone')`;

const again = `SELECT count(*) AS buyers, count(CASE WHEN n > 1 THEN 1 END) AS again
FROM (SELECT profile_id, count(*) AS n FROM events WHERE name = '${placed}' AND timestamp > now() - INTERVAL 365 DAY AND profile_id IS NOT NULL GROUP BY profile_id)`;

const names = (days: number) => `SELECT name,
  count(CASE WHEN timestamp > now() - INTERVAL ${days} DAY THEN 1 END) AS now,
  count(CASE WHEN timestamp <= now() - INTERVAL ${days} DAY THEN 1 END) AS before
FROM events
WHERE type = 'track' AND timestamp > now() - INTERVAL ${2 * days} DAY AND timestamp <= now()
GROUP BY name
ORDER BY abs(now - before) DESC
LIMIT 40`;

/** rowsOf are the queries that list what a number counts. */
export const rowsOf = {
  active: (days: number) => `SELECT profile_id, count(*) AS events, max(timestamp) AS last\nFROM events\nWHERE timestamp > now() - INTERVAL ${days} DAY AND profile_id IS NOT NULL\nGROUP BY profile_id\nORDER BY last DESC\nLIMIT 1000`,
  fresh: (days: number) => `SELECT profile_id, first_seen, events, traits\nFROM profiles\nWHERE first_seen > now() - INTERVAL ${days} DAY\nORDER BY first_seen DESC\nLIMIT 1000`,
  orders: (days: number) => `SELECT timestamp, profile_id, properties->>'order_id' AS order_id, ${paid} AS revenue\nFROM events\nWHERE name = '${placed}' AND timestamp > now() - INTERVAL ${days} DAY\nORDER BY timestamp DESC\nLIMIT 1000`,
  revenue: (days: number) => `SELECT date_trunc('day', timestamp) AS day, sum(${paid}) AS revenue, count(*) AS orders\nFROM events\nWHERE name = '${placed}' AND timestamp > now() - INTERVAL ${days} DAY\nGROUP BY day\nORDER BY day`,
  known: () => `SELECT type, count(DISTINCT profile_id) AS people\nFROM identifiers\nGROUP BY type\nORDER BY people DESC`,
  named: (name: string, days: number) => `SELECT date_trunc('day', timestamp) AS day, count(*) AS events, count(DISTINCT profile_id) AS people\nFROM events\nWHERE name = '${name.replaceAll("'", "''")}' AND timestamp > now() - INTERVAL ${2 * days} DAY\nGROUP BY day\nORDER BY day`,
  day: (day: string) => `SELECT name, type, source, count(*) AS events, count(DISTINCT profile_id) AS people\nFROM events\nWHERE date_trunc('day', timestamp) = '${day.slice(0, 10)}'\nGROUP BY name, type, source\nORDER BY events DESC`,
};

export type Day = { day: string; events: number; people: number; orders: number; revenue: number };
export type Period = { events: number; active: number; orders: number; revenue: number; buyers: number; currency?: string };
export type Mover = { name: string; now: number; before: number };

const n = (v: unknown) => Number(v ?? 0);

/** everyDay has a day for each one between the first and the last, also where nothing was. */
export function everyDay<T>(from: number, days: number, rows: Map<string, T>, none: (day: string) => T): T[] {
  const out: T[] = [];
  for (let i = days - 1; i >= 0; i--) {
    const day = new Date(from - i * 86_400_000).toISOString().slice(0, 10);
    out.push(rows.get(day) ?? none(day));
  }
  return out;
}

export async function readDays(days: number, signal?: AbortSignal): Promise<{ days: Day[]; as_of: string }> {
  const a = await sql(daily(days), signal);
  const rows = new Map(a.data.map((r) => [String(r.day).slice(0, 10), { day: String(r.day).slice(0, 10), events: n(r.events), people: n(r.people), orders: n(r.orders), revenue: n(r.revenue) }]));
  return { days: everyDay(Date.now(), days, rows, (day) => ({ day, events: 0, people: 0, orders: 0, revenue: 0 })), as_of: a.as_of };
}

export async function readPeriods(days: number, signal?: AbortSignal): Promise<{ now: Period; before: Period }> {
  const a = await sql(periods(days), signal);
  const of = (p: string): Period => {
    const r = a.data.find((x) => x.period === p) ?? {};
    return { events: n(r.events), active: n(r.active), orders: n(r.orders), revenue: n(r.revenue), buyers: n(r.buyers), currency: typeof r.currency === "string" ? r.currency : undefined };
  };
  return { now: of("now"), before: of("before") };
}

export async function readPeople(days: number, signal?: AbortSignal) {
  const [a, b, c] = await Promise.all([sql(people(days), signal), sql(arrivals(days), signal), sql(known, signal)]);
  const rows = new Map(b.data.map((r) => [String(r.day).slice(0, 10), n(r.n)]));
  return { people: n(a.data[0]?.people), fresh: n(a.data[0]?.new_now), freshBefore: n(a.data[0]?.new_before), arrivals: everyDay(Date.now(), days, rows, () => 0), known: n(c.data[0]?.n), as_of: a.as_of };
}

export async function readAgain(signal?: AbortSignal) {
  const a = await sql(again, signal);
  return { buyers: n(a.data[0]?.buyers), again: n(a.data[0]?.again), as_of: a.as_of };
}

export async function readMovers(days: number, signal?: AbortSignal): Promise<Mover[]> {
  const a = await sql(names(days), signal);
  return a.data.map((r) => ({ name: String(r.name), now: n(r.now), before: n(r.before) }));
}
