package membership

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"kith/event"
	"kith/internal/decision"
	"kith/internal/expr/exprtest"
	"kith/internal/record"
	"kith/internal/sys"
)

// TestAWithdrawnGroupCallLeavesItsAccount: an account that nobody names any more
// is in no segment, and those who stay in one are asked by what is left of it.
func TestAWithdrawnGroupCallLeavesItsAccount(t *testing.T) {
	w := newWorld(t, 1)
	w.docs.Segments["quiet"] = json.RawMessage(`{"scope":"account","where":{"members":{"event":"A"},"match":"none"}}`)
	w.docs.Segments["ones"] = json.RawMessage(`{"where":{"account":{"trait":"n","op":"eq","value":1}}}`)
	group := func(user, account, traits, run string) {
		w.n++
		w.append(0, record.Record{
			Kind: record.Event, Envelope: []byte(run),
			Stamp: event.Stamp{Source: "web", MessageID: fmt.Sprint("m", w.n), Type: event.Group, ReceivedAt: sys.Millis(w.clock.Now()), Timestamp: exprtest.Midnight},
			Body:  []byte(`{"type":"group","userId":"` + user + `","groupId":"` + account + `","traits":` + traits + `}`),
		})
	}
	const run = `{"context":{"run":"load-1"}}`
	group("user-0", "account-0", `{}`, "")
	group("user-1", "account-0", `{"n":1}`, run)
	group("user-2", "account-1", `{}`, run)
	w.fold()
	w.settle()
	w.sizes(2, 2)
	d := decision.Decision{ID: "dec_1", At: exprtest.Midnight, By: "somebody", Kind: decision.Retract, Source: "web", Run: "load-1"}
	r, err := d.Record()
	if err != nil {
		t.Fatal(err)
	}
	w.append(0, r)
	w.fold()
	w.settle()
	w.sizes(1, 0)
}

func (w *world) sizes(quiet, ones int64) {
	w.t.Helper()
	for key, want := range map[string]int64{"quiet": quiet, "ones": ones} {
		if n, err := w.engine.Size(context.Background(), key); err != nil || n != want {
			w.t.Errorf("%d are in %s, not %d (%v)", n, key, want, err)
		}
	}
}
