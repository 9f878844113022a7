// The screens there are, on a demo, and what has to be there for them to show
// something.
import { api } from "./browser.mjs";

const loyal = {
  name: "Loyal buyers",
  where: { all: [{ event: "Order Completed", count: { op: "gte", value: 2 }, window: { last: "90d" } }, { trait: "country", op: "exists" }] },
};
const lapsed = {
  name: "Lapsed but loyal",
  where: {
    all: [
      { event: "Order Completed", where: [{ property: "revenue", op: "gt", value: 20 }], count: { op: "gte", value: 3 }, window: { last: "365d" } },
      { event: "Order Completed", count: { op: "eq", value: 0 }, window: { last: "30d" } },
      { any: [{ consent: { purpose: "marketing" }, op: "granted" }, { trait: "vip", op: "eq", value: true }] },
    ],
  },
};

/** prepare makes segments and finds the customer of whom most is known. */
export async function prepare() {
  await api("PUT", "/v1/segments/loyal", loyal);
  await api("PUT", "/v1/segments/lapsed", lapsed);
  const { data } = await api("POST", "/v1/sql", { query: "SELECT profile_id FROM profiles ORDER BY identifiers DESC, events DESC, profile_id LIMIT 1" });
  const rich = await api("GET", `/v1/profiles/id:${data[0].profile_id}`);
  const ref = (i) => encodeURIComponent(`${i.type}:${i.value}`);
  return { ref: `id:${rich.id}`, profile: rich, a: ref(rich.identifiers[0]), b: ref(rich.identifiers.at(-1)) };
}

export const screens = (m) => [
  { name: "home", path: "/ui/" },
  { name: "profiles-empty", path: "/ui/profiles" },
  { name: "profiles", path: "/ui/profiles?q=girard" },
  { name: "profiles-none", path: "/ui/profiles?q=zzzzzzzzzzzz" },
  { name: "customer", path: `/ui/profiles/${m.ref}` },
  { name: "customer-traits", path: `/ui/profiles/${m.ref}?tab=traits` },
  { name: "customer-identity", path: `/ui/profiles/${m.ref}?tab=identity&a=${m.a}&b=${m.b}` },
  { name: "customer-segments", path: `/ui/profiles/${m.ref}?tab=segments&segment=lapsed` },
  { name: "customer-consents", path: `/ui/profiles/${m.ref}?tab=consents` },
  { name: "customer-unknown", path: "/ui/profiles/user_id:nobody" },
  { name: "segments", path: "/ui/segments" },
  { name: "segment", path: "/ui/segments/lapsed" },
  { name: "segment-members", path: "/ui/segments/loyal?tab=members" },
  { name: "segment-document", path: "/ui/segments/lapsed?tab=document" },
  { name: "segment-new", path: "/ui/segments/new" },
  { name: "sql", path: "/ui/sql", then: async (page) => { await page.locator("textarea").press("Control+Enter"); await page.locator("tbody tr").first().waitFor(); } },
  { name: "live", path: "/ui/live", then: (page) => page.waitForTimeout(2500) },
  { name: "sources", path: "/ui/sources" },
  { name: "quarantine", path: "/ui/quarantine" },
  { name: "jobs", path: "/ui/jobs" },
  { name: "settings", path: "/ui/settings" },
  { name: "palette", path: "/ui/", then: async (page) => { await page.keyboard.press("Control+k"); await page.getByRole("combobox").last().fill("girard"); await page.waitForTimeout(700); } },
  { name: "notfound", path: "/ui/nowhere" },
];
