package expr

import (
	"strconv"

	"kith/internal/resource/form"
)

// Group joins conditions: all of them hold, any, or none.
type Group struct {
	Of         string // all, any or none
	Conditions []Condition
}

func (r *reader) group(o *form.Object, of string, read func(*form.Object) Condition) Condition {
	g := &Group{Of: of}
	n := 0
	o.Objects(of, NodesMax, func(o *form.Object) {
		n++
		if c := read(o); c != nil {
			g.Conditions = append(g.Conditions, c)
		}
	})
	if n == 0 {
		o.Refuse(of, form.CodeRequired, "must be a list of 1 to "+strconv.Itoa(NodesMax)+" conditions")
	}
	return g
}

// Walk implements Condition.
func (g *Group) Walk(f func(Condition)) {
	f(g)
	for _, c := range g.Conditions {
		c.Walk(f)
	}
}

// Eval implements Condition.
func (g *Group) Eval(x *Context) Result {
	results := make([]Result, 0, len(g.Conditions))
	for _, c := range g.Conditions {
		r := c.Eval(x)
		results = append(results, r)
		if r.Verdict == (g.Of != "all") && r.Next == Never && !x.Explain {
			results = results[len(results)-1:] // it decides, for good
			break
		}
	}
	r := some(results, g.Of != "all")
	if g.Of == "none" {
		r.Verdict = !r.Verdict
	}
	return x.explain(r, g, nil, nil, results)
}

// some joins results: whether at least one holds, or (one false) whether all do.
//
// The joint verdict turns when the deciding results turn. While all need to turn
// (those that hold, when one is enough), the earliest moment is the latest of
// theirs; while one is enough, it is the earliest.
func some(results []Result, one bool) Result {
	verdict := !one
	for _, r := range results {
		if r.Verdict == one {
			verdict = one
		}
	}
	next := int64(Never)
	if verdict == one {
		next = 0
	}
	for _, r := range results {
		switch {
		case verdict != one:
			next = min(next, r.Next)
		case r.Verdict == one:
			next = max(next, r.Next)
		}
	}
	return Result{Verdict: verdict, Next: next}
}
