package sim

import (
	"fmt"
	"math/rand/v2"

	"kith/internal/eventlog"
	"kith/internal/sys"
)

// world is one simulation: the machine, what its clients know, and what happened.
type world struct {
	machine
	ledger ledger
	tally  tally
}

// tally counts what happened in simulations.
type tally struct {
	seeds, ops, boots                                            int
	cuts, kills, failures, fills, restarts, retries, audits      int
	sent, acknowledged, refused, turnedAway, unanswered, records int
}

// add adds another simulation.
func (t *tally) add(o tally) {
	t.seeds++
	t.ops += o.ops
	t.boots += o.boots
	t.cuts += o.cuts
	t.kills += o.kills
	t.failures += o.failures
	t.fills += o.fills
	t.restarts += o.restarts
	t.retries += o.retries
	t.audits += o.audits
	t.sent += o.sent
	t.acknowledged += o.acknowledged
	t.refused += o.refused
	t.turnedAway += o.turnedAway
	t.unanswered += o.unanswered
	t.records += o.records
}

func (t tally) String() string {
	return fmt.Sprintf("%d seeds, %d operations, %d starts of kith: %d power cuts, %d kills, %d failing disk operations, %d full disks, %d restarts; "+
		"%d messages sent, %d acknowledged, %d refused, %d turned away, %d never answered, %d put back; "+
		"%d records in the logs, %d audits, each with a replay: 0 lost, 0 doubled, 0 hashes differ",
		t.seeds, t.ops, t.boots, t.cuts, t.kills, t.failures, t.fills, t.restarts,
		t.sent, t.acknowledged, t.refused, t.turnedAway, t.unanswered, t.retries, t.records, t.audits)
}

// newWorld makes the machine of a seed. It is off.
func newWorld(seed uint64) *world {
	rng := rand.New(rand.NewPCG(seed, 0x776f726c64))
	w := &world{ledger: ledger{}}
	w.machine = machine{
		seed: seed, disk: newDisk(), clock: sys.NewManual(start), seen: map[eventlog.Position]uint64{},
		shape: shape{
			partitions:    []int{1, 1, 3}[rng.IntN(3)],
			segmentBytes:  []int64{4 << 10, 32 << 10, 1 << 20}[rng.IntN(3)],
			memTableBytes: []int64{16 << 10, 64 << 10, 1 << 20}[rng.IntN(3)],
			reserves:      rng.IntN(2) == 0,
		},
	}
	w.disk.total = diskBytes
	return w
}

// simulate runs the operations and an audit at the end.
func simulate(seed uint64, ops []op) (tally, error) {
	w := newWorld(seed)
	defer w.drop()
	for i, o := range append(ops[:len(ops):len(ops)], audit{}) {
		if err := w.do(o); err != nil {
			return w.tally, fmt.Errorf("operation %d, %v: %w", i, o, err)
		}
	}
	w.tally.ops, w.tally.boots = len(ops), int(w.boots)
	return w.tally, nil
}

// do carries out one operation and what follows from it.
func (w *world) do(o op) error {
	if ok, err := w.up(); err != nil {
		return err
	} else if ok || needsNothing(o) {
		if err := o.run(w); err != nil {
			return err
		}
	}
	w.note()
	w.count()
	if err := w.resume(); err != nil {
		return err
	}
	if w.kith == nil {
		return nil
	}
	return w.ahead()
}

// needsNothing reports whether an operation makes sense while kith is down.
func needsNothing(o op) bool {
	switch o.(type) {
	case advance, fill, free, audit, strike, defect:
		return true
	}
	return false
}

// count counts the faults that have happened.
func (w *world) count() {
	d := w.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.after != nil && d.cutKind == powerCut:
		w.tally.cuts++
	case d.after != nil:
		w.tally.kills++
	case d.hit:
		w.tally.failures++
		d.hit = d.armed != nil
	}
}
