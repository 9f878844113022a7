package state_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"reflect"
	"testing"

	"kith/internal/state"
	"kith/internal/state/mem"
)

// TestAheadReadsTheSame: what is read ahead answers every scan as the reader itself
// does, whether it lies in what was loaded, partly, or elsewhere.
func TestAheadReadsTheSame(t *testing.T) {
	ctx := context.Background()
	rng := rand.New(rand.NewPCG(1, 1))
	s := mem.New()
	tx, err := s.Begin(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 400 {
		key := []byte{byte(rng.IntN(4)), byte(rng.IntN(4)), byte(rng.IntN(30)), byte(rng.IntN(2))}
		if rng.IntN(8) == 0 {
			key[0], key[1] = 0xff, 0xff
		}
		tx.Put(key[:2+rng.IntN(3)], []byte{byte(rng.IntN(256))})
	}
	if err := tx.Commit(ctx, state.Cursor{}); err != nil {
		t.Fatal(err)
	}
	snap, err := s.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	counted := &counter{Reader: snap}
	ahead := state.NewAhead(counted, 2)
	var prefixes [][]byte
	for a := range 3 {
		prefixes = append(prefixes, []byte{byte(a), 1}, []byte{byte(a), 2})
	}
	for i, p := range prefixes {
		if err := ahead.Load(ctx, [][]byte{p, prefixes[0]}, 1+40*(i%3)); err != nil {
			t.Fatal(err)
		}
	}
	counted.scans, counted.gets = 0, 0
	const asked = 20_000
	for range asked {
		r := state.Range{Low: someKey(rng), Reverse: rng.IntN(2) == 0, Limit: rng.IntN(4)}
		switch rng.IntN(4) {
		case 0:
			r = state.Range{Low: r.Low, High: state.PrefixEnd(r.Low), Reverse: r.Reverse, Limit: r.Limit}
		case 1, 2:
			r.High = someKey(rng)
		}
		if got, want := texts(ahead.Scan(ctx, r)), texts(snap.Scan(ctx, r)); got != want {
			t.Fatalf("%+v reads %s, want %s", r, got, want)
		}
	}
	if counted.scans == 0 || counted.scans > asked-1000 {
		t.Errorf("%d of %d scans went to the reader", counted.scans, asked)
	}
	for range asked {
		keys := [][]byte{someKey(rng), someKey(rng), someKey(rng)}[:rng.IntN(4)]
		got, err := ahead.Get(ctx, keys)
		if err != nil {
			t.Fatal(err)
		}
		want, err := snap.Get(ctx, keys)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%x have %x, want %x", keys, got, want)
		}
	}
	if counted.gets == 0 || counted.gets > asked-1000 {
		t.Errorf("%d of %d reads went to the reader", counted.gets, asked)
	}
}

func someKey(rng *rand.Rand) []byte {
	k := []byte{byte(rng.IntN(4)), byte(rng.IntN(4)), byte(rng.IntN(30)), byte(rng.IntN(2))}
	if rng.IntN(8) == 0 {
		k[0], k[1] = 0xff, 0xff
	}
	return k[:1+rng.IntN(4)]
}

func texts(rows iter.Seq2[state.KV, error]) string {
	out := ""
	for kv, err := range rows {
		out += fmt.Sprintf("%x=%x %v;", kv.Key, kv.Value, err)
	}
	return out
}

// counter counts the scans that reach a reader, which reads no bulk.
type counter struct {
	state.Reader
	scans int
	gets  int
	fail  error
}

// Get implements state.Reader.
func (c *counter) Get(ctx context.Context, keys [][]byte) ([][]byte, error) {
	c.gets++
	return c.Reader.Get(ctx, keys)
}

// Scan implements state.Reader.
func (c *counter) Scan(ctx context.Context, r state.Range) iter.Seq2[state.KV, error] {
	c.scans++
	if c.fail != nil {
		return func(yield func(state.KV, error) bool) { yield(state.KV{}, c.fail) }
	}
	return c.Reader.Scan(ctx, r)
}

// TestAheadThatFailed: after a load that failed nothing is taken for known.
func TestAheadThatFailed(t *testing.T) {
	ctx := context.Background()
	snap, err := mem.New().Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	broken := &counter{Reader: snap, fail: errors.New("away")}
	ahead := state.NewAhead(broken, 1)
	if err := ahead.Load(ctx, [][]byte{{1}}, 10); !errors.Is(err, broken.fail) {
		t.Errorf("the load gives %v", err)
	}
	for _, err := range ahead.Scan(ctx, state.Prefix([]byte{1})) {
		if !errors.Is(err, broken.fail) {
			t.Errorf("the scan gives %v", err)
		}
		return
	}
	t.Error("a scan answers from a load that failed")
}
