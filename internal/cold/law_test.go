package cold_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"kith/internal/analytics/clickhouse/clickhousetest"
	server "kith/internal/clickhouse"
	"kith/internal/cold"
	"kith/internal/cold/clickhouse"
	"kith/internal/cold/coldtest"
	"kith/internal/decision"
	"kith/internal/errs"
	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/held"
	"kith/internal/history"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/oracle"
	"kith/internal/oracle/workload"
	"kith/internal/pipeline"
	"kith/internal/record"
	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/state/postgres"
	"kith/internal/state/postgres/pgtest"
	"kith/internal/statehash"
	"kith/internal/sys"
)

// twins are two folds of one log in step: one whose state is all in one place, and
// one whose history is moved between any two steps, into a backend that fails.
type twins struct {
	*testing.T
	rng      *rand.Rand
	log      eventlog.Log
	set      [][]byte
	sent     [][]byte
	broken   map[string]bool // messages whose folding fails
	plain    *pipeline.Runner
	moved    *pipeline.Runner
	restless *coldtest.Restless
	faulty   *coldtest.Faulty
	open     [][2]state.Snapshot
	saved    [2]state.Store
	moves    int
	blocks   int  // of facts that lay elsewhere at the end
	busy     bool // both are about to do something
	world    world
}

// world is where the state and the cold rows of the second lie.
type world struct {
	hot     func() state.Store
	backend func() cold.Backend
}

// brittle is an index in which some messages cannot be folded.
type brittle struct {
	keyed.Index
	broken map[string]bool
}

// Append implements history.Index.
func (b brittle) Append(tx state.Tx, e *history.Entry) {
	if b.broken[e.MessageID] {
		panic("planted")
	}
	b.Index.Append(tx, e)
}

func newTwins(t *testing.T, seed uint64, w world) *twins {
	rng := rand.New(rand.NewPCG(seed, 7))
	x := &twins{T: t, rng: rng, log: logmem.New(1 + rng.IntN(3)), broken: map[string]bool{}, world: w}
	n := 20 + rng.IntN(120)
	x.set = append(workload.Loaded(seed, n), workload.Decisions(seed, rng.IntN(12))...)
	x.set = append(append(x.set, workload.Consents(seed, n/4)...), workload.Rows(seed, n/4)...)
	for i := range rng.IntN(5) {
		d := decision.Decision{Kind: decision.Retract, Source: []string{"web", "crm"}[i%2], Run: fmt.Sprint("load-", rng.IntN(3))}
		x.set = append(x.set, said(t, fmt.Sprint("dec_r", i), d))
		if rng.IntN(2) == 0 {
			x.set = append(x.set, said(t, fmt.Sprint("dec_u", i), decision.Decision{Kind: decision.Revoke, Target: fmt.Sprint("dec_r", i)}))
		}
	}
	x.set = workload.Shuffled(seed, x.set)
	x.faulty = coldtest.NewFaulty(w.backend(), seed)
	x.restless = coldtest.NewRestless(w.hot(), x.faulty, seed)
	x.restless.Bind = coldtest.Whole
	x.faulty.Between = x.between
	x.plain, x.moved = x.runner(mem.New()), x.runner(guarded{x.restless})
	return x
}

// said is the record of a decision.
func said(t *testing.T, id string, d decision.Decision) []byte {
	d.ID, d.At = id, workload.Start
	r, err := d.Record()
	if err != nil {
		t.Fatal(err)
	}
	return r.AppendTo(nil)
}

func (x *twins) runner(s state.Store) *pipeline.Runner {
	return &pipeline.Runner{
		Log: x.log, State: s, Stages: &pipeline.Stages{History: brittle{broken: x.broken}},
		Interpreter: &pipeline.Interpreter{Identity: identity.DefaultConfig(), Keys: identity.NewKeyring([]byte("law"))},
		Clock:       sys.NewManual(time.UnixMilli(workload.Start)),
	}
}

