package search

import (
	"context"
	"slices"
	"unicode/utf8"

	"kith/internal/state"
)

// near finds the tokens of a class that can be made from a text by few edits: a
// character put in, left out or changed, or two neighbours swapped. It walks the
// sorted tokens as a tree and never enters a branch in which none can lie: each
// seek lands on a token, whose characters are followed as far as they can still
// lead somewhere, and what then remains is the branches beside the way. These are
// independent, so an engine with a network in between reads them together.
type near struct {
	class Class
	text  []rune
	edits uint8
	fixed bool // the first character is taken to be right

	found []nearby
	seeks int
	cut   bool // the bound on seeks or on what is found ended the walk
}

// nearby is a token that was found.
type nearby struct {
	text     string
	distance uint8
}

// Bounds of one walk.
const (
	nearSeeksMax = 4000
	nearFoundMax = 64
	nearBatch    = 512
)

// place is a point in the tree: a prefix from which tokens within reach may lie,
// with the distances of the prefix to every prefix of the searched text.
type place struct {
	prefix string
	last   rune // of the prefix
	row    []uint8
	before []uint8 // the row one character earlier
}

// branch is the tokens that go on from a place with a character from low to high.
type branch struct {
	place
	low, high rune
}

// walk reads until nothing within reach is left.
func (n *near) walk(ctx context.Context, r state.Reader) error {
	root := place{row: make([]uint8, len(n.text)+1)}
	for i := range root.row {
		root.row[i] = uint8(min(i, 255))
	}
	var open []branch
	if n.fixed {
		open = append(open, branch{root, n.text[0], n.text[0]})
	} else {
		open = n.beside(open, root, 0, utf8.MaxRune)
	}
	for len(open) > 0 {
		// The deepest first, so that a walk that is cut has looked at what begins as
		// the text does.
		slices.SortStableFunc(open, func(a, b branch) int { return len(b.prefix) - len(a.prefix) })
		take := min(nearBatch, len(open), nearSeeksMax-n.seeks)
		if take <= 0 || len(n.found) >= nearFoundMax {
			n.cut = true
			return nil
		}
		some := slices.Clone(open[:take])
		open = open[take:]
		n.seeks += take
		ranges := make([]state.Range, take)
		for i := range some {
			ranges[i] = n.rangeOf(&some[i])
		}
		got, err := state.ScanAll(ctx, r, ranges)
		if err != nil {
			return err
		}
		for i := range some {
			if len(got[i]) == 0 {
				continue
			}
			row, err := DecodeRow(got[i][0].Key, got[i][0].Value)
			if err != nil {
				return err
			}
			open = n.follow(open, &some[i], row.Text)
		}
	}
	return nil
}

// rangeOf is the keys of a branch, of which the first is asked for.
func (n *near) rangeOf(b *branch) state.Range {
	low := append([]byte{byte(state.FamilySearch), byte(n.class)}, b.prefix...)
	high := utf8.AppendRune(slices.Clone(low), b.high)
	return state.Range{Low: utf8.AppendRune(low, b.low), High: state.PrefixEnd(high), Limit: 1}
}

// follow goes along the first token of a branch and adds what lies beside the
// way.
func (n *near) follow(open []branch, b *branch, token string) []branch {
	at, high := b.place, b.high
	for i := len(b.prefix); i < len(token); {
		r, size := utf8.DecodeRuneInString(token[i:])
		open = n.beside(open, at, r, high)
		i += size
		at, high = n.step(at, token[:i], r), utf8.MaxRune
		if least(at.row) > n.edits {
			return open
		}
	}
	if d := at.row[len(n.text)]; d <= n.edits {
		n.found = append(n.found, nearby{token, d})
	}
	return n.beside(open, at, 0, utf8.MaxRune)
}

// step computes the distances one character on.
func (n *near) step(at place, prefix string, r rune) place {
	next := make([]uint8, len(at.row))
	next[0] = inc(at.row[0])
	for j := 1; j < len(next); j++ {
		d := at.row[j-1]
		if n.text[j-1] != r {
			d = inc(min(d, at.row[j], next[j-1]))
		}
		if j > 1 && at.before != nil && n.text[j-1] == at.last && n.text[j-2] == r {
			d = min(d, inc(at.before[j-2]))
		}
		next[j] = d
	}
	return place{prefix: prefix, last: r, row: next, before: at.row}
}

func inc(d uint8) uint8 { return d + 1 } // no row is longer than a token, which keeps it under 255

func least(row []uint8) uint8 { return slices.Min(row) }

// beside adds the branches that go on from a place with a character after r, up
// to high. Where an edit is left any character of the text's script may follow;
// else only those that the text itself goes on with.
func (n *near) beside(open []branch, at place, r, high rune) []branch {
	if n.fixed && at.prefix == "" {
		return open
	}
	if least(at.row) < n.edits {
		first, last := alphabet(n.text)
		low := max(r+1, first)
		if low >= 0xd800 && low < 0xe000 {
			low = 0xe000
		}
		if high = min(high, last); low <= high {
			open = append(open, branch{at, low, high})
		}
		return open
	}
	var next []rune
	for j := range n.text {
		goes := at.row[j] <= n.edits
		swapped := j+1 < len(n.text) && at.before != nil && n.text[j+1] == at.last && inc(at.before[j]) <= n.edits
		if c := n.text[j]; (goes || swapped) && c > r && c <= high && !slices.Contains(next, c) {
			next = append(next, c)
			open = append(open, branch{at, c, c})
		}
	}
	return open
}

// alphabet is the range of characters that a typing error puts into a text: those
// of its script.
func alphabet(text []rune) (low, high rune) {
	low, high = 1, utf8.MaxRune
	within := func(a, b rune) bool {
		return !slices.ContainsFunc(text, func(r rune) bool { return r < a || r > b })
	}
	switch {
	case within(1, 0x24f):
		return 1, 0x24f
	case within(0x370, 0x3ff):
		return 0x370, 0x3ff
	case within(0x400, 0x52f):
		return 0x400, 0x52f
	case within(0x2e80, utf8.MaxRune):
		return 0x2e80, utf8.MaxRune
	}
	return low, high
}
