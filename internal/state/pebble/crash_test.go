package pebble_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"kith/internal/state"
	"kith/internal/state/pebble"
)

// The power cuts of each mode: crashRuns machines, each cut off crashCuts times
// at random moments, every time with another share of what was not synced.
const (
	crashRuns    = 20
	crashCuts    = 10
	crashCommits = 150
	crashGap     = 150 // operations between two cuts, at most
)

// TestCrashSynced cuts the power 200 times. What Commit reported survives; a
// commit under way survives whole or not at all.
func TestCrashSynced(t *testing.T) {
	cuts := 0
	for seed := range uint64(crashRuns) {
		cuts += crashRun(t, seed, false)
	}
	if cuts != crashRuns*crashCuts {
		t.Fatalf("%d cuts made, want %d", cuts, crashRuns*crashCuts)
	}
}

// TestCrashNoSync does the same without syncs: what survives are still the first
// commits up to some point, each of them whole.
func TestCrashNoSync(t *testing.T) {
	lost := 0
	for seed := range uint64(crashRuns) {
		lost += crashRun(t, seed, true)
	}
	if lost == 0 {
		t.Fatal("no cut lost a commit, so the test shows nothing")
	}
}

// crashRun runs one machine and checks what each cut leaves. It returns the
// number of cuts, or without syncs the number of commits they lost.
func crashRun(t *testing.T, seed uint64, noSync bool) (count int) {
	c := &cutter{mem: vfs.NewCrashableMem(), rng: rand.New(rand.NewPCG(seed, 1))}
	opts := pebble.Options{FS: errorfs.Wrap(c.mem, c), MemTableBytes: 16 << 10, NoSync: noSync, ReserveBytes: -1}
	s, err := pebble.Open("/data/state", opts)
	if err != nil {
		t.Fatal(err)
	}
	c.start()
	for n := 1; n <= crashCommits; n++ {
		c.started.Store(int64(n))
		if err := crashCommit(s, seed, n); err != nil {
			t.Fatal(err)
		}
		c.acknowledged.Store(int64(n))
	}
	c.finish()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for i, cut := range c.cuts {
		last := crashCheck(t, fmt.Sprintf("seed %d, cut %d", seed, i), seed, cut, opts)
		switch {
		case last > cut.started:
			t.Fatalf("seed %d, cut %d: %d commits survived of %d started", seed, i, last, cut.started)
		case noSync:
			count += int(cut.acknowledged) - min(last, int(cut.acknowledged))
		case last < int(cut.acknowledged):
			t.Fatalf("seed %d, cut %d: %d commits survived of %d acknowledged", seed, i, last, cut.acknowledged)
		default:
			count++
		}
	}
	return count
}

// crashOps returns the writes of the n-th commit: a few of 40 rows are put or
// deleted, all sums and one of eight sets are merged, a claim is guarded.
func crashOps(seed uint64, n int, tx state.Tx) state.Cursor {
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	pad := make([]byte, 200)
	for i := range pad {
		pad[i] = byte(rng.Uint32())
	}
	for i := range 40 {
		key := fmt.Appendf(nil, "row %02d", i)
		switch rng.IntN(8) {
		case 0:
			tx.Delete(key)
		case 1, 2, 3:
			tx.Put(key, fmt.Appendf(nil, "%d %x", n, pad[:rng.IntN(len(pad))]))
		}
	}
	for i := range 4 {
		tx.Merge(fmt.Appendf(nil, "sum %d", i), state.OpAdd, i64(int64(n)))
	}
	tx.Merge(fmt.Appendf(nil, "set %d", n%8), state.OpUnion, state.UnionOperand(i64(int64(n))))
	tx.PutIf(fmt.Appendf(nil, "claim %d", n), nil, []byte("x"))
	c := state.Cursor{Key: []byte("cursor"), New: i64(int64(n))}
	if n > 1 {
		c.Old = i64(int64(n - 1))
	}
	return c
}

func i64(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func crashCommit(s *pebble.Store, seed uint64, n int) error {
	tx, err := s.Begin(context.Background(), []state.Lock{1})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	c := crashOps(seed, n, tx)
	return tx.Commit(context.Background(), c)
}

// cut is a file system as a power cut left it, with the commits that had been
// acknowledged before and started after it.
type cut struct {
	fs                    *vfs.MemFS
	acknowledged, started int
}

// cutter is called before every operation on the file system, in whatever
// goroutine it happens, and cuts the power before some of them.
type cutter struct {
	mem                   *vfs.MemFS
	acknowledged, started atomic.Int64

	mu   sync.Mutex
	on   bool
	rng  *rand.Rand
	wait int // operations until the next cut
	cuts []cut
}

func (c *cutter) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on, c.wait = true, c.rng.IntN(crashGap)
}

// finish makes the cuts that are still missing, at the end of the work.
func (c *cutter) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on = false
	for len(c.cuts) < crashCuts {
		c.cut()
	}
}

// String implements errorfs.Injector.
func (c *cutter) String() string { return "cutter" }

