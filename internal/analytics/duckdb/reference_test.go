package duckdb

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"kith/internal/analytics"
	"kith/internal/analytics/guard"
)

// TestReference: docs/reference/sql.md lists the limits and functions that there
// are.
func TestReference(t *testing.T) {
	const name = "../../../docs/reference/sql.md"
	var b strings.Builder
	l := analytics.DefaultLimits()
	fmt.Fprintf(&b, `# SQL

<!-- Written by go test ./internal/analytics/duckdb -run TestReference -update from what the guard lets through. -->

[The guide](../guide/sql.md) tells how to ask, [tables](tables.md) what there is to ask for. The dialect is that of DuckDB 1.5.

## Limits

| what | limit |
| --- | --- |
| time of a query | %.0f s, then the code is `+"`sql.time`"+` |
| memory of the engine's buffers | %d MiB, `+"`sql.memory`"+` |
| rows of an answer | %d; a longer one is cut there, see below |
| values of an answer | %d MiB; a longer one is cut there |
| one row | %d MiB, `+"`sql.row_too_large`"+` |
| queries at the same time | %d, and %d that wait; more are answered 429, `+"`sql.busy`"+` |
| text of a query | %d KiB, `+"`sql.too_long`"+` |
| depth and parts of a query | %d and %d, `+"`sql.too_complex`"+` |
| `+"`range`, `generate_series`, `repeat`"+` | %d where a number is written out, `+"`sql.range`"+` |

An answer that was cut short says so: `+"`\"truncated\":true`"+` and `+"`truncated_by`"+` in JSON, the header or trailer `+"`Kith-Truncated`"+` in every form. `+"`Kith-As-Of`"+` tells up to when the tables hold everything.

## What a query may have

One SELECT (or VALUES, or FROM first) with WITH, also recursive, joins of every kind, subqueries, lateral ones too, GROUP BY with GROUPING SETS, ROLLUP and CUBE, HAVING, windows, QUALIFY, set operations, PIVOT with a list of values, UNPIVOT, samples, lambdas, list comprehensions, COLUMNS, and EXCLUDE, REPLACE and RENAME behind a star. In FROM stand the tables, names of WITH, subqueries, VALUES, `+"`range`, `generate_series` and `unnest`"+`.

Everything else is refused: other statements, several statements, files, settings, the catalog, placeholders, names with a schema, functions that are not listed. A refusal has a code, says where in the text it applies, and what to do.

## Functions
`, l.Time.Seconds(), l.MemoryBytes>>20, l.Rows, l.AnswerBytes>>20, rowBytesMax>>20, l.AtOnce, l.Waiting, guard.QueryBytesMax>>10, guard.DepthMax, guard.NodesMax, guard.RangeMax)
	for _, group := range guard.FunctionGroups() {
		fmt.Fprintf(&b, "\n**%s**: `%s`\n", group[0], strings.Join(strings.Fields(group[1]), "` `"))
	}
	b.WriteString("\nBeside these: `coalesce`, `ifnull`, `grouping`, `try`, `CASE`, `CAST`, `TRY_CAST`, `EXTRACT`, `IN`, `LIKE`, `ILIKE`, `SIMILAR TO`, `BETWEEN` and the operators.\n")
	if *update {
		if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Error("docs/reference/sql.md is not what the guard lets through; run this test with -update")
	}
}
