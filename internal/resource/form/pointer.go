package form

import (
	"strconv"

	"kith/internal/strictjson"
)

// pointerAt returns the pointer of the value or member that begins at the
// offset. It steps into one container after the other, so a deep document costs
// a longer pointer and no stack.
func pointerAt(v strictjson.Value, offset int) string {
	at := ""
	for v.Exists() {
		if start, _ := v.Span(); start == offset {
			break
		}
		step, inner, exact := childAt(v, offset)
		if step == "" {
			break
		}
		at += step
		if exact {
			break
		}
		v = inner
	}
	return at
}

// childAt returns the member or element that covers the offset, and whether the
// offset is that of the member's own name. A name too long to repeat gives none.
func childAt(v strictjson.Value, offset int) (step string, inner strictjson.Value, exact bool) {
	for k, member := range v.Members() {
		start, _ := k.Span()
		_, end := member.Span()
		if offset < start || offset >= end {
			continue
		}
		if name := k.String(); len(name) <= nameMax {
			return "/" + escape(name), member, offset == start
		}
		return "", strictjson.Value{}, false
	}
	i := 0
	for e := range v.Elements() {
		if start, end := e.Span(); offset >= start && offset < end {
			return "/" + strconv.Itoa(i), e, false
		}
		i++
	}
	return "", strictjson.Value{}, false
}
