package duckdb

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kith/internal/analytics"
	"kith/internal/errs"
	"kith/internal/lake"
	"kith/internal/sys"
)

// TestMain makes the test binary the child of its own tests.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 {
		switch os.Args[1] {
		case "sql-worker":
			if err := Worker(os.Stdin, os.Stdout); err != nil {
				os.Exit(1)
			}
			os.Exit(0)
		case "sql-probe":
			probe()
			os.Exit(0)
		}
	}
	code := m.Run()
	if dir, err := shopFolder(); err == nil {
		os.RemoveAll(filepath.Dir(dir))
	}
	os.Exit(code)
}

// newEngine returns an engine on a lake whose children are this test binary.
func newEngine(t testing.TB, dir string, limits analytics.Limits) *Engine {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Command: []string{self, "sql-worker"}, Dir: dir, FS: sys.Disk(), Clock: sys.Wall(), Tables: OpenTables(lake.Tables()), Limits: limits})
}

func TestViews(t *testing.T) {
	h := newHouse(t, shop(t))
	for query, want := range map[string]string{
		"SELECT count(*) FROM events": "[[4000]]",
		"SELECT count(*), count(DISTINCT profile_id), count(profile_id) FROM events":                                          "[[4000 50 4000]]",
		"SELECT count(*) FROM events WHERE profile_id = 'p7'":                                                                 "[[80]]",
		"SELECT count(DISTINCT columns(*)) FROM (SELECT profile_id FROM events)":                                              "[[50]]",
		"SELECT count(*) FROM identifiers":                                                                                    "[[100]]",
		"SELECT profile_id FROM identifiers WHERE node_id IN ('n57', 'n100')":                                                 "[[p7]]",
		"SELECT count(*), sum(events) FROM profiles":                                                                          "[[50 4000]]",
		"SELECT count(*) FROM links":                                                                                          "[[0]]",
		`SELECT sum("properties.revenue:number") FROM events`:                                                                 "[[3250.000000000]]",
		"SELECT sum((properties->>'revenue')::DECIMAL(38,9)) FROM events":                                                     "[[3250.000000000]]",
		`SELECT count(*) FROM events WHERE "properties.revenue:number" > 3`:                                                   "[[571]]",
		"SELECT count(*) FROM events e JOIN profiles p USING (profile_id) WHERE p.traits->>'country' = 'FR'":                  "[[2000]]",
		"SELECT timestamp FROM events ORDER BY timestamp LIMIT 1":                                                             "[[2026-01-01T00:00:00.000Z]]",
		"SELECT e.profile_id FROM events e WHERE message_id = 'm57'":                                                          "[[p7]]",
		"SELECT x.e.profile_id FROM (SELECT e FROM events e WHERE message_id = 'm57') x":                                      "[[p7]]",
		"SELECT events.profile_id FROM (SELECT events FROM events WHERE message_id = 'm57')":                                  "[[p7]]",
		"SELECT count(*) FROM events NATURAL JOIN identifiers":                                                                "[[0]]",
		"WITH events AS (SELECT * FROM events WHERE name = 'Order Completed') SELECT count(*), count(profile_id) FROM events": "[[1000 1000]]",
	} {
		if got := h.one(query); got != want {
			t.Errorf("%s gives %s, want %s", query, got, want)
		}
	}
}

// TestStarShowsTheDocumentedColumns: in their order, none of those that keep
// versions apart, and none of the many of properties.
func TestStarShowsTheDocumentedColumns(t *testing.T) {
	for _, table := range OpenTables(lake.Tables()) {
		for _, h := range []*house{newHouse(t, shop(t)), newHouse(t, t.TempDir())} { // with files, and without any
			columns, _, err := h.ask("SELECT * FROM "+table.Name+" LIMIT 1", nil)
			if err != nil {
				t.Fatal(err)
			}
			var got, want []string
			for _, c := range columns {
				got = append(got, c.Name+" "+c.Type)
			}
			for _, c := range table.Columns {
				want = append(want, c.Name+" "+c.Type)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", table.Name, diff)
			}
		}
	}
}

