package coldtest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kith/internal/cold"
	"kith/internal/state"
)

// Run runs the suite over fresh backends that open makes.
func Run(t *testing.T, open func(t *testing.T) cold.Backend) {
	for name, test := range map[string]func(*suite){
		"what was inserted is found":             (*suite).roundTrip,
		"inserting again changes nothing":        (*suite).again,
		"generations stay apart":                 (*suite).generations,
		"random versions against a model":        (*suite).model,
		"many ranges, and large values, at once": (*suite).many,
		"the beginnings of many nodes":           (*suite).nodes,
		"moments of many nodes, in any order":    (*suite).moments,
	} {
		t.Run(name, func(t *testing.T) { test(&suite{t, open(t)}) })
	}
}

type suite struct {
	*testing.T
	backend cold.Backend
}

func (s *suite) insert(g cold.Generation, versions ...cold.Version) {
	s.Helper()
	if err := s.backend.Insert(s.Context(), g, versions); err != nil {
		s.Fatal(err)
	}
}

// scan returns what is in a range, each version once, those of one key in order.
func (s *suite) scan(g cold.Generation, ranges ...state.Range) [][]cold.Version {
	s.Helper()
	found, err := s.backend.Scan(s.Context(), g, ranges)
	if err != nil {
		s.Fatal(err)
	}
	if len(found) != len(ranges) {
		s.Fatalf("%d answers to %d ranges", len(found), len(ranges))
	}
	for i, rng := range ranges {
		if len(found[i]) > rng.Limit {
			s.Fatalf("%d versions under a limit of %d", len(found[i]), rng.Limit)
		}
		sorted := slices.IsSortedFunc(found[i], func(a, b cold.Version) int {
			if rng.Reverse {
				a, b = b, a
			}
			return bytes.Compare(a.Key, b.Key)
		})
		if !sorted {
			s.Fatal("the versions are not in the order of their keys")
		}
		found[i] = normal(found[i])
	}
	return found
}

// normal sorts versions and leaves out repeats, and the empty value of those that are
// gone.
func normal(versions []cold.Version) (out []cold.Version) {
	for _, v := range versions {
		if len(v.Value) == 0 {
			v.Value = nil
		}
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b cold.Version) int {
		return strings.Compare(fmt.Sprintf("%x %020d %020d", a.Key, a.Term, a.Number), fmt.Sprintf("%x %020d %020d", b.Key, b.Term, b.Number))
	})
	return slices.CompactFunc(out, func(a, b cold.Version) bool { return cmp.Equal(a, b) })
}

func all(limit int) state.Range {
	return state.Range{Low: []byte("H"), High: []byte("I"), Limit: limit}
}

func (s *suite) want(g cold.Generation, want ...cold.Version) {
	s.Helper()
	if d := cmp.Diff(normal(want), s.scan(g, all(1000))[0]); d != "" {
		s.Fatal(d)
	}
}

func (s *suite) roundTrip() {
	var every []byte
	for b := range 256 {
		every = append(every, byte(b))
	}
	a := cold.Attempt{Term: 1<<64 - 1, Number: 1<<63 + 5}
	rows := []cold.Version{
		{Attempt: a, Key: append([]byte("H"), every...), Value: every},
		{Attempt: a, Key: []byte("Hgone"), Gone: true},
		{Attempt: a, Key: []byte("H\xff\xff"), Value: []byte("last")},
		{Attempt: a, Key: []byte("H\\N\t\n'"), Value: []byte("\\N")},
		{Attempt: cold.Attempt{Term: 2, Number: 1}, Key: []byte("Hgone"), Value: []byte("\x01")},
	}
	g := cold.Generation{15: 1}
	s.want(g)
	s.insert(g, rows...)
	s.want(g, rows...)
	if n, err := s.backend.Count(s.Context(), g); err != nil || n != int64(len(rows)) {
		s.Errorf("%d rows, %v", n, err)
	}
}

func (s *suite) again() {
	g, v := cold.Generation{1}, cold.Version{Attempt: cold.Attempt{Term: 3, Number: 1}, Key: []byte("Ha"), Value: []byte("x")}
	s.insert(g, v)
	s.insert(g, v)
	s.want(g, v)
}

func (s *suite) generations() {
	g, h := cold.Generation{0: 0xff, 15: 0}, cold.Generation{1: 0xff}
	v := cold.Version{Attempt: cold.Attempt{Term: 3, Number: 1}, Key: []byte("Ha"), Value: []byte("x")}
	s.insert(g, v)
	w := v
	w.Value = []byte("of the other")
	s.insert(h, w)
	s.want(g, v)
	s.want(h, w)
	held, err := s.backend.Generations(s.Context())
	if err != nil || len(held) != 2 || held[0].Idle < 0 || held[0].Generation == held[1].Generation {
		s.Fatalf("%+v, %v", held, err)
	}
	if err := s.backend.Drop(s.Context(), g); err != nil {
		s.Fatal(err)
	}
	s.want(g)
	s.want(h, w)
	if held, err = s.backend.Generations(s.Context()); err != nil || len(held) != 1 || held[0].Generation != h {
		s.Fatalf("%+v, %v", held, err)
	}
}