// MaybeError implements errorfs.Injector; it never injects an error.
func (c *cutter) MaybeError(op errorfs.Op) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.on || len(c.cuts) == crashCuts || op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
		return nil
	}
	if c.wait--; c.wait < 0 {
		c.cut()
		c.wait = c.rng.IntN(crashGap)
	}
	return nil
}

func (c *cutter) cut() {
	percents := []int{0, 100, 50, c.rng.IntN(101), c.rng.IntN(101)}
	percent := percents[c.rng.IntN(len(percents))]
	acknowledged := int(c.acknowledged.Load())
	fs := c.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: c.rng})
	c.cuts = append(c.cuts, cut{fs, acknowledged, int(c.started.Load())})
}

// crashCheck opens what a cut left, compares it with the commits up to its
// cursor and goes on from there. It returns the cursor.
func crashCheck(t *testing.T, name string, seed uint64, cut cut, opts pebble.Options) int {
	t.Helper()
	opts.FS = cut.fs
	s, err := pebble.Open("/data/state", opts)
	if err != nil {
		t.Fatalf("%s: opening what the cut left: %v", name, err)
	}
	got := dump(t, s)
	last := 0
	if c, ok := got["cursor"]; ok {
		last = int(binary.BigEndian.Uint64([]byte(c)))
	}
	truth := replay(t, seed, last)
	if diff := difference(got, truth); diff != "" {
		t.Fatalf("%s: after %d commits: %s", name, last, diff)
	}
	if err := crashCommit(s, seed, last+1); err != nil {
		t.Fatalf("%s: the next commit: %v", name, err)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("%s: Close: %v", name, err)
	}
	if s, err = pebble.Open("/data/state", opts); err != nil {
		t.Fatalf("%s: opening again: %v", name, err)
	}
	if diff := difference(dump(t, s), replay(t, seed, last+1)); diff != "" {
		t.Fatalf("%s: after one commit more: %s", name, diff)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("%s: Close: %v", name, err)
	}
	return last
}

func dump(t *testing.T, s state.Store) map[string]string {
	t.Helper()
	snap, err := s.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for kv, err := range snap.Scan(context.Background(), state.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		rows[string(kv.Key)] = string(kv.Value)
	}
	if err := snap.Close(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// replay carries out the first n commits on a map.
func replay(t *testing.T, seed uint64, n int) map[string]string {
	r := replayed{t: t, rows: map[string]string{}}
	for i := 1; i <= n; i++ {
		c := crashOps(seed, i, r)
		r.rows[string(c.Key)] = string(c.New)
	}
	return r.rows
}

// replayed is a map under the methods of a transaction that only writes.
type replayed struct {
	state.Tx // nil: the reads are not for use
	t        *testing.T
	rows     map[string]string
}

// Put implements state.Tx.
func (r replayed) Put(key, value []byte) { r.rows[string(key)] = string(value) }

// Delete implements state.Tx.
func (r replayed) Delete(key []byte) { delete(r.rows, string(key)) }

// PutIf implements state.Tx.
func (r replayed) PutIf(key, _, value []byte) { r.rows[string(key)] = string(value) }

// Merge implements state.Tx.
func (r replayed) Merge(key []byte, op state.Op, operand []byte) {
	var stored []byte
	if v, ok := r.rows[string(key)]; ok {
		stored = []byte(v)
	}
	stored, err := state.Merged(stored, op, operand)
	if err != nil {
		r.t.Fatal(err)
	}
	r.rows[string(key)] = string(stored)
}

func difference(got, want map[string]string) string {
	var lines [][]byte
	for k, v := range want {
		if g, ok := got[k]; !ok || g != v {
			lines = append(lines, fmt.Appendf(nil, "%q: got %.40q (there: %v), want %.40q", k, g, ok, v))
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			lines = append(lines, fmt.Appendf(nil, "%q: should not be there", k))
		}
	}
	slices.SortFunc(lines, bytes.Compare)
	return string(bytes.Join(lines, []byte("; ")))
}

// TestPowerCutWhileMade cuts the power before each operation that makes a new
// state, and at each with several draws of what survives. It can be opened
// afterwards.
func TestPowerCutWhileMade(t *testing.T) {
	cuts := 0
	for draw := range uint64(8) {
		for at := int64(0); ; at++ {
			mem := vfs.NewCrashableMem()
			var n atomic.Int64
			var after atomic.Pointer[vfs.MemFS]
			cut := errorfs.InjectorFunc(func(op errorfs.Op) error {
				if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && n.Add(1)-1 == at {
					after.Store(mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(draw, uint64(at)))}))
				}
				return nil
			})
			mustClose(t, mustOpen(t, "/data/state", pebble.Options{FS: errorfs.Wrap(mem, cut), ReserveBytes: -1}))
			if after.Load() == nil {
				break
			}
			cuts++
			s, err := pebble.Open("/data/state", pebble.Options{FS: after.Load(), ReserveBytes: -1})
			if err != nil {
				t.Fatalf("cut before operation %d, draw %d: %v", at, draw, err)
			}
			mustPut(t, s, 0, 1, 1)
			mustClose(t, s)
		}
	}
	t.Logf("%d power cuts", cuts)
}
