package pipeline

import (
	"context"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/held"
	"kith/internal/history"
	"kith/internal/record"
	"kith/internal/state"
)

// Fate is what has become of a record.
type Fate uint8

// The fates.
const (
	FateUnknown   Fate = iota // folded so long ago that the state no longer tells whether it is the event of its message
	FateWaiting               // accepted and not yet folded
	FateFolded                // it is the event of its message
	FateRepeat                // another copy is the event of its message
	FateHeld                  // kept apart because it could not be folded
	FateRejected              // kept apart because the collector had refused it
	FatePutBack               // had been refused, and went into the log again as another record
	FateRetracted             // its run is retracted, so it does not count
)

// String returns the fate's name in answers.
func (f Fate) String() string {
	switch f {
	case FateWaiting:
		return "waiting"
	case FateFolded:
		return "folded"
	case FateRepeat:
		return "repeat"
	case FateHeld:
		return "held"
	case FateRejected:
		return "rejected"
	case FatePutBack:
		return "put_back"
	case FateRetracted:
		return "retracted"
	}
	return "unknown"
}

// Outcome is what a state knows of one record.
type Outcome struct {
	Fate     Fate
	Held     *held.Entry       // of FateHeld and FateRejected
	Event    eventlog.Position // of FateFolded and FateRepeat: where the event of its message lies
	LastCopy int64             // the last receipt of any copy, UTC milliseconds; 0 once the message's mark is forgotten
}

// Outcomes tells what has become of records, as of a snapshot. The mark of a
// message says which copy is the event; once it is forgotten, which is about a
// month after the last copy, the history says it of everything that has a home.
func Outcomes(ctx context.Context, r state.Reader, index history.Index, records []Contribution) ([]Outcome, error) {
	keys := make([][]byte, 0, 2*len(records))
	for i := range records {
		keys = append(keys, held.Key(records[i].Position), markKey(records[i].Mark))
	}
	values, err := r.Get(ctx, keys)
	if err != nil {
		return nil, err
	}
	next := map[int32]int64{}
	out := make([]Outcome, len(records))
	for i := range records {
		c := &records[i]
		at := c.Position
		if _, ok := next[at.Partition]; !ok {
			cur, err := readCursor(ctx, r, at.Partition)
			if err != nil {
				return nil, err
			}
			next[at.Partition] = cur.Next
		}
		switch kept := values[2*i]; {
		case at.Offset >= next[at.Partition]:
			out[i].Fate = FateWaiting
		case kept != nil:
			out[i], err = heldOutcome(keys[2*i], kept, c.Refused)
		case c.Poison != nil:
			out[i].Fate = FatePutBack
		default:
			out[i], err = copyOutcome(ctx, r, index, c, values[2*i+1])
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func heldOutcome(key, value []byte, refused bool) (Outcome, error) {
	h, err := held.Decode(key, value)
	if refused {
		return Outcome{Fate: FateRejected, Held: &h}, err
	}
	return Outcome{Fate: FateHeld, Held: &h}, err
}

// copyOutcome tells whether a folded record is the event of its message.
func copyOutcome(ctx context.Context, r state.Reader, index history.Index, c *Contribution, stored []byte) (Outcome, error) {
	m, err := decodeMark(stored)
	if err != nil {
		return Outcome{}, err
	}
	if l := m.ofLoad(c.Load); l != nil && l.out {
		return Outcome{Fate: FateRetracted}, nil
	}
	for i := range m.runs {
		run := &m.runs[i]
		switch {
		case run.position == c.Position:
			return Outcome{Fate: FateFolded, Event: c.Position, LastCopy: run.last}, nil
		case run.covers(c.Copy.Received):
			return Outcome{Fate: FateRepeat, Event: run.position, LastCopy: run.last}, nil
		}
	}
	if c.Home.IsZero() {
		return Outcome{Fate: FateUnknown}, nil
	}
	named := runOf(c)
	e, err := index.Get(ctx, r, named.entry(c.Sighting.Source, c.Sighting.MessageID))
	switch {
	case err != nil || e == nil:
		return Outcome{Fate: FateUnknown}, err
	case e.Position == c.Position:
		return Outcome{Fate: FateFolded, Event: c.Position}, nil
	}
	return Outcome{Fate: FateRepeat, Event: e.Position}, nil
}

// traceHeldMax bounds how many of a partition's held records are looked through
// for a message, latest first: they have no index by message.
const traceHeldMax = 10_000

// Locate returns where the records of a message lie, as far as the state knows:
// the event of each of its runs, then the copies that are kept apart. complete is
// false when there are more held records than are looked through.
func Locate(ctx context.Context, r state.Reader, partitions int, source, messageID string) (at []eventlog.Position, complete bool, err error) {
	values, err := r.Get(ctx, [][]byte{markKey(markOf(record.Event, source, messageID))})
	if err != nil {
		return nil, false, err
	}
	m, err := decodeMark(values[0])
	if err != nil {
		return nil, false, err
	}
	for i := range m.runs {
		at = append(at, m.runs[i].position)
	}
	complete = true
	for p := range partitions {
		rng := held.Of(int32(p))
		rng.Reverse, rng.Limit = true, traceHeldMax+1
		seen := 0
		for kv, err := range r.Scan(ctx, rng) {
			if err != nil {
				return nil, false, err
			}
			if seen++; seen > traceHeldMax {
				complete = false
				break
			}
			h, err := held.Decode(kv.Key, kv.Value)
			if err != nil {
				return nil, false, err
			}
			if rec, err := h.Record(); err == nil && rec.Stamp.Source == source && rec.Stamp.MessageID == messageID {
				at = append(at, h.Position)
			}
		}
	}
	return at, complete, nil
}

// ReadOne reads one record of the log and its contribution under the
// interpreter. A position that the log does not hold gives kind NotFound.
func (r *Runner) ReadOne(ctx context.Context, at eventlog.Position) (Contribution, error) {
	none := errs.New(errs.NotFound, "pipeline.no_record", "the log holds no record at that position")
	if at.Partition < 0 || int(at.Partition) >= r.Log.Partitions() || at.Offset < 0 {
		return Contribution{}, none
	}
	data, err := r.Log.Read(ctx, at, 1, 1)
	if err != nil {
		return Contribution{}, err
	}
	if len(data) == 0 {
		return Contribution{}, none
	}
	return r.Interpreter.Contribute(&record.Docs{}, at, data[0]), nil
}

// Progress returns a channel that is closed at the next commit of this runner.
// Other processes' commits do not show in it.
func (r *Runner) Progress() <-chan struct{} { return r.progress() }
