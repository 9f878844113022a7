package app

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/client"
	"kith/internal/errs"
	"kith/internal/eventlog/kafka/kafkatest"
	"kith/internal/state/postgres/pgtest"
	"kith/internal/sys"
)

// running is a server in this process.
type running struct {
	*App
	client *client.Client
	stop   context.CancelFunc
	ended  chan error
}

// serve starts a server on the settings and waits until it listens.
func serve(t *testing.T, cfg Config) *running {
	t.Helper()
	a, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &running{App: a, stop: stop, ended: make(chan error, 1)}
	listening := make(chan struct{})
	go func() {
		r.ended <- a.Serve(ctx, func(context.Context) error {
			close(listening)
			return nil
		})
	}()
	select {
	case <-listening:
	case err := <-r.ended:
		t.Fatalf("the server ended: %v", err)
	}
	r.client = client.New(a.URL(), a.AdminToken())
	t.Cleanup(func() { r.end(t) })
	return r
}

// end stops the server as a signal would, once.
func (r *running) end(t *testing.T) {
	t.Helper()
	r.stop()
	if r.ended == nil {
		return
	}
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	r.ended = nil
}

func settings(t *testing.T) Config {
	cfg := DefaultConfig()
	cfg.Data, cfg.Addr = filepath.Join(t.TempDir(), "data"), "127.0.0.1:0"
	cfg.WriteKey = "test-key"
	return cfg
}

func (r *running) send(t *testing.T, path, body string) {
	t.Helper()
	if err := r.client.Send(context.Background(), path, "test-key", []byte(body), nil); err != nil {
		t.Fatal(err)
	}
}

func (r *running) flush(t *testing.T) {
	t.Helper()
	if err := r.client.Post(context.Background(), "/v1/flush?timeout=60s", struct{}{}, nil); err != nil {
		t.Fatal(err)
	}
}

func (r *running) profile(t *testing.T, typ, value string) (map[string]any, error) {
	t.Helper()
	var p map[string]any
	err := r.client.Get(context.Background(), client.ProfilePath(typ, value), &p)
	return p, err
}

