// Package exprtest makes random conditions of the whole grammar and random people
// to ask them of, small enough that chance meets the edges: few names and values,
// times that lie on the bounds of windows and a millisecond beside them.
package exprtest

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Midnight is the moment around which everything happens, and Minute the grid on
// which events lie; UTC milliseconds.
const (
	Midnight = int64(1_740_787_200_000)
	Minute   = int64(60_000)
)

// Source makes conditions. It is not safe for concurrent use.
type Source struct {
	Rand          *rand.Rand
	Segments      []string        // that may be named
	Scalars       bool            // values are made of no lists, and of objects only where a path leads through them
	Traits        []string        // computed ones that may be named beside the custom ones
	AccountTraits []string        // computed ones of accounts
	Counts        map[string]int  // how often each operator and form was made
	Without       map[string]bool // forms that are not to be made
}

// New returns a source of what the seed stands for.
func New(seed uint64) *Source {
	return &Source{Rand: rand.New(rand.NewPCG(seed, 1)), Counts: map[string]int{}, Without: map[string]bool{}}
}

func (s *Source) chance(percent int) bool { return s.Rand.IntN(100) < percent }

func (s *Source) pick(names ...string) string { return names[s.Rand.IntN(len(names))] }

func (s *Source) count(what string) string {
	s.Counts[what]++
	return what
}

// Paths are the paths of properties and traits that exist.
func Paths() []string {
	return []string{"n", "s", "b", "list", "o.n", "t", "none", "o.list.n", "x~/[k", "o"}
}

// Condition returns a condition as JSON, with groups nested at most that deep.
func (s *Source) Condition(depth int) string {
	if depth > 0 && s.chance(40) {
		var all []string
		for range 1 + s.Rand.IntN(3) {
			all = append(all, s.Condition(depth-1))
		}
		return fmt.Sprintf(`{%q:[%s]}`, s.count(s.pick("all", "any", "none")), strings.Join(all, ","))
	}
	return s.Leaf()
}

// Leaf returns a condition that is no group.
func (s *Source) Leaf() string {
	forms := []string{"event", "event", "aggregate", "aggregate", "sequence", "sequence", "trait", "trait"}
	if len(s.Segments) > 0 {
		forms = append(forms, "segment")
	}
	forms = append(forms, "account", "consent", "entity")
	f := s.pick(forms...)
	for s.Without[f] {
		f = s.pick(forms...)
	}
	switch s.count(f) {
	case "event":
		return s.event()
	case "aggregate":
		return s.aggregate()
	case "sequence":
		return s.sequence()
	case "segment":
		return fmt.Sprintf(`{"segment":%q,"op":%q}`, s.pick(s.Segments...), s.pick("in", "not_in"))
	case "account":
		about := *s
		about.Traits = s.AccountTraits
		return fmt.Sprintf(`{"account":%s}`, about.line("trait", true))
	case "consent":
		return fmt.Sprintf(`{"consent":{"purpose":"marketing","channel":%q},"op":%q}`, s.pick("email", "sms"), s.pick("granted", "denied", "withdrawn"))
	case "entity":
		return fmt.Sprintf(`{"entity":"orders"%s%s}`, s.where(false), s.counted())
	}
	return s.line("trait", true)
}

// AccountCondition returns a condition on accounts as JSON; segments are those of
// accounts that may be named.
func (s *Source) AccountCondition(depth int, segments, traits []string) string {
	about := *s
	about.Traits = traits
	switch n := s.Rand.IntN(8); {
	case n < 2 && depth > 0:
		var all []string
		for range 1 + s.Rand.IntN(3) {
			all = append(all, s.AccountCondition(depth-1, segments, traits))
		}
		return fmt.Sprintf(`{%q:[%s]}`, s.count(s.pick("all", "any", "none")), strings.Join(all, ","))
	case n < 4 && len(segments) > 0:
		return fmt.Sprintf(`{"segment":%q,"op":%q}`, s.pick(segments...), s.pick("in", "not_in"))
	case n < 6:
		return fmt.Sprintf(`{%q:%s%s}`, s.count("members"), s.Condition(1), s.pick("", `,"match":"any"`, `,"match":"all"`, `,"match":"none"`))
	}
	return about.line("trait", true)
}

