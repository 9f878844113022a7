// Package condition writes conditions and computed traits as SQL: one SELECT of
// DuckDB over the open tables, which comes to exactly what expr, trait and segment
// come to for each person or account at one moment.
//
// The tables are those that queries name: events with today's profile_id,
// profiles, traits_history. A statement is made of common table expressions: the
// people (k_p) and accounts (k_q) with the traits that are asked for, the events
// (k_e) with a list of values for each field that is named, one row for each
// person with all aggregates (k_pa, k_qa), and the steps of sequences. A value is
// a struct of its kind k, its number n in units of 1e-9 and its text t, so that
// equal values are equal structs and values sort as expr.Value does.
package condition

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"kith/internal/analytics"
	"kith/internal/errs"
	"kith/internal/expr"
	"kith/internal/segment"
)

// CodeRefused is the code of what has no form in SQL.
const CodeRefused = "condition.no_sql"

// Question is what conditions are asked with.
type Question struct {
	Set   *segment.Set
	Scope expr.Scope // of the conditions that are asked
	Now   int64      // UTC milliseconds
	Zone  *time.Location

	// Columns returns the names of the columns of a property, of its texts, numbers
	// and booleans, when they tell everything in all files; an empty name is a column
	// that no file has. nil: properties are read from their documents.
	Columns func(path string) (names [3]string, plain bool)
}

// Members returns the SELECT of the ids (column id) of all whom the condition
// holds for: profiles, or nodes of accounts. The error is of kind Invalid when the
// condition has no form in SQL.
func (q Question) Members(c expr.Condition) (analytics.Query, error) {
	w := newWriter(q)
	f := w.frame(q.Scope)
	is := w.condition(f, c)
	return w.statement("SELECT " + f.base + ".id AS id FROM " + f.from() + " WHERE " + is)
}

// Verdicts returns the SELECT of everybody: the id, and for each condition a
// boolean column c0, c1 and so on.
func (q Question) Verdicts(conditions []expr.Condition) (analytics.Query, error) {
	w := newWriter(q)
	f := w.frame(q.Scope)
	var columns []string
	for i, c := range conditions {
		columns = append(columns, ", "+w.condition(f, c)+" AS c"+strconv.Itoa(i))
	}
	return w.statement("SELECT " + f.base + ".id AS id" + strings.Join(columns, "") + " FROM " + f.from())
}

// Values returns the SELECT of the values of computed traits, which must be of the
// question's scope: of everybody the id, and for each trait its JSON (v0, v1 and
// so on), NULL when it is absent.
func (q Question) Values(keys []string) (analytics.Query, error) {
	w := newWriter(q)
	f := w.frame(q.Scope)
	var columns []string
	for i, key := range keys {
		columns = append(columns, ", "+w.shown(f, key)+" AS v"+strconv.Itoa(i))
	}
	return w.statement("SELECT " + f.base + ".id AS id" + strings.Join(columns, "") + " FROM " + f.from())
}

// writer writes one statement.
type writer struct {
	q      Question
	frames [2]*frame
	fields []expr.Field    // of events: columns f0, f1 and so on
	plain  []string        // properties whose own columns are asked for: columns p0s, p0n and p0b, p1s and so on
	calls  []expr.Call     // that any part asks for
	parts  []string        // common table expressions behind those of the frames
	number int             // of the names that are made up
	ranked bool            // events need their place in the order of events
	whole  map[string]bool // columns of fields that are also asked for as JSON
	refs   []string        // traits of persons that sequences refer to
	err    error
	oldest int64 // no part asks for events of this time or before

	refLists []string                  // their values
	written  map[expr.Condition]string // what is asked twice is written once
}

func newWriter(q Question) *writer {
	w := &writer{q: q, oldest: expr.Never, written: map[expr.Condition]string{}}
	w.frames[expr.Profile] = &frame{w: w, scope: expr.Profile, base: "k_p", events: "k_e"}
	w.frames[expr.Account] = &frame{w: w, scope: expr.Account, base: "k_q", events: "k_qe"}
	return w
}

func (w *writer) frame(s expr.Scope) *frame { return w.frames[s] }

