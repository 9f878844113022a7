package cold

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"time"

	"kith/internal/errs"
	"kith/internal/state"
)

// Bounds of one step.
const (
	stepRows  = 5_000   // that are looked at
	stepBytes = 4 << 20 // of rows that are looked at
)

// keepLeft is how long rows of a generation stay that the state has left: a state that
// is brought back from a copy of its server's disk may name it again.
const keepLeft = 7 * 24 * time.Hour

// Mover brings old rows of the history, and old facts, from the state into the
// backend. It is for one goroutine. Any number of movers may work on a state; all but
// one find at the end of a step that it was for nothing.
type Mover struct {
	Hot     state.Store // the state itself, not the Store over both
	Backend Backend
	Rand    io.Reader

	// Bind returns a row of the state that must stay as it is while rows are moved; ok
	// is false when none are to be moved now. nil binds nothing.
	Bind func(ctx context.Context, r state.Reader) (key, value []byte, ok bool, err error)

	at   []byte  // where the pass is; nil: at the beginning
	mine Attempt // the last that has counted; a zero term if the next one is to be new
}

// Mover returns one for what the store is over.
func (s *Store) Mover(rand io.Reader, bind func(context.Context, state.Reader) (key, value []byte, ok bool, err error)) *Mover {
	return &Mover{Hot: s.hot, Backend: s.backend, Rand: rand, Bind: bind}
}

// Step looks at some rows and moves those whose time is before the cut (UTC
// milliseconds), and what says of earlier ones that they are removed. The time of a
// block of facts is that of its commit. moved is how many; done tells that it has come
// to the end, and that the next step begins at the beginning. After an error nothing
// has changed, or what it says was unknown.
func (m *Mover) Step(ctx context.Context, cut int64) (moved int, done bool, err error) {
	plan, err := m.plan(ctx, cut)
	if err != nil || plan == nil {
		return 0, true, err
	}
	if len(plan.rows) > 0 {
		mine := m.mine
		m.mine = Attempt{} // whatever comes of it, the number is used
		if err := m.number(plan, mine); err != nil {
			return 0, false, err
		}
		if err := m.Backend.Insert(ctx, plan.after.generation, plan.versions()); err != nil {
			return 0, false, err
		}
		if err := m.commit(ctx, plan); err != nil {
			return 0, false, err
		}
		m.mine = plan.attempt
	}
	m.at = plan.next
	return len(plan.rows), m.at == nil, nil
}

// plan is one step.
type plan struct {
	rows    []state.KV // to move, with their keys ascending
	looked  int        // at so many rows, and bytes
	bytes   int
	next    []byte // where the step after this one begins; nil: at the beginning
	stored  []byte // the ledger, as it is stored
	before  *ledger
	after   *ledger
	attempt Attempt
	key     []byte // the row that is bound
	value   []byte
}

// plan reads what there is to move. It is nil when nothing may be moved now.
func (m *Mover) plan(ctx context.Context, cut int64) (*plan, error) {
	snap, err := m.Hot.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	p := &plan{}
	if m.Bind != nil {
		ok := false
		if p.key, p.value, ok, err = m.Bind(ctx, snap); err != nil || !ok {
			return nil, err
		}
	}
	values, err := snap.Get(ctx, [][]byte{ledgerKey()})
	if err != nil {
		return nil, err
	}
	p.stored = values[0]
	if p.before, err = decodeLedger(p.stored); err != nil {
		return nil, err
	}
	return p, p.read(ctx, snap, m.at, cut)
}

// read picks rows from a key on, of the facts and then of the history.
func (p *plan) read(ctx context.Context, r state.Reader, from []byte, cut int64) (err error) {
	facts, history := []byte{byte(state.FamilyFact)}, []byte{byte(state.FamilyHistory)}
	if from == nil {
		from = facts
	}
	for bytes.Compare(from, history) < 0 && !p.full() {
		if from, err = p.readFacts(ctx, r, from, cut); err != nil {
			return err
		}
		if from == nil {
			from = history
		}
	}
	p.next = from
	if p.full() {
		return nil
	}
	return p.readHistory(ctx, r, from, cut)
}

// full tells whether a step has looked at enough.
func (p *plan) full() bool { return p.looked >= stepRows || p.bytes >= stepBytes }

func (p *plan) look(kv state.KV) {
	p.looked++
	p.bytes += len(kv.Key) + len(kv.Value)
}

// readHistory picks rows from a key of the history on.
func (p *plan) readHistory(ctx context.Context, r state.Reader, from []byte, cut int64) error {
	p.next = nil
	rng := state.Prefix([]byte{byte(state.FamilyHistory)})
	rng.Low, rng.Limit = from, stepRows
	for kv, err := range r.Scan(ctx, rng) {
		if err != nil {
			return err
		}
		if _, at, _, ok := placed(kv.Key); ok && (at < cut || isTombstone(kv.Value)) {
			p.rows = append(p.rows, state.KV{Key: bytes.Clone(kv.Key), Value: bytes.Clone(kv.Value)})
		}
		if p.look(kv); p.full() {
			p.next = append(bytes.Clone(kv.Key), 0)
			break
		}
	}
	return nil
}

