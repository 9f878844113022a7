package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"kith/internal/entity"
	"kith/internal/job"
	"kith/internal/state"
	"kith/internal/sys"
)

// TestCustomersAreRanked: sixty customers are ranked when the trait is new, and
// again when asked; segments are made of the scores, orders that were taken back do
// not count, and who is no customer any more has no score.
func TestCustomersAreRanked(t *testing.T) {
	ctx, cfg := context.Background(), settings(t)
	r := serve(t, cfg)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	order := func(user, name, id string, revenue string, days int) {
		at := now.Add(-time.Duration(days) * 24 * time.Hour).UTC().Format(time.RFC3339Nano)
		r.send(t, "/v1/track", fmt.Sprintf(`{"userId":%q,"event":%q,"timestamp":%q,"properties":{"order_id":%q%s}}`, user, name, at, id, revenue))
	}
	for i := range 60 {
		order(fmt.Sprint("u", i), "Order Completed", fmt.Sprint("o", i), fmt.Sprintf(`,"revenue":%d.50`, i), 1+(59-i)/12)
	}
	order("u59", "Order Completed", "again", `,"revenue":100`, 1)
	order("u58", "Order Refunded", "o58", `,"revenue":8.50`, 0)
	order("u57", "Order Cancelled", "o57", ``, 0)
	r.send(t, "/v1/identify", `{"userId":"idle"}`)
	must(r.client.Put(ctx, "/v1/traits/rfm", doc(`{"type":"rfm","event":"Order Completed","property":"revenue","window":{"last":"365d"}}`), nil))
	must(r.client.Put(ctx, "/v1/segments/champions", doc(`{"where":{"all":[{"trait":"rfm.recency","op":"gte","value":5},{"trait":"rfm.monetary","op":"eq","value":5}]}}`), nil))
	r.flush(t)
	score := func(user string) map[string]any {
		t.Helper()
		p, err := r.profile(t, "user_id", user)
		if err != nil {
			t.Fatal(user, err)
		}
		rfm, _ := p["computed"].(map[string]any)["rfm"].(map[string]any)
		return rfm
	}
	same := func(user string, want map[string]any) {
		t.Helper()
		got := score(user)
		for k, v := range want {
			if fmt.Sprint(got[k]) != fmt.Sprint(v) {
				t.Errorf("%s: %s is %v, not %v (%v)", user, k, got[k], v, got)
			}
		}
	}
	// Of 59 customers; who has 8.50 less is below one who was above.
	same("u59", map[string]any{"score": "555", "orders": 2, "spent": 159.5, "customers": 59, "status": "ok"})
	same("u0", map[string]any{"score": "111", "orders": 1, "spent": 0.5})
	same("u58", map[string]any{"spent": 50, "orders": 1})
	if score("u57") != nil || score("idle") != nil {
		t.Errorf("%v and %v are scored", score("u57"), score("idle"))
	}
	size := func(want float64) {
		t.Helper()
		r.flush(t)
		var got map[string]any
		if must(r.client.Get(ctx, "/v1/segments/champions", &got)); got["size"] != want {
			t.Errorf("%v are champions, not %v", got["size"], want)
		}
	}
	size(11)
	// A score stays until everybody is ranked again.
	order("u0", "Order Completed", "more", `,"revenue":5000`, 0)
	order("u59", "Order Cancelled", "o59", ``, 0)
	order("u59", "Order Cancelled", "again", ``, 0)
	size(11)
	same("u0", map[string]any{"score": "111"})
	var text json.RawMessage
	must(r.client.Post(ctx, "/v1/traits/rfm:refresh", nil, &text))
	if j := r.endOf(t, string(text)); j.State != job.Done || j.Total != 58 || !strings.Contains(string(j.Result), `"status":"ok"`) {
		t.Errorf("%+v %s", j, j.Result)
	}
	size(11)
	same("u0", map[string]any{"score": "555", "orders": 2, "spent": 5000.5, "customers": 58})
	if score("u59") != nil {
		t.Errorf("%v: no customer any more", score("u59"))
	}
	must(r.client.Put(ctx, "/v1/traits/n", doc(`{"type":"count","event":"A"}`), nil))
	if status, _ := r.upload(t, "/v1/traits/n:refresh", "application/json", ""); status != http.StatusConflict {
		t.Errorf("status %d", status)
	}
	if status, _ := r.upload(t, "/v1/traits/none:refresh", "application/json", ""); status != http.StatusNotFound {
		t.Errorf("status %d", status)
	}
}

// TestScoresAreOfToday: what was worked out yesterday is due, and what another
// definition was worked out for is due at once.
func TestScoresAreOfToday(t *testing.T) {
	ctx, cfg := context.Background(), settings(t)
	clock := sys.NewManual(time.Date(2026, 3, 1, 23, 59, 0, 0, time.UTC))
	cfg.Clock = clock
	a, err := Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.live.Load().runner.Prepare(ctx); err != nil {
		t.Fatal(err)
	}
	put := func(text string) {
		t.Helper()
		if _, _, err := a.definitions.Traits().Put(ctx, "rfm", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	due := func(want string) {
		t.Helper()
		soon, err := a.scores.Due(ctx, false)
		if err != nil {
			t.Fatal(err)
		}
		daily, err := a.scores.Due(ctx, true)
		if got := fmt.Sprint(soon, daily); err != nil || got != want {
			t.Errorf("due are %s, not %s (%v)", got, want, err)
		}
	}
	due("[] []")
	put(`{"type":"rfm","event":"Order Completed","property":"revenue"}`)
	due("[rfm] [rfm]")
	if err := a.scores.CatchUp(ctx, false); err != nil {
		t.Fatal(err)
	}
	due("[] []")
	clock.Advance(2 * time.Minute)
	due("[] [rfm]")
	if err := a.scores.CatchUp(ctx, true); err != nil {
		t.Fatal(err)
	}
	due("[] []")
	put(`{"type":"rfm","event":"Order Completed","property":"total"}`)
	due("[rfm] [rfm]")
	err = kinship{a}.view(ctx, func(r state.Reader) error {
		row, err := entity.Get(ctx, r, entity.ScoreOf("rfm"), entity.Replaced)
		if err == nil && string(row.Get("status")) != `"insufficient_data"` {
			t.Errorf("nobody is %s", row.Get("status"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
