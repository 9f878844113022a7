package pipeline_test

import (
	"cmp"
	"context"
	"slices"
	"testing"

	"kith/event"
	"kith/internal/demo"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/record"
	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/strictjson"
)

// watched is a state that remembers the locks of nodes of the last transaction that
// committed, and how many were begun.
type watched struct {
	state.Store
	last  []state.Lock
	begun int
}

type watchedTx struct {
	state.Tx
	of    *watched
	locks []state.Lock
}

func (w *watched) Begin(ctx context.Context, locks []state.Lock) (state.Tx, error) {
	w.begun++
	tx, err := w.Store.Begin(ctx, locks)
	return &watchedTx{tx, w, slices.DeleteFunc(slices.Clone(locks), func(l state.Lock) bool { return l >= state.NodeLocks })}, err
}

func (t *watchedTx) Commit(ctx context.Context, c state.Cursor) error {
	err := t.Tx.Commit(ctx, c)
	if err == nil {
		t.of.last = slices.Compact(slices.Sorted(slices.Values(t.locks)))
	}
	return err
}

// shopRecords is what the systems of the shop send of one in so many of its people, in
// the order of receipt.
func shopRecords(t *testing.T, one int) [][]byte {
	t.Helper()
	w, err := demo.New(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []record.Record
	for i := 0; i < demo.DefaultPeople; i += one {
		for _, m := range w.Messages(i) {
			var doc strictjson.Doc
			if err := doc.Parse(m.Body, strictjson.Limits{Depth: 64, Keys: 1000}); err != nil {
				t.Fatal(err)
			}
			e, err := event.Read(doc.Root(), strictjson.Value{}, event.Unknown)
			if err != nil {
				continue // the collector refuses it
			}
			at := m.Sent
			if e.OriginalTimestamp != event.NoTime {
				at = e.OriginalTimestamp
			}
			all = append(all, record.Record{Kind: record.Event, Body: m.Body, Stamp: event.Stamp{
				Source: demo.Sources()[m.Source].Key, MessageID: e.MessageID, Type: e.Type, ReceivedAt: m.Sent, Timestamp: at,
			}})
		}
	}
	slices.SortStableFunc(all, func(a, b record.Record) int { return cmp.Compare(a.Stamp.ReceivedAt, b.Stamp.ReceivedAt) })
	out := make([][]byte, len(all))
	for i := range all {
		out[i] = all[i].AppendTo(nil)
	}
	return out
}

// outcome is what folding in rounds came to.
type outcome struct {
	batches, alone, locks, others, begun int // others: locks that only other partitions' homes have
	round, goes                          int // batches of rounds of many partitions, and in how many goes they can commit
}

// rounds folds records on several partitions, a batch of each in turn, and tells how
// many batches there were, how many of them held all locks of nodes, how many
// transactions were begun, and in how many goes the batches of a round could have
// committed, if those whose locks differ go together.
func rounds(t *testing.T, records [][]byte, partitions, batch int) (o outcome) {
	t.Helper()
	w := &watched{Store: mem.New()}
	e := newEngine(logmem.New(partitions), w, batch)
	for some := range slices.Chunk(records, 1000) {
		e.append(t, some)
	}
	for more := true; more; {
		more = false
		round := 0
		var goes [][state.NodeLocks]bool // the locks that each takes
		for p := range partitions {
			n, err := e.runner.RunOnce(context.Background(), int32(p))
			if err != nil {
				t.Fatal(err)
			}
			if n < batch {
				continue // the rest of a partition is no batch like the others
			}
			more, round = true, round+1
			o.locks += len(w.last)
			for _, l := range w.last {
				if int(l)%partitions != p {
					o.others++
				}
			}
			if len(w.last) == state.NodeLocks {
				o.alone++
			}
			i := slices.IndexFunc(goes, func(taken [state.NodeLocks]bool) bool {
				return !slices.ContainsFunc(w.last, func(l state.Lock) bool { return taken[l] })
			})
			if i < 0 {
				i, goes = len(goes), append(goes, [state.NodeLocks]bool{})
			}
			for _, l := range w.last {
				goes[i][l] = true
			}
		}
		o.batches += round
		if round >= partitions*3/4 {
			o.round, o.goes = o.round+round, o.goes+len(goes)
		}
	}
	o.begun = w.begun
	return o
}

// TestBatchesLeaveRoomForOthers: on the partitions of a topic few batches of what a
// shop sends hold all locks, and those of different partitions can commit side by side
// while they are small, or mostly of people who are new or known.
func TestBatchesLeaveRoomForOthers(t *testing.T) {
	if testing.Short() {
		t.Skip("it folds some ten thousand records several times")
	}
	const partitions = 12
	for _, load := range []struct {
		name    string
		records [][]byte
		alone   [3]int // at most so many of a hundred batches of each size
		goes    [3]float64
	}{
		{"a shop of 1,000 people", shopRecords(t, demo.DefaultPeople/1000), [3]int{5, 70, 100}, [3]float64{1.3, 1, 1}},
		{"events of 1 million people", shopping(60_000, 1_000_000), [3]int{0, 0, 5}, [3]float64{3, 2, 1.2}},
		{"events of 500 people", shopping(60_000, 500), [3]int{0, 0, 0}, [3]float64{3, 2, 2}},
	} {
		for i, batch := range []int{50, 200, 1000} {
			records := load.records[:min(len(load.records), partitions*batch*8)]
			o := rounds(t, records, partitions, batch)
			of, once := float64(max(1, o.batches)), float64(o.round)/float64(max(1, o.goes))
			t.Logf("%s, %d records in batches of %d: %d batches, %d transactions begun, %.0f locks each, %.2f an event of other partitions, %d batches under all locks (%.0f %%), %.1f at once",
				load.name, len(records), batch, o.batches, o.begun, float64(o.locks)/of, float64(o.others)/of/float64(batch), o.alone, 100*float64(o.alone)/of, once)
			if 100*o.alone > load.alone[i]*o.batches || once < load.goes[i] {
				t.Errorf("%s in batches of %d: %d of %d under all locks, %.1f at once", load.name, batch, o.alone, o.batches, once)
			}
		}
	}
}
