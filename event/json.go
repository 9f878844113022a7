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
	if !e.Integrations.Exists() && !e.BatchIntegrations.Exists() {
		return b
	}
	b = append(b, `,"integrations":`...)
	o := newMembers(b)
	for k, v := range e.Integrations.Members() {
		o.clean(k, v)
	}
	for k, v := range e.BatchIntegrations.Members() {
		if !e.Integrations.Get(k.String()).Exists() {
			o.clean(k, v)
		}
	}
	return o.close()
}

// AppendContext appends the merged context as a JSON object: the message's own
// keys, then those of the batch that it lacks, then the address and browser of
// the connection where the client named none, then consent.gpc where the
// browser asked for it.
func (e *Event) AppendContext(b []byte) []byte {
	o := newMembers(b)
	gpc, ip := e.Flags&GPC != 0, e.IP != ""
	add := func(k strictjson.Key, v strictjson.Value) {
		switch {
		case gpc && k.Is("consent"):
			o.key("consent")
			o.b, gpc = appendWithGPC(o.b, v), false
		case k.Is("ip") && e.Flags&Distrusted != 0:
		default:
			ip = ip && !k.Is("ip")
			o.clean(k, v)
		}
	}
	for k, v := range e.Context.Members() {
		add(k, v)
	}
	for k, v := range e.BatchContext.Members() {
		if !e.Context.Get(k.String()).Exists() {
			add(k, v)
		}
	}
	if ip {
		o.text("ip", e.IP)
	}
	if e.UserAgent != "" && !e.ContextValue("userAgent").Exists() {
		o.text("userAgent", e.UserAgent)
	}
	if gpc {
		o.key("consent")
		o.b = append(o.b, `{"gpc":true}`...)
	}
	return o.close()
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

// members writes the members of one JSON object to the end of b.
type members struct {
	b     []byte
	start int
}

func newMembers(b []byte) members {
	b = append(b, '{')
	return members{b: b, start: len(b)}
}

func (m *members) key(name string) {
	if len(m.b) > m.start {
		m.b = append(m.b, ',')
	}
	m.b = strictjson.AppendString(m.b, name)
	m.b = append(m.b, ':')
}

func (m *members) text(name, value string) {
	m.key(name)
	m.b = strictjson.AppendString(m.b, value)
}

func (m *members) clean(k strictjson.Key, v strictjson.Value) {
	m.key(k.String())
	m.b = v.AppendClean(m.b)
}

func (m *members) close() []byte { return append(m.b, '}') }

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
