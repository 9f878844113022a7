package pipeline

import (
	"bytes"
	"encoding/hex"
	"testing"

	"kith/event"
	"kith/internal/eventlog"
	"kith/internal/identity"
)

// TestBytes pins the stored forms: a change of one needs a new version byte.
func TestBytes(t *testing.T) {
	f := func(name string, got []byte, want string) {
		t.Helper()
		if hex.EncodeToString(got) != want {
			t.Errorf("%s is %x, want %s", name, got, want)
		}
	}
	m := &markRow{runs: []run{{
		event: copyRank{Received: 5, Sum: [16]byte{0xaa}}, last: 300, home: identity.NodeID{0xbb},
		typ: event.Track, name: "A", timestamp: -1, position: eventlog.Position{Partition: 2, Offset: 300},
	}}}
	f("a mark", m.encode(), "0101"+"0a"+"aa000000000000000000000000000000"+"d804"+"bb000000000000000000000000000000"+"02"+"0141"+"01"+"02"+"ac02")
	f("a mark's key", markKey(mark{1, 2}), "4d"+"01020000000000000000000000000000")
	c := Cursor{Partition: 3, Next: 1, Repeats: 2, Held: 3, Rejected: 4, Homeless: -1, FactsNext: 6, ReceivedAt: 7}
	f("a cursor", c.encode(), "01"+"02"+"04"+"06"+"08"+"01"+"06"+"0e")
	c.Epoch = 300
	f("a cursor of a later epoch", c.encode(), "02"+"ac02"+"02"+"04"+"06"+"08"+"01"+"06"+"0e")
	f("a cursor's key", cursorKey(3), "43"+"00000003")
}

func FuzzDecodeMark(f *testing.F) {
	f.Add((&markRow{runs: []run{{name: "A"}, {last: 9}}}).encode())
	f.Add([]byte{1, 255, 255, 255})
	f.Fuzz(func(t *testing.T, stored []byte) {
		m, err := decodeMark(stored)
		if err != nil || stored == nil {
			return
		}
		again, err := decodeMark(m.encode())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(m.encode(), again.encode()) {
			t.Fatal("the mark changes when it is stored again")
		}
	})
}

func FuzzDecodeCursor(f *testing.F) {
	f.Add((&Cursor{Next: 5}).encode())
	f.Fuzz(func(t *testing.T, stored []byte) {
		c, err := decodeCursor(0, stored)
		if err != nil || stored == nil {
			return
		}
		again, err := decodeCursor(0, c.encode())
		if err != nil {
			t.Fatal(err)
		}
		if again.stored = c.stored; !bytes.Equal(again.encode(), c.encode()) {
			t.Fatal("the cursor changes when it is stored again")
		}
	})
}
