// Package condition writes conditions and computed traits as SQL: one SELECT of
// DuckDB over the open tables, which comes to exactly what expr, trait and segment
// come to for each person or account at one moment.
//
// The tables are those that queries name: events, identifiers with today's
// profile_id, profiles, traits_history. A statement is made of common table expressions: the
// people (k_p) and accounts (k_q) with the traits that are asked for, the events
// (k_e) with a list of values for each field that is named, one row for each
// person with all aggregates (k_pa, k_qa), and the steps of sequences. A value is
// a struct of its kind k, its number n in units of 1e-9 and its text t, so that
// equal values are equal structs and values sort as expr.Value does.
package condition

import (
	"fmt"
	"maps"
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

// CodeNoSample is the code of what only everybody can be asked.
const CodeNoSample = "condition.no_sample"

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

	// Part asks one person in so many, a fair sample: a power of two up to PartMax.
	// 0 and 1 ask everybody. Accounts, and persons by their accounts, have no sample.
	Part int
}

// PartMax is the smallest part of everybody that can be asked: one in so many.
const PartMax = 256

// Form writes questions in the language of an engine. An error of kind Invalid says
// that a condition has no form in it.
type Form interface {
	// Members returns the SELECT of the ids (column id) of all whom the condition
	// holds for: profiles, or nodes of accounts.
	Members(c expr.Condition) (analytics.Query, error)
	// Verdicts returns the SELECT of everybody: the id, and for each condition a
	// boolean column c0, c1 and so on.
	Verdicts(conditions []expr.Condition) (analytics.Query, error)
	// Values returns the SELECT of the values of computed traits, which must be of the
	// question's scope: of everybody the id, and for each trait its JSON (v0, v1 and
	// so on), NULL when it is absent.
	Values(keys []string) (analytics.Query, error)
	// Sizes returns the SELECT of one row: how many were asked, for each condition how
	// many it holds for (n0, n1 and so on), and for each of the sampled ones, named by
	// their places, the least ids of those for whom it holds, as many as the sample
	// asks for, joined by commas.
	Sizes(conditions []expr.Condition, sampled []int, sample int) (analytics.Query, error)
	// Regions returns the SELECT of how many there are for each combination of
	// conditions: region has a bit for each condition that holds, the first one being
	// the least, and size is the number.
	Regions(conditions []expr.Condition) (analytics.Query, error)
	// Breakdown returns the SELECT of how many of those for whom the condition holds
	// have each value of a trait: value is its JSON, NULL for those without one, and
	// size the number; the most frequent first, of equals the least. Who has several
	// values counts for each.
	Breakdown(c expr.Condition, trait string) (analytics.Query, error)
}

var _ Form = Question{}

// Members implements Form.
func (q Question) Members(c expr.Condition) (analytics.Query, error) {
	w := newWriter(q)
	f := w.frame(q.Scope)
	is := w.condition(f, c)
	return w.statement("SELECT " + f.base + ".id AS id FROM " + f.from() + " WHERE " + is)
}

// Verdicts implements Form.
func (q Question) Verdicts(conditions []expr.Condition) (analytics.Query, error) {
	w := newWriter(q)
	f := w.frame(q.Scope)
	var columns []string
	for i, c := range conditions {
		columns = append(columns, ", "+w.condition(f, c)+" AS c"+strconv.Itoa(i))
	}
	return w.statement("SELECT " + f.base + ".id AS id" + strings.Join(columns, "") + " FROM " + f.from())
}

// Values implements Form.
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
	reads  reads           // of aggregates
	steps  reads           // of sequences
	parts  []string        // common table expressions behind those of the frames
	number int             // of the names that are made up
	whole  map[string]bool // columns of fields that are also asked for as JSON
	refs   []string        // traits of persons that sequences refer to
	err    error

	refLists []string                  // their values
	written  map[expr.Condition]string // what is asked twice is written once
}

