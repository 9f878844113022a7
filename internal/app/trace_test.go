package app

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kith/internal/api"
	"kith/internal/client"
	"kith/internal/errs"
)

func (r *running) trace(t *testing.T, messageID, query string) api.TraceRecord {
	t.Helper()
	var out api.Trace
	if err := r.client.Get(context.Background(), client.EventPath("default", messageID)+query, &out); err != nil {
		t.Fatal(err)
	}
	if len(out.Records) != 1 || !out.Complete || out.MessageID != messageID {
		t.Fatalf("%+v", out)
	}
	return out.Records[0]
}

func TestTraceOfAMessage(t *testing.T) {
	r := serve(t, settings(t))
	r.send(t, "/v1/identify", `{"userId":"u-1","anonymousId":"null","messageId":"m/1 é","timestamp":"2999-01-01T00:00:00Z","traits":{"email":"ana@shop.fr"}}`)
	for sent := time.Now().UnixMilli(); time.Now().UnixMilli() == sent; {
		runtime.Gosched() // Copies of one millisecond are ordered by their digests.
	}
	r.send(t, "/v1/identify", `{"userId":"u-1","messageId":"m/1 é"}`)
	if err := r.client.Send(context.Background(), "/v1/track", "test-key", []byte(`{"userId":"u-1","messageId":"bad"}`), nil); !errs.Is(err, errs.Invalid) {
		t.Fatalf("a call without a name: %v", err)
	}
	r.flush(t)
	p, err := r.profile(t, "user_id", "u-1")
	if err != nil {
		t.Fatal(err)
	}
	got := r.trace(t, "m/1 é", "")
	if got.Outcome != "folded" || got.Position != "0-0" || *got.EventAt != "0-0" || *got.Type != "identify" ||
		*got.ProfileID != p["id"] || *got.NodeID != got.Identifiers[0].NodeID || *got.SeenTogether != "identify" || *got.Timestamp != *got.ReceivedAt ||
		got.LastCopyAt == nil || got.Admission != "unjudged" || got.Code != nil || len(got.Event) == 0 {
		t.Errorf("%+v", got)
	}
	if len(got.Notes) != 2 || len(got.Identifiers) != 2 || got.Identifiers[0].Value != "u-1" || got.Identifiers[1].Value != "ana@shop.fr" {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff([]api.DroppedValue{{Type: "anonymous_id", Reason: "blocked"}}, got.Dropped); diff != "" {
		t.Error(diff)
	}
	if got = r.trace(t, "m/1 é", "?position=0-1"); got.Outcome != "repeat" || *got.EventAt != "0-0" {
		t.Errorf("a repeat: %+v", got)
	}
	if got = r.trace(t, "bad", ""); got.Outcome != "rejected" || *got.Code == "" || *got.Detail == "" || got.Event != nil && string(got.Event) != "null" {
		t.Errorf("a refused message: %+v", got)
	}
	for _, path := range []string{
		client.EventPath("default", "other"), client.EventPath("web", "m/1 é"),
		client.EventPath("default", "m/1 é") + "?position=0-2", client.EventPath("default", "m/1 é") + "?position=9-9", client.EventPath("default", "m/1 é") + "?position=x",
	} {
		if err := r.client.Get(context.Background(), path, nil); !errs.Is(err, errs.NotFound) || errs.CodeOf(err) != "trace.unknown" {
			t.Errorf("%s: %v", path, err)
		}
	}
}
