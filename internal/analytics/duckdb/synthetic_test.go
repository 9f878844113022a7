package duckdb

import (
	"testing"
)

// TestSynthetic: the lake that queries are measured on has what it says, and a
// column of a property the values of the property.
func TestSynthetic(t *testing.T) {
	dir := t.TempDir()
	if err := WriteSynthetic(dir, 10_000, 100); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, dir)
	for query, want := range map[string]string{
		"SELECT count(*), count(profile_id) FROM events": "[[10000 10000]]",
		"SELECT count(*) FROM profiles":                  "[[100]]",
		"SELECT count(*) FROM identifiers":               "[[200]]",
		`SELECT count(*) FROM events WHERE "properties.revenue:number" IS DISTINCT FROM (properties->>'revenue')::DECIMAL(38,9)`: "[[0]]",
		`SELECT count(*) FROM events WHERE "properties.revenue:number" > 100 AND name <> 'Order Completed'`:                      "[[0]]",
		"SELECT min(timestamp), max(timestamp) < '2027-01-01' FROM events":                                                       "[[2026-01-01T00:00:00.000Z true]]",
	} {
		if got := h.one(query); got != want {
			t.Errorf("%s gives %s, want %s", query, got, want)
		}
	}
}