// both does something with both, the second until no failure of the backend is in
// its way.
func (x *twins) both(f func(r *pipeline.Runner) error) {
	x.Helper()
	x.busy = true
	defer func() { x.busy = false }()
	if err := f(x.plain); err != nil && !errs.Is(err, errs.Invalid) {
		x.Fatal(err)
	}
	for {
		err := f(x.moved)
		if err == nil || errs.Is(err, errs.Invalid) {
			return
		}
		if !errs.Is(err, errs.Unavailable) {
			x.Fatal(err)
		}
	}
}

// between is what happens while rows are moved: events are folded and taken back, and
// another mover is at work.
func (x *twins) between() {
	if x.rng.IntN(3) == 0 {
		other := &cold.Mover{Hot: x.restless.Hot, Backend: x.faulty, Rand: sys.Seeded(x.rng.Uint64()), Bind: coldtest.Whole}
		if n, _, err := other.Step(x.Context(), math.MaxInt64); err == nil {
			x.moves += n
		}
		return
	}
	if x.busy {
		return
	}
	if x.rng.IntN(8) == 0 {
		x.rebuild()
		return
	}
	for range 1 + x.rng.IntN(3) {
		x.fold()
	}
}

// send appends some of what is left.
func (x *twins) send() {
	n := min(len(x.set), 1+x.rng.IntN(40))
	var entries []eventlog.Entry
	for _, data := range x.set[:n] {
		c := x.plain.Interpreter.Contribute(&record.Docs{}, eventlog.Position{}, data)
		entries = append(entries, eventlog.Entry{Partition: int32(int(state.LockOf(c.Home)) % x.log.Partitions()), Data: data})
	}
	if _, err := x.log.Append(x.Context(), entries); err != nil {
		x.Fatal(err)
	}
	x.sent, x.set = append(x.sent, x.set[:n]...), x.set[n:]
}

// fold folds one batch, or takes a step of a retraction.
func (x *twins) fold() {
	p, size := int32(x.rng.IntN(x.log.Partitions())), 1+x.rng.IntN(30)
	sweep := x.rng.IntN(3) == 0
	x.both(func(r *pipeline.Runner) (err error) {
		r.Config.BatchRecords = size
		if sweep {
			_, err = r.Sweep(x.Context())
		} else {
			_, err = r.RunOnce(x.Context(), p)
		}
		return err
	})
}

// breakSome makes the folding of a message fail, or puts back what is held.
func (x *twins) breakSome() {
	if len(x.broken) < 3 && x.rng.IntN(2) == 0 {
		x.broken[fmt.Sprint("m", x.rng.IntN(40))] = true
		return
	}
	clear(x.broken)
	snap, err := x.plain.State.Snapshot(x.Context())
	if err != nil {
		x.Fatal(err)
	}
	held, err := held.List(x.Context(), snap, nil, 10)
	if err := snap.Close(); err != nil {
		x.Fatal(err)
	}
	if err != nil {
		x.Fatal(err)
	}
	for _, h := range held {
		x.both(func(r *pipeline.Runner) error { return r.Retry(x.Context(), h.ID()) })
	}
}

// look opens snapshots of both, or compares some that were opened before.
func (x *twins) look() {
	if len(x.open) < 3 {
		x.open = append(x.open, x.snapshots())
		return
	}
	x.compare(x.open[0])
	x.open = x.open[1:]
}

func (x *twins) snapshots() (out [2]state.Snapshot) {
	for i, s := range []state.Store{x.plain.State, x.moved.State} {
		var err error
		if out[i], err = s.Snapshot(x.Context()); err != nil {
			x.Fatal(err)
		}
	}
	return out
}

// compare holds all rows of both sides against each other, read in one scan or in many.
func (x *twins) compare(s [2]state.Snapshot) {
	x.Helper()
	if err := x.faulty.Off(true); err != nil {
		x.Fatal(err)
	}
	for range 1 + x.rng.IntN(5) {
		x.compareRange(s, x.someRange(s[0]))
	}
	x.compareRange(s, state.Range{Reverse: x.rng.IntN(2) == 0})
	x.compareBulk(s)
	for _, snap := range s {
		if err := snap.Close(); err != nil {
			x.Fatal(err)
		}
	}
	if err := x.faulty.Off(false); err != nil {
		x.Fatal(err)
	}
}

