package expr

import (
	"kith/internal/resource/form"
)

// ConsentCondition asks for the state of a purpose and channel now.
type ConsentCondition struct {
	Purpose, Channel string
	State            string // granted, denied or withdrawn
}

func (r *reader) consent(o *form.Object) Condition {
	c := &ConsentCondition{}
	o.Object("consent", func(o *form.Object) {
		c.Purpose = o.Required("purpose", NameBytesMax)
		c.Channel = o.Text("channel", NameBytesMax)
	})
	c.State = oneName(o, "op", "granted", "denied", "withdrawn")
	return c
}

// Walk implements Condition.
func (c *ConsentCondition) Walk(f func(Condition)) { f(c) }

// Eval implements Condition.
func (c *ConsentCondition) Eval(x *Context) Result {
	state := x.Subject.Consent(c.Purpose, c.Channel)
	var value []Value
	if state != "" {
		value = []Value{Text(state)}
	}
	return x.explain(Result{Verdict: state == c.State, Next: Never}, c, value, nil, nil)
}