// number gives the step its number: the one behind the mover's last, if that is the
// last that counts, and else the first of a term that nobody has used.
func (m *Mover) number(p *plan, mine Attempt) error {
	before := p.before
	if before == nil {
		before = &ledger{}
		if _, err := io.ReadFull(m.Rand, before.generation[:]); err != nil {
			return errs.Wrap(err, errs.Internal, "history.random", "no random number can be drawn")
		}
	}
	p.attempt = Attempt{mine.Term, mine.Number + 1}
	if n := len(before.terms); n == 0 || mine.Term == 0 || before.terms[n-1] != (term{mine.Term, mine.Number}) {
		var b [8]byte
		if _, err := io.ReadFull(m.Rand, b[:]); err != nil {
			return errs.Wrap(err, errs.Internal, "history.random", "no random number can be drawn")
		}
		p.attempt = Attempt{max(1, binary.BigEndian.Uint64(b[:])), 1}
	}
	p.after = before.with(p.attempt, len(p.rows))
	for _, kv := range p.rows {
		if isFact(kv.Key) {
			partition, sequence := numbered(kv.Key)
			p.after.raise(partition, sequence+1)
		}
	}
	return nil
}

func (p *plan) versions() []Version {
	out := make([]Version, len(p.rows))
	for i, kv := range p.rows {
		out[i] = Version{Attempt: p.attempt, Key: kv.Key}
		if out[i].Gone = isTombstone(kv.Value); !out[i].Gone {
			out[i].Value = kv.Value
		}
	}
	return out
}

// commit deletes what was copied, and has the attempt count, in one transaction under
// the locks of nodes and partitions. A row of the history that has changed since it was
// copied stays, and hides the copy; one that was removed gets a tombstone, for the same.
func (m *Mover) commit(ctx context.Context, p *plan) error {
	moving := map[nodeID]standing{}
	keys := make([][]byte, len(p.rows))
	var locks []state.Lock
	for i, kv := range p.rows {
		keys[i] = kv.Key
		if isFact(kv.Key) {
			partition, _ := numbered(kv.Key)
			locks = append(locks, state.PartitionLock(int32(partition)))
			continue
		}
		node, at, _, _ := placed(kv.Key)
		if !moving[node].moved {
			locks = append(locks, state.LockOf(node))
		}
		moving[node] = moving[node].with(standing{true, at, callOf(kv.Key)})
	}
	tx, err := m.Hot.Begin(ctx, locks)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := noteNodes(ctx, tx, moving); err != nil {
		return err
	}
	now, err := tx.Get(ctx, keys)
	if err != nil {
		return err
	}
	for i, kv := range p.rows {
		switch {
		case isFact(kv.Key) && !bytes.Equal(now[i], kv.Value):
			return errs.New(errs.Conflict, "history.changed", "facts have changed while they were copied")
		case now[i] == nil:
			if !isTombstone(kv.Value) {
				tx.Put(kv.Key, []byte(tombstone))
			}
		case bytes.Equal(now[i], kv.Value):
			tx.Delete(kv.Key)
		}
	}
	tx.PutIf(ledgerKey(), p.stored, p.after.encode())
	if p.key != nil {
		tx.PutIf(p.key, p.value, p.value)
	}
	return tx.Commit(ctx, state.Cursor{})
}

// noteNodes notes what rows of the nodes were moved.
func noteNodes(ctx context.Context, tx state.Tx, moving map[nodeID]standing) error {
	nodes, keys := make([]nodeID, 0, len(moving)), make([][]byte, 0, len(moving))
	for n := range moving {
		nodes, keys = append(nodes, n), append(keys, nodeKey(n))
	}
	values, err := tx.Get(ctx, keys)
	if err != nil {
		return err
	}
	for i, n := range nodes {
		have, err := decodeNode(values[i])
		if err != nil {
			return err
		}
		if now := have.with(moving[n]); now != have {
			tx.Put(keys[i], now.encode())
		}
	}
	return nil
}

// left is the version that says that a state has left its generation. It has no key,
// so no scan of the history finds it.
func left() Version { return Version{Key: []byte{}, Gone: true} }

// Clean deletes from the backend the generations that a state has left, once nobody has
// moved anything into them for long. What others have there stays.
func (m *Mover) Clean(ctx context.Context) error {
	l, err := readLedger(ctx, m.Hot)
	if err != nil || l == nil {
		return err
	}
	held, err := m.Backend.Generations(ctx)
	if err != nil {
		return err
	}
	for _, h := range held {
		if h.Generation == l.generation || h.Idle <= keepLeft {
			continue
		}
		found, err := m.Backend.Scan(ctx, h.Generation, []state.Range{{High: []byte{0}, Limit: 1}})
		if err != nil {
			return err
		}
		if len(found[0]) == 0 {
			continue
		}
		if err := m.Backend.Drop(ctx, h.Generation); err != nil {
			return err
		}
	}
	return nil
}
