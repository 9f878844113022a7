package event

import (
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
func Read(body, envelope strictjson.Value, hint Type) (Event, error) {
	e := Event{body: body, envelope: envelope}
	if body.Kind() != strictjson.Object {
		return e, errs.New(errs.Invalid, "event.not_object", "a message must be a JSON object")
	}
	e.Type = hint
	if hint == Unknown {
		e.Type = TypeOf(body.Get("type").Text())
	}
	if e.Type == Unknown {
		return e, errs.New(errs.Invalid, "event.type_unknown", "type must be identify, track, page, screen, group or alias")
	}
	e.UserID = idText(body.Get("userId"))
	e.AnonymousID = idText(body.Get("anonymousId"))
	e.GroupID = idText(body.Get("groupId"))
	e.PreviousID = idText(body.Get("previousId"))
	e.MessageID = body.Get("messageId").Text()
	e.Context = object(body.Get("context"))
	e.BatchContext = object(envelope.Get("context"))
	e.Properties = object(body.Get("properties"))
	e.Integrations = object(body.Get("integrations"))
	if !e.Integrations.Exists() {
		e.Integrations = object(envelope.Get("integrations"))
	}
	e.Run = e.ContextValue("run").Text()
	e.readName()
	e.readTraits()
	e.readTimes()
	return e, e.check()
}

func (e *Event) readName() {
	if e.Type == Track {
		e.Name = e.body.Get("event").Text()
		return
	}
	e.Name = e.body.Get("name").Text()
}

// readTraits: RudderStack's browser SDK sends the traits of identify in the
// context only, Segment's SDKs at the top.
func (e *Event) readTraits() {
	e.Traits = object(e.body.Get("traits"))
	if e.Type == Identify && e.Traits.Len() == 0 {
		if t := object(e.ContextValue("traits")); t.Exists() {
			e.Traits = t
		}
	}
}

func (e *Event) readTimes() {
	e.SentAt = timeOf(e.body.Get("sentAt"))
	if e.SentAt == NoTime {
		e.SentAt = timeOf(e.envelope.Get("sentAt"))
	}
	e.OriginalTimestamp = timeOf(e.body.Get("originalTimestamp"))
	if e.OriginalTimestamp == NoTime {
		e.OriginalTimestamp = timeOf(e.body.Get("timestamp"))
	}
}

// Explicit returns the timestamp that is final because the message also says
// what its clock showed, or NoTime.
func (e *Event) Explicit() int64 {
	if timeOf(e.body.Get("originalTimestamp")) == NoTime {
		return NoTime
	}
	return timeOf(e.body.Get("timestamp"))
}

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

// idText reads an id: a string, or a number as it was written.
func idText(v strictjson.Value) string {
	switch v.Kind() {
	case strictjson.String:
		return v.Text()
	case strictjson.Number:
		return string(v.Raw())
	}
	return ""
}

// object passes objects and turns every other value into a missing one.
func object(v strictjson.Value) strictjson.Value {
	if v.Kind() == strictjson.Object {
		return v
	}
	return strictjson.Value{}
}

func timeOf(v strictjson.Value) int64 {
	if v.Kind() != strictjson.String {
		return NoTime
	}
	if ms, ok := ParseTime(v.Text()); ok {
		return ms
	}
	return NoTime
}
