package demo

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Identifier is a value by which a system names somebody, normalised as identity
// normalises it.
type Identifier struct{ Type, Value string }

// Known is what is true of one identifier.
type Known struct {
	Identifier

	// Owners are the numbers of the people whose it is: one as a rule, several for
	// what a household shares, none for what stands for nobody, such as a kiosk.
	Owners []int

	// Cluster names what the messages tell about an identifier of one person:
	// those with the same name are tied together by messages that name both. A
	// browser on which nobody ever signed in has a cluster of its own, although it
	// is somebody's. It is empty for everything that is shared or nobody's.
	Cluster string
}

// Known returns what is true of the identifiers that the person's messages name,
// those of the partner's file too. What identifies nobody, such as a user id that
// reads "undefined", is not among them.
func (w *World) Known(i int) []Known {
	t := &truth{w: w, p: w.Person(i), root: map[Identifier]Identifier{}}
	for _, m := range w.Messages(i) {
		if !m.Refused {
			t.read(m.Body)
		}
	}
	if row, ok := w.PartnerRow(i); ok {
		if m, err := PartnerMessage(row, ""); err == nil {
			t.read(m.Body)
		}
	}
	out := make([]Known, 0, len(t.root))
	for id := range t.root {
		out = append(out, Known{id, []int{i}, strconv.Itoa(i) + " " + t.find(id).Value})
	}
	for _, id := range t.shared {
		out = append(out, Known{Identifier: id, Owners: w.owners(t.p, id)})
	}
	slices.SortFunc(out, func(a, b Known) int { return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Value, b.Value)) })
	return out
}

// truth joins the identifiers of one person that a message names together.
type truth struct {
	w      *World
	p      *Person
	root   map[Identifier]Identifier
	shared []Identifier
}

// wire is the part of a message that can name somebody.
type wire struct {
	Type, UserID, AnonymousID, PreviousID string
	Traits                                struct{ Email, Phone string }
	Context                               struct {
		Traits      struct{ Email, Phone string }
		Device      struct{ ID, AdvertisingID, Type string }
		ExternalIDs []struct{ ID, Type string }
	}
}

func (t *truth) read(body []byte) {
	var m wire
	if err := json.Unmarshal(body, &m); err != nil {
		panic("BUG: a message of the demo is no JSON: " + err.Error())
	}
	ids := []Identifier{{"user_id", m.UserID}, {"anonymous_id", m.AnonymousID}, {"anonymous_id", m.PreviousID}, {"device_id", m.Context.Device.ID}}
	ads := "gaid"
	if m.Context.Device.Type == "ios" {
		ads = "idfa"
	}
	ids = append(ids, Identifier{ads, m.Context.Device.AdvertisingID})
	second := false
	for _, x := range m.Context.ExternalIDs {
		ids = append(ids, Identifier{x.Type, x.ID})
		second = second || t.p.CRM2 != "" && x.ID == t.p.CRM2
	}
	// A person has one CRM card in kith: the second one stays by itself and does
	// not take the address with it.
	if !second {
		ids = append(ids, t.reached(m.Context.Traits.Email, m.Context.Traits.Phone)...)
		if m.Type == "identify" {
			ids = append(ids, t.reached(m.Traits.Email, m.Traits.Phone)...)
		}
	}
	t.together(ids)
}

func (t *truth) reached(address, number string) []Identifier {
	if number == national(t.p.Phone) {
		number = t.p.Phone
	}
	return []Identifier{{"email", strings.ToLower(strings.TrimSpace(address))}, {"phone", number}}
}

// together joins those that are the person's own.
func (t *truth) together(ids []Identifier) {
	var first Identifier
	for _, id := range ids {
		switch {
		case id.Value == "" || id == Identifier{"user_id", "undefined"} || id == Identifier{"phone", "0000000000"}:
		case t.isShared(id):
			if !slices.Contains(t.shared, id) {
				t.shared = append(t.shared, id)
			}
		case first.Value == "":
			first = id
			t.find(id)
		default:
			t.root[t.find(id)] = t.find(first)
		}
	}
}

// find returns what stands for the identifiers joined with one.
func (t *truth) find(id Identifier) Identifier {
	r, ok := t.root[id]
	if !ok {
		t.root[id] = id
		return id
	}
	if r == id {
		return id
	}
	r = t.find(r)
	t.root[id] = r
	return r
}

func (t *truth) isShared(id Identifier) bool {
	if nobodys(id) || id.Value == t.p.Landline {
		return true
	}
	last := len(t.p.Devices) - 1
	return t.p.Devices[last].Shared && (id.Value == t.p.Devices[last].Anonymous || id.Value == t.p.Devices[last].ID)
}

func nobodys(id Identifier) bool {
	return id.Value == kioskAnonymous || id.Value == Kiosk || id.Value == desk
}

// owners are those of a household, or nobody.
func (w *World) owners(p *Person, id Identifier) []int {
	if nobodys(id) {
		return nil
	}
	var out []int
	first := p.Number - p.Number%householdSize
	for j := first; j < first+householdSize; j++ {
		if w.household(j) == p.Household {
			out = append(out, j)
		}
	}
	return out
}

// Household names two people of one household, by their user ids, among those
// with numbers below n. ok is false when there is none.
func (w *World) Household(n int) (one, other string, ok bool) {
	for i := range n {
		first := w.household(i)
		if first >= 0 && first < i {
			return w.Person(first).UserID, w.Person(i).UserID, true
		}
	}
	return "", "", false
}