// someRange is between two prefixes of keys that are there.
func (x *twins) someRange(s state.Reader) state.Range {
	ends := [2][]byte{{'F'}, {'I'}}
	at, skip := 0, x.rng.IntN(60)
	from := []byte{"FH"[x.rng.IntN(2)]}
	for kv, err := range s.Scan(x.Context(), state.Range{Low: from, High: ends[1]}) {
		if err != nil {
			x.Fatal(err)
		}
		if skip--; skip < 0 && at < 2 {
			cut := 1 + x.rng.IntN(len(kv.Key))
			if x.rng.IntN(3) == 0 {
				cut = 17
				if kv.Key[0] == byte(state.FamilyFact) {
					cut = 5
				}
			}
			ends[at] = bytes.Clone(kv.Key[:cut])
			at, skip = at+1, x.rng.IntN(4)
		}
	}
	rng := state.Range{Low: ends[0], High: ends[1], Reverse: x.rng.IntN(2) == 0, Limit: x.rng.IntN(6)}
	if x.rng.IntN(3) == 0 {
		rng.High = state.PrefixEnd(rng.Low)
	}
	return rng
}

func (x *twins) compareRange(s [2]state.Snapshot, rng state.Range) {
	x.Helper()
	want, stopWant := iter.Pull2(s[0].Scan(x.Context(), rng))
	defer stopWant()
	got, stopGot := iter.Pull2(s[1].Scan(x.Context(), rng))
	defer stopGot()
	for n := 0; ; n++ {
		a, errA, moreA := want()
		b, errB, moreB := got()
		if errA != nil || errB != nil {
			x.Fatal(errA, errB)
		}
		if moreA != moreB || !bytes.Equal(a.Key, b.Key) || !bytes.Equal(a.Value, b.Value) {
			x.Fatalf("row %d of %x to %x (reverse %v, limit %d) is\n%x = %x (%v), and where rows are moved\n%x = %x (%v)",
				n, rng.Low, rng.High, rng.Reverse, rng.Limit, a.Key, a.Value, moreA, b.Key, b.Value, moreB)
		}
		if !moreA {
			return
		}
		if moves := bytes.IndexByte([]byte("FH"), a.Key[0]) >= 0; moves && n%3 == 0 {
			x.compareGet(s, bytes.Clone(a.Key), append(bytes.Clone(a.Key), 1))
		}
	}
}

func (x *twins) compareGet(s [2]state.Snapshot, keys ...[]byte) {
	x.Helper()
	want, errA := s[0].Get(x.Context(), keys)
	got, errB := s[1].Get(x.Context(), keys)
	if errA != nil || errB != nil {
		x.Fatal(errA, errB)
	}
	for i := range keys {
		if !bytes.Equal(want[i], got[i]) || (want[i] == nil) != (got[i] == nil) {
			x.Fatalf("%x is %x, and where rows are moved %x", keys[i], want[i], got[i])
		}
	}
}

func (x *twins) compareBulk(s [2]state.Snapshot) {
	x.Helper()
	var ranges []state.Range
	for range 10 {
		rng := x.someRange(s[0])
		rng.Reverse, rng.Limit = false, 1+x.rng.IntN(40)
		ranges = append(ranges, rng)
	}
	want, errA := state.ScanAll(x.Context(), s[0], ranges)
	got, errB := state.ScanAll(x.Context(), s[1], ranges)
	if errA != nil || errB != nil {
		x.Fatal(errA, errB)
	}
	for i := range ranges {
		if len(want[i]) != len(got[i]) {
			x.Fatalf("%x to %x has %d rows, and where rows are moved %d", ranges[i].Low, ranges[i].High, len(want[i]), len(got[i]))
		}
		for j := range want[i] {
			if !bytes.Equal(want[i][j].Key, got[i][j].Key) || !bytes.Equal(want[i][j].Value, got[i][j].Value) {
				x.Fatalf("row %d of %x to %x differs where rows are moved", j, ranges[i].Low, ranges[i].High)
			}
		}
	}
}