// ordering are the six comparisons.
func (s *Source) ordering() string {
	return s.count(s.pick("eq", "neq", "lt", "lte", "gt", "gte"))
}

func (s *Source) counted() string {
	if s.chance(40) {
		return ""
	}
	return fmt.Sprintf(`,"count":{"op":%q,"value":%d}`, s.ordering(), s.Rand.IntN(4))
}

// Selection returns the fields event and where, without braces.
func (s *Source) Selection() string {
	return fmt.Sprintf(`"event":%s%s`, s.names(), s.where(true))
}

func (s *Source) names() string {
	switch s.Rand.IntN(6) {
	case 0:
		return `["A","B"]`
	case 1:
		return fmt.Sprintf(`{"type":%q}`, s.count(s.pick("track", "page", "identify")))
	}
	return strconv.Quote(s.pick("A", "B", "C"))
}

func (s *Source) where(context bool) string {
	if s.chance(50) {
		return ""
	}
	var lines []string
	for range 1 + s.Rand.IntN(2) {
		root := "property"
		if context && s.chance(15) {
			root = "context"
		}
		lines = append(lines, s.line(root, false))
	}
	return `,"where":[` + strings.Join(lines, ",") + `]`
}

// Window returns the field window with a comma in front, or nothing.
func (s *Source) Window() string {
	at := func() string {
		return time.UnixMilli(Midnight + int64(s.Rand.IntN(10)-5)*Minute).UTC().Format(time.RFC3339)
	}
	switch s.Rand.IntN(6) {
	case 0, 1:
		return fmt.Sprintf(`,"window":{%q:"%dm"}`, s.count("last"), 1+s.Rand.IntN(5))
	case 2:
		a := 1 + s.Rand.IntN(4)
		return fmt.Sprintf(`,"window":{%q:"%dm","to":"%dm"}`, s.count("from"), a, a+1+s.Rand.IntN(3))
	case 3:
		return fmt.Sprintf(`,"window":{%q:%q}`, s.count("since"), at())
	case 4:
		return fmt.Sprintf(`,"window":{%q:%q}`, s.count("until"), at())
	}
	return ""
}

func (s *Source) event() string {
	return "{" + s.Selection() + s.counted() + s.Window() + "}"
}

func (s *Source) aggregate() string {
	fn := s.count(s.pick("sum", "avg", "min", "max", "count_distinct"))
	return fmt.Sprintf(`{%s,"aggregate":{"fn":%q,"property":%q},"op":%q,"value":%s%s}`,
		s.Selection(), fn, s.pick("n", "n", "list", "o.n", "none"), s.ordering(), s.number(), s.Window())
}

func (s *Source) sequence() string {
	var steps []string
	var positive []int
	for i := range 1 + s.Rand.IntN(4) {
		not := i > 0 && s.chance(30)
		within := ""
		if i > 0 && s.chance(40) {
			within = fmt.Sprintf(`,"within":"%dm"`, 1+s.Rand.IntN(4))
		}
		where := s.where(true)
		if i > 0 && s.chance(35) {
			where = s.reference(positive)
		}
		negated := ""
		if not {
			negated = `,"not":true`
			s.count("not")
		} else {
			positive = append(positive, i)
		}
		steps = append(steps, fmt.Sprintf(`{"event":%s%s%s%s}`, s.names(), where, within, negated))
	}
	return fmt.Sprintf(`{"sequence":[%s]%s}`, strings.Join(steps, ","), s.Window())
}

// reference is a where with a ref. All refer to the first two positive steps at
// most, so that the bound on different ones is kept.
func (s *Source) reference(positive []int) string {
	s.count("ref")
	to := fmt.Sprintf("steps.%d.%s", positive[s.Rand.IntN(min(len(positive), 2))], s.pick("n", "s", "list", "none"))
	if s.chance(25) {
		to = "traits." + s.pick("n", "s", "list", "none")
	}
	return fmt.Sprintf(`,"where":[{"property":%q,"op":%q,"ref":%q}]`, s.pick("n", "s", "list"), s.ordering(), to)
}

