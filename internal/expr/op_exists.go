package expr

import "kith/internal/resource/form"

// opExists holds when there is a value.
func opExists() *Operator {
	return &Operator{
		Name: "exists",
		Read: func(_ *reader, o *form.Object) Operand {
			if o.Value("value").Exists() {
				o.Refuse("value", form.CodeInvalid, "must be absent: this operator compares with nothing")
			}
			return Operand{}
		},
		Test: func(_ *Operand, values []Value, _ *Context) bool { return len(values) > 0 },
	}
}
