package expr

import (
	"kith/internal/resource/form"
)

// MembersCondition asks a condition of the persons of an account: any of them
// meets it, all, or none.
type MembersCondition struct {
	Condition Condition
	Match     string
}

func (r *reader) members(o *form.Object, depth int) Condition {
	c := &MembersCondition{Match: "any"}
	o.Object("members", func(o *form.Object) { c.Condition = r.condition(o, Profile, depth+1) })
	if o.Has("match") {
		c.Match = oneName(o, "match", "any", "all", "none")
	}
	o.Skip("match")
	if c.Condition == nil {
		return nil
	}
	return c
}

// Walk implements Condition.
func (c *MembersCondition) Walk(f func(Condition)) {
	f(c)
	c.Condition.Walk(f)
}

// Eval implements Condition.
func (c *MembersCondition) Eval(x *Context) Result {
	results := each(x, c.Condition, x.Subject.Members())
	r := some(results, c.Match != "all")
	if c.Match == "none" {
		r.Verdict = !r.Verdict
	}
	return x.explain(r, c, nil, nil, results)
}
