package expr

import (
	"slices"

	"kith/internal/decimal"
)

// Aggregate folds the values of events: the numbers for sum, avg, min and max,
// every value for count_distinct. The order in which values are added does not
// show.
type Aggregate struct {
	Count    int64 // of the numbers
	Sum      decimal.Sum
	Min, Max decimal.Decimal
	Distinct map[Value]int64 // how often each value was added; nil unless they count
}

// NewAggregate returns the aggregate of nothing, fit for the function.
func NewAggregate(fn string) *Aggregate {
	a := &Aggregate{}
	if fn == "count_distinct" {
		a.Distinct = map[Value]int64{}
	}
	return a
}

// Add folds the values of one more event.
func (a *Aggregate) Add(values []Value) {
	for _, v := range values {
		if a.Distinct != nil {
			a.Distinct[v]++
		}
		if v.Kind != Number {
			continue
		}
		if a.Count == 0 || v.Num.Cmp(a.Min) < 0 {
			a.Min = v.Num
		}
		if a.Count == 0 || v.Num.Cmp(a.Max) > 0 {
			a.Max = v.Num
		}
		a.Count++
		a.Sum = a.Sum.Add(v.Num)
	}
}

// Merge folds what another aggregate has folded.
func (a *Aggregate) Merge(b *Aggregate) {
	for v, n := range b.Distinct {
		if a.Distinct != nil {
			a.Distinct[v] += n
		}
	}
	if b.Count == 0 {
		return
	}
	if a.Count == 0 || b.Min.Cmp(a.Min) < 0 {
		a.Min = b.Min
	}
	if a.Count == 0 || b.Max.Cmp(a.Max) > 0 {
		a.Max = b.Max
	}
	a.Count += b.Count
	a.Sum = a.Sum.Plus(b.Sum)
}

// Value returns the function's value, or nothing: avg, min and max of nothing are
// missing, and so is a number of more than 29 digits before the point.
func (a *Aggregate) Value(fn string) []Value {
	var d decimal.Decimal
	ok := a.Count > 0
	switch fn {
	case "sum":
		d, ok = a.Sum.Decimal()
	case "count_distinct":
		d, ok = decimal.FromInt(int64(len(a.Distinct))), true
	case "avg":
		if ok {
			d, ok = a.Sum.Over(a.Count)
		}
	case "min":
		d = a.Min
	case "max":
		d = a.Max
	}
	if !ok {
		return nil
	}
	return []Value{Num(d)}
}

// compare holds the function's value against a number. An average is compared
// without dividing: the sum against the number times the count. Of a missing
// value only neq holds.
func (a *Aggregate) compare(fn, op string, value decimal.Decimal) bool {
	switch fn {
	case "sum":
		return holdsOrder(op, a.Sum.Cmp(decimal.Sum{}.Add(value)))
	case "avg":
		if a.Count > 0 {
			return holdsOrder(op, a.Sum.Cmp(value.Times(a.Count)))
		}
	}
	if v := a.Value(fn); len(v) > 0 {
		return holdsOrder(op, v[0].Num.Cmp(value))
	}
	return op == "neq"
}

// Values returns the different values in ascending order.
func (a *Aggregate) Values() []Value {
	var all []Value
	for v := range a.Distinct {
		all = append(all, v)
	}
	slices.SortFunc(all, Value.Compare)
	return all
}
