package guard

import (
	"strings"
)

// statement judges a SELECT as a whole, at the top or inside parentheses.
func (w *walker) statement(v any) {
	w.object(v, shape{"node": (*walker).query, "named_param_map": noParameters})
}

func noParameters(w *walker, v any) {
	if names, ok := v.([]any); !ok || len(names) > 0 {
		w.refuse(CodeParameter, "the query has a placeholder; write the value itself")
	}
}

// query judges a node that gives rows.
func (w *walker) query(v any) {
	w.withScope(func() {
		node, ok := v.(map[string]any)
		if !ok {
			w.odd("no query")
			return
		}
		// The names of a WITH come before everything that may use them.
		if with, ok := node["cte_map"]; ok {
			w.object(with, shape{"map": list((*walker).with)})
		}
		rest := make(map[string]any, len(node))
		for name, value := range node {
			if name != "cte_map" {
				rest[name] = value
			}
		}
		kind := text(v, "type")
		s, ok := w.queries[kind]
		if !ok {
			w.odd(kind)
			return
		}
		if kind == "RECURSIVE_CTE_NODE" {
			w.declare(text(v, "cte_name"))
		}
		w.object(rest, s)
	})
}

// with judges one name of a WITH and brings it into scope. It is in scope for
// itself only if it is recursive, which is a node of its own.
func (w *walker) with(v any) {
	node, _ := v.(map[string]any)
	w.object(node["value"], shape{
		"aliases": anyColumn, "query": (*walker).statement, "key_targets": exprs,
		"materialized": oneOf("CTE_MATERIALIZE_DEFAULT CTE_MATERIALIZE_ALWAYS CTE_MATERIALIZE_NEVER"),
	})
	w.object(v, shape{"key": aText, "value": func(*walker, any) {}})
	w.declare(text(v, "key"))
}

func queryShapes() map[string]shape {
	query := field((*walker).query)
	ref := field((*walker).ref)
	return map[string]shape{
		"SELECT_NODE": {
			"type": aText, "modifiers": modifiers, "select_list": exprs, "from_table": ref,
			"where_clause": maybeExpr, "group_expressions": exprs, "group_sets": list(list(aNumber)),
			"aggregate_handling": oneOf("STANDARD_HANDLING FORCE_AGGREGATES NO_AGGREGATES_ALLOWED"),
			"having":             maybeExpr, "sample": maybe(sample), "qualify": maybeExpr,
		},
		"SET_OPERATION_NODE": {
			"type": aText, "modifiers": modifiers, "setop_type": setOperation,
			"left": maybe(query), "right": maybe(query), "setop_all": aFlag, "children": list(query),
		},
		"RECURSIVE_CTE_NODE": {
			"type": aText, "modifiers": modifiers, "cte_name": aText, "union_all": aFlag, "left": query, "right": query,
			"aliases": anyColumn, "key_targets": exprs,
		},
	}
}

// setOperation lets the set operations through. By name, columns are matched
// without being named.
func setOperation(w *walker, v any) {
	oneOf("UNION EXCEPT INTERSECT UNION_BY_NAME")(w, v)
	w.all = w.all || v == "UNION_BY_NAME"
}

func modifiers(w *walker, v any) {
	list(func(w *walker, v any) {
		switch text(v, "type") {
		case "ORDER_MODIFIER":
			w.object(v, shape{"type": aText, "orders": list(order)})
		case "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER":
			w.object(v, shape{"type": aText, "limit": maybeExpr, "offset": maybeExpr})
		case "DISTINCT_MODIFIER":
			w.object(v, shape{"type": aText, "distinct_on_targets": exprs})
		default:
			w.odd(text(v, "type"))
		}
	})(w, v)
}

func order(w *walker, v any) {
	w.object(v, shape{
		"type":       oneOf("ORDER_DEFAULT ASCENDING DESCENDING"),
		"null_order": nullOrder,
		"expression": (*walker).expr,
	})
}

func nullOrder(w *walker, v any) {
	if v != "ORDER_DEFAULT" && v != "NULLS FIRST" && v != "NULLS LAST" {
		w.odd("order of nulls")
	}
}

func sample(w *walker, v any) {
	w.object(v, shape{"sample_size": value, "is_percentage": aFlag, "method": oneOf("System Bernoulli Reservoir"), "seed": aNumber})
}

