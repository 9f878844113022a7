package fact

import (
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kith/event"
	"kith/internal/eventlog"
	"kith/internal/identity"
)

var sample = Block{Partition: 1, First: 7, At: 5, Facts: []Fact{
	{Kind: EventFolded, Record: eventlog.Position{Partition: 1, Offset: 300}, Node: identity.NodeID{0xaa}, Profile: identity.NodeID{0xbb}, Call: 9, Type: event.Page, Name: "Home", Timestamp: 5},
	{Kind: EventWithdrawn, Record: eventlog.Position{Partition: 2}},
	{Kind: RowChanged, Call: 6},
	{Kind: NodeMoved, Record: eventlog.Position{Offset: 1}, Node: identity.NodeID{1}, Profile: identity.NodeID{2}, From: identity.NodeID{3}},
}}

// TestBytes pins the stored form: a change of it needs a new version byte.
func TestBytes(t *testing.T) {
	const zero = "00000000000000000000000000000000"
	want := "04" + "0a" + "04" + "0101ac02" + "aa000000000000000000000000000000" + "bb000000000000000000000000000000" + "00000009" + "0304486f6d650a" + "020200" + zero + zero + "0d0000" + zero + zero + "00000006" + "030001" +
		"01" + zero[2:] + "02" + zero[2:] + "03" + zero[2:]
	if got := hex.EncodeToString(encode(sample)); got != want {
		t.Errorf("value %s\nwant  %s", got, want)
	}
	if got := hex.EncodeToString(key(1, 7)); got != "46"+"00000001"+"0000000000000007" {
		t.Errorf("key %s", got)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(key(1, 7), encode(sample))
	f.Add(key(0, 0), []byte{1, 0, 255, 255, 255, 255, 15})
	f.Fuzz(func(t *testing.T, k, v []byte) {
		b, err := decode(1, k, v)
		if err != nil {
			return
		}
		again, err := decode(1, k, encode(b))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(b, again); d != "" {
			t.Fatal(d)
		}
	})
}
