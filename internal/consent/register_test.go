package consent_test

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kith/internal/consent"
	"kith/internal/eventlog"
	"kith/internal/identity"
	"kith/internal/oracle"
)

// statements draws statements of one node whose times tie often.
func statements(rng *rand.Rand, n int) []consent.Statement {
	out := make([]consent.Statement, n)
	for i := range out {
		s := &out[i]
		s.State = consent.State(1 + rng.IntN(3))
		s.Via = []consent.Via{consent.ViaAPI, consent.ViaEvent, consent.ViaGPC}[rng.IntN(3)]
		if s.Via == consent.ViaGPC {
			s.State = consent.Denied
		}
		s.ReceivedAt = rng.Int64N(6)
		s.At = s.ReceivedAt - rng.Int64N(4)
		s.MessageID, s.Source = fmt.Sprint("m", rng.IntN(3)), []string{"api", "web"}[rng.IntN(2)]
		s.Purpose = []string{"marketing", "analytics", consent.Every}[rng.IntN(3)]
		s.Channel = []string{"", "email", "sms"}[rng.IntN(3)]
	}
	return out
}

func register(all []consent.Statement) *consent.Register {
	r := &consent.Register{}
	for i := range all {
		r.Add(&all[i])
	}
	return r
}

// TestRegisterIsTheRule: the register comes to what the rule says in plain words,
// in any order, with repeats, and out of its stored form.
func TestRegisterIsTheRule(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	seen := map[consent.State]int{}
	for range 20_000 {
		all := statements(rng, rng.IntN(8))
		r := register(all)
		if got, want := r.Outcome().State, oracle.Judge(all); got != want {
			t.Fatalf("%+v: %v, want %v", all, got, want)
		}
		seen[r.Outcome().State]++
		again := append(append([]consent.Statement(nil), all...), all...)
		rng.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		if other := register(again); *other != *r {
			t.Fatalf("another order: %+v and %+v", other, r)
		}
		back, err := consent.DecodeRegister(r.Encode())
		if err != nil || *back != *r {
			t.Fatalf("%+v out of the store: %+v, %v", r, back, err)
		}
		if r.Empty() != (len(all) == 0) {
			t.Fatalf("%d statements: empty %v", len(all), r.Empty())
		}
	}
	for s := consent.Silent; s <= consent.Withdrawn; s++ {
		if seen[s] < 100 {
			t.Errorf("only %d came to %q", seen[s], s)
		}
	}
}

// TestWhatDoesNotDecideMayGo: a statement that does not decide leaves the register
// as it is when it is taken out.
func TestWhatDoesNotDecideMayGo(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	idle := 0
	for range 20_000 {
		all := statements(rng, 2+rng.IntN(6))
		r := register(all)
		gone := all[0]
		without := register(all[1:])
		if r.Decides(&gone) {
			continue
		}
		idle++
		if *without != *r {
			t.Fatalf("without %+v: %+v, with it %+v", gone, without, r)
		}
	}
	if idle < 1000 {
		t.Errorf("only %d statements did not decide", idle)
	}
}

func TestGoldenRows(t *testing.T) {
	r := register([]consent.Statement{
		{Said: consent.Said{State: consent.Granted, Via: consent.ViaAPI}, At: 1, ReceivedAt: 2, MessageID: "m", Source: "api"},
		{Said: consent.Said{State: consent.Denied, Via: consent.ViaEvent}, At: 3, ReceivedAt: 300, MessageID: "n", Source: "web"},
	})
	const register = "01" + "00" + "02" + "02" + "06" + "d804" + "016e" + "03776562" + "06" + "01" + "01" + "02" + "04" + "016d" + "03617069" + "00"
	if got := hex.EncodeToString(r.Encode()); got != register {
		t.Errorf("register %s\nwant     %s", got, register)
	}
	e := consent.Entry{
		Node: identity.NodeID{1}, Place: consent.Place{ReceivedAt: 5, MessageID: "m", Source: "web", Event: true},
		Position: eventlog.Position{Partition: 1, Offset: 300}, At: 4,
		Said:      []consent.Said{{Purpose: "marketing", Channel: "sms", State: consent.Granted, Via: consent.ViaEvent}},
		Elsewhere: []identity.NodeID{{2}},
	}
	const key = "47" + "01000000000000000000000000000000" + "8000000000000005" + "6d0001" + "01" + "776562"
	const value = "01" + "01" + "ac02" + "08" + "01" + "0102" + "096d61726b6574696e67" + "03736d73" + "02000000000000000000000000000000"
	k := consent.LedgerRow(e.Node, e.Place)
	if got := hex.EncodeToString(k); got != key {
		t.Errorf("key   %s\nwant  %s", got, key)
	}
	if got := hex.EncodeToString(e.Encode()); got != value {
		t.Errorf("value %s\nwant  %s", got, value)
	}
	back, err := consent.DecodeEntry(k, e.Encode())
	if err != nil || !cmp.Equal(back, &e) {
		t.Errorf("read back (%v): %s", err, cmp.Diff(&e, back))
	}
	if k := consent.RegisterRow(e.Node, "marketing", "sms"); hex.EncodeToString(k[17:]) != "6d61726b6574696e670001736d73" {
		t.Errorf("key of a register: %x", k)
	}
}

func FuzzDecodeRegister(f *testing.F) {
	rng := rand.New(rand.NewPCG(3, 3))
	for range 5 {
		f.Add(register(statements(rng, 5)).Encode())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := consent.DecodeRegister(data)
		if err != nil {
			return
		}
		again, err := consent.DecodeRegister(r.Encode())
		if err != nil || *again != *r {
			t.Fatalf("%+v becomes %+v, %v", r, again, err)
		}
		r.Outcome()
	})
}

func FuzzDecodeEntry(f *testing.F) {
	e := consent.Entry{Node: identity.NodeID{1}, Place: consent.Place{MessageID: "m", Source: "s"}, Said: []consent.Said{{Purpose: "p", State: consent.Denied, Via: consent.ViaGPC}}}
	f.Add(consent.LedgerRow(e.Node, e.Place), e.Encode())
	f.Fuzz(func(t *testing.T, k, v []byte) {
		got, err := consent.DecodeEntry(k, v)
		if err != nil {
			return
		}
		again, err := consent.DecodeEntry(consent.LedgerRow(got.Node, got.Place), got.Encode())
		if err != nil || !cmp.Equal(again, got) {
			t.Fatalf("%+v becomes %+v, %v", got, again, err)
		}
	})
}
