package collect

import (
	"strings"
	"testing"

	"kith/internal/errs"
	"kith/internal/record"
)

// TestRefusedMessagesAreKept: a refused message lies in the log with its reason,
// beside those that were accepted.
func TestRefusedMessagesAreKept(t *testing.T) {
	f := newFixture(t)
	f.do(newRequest("POST", "/v1/batch", `{"sentAt":"2025-03-01T09:00:00Z","batch":[
		{"type":"track","event":"A","userId":"u1","messageId":"good"},
		{"type":"track","userId":"u1","messageId":"nameless"}]}`))
	f.do(newRequest("POST", "/v1/track", `{"event":"B","messageId":"nobody"}`))
	refused := f.log.refused(t)
	if len(refused) != 2 || len(f.log.records(t)) != 1 {
		t.Fatalf("%d refused and %d accepted", len(refused), len(f.log.records(t)))
	}
	for i, want := range []struct{ id, code string }{{"nameless", "event.name_required"}, {"nobody", "event.id_required"}} {
		if got := refused[i]; got.Stamp.MessageID != want.id || got.Reason().Code != want.code || got.Stamp.Source != "web" {
			t.Errorf("%+v, reason %+v", got.Stamp, got.Reason())
		}
	}
	if !strings.Contains(string(refused[0].Envelope), "sentAt") {
		t.Errorf("the envelope is lost: %s", refused[0].Envelope)
	}
}

func TestReaccept(t *testing.T) {
	f := newFixture(t)
	f.do(newRequest("POST", "/v1/track", `{"event":"`+strings.Repeat("x", 40_000)+`","userId":"u1"}`))
	refused := f.log.refused(t)[0]
	if _, err := f.Reaccept(refused); errs.CodeOf(err) != "event.too_large" {
		t.Fatalf("under the same limits: %v", err)
	}
	f.limits.Event, f.limits.Name = 64<<10, 64<<10
	first, err := f.Reaccept(refused)
	if err != nil {
		t.Fatal(err)
	}
	again, err := f.Reaccept(refused)
	if err != nil {
		t.Fatal(err)
	}
	if first.Stamp.MessageID == "" || first.Stamp.MessageID != again.Stamp.MessageID {
		t.Errorf("message ids %q and %q", first.Stamp.MessageID, again.Stamp.MessageID)
	}
	if first.Kind != record.Event || first.Stamp.ReceivedAt != refused.Stamp.ReceivedAt || len(first.Admission.Body) != 0 {
		t.Errorf("%+v", first.Stamp)
	}
}
