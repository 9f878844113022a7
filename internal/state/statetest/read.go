package statetest

import (
	"fmt"
	"slices"
	"testing"

	"kith/internal/errs"
	"kith/internal/state"
)

func testGet(t *testing.T, e Engine) {
	s := e.Open(t)
	commit(t, s, func(tx state.Tx) {
		tx.Put(b("a"), b("1"))
		tx.Put(b("empty"), []byte{})
		tx.Put(b("nil"), nil)
		tx.Put(b("\x00"), b("zero"))
		tx.Put(b("\xff\xff"), b("high"))
		tx.Put(b(""), b("empty key"))
		tx.Put(b("bytes"), b("\x00\x01\xff"))
	})
	for name, r := range map[string]state.Reader{"snapshot": snapshot(t, s), "transaction": begin(t, s)} {
		got, err := r.Get(ctxFor(t), keys("missing", "a", "empty", "\xff\xff", "a", "nil", "\x00", "", "bytes", "aa", "\xff"))
		if err != nil {
			t.Fatalf("%s: Get: %v", name, err)
		}
		want := []string{"none", `"1"`, `""`, `"high"`, `"1"`, `""`, `"zero"`, `"empty key"`, `"\x00\x01\xff"`, "none", "none"}
		var shown []string
		for _, v := range got {
			shown = append(shown, show(v))
		}
		if !slices.Equal(shown, want) {
			t.Errorf("%s: got %v, want %v", name, shown, want)
		}
		if none, err := r.Get(ctxFor(t), nil); err != nil || len(none) != 0 {
			t.Errorf("%s: Get of no keys: %v, %v", name, none, err)
		}
	}
}

