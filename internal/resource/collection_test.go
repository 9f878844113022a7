package resource

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kith/internal/errs"
	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/sys"
)

func TestCollectionKeepsDocuments(t *testing.T) {
	store, clock := mem.New(), sys.NewManual(time.UnixMilli(1000))
	c := OpenPurposes(store, clock)
	put := func(key, body string) (Item[Purpose], bool) {
		t.Helper()
		item, created, err := c.Put(t.Context(), key, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return item, created
	}
	if item, created := put("a", `{}`); !created || item.Version != 1 || item.CreatedAt != 1000 || item.Doc.Name != "a" || !item.Doc.ConsentRequired {
		t.Errorf("%+v", item)
	}
	clock.Advance(time.Second)
	if item, created := put("a", `{"name":"a"}`); created || item.Version != 1 || item.UpdatedAt != 1000 {
		t.Errorf("what changes nothing: %+v", item)
	}
	if item, _ := put("a", `{"name":"A","version":1}`); item.Version != 2 || item.CreatedAt != 1000 || item.UpdatedAt != 2000 {
		t.Errorf("a change: %+v", item)
	}
	if _, _, err := c.Put(t.Context(), "a", []byte(`{"name":"B","version":1}`)); !errs.Is(err, errs.Conflict) {
		t.Errorf("an old version: %v", err)
	}
	if _, _, err := c.Put(t.Context(), "new", []byte(`{"version":1}`)); !errs.Is(err, errs.Conflict) {
		t.Errorf("the version of nothing: %v", err)
	}
	for i := range 5 {
		put(fmt.Sprintf("k%d", i), `{}`)
	}
	var seen []string
	for after, more := "", true; more; {
		var page []Item[Purpose]
		var err error
		if page, more, err = c.List(t.Context(), after, 2); err != nil {
			t.Fatal(err)
		}
		for _, item := range page {
			seen, after = append(seen, item.Key), item.Key
		}
	}
	if got := strings.Join(seen, " "); got != "a k0 k1 k2 k3 k4" {
		t.Errorf("list %s", got)
	}
	if err := c.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(t.Context(), "a"); errs.CodeOf(err) != "purpose.not_found" {
		t.Errorf("twice: %v", err)
	}
	if _, err := c.Get(t.Context(), "a"); !errs.Is(err, errs.NotFound) {
		t.Errorf("gone: %v", err)
	}
	if all, err := c.All(t.Context()); err != nil || len(all) != 5 {
		t.Errorf("%d, %v", len(all), err)
	}
}

// TestStoredItemsAreChecked: what a newer version wrote, or a disk, is no document.
func TestStoredItemsAreChecked(t *testing.T) {
	store := mem.New()
	c := OpenEntities(store, sys.NewManual(time.UnixMilli(0)))
	if _, _, err := c.Put(t.Context(), "subs", []byte(`{"key":"id","attributes":[{"name":"a","type":"time"}]}`)); err != nil {
		t.Fatal(err)
	}
	snap, err := store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	for kv, err := range snap.Scan(t.Context(), state.Prefix(kindPrefix(nil, KindEntity))) {
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckRow(kv.Key, kv.Value); err != nil {
			t.Error(err)
		}
		for _, bad := range []string{strings.Replace(string(kv.Value), `"key"`, `"kee"`, 1), string(kv.Value[:len(kv.Value)-2]), "\x01\x01{}x"} {
			if err := CheckRow(kv.Key, []byte(bad)); !errs.Is(err, errs.Corrupt) {
				t.Errorf("%q: %v", bad, err)
			}
		}
	}
}
