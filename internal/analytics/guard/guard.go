// Package guard decides whether a query may run. It reads the syntax tree that
// DuckDB's own parser makes of a text (json_serialize_sql) and lets through what
// it knows: one SELECT over named tables, with listed functions. A kind of node,
// a field or a function that is not listed is refused, so that a construct which
// a new version of the parser brings along is refused until somebody has judged
// it.
//
// The guard is the first of several walls. It holds without the ones behind it:
// an engine that cannot reach outside, a process without files and network, and
// bounds on time and memory.
package guard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a query.
const (
	QueryBytesMax = 64 << 10
	DepthMax      = 150    // how deep nodes may lie in each other
	NodesMax      = 20_000 // of the tree
	RangeMax      = 10_000_000
)

// Codes of refusals.
const (
	CodeSyntax      = "sql.syntax"       // the text cannot be parsed
	CodeEmpty       = "sql.empty"        // there is no statement
	CodeOneSelect   = "sql.one_select"   // something else than one SELECT
	CodeTable       = "sql.table"        // a table that is not there
	CodeFunction    = "sql.function"     // a function that is not listed
	CodeType        = "sql.type"         // a type that is not listed
	CodeConstruct   = "sql.construct"    // a part of the language that is not listed
	CodeParameter   = "sql.parameter"    // a placeholder
	CodeTooLong     = "sql.too_long"     // over QueryBytesMax
	CodeTooComplex  = "sql.too_complex"  // over DepthMax or NodesMax
	CodeNumber      = "sql.number"       // a number that no type holds
	CodeRange       = "sql.range"        // a series over RangeMax
	CodeText        = "sql.text"         // no UTF-8, or a NUL
	CodeReservedCTE = "sql.reserved_cte" // a name that a WITH may not take
)

// Refusal tells why a query does not run and what to do about it.
type Refusal struct {
	Code   string
	Detail string
	At     int // where in the text, in bytes; negative when not known
}

// Error implements error.
func (r *Refusal) Error() string { return r.Code + ": " + r.Detail }

func refuse(code string, at int, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Detail: fmt.Sprintf(format, args...), At: at}
}

// Catalog has the columns of each table that a query may name, in lower case.
type Catalog map[string][]string

// Verdict tells what a query that may run makes use of.
type Verdict struct {
	Tables []string // of the catalog, ascending

	columns map[string]bool // every name by which a column is asked for, in lower case
	all     bool            // columns may be asked for without their names
}

// Own returns the verdict on a query that the program has written itself.
func Own(tables, columns []string) *Verdict {
	v := &Verdict{Tables: tables, columns: map[string]bool{}}
	for _, c := range columns {
		v.columns[strings.ToLower(c)] = true
	}
	return v
}

// Needs reports whether the query may ask for a column of that name (in lower
// case). It may err towards true alone.
func (v *Verdict) Needs(column string) bool { return v.all || v.columns[column] }

// Names reports whether the query asks for a column by this name (in lower case).
func (v *Verdict) Names(column string) bool { return v.columns[column] }

// Text refuses a text that is too long, is no UTF-8 or has a NUL in it, before
// any parser sees it.
func Text(query string) error {
	switch {
	case len(query) > QueryBytesMax:
		return refuse(CodeTooLong, -1, "a query may have %d bytes; put long lists of values into a segment or a table of its own", QueryBytesMax)
	case !utf8.ValidString(query):
		return refuse(CodeText, -1, "the query is no UTF-8")
	case strings.ContainsRune(query, 0):
		return refuse(CodeText, strings.IndexByte(query, 0), "the query has a NUL character; take it out")
	}
	return nil
}

