package statetest

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"kith/internal/errs"
	"kith/internal/state"
)

// snapshotNow is a reader whose snapshots last only for each single read. Tests
// that read in a loop use it, because an engine may bound the open snapshots.
func snapshotNow(tb testing.TB, s state.Store) state.Reader { return momentary{tb, s} }

// momentary reads each time from a snapshot of its own.
type momentary struct {
	tb testing.TB
	s  state.Store
}

// Get implements state.Reader.
func (m momentary) Get(ctx context.Context, keys [][]byte) ([][]byte, error) {
	snap, err := m.s.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	v, err := snap.Get(ctx, keys)
	if closeErr := snap.Close(); err == nil {
		err = closeErr
	}
	return v, err
}

// Scan implements state.Reader.
func (m momentary) Scan(ctx context.Context, r state.Range) iter.Seq2[state.KV, error] {
	return func(yield func(state.KV, error) bool) {
		snap, err := m.s.Snapshot(ctx)
		if err != nil {
			yield(state.KV{}, err)
			return
		}
		defer func() {
			if err := snap.Close(); err != nil {
				m.tb.Errorf("Snapshot.Close: %v", err)
			}
		}()
		snap.Scan(ctx, r)(yield)
	}
}

// testModel runs random operations on the engine and on a map, and compares
// every answer. Failures shrink to the fewest operations that show them.
func testModel(t *testing.T, e Engine) {
	s := e.Open(t)
	ctx := ctxFor(t)
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{rt: rt, ctx: ctx, store: s, truth: map[string]string{}}
		m.wipe()
		defer m.closeSnapshots()
		if e.Reopen == nil {
			m.run(nil)
			return
		}
		m.run(func() {
			m.closeSnapshots()
			s = e.Reopen(t, s)
			m.store = s
		})
	})
}

// model holds what the store should hold, and open snapshots beside what they
// should still show.
type model struct {
	rt        *rapid.T
	ctx       context.Context
	store     state.Store
	truth     map[string]string
	snapshots []modelSnapshot
}

type modelSnapshot struct {
	snap  state.Snapshot
	truth map[string]string
}

// modelOps are the operations by the first byte of a key: a key of "a" is only
// added to, and so on; a key of "p" is put, deleted and guarded.
var modelOps = [...]struct {
	prefix string
	op     state.Op
}{{"p", 0}, {"a", state.OpAdd}, {"i", state.OpMin}, {"m", state.OpMax}, {"l", state.OpLast}, {"u", state.OpUnion}}

func (m *model) run(reopen func()) {
	for range rapid.IntRange(1, 25).Draw(m.rt, "steps") {
		switch rapid.IntRange(0, 9).Draw(m.rt, "step") {
		case 0, 1, 2, 3:
			m.transaction()
		case 4:
			m.openSnapshot()
		case 5:
			m.reads(m.anyReader())
		case 6, 7:
			r, truth := m.anyReader()
			m.scan(r, truth)
		case 8:
			m.closeSnapshots()
		case 9:
			if reopen != nil && rapid.IntRange(0, 3).Draw(m.rt, "reopen") == 0 {
				reopen()
			}
		}
	}
	m.scan(momentary{nil, m.store}, m.truth)
}

func (m *model) must(err error) {
	if err != nil {
		m.rt.Fatalf("%v", err)
	}
}

func (m *model) wipe() {
	tx, err := m.store.Begin(m.ctx, nil)
	m.must(err)
	defer tx.Rollback()
	for kv, err := range tx.Scan(m.ctx, state.Range{}) {
		m.must(err)
		tx.Delete(bytes.Clone(kv.Key))
	}
	m.must(tx.Commit(m.ctx, state.Cursor{}))
}

func (m *model) openSnapshot() {
	snap, err := m.store.Snapshot(m.ctx)
	m.must(err)
	m.snapshots = append(m.snapshots, modelSnapshot{snap, maps.Clone(m.truth)})
	if len(m.snapshots) > 3 {
		m.must(m.snapshots[0].snap.Close())
		m.snapshots = m.snapshots[1:]
	}
}

