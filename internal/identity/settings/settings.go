// Package settings is the document of the identity settings: what an operator may
// say of identifier types, their limits and what identifies nobody. It reads and
// checks the document and makes the interpreting configuration of it.
package settings

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/resource/form"
	"kith/internal/strictjson"
)

// Bounds of a document.
const (
	TypesMax    = 100
	BlockedMax  = 10_000 // values of one type
	PathsMax    = 100
	EventsMax   = 100
	priorityMax = 100
	countMax    = 10_000
	textMax     = 255
)

// Codes of refusals.
const (
	CodePriority = "identity.priority_policy"
	CodeUnknown  = "identity.unknown_type"
	CodeTwice    = "identity.type_twice"
	CodeRegex    = "identity.bad_regex"
	CodeWindow   = "identity.bad_window"
	CodePath     = "identity.bad_path"
	CodeType     = "identity.type_name"
)

// Window is the length of a limit's window as it is written: "ever", or a
// duration such as 30d.
type Window string

// Type is what a document says of one type. Nil fields keep their defaults.
type Type struct {
	Type      string         `json:"type"`
	Priority  int            `json:"priority"`
	Limit     Limit          `json:"limit"`
	Policy    string         `json:"policy"`
	Guard     map[string]int `json:"guard"`
	Protected bool           `json:"protected"`
}

// Limit bounds the values of a type in one cluster.
type Limit struct {
	Count  int    `json:"count"`
	Window Window `json:"window"`
}

// Path maps a place in a call to a type.
type Path struct {
	Path   string   `json:"path"`
	Type   string   `json:"type"`
	Events []string `json:"events,omitempty"`
}

// ClusterSize bounds clusters.
type ClusterSize struct {
	Soft int `json:"soft"` // more identifiers than that are worth a look
	Hard int `json:"hard"` // more are never in one cluster
}

// Document is the whole of the settings, with the defaults filled in.
type Document struct {
	DefaultCountry   string              `json:"default_country,omitempty"`
	Types            []Type              `json:"types"`
	Blocked          map[string][]string `json:"blocked"`
	Paths            []Path              `json:"paths"`
	AnonymousEvents  string              `json:"anonymous_events"`
	AliasMergesUsers bool                `json:"alias_merges_users"`
	ClusterSize      ClusterSize         `json:"cluster_size"`
}

// The policies, and what becomes of purely anonymous events.
const (
	first, latest, none = "first", "latest", "none"
	never               = "never"
	ever                = Window("ever")
)

// Default is the document of a workspace that has set nothing.
func Default() Document {
	cfg := identity.DefaultConfig()
	d := Document{
		Types: []Type{}, Blocked: map[string][]string{}, Paths: []Path{}, AnonymousEvents: latest,
		ClusterSize: ClusterSize{Soft: cfg.ClusterAlert, Hard: cfg.ClusterMax},
	}
	for typ := range cfg.Rules {
		d.Types = append(d.Types, typeOf(cfg, typ))
	}
	d.sort()
	return d
}

func (d *Document) sort() {
	slices.SortFunc(d.Types, func(a, b Type) int {
		if a.Priority != b.Priority {
			return a.Priority - b.Priority
		}
		return strings.Compare(a.Type, b.Type)
	})
}

// typeOf writes down the rule of a type.
func typeOf(cfg *identity.Config, typ string) Type {
	r := cfg.Rule(typ)
	t := Type{Type: typ, Priority: r.Priority, Limit: Limit{r.Limit.Count, ever}, Policy: first, Guard: map[string]int{}, Protected: r.Protected}
	if r.Limit.Window != 0 {
		t.Limit.Window = windowOf(r.Limit.Window)
	}
	switch r.Policy {
	case identity.Latest:
		t.Policy = latest
	case identity.None:
		t.Policy = none
	}
	for k, n := range r.Guard {
		t.Guard[k] = n
	}
	return t
}

// windowOf writes a window of whole minutes.
func windowOf(ms int64) Window {
	minutes := ms / time.Minute.Milliseconds()
	for _, u := range [...]struct {
		minutes int64
		unit    string
	}{{24 * 60, "d"}, {60, "h"}} {
		if minutes%u.minutes == 0 {
			return Window(strconv.FormatInt(minutes/u.minutes, 10) + u.unit)
		}
	}
	return Window(strconv.FormatInt(minutes, 10) + "m")
}

// milliseconds is 0 for ever; ok is false for what is no window.
func (w Window) milliseconds() (ms int64, ok bool) {
	if w == ever {
		return 0, true
	}
	d, ok := form.ParseDuration(string(w))
	return d.Milliseconds(), ok
}

// Read reads a document; what it leaves out has its default. The error is of kind
// Invalid with the place of every mistake and what to do about it.
func Read(body []byte) (Document, error) {
	d := Default()
	err := form.Read(body, func(o *form.Object) { d.read(o) })
	return d, err
}

