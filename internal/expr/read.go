package expr

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"kith/internal/decimal"
	"kith/internal/resource/form"
	"kith/internal/strictjson"
)

// Bounds of a condition. They keep what one evaluation costs within reason.
const (
	DepthMax     = 32   // conditions nested in each other
	NodesMax     = 500  // conditions and lines of one definition
	ListMax      = 1000 // elements of a list operand, and names of an event
	TextBytesMax = 1000 // bytes of a text or pattern
	NameBytesMax = 1000 // bytes of the name of an event
	StepsMax     = 8    // of a sequence
	RefsMax      = 2    // different steps that a sequence refers to
)

// Codes of refusals.
const (
	CodeForm     = "condition.form"     // not exactly one form
	CodeOperator = "condition.operator" // unknown, or not usable there
	CodeOperand  = "condition.operand"  // of the wrong type
	CodeWindow   = "condition.window"
	CodeRef      = "condition.ref"
	CodeTooLarge = "condition.too_large"
	CodeName     = "condition.name" // a segment that cannot be named here
)

// Options are what a condition is read with.
type Options struct {
	Scope Scope
	Zone  *time.Location // UTC if nil

	// Segment says why a segment cannot be named where a condition of that scope
	// stands, or "".
	Segment func(key string, scope Scope) string

	// CostMax is what one answer may cost, see segment.Cost; 0 for no bound.
	CostMax int64
}

// Read reads the fields of the object as one condition. What is wrong is refused
// on the object, with the place; the condition is then nil or not to be used.
func Read(o *form.Object, opts Options) Condition {
	if opts.Zone == nil {
		opts.Zone = time.UTC
	}
	r := &reader{opts: opts, operators: Operators()}
	return r.condition(o, opts.Scope, 1)
}

// ReadSelection reads the fields event and where as a selection of events.
func ReadSelection(o *form.Object, opts Options) Selection {
	if opts.Zone == nil {
		opts.Zone = time.UTC
	}
	r := &reader{opts: opts, operators: Operators()}
	return r.selection(o)
}

// ReadWindow reads the field window.
func ReadWindow(o *form.Object, opts Options) Window {
	if opts.Zone == nil {
		opts.Zone = time.UTC
	}
	return (&reader{opts: opts}).window(o)
}

// ReadPath reads a required field that is a path.
func ReadPath(o *form.Object, name string) string { return path(o, name) }

// reader reads one definition.
type reader struct {
	opts      Options
	operators []*Operator
	nodes     int
}

// formsOf lists the forms that a condition of a scope may have.
func formsOf(s Scope) []string {
	if s == Account {
		return []string{"all", "any", "none", "trait", "segment", "members"}
	}
	return []string{"all", "any", "none", "event", "sequence", "trait", "segment", "consent", "account", "entity"}
}

func (r *reader) condition(o *form.Object, scope Scope, depth int) Condition {
	return r.oneOf(o, formsOf(scope), scope, depth)
}

// oneOf reads a condition that has exactly one of the forms.
func (r *reader) oneOf(o *form.Object, forms []string, scope Scope, depth int) Condition {
	if !r.room(o, depth) {
		return nil
	}
	var found []string
	for _, f := range forms {
		if o.Has(f) {
			found = append(found, f)
		}
	}
	if len(found) != 1 {
		o.SkipAll()
		o.Refuse("", CodeForm, "must have exactly one of "+strings.Join(forms, ", "))
		return nil
	}
	switch f := found[0]; f {
	case "all", "any", "none":
		return r.group(o, f, func(o *form.Object) Condition { return r.oneOf(o, forms, scope, depth+1) })
	case "event":
		return r.event(o)
	case "sequence":
		return r.sequence(o)
	case "trait":
		return r.trait(o)
	case "segment":
		return r.segment(o, scope)
	case "consent":
		return r.consent(o)
	case "account":
		return r.account(o, depth)
	case "entity":
		return r.entity(o)
	}
	return r.members(o, depth)
}