func (m *model) closeSnapshots() {
	for _, s := range m.snapshots {
		m.must(s.snap.Close())
	}
	m.snapshots = nil
}

// anyReader picks the store as it is or one of the open snapshots.
func (m *model) anyReader() (state.Reader, map[string]string) {
	i := rapid.IntRange(-1, len(m.snapshots)-1).Draw(m.rt, "reader")
	if i < 0 {
		return momentary{nil, m.store}, m.truth
	}
	return m.snapshots[i].snap, m.snapshots[i].truth
}

func (m *model) key() (string, state.Op) {
	kind := rapid.SampledFrom(modelOps[:]).Draw(m.rt, "kind")
	tail := rapid.SampledFrom([]string{"", "\x00", "\x00\x00", "a", "b", "\xfe", "\xff", "\xff\xff", "\xff\x00"}).Draw(m.rt, "tail")
	// Engines may keep families apart from each other.
	family := rapid.SampledFrom([]string{"", "D", "K", "M"}).Draw(m.rt, "family")
	return family + kind.prefix + tail, kind.op
}

func (m *model) value() []byte {
	return rapid.SliceOfN(rapid.Byte(), 0, 6).Draw(m.rt, "value")
}

func (m *model) operand(op state.Op) []byte {
	switch op {
	case state.OpAdd:
		return i64(rapid.Int64().Draw(m.rt, "n"))
	case state.OpLast:
		return state.LastOperand(m.value(), m.value())
	case state.OpUnion:
		var items [][]byte
		for range rapid.IntRange(0, 3).Draw(m.rt, "items") {
			items = append(items, m.value())
		}
		return state.UnionOperand(items...)
	}
	return m.value()
}

// transaction runs one with a few random writes, on the engine and the map.
func (m *model) transaction() {
	tx, err := m.store.Begin(m.ctx, []state.Lock{state.Lock(rapid.Uint32().Draw(m.rt, "lock"))})
	m.must(err)
	defer tx.Rollback()
	next := maps.Clone(m.truth)
	guarded, touched, holds := map[string]bool{}, map[string]bool{}, true
	for range rapid.IntRange(0, 8).Draw(m.rt, "writes") {
		key, op := m.key()
		if op != 0 {
			if touched[key] || !m.reset(next, key, op) {
				touched[key] = true
				m.merge(tx, next, key, op)
			}
			continue
		}
		switch rapid.IntRange(0, 3).Draw(m.rt, "write") {
		case 0, 1:
			v := m.value()
			tx.Put(b(key), v)
			next[key] = string(v)
		case 2:
			tx.Delete(b(key))
			delete(next, key)
		case 3:
			if !guarded[key] {
				guarded[key] = true
				holds = m.putIf(tx, next, key) && holds
			}
		}
	}
	m.reads(tx, m.truth)
	m.finish(tx, next, holds)
}

// reset now and then deletes a key that is merged otherwise, or puts a merged
// value. It is a transaction of its own, because the caller's may merge that key.
func (m *model) reset(next map[string]string, key string, op state.Op) bool {
	if rapid.IntRange(0, 9).Draw(m.rt, "reset") > 0 {
		return false
	}
	tx, err := m.store.Begin(m.ctx, nil)
	m.must(err)
	defer tx.Rollback()
	if rapid.Bool().Draw(m.rt, "delete") {
		tx.Delete(b(key))
		delete(m.truth, key)
		delete(next, key)
	} else {
		v := merged(op, m.operand(op))
		tx.Put(b(key), v)
		m.truth[key], next[key] = string(v), string(v)
	}
	m.must(tx.Commit(m.ctx, state.Cursor{}))
	return true
}

