package waypoint

import (
	"encoding/hex"
	"testing"

	"kith/internal/errs"
	"kith/internal/state"
	"kith/internal/state/mem"
)

// TestPieces: a piece ends at the furthest waypoint that fits, at the nearest if none
// does, and never beyond what there is.
func TestPieces(t *testing.T) {
	s := mem.New()
	tx, err := s.Begin(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for _, ends := range [][]uint64{{6, 6}, {20, 8}, {21, 40}} {
		w := Waypoint{Epoch: 3, Ends: ends, Transitions: ends[0]}
		tx.PutIf(key(w.Epoch, w.Facts()), nil, w.encode())
	}
	for _, epoch := range []uint64{2, 4} { // of which nothing holds in the third
		w := Waypoint{Epoch: epoch, Ends: []uint64{7, 8}}
		tx.PutIf(key(w.Epoch, w.Facts()), nil, w.encode())
	}
	if err := tx.Commit(t.Context(), state.Cursor{}); err != nil {
		t.Fatal(err)
	}
	snap, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = snap.Close() }()
	for epoch, want := range map[uint64]uint64{2: 15, 3: 61, 5: 0} {
		if last, err := latest(t.Context(), snap, epoch); err != nil || last != want {
			t.Errorf("the last of epoch %d is at %d, want %d (%v)", epoch, last, want, err)
		}
	}
	for _, c := range []struct {
		from [2]uint64
		to   [2]uint64
		most uint64
		want [2]uint64
	}{
		{to: [2]uint64{30, 40}, most: 100, want: [2]uint64{30, 40}},
		{to: [2]uint64{30, 40}, most: 69, want: [2]uint64{21, 40}},
		{to: [2]uint64{30, 40}, most: 28, want: [2]uint64{20, 8}},
		{to: [2]uint64{30, 40}, most: 27, want: [2]uint64{6, 6}},
		{to: [2]uint64{30, 40}, most: 1, want: [2]uint64{6, 6}},
		{from: [2]uint64{6, 6}, to: [2]uint64{30, 40}, most: 1, want: [2]uint64{20, 8}},
		{from: [2]uint64{21, 40}, to: [2]uint64{30, 40}, most: 1, want: [2]uint64{30, 40}},
		{from: [2]uint64{0, 8}, to: [2]uint64{30, 40}, most: 5, want: [2]uint64{20, 8}}, // the nearest does not reach it
		{from: [2]uint64{0, 0}, to: [2]uint64{19, 40}, most: 30, want: [2]uint64{6, 6}}, // the next ones are beyond
	} {
		from, to := Waypoint{Ends: c.from[:]}, Waypoint{Epoch: 3, Ends: c.to[:], Transitions: 30}
		got, err := Next(t.Context(), snap, &from, &to, c.most)
		if err != nil || [2]uint64(got.Ends) != c.want {
			t.Errorf("from %v to %v, at most %d: %v, want %v (%v)", c.from, c.to, c.most, got.Ends, c.want, err)
		}
	}
}

// TestBytes pins the stored form: a change of it needs a new version byte.
func TestBytes(t *testing.T) {
	w := Waypoint{Epoch: 5, Ends: []uint64{300, 7}, Transitions: 2}
	k, v := key(w.Epoch, w.Facts()), w.encode()
	if got := hex.EncodeToString(k) + " " + hex.EncodeToString(v); got != "4c7700000000000000050000000000000133 0102ac020702" {
		t.Error(got)
	}
	if ok, err := CheckRow(k, v); !ok || err != nil {
		t.Errorf("%t, %v", ok, err)
	}
	for _, bad := range [][]byte{nil, v[1:], v[:len(v)-1], append([]byte{2}, v[1:]...), append(v, 0)} {
		if _, err := CheckRow(k, bad); !errs.Is(err, errs.Corrupt) {
			t.Errorf("%x: %v", bad, err)
		}
	}
	if ok, _ := CheckRow([]byte{k[0], 'n'}, v); ok {
		t.Error("another row is taken for a waypoint")
	}
}