// Decode reads a document that this package wrote.
func Decode(data []byte) (Document, error) {
	d, err := Read(data)
	if err != nil {
		return d, errs.New(errs.Corrupt, "identity.settings_format", "the stored identity settings cannot be read")
	}
	return d, nil
}

// JSON is the document as it is stored and answered.
func (d *Document) JSON() ([]byte, error) {
	b, err := json.Marshal(d)
	return b, errs.Wrap(err, errs.Internal, "identity.settings_encode", "the identity settings could not be written down")
}

func (d *Document) read(o *form.Object) {
	if o.Has("default_country") {
		if d.DefaultCountry = o.Text("default_country", 2); !country(d.DefaultCountry) {
			o.Refuse("default_country", form.CodeInvalid, "must be a country of ISO 3166 in two capital letters, such as FR")
		}
	}
	o.Skip("default_country")
	d.readTypes(o)
	d.readBlocked(o)
	d.readPaths(o)
	if o.Has("anonymous_events") {
		d.AnonymousEvents = o.Text("anonymous_events", textMax)
		if d.AnonymousEvents != latest && d.AnonymousEvents != never {
			o.Refuse("anonymous_events", form.CodeInvalid, "must be latest (they follow the owner of the browser) or never")
		}
	}
	o.Skip("anonymous_events")
	d.AliasMergesUsers = o.Flag("alias_merges_users", false)
	o.Object("cluster_size", func(o *form.Object) {
		d.ClusterSize.Hard = int(o.Int("hard", int64(d.ClusterSize.Hard), 2, 5_000))
		d.ClusterSize.Soft = int(o.Int("soft", int64(min(d.ClusterSize.Soft, d.ClusterSize.Hard)), 1, 5_000))
		if d.ClusterSize.Soft > d.ClusterSize.Hard {
			o.Refuse("soft", form.CodeInvalid, "may not be above hard")
		}
	})
}

func country(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}

// readTypes puts what the document says in place of the defaults.
func (d *Document) readTypes(o *form.Object) {
	cfg := identity.DefaultConfig()
	places := map[string]int{} // by type its place in the document
	i := -1
	o.Objects("types", TypesMax, func(o *form.Object) {
		i++
		t := readType(o, cfg)
		if _, twice := places[t.Type]; twice && t.Type != "" {
			o.Refuse("type", CodeTwice, "the type stands twice in the list; leave one")
			return
		}
		places[t.Type] = i
		at := slices.IndexFunc(d.Types, func(have Type) bool { return have.Type == t.Type })
		if at < 0 {
			d.Types = append(d.Types, t)
		} else {
			d.Types[at] = t
		}
	})
	known := map[string]bool{}
	for _, t := range d.Types {
		known[t.Type] = true
	}
	for _, t := range d.Types {
		if place, given := places[t.Type]; given {
			d.checkType(o, t, strconv.Itoa(place), known)
		}
	}
	d.sort()
}

// readType reads what a document says of a type, over the type's defaults.
func readType(o *form.Object, cfg *identity.Config) Type {
	name := o.Required("type", 64)
	if name != "" && !identity.ValidType(name) {
		o.Refuse("type", CodeType, "a type has 1 to 64 letters, digits, '_', '-' and '.'")
	}
	t := typeOf(cfg, name)
	t.Priority = int(o.Int("priority", int64(t.Priority), 1, priorityMax))
	o.Object("limit", func(o *form.Object) {
		t.Limit.Count = int(o.Int("count", int64(t.Limit.Count), 1, countMax))
		if o.Has("window") {
			t.Limit.Window = Window(o.Text("window", textMax))
			if _, ok := t.Limit.Window.milliseconds(); !ok {
				o.Refuse("window", CodeWindow, "must be ever, or a whole number from 1 and m, h, d or w, such as 30d")
			}
		}
		o.Skip("window")
	})
	if o.Has("policy") {
		t.Policy = o.Text("policy", textMax)
		if t.Policy != first && t.Policy != latest && t.Policy != none {
			o.Refuse("policy", form.CodeInvalid, "must be first, latest or none")
		}
	}
	o.Skip("policy")
	if v := o.Value("guard"); v.Kind() == strictjson.Object {
		t.Guard = map[string]int{}
		o.At(v, func(o *form.Object) {
			for k := range v.Members() {
				t.Guard[k.String()] = int(o.Int(k.String(), 1, 1, countMax))
			}
		}, "guard")
	} else if v.Exists() && v.Kind() != strictjson.Null {
		o.Refuse("guard", form.CodeType, `must be an object such as {"user_id":3}`)
	}
	t.Protected = o.Flag("protected", t.Protected)
	return t
}

