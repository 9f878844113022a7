package app

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"kith/internal/definition"
)

// TestAudiencesFromTheTables: previews, overlaps and breakdowns are the same from
// the open tables as from asking everybody.
func TestAudiencesFromTheTables(t *testing.T) {
	t.Run("tables", func(t *testing.T) { audiences(t, withSQL(t, settings(t)), true) })
	t.Run("everybody", func(t *testing.T) { audiences(t, settings(t), false) })
}

// TestAudiencesFromTheCopy: they are the same from ClickHouse, which is not asked any
// more when it has lost what it held.
func TestAudiencesFromTheCopy(t *testing.T) {
	r := audiences(t, onClickHouse(t, settings(t)), true)
	mirror, err := r.lakePlace.Mirror()
	if err != nil {
		t.Fatal(err)
	}
	if err := mirror.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := r.answered(t)
	var out struct{ Size int64 }
	if err := r.client.Post(t.Context(), "/v1/segments:preview", json.RawMessage(`{"where":{"event":"Order"}}`), &out); err != nil || out.Size != 2 {
		t.Errorf("%+v, %v", out, err)
	}
	if got := r.answered(t) - before; got != 0 {
		t.Errorf("the empty copy has answered %d queries", got)
	}
}

// audiences asks for each kind of audience; asked says whether an engine of queries
// has to answer.
func audiences(t *testing.T, cfg Config, asked bool) *running {
	t.Helper()
	r := serve(t, cfg)
	r.send(t, "/v1/batch", `{"batch":[
		{"type":"identify","userId":"ana","traits":{"plan":"pro","tags":["a","b"]}},{"type":"identify","userId":"bo","traits":{"plan":"free","tags":["b"]}},{"type":"identify","userId":"cy","traits":{"plan":"pro"}},
		{"type":"track","userId":"ana","event":"Order","properties":{"revenue":10.1}},{"type":"track","userId":"ana","event":"Order","properties":{"revenue":0.2}},{"type":"track","userId":"bo","event":"Order","properties":{"revenue":5}}]}`)
	if err := r.client.Put(t.Context(), "/v1/segments/buyers", json.RawMessage(`{"where":{"event":"Order"}}`), nil); err != nil {
		t.Fatal(err)
	}
	if err := r.client.Put(t.Context(), "/v1/segments/pros", json.RawMessage(`{"where":{"trait":"plan","op":"eq","value":"pro"}}`), nil); err != nil {
		t.Fatal(err)
	}
	r.flush(t)
	for _, c := range [][3]string{
		{"preview", `{"where":{"all":[{"event":"Order","aggregate":{"fn":"sum","property":"revenue"},"op":"eq","value":10.3},{"trait":"plan","op":"exists"}]},"sample":0}`, `{"exact":true,"per_condition":[1,3],"sample":[],"size":1}`},
		{"preview", `{"key":"buyers","where":{"trait":"plan","op":"eq","value":"pro"}}`, `{"buyers":2,"enter":["cy"],"leave":["bo"],"size":2,"stay":1}`},
		{"overlap", `{"segments":["buyers","pros"]}`, `{"exact":true,"regions":[{"in":[],"size":0},{"in":["buyers"],"size":1},{"in":["pros"],"size":1},{"in":["buyers","pros"],"size":1}],"sizes":{"buyers":2,"pros":2}}`},
		{"breakdown", `{"segment":"buyers","trait":"plan"}`, `{"data":[{"size":1,"value":"free"},{"size":1,"value":"pro"}],"exact":true,"other":0,"values":2}`},
		{"breakdown", `{"where":{"trait":"plan","op":"exists"},"trait":"tags"}`, `{"data":[{"size":2,"value":"b"},{"size":1,"value":"a"},{"size":1,"value":null}],"exact":true,"other":0,"values":3}`},
	} {
		var out map[string]any
		before := r.answered(t)
		if err := r.client.Post(t.Context(), "/v1/segments:"+c[0], json.RawMessage(c[1]), &out); err != nil {
			t.Fatal(err)
		}
		if got := r.answered(t) - before; got == 1 != asked {
			t.Errorf("%s %s: the engine has answered %d queries", c[0], c[1], got)
		}
		delete(out, "as_of")
		delete(out, "cost")
		delete(out, "partial")
		if change, ok := out["change"].(map[string]any); ok {
			out = map[string]any{
				"size": out["size"], "buyers": change["size_now"], "stay": change["staying"],
				"enter": calledThere(t, r, change["entering"]), "leave": calledThere(t, r, change["leaving"]),
			}
		}
		text, err := json.Marshal(out)
		if err != nil || strings.TrimSpace(string(text)) != c[2] {
			t.Errorf("%s %s gives %s (%v)", c[0], c[1], text, err)
		}
	}
	return r
}

