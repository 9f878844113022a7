package demo

import (
	"strconv"
	"time"
)

// raw is JSON that is written as it stands.
type raw string

// money is an amount in thousandths, written as a number with two digits behind
// the point, or three where they are needed.
type money int64

// moment is a time in UTC milliseconds, written as text.
type moment int64

// object writes names and values in turn as a JSON object. A value that is an
// empty text, an empty raw or a zero moment is left out with its name, so that
// what a person lacks is absent.
func object(pairs ...any) raw { return raw(appendObject(nil, pairs)) }

func appendObject(b []byte, pairs []any) []byte {
	b = append(b, '{')
	for i := 0; i+1 < len(pairs); i += 2 {
		if absent(pairs[i+1]) {
			continue
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(appendText(b, pairs[i].(string)), ':')
		b = appendValue(b, pairs[i+1])
	}
	return append(b, '}')
}

func absent(v any) bool {
	switch v := v.(type) {
	case string:
		return v == ""
	case raw:
		return v == ""
	case moment:
		return v == 0
	}
	return false
}

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendText(b, v)
	case raw:
		return append(b, v...)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case bool:
		return strconv.AppendBool(b, v)
	case money:
		return appendMoney(b, v)
	case moment:
		return append(append(append(b, '"'), instant(int64(v))...), '"')
	}
	panic("BUG: an object is made of what it does not know")
}

// instant writes a moment.
func instant(at int64) string { return time.UnixMilli(at).UTC().Format("2006-01-02T15:04:05.000Z") }

func appendMoney(b []byte, m money) []byte {
	if m < 0 {
		b, m = append(b, '-'), -m
	}
	b = strconv.AppendInt(b, int64(m/1000), 10)
	rest := m % 1000
	b = append(b, '.', byte('0'+rest/100), byte('0'+rest/10%10))
	if rest%10 > 0 {
		b = append(b, byte('0'+rest%10))
	}
	return b
}

// appendText writes a text in quotes. What is written here holds no control
// characters.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

// list writes values as a JSON array.
func list(values []raw) raw {
	b := []byte{'['}
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, v...)
	}
	return raw(append(b, ']'))
}
