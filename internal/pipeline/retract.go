package pipeline

import (
	"context"
	"errors"
	"maps"
	"slices"

	"kith/internal/decision"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/lockset"
	"kith/internal/state"
	"kith/internal/sys"
)

// loads are the loads that a batch meets, and what retracts them.
type loads map[load]*retraction

// readLoads reads what retracts the loads of a batch.
func (b *batchView) readLoads(ctx context.Context) error {
	b.loads = loads{}
	for i := range b.batch {
		if c := &b.batch[i]; c.Poison == nil && !c.Load.isZero() {
			b.loads[c.Load] = nil
		}
	}
	for _, l := range slices.SortedFunc(maps.Keys(b.loads), compareLoads) {
		if _, err := b.retraction(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

func compareLoads(a, b load) int { return slices.Compare(a[:], b[:]) }

func (b *batchView) retraction(ctx context.Context, l load) (*retraction, error) {
	if r := b.loads[l]; r != nil {
		return r, nil
	}
	values, err := b.tx.Get(ctx, [][]byte{loadKey(rowLoad, l)})
	if err != nil {
		return nil, err
	}
	r, err := decodeRetraction(values[0])
	b.loads[l] = &r
	return &r, err
}

// admit takes in a copy, and files its message below its load.
func (b *batchView) admit(c *Contribution) []run {
	m := b.marks[c.Mark]
	if c.Load.isZero() && m.loads == nil {
		return m.admit(c)
	}
	if c.Load.isZero() {
		return m.admitLoaded(c, false)
	}
	name := loadMessage{c.Mark, c.Sighting.Source, c.Sighting.MessageID}
	b.tx.Put(loadMessageKey(c.Load, c.Mark), name.encode())
	return m.admitLoaded(c, b.loads[c.Load].out())
}

// retract adds or takes away a decision that retracts a load. What the load has
// brought already is then swept, as it may be more than one batch can hold.
func (b *batchView) retract(ctx context.Context, row *decisionRow) error {
	was, is := row.was.Stands() && row.was.Decision.Kind == decision.Retract, row.Stands() && row.Decision.Kind == decision.Retract
	for _, step := range [...]struct {
		counts bool
		d      *decision.Decision
		change func(*retraction)
	}{
		{was, &row.was.Decision, func(r *retraction) {
			r.decisions = slices.DeleteFunc(slices.Clone(r.decisions), func(id string) bool { return id == row.ID })
		}},
		{is, &row.Decision, func(r *retraction) {
			if i, have := slices.BinarySearch(r.decisions, row.ID); !have {
				r.decisions = slices.Insert(slices.Clone(r.decisions), i, row.ID)
			}
		}},
	} {
		if !step.counts {
			continue
		}
		r, err := b.retraction(ctx, loadOf(step.d.Source, step.d.Run))
		if err != nil {
			return err
		}
		step.change(r)
	}
	return nil
}

// commitLoads buffers what has become of the retractions. Of a load whose
// retraction the batch has only read, the row must still be the same at the
// commit, so that what the batch brings is not missed by a sweep.
func (b *batchView) commitLoads() error {
	for l, r := range b.loads {
		was, err := decodeRetraction(r.stored)
		if err != nil {
			return err
		}
		b.tx.PutIf(loadKey(rowLoad, l), r.stored, r.encode())
		if was.out() != r.out() {
			s := sweep{load: l, out: r.out()}
			b.tx.Put(loadKey(rowSweep, l), s.encode())
		}
	}
	return nil
}

// sweepMax is how many messages one step of a sweep looks at.
const sweepMax = 500

// Sweep takes one step of one retraction that is under way, or of the end of one.
// more is false when nothing was.
func (r *Runner) Sweep(ctx context.Context) (more bool, err error) {
	if err := r.mayFold(ctx); err != nil {
		return false, err
	}
	step, err := r.planSweep(ctx)
	if err != nil || step == nil {
		return false, err
	}
	locks := lockset.Widen(locksOf(step.records), []state.Lock{state.PartitionLock(0), state.DecisionLock})
	const attempts = 8
	for i := 0; ; i++ {
		err := r.trySweep(ctx, step, locks)
		var needed *lockset.Needed
		switch {
		case errors.As(err, &needed):
			locks = lockset.Widen(locks, needed.Locks)
		case errs.Is(err, errs.Conflict) && i < attempts:
			r.retried(Beside, err)
			if step, err = r.planSweep(ctx); err != nil || step == nil {
				return err == nil, err
			}
			locks = lockset.Widen(locks, locksOf(step.records))
		default:
			return true, err
		}
	}
}

// sweepStep is one step of a sweep: the messages to look at, and the events that
// enter the state by it, read from the log.
type sweepStep struct {
	sweep
	stored   []byte
	messages []loadMessage
	last     bool // there are no more messages behind these
	records  []Contribution
}

func (r *Runner) planSweep(ctx context.Context) (*sweepStep, error) {
	snap, err := r.State.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	step, err := nextSweep(ctx, snap)
	if err != nil || step == nil {
		return nil, err
	}
	if err := step.readMessages(ctx, snap); err != nil {
		return nil, err
	}
	marks, err := readMarks(ctx, snap, step.messages)
	if err != nil {
		return nil, err
	}
	for i := range marks {
		_, admitted := marks[i].turn(step.load, step.out)
		for _, run := range admitted {
			c, err := r.ReadOne(ctx, run.position)
			if err != nil {
				return nil, err
			}
			if c.Poison != nil {
				return nil, errs.New(errs.Corrupt, "pipeline.load_lost", "an event of a load cannot be read any more")
			}
			step.records = append(step.records, c)
		}
	}
	return step, nil
}

// nextSweep returns the first sweep that is under way, or nil.
func nextSweep(ctx context.Context, r state.Reader) (*sweepStep, error) {
	rng := state.Prefix([]byte{byte(state.FamilyRun), rowSweep})
	rng.Limit = 1
	for kv, err := range r.Scan(ctx, rng) {
		if err != nil {
			return nil, err
		}
		s, err := decodeSweep(kv.Key, kv.Value)
		return &sweepStep{sweep: s, stored: slices.Clone(kv.Value)}, err
	}
	return nil, nil
}

// readMessages reads the messages that come next.
func (s *sweepStep) readMessages(ctx context.Context, r state.Reader) error {
	rng := state.Prefix(loadKey(rowMessage, s.load))
	if s.after != nil {
		rng.Low = append(loadMessageKey(s.load, *s.after), 0)
	}
	rng.Limit = sweepMax
	for kv, err := range r.Scan(ctx, rng) {
		if err != nil {
			return err
		}
		m, err := decodeLoadMessage(kv.Key, kv.Value)
		if err != nil {
			return err
		}
		s.messages = append(s.messages, m)
	}
	s.last = len(s.messages) < sweepMax
	return nil
}

func readMarks(ctx context.Context, r state.Reader, messages []loadMessage) ([]*markRow, error) {
	keys := make([][]byte, len(messages))
	for i := range messages {
		keys[i] = markKey(messages[i].mark)
	}
	values, err := r.Get(ctx, keys)
	if err != nil {
		return nil, err
	}
	out := make([]*markRow, len(values))
	for i, v := range values {
		if out[i], err = decodeMark(v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// trySweep takes the step in one transaction. Its facts and counters are those of
// the first partition, whose cursor stays where it is.
func (r *Runner) trySweep(ctx context.Context, step *sweepStep, locks []state.Lock) (err error) {
	tx, err := r.State.Begin(ctx, locks)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	cur, err := readCursor(ctx, tx, 0)
	if err != nil {
		return err
	}
	batch := r.batch(step.records, cur, locks)
	if err := r.Stages.sweep(ctx, tx, &batch, step, sys.Millis(r.Clock.Now())); err != nil {
		return err
	}
	next := batch.Cursor
	next.Next = cur.Next
	tx.PutIf(cursorKey(0), cur.stored, next.encode())
	if err := tx.Commit(ctx, state.Cursor{}); err != nil {
		return err
	}
	if batch.Waiting {
		r.fellBehind()
	}
	r.wake()
	return nil
}

// sweep folds one step of a sweep.
func (s *Stages) sweep(ctx context.Context, tx state.Tx, batch *Batch, step *sweepStep, now int64) error {
	b := s.emptyView(tx, batch)
	withdrawn, events, err := b.turn(ctx, step)
	if err != nil {
		return err
	}
	if err := b.mustHold(withdrawn); err != nil {
		return err
	}
	b.cur.Repeats += int64(len(withdrawn) - len(events))
	return s.foldEvents(ctx, b, withdrawn, events, now)
}

// turn takes the copies of a load out of the messages of a step, or back in.
func (b *batchView) turn(ctx context.Context, step *sweepStep) (withdrawn []withdrawal, events []*Contribution, err error) {
	key := loadKey(rowSweep, step.load)
	stored, err := b.tx.Get(ctx, [][]byte{key})
	if err != nil {
		return nil, nil, err
	}
	changed := errs.New(errs.Conflict, "pipeline.sweep_changed", "the retraction has changed while it was under way")
	if string(stored[0]) != string(step.stored) {
		return nil, nil, changed
	}
	read := map[eventlog.Position]*Contribution{}
	for i := range b.batch {
		read[b.batch[i].Position] = &b.batch[i]
	}
	marks, err := readMarks(ctx, b.tx, step.messages)
	if err != nil {
		return nil, nil, err
	}
	for i, m := range marks {
		name := &step.messages[i]
		b.marks[name.mark] = m
		gone, come := m.turn(step.load, step.out)
		for _, run := range gone {
			withdrawn = append(withdrawn, withdrawal{run, name.source, name.messageID})
		}
		for _, run := range come {
			c := read[run.position]
			if c == nil {
				return nil, nil, changed
			}
			events = append(events, c)
		}
	}
	if step.last {
		b.tx.Delete(key)
		return withdrawn, events, nil
	}
	next := step.sweep
	next.after, next.done = &step.messages[len(step.messages)-1].mark, step.done+int64(len(step.messages))
	b.tx.Put(key, next.encode())
	return withdrawn, events, nil
}

// Sweeping returns how far the retraction of a load, or the end of one, has got;
// ok is false when none is under way.
func Sweeping(ctx context.Context, r state.Reader, source, run string) (done int64, ok bool, err error) {
	key := loadKey(rowSweep, loadOf(source, run))
	values, err := r.Get(ctx, [][]byte{key})
	if err != nil || values[0] == nil {
		return 0, false, err
	}
	s, err := decodeSweep(key, values[0])
	return s.done, true, err
}

// LoadSize counts the messages that a run of a source has brought, retracted ones
// too.
func LoadSize(ctx context.Context, r state.Reader, source, run string) (n int64, err error) {
	for _, err := range r.Scan(ctx, state.Prefix(loadKey(rowMessage, loadOf(source, run)))) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// swept reports whether no retraction is under way.
func (r *Runner) swept(ctx context.Context) (bool, error) {
	snap, err := r.State.Snapshot(ctx)
	if err != nil {
		return false, err
	}
	defer snap.Close()
	step, err := nextSweep(ctx, snap)
	return step == nil, err
}
