package segment

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"kith/event"
	"kith/internal/expr"
	"kith/internal/expr/exprtest"
	"kith/internal/resource/form"
	"kith/internal/strictjson"
)

// person is a view made of plain data.
type person struct {
	events   []*expr.Event
	traits   string
	lists    map[string]bool
	accounts []*person
	members  []*person
}

func (p *person) Events(call expr.Call, lo, hi int64) (out []*expr.Event) {
	for _, e := range p.events {
		if e.Call.Type == call.Type && (call.AnyName || e.Call.Name == call.Name) && lo < e.Timestamp && e.Timestamp <= hi {
			out = append(out, e)
		}
	}
	return out
}

func (p *person) CustomTrait(path string) []expr.Value {
	var doc strictjson.Doc
	if p.traits == "" || doc.Parse([]byte(p.traits), strictjson.Limits{}) != nil {
		return nil
	}
	return expr.Values(expr.Project(doc.Root(), path))
}

func (p *person) Listed(key string) bool     { return p.lists[key] }
func (p *person) Consent(_, _ string) string { return "" }
func (p *person) Accounts() []View           { return views(p.accounts) }
func (p *person) Members() []View            { return views(p.members) }
func (p *person) Rows(string) []expr.Fields  { return nil }
func views(all []*person) (out []View) {
	for _, p := range all {
		out = append(out, p)
	}
	return out
}

// track adds events n minutes after midnight.
func (p *person) track(name string, properties string, at ...int64) *person {
	for _, m := range at {
		e := &expr.Event{
			Timestamp: exprtest.Midnight + m*exprtest.Minute, MessageID: fmt.Sprint(name, m), Source: "web",
			Call: expr.Call{Type: event.Track, Name: name},
		}
		if properties != "" {
			e.Fields = expr.Fields{{Field: expr.Field{Path: "n"}, Text: []byte(properties)}}
		}
		p.events = append(p.events, e)
	}
	return p
}

// define adds definitions "kind key {document}" to a set, and returns what was
// refused.
func define(t testing.TB, s *Set, lines ...string) (*Set, string) {
	t.Helper()
	for _, line := range lines {
		w := strings.SplitN(line, " ", 3)
		next := s
		err := form.Read([]byte(w[2]), func(o *form.Object) {
			if w[0] == "trait" {
				next = s.WithTrait(s.ReadTrait(o, w[1], expr.Options{}))
				return
			}
			next = s.WithSegment(s.ReadSegment(o, w[1], expr.Options{}))
		})
		var r *form.Refused
		if errors.As(err, &r) {
			return s, r.Fields[0].Pointer + ": " + r.Fields[0].Detail
		}
		if err != nil {
			t.Fatal(err)
		}
		s = next
	}
	return s, ""
}

func must(t testing.TB, lines ...string) *Set {
	t.Helper()
	s, refused := define(t, NewSet(), lines...)
	if refused != "" {
		t.Fatal(refused)
	}
	return s
}

// TestDefinitionsNameEachOther: a segment of segments of traits of traits.
func TestDefinitionsNameEachOther(t *testing.T) {
	s := must(t,
		`trait orders {"type":"count","event":"Order"}`,
		`trait spent {"type":"sum","event":"Order","property":"n"}`,
		`trait basket {"type":"expression","expression":"spent / orders"}`,
		`trait quiet {"type":"time_since_last","event":"Order"}`,
		`segment large {"where":{"trait":"basket","op":"gte","value":10}}`,
		`segment asleep {"where":{"trait":"quiet","op":"gte","value":600}}`,
		`segment wake {"where":{"all":[{"segment":"large","op":"in"},{"segment":"asleep","op":"in"}]}}`,
		`segment picked {"list":true}`,
	)
	p := (&person{lists: map[string]bool{"picked": true}}).track("Order", "12", 0, 1).track("Order", "9", 2)
	for _, c := range []struct {
		at   int64
		want string
		next int64
	}{
		{2, "large picked", 12}, {11, "large picked", 12}, {12, "asleep large picked wake", -1}, {1, "large picked", 2}, {-1, "picked", 0},
	} {
		a := s.Ask(expr.Profile, p, exprtest.Midnight+c.at*exprtest.Minute, time.UTC)
		var in []string
		for _, d := range s.Segments() {
			if a.Member(d.Key).Verdict {
				in = append(in, d.Key)
			}
		}
		if got := strings.Join(in, " "); got != c.want {
			t.Errorf("at %d in %s, not %s", c.at, got, c.want)
		}
		next := (a.Next() - exprtest.Midnight) / exprtest.Minute
		if a.Next() == expr.Never {
			next = -1
		}
		if next != c.next {
			t.Errorf("at %d changes next at %d, not %d", c.at, next, c.next)
		}
	}
	if v := s.Ask(expr.Profile, p, exprtest.Midnight+3*exprtest.Minute, time.UTC).Value("basket"); string(v.JSON) != "11" {
		t.Errorf("the basket is %s", v.JSON)
	}
}