// restart begins anew on the same states.
func (x *twins) restart() {
	plain, moved := x.plain.State, x.moved.State
	x.plain, x.moved = x.runner(plain), x.runner(moved)
	if x.rng.IntN(2) == 0 {
		x.rebuild()
	}
}

// rebuild empties both states for another configuration, and for the first again.
func (x *twins) rebuild() {
	for _, most := range []int{499, 0} {
		x.both(func(r *pipeline.Runner) error {
			r.Interpreter.Identity = identity.DefaultConfig()
			if most > 0 {
				r.Interpreter.Identity.ClusterMax = most
			}
			_, err := r.Prepare(x.Context())
			return err
		})
		x.fold()
	}
}

// fail over brings both states back to where they were saved, as a server does whose
// last commits are lost. The backend has what it has.
func (x *twins) failOver() {
	if x.saved[0] == nil || x.rng.IntN(2) == 0 {
		x.saved = [2]state.Store{copied(x.T, x.plain.State, mem.New()), copied(x.T, x.restless.Hot, x.world.hot())}
		return
	}
	x.moves += x.restless.Moved()
	x.restless = coldtest.NewRestless(x.saved[1], x.faulty, x.rng.Uint64())
	x.restless.Bind = coldtest.Whole
	x.faulty.Between = x.between
	x.plain, x.moved = x.runner(x.saved[0]), x.runner(guarded{x.restless})
	x.saved = [2]state.Store{}
}

func copied(t *testing.T, from, to state.Store) state.Store {
	snap, err := from.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	tx, err := to.Begin(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for kv, err := range snap.Scan(t.Context(), state.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		tx.Put(bytes.Clone(kv.Key), bytes.Clone(kv.Value))
	}
	if err := tx.Commit(t.Context(), state.Cursor{}); err != nil {
		t.Fatal(err)
	}
	return to
}

func (x *twins) move() {
	if err := x.restless.Move(x.Context()); err != nil {
		x.Fatal(err)
	}
}

// run does everything in an order drawn by chance, and compares the ends.
func (x *twins) run() {
	for len(x.set) > 0 {
		switch n := x.rng.IntN(46); {
		case n < 6:
			x.send()
		case n < 22:
			x.fold()
		case n < 26:
			x.breakSome()
		case n < 33:
			x.look()
		case n < 43:
			x.move()
		case n < 44:
			x.restart()
		default:
			x.failOver()
		}
	}
	clear(x.broken)
	x.both(func(r *pipeline.Runner) error { return r.Drain(x.Context()) })
	x.breakSome()
	x.both(func(r *pipeline.Runner) error { return r.Drain(x.Context()) })
	for _, s := range append(x.open, x.snapshots()) {
		x.compare(s)
	}
	x.blocks = x.countBlocks(x.plain.State) - x.countBlocks(x.restless.Hot)
	x.moves += x.restless.Moved()
	x.sameAsOracle()
}

func (x *twins) countBlocks(s state.Store) (n int) {
	snap, err := s.Snapshot(x.Context())
	if err != nil {
		x.Fatal(err)
	}
	defer snap.Close()
	for _, err := range snap.Scan(x.Context(), state.Prefix([]byte{byte(state.FamilyFact)})) {
		if err != nil {
			x.Fatal(err)
		}
		n++
	}
	return n
}

// sameAsOracle holds the state hash against the oracle's.
func (x *twins) sameAsOracle() {
	if err := x.faulty.Off(true); err != nil {
		x.Fatal(err)
	}
	ctx, cfg := context.Background(), identity.DefaultConfig()
	snap, err := x.moved.State.Snapshot(ctx)
	if err != nil {
		x.Fatal(err)
	}
	defer snap.Close()
	got, err := statehash.Of(ctx, snap, keyed.Index{}, cfg)
	if err != nil {
		x.Fatal(err)
	}
	if want := oracle.Fold(x.sent, cfg, identity.NewKeyring([]byte("law"))); got.Total != want.Contents.Hash(cfg).Total {
		x.Error("the state differs from the oracle's")
	}
}

// TestNothingShowsWhereRowsLie: whatever is moved and whatever fails, every row of
// the state, at every moment that a snapshot has kept, is that of a state in which
// nothing is moved.
func TestNothingShowsWhereRowsLie(t *testing.T) {
	seeds, moved, blocks := 100, 0, 0
	if testing.Short() {
		seeds = 20
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			x := newTwins(t, seed, world{
				hot:     func() state.Store { return mem.New() },
				backend: func() cold.Backend { return &coldtest.Memory{} },
			})
			x.run()
			moved += x.moves
			blocks += x.blocks
		})
	}
	if moved < 20*seeds || blocks < 3*seeds {
		t.Errorf("only %d rows were moved, and %d blocks of facts", moved, blocks)
	}
}

