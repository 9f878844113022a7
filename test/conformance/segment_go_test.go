package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"testing"
	"time"

	"github.com/segmentio/analytics-go/v3"
)

var segmentGo = &sdk{
	name:    "segment-go",
	context: obj{"library": obj{"name": "analytics-go"}},
	lacks:   []string{"category"},
}

func TestSegmentGo(t *testing.T) {
	t.Parallel()
	deliver(t, segmentGo, 2, sendWithGo)
}

// results collects what the SDK says of each message.
type results chan error

func (r results) Success(analytics.Message)            { r <- nil }
func (r results) Failure(_ analytics.Message, e error) { r <- e }

// discard is a logger: the SDK's complaints about broken requests are expected.
type discard struct{}

func (discard) Logf(string, ...any)   {}
func (discard) Errorf(string, ...any) {}

// sendWithGo sends the plan through analytics-go, in batches of 20 messages so
// that there are requests to break.
func sendWithGo(ctx context.Context, t *testing.T, r *run) {
	t.Helper()
	var calls []call
	plan := json.NewDecoder(bytes.NewReader(r.plan.encode(t, 0, 1)))
	plan.UseNumber()
	if err := plan.Decode(&calls); err != nil {
		t.Fatalf("reading the plan: %v", err)
	}
	done := make(results, len(calls))
	client, err := analytics.NewWithConfig(writeKey, analytics.Config{
		Endpoint: r.proxy.address, BatchSize: 20, Interval: 100 * time.Millisecond, Callback: done, Logger: discard{},
	})
	if err != nil {
		t.Fatalf("making a client: %v", err)
	}
	for _, c := range calls {
		if err := client.Enqueue(goMessage(t, c)); err != nil {
			t.Errorf("queueing %s: %v", c.mark(), err)
		}
	}
	for range calls {
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("the SDK gave up: %v", err)
			}
		case <-ctx.Done():
			t.Fatal("the SDK did not say what became of all messages")
		}
	}
	if err := client.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
}

// goMessage is a call in the types of the SDK.
func goMessage(t *testing.T, c call) analytics.Message {
	t.Helper()
	at := time.Time{}
	if c.Timestamp != "" {
		var err error
		if at, err = time.Parse(time.RFC3339Nano, c.Timestamp); err != nil {
			t.Fatalf("the plan's time %q: %v", c.Timestamp, err)
		}
	}
	id, user, anon := c.MessageID, c.UserID, c.AnonymousID
	ctx, to := goContext(t, c.Context), analytics.Integrations(c.Integrations)
	switch c.Type {
	case "identify":
		return analytics.Identify{MessageId: id, UserId: user, AnonymousId: anon, Timestamp: at, Context: ctx, Integrations: to,
			Traits: c.Traits}
	case "track":
		return analytics.Track{MessageId: id, UserId: user, AnonymousId: anon, Timestamp: at, Context: ctx, Integrations: to,
			Event: c.Event, Properties: c.Properties}
	case "page":
		return analytics.Page{MessageId: id, UserId: user, AnonymousId: anon, Timestamp: at, Context: ctx, Integrations: to,
			Name: c.Name, Properties: c.Properties}
	case "screen":
		return analytics.Screen{MessageId: id, UserId: user, AnonymousId: anon, Timestamp: at, Context: ctx, Integrations: to,
			Name: c.Name, Properties: c.Properties}
	case "group":
		return analytics.Group{MessageId: id, UserId: user, AnonymousId: anon, Timestamp: at, Context: ctx, Integrations: to,
			GroupId: c.GroupID, Traits: c.Traits}
	case "alias":
		return analytics.Alias{MessageId: id, UserId: user, PreviousId: c.PreviousID, Timestamp: at, Context: ctx, Integrations: to}
	}
	t.Fatalf("a call of the type %q", c.Type)
	return nil
}

// goContext reads a planned context into the SDK's structure; what that has no
// field for goes into Extra.
func goContext(t *testing.T, o obj) *analytics.Context {
	t.Helper()
	if o == nil {
		return nil
	}
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatalf("encoding a context: %v", err)
	}
	var c analytics.Context
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatalf("reading a context: %v", err)
	}
	c.Extra = o
	if ip, ok := o["ip"].(string); ok {
		c.IP = net.ParseIP(ip)
	}
	return &c
}
