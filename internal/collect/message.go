package collect

import (
	"crypto/sha256"
	"encoding/hex"
	"unicode/utf8"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/record"
	"kith/internal/strictjson"
)

// A messageId of more characters than this is replaced by its hash.
const messageIDMax = 100

// historyMax is how far in milliseconds before receipt a timestamp may lie when
// the source is not believed on server-only fields: long enough for a phone
// that was off the network for days.
const historyMax = 7 * 24 * 60 * 60 * 1000

// decideSingle judges a body that is one message.
func decideSingle(j *job, w *work) *refusal {
	root, r := j.parseBody(w, 0)
	if r != nil {
		return r
	}
	if r := j.openBody(root); r != nil {
		return r
	}
	return j.judge(w, message{doc: &w.doc, value: root, call: j.ep.call})
}

// decideBatch judges a body that holds messages under "batch".
func decideBatch(j *job, w *work) *refusal {
	root, r := j.parseBody(w, 2)
	if r != nil {
		return r
	}
	if r := j.openBody(root); r != nil {
		return r
	}
	batch := root.Get("batch")
	if batch.Kind() != strictjson.Array {
		return invalid("batch.required", "the body must be an object with an array named batch")
	}
	if batch.Len() > j.c.limits.Batch {
		return invalid("batch.too_many", "the batch has more messages than the limit")
	}
	if v, found := outside(&w.doc, batch); found {
		return invalid(v.Code, v.Detail)
	}
	w.envelope = appendEnvelope(w.envelope[:0], root)
	if len(w.envelope) > j.c.limits.Envelope || len(w.envelope)*batch.Len() > j.c.limits.Merged {
		return invalid("batch.context_too_large", "the batch's own context and integrations are larger than the limit")
	}
	j.expected = j.inflated + batch.Len()*(len(w.envelope)+stampSize)
	flags := j.envelopeFlags(w, root)
	i := 0
	for v := range batch.Elements() {
		m := message{doc: &w.doc, value: v, envelope: root, stored: w.envelope, index: i, flags: flags}
		if r := j.judge(w, m); r != nil {
			return r
		}
		i++
	}
	return nil
}

// parseBody inflates and parses the body. levels is how deep in it the messages
// lie.
func (j *job) parseBody(w *work, levels int) (strictjson.Value, *refusal) {
	if j.body == nil || len(j.body.b) == 0 {
		return strictjson.Value{}, invalid("body.empty", "the request has no body")
	}
	var encoding string
	if v := j.r.Header["Content-Encoding"]; len(v) > 1 {
		encoding = "more than one"
	} else if len(v) == 1 {
		encoding = v[0]
	}
	body, r := w.inflate(encoding, j.body.b, int(j.c.limits.BodyBytes))
	if r != nil {
		return strictjson.Value{}, r
	}
	j.inflated = len(body)
	if err := w.doc.Parse(body, j.c.limitsOfBody(levels)); err != nil {
		return strictjson.Value{}, fromInvalid(err)
	}
	return w.doc.Root(), nil
}

// openBody opens the source that the body names, unless the head has named one.
func (j *job) openBody(root strictjson.Value) *refusal {
	if !j.headless {
		return nil
	}
	if r := j.open(bodyCredential(root)); r != nil {
		return r
	}
	return j.sourceRate(0)
}

// outside returns the first violation that lies in none of the batch's messages.
func outside(doc *strictjson.Doc, batch strictjson.Value) (strictjson.Violation, bool) {
	start, end := batch.Span()
	for _, v := range doc.Violations() {
		if v.Offset <= start || v.Offset >= end {
			return v, true
		}
	}
	return strictjson.Violation{}, false
}

// appendEnvelope appends the members of a batch that apply to its messages, as a
// JSON object, or nothing when there are none.
func appendEnvelope(b []byte, root strictjson.Value) []byte {
	o := newObject(b)
	if v := root.Get("sentAt"); v.Kind() == strictjson.String {
		o.key("sentAt")
		o.b = append(o.b, v.Raw()...)
	}
	for _, name := range [...]string{"context", "integrations"} {
		if v := root.Get(name); v.Kind() == strictjson.Object && v.Len() > 0 {
			o.key(name)
			o.b = append(o.b, v.Raw()...)
		}
	}
	if o.empty() {
		return b
	}
	return o.close()
}

// envelopeFlags returns the flags that every message of the batch inherits.
func (j *job) envelopeFlags(w *work, root strictjson.Value) event.Flags {
	for _, name := range [...]string{"sentAt", "context", "integrations"} {
		if w.doc.ReplacedIn(root.Get(name)) {
			return event.Replaced
		}
	}
	return 0
}

// message is one message in a parsed document.
type message struct {
	doc      *strictjson.Doc
	value    strictjson.Value
	envelope strictjson.Value // the batch around it, or missing
	stored   []byte           // the part of the envelope that is kept
	call     event.Type       // that the path names, or Unknown
	index    int
	flags    event.Flags
}

// judge refuses a message or encodes its record. A refusal of the message is
// noted; what is returned concerns the whole request.
func (j *job) judge(w *work, m message) *refusal {
	e, err := event.Read(m.value, m.envelope, m.call)
	if err = j.check(&m, &e, err); err != nil {
		j.reject(&m, err)
		return nil
	}
	w.event = e
	j.stamp(&w.event, &m)
	partition := j.c.route(&w.event)
	return j.encode(partition, &record.Record{
		Kind:     record.Event,
		Stamp:    w.event.Stamp,
		Envelope: m.stored,
		Body:     m.value.Raw(),
	})
}