// TestPolicyHolds: a masked column shows its mask wherever it is asked for, and a
// hidden one is not there.
func TestPolicyHolds(t *testing.T) {
	h := newHouse(t, shop(t))
	policy := analytics.Policy{
		"events":      {"user_id": "'masked'", "properties": "NULL::JSON", "properties.revenue:number": ""},
		"identifiers": {"value": "left(value, 1) || '***'"},
		"profiles":    {"traits": ""},
	}
	for query, want := range map[string]string{
		"SELECT DISTINCT user_id FROM events":                                                              "[[masked]]",
		"SELECT count(*) FROM events WHERE user_id = 'u1'":                                                 "[[0]]",
		"SELECT count(*) FROM (SELECT * FROM events) x WHERE x.user_id LIKE 'u%'":                          "[[0]]",
		"SELECT DISTINCT events.user_id FROM (SELECT events FROM events)":                                  "[[masked]]",
		"SELECT max(properties->>'revenue') FROM events":                                                   "[[NULL]]",
		"SELECT DISTINCT value FROM identifiers":                                                           "[[u***]]",
		"WITH identifiers AS (SELECT * FROM identifiers) SELECT DISTINCT i.value FROM identifiers i":       "[[u***]]",
		"SELECT count(profile_id) FROM events":                                                             "[[4000]]",
		"SELECT DISTINCT v FROM (UNPIVOT (SELECT user_id FROM events) ON user_id INTO NAME n VALUE v)":     "[[masked]]",
		"SELECT count(*) FROM events e, identifiers i WHERE e.node_id = i.node_id AND e.user_id = i.value": "[[0]]",
	} {
		_, got, err := h.ask(query, policy)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s gives %v, %v, want %s", query, got, err, want)
		}
	}
	for _, query := range []string{
		"SELECT traits FROM profiles", "SELECT p.traits FROM profiles p", `SELECT "properties.revenue:number" FROM events`,
		"SELECT _version FROM identifiers", "SELECT _deleted FROM profiles", "SELECT kith_e.user_id FROM events", "SELECT kith_node FROM events",
		"SELECT file_row_number FROM events", "SELECT filename FROM events", "SELECT rowid FROM events", "SELECT file_index FROM events",
	} {
		if _, got, err := h.ask(query, policy); err == nil {
			t.Errorf("%s gives %v", query, got)
		}
	}
}

// TestValues: every kind of value comes out in its documented form.
func TestValues(t *testing.T) {
	h := newHouse(t, t.TempDir())
	for expression, want := range map[string]string{
		"9223372036854775807": "9223372036854775807", "(-170141183460469231731687303715884105728)::HUGEINT": "-170141183460469231731687303715884105728",
		"340282366920938463463374607431768211455::UHUGEINT": "340282366920938463463374607431768211455", "18446744073709551615::UBIGINT": "18446744073709551615",
		"-5::TINYINT": "-5", "200::UTINYINT": "200", "-300::SMALLINT": "-300", "60000::USMALLINT": "60000", "4000000000::UINTEGER": "4000000000",
		"0.1::DECIMAL(4,3)": "0.100", "-0.001::DECIMAL(4,3)": "-0.001", "12345678901234567890123456789.123456789::DECIMAL(38,9)": "12345678901234567890123456789.123456789",
		"1e300": "1e+300", "0.1::FLOAT": "0.1", "1e21::DOUBLE": "1e+21", "100::DOUBLE": "100", "'nan'::DOUBLE": "NaN", "'-inf'::DOUBLE": "-Infinity", "'inf'::DOUBLE": "Infinity",
		"true": "true", "NULL": "NULL", "'é\U0001F600'": "é\U0001F600", "'a string of more than twelve bytes'": "a string of more than twelve bytes",
		"TIMESTAMP '2026-01-02 03:04:05.678901'": "2026-01-02T03:04:05.678Z", "TIMESTAMPTZ '2026-01-02 03:04:05.678+02'": "2026-01-02T01:04:05.678Z",
		"TIMESTAMP_S '2026-01-02 03:04:05'": "2026-01-02T03:04:05.000Z", "TIMESTAMP_MS '2026-01-02 03:04:05.678'": "2026-01-02T03:04:05.678Z",
		"'infinity'::TIMESTAMP": "infinity", "'-infinity'::DATE": "-infinity", "DATE '1969-12-31'": "1969-12-31", "TIME '01:02:03.5'": "01:02:03.500000",
		"TIMESTAMP '1969-12-31 23:59:59.9999'":         "1969-12-31T23:59:59.999Z",
		"INTERVAL '1 year 2 months 3 days 04:05:06.7'": "1 year 2 months 3 days 04:05:06.7", "INTERVAL '-90 minutes'": "-01:30:00", "INTERVAL 0 DAY": "00:00:00", "to_days(1)": "1 day",
		"'6f9619ff-8b86-d011-b42d-00c04fc964ff'::UUID": "6f9619ff-8b86-d011-b42d-00c04fc964ff", "'00000000-0000-0000-0000-000000000000'::UUID": "00000000-0000-0000-0000-000000000000",
		"'ab'::BLOB": "YWI=", `'{"a": 1.50}'::JSON`: `{"a": 1.50}`,
		"[1, NULL, 3]": "[1,null,3]", "[[1.5], []]": "[[1.5],[]]", "{'a': 1, 'b': {'c': 'x\"y\n'}}": `{"a":1,"b":{"c":"x\"y\u000a"}}`, "row(1, 'x')": `[1,"x"]`,
		"map {'k': 1, 'l': NULL}": `{"k":1,"l":null}`, "map {1: DATE '2026-01-01'}": `{"1":"2026-01-01"}`, "[1, 2]::INTEGER[2]": "[1,2]",
		"[{'t': TIMESTAMP '2026-01-01'}, NULL]": `[{"t":"2026-01-01T00:00:00.000Z"},null]`, `['{"x":[1]}'::JSON]`: `[{"x":[1]}]`, "['nan'::DOUBLE, 1]": "[null,1]",
	} {
		_, got, err := h.ask("SELECT "+expression, nil)
		if err != nil || got[0][0] != want {
			t.Errorf("%s gives %v, %v, want %s", expression, got, err, want)
		}
	}
}

