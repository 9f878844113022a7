package held

import (
	"bytes"
	"encoding/hex"
	"testing"

	"kith/internal/eventlog"
)

// TestBytes pins the stored form: a change of it needs a new version byte.
func TestBytes(t *testing.T) {
	h := Entry{Code: "c", Detail: "d", Data: []byte("x")}
	if got, want := hex.EncodeToString(h.Encode()), "01"+"0163"+"0164"+"78"; got != want {
		t.Errorf("a held record is %s, want %s", got, want)
	}
	if got, want := hex.EncodeToString(Key(eventlog.Position{Partition: 1, Offset: 2})), "51"+"00000001"+"0000000000000002"; got != want {
		t.Errorf("its key is %s, want %s", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(Key(eventlog.Position{}), (&Entry{Code: "c", Data: []byte("x")}).Encode())
	f.Fuzz(func(t *testing.T, key, stored []byte) {
		h, err := Decode(key, stored)
		if err != nil {
			return
		}
		if again, err := Decode(key, h.Encode()); err != nil || again.Code != h.Code || !bytes.Equal(again.Data, h.Data) {
			t.Fatalf("%+v becomes %+v (%v)", h, again, err)
		}
	})
}
