package guard

import (
	"encoding/json"
	"maps"
	"strings"
)

func exprs(w *walker, v any) { list((*walker).expr)(w, v) }

func maybeExpr(w *walker, v any) { maybe((*walker).expr)(w, v) }

// expr judges an expression by its class.
func (w *walker) expr(v any) {
	class := text(v, "class")
	w.place(asObject(v))
	switch class {
	case "FUNCTION", "WINDOW":
		w.call(v)
	case "PARAMETER":
		noParameters(w, nil)
	case "COLUMN_REF":
		w.columnRef(v)
	case "STAR", "POSITIONAL_REFERENCE":
		w.all = true
	}
	s, ok := w.exprs[class]
	if !ok {
		w.odd(class)
		return
	}
	w.object(v, s)
}

func exprShapes() map[string]shape {
	expr := field((*walker).expr)
	const comparisons = "COMPARE_EQUAL COMPARE_NOTEQUAL COMPARE_LESSTHAN COMPARE_GREATERTHAN COMPARE_LESSTHANOREQUALTO " +
		"COMPARE_GREATERTHANOREQUALTO COMPARE_DISTINCT_FROM COMPARE_NOT_DISTINCT_FROM"
	return map[string]shape{
		"BETWEEN":              {"type": oneOf("COMPARE_BETWEEN COMPARE_NOT_BETWEEN"), "input": expr, "lower": expr, "upper": expr},
		"CASE":                 {"type": oneOf("CASE_EXPR"), "case_checks": list(caseCheck), "else_expr": maybeExpr},
		"CAST":                 {"type": oneOf("OPERATOR_CAST"), "child": expr, "cast_type": logicalType, "try_cast": aFlag},
		"COLLATE":              {"type": oneOf("COLLATE"), "child": expr, "collation": collation},
		"COLUMN_REF":           {"type": oneOf("COLUMN_REF"), "column_names": list(aText)},
		"COMPARISON":           {"type": oneOf(comparisons), "left": expr, "right": expr},
		"CONJUNCTION":          {"type": oneOf("CONJUNCTION_AND CONJUNCTION_OR"), "children": exprs},
		"CONSTANT":             {"type": oneOf("VALUE_CONSTANT"), "value": value},
		"LAMBDA":               {"type": oneOf("LAMBDA"), "lhs": expr, "expr": expr, "syntax_type": aText},
		"LAMBDA_REF":           {"type": oneOf("LAMBDA_REF"), "lambda_idx": aNumber, "column_name": aText},
		"OPERATOR":             {"type": oneOf(operators), "children": exprs},
		"POSITIONAL_REFERENCE": {"type": oneOf("POSITIONAL_REFERENCE"), "index": aNumber},
		"FUNCTION": {
			"type": oneOf("FUNCTION"), "function_name": aText, "schema": ownSchema, "catalog": isEmpty, "children": exprs,
			"filter": maybeExpr, "order_bys": maybe(orders), "distinct": aFlag, "is_operator": aFlag, "export_state": isFalse,
		},
		"STAR": {
			"type": oneOf("STAR"), "relation_name": aText, "exclude_list": list(aText), "columns": aFlag, "expr": maybeExpr, "unpacked": aFlag,
			"replace_list": pairs(aText, expr), "qualified_exclude_list": list(qualifiedColumn), "rename_list": pairs(qualifiedColumn, aText),
		},
		"SUBQUERY": {
			"type": oneOf("SUBQUERY"), "subquery_type": oneOf("SCALAR EXISTS NOT_EXISTS ANY ALL"), "subquery": (*walker).statement,
			"child": maybeExpr, "comparison_type": oneOf("INVALID " + comparisons),
		},
		"WINDOW": {
			"type": windowKind, "function_name": aText, "schema": ownSchema, "catalog": isEmpty, "children": exprs, "partitions": exprs,
			"orders": list(order), "start": aText, "end": aText, "start_expr": maybeExpr, "end_expr": maybeExpr,
			"offset_expr": maybeExpr, "default_expr": maybeExpr, "ignore_nulls": aFlag, "filter_expr": maybeExpr,
			"exclude_clause": aText, "distinct": aFlag, "arg_orders": list(order),
		},
	}
}

// operators are the kinds of operators that are no functions.
const operators = "OPERATOR_NOT OPERATOR_IS_NULL OPERATOR_IS_NOT_NULL OPERATOR_UNPACK COMPARE_IN COMPARE_NOT_IN GROUPING_FUNCTION " +
	"OPERATOR_NULLIF OPERATOR_COALESCE ARRAY_EXTRACT ARRAY_SLICE STRUCT_EXTRACT ARRAY_CONSTRUCTOR OPERATOR_TRY"

func windowKind(w *walker, v any) {
	if s, ok := v.(string); !ok || !strings.HasPrefix(s, "WINDOW_") {
		w.odd(s)
	}
}

func orders(w *walker, v any) {
	w.object(v, shape{"type": oneOf("ORDER_MODIFIER"), "orders": list(order)})
}

func caseCheck(w *walker, v any) {
	w.object(v, shape{"when_expr": (*walker).expr, "then_expr": (*walker).expr})
}

func pairs(key, val field) field {
	return list(func(w *walker, v any) { w.object(v, shape{"key": key, "value": val}) })
}

func qualifiedColumn(w *walker, v any) {
	w.object(v, shape{"catalog": isEmpty, "schema": isEmpty, "table": aText, "column": aText})
}