// room counts a condition and reports whether the definition may hold it.
func (r *reader) room(o *form.Object, depth int) bool {
	r.nodes++
	switch {
	case depth > DepthMax:
		o.SkipAll()
		o.Refuse("", CodeTooLarge, "conditions may be nested "+strconv.Itoa(DepthMax)+" deep")
	case r.nodes == NodesMax+1:
		o.SkipAll()
		o.Refuse("", CodeTooLarge, "a definition may have "+strconv.Itoa(NodesMax)+" conditions and lines; split it into segments")
	case r.nodes > NodesMax:
		o.SkipAll()
	default:
		return true
	}
	return false
}

// operator reads the field op.
func (r *reader) operator(o *form.Object) *Operator {
	name := o.Required("op", 64)
	if name == "" {
		return nil
	}
	var names []string
	for _, op := range r.operators {
		if op.Name == name {
			return op
		}
		names = append(names, op.Name)
	}
	hint := DidYouMean(name, names)
	if other := elsewhere(name); other != "" {
		hint = ", did you mean " + other + "?"
	}
	o.Refuse("op", CodeOperator, "no such operator"+hint+"; there are "+strings.Join(names, ", "))
	return nil
}

// elsewhere is the name here of an operator under a name that other systems have
// for it, or "".
func elsewhere(name string) string {
	return map[string]string{
		"=": "eq", "==": "eq", "is": "eq", "equals": "eq", "equal": "eq", "!=": "neq", "<>": "neq", "ne": "neq", "is_not": "neq", "not_equals": "neq",
		"<": "lt", "less_than": "lt", "<=": "lte", "at_most": "lte", ">": "gt", "greater_than": "gt", ">=": "gte", "at_least": "gte",
		"one_of": "in", "like": "contains", "includes": "contains", "regex": "matches", "regexp": "matches", "begins_with": "starts_with",
		"is_set": "exists", "is_not_set": "not_exists", "missing": "not_exists",
	}[strings.ToLower(name)]
}

// DidYouMean is a hint at the nearest name, or "".
func DidYouMean(name string, names []string) string {
	best, least := "", 3
	for _, n := range names {
		if d := distance(strings.ToLower(name), n); d < least && d < len(n) {
			best, least = n, d
		}
	}
	if best == "" {
		return ""
	}
	return ", did you mean " + best + "?"
}

