package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/client"
	"kith/internal/errs"
)

// get calls the API with all rights and returns status and answer.
func get(a *App, path string) (int, string) {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer all-rights")
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// TestPagesOfLargeEvents: a page ends when it is large, however many events were
// asked for, and the pages hold every event once.
func TestPagesOfLargeEvents(t *testing.T) {
	cfg := inMemory(vfs.NewMem())
	cfg.AdminToken = "all-rights"
	session(t, cfg, func(a *App, c *client.Client) {
		const events = 250
		for first := 0; first < events; first += 10 {
			var batch []string
			for i := first; i < first+10; i++ {
				batch = append(batch, fmt.Sprintf(`{"type":"track","event":"E","userId":"u","messageId":"m-%d","properties":{"x":"%s"}}`, i, strings.Repeat("x", 30_000)))
			}
			if err := c.Send(t.Context(), "/v1/batch", "test-key", []byte(`{"batch":[`+strings.Join(batch, ",")+`]}`), nil); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := a.foldAll(t.Context(), func(string, int64, int64) {}); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for cursor, pages := "", 1; ; pages++ {
			status, text := get(a, "/v1/profiles/user_id:u/events?limit=1000&cursor="+url.QueryEscape(cursor))
			if status != http.StatusOK || len(text) > 3<<20 {
				t.Fatalf("page %d: %d, %d bytes", pages, status, len(text))
			}
			var page struct {
				Data []struct {
					MessageID string `json:"messageId"`
				} `json:"data"`
				Next *string `json:"next"`
			}
			if err := json.Unmarshal([]byte(text), &page); err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Data {
				if seen[e.MessageID] {
					t.Errorf("%s is there twice", e.MessageID)
				}
				seen[e.MessageID] = true
			}
			if page.Next == nil {
				if len(seen) != events || pages != 4 {
					t.Errorf("%d events in %d pages", len(seen), pages)
				}
				return
			}
			cursor = *page.Next
		}
	})
}

// TestCursorsOfOtherLists: what is no cursor of a list is a mistake of the
// caller, and says so.
func TestCursorsOfOtherLists(t *testing.T) {
	cfg := inMemory(vfs.NewMem())
	cfg.AdminToken = "all-rights"
	session(t, cfg, func(a *App, c *client.Client) {
		if err := c.Send(t.Context(), "/v1/identify", "test-key", []byte(`{"userId":"u"}`), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := a.foldAll(t.Context(), func(string, int64, int64) {}); err != nil {
			t.Fatal(err)
		}
		for _, list := range []string{"/v1/quarantine", "/v1/profiles/user_id:u/events", "/v1/profiles/user_id:u/identifiers"} {
			for _, cursor := range []string{"AAAA", "MA", "LTE", "not+base64", strings.Repeat("A", 5000)} {
				status, text := get(a, list+"?cursor="+url.QueryEscape(cursor))
				if status != http.StatusBadRequest || !strings.Contains(text, "cursor") {
					t.Errorf("%s, cursor %.10s: %d %s", list, cursor, status, text)
				}
			}
		}
	})
}

// TestTheAdminTokenIsNoWriteKey: a start with one secret for both is refused.
func TestTheAdminTokenIsNoWriteKey(t *testing.T) {
	cfg := inMemory(vfs.NewMem())
	cfg.AdminToken = cfg.WriteKey
	if a, err := Open(t.Context(), cfg); !errs.Is(err, errs.Invalid) {
		t.Errorf("opened with %v", err)
		if err == nil {
			_ = a.Close()
		}
	}
}
