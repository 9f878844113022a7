package event

import (
	"bytes"

	"kith/internal/errs"
	"kith/internal/strictjson"
)

// Read takes a message's own fields out of its JSON. hint is the call that the
// request's path names, or Unknown; it wins over the message's type. The error
// is of kind Invalid and says why the message alone is refused.
//
// envelope is the object around a batch, or missing: its context and
// integrations apply to each message under the message's own, and so does its
// sentAt.
//
// The stamp is not read: of it only Type is set, and MessageID as the client
// wrote it.
func Read(body, envelope strictjson.Value, hint Type) (Event, error) {
	e := Event{body: body}
	if body.Kind() != strictjson.Object {
		return e, errs.New(errs.Invalid, "event.not_object", "a message must be a JSON object")
	}
	var f fields
	f.collect(body)
	e.Type = hint
	if hint == Unknown {
		e.Type = typeOf(f.kind)
	}
	if e.Type == Unknown {
		return e, errs.New(errs.Invalid, "event.type_unknown", "type must be identify, track, page, screen, group or alias")
	}
	e.readTexts(&f)
	e.Context = object(f.context)
	e.Properties = object(f.properties)
	e.Integrations = object(f.integrations)
	if envelope.Exists() {
		e.BatchContext = object(envelope.Get("context"))
		e.BatchIntegrations = object(envelope.Get("integrations"))
	}
	e.Run = e.ContextValue("run").Text()
	e.Channel = channelOf(f.channel)
	if e.Channel == "" {
		e.Channel = channelOf(e.ContextValue("channel"))
	}
	e.readTraits(f.traits)
	e.readTimes(&f, envelope)
	return e, e.check()
}

// fields are the members of a message that mean something here.
type fields struct {
	kind, messageID, channel                  strictjson.Value
	userID, anonymousID, groupID, previousID  strictjson.Value
	event, name                               strictjson.Value
	traits, properties, context, integrations strictjson.Value
	timestamp, originalTimestamp, sentAt      strictjson.Value
}

// longestKey is how long a known key can be when every character is written as
// an escape.
const longestKey = 6 * len("originalTimestamp")

// collect finds all of them in one pass; of a repeated key the last one is
// taken, but messages with one are refused before they get here.
func (f *fields) collect(body strictjson.Value) {
	var buf [longestKey]byte
	for k, v := range body.Members() {
		key := k.Raw()
		key = key[1 : len(key)-1]
		if len(key) > longestKey {
			continue
		}
		if bytes.IndexByte(key, '\\') >= 0 {
			key = k.AppendTo(buf[:0])
		}
		if p := f.of(key); p != nil {
			*p = v
		}
	}
}

func (f *fields) of(key []byte) *strictjson.Value {
	switch string(key) {
	case "type":
		return &f.kind
	case "messageId":
		return &f.messageID
	case "channel":
		return &f.channel
	case "userId":
		return &f.userID
	case "anonymousId":
		return &f.anonymousID
	case "groupId":
		return &f.groupID
	case "previousId":
		return &f.previousID
	case "event":
		return &f.event
	case "name":
		return &f.name
	case "traits":
		return &f.traits
	case "properties":
		return &f.properties
	case "context":
		return &f.context
	case "integrations":
		return &f.integrations
	case "timestamp":
		return &f.timestamp
	case "originalTimestamp":
		return &f.originalTimestamp
	case "sentAt":
		return &f.sentAt
	}
	return nil
}

// readTexts decodes the message's texts into one string that they share.
func (e *Event) readTexts(f *fields) {
	name := f.name
	if e.Type == Track {
		name = f.event
	}
	var buf [320]byte
	var ends [6]int
	b := buf[:0]
	for i, v := range [...]strictjson.Value{f.userID, f.anonymousID, f.groupID, f.previousID} {
		b = appendID(b, v)
		ends[i] = len(b)
	}
	b = f.messageID.TextBytes(b)
	ends[4] = len(b)
	b = name.TextBytes(b)
	ends[5] = len(b)
	all, from := string(b), 0
	for i, p := range [...]*string{&e.UserID, &e.AnonymousID, &e.GroupID, &e.PreviousID, &e.MessageID, &e.Name} {
		*p, from = all[from:ends[i]], ends[i]
	}
}

// readTraits: RudderStack's browser SDK sends the traits of identify in the
// context only, Segment's SDKs at the top.
func (e *Event) readTraits(own strictjson.Value) {
	e.Traits = object(own)
	if e.Type == Identify && e.Traits.Len() == 0 {
		if t := object(e.ContextValue("traits")); t.Exists() {
			e.Traits = t
		}
	}
}

func (e *Event) readTimes(f *fields, envelope strictjson.Value) {
	e.SentAt = timeOf(f.sentAt)
	if e.SentAt == NoTime && envelope.Exists() {
		e.SentAt = timeOf(envelope.Get("sentAt"))
	}
	e.explicit = NoTime
	e.OriginalTimestamp = timeOf(f.originalTimestamp)
	if e.OriginalTimestamp == NoTime {
		e.OriginalTimestamp = timeOf(f.timestamp)
		return
	}
	e.explicit = timeOf(f.timestamp)
}

// Explicit returns the timestamp that is final because the message also says
// what its clock showed, or NoTime.
func (e *Event) Explicit() int64 { return e.explicit }

func (e *Event) check() error {
	switch {
	case e.UserID == "" && e.AnonymousID == "":
		return errs.New(errs.Invalid, "event.id_required", "userId or anonymousId must be a non-empty string")
	case e.Type == Track && e.Name == "":
		return errs.New(errs.Invalid, "event.name_required", "track needs a non-empty event name")
	case e.Type == Group && e.GroupID == "":
		return errs.New(errs.Invalid, "event.group_id_required", "group needs a non-empty groupId")
	case e.Type == Alias && e.PreviousID == "":
		return errs.New(errs.Invalid, "event.previous_id_required", "alias needs a non-empty previousId")
	}
	return nil
}

func typeOf(v strictjson.Value) Type {
	for t := Identify; t <= Alias; t++ {
		if v.Is(typeNames[t]) {
			return t
		}
	}
	return Unknown
}

func channelOf(v strictjson.Value) string {
	for _, name := range [...]string{"web", "mobile", "server", "sources"} {
		if v.Is(name) {
			return name
		}
	}
	return ""
}

// appendID appends an id: a string, or a number as it was written.
func appendID(b []byte, v strictjson.Value) []byte {
	if v.Kind() == strictjson.Number {
		return append(b, v.Raw()...)
	}
	return v.TextBytes(b)
}

// object passes objects and turns every other value into a missing one.
func object(v strictjson.Value) strictjson.Value {
	if v.Kind() == strictjson.Object {
		return v
	}
	return strictjson.Value{}
}

func timeOf(v strictjson.Value) int64 {
	if v.Kind() != strictjson.String || len(v.Raw()) > 6*longestTime+2 {
		return NoTime
	}
	var buf [6 * longestTime]byte
	if ms, ok := parseTime(v.TextBytes(buf[:0])); ok {
		return ms
	}
	return NoTime
}
