package api

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/feed"
	"kith/internal/profile"
)

func TestListening(t *testing.T) {
	f := open(t)
	f.live.frames = []feed.Frame{
		{ID: "7.0"}, {Event: "verdict", ID: "7.0", Data: []byte(`{"outcome":"folded"}`)}, {Event: "event", ID: "8.0", Data: []byte("{\r\n\"a\":1}")},
	}
	w := f.send("GET", "/v1/live/events?type=track&name=A%20B&source=web&user_id=u%3A1&identifier=email%3Aa%40b.fr", "",
		"Authorization", "Bearer "+adminToken, "Last-Event-ID", "5.0")
	const want = ": listening\nid: 7.0\n\nid: 7.0\nevent: verdict\ndata: {\"outcome\":\"folded\"}\n\nid: 8.0\nevent: event\ndata: {  \"a\":1}\n\n"
	if diff := cmp.Diff(want, w.Body.String()); w.Code != 200 || w.Header().Get("Content-Type") != "text/event-stream" || diff != "" {
		t.Error(w.Code, w.Header(), diff)
	}
	asked := feed.Request{From: "5.0", Filter: feed.Filter{
		Type: event.Track, Name: "A B", Source: "web", Identifiers: []profile.Ref{{Type: "user_id", Value: "u:1"}, {Type: "email", Value: "a@b.fr"}},
	}}
	if diff := cmp.Diff(asked, f.live.asked); diff != "" {
		t.Error(diff)
	}
	f.refused("GET", "/v1/live/events?type=Track", "", 400, "live.type")
	f.refused("GET", "/v1/live/events?identifier=u1", "", 400, "live.identifier")
	f.refused("GET", "/v1/live/events?names=x", "", 400, "request.unknown_parameter")
	f.live.err = errs.Wrap(errors.New("s3cret"), errs.Unavailable, "state.down", "the state is out of reach")
	if w := f.do("GET", "/v1/live/events", ""); w.Code != 200 || w.Body.String() != want+": the stream ends: state.down\n\n" {
		t.Errorf("an end by an error: %d %q", w.Code, w.Body)
	}
	f.live.frames, f.live.err = nil, errs.New(errs.Exhausted, "live.too_many", "x")
	f.refused("GET", "/v1/live/events", "", 429, "live.too_many")
	if w := f.do("HEAD", "/v1/live/events", ""); w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("a look at the stream: %d", w.Code)
	}
}
