package profile

import (
	"bytes"
	"encoding/hex"
	"testing"

	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/state"
)

// TestBytes pins the stored form of a trait.
func TestBytes(t *testing.T) {
	w := Write{Sighting: identity.Sighting{Timestamp: 1, MessageID: "m", Source: "s"}, Key: "plan", Value: []byte(`"pro"`)}
	const want = "0c" + "8000000000000001" + "6d0001" + "73" + "04" + "706c616e" + "2270726f22"
	if got := hex.EncodeToString(w.Operand()); got != want {
		t.Errorf("operand %s\nwant    %s", got, want)
	}
	if got := hex.EncodeToString(TraitRow(identity.NodeID{1}, "plan")); got != "54"+"01000000000000000000000000000000"+"706c616e" {
		t.Errorf("key %s", got)
	}
}

// TestStampsSortAsEventsDo: the stored stamp of a write has the order of events.
func TestStampsSortAsEventsDo(t *testing.T) {
	places := []identity.Sighting{
		{Timestamp: -1, MessageID: "z", Source: "z"}, {Timestamp: 0}, {Timestamp: 0, Source: "a"}, {Timestamp: 0, MessageID: "\x00"},
		{Timestamp: 0, MessageID: "a", Source: "z"}, {Timestamp: 0, MessageID: "a\x00", Source: ""}, {Timestamp: 0, MessageID: "ab"}, {Timestamp: 7},
	}
	for i := range places {
		for j := range places {
			a, b := Write{Sighting: places[i]}, Write{Sighting: places[j]}
			as, _, err1 := state.SplitLast(a.Operand())
			bs, _, err2 := state.SplitLast(b.Operand())
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			if got, want := bytes.Compare(as, bs), a.Compare(&b); got != want {
				t.Errorf("%+v against %+v: stamps %d, events %d", places[i], places[j], got, want)
			}
		}
	}
}

func FuzzDecodeWrite(f *testing.F) {
	w := Write{Sighting: identity.Sighting{Timestamp: 1, MessageID: "m", Source: "s"}, Key: "plan", Value: []byte(`1`)}
	f.Add(append([]byte{byte(state.OpLast)}, w.Operand()...))
	f.Fuzz(func(t *testing.T, stored []byte) {
		w, err := DecodeWrite(stored)
		if err != nil {
			return
		}
		again, err := DecodeWrite(append([]byte{byte(state.OpLast)}, w.Operand()...))
		if err != nil || again.Compare(&w) != 0 || again.Key != w.Key {
			t.Fatalf("%+v becomes %+v (%v)", w, again, err)
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add(formatCursor(history.Place{Sighting: identity.Sighting{Timestamp: 1, MessageID: "m", Source: "s"}, ReceivedAt: 2}))
	f.Add("!")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseCursor(text)
		if err != nil || s == nil {
			return
		}
		if again, err := parseCursor(formatCursor(*s)); err != nil || *again != *s {
			t.Fatalf("%+v becomes %+v (%v)", s, again, err)
		}
	})
}
