package condition

import (
	"strings"

	"kith/internal/decimal"
	"kith/internal/expr"
)

// A document is marked before it is taken apart: every key gets a K in front,
// every string an S, and every number becomes a string with an N, so that the
// engine never reads a number as a double. An array within an array becomes marks
// in the outer one, "(" and ")", and an empty array has the mark "e": then an
// array's elements are all values it stands for, however deep they lie, and what
// was different still is.
const (
	tokens = `"(?:[^"\\]|\\.)*":?|-?[0-9][0-9.eE+-]*|[^"0-9-]+`
	marks  = `('"("', '")"', '"e"')`
)

// marked writes a document of canonical form with its marks.
func marked(doc string) string {
	token := `CASE WHEN ascii(x) = 34 AND suffix(x, ':') THEN '"K' || replace(replace(substr(x, 2), '[', '\u005b'), ']', '\u005d')
	WHEN ascii(x) = 34 THEN '"S' || replace(replace(substr(x, 2), '[', '\u005b'), ']', '\u005d')
	WHEN ascii(x) BETWEEN 45 AND 57 AND ascii(x) <> 46 AND ascii(x) <> 47 THEN '"N' || x || '"' ELSE x END`
	s := "array_to_string(list_transform(regexp_extract_all(" + doc + "::VARCHAR, " + text(tokens) + "), lambda x: " + token + "), '')"
	for _, r := range [][2]string{{`[]`, `["e"]`}, {`[[`, `["(",`}, {`,[`, `,"(",`}, {`]]`, `,")"]`}, {`]]`, `,")"]`}} {
		s = "replace(" + s + ", " + text(r[0]) + ", " + text(r[1]) + ")"
	}
	return "regexp_replace(" + s + `, '\],("[^K]|[^"])', ',")",\1', 'g')`
}

// unmarked writes a part of a marked document as it was.
func unmarked(doc string) string {
	s := doc + "::VARCHAR"
	for _, r := range [][2]string{{`"(",`, `[`}, {`,")"`, `]`}, {`["e"]`, `[]`}, {`"e"`, `[]`}} {
		s = "replace(" + s + ", " + text(r[0]) + ", " + text(r[1]) + ")"
	}
	s = "regexp_replace(" + s + `, '([\[,:{]|^)"N([^"]*)"', '\1\2', 'g')`
	return "regexp_replace(" + s + `, '([\[,:{]|^)"[SK]', '\1"', 'g')`
}

