package api

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"kith/internal/route"
)

// address fills the wildcards of a row's path.
func address(r *route.Route) string {
	path := strings.TrimSuffix(r.Path, "{$}")
	for name, value := range map[string]string{"ref": "user_id:u1", "key": "tmp", "id": "0-1", "type": "track", "source": "web", "message_id": "m9", "space": "acme", "row": "r1", "entity": "subs"} {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	return path
}

// anyCall is a body that every route of the collector takes.
const anyCall = `{"schema":"iglu:x","data":[{"e":"pv","duid":"d1"}],"batch":[{"type":"track","event":"E","userId":"u1"}],` +
	`"type":"track","event":"E","userId":"u1","groupId":"g1","previousId":"p1","series":[]}`

// Every route under every kind of key: a key opens what its kind opens and
// nothing else, in whatever form it is sent.
func TestEveryRouteUnderEveryKey(t *testing.T) {
	f := open(t)
	cells, taken := 0, 0
	for i := range f.table {
		r := &f.table[i]
		if strings.ContainsAny(address(r), "{}") {
			t.Fatalf("%s: no value for a wildcard", r.Path)
		}
		for token, key := range map[string]route.Key{
			"": route.NoKey, "nobody": route.NoKey, adminToken: route.AdminKey, writeKey: route.WriteKey, disabled: route.NoKey,
			adminToken + "x": route.NoKey, adminToken[:5]: route.NoKey, "web": route.NoKey, "default": route.NoKey,
		} {
			for _, form := range []string{"Bearer " + token, "Basic " + base64.StdEncoding.EncodeToString([]byte(token+":"))} {
				cells++
				body, before := "", f.log.stored
				if r.CORS && r.BodyBytes > 0 {
					body = anyCall
				}
				w := f.send(r.Method, address(r), body, "Authorization", form)
				closed := w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden
				stored := f.log.stored - before
				switch {
				case r.CORS || r.Key == route.WriteKey:
					// An image and Snowplow's answer are the same whatever
					// happened: what counts is what was stored.
					if key != route.WriteKey && stored > 0 || key == route.WriteKey && closed {
						t.Errorf("%s %s with %q: %d, %d stored", r.Method, r.Path, form, w.Code, stored)
					}
					taken += stored
				case stored > 0:
					t.Errorf("%s %s stored an event", r.Method, r.Path)
				case closed == key.Opens(r.Key):
					t.Errorf("%s %s, which asks for %s, with %q: %d", r.Method, r.Path, r.Key, form, w.Code)
				case closed && (key == route.WriteKey) != (w.Code == http.StatusForbidden):
					t.Errorf("%s %s with %q: %d", r.Method, r.Path, form, w.Code)
				}
				if closed && (token != "" && strings.Contains(w.Body.String(), token) && token != "web" && token != "default") {
					t.Errorf("%s %s: the answer repeats the key: %s", r.Method, r.Path, w.Body)
				}
			}
		}
	}
	if cells < 60*18 {
		t.Errorf("only %d cells", cells)
	}
	if taken < 40 {
		t.Errorf("only %d events were taken under the write key", taken)
	}
	if len(f.failures) != 0 {
		t.Errorf("defects: %v", f.failures)
	}
}

// Knowing an id opens nothing, and no way of sending a key but the header counts.
func TestKeysCountInTheHeaderAlone(t *testing.T) {
	f := open(t)
	for _, target := range []string{
		"/v1/status?token=" + adminToken, "/v1/status?access_token=" + adminToken, "/v1/status?writeKey=" + adminToken,
	} {
		if w := f.send("GET", target, ""); w.Code != 401 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	if w := f.send("GET", "/v1/status", "", "X-Api-Key", adminToken, "Cookie", "token="+adminToken, "X-Write-Key", adminToken); w.Code != 401 {
		t.Errorf("other headers: %d", w.Code)
	}
}

func document(t *testing.T, f *fixture) map[string]any {
	t.Helper()
	w := f.send("GET", "/v1/openapi.json", "")
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
		t.Fatal(w.Code, w.Header())
	}
	var doc map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// The document lists exactly what is mounted.
func TestDocumentIsTheTable(t *testing.T) {
	f := open(t)
	paths := document(t, f)["paths"].(map[string]any)
	listed := map[string]bool{}
	for path, item := range paths {
		for method := range item.(map[string]any) {
			listed[strings.ToUpper(method)+" "+path] = true
		}
	}
	mounted := map[string]bool{}
	for i := range f.table {
		mounted[f.table[i].Method+" "+strings.TrimSuffix(f.table[i].Path, "{$}")] = true
	}
	if !maps.Equal(listed, mounted) {
		t.Errorf("listed %v, mounted %v", slices.Sorted(maps.Keys(listed)), slices.Sorted(maps.Keys(mounted)))
	}
	for i := range f.table {
		r := &f.table[i]
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} {
			w := f.do(method, address(r), "")
			known := listed[method+" "+strings.TrimSuffix(r.Path, "{$}")]
			if known == (w.Code == http.StatusMethodNotAllowed) {
				t.Errorf("%s %s: %d, listed %v", method, r.Path, w.Code, known)
			}
		}
	}
	for _, path := range []string{"/v1", "/debug/pprof/", "/v1/destinations", "/.env", "/admin", "/v1/openapi.yaml"} {
		if w := f.do("GET", path, ""); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// TestDocumentIsWellFormed holds the document against the rules of OpenAPI 3.1
// that tools trip over.
func TestDocumentIsWellFormed(t *testing.T) {
	doc := document(t, open(t))
	info := doc["info"].(map[string]any)
	if doc["openapi"] != "3.1.0" || info["title"] != "kith" || info["version"] != "test" {
		t.Errorf("%v %v", doc["openapi"], info)
	}
	schemes := doc["components"].(map[string]any)["securitySchemes"].(map[string]any)
	names := map[string]bool{}
	for path, item := range doc["paths"].(map[string]any) {
		for method, o := range item.(map[string]any) {
			op := o.(map[string]any)
			where := method + " " + path
			name := op["operationId"].(string)
			if names[name] || op["summary"] == "" || len(op["tags"].([]any)) != 1 || op["x-kith-key"] == "" || op["x-kith-class"] == "" {
				t.Errorf("%s: %v", where, op)
			}
			names[name] = true
			for _, s := range op["security"].([]any) {
				for scheme := range s.(map[string]any) {
					if schemes[scheme] == nil {
						t.Errorf("%s: no scheme %s", where, scheme)
					}
				}
			}
			checkResponses(t, where, op["responses"].(map[string]any))
			checkParameters(t, where, path, op)
		}
	}
	checkSchemas(t, doc, "", doc)
}

func checkResponses(t *testing.T, where string, responses map[string]any) {
	t.Helper()
	success := false
	for status, r := range responses {
		success = success || status[0] == '2'
		if r.(map[string]any)["description"] == "" || status != "default" && len(status) != 3 {
			t.Errorf("%s: answer %s: %v", where, status, r)
		}
	}
	if !success {
		t.Errorf("%s: no good answer", where)
	}
}

func checkParameters(t *testing.T, where, path string, op map[string]any) {
	t.Helper()
	params, _ := op["parameters"].([]any)
	inPath := 0
	seen := map[string]bool{}
	for _, p := range params {
		p := p.(map[string]any)
		key := fmt.Sprint(p["in"], p["name"])
		if seen[key] || p["schema"] == nil {
			t.Errorf("%s: parameter %s", where, key)
		}
		seen[key] = true
		if p["in"] == "path" {
			inPath++
			if p["required"] != true || !strings.Contains(path, "{"+p["name"].(string)+"}") {
				t.Errorf("%s: parameter %s", where, key)
			}
		}
	}
	if inPath != strings.Count(path, "{") {
		t.Errorf("%s: %d of its parameters are described", where, inPath)
	}
}

// checkSchemas walks the document: references resolve, types are types, and what
// is required is described.
func checkSchemas(t *testing.T, doc map[string]any, at string, v any) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			checkSchemas(t, doc, fmt.Sprintf("%s/%d", at, i), e)
		}
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok && resolve(doc, ref) == nil {
			t.Errorf("%s: %s leads nowhere", at, ref)
		}
		if props, ok := v["properties"].(map[string]any); ok && !strings.HasSuffix(at, "/properties") {
			required, _ := v["required"].([]any)
			for _, name := range required {
				if props[name.(string)] == nil {
					t.Errorf("%s: %s is required and not described", at, name)
				}
			}
		}
		if typ, ok := v["type"]; ok && !strings.HasSuffix(at, "/properties") && !strings.Contains(at, "securitySchemes") {
			types, isList := typ.([]any)
			if !isList {
				types = []any{typ}
			}
			for _, one := range types {
				if !slices.Contains([]any{"object", "array", "string", "number", "integer", "boolean", "null"}, one) {
					t.Errorf("%s: type %v", at, one)
				}
			}
		}
		for name, e := range v {
			checkSchemas(t, doc, at+"/"+name, e)
		}
	}
}

func resolve(doc map[string]any, ref string) any {
	var at any = doc
	for step := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		m, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = m[step]
	}
	return at
}

func TestDocumentIsDeterministic(t *testing.T) {
	if a, b := open(t).send("GET", "/v1/openapi.json", "").Body.String(), open(t).send("GET", "/v1/openapi.json", "").Body.String(); a != b {
		t.Error("two documents of one table differ")
	}
}
