package app

import (
	"encoding/json"
	"testing"
	"time"
)

// TestPartialWhileHistoryIsShort: values whose window reaches back before the first
// event are partial, until an earlier one comes.
func TestPartialWhileHistoryIsShort(t *testing.T) {
	r := serve(t, settings(t))
	for path, body := range map[string]string{
		"traits/orders_90d": `{"type":"count","event":"Order","window":{"last":"90d"}}`,
		"traits/orders":     `{"type":"count","event":"Order"}`,
		"traits/rate":       `{"type":"expression","expression":"orders_90d / orders"}`,
		"segments/buyers":   `{"where":{"trait":"rate","op":"exists"}}`,
	} {
		if err := r.client.Put(t.Context(), "/v1/"+path, json.RawMessage(body), nil); err != nil {
			t.Fatal(err)
		}
	}
	hold := func(want bool) {
		t.Helper()
		r.flush(t)
		var p struct {
			Computed map[string]struct{ Partial *bool }
		}
		if err := r.client.Get(t.Context(), "/v1/profiles/user_id:ana?verbose=1", &p); err != nil {
			t.Fatal(err)
		}
		for key, want := range map[string]bool{"orders_90d": want, "orders": false, "rate": want} {
			if got := p.Computed[key].Partial; got == nil || *got != want {
				t.Errorf("%s is partial: %v, want %t", key, got, want)
			}
		}
		var trait struct {
			Partial bool
			Begins  string `json:"history_begins_at"`
		}
		if err := r.client.Get(t.Context(), "/v1/traits/orders_90d", &trait); err != nil || trait.Partial != want || trait.Begins == "" {
			t.Errorf("%+v, %v", trait, err)
		}
		var why struct{ Partial bool }
		if err := r.client.Get(t.Context(), "/v1/profiles/user_id:ana/explain?segment=buyers", &why); err != nil || why.Partial != want {
			t.Errorf("the explanation is partial: %t, %v", why.Partial, err)
		}
	}
	r.send(t, "/v1/track", `{"userId":"ana","event":"Order"}`)
	hold(true)
	r.send(t, "/v1/track", `{"userId":"bo","event":"Other","timestamp":"`+time.Now().Add(-91*24*time.Hour).UTC().Format(time.RFC3339)+`"}`)
	hold(false)
}
