package identity

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompare(t *testing.T) {
	g := newGraph()
	g.see(1, Identifier{"user_id", "a"}, Identifier{"email", "x@shop.fr"})
	g.see(2, Identifier{"user_id", "b"}, Identifier{"email", "x@shop.fr"})
	g.see(3, Identifier{"user_id", "b"}, Identifier{"phone", "+33612345678"})
	for i := range 3 {
		g.see(4, Identifier{"user_id", fmt.Sprint("s", i)}, Identifier{"email", "desk@shop.fr"})
	}
	before := g.derive()
	if d := Compare(before, before, g.ids); d.Counts != (Counts{}) || d.Before != 5 || d.After != 5 {
		t.Errorf("%+v", d)
	}
	other := *g.cfg
	other.Rules = map[string]Rule{}
	for k, r := range g.cfg.Rules {
		other.Rules[k] = r
	}
	user, email := other.Rules["user_id"], other.Rules["email"]
	user.Limit.Count = 2
	email.Guard = map[string]int{"user_id": 2}
	other.Rules["user_id"], other.Rules["email"] = user, email
	d := Compare(before, Derive(g.obs, g.ids, &other), g.ids)
	n := g.node
	want := Counts{Merged: 2, Split: 1, Quarantined: 1}
	if d.Counts != want {
		t.Errorf("%+v", d.Counts)
	}
	if diff := cmp.Diff([]Regrouping{{[]NodeID{n("user_id", "a"), n("user_id", "b")}, []NodeID{n("user_id", "a")}}}, d.Merged); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]NodeID{n("email", "desk@shop.fr")}, d.Quarantined); diff != "" {
		t.Error(diff)
	}
	reverse := Compare(Derive(g.obs, g.ids, &other), before, g.ids)
	if reverse.Counts != (Counts{Merged: 2, Split: 1, Released: 1}) {
		t.Errorf("%+v", reverse.Counts)
	}
}