func newWriter(q Question) *writer {
	w := &writer{q: q, written: map[expr.Condition]string{}}
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

// from is what a SELECT of the frame's subjects reads, once everything that it asks
// of them is written.
func (f *frame) from() string {
	f.asked = true
	if len(f.aggs) == 0 {
		return f.base
	}
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
	if account.asked && w.sampled() != "" {
		return analytics.Query{}, errs.New(errs.Invalid, CodeNoSample, "a sample of persons says nothing of accounts")
	}
	with := []string{w.people(person)}
	with = append(with, w.events()...)
	if account.asked {
		with = append(with, w.accounts(account)...)
	}
	with = append(with, w.aggregates(person)...)
	if len(w.refs) > 0 {
		with = append(with, w.referred(person))
	}
	with = append(with, w.parts...)
	own := &analytics.Own{Tables: []string{"events", "identifiers", "profiles", "traits_history"}, Plain: w.plain}
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
	where := ""
	if s := w.sampled(); s != "" {
		where = " WHERE " + s
	}
	return "k_p AS (SELECT " + strings.Join(columns, ", ") + " FROM profiles" + where + ")"
}

// sampled is the condition that a person is in the sample; empty when all are. Ids
// begin with a keyed hash, so those below a bound are a fair part.
func (w *writer) sampled() string {
	if w.q.Part <= 1 {
		return ""
	}
	return fmt.Sprintf("profile_id < '%02x'", PartMax/w.q.Part)
}

// reads are the events that a table is made of: of each call those that are younger
// than a time. No event is of two of the calls.
type reads struct {
	calls  []expr.Call
	oldest []int64
}

func (r *reads) add(c expr.Call, oldest int64) {
	for i, have := range r.calls {
		switch {
		case have.Type != c.Type:
		case have == c || have.AnyName:
			r.oldest[i] = min(r.oldest[i], oldest)
			return
		case c.AnyName: // takes the place of those of a name
			oldest = min(oldest, r.oldest[i])
			r.calls, r.oldest = slices.Delete(r.calls, i, i+1), slices.Delete(r.oldest, i, i+1)
			r.add(c, oldest)
			return
		}
	}
	r.calls, r.oldest = append(r.calls, c), append(r.oldest, oldest)
}

// apart returns the calls by how old their events may be; of no call there are no
// events.
func (r *reads) apart() map[int64][]expr.Call {
	out := map[int64][]expr.Call{}
	if len(r.calls) == 0 {
		out[-expr.Never] = nil
	}
	for i, c := range r.calls {
		out[r.oldest[i]] = append(out[r.oldest[i]], c)
	}
	return out
}

// events are the tables of events of persons that have come to pass: who a node is
// (k_i), the events that are aggregated (k_e), which each that reads them reads from
// the files, and what sequences need.
func (w *writer) events() []string {
	out := []string{"k_i AS (SELECT node_id, profile_id FROM identifiers WHERE " + w.looked() + ")"}
	if len(w.frame(expr.Profile).aggs)+len(w.frame(expr.Account).aggs) > 0 {
		out = append(out, "k_e AS NOT MATERIALIZED (SELECT "+w.eventsOf("id, t, m, s, r", &w.reads)+")")
	}
	if len(w.steps.calls) > 0 {
		out = append(out, w.ranked()...)
	}
	return out
}

// alone tells that a node that is in nobody else's profile may be taken for a
// profile, which spares looking half of them up: whoever is no profile is left out
// behind. Of accounts everybody counts who is in one.
func (w *writer) alone() bool { return w.sampled() == "" && !w.frame(expr.Account).asked }

// looked is the condition on the nodes that are looked up.
func (w *writer) looked() string {
	switch {
	case w.sampled() != "":
		return w.sampled()
	case w.alone():
		return "node_id <> profile_id"
	}
	return "profile_id IS NOT NULL"
}

// ranked are the tables for sequences: their events (k_n), who has so many that a
// step may have too many (k_h), the moments at which a person has several (k_d), and
// the events with their place o in the order of events (k_o).
func (w *writer) ranked() []string {
	return []string{
		"k_n AS MATERIALIZED (SELECT " + w.eventsOf("id, t", &w.steps) + ")",
		"k_h AS (SELECT id FROM k_n GROUP BY id HAVING count(*) > " + strconv.Itoa(candidatesMax) + ")",
		"k_d AS (SELECT id, t FROM k_n GROUP BY id, t HAVING count(*) > 1)",
		"k_o AS (SELECT *, t::HUGEINT * 1000000000 AS o FROM k_n WHERE (id, t) NOT IN (FROM k_d)" +
			" UNION ALL SELECT * EXCLUDE (m, s, r), t::HUGEINT * 1000000000 + row_number() OVER (PARTITION BY id, t ORDER BY m, s, r) AS o FROM (SELECT " +
			w.eventsOf("id, t, m, s, r", &w.steps) + " AND (id, t) IN (FROM k_d)))",
	}
}

// eventsOf writes what stands behind the SELECT of events: the columns of that list,
// the call and what is asked of it. Calls of which older events are asked for are
// read by themselves, so that of the others no more is read than is asked for.
func (w *writer) eventsOf(list string, r *reads) string {
	apart, fields := r.apart(), ""
	var parts []string
	for _, oldest := range slices.Sorted(maps.Keys(apart)) {
		only := isAny("type", "name", apart[oldest]) + ` AND "timestamp" <= ` + timestamp(w.q.Now)
		if oldest > oldestMin {
			only += ` AND "timestamp" > ` + timestamp(oldest)
		}
		var docs string
		fields, docs = w.columns()
		parts = append(parts, "SELECT node_id, epoch_ms(\"timestamp\") AS t, message_id AS m, source AS s, epoch_ms(received_at) AS r, type AS y, name AS w"+docs+" FROM events WHERE "+only)
	}
	who, join := "i.profile_id", "JOIN"
	if w.alone() {
		who, join = "coalesce(i.profile_id, e.node_id)", "LEFT JOIN"
	}
	return list + ", y, w" + fields + " FROM (SELECT e.*, " + who + " AS id FROM (" + strings.Join(parts, " UNION ALL ") + ") e " + join + " k_i i ON i.node_id = e.node_id) WHERE id IS NOT NULL"
}

// columns writes the columns of fields that are asked for, and of what these are read
// from.
func (w *writer) columns() (fields, docs string) {
	for i, path := range w.plain {
		names, _ := w.q.Columns(path)
		for j, kind := range []string{"s VARCHAR", "n DECIMAL(38,9)", "b BOOLEAN"} {
			suffix, typ, _ := strings.Cut(kind, " ")
			column := "NULL::" + typ
			if names[j] != "" {
				column = `"` + strings.ReplaceAll(names[j], `"`, `""`) + `"`
			}
			docs += ", " + column + " AS p" + strconv.Itoa(i) + suffix
			fields += ", p" + strconv.Itoa(i) + suffix
		}
	}
	inProperties := false
	for i, f := range w.fields {
		name := "f" + strconv.Itoa(i)
		t, ok := w.typedNow(f)
		if ok {
			fields += ", " + t.list() + " AS " + name
		}
		if ok && !w.whole[name] {
			continue
		}
		inProperties = inProperties || !f.Context
		doc := "dp"
		if f.Context {
			doc = "dc"
		}
		if !ok {
			fields += ", " + valuesIn(doc, f.Path) + " AS " + name
		}
		if w.whole[name] {
			fields += ", " + let("d", marked("coalesce("+doc+", '{}')"), wholeField("d", f.Path)) + " AS w" + name
		}
	}
	if inProperties {
		docs += ", properties AS dp"
	}
	if slices.ContainsFunc(w.fields, func(f expr.Field) bool { return f.Context }) {
		docs += ", context AS dc"
	}
	return fields, docs
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

// aggregates is the table of what is aggregated of the events of each subject, if
// anything is.
func (w *writer) aggregates(f *frame) []string {
	if len(f.aggs) == 0 {
		return nil
	}
	columns := []string{"id"}
	for i, a := range f.aggs {
		columns = append(columns, a+" AS a"+strconv.Itoa(i))
	}
	return []string{f.base + "a AS (SELECT " + strings.Join(columns, ", ") + " FROM " + f.events + " GROUP BY id)"}
}

// accounts are the tables of accounts: who belongs to which, their traits, and
// their members' events.
func (w *writer) accounts(f *frame) []string {
	columns := []string{"id"}
	for i, p := range f.paths {
		columns = append(columns, valuesIn("doc", p)+" AS d"+strconv.Itoa(i))
	}
	tables := []string{
		`k_m AS (SELECT DISTINCT e.account_node_id AS account, i.profile_id AS person FROM events e JOIN k_i i ON i.node_id = e.node_id WHERE e.type = 'group' AND e.account_node_id IS NOT NULL)`,
		`k_w AS (SELECT node_id, '{' || string_agg(to_json(trait)::VARCHAR || ':' || v, ',') || '}' AS doc FROM (
	SELECT node_id, trait, arg_max(value::VARCHAR, {'t': "timestamp", 'm': message_id, 's': source, 'r': received_at}) AS v
	FROM traits_history WHERE scope = 'account' GROUP BY node_id, trait) WHERE v <> 'null' GROUP BY node_id)`,
		"k_q AS (SELECT " + strings.Join(columns, ", ") + " FROM (SELECT a.account AS id, coalesce(k_w.doc, '{}')" +
			" AS doc FROM (SELECT DISTINCT account FROM k_m) a LEFT JOIN k_w ON k_w.node_id = a.account))",
	}
	if len(f.aggs) > 0 {
		tables = append(tables, "k_qe AS (SELECT k_m.account AS id, k_e.* EXCLUDE (id) FROM k_e JOIN k_m ON k_m.person = k_e.id)")
	}
	return append(tables, w.aggregates(f)...)
}

// isCall tells that an event is of a call.
func isCall(typ, name string, c expr.Call) string {
	is := typ + " = " + text(c.Type.String())
	if !c.AnyName {
		is += " AND " + name + " = " + text(c.Name)
	}
	return "(" + is + ")"
}

// isAny tells that an event is of one of some calls.
func isAny(typ, name string, calls []expr.Call) string {
	if len(calls) == 0 {
		return "false"
	}
	is := make([]string, len(calls))
	for i, c := range calls {
		is[i] = isCall(typ, name, c)
	}
	return "(" + strings.Join(is, " OR ") + ")"
}

// selected tells that an event is picked by a selection, without regard to lines
// that refer. The events are read from the table that the reads are of, which has
// none that are too old for the window.
func (w *writer) selected(in *reads, s *expr.Selection, win *expr.Window) string {
	for _, c := range s.Calls {
		in.add(c, max(win.Oldest(w.q.Now), -expr.Never))
	}
	is := isAny("y", "w", s.Calls)
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
