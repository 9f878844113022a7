package segment

import (
	"time"

	"kith/internal/expr"
	"kith/internal/trait"
)

// View is what is known of a person or an account without any definition. It
// answers from memory.
type View interface {
	// Events returns the events of a call with lo < timestamp ≤ hi, in the order of
	// events, with the fields that the set names.
	Events(call expr.Call, lo, hi int64) []*expr.Event

	// CustomTrait returns the values that a path of custom traits leads to.
	CustomTrait(path string) []expr.Value

	// Listed reports whether an uploaded list names the subject.
	Listed(segment string) bool

	// Consent returns the state of a purpose and channel, or "".
	Consent(purpose, channel string) string

	// Accounts returns the accounts of a person, Members the persons of an account.
	Accounts() []View
	Members() []View

	// Rows returns the rows of an entity that belong to the subject.
	Rows(entity string) []expr.Fields
}

// Answers is what a set comes to for one subject at one moment. It is not safe
// for concurrent use.
type Answers struct {
	set   *Set
	scope expr.Scope
	view  View
	x     expr.Context

	traits   map[string]*trait.Value
	members  map[string]expr.Result
	accounts []expr.Subject
	persons  []expr.Subject
}

// Ask returns the answers for a subject. Nothing is worked out yet.
func (s *Set) Ask(scope expr.Scope, view View, now int64, zone *time.Location) *Answers {
	a := &Answers{set: s, scope: scope, view: view, traits: map[string]*trait.Value{}, members: map[string]expr.Result{}}
	a.x = expr.Context{Now: now, Zone: zone, Subject: subject{a}}
	return a
}

// Under returns what another set comes to for the same subject at the same moment.
func (a *Answers) Under(set *Set) *Answers { return set.Ask(a.scope, a.view, a.x.Now, a.x.Zone) }

// Value returns the value of a computed trait, which must be in the set and of
// the subject's scope.
func (a *Answers) Value(key string) trait.Value {
	if v := a.traits[key]; v != nil {
		return *v
	}
	d := a.set.traits[key]
	a.traits[key] = &trait.Value{Trait: expr.Trait{Next: expr.Never}}
	var v trait.Value
	switch {
	case d.Expression != nil:
		v = d.Expression.Eval(a.x.Subject.Trait)
	case d.RFM != nil:
		v = trait.Stored(a.score(key))
	default:
		v = d.Eval(&a.x)
	}
	a.traits[key] = &v
	return v
}

// Scored is a view that knows what was worked out for everybody.
type Scored interface {
	// Score returns what was worked out last of a trait as a JSON object, and the form
	// in which it shows, with what is the same for everybody; nil where there is none.
	Score(trait string) (score, shown []byte)
}

func (a *Answers) score(key string) (score, shown []byte) {
	if v, ok := a.view.(Scored); ok {
		return v.Score(key)
	}
	return nil, nil
}

// Purchases returns what a trait that ranks customers ranks the subject by; ok is
// false when it is no customer.
func (a *Answers) Purchases(d *trait.Definition) (p trait.Purchases, ok bool) {
	return d.Purchases(&a.x)
}

// Member tells whether the subject is in a segment. One that is not in the set,
// or of another scope, has no members.
func (a *Answers) Member(key string) expr.Result {
	if r, ok := a.members[key]; ok {
		return r
	}
	a.members[key] = expr.Result{Next: expr.Never} // what stands in a circle, which no set should hold, is nobody's
	r := a.member(key, &a.x)
	a.members[key] = r
	return r
}

func (a *Answers) member(key string, x *expr.Context) expr.Result {
	d := a.set.segments[key]
	switch {
	case d == nil || d.Scope != a.scope:
		return expr.Result{Next: expr.Never}
	case d.List:
		return expr.Result{Verdict: a.view.Listed(key), Next: expr.Never}
	}
	return d.Where.Eval(x)
}

// Explain asks a condition and says why it comes to that.
func (a *Answers) Explain(c expr.Condition) *expr.Detail {
	x := a.x
	x.Explain = true
	return c.Eval(&x).Detail
}

// Is asks a condition that need not be in the set.
func (a *Answers) Is(c expr.Condition) expr.Result { return c.Eval(&a.x) }

// Trait returns the values that a path of traits leads to now: the computed trait
// of that name, else the custom one.
func (a *Answers) Trait(path string) []expr.Value {
	return append([]expr.Value(nil), a.x.Subject.Trait(path).Values...)
}

// Next returns the earliest moment at which an answer of the set for this subject
// can change by itself, or expr.Never. The values of traits that count time are
// no answers; conditions on them are.
func (a *Answers) Next() int64 {
	next := int64(expr.Never)
	for key, d := range a.set.traits {
		if d.Scope == a.scope {
			next = min(next, a.Value(key).Next)
		}
	}
	for key, d := range a.set.segments {
		if d.Scope == a.scope {
			next = min(next, a.Member(key).Next)
		}
	}
	return next
}

// subject is the view with the set's answers in it.
type subject struct{ a *Answers }

func (s subject) Events(call expr.Call, lo, hi int64) []*expr.Event {
	return s.a.view.Events(call, lo, hi)
}

// Tally implements expr.Keeper where the view does.
func (s subject) Tally(sel *expr.Selection, property string) expr.Tally {
	if k, ok := s.a.view.(expr.Keeper); ok {
		return k.Tally(sel, property)
	}
	return nil
}

func (s subject) Trait(path string) expr.Trait {
	if d := s.a.set.Trait(path); d != nil && d.Scope == s.a.scope {
		v := s.a.Value(d.Key)
		if d.Key != path {
			_, rest, _ := trait.Cut(path)
			return v.At(rest)
		}
		return v.Trait
	}
	return expr.Trait{Values: s.a.view.CustomTrait(path), Next: expr.Never}
}

func (s subject) Member(key string) (bool, int64) {
	r := s.a.Member(key)
	return r.Verdict, r.Next
}

func (s subject) Consent(purpose, channel string) string { return s.a.view.Consent(purpose, channel) }

func (s subject) Accounts() []expr.Subject {
	if s.a.accounts == nil {
		s.a.accounts = s.a.others(expr.Account, s.a.view.Accounts())
	}
	return s.a.accounts
}

func (s subject) Members() []expr.Subject {
	if s.a.persons == nil {
		s.a.persons = s.a.others(expr.Profile, s.a.view.Members())
	}
	return s.a.persons
}

func (a *Answers) others(scope expr.Scope, views []View) []expr.Subject {
	out := make([]expr.Subject, 0, len(views))
	for _, v := range views {
		out = append(out, subject{a.set.Ask(scope, v, a.x.Now, a.x.Zone)})
	}
	return out
}

func (s subject) Rows(entity string) []expr.Fields { return s.a.view.Rows(entity) }
