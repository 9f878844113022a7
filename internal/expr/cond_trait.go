package expr

import (
	"slices"

	"kith/internal/decimal"
	"kith/internal/resource/form"
)

// TraitCondition holds a trait against an operand.
type TraitCondition struct {
	Path    string
	Op      *Operator
	Operand Operand
}

func (r *reader) trait(o *form.Object) Condition {
	c := &TraitCondition{Path: path(o, "trait")}
	if c.Op = r.operator(o); c.Op == nil {
		o.Skip("value")
		return nil
	}
	c.Operand = c.Op.Read(r, o)
	return c
}

// Walk implements Condition.
func (c *TraitCondition) Walk(f func(Condition)) { f(c) }

// Eval implements Condition.
func (c *TraitCondition) Eval(x *Context) Result {
	t := x.Subject.Trait(c.Path)
	r := Result{Verdict: c.Op.holds(&c.Operand, t.Values, x)}
	r.Next = min(t.Next, c.Op.base().next(&c.Operand, t.Values, x))
	if t.Running {
		r.Next = min(r.Next, c.crossing(t.Since, r.Verdict, x))
	}
	return x.explain(r, c, t.Values, nil, nil)
}

// crossing returns when a trait that counts whole seconds from a moment on next
// makes another verdict.
func (c *TraitCondition) crossing(since int64, verdict bool, x *Context) int64 {
	var moments []int64
	for _, v := range c.Operand.Values {
		if v.Kind != Number {
			continue
		}
		seconds, ok := v.Num.Floor()
		if !ok || seconds > (Never-since)/1000-2 || seconds < -1 {
			continue
		}
		// The verdict can turn when the count reaches the number, and when it goes
		// beyond it.
		for n := seconds; n <= seconds+1; n++ {
			if at := since + n*1000; at > x.Now {
				moments = append(moments, at)
			}
		}
	}
	slices.Sort(moments)
	return firstTurn(moments, turnsMax, func(now int64) bool {
		shown := []Value{Num(decimal.FromInt((now - since) / 1000))}
		return c.Op.holds(&c.Operand, shown, x) != verdict
	})
}