// distance is the number of bytes to insert, delete, replace or swap.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
		for j := 1; j <= len(b); j++ {
			if i == 0 {
				rows[i][j] = j
				continue
			}
			same := 1
			if a[i-1] == b[j-1] {
				same = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+same)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

func readScalar(_ *reader, o *form.Object) Operand {
	return scalar(o, "a string, a number or true or false", String, Number, Bool)
}

func readOrdered(_ *reader, o *form.Object) Operand {
	return scalar(o, "a number or a string", Number, String)
}

// scalar reads a value of one of the kinds.
func scalar(o *form.Object, what string, kinds ...Kind) Operand {
	v := o.Value("value")
	if x, ok := scalarOf(v, kinds); ok {
		return Operand{Values: []Value{x}}
	}
	o.Refuse("value", CodeOperand, "must be "+what)
	return Operand{Values: []Value{{}}}
}

func scalarOf(v strictjson.Value, kinds []Kind) (Value, bool) {
	if k := v.Kind(); k == strictjson.Array || k == strictjson.Object {
		return Value{}, false
	}
	leaves := Leaves(nil, v)
	if len(leaves) == 1 && slices.Contains(kinds, leaves[0].Kind) {
		return leaves[0], true
	}
	return Value{}, false
}

func readList(_ *reader, o *form.Object) Operand {
	v := o.Value("value")
	x := Operand{Set: map[Value]bool{}}
	if v.Kind() != strictjson.Array || v.Len() == 0 || v.Len() > ListMax {
		o.Refuse("value", CodeOperand, "must be a list of 1 to "+strconv.Itoa(ListMax)+" strings, numbers, true or false")
		return x
	}
	i := 0
	for e := range v.Elements() {
		one, ok := scalarOf(e, []Kind{String, Number, Bool})
		if !ok {
			o.RefuseAt(CodeOperand, "must be a string, a number or true or false", "value", strconv.Itoa(i))
		}
		x.Values, x.Set[one] = append(x.Values, one), true
		i++
	}
	return x
}

func readText(_ *reader, o *form.Object) Operand {
	return Operand{Text: text(o, "a non-empty string")}
}

func text(o *form.Object, what string) string {
	v := o.Value("value")
	s := v.Text()
	if v.Kind() != strictjson.String || s == "" || len(s) > TextBytesMax {
		o.Refuse("value", CodeOperand, "must be "+what+" of at most "+strconv.Itoa(TextBytesMax)+" bytes")
		return ""
	}
	return s
}

func readPattern(_ *reader, o *form.Object) Operand {
	s := text(o, "a pattern of RE2")
	if s == "" {
		return Operand{}
	}
	re, err := regexp.Compile(s)
	if err != nil {
		o.Refuse("value", CodeOperand, "must be a pattern of RE2; look-ahead and back-references do not exist there")
		return Operand{}
	}
	return Operand{Text: s, Match: re.MatchString}
}

func readTime(r *reader, o *form.Object) Operand {
	s := text(o, "a time such as 2025-03-01T10:00:00Z or 2025-03-01,")
	t, ok := Time(s, r.opts.Zone)
	if s != "" && !ok {
		o.Refuse("value", CodeOperand, "must be a time with Z or an offset, such as 2025-03-01T10:00:00Z, or a date such as 2025-03-01")
	}
	return Operand{Text: s, Time: t}
}

func readDuration(_ *reader, o *form.Object) Operand {
	s := text(o, "a duration such as 90d,")
	d, ok := form.ParseDuration(s)
	if s != "" && !ok {
		o.Refuse("value", CodeOperand, durationDetail)
	}
	return Operand{Text: s, Time: d.Milliseconds()}
}

const durationDetail = "must be a whole number from 1 and one unit, m, h, d or w, such as 90d"

// comparison reads op and value as one of the six comparisons with a number.
func (r *reader) comparison(o *form.Object) (string, decimal.Decimal) {
	name := o.Required("op", 64)
	if name != "" && !isOrdering(name) {
		o.Refuse("op", CodeOperator, "must be eq, neq, lt, lte, gt or gte")
	}
	v := scalar(o, "a number", Number)
	return name, v.Values[0].Num
}

// window reads the field window.
func (r *reader) window(o *form.Object) Window {
	w := Window{}
	o.Object("window", func(o *form.Object) {
		switch {
		case o.Has("last"):
			w.Form, w.Far = Last, duration(o, "last")
		case o.Has("from") || o.Has("to"):
			w.Form = Between
			a, b := duration(o, "from"), duration(o, "to")
			w.Near, w.Far = min(a, b), max(a, b)
			if a == b && a != 0 {
				o.Refuse("", CodeWindow, "from and to must differ: the window would be empty")
			}
		default:
			w.Form = Absolute
			w.Since, w.Until = r.absolute(o)
		}
	})
	return w
}

func (r *reader) absolute(o *form.Object) (since, until int64) {
	since, until = -Never, Never
	read := func(name string, into *int64) {
		given := o.Has(name)
		s := o.Text(name, 64)
		t, ok := Time(s, r.opts.Zone)
		if given && !ok {
			o.Refuse(name, CodeWindow, "must be a time such as 2025-03-01T10:00:00Z, or a date such as 2025-03-01")
		}
		if ok {
			*into = t
		}
	}
	read("since", &since)
	read("until", &until)
	if since == -Never && until == Never {
		o.Refuse("", CodeWindow, "must have last, from and to, or since and until")
	}
	if since >= until {
		o.Refuse("", CodeWindow, "since must lie before until: the window would be empty")
	}
	return since, until
}

// duration reads a required duration as milliseconds.
func duration(o *form.Object, name string) int64 {
	d, ok := form.ParseDuration(o.Text(name, 16))
	if !ok {
		o.Refuse(name, CodeWindow, durationDetail)
	}
	return d.Milliseconds()
}

// path reads a required path.
func path(o *form.Object, name string) string {
	p := o.Required(name, PathBytesMax)
	if p != "" && slices.Contains(strings.Split(p, "."), "") {
		o.Refuse(name, form.CodeInvalid, "must be keys joined by dots, none of them empty")
	}
	return p
}
