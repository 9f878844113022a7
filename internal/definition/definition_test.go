package definition

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"kith/internal/analytics"
	"kith/internal/analytics/condition"
	"kith/internal/errs"
	"kith/internal/expr"
	"kith/internal/resource"
	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/sys"
)

func opened(t *testing.T, store state.Store) *Catalog {
	t.Helper()
	c, err := Open(t.Context(), Config{State: store, Clock: sys.NewManual(time.Unix(1_800_000_000, 0)), Folded: func() bool { return false }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestOthersDefinitionsAreOfToday: what one process saves and removes, another one
// answers by.
func TestOthersDefinitionsAreOfToday(t *testing.T) {
	store := mem.New()
	here, there := opened(t, store), opened(t, store)
	if _, _, err := here.Traits().Put(t.Context(), "orders", []byte(`{"type":"count","event":"Order"}`)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := here.Segments().Put(t.Context(), "buyers", []byte(`{"where":{"trait":"orders","op":"gt","value":0}}`)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := here.Segments().Put(t.Context(), "others", []byte(`{"where":{"segment":"buyers","op":"in"}}`)); err != nil {
		t.Fatal(err)
	}
	if got := there.Today(); got.Segment("buyers") == nil || got.Segment("others") == nil {
		t.Error("another process does not know the segments")
	}
	if got := there.NeededBy("buyers"); !slices.Equal(got, []string{"others"}) {
		t.Errorf("buyers is needed by %v", got)
	}
	if err := there.Segments().Delete(t.Context(), "others"); err != nil {
		t.Fatal(err)
	}
	if here.Today().Segment("others") != nil {
		t.Error("a segment that is removed is still there")
	}
}

// TestFieldsKeepTheirPlaces: whichever processes add fields at once, each field has
// one place that it keeps, and all of them know it.
func TestFieldsKeepTheirPlaces(t *testing.T) {
	store := mem.New()
	catalogs := []*Catalog{opened(t, store), opened(t, store), opened(t, store)}
	var added sync.WaitGroup
	for i, c := range catalogs {
		added.Go(func() {
			seen := c.Fields()
			for n := range 20 {
				fields := []expr.Field{{Path: fmt.Sprint(n)}, {Path: fmt.Sprint(n % (i + 2)), Context: true}}
				now, err := c.keep(context.Background(), fields)
				if err != nil {
					t.Error(err)
					return
				}
				if len(now) < len(seen) || !slices.Equal(now[:len(seen)], seen) {
					t.Errorf("%v became %v", seen, now)
				}
				for _, f := range fields {
					if !slices.Contains(now, f) {
						t.Errorf("%v is not kept: %v", f, now)
					}
				}
				seen = now
			}
		})
	}
	added.Wait()
	want := opened(t, store).Fields()
	once := map[expr.Field]bool{}
	for _, f := range want {
		if once[f] {
			t.Errorf("%v has two places in %v", f, want)
		}
		once[f] = true
	}
	for _, c := range catalogs {
		if _, err := c.keep(t.Context(), []expr.Field{{Path: "last"}}); err != nil {
			t.Fatal(err)
		}
		if got := c.Fields(); len(got) != len(want)+1 || !slices.Equal(got[:len(want)], want) {
			t.Errorf("one process knows %v, not %v", got, want)
		}
	}
}

// TestDamagedFieldsStopIt: without the places of fields nothing that the history
// holds could be read.
func TestDamagedFieldsStopIt(t *testing.T) {
	store := mem.New()
	err := resource.NewDocuments(store).Change(t.Context(), func(c *resource.Change) error {
		c.Put(resource.Document{Kind: resource.KindFields, Key: fieldsKey, Version: 1, JSON: []byte(`{}`)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{State: store, Clock: sys.Wall()}); !errs.Is(err, errs.Corrupt) {
		t.Errorf("it opens: %v", err)
	}
}

// TestPartOfEverybody: the more rows, the smaller the part, by powers of two.
func TestPartOfEverybody(t *testing.T) {
	for _, c := range []struct {
		events, nodes int64
		want          int
	}{
		{0, 0, 1}, {100, 100, 1}, {101, 0, 2}, {0, 101, 2}, {600, 400, 8}, {100, 801, 16}, {1 << 40, 0, condition.PartMax},
	} {
		if got := (Readable{100, 100}).OneIn(c.events, c.nodes); got != c.want {
			t.Errorf("of %d events and %d identifiers one in %d is asked, not %d", c.events, c.nodes, got, c.want)
		}
	}
}

// TestSmallerPartWhereMemoryEnds: an engine whose memory does not suffice is asked of
// fewer people, one that knows no samples of all, and every other answer stands.
func TestSmallerPartWhereMemoryEnds(t *testing.T) {
	memory := errs.New(errs.Exhausted, analytics.CodeMemory, "too much")
	sample := errs.New(errs.Invalid, condition.CodeNoSample, "no samples")
	away := errors.New("away")
	for name, c := range map[string]struct {
		answers map[int]error // by part; nothing else may be asked
		from    int
		want    int
		err     error
	}{
		"at once":              {map[int]error{1: nil}, 1, 1, nil},
		"a sixteenth":          {map[int]error{1: memory, 4: memory, 16: nil}, 1, 16, nil},
		"none is small enough": {map[int]error{2: memory, 8: memory, 32: memory, 128: memory}, 2, 128, memory},
		"no samples":           {map[int]error{8: sample, 1: nil}, 8, 1, nil},
		"no samples, no room":  {map[int]error{8: sample, 1: memory}, 8, 1, memory},
		"away":                 {map[int]error{4: away}, 4, 4, away},
	} {
		ask := asker(func(_ context.Context, q condition.Question, _ func(condition.Form) (analytics.Query, error)) ([][]string, error) {
			err, known := c.answers[q.Part]
			if !known {
				t.Errorf("%s: one in %d is asked", name, q.Part)
			}
			return nil, err
		})
		_, part, err := ask.part(t.Context(), condition.Question{Part: c.from}, nil)
		if part != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: one in %d was asked, %v", name, part, err)
		}
	}
}
