package statetest

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"testing"

	"kith/internal/errs"
	"kith/internal/state"
)

func i64(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// merged is the stored value that one operand makes.
func merged(op state.Op, payload []byte) []byte {
	return append([]byte{byte(op)}, payload...)
}

// mergeCases are, for each operation, operands and the payload that all of them
// together make, in whatever order and grouping.
func mergeCases() []struct {
	name     string
	op       state.Op
	operands [][]byte
	want     []byte
} {
	last := func(stamp, value string) []byte { return state.LastOperand(b(stamp), b(value)) }
	return []struct {
		name     string
		op       state.Op
		operands [][]byte
		want     []byte
	}{
		{"add", state.OpAdd, [][]byte{i64(5), i64(-7), i64(1 << 40), i64(0)}, i64(1<<40 - 2)},
		{"add wraps", state.OpAdd, [][]byte{i64(1<<63 - 1), i64(1)}, i64(-1 << 63)},
		{"min", state.OpMin, [][]byte{b("m"), b("b"), b("ba"), b("\xff")}, b("b")},
		{"min of empty", state.OpMin, [][]byte{b("m"), b("")}, b("")},
		{"max", state.OpMax, [][]byte{b("m"), b("b"), b("ma"), b("\x00")}, b("ma")},
		{"last", state.OpLast, [][]byte{last("2", "x"), last("1", "z"), last("2", "y"), last("10", "w")}, last("2", "y")},
		{"last of empty stamps", state.OpLast, [][]byte{last("", "a"), last("", "")}, last("", "a")},
		{
			"union", state.OpUnion,
			[][]byte{state.UnionOperand(b("b"), b("a")), state.UnionOperand(), state.UnionOperand(b("c"), b("a"), b("")), state.UnionOperand(b("aa"))},
			state.UnionOperand(b(""), b("a"), b("aa"), b("b"), b("c")),
		},
	}
}

func testMergeOps(t *testing.T, e Engine) {
	s := e.Open(t)
	for _, c := range mergeCases() {
		for direction, operands := range map[string][][]byte{"forward": c.operands, "backward": reversed(c.operands)} {
			key := c.name + direction
			var stored []byte
			for i, operand := range operands {
				commit(t, s, func(tx state.Tx) { tx.Merge(b(key), c.op, operand) })
				var err error
				if stored, err = state.Merged(stored, c.op, operand); err != nil {
					t.Fatal(err)
				}
				if i%2 == 0 { // reads in between must not disturb
					wantValue(t, s, key, stored)
				}
			}
			wantValue(t, s, key, merged(c.op, c.want))
			got := pairs(t, snapshotNow(t, s), state.Prefix(b(key)))
			if len(got) != 1 || got[0] != key+"="+string(merged(c.op, c.want)) {
				t.Errorf("%s: a scan shows %q", key, got)
			}
		}
	}
}

func reversed(s [][]byte) [][]byte {
	r := slices.Clone(s)
	slices.Reverse(r)
	return r
}

func testMergeOneTx(t *testing.T, e Engine) {
	s := e.Open(t)
	for range 2 { // the second time over stored values
		commit(t, s, func(tx state.Tx) {
			for _, c := range mergeCases() {
				if c.op == state.OpAdd {
					continue
				}
				for _, operand := range c.operands {
					tx.Merge(b(c.name), c.op, operand)
				}
			}
			for range 3 {
				tx.Merge(b("add"), state.OpAdd, i64(2))
			}
		})
	}
	for _, c := range mergeCases() {
		if c.op != state.OpAdd {
			wantValue(t, s, c.name, merged(c.op, c.want))
		}
	}
	wantValue(t, s, "add", merged(state.OpAdd, i64(12)))
}

func testMergeOverPut(t *testing.T, e Engine) {
	s := e.Open(t)
	add := func(n int64) { commit(t, s, func(tx state.Tx) { tx.Merge(b("k"), state.OpAdd, i64(n)) }) }
	putAll(t, s, map[string]string{"k": string(merged(state.OpAdd, i64(40)))})
	add(2)
	wantValue(t, s, "k", merged(state.OpAdd, i64(42)))
	commit(t, s, func(tx state.Tx) { tx.Delete(b("k")) })
	add(7)
	wantValue(t, s, "k", merged(state.OpAdd, i64(7)))
	putAll(t, s, map[string]string{"k": "plain"})
	wantValue(t, s, "k", b("plain"))
	err := tryCommit(t, s, state.Cursor{}, func(tx state.Tx) { tx.PutIf(b("k"), b("plain"), merged(state.OpAdd, i64(1))) })
	if err != nil {
		t.Fatal(err)
	}
	add(1)
	wantValue(t, s, "k", merged(state.OpAdd, i64(2)))
	err = tryCommit(t, s, state.Cursor{}, func(tx state.Tx) { tx.PutIf(b("k"), merged(state.OpAdd, i64(2)), b("done")) })
	if err != nil {
		t.Fatal(err)
	}
	wantValue(t, s, "k", b("done"))
}

// testMergeMany merges often enough to pass every threshold at which an engine
// rewrites what it has collected.
func testMergeMany(t *testing.T, e Engine) {
	s := e.Open(t)
	const n = 300
	var items [][]byte
	for i := range n {
		item := b(fmt.Sprintf("%03d", i*7%n))
		items = append(items, item)
		commit(t, s, func(tx state.Tx) {
			tx.Merge(b("sum"), state.OpAdd, i64(int64(i)))
			tx.Merge(b("set"), state.OpUnion, state.UnionOperand(item))
			tx.Merge(b("max"), state.OpMax, item)
		})
	}
	wantValue(t, s, "sum", merged(state.OpAdd, i64(n*(n-1)/2)))
	wantValue(t, s, "set", merged(state.OpUnion, state.UnionOperand(items...)))
	wantValue(t, s, "max", merged(state.OpMax, b("299")))
}

// testMergeConcurrently merges the same keys from goroutines that hold no lock,
// half of them listing the keys backwards, beside guarded writes of keys between
// them: nothing is lost and no one waits forever.
func testMergeConcurrently(t *testing.T, e Engine) {
	s := e.Open(t)
	const workers, rounds, width = 4, 25, 8
	ctx := ctxFor(t)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for round := range rounds {
				if err := mergeRound(ctx, s, w, round, width); err != nil {
					t.Errorf("worker %d: %v", w, err)
					return
				}
			}
		})
	}
	wg.Wait()
	var all [][]byte
	for i := range workers * rounds {
		all = append(all, b(fmt.Sprintf("%04d", i)))
	}
	for i := range width {
		wantValue(t, s, fmt.Sprintf("k%d sum", i), merged(state.OpAdd, i64(workers*rounds)))
		wantValue(t, s, fmt.Sprintf("k%d set", i), merged(state.OpUnion, state.UnionOperand(all...)))
	}
}

