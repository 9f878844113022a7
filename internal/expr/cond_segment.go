package expr

import (
	"kith/internal/resource/form"
)

// SegmentCondition asks for membership of another segment.
type SegmentCondition struct {
	Key string
	Not bool // not_in
}

func (r *reader) segment(o *form.Object, scope Scope) Condition {
	c := &SegmentCondition{Key: o.Required("segment", NameBytesMax)}
	c.Not = oneName(o, "op", "in", "not_in") == "not_in"
	if c.Key != "" && r.opts.Segment != nil {
		if why := r.opts.Segment(c.Key, scope); why != "" {
			o.Refuse("segment", CodeName, why)
		}
	}
	return c
}

// oneName reads a field that must be one of the names.
func oneName(o *form.Object, field string, names ...string) string {
	given := o.Required(field, 64)
	list := ""
	for i, n := range names {
		if n == given {
			return n
		}
		switch {
		case i == 0:
		case i == len(names)-1:
			list += " or "
		default:
			list += ", "
		}
		list += n
	}
	if given != "" {
		o.Refuse(field, CodeOperator, "must be "+list+DidYouMean(given, names))
	}
	return ""
}

// Walk implements Condition.
func (c *SegmentCondition) Walk(f func(Condition)) { f(c) }

// Eval implements Condition.
func (c *SegmentCondition) Eval(x *Context) Result {
	in, next := x.Subject.Member(c.Key)
	return x.explain(Result{Verdict: in != c.Not, Next: next}, c, []Value{Truth(in)}, nil, nil)
}
