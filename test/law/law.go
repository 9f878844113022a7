// Package law holds what must be true of any event log and any state that was
// folded from it, as code that tests of every kind call: simulation, crashes,
// engines against one another. It trusts nothing that the engine counts about
// itself: it reads the log, folds the records with the oracle, counts messages on
// its own, and compares.
package law

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"

	"kith/internal/eventlog"
	"kith/internal/held"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/oracle"
	"kith/internal/pipeline"
	"kith/internal/record"
	"kith/internal/state"
	"kith/internal/statehash"
)

// Place is a log, a state that has been folded from it to its end, and the
// configuration it was folded under. Verify owns none of it.
type Place struct {
	Log      eventlog.Log
	State    state.Store
	History  history.Index
	Identity *identity.Config
	Keys     *identity.Keyring
}

// Tally is what Verify has looked at.
type Tally struct {
	Records int // in the log
	Events  int // records that count
	Held    int // records that could not be folded and are kept apart
	Refused int // messages that the collector refused, kept apart likewise
	Hash    statehash.Sum
}

// Verify checks that the state is what the records in the log come to, that
// every message in it is counted exactly once, and that the status, the facts and
// the history agree with that. All it finds wrong is joined in the error.
//
// Records that the state keeps apart at this moment count as absent: they are
// not folded and can be put back.
func Verify(ctx context.Context, p Place) (Tally, error) {
	records, err := ReadLog(ctx, p.Log)
	if err != nil {
		return Tally{}, err
	}
	snap, err := p.State.Snapshot(ctx)
	if err != nil {
		return Tally{}, err
	}
	defer snap.Close()
	v := &verifier{Place: p, ctx: ctx, snap: snap, records: map[eventlog.Position][]byte{}, held: map[eventlog.Position]bool{}}
	if err := v.readHeld(); err != nil {
		return Tally{}, err
	}
	var set [][]byte
	for _, r := range records {
		v.records[r.Position] = r.Data
		if !v.held[r.Position] {
			set = append(set, r.Data)
		}
	}
	v.want = oracle.Fold(set, p.Identity, p.Keys)
	v.check(v.hash)
	v.check(v.clusters)
	v.check(v.counts)
	v.check(v.status)
	v.check(v.facts)
	v.check(v.history)
	return Tally{
		Records: len(records), Events: int(v.want.Events),
		Held: len(v.held) - int(v.heldRefused), Refused: int(v.heldRefused), Hash: v.total,
	}, errors.Join(v.wrong...)
}

// Stored is a record with its place in the log.
type Stored struct {
	eventlog.Position
	Data []byte
}

// ReadLog reads every record of a log, partition by partition.
func ReadLog(ctx context.Context, log eventlog.Log) ([]Stored, error) {
	var out []Stored
	for p := range int32(log.Partitions()) {
		at := eventlog.Position{Partition: p}
		for {
			data, err := log.Read(ctx, at, 500, 1<<20)
			if err != nil {
				return nil, fmt.Errorf("reading the log at %v: %w", at, err)
			}
			if len(data) == 0 {
				break
			}
			for _, d := range data {
				out = append(out, Stored{at, d})
				at.Offset++
			}
		}
	}
	return out, nil
}

type verifier struct {
	Place
	ctx         context.Context
	snap        state.Snapshot
	records     map[eventlog.Position][]byte
	held        map[eventlog.Position]bool
	heldRefused int64 // of held: messages that the collector refused
	want        oracle.Result
	total       statehash.Sum
	wrong       []error
}

func (v *verifier) check(one func() error) {
	if err := one(); err != nil {
		v.wrong = append(v.wrong, err)
	}
}

func (v *verifier) readHeld() error {
	list, err := held.List(v.ctx, v.snap, nil, 1<<20)
	for _, h := range list {
		v.held[h.Position] = true
		if rec, err := h.Record(); err == nil && rec.Kind == record.Rejected {
			v.heldRefused++
		}
	}
	return err
}

