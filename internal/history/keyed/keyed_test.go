package keyed

import (
	"encoding/hex"
	"testing"

	"kith/event"
	"kith/internal/eventlog"
	"kith/internal/history"
	"kith/internal/history/historytest"
	"kith/internal/identity"
	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/state/pebble"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestOverMemory(t *testing.T) {
	historytest.Run(t, Index{}, func(*testing.T) state.Store { return mem.New() })
}

func TestOverPebble(t *testing.T) {
	historytest.Run(t, Index{}, func(t *testing.T) state.Store {
		s, err := pebble.Open("db", pebble.Options{FS: vfs.NewMem()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	})
}

// TestBytes pins the stored form: a change of it needs a new version byte.
func TestBytes(t *testing.T) {
	e := &history.Entry{
		Node: identity.NodeID{1, 2}, Type: event.Group, Name: "ac\x00me", Timestamp: 1_750_000_000_000, MessageID: "m1", Source: "web",
		Position: eventlog.Position{Partition: 2, Offset: 300}, ReceivedAt: 5, Flags: event.GPC,
		Observation: identity.ObservationKey{0xaa}, Account: identity.NodeID{0xbb}, Traits: []byte(`{}`),
	}
	const wantKey = "48" + "01020000000000000000000000000000" + "00" + "05" + "616300ff6d650001" + "800001977420dc00" + "6d310001" + "7765620001" + "8000000000000005"
	const wantValue = "01" + "02" + "ac02" + "20" + "aa000000000000000000000000000000" + "01027b7d" + "0210bb000000000000000000000000000000"
	if got := hex.EncodeToString(key(e)); got != wantKey {
		t.Errorf("key   %s\nwant  %s", got, wantKey)
	}
	if got := hex.EncodeToString(value(e)); got != wantValue {
		t.Errorf("value %s\nwant  %s", got, wantValue)
	}
}

func FuzzDecode(f *testing.F) {
	e := &history.Entry{Node: identity.NodeID{1}, Type: event.Track, Name: "A", MessageID: "m", Source: "s", Traits: []byte(`{"a":1}`)}
	f.Add(key(e), value(e))
	f.Fuzz(func(t *testing.T, k, v []byte) {
		got, err := decode(k, v)
		if err != nil {
			return
		}
		again, err := decode(key(got), value(got))
		if err != nil {
			t.Fatal(err)
		}
		if again.Place() != got.Place() || again.Position != got.Position || string(again.Traits) != string(got.Traits) {
			t.Fatalf("%+v becomes %+v", got, again)
		}
	})
}