// line is a path, an operator and its operand.
func (s *Source) line(root string, timed bool) string {
	path := s.pick(Paths()...)
	if root == "trait" && len(s.Traits) > 0 && s.chance(40) {
		path = s.pick(s.Traits...)
	}
	ops := []string{
		"eq", "neq", "lt", "lte", "gt", "gte", "in", "not_in", "contains", "not_contains", "starts_with", "ends_with", "matches",
		"exists", "not_exists", "before", "after",
	}
	if timed {
		ops = append(ops, "within_last", "within_next")
	}
	op := s.count(s.pick(ops...))
	if value := s.operand(op); value != "" {
		return fmt.Sprintf(`{%q:%q,"op":%q,"value":%s}`, root, path, op, value)
	}
	return fmt.Sprintf(`{%q:%q,"op":%q}`, root, path, op)
}

func (s *Source) operand(op string) string {
	switch op {
	case "eq", "neq":
		return s.pick(s.number(), s.text(), "true", "false")
	case "lt", "lte", "gt", "gte":
		return s.pick(s.number(), s.number(), s.text())
	case "in", "not_in":
		return "[" + s.number() + "," + s.text() + ",true]"
	case "contains", "not_contains", "starts_with", "ends_with":
		return s.pick(`"a"`, `"b"`, `"ab"`, `"A"`, `"é"`)
	case "matches":
		return s.pick(`"^a"`, `"b$"`, `"a.*b"`, `"^[ab]+$"`, `"é"`)
	case "before", "after":
		return s.time()
	case "within_last", "within_next":
		return fmt.Sprintf(`"%dm"`, 1+s.Rand.IntN(4))
	}
	return ""
}

func (s *Source) number() string {
	return s.pick("0", "1", "2", "2.0", "-1", "0.5", "1e0", "0.1", "0.333333333", "0.3333333334", "9007199254740993", "99999999999999999999999999999.999999999")
}

// edge is a number as data may hold it: where it rounds, and where it is too large.
func (s *Source) edge() string {
	s.count("number at an edge")
	if s.Scalars {
		return s.pick("-0", "1.5e-9", "2.5e-9", "0.1234567895", "99999999999999999999999999999.9999999994", "-99999999999999999999999999999.999999999", "1e28", "1.10", "18446744073709551616")
	}
	return s.pick("-0", "5e-10", "1.5e-9", "2.5e-9", "-2.5e-9", "2.5000000000000001e-9", "0.0000000005", "1e-400", "0.1234567895", "12345678901234567890.1234567885",
		"99999999999999999999999999999.9999999994", "99999999999999999999999999999.9999999995", "-99999999999999999999999999999.999999999", "1e28", "1e29", "100000000000000000000000000000",
		"0e999999999999", "1e999999999999", "1E+2", "1.10", "9007199254740992", "18446744073709551616", "0.1e1", "123456789.987654321987654321")
}

// odd is a text with what parsers stumble over.
func (s *Source) odd() string {
	return s.pick(`"[1]"`, `"],\"S"`, `"a\nb"`, `"\\"`, `"{\"a\":[1,[2]]}"`, `"😀"`, `"\u0001"`, `"]]"`, `"é"`, `"2025-03-01T00:00:00+24:00"`, `"2025-03-01T00:00:00.1239999Z"`, `"2025-03-01T24:00:00Z"`,
		`"2025-02-30"`, `"2025-03-01t00:00:00z"`, `"2025-03-01T00:00:00,5Z"`, `"2025-03-01T00:00:00"`, `"2025-03-01T01:00:00.999+01:00"`, `"0000-01-01"`, `"9999-12-31T23:59:59Z"`, `"1969-12-31T23:59:59.9999Z"`, `"N1"`, `"K"`)
}

// thing is an object, equal ones in several forms.
func (s *Source) thing() string {
	return s.pick("{}", `{"a":1,"b":[[],[1,[2]]]}`, `{"b":[[],[1.0,[2]]],"a":1e0}`, `{"b":[[1],[2]],"a":1}`, `{"n":{"n":"S"},"list":[{"n":0.10}]}`, `{"list":[{"n":1},[{"n":[2,"N3"]}]]}`)
}

