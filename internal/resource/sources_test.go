package resource

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"kith/internal/errs"
	"kith/internal/resource/form"
	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/sys"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type fixture struct {
	*Sources
	t     *testing.T
	store state.Store
	clock *sys.Manual
}

func open(t *testing.T) fixture {
	t.Helper()
	f := fixture{t: t, store: mem.New(), clock: sys.NewManual(start)}
	f.Sources = f.node()
	return f
}

// node opens the sources a second time, as another process would.
func (f fixture) node() *Sources {
	f.t.Helper()
	s, err := OpenSources(f.t.Context(), f.store, f.clock, sys.Entropy())
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

// TestAdminTokenIsNoWriteKey: what is written into pages must not open the API.
func TestAdminTokenIsNoWriteKey(t *testing.T) {
	f := open(t)
	if err := f.Reserve(DigestOf("all-rights")); err != nil {
		t.Fatal(err)
	}
	f.put("web", `{"name":"Web","type":"http","write_key":"page-key"}`)
	for _, key := range []string{"web", "app"} {
		_, _, err := f.Put(t.Context(), key, []byte(`{"name":"X","type":"http","write_key":"all-rights"}`))
		if errs.CodeOf(err) != "source.write_key_reserved" || !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", key, err)
		}
	}
	if _, err := f.EnsureDefault(t.Context(), "all-rights"); errs.CodeOf(err) != "source.write_key_reserved" {
		t.Errorf("the default source: %v", err)
	}
	if _, ok := f.ByWriteKey("all-rights"); ok {
		t.Error("the admin token is a write key")
	}
	if err := f.node().Reserve(DigestOf("page-key")); errs.CodeOf(err) != "admin.token_is_write_key" || strings.Contains(err.Error(), "page-key") {
		t.Errorf("a token that is a write key: %v", err)
	}
}

func (f fixture) put(key, body string) Source {
	f.t.Helper()
	src, _, err := f.Put(f.t.Context(), key, []byte(body))
	if err != nil {
		f.t.Fatal(err)
	}
	return src
}

// owner returns the key of the source that sends with a write key, or "".
func (f fixture) owner(writeKey string) string {
	if src, ok := f.ByWriteKey(writeKey); ok {
		return src.Key
	}
	return ""
}

func TestPutMakesASource(t *testing.T) {
	f := open(t)
	src, created, err := f.Put(t.Context(), "web", []byte(`{"name":"Web","type":"http"}`))
	if err != nil || !created {
		t.Fatal(created, err)
	}
	if !IsToken(WriteToken, src.CurrentKey()) || f.owner(src.CurrentKey()) != "web" {
		t.Errorf("write key %q belongs to %q", src.CurrentKey(), f.owner(src.CurrentKey()))
	}
	want := Source{
		Key: "web", Name: "Web", Type: "http", Enabled: true, Version: 1, CreatedAt: start.UnixMilli(), UpdatedAt: start.UnixMilli(),
		WriteKeys: []WriteKey{{Value: src.CurrentKey(), CreatedAt: start.UnixMilli()}},
	}
	if d := cmp.Diff(want, src); d != "" {
		t.Error(d)
	}
	full := f.put("shop", `{"key":"shop","write_key":"wk~!1","enabled":false,"default_country":"FR","identifies":["user_id","crm_id2"],
		"allow_origins":["https://shop.example","http://localhost:3000"],"server_fields":"ignored","secret":"s3cret"}`)
	want = Source{
		Key: "shop", Name: "shop", Type: "http", DefaultCountry: "FR", Identifies: []string{"user_id", "crm_id2"},
		AllowOrigins: []string{"https://shop.example", "http://localhost:3000"}, ServerFieldsIgnored: true, Secret: sha256.Sum256([]byte("s3cret")),
		Version: 1, CreatedAt: start.UnixMilli(), UpdatedAt: start.UnixMilli(), WriteKeys: []WriteKey{{Value: "wk~!1", CreatedAt: start.UnixMilli()}},
	}
	if d := cmp.Diff(want, full); d != "" {
		t.Error(d)
	}
	if got, ok := f.ByWriteKey("wk~!1"); !ok || got.Enabled || !got.ServerFieldsIgnored {
		t.Errorf("%+v %v", got, ok)
	}
}

