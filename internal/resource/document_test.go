package resource

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/internal/errs"
	"kith/internal/state/mem"
)

// The bytes of rows are a promise to data folders that exist.
func TestRowsHaveFixedBytes(t *testing.T) {
	doc := Document{Kind: "source", Key: "web", Version: 300, JSON: []byte(`{"a":1}`)}
	key := AppendKey(nil, doc.Kind, doc.Key)
	if got := hex.EncodeToString(key); got != "52"+"736f75726365"+"0001"+"776562" {
		t.Errorf("key %s", got)
	}
	if got := hex.EncodeToString(doc.value()); got != "01"+"ac02"+"7b2261223a317d" {
		t.Errorf("value %s", got)
	}
	back, err := decodeDocument(key, doc.value())
	if err != nil || back.Kind != doc.Kind || back.Key != doc.Key || back.Version != 300 || string(back.JSON) != `{"a":1}` {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestRowsOfOtherFormatsAreRefused(t *testing.T) {
	key := AppendKey(nil, "source", "web")
	for _, value := range []string{"", "\x01", "\x02\x01{}", "\x00\x01{}", "\x01\x00{}", "\x01\x80"} {
		if _, err := decodeDocument(key, []byte(value)); !errs.Is(err, errs.Corrupt) {
			t.Errorf("%q: %v", value, err)
		}
	}
	for _, key := range []string{"", "R", "Xsource\x00\x01web", "Rsource", "Rsource\x00\x02"} {
		if _, err := decodeDocument([]byte(key), []byte("\x01\x01{}")); !errs.Is(err, errs.Corrupt) {
			t.Errorf("key %q: %v", key, err)
		}
	}
	for _, value := range []string{"", "\x01", "\x0112345678", "\x03123456789", "\x031234567"} {
		if _, err := mergedNumber([]byte(value), 3); !errs.Is(err, errs.Corrupt) {
			t.Errorf("number %q: %v", value, err)
		}
	}
}

func TestKeys(t *testing.T) {
	for _, key := range []string{"a", "0", "web", "Web-1_x.y", strings.Repeat("k", KeyBytesMax)} {
		if err := CheckKey(key); err != nil {
			t.Errorf("%q: %v", key, err)
		}
	}
	for _, key := range []string{"", ".", "..", "-a", "_a", "a/b", "a b", "a:b", "é", "a\x00", "a\n", "a%", strings.Repeat("k", KeyBytesMax+1)} {
		if err := CheckKey(key); !errs.Is(err, errs.Invalid) {
			t.Errorf("%q: %v", key, err)
		}
	}
}

func keysOf(docs []Document) []string {
	var keys []string
	for _, d := range docs {
		keys = append(keys, d.Key)
	}
	return keys
}

func TestDocumentsOfAKindLieTogether(t *testing.T) {
	d := NewDocuments(mem.New())
	ctx := t.Context()
	put := func(kind string, keys ...string) {
		t.Helper()
		err := d.Change(ctx, func(c *Change) error {
			for _, k := range keys {
				c.Put(Document{Kind: kind, Key: k, Version: 1, JSON: []byte(`"` + kind + `"`)})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put("source", "c", "a", "ab", "b")
	put("sourc", "a", "z")
	put("source2", "a")
	for _, c := range []struct {
		after string
		limit int
		want  []string
		more  bool
	}{
		{"", 10, []string{"a", "ab", "b", "c"}, false}, {"", 4, []string{"a", "ab", "b", "c"}, false}, {"", 2, []string{"a", "ab"}, true},
		{"a", 2, []string{"ab", "b"}, true}, {"aa", 10, []string{"ab", "b", "c"}, false}, {"c", 10, nil, false}, {"zz", 1, nil, false},
	} {
		docs, more, err := d.List(ctx, "source", c.after, c.limit)
		if err != nil || !slices.Equal(keysOf(docs), c.want) || more != c.more {
			t.Errorf("after %q, %d: %v %v %v", c.after, c.limit, keysOf(docs), more, err)
		}
	}
	if doc, err := d.Get(ctx, "sourc", "a"); err != nil || string(doc.JSON) != `"sourc"` {
		t.Errorf("%+v, %v", doc, err)
	}
	if _, err := d.Get(ctx, "source", "z"); errs.CodeOf(err) != "source.not_found" || !errs.Is(err, errs.NotFound) {
		t.Errorf("another kind's key: %v", err)
	}
}

func TestGenerationCountsChanges(t *testing.T) {
	d := NewDocuments(mem.New())
	ctx := t.Context()
	steps := []func(*Change) error{
		func(c *Change) error { c.Put(Document{Kind: "k", Key: "a", Version: 1}); return nil },
		func(c *Change) error { c.Delete("k", "a"); return nil },
		func(*Change) error { return nil },
		func(c *Change) error {
			c.Put(Document{Kind: "k", Key: "b", Version: 1})
			return errs.New(errs.Conflict, "x", "no")
		},
	}
	for i, want := range []int64{1, 2, 2, 2} {
		err := d.Change(ctx, steps[i])
		if (err != nil) != (i == 3) {
			t.Fatalf("step %d: %v", i, err)
		}
		if got, err := d.Generation(ctx); err != nil || got != want {
			t.Errorf("after step %d: generation %d, %v", i, got, err)
		}
	}
	if _, err := d.Get(ctx, "k", "b"); !errs.Is(err, errs.NotFound) {
		t.Errorf("a change that failed left something: %v", err)
	}
}

func TestDurations(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"1m": time.Minute, "90m": 90 * time.Minute, "24h": 24 * time.Hour, "7d": 168 * time.Hour, "2w": 336 * time.Hour, "36500d": 100 * 365 * 24 * time.Hour,
	} {
		if got, ok := ParseDuration(s); !ok || got != want {
			t.Errorf("%q: %v %v", s, got, ok)
		}
	}
	for _, s := range []string{
		"", "m", "0m", "01h", "1", "30s", "1.5h", "1h30m", "-1h", "+1h", "1 h", "1H", "2y", "1ms", " 1h", "36501d", "99999999w", "999999999999m", "１h",
	} {
		if got, ok := ParseDuration(s); ok {
			t.Errorf("%q was read as %v", s, got)
		}
	}
}

func FuzzDuration(f *testing.F) {
	for _, s := range []string{"1m", "24h", "0d", "1h30m", "99999999w"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, ok := ParseDuration(s); ok && (d < time.Minute || d > 100*365*24*time.Hour || d%time.Minute != 0) {
			t.Fatalf("%q is %v", s, d)
		}
	})
}

func FuzzDocument(f *testing.F) {
	f.Add([]byte("Rsource\x00\x01web"), []byte("\x01\x01{}"))
	f.Add([]byte("R"), []byte("\x01"))
	f.Add([]byte("Rsource\x00\x01web"), []byte("\x01\x01"+`{"name":"x","type":"http","enabled":true,"write_keys":[{"value":"k"}],"secret_sha256":"00"}`))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		doc, err := decodeDocument(key, value)
		if err != nil {
			if !errs.Is(err, errs.Corrupt) {
				t.Fatalf("kind of %v", err)
			}
			return
		}
		if string(AppendKey(nil, doc.Kind, doc.Key)) != string(key) {
			t.Fatalf("key %q became %+v", key, doc)
		}
		again, err := decodeDocument(key, doc.value())
		if err != nil || again.Version != doc.Version || string(again.JSON) != string(doc.JSON) {
			t.Fatalf("%+v, %v", again, err)
		}
		if src, err := decodeSource(doc); err == nil {
			back, err := src.document()
			if err != nil || back.Version != doc.Version {
				t.Fatalf("%+v, %v", back, err)
			}
		} else if !errs.Is(err, errs.Corrupt) {
			t.Fatalf("kind of %v", err)
		}
	})
}
