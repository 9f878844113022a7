package guard

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

var tables = Catalog{"events": {"name", "profile_id"}, "profiles": {"profile_id"}}

// trees are what the parser makes of some queries, kept so that the guard is
// tested without an engine.
func trees(t testing.TB) map[string]json.RawMessage {
	t.Helper()
	data, err := os.ReadFile("testdata/trees.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestEveryFieldIsKnown: a field that the guard has not heard of refuses the query,
// wherever it stands in the tree, and so does a kind of node.
func TestEveryFieldIsKnown(t *testing.T) {
	n := 0
	for query, tree := range trees(t) {
		if _, err := Judge(tree, tables); err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		for _, change := range []func(map[string]any) bool{
			func(node map[string]any) bool { node["new_in_the_next_version"] = 1; return true },
			func(node map[string]any) bool { _, ok := node["class"]; node["class"] = "NEW"; return ok },
		} {
			for i := 0; ; i++ {
				var doc map[string]any
				if err := json.Unmarshal(tree, &doc); err != nil {
					t.Fatal(err)
				}
				left := i
				if !visit(doc["statements"], &left, change) {
					break
				}
				changed, err := json.Marshal(doc)
				if err != nil {
					t.Fatal(err)
				}
				var r *Refusal
				if _, err := Judge(changed, tables); !errors.As(err, &r) {
					t.Errorf("%s: change %d is let through", query, i)
				}
				n++
			}
		}
	}
	if n < 600 {
		t.Errorf("only %d changes were tried", n)
	}
}

// visit applies a change to the node with a number and reports whether there is
// one.
func visit(v any, left *int, change func(map[string]any) bool) bool {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if visit(e, left, change) {
				return true
			}
		}
	case map[string]any:
		if *left == 0 {
			if change(v) {
				return true
			}
			*left++ // this node cannot be changed so; take the next
		}
		*left--
		for _, e := range v {
			if visit(e, left, change) {
				return true
			}
		}
	}
	return false
}

// TestATreeThatIsNoJSON: the parser writes a number that no type holds as Infinity.
func TestATreeThatIsNoJSON(t *testing.T) {
	number := `{"error":false,"statements":[{"node":{"select_list":[{"class":"CONSTANT","query_location":7,"value":{"is_null":false,"value":%s}}]}}]}`
	for _, c := range []struct {
		tree, code string
		at         int
	}{
		{strings.Replace(number, "%s", "Infinity", 1), CodeNumber, 7},
		{strings.Replace(number, "%s", "-Infinity", 1), CodeNumber, 7},
		{"Infinity", CodeNumber, -1},
		{strings.Replace(number, "%s", strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000), 1), CodeTooComplex, -1},
		{number[:40], CodeTooComplex, -1},
		{"", CodeTooComplex, -1},
	} {
		var r *Refusal
		if _, err := Judge([]byte(c.tree), tables); !errors.As(err, &r) || r.Code != c.code || r.At != c.at {
			t.Errorf("%.120s: %v at %d, want %s at %d", c.tree, err, r.At, c.code, c.at)
		}
	}
}

func TestNeeds(t *testing.T) {
	for query, want := range map[string]string{ // whether profile_id may be asked for
		"SELECT name FROM events": "no", "SELECT count(*) FROM events": "no", "SELECT * FROM events": "yes", "SELECT e.profile_id FROM events e": "yes",
		"SELECT e FROM events e": "yes", "SELECT count(*) FROM events JOIN profiles USING (profile_id)": "yes", "SELECT count(*) FROM events NATURAL JOIN profiles": "yes",
		"SELECT COLUMNS('n.*') FROM events": "yes", "SELECT a FROM events t(a)": "yes", "SELECT #1 FROM events": "yes",
	} {
		v, err := Judge(trees(t)[query], tables)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		if got := map[bool]string{true: "yes", false: "no"}[v.Needs("profile_id")]; got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	for misspelled, want := range map[string]string{"evnts": "events", "evetns": "events", "profile": "profiles", "x": "", "orders": "", "linsk": "links"} {
		if got := Nearest(misspelled, []string{"events", "profiles", "identifiers", "links"}); got != want {
			t.Errorf("%s is near %q, want %q", misspelled, got, want)
		}
	}
}

func TestLineColumn(t *testing.T) {
	for at, want := range map[int][2]int{0: {1, 1}, 7: {1, 7}, 8: {2, 1}, 10: {2, 3}, 99: {2, 4}, -1: {1, 1}} {
		if line, column := LineColumn("SELéCT\nabc", at); line != want[0] || column != want[1] {
			t.Errorf("byte %d is at %d:%d, want %v", at, line, column, want)
		}
	}
}

// FuzzJudge: whatever a tree says, the guard ends, names tables of the catalog
// alone, and lets through no function that is not listed.
func FuzzJudge(f *testing.F) {
	for _, tree := range trees(f) {
		f.Add([]byte(tree))
	}
	f.Add([]byte(`{"error":false,"statements":[{"node":{"type":"SELECT_NODE","cte_map":null}}]}`))
	f.Add([]byte(`{"query_location":12,"value":-Infinity}`))
	f.Add([]byte(`{"error":true,"error_type":"parser","error_message":"x","position":"99999999999999999999"}`))
	listed := newLists()
	f.Fuzz(func(t *testing.T, tree []byte) {
		v, err := Judge(tree, tables)
		var r *Refusal
		if err != nil && !errors.As(err, &r) {
			t.Fatalf("%v is no refusal", err)
		}
		if err != nil {
			return
		}
		for _, name := range v.Tables {
			if tables[name] == nil {
				t.Fatalf("the table %q is let through", name)
			}
		}
		var doc struct{ Statements []any }
		if json.Unmarshal(tree, &doc) != nil || len(doc.Statements) != 1 {
			t.Fatal("no single statement is let through")
		}
		calls(doc.Statements, func(name string) {
			if !listed.functions[strings.ToLower(name)] {
				t.Fatalf("the function %q is let through", name)
			}
		})
	})
}

// calls visits the names of functions of a tree.
func calls(v any, f func(string)) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			calls(e, f)
		}
	case map[string]any:
		if name, ok := v["function_name"].(string); ok {
			f(name)
		}
		for _, e := range v {
			calls(e, f)
		}
	}
}