func TestPutReplacesAllButKeysAndSecret(t *testing.T) {
	f := open(t)
	f.put("web", `{"name":"Web","write_key":"k1","default_country":"FR","identifies":["user_id"],"secret":"s","enabled":false}`)
	f.clock.Advance(time.Hour)
	src, created, err := f.Put(t.Context(), "web", []byte(`{"name":"Shop"}`))
	if err != nil || created {
		t.Fatal(created, err)
	}
	want := Source{
		Key: "web", Name: "Shop", Type: "http", Enabled: true, Secret: sha256.Sum256([]byte("s")), Version: 2,
		CreatedAt: start.UnixMilli(), UpdatedAt: start.Add(time.Hour).UnixMilli(), WriteKeys: []WriteKey{{Value: "k1", CreatedAt: start.UnixMilli()}},
	}
	if d := cmp.Diff(want, src); d != "" {
		t.Error(d)
	}
	if src = f.put("web", `{"name":"Shop","secret":""}`); src.Secret != [32]byte{} || src.Version != 3 {
		t.Errorf("an empty secret did not remove it: %+v", src)
	}
	if src = f.put("web", `{"name":"Shop","secret":null,"write_key":"k2"}`); f.owner("k1") != "" || f.owner("k2") != "web" || len(src.WriteKeys) != 1 {
		t.Errorf("another write key did not replace the first: %+v", src)
	}
}

// What GET answers may be PUT back, and then nothing changes.
func TestAnswerIsABody(t *testing.T) {
	f := open(t)
	src := f.put("web", `{"default_country":"FR","identifies":["user_id"],"allow_origins":["https://a.example"],"server_fields":"ignored","secret":"s"}`)
	if _, err := f.Rotate(t.Context(), "web", time.Hour); err != nil {
		t.Fatal(err)
	}
	f.owner(src.CurrentKey())
	before, err := f.Get(t.Context(), "web")
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(before.View())
	if err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(time.Minute)
	if after := f.put("web", string(body)); !cmp.Equal(before, after) {
		t.Error(cmp.Diff(before, after))
	}
	if strings.Contains(string(body), "secret\":\"") || strings.Contains(string(body), fmt.Sprintf("%x", before.Secret)) {
		t.Errorf("the answer shows the secret: %s", body)
	}
}

