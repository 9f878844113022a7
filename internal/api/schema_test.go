package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/event"
)

// fits holds a value against a schema of the document: types, required members,
// elements, enumerations, and no member that is not described.
func fits(doc map[string]any, schema map[string]any, v any, at string) []string {
	if ref, ok := schema["$ref"].(string); ok {
		return fits(doc, resolve(doc, ref).(map[string]any), v, at)
	}
	var bad []string
	if !typeFits(schema["type"], v) {
		return []string{fmt.Sprintf("%s: %v is no %v", at, v, schema["type"])}
	}
	if values, ok := schema["enum"].([]any); ok && !slices.Contains(values, v) {
		bad = append(bad, fmt.Sprintf("%s: %v is none of %v", at, v, values))
	}
	if s, ok := v.(string); ok && schema["format"] == "date-time" {
		if _, ok := event.ParseTime(s); !ok || len(s) != len("2026-01-01T00:00:00.000Z") {
			bad = append(bad, at+": "+s+" is no time")
		}
	}
	switch v := v.(type) {
	case []any:
		if items, ok := schema["items"].(map[string]any); ok {
			for i, e := range v {
				bad = append(bad, fits(doc, items, e, fmt.Sprintf("%s/%d", at, i))...)
			}
		}
	case map[string]any:
		bad = append(bad, membersFit(doc, schema, v, at)...)
	}
	return bad
}

func membersFit(doc, schema, v map[string]any, at string) []string {
	var bad []string
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, ok := v[name.(string)]; !ok {
			bad = append(bad, at+"/"+name.(string)+" is missing")
		}
	}
	props, _ := schema["properties"].(map[string]any)
	rest, _ := schema["additionalProperties"].(map[string]any)
	for name, e := range v {
		switch p, ok := props[name].(map[string]any); {
		case ok:
			bad = append(bad, fits(doc, p, e, at+"/"+name)...)
		case rest != nil:
			bad = append(bad, fits(doc, rest, e, at+"/"+name)...)
		case props != nil && schema["additionalProperties"] == nil && !open_(schema):
			bad = append(bad, at+"/"+name+" is not described")
		}
	}
	return bad
}

// open_ reports whether a schema is of an object with members beside those it
// describes: the events, which carry whatever was sent.
func open_(schema map[string]any) bool {
	d, _ := schema["description"].(string)
	return strings.HasPrefix(d, "An event as it was sent")
}

func typeFits(want, v any) bool {
	types, ok := want.([]any)
	if !ok {
		if want == nil {
			return true
		}
		types = []any{want}
	}
	for _, t := range types {
		ok := false
		switch v := v.(type) {
		case nil:
			ok = t == "null"
		case bool:
			ok = t == "boolean"
		case string:
			ok = t == "string"
		case json.Number:
			ok = t == "number" || t == "integer" && !strings.ContainsAny(v.String(), ".eE")
		case []any:
			ok = t == "array"
		case map[string]any:
			ok = t == "object"
		}
		if ok {
			return true
		}
	}
	return false
}

// TestAnswersFitTheirSchemas calls every route of the API that answers JSON.
func TestAnswersFitTheirSchemas(t *testing.T) {
	f := filled(t)
	doc := document(t, f)
	called := 0
	for _, c := range []struct{ method, path, target, body string }{
		{"get", "/healthz", "/healthz", ""}, {"get", "/readyz", "/readyz", ""}, {"get", "/v1/openapi.json", "/v1/openapi.json", ""},
		{"get", "/v1/status", "/v1/status", ""}, {"get", "/v1/status", "/v1/status?hash=1", ""}, {"post", "/v1/flush", "/v1/flush", ""},
		{"get", "/v1/profiles/{ref}", "/v1/profiles/user_id:u1", ""}, {"get", "/v1/profiles/{ref}", "/v1/profiles/user_id:u1?verbose=1", ""},
		{"get", "/v1/profiles/{ref}/events", "/v1/profiles/user_id:u1/events?limit=1", ""},
		{"get", "/v1/profiles/{ref}/identifiers", "/v1/profiles/user_id:u1/identifiers?limit=1", ""},
		{"get", "/v1/profiles/{ref}/identifiers", "/v1/profiles/user_id:u1/identifiers", ""},
		{"get", "/v1/events/{source}/{message_id}", "/v1/events/web/m%2F9?position=0-4", ""}, {"get", "/v1/events/{source}/{message_id}", "/v1/events/web/x", ""},
		{"get", "/v1/quarantine", "/v1/quarantine", ""}, {"get", "/v1/quarantine/{id}", "/v1/quarantine/0-1", ""},
		{"get", "/v1/quarantine/{id}", "/v1/quarantine/0-2", ""}, {"post", "/v1/quarantine/{id}/retry", "/v1/quarantine/0-2/retry", ""},
		{"get", "/v1/sources", "/v1/sources", ""}, {"get", "/v1/sources/{key}", "/v1/sources/web", ""},
		{"put", "/v1/sources/{key}", "/v1/sources/new", `{}`}, {"put", "/v1/sources/{key}", "/v1/sources/new", `{"default_country":"FR"}`},
		{"post", "/v1/sources/{key}/rotate", "/v1/sources/new/rotate", ""},
		{"get", "/v1/profiles/{ref}", "/v1/profiles/nobody:x", ""}, {"put", "/v1/sources/{key}", "/v1/sources/new", `{"x":1,"y":2}`},
		{"put", "/v1/sources/{key}", "/v1/sources/new", `{`}, {"get", "/v1/status", "/v1/status?x=1", ""},
	} {
		w := f.do(strings.ToUpper(c.method), c.target, c.body)
		responses := doc["paths"].(map[string]any)[c.path].(map[string]any)[c.method].(map[string]any)["responses"].(map[string]any)
		response, ok := responses[fmt.Sprint(w.Code)].(map[string]any)
		if !ok {
			response = responses["default"].(map[string]any)
		}
		mediaType, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
		described, ok := response["content"].(map[string]any)[mediaType].(map[string]any)
		if !ok {
			t.Errorf("%s %s: %d of type %s is not described", c.method, c.target, w.Code, mediaType)
			continue
		}
		var v any
		dec := json.NewDecoder(w.Body)
		dec.UseNumber()
		if err := dec.Decode(&v); err != nil {
			t.Errorf("%s %s: %v", c.method, c.target, err)
		}
		for _, b := range fits(doc, described["schema"].(map[string]any), v, c.method+" "+c.target) {
			t.Error(b)
		}
		called++
	}
	if called < 20 {
		t.Errorf("only %d answers were checked", called)
	}
	if w := f.do("DELETE", "/v1/sources/new", ""); w.Code != 204 || w.Body.Len() != 0 {
		t.Errorf("delete: %d %s", w.Code, w.Body)
	}
	f.clock.Advance(time.Second)
}
