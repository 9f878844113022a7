package membership

import (
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kith/internal/identity"
)

// TestBytes pins the stored forms: a change of one needs a new version byte.
func TestBytes(t *testing.T) {
	s := Standing{Due: 9, In: []In{{"a@1#1", 5, true}, {"b@2#1", 6, false}}, Timers: []Timer{{"b@2#1", 9}}}
	want := "01" + "02" + "05" + hex.EncodeToString([]byte("a@1#1")) + "0a" + "01" + "05" + hex.EncodeToString([]byte("b@2#1")) + "0c" + "00" +
		"01" + "05" + hex.EncodeToString([]byte("b@2#1")) + "12"
	if got := hex.EncodeToString(s.encode()); got != want {
		t.Errorf("standing %s\nnot      %s", got, want)
	}
	tr := Transition{Sequence: 7, Segment: "vip", Profile: identity.NodeID{0xaa}, Entered: true, At: 5, RecordedAt: 6, Cause: ByTime}
	want = "01" + "02" + "01" + "aa000000000000000000000000000000" + "0a" + "0c" + hex.EncodeToString([]byte("vip"))
	if got := hex.EncodeToString(tr.encode()); got != want {
		t.Errorf("transition %s\nnot        %s", got, want)
	}
	if got := hex.EncodeToString(transitionKey(7)); got != "4b04"+"0000000000000007" {
		t.Errorf("key %s", got)
	}
}

func FuzzStanding(f *testing.F) {
	f.Add((&Standing{Due: 9, In: []In{{"a", 5, true}}, Timers: []Timer{{"a", 9}}}).encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := decodeStanding(data)
		if err != nil || data == nil {
			return
		}
		again, err := decodeStanding(s.encode())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(s, again, cmpopts.IgnoreUnexported(Standing{}), cmpopts.EquateEmpty()); d != "" {
			t.Fatal(d)
		}
	})
}

func FuzzTransition(f *testing.F) {
	f.Add(transitionKey(7), (&Transition{Sequence: 7, Segment: "vip", Entered: true}).encode())
	f.Fuzz(func(t *testing.T, key, value []byte) {
		tr, err := decodeTransition(key, value)
		if err != nil {
			return
		}
		if again, err := decodeTransition(transitionKey(tr.Sequence), tr.encode()); err != nil || again != tr {
			t.Fatalf("%+v became %+v (%v)", tr, again, err)
		}
	})
}
