package consent

import (
	"slices"

	"kith/event"
	"kith/internal/strictjson"
)

// word is what an event's consent objects say of one category.
type word uint8

const (
	unsaid word = iota
	yes
	no
)

func (w word) and(other word) word { return max(w, other) }

// objects are the consent objects of one event.
type objects struct {
	preferences strictjson.Value // Segment's: category to boolean
	allowed     strictjson.Value // RudderStack's lists
	denied      strictjson.Value
}

func objectsOf(e *event.Event) objects {
	manager := e.ContextValue("consentManagement")
	return objects{
		preferences: e.ContextValue("consent", "categoryPreferences"),
		allowed:     manager.Get("allowedConsentIds"),
		denied:      manager.Get("deniedConsentIds"),
	}
}

func (o *objects) exist() bool {
	return o.preferences.Exists() || o.allowed.Exists() || o.denied.Exists()
}

// category returns what the objects say of one category. Only JSON true grants.
func (o *objects) category(name string) word {
	said := unsaid
	if v := o.preferences.Get(name); v.Exists() {
		said = no
		if v.Bool() {
			said = yes
		}
	}
	if lists(o.allowed, name) {
		said = said.and(yes)
	}
	if lists(o.denied, name) {
		said = said.and(no)
	}
	return said
}

func lists(list strictjson.Value, name string) bool {
	for v := range list.Elements() {
		if v.Is(name) {
			return true
		}
	}
	return false
}

// purpose returns what the objects say of a purpose: no as soon as one of its
// categories is refused.
func (o *objects) purpose(p *Purpose) word {
	said := unsaid
	for _, c := range p.Categories {
		said = said.and(o.category(c))
	}
	return said
}

// Extract returns what an event says of purposes: by its consent objects, and by
// Global Privacy Control. Of two things that it says of one purpose the refusal
// stands. A category that no purpose names changes nothing. Of an object of
// Segment's form that has any category that is known, or none at all, the
// categories that it lacks count as refused, for purposes that were declared.
func (c *Config) Extract(e *event.Event) []Said {
	o := objectsOf(e)
	gpc := e.Flags&event.GPC != 0 || e.ContextValue("consent", "gpc").Bool()
	if !gpc && !o.exist() {
		return nil
	}
	words := make([]word, len(c.Purposes))
	known := o.preferences.Kind() == strictjson.Object && o.preferences.Len() == 0
	for i := range c.Purposes {
		words[i] = o.purpose(&c.Purposes[i])
		known = known || words[i] != unsaid
	}
	complete := known && o.preferences.Kind() == strictjson.Object
	var out []Said
	for i := range c.Purposes {
		p, said := &c.Purposes[i], words[i]
		if said == unsaid && complete && p.Declared && len(p.Categories) > 0 {
			said = no
		}
		switch {
		case gpc && p.GPC:
			out = append(out, Said{Purpose: p.Key, State: Denied, Via: ViaGPC})
		case said == yes:
			out = append(out, Said{Purpose: p.Key, State: Granted, Via: ViaEvent})
		}
		if said == no {
			out = append(out, Said{Purpose: p.Key, State: Denied, Via: ViaEvent})
		}
	}
	return out
}

// HasGPC reports whether Global Privacy Control is among what was said.
func HasGPC(all []Said) bool {
	return slices.ContainsFunc(all, func(s Said) bool { return s.Via == ViaGPC })
}
