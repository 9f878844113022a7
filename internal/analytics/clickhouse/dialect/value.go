package dialect

import (
	"math/big"
	"strings"

	"kith/internal/decimal"
	"kith/internal/expr"
	"kith/internal/strictjson"
)

// A document is marked before the server reads it, as it reads numbers as doubles
// and writes texts in its own way. Every string and key gets an N behind, and every
// number becomes a string with an N in front; none of them ends in N. Escapes are
// taken apart, so that no string has a backslash or a quote in it: the character
// DEL and a digit stand for DEL itself, a backslash, a quote, and the backslash of
// any other escape. A backslash that is there later is one that the server wrote.
var escapes = [][2]string{{"\x7f", "\x7f0"}, {`\\`, "\x7f1"}, {`\"`, "\x7f2"}, {`\`, "\x7f3"}}

// marked writes a document of canonical form with its marks.
func marked(doc string) string {
	for _, e := range escapes {
		doc = "replaceAll(" + doc + ", " + text(e[0]) + ", " + text(e[1]) + ")"
	}
	return "replaceRegexpAll(" + doc + ", " + text(`"([^"]*)"|(-?[0-9][0-9.eE+-]*)`) + ", " + text(`"\1N\2"`) + ")"
}

// unescaped writes a text of a marked document with the escapes that it had.
func unescaped(s string) string {
	for i := len(escapes) - 1; i >= 0; i-- {
		s = "replaceAll(" + s + ", " + text(escapes[i][1]) + ", " + text(escapes[i][0]) + ")"
	}
	return s
}

// unmarked writes a part of a marked document as it was.
func unmarked(doc string) string {
	for _, r := range [][2]string{{`\u2028`, "\u2028"}, {`\u2029`, "\u2029"}, {`\/`, `/`}} { // what the server escapes and canonical form does not
		doc = "replaceAll(" + doc + ", " + text(r[0]) + ", " + text(r[1]) + ")"
	}
	doc = "replaceRegexpAll(" + doc + ", " + text(`"N([0-9.eE+-]+)"`) + ", " + text(`\1`) + ")"
	return unescaped("replaceRegexpAll(" + doc + ", " + text(`"([^"]*)N"`) + ", " + text(`"\1"`) + ")")
}

// key writes the name of a member of a marked document.
func key(name string) string {
	s := string(strictjson.AppendString(nil, name))
	s = s[1 : len(s)-1]
	for _, e := range escapes {
		s = strings.ReplaceAll(s, e[0], e[1])
	}
	return text(s + "N")
}

// depthMax is more than the depth of any document that is taken in.
const depthMax = "128"

// elements writes the list of what the members of a list stand for: arrays for
// their elements, nested ones too.
func (w *writer) elements(list string) string {
	x, y, acc, i := w.name("x"), w.name("x"), w.name("x"), w.name("x")
	flat := "arrayFold((" + acc + ", " + i + ") -> arrayFlatten(arrayMap(" + y + " -> if(startsWith(" + y + ", '['), JSONExtractArrayRaw(" + y + "), [" + y + "]), " + acc + ")), range(least(countSubstrings(" + x + ", '['), " + depthMax + ")), [" + x + "])"
	return "arrayFlatten(arrayMap(" + x + " -> " + flat + ", " + list + "))"
}

// found writes the list of what a path leads to in a marked document; what is
// found may be an array, null, or empty where there is nothing.
func (w *writer) found(doc, path string) string {
	steps := strings.Split(path, ".")
	list := "[JSONExtractRaw(" + doc + ", " + key(steps[0]) + ")]"
	for _, s := range steps[1:] {
		x := w.name("x")
		list = "arrayMap(" + x + " -> JSONExtractRaw(" + x + ", " + key(s) + "), " + w.elements(list) + ")"
	}
	return list
}

// location is where values are looked for: a column of marked documents, and a path.
type location struct{ doc, path string }

// lists writes the list of the lists of values that places lead to.
func (w *writer) lists(places []location) string {
	var found []string
	for _, p := range places {
		found = append(found, w.found(p.doc, p.path))
	}
	list, x, y := w.name("x"), w.name("x"), w.name("x")
	return "arrayMap(" + list + " -> arrayMap(" + x + " -> " + w.value(x) + ", arrayFilter(" + y + " -> " + y + " NOT IN ('', 'null'), " + w.elements(list) + ")), [" + strings.Join(found, ", ") + "])"
}