// checkType refuses what only shows beside the other types.
func (d *Document) checkType(o *form.Object, t Type, place string, known map[string]bool) {
	for _, other := range d.Types {
		if other.Type != t.Type && other.Priority == t.Priority && other.Policy != t.Policy {
			o.RefuseAt(CodePriority, "has the priority of "+other.Type+" and another policy; types of one priority share one policy", "types", place, "policy")
			break
		}
	}
	for guard := range t.Guard {
		if !known[guard] {
			o.RefuseAt(CodeUnknown, "no type has this name; name one of the list or of the defaults", "types", place, "guard", guard)
		}
	}
}

func (d *Document) readBlocked(o *form.Object) {
	v := o.Value("blocked")
	if !v.Exists() || v.Kind() == strictjson.Null {
		return
	}
	o.At(v, func(o *form.Object) {
		for k := range v.Members() {
			typ := k.String()
			if typ != "*" && !identity.ValidType(typ) {
				o.Refuse(typ, CodeType, "must be the name of a type, or * for all")
			}
			list := o.Texts(typ, BlockedMax, textMax)
			d.Blocked[typ] = append([]string{}, list...)
			for i, text := range list {
				if text == "" {
					o.RefuseAt(form.CodeInvalid, "must be a value, or a pattern between slashes", typ, strconv.Itoa(i))
				} else if re, ok := pattern(text); ok {
					if _, err := regexp.Compile(re); err != nil {
						o.RefuseAt(CodeRegex, "the pattern cannot be read; it has the syntax of RE2", typ, strconv.Itoa(i))
					}
				}
			}
		}
	}, "blocked")
}

// pattern takes a pattern out of its slashes.
func pattern(text string) (re string, ok bool) {
	if len(text) > 2 && text[0] == '/' && text[len(text)-1] == '/' {
		return text[1 : len(text)-1], true
	}
	return "", false
}

func (d *Document) readPaths(o *form.Object) {
	o.Objects("paths", PathsMax, func(o *form.Object) {
		p := Path{Path: o.Required("path", textMax), Type: o.Required("type", 64), Events: o.Texts("events", EventsMax, textMax)}
		if p.Type != "" && !identity.ValidType(p.Type) {
			o.Refuse("type", CodeType, "a type has 1 to 64 letters, digits, '_', '-' and '.'")
		}
		root, rest, ok := strings.Cut(p.Path, ".")
		if p.Path != "" && (!ok || rest == "" || root != "properties" && root != "traits" && root != "context") {
			o.Refuse("path", CodePath, "must begin with properties., traits. or context., such as traits.crm_id")
		}
		d.Paths = append(d.Paths, p)
	})
}

// Config makes the interpreting configuration, without what the sources say.
func (d *Document) Config() *identity.Config {
	cfg := identity.DefaultConfig()
	cfg.Country, cfg.ClusterMax, cfg.ClusterAlert = d.DefaultCountry, d.ClusterSize.Hard, d.ClusterSize.Soft
	cfg.AnonymousNever, cfg.AliasMerges = d.AnonymousEvents == never, d.AliasMergesUsers
	for _, t := range d.Types {
		cfg.Rules[t.Type] = t.rule()
	}
	contest(cfg)
	for _, p := range d.Paths {
		cfg.Paths = append(cfg.Paths, identity.Path(p))
	}
	extra := identity.Blocked{Values: map[string][]string{}, Patterns: map[string][]*regexp.Regexp{}}
	for typ, list := range d.Blocked {
		for _, text := range list {
			if re, ok := pattern(text); ok {
				if c, err := regexp.Compile(re); err == nil { // Read has refused any other
					extra.Patterns[typ] = append(extra.Patterns[typ], c)
				}
				continue
			}
			extra.Values[typ] = append(extra.Values[typ], text)
		}
	}
	cfg.Blocked = cfg.Blocked.With(extra)
	return cfg
}

func (t *Type) rule() identity.Rule {
	ms, _ := t.Limit.Window.milliseconds()
	r := identity.Rule{
		Priority: t.Priority, Limit: identity.Limit{Count: t.Limit.Count, Window: ms},
		Guard: map[string]int{}, Protected: t.Protected,
	}
	switch t.Policy {
	case latest:
		r.Policy = identity.Latest
	case none:
		r.Policy = identity.None
	}
	for k, n := range t.Guard {
		r.Guard[k] = n
	}
	return r
}

// contest gives the types of the policy none their meaning: a value that is seen
// with more values of a stronger type than one person may have joins nobody.
func contest(cfg *identity.Config) {
	for typ, r := range cfg.Rules {
		if r.Policy != identity.None {
			continue
		}
		for other, o := range cfg.Rules {
			if o.Priority >= r.Priority || o.Limit.Window != 0 || o.Limit.Count == 0 {
				continue
			}
			if n, ok := r.Guard[other]; !ok || o.Limit.Count < n {
				r.Guard[other] = o.Limit.Count
			}
		}
		cfg.Rules[typ] = r
	}
}
