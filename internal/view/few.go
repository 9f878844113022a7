package view

import (
	"context"
	"math"
	"slices"
	"time"

	"kith/event"
	"kith/internal/expr"
	"kith/internal/history"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/state"
)

// Bounds are how much is kept of a person in which form. What views answer does
// not depend on them.
type Bounds struct {
	// Small is how many entries a node may have for all of them to be read at once:
	// one scan instead of one for each call that is asked for.
	Small int

	Chunk int // events of a chunk of a series, unless more of them share one millisecond
	Few   int // events that a node must have for them to be kept until it is asked again
	Held  int // chunks of a series whose events are in memory; four times as many where questions go through them
	Kept  int // events in memory, of all who are recalled
}

// UsualBounds returns bounds with which a person costs little and all of them
// together some 150 MB.
func UsualBounds() Bounds { return Bounds{Small: 300, Few: 12, Chunk: 256, Held: 3, Kept: 300_000} }

func (r *Reader) zone() *time.Location {
	if r.Zone == nil {
		return time.UTC
	}
	return r.Zone
}

func (r *Reader) bounds() Bounds {
	if r.Bounds == (Bounds{}) {
		return UsualBounds()
	}
	return r.Bounds
}

// recall returns where what is read is kept: with the reader, or with the view.
func (v *View) recall() *Recall {
	if v.r.Recall != nil {
		return v.r.Recall
	}
	if v.recalls == nil {
		b := v.r.bounds()
		b.Kept = math.MaxInt
		v.recalls = NewRecall(0, b)
	}
	return v.recalls
}

// readSmall reads everything there is of the person, when that is little.
func (v *View) readSmall() {
	v.looked = true
	var all []map[expr.Call][]*expr.Event
	n := 0
	for _, id := range v.ownNodes() {
		one := v.recall().of(id)
		if one.small == nil && !one.much {
			if err := v.readNode(one); err != nil {
				v.fail(err)
				return
			}
		}
		if n += one.weight; one.much || n > 2*v.recall().Small {
			return
		}
		all = append(all, one.small)
	}
	v.small, v.looked = all, true
}

// readNode reads all events of a node, or finds that they are too many.
func (v *View) readNode(one *recalled) error {
	small := map[expr.Call][]*expr.Event{}
	q := history.Query{Node: one.node, From: math.MinInt64, To: math.MaxInt64, Limit: v.recall().Small + 1}
	n := 0
	for e, err := range v.r.History.Range(v.ctx, v.s, q) {
		if err != nil {
			return err
		}
		if n++; n > v.recall().Small {
			one.much = true
			return nil
		}
		event, err := v.r.event(v.ctx, e)
		if err != nil {
			return err
		}
		small[event.Call] = append(small[event.Call], event)
	}
	one.small = small
	if v.recall().weigh(one); n < v.recall().Few {
		v.recall().drop(one)
	}
	return nil
}

// ofSmall picks the events of a call, in their order.
func (v *View) ofSmall(call expr.Call) []*expr.Event {
	if !call.AnyName {
		call.Name = state.BoundName(call.Name)
		if len(v.small) == 1 && v.upTo == math.MaxInt64 {
			return v.small[0][call]
		}
	}
	var out []*expr.Event
	for _, one := range v.small {
		if !call.AnyName {
			out = v.appendSeen(out, one[call])
			continue
		}
		for c, events := range one {
			if c.Type == call.Type {
				out = v.appendSeen(out, events)
			}
		}
	}
	slices.SortFunc(out, (*expr.Event).Compare)
	return out
}

// appendSeen appends the events up to the view's moment.
func (v *View) appendSeen(out, events []*expr.Event) []*expr.Event {
	for _, e := range events {
		if e.Timestamp <= v.upTo {
			out = append(out, e)
		}
	}
	return out
}

// event makes an event of its entry, with the fields that definitions name.
func (r *Reader) event(ctx context.Context, e *history.Entry) (*expr.Event, error) {
	f, whole := r.Fields.Read(e.Fields)
	if !whole {
		var err error
		if f, err = r.body(ctx, e); err != nil {
			return nil, err
		}
	}
	return &expr.Event{
		Timestamp: e.Timestamp, MessageID: e.MessageID, Source: e.Source, ReceivedAt: e.ReceivedAt,
		Call: expr.Call{Type: e.Type, Name: e.Name}, Fields: f,
	}, nil
}

// body reads the fields from the event itself.
func (r *Reader) body(ctx context.Context, e *history.Entry) (expr.Fields, error) {
	rec, err := profile.ReadRecord(ctx, r.Log, e.Position)
	if err != nil {
		return nil, err
	}
	var docs record.Docs
	var ev event.Event
	if ev, err = rec.Event(&docs); err != nil {
		return nil, err
	}
	return r.Fields.Of(ev.Properties, expr.ContextOf(&ev, r.Fields)), nil
}