// Judge reads the JSON that the parser made of a query. The error is a *Refusal.
func Judge(tree []byte, catalog Catalog) (*Verdict, error) {
	var root any
	dec := json.NewDecoder(strings.NewReader(string(tree)))
	dec.UseNumber()
	if err := dec.Decode(&root); err != nil {
		return nil, unreadable(tree, err)
	}
	doc, ok := root.(map[string]any)
	if !ok {
		return nil, refuse(CodeConstruct, -1, "the query cannot be understood")
	}
	statement, err := onlyStatement(doc)
	if err != nil {
		return nil, err
	}
	w := newWalker(catalog)
	w.statement(statement)
	if w.err != nil {
		return nil, w.err
	}
	v := &Verdict{columns: w.columns, all: w.all}
	for name := range w.used {
		v.Tables = append(v.Tables, name)
	}
	slices.Sort(v.Tables)
	return v, nil
}

// unreadable tells why a tree is no JSON: the parser writes a number that is larger
// than a DOUBLE as Infinity, and a tree may be deeper than is read.
func unreadable(tree []byte, err error) *Refusal {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) && syntax.Offset > 0 && syntax.Offset <= int64(len(tree)) {
		before, after := tree[:syntax.Offset-1], tree[syntax.Offset-1:]
		if bytes.HasPrefix(after, []byte("Infinity")) {
			return refuse(CodeNumber, lastLocation(before), "a number is larger than a DOUBLE can hold, which is about 1.8e308; write 'infinity'::DOUBLE where no bound is meant")
		}
	}
	return refuse(CodeTooComplex, -1, "the query is nested too deeply; cut it into steps with WITH")
}

// lastLocation is the last place in the query that a part of a tree names, or -1.
func lastLocation(tree []byte) int {
	const name = `"query_location":`
	at := -1
	if i := bytes.LastIndex(tree, []byte(name)); i >= 0 {
		if _, err := fmt.Sscanf(string(tree[i+len(name):min(len(tree), i+len(name)+20)]), "%d", &at); err != nil {
			return -1
		}
	}
	return at
}

// onlyStatement returns the one SELECT of the document, or what is wrong.
func onlyStatement(doc map[string]any) (any, error) {
	if failed, _ := doc["error"].(bool); failed {
		return nil, parseError(doc)
	}
	statements, _ := doc["statements"].([]any)
	switch len(statements) {
	case 0:
		return nil, refuse(CodeEmpty, -1, "the query is empty; write a SELECT, such as SELECT count(*) FROM events")
	case 1:
		return statements[0], nil
	}
	return nil, refuse(CodeOneSelect, -1, "there are %d statements; send one SELECT at a time", len(statements))
}

// parseError says what the parser did not like. Its messages quote the query and
// nothing else.
func parseError(doc map[string]any) error {
	kind, _ := doc["error_type"].(string)
	text, _ := doc["error_message"].(string)
	if kind != "parser" && kind != "syntax" {
		return refuse(CodeOneSelect, -1, "only SELECT is allowed; kith's data is changed by events and by its API, and a table's columns are in the reference")
	}
	at := -1
	if position, ok := doc["position"].(string); ok {
		if _, err := fmt.Sscanf(position, "%d", &at); err != nil {
			at = -1
		}
	}
	if strings.Contains(text, "expression depth") {
		return refuse(CodeTooComplex, at, "the query is nested too deeply; cut it into steps with WITH")
	}
	return refuse(CodeSyntax, at, "%s", firstLine(text))
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + "…"
	}
	return s
}

// LineColumn is the place of a byte in a text as an editor counts: lines and
// characters from 1.
func LineColumn(text string, at int) (line, column int) {
	before := text[:min(max(at, 0), len(text))]
	line = strings.Count(before, "\n") + 1
	return line, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
}

// PlainName reports whether a name can be that of a WITH: letters, digits and
// underscores, and none that the engine has tables of its own under.
func PlainName(name string) bool {
	if name == "" || len(name) > 200 {
		return false
	}
	for i, r := range name {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	low := strings.ToLower(name)
	for _, own := range [...]string{"duckdb_", "pg_", "sqlite_", "pragma_", "information_schema", "main", "temp", "system", "memory"} {
		if low == own || strings.HasSuffix(own, "_") && strings.HasPrefix(low, own) {
			return false
		}
	}
	return true
}