// refuse notes what has no form in SQL.
func (w *writer) refuse(format string, args ...any) {
	if w.err == nil {
		w.err = errs.New(errs.Invalid, CodeRefused, format, args...)
	}
}

func (w *writer) name(prefix string) string {
	w.number++
	return prefix + strconv.Itoa(w.number)
}

// typed is the columns of the events that hold the texts, numbers and booleans of
// a property that is never anything else.
type typed struct{ text, number, boolean string }

// typed returns the columns of a field; ok is false when there are none that tell
// everything.
func (w *writer) typed(f expr.Field) (t typed, ok bool) {
	if f.Context || w.q.Columns == nil {
		return t, false
	}
	if _, plain := w.q.Columns(f.Path); !plain {
		return t, false
	}
	i := slices.Index(w.plain, f.Path)
	if i < 0 {
		i = len(w.plain)
		w.plain = append(w.plain, f.Path)
	}
	p := "p" + strconv.Itoa(i)
	return typed{p + "s", p + "n", p + "b"}, true
}

// field returns the column of the events that holds the values of a field as a
// list.
func (w *writer) field(f expr.Field) string {
	i := slices.Index(w.fields, f)
	if i < 0 {
		i = len(w.fields)
		w.fields = append(w.fields, f)
	}
	return "f" + strconv.Itoa(i)
}

// frame is the subjects of a scope: one row each, with what is asked of them.
type frame struct {
	w      *writer
	scope  expr.Scope
	base   string   // the table of the subjects
	events string   // the table of their events
	paths  []string // of custom traits: columns d0, d1 and so on of the base
	aggs   []string // columns a0, a1 and so on
	asked  bool     // the frame is part of the statement
}

// from is what a SELECT of the frame's subjects reads.
func (f *frame) from() string {
	f.asked = true
	return f.base + " LEFT JOIN " + f.base + "a ON " + f.base + "a.id = " + f.base + ".id"
}

// agg returns the column that holds an aggregate of the subject's events; NULL
// when there are no events.
func (f *frame) agg(expression string) string {
	i := slices.Index(f.aggs, expression)
	if i < 0 {
		i = len(f.aggs)
		f.aggs = append(f.aggs, expression)
	}
	return f.base + "a.a" + strconv.Itoa(i)
}

// custom returns the column that holds the values of a path of custom traits.
func (f *frame) custom(path string) string {
	i := slices.Index(f.paths, path)
	if i < 0 {
		i = len(f.paths)
		f.paths = append(f.paths, path)
	}
	return f.base + ".d" + strconv.Itoa(i)
}

// statement joins everything in front of the last SELECT.
func (w *writer) statement(last string) (analytics.Query, error) {
	if w.err != nil {
		return analytics.Query{}, w.err
	}
	person, account := w.frame(expr.Profile), w.frame(expr.Account)
	with := []string{w.people(person)}
	with = append(with, w.events()...)
	if account.asked {
		with = append(with, w.accounts(account)...)
	}
	with = append(with, w.aggregates(person))
	if len(w.refs) > 0 {
		with = append(with, w.referred(person))
	}
	with = append(with, w.parts...)
	own := &analytics.Own{Tables: []string{"events", "profiles", "traits_history"}, Columns: []string{"profile_id"}, Plain: w.plain}
	for _, path := range w.plain {
		names, _ := w.q.Columns(path)
		for _, n := range names {
			if n != "" {
				own.Columns = append(own.Columns, n)
			}
		}
	}
	return analytics.Query{SQL: "WITH " + strings.Join(with, ",\n") + "\n" + last, Own: own}, w.err
}

// people is the table of persons.
func (w *writer) people(f *frame) string {
	columns := []string{"profile_id AS id", "consents", "entities"}
	for i, p := range f.paths {
		columns = append(columns, valuesIn("traits", p)+" AS d"+strconv.Itoa(i))
	}
	return "k_p AS (SELECT " + strings.Join(columns, ", ") + " FROM profiles)"
}

