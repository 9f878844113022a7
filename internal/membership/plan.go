package membership

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"kith/event"
	"kith/internal/entity"
	"kith/internal/expr"
	"kith/internal/fact"
	"kith/internal/resource/form"
	"kith/internal/segment"
)

// Documents are the definitions of a workspace as they were saved, by key.
type Documents struct {
	Traits   map[string]json.RawMessage `json:"traits"`
	Segments map[string]json.RawMessage `json:"segments"`
}

// Set reads the documents as a set. They were checked when they were saved, so an
// error is a defect, or a document of a newer version.
func (d *Documents) Set() (*segment.Set, error) {
	s := segment.NewSet()
	for _, key := range slices.Sorted(maps.Keys(d.Traits)) {
		err := form.Read(d.Traits[key], func(o *form.Object) { s = s.WithTrait(segment.NewSet().ReadTrait(o, key, expr.Options{})) })
		if err != nil {
			return nil, err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(d.Segments)) {
		err := form.Read(d.Segments[key], func(o *form.Object) { s = s.WithSegment(segment.ReadStored(o, key, expr.Options{})) })
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (d *Documents) equal(e *Documents) bool {
	same := func(a, b json.RawMessage) bool { return string(a) == string(b) }
	return maps.EqualFunc(d.Traits, e.Traits, same) && maps.EqualFunc(d.Segments, e.Segments, same)
}

// name begins the name under which the members of a segment are stored: its key and
// a hash of everything that its answer is defined by. Behind it stands the number
// of the pass that filled it. A definition that changes is another name, so its
// members are filled beside those of the one that serves.
func (d *Documents) name(s *segment.Set, key string) string {
	h := sha256.New()
	seen := map[string]bool{}
	var add func(kind, key string)
	add = func(kind, key string) {
		if seen[kind+key] {
			return
		}
		seen[kind+key] = true
		text := d.Segments[key]
		if kind == "trait" {
			text = d.Traits[key]
		}
		for _, part := range []string{kind, key, string(text)} {
			_, _ = h.Write([]byte(part + "\x00")) // never fails
		}
		segments, traits := s.Names(kind, key)
		for _, k := range segments {
			add("segment", k)
		}
		for _, k := range traits {
			add("trait", k)
		}
	}
	add("segment", key)
	return key + "@" + hex.EncodeToString(h.Sum(nil)[:8])
}

// keyOf is the key in a stored name.
func keyOf(name string) string {
	key, _, _ := strings.Cut(name, "@")
	return key
}

// target is one segment whose members are kept.
type target struct {
	key, name string
	scope     expr.Scope
	set       *segment.Set
	filling   bool // it does not serve yet
	sources   segment.Sources
}

// plan is what follows from the definitions: which segments are kept, and which
// of them a change concerns.
type plan struct {
	live, next       Documents
	liveSet, nextSet *segment.Set
	targets          []target
	byName           map[string]int // stored names
	byCall           map[uint32][]int
	anyTrack         []int // any track concerns them
	traits           []int // a custom trait does
	consents, rows   []int
	lists            []int               // made of uploaded lists and of scores
	byList           map[uint32][]int    // the same, by fact.CallOfRows
	listsOf          map[uint32][]string // the segments whose lists those are
	accounts         []int               // anything of a person's accounts does
	ofAccounts       []int               // of the scope account
	accountTraits    bool                // what members do changes traits of their accounts that persons are asked for
	byDefault        []int               // those that a person is in of whom nothing is known
	fields           []expr.Field
}

func newPlan(serving *served, next Documents) (*plan, error) {
	p := &plan{live: serving.Documents, next: next, byCall: map[uint32][]int{}, byList: map[uint32][]int{}, listsOf: map[uint32][]string{}}
	var err error
	if p.liveSet, err = p.live.Set(); err != nil {
		return nil, err
	}
	if p.nextSet, err = next.Set(); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, d := range p.liveSet.Segments() {
		names[p.live.name(p.liveSet, d.Key)] = true
		p.target(target{key: d.Key, name: serving.Names[d.Key], scope: d.Scope, set: p.liveSet})
	}
	for _, d := range p.nextSet.Segments() {
		if n := next.name(p.nextSet, d.Key); !names[n] {
			p.target(target{key: d.Key, name: n, scope: d.Scope, set: p.nextSet, filling: true})
		}
	}
	p.fields = p.liveSet.Fields()
	for _, f := range p.nextSet.Fields() {
		if !slices.Contains(p.fields, f) {
			p.fields = append(p.fields, f)
		}
	}
	for _, s := range []*segment.Set{p.liveSet, p.nextSet} {
		for _, t := range s.Traits() {
			p.accountTraits = p.accountTraits || t.Scope == expr.Account
		}
	}
	return p, nil
}

func (p *plan) target(t target) {
	t.sources = t.set.SourcesOf(t.key)
	i := len(p.targets)
	p.targets = append(p.targets, t)
	p.listed(i, &t.sources)
	if t.scope == expr.Account {
		p.ofAccounts = append(p.ofAccounts, i)
		return
	}
	if t.set.Ask(expr.Profile, nobody{}, 0, time.UTC).Member(t.key).Verdict {
		p.byDefault = append(p.byDefault, i)
	}
	for _, c := range t.sources.Calls {
		switch {
		case c.Type == event.Track && c.AnyName:
			p.anyTrack = append(p.anyTrack, i)
		case c.Type == event.Track:
			h := fact.CallOf(event.Track, c.Name)
			p.byCall[h] = append(p.byCall[h], i)
		default:
			h := fact.CallOf(c.Type, "")
			p.byCall[h] = append(p.byCall[h], i)
		}
	}
	if t.sources.CustomTraits {
		p.traits = append(p.traits, i)
	}
	if t.sources.Consents {
		p.consents = append(p.consents, i)
	}
	if t.sources.Rows {
		p.rows = append(p.rows, i)
	}
	if t.sources.Accounts {
		p.accounts = append(p.accounts, i)
	}
}

// listed notes of which lists and scores a target is made.
func (p *plan) listed(i int, of *segment.Sources) {
	for _, key := range of.Lists {
		h := fact.CallOfRows(entity.ListOf(key), true)
		p.byList[h] = append(p.byList[h], i)
		if !slices.Contains(p.listsOf[h], key) {
			p.listsOf[h] = append(p.listsOf[h], key)
		}
	}
	for _, key := range of.Scores {
		h := fact.CallOfRows(entity.ScoreOf(key), true)
		p.byList[h] = append(p.byList[h], i)
	}
	if len(of.Lists)+len(of.Scores) > 0 {
		p.lists = append(p.lists, i)
	}
}

// picks returns what the segments that are kept pick of events.
func (p *plan) picks() []segment.Pick {
	picks := p.liveSet.Picks()
	if !p.live.equal(&p.next) {
		picks = append(picks, p.nextSet.Picks()...)
	}
	return picks
}

// filling returns the keys of what does not serve yet.
func (p *plan) filling() []string {
	var keys []string
	for _, t := range p.targets {
		if t.filling {
			keys = append(keys, t.key)
		}
	}
	return keys
}

// sameFilling reports whether the names are those of what does not serve yet,
// apart from the number of the pass.
func (p *plan) sameFilling(names map[string]string) bool {
	n := 0
	for _, t := range p.targets {
		if !t.filling {
			continue
		}
		n++
		if begin, _, _ := strings.Cut(names[t.key], "#"); begin != t.name {
			return false
		}
	}
	return n == len(names)
}

// nobody is a person of whom nothing is known. What such a person is in does not
// depend on the moment.
type nobody struct{}

func (nobody) Events(expr.Call, int64, int64) []*expr.Event { return nil }
func (nobody) CustomTrait(string) []expr.Value              { return nil }
func (nobody) Listed(string) bool                           { return false }
func (nobody) Consent(_, _ string) string                   { return "" }
func (nobody) Accounts() []segment.View                     { return nil }
func (nobody) Members() []segment.View                      { return nil }
func (nobody) Rows(string) []expr.Fields                    { return nil }

// otherCalls are the calls that are no track, by their hash in facts.
func otherCalls() map[uint32]event.Type {
	out := map[uint32]event.Type{}
	for _, t := range []event.Type{event.Identify, event.Page, event.Screen, event.Group, event.Alias} {
		out[fact.CallOf(t, "")] = t
	}
	return out
}