// key is the pointer to a member of a marked object.
func key(name string) string {
	return text("/K" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
}

// elements writes the list of what the members of a list stand for: arrays for
// their elements.
func elements(list string) string {
	return "flatten(list_transform(list_filter(" + list + ", lambda x: x IS NOT NULL), lambda x: CASE WHEN json_type(x) = 'ARRAY' THEN list_filter(json_extract(x, '$[*]'), lambda y: y::VARCHAR NOT IN " + marks + ") ELSE [x] END))"
}

// found writes the list of what a path leads to in a marked document; what is
// found may be an array or null.
func found(doc, path string) string {
	steps := strings.Split(path, ".")
	list := "[json_extract(" + doc + ", " + key(steps[0]) + ")]"
	for _, s := range steps[1:] {
		list = "list_transform(" + elements(list) + ", lambda x: json_extract(x, " + key(s) + "))"
	}
	return list
}

// throughArray tells that a path meets an array before its end.
func throughArray(doc, path string) string {
	steps := strings.Split(path, ".")
	is, pointer := "false", ""
	for _, s := range steps[:len(steps)-1] {
		pointer += "/K" + strings.NewReplacer("~", "~0", "/", "~1").Replace(s)
		is += " OR coalesce(json_type(" + doc + ", " + text(pointer) + ") = 'ARRAY', false)"
	}
	return "(" + is + ")"
}

// values writes the list of values that a path leads to in a marked document.
func values(doc, path string) string {
	return "list_filter(list_transform(" + elements(found(doc, path)) + ", lambda x: " + value("x") + "), lambda x: x IS NOT NULL)"
}

// valuesIn writes the list of values that a path leads to in a document as it is.
// Most are scalars, which the engine reads as they are; what it would read as a
// double that may not be exact, lists and objects are looked for in the marked
// document. A double of at most 15 digits is exact: to 9 places every number that
// the engine takes for it is the same.
func valuesIn(doc, path string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	through, pointer := "", ""
	steps := strings.Split(path, ".")
	for i, s := range steps {
		pointer += "/" + escape.Replace(s)
		if i < len(steps)-1 {
			through += "WHEN json_type(" + doc + ", " + text(pointer) + ") = 'ARRAY' THEN 'ARRAY' "
		}
	}
	kind := "coalesce(json_type(" + doc + ", " + text(pointer) + "), 'NULL')"
	if through != "" {
		kind = "CASE " + through + "ELSE " + kind + " END"
	}
	shown := "json_extract_string(" + doc + ", " + text(pointer) + ")"
	return "CASE " + kind + " WHEN 'NULL' THEN " + none +
		" WHEN 'VARCHAR' THEN [{'k': 1::TINYINT, 'n': 0::HUGEINT, 't': " + shown + "}]" +
		" WHEN 'BOOLEAN' THEN [{'k': 3::TINYINT, 'n': 0::HUGEINT, 't': " + shown + "}]" +
		" WHEN 'UBIGINT' THEN [" + units("("+shown+" || '000000000')::HUGEINT") + "]" +
		" WHEN 'BIGINT' THEN [" + units("("+shown+" || '000000000')::HUGEINT") + "]" +
		" WHEN 'DOUBLE' THEN CASE WHEN regexp_full_match(" + shown + `, '-?[0-9]{1,6}\.[0-9]{1,9}') THEN [` +
		units("(split_part("+shown+", '.', 1) || rpad(split_part("+shown+", '.', 2), 9, '0'))::HUGEINT") + "] ELSE " + values(marked(doc), path) + " END" +
		" ELSE " + values(marked(doc), path) + " END"
}

// value writes the value that a scalar or object of a marked document is; NULL for
// null.
func value(x string) string {
	return "CASE json_type(" + x + ") WHEN 'VARCHAR' THEN " + let("z", "json_extract_string("+x+", '$')", "CASE WHEN ascii(z) = 83 THEN {'k': 1::TINYINT, 'n': 0::HUGEINT, 't': substr(z, 2)} ELSE "+number("substr(z, 2)")+" END") +
		" WHEN 'BOOLEAN' THEN {'k': 3::TINYINT, 'n': 0::HUGEINT, 't': " + x + "::VARCHAR} WHEN 'OBJECT' THEN {'k': 4::TINYINT, 'n': 0::HUGEINT, 't': " + unmarked(x) + "} END"
}

// number writes the value of a number's literal: rounded half to even to 9 places,
// or one that is too large to take part.
func number(literal string) string {
	unfit := "{'k': 5::TINYINT, 'n': 0::HUGEINT, 't': l}"
	general := let("p", `{'i': regexp_extract(l, '^-?([0-9]+)', 1), 'f': regexp_extract(l, '\.([0-9]+)', 1), 'e': regexp_extract(l, '[eE]([+-]?[0-9]+)', 1)}`,
		let("g", `{'d': ltrim(p.i || p.f, '0'), 'f': length(p.f), 'e': CASE WHEN p.e = '' THEN 0 WHEN length(ltrim(p.e, '+-0')) > 9 THEN CASE WHEN starts_with(p.e, '-') THEN -2000000000 ELSE 2000000000 END ELSE p.e::BIGINT END}`,
			let("h", "{'d': g.d, 'keep': length(g.d) - g.f + g.e + 9}",
				"CASE WHEN h.d = '' OR h.keep < 0 THEN "+units("0::HUGEINT")+" WHEN h.keep > 38 THEN "+unfit+" ELSE "+
					let("c", "{'h': CASE WHEN h.keep = 0 THEN 0::HUGEINT ELSE left(rpad(h.d, greatest(h.keep, length(h.d))::INTEGER, '0'), h.keep)::HUGEINT END, 'rest': substr(h.d, h.keep + 1)}",
						let("u", "c.h + CASE WHEN left(c.rest, 1) > '5' OR left(c.rest, 1) = '5' AND (ltrim(substr(c.rest, 2), '0') <> '' OR c.h % 2 = 1) THEN 1 ELSE 0 END",
							"CASE WHEN u >= "+limit+" THEN "+unfit+" ELSE "+units("CASE WHEN starts_with(l, '-') THEN -u ELSE u END")+" END"))+" END")))
	return let("l", literal, "CASE WHEN regexp_full_match(l, '-?[0-9]{1,29}') THEN "+units("(l || '000000000')::HUGEINT")+
		` WHEN regexp_full_match(l, '-?[0-9]{1,29}\.[0-9]{1,9}') THEN `+units("(split_part(l, '.', 1) || rpad(split_part(l, '.', 2), 9, '0'))::HUGEINT")+
		" ELSE "+general+" END")
}

// limit is the least magnitude in units that is too large.
const limit = "100000000000000000000000000000000000000::HUGEINT"

// units writes the value of a number of so many units of 1e-9.
func units(n string) string { return "{'k': 2::TINYINT, 'n': " + n + ", 't': ''}" }

// inUnits writes a decimal in units of 1e-9.
func inUnits(d decimal.Decimal) string {
	s := d.String()
	if point := strings.IndexByte(s, '.'); point >= 0 {
		s = s[:point] + s[point+1:] + strings.Repeat("0", decimal.Places-(len(s)-point-1))
	} else {
		s += strings.Repeat("0", decimal.Places)
	}
	return "'" + s + "'::HUGEINT"
}

// constant writes a value of a definition.
func constant(v expr.Value) string {
	switch v.Kind {
	case expr.Number:
		return units(inUnits(v.Num))
	case expr.Bool:
		t := "false"
		if v.Bool {
			t = "true"
		}
		return "{'k': 3::TINYINT, 'n': 0::HUGEINT, 't': '" + t + "'}"
	}
	return "{'k': 1::TINYINT, 'n': 0::HUGEINT, 't': " + text(v.Text) + "}"
}

// shownValue writes a value as JSON.
func shownValue(v string) string {
	return "CASE " + v + ".k WHEN 1 THEN to_json(" + v + ".t)::VARCHAR WHEN 2 THEN " + shownNumber(v+".n") + " ELSE " + v + ".t END"
}

// shownNumber writes units as plain digits.
func shownNumber(n string) string {
	return "(CASE WHEN " + n + " < 0 THEN '-' ELSE '' END || (abs(" + n + ") // 1000000000)::VARCHAR || CASE WHEN " + n +
		" % 1000000000 = 0 THEN '' ELSE '.' || rtrim(lpad((abs(" + n + ") % 1000000000)::VARCHAR, 9, '0'), '0') END)"
}

// none is the list of no value.
const none = "[]::STRUCT(k TINYINT, n HUGEINT, t VARCHAR)[]"

// moment writes the time, in UTC milliseconds, that a text is; NULL for one that
// is none.
func moment(t string) string {
	const date, clock = `[0-9]{4}-[0-9]{2}-[0-9]{2}`, `T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})`
	offset := "CASE WHEN suffix(q, 'Z') THEN 0 ELSE (substr(q, length(q) - 4, 2)::BIGINT * 60 + right(q, 2)::BIGINT) * CASE WHEN substr(q, length(q) - 5, 1) = '-' THEN -60000 ELSE 60000 END END"
	fits := "substr(q, 12, 2) <= '23' AND substr(q, 15, 2) <= '59' AND substr(q, 18, 2) <= '59' AND (suffix(q, 'Z') OR substr(q, length(q) - 4, 2) <= '23' AND right(q, 2) <= '59')"
	return let("q", t, "CASE WHEN regexp_full_match(q, '"+date+"') THEN epoch_ms(TRY_CAST(q AS TIMESTAMP)) WHEN length(q) <= 64 AND regexp_full_match(q, '"+date+clock+"') AND "+fits+
		" THEN epoch_ms(TRY_CAST(left(q, 19) AS TIMESTAMP)) + CASE WHEN substr(q, 20, 1) = '.' THEN rpad(left(regexp_extract(q, '\\.([0-9]+)', 1), 3), 3, '0')::BIGINT ELSE 0 END - "+offset+" END")
}
