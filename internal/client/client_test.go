package client

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"kith/internal/errs"
)

// TestStatusesBecomeKinds: an error answer comes back as an error of the kind
// that its status says, with the server's own code and sentence.
func TestStatusesBecomeKinds(t *testing.T) {
	for status, kind := range map[int]errs.Kind{
		400: errs.Invalid, 401: errs.Denied, 403: errs.Denied, 404: errs.NotFound, 409: errs.Conflict, 413: errs.Invalid,
		422: errs.Invalid, 429: errs.Exhausted, 500: errs.Internal, 503: errs.Unavailable,
	} {
		c := Of(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"code":"a.code","detail":"do this","errors":[{"pointer":"/x","detail":"is odd"}]}`))
		}), "")
		err := c.Get(context.Background(), "/", nil)
		if errs.KindOf(err) != kind || errs.CodeOf(err) != "a.code" || errs.DetailOf(err) != "do this\n  /x: is odd" {
			t.Errorf("%d gave %v", status, err)
		}
	}
}

func TestKeysGoWhereTheyBelong(t *testing.T) {
	var bearer, user string
	c := Of(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bearer = r.Header.Get("Authorization")
		user, _, _ = r.BasicAuth()
		_, _ = w.Write([]byte(`{"ok":true}`))
	}), "secret")
	var out struct{ OK bool }
	if err := c.Get(context.Background(), "/", &out); err != nil || !out.OK || bearer != "Bearer secret" {
		t.Errorf("%v, %q", err, bearer)
	}
	if err := c.Send(context.Background(), "/v1/track", "key", nil, nil); err != nil || user != "key" {
		t.Errorf("%v, %q", err, user)
	}
}

func TestRunningFindsTheServerOfAFolder(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{}`))
	}))
	defer s.Close()
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := Running(context.Background(), dir, ""); ok {
		t.Error("found in an empty folder")
	}
	write(AddressFile, s.URL+"\n")
	if _, ok := Running(context.Background(), dir, ""); ok {
		t.Error("found without a token")
	}
	write(TokenFile, "token\n")
	if c, ok := Running(context.Background(), dir, ""); !ok || c.token != "token" {
		t.Error("not found")
	}
	write(AddressFile, "http://127.0.0.1:1\n")
	if _, ok := Running(context.Background(), dir, ""); ok {
		t.Error("found although nothing answers")
	}
}

func TestProfilePathEscapes(t *testing.T) {
	if got := ProfilePath("user_id", "a/b c:é%"); got != "/v1/profiles/user_id:a%2Fb%20c:%C3%A9%25" {
		t.Error(got)
	}
}
