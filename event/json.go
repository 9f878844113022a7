package event

import (
	"kith/internal/strictjson"
)

// AppendJSON appends the event as a JSON object in the form of the wire, with
// what acceptance settled in place of what was sent: messageId, type, timestamp,
// originalTimestamp, sentAt and receivedAt. Strings are cleaned of NUL and lone
// surrogates; the write key is left out. extra is appended before the closing
// brace: members with a leading comma, or nothing.
func (e *Event) AppendJSON(b, extra []byte) []byte {
	b = append(b, `{"type":"`...)
	b = append(b, e.Type.String()...)
	b = append(b, `","messageId":`...)
	b = strictjson.AppendString(b, e.MessageID)
	for k, v := range e.body.Members() {
		if settled(k) {
			continue
		}
		b = append(b, ',')
		b = strictjson.AppendString(b, k.String())
		b = append(b, ':')
		b = v.AppendClean(b)
	}
	b = e.appendMerged(b)
	b = e.appendTimes(b)
	b = append(b, extra...)
	return append(b, '}')
}

// settled reports whether a member is written from the stamp or the merge with
// the batch instead of from the body.
func settled(k strictjson.Key) bool {
	for _, name := range [...]string{
		"type", "messageId", "timestamp", "originalTimestamp", "sentAt", "receivedAt", "writeKey", "context", "integrations",
	} {
		if k.Is(name) {
			return true
		}
	}
	return false
}

func (e *Event) appendMerged(b []byte) []byte {
	b = append(b, `,"context":`...)
	b = e.AppendContext(b)
	if e.Integrations.Exists() {
		b = append(b, `,"integrations":`...)
		b = e.Integrations.AppendClean(b)
	}
	return b
}

// AppendContext appends the merged context as a JSON object: the message's own
// keys, then those of the batch that it lacks, then the address and browser of
// the connection where the client named none, then consent.gpc where the
// browser asked for it.
func (e *Event) AppendContext(b []byte) []byte {
	b = append(b, '{')
	start := len(b)
	member := func(key string) {
		if len(b) > start {
			b = append(b, ',')
		}
		b = strictjson.AppendString(b, key)
		b = append(b, ':')
	}
	gpc := e.Flags&GPC != 0
	add := func(k strictjson.Key, v strictjson.Value) {
		member(k.String())
		if gpc && k.Is("consent") && v.Kind() == strictjson.Object {
			b, gpc = appendWithGPC(b, v), false
			return
		}
		b = v.AppendClean(b)
	}
	for k, v := range e.Context.Members() {
		add(k, v)
	}
	for k, v := range e.BatchContext.Members() {
		if !e.Context.Get(k.String()).Exists() {
			add(k, v)
		}
	}
	if e.IP != "" && !e.ContextValue("ip").Exists() {
		member("ip")
		b = strictjson.AppendString(b, e.IP)
	}
	if e.UserAgent != "" && !e.ContextValue("userAgent").Exists() {
		member("userAgent")
		b = strictjson.AppendString(b, e.UserAgent)
	}
	if gpc && !e.ContextValue("consent").Exists() {
		member("consent")
		b = append(b, `{"gpc":true}`...)
	}
	return append(b, '}')
}

// appendWithGPC writes a consent object with gpc set to true.
func appendWithGPC(b []byte, consent strictjson.Value) []byte {
	b = append(b, `{"gpc":true`...)
	for k, v := range consent.Members() {
		if k.Is("gpc") {
			continue
		}
		b = append(b, ',')
		b = strictjson.AppendString(b, k.String())
		b = append(b, ':')
		b = v.AppendClean(b)
	}
	return append(b, '}')
}

func (e *Event) appendTimes(b []byte) []byte {
	for _, t := range [...]struct {
		key string
		ms  int64
	}{
		{"timestamp", e.Timestamp}, {"originalTimestamp", e.OriginalTimestamp},
		{"sentAt", e.SentAt}, {"receivedAt", e.ReceivedAt},
	} {
		if t.ms == NoTime {
			continue
		}
		b = append(b, ',')
		b = strictjson.AppendString(b, t.key)
		b = append(b, ':')
		b = strictjson.AppendString(b, FormatTime(t.ms))
	}
	return b
}
