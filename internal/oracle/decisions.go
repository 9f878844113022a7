package oracle

import (
	"sort"

	"kith/event"
	"kith/internal/decision"
	"kith/internal/entity"
	"kith/internal/identity"
	"kith/internal/record"
	"kith/internal/strictjson"
)

// run is a load of a source.
type run struct{ source, name string }

// decisions are what operators have decided, in the end.
type decisions struct {
	count     int64 // different ones, revocations too
	repeats   int64
	rulings   []identity.Ruling
	ids       map[identity.NodeID]identity.Identifier
	retracted map[run]bool
}

// decide takes the least copy of every decision, leaves out what others revoke,
// and reads what is left.
func decide(records []record.Record, cfg *identity.Config, keys *identity.Keyring) decisions {
	sort.Slice(records, func(i, j int) bool {
		a, b := &records[i], &records[j]
		if a.Stamp.ReceivedAt != b.Stamp.ReceivedAt {
			return a.Stamp.ReceivedAt < b.Stamp.ReceivedAt
		}
		as, bs := a.Sum(), b.Sum()
		return string(as[:16]) < string(bs[:16])
	})
	out := decisions{ids: map[identity.NodeID]identity.Identifier{}, retracted: map[run]bool{}}
	first, revoked := map[string]decision.Decision{}, map[string]bool{}
	for i := range records {
		d, err := decision.Read(&records[i])
		if err != nil {
			continue // readable has refused it
		}
		if _, repeat := first[d.ID]; repeat {
			out.repeats++
			continue
		}
		first[d.ID] = d
		revoked[d.Target] = true
	}
	out.count = int64(len(first))
	for id, d := range first {
		switch {
		case revoked[id]:
		case d.Kind == decision.Retract:
			out.retracted[run{d.Source, d.Run}] = true
		default:
			rulings, ids := d.Rulings(cfg, keys)
			out.rulings = append(out.rulings, rulings...)
			for n, id := range ids {
				out.ids[n] = id
			}
		}
	}
	return out
}

// retracted reports whether an event is of a load that was taken back.
func (f *fold) retracted(rec *record.Record) bool {
	if rec.Kind == record.Row {
		body, err := entity.DecodeBody(&strictjson.Doc{}, rec.Body)
		return err == nil && f.decisions.retracted[run{rec.Stamp.Source, body.Run}]
	}
	if rec.Kind != record.Event {
		return false
	}
	e, err := rec.Event(&record.Docs{})
	return err == nil && f.decisions.retracted[run{rec.Stamp.Source, e.Run}]
}

// alias takes in what an alias call says of two user ids.
func (f *fold) alias(e *event.Event, home identity.NodeID) {
	user, previous, ok := f.cfg.AliasMerge(e)
	if !ok {
		return
	}
	a, b := f.keys.Node(user), f.keys.Node(previous)
	if a != home {
		return
	}
	f.decisions.ids[a], f.decisions.ids[b] = user, previous
	f.decisions.rulings = append(f.decisions.rulings, identity.NewRuling("alias", false, a, b, e.Timestamp))
}
