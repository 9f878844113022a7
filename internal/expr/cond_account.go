package expr

import (
	"kith/internal/resource/form"
)

// AccountCondition holds when some account of the person meets the condition,
// which is made of conditions on traits.
type AccountCondition struct {
	Condition Condition
}

func (r *reader) account(o *form.Object, depth int) Condition {
	c := &AccountCondition{}
	o.Object("account", func(o *form.Object) {
		c.Condition = r.oneOf(o, []string{"all", "any", "none", "trait"}, Account, depth+1)
	})
	if c.Condition == nil {
		return nil
	}
	return c
}

// Walk implements Condition.
func (c *AccountCondition) Walk(f func(Condition)) {
	f(c)
	c.Condition.Walk(f)
}

// Eval implements Condition.
func (c *AccountCondition) Eval(x *Context) Result {
	results := each(x, c.Condition, x.Subject.Accounts())
	return x.explain(some(results, true), c, nil, nil, results)
}

// each asks a condition of several subjects.
func each(x *Context, c Condition, subjects []Subject) []Result {
	results := make([]Result, 0, len(subjects))
	for _, s := range subjects {
		results = append(results, c.Eval(x.about(s)))
	}
	return results
}
