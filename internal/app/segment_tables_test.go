package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
)

// membersTold are the members of every segment as the API tells them, by segment and
// member.
func (r *running) membersTold(t *testing.T, keys ...string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, key := range keys {
		var page struct {
			Data []struct {
				ProfileID string `json:"profile_id"`
				AccountID string `json:"account_id"`
				Since     string
			}
		}
		if err := r.client.Get(t.Context(), "/v1/segments/"+key+"/members", &page); err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Data {
			out[key+" "+m.ProfileID+m.AccountID] = m.Since
		}
	}
	return out
}

// TestSegmentTablesTellWhatTheAPIDoes: after a flush, the tables of members and of
// transitions are what the API says, through a new definition, another one, a merge
// and a deletion.
func TestSegmentTablesTellWhatTheAPIDoes(t *testing.T) {
	r := serve(t, withSQL(t, settings(t)))
	put := func(key, body string) {
		t.Helper()
		if err := r.client.Put(t.Context(), "/v1/segments/"+key, json.RawMessage(body), nil); err != nil {
			t.Fatal(err)
		}
	}
	inside := map[string]bool{}
	hold := func(what string, size int, keys ...string) {
		t.Helper()
		r.flush(t)
		want, got := r.membersTold(t, keys...), map[string]string{}
		for _, row := range r.query(t, "SELECT segment, profile_id, account_id, since FROM segment_members") {
			who, _ := row["profile_id"].(string)
			account, _ := row["account_id"].(string)
			got[row["segment"].(string)+" "+who+account] = row["since"].(string)
		}
		if !maps.Equal(got, want) || len(got) != size {
			t.Errorf("%s: the table has %v, the API %v", what, got, want)
		}
		clear(inside)
		next := json.Number("0")
		for _, row := range r.query(t, "SELECT sequence, segment, coalesce(profile_id, account_id) AS who, entered, changed_at, cause FROM segment_transitions ORDER BY sequence") {
			if row["sequence"] != next {
				t.Fatalf("%s: transition %v where %s is due", what, row["sequence"], next)
			}
			n, _ := next.Int64()
			next = json.Number(fmt.Sprint(n + 1))
			key := row["segment"].(string) + " " + row["who"].(string)
			if entered := row["entered"].(bool); entered == inside[key] {
				t.Errorf("%s: %v twice", what, row)
			}
			if inside[key] = row["entered"].(bool); !inside[key] {
				delete(inside, key)
			}
		}
		for key := range want {
			if !inside[key] {
				t.Errorf("%s: %s is a member without an entry", what, key)
			}
		}
		if len(inside) != len(want) {
			t.Errorf("%s: by the transitions %v are in", what, inside)
		}
	}
	put("buyers", `{"where":{"event":"Order"}}`)
	hold("nothing", 0, "buyers")
	r.send(t, "/v1/batch", `{"batch":[
		{"type":"track","userId":"ana","event":"Order"},{"type":"track","userId":"bo","event":"Order"},{"type":"track","anonymousId":"x","event":"Visit"},
		{"type":"group","userId":"ana","groupId":"acme","traits":{"plan":"pro"}}]}`)
	hold("events", 2, "buyers")
	put("pros", `{"scope":"account","where":{"trait":"plan","op":"eq","value":"pro"}}`)
	put("buyers", `{"where":{"event":["Order","Visit"]}}`)
	hold("definitions", 4, "buyers", "pros")
	r.send(t, "/v1/identify", `{"userId":"bo","anonymousId":"x"}`)
	hold("a merge", 3, "buyers", "pros")
	put("buyers", `{"where":{"event":"Visit"}}`)
	hold("another definition", 2, "buyers", "pros")
	if err := r.client.Delete(t.Context(), "/v1/segments/buyers"); err != nil {
		t.Fatal(err)
	}
	hold("a deletion", 1, "pros")
	causes := map[string]bool{}
	for _, row := range r.query(t, "SELECT DISTINCT cause FROM segment_transitions") {
		causes[row["cause"].(string)] = true
	}
	if !causes["event"] || !causes["definition"] || !causes["identity"] {
		t.Errorf("causes %v", causes)
	}
}
