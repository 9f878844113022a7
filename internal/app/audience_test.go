package app

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestAudiencesFromTheTables: previews, overlaps and breakdowns are the same from
// the open tables as from asking everybody.
func TestAudiencesFromTheTables(t *testing.T) {
	for name, cfg := range map[string]Config{"the tables": withSQL(t, settings(t)), "everybody": settings(t)} {
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
			{"overlap", `{"segments":["buyers","pros"]}`, `{"exact":true,"regions":[{"in":[],"size":0},{"in":["buyers"],"size":1},{"in":["pros"],"size":1},{"in":["buyers","pros"],"size":1}],"sizes":{"buyers":2,"pros":2}}`},
			{"breakdown", `{"segment":"buyers","trait":"plan"}`, `{"data":[{"size":1,"value":"free"},{"size":1,"value":"pro"}],"exact":true,"other":0,"values":2}`},
			{"breakdown", `{"where":{"trait":"plan","op":"exists"},"trait":"tags"}`, `{"data":[{"size":2,"value":"b"},{"size":1,"value":"a"},{"size":1,"value":null}],"exact":true,"other":0,"values":3}`},
		} {
			var out map[string]any
			if err := r.client.Post(t.Context(), "/v1/segments:"+c[0], json.RawMessage(c[1]), &out); err != nil {
				t.Fatal(err)
			}
			delete(out, "as_of")
			text, err := json.Marshal(out)
			if err != nil || strings.TrimSpace(string(text)) != c[2] {
				t.Errorf("%s: %s %s gives %s (%v)", name, c[0], c[1], text, err)
			}
		}
	}
}
