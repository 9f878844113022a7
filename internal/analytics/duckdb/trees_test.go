package duckdb

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the trees that the guard is tested with anew")

// treeQueries are the queries whose trees the guard's own tests read: each
// construct at least once.
var treeQueries = []string{
	"SELECT name FROM events", "SELECT count(*) FROM events", "SELECT * FROM events", "SELECT e.profile_id FROM events e", "SELECT e FROM events e",
	"SELECT count(*) FROM events JOIN profiles USING (profile_id)", "SELECT count(*) FROM events NATURAL JOIN profiles", "SELECT COLUMNS('n.*') FROM events", "SELECT a FROM events t(a)", "SELECT #1 FROM events",
	"WITH RECURSIVE a(x) AS MATERIALIZED (SELECT 1 UNION ALL SELECT x + 1 FROM a), b AS (VALUES (1, 'x')) SELECT sum(DISTINCT x ORDER BY x) FILTER (WHERE x > 1) FROM a, b WHERE x BETWEEN 1 AND 2 GROUP BY ROLLUP (x) HAVING count(*) > 1 ORDER BY ALL LIMIT 5 OFFSET 2",
	"SELECT row_number() OVER (PARTITION BY name ORDER BY name DESC NULLS LAST ROWS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES) AS n FROM events QUALIFY n = 1",
	"SELECT CASE WHEN name IS NULL THEN 1 ELSE 2 END, name IN ('a', 'b'), NOT name LIKE 'x%', name::JSON, TRY_CAST(name AS DECIMAL(10,2)), [1, 2][1], {'a': 1}.a, list_transform([1], x -> x + 1), name COLLATE nocase, INTERVAL 1 DAY, (SELECT 1), EXISTS (SELECT 1), 1 = ANY (SELECT 1) FROM events",
	"SELECT * EXCLUDE (name) REPLACE (1 AS profile_id) RENAME (timestamp AS p) FROM events", "SELECT 1 UNION BY NAME SELECT 2 EXCEPT SELECT 3",
	"SELECT * FROM (PIVOT events ON name IN ('a', 'b') USING count(*) GROUP BY profile_id)", "SELECT * FROM (UNPIVOT events ON name INTO NAME n VALUE v)",
	"SELECT DISTINCT ON (name) name FROM events TABLESAMPLE 10 PERCENT (bernoulli), range(10) r(i), LATERAL (SELECT i) l, unnest([1]) WITH ORDINALITY LIMIT 10%",
	"SELECT * FROM events ASOF JOIN profiles ON events.profile_id >= profiles.profile_id POSITIONAL JOIN (VALUES (1)) v(a)",
}

// TestTreesAreTheParsers: what the guard is tested with is what the parser makes.
func TestTreesAreTheParsers(t *testing.T) {
	const name = "../guard/testdata/trees.json"
	d, err := openDatabase()
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	all := map[string]json.RawMessage{}
	for _, q := range treeQueries {
		if all[q], err = d.parse(q); err != nil {
			t.Fatal(err)
		}
	}
	got, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(name, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("the parser makes other trees than testdata/trees.json of the guard has; look at what is new, and run this test with -update")
	}
}