// answered is how many queries an engine has answered whole.
func (r *running) answered(t *testing.T) (n int) {
	t.Helper()
	w := httptest.NewRecorder()
	r.metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if _, rest, ok := strings.Cut(w.Body.String(), `kith_sql_queries_total{outcome="ok"} `); ok {
		if _, err := fmt.Sscan(rest, &n); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// calledThere is the user ids of the people that one side of a comparison shows.
func calledThere(t *testing.T, r *running, side any) []string {
	t.Helper()
	var names []string
	for _, one := range side.(map[string]any)["sample"].([]any) {
		person := one.(map[string]any)
		var p struct{ Identifiers []struct{ Value string } }
		if err := r.client.Get(t.Context(), "/v1/profiles/id:"+person["profile_id"].(string), &p); err != nil {
			t.Fatal(err)
		}
		if person["identifier"].(map[string]any)["value"] != p.Identifiers[0].Value {
			t.Errorf("%v is shown for %v", person, p)
		}
		names = append(names, p.Identifiers[0].Value)
	}
	return names
}

// TestDryRunOnTheServer: a dry run tells what saving would change, and saves nothing.
func TestDryRunOnTheServer(t *testing.T) {
	r := serve(t, withSQL(t, settings(t)))
	r.send(t, "/v1/batch", `{"batch":[{"type":"track","userId":"ana","event":"Order"},{"type":"track","userId":"bo","event":"Visit"}]}`)
	for range 2 { // the first one, and an unchanged one
		if err := r.client.Put(t.Context(), "/v1/segments/s", json.RawMessage(`{"where":{"event":"Order"}}`), nil); err != nil {
			t.Fatal(err)
		}
	}
	r.flush(t)
	var dry struct {
		Exact  bool
		Change struct {
			SizeNow           int64 `json:"size_now"`
			Entering, Leaving struct{ Size int64 }
		}
	}
	if err := r.client.Put(t.Context(), "/v1/segments/s?dry_run=1", json.RawMessage(`{"where":{"event":["Order","Visit"]}}`), &dry); err != nil {
		t.Fatal(err)
	}
	if !dry.Exact || dry.Change.SizeNow != 1 || dry.Change.Entering.Size != 1 || dry.Change.Leaving.Size != 0 {
		t.Errorf("%+v", dry)
	}
	var now struct{ Size, Version int64 }
	r.flush(t)
	if err := r.client.Get(t.Context(), "/v1/segments/s", &now); err != nil || now.Size != 1 || now.Version != 1 {
		t.Errorf("after the dry run: %+v, %v", now, err)
	}
}

// TestAudienceOfAPart: with more rows than are read at once a preview asks a part of
// everybody and says so; asked to be exact, it is.
func TestAudienceOfAPart(t *testing.T) {
	r := serve(t, withSQL(t, settings(t)))
	small := r.tabled()
	small.Readable = definition.Readable{Events: 100, Nodes: 100}
	r.definitions.Ask(small)
	const people, buyers = 400, 200
	var calls []string
	for i := range people {
		calls = append(calls, fmt.Sprintf(`{"type":"track","userId":"u%d","event":"Seen"}`, i))
		if i < buyers {
			calls = append(calls, fmt.Sprintf(`{"type":"track","userId":"u%d","event":"Order"}`, i))
		}
	}
	r.send(t, "/v1/batch", `{"batch":[`+strings.Join(calls, ",")+`]}`)
	r.flush(t)
	ask := func(exact bool) (out struct {
		Size, Margin int64
		Exact        bool
	}) {
		body := fmt.Sprintf(`{"where":{"event":"Order"},"exact":%t}`, exact)
		if err := r.client.Post(t.Context(), "/v1/segments:preview", json.RawMessage(body), &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got := ask(true); got.Size != buyers || !got.Exact || got.Margin != 0 {
		t.Errorf("exactly %+v", got)
	}
	// Ids are keyed hashes under a fixed key, so that the sample is the same each time.
	if got := ask(false); got.Exact || got.Margin <= 0 || got.Size%8 != 0 || max(got.Size-buyers, buyers-got.Size) > 2*got.Margin {
		t.Errorf("at once %+v", got)
	}
}
