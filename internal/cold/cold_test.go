package cold_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"kith/event"
	"kith/internal/cold"
	"kith/internal/cold/coldtest"
	"kith/internal/errs"
	"kith/internal/history"
	"kith/internal/history/historytest"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/state/statetest"
	"kith/internal/sys"
)

func TestMemory(t *testing.T) {
	coldtest.Run(t, func(*testing.T) cold.Backend { return &coldtest.Memory{} })
}

// TestIsAState: whoever uses the two as a state finds what a state promises.
func TestIsAState(t *testing.T) {
	statetest.Run(t, statetest.Engine{Hides: state.FamilyCold, Open: func(tb testing.TB) state.Store {
		s := coldtest.NewRestless(mem.New(), &coldtest.Memory{}, 1)
		tb.Cleanup(func() {
			if err := s.Close(); err != nil {
				tb.Error(err)
			}
		})
		return s
	}})
}

// TestHistory: the index finds its rows wherever they lie.
func TestHistory(t *testing.T) {
	moved := 0
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			historytest.Run(t, keyed.Index{}, func(t *testing.T) state.Store {
				s := coldtest.NewRestless(mem.New(), &coldtest.Memory{}, seed)
				t.Cleanup(func() { moved += s.Moved() })
				return s
			})
		})
	}
	if moved < 1000 {
		t.Errorf("only %d rows were moved", moved)
	}
}

// TestLeftGenerationsGo: what a state has left that was made anew is deleted after a
// while, and neither what it has now nor what another state has there.
func TestLeftGenerationsGo(t *testing.T) {
	b := &coldtest.Memory{}
	append := func(s *coldtest.Restless, message string) {
		t.Helper()
		tx, err := s.Begin(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		keyed.Index{}.Append(tx, &history.Entry{Node: identity.NodeID{1}, Type: event.Track, MessageID: message, Timestamp: 5})
		if err := tx.Commit(t.Context(), state.Cursor{}); err != nil {
			t.Fatal(err)
		}
	}
	moved := func(s *coldtest.Restless) {
		t.Helper()
		for range 10 {
			if err := s.Move(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	generations := func(want int) {
		t.Helper()
		if held, err := b.Generations(t.Context()); err != nil || len(held) != want {
			t.Fatalf("%d generations, %v; want %d", len(held), err, want)
		}
	}
	mine, other := coldtest.NewRestless(mem.New(), b, 1), coldtest.NewRestless(mem.New(), b, 100)
	append(mine, "a")
	moved(mine)
	append(other, "b")
	moved(other)
	generations(2)
	tx, err := mine.Begin(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []state.Family{state.FamilyCold, state.FamilyHistory} {
		for kv, err := range tx.Scan(t.Context(), state.Prefix([]byte{byte(f)})) {
			if err != nil {
				t.Fatal(err)
			}
			tx.Delete(bytes.Clone(kv.Key))
		}
	}
	if err := tx.Commit(t.Context(), state.Cursor{}); err != nil {
		t.Fatal(err)
	}
	clean := func() {
		t.Helper()
		if err := mine.Mover(sys.Seeded(9), nil).Clean(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	clean()
	append(mine, "c")
	moved(mine)
	clean()
	generations(3)
	b.Idle = 8 * 24 * time.Hour
	clean()
	generations(2)
	for _, s := range []*coldtest.Restless{mine, other} {
		if err := s.Verify(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := cold.New(mine.Hot, &coldtest.Memory{}).Verify(t.Context()); !errs.Is(err, errs.Corrupt) {
		t.Errorf("of a backend that lacks what was moved: %v", err)
	}
}

// TestBytes pins the stored forms.
func TestBytes(t *testing.T) {
	for key, values := range map[string][2]string{
		"5a00":                               {"02" + "000102030405060708090a0b0c0d0e0f" + "ac02" + "01" + "ffffffffffffffff" + "07" + "02" + "0109" + "03ac02", "03"},
		"5a01020304050607080900000000000000": {"02" + "8000000000000005" + "8404", "028000"},
	} {
		k, good, bad := unhex(t, key), unhex(t, values[0]), unhex(t, values[1])
		if err := cold.CheckRow(k, good); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		if err := cold.CheckRow(k, bad); !errs.Is(err, errs.Corrupt) {
			t.Errorf("%s: %s is read, %v", key, values[1], err)
		}
	}
	if err := cold.CheckRow([]byte("Zx?"), nil); !errs.Is(err, errs.Corrupt) {
		t.Error("a key of another form is read")
	}
}

func unhex(t *testing.T, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
