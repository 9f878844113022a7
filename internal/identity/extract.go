package identity

import (
	"strings"

	"kith/event"
	"kith/internal/strictjson"
)

// Dropped is a value that was found in a call but identifies nobody.
type Dropped struct {
	Type   string
	Reason Reason
}

// Extract returns the identifiers of a call, normalised, without those that
// identify nobody, without repeats, ordered by rank: the first is the event's
// home. With none the event has no node and no profile.
//
// Nothing in properties identifies unless a configured path names it: forms for
// gifts and referrals carry another person's address there. Of traits only
// identify's are the person's own.
func (c *Config) Extract(e *event.Event) ([]Identifier, []Dropped) {
	x := extraction{config: c, source: c.Sources[e.Source]}
	x.add("user_id", e.UserID)
	x.add("anonymous_id", e.AnonymousID)
	if e.Type == event.Alias && e.PreviousID != e.UserID {
		x.add("anonymous_id", e.PreviousID)
	}
	if e.Type == event.Identify {
		x.addValue("email", e.Traits.Get("email"))
		x.addValue("phone", e.Traits.Get("phone"))
	}
	x.addValue("email", e.ContextValue("traits", "email"))
	x.addValue("phone", e.ContextValue("traits", "phone"))
	x.addDevice(e)
	x.addExternal(e)
	for _, p := range c.Paths {
		x.addPath(p, e)
	}
	c.Sort(x.ids)
	return x.ids, x.dropped
}

type extraction struct {
	config  *Config
	source  SourceRule
	ids     []Identifier
	dropped []Dropped
}

func (x *extraction) add(typ, value string) {
	if value == "" {
		return
	}
	if x.source.Identifies != nil && !x.source.Identifies[typ] {
		x.dropped = append(x.dropped, Dropped{typ, NotAllowed})
		return
	}
	id, reason := x.config.Normalize(typ, value, x.source.Country)
	if reason != Usable {
		x.dropped = append(x.dropped, Dropped{typ, reason})
		return
	}
	for _, have := range x.ids {
		if have == id {
			return
		}
	}
	x.ids = append(x.ids, id)
}

// addValue takes a string, or a number as it was written.
func (x *extraction) addValue(typ string, v strictjson.Value) {
	switch v.Kind() {
	case strictjson.String:
		x.add(typ, v.Text())
	case strictjson.Number:
		x.add(typ, string(v.Raw()))
	}
}

// addDevice: the advertising id's type follows the device's system, since iOS and
// Android reset and share theirs by different rules.
func (x *extraction) addDevice(e *event.Event) {
	x.addValue("device_id", e.ContextValue("device", "id"))
	ad := e.ContextValue("device", "advertisingId")
	if !ad.Exists() {
		return
	}
	system := strings.ToLower(e.ContextValue("device", "type").Text() + " " + e.ContextValue("os", "name").Text())
	switch {
	case strings.Contains(system, "ios"):
		x.addValue("idfa", ad)
	case strings.Contains(system, "android"):
		x.addValue("gaid", ad)
	default:
		x.addValue("advertising_id", ad)
	}
}

// AliasMerge returns the two user ids that an alias call makes one person, under
// the setting that lets it.
func (c *Config) AliasMerge(e *event.Event) (user, previous Identifier, ok bool) {
	if !c.AliasMerges || e.Type != event.Alias {
		return user, previous, false
	}
	x := extraction{config: c, source: c.Sources[e.Source]}
	x.add("user_id", e.UserID)
	x.add("user_id", e.PreviousID)
	if len(x.ids) != 2 {
		return user, previous, false
	}
	return x.ids[0], x.ids[1], true
}

// externalMax bounds the external ids that one call can carry.
const externalMax = 20

func (x *extraction) addExternal(e *event.Event) {
	n := 0
	for v := range e.ContextValue("externalIds").Elements() {
		if n++; n > externalMax {
			return
		}
		typ := strings.TrimSpace(v.Get("type").Text())
		if !validType(typ) {
			x.dropped = append(x.dropped, Dropped{"", BadType})
			continue
		}
		x.addValue(typ, v.Get("id"))
	}
}

// ValidType reports whether s may be the name of a type.
func ValidType(s string) bool { return validType(s) }

// validType: a type's name is stored in every key of its identifiers and stands
// in addresses, so it is short and plain.
func validType(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

func (x *extraction) addPath(p Path, e *event.Event) {
	if len(p.Events) > 0 && (e.Type != event.Track || !contains(p.Events, e.Name)) {
		return
	}
	parts := strings.Split(p.Path, ".")
	switch parts[0] {
	case "properties":
		x.addValue(p.Type, e.Properties.Path(parts[1:]...))
	case "traits":
		if e.Type == event.Identify {
			x.addValue(p.Type, e.Traits.Path(parts[1:]...))
		}
	case "context":
		x.addValue(p.Type, e.ContextValue(parts[1:]...))
	}
}

func contains(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}
