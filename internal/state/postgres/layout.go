package postgres

import (
	"bytes"
	"fmt"
	"strings"

	"kith/internal/state"
)

// The rows of a state lie in tables by how long they live, so that what comes and
// goes leaves its dead rows in a small table of its own, which is vacuumed in a
// moment: vacuuming a table means reading all of its index. The family of a key
// says which table it is, so every statement names one table, and no plan has to
// look into the others.
const (
	inRest    = iota // what stays: rows are added, and updated in their page
	inMarks          // marks and their days: one row an event, gone after a month
	inMembers        // members of segments, their timers, and what changed
	tables
)

// tableNames are the names of the tables in the schema.
func tableNames() [tables]string { return [tables]string{"kv", "mark", "member"} }

// apart is the families that do not lie with the rest.
func apart() map[state.Family]int {
	return map[state.Family]int{
		state.FamilyMark: inMarks, state.FamilyMarkDay: inMarks,
		state.FamilyMembership: inMembers,
	}
}

// layout tells in which table a key lies.
type layout struct {
	byFirst [256]int // by the first byte of the key
	borders []byte   // first bytes at which another table begins, ascending
}

func newLayout() *layout {
	l := &layout{}
	for f, table := range apart() {
		l.byFirst[f] = table
	}
	for b := 1; b < 256; b++ {
		if l.byFirst[b] != l.byFirst[b-1] {
			l.borders = append(l.borders, byte(b))
		}
	}
	return l
}

func (l *layout) of(key []byte) int {
	if len(key) == 0 {
		return inRest
	}
	return l.byFirst[key[0]]
}

// span is a part of a range that lies in one table.
type span struct {
	table     int
	low, high []byte // high nil: up to the end
}

// spans cuts a range where it goes on in another table.
func (l *layout) spans(low, high []byte) []span {
	var out []span
	for _, b := range l.borders {
		border := []byte{b}
		if bytes.Compare(border, low) <= 0 {
			continue
		}
		if high != nil && bytes.Compare(border, high) >= 0 {
			break
		}
		out = append(out, span{l.of(low), low, border})
		low = border
	}
	return append(out, span{l.of(low), low, high})
}

// holds is the condition on k under which a row belongs into a table that is apart;
// notApart is that of the rest. The server checks them, so that no process that knows
// another layout can write a row where nobody looks for it.
func (l *layout) holds(table int) string {
	var parts []string
	for _, s := range l.spans(nil, nil) {
		if s.table == table {
			parts = append(parts, fmt.Sprintf(`k >= '\x%x'::bytea and k < '\x%x'::bytea`, s.low, s.high))
		}
	}
	return strings.Join(parts, " or ")
}

func (l *layout) notApart() string {
	var parts []string
	for table := range tables {
		if table != inRest {
			parts = append(parts, l.holds(table))
		}
	}
	return "not (" + strings.Join(parts, " or ") + ")"
}

// sorted puts keys into the lists of their tables; each list keeps their order.
func (l *layout) sorted(keys [][]byte) (by [tables][][]byte) {
	for _, k := range keys {
		t := l.of(k)
		by[t] = append(by[t], k)
	}
	return by
}