func (s *Source) text() string { return s.pick(`""`, `"a"`, `"ab"`, `"B"`, `"é"`, `"1"`, `"true"`) }

func (s *Source) time() string {
	at := time.UnixMilli(Midnight + int64(s.Rand.IntN(9)-4)*Minute)
	switch s.Rand.IntN(4) {
	case 0:
		return strconv.Quote(at.UTC().Format(time.DateOnly))
	case 1:
		return strconv.Quote(at.In(time.FixedZone("", 3600)).Format(time.RFC3339))
	}
	return strconv.Quote(at.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// Values returns an object of properties or traits as JSON.
func (s *Source) Values() string {
	var members []string
	put := func(key, value string) {
		if s.chance(60) {
			members = append(members, strconv.Quote(key)+":"+value)
		}
	}
	wide := func() string {
		if s.Scalars {
			return s.pick(s.number(), s.text(), s.edge(), s.odd(), "true", "null")
		}
		return s.pick(s.number(), s.number(), s.text(), "true", "null", "1e40", s.thing(), s.edge(), s.edge(), s.odd())
	}
	put("n", s.pick(s.number(), s.number(), s.number(), wide()))
	put("s", s.pick(s.text(), s.text(), wide()))
	put("b", s.pick("true", "false", wide()))
	if s.Scalars {
		put("o", `{"n":`+wide()+`}`)
		put("t", s.pick(s.time(), s.odd(), wide()))
		return "{" + strings.Join(members, ",") + "}"
	}
	put("list", s.pick("[]", "["+wide()+"]", "["+wide()+",["+wide()+"]]", `[{"n":1}]`))
	put("o", s.pick(`{"n":`+wide()+`}`, `[{"n":`+wide()+`},{"n":`+wide()+`},{}]`, wide()))
	put("t", s.pick(s.time(), s.time(), s.odd(), wide()))
	put("x~/[k", s.pick(wide(), "[[[["+wide()+"]]],[],[["+wide()+"]]]", `[[{"n":1}],[[]]]`))
	return "{" + strings.Join(members, ",") + "}"
}

// Moment returns a time on the grid of minutes, or a millisecond beside it.
func (s *Source) Moment() int64 {
	at := Midnight + int64(s.Rand.IntN(13)-6)*Minute
	if s.chance(25) {
		at += int64(s.Rand.IntN(3) - 1)
	}
	return at
}

// Trait returns a random definition of a computed trait, which may name those in
// Traits in an expression.
func (s *Source) Trait(scope string) string {
	if scope != "" {
		scope = fmt.Sprintf(`,"scope":%q`, scope)
	}
	types := []string{"count", "sum", "avg", "min", "max", "first", "last", "most_frequent", "unique_list", "unique_count", "time_since_first", "time_since_last"}
	if len(s.Traits) > 0 {
		types = append(types, "expression", "expression", "expression")
	}
	typ := s.count(s.pick(types...))
	switch typ {
	case "expression":
		return fmt.Sprintf(`{"type":"expression","expression":%q%s}`, s.expression(3), scope)
	case "count", "time_since_first", "time_since_last":
		return fmt.Sprintf(`{"type":%q,%s%s%s}`, typ, s.Selection(), s.Window(), scope)
	}
	return fmt.Sprintf(`{"type":%q,%s,"property":%q%s%s}`, typ, s.Selection(), s.pick("n", "n", "s", "list", "o.n", "b", "none"), s.Window(), scope)
}

// expression is one of numbers and of the traits that may be named.
func (s *Source) expression(depth int) string {
	if depth == 0 || s.chance(25) {
		if s.chance(60) {
			return s.pick(s.Traits...)
		}
		return strings.TrimPrefix(s.number(), "-")
	}
	switch s.Rand.IntN(6) {
	case 0:
		return "-" + s.pick(s.Traits...)
	case 1:
		return fmt.Sprintf("%s(%s, %s)", s.count("coalesce"), s.expression(depth-1), s.expression(depth-1))
	}
	return fmt.Sprintf("(%s %s %s)", s.expression(depth-1), s.count(s.pick("+", "-", "*", "/")), s.expression(depth-1))
}
