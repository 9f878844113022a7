// Package record defines what lies in the event log: an accepted record, the
// stamp of its acceptance and the stamp of its admission. FORMAT.md gives the
// bytes. Records are never rewritten; a later version of the format is a new
// version byte beside the old one.
package record

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/strictjson"
)

// Kind tells what a record is. Everything that decides is a record.
type Kind uint8

// The kinds. The numbers are stored.
const (
	Event    Kind = 1 // one call of the Segment specification
	Rejected Kind = 2 // a message that was refused: kept with the reason, changes no state
	Decision Kind = 3 // what an operator decided about identity
	Consent  Kind = 4 // what somebody said of a purpose, as the API took it
	Row      Kind = 5 // a write of one row of an entity
)

// Verdict is the decision of admission.
type Verdict uint8

// The verdicts. The numbers are stored.
const (
	Unjudged Verdict = 0 // no transformation or plan has looked at it
	Admitted Verdict = 1
	Held     Verdict = 2 // kept apart; changes no state
)

// Admission is the stamp that plans and transformations leave. It is empty until
// they exist.
type Admission struct {
	Verdict Verdict
	Config  uint64 // version of the configuration that judged
	Body    []byte // the body that counts instead, or empty
}

// Reason says why a message was refused. It stands as JSON in the admitted body
// of a Rejected record, whose stamp may lack type and message id.
type Reason struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Reason reads the reason of a Rejected record.
func (r *Record) Reason() Reason {
	var out Reason
	if err := json.Unmarshal(r.Admission.Body, &out); err != nil || out.Code == "" {
		return Reason{Code: "record.reason_missing", Detail: "the reason for the refusal cannot be read"}
	}
	return out
}

// Record is one accepted record. Body is the message exactly as it was
// received; Envelope is the part of the batch around it that applies to it
// (sentAt, context, integrations) as a JSON object, or empty.
type Record struct {
	Kind      Kind
	Stamp     event.Stamp
	Admission Admission
	Envelope  []byte
	Body      []byte
}

const version = 1

// AppendTo appends the record's bytes to b.
func (r *Record) AppendTo(b []byte) []byte {
	s := &r.Stamp
	b = append(b, version, byte(r.Kind), byte(s.Type), byte(r.Admission.Verdict))
	b = binary.LittleEndian.AppendUint16(b, uint16(s.Flags))
	b = binary.AppendVarint(b, s.ReceivedAt)
	b = binary.AppendVarint(b, s.Timestamp)
	b = binary.AppendUvarint(b, r.Admission.Config)
	b = appendText(b, s.Source)
	b = appendText(b, s.MessageID)
	b = appendText(b, s.IP)
	b = appendText(b, s.UserAgent)
	b = appendText(b, r.Admission.Body)
	b = appendText(b, r.Envelope)
	return append(b, r.Body...)
}

func appendText[T string | []byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// Decode reads a record; Envelope, Body and Admission.Body are parts of data.
// Bytes that are no record give an error of kind Corrupt.
func Decode(data []byte) (Record, error) {
	d := decoder{rest: data}
	head := d.take(6)
	if d.bad || head[0] != version {
		return Record{}, errBytes()
	}
	var r Record
	r.Kind = Kind(head[1])
	r.Stamp.Type = event.Type(head[2])
	r.Admission.Verdict = Verdict(head[3])
	r.Stamp.Flags = event.Flags(binary.LittleEndian.Uint16(head[4:]))
	r.Stamp.ReceivedAt = d.varint()
	r.Stamp.Timestamp = d.varint()
	r.Admission.Config = d.uvarint()
	r.Stamp.Source = string(d.text())
	r.Stamp.MessageID = string(d.text())
	r.Stamp.IP = string(d.text())
	r.Stamp.UserAgent = string(d.text())
	r.Admission.Body = d.text()
	r.Envelope = d.text()
	r.Body = d.rest
	if d.bad {
		return Record{}, errBytes()
	}
	return r, nil
}

func errBytes() error {
	return errs.New(errs.Corrupt, "record.format", "the bytes are no record of a known version")
}

type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) take(n uint64) []byte {
	if d.bad || n > uint64(len(d.rest)) {
		d.bad = true
		return nil
	}
	p := d.rest[:n:n]
	d.rest = d.rest[n:]
	return p
}

func (d *decoder) text() []byte { return d.take(d.uvarint()) }

func (d *decoder) uvarint() uint64 {
	n, w := binary.Uvarint(d.rest)
	return n | uint64(d.skip(w))
}

func (d *decoder) varint() int64 {
	n, w := binary.Varint(d.rest)
	return n | int64(d.skip(w))
}

// skip moves past a number of w bytes; w <= 0 means that there was none.
func (d *decoder) skip(w int) int {
	if d.bad || w <= 0 {
		d.bad = true
		return 0
	}
	d.rest = d.rest[w:]
	return 0
}

// Sum is SHA-256 over what was received: the length-prefixed envelope, then the
// body. Of two copies of one message with the same moment of receipt the one
// with the lesser sum is the event.
func (r *Record) Sum() [32]byte {
	if len(r.Envelope) == 0 {
		return sha256.Sum256(append([]byte{0}, r.Body...))
	}
	b := appendText(make([]byte, 0, len(r.Envelope)+len(r.Body)+4), r.Envelope)
	return sha256.Sum256(append(b, r.Body...))
}

// Docs are the parsed parts of a record. They are reused from record to record;
// an event made from them is valid until the next use.
type Docs struct {
	body, envelope strictjson.Doc
}

// Event parses the record's call. The body was valid when it was accepted, so an
// error means that it cannot be folded and has to be kept apart.
func (r *Record) Event(d *Docs) (event.Event, error) {
	body := r.Body
	if len(r.Admission.Body) > 0 {
		body = r.Admission.Body
	}
	if err := d.body.Parse(body, strictjson.Limits{}); err != nil {
		return event.Event{}, err
	}
	var envelope strictjson.Value
	if len(r.Envelope) > 0 {
		if err := d.envelope.Parse(r.Envelope, strictjson.Limits{}); err != nil {
			return event.Event{}, err
		}
		envelope = d.envelope.Root()
	}
	e, err := event.Read(d.body.Root(), envelope, r.Stamp.Type)
	e.Stamp = r.Stamp
	return e, err
}
