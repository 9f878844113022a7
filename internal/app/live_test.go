package app

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"kith/internal/client"
	"kith/internal/errs"
)

// told is a message of the stream with the parts of its content that matter here.
type told struct {
	Event, ID                             string `json:"-"` // of the message
	Outcome, Position, Type, Source, Code string

	MessageID  string `json:"message_id"`
	SentID     string `json:"messageId"`
	ReceivedAt string `json:"received_at"`
	NodeID     string `json:"node_id"`
	ProfileID  string `json:"profile_id"`
}

// listener reads a stream of a running server.
type listener struct {
	messages chan told
	ended    chan error
	stop     context.CancelFunc
}

// listen opens a stream and returns once it has its place.
func (r *running) listen(t *testing.T, query, from string) *listener {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	l := &listener{messages: make(chan told), ended: make(chan error, 1), stop: stop}
	begun := make(chan struct{})
	go func() {
		first := true
		l.ended <- r.client.Stream(ctx, "/v1/live/events"+query, from, func(m client.Message) error {
			if m.Event == "" {
				if first {
					close(begun)
				}
				first = false
				return nil
			}
			one := told{Event: m.Event, ID: m.ID}
			if err := json.Unmarshal(m.Data, &one); err != nil {
				return err
			}
			select {
			case l.messages <- one:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	t.Cleanup(stop)
	select {
	case <-begun:
	case err := <-l.ended:
		t.Fatal(err)
	}
	return l
}

func (l *listener) next(t *testing.T) told {
	t.Helper()
	select {
	case m := <-l.messages:
		return m
	case err := <-l.ended:
		t.Fatalf("the stream ended: %v", err)
	}
	return told{}
}

func TestListeningToLiveEvents(t *testing.T) {
	r := serve(t, settings(t))
	r.send(t, "/v1/track", `{"userId":"u-0","event":"Before","messageId":"m0"}`)
	r.flush(t)
	l := r.listen(t, "", "")
	r.send(t, "/v1/identify", `{"userId":"u-1","anonymousId":"a-1","messageId":"m1","traits":{"plan":"pro"}}`)
	if v := l.next(t); v.Event != "verdict" || v.Outcome != "folded" || v.Position != "0-1" || v.ID != "1" || v.MessageID != "m1" || v.Source != "default" {
		t.Errorf("%+v", v)
	}
	e := l.next(t)
	if e.Event != "event" || e.ID != "2" || e.SentID != "m1" || e.Type != "identify" || e.ReceivedAt == "" || e.NodeID == "" || e.Source != "default" {
		t.Errorf("%+v", e)
	}
	r.send(t, "/v1/track", `{"anonymousId":"a-1","event":"Seen","messageId":"m2"}`)
	l.next(t)
	if again := l.next(t); again.ProfileID != e.ProfileID || again.NodeID == e.NodeID {
		t.Errorf("an event of the same person's browser: %+v", again)
	}
	r.send(t, "/v1/track", `{"anonymousId":"a-1","event":"Seen","messageId":"m2"}`)
	if v := l.next(t); v.Event != "verdict" || v.Outcome != "repeat" || v.ID != "4" {
		t.Errorf("%+v", v)
	}
	if err := r.client.Send(context.Background(), "/v1/track", "test-key", []byte(`{"userId":"u-1","messageId":"bad"}`), nil); !errs.Is(err, errs.Invalid) {
		t.Fatal(err)
	}
	if v := l.next(t); v.Outcome != "rejected" || v.Code == "" || v.MessageID != "bad" || v.ID != "5" {
		t.Errorf("%+v", v)
	}
	l.stop()
	if err := <-l.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("a listener that leaves: %v", err)
	}
	// One that was cut off behind the verdict of m2 gets its event, and what came
	// meanwhile.
	l = r.listen(t, "", "2")
	for i, want := range []string{"2", "3", "4", "5"} {
		if m := l.next(t); m.ID != want {
			t.Errorf("message %d after going on: %+v", i, m)
		}
	}
	r.stop()
	if err := <-l.ended; !errs.Is(err, errs.Unavailable) {
		t.Errorf("at the server's end: %v", err)
	}
}

func TestListeningToSome(t *testing.T) {
	r := serve(t, settings(t))
	f := func(query string) {
		t.Helper()
		l := r.listen(t, query, "")
		r.send(t, "/v1/identify", `{"userId":"u-2","traits":{"email":"Bob@Shop.fr"}}`)
		r.send(t, "/v1/page", `{"userId":"u-1","name":"Home"}`)
		r.send(t, "/v1/track", `{"userId":"u-1","event":"Bought","context":{"traits":{"email":"ana@shop.fr"}},"messageId":"`+query+`"}`)
		if v := l.next(t); v.Event != "verdict" || v.MessageID != query {
			t.Errorf("%s: %+v", query, v)
		}
		if e := l.next(t); e.Event != "event" || e.SentID != query {
			t.Errorf("%s: %+v", query, e)
		}
		l.stop()
		<-l.ended
	}
	f("?type=track")
	f("?name=Bought&source=default")
	f("?user_id=u-1&type=track")
	f("?identifier=email:ANA@shop.fr")
	for query, code := range map[string]string{"?identifier=email:nobody": "live.identifier", "?type=x": "live.type"} {
		err := r.client.Stream(context.Background(), "/v1/live/events"+query, "", func(client.Message) error { return nil })
		if errs.CodeOf(err) != code {
			t.Errorf("%s: %v", query, err)
		}
	}
	if err := r.client.Stream(context.Background(), "/v1/live/events", "1.2", nil); errs.CodeOf(err) != "live.place" {
		t.Errorf("a place of another log: %v", err)
	}
}