// model holds scans of random versions against going through all of them.
func (s *suite) model() {
	rng := rand.New(rand.NewPCG(2, 5))
	g := cold.Generation{7}
	var have []cold.Version
	key := func() []byte {
		k := []byte("H")
		for range 1 + rng.IntN(3) {
			k = append(k, "\x00\x01ab\x7f\xff"[rng.IntN(6)])
		}
		return k
	}
	for n := range 6 {
		var some []cold.Version
		for i := range 60 {
			some = append(some, cold.Version{
				Attempt: cold.Attempt{Term: uint64(n % 2), Number: uint64(n*1000 + i)}, Key: key(), Gone: rng.IntN(9) == 0,
			})
			if v := &some[i]; !v.Gone {
				v.Value = fmt.Append(nil, "v", n, i)
			}
		}
		s.insert(g, some...)
		have = append(have, some...)
	}
	for range 60 {
		r := state.Range{Low: key(), High: key(), Reverse: rng.IntN(2) == 0, Limit: 1 + rng.IntN(80)}
		if rng.IntN(10) == 0 {
			r.High = nil
		}
		var want []cold.Version
		for _, v := range have {
			if bytes.Compare(v.Key, r.Low) >= 0 && (r.High == nil || bytes.Compare(v.Key, r.High) < 0) {
				want = append(want, v)
			}
		}
		s.compare(r, want, s.scan(g, r)[0])
	}
}

// compare holds what a limit leaves of a range against all of it: the keys that come
// first, the last of them perhaps in part.
func (s *suite) compare(r state.Range, want, got []cold.Version) {
	s.Helper()
	slices.SortStableFunc(want, func(a, b cold.Version) int { return bytes.Compare(a.Key, b.Key) })
	if r.Reverse {
		slices.Reverse(want)
	}
	if len(got) != min(len(want), r.Limit) {
		s.Fatalf("%+v: %d versions, want %d", r, len(got), min(len(want), r.Limit))
	}
	if len(got) == 0 {
		return
	}
	last := want[len(got)-1].Key
	whole := func(all []cold.Version) []cold.Version {
		return normal(slices.DeleteFunc(slices.Clone(all), func(v cold.Version) bool {
			c := bytes.Compare(v.Key, last)
			return c == 0 || c > 0 != r.Reverse
		}))
	}
	if d := cmp.Diff(whole(want), whole(got)); d != "" {
		s.Fatalf("%+v:\n%s", r, d)
	}
}

// nodes asks for the first rows of many nodes together, and of a call of each.
func (s *suite) nodes() {
	g := cold.Generation{11}
	node := func(i int) []byte { return fmt.Appendf(nil, "H%016d", i) }
	var rows []cold.Version
	for i := range 300 {
		for j := range 1 + i%7 {
			rows = append(rows, cold.Version{Attempt: cold.Attempt{Term: 1, Number: 1}, Key: fmt.Appendf(node(i), "\x00%d", j), Value: []byte{byte(i), byte(j)}})
		}
	}
	s.insert(g, rows...)
	for _, call := range []string{"", "\x003"} {
		var ranges []state.Range
		for i := range 305 {
			r := state.Prefix(append(node((i*7)%305), call...))
			r.Limit = 4
			ranges = append(ranges, r)
		}
		for k, found := range s.scan(g, ranges...) {
			i := (k * 7) % 305
			want := min(4, 1+i%7)
			if i >= 300 || call != "" && i%7 < 3 {
				want = 0
			} else if call != "" {
				want = 1
			}
			if len(found) != want {
				s.Fatalf("node %d has %d versions after %q, want %d", i, len(found), call, want)
			}
			for j, v := range found {
				if call == "" && !bytes.Equal(v.Value, []byte{byte(i), byte(j)}) || v.Value[0] != byte(i) {
					s.Fatalf("node %d: version %d is %x", i, j, v.Value)
				}
			}
		}
	}
}

// moments asks for what began at some moments, several of a node and some of them twice,
// under keys of many lengths.
func (s *suite) moments() {
	g, rng := cold.Generation{13}, rand.New(rand.NewPCG(3, 1))
	var have []cold.Version
	var ranges []state.Range
	for range 400 {
		call := "Ordered"[:1+rng.IntN(7)]
		if rng.IntN(3) > 0 {
			call = "Viewed"
		}
		key := fmt.Appendf(nil, "H%016d\x00%s\x00%d", rng.IntN(90), call, rng.IntN(3))
		r := state.Prefix(key)
		r.Limit = 5
		ranges = append(ranges, r)
		if rng.IntN(4) > 0 {
			have = append(have, cold.Version{Attempt: cold.Attempt{Term: 1, Number: uint64(len(have))}, Key: append(key, byte(rng.IntN(4))), Value: key})
		}
	}
	s.insert(g, have...)
	for i, found := range s.scan(g, ranges...) {
		var want []cold.Version
		for _, v := range have {
			if bytes.HasPrefix(v.Key, ranges[i].Low) {
				want = append(want, v)
			}
		}
		s.compare(ranges[i], want, found)
	}
}

func (s *suite) many() {
	g := cold.Generation{9}
	var ranges []state.Range
	var rows []cold.Version
	for i := range 150 {
		k := fmt.Appendf(nil, "H%016d", i)
		rows = append(rows, cold.Version{Attempt: cold.Attempt{Term: 1, Number: 1}, Key: k, Value: bytes.Repeat([]byte{byte(i)}, 1+i*60)})
		r := state.Prefix(k)
		r.Limit, r.Reverse = 3, i%2 == 0
		ranges = append(ranges, r)
	}
	s.insert(g, rows...)
	for i, found := range s.scan(g, ranges...) {
		if len(found) != 1 || found[0].Attempt != rows[i].Attempt || !bytes.Equal(found[0].Key, rows[i].Key) || !bytes.Equal(found[0].Value, rows[i].Value) {
			s.Fatalf("range %d has %d versions, or another one", i, len(found))
		}
	}
	if found := s.scan(g); len(found) != 0 {
		s.Error("answers to no range")
	}
}
