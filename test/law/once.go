package law

import (
	"bytes"
	"fmt"
	"math"
	"sort"

	"kith/event"
	"kith/internal/eventlog"
	"kith/internal/fact"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/record"
	"kith/internal/state"
)

// repeatWindow is 30 days in milliseconds: a copy received so long after another
// is still a repeat.
const repeatWindow = 30 * 24 * 60 * 60 * 1000

// message names what is sent once, however often it arrives.
type message struct{ source, id string }

// facts: folded less withdrawn leaves every message exactly as often as it
// happened, each time by the copy that came first, and sequence numbers have no
// gaps.
func (v *verifier) facts() error {
	alive, err := v.alive()
	if err != nil {
		return err
	}
	counted := map[message][]record.Record{}
	for at, n := range alive {
		if n != 0 && n != 1 {
			return fmt.Errorf("the facts count record %v %d times", at, n)
		}
		if n == 0 {
			continue
		}
		rec, err := v.event(at)
		if err != nil {
			return err
		}
		m := message{rec.Stamp.Source, rec.Stamp.MessageID}
		counted[m] = append(counted[m], rec)
	}
	want := v.firstCopies()
	for m, copies := range want {
		if err := sameCopies(counted[m], copies); err != nil {
			return err
		}
		delete(counted, m)
	}
	for range counted {
		return fmt.Errorf("the facts count %d messages that are not in the log", len(counted))
	}
	return nil
}

// alive is how often each record was folded less how often it was withdrawn.
func (v *verifier) alive() (map[eventlog.Position]int, error) {
	alive := map[eventlog.Position]int{}
	for p := range int32(v.Log.Partitions()) {
		next := uint64(0)
		for b, err := range fact.Read(v.ctx, v.snap, p, 0) {
			if err != nil {
				return nil, err
			}
			if b.First != next {
				return nil, fmt.Errorf("a block of facts of partition %d begins at %d, want %d", p, b.First, next)
			}
			next += uint64(len(b.Facts))
			for _, f := range b.Facts {
				switch f.Kind {
				case fact.EventFolded:
					alive[f.Record]++
				case fact.EventWithdrawn:
					alive[f.Record]--
				case fact.NodeMoved, fact.ConsentSaid, fact.ConsentUnsaid, fact.RowChanged:
				default:
					return nil, fmt.Errorf("a fact of unknown kind %d", f.Kind)
				}
			}
		}
	}
	return alive, nil
}

// firstCopies finds the copies that are events, in a way of its own: by receipt,
// a copy is one when the copy before it was received over 30 days earlier.
func (v *verifier) firstCopies() map[message][]record.Record {
	all := map[message][]record.Record{}
	for at, data := range v.records {
		rec, err := record.Decode(data)
		if err != nil || rec.Kind != record.Event || v.held[at] {
			continue
		}
		m := message{rec.Stamp.Source, rec.Stamp.MessageID}
		all[m] = append(all[m], rec)
	}
	for m, copies := range all {
		sort.Slice(copies, func(i, j int) bool { return before(&copies[i], &copies[j]) })
		first := copies[:1:1]
		for i := 1; i < len(copies); i++ {
			if copies[i].Stamp.ReceivedAt > copies[i-1].Stamp.ReceivedAt+repeatWindow {
				first = append(first, copies[i])
			}
		}
		all[m] = first
	}
	return all
}

func before(a, b *record.Record) bool {
	if a.Stamp.ReceivedAt != b.Stamp.ReceivedAt {
		return a.Stamp.ReceivedAt < b.Stamp.ReceivedAt
	}
	as, bs := a.Sum(), b.Sum()
	return bytes.Compare(as[:], bs[:]) < 0
}

// sameCopies compares the copies that count with those that should.
func sameCopies(got, want []record.Record) error {
	sort.Slice(got, func(i, j int) bool { return before(&got[i], &got[j]) })
	if len(got) != len(want) {
		return fmt.Errorf("a message that happened %d times counts %d times", len(want), len(got))
	}
	for i := range got {
		if got[i].Sum() != want[i].Sum() || got[i].Stamp.ReceivedAt != want[i].Stamp.ReceivedAt {
			return fmt.Errorf("of a message another copy counts than the first")
		}
	}
	return nil
}

// history: every event with a node is filed once in its history, every group
// call once more in its account's, and every entry names the record it came from.
func (v *verifier) history() error {
	rows := map[string]int{}
	for n, id := range v.want.Contents.IDs {
		if err := v.node(n, id, rows); err != nil {
			return err
		}
	}
	if got, want := int64(rows["person"]), v.want.Events-v.want.Homeless; got != want {
		return fmt.Errorf("%d events lie in histories, want %d", got, want)
	}
	if got, want := rows["account"], rows["in account"]; got != want {
		return fmt.Errorf("%d group calls lie in the histories of accounts, want %d", got, want)
	}
	return v.strays(rows["person"] + rows["account"])
}

// node checks the history of one node and counts its entries.
func (v *verifier) node(n identity.NodeID, id identity.Identifier, rows map[string]int) error {
	q := history.Query{Node: n, From: math.MinInt64, To: math.MaxInt64}
	for e, err := range v.History.Range(v.ctx, v.snap, q) {
		if err != nil {
			return err
		}
		rec, err := v.event(e.Position)
		if err != nil {
			return err
		}
		s := &rec.Stamp
		if s.MessageID != e.MessageID || s.Source != e.Source || s.Timestamp != e.Timestamp || s.ReceivedAt != e.ReceivedAt || s.Type != e.Type {
			return fmt.Errorf("an entry of the history names record %v, which is another message", e.Position)
		}
		switch {
		case e.Observation == identity.ObservationKey{}:
			rows["account"]++
			if e.Type != event.Group {
				return fmt.Errorf("a call that is no group call lies in the history of an account (%s)", id.Type)
			}
		default:
			rows["person"]++
			if !e.Account.IsZero() {
				rows["in account"]++
			}
		}
	}
	return nil
}

// strays finds history rows of nodes that no event names.
func (v *verifier) strays(known int) error {
	n := 0
	for _, err := range v.snap.Scan(v.ctx, state.Prefix([]byte{byte(state.FamilyHistory)})) {
		if err != nil {
			return err
		}
		n++
	}
	if n != known {
		return fmt.Errorf("the history has %d rows, %d of nodes that events name", n, known)
	}
	return nil
}