func TestFromACallToAProfileAndOverARestart(t *testing.T) {
	cfg := settings(t)
	r := serve(t, cfg)
	r.send(t, "/v1/identify", `{"userId":"u/1:é","anonymousId":"b-1","messageId":"m1","traits":{"plan":"pro"}}`)
	r.send(t, "/v1/identify", `{"userId":"u/1:é","anonymousId":"b-1","messageId":"m1","traits":{"plan":"free"}}`)
	r.flush(t)
	p, err := r.profile(t, "user_id", "u/1:é")
	if err != nil {
		t.Fatal(err)
	}
	if p["events"] != 1.0 || p["traits"].(map[string]any)["plan"] != "pro" {
		t.Errorf("%v", p)
	}
	info, err := os.Stat(filepath.Join(cfg.Data, client.TokenFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the admin token's file: %v, %v", info.Mode(), err)
	}
	if _, ok := client.Running(context.Background(), cfg.Data, ""); !ok {
		t.Error("the running server is not found by its data folder")
	}
	r.end(t)
	if _, ok := client.Running(context.Background(), cfg.Data, ""); ok {
		t.Error("a server is found that has ended")
	}
	again := serve(t, cfg)
	byID, err := again.profile(t, "id", p["id"].(string))
	if err != nil || byID["events"] != 1.0 {
		t.Errorf("after a restart: %v, %v", byID, err)
	}
}

// TestACommandOpensTheFolderItself: without a server a client answers from the
// folder, brought up to date.
func TestACommandOpensTheFolderItself(t *testing.T) {
	cfg := settings(t)
	cfg.Roles = []string{RoleCollect} // accepts and does not fold
	r := serve(t, cfg)
	r.send(t, "/v1/track", `{"userId":"u-1","event":"A"}`)
	r.end(t)
	cfg.Roles = DefaultConfig().Roles
	c, closeClient, err := Offline(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var p map[string]any
	if err := c.Get(context.Background(), client.ProfilePath("user_id", "u-1"), &p); err != nil {
		t.Error(err)
	}
	if err := closeClient(); err != nil {
		t.Error(err)
	}
	empty := settings(t)
	if _, _, err := Offline(context.Background(), empty); errs.CodeOf(err) != "app.no_data" {
		t.Errorf("an empty folder: %v", err)
	}
}

// TestAChangedSourceIsInForceOverAllHistory: what a source's settings mean for
// its identifiers holds for what it had sent before.
func TestAChangedSourceIsInForceOverAllHistory(t *testing.T) {
	r := serve(t, settings(t))
	r.send(t, "/v1/identify", `{"userId":"u-1","traits":{"phone":"06 12 34 56 78"}}`)
	r.flush(t)
	if _, err := r.profile(t, "phone", "+33612345678"); !errs.Is(err, errs.NotFound) {
		t.Fatalf("a number without a country: %v", err)
	}
	before, err := r.profile(t, "user_id", "u-1")
	if err != nil {
		t.Fatal(err)
	}
	doc := map[string]any{"name": "Default", "type": "http", "default_country": "FR", "write_key": "test-key"}
	if err := r.client.Put(context.Background(), "/v1/sources/default", doc, nil); err != nil {
		t.Fatal(err)
	}
	r.flush(t)
	after, err := r.profile(t, "phone", "+33612345678")
	if err != nil {
		t.Fatal(err)
	}
	if after["id"] != before["id"] || after["events"] != 1.0 {
		t.Errorf("before %v, after %v", before, after)
	}
}

func TestTheCollectorsOwnListenerServesNothingElse(t *testing.T) {
	cfg := settings(t)
	cfg.CollectAddr = "127.0.0.1:0"
	r := serve(t, cfg)
	var names []string
	for _, h := range []http.Handler{r.handler, r.collectHandler} {
		c := client.Of(h, r.AdminToken())
		if err := c.Send(context.Background(), "/v1/track", "test-key", []byte(`{"userId":"u-1","event":"A"}`), nil); err != nil {
			t.Error(err)
		}
		if err := c.Get(context.Background(), "/v1/status", &map[string]any{}); err == nil {
			names = append(names, "status")
		}
	}
	if len(names) != 1 {
		t.Errorf("the status is served by %d listeners, want the first alone", len(names))
	}
}

func TestSettingsAreCheckedTogether(t *testing.T) {
	cfg := settings(t)
	cfg.Addr, cfg.LogURL, cfg.Roles = "nowhere", "ftp://x", []string{"cook"}
	_, err := Open(context.Background(), cfg)
	for _, want := range []string{"--addr", "--log", "--roles"} {
		if err == nil || !strings.Contains(err.Error(), want) || !errs.Is(err, errs.Invalid) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestSettingsFile(t *testing.T) {
	f := func(content, want string) {
		t.Helper()
		cfg := settings(t)
		cfg.ConfigFile = filepath.Join(t.TempDir(), "kith.yaml")
		if err := os.WriteFile(cfg.ConfigFile, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := Open(context.Background(), cfg)
		if err == nil {
			if cerr := a.Close(); cerr != nil {
				t.Error(cerr)
			}
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
	}
	f("", "")
	f("sources:\n  - {key: web, name: Web, type: http, write_key: abc}\n", "")
	f("sources:\n  - {name: Web, type: http}\n", "sources[0] needs a key")
	f("sources:\n  - {key: web, name: Web, type: fax}\n", "sources[0]")
	f("source: []\n", "source")
	f("collect: {body_bytes: 99999999}\n", "body")
	f("collect: {rate_by_source: {events_per_second: 1.5, burst: 10}, rate_by_client: {requests_per_second: 9}}\n", "")
	f("collect: {rate_by_source: {burst: 10}}\n", "a rate of the collector needs a number per second")
	f("collect: {rate_by_client: {requests_per_second: -1}}\n", "a rate of the collector needs a number per second")
	f("collect: {rate_by_client: {events_per_second: 1}}\n", "events_per_second")
}

func TestASecondProcessIsRefused(t *testing.T) {
	cfg := settings(t)
	serve(t, cfg)
	_, err := Open(context.Background(), cfg)
	if !errs.Is(err, errs.Unavailable) {
		t.Errorf("got %v", err)
	}
}

func TestExamine(t *testing.T) {
	cfg := settings(t)
	verdicts := map[string]Verdict{}
	for _, c := range Examine(context.Background(), cfg) {
		verdicts[c.Name] = c.Verdict
		if c.Detail == "" {
			t.Errorf("%s says nothing", c.Name)
		}
	}
	for name, want := range map[string]Verdict{"settings": Passed, "data folder": Passed, "id key": Warned, "listener": Passed, "event log": Passed, "state": Passed} {
		if verdicts[name] != want {
			t.Errorf("%s: %s, want %s", name, verdicts[name], want)
		}
	}
	cfg.Addr = "x"
	if got := Examine(context.Background(), cfg); len(got) != 1 || got[0].Verdict != Failed {
		t.Errorf("bad settings: %v", got)
	}
}

// TestEveryRouteIsDescribed: the document of a whole server is JSON and names
// the routes that the contract fixes.
func TestEveryRouteIsDescribed(t *testing.T) {
	r := serve(t, settings(t))
	var doc struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]json.RawMessage
	}
	if err := r.client.Get(context.Background(), "/v1/openapi.json", &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("version %s", doc.OpenAPI)
	}
	for _, path := range []string{"/v1/batch", "/v1/import", "/v1/track", "/v1/status", "/v1/flush", "/v1/sources/{key}", "/v1/openapi.json", "/metrics"} {
		if !bytes.HasPrefix(doc.Paths[path], []byte("{")) {
			t.Errorf("%s is not described", path)
		}
	}
}

// TestADamagedLogStopsTheFoldingAlone: events are taken and profiles answered
// while a damaged file of the log keeps the folding from going on, and the
// process says that it is not ready.
func TestADamagedLogStopsTheFoldingAlone(t *testing.T) {
	cfg := settings(t)
	collecting := cfg
	collecting.Roles = []string{RoleCollect, RoleAPI}
	r := serve(t, collecting)
	for range 50 {
		r.send(t, "/v1/track", `{"userId":"u-1","event":"A","properties":{"x":"`+strings.Repeat("pad ", 50)+`"}}`)
	}
	r.end(t)
	damage(t, cfg.Data)
	r = serve(t, cfg)
	var p struct{ Code string }
	for tries := 0; r.trouble.Load() == nil; tries++ {
		if tries == 5000 {
			t.Fatal("the damage was not found")
		}
		r.send(t, "/v1/track", `{"userId":"u-1","event":"B"}`)
	}
	if err := r.client.Get(context.Background(), "/readyz", &p); err == nil {
		t.Error("the process says that it is ready")
	}
	if err := r.client.Get(context.Background(), "/healthz", &p); err != nil {
		t.Error(err)
	}
	r.send(t, "/v1/track", `{"userId":"u-1","event":"C"}`)
}

// damage flips a byte of the first records in the log's only segment.
func damage(t *testing.T, data string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(data, "default", "log", "*", "*.seg"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	content[1000] ^= 0x40
	if err := os.WriteFile(files[0], content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestOnTheDistributedEngines: a server on a Kafka broker and PostgreSQL makes
// the same profile, and another one on the same engines goes on with it.
func TestOnTheDistributedEngines(t *testing.T) {
	cfg := settings(t)
	cfg.StateURL, cfg.LogURL = pgtest.Start(t), kafkatest.Start(t)
	r := serve(t, cfg)
	r.send(t, "/v1/identify", `{"userId":"u-1","anonymousId":"b-1","messageId":"m1","traits":{"plan":"pro"}}`)
	r.send(t, "/v1/track", `{"anonymousId":"b-1","event":"A","messageId":"m2"}`)
	r.flush(t)
	p, err := r.profile(t, "anonymous_id", "b-1")
	if err != nil || p["events"] != 2.0 {
		t.Fatalf("%v, %v", p, err)
	}
	r.end(t)
	cfg.Data = filepath.Join(t.TempDir(), "elsewhere")
	again := serve(t, cfg)
	again.send(t, "/v1/track", `{"anonymousId":"b-1","event":"A","messageId":"m2"}`)
	again.flush(t)
	if q, err := again.profile(t, "user_id", "u-1"); err != nil || q["events"] != 2.0 || q["id"] != p["id"] {
		t.Errorf("%v, %v", q, err)
	}
}

func TestUnreachableEngines(t *testing.T) {
	for _, change := range []func(*Config){
		func(c *Config) { c.StateURL = "postgres://127.0.0.1:1/kith" },
		func(c *Config) { c.LogURL = "kafka://127.0.0.1:1/kith" },
	} {
		cfg := settings(t)
		change(&cfg)
		if _, err := Open(context.Background(), cfg); !errs.Is(err, errs.Unavailable) {
			t.Errorf("got %v", err)
		}
	}
}

// TestRatesAreEnforced: the settings file's rates reach the collector.
func TestRatesAreEnforced(t *testing.T) {
	cfg := inMemory(vfs.NewMem())
	cfg.ConfigFile = "/kith.yaml"
	writeTo(t, cfg.FS, cfg.ConfigFile, "collect: {rate_by_source: {events_per_second: 0.01, burst: 2}}\n")
	a, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	c := client.Of(a.handler, "")
	for i, want := range []bool{true, true, false} {
		err := c.Send(context.Background(), "/v1/identify", "test-key", []byte(`{"userId":"u"}`), nil)
		if (err == nil) != want {
			t.Errorf("message %d: %v", i, err)
		}
	}
}

func writeTo(t *testing.T, fs sys.FS, name, content string) {
	t.Helper()
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
