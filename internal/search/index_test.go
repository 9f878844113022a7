package search_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/event"
	"kith/internal/history"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/pipeline"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/search"
	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/state/pebble"
	"kith/internal/state/postgres"
	"kith/internal/state/postgres/pgtest"
)

// set makes records in which what people are found by comes and goes: names
// written over, numbers that several events name, and messages of which a lesser
// copy with another content turns up later.
func set(seed uint64, n int) [][]byte {
	rng := rand.New(rand.NewPCG(seed, 0x736574))
	pick := func(of ...string) string { return of[rng.IntN(len(of))] }
	var out [][]byte
	for range n {
		at := start + rng.Int64N(1000)
		stamp := event.Stamp{Source: "web", MessageID: fmt.Sprintf("m%d", rng.IntN(n)), ReceivedAt: at, Timestamp: start + rng.Int64N(50)}
		who := fmt.Sprintf(`"userId":%q,"anonymousId":%q`, pick("u1", "u2", ""), pick("a1", "a2"))
		var body string
		switch rng.IntN(4) {
		case 0:
			stamp.Type = event.Track
			body = fmt.Sprintf(`{%s,"event":"Order Completed","properties":{"order_id":%q,"ticket_id":%s}}`, who, pick("A-1", "a1", "B 2"), pick("7", "8", "null"))
		case 1:
			stamp.Type = event.Group
			body = fmt.Sprintf(`{%s,"groupId":"acme","traits":{"name":%q}}`, who, pick("Acme Inc", "Globex"))
		default:
			stamp.Type = event.Identify
			body = fmt.Sprintf(`{%s,"traits":{"name":%s,"email":%q,"customer_id":%s,"company":{"name":%q}}}`, who,
				pick(`"Ana García"`, `"Ana García López"`, `null`, `"山田太郎"`, `"Bo"`), pick("ana@shop.fr", "bo@shop.fr"), pick("1", "2", "null"), pick("Acme", "Globex Corp"))
		}
		rec := record.Record{Kind: record.Event, Stamp: stamp, Body: []byte(body)}
		out = append(out, rec.AppendTo(nil))
	}
	return out
}

// shuffled returns the records in another order, some of them twice.
func shuffled(seed uint64, records [][]byte) [][]byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := slices.Clone(records)
	for range len(records) / 4 {
		out = append(out, records[rng.IntN(len(records))])
	}
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// lines are the rows of a family, and of the index those that its sources ask for.
func (p *place) index() (have, want []string) {
	p.t.Helper()
	ctx := context.Background()
	snap, err := p.store.Snapshot(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	defer snap.Close()
	each := func(f state.Family, row func(k, v []byte)) {
		for kv, err := range snap.Scan(ctx, state.Prefix([]byte{byte(f)})) {
			if err != nil {
				p.t.Fatal(err)
			}
			row(bytes.Clone(kv.Key), bytes.Clone(kv.Value))
		}
	}
	add := func(rows []state.KV) {
		for _, kv := range rows {
			want = append(want, fmt.Sprintf("%q %x", kv.Key, kv.Value))
		}
	}
	accounts, people := map[identity.NodeID]bool{}, map[identity.NodeID]bool{}
	each(state.FamilyIdentifier, func(k, v []byte) {
		id, err := identity.DecodeIdentifier(v)
		if err != nil {
			p.t.Fatal(err)
		}
		node := identity.NodeID(k[1:17])
		accounts[node] = id.Type == profile.AccountType
		people[node] = true
		add(search.IdentifierRows(node, id))
	})
	each(state.FamilyTrait, func(k, v []byte) {
		w, err := profile.DecodeWrite(v)
		if err != nil {
			p.t.Fatal(err)
		}
		if node := identity.NodeID(k[1:17]); !accounts[node] {
			add(search.TraitRows(node, w.Key, w.Value))
		}
	})
	for node := range people {
		for e, err := range (keyed.Index{}).Range(ctx, snap, history.Query{Node: node, From: -1 << 63, To: 1<<63 - 1}) {
			if err != nil {
				p.t.Fatal(err)
			}
			for _, s := range e.Numbers {
				add(search.NumberRows(node, s))
			}
		}
	}
	each(state.FamilySearch, func(k, v []byte) { have = append(have, fmt.Sprintf("%q %x", k, v)) })
	slices.Sort(have)
	slices.Sort(want)
	return have, slices.Compact(want)
}

// supported leaves out the rows of identifiers, whose life is that of the
// identifier's own row: that stays when nothing names the node any more.
func supported(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(s string) bool { return strings.Contains(s, `I" `) })
}

// TestIndexIsWhatItsSourcesSay folds sets in which messages are withdrawn, in
// several orders and batches, on every engine: the index is the one that
// identifiers, traits and history ask for, and of one set always the same.
func TestIndexIsWhatItsSourcesSay(t *testing.T) {
	engines := map[string]func(*testing.T) state.Store{
		"mem": func(*testing.T) state.Store { return mem.New() },
		"pebble": func(t *testing.T) state.Store {
			s, err := pebble.Open("state", pebble.Options{FS: vfs.NewMem(), NoSync: true, ReserveBytes: -1})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		"postgres": func(t *testing.T) state.Store {
			url := pgtest.Start(t)
			s, err := postgres.Open(t.Context(), url, postgres.Options{Schema: pgtest.Schema(t, url)})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
	}
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			seeds := map[string]uint64{"mem": 40, "pebble": 8, "postgres": 2}[name]
			for seed := range seeds {
				records := set(seed, 40)
				var first []string
				for round, batch := range []int{1000, 1, 7} {
					sent := records
					if round > 0 {
						sent = shuffled(seed*10+uint64(round), records)
					}
					p := openOn(t, open(t), batch)
					p.fold(sent...)
					have, want := p.index()
					if !slices.Equal(have, want) {
						t.Fatalf("seed %d, batches of %d: the index is\n%v\nits sources say\n%v", seed, batch, have, want)
					}
					if len(have) < 10 {
						t.Fatalf("seed %d: only %d rows", seed, len(have))
					}
					if round == 0 {
						first = supported(have)
					} else if got := supported(have); !slices.Equal(got, first) {
						t.Fatalf("seed %d, batches of %d: the index of another order is\n%v\nnot\n%v", seed, batch, got, first)
					}
					if err := p.store.Close(); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

// TestRebuildMakesTheIndexAnew: a state of another configuration is emptied of the
// index too, and folding makes the same one again.
func TestRebuildMakesTheIndexAnew(t *testing.T) {
	p := open(t, nil)
	p.fold(set(3, 60)...)
	before, _ := p.index()
	ctx := context.Background()
	if _, err := p.runner.Prepare(ctx); err != nil {
		t.Fatal(err)
	}
	if left, _ := p.index(); len(left) != 0 {
		t.Fatalf("%d rows are left", len(left))
	}
	if err := p.runner.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	if after, _ := p.index(); !slices.Equal(before, after) {
		t.Fatalf("the index is\n%v\nbefore it was\n%v", after, before)
	}
}

func openOn(t *testing.T, store state.Store, batch int) *place {
	p := open(t, store)
	p.runner.Config = pipeline.Config{BatchRecords: batch}
	return p
}