// check returns why a message is refused, given what reading it said. Size and
// grammar come first: a message with a repeated key says two things.
func (j *job) check(m *message, e *event.Event, read error) error {
	limits := &j.c.limits
	if len(m.value.Raw()) > limits.Event {
		return errs.New(errs.Invalid, "event.too_large", "a message may have %d bytes", limits.Event)
	}
	if v, found := m.doc.ViolationIn(m.value); found {
		return errs.New(errs.Invalid, v.Code, "%s", v.Detail)
	}
	if read != nil {
		return read
	}
	if len(e.Name) > limits.Name {
		return errs.New(errs.Invalid, "event.name_too_long", "a name may have %d bytes", limits.Name)
	}
	if e.Type == event.Identify || e.Type == event.Group {
		return checkTraits(e.Traits, limits)
	}
	return nil
}

// checkTraits bounds what becomes part of a profile.
func checkTraits(traits strictjson.Value, limits *Limits) error {
	if len(traits.Raw()) <= min(limits.Name, limits.Trait) {
		return nil
	}
	return checkTrait(traits, limits)
}

// checkTrait walks a value; the depth of its recursion is bounded by the depth
// that messages may have.
func checkTrait(v strictjson.Value, limits *Limits) error {
	switch v.Kind() {
	case strictjson.String:
		if len(v.Raw()) > limits.Trait+2 {
			return errs.New(errs.Invalid, "event.trait_too_long", "a string in traits may have %d bytes", limits.Trait)
		}
	case strictjson.Array:
		for item := range v.Elements() {
			if err := checkTrait(item, limits); err != nil {
				return err
			}
		}
	case strictjson.Object:
		for k, item := range v.Members() {
			if len(k.Raw()) > limits.Name+2 {
				return errs.New(errs.Invalid, "event.trait_name_too_long", "the name of a trait may have %d bytes", limits.Name)
			}
			if err := checkTrait(item, limits); err != nil {
				return err
			}
		}
	}
	return nil
}

// reject notes a refused message and tells the observer.
func (j *job) reject(m *message, err error) {
	r := rejection{index: m.index, code: errs.CodeOf(err), detail: errs.DetailOf(err)}
	if id := m.value.Get("messageId").Text(); utf8.RuneCountInString(id) <= messageIDMax {
		r.messageID = id
	}
	j.rejected = append(j.rejected, r)
	j.keep(m, r)
	if j.c.observer.Rejected != nil {
		j.c.observer.Rejected(Rejection{j.source.Key, r.index, r.messageID, r.code, r.detail, m.value.Raw()})
	}
}

// stamp fills in what acceptance settles.
func (j *job) stamp(e *event.Event, m *message) {
	j.stampContent(e, m)
	j.stampOrigin(e)
}

// stampContent is the part of the stamp that follows from source, receipt and
// message alone.
func (j *job) stampContent(e *event.Event, m *message) {
	e.Source = j.source.Key
	e.ReceivedAt = j.received
	e.Flags = m.flags
	if m.doc.ReplacedIn(m.value) {
		e.Flags |= event.Replaced
	}
	j.stampMessageID(e, m)
	timestamp, flags := event.Correct(e.Explicit(), e.OriginalTimestamp, e.SentAt, j.received)
	e.Timestamp = timestamp
	e.Flags |= flags
}

// stampMessageID gives a message the id by which its copies are told. A hash
// stands for an id that is too long, and for one whose text was replaced in
// part: two different ones must not become the same.
func (j *job) stampMessageID(e *event.Event, m *message) {
	var sum [sha256.Size]byte
	switch {
	case e.MessageID == "":
		e.MessageID = uuid(j.c.random())
		e.Flags |= event.MadeMessageID
		return
	case e.Flags&event.Replaced != 0 && m.doc.ReplacedIn(m.value.Get("messageId")):
		sum = sha256.Sum256(m.value.Get("messageId").Raw())
	case len(e.MessageID) > messageIDMax && utf8.RuneCountInString(e.MessageID) > messageIDMax:
		sum = sha256.Sum256([]byte(e.MessageID))
	default:
		return
	}
	e.MessageID = hex.EncodeToString(sum[:])
	e.Flags |= event.HashedID
}

// uuid writes 16 random bytes as a UUID of version 4.
func uuid(b [16]byte) string {
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[0:8], b[0:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:36], b[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// recordOverhead is room for a record's numbers and lengths: six bytes of head,
// three numbers and six lengths, of at most ten bytes each.
const recordOverhead = 6 + 9*10

// stampSize is what a stamp usually adds to a message, in bytes.
const stampSize = 128

// encode appends the record to the request's records and its place to the
// entries.
func (j *job) encode(partition int32, r *record.Record) *refusal {
	s := &r.Stamp
	need := recordOverhead + len(s.Source) + len(s.MessageID) + len(s.IP) + len(s.UserAgent) + len(r.Envelope) + len(r.Body)
	b := j.recordBuffer(need)
	if b == nil {
		return overloaded()
	}
	from := len(b.b)
	b.b = r.AppendTo(b.b)
	j.entries = append(j.entries, eventlog.Entry{Partition: partition, Data: b.b[from:len(b.b):len(b.b)]})
	j.stored += len(b.b) - from
	return nil
}

// recordBuffer returns a buffer with room for one more record, or nil when the
// budget has none. Buffers are added, never grown: the entries point into them.
// The first one is as large as the whole request is likely to need.
func (j *job) recordBuffer(need int) *buffer {
	size := max(need, j.expected)
	if n := len(j.records); n > 0 {
		last := j.records[n-1]
		if cap(last.b)-len(last.b) >= need {
			return last
		}
		size = max(need, cap(last.b)/2)
	}
	if !j.take(int64(sizeFor(size))) {
		return nil
	}
	b := j.c.buffers.get(size)
	j.records = append(j.records, b)
	return b
}
