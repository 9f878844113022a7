package profile

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"sort"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/record"
	"kith/internal/state"
	"kith/internal/strictjson"

	"kith/event"
)

// pageBytesMax is from how many bytes on a page of events takes no more, however
// many were asked for: a page is held in memory until its reader has it.
const pageBytesMax = 2 << 20

// Events returns a page of a profile's timeline, newest first in the order of
// events. A page of large events ends before its limit.
func (r *Reader) Events(ctx context.Context, ref Ref, page Page) (EventPage, error) {
	before, err := parseCursor(page.Cursor)
	if err != nil {
		return EventPage{}, err
	}
	snap, err := r.State.Snapshot(ctx)
	if err != nil {
		return EventPage{}, err
	}
	defer snap.Close()
	c, err := r.cluster(ctx, snap, ref)
	if err != nil {
		return EventPage{}, err
	}
	entries, err := r.newest(ctx, snap, c, before, page.Limit+1)
	if err != nil {
		return EventPage{}, err
	}
	var out EventPage
	if len(entries) > page.Limit {
		entries = entries[:page.Limit]
		out.Next = formatCursor(entries[page.Limit-1].Place())
	}
	size := 0
	for i, e := range entries {
		body, err := r.render(ctx, e)
		if err != nil {
			return EventPage{}, err
		}
		out.Events = append(out.Events, body)
		if size += len(body); size >= pageBytesMax && i+1 < len(entries) {
			out.Next = formatCursor(e.Place())
			break
		}
	}
	return out, nil
}

// newest returns up to limit entries before a place in the order of events,
// latest first: of every (node, call) the latest ones, merged.
func (r *Reader) newest(ctx context.Context, s state.Reader, c *cluster, before *history.Place, limit int) ([]*history.Entry, error) {
	var all []*history.Entry
	for _, n := range c.nodes {
		for call, err := range r.History.Calls(ctx, s, n, 0, event.Unknown) {
			if err != nil {
				return nil, err
			}
			some, err := r.newestOf(ctx, s, n, call, before, limit)
			if err != nil {
				return nil, err
			}
			all = append(all, some...)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Place().Compare(all[j].Place()) > 0 })
	return all[:min(len(all), limit)], nil
}

func (r *Reader) newestOf(ctx context.Context, s state.Reader, n identity.NodeID, call history.Call, before *history.Place, limit int) ([]*history.Entry, error) {
	q := history.Query{Node: n, Type: call.Type, Name: call.Name, From: math.MinInt64, To: math.MaxInt64, Reverse: true}
	if before != nil {
		q.To = before.Timestamp
	}
	var out []*history.Entry
	for e, err := range r.History.Range(ctx, s, q) {
		if err != nil {
			return nil, err
		}
		if before != nil && e.Place().Compare(*before) >= 0 {
			continue
		}
		if out = append(out, e); len(out) == limit {
			break
		}
	}
	return out, nil
}

// render reads an entry's body from the log and writes it as it is answered.
func (r *Reader) render(ctx context.Context, e *history.Entry) (json.RawMessage, error) {
	rec, err := ReadRecord(ctx, r.Log, e.Position)
	if err != nil {
		return nil, err
	}
	var docs record.Docs
	ev, err := rec.Event(&docs)
	if err != nil {
		return nil, err
	}
	return AppendEvent(nil, &ev, e.Node, nil), nil
}

// AppendEvent appends an event as it is answered everywhere: the wire event with
// received_at, node_id unless the event has no node, source, and the given members,
// each one written as ,"name":value.
func AppendEvent(b []byte, ev *event.Event, node identity.NodeID, members []byte) []byte {
	extra := strictjson.AppendString([]byte(`,"received_at":`), event.FormatTime(ev.ReceivedAt))
	if !node.IsZero() {
		extra = strictjson.AppendString(append(extra, `,"node_id":`...), node.String())
	}
	extra = strictjson.AppendString(append(extra, `,"source":`...), ev.Source)
	return ev.AppendJSON(b, append(extra, members...))
}

// ReadRecord reads one record of the log.
func ReadRecord(ctx context.Context, log eventlog.Reader, at eventlog.Position) (record.Record, error) {
	data, err := log.Read(ctx, at, 1, 1)
	if err != nil {
		return record.Record{}, err
	}
	if len(data) == 0 {
		return record.Record{}, errs.New(errs.Corrupt, "profile.body_missing", "the index names a record that the log does not hold: partition %d, offset %d", at.Partition, at.Offset)
	}
	return record.Decode(data[0])
}

func formatCursor(p history.Place) string {
	b := state.AppendTime(nil, p.Timestamp)
	b = state.AppendTime(b, p.ReceivedAt)
	b = binary.AppendUvarint(b, uint64(len(p.MessageID)))
	b = append(append(b, p.MessageID...), p.Source...)
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseCursor(text string) (*history.Place, error) {
	if text == "" {
		return nil, nil
	}
	bad := errs.New(errs.Invalid, "api.cursor", "the cursor is not one that this list answered")
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, bad
	}
	ts, rest, ok1 := state.CutTime(b)
	received, rest, ok2 := state.CutTime(rest)
	if !ok1 || !ok2 {
		return nil, bad
	}
	d := state.NewDecoder(rest)
	s := identity.Sighting{Timestamp: ts, MessageID: d.Text(), Source: string(d.Rest())}
	if !d.Done() {
		return nil, bad
	}
	return &history.Place{Sighting: s, ReceivedAt: received}, nil
}
