package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"kith/internal/route"
)

// FuzzRequest sends whatever it likes under the admin token: no request ends with
// a defect, and every refusal is a problem.
func FuzzRequest(f *testing.F) {
	for _, s := range [][3]string{
		{"GET", "/v1/profiles/user_id:u1/identifiers?limit=1&cursor=eyJ9", ""}, {"PUT", "/v1/sources/web", `{"name":"x"}`},
		{"POST", "/v1/sources/web/rotate", `{"overlap":"1h"}`}, {"GET", "/v1/status?hash=1&at=2026-01-01", ""},
		{"GET", "/v1/spaces/acme/collections/users/profiles/user_id:u1/events?start=2026-01-01&limit=2&next=1", ""}, {"GET", "/v1/spaces/acme/collections/users/profiles/user_id:u1/external_ids?next=AA", ""},
		{"POST", "/v1/flush?timeout=1ms", ""}, {"GET", "/v1/quarantine/0-1", ""}, {"GET", "/v1/sources?cursor=AA&limit=1", ""},
	} {
		f.Add(s[0], s[1], s[2])
	}
	fix := filled(f)
	f.Fuzz(func(t *testing.T, method, target, body string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || strings.HasPrefix(target, "//") {
			return
		}
		r := &http.Request{Method: method, URL: u, Header: http.Header{"Authorization": {"Bearer " + adminToken}}, Body: http.NoBody}
		if body != "" {
			r.Body = httptest.NewRequest("POST", "/", strings.NewReader(body)).Body
			r.ContentLength = int64(len(body))
		}
		w := httptest.NewRecorder()
		fix.handler.ServeHTTP(w, r.WithContext(t.Context()))
		if len(fix.failures) > 0 || w.Code == 500 {
			t.Fatalf("%s %s %q: %d %v", method, target, body, w.Code, fix.failures)
		}
		if w.Code >= 400 && w.Header().Get("Content-Type") == route.ProblemType {
			var p route.Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code || p.Code == "" || p.RequestID == "" {
				t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
			}
		}
	})
}