// wholeField writes what a path leads to in a marked document as JSON, arrays whole.
func (w *writer) wholeField(doc, path string) string {
	steps := strings.Split(path, ".")
	through, place := "0", doc
	for _, s := range steps[:len(steps)-1] {
		place += ", " + key(s)
		through += " OR startsWith(JSONExtractRaw(" + place + "), '[')"
	}
	x, y := w.name("x"), w.name("x")
	return w.let(w.found(doc, path), func(z string) string {
		return "if(length(" + z + ") = 1 AND NOT (" + through + "), " + unmarked(z+"[1]") + ", concat('[', arrayStringConcat(arrayMap(" + x + " -> " + unmarked(x) +
			", arrayFilter(" + y + " -> notEmpty(" + y + "), " + z + ")), ','), ']'))"
	})
}

// value writes the value that a scalar or object of a marked document is.
func (w *writer) value(x string) string {
	return "multiIf(" + x + " IN ('true', 'false'), concat('3', " + x + "), endsWith(" + x + ", 'N\"'), concat('1', " + w.decoded("substring("+x+", 2, length("+x+") - 3)") +
		"), startsWith(" + x + ", '\"N'), " + w.literal("substring("+x+", 3, length("+x+") - 3)") + ", concat('4', " + unmarked(x) + "))"
}

// decoded writes the text that a string of a marked document is.
func (w *writer) decoded(inner string) string {
	return w.let(inner, func(s string) string {
		return "if(position(" + s + ", '\x7f') = 0 AND position(" + s + ", '\\\\') = 0, " + s + ", JSONExtractString(concat('\"', " + unescaped(s) + ", '\"')))"
	})
}

// literal writes the value of a number's literal: rounded half to even to 9 places,
// or one that is too large to take part.
func (w *writer) literal(literal string) string {
	return w.let(literal, func(l string) string {
		return "multiIf(match(" + l + ", '^-?[0-9]{1,29}$'), " + number("toInt256OrZero("+l+") * "+tenTo9) +
			", match(" + l + `, '^-?[0-9]{1,29}\\.[0-9]{1,9}$'), ` + number("toInt256OrZero(concat(substringIndex("+l+", '.', 1), rightPad(substringIndex("+l+", '.', -1), 9, '0')))") +
			", " + w.general(l) + ")"
	})
}

// general writes the value of any literal l of a number: its digits without the
// point are kept as far as the ninth place.
func (w *writer) general(l string) string {
	part := func(pattern string) string { return "extract(" + l + ", " + text(pattern) + ")" }
	exponent := w.let(part("[eE]([+-]?[0-9]+)"), func(e string) string {
		return "multiIf(length(replaceRegexpOne(" + e + ", '^[+0-]+', '')) <= 9, toInt64OrZero(replaceOne(" + e + ", '+', '')), startsWith(" + e + ", '-'), toInt64(-2000000000), toInt64(2000000000))"
	})
	return w.let2(part("^-?([0-9]+)"), part(`\.([0-9]+)`), func(i, f string) string {
		return w.let2("replaceRegexpOne(concat("+i+", "+f+"), '^0+', '')", exponent+" - length("+f+") + 9", func(d, shift string) string {
			return w.let("toInt64(length("+d+")) + "+shift, func(keep string) string {
				kept, unfit := "least(greatest("+keep+", 0), 38)", "concat('5', "+l+")"
				return "multiIf(empty(" + d + ") OR " + keep + " < 0, " + number("toInt256(0)") + ", " + keep + " > 38, " + unfit + ", " +
					w.let2("toInt256OrZero(substring(rightPad("+d+", "+kept+", '0'), 1, "+kept+"))", "substring("+d+", "+kept+" + 1)", func(head, rest string) string {
						up := "(" + rest + " >= '6' OR startsWith(" + rest + ", '5') AND (match(substring(" + rest + ", 2), '[1-9]') OR " + head + " % 2 = 1))"
						return w.let(head+" + toInt256("+up+")", func(u string) string {
							return "if(" + u + " >= " + limit + ", " + unfit + ", " + number("if(startsWith("+l+", '-'), -"+u+", "+u+")") + ")"
						})
					}) + ")"
			})
		})
	})
}

// Numbers of units of 1e-9. limit is the least magnitude that is too large, which is
// also what a number stands on top of in a value.
const (
	tenTo9 = "toInt256(1000000000)"
	limit  = "k_limit"

	limitValue = "toInt256('100000000000000000000000000000000000000')"
)

// number writes the value of a number of units.
func number(units string) string {
	return "concat('2', leftPad(toString(" + units + " + " + limit + "), 39, '0'))"
}

// unitsOf writes the units of the numbers of a list of values.
func (w *writer) unitsOf(list string) string {
	x, y := w.name("x"), w.name("x")
	return "arrayMap(" + x + " -> " + unit(x) + ", arrayFilter(" + y + " -> startsWith(" + y + ", '2'), " + list + "))"
}

