// Package dialect writes conditions and computed traits in ClickHouse's dialect of
// SQL: one SELECT over the copy of the open tables, which comes to exactly what
// expr, trait and segment come to for each person or account at one moment. It is
// what package condition is for DuckDB.
//
// The server reads and works out a common table expression anew wherever it is named,
// so each SELECT has of the subjects and their events what it needs and no more, and
// whatever is asked of a person's events is an aggregate of one GROUP BY: a sequence
// is an array of the person's events, which array functions follow.
//
// A value is a text: a digit for its kind, then a text as it is, a number as 39
// digits of its units of 1e-9 on top of 10^38, a boolean, or the canonical JSON of an
// object or of a number that is too large. Equal values are equal texts, and values
// sort as expr.Value does. Units are Int256, which no sum, product or quotient of
// values can overflow.
package dialect

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kith/internal/analytics"
	"kith/internal/analytics/condition"
	"kith/internal/errs"
	"kith/internal/expr"
	"kith/internal/lake"
)

// Question is what conditions are asked with. Its columns of properties are not
// made use of: the copy has none.
type Question struct{ condition.Question }

var _ condition.Form = Question{}

// Members implements condition.Form.
func (q Question) Members(c expr.Condition) (analytics.Query, error) {
	w := newWriter(q)
	f := w.frame(q.Scope)
	is := w.condition(f, c)
	return w.statement("SELECT " + f.base + ".id AS id FROM " + f.from(is) + " WHERE " + is)
}

// Verdicts implements condition.Form.
func (q Question) Verdicts(conditions []expr.Condition) (analytics.Query, error) {
	w := newWriter(q)
	return w.statement(w.verdicts(conditions, "CAST(", " AS Bool)"))
}

// verdicts is the SELECT of everybody's id and of columns of conditions.
func (w *writer) verdicts(conditions []expr.Condition, before, behind string) string {
	f := w.frame(w.q.Scope)
	columns := f.base + ".id AS id"
	for i, c := range conditions {
		columns += ", " + before + w.condition(f, c) + behind + " AS c" + strconv.Itoa(i)
	}
	return "SELECT " + columns + " FROM " + f.from(columns)
}

// Values implements condition.Form.
func (q Question) Values(keys []string) (analytics.Query, error) {
	w := newWriter(q)
	f := w.frame(q.Scope)
	columns := f.base + ".id AS id"
	for i, key := range keys {
		columns += ", " + w.shown(f, key) + " AS v" + strconv.Itoa(i)
	}
	return w.statement("SELECT " + columns + " FROM " + f.from(columns))
}

// writer writes one statement. The names of columns that it makes up end in _, so
// that none is the beginning of another one.
type writer struct {
	q       Question
	frames  [2]*frame
	fields  []expr.Field // of events: columns f0_, f1_ and so on
	calls   []expr.Call  // that any condition asks for so far
	oldest  int64        // none asks for events of this time or before
	parts   []string     // common table expressions
	grouped bool         // accounts are asked for
	number  int          // of the names that are made up
	err     error
	written map[expr.Condition]string
}

func newWriter(q Question) *writer {
	w := &writer{q: q, oldest: expr.Never, written: map[expr.Condition]string{}}
	w.frames[expr.Profile] = &frame{w: w, scope: expr.Profile, base: "k_p"}
	w.frames[expr.Account] = &frame{w: w, scope: expr.Account, base: "k_q"}
	if q.Now < timeMin || q.Now >= timeMax {
		w.refuse("the moment is none that ClickHouse has")
	}
	return w
}

func (w *writer) frame(s expr.Scope) *frame {
	w.grouped = w.grouped || s == expr.Account
	return w.frames[s]
}

// sampled is the condition that a person is in the part of everybody that is asked,
// as package condition has it.
func (w *writer) sampled() string {
	if w.q.Part <= 1 {
		return "1"
	}
	return fmt.Sprintf("profile_id < '%02x'", condition.PartMax/w.q.Part)
}

// refuse notes what has no form in SQL.
func (w *writer) refuse(format string, args ...any) {
	if w.err == nil {
		w.err = errs.New(errs.Invalid, condition.CodeRefused, format, args...)
	}
}

func (w *writer) name(prefix string) string {
	w.number++
	return prefix + strconv.Itoa(w.number)
}

// field returns the column of the events that holds the values of a field.
func (w *writer) field(f expr.Field) string {
	i := slices.Index(w.fields, f)
	if i < 0 {
		i = len(w.fields)
		w.fields = append(w.fields, f)
	}
	return column("f", i)
}

func column(prefix string, i int) string { return prefix + strconv.Itoa(i) + "_" }

// units returns the column of the events that holds the numbers among the values of
// a field.
func (w *writer) units(f expr.Field) string { return "n" + w.field(f) }

// wholes returns the column of the events that holds what a field leads to as
// JSON, arrays whole.
func (w *writer) wholes(f expr.Field) string { return "w" + w.field(f) }

