package duckdb

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"kith/internal/analytics/guard"
)

// forbidden are words in the names of functions that a query may not call, whoever
// adds them to the list.
var forbidden = []string{
	"read_", "write", "glob", "setting", "getenv", "secret", "duckdb", "pragma", "query", "sleep", "nextval", "currval", "setseed", "variable", "schema", "database",
	"current_user", "pg_", "serialize", "_scan", "sniff", "log_", "parquet", "txid", "transaction_id", "connection_id", "__internal", "create_sort_key", "checkpoint", "extension",
}

// TestListedFunctionsAreTheEngines: every function of the list is one of the
// engine (so that a name which a new version gives to something else is seen), is
// scalar, an aggregate or a macro, and none has a forbidden name.
func TestListedFunctionsAreTheEngines(t *testing.T) {
	d, err := openDatabase()
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	rows, err := d.texts("SELECT DISTINCT lower(function_name), function_type FROM duckdb_functions()")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string][]string{}
	for _, r := range rows {
		kinds[r[0]] = append(kinds[r[0]], r[1])
	}
	// What the parser or the binder makes something else of.
	for _, own := range []string{"current_date", "week", "json_quote"} {
		kinds[own] = append(kinds[own], "scalar")
	}
	all := map[string]bool{}
	for _, group := range guard.FunctionGroups() {
		for _, name := range strings.Fields(group[1]) {
			all[name] = true
			if !slices.ContainsFunc(kinds[name], func(k string) bool { return k == "scalar" || k == "aggregate" || k == "macro" }) {
				t.Errorf("the engine has no function %s: %v", name, kinds[name])
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, word := range forbidden {
			if strings.Contains(name, word) {
				t.Errorf("%s is listed", name)
			}
		}
	}
}
