package app

import (
	"context"
	"encoding/json"

	"kith/event"
	"kith/internal/api"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/held"
	"kith/internal/identity"
	"kith/internal/pipeline"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/state"
)

func errNoTrace() error {
	return errs.New(errs.NotFound, "trace.unknown",
		"no record of that message is known; it may be not folded yet, or over a month old")
}

// Trace implements api.Pipeline. It reads one snapshot; what the state does not
// hold is computed anew from the record, as the pipeline computed it.
func (f fold) Trace(ctx context.Context, source, messageID, position string) (api.Trace, error) {
	out := api.Trace{Source: source, MessageID: messageID, Complete: true}
	snap, err := f.app.store.Snapshot(ctx)
	if err != nil {
		return out, err
	}
	defer snap.Close()
	var at []eventlog.Position
	if position == "" {
		at, out.Complete, err = pipeline.Locate(ctx, snap, f.app.log.Partitions(), source, messageID)
	} else {
		at = make([]eventlog.Position, 1)
		if at[0], err = held.ParseID(position); err != nil {
			err = errNoTrace()
		}
	}
	if err != nil {
		return out, err
	}
	for _, p := range at {
		one, err := f.traceOne(ctx, snap, p, source, messageID)
		if err != nil {
			return out, err
		}
		out.Records = append(out.Records, one)
	}
	if len(at) == 0 {
		return out, errNoTrace()
	}
	return out, nil
}

// traceOne tells what happened to the record at a position, if it is one of the
// message.
func (f fold) traceOne(ctx context.Context, snap state.Reader, at eventlog.Position, source, messageID string) (api.TraceRecord, error) {
	live := f.app.live.Load()
	c, err := live.runner.ReadOne(ctx, at)
	if errs.Is(err, errs.NotFound) {
		return api.TraceRecord{}, errNoTrace()
	}
	if err != nil {
		return api.TraceRecord{}, err
	}
	rec, err := record.Decode(c.Data)
	if err != nil || rec.Stamp.Source != source || rec.Stamp.MessageID != messageID {
		return api.TraceRecord{}, errNoTrace()
	}
	outcomes, err := pipeline.Outcomes(ctx, snap, live.runner.Stages.History, []pipeline.Contribution{c})
	if err != nil {
		return api.TraceRecord{}, err
	}
	t := traced(&c, &rec, &outcomes[0])
	if c.Home.IsZero() {
		return t, nil
	}
	home := c.Home.String()
	t.NodeID = &home
	p, err := live.reader.Read(ctx, profile.Ref{Type: profile.ProfileIDType, Value: home})
	if errs.Is(err, errs.NotFound) {
		return t, nil // nothing is folded at that node
	}
	id := p.ID.String()
	t.ProfileID = &id
	return t, err
}

// traced writes down what a record and its outcome say by themselves.
func traced(c *pipeline.Contribution, rec *record.Record, o *pipeline.Outcome) api.TraceRecord {
	t := api.TraceRecord{
		Position: positionText(c.Position), Outcome: o.Fate.String(), Summary: outcomeWords(o.Fate, len(c.Identifiers) > 0),
		Type: filled(rec.Stamp.Type.String()), ReceivedAt: filled(event.FormatTime(rec.Stamp.ReceivedAt)),
		Notes: stampWords(rec.Stamp.Flags), Admission: admissionWords(&rec.Admission),
		Identifiers: []api.TracedIdentifier{}, Dropped: []api.DroppedValue{},
	}
	if rec.Kind == record.Event {
		t.Timestamp = filled(event.FormatTime(rec.Stamp.Timestamp))
	}
	if o.Fate == pipeline.FateFolded || o.Fate == pipeline.FateRepeat {
		t.EventAt = filled(positionText(o.Event))
	}
	if o.LastCopy != 0 {
		t.LastCopyAt = filled(event.FormatTime(o.LastCopy))
	}
	if o.Held != nil {
		t.Code, t.Detail = filled(o.Held.Code), filled(o.Held.Detail)
	}
	for i, id := range c.Identifiers {
		t.Identifiers = append(t.Identifiers, api.TracedIdentifier{Type: id.Type, Value: id.Value, NodeID: c.Nodes[i].String()})
	}
	for _, d := range c.Dropped {
		t.Dropped = append(t.Dropped, api.DroppedValue{Type: d.Type, Reason: string(d.Reason)})
	}
	if len(c.Identifiers) > 0 {
		t.SeenTogether = filled(seenWords(c.Observation.Kind))
	}
	if c.Poison == nil {
		t.Event = wireEvent(rec, c.Home)
	}
	return t
}

// wireEvent shows a record's event as a timeline does; nil when it cannot be
// read.
func wireEvent(rec *record.Record, home identity.NodeID) json.RawMessage {
	ev, err := rec.Event(&record.Docs{})
	if err != nil {
		return nil
	}
	return profile.AppendEvent(nil, &ev, home, nil)
}

func positionText(at eventlog.Position) string { return (&held.Entry{Position: at}).ID() }

// filled is nil for an empty text.
func filled(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func outcomeWords(f pipeline.Fate, home bool) string {
	switch {
	case f == pipeline.FateWaiting:
		return "accepted; it is not folded yet"
	case f == pipeline.FateFolded && home:
		return "accepted, and folded into the profile of its first identifier"
	case f == pipeline.FateFolded:
		return "accepted and counted; it names nobody, so it belongs to no profile"
	case f == pipeline.FateRepeat:
		return "accepted; another copy of the message is the event, so this one changes nothing"
	case f == pipeline.FateHeld:
		return "accepted, and kept apart because it could not be folded"
	case f == pipeline.FateRejected:
		return "refused by the collector, and kept apart with the reason"
	case f == pipeline.FateRetracted:
		return "accepted; the run that it is of is retracted, so it does not count"
	case f == pipeline.FatePutBack:
		return "had been refused, and was put back into the log as another record"
	}
	return "folded so long ago that the state no longer tells whether it is the event or a repeat"
}

// stampWords says in words what was done to a message when it was accepted.
func stampWords(flags event.Flags) []string {
	out := []string{}
	for _, f := range [...]struct {
		flag  event.Flags
		words string
	}{
		{event.Replaced, "characters that no text can hold were replaced"},
		{event.ClampedTime, "its timestamp was too far ahead, so the moment of receipt stands for it"},
		{event.CorrectedTime, "its timestamp was corrected, because the sender's clock was wrong"},
		{event.MadeMessageID, "it came without a usable messageId, so one was made"},
		{event.HashedID, "its messageId was too long or no text, so a hash stands for it"},
		{event.GPC, "the request asked not to be tracked (Global Privacy Control)"},
		{event.ServerSide, "it came from a server, so its address is not the person's"},
		{event.Distrusted, "its source may not claim an address or a moment long ago, so what it claims does not count"},
	} {
		if flags&f.flag != 0 {
			out = append(out, f.words)
		}
	}
	return out
}

func admissionWords(a *record.Admission) string {
	switch a.Verdict {
	case record.Admitted:
		return "admitted"
	case record.Held:
		return "held"
	}
	return "unjudged"
}

func seenWords(k identity.Kind) string {
	switch k {
	case identity.SeenInIdentify:
		return "identify"
	case identity.SeenInAlias:
		return "alias"
	}
	return "event"
}