// frame is the subjects of a scope: one row each, with what is asked of them.
type frame struct {
	w     *writer
	scope expr.Scope
	base  string   // the table of the subjects
	paths []string // of custom traits: columns d0_, d1_ and so on of the base
	sets  []string // tables of ids: columns m0_, m1_ and so on of the base tell who is in them
	aggs  []string // columns a0_, a1_ and so on of a table beside it
}

// from is what a SELECT of the frame's subjects reads that makes use of the given
// columns. Who has no events has zeros, empty lists and NULL for their aggregates.
func (f *frame) from(used string) string {
	from := "(" + f.subjects(used) + ") AS " + f.base
	aggs := ""
	for i, a := range f.aggs {
		if name := column("a", i); strings.Contains(used, name) {
			aggs += ", " + a + " AS " + name
		}
	}
	if aggs == "" {
		return from
	}
	return from + " ALL LEFT JOIN (SELECT id" + aggs + " FROM (" + f.events(aggs) + ") GROUP BY id) AS " + f.base + "a ON " + f.base + "a.id = " + f.base + ".id"
}

// agg returns the column that holds an aggregate of the subject's events.
func (f *frame) agg(expression string) string {
	return f.base + "a." + column("a", place(&f.aggs, expression))
}

// custom returns the column that holds the values of a path of custom traits.
func (f *frame) custom(path string) string {
	return f.base + "." + column("d", place(&f.paths, path))
}

// in returns the column that tells whether the subject is in a table of ids.
func (f *frame) in(table string) string {
	return f.base + "." + column("m", place(&f.sets, table))
}

// place returns the place of a text in a list, to which it is added if need be.
func place(list *[]string, text string) int {
	i := slices.Index(*list, text)
	if i < 0 {
		i = len(*list)
		*list = append(*list, text)
	}
	return i
}

// settings are those that the meaning of a statement rests on, whatever the user of
// the server has set.
const settings = " SETTINGS join_use_nulls = 0, transform_null_in = 0, aggregate_functions_null_for_empty = 0, prefer_column_name_to_alias = 0, " +
	"joined_subquery_requires_alias = 0, data_type_default_nullable = 0, cast_keep_nullable = 0, max_block_size = 4096, " +
	"max_expanded_ast_elements = 10000000, query_plan_max_optimizations_to_apply = 1000000"

// statement puts everything in front of the last SELECT.
func (w *writer) statement(last string) (analytics.Query, error) {
	if w.err != nil {
		return analytics.Query{}, w.err
	}
	with := []string{limitValue + " AS " + limit}
	if w.grouped {
		if w.q.Part > 1 {
			return analytics.Query{}, errs.New(errs.Invalid, condition.CodeNoSample, "a sample of persons says nothing of accounts")
		}
		with = append(with, members, accountTraits())
	}
	with = append(with, w.parts...)
	return analytics.Query{
		SQL: "WITH " + strings.Join(with, ",\n") + "\n" + last + settings,
		Own: &analytics.Own{Tables: []string{lake.TableEvents, lake.TableProfiles, lake.TableTraits}},
	}, nil
}

// members is the table of who belongs to which account.
const members = "k_m AS (SELECT DISTINCT assumeNotNull(account_node_id) AS account, assumeNotNull(profile_id) AS person FROM events WHERE type = 'group' AND account_node_id IS NOT NULL AND profile_id IS NOT NULL)"

// accountTraits is the table of the traits of accounts, as documents.
func accountTraits() string {
	return `k_w AS (SELECT node, concat('{', arrayStringConcat(groupArray(concat(toJSONString(k), ':', v)), ','), '}') AS doc FROM (
	SELECT ifNull(node_id, '') AS node, ifNull(trait, '') AS k, argMax(ifNull(value, 'null'), ("timestamp", ifNull(message_id, ''), ifNull(source, ''), received_at)) AS v
	FROM traits_history WHERE scope = 'account' AND NOT ` + cut(`"timestamp"`) + ` GROUP BY node, k) WHERE v <> 'null' GROUP BY node)`
}

// subjects is the SELECT of the subjects and of the columns that are made use of.
func (f *frame) subjects(used string) string {
	columns, from := "id, consents", "profile_id AS id, ifNull(consents, '{}') AS consents, "+marked("ifNull(traits, '{}')")+" AS doc"
	if strings.Contains(used, f.base+".rows") {
		columns, from = columns+", rows", from+", "+marked("ifNull(entities, '{}')")+" AS rows"
	}
	from = "SELECT " + from + " FROM profiles WHERE " + f.w.sampled()
	if f.scope == expr.Account {
		columns, from = "id", "SELECT k_a.account AS id, "+marked("if(empty(k_w.doc), '{}', k_w.doc)")+" AS doc FROM (SELECT DISTINCT account FROM k_m) AS k_a ALL LEFT JOIN k_w ON k_w.node = k_a.account"
	}
	var places []location
	traits, sets := "", ""
	for i, p := range f.paths {
		if name := column("d", i); strings.Contains(used, name) {
			places = append(places, location{"doc", p})
			traits += ", v[" + strconv.Itoa(len(places)) + "] AS " + name
		}
	}
	for i, table := range f.sets {
		if name := column("m", i); strings.Contains(used, name) {
			sets += ", id IN (SELECT id FROM " + table + ") AS " + name
		}
	}
	if len(places) > 0 {
		from = "SELECT " + columns + ", " + f.w.lists(places) + " AS v FROM (" + from + ")"
	}
	return "SELECT " + columns + traits + sets + " FROM (" + from + ")"
}

