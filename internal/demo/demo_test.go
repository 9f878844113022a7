package demo

import (
	"bytes"
	"encoding/json"
	"testing"

	"kith/event"
	"kith/internal/strictjson"
)

// aWorld makes a world, which every test has its own of.
func aWorld(t *testing.T, seed uint64, shift int64) *World {
	t.Helper()
	w, err := New(seed, shift)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// sample is people of every kind.
func sample(w *World) []int {
	var out []int
	for i := range 150 {
		out = append(out, i, w.Customers()+i, w.RealPeople()+i, 500_000+i)
	}
	return out
}

// TestMessagesAreAcceptable reads every message as the collector does: it refuses
// those that were planted and no others.
func TestMessagesAreAcceptable(t *testing.T) {
	w := aWorld(t, 1, 0)
	ids := map[string]bool{}
	total, refused := 0, 0
	for _, i := range sample(w) {
		for _, m := range w.Messages(i) {
			total++
			var doc strictjson.Doc
			if err := doc.Parse(m.Body, strictjson.Limits{Depth: 64, Keys: 1000}); err != nil {
				t.Fatalf("%v in %s", err, m.Body)
			}
			e, err := event.Read(doc.Root(), strictjson.Value{}, event.Unknown)
			if (err != nil) != m.Refused {
				t.Fatalf("refused: %v, planted: %v: %s", err, m.Refused, m.Body)
			}
			if err != nil {
				refused++
				continue
			}
			if len(m.Body) > 32<<10 {
				t.Errorf("message %s has %d bytes", e.MessageID, len(m.Body))
			}
			key := string(rune('a'+m.Source)) + e.MessageID
			if ids[key] != m.Repeat {
				t.Errorf("message %s was there before: %v, planted: %v", e.MessageID, ids[key], m.Repeat)
			}
			ids[key] = true
			if !json.Valid(m.Body) {
				t.Fatalf("not JSON: %s", m.Body)
			}
		}
	}
	if refused == 0 {
		t.Error("no message was planted that is refused")
	}
	t.Logf("%d messages, %.1f a person, %d refused", total, float64(total)/float64(len(sample(w))), refused)
}

// TestSameSeedSameBytes: a person is a function of seed and number, whoever was
// made before.
func TestSameSeedSameBytes(t *testing.T) {
	a, b, other := aWorld(t, 7, 0), aWorld(t, 7, 0), aWorld(t, 8, 0)
	people := sample(a)
	want := map[int][]Message{}
	for _, i := range people {
		want[i] = a.Messages(i)
	}
	differ := 0
	for k := range people {
		i := people[len(people)-1-k]
		got, different := b.Messages(i), other.Messages(i)
		if len(got) != len(want[i]) {
			t.Fatalf("person %d has %d messages and then %d", i, len(want[i]), len(got))
		}
		for j := range got {
			if !bytes.Equal(got[j].Body, want[i][j].Body) || got[j].Sent != want[i][j].Sent || got[j].GPC != want[i][j].GPC {
				t.Fatalf("person %d differs: %s and %s", i, want[i][j].Body, got[j].Body)
			}
		}
		if len(different) != len(got) || !bytes.Equal(different[0].Body, got[0].Body) {
			differ++
		}
	}
	if differ < len(people)/2 {
		t.Errorf("another seed changes %d of %d people", differ, len(people))
	}
}