func mergeRound(ctx context.Context, s state.Store, w, round, width int) error {
	tx, err := s.Begin(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	item := b(fmt.Sprintf("%04d", w*25+round))
	for i := range width {
		if w%2 == 1 {
			i = width - 1 - i
		}
		tx.Merge(b(fmt.Sprintf("k%d sum", i)), state.OpAdd, i64(1))
		tx.PutIf(b(fmt.Sprintf("k%d own %s", i, item)), nil, item)
		tx.Merge(b(fmt.Sprintf("k%d set", i)), state.OpUnion, state.UnionOperand(item))
	}
	return tx.Commit(ctx, state.Cursor{})
}

// testMergeBesideRemoval merges counters while another goroutine takes them out
// with guarded removals: what was taken and what is left add up.
func testMergeBesideRemoval(t *testing.T, e Engine) {
	s := e.Open(t)
	ctx := ctxFor(t)
	const workers, rounds = 3, 30
	var merging, taking sync.WaitGroup
	for range workers {
		merging.Go(func() {
			for range rounds {
				if err := retry(func() error { return bump(ctx, s) }); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	var taken int64
	taking.Go(func() {
		for {
			n, err := take(ctx, s)
			taken += n
			if err != nil {
				t.Error(err)
				return
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	merging.Wait()
	close(done)
	taking.Wait()
	left, err := take(ctx, s)
	if err != nil || taken+left != 2*workers*rounds {
		t.Errorf("taken %d, left %d (%v), want %d together", taken, left, err, 2*workers*rounds)
	}
}

// retry runs a transaction until it meets no conflict.
func retry(run func() error) error {
	for {
		if err := run(); !errs.Is(err, errs.Conflict) {
			return err
		}
	}
}

func bump(ctx context.Context, s state.Store) error {
	tx, err := s.Begin(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	tx.Merge(b("sum b"), state.OpAdd, i64(1))
	tx.Merge(b("sum a"), state.OpAdd, i64(1))
	return tx.Commit(ctx, state.Cursor{})
}

// take removes the counters if they stay as they are and returns their sum; none
// when they have changed meanwhile.
func take(ctx context.Context, s state.Store) (sum int64, err error) {
	tx, err := s.Begin(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	names := keys("sum a", "sum b")
	values, err := tx.Get(ctx, names)
	if err != nil {
		return 0, err
	}
	for i, v := range values {
		if v != nil {
			sum += int64(binary.BigEndian.Uint64(v[1:]))
			tx.PutIf(names[i], v, nil)
		}
	}
	if err := tx.Commit(ctx, state.Cursor{}); err != nil {
		if errs.Is(err, errs.Conflict) {
			return 0, nil
		}
		return 0, err
	}
	return sum, nil
}

// testMergeMixed lets two operations meet on one key. An engine may notice it at
// the commit or at the next read; until then it may not lose other rows.
func testMergeMixed(t *testing.T, e Engine) {
	s := e.Open(t)
	putAll(t, s, map[string]string{"plain": "text", "empty": "", "other": "1"})
	commit(t, s, func(tx state.Tx) { tx.Merge(b("merged"), state.OpAdd, i64(1)) })
	for _, key := range []string{"plain", "empty", "merged"} {
		err := tryCommit(t, s, state.Cursor{}, func(tx state.Tx) { tx.Merge(b(key), state.OpMax, b("x")) })
		if err == nil {
			_, err = snapshotNow(t, s).Get(ctxFor(t), keys(key))
			for _, scanErr := range snapshotNow(t, s).Scan(ctxFor(t), state.Prefix(b(key))) {
				wantKind(t, scanErr, errs.Corrupt, "state.merge_mixed")
			}
		}
		wantKind(t, err, errs.Corrupt, "state.merge_mixed")
	}
	err := tryCommit(t, s, state.Cursor{}, func(tx state.Tx) {
		tx.Merge(b("fresh"), state.OpAdd, i64(1))
		tx.Merge(b("fresh"), state.OpMax, b("x"))
	})
	wantKind(t, err, errs.Corrupt, "state.merge_mixed")
	wantValue(t, s, "fresh", nil)
	wantValue(t, s, "other", b("1"))
}

func testMergeBadOperand(t *testing.T, e Engine) {
	s := e.Open(t)
	for name, c := range map[string]struct {
		op      state.Op
		operand []byte
	}{
		"add too short":    {state.OpAdd, b("1234567")},
		"add too long":     {state.OpAdd, b("123456789")},
		"last cut":         {state.OpLast, []byte{3, 'a', 'b'}},
		"last empty":       {state.OpLast, nil},
		"last long form":   {state.OpLast, []byte{0x81, 0, 'a', 'b'}},
		"union long form":  {state.OpUnion, []byte{0x81, 0, 'a'}},
		"union cut":        {state.OpUnion, []byte{1, 'a', 2, 'b'}},
		"union unsorted":   {state.OpUnion, []byte{1, 'b', 1, 'a'}},
		"union repeats":    {state.OpUnion, []byte{1, 'a', 1, 'a'}},
		"no such op":       {0, b("x")},
		"no such op again": {6, b("x")},
	} {
		for times := 1; times <= 2; times++ {
			err := tryCommit(t, s, state.Cursor{}, func(tx state.Tx) {
				tx.Put(b("other"), b("1"))
				for range times {
					tx.Merge(b("k"), c.op, c.operand)
				}
			})
			if !errs.Is(err, errs.Corrupt) || errs.CodeOf(err) != "state.merge_operand" {
				t.Errorf("%s: got %v", name, err)
			}
		}
	}
	if got := pairs(t, snapshot(t, s), state.Range{}); got != nil {
		t.Errorf("refused transactions left %q", got)
	}
}