// events is the SELECT of the subjects' events that have come to pass.
func (f *frame) events(used string) string {
	if f.scope == expr.Profile {
		s, _ := f.w.events(used)
		return s
	}
	s, columns := f.w.events(used)
	return "SELECT k_m.account AS id, " + columns + " FROM (" + s + ") AS k_e ALL INNER JOIN k_m ON k_m.person = k_e.id"
}

// events is the SELECT of the events of persons, with the fields that are made use
// of; columns are all of it but the id.
func (w *writer) events(used string) (events, columns string) {
	columns = "t, m, s, r, y, w"
	inner, outer := columns, columns
	var places []location
	docs := [2]string{}
	for i, field := range w.fields {
		name := column("f", i)
		if !strings.Contains(used, name) {
			continue
		}
		doc := "dp"
		if field.Context {
			doc, docs[1] = "dc", ", "+marked("ifNull(context, '{}')")+" AS dc"
		} else {
			docs[0] = ", " + marked("ifNull(properties, '{}')") + " AS dp"
		}
		places = append(places, location{doc, field.Path})
		list := "v[" + strconv.Itoa(len(places)) + "]"
		outer, columns = outer+", "+list+" AS "+name, columns+", "+name
		if strings.Contains(used, "n"+name) {
			outer, columns = outer+", "+w.unitsOf(list)+" AS n"+name, columns+", n"+name
		}
		if strings.Contains(used, "w"+name) {
			inner += ", " + w.wholeField(doc, field.Path) + " AS w" + name
			outer, columns = outer+", w"+name, columns+", w"+name
		}
	}
	if len(places) > 0 {
		inner += ", " + w.lists(places) + " AS v"
	}
	return "SELECT id, " + outer + " FROM (SELECT id, " + inner +
		` FROM (SELECT assumeNotNull(profile_id) AS id, toUnixTimestamp64Milli("timestamp") AS t, ifNull(message_id, '') AS m, ifNull(source, '') AS s,` +
		" toUnixTimestamp64Milli(received_at) AS r, ifNull(type, '') AS y, name AS w" + docs[0] + docs[1] + " FROM events WHERE profile_id IS NOT NULL AND " + w.sampled() + " AND " + w.counting() + "))", columns
}

// counting tells that an event is one that conditions may ask for.
func (w *writer) counting() string {
	names := []string{"0"}
	for _, c := range w.calls {
		names = append(names, isCall("type", "name", c))
	}
	is := "(" + strings.Join(names, " OR ") + `) AND "timestamp" <= ` + timestamp(w.q.Now)
	if w.oldest > timeMin {
		return is + ` AND "timestamp" > ` + timestamp(w.oldest)
	}
	return is + " AND NOT " + cut(`"timestamp"`)
}

// isCall tells that an event is of a call.
func isCall(typ, name string, c expr.Call) string {
	is := typ + " = " + text(c.Type.String())
	if !c.AnyName {
		is += " AND ifNull(" + name + " = " + text(c.Name) + ", 0)"
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
			is += " AND " + w.test(l.Op, &l.Operand, w.field(l.Field))
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
		is := "1"
		if win.Since > -expr.Never {
			is += " AND " + t + " >= " + whole(win.Since)
		}
		if win.Until < expr.Never {
			is += " AND " + t + " < " + whole(win.Until)
		}
		return is
	}
	return "1"
}

// Times that every release of the server holds, 1900 up to 2300, UTC milliseconds.
// What lies outside becomes the end in releases that hold no more.
const (
	timeMin = -2_208_988_800_000
	timeMax = 10_413_792_000_000
)

// timestamp writes a time as the server's.
func timestamp(ms int64) string {
	return "fromUnixTimestamp64Milli(toInt64(" + strconv.FormatInt(ms, 10) + "), 'UTC')"
}

// cut fails for a time that may have been cut to what the server holds, and is false
// for all others.
func cut(column string) string {
	return "throwIf(toUnixTimestamp64Milli(" + column + ") IN (" + strconv.FormatInt(timeMin, 10) + ", " + strconv.FormatInt(timeMax-1, 10) + "), 'a time may not be exact')"
}

// whole writes a number of milliseconds.
func whole(n int64) string { return "toInt64(" + strconv.FormatInt(n, 10) + ")" }

// text writes a text.
func text(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`).Replace(s) + "'"
}

// let names a value: body may use the name many times, and value is worked out
// once.
func (w *writer) let(value string, body func(name string) string) string {
	x := w.name("x")
	return fmt.Sprintf("arrayMap(%s -> %s, [%s])[1]", x, body(x), value)
}

// let2 names two values.
func (w *writer) let2(a, b string, body func(a, b string) string) string {
	x, y := w.name("x"), w.name("x")
	return fmt.Sprintf("arrayMap((%s, %s) -> %s, [%s], [%s])[1]", x, y, body(x, y), a, b)
}