// TestAccounts: traits and segments of accounts, and persons asked through them.
func TestAccounts(t *testing.T) {
	s := must(t,
		`trait logins {"type":"count","event":"Login","scope":"account"}`,
		`segment active {"where":{"event":"Login"}}`,
		`segment used {"scope":"account","where":{"all":[{"trait":"logins","op":"gte","value":2},{"members":{"segment":"active","op":"in"},"match":"all"}]}}`,
	)
	ana, bo := (&person{}).track("Login", "", 0), (&person{}).track("Login", "", 1)
	acme := &person{members: []*person{ana, bo}, events: append(append([]*expr.Event{}, ana.events...), bo.events...)}
	now := exprtest.Midnight + 5*exprtest.Minute
	if !s.Ask(expr.Account, acme, now, time.UTC).Member("used").Verdict {
		t.Error("the account is not in its segment")
	}
	acme.members = append(acme.members, &person{})
	if s.Ask(expr.Account, acme, now, time.UTC).Member("used").Verdict {
		t.Error("one member is not active, yet all are")
	}
	c := &person{accounts: []*person{acme}}
	any := must(t, `trait logins {"type":"count","event":"Login","scope":"account"}`, `segment of {"where":{"account":{"trait":"logins","op":"eq","value":2}}}`)
	if !any.Ask(expr.Profile, c, now, time.UTC).Member("of").Verdict {
		t.Error("the account's computed trait is not seen from the person")
	}
}

// TestRefusedDefinitions: circles, unknown names, mixed scopes.
func TestRefusedDefinitions(t *testing.T) {
	base := must(t,
		`segment a {"where":{"trait":"x","op":"exists"}}`, `segment b {"where":{"segment":"a","op":"in"}}`, `segment c {"where":{"segment":"b","op":"in"}}`,
		`segment acc {"scope":"account","where":{"trait":"x","op":"exists"}}`,
		`trait t {"type":"count","event":"E"}`, `trait e {"type":"expression","expression":"t + f"}`, `trait clock {"type":"time_since_last","event":"E"}`,
		`trait of {"type":"count","event":"E","scope":"account"}`,
	)
	for line, want := range map[string]string{
		`segment a {"where":{"segment":"a","op":"in"}}`:                   "itself",
		`segment a {"where":{"none":[{"segment":"c","op":"in"}]}}`:        "a → c → b → a",
		`segment d {"where":{"segment":"bb","op":"in"}}`:                  "there is no segment",
		`segment d {"where":{"segment":"acc","op":"in"}}`:                 "not one of profiles",
		`segment d {"scope":"account","where":{"segment":"a","op":"in"}}`: "not one of accounts",
		`segment d {"list":true,"where":{"trait":"x","op":"exists"}}`:     "beside list",
		`segment d {}`: "must be a condition",
		`trait f {"type":"expression","expression":"e * 2"}`: "circle",
		`trait g {"type":"expression","expression":"g + 1"}`: "circle",
		`trait g {"type":"expression","expression":"clock"}`: "counts time",
		`trait g {"type":"expression","expression":"of"}`:    "another scope",
	} {
		if _, refused := define(t, base, line); !strings.Contains(refused, want) {
			t.Errorf("%s: %q", line, refused)
		}
	}
	if got := strings.Join(base.NeededBy("a"), " "); got != "b" {
		t.Errorf("a is needed by %s", got)
	}
}

// TestAnswersHoldUntilNext: of random definitions that name each other, no
// membership changes before the moment announced.
func TestAnswersHoldUntilNext(t *testing.T) {
	turned := 0
	for seed := range uint64(1500) {
		src := exprtest.New(seed)
		for _, f := range []string{"account", "consent", "entity"} {
			src.Without[f] = true
		}
		s := NewSet()
		for i, line := range []string{
			`trait c0 {"type":"count",` + src.Selection() + src.Window() + `}`,
			`trait c1 {"type":"` + []string{"sum", "max", "unique_list", "most_frequent"}[src.Rand.IntN(4)] + `","property":"n",` + src.Selection() + src.Window() + `}`,
			`trait c2 {"type":"time_since_last",` + src.Selection() + src.Window() + `}`,
			`trait c3 {"type":"expression","expression":"coalesce(c1, 0) * 2 + c0"}`,
		} {
			s, _ = define(t, s, line)
			src.Traits = append(src.Traits, fmt.Sprint("c", i))
		}
		for i := range 4 {
			var refused string
			if s, refused = define(t, s, fmt.Sprintf(`segment s%d {"where":%s}`, i, src.Condition(1))); refused != "" {
				t.Fatal(refused)
			}
			src.Segments = append(src.Segments, fmt.Sprint("s", i))
		}
		p := &person{traits: src.Values()}
		for i := range src.Rand.IntN(6) {
			p.track([]string{"A", "B", "C"}[src.Rand.IntN(3)], src.Values(), int64(i-3))
			p.events[len(p.events)-1].Fields = expr.Fields{{Field: expr.Field{Path: "n"}, Text: []byte([]string{"1", "2", `"a"`}[src.Rand.IntN(3)])}}
		}
		now := src.Moment()
		a := s.Ask(expr.Profile, p, now, time.UTC)
		next := a.Next()
		for m := int64(-8); m < 15; m++ {
			at := exprtest.Midnight + m*exprtest.Minute + int64(src.Rand.IntN(3)-1)
			if at <= now {
				continue
			}
			b := s.Ask(expr.Profile, p, at, time.UTC)
			for _, d := range s.Segments() {
				same := a.Member(d.Key).Verdict == b.Member(d.Key).Verdict
				if !same && at < next {
					t.Fatalf("seed %d: %s changed %d ms before the announced moment", seed, d.Key, next-at)
				}
				if !same {
					turned++
				}
			}
		}
	}
	if turned == 0 {
		t.Error("nothing ever changed")
	}
}