func TestChildAnswersAsTheTestDoes(t *testing.T) {
	const query = "SELECT name, count(*) AS n, sum((properties->>'revenue')::DECIMAL(38,9)) AS revenue, max(profile_id) FROM events GROUP BY ALL ORDER BY name"
	wantColumns, want, err := newHouse(t, shop(t)).ask(query, nil)
	if err != nil {
		t.Fatal(err)
	}
	columns, got, err := ask(t, newEngine(t, shop(t), analytics.Limits{}), analytics.Query{SQL: query})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got) + cmp.Diff(wantColumns, columns); diff != "" {
		t.Error(diff)
	}
}

// TestErrorsAreTold: what is wrong, where, and what to do, without what rows hold.
func TestErrorsAreTold(t *testing.T) {
	e := newEngine(t, shop(t), analytics.Limits{Rows: 10})
	for query, want := range map[string]string{
		"SELECT nmae FROM events":                               `sql.column: line 1, column 8: Referenced column "nmae" not found in FROM clause! Candidate bindings: "name"`,
		"SELECT 1\nFROM evnts":                                  `sql.table: line 2, column 6: there is no table "evnts"; did you mean events?`,
		"SELECT contains_all(name) FROM events":                 `sql.function: line 1, column 8: the function "contains_all" is not allowed; the reference lists those that are`,
		"SELECT cuont(*) FROM events":                           `sql.function: line 1, column 8: the function "cuont" is not allowed; did you mean count? The reference lists all`,
		"SELECT 1 +":                                            "sql.syntax: line 1, column 11: syntax error at end of input",
		"SELECT user_id::INTEGER FROM events":                   "sql.conversion: line 1, column 15: a value cannot be converted to the type asked for; use TRY_CAST, which gives NULL instead",
		"SELECT strptime(user_id, '%Y') FROM events":            "sql.input: a function was given a value that it does not take, or the query needs what the engine does not have; look at patterns, formats and options",
		"SELECT 9223372036854775807 + length(name) FROM events": "sql.out_of_range: a number does not fit its type; cast it to DOUBLE or HUGEINT first",
	} {
		_, _, err := ask(t, e, analytics.Query{SQL: query})
		if got := errs.CodeOf(err) + ": " + errs.DetailOf(err); err == nil || len(got) < len(want) || got[:len(want)] != want {
			t.Errorf("%s gives %s", query, got)
		}
	}
}
