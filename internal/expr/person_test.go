package expr

import (
	"slices"
	"testing"
	"time"

	"kith/event"
	"kith/internal/resource/form"
	"kith/internal/strictjson"
)

// person is a subject made of plain data.
type person struct {
	events   []*Event
	traits   string // a JSON object
	running  map[string]int64
	segments map[string]bool
	consents map[string]string // by "purpose/channel"
	accounts []*person
	members  []*person
	rows     map[string][]string // of an entity, each a JSON object
}

func (p *person) Events(call Call, lo, hi int64) []*Event {
	var out []*Event
	for _, e := range p.events {
		if e.Call.Type == call.Type && (call.AnyName || e.Call.Name == call.Name) && lo < e.Timestamp && e.Timestamp <= hi {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, (*Event).Compare)
	return out
}

func (p *person) Trait(path string) Trait {
	if since, ok := p.running[path]; ok {
		return Trait{Since: since, Running: true, Next: Never}
	}
	return Trait{Values: Values(Project(parse(p.traits), path)), Next: Never}
}

func (p *person) Member(segment string) (bool, int64) { return p.segments[segment], Never }

func (p *person) Consent(purpose, channel string) string { return p.consents[purpose+"/"+channel] }

func (p *person) Accounts() []Subject { return subjects(p.accounts) }
func (p *person) Members() []Subject  { return subjects(p.members) }

func subjects(all []*person) []Subject {
	var out []Subject
	for _, p := range all {
		out = append(out, p)
	}
	return out
}

func (p *person) Rows(entity string) []Fields {
	var out []Fields
	for _, r := range p.rows[entity] {
		out = append(out, allFields(parse(r), Field{}))
	}
	return out
}

func parse(text string) strictjson.Value {
	if text == "" {
		text = "{}"
	}
	var doc strictjson.Doc
	if err := doc.Parse([]byte(text), strictjson.Limits{}); err != nil {
		panic(err)
	}
	return doc.Root()
}

// allFields projects every path that is tested with.
func allFields(root strictjson.Value, like Field) Fields {
	var f Fields
	for _, p := range []string{"n", "s", "b", "list", "list.n", "o", "o.n", "cart_id", "t", "none", "a.b"} {
		if text := Project(root, p); text != nil {
			f = append(f, FieldText{Field{Context: like.Context, Path: p}, text})
		}
	}
	return f
}

// minutes are the unit of test times, counted from midnight.
const minute = int64(60_000)

var midnight = time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC).UnixMilli()

func track(name string, at int64, properties string) *Event {
	return &Event{
		Timestamp: midnight + at, MessageID: "m" + time.UnixMilli(at).UTC().Format("150405.000"), Source: "web",
		Call: Call{Type: event.Track, Name: name}, Fields: allFields(parse(properties), Field{}),
	}
}

func read(t testing.TB, text string, opts Options) (Condition, []form.Field) {
	t.Helper()
	var c Condition
	err := form.Read([]byte(text), func(o *form.Object) { c = Read(o, opts) })
	return c, refused(err)
}

func must(t testing.TB, text string) Condition {
	t.Helper()
	c, wrong := read(t, text, Options{})
	if len(wrong) > 0 {
		t.Fatalf("%s: %v", text, wrong)
	}
	return c
}

// ask evaluates at a moment given from midnight.
func (p *person) ask(c Condition, at int64) Result {
	return c.Eval(&Context{Now: midnight + at, Zone: time.UTC, Subject: p})
}