// TestOnServers is the same with a real server of the state and the real engine of
// the backend.
func TestOnServers(t *testing.T) {
	pgtest.Start(t)
	conn := connection(t)
	moved := 0
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			x := newTwins(t, 1000+seed, world{
				hot: func() state.Store {
					url := pgtest.Start(t)
					s, err := postgres.Open(t.Context(), url, postgres.Options{Schema: pgtest.Schema(t, url), WriteConns: 2, ReadConns: 6})
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() {
						if err := s.Close(); err != nil {
							t.Error(err)
						}
					})
					return s
				},
				backend: func() cold.Backend {
					b, err := clickhouse.Open(t.Context(), conn, conn)
					if err != nil {
						t.Fatal(err)
					}
					return b
				},
			})
			x.run()
			moved += x.moves
		})
	}
	if moved < 100 && !t.Failed() {
		t.Errorf("only %d rows were moved", moved)
	}
}

func connection(t *testing.T) *server.Server {
	loc, err := server.ParseURL(clickhousetest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	return server.Open(loc, server.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: time.Minute, AnswerBytes: 1 << 30})
}

// guarded is a state whose transactions read the history of nodes under their locks
// alone.
type guarded struct{ state.Store }

type guardedTx struct {
	state.Tx
	locks []state.Lock
}

// Begin implements state.Store.
func (g guarded) Begin(ctx context.Context, locks []state.Lock) (state.Tx, error) {
	tx, err := g.Store.Begin(ctx, locks)
	return &guardedTx{tx, locks}, err
}

func (t *guardedTx) check(key []byte) error {
	const node, partition = 1 + 16, 1 + 4
	if len(key) >= partition && key[0] == byte(state.FamilyFact) &&
		!slices.Contains(t.locks, state.PartitionLock(int32(binary.BigEndian.Uint32(key[1:])))) {
		return errs.New(errs.Internal, "test.lock", "the facts of a partition are read without its lock")
	}
	if len(key) < node || key[0] != byte(state.FamilyHistory) || slices.Contains(t.locks, state.LockOf([16]byte(key[1:node]))) {
		return nil
	}
	return errs.New(errs.Internal, "test.lock", "the history of a node is read without its lock")
}

// Get implements state.Reader.
func (t *guardedTx) Get(ctx context.Context, keys [][]byte) ([][]byte, error) {
	for _, k := range keys {
		if err := t.check(k); err != nil {
			return nil, err
		}
	}
	return t.Tx.Get(ctx, keys)
}

// Scan implements state.Reader.
func (t *guardedTx) Scan(ctx context.Context, r state.Range) iter.Seq2[state.KV, error] {
	if err := t.check(r.Low); err != nil {
		return func(yield func(state.KV, error) bool) { yield(state.KV{}, err) }
	}
	return t.Tx.Scan(ctx, r)
}