func TestView(t *testing.T) {
	src := Source{
		Key: "web", Name: "Web", Type: "http", Enabled: true, Version: 2, CreatedAt: 0, UpdatedAt: 1500,
		WriteKeys: []WriteKey{{Value: "new", CreatedAt: 1500}, {Value: "old", ExpiresAt: 60_000, LastUsedAt: 1600}},
	}
	got, err := json.Marshal(src.View())
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"key":"web","name":"Web","type":"http","enabled":true,"write_key":"new","write_keys":[` +
		`{"value":"new","created_at":"1970-01-01T00:00:01.500Z","expires_at":null,"last_used_at":null},` +
		`{"value":"old","created_at":"1970-01-01T00:00:00.000Z","expires_at":"1970-01-01T00:01:00.000Z","last_used_at":"1970-01-01T00:00:01.600Z"}],` +
		`"secret_set":false,"default_country":null,"identifies":[],"allow_origins":[],"server_fields":"taken","version":2,` +
		`"created_at":"1970-01-01T00:00:00.000Z","updated_at":"1970-01-01T00:00:01.500Z"}`
	if string(got) != want {
		t.Errorf("%s", got)
	}
	if empty := (&Source{}).View(); empty.WriteKeys == nil || empty.WriteKey != "" {
		t.Errorf("%+v", empty)
	}
}

func TestBodiesThatAreRefused(t *testing.T) {
	f := open(t)
	f.put("taken", `{"write_key":"taken"}`)
	for body, want := range map[string]string{
		`{"key":"other"}`:                    "/key field.invalid",
		`{"type":"kafka"}`:                   "/type field.invalid",
		`{"name":5}`:                         "/name field.type",
		`{"write_key":""}`:                   "/write_key field.invalid",
		`{"write_key":"a b"}`:                "/write_key field.invalid",
		`{"write_key":"a:b"}`:                "/write_key field.invalid",
		`{"write_key":"é"}`:                  "/write_key field.invalid",
		`{"write_key":"taken"}`:              "/write_key source.write_key_taken",
		`{"default_country":"fr"}`:           "/default_country field.invalid",
		`{"default_country":"FRA"}`:          "/default_country field.invalid",
		`{"default_country":"QQ"}`:           "/default_country field.invalid",
		`{"identifies":["user id"]}`:         "/identifies field.invalid",
		`{"identifies":["0id"]}`:             "/identifies field.invalid",
		`{"identifies":[""]}`:                "/identifies field.invalid",
		`{"identifies":["a","a"]}`:           "/identifies field.invalid",
		`{"allow_origins":["shop.example"]}`: "/allow_origins field.invalid",
		`{"allow_origins":["https://a/"]}`:   "/allow_origins field.invalid",
		`{"allow_origins":["https://A"]}`:    "/allow_origins field.invalid",
		`{"allow_origins":["https://u@a"]}`:  "/allow_origins field.invalid",
		`{"allow_origins":["*"]}`:            "/allow_origins field.invalid",
		`{"server_fields":"maybe"}`:          "/server_fields field.invalid",
		`{"version":0}`:                      "/version field.invalid",
		`{"version":7}`:                      "/version source.version",
		`{"workspace":"other"}`:              "/workspace field.unknown",
		`{"secret_sha256":"00"}`:             "/secret_sha256 field.unknown",
		`{"Enabled":true}`:                   "/Enabled field.unknown",
	} {
		_, _, err := f.Put(t.Context(), "web", []byte(body))
		var refused *form.Refused
		if !errors.As(err, &refused) || len(refused.Fields) != 1 || refused.Fields[0].Pointer+" "+refused.Fields[0].Code != want {
			t.Errorf("%s: %v %+v", body, err, refused)
		}
		kind := errs.Invalid
		if strings.Contains(want, "source.") {
			kind = errs.Conflict
		}
		if !errs.Is(err, kind) {
			t.Errorf("%s: kind of %v", body, err)
		}
	}
	if _, _, err := f.Put(t.Context(), "a/b", []byte(`{}`)); errs.CodeOf(err) != "resource.key" {
		t.Errorf("a bad key: %v", err)
	}
	if _, _, err := f.Put(t.Context(), "web", []byte(`{`)); errs.CodeOf(err) != "json.syntax" {
		t.Errorf("no JSON: %v", err)
	}
	if _, err := f.Get(t.Context(), "web"); !errs.Is(err, errs.NotFound) {
		t.Errorf("a refused body made a source: %v", err)
	}
}

func TestVersionGuardsAgainstLostChanges(t *testing.T) {
	f := open(t)
	f.put("web", `{"name":"a"}`)
	f.put("web", `{"name":"b","version":1}`)
	if _, _, err := f.Put(t.Context(), "web", []byte(`{"name":"c","version":1}`)); errs.CodeOf(err) != "source.version" {
		t.Errorf("an old version: %v", err)
	}
	if src := f.put("web", `{"name":"c","version":2}`); src.Version != 3 {
		t.Errorf("version %d", src.Version)
	}
}

func TestRotation(t *testing.T) {
	f := open(t)
	ctx := t.Context()
	f.put("web", `{"write_key":"k0"}`)
	src, err := f.Rotate(ctx, "web", 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	k1 := src.CurrentKey()
	if !IsToken(WriteToken, k1) || f.owner("k0") != "web" || f.owner(k1) != "web" || len(src.WriteKeys) != 2 ||
		src.WriteKeys[1].ExpiresAt != start.Add(24*time.Hour).UnixMilli() {
		t.Fatalf("%+v", src)
	}
	f.clock.Advance(23 * time.Hour)
	if src, err = f.Rotate(ctx, "web", 24*time.Hour); err != nil || src.WriteKeys[2].ExpiresAt != start.Add(24*time.Hour).UnixMilli() {
		t.Fatalf("a rotation made an older key live longer: %+v, %v", src, err)
	}
	f.clock.Advance(time.Hour - time.Millisecond)
	if f.owner("k0") != "web" {
		t.Error("the old key ended early")
	}
	f.clock.Advance(time.Millisecond)
	if f.owner("k0") != "" || f.owner(k1) != "web" {
		t.Error("the old key lives on")
	}
	if other := f.put("other", `{"write_key":"k0"}`); other.CurrentKey() != "k0" || f.owner("k0") != "other" {
		t.Error("an expired key is not free")
	}
	if _, err := f.Rotate(ctx, "none", time.Hour); !errs.Is(err, errs.NotFound) {
		t.Errorf("no such source: %v", err)
	}
	for range 20 {
		if _, err = f.Rotate(ctx, "web", 100*time.Hour); err != nil {
			break
		}
	}
	if errs.CodeOf(err) != "source.too_many_keys" {
		t.Errorf("endless keys: %v", err)
	}
	if src, err := f.Get(ctx, "web"); err != nil || len(src.WriteKeys) != writeKeysMax {
		t.Errorf("%d keys, %v", len(src.WriteKeys), err)
	}
}

func TestDelete(t *testing.T) {
	f := open(t)
	f.put("web", `{"write_key":"k"}`)
	f.owner("k")
	if err := f.StoreUsage(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.Delete(t.Context(), "web"); err != nil || f.owner("k") != "" {
		t.Fatalf("%v, the key belongs to %q", err, f.owner("k"))
	}
	if err := f.Delete(t.Context(), "web"); !errs.Is(err, errs.NotFound) {
		t.Errorf("twice: %v", err)
	}
	if src := f.put("web", `{"write_key":"k"}`); src.Version != 1 || src.WriteKeys[0].LastUsedAt != 0 {
		t.Errorf("a new source inherits from a deleted one: %+v", src)
	}
}

func TestList(t *testing.T) {
	f := open(t)
	for i := range 5 {
		f.put(fmt.Sprintf("s%d", i), `{}`)
	}
	var seen []string
	after := ""
	for {
		page, more, err := f.List(t.Context(), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, src := range page {
			seen = append(seen, src.Key)
			after = src.Key
		}
		if !more {
			break
		}
	}
	if !slices.Equal(seen, []string{"s0", "s1", "s2", "s3", "s4"}) {
		t.Error(seen)
	}
}

func TestEnsureDefault(t *testing.T) {
	f := open(t)
	ctx := t.Context()
	made, err := f.EnsureDefault(ctx, "")
	if err != nil || !IsToken(WriteToken, made.CurrentKey()) || f.owner(made.CurrentKey()) != DefaultSource || !made.Enabled {
		t.Fatalf("%+v, %v", made, err)
	}
	again, err := f.EnsureDefault(ctx, "")
	if err != nil || !cmp.Equal(made, again, cmp.FilterPath(lastUsed, cmp.Ignore())) {
		t.Errorf("a second start changed it: %+v, %v", again, err)
	}
	f.put(DefaultSource, `{"name":"Mine","enabled":false,"default_country":"BE"}`)
	given, err := f.EnsureDefault(ctx, "own")
	if err != nil || given.CurrentKey() != "own" || given.Name != "Mine" || given.Enabled || given.DefaultCountry != "BE" {
		t.Errorf("%+v, %v", given, err)
	}
	if f.owner("own") != DefaultSource || f.owner(made.CurrentKey()) != DefaultSource {
		t.Error("a key is unknown during the overlap")
	}
	f.clock.Advance(OverlapDefault)
	if f.owner("own") != DefaultSource || f.owner(made.CurrentKey()) != "" {
		t.Error("the overlap does not end")
	}
	// A rotation, and then a start under the setting from before it.
	rotated, err := f.Rotate(ctx, DefaultSource, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	back, err := f.EnsureDefault(ctx, "own")
	if err != nil || back.CurrentKey() != "own" || back.WriteKeys[0].ExpiresAt != 0 || f.owner(rotated.CurrentKey()) != DefaultSource {
		t.Errorf("%+v, %v", back, err)
	}
	f.put("crm", `{"write_key":"theirs"}`)
	if _, err := f.EnsureDefault(ctx, "theirs"); !errs.Is(err, errs.Conflict) {
		t.Errorf("another source's key: %v", err)
	}
	if _, err := f.EnsureDefault(ctx, "a:b"); !errs.Is(err, errs.Invalid) {
		t.Errorf("a bad key: %v", err)
	}
}

func lastUsed(p cmp.Path) bool { return p.Last().String() == ".LastUsedAt" }

func TestOtherNodesSeeChanges(t *testing.T) {
	f := open(t)
	other := f.node()
	f.put("web", `{"write_key":"k"}`)
	if _, ok := other.ByWriteKey("k"); ok {
		t.Fatal("the other node shares memory")
	}
	if err := other.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if src, ok := other.ByWriteKey("k"); !ok || src.Key != "web" {
		t.Fatal("the other node does not see the source")
	}
	if err := f.Delete(t.Context(), "web"); err != nil {
		t.Fatal(err)
	}
	if err := other.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok := other.ByWriteKey("k"); ok {
		t.Error("the other node still takes a deleted source's events")
	}
}

func TestUsageIsTheGreatestOfAllNodes(t *testing.T) {
	f := open(t)
	f.put("web", `{"write_key":"k"}`)
	other := f.node()
	f.owner("k")
	f.clock.Advance(time.Minute)
	other.ByWriteKey("k")
	for _, s := range []*Sources{other, f.Sources, other} { // the later one first: it must stay
		if err := s.StoreUsage(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	src, err := f.node().Get(t.Context(), "web")
	if want := start.Add(time.Minute).UnixMilli(); err != nil || src.WriteKeys[0].LastUsedAt != want {
		t.Errorf("last used %d, want %d; %v", src.WriteKeys[0].LastUsedAt, want, err)
	}
	if src.Version != 1 {
		t.Error("use changed the document")
	}
}

func TestRunRefreshesAndStoresUsage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := mem.New()
		ctx, cancel := context.WithCancel(t.Context())
		s, err := OpenSources(ctx, store, sys.Wall(), sys.Seeded(1))
		if err != nil {
			t.Fatal(err)
		}
		other, err := OpenSources(ctx, store, sys.Wall(), sys.Seeded(2))
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.Run(ctx, func(err error) { t.Error(err) })
		}()
		if _, _, err := other.Put(ctx, "web", []byte(`{"write_key":"k"}`)); err != nil {
			t.Fatal(err)
		}
		<-time.After(refreshEvery + time.Millisecond)
		synctest.Wait()
		if _, ok := s.ByWriteKey("k"); !ok {
			t.Error("a change of another node is not seen within a second")
		}
		stored := func() int64 {
			fresh, err := OpenSources(t.Context(), store, sys.Wall(), sys.Seeded(3))
			if err != nil {
				t.Fatal(err)
			}
			src, err := fresh.Get(t.Context(), "web")
			if err != nil {
				t.Fatal(err)
			}
			return src.WriteKeys[0].LastUsedAt
		}
		<-time.After(usageEvery + refreshEvery)
		synctest.Wait()
		first := stored()
		if first == 0 {
			t.Error("the time of use is not stored")
		}
		s.ByWriteKey("k")
		cancel()
		<-done
		if last := stored(); last <= first {
			t.Errorf("the last time of use is lost at the end: %d, then %d", first, last)
		}
	})
}

func TestFailuresOfRunAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := mem.New()
		ctx, cancel := context.WithCancel(t.Context())
		s, err := OpenSources(ctx, store, sys.Wall(), sys.Seeded(1))
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		failures := make(chan error, 100)
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.Run(ctx, func(err error) { failures <- err })
		}()
		if err := <-failures; err == nil {
			t.Error("no error")
		}
		cancel()
		<-done
	})
}

// Of many who want one write key at the same time exactly one gets it.
func TestWriteKeysAreUniqueUnderContention(t *testing.T) {
	f := open(t)
	nodes := []*Sources{f.node(), f.node(), f.node(), f.node()}
	for round := range 20 {
		writeKey := fmt.Sprintf("k%d", round)
		results := make([]error, len(nodes))
		var wg sync.WaitGroup
		for i, node := range nodes {
			wg.Go(func() {
				_, _, results[i] = node.Put(t.Context(), fmt.Sprintf("r%d-%d", round, i), []byte(`{"write_key":"`+writeKey+`"}`))
				node.ByWriteKey(writeKey)
			})
		}
		wg.Wait()
		won := 0
		for _, err := range results {
			if err == nil {
				won++
			} else if errs.CodeOf(err) != "source.write_key_taken" {
				t.Error(err)
			}
		}
		if won != 1 {
			t.Fatalf("%d sources have one write key", won)
		}
	}
}

func TestStoredSourceOfANewerVersionIsRefused(t *testing.T) {
	f := open(t)
	for _, body := range []string{
		`{"name":"x","from_the_future":1}`, `{"name":5}`, `{`, ``, `{"secret_sha256":"00"}`, `{"secret_sha256":"zz"}`,
		`{"secret_sha256":"` + strings.Repeat("00", 33) + `"}`,
	} {
		err := f.docs.Change(t.Context(), func(c *Change) error {
			c.Put(Document{Kind: KindSource, Key: "x", Version: 1, JSON: []byte(body)})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Refresh(t.Context()); !errs.Is(err, errs.Corrupt) {
			t.Errorf("%q: %v", body, err)
		}
		if _, err := f.Get(t.Context(), "x"); !errs.Is(err, errs.Corrupt) {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func BenchmarkByWriteKey(b *testing.B) {
	s, err := OpenSources(b.Context(), mem.New(), sys.Wall(), sys.Entropy())
	if err != nil {
		b.Fatal(err)
	}
	src, err := s.EnsureDefault(b.Context(), "")
	if err != nil {
		b.Fatal(err)
	}
	key := src.CurrentKey()
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := s.ByWriteKey(key); !ok {
			b.Fatal("unknown")
		}
	}
}

func FuzzSourceBody(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"name":"Web","type":"http","write_key":"k"}`, `{"allow_origins":["https://a.example"],"identifies":["a"]}`,
		`{"version":1,"secret":"x","server_fields":"ignored"}`, `{"write_key":"\u0000"}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		sources, err := OpenSources(t.Context(), mem.New(), sys.NewManual(start), sys.Seeded(1))
		if err != nil {
			t.Fatal(err)
		}
		src, _, err := sources.Put(t.Context(), "web", []byte(body))
		if err != nil {
			if k := errs.KindOf(err); k != errs.Invalid && k != errs.Conflict {
				t.Fatalf("kind of %v", err)
			}
			return
		}
		again, err := json.Marshal(src.View())
		if err != nil {
			t.Fatal(err)
		}
		if same, _, err := sources.Put(t.Context(), "web", again); err != nil || !cmp.Equal(src, same) {
			t.Fatalf("%s changed what it shows: %v", again, err)
		}
	})
}
