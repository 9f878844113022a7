package collect

import (
	"encoding/hex"
	"encoding/json"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/record"
	"kith/internal/strictjson"
)

// keep puts a refused message into the log beside the accepted ones, with the
// reason: nothing that a known source sends is lost. It changes no state. A
// request whose budget has no room for it is answered all the same.
func (j *job) keep(m *message, r rejection) {
	if j.source.Key == "" || !m.value.Exists() {
		return // nobody known sent it, or it came in a query and is no JSON
	}
	reason, err := json.Marshal(record.Reason{Code: r.code, Detail: r.detail})
	if err != nil {
		return // a reason is two texts, which can always be written
	}
	stamp := event.Stamp{Source: j.source.Key, MessageID: r.messageID, Type: m.call, ReceivedAt: j.received, Timestamp: j.received}
	refused := j.encode(0, &record.Record{
		Kind: record.Rejected, Stamp: stamp, Envelope: m.stored, Body: m.value.Raw(),
		Admission: record.Admission{Verdict: record.Held, Body: reason},
	})
	if refused == nil {
		j.kept++
	}
}

// Reaccept judges a refused message by the limits of today and returns the
// record as it would have been accepted at its receipt. The error is of kind
// Invalid and says why it is still refused. A message without an id gets one
// that follows from its content, so putting it back twice counts once. Of its
// connection nothing is known any more.
func (c *Collector) Reaccept(rec record.Record) (record.Record, error) {
	var doc, envelope strictjson.Doc
	if err := doc.Parse(rec.Body, c.limitsOfBody(0)); err != nil {
		return rec, err
	}
	m := message{doc: &doc, value: doc.Root(), stored: rec.Envelope, call: rec.Stamp.Type}
	if len(rec.Envelope) > 0 {
		if err := envelope.Parse(rec.Envelope, strictjson.Limits{}); err != nil {
			return rec, err
		}
		m.envelope = envelope.Root()
	}
	j := job{c: c, source: Source{Key: rec.Stamp.Source}, received: rec.Stamp.ReceivedAt}
	e, err := event.Read(m.value, m.envelope, m.call)
	if err := j.check(&m, &e, err); err != nil {
		return rec, err
	}
	if e.MessageID == "" {
		sum := rec.Sum()
		e.MessageID = hex.EncodeToString(sum[:])
	}
	j.stampContent(&e, &m)
	if e.Source == "" {
		return rec, errs.New(errs.Invalid, "event.source_missing", "the refused message names no source")
	}
	out := record.Record{Kind: record.Event, Stamp: e.Stamp, Envelope: rec.Envelope, Body: rec.Body}
	return out, nil
}