// events is the table of events of persons that have come to pass.
func (w *writer) events() []string {
	var names []string
	for _, c := range w.calls {
		names = append(names, isCall("type", "name", c))
	}
	only := "false"
	if len(names) > 0 {
		only = strings.Join(names, " OR ")
	}
	only = "(" + only + `) AND "timestamp" <= ` + timestamp(w.q.Now)
	if w.oldest > oldestMin {
		only += ` AND "timestamp" > ` + timestamp(w.oldest)
	}
	var fields []string
	docs := ""
	for i, path := range w.plain {
		names, _ := w.q.Columns(path)
		for j, kind := range []string{"s VARCHAR", "n DECIMAL(38,9)", "b BOOLEAN"} {
			suffix, typ, _ := strings.Cut(kind, " ")
			column := "NULL::" + typ
			if names[j] != "" {
				column = `"` + strings.ReplaceAll(names[j], `"`, `""`) + `"`
			}
			docs += ", " + column + " AS p" + strconv.Itoa(i) + suffix
			fields = append(fields, ", p"+strconv.Itoa(i)+suffix)
		}
	}
	inProperties := false
	for i, f := range w.fields {
		if t, ok := w.typedNow(f); ok {
			fields = append(fields, ", "+t.list()+" AS f"+strconv.Itoa(i))
			if !w.whole["f"+strconv.Itoa(i)] {
				continue
			}
		}
		inProperties = inProperties || !f.Context
		doc := "dp"
		if f.Context {
			doc = "dc"
		}
		name := "f" + strconv.Itoa(i)
		if _, ok := w.typedNow(f); !ok {
			fields = append(fields, ", "+valuesIn(doc, f.Path)+" AS "+name)
		}
		if w.whole[name] {
			fields = append(fields, ", "+let("d", marked("coalesce("+doc+", '{}')"), wholeField("d", f.Path))+" AS w"+name)
		}
	}
	if inProperties {
		docs += ", properties AS dp"
	}
	if slices.ContainsFunc(w.fields, func(f expr.Field) bool { return f.Context }) {
		docs += ", context AS dc"
	}
	out := []string{"k_e AS (SELECT id, t, m, s, r, y, w" + strings.Join(fields, "") +
		" FROM (SELECT profile_id AS id, epoch_ms(\"timestamp\") AS t, message_id AS m, source AS s, epoch_ms(received_at) AS r, type AS y, name AS w" + docs +
		" FROM events WHERE profile_id IS NOT NULL AND " + only + "))"}
	if w.ranked {
		out = append(out,
			"k_h AS (SELECT id FROM k_e GROUP BY id HAVING count(*) > "+strconv.Itoa(candidatesMax)+")",
			"k_d AS (SELECT id, t FROM k_e GROUP BY id, t HAVING count(*) > 1)",
			"k_o AS (SELECT * EXCLUDE (m, s, r), t::HUGEINT * 1000000000 AS o FROM k_e WHERE (id, t) NOT IN (FROM k_d)"+
				" UNION ALL SELECT * EXCLUDE (m, s, r), t::HUGEINT * 1000000000 + row_number() OVER (PARTITION BY id, t ORDER BY m, s, r) AS o FROM k_e WHERE (id, t) IN (FROM k_d))")
	}
	return out
}

// typedNow returns the columns of a field that were asked for before.
func (w *writer) typedNow(f expr.Field) (typed, bool) {
	if f.Context || !slices.Contains(w.plain, f.Path) {
		return typed{}, false
	}
	return w.typed(f)
}

// list writes the list of values of the columns.
func (t *typed) list() string {
	return "CASE WHEN " + t.text + " IS NOT NULL THEN [{'k': 1::TINYINT, 'n': 0::HUGEINT, 't': " + t.text + "}] WHEN " + t.number +
		" IS NOT NULL THEN [" + units("replace("+t.number+"::VARCHAR, '.', '')::HUGEINT") + "] WHEN " + t.boolean +
		" IS NOT NULL THEN [{'k': 3::TINYINT, 'n': 0::HUGEINT, 't': " + t.boolean + "::VARCHAR}] ELSE " + none + " END"
}

// aggregates is the table of what is aggregated of the events of each subject.
func (w *writer) aggregates(f *frame) string {
	columns := []string{"id"}
	for i, a := range f.aggs {
		columns = append(columns, a+" AS a"+strconv.Itoa(i))
	}
	return f.base + "a AS (SELECT " + strings.Join(columns, ", ") + " FROM " + f.events + " GROUP BY id)"
}

