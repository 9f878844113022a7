// A line about consent may ask what was not said, which is a group of none.
import { expect, it } from "vitest";
import { consentOf, withConsent } from "../src/tree.ts";

const consent = { purpose: "marketing", channel: "email" };

it("every choice of a consent line is a condition that reads back as that choice", () => {
  for (const op of ["granted", "denied", "withdrawn", "not_granted", "not_refused"]) expect(consentOf(withConsent(consent, op))).toEqual({ consent, op });
  expect(withConsent(consent, "not_refused")).toEqual({ none: [{ consent, op: "denied" }, { consent, op: "withdrawn" }] });
});

it("a group of anything else is a group", () => {
  for (const c of [{ none: [] }, { none: [{ consent, op: "denied" }, { consent: { purpose: "analytics" }, op: "withdrawn" }] }, { none: [{ consent, op: "denied" }, { trait: "a", op: "exists" }] }, { any: [{ consent, op: "granted" }] }, { trait: "a" }, null, "none"]) {
    expect(consentOf(c)).toBeNull();
  }
});