// unit writes the units of a value that is a number.
func unit(v string) string { return "toInt256OrZero(substring(" + v + ", 2)) - " + limit }

// inUnits writes a decimal in units of 1e-9.
func inUnits(d decimal.Decimal) string { return "toInt256('" + bigUnits(d).String() + "')" }

func bigUnits(d decimal.Decimal) *big.Int {
	hi, lo := d.Units()
	n := new(big.Int).Lsh(big.NewInt(hi), 64)
	return n.Add(n, new(big.Int).SetUint64(lo))
}

// constant is a value of a definition.
func constant(v expr.Value) string {
	switch v.Kind {
	case expr.Number:
		n := new(big.Int).Exp(big.NewInt(10), big.NewInt(38), nil)
		s := n.Add(n, bigUnits(v.Num)).String()
		return "2" + strings.Repeat("0", 39-len(s)) + s
	case expr.Bool:
		if v.Bool {
			return "3true"
		}
		return "3false"
	}
	return "1" + v.Text
}

// shownValue writes a value as JSON.
func (w *writer) shownValue(v string) string {
	return w.let("substring("+v+", 2)", func(s string) string {
		return "multiIf(startsWith(" + v + ", '1'), toJSONString(" + s + "), startsWith(" + v + ", '2'), " + w.shownNumber("toInt256OrZero("+s+") - "+limit) + ", " + s + ")"
	})
}

// shownNumber writes units as plain digits.
func (w *writer) shownNumber(units string) string {
	return w.let2(units, "abs("+units+")", func(n, m string) string {
		return "concat(if(" + n + " < 0, '-', ''), toString(intDiv(" + m + ", " + tenTo9 + ")), if(" + m + " % " + tenTo9 + " = 0, '', concat('.', replaceRegexpOne(leftPad(toString(" + m + " % " + tenTo9 + "), 9, '0'), '0+$', ''))))"
	})
}

// none is the list of no value.
const none = "emptyArrayString()"

// moment writes the time, in UTC milliseconds, that a text is; NULL for one that
// is none. It is worked out of its digits, as the server's times end too early.
func (w *writer) moment(t string) string {
	const shape = `^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(Z|[+-][0-9]{2}:[0-9]{2}))?$`
	return w.let(t, func(q string) string {
		return w.let("if(length("+q+") <= 64, extractGroups("+q+", "+text(shape)+"), "+none+")", func(p string) string {
			n := func(i string) string { return "toInt64OrZero(" + p + "[" + i + "])" }
			zone := p + "[8]"
			offset := "if(length(" + zone + ") < 6, 0, (toInt64OrZero(substring(" + zone + ", 2, 2)) * 60 + toInt64OrZero(substring(" + zone + ", 5, 2))) * if(startsWith(" + zone + ", '-'), -60000, 60000))"
			clock := n("4") + " * 3600000 + " + n("5") + " * 60000 + " + n("6") + " * 1000 + toInt64OrZero(substring(rightPad(" + p + "[7], 3, '0'), 1, 3)) - " + offset
			fits := "notEmpty(" + p + ") AND " + n("2") + " BETWEEN 1 AND 12 AND " + n("4") + " <= 23 AND " + n("5") + " <= 59 AND " + n("6") + " <= 59 AND substring(" + zone + ", 2, 2) <= '23' AND substring(" + zone + ", 5, 2) <= '59'"
			return "if(" + fits + ", " + w.let2(n("1"), n("2"), func(year, month string) string {
				leap := "(" + year + " % 4 = 0 AND (" + year + " % 100 <> 0 OR " + year + " % 400 = 0))"
				days := "multiIf(" + month + " = 2, 28 + " + leap + ", " + month + " IN (4, 6, 9, 11), 30, 31)"
				return "if(" + n("3") + " BETWEEN 1 AND " + days + ", " + w.date(year, month, n("3")) + " * 86400000 + " + clock + ", NULL)"
			}) + ", NULL)"
		})
	})
}

// date writes the number of days from the first of 1970 to a date of the Gregorian
// calendar, in which years begin with March so that the leap day is the last.
func (w *writer) date(year, month, day string) string {
	return w.let2(year+" + 400 - if("+month+" <= 2, 1, 0)", "intDiv(153 * ("+month+" + if("+month+" > 2, -3, 9)) + 2, 5) + "+day+" - 1", func(y, inYear string) string {
		return "(" + y + " * 365 + intDiv(" + y + ", 4) - intDiv(" + y + ", 100) + intDiv(" + y + ", 400) + " + inYear + " - 865565)"
	})
}
