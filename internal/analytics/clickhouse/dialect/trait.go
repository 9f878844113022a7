package dialect

import (
	"strings"

	"kith/internal/decimal"
	"kith/internal/expr"
	"kith/internal/trait"
)

// trait writes the list of values of a trait: of the computed one of that key and
// scope, else of the custom one.
func (w *writer) trait(f *frame, path string) string {
	if d := w.q.Set.Trait(path); d != nil && d.Scope == f.scope {
		return w.computed(f, d)
	}
	return f.custom(path)
}

// computed writes the list of values of a computed trait.
func (w *writer) computed(f *frame, d *trait.Definition) string {
	if d.Expression != nil {
		return w.single(w.expression(f, d.Expression))
	}
	only := w.selected(&d.Selection) + " AND " + w.within(&d.Window, "t")
	if d.Property == "" {
		return w.single(w.ofEvents(f, d, only))
	}
	field := expr.Field{Path: d.Property}
	switch d.Type {
	case "sum", "avg", "min", "max":
		return w.single(w.aggregated(d.Type, w.aggregate(f, d.Type, field, only)))
	case "unique_count":
		return w.single(w.aggregated("count_distinct", w.aggregate(f, "count_distinct", field, only)))
	}
	list := w.field(field)
	switch d.Type {
	case "unique_list":
		return f.agg("arraySlice(arraySort(groupUniqArrayArrayIf(" + list + ", " + only + ")), 1, 1000)")
	case "most_frequent":
		return f.agg(w.mostFrequent("groupArrayArrayIf(" + list + ", " + only + ")"))
	case "first", "last":
		return f.agg(end(d.Type, list, list, only))
	}
	w.refuse("the trait %s is of a type that has no form in SQL", d.Key)
	return none
}

// ofEvents writes the units of a trait that is made of events as such.
func (w *writer) ofEvents(f *frame, d *trait.Definition, only string) string {
	since := func(moment string) string {
		// Events lie before now, so what is divided is not negative.
		return "(toInt256(intDiv(" + whole(w.q.Now) + " - " + f.agg(moment) + ", 1000)) * " + tenTo9 + ")"
	}
	switch d.Type {
	case "count":
		return "(toInt256(" + f.agg("countIf("+only+")") + ") * " + tenTo9 + ")"
	case "time_since_first":
		return since("minOrNullIf(t, " + only + ")")
	case "time_since_last":
		return since("maxOrNullIf(t, " + only + ")")
	}
	w.refuse("the trait %s is of a type that has no form in SQL", d.Key)
	return "toInt256(0)"
}

// single is the list of one number, or of nothing when it is NULL.
func (w *writer) single(units string) string {
	return w.let(units, func(n string) string {
		return "if(isNull(" + n + "), " + none + ", [" + number("assumeNotNull("+n+")") + "])"
	})
}

// end is the aggregate that picks the value of the first or last event whose list
// has something in it.
func end(which, value, list, only string) string {
	fn := "argMinIf"
	if which == "last" {
		fn = "argMaxIf"
	}
	return fn + "(" + value + ", (t, m, s, r), notEmpty(" + list + ") AND " + only + ")"
}

// mostFrequent writes the list of the value that is most often in a list, of equals
// the least: in order, it is the first to come as often as any does.
func (w *writer) mostFrequent(list string) string {
	return w.let("arraySort("+list+")", func(all string) string {
		return w.let("arrayEnumerateUniq("+all+")", func(times string) string {
			return "if(empty(" + all + "), " + none + ", [" + all + "[indexOf(" + times + ", arrayMax(" + times + "))]])"
		})
	})
}

// shown writes the JSON of a computed trait; NULL when it is absent.
func (w *writer) shown(f *frame, key string) string {
	d := w.q.Set.Trait(key)
	if d == nil || d.Scope != f.scope {
		w.refuse("there is no computed trait %s of that scope", key)
		return "NULL"
	}
	switch d.Type {
	case "first", "last":
		field := expr.Field{Path: d.Property}
		only := w.selected(&d.Selection) + " AND " + w.within(&d.Window, "t")
		return "nullIf(" + f.agg(end(d.Type, w.wholes(field), w.field(field), only)) + ", '')"
	case "unique_list":
		v := w.name("x")
		return "concat('[', arrayStringConcat(arrayMap(" + v + " -> " + w.shownValue(v) + ", " + w.computed(f, d) + "), ','), ']')"
	}
	return w.let(w.computed(f, d), func(list string) string {
		return "if(empty(" + list + "), NULL, " + w.shownValue(list+"[1]") + ")"
	})
}

// expression writes the units of an expression; NULL when it is absent.
func (w *writer) expression(f *frame, e *trait.Expression) string {
	return trait.Fold(e, func(number decimal.Decimal, name string) string {
		if name == "" {
			return inUnits(number)
		}
		return w.let(w.trait(f, name), func(list string) string {
			return "if(length(" + list + ") = 1 AND startsWith(" + list + "[1], '2'), " + unit(list+"[1]") + ", NULL)"
		})
	}, w.operation)
}

// operation writes one step of an expression.
func (w *writer) operation(op byte, operands []string) string {
	switch op {
	case 'c':
		return "coalesce(" + strings.Join(operands, ", ") + ")"
	case 'm':
		return "(-(" + operands[0] + "))"
	}
	return w.let2(operands[0], operands[1], func(x, y string) string {
		a, b := "assumeNotNull("+x+")", "assumeNotNull("+y+")"
		result, also := "", ""
		switch op {
		case '+', '-':
			result = a + " " + string(op) + " " + b
		case '*':
			result = w.quotient(a+" * "+b, tenTo9)
		default:
			result, also = w.quotient(a+" * "+tenTo9, b), " OR "+b+" = 0"
		}
		return "if(isNull(" + x + ") OR isNull(" + y + ")" + also + ", NULL, " + w.inRange(result) + ")"
	})
}
