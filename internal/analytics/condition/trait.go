package condition

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
		f.asked = true
		return w.computed(f, d)
	}
	return f.custom(path)
}

// computed writes the list of values of a computed trait.
func (w *writer) computed(f *frame, d *trait.Definition) string {
	if d.Expression != nil {
		return single(w.expression(f, d.Expression))
	}
	filter := w.counted(d)
	if d.Property == "" {
		return single(w.counting(f, d, filter))
	}
	field := expr.Field{Path: d.Property}
	switch d.Type {
	case "sum", "avg", "min", "max":
		return single(w.aggregate(f, d.Type, field, filter).value)
	case "unique_count":
		return single(w.aggregate(f, "count_distinct", field, filter).value)
	}
	list := w.field(field)
	switch d.Type {
	case "unique_list":
		return "coalesce(list_sort(list_distinct(" + w.all(f, list, filter) + "))[1:1000], " + none + ")"
	case "most_frequent":
		return w.mostFrequent(f, list, filter)
	case "first", "last":
		return "coalesce(" + f.agg(w.end(d.Type, list)+strings.TrimSuffix(filter, ")")+" AND len("+list+") > 0)") + ", " + none + ")"
	}
	w.refuse("the trait %s is of a type that has no form in SQL", d.Key)
	return none
}

// counted is the filter of the events that a trait is made of.
func (w *writer) counted(d *trait.Definition) string {
	return " FILTER (WHERE " + w.selected(&w.reads, &d.Selection, &d.Window) + " AND " + w.within(&d.Window, "t") + ")"
}

// counting writes the units of a trait that is made of events as such.
func (w *writer) counting(f *frame, d *trait.Definition, filter string) string {
	switch d.Type {
	case "count":
		return one("coalesce(" + f.agg("count(*)"+filter) + ", 0)")
	case "time_since_first":
		return one("(" + whole(w.q.Now) + " - " + f.agg("min(t)"+filter) + ") // 1000")
	case "time_since_last":
		return one("(" + whole(w.q.Now) + " - " + f.agg("max(t)"+filter) + ") // 1000")
	}
	w.refuse("the trait %s is of a type that has no form in SQL", d.Key)
	return "NULL::HUGEINT"
}

// single is the list of one number, or of nothing when it is NULL.
func single(number string) string {
	return let("n", number, "CASE WHEN n IS NULL THEN "+none+" ELSE ["+units("n")+"] END")
}

// all is the column of the values of all events, repeated ones too.
func (w *writer) all(f *frame, list, filter string) string {
	return "coalesce(" + f.agg("flatten(list("+list+")"+filter+")") + ", " + none + ")"
}

// end is the aggregate that picks the first or last event's value.
func (w *writer) end(which, value string) string {
	fn := "arg_min"
	if which == "last" {
		fn = "arg_max"
	}
	return fn + "(" + value + ", {'t': t, 'm': m, 's': s, 'r': r})"
}

