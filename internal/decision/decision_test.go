package decision

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/record"
	"kith/internal/state"
	"kith/internal/state/mem"
)

func sample() Decision {
	return Decision{
		ID: "dec_1", At: 1795305598000, Kind: Merge, A: &Value{"user_id", "u1"}, B: &Value{"email", "A@b.fr"},
		Reason: "phoned in", By: "admin",
	}
}

func TestGoldenDecision(t *testing.T) {
	d := sample()
	r, err := d.Record()
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"kind":"merge","a":{"type":"user_id","value":"u1"},"b":{"type":"email","value":"A@b.fr"},"reason":"phoned in","by":"admin"}`
	want := "01" + "03" + "00" + "00" + "0000" + "e0b0eb88c068" + "e0b0eb88c068" + "00" + "00" +
		"05" + hex.EncodeToString([]byte("dec_1")) + "00" + "00" + "00" + "00" + hex.EncodeToString([]byte(body))
	if got := hex.EncodeToString(r.AppendTo(nil)); got != want {
		t.Errorf("bytes\n%s, want\n%s", got, want)
	}
	data, err := hex.DecodeString(want)
	if err != nil {
		t.Fatal(err)
	}
	back, err := record.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(&back)
	if err != nil || !cmp.Equal(got, d) {
		t.Errorf("read back (%v): %s", err, cmp.Diff(d, got))
	}
}

func TestWhatCannotBeReadIsRefused(t *testing.T) {
	for _, body := range []string{
		``, `[]`, `{}`, `{"kind":"other"}`, `{"kind":"merge","a":{"type":"x","value":"y"}}`, `{"kind":"split","left":[{"type":"x","value":"y"}]}`,
		`{"kind":"retract","source":"web"}`, `{"kind":"revoke"}`, `{"kind":"merge","a":1,"b":2}`,
	} {
		r := record.Record{Kind: record.Decision, Body: []byte(body)}
		r.Stamp.MessageID = "dec_1"
		if _, err := Read(&r); !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestRulings(t *testing.T) {
	cfg, keys := identity.DefaultConfig(), identity.NewKeyring([]byte("k"))
	d := Decision{
		ID: "d", At: 3, Kind: Split,
		Left:  []Value{{"email", "A@B.fr"}, {"email", "a@b.fr"}, {"user_id", "null"}},
		Right: []Value{{"user_id", "u1"}, {"email", "a@b.FR"}},
	}
	rulings, ids := d.Rulings(cfg, keys)
	a, u := keys.Node(identity.Identifier{Type: "email", Value: "a@b.fr"}), keys.Node(identity.Identifier{Type: "user_id", Value: "u1"})
	if want := []identity.Ruling{identity.NewRuling("d", true, a, u, 3)}; !cmp.Equal(rulings, want) {
		t.Error(cmp.Diff(want, rulings))
	}
	if len(ids) != 2 {
		t.Errorf("%v", ids)
	}
}

// TestRowsIgnoreOrder: what is known of a decision depends on the set of what was
// said about it.
func TestRowsIgnoreOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var want []byte
	for range 50 {
		row := Row{ID: "dec_1"}
		says := []func(){}
		for i := range 3 {
			d := sample()
			d.Reason = fmt.Sprint("copy ", i)
			says = append(says, func() { row.Tell(d, Rank{Received: int64(i / 2), Sum: [16]byte{byte(i)}}) })
			says = append(says, func() { row.Revoke(Revocation{ID: fmt.Sprint("r", i), At: int64(-i), By: "b"}) })
		}
		rng.Shuffle(len(says), func(i, j int) { says[i], says[j] = says[j], says[i] })
		for _, say := range says {
			say()
		}
		got, err := row.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Fatal("the row depends on the order")
		}
	}
	row, err := DecodeRow(Key("dec_1"), want)
	if err != nil || row.Stands() || row.Decision.Reason != "copy 0" || len(row.Revocations) != 3 {
		t.Errorf("%+v, %v", row, err)
	}
}

func TestList(t *testing.T) {
	ctx, store := context.Background(), mem.New()
	tx, err := store.Begin(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 7 {
		d := sample()
		d.ID = fmt.Sprint("dec_", i)
		row := Row{ID: d.ID}
		row.Tell(d, Rank{})
		v, err := row.Encode()
		if err != nil {
			t.Fatal(err)
		}
		tx.Put(Key(d.ID), v)
	}
	if err := tx.Commit(ctx, state.Cursor{}); err != nil {
		t.Fatal(err)
	}
	snap, err := store.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	var got []string
	for before, more := "", true; more; {
		var rows []Row
		if rows, more, err = List(ctx, snap, before, 2, func(r *Row) bool { return r.ID != "dec_3" }); err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			got, before = append(got, r.ID), r.ID
		}
	}
	if want := []string{"dec_6", "dec_5", "dec_4", "dec_2", "dec_1", "dec_0"}; !cmp.Equal(got, want) {
		t.Error(got)
	}
	if _, err := Get(ctx, snap, "dec_9"); !errs.Is(err, errs.NotFound) {
		t.Error(err)
	}
}

func FuzzDecodeRow(f *testing.F) {
	row := Row{ID: "dec_1"}
	row.Tell(sample(), Rank{Received: 5})
	row.Revoke(Revocation{ID: "r", At: 1})
	v, err := row.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(v)
	f.Fuzz(func(t *testing.T, value []byte) {
		row, err := DecodeRow(Key("dec_1"), value)
		if err != nil {
			return
		}
		again, err := row.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := DecodeRow(Key("dec_1"), again); err != nil || !cmp.Equal(row, back) {
			t.Fatalf("%v %s", err, cmp.Diff(row, back))
		}
	})
}
