package expr

// eventsShown bounds the deciding events that an explanation names: the newest.
const eventsShown = 10

// Detail explains a result: what was asked, what was found, and by which events.
type Detail struct {
	Condition Condition
	Verdict   bool
	Values    []Value  // of the trait, the aggregate, the state; empty: missing, or nothing to show
	Events    []*Event // deciding, newest first, at most 10
	More      bool     // there are more deciding events, or more than a sequence looks at
	Next      int64
	Children  []*Detail
}

// explain adds the detail to a result when the context asks for it.
func (x *Context) explain(r Result, c Condition, values []Value, events []*Event, children []Result) Result {
	if !x.Explain {
		return r
	}
	d := &Detail{Condition: c, Verdict: r.Verdict, Values: values, Next: r.Next, More: len(events) > eventsShown}
	for i := len(events) - 1; i >= 0 && len(d.Events) < eventsShown; i-- {
		d.Events = append(d.Events, events[i])
	}
	for _, child := range children {
		d.Children = append(d.Children, child.Detail)
	}
	r.Detail = d
	return r
}