func (m *model) merge(tx state.Tx, next map[string]string, key string, op state.Op) {
	operand := m.operand(op)
	tx.Merge(b(key), op, operand)
	var stored []byte
	if v, ok := next[key]; ok {
		stored = b(v)
	}
	stored, err := state.Merged(stored, op, operand)
	m.must(err)
	next[key] = string(stored)
}

// putIf buffers a guarded write whose guard sometimes does not hold, and says
// whether it does.
func (m *model) putIf(tx state.Tx, next map[string]string, key string) bool {
	now, exists := m.truth[key]
	var old []byte
	if exists {
		old = b(now)
	}
	holds := rapid.IntRange(0, 3).Draw(m.rt, "guard") > 0
	if !holds {
		old = append(bytes.Clone(old), 'x')
	}
	value := m.value()
	next[key] = string(value)
	if rapid.IntRange(0, 3).Draw(m.rt, "remove") == 0 {
		value = nil
		delete(next, key)
	}
	tx.PutIf(b(key), old, value)
	return holds
}

// finish commits with a cursor that is sometimes stale, or rolls back.
func (m *model) finish(tx state.Tx, next map[string]string, holds bool) {
	c := state.Cursor{Key: b("cursor"), New: m.value()}
	if now, ok := m.truth["cursor"]; ok {
		c.Old = b(now)
	}
	switch rapid.IntRange(0, 7).Draw(m.rt, "end") {
	case 0:
		tx.Rollback()
		return
	case 1:
		c.Old, holds = append(bytes.Clone(c.Old), 'x'), false
		next["cursor"] = string(c.New)
	case 2:
		c = state.Cursor{}
	default:
		next["cursor"] = string(c.New)
	}
	err := tx.Commit(m.ctx, c)
	if !holds {
		if !errs.Is(err, errs.Conflict) {
			m.rt.Fatalf("a commit whose guard or cursor does not hold: %v", err)
		}
		return
	}
	m.must(err)
	m.truth = next
}

// reads compares a bulk Get.
func (m *model) reads(r state.Reader, truth map[string]string) {
	var asked [][]byte
	for range rapid.IntRange(0, 6).Draw(m.rt, "gets") {
		key, _ := m.key()
		asked = append(asked, b(key))
	}
	got, err := r.Get(m.ctx, asked)
	m.must(err)
	if len(got) != len(asked) {
		m.rt.Fatalf("Get of %d keys returned %d values", len(asked), len(got))
	}
	for i, key := range asked {
		want, ok := truth[string(key)]
		if (got[i] != nil) != ok || string(got[i]) != want {
			m.rt.Fatalf("Get(%q) = %s, want %q (there: %v)", key, show(got[i]), want, ok)
		}
	}
}

// scan compares a scan of a random range.
func (m *model) scan(r state.Reader, truth map[string]string) {
	rng := state.Range{Reverse: rapid.Bool().Draw(m.rt, "reverse"), Limit: rapid.IntRange(0, 6).Draw(m.rt, "limit")}
	if rapid.Bool().Draw(m.rt, "low") {
		key, _ := m.key()
		rng.Low = b(key)
	}
	if rapid.Bool().Draw(m.rt, "high") {
		key, _ := m.key()
		rng.High = b(key)
	}
	var want []string
	for _, key := range slices.Sorted(maps.Keys(truth)) {
		if key >= string(rng.Low) && (rng.High == nil || key < string(rng.High)) {
			want = append(want, fmt.Sprintf("%q=%q", key, truth[key]))
		}
	}
	if rng.Reverse {
		slices.Reverse(want)
	}
	if rng.Limit > 0 {
		want = want[:min(rng.Limit, len(want))]
	}
	var got []string
	for kv, err := range r.Scan(m.ctx, rng) {
		m.must(err)
		got = append(got, fmt.Sprintf("%q=%q", kv.Key, kv.Value))
	}
	if !slices.Equal(got, want) {
		m.rt.Fatalf("Scan(%+v) = %v, want %v", rng, got, want)
	}
}
