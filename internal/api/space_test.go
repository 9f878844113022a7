package api

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/profile"
)

// TestSpaceRoutes: errors are in Segment's form where the caller can mend them,
// and what is asked for reaches the reader as it was meant.
func TestSpaceRoutes(t *testing.T) {
	f := filled(t)
	const user = "/v1/spaces/acme/collections/users/profiles/user_id:u1/"
	if got := f.ok("GET", user+"external_ids?limit=1&include=email,anonymous_id", "", 200); !strings.Contains(got, `"id":"a/b:c"`) || !strings.Contains(got, `"has_more":true`) {
		t.Error(got)
	}
	start, _ := event.ParseTime("2026-01-02")
	f.ok("GET", user+"events?start=2026-01-02&end=2026-01-03&include=A,%20B&exclude=C&sort=asc", "", 200)
	want := profile.Selection{From: start, To: start + 24*60*60*1000 - 1, Only: []string{"A", "B"}, Except: []string{"C"}, Ascending: true}
	if diff := cmp.Diff(want, f.people.selected); diff != "" {
		t.Error(diff)
	}
	const gone = `{"error":{"code":"not_found","message":"Space was not found."}}`
	if got := f.ok("GET", "/v1/spaces/default/collections/users/profiles/user_id:u1/traits", "", 404); got != gone {
		t.Error(got)
	}
	f.ok("GET", user+"traits?include="+strings.Repeat("a,", 200), "", 400)
	f.refused("GET", user+"traits?includes=a", "", 400, "request.unknown_parameter")
	f.people.err = errs.New(errs.Unavailable, "state.down", "the state is out of reach")
	f.refused("GET", user+"metadata", "", 503, "state.down")
}
