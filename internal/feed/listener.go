package feed

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/held"
	"kith/internal/identity"
	"kith/internal/pipeline"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/state"
	"kith/internal/strictjson"
)

// listener is one listener: a place in the log and what it wants.
type listener struct {
	feed   *Feed
	filter Filter
	emit   func(Frame) error
	place  []int64 // by partition the offset of the next record
	frames []Frame // gathered and not yet emitted
	told   time.Time
	docs   record.Docs
}

// begin finds the listener's place and tells it.
func (l *listener) begin(ctx context.Context, from string) error {
	parts := l.feed.cfg.Parts()
	for _, ref := range l.filter.Identifiers {
		if _, err := parts.Reader.Node(ref); err != nil {
			return errs.New(errs.Invalid, "live.identifier", "an identifier to listen for can be nobody's; write it as type:value, such as user_id:u1")
		}
	}
	snap, err := l.feed.cfg.State.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	now, err := parts.Runner.Positions(ctx, snap)
	if err != nil {
		return err
	}
	l.place = now
	if from != "" {
		if l.place, err = parsePlace(from, len(now)); err != nil {
			return err
		}
		ends, err := parts.Runner.Log.Ends(ctx)
		if err != nil {
			return err
		}
		for p := range ends { // a place behind the end is of another log
			if l.place[p] > max(ends[p], now[p]) {
				l.place[p] = now[p]
			}
		}
	}
	l.add("", nil)
	return nil
}

// add gathers a frame that ends at the listener's place.
func (l *listener) add(kind string, data []byte) { l.addAt(kind, placeText(l.place), data) }

func (l *listener) addAt(kind, id string, data []byte) {
	l.frames = append(l.frames, Frame{Event: kind, ID: id, Data: data})
}

// send emits what is gathered, or a sign of life when there was nothing for a
// while. No snapshot is open meanwhile: a slow listener would hold what the
// pipeline needs.
func (l *listener) send() error {
	now := l.feed.cfg.Clock.Now()
	if len(l.frames) == 0 && now.Sub(l.told) >= l.feed.cfg.Beat {
		l.add("", nil)
	}
	for _, f := range l.frames {
		if err := l.emit(f); err != nil {
			return err
		}
		l.told = now
	}
	l.frames = l.frames[:0]
	return nil
}

// round gathers the frames of a bounded number of records behind the place; more
// is true when there are others.
func (l *listener) round(ctx context.Context) (more bool, err error) {
	snap, err := l.feed.cfg.State.Snapshot(ctx)
	if err != nil {
		return false, err
	}
	defer snap.Close()
	v := view{listener: l, parts: l.feed.cfg.Parts(), snap: snap, leaders: map[identity.NodeID]string{}}
	for _, ref := range l.filter.Identifiers {
		node, err := v.parts.Reader.Node(ref)
		if err != nil {
			return false, nil // the configuration has changed and blocks the value
		}
		v.wanted = append(v.wanted, node)
	}
	next, err := v.parts.Runner.Positions(ctx, snap)
	if err != nil {
		return false, err
	}
	if err := l.skip(next); err != nil {
		return false, err
	}
	for p := range next {
		left, err := v.tell(ctx, int32(p), next[p])
		if err != nil {
			return false, err
		}
		more = more || left
	}
	return more, nil
}

// skip moves a place that is too far behind to the newest records and tells how
// many are left out.
func (l *listener) skip(next []int64) error {
	var behind int64
	for p := range next {
		behind += max(0, next[p]-l.place[p])
	}
	if behind <= l.feed.cfg.LagMax {
		return nil
	}
	var lost int64
	kept := l.feed.cfg.LagKept / int64(len(next))
	for p := range next {
		if to := next[p] - kept; to > l.place[p] {
			lost += to - l.place[p]
			l.place[p] = to
		}
	}
	data, err := json.Marshal(map[string]int64{"lost": lost})
	if err != nil {
		return errs.Wrap(err, errs.Internal, "live.lost", "a number could not be written")
	}
	l.add("lost", data)
	return nil
}

// view is one round of a listener: one snapshot, one configuration.
type view struct {
	*listener
	parts   Parts
	snap    state.Reader
	wanted  []identity.NodeID
	leaders map[identity.NodeID]string // profile ids by node, empty for none
}

// roundBytesMax bounds the records that a listener reads at once, beyond the first
// of each partition.
const roundBytesMax = 1 << 20