func (w *writer) mostFrequent(f *frame, list, filter string) string {
	all := w.all(f, list, filter)
	return w.let(all, func(all string) string {
		return w.let("list_sort(list_distinct("+all+"))", func(different string) string {
			x, y := w.name("x"), w.name("y")
			return w.let("list_transform("+different+", lambda "+x+": len(list_filter("+all+", lambda "+y+": "+y+" = "+x+")))", func(counts string) string {
				return "CASE WHEN len(" + different + ") = 0 THEN " + none + " ELSE [" + different + "[list_position(" + counts + ", list_max(" + counts + "))]] END"
			})
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
	f.asked = true
	v := w.name("v")
	switch d.Type {
	case "first", "last":
		field := expr.Field{Path: d.Property}
		list := w.field(field)
		return f.agg(w.end(d.Type, w.wholes(field)) + strings.TrimSuffix(w.counted(d), ")") + " AND len(" + list + ") > 0)")
	case "unique_list":
		return "'[' || array_to_string(list_transform(" + w.computed(f, d) + ", lambda " + v + ": " + shownValue(v) + "), ',') || ']'"
	}
	return w.let(w.computed(f, d), func(list string) string {
		return "CASE WHEN len(" + list + ") > 0 THEN " + w.let(list+"[1]", shownValue) + " END"
	})
}

// wholes returns the column of the events that holds what a field leads to as
// JSON, arrays whole.
func (w *writer) wholes(f expr.Field) string {
	name := w.field(f)
	if w.whole == nil {
		w.whole = map[string]bool{}
	}
	w.whole[name] = true
	return "w" + name
}

// wholeField writes what a field leads to as JSON.
func wholeField(doc, path string) string {
	return let("z", found(doc, path), "CASE WHEN len(z) = 1 AND NOT "+throughArray(doc, path)+" THEN "+unmarked("z[1]")+
		" ELSE '[' || array_to_string(list_transform(list_filter(z, lambda x: x IS NOT NULL), lambda x: "+unmarked("x")+"), ',') || ']' END")
}

// expression writes the units of an expression; NULL when it is absent.
func (w *writer) expression(f *frame, e *trait.Expression) string {
	return trait.Fold(e, func(number decimal.Decimal, name string) string {
		if name == "" {
			return inUnits(number)
		}
		return w.let(w.trait(f, name), func(list string) string {
			return "CASE WHEN len(" + list + ") = 1 AND " + list + "[1].k = 2 THEN " + list + "[1].n END"
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
	return w.let("{'a': "+operands[0]+", 'b': "+operands[1]+"}", func(x string) string {
		a, b := x+".a", x+".b"
		switch op {
		case '+':
			return sum(a, b)
		case '-':
			return sum(a, "(-"+b+")")
		}
		signed := func(magnitude string) string {
			return w.let(magnitude, func(m string) string {
				return "CASE WHEN " + m + " >= " + limit + " THEN NULL WHEN (" + a + " < 0) <> (" + b + " < 0) THEN -" + m + " ELSE " + m + " END"
			})
		}
		if op == '*' {
			return signed(w.product("abs("+a+")", "abs("+b+")"))
		}
		return "CASE WHEN " + b + " <> 0 THEN " + signed(w.ratio("abs("+a+")", "abs("+b+")")) + " END"
	})
}

// sum adds units; NULL when that is out of range. Halves are looked at first, as
// the sum itself may not fit the engine's integers.
func sum(a, b string) string {
	return "CASE WHEN abs(" + a + " // 2 + " + b + " // 2) < 60000000000000000000000000000000000000::HUGEINT AND abs(" + a + " + " + b + ") < " + limit + " THEN " + a + " + " + b + " END"
}

// product multiplies magnitudes in units and rounds half to even; NULL, or
// something beyond the range, when that is out of range. The factors are parted at
// 10^19, so that no product of parts overflows.
func (w *writer) product(a, b string) string {
	const part = "10000000000000000000::HUGEINT"
	split := "{'a1': " + a + " // " + part + ", 'a0': " + a + " % " + part + ", 'b1': " + b + " // " + part + ", 'b0': " + b + " % " + part + "}"
	return w.let(split, func(p string) string {
		high := p + ".a1 * " + p + ".b1"
		return "CASE WHEN " + high + " > 1000000000 OR (" + p + ".a1 * " + p + ".b0) // 2 + (" + p + ".a0 * " + p + ".b1) // 2 > 6000000000000000000000000000::HUGEINT THEN NULL ELSE " +
			w.let("{'x': "+high+" * "+part+" + "+p+".a1 * "+p+".b0 + "+p+".a0 * "+p+".b1 + ("+p+".a0 * "+p+".b0) // "+part+", 'y': ("+p+".a0 * "+p+".b0) % "+part+"}", func(q string) string {
				return "CASE WHEN " + q + ".x > 11000000000000000000000000000::HUGEINT THEN NULL ELSE " +
					w.let(q+".x * 10000000000 + "+q+".y // 1000000000", func(u string) string {
						rest := "(" + q + ".y % 1000000000)"
						return u + " + CASE WHEN " + rest + " > 500000000 OR " + rest + " = 500000000 AND " + u + " % 2 = 1 THEN 1 ELSE 0 END"
					}) + " END"
			}) + " END"
	})
}

// ratio divides magnitudes in units and rounds half to even; likewise. What is
// divided is a times 10^9, bit by bit of 10^9, so that nothing overflows.
func (w *writer) ratio(a, b string) string {
	var bits []string
	for i := 29; i >= 0; i-- {
		bits = append(bits, string('0'+rune(1_000_000_000>>i&1)))
	}
	return w.let("{'a': "+a+"::UHUGEINT, 'b': "+b+"::UHUGEINT}", func(p string) string {
		bit, s, x := w.name("i"), w.name("s"), w.name("x")
		parts := "list_transform([" + strings.Join(bits, ", ") + "], lambda " + bit + ": {'q': " + bit + "::UHUGEINT * (" + p + ".a // " + p + ".b), 'r': " + bit + "::UHUGEINT * (" + p + ".a % " + p + ".b)})"
		r := "(2::UHUGEINT * " + s + ".r + " + x + ".r)"
		step := "{'q': 2::UHUGEINT * " + s + ".q + " + x + ".q + " + r + " // " + p + ".b, 'r': " + r + " % " + p + ".b}"
		return "CASE WHEN " + p + ".a // " + p + ".b > 110000000000000000000000000000::UHUGEINT THEN NULL ELSE " +
			w.let("list_reduce("+parts+", lambda "+s+", "+x+": "+step+")", func(d string) string {
				return "(" + d + ".q + CASE WHEN 2::UHUGEINT * " + d + ".r > " + p + ".b OR 2::UHUGEINT * " + d + ".r = " + p + ".b AND " + d + ".q % 2 = 1 THEN 1::UHUGEINT ELSE 0::UHUGEINT END)::HUGEINT"
			}) + " END"
	})
}