// ownSchema lets through the schema that the parser itself puts before what it
// makes of brackets and braces.
func ownSchema(w *walker, v any) {
	if v != "" && v != "main" {
		w.refuse(CodeFunction, "call functions by their name alone: f(x) instead of x.f() or schema.f()")
	}
}

// columnRef remembers every name that a reference consists of.
func (w *walker) columnRef(v any) {
	names, _ := asObject(v)["column_names"].([]any)
	for _, n := range names {
		name, _ := n.(string)
		low := strings.ToLower(name)
		w.columns[low] = true
		if len(names) == 1 && w.columns[rowMark+low] {
			w.all = true
		}
	}
}

// call judges a function by its name, which is all that tells what it does.
func (w *walker) call(v any) {
	name := text(v, "function_name")
	low := strings.ToLower(name)
	if w.functions[low] {
		w.bounded(low, v)
		return
	}
	if near := Nearest(low, sorted(w.functions)); near != "" {
		w.refuse(CodeFunction, "the function %q is not allowed; did you mean %s? The reference lists all", printable(name), near)
		return
	}
	w.refuse(CodeFunction, "the function %q is not allowed; the reference lists those that are", printable(name))
}

// tableFunction refuses a function in FROM that is none of the few.
func (w *walker) tableFunction(v any) {
	fn := asObject(v)["function"]
	name := text(fn, "function_name")
	if !w.tableFunctions[strings.ToLower(name)] {
		w.refuse(CodeFunction, "%q is not allowed in FROM; there are the tables, range, generate_series and unnest", printable(name))
	}
}

// tableCall judges the call inside a table function.
func (w *walker) tableCall(v any) {
	if text(v, "class") != "FUNCTION" {
		w.odd("table function")
		return
	}
	w.expr(v)
}

// bounded refuses a series or a repetition that is written out longer than any
// that is of use. What is computed is bounded by time and memory alone.
func (w *walker) bounded(name string, v any) {
	switch name {
	case "range", "generate_series", "repeat", "list_resize", "array_resize", "lpad", "rpad":
	default:
		return
	}
	args, _ := asObject(v)["children"].([]any)
	for _, a := range args {
		if n, ok := constant(a); ok && (n > RangeMax || n < -RangeMax) {
			w.refuse(CodeRange, "%s may be asked for up to %d", name, RangeMax)
		}
	}
}

// constant returns the number that an expression is, with or without a sign.
func constant(v any) (float64, bool) {
	if text(v, "class") == "FUNCTION" && text(v, "function_name") == "-" {
		if args, _ := asObject(v)["children"].([]any); len(args) == 1 {
			n, ok := constant(args[0])
			return -n, ok
		}
	}
	if text(v, "class") != "CONSTANT" {
		return 0, false
	}
	switch n := asObject(asObject(v)["value"])["value"].(type) {
	case json.Number:
		f, err := n.Float64()
		return f, err == nil
	case map[string]any: // a number of more than 64 bits
		return RangeMax + 1, true
	}
	return 0, false
}

// value judges a constant. What it holds is data.
func value(w *walker, v any) {
	w.object(v, shape{"type": logicalType, "is_null": aFlag, "value": func(w *walker, v any) {
		switch v := v.(type) {
		case string, bool, json.Number, nil:
		case map[string]any:
			w.object(v, shape{
				"upper": aNumber, "lower": aNumber, "months": aNumber, "days": aNumber, "micros": aNumber,
				"children": list(value),
			})
		default:
			w.odd("constant")
		}
	}})
}

// logicalType judges a type, with what it is made of.
func logicalType(w *walker, v any) {
	id := text(v, "id")
	if id != "UNBOUND" && id != "TIMESTAMP WITH TIME ZONE" && !w.types[strings.ToLower(id)] {
		w.refuse(CodeType, "the type %s is not allowed", printable(id))
		return
	}
	w.object(v, shape{"id": aText, "type_info": maybe(typeInfo)})
}

func typeInfo(w *walker, v any) {
	s := shape{"type": aText, "alias": isEmpty, "extension_info": isEmpty}
	add := func(more shape) { maps.Copy(s, more) }
	switch text(v, "type") {
	case "DECIMAL_TYPE_INFO":
		add(shape{"width": aNumber, "scale": aNumber})
	case "STRING_TYPE_INFO":
		add(shape{"collation": collation})
	case "LIST_TYPE_INFO":
		add(shape{"child_type": logicalType})
	case "ARRAY_TYPE_INFO":
		add(shape{"child_type": logicalType, "size": aNumber})
	case "STRUCT_TYPE_INFO":
		add(shape{"child_types": list(func(w *walker, v any) {
			w.object(v, shape{"first": aText, "second": logicalType})
		})})
	case "UNBOUND_TYPE_INFO":
		if name := text(v, "name"); !w.types[strings.ToLower(name)] {
			w.refuse(CodeType, "the type %q is not allowed", printable(name))
			return
		}
		add(shape{"name": aText, "catalog": isEmpty, "schema": isEmpty, "user_type_modifiers": list(value)})
	default:
		w.odd(text(v, "type"))
		return
	}
	w.object(v, s)
}

// collation judges an order of texts: none, without case or accents, or that of a
// language.
func collation(w *walker, v any) {
	s, _ := v.(string)
	for _, part := range strings.Split(strings.ToLower(s), ".") {
		if !w.collations[part] {
			w.refuse(CodeConstruct, "the collation %q is not allowed; there are nocase, noaccent, nfc and languages such as de", printable(s))
			return
		}
	}
}