func testGetOwnership(t *testing.T, e Engine) {
	s := e.Open(t)
	putAll(t, s, map[string]string{"a": "one", "b": "two"})
	snap := snapshot(t, s)
	got, err := snap.Get(ctxFor(t), keys("a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	_ = append(got[0], "overflow"...)
	copy(got[0], "XXX")
	if string(got[1]) != "two" {
		t.Errorf("a change of one value reached the next: %q", got[1])
	}
	if v := readFrom(t, snap, "a"); string(v) != "one" {
		t.Errorf("a change of a returned value reached the store: %q", v)
	}
}

func scanStore(t *testing.T, e Engine) state.Store {
	s := e.Open(t)
	putAll(t, s, map[string]string{
		"": "0", "\x00": "1", "\x00\x00": "2", "a": "3", "a\x00": "4", "a\xff": "5", "a\xff\xff": "6", "ab": "7",
		"b": "8", "\xfe": "9", "\xff": "10", "\xff\x00": "11", "\xff\xff": "12",
	})
	return s
}

// scanCases are ranges over scanStore and what lies in them, ascending.
func scanCases() []struct {
	name string
	r    state.Range
	want []string
} {
	all := []string{"=0", "\x00=1", "\x00\x00=2", "a=3", "a\x00=4", "ab=7", "a\xff=5", "a\xff\xff=6", "b=8", "\xfe=9", "\xff=10", "\xff\x00=11", "\xff\xff=12"}
	return []struct {
		name string
		r    state.Range
		want []string
	}{
		{"all", state.Range{}, all},
		{"all by empty low", state.Range{Low: b("")}, all},
		{"low is inclusive", state.Range{Low: b("b")}, all[8:]},
		{"low between keys", state.Range{Low: b("aa"), High: b("b")}, all[5:8]},
		{"high is exclusive", state.Range{High: b("a")}, all[:3]},
		{"one key", state.Range{Low: b("a"), High: b("a\x00")}, all[3:4]},
		{"prefix a", state.Prefix(b("a")), all[3:8]},
		{"prefix zero", state.Prefix(b("\x00")), all[1:3]},
		{"prefix ff", state.Prefix(b("\xff")), all[10:]},
		{"prefix a ff", state.Prefix(b("a\xff")), all[6:8]},
		{"prefix ff ff", state.Prefix(b("\xff\xff")), all[12:]},
		{"prefix of nothing", state.Prefix(b("c")), nil},
		{"empty prefix", state.Prefix(nil), all},
		{"high equals low", state.Range{Low: b("a"), High: b("a")}, nil},
		{"high below low", state.Range{Low: b("b"), High: b("a")}, nil},
		{"empty high", state.Range{High: []byte{}}, nil},
		{"beyond the end", state.Range{Low: b("\xff\xff\xff")}, nil},
	}
}

func testScanForward(t *testing.T, e Engine) {
	s := scanStore(t, e)
	for name, r := range map[string]state.Reader{"snapshot": snapshot(t, s), "transaction": begin(t, s)} {
		for _, c := range scanCases() {
			if got := pairs(t, r, c.r); !slices.Equal(got, c.want) {
				t.Errorf("%s, %s: got %q, want %q", name, c.name, got, c.want)
			}
		}
	}
}

// testScanAll reads many ranges at once, in any order, also such that are empty.
func testScanAll(t *testing.T, e Engine) {
	s := scanStore(t, e)
	snap := snapshot(t, s)
	var ranges []state.Range
	var want [][]string
	for limit := range 4 {
		for _, c := range scanCases() {
			if c.r.High == nil {
				continue
			}
			c.r.Limit = limit + 1
			ranges = append([]state.Range{c.r}, ranges...)
			want = append([][]string{c.want[:min(len(c.want), limit+1)]}, want...)
		}
	}
	got, err := state.ScanAll(ctxFor(t), snap, ranges)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(ranges) {
		t.Fatalf("%d answers to %d ranges", len(got), len(ranges))
	}
	for i, kvs := range got {
		var shown []string
		for _, kv := range kvs {
			shown = append(shown, string(kv.Key)+"="+string(kv.Value))
		}
		if !slices.Equal(shown, want[i]) {
			t.Errorf("%q to %q, limit %d: got %q, want %q", ranges[i].Low, ranges[i].High, ranges[i].Limit, shown, want[i])
		}
	}
	if none, err := state.ScanAll(ctxFor(t), snap, nil); err != nil || len(none) != 0 {
		t.Errorf("no ranges: %v, %v", none, err)
	}
	putAll(t, s, map[string]string{"aa": "later"})
	got, err = state.ScanAll(ctxFor(t), snap, []state.Range{{Low: b("aa"), High: b("aaa"), Limit: 1}})
	if err != nil || len(got[0]) != 0 {
		t.Errorf("a snapshot shows what was written later: %q, %v", got, err)
	}
	if err := snap.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := state.ScanAll(ctxFor(t), snap, ranges); !errs.Is(err, errs.Unavailable) {
		t.Errorf("a closed snapshot: %v", err)
	}
}

func testScanReverse(t *testing.T, e Engine) {
	s := scanStore(t, e)
	for name, r := range map[string]state.Reader{"snapshot": snapshot(t, s), "transaction": begin(t, s)} {
		for _, c := range scanCases() {
			c.r.Reverse = true
			want := slices.Clone(c.want)
			slices.Reverse(want)
			if got := pairs(t, r, c.r); !slices.Equal(got, want) {
				t.Errorf("%s, %s: got %q, want %q", name, c.name, got, want)
			}
		}
	}
}

func testScanEdges(t *testing.T, e Engine) {
	s := scanStore(t, e)
	snap := snapshot(t, s)
	for _, c := range scanCases() {
		for _, reverse := range []bool{false, true} {
			want := slices.Clone(c.want)
			if reverse {
				slices.Reverse(want)
			}
			for limit := 1; limit <= len(want)+1; limit++ {
				r := c.r
				r.Reverse, r.Limit = reverse, limit
				if got := pairs(t, snap, r); !slices.Equal(got, want[:min(limit, len(want))]) {
					t.Errorf("%s, limit %d, reverse %v: got %q", c.name, limit, reverse, got)
				}
			}
		}
	}
	for kv, err := range snap.Scan(ctxFor(t), state.Range{}) {
		if err != nil || string(kv.Value) != "0" {
			t.Fatalf("first pair: %q, %v", kv, err)
		}
		break // stopping early has to release whatever the scan holds
	}
	empty := snapshot(t, e.Open(t))
	if got := pairs(t, empty, state.Range{}); got != nil {
		t.Errorf("scan of an empty store: %q", got)
	}
}

// testScanManyPages scans more pairs than an engine fetches at once, among them
// some that are large.
func testScanManyPages(t *testing.T, e Engine) {
	s := e.Open(t)
	const n = 5000
	large := make([]byte, 200<<10)
	var want []string
	commit(t, s, func(tx state.Tx) {
		for i := range n {
			key, value := fmt.Sprintf("k%05d", i), b(fmt.Sprint(i))
			if i%500 == 250 {
				value = large
			}
			tx.Put(b(key), value)
			want = append(want, key+"="+string(value))
		}
	})
	snap := snapshot(t, s)
	if got := pairs(t, snap, state.Range{}); !slices.Equal(got, want) {
		t.Fatalf("forward: got %d pairs, want %d, or another order", len(got), len(want))
	}
	if got := pairs(t, snap, state.Range{Low: b("k00010"), Limit: 3000}); !slices.Equal(got, want[10:3010]) {
		t.Fatalf("limited: got %d pairs, or another order", len(got))
	}
	slices.Reverse(want)
	if got := pairs(t, snap, state.Range{Reverse: true}); !slices.Equal(got, want) {
		t.Fatalf("reverse: got %d pairs, want %d, or another order", len(got), len(want))
	}
}

// testScanNested reads and scans inside the loop of a scan.
func testScanNested(t *testing.T, e Engine) {
	s := scanStore(t, e)
	for name, r := range map[string]state.Reader{"snapshot": snapshot(t, s), "transaction": begin(t, s)} {
		n := 0
		for kv, err := range r.Scan(ctxFor(t), state.Range{}) {
			if err != nil {
				t.Fatal(err)
			}
			key, value := string(kv.Key), string(kv.Value)
			if got := readFrom(t, r, key); string(got) != value {
				t.Errorf("%s: inside the scan: got %q for %q, want %q", name, got, key, value)
			}
			if inner := pairs(t, r, state.Range{Low: b(key), Limit: 1}); len(inner) != 1 || inner[0] != key+"="+value {
				t.Errorf("%s: scan inside the scan at %q: %q", name, key, inner)
			}
			n++
		}
		if n != 13 {
			t.Errorf("%s: the outer scan saw %d pairs", name, n)
		}
	}
}

func testSnapshot(t *testing.T, e Engine) {
	s := e.Open(t)
	putAll(t, s, map[string]string{"a": "1", "b": "1", "c": "1"})
	old := snapshot(t, s)
	commit(t, s, func(tx state.Tx) {
		tx.Put(b("a"), b("2"))
		tx.Delete(b("b"))
		tx.Put(b("bb"), b("2"))
		tx.Merge(b("sum"), state.OpAdd, i64(5))
	})
	between := snapshot(t, s)
	commit(t, s, func(tx state.Tx) {
		tx.Merge(b("sum"), state.OpAdd, i64(6))
		tx.Delete(b("a"))
	})
	for _, c := range []struct {
		name string
		snap state.Snapshot
		want []string
	}{
		{"before", old, []string{"a=1", "b=1", "c=1"}},
		{"between", between, []string{"a=2", "bb=2", "c=1", "sum=" + string(merged(state.OpAdd, i64(5)))}},
		{"after", snapshot(t, s), []string{"bb=2", "c=1", "sum=" + string(merged(state.OpAdd, i64(11)))}},
	} {
		for _, r := range []state.Range{{}, {Low: b("a"), High: b("z")}} {
			if got := pairs(t, c.snap, r); !slices.Equal(got, c.want) {
				t.Errorf("%s: got %q, want %q", c.name, got, c.want)
			}
		}
	}
	if v := readFrom(t, old, "a"); string(v) != "1" {
		t.Errorf("the old snapshot reads %q", v)
	}
	if v := readFrom(t, old, "sum"); v != nil {
		t.Errorf("the old snapshot reads the later merge %q", v)
	}
}

// testScanFamilies reads across keys of every family, which an engine may keep
// apart from each other, in both directions and to every limit.
func testScanFamilies(t *testing.T, e Engine) {
	s := e.Open(t)
	var all []string
	for f := 0; f < 256; f++ {
		if e.Hides == 0 || state.Family(f) != e.Hides {
			all = append(all, string([]byte{byte(f)}), string([]byte{byte(f), 1}), string([]byte{byte(f), 0xff}))
		}
	}
	commit(t, s, func(tx state.Tx) {
		for i := range all {
			k := all[(i*341)%len(all)] // in no order; 341 has no divisor in common with 768 or 765
			tx.Put(b(k), b("of "+k))
		}
	})
	r := snapshotNow(t, s)
	values, err := r.Get(ctxFor(t), keys(all...))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range values {
		if string(v) != "of "+all[i] {
			t.Fatalf("Get(%q) = %q", all[i], v)
		}
	}
	snap, err := s.Snapshot(ctxFor(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = snap.Close() }()
	for _, limit := range []int{1, 2, 100, 768} {
		for from := 0; from < len(all); from += 37 {
			part := all[from:min(from+150, len(all)-1)]
			rng := state.Range{Low: b(part[0]), High: b(all[from+len(part)]), Limit: limit}
			sameScans(t, snap, rng, part)
		}
	}
}

// sameScans compares scans of a range, in both directions and in bulk, with the keys
// that it has.
func sameScans(t *testing.T, snap state.Snapshot, rng state.Range, all []string) {
	t.Helper()
	for _, reverse := range []bool{false, true} {
		rng.Reverse = reverse
		want := slices.Clone(all)
		if reverse {
			slices.Reverse(want)
		}
		want = want[:min(rng.Limit, len(want))]
		var got []string
		for kv, err := range snap.Scan(ctxFor(t), rng) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(kv.Key))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("Scan(%+v) = %q, want %q", rng, got, want)
		}
	}
	rng.Reverse = false
	bulk, err := state.ScanAll(ctxFor(t), snap, []state.Range{rng, {Low: b("M"), High: b("N"), Limit: 9}, rng})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 2} {
		var got []string
		for _, kv := range bulk[i] {
			got = append(got, string(kv.Key))
		}
		if want := all[:min(rng.Limit, len(all))]; !slices.Equal(got, want) {
			t.Fatalf("ScanAll(%+v) = %q, want %q", rng, got, want)
		}
	}
	if len(bulk[1]) != 3 {
		t.Fatalf("%d pairs of the family M, want 3", len(bulk[1]))
	}
}