// ref judges what stands in a FROM.
func (w *walker) ref(v any) {
	kind := text(v, "type")
	w.place(asObject(v))
	switch kind {
	case "BASE_TABLE":
		w.table(v)
	case "SHOW_REF":
		w.refuse(CodeOneSelect, "DESCRIBE, SHOW and SUMMARIZE are not allowed; the reference lists the columns of each table")
		return
	case "TABLE_FUNCTION":
		w.tableFunction(v)
	}
	s, ok := w.refs[kind]
	if !ok {
		w.odd(kind)
		return
	}
	w.object(v, s)
}

func asObject(v any) map[string]any {
	node, _ := v.(map[string]any)
	return node
}

func refShapes() map[string]shape {
	ref := field((*walker).ref)
	return map[string]shape{
		"EMPTY":      {},
		"BASE_TABLE": {"schema_name": aText, "table_name": aText, "column_name_alias": anyColumn, "catalog_name": aText, "at_clause": isEmpty},
		"SUBQUERY":   {"subquery": (*walker).statement, "column_name_alias": anyColumn},
		"JOIN": {
			"left": ref, "right": ref, "condition": maybeExpr,
			"join_type":     oneOf("INNER LEFT RIGHT OUTER FULL SEMI ANTI"),
			"ref_type":      joinKind,
			"using_columns": columnNames, "delim_flipped": isFalse, "duplicate_eliminated_columns": isEmpty, "is_implicit": aFlag,
		},
		"TABLE_FUNCTION":  {"function": (*walker).tableCall, "column_name_alias": anyColumn, "with_ordinality": oneOf("WITHOUT_ORDINALITY WITH_ORDINALITY")},
		"EXPRESSION_LIST": {"expected_names": list(aText), "expected_types": list(logicalType), "values": list(exprs)},
		"PIVOT": {
			"source": ref, "aggregates": exprs, "unpivot_names": anyColumn, "pivots": list(pivotColumn), "groups": anyColumn,
			"column_name_alias": anyColumn, "include_nulls": aFlag,
		},
	}
}

func joinKind(w *walker, v any) {
	oneOf("REGULAR NATURAL CROSS POSITIONAL ASOF")(w, v)
	w.all = w.all || v == "NATURAL"
}

// columnNames are columns that are named by a text.
func columnNames(w *walker, v any) {
	list(func(w *walker, v any) {
		aText(w, v)
		if s, ok := v.(string); ok {
			w.columns[strings.ToLower(s)] = true
		}
	})(w, v)
}

func pivotColumn(w *walker, v any) {
	w.all = true
	w.object(v, shape{
		"pivot_expressions": exprs, "unpivot_names": list(aText), "pivot_enum": isEmpty,
		"entries": list(func(w *walker, v any) {
			w.object(v, shape{"values": list(value), "star_expr": maybeExpr, "alias": aText})
		}),
	})
}

// table judges a named table: a WITH in scope, or one of the catalog.
func (w *walker) table(v any) {
	name := text(v, "table_name")
	low := strings.ToLower(name)
	if schema := text(v, "catalog_name") + text(v, "schema_name"); schema != "" {
		w.refuse(CodeTable, "name tables without a schema or database; %s", w.tablesHint(low))
		return
	}
	alias := text(v, "alias")
	w.rowName(name)
	if alias != "" {
		w.rowName(alias)
	}
	if w.visible(low) {
		return
	}
	if _, ok := w.catalog[low]; !ok {
		w.refuse(CodeTable, "there is no table %q; %s", printable(name), w.tablesHint(low))
		return
	}
	w.used[low] = true
}

// rowName remembers a name that stands for a whole row where it is used as a
// column.
func (w *walker) rowName(name string) {
	// References may come before or after their table in the walk, so both
	// sides are kept and compared here and in columnRef.
	low := strings.ToLower(name)
	if w.columns[low] {
		w.all = true
	}
	w.columns[rowMark+low] = true
}

// rowMark goes before the name of a table among the names of columns. No column
// can be written so.
const rowMark = "\x00"

func (w *walker) tablesHint(low string) string {
	names := make([]string, 0, len(w.catalog))
	for name := range w.catalog {
		names = append(names, name)
	}
	if near := Nearest(low, names); near != "" {
		return "did you mean " + near + "?"
	}
	return "there are " + joined(names)
}