// tell tells of the records of a partition up to a bound and moves the place
// behind them.
func (v *view) tell(ctx context.Context, partition int32, next int64) (more bool, err error) {
	share := len(v.place)
	most := min(int64(max(1, v.feed.cfg.RoundMax/share)), next-v.place[partition])
	if most <= 0 {
		return false, nil
	}
	from := eventlog.Position{Partition: partition, Offset: v.place[partition]}
	data, err := v.parts.Runner.Log.Read(ctx, from, int(most), roundBytesMax/share)
	if err != nil || len(data) == 0 {
		return false, err
	}
	records := v.parts.Runner.Interpreter.All(from, data)
	outcomes, err := pipeline.Outcomes(ctx, v.snap, v.parts.Runner.Stages.History, records)
	if err != nil {
		return false, err
	}
	for i := range records {
		before := placeText(v.place)
		v.place[partition]++
		rec, err := record.Decode(records[i].Data)
		if err != nil {
			rec = record.Record{} // the verdict tells that it cannot be read
		}
		if rec.Kind > record.Rejected || !v.fits(&records[i], &rec) { // others are no calls
			continue
		}
		if err := v.one(ctx, &records[i], &rec, &outcomes[i], before); err != nil {
			return false, err
		}
	}
	return v.place[partition] < next, nil
}

func (v *view) fits(c *pipeline.Contribution, rec *record.Record) bool {
	f := &v.filter
	named := c.Entry.Type == event.Track || c.Entry.Type == event.Page || c.Entry.Type == event.Screen
	ok := (f.Type == event.Unknown || f.Type == rec.Stamp.Type) &&
		(f.Source == "" || f.Source == rec.Stamp.Source) &&
		(f.Name == "" || named && f.Name == c.Entry.Name)
	for _, n := range v.wanted {
		ok = ok && slices.Contains(c.Nodes, n)
	}
	return ok
}

// verdict is the content of a frame that tells what became of a record.
type verdict struct {
	Outcome    string `json:"outcome"`
	Position   string `json:"position"`
	Source     string `json:"source,omitempty"`
	MessageID  string `json:"message_id,omitempty"`
	Type       string `json:"type,omitempty"`
	Name       string `json:"name,omitempty"`
	ReceivedAt string `json:"received_at,omitempty"`
	NodeID     string `json:"node_id,omitempty"`
	ProfileID  string `json:"profile_id,omitempty"`
	Code       string `json:"code,omitempty"` // of what keeps it apart
	Detail     string `json:"detail,omitempty"`
}

// one tells of one record: its verdict, and the event if it is one. A verdict
// that an event follows has the place before the record, so that both are sent
// again to a listener that is cut off between them.
func (v *view) one(ctx context.Context, c *pipeline.Contribution, rec *record.Record, o *pipeline.Outcome, before string) error {
	said := verdict{
		Outcome: o.Fate.String(), Position: (&held.Entry{Position: c.Position}).ID(),
		Source: rec.Stamp.Source, MessageID: rec.Stamp.MessageID, Type: rec.Stamp.Type.String(),
	}
	if rec.Stamp.Source != "" {
		said.ReceivedAt = event.FormatTime(rec.Stamp.ReceivedAt)
	}
	if o.Held != nil {
		said.Code, said.Detail = o.Held.Code, o.Held.Detail
	}
	var err error
	if !c.Home.IsZero() {
		said.NodeID = c.Home.String()
		if said.ProfileID, err = v.leader(ctx, c.Home); err != nil {
			return err
		}
	}
	var ev event.Event
	if c.Poison == nil {
		if ev, err = rec.Event(&v.docs); err != nil {
			return err
		}
		said.Name = ev.Name
	}
	data, err := json.Marshal(said)
	if err != nil {
		return errs.Wrap(err, errs.Internal, "live.verdict", "a verdict could not be written")
	}
	if o.Fate != pipeline.FateFolded {
		v.add("verdict", data)
		return nil
	}
	v.addAt("verdict", before, data)
	var members []byte
	if said.ProfileID != "" {
		members = strictjson.AppendString(append(members, `,"profile_id":`...), said.ProfileID)
	}
	v.add("event", profile.AppendEvent(nil, &ev, c.Home, members))
	return nil
}

// leader returns the id of the profile that a node belongs to as of the round's
// snapshot; empty when nothing is folded at it.
func (v *view) leader(ctx context.Context, node identity.NodeID) (string, error) {
	if id, ok := v.leaders[node]; ok {
		return id, nil
	}
	leader, err := v.parts.Reader.Leader(ctx, v.snap, node)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return "", err
	}
	if err == nil {
		v.leaders[node] = leader.String()
	}
	return v.leaders[node], nil
}