// accounts are the tables of accounts: who belongs to which, their traits, and
// their members' events.
func (w *writer) accounts(f *frame) []string {
	columns := []string{"id"}
	for i, p := range f.paths {
		columns = append(columns, valuesIn("doc", p)+" AS d"+strconv.Itoa(i))
	}
	return []string{
		`k_m AS (SELECT DISTINCT account_node_id AS account, profile_id AS person FROM events WHERE type = 'group' AND account_node_id IS NOT NULL AND profile_id IS NOT NULL)`,
		`k_w AS (SELECT node_id, '{' || string_agg(to_json(trait)::VARCHAR || ':' || v, ',') || '}' AS doc FROM (
	SELECT node_id, trait, arg_max(value::VARCHAR, {'t': "timestamp", 'm': message_id, 's': source, 'r': received_at}) AS v
	FROM traits_history WHERE scope = 'account' GROUP BY node_id, trait) WHERE v <> 'null' GROUP BY node_id)`,
		"k_q AS (SELECT " + strings.Join(columns, ", ") + " FROM (SELECT a.account AS id, coalesce(k_w.doc, '{}')" +
			" AS doc FROM (SELECT DISTINCT account FROM k_m) a LEFT JOIN k_w ON k_w.node_id = a.account))",
		"k_qe AS (SELECT k_m.account AS id, k_e.* EXCLUDE (id) FROM k_e JOIN k_m ON k_m.person = k_e.id)",
		w.aggregates(f),
	}
}

// isCall tells that an event is of a call.
func isCall(typ, name string, c expr.Call) string {
	is := typ + " = " + text(c.Type.String())
	if !c.AnyName {
		is += " AND " + name + " = " + text(c.Name)
	}
	return "(" + is + ")"
}

// selected tells that an event is picked by a selection, without regard to lines
// that refer.
func (w *writer) selected(s *expr.Selection) string {
	var names []string
	for _, c := range s.Calls {
		if !slices.Contains(w.calls, c) {
			w.calls = append(w.calls, c)
		}
		names = append(names, isCall("y", "w", c))
	}
	is := "(" + strings.Join(names, " OR ") + ")"
	for i := range s.Lines {
		if l := &s.Lines[i]; l.Ref == nil {
			is += " AND " + w.line(l)
		}
	}
	return is
}

// within tells that an event of time t counts in a window.
func (w *writer) within(win *expr.Window, t string) string {
	now := w.q.Now
	w.oldest = min(w.oldest, max(win.Oldest(now), -expr.Never))
	switch win.Form {
	case expr.Last:
		return t + " > " + whole(now-win.Far)
	case expr.Between:
		return t + " > " + whole(now-win.Far) + " AND " + t + " <= " + whole(now-win.Near)
	case expr.Absolute:
		is := "true"
		if win.Since > -expr.Never {
			is += " AND " + t + " >= " + whole(win.Since)
		}
		if win.Until < expr.Never {
			is += " AND " + t + " < " + whole(win.Until)
		}
		return is
	}
	return "true"
}

// oldestMin is a time that the engine's type surely holds.
const oldestMin = -60_000_000_000_000

// timestamp writes a time as the engine's.
func timestamp(ms int64) string { return "make_timestamp_ms(" + whole(ms) + ")" }

// whole writes a number of milliseconds.
func whole(n int64) string { return "(" + strconv.FormatInt(n, 10) + ")" }

// text writes a text; one with a NUL, which the engine's parser does not take, in
// pieces.
func text(s string) string {
	var parts []string
	for _, p := range strings.Split(s, "\x00") {
		parts = append(parts, "'"+strings.ReplaceAll(p, "'", "''")+"'")
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return "(" + strings.Join(parts, " || chr(0) || ") + ")"
}

// let names a value: body may use the name many times, and value is worked out
// once.
func (w *writer) let(value string, body func(name string) string) string {
	n := w.name("x")
	return let(n, value, body(n))
}

func let(name, value, body string) string {
	return fmt.Sprintf("list_transform([%s], lambda %s: %s)[1]", value, name, body)
}
