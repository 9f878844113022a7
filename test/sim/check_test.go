package sim

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"

	"kith/internal/eventlog"
	"kith/internal/history/keyed"
	"kith/internal/pipeline"
	"kith/internal/record"
	"kith/internal/state/mem"
	"kith/test/law"
)

// sumOf stands for a record's bytes.
func sumOf(data []byte) uint64 {
	h := fnv.New64a()
	h.Write(data)
	return h.Sum64()
}

// audit brings the machine to rest and checks everything: nothing is wrong with
// the disk any more, kith is started again if it was hurt, and all is folded. It
// checks once with what is held, and once more after putting it back.
func (w *world) audit() error {
	w.disk.disarm()
	if err := w.resume(); err != nil { // the background may just have met the fault
		return err
	}
	w.disk.free()
	hurt := w.hurt
	w.full = false
	if hurt {
		w.drop()
		w.disk = w.disk.halt(fault{kind: kill})
		w.hurt = false
	}
	if ok, err := w.up(); !ok || err != nil {
		return fmt.Errorf("a sound disk does not let kith start: %w", err)
	}
	w.kith.runner.Config.BatchRecords = 100
	if err := w.kith.runner.Drain(context.Background()); err != nil {
		return fmt.Errorf("folding the rest: %w", err)
	}
	if err := w.check(); err != nil {
		return err
	}
	broken := w.broken
	w.broken = false
	defer func() { w.broken = broken }()
	if err := (retry{}).run(w); err != nil {
		return err
	}
	if err := w.kith.runner.Drain(context.Background()); err != nil {
		return fmt.Errorf("folding what was put back: %w", err)
	}
	return w.check()
}

// check holds the log against the ledger and what readers were given, and the
// state against the log.
func (w *world) check() error {
	ctx := context.Background()
	records, err := law.ReadLog(ctx, w.kith.log)
	if err != nil {
		return err
	}
	w.tally.records = max(w.tally.records, len(records))
	place := law.Place{Log: w.kith.log, State: w.kith.state, History: keyed.Index{}, Identity: configs(w.config), Keys: keyring()}
	tally, lawful := law.Verify(ctx, place)
	w.tally.audits++
	return errors.Join(w.ledger.check(records), w.unchanged(records), lawful, w.replay(place, tally))
}

// check: what was acknowledged or refused is in the log as often as that, and
// nothing is in it more often than it was sent.
func (l ledger) check(records []law.Stored) error {
	taken, refused := map[string]int{}, map[string]int{}
	for _, s := range records {
		rec, err := record.Decode(s.Data)
		if err != nil {
			return fmt.Errorf("record %v cannot be read: %w", s.Position, err)
		}
		if l[string(rec.Body)] == nil {
			return fmt.Errorf("record %v was never sent", s.Position)
		}
		if rec.Kind == record.Rejected {
			refused[string(rec.Body)]++
		} else {
			taken[string(rec.Body)]++
		}
	}
	for body, e := range l {
		switch n, m := taken[body], refused[body]; {
		case n < e.acknowledged:
			return fmt.Errorf("lost: acknowledged %d times, %d times in the log: %.100s", e.acknowledged, n, body)
		case m < e.refused:
			return fmt.Errorf("lost: refused %d times, kept %d times: %.100s", e.refused, m, body)
		case n+m > e.sent+e.retried:
			return fmt.Errorf("doubled: sent %d times and put back %d times, %d times in the log: %.100s", e.sent, e.retried, n+m, body)
		}
	}
	return nil
}

// unchanged: what a reader of the log was once given stands where it stood.
func (w *world) unchanged(records []law.Stored) error {
	now := map[eventlog.Position]uint64{}
	for _, r := range records {
		now[r.Position] = sumOf(r.Data)
	}
	for at, sum := range w.seen {
		if have, ok := now[at]; !ok || have != sum {
			return fmt.Errorf("record %v was read once and is not there any more (another in its place: %v)", at, ok)
		}
	}
	for at, sum := range now {
		w.seen[at] = sum
	}
	return nil
}

// replay folds the whole log into a fresh state, in batches of another size, and
// compares the hash. While folding has a defect, which copies of a message meet it
// depends on what was folded before; then each state is held against its own
// records only.
func (w *world) replay(place law.Place, live law.Tally) error {
	ctx := context.Background()
	fresh := mem.New()
	defer fresh.Close()
	if err := w.runner(w.kith.log, fresh, 3+int(w.seed%40)).Drain(ctx); err != nil {
		return fmt.Errorf("replaying: %w", err)
	}
	place.State = fresh
	again, err := law.Verify(ctx, place)
	if err != nil {
		return fmt.Errorf("after a replay: %w", err)
	}
	if again.Hash != live.Hash && again.Held+live.Held == 0 {
		return fmt.Errorf("a replay gives another hash")
	}
	return nil
}

// ahead: the state never knows of more than the log holds.
func (w *world) ahead() error {
	ctx := context.Background()
	ends, err := w.kith.log.Ends(ctx)
	if err != nil {
		return err
	}
	s, err := (&pipeline.Runner{Log: w.kith.log, State: w.kith.state}).Status(ctx)
	if err != nil {
		return w.excuse(err, "reading the cursors")
	}
	for p, c := range s.Cursors {
		if c.Next > ends[p] {
			return fmt.Errorf("partition %d is folded up to %d, the log ends at %d", p, c.Next, ends[p])
		}
	}
	return nil
}
