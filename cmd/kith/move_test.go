package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kith/internal/app"
	"kith/internal/client"
	"kith/internal/eventlog/kafka/kafkatest"
	"kith/internal/state/postgres/pgtest"
)

// server is one of this process.
type server struct {
	*client.Client
	end func()
}

func startServer(t *testing.T, cfg app.Config) *server {
	t.Helper()
	a, err := app.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- a.Serve(ctx, func(context.Context) error { close(ready); return nil }) }()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	r := &server{Client: client.New(a.URL(), a.AdminToken())}
	done := false
	r.end = func() {
		if done {
			return
		}
		done = true
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(r.end)
	return r
}

func (r *server) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// send sends events of some people, from one number to another.
func (r *server) send(t *testing.T, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		body := fmt.Sprintf(`{"userId":"u-%d","anonymousId":"b-%d","event":"Bought","messageId":"m-%d","properties":{"n":%d}}`, i%7, i%11, i, i)
		r.must(t, r.Send(t.Context(), "/v1/track", "test-key", []byte(body), nil))
	}
	r.must(t, r.Post(t.Context(), "/v1/flush?timeout=60s", struct{}{}, nil))
}

// command runs a command of this program and returns what it prints.
func command(t *testing.T, want int, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	old := os.Stdout
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	os.Stdout = w
	got := run(t.Context(), args)
	os.Stdout = old
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Fatalf("%v gives %d, want %d: %s", args[0], got, want, out.String())
	}
	return out.String()
}

// TestMove copies a workspace while a server works on it, then what has come since,
// and goes on with it on the new engines.
func TestMove(t *testing.T) {
	cfg := app.DefaultConfig()
	cfg.Data, cfg.Addr, cfg.WriteKey = filepath.Join(t.TempDir(), "data"), "127.0.0.1:0", "test-key"
	target := cfg
	target.Data, target.StateURL, target.LogURL = filepath.Join(t.TempDir(), "target"), pgtest.Start(t), kafkatest.Start(t)
	t.Setenv("KITH_WRITE_KEY", "test-key")

	r := startServer(t, cfg)
	segment := `{"name":"Buyers","where":{"event":"Bought","count":{"op":"gte","value":3}}}`
	r.must(t, r.Put(t.Context(), "/v1/segments/buyers", json.RawMessage(segment), nil))
	r.send(t, 0, 40)
	args := []string{"move", "--data", cfg.Data, "--log", target.LogURL, "--state", target.StateURL, "--scratch", t.TempDir(), "--json"}
	var first, second, third moved
	parse := func(text string, to *moved) {
		t.Helper()
		if err := json.Unmarshal([]byte(text), to); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	parse(command(t, exitOK, args...), &first)
	if !first.Running || first.Records != 40 || first.Rows.Written == 0 || first.Compared != nil {
		t.Errorf("of a running server it copies %+v", first)
	}
	r.send(t, 40, 60)
	var before map[string]any
	r.must(t, r.Get(t.Context(), "/v1/segments/buyers/members", &before))
	r.end()
	parse(command(t, exitOK, args...), &second)
	if second.Running || second.Records != 20 || second.Compared == nil || !second.Compared.Equal || second.Compared.Source.Accepted != 60 {
		t.Errorf("of the stopped one it copies %+v", second)
	}
	parse(command(t, exitOK, args...), &third)
	if third.Records != 0 || third.Rows.Written+third.Rows.Deleted > 2 || !third.Compared.Equal {
		t.Errorf("a third time it copies %+v", third)
	}

	there := startServer(t, target)
	there.must(t, there.Post(t.Context(), "/v1/flush?timeout=60s", struct{}{}, nil))
	var after map[string]any
	there.must(t, there.Get(t.Context(), "/v1/segments/buyers/members", &after))
	if fmt.Sprint(after["data"]) != fmt.Sprint(before["data"]) || fmt.Sprint(before["data"]) == "[]" {
		t.Errorf("the members were %v and are %v", before, after)
	}
	there.send(t, 50, 80) // ten of them again
	var status map[string]any
	there.must(t, there.Get(t.Context(), "/v1/status", &status))
	if fmt.Sprint(status["accepted"], " ", status["repeats"]) != "90 10" {
		t.Errorf("on the new engines the status is %v", status)
	}
	there.end()
	if got := command(t, exitFailed, args...); strings.Contains(got, "equal") {
		t.Errorf("the target is overwritten: %s", got)
	}
}