// hash compares the hash of the state with that of the oracle's.
func (v *verifier) hash() error {
	got, err := statehash.Read(v.ctx, v.snap, v.History)
	if err != nil {
		return fmt.Errorf("reading the state: %w", err)
	}
	v.total = got.Hash(v.Identity).Total
	if v.total == v.want.Contents.Hash(v.Identity).Total {
		return nil
	}
	return fmt.Errorf("the state is not what its records come to:\n%s",
		difference(v.want.Contents.Explain(v.Identity).Lines, got.Explain(v.Identity).Lines))
}

// clusters compares the stored clusters, row by row, with those that deriving
// everything gives, unless evidence waits to be brought into them.
func (v *verifier) clusters() error {
	lag, err := identity.ReadLag(v.ctx, v.snap)
	if err != nil || lag.Waiting {
		return err
	}
	all, err := identity.ReadBulk(v.ctx, v.snap, v.Identity)
	if err != nil {
		return err
	}
	n, first, err := all.Derive().Differences(v.ctx, v.snap, 5)
	if err != nil || n == 0 {
		return err
	}
	return fmt.Errorf("%d stored clusters are not the derived ones, such as those of %v", n, first)
}

// difference lists the rows that only one side has.
func difference(want, got []string) string {
	count := map[string]int{}
	for _, l := range want {
		count[l]++
	}
	for _, l := range got {
		count[l]--
	}
	var out []string
	for l, n := range count {
		switch {
		case n > 0:
			out = append(out, fmt.Sprintf("  missing %dx %s", n, l))
		case n < 0:
			out = append(out, fmt.Sprintf("  too many %dx %s", -n, l))
		}
	}
	sort.Strings(out)
	const most = 12
	if len(out) > most {
		out = append(out[:most], fmt.Sprintf("  and %d more", len(out)-most))
	}
	return strings.Join(out, "\n")
}

// counts compares how many events support each observation, which the hash
// leaves out and profiles show.
func (v *verifier) counts() error {
	got, err := statehash.Read(v.ctx, v.snap, v.History)
	if err != nil {
		return fmt.Errorf("reading the state: %w", err)
	}
	have := map[identity.ObservationKey]int64{}
	for _, o := range got.Observations {
		have[o.Key()] = o.Count
	}
	for _, o := range v.want.Contents.Observations {
		if n := have[o.Key()]; n != o.Count {
			return fmt.Errorf("an observation of %d events counts %d", o.Count, n)
		}
	}
	return nil
}

// status: every record is an event, a repeat or held.
func (v *verifier) status() error {
	s, err := (&pipeline.Runner{Log: v.Log, State: v.State}).Status(v.ctx)
	if err != nil {
		return err
	}
	n, refused := int64(len(v.records)), v.refused()
	if s.Rejected != refused {
		return fmt.Errorf("status says %d refused messages, the log has %d", s.Rejected, refused)
	}
	if s.Accepted != n-refused || s.Processed != n-refused {
		return fmt.Errorf("status says %d accepted, %d processed of %d in the log", s.Accepted, s.Processed, n-refused)
	}
	if held := int64(len(v.held)) - v.heldRefused; s.Held != held {
		return fmt.Errorf("status says %d are held, the state keeps %d apart", s.Held, held)
	}
	if events := s.Processed - s.Repeats - s.Held; events != v.want.Events {
		return fmt.Errorf("%d processed, %d repeats and %d held leave %d events, want %d", s.Processed, s.Repeats, s.Held, events, v.want.Events)
	}
	if s.Homeless != v.want.Homeless {
		return fmt.Errorf("status says %d events without a node, want %d", s.Homeless, v.want.Homeless)
	}
	return nil
}

// refused counts the messages that the collector kept although it refused them.
func (v *verifier) refused() (n int64) {
	for _, data := range v.records {
		if rec, err := record.Decode(data); err == nil && rec.Kind == record.Rejected {
			n++
		}
	}
	return n
}

// event reads the record at a position as the event that it is.
func (v *verifier) event(at eventlog.Position) (record.Record, error) {
	data, ok := v.records[at]
	if !ok {
		return record.Record{}, fmt.Errorf("record %v is named and not in the log", at)
	}
	rec, err := record.Decode(data)
	if err != nil || rec.Kind != record.Event {
		return record.Record{}, fmt.Errorf("record %v counts as an event and is none (%v)", at, err)
	}
	return rec, nil
}
