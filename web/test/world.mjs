// What has to be there for the screens to show something, and what is known of it.

/** featured is the customer that the demo shows. */
export const featured = "12583";

/** nameOf is what to call somebody by their profile. */
export function nameOf(profile) {
  const of = (k) => profile.traits[k]?.value ?? profile.traits[k];
  const text = (v) => (typeof v === "string" && v ? v : undefined);
  const first = (type) => profile.identifiers.find((i) => i.type === type)?.value;
  return text(of("name")) ?? ([of("firstName"), of("lastName")].map(text).filter(Boolean).join(" ") || (text(of("email")) ?? first("email") ?? first("phone") ?? first("user_id") ?? profile.id));
}

const segments = {
  loyal: {
    name: "Q4 buyers",
    where: { all: [{ event: "Order Completed", count: { op: "gte", value: 2 }, window: { last: "90d" } }, { trait: "country", op: "exists" }] },
  },
  lapsed: {
    name: "Silent 30 d",
    where: {
      all: [
        { event: "Order Completed", where: [{ property: "revenue", op: "gt", value: 20 }], count: { op: "gte", value: 3 }, window: { last: "365d" } },
        { event: "Order Completed", count: { op: "eq", value: 0 }, window: { last: "30d" } },
        { any: [{ consent: { purpose: "marketing" }, op: "granted" }, { trait: "vip", op: "eq", value: true }] },
      ],
    },
  },
  french: { name: "Letters FR", where: { all: [{ trait: "locale", op: "starts_with", value: "fr" }] } },
};

/** furnish makes segments on a demo and finds the people that tests ask for: the
 * one of whom most is known, and some who can be told apart by name. */
export async function furnish(demo) {
  await demo.flush();
  for (const [key, s] of Object.entries(segments)) await demo.api("PUT", `/v1/segments/${key}`, s);
  await demo.api("PUT", "/v1/traits/orders_ever", { name: "Orders ever", type: "count", event: "Order Completed" });
  await demo.flush();
  const { profile_id } = await demo.one("SELECT profile_id FROM profiles ORDER BY identifiers DESC, events DESC, profile_id LIMIT 1");
  const rich = await demo.api("GET", `/v1/profiles/id:${profile_id}`);
  const known = await demo.rows(
    `WITH named AS (SELECT profile_id, (traits->>'firstName') || ' ' || (traits->>'lastName') AS name, traits->>'lastName' AS family FROM profiles)
     SELECT profile_id, any_value(n.name) AS name, any_value(family) AS family, min(i.value) AS phone, min(e.properties->>'order_id') AS "order"
     FROM named n JOIN identifiers i USING (profile_id) JOIN events e USING (profile_id)
     WHERE i.type = 'phone' AND e.name = 'Order Completed' AND length(family) > 5
       AND n.name IN (SELECT name FROM named GROUP BY 1 HAVING count(*) = 1)
     GROUP BY 1 ORDER BY 1 LIMIT 20`,
  );
  const phones = (await demo.rows("SELECT value FROM identifiers WHERE type = 'phone'")).map((r) => r.value);
  const begun = (k) => k.phone.slice(0, -1);
  return {
    rich,
    known: known
      .filter((k) => phones.filter((x) => x.startsWith(begun(k))).length === 1)
      .map((k) => ({ ...k, dialled: "0" + begun(k).slice(3), mistyped: k.name.replace(k.family, k.family.slice(0, 2) + k.family.slice(3)) })),
  };
}
