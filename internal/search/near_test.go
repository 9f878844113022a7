package search

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"kith/internal/identity"
	"kith/internal/state"
	"kith/internal/state/mem"
)

// distance is how many edits lead from one text to another, neighbours swapped
// being one, computed without any short cut.
func distance(a, b []rune) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		for j := range d[i] {
			switch {
			case i == 0:
				d[i][j] = j
			case j == 0:
				d[i][j] = i
			default:
				change := 1
				if a[i-1] == b[j-1] {
					change = 0
				}
				d[i][j] = min(d[i-1][j-1]+change, d[i-1][j]+1, d[i][j-1]+1)
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					d[i][j] = min(d[i][j], d[i-2][j-2]+1)
				}
			}
		}
	}
	return d[len(a)][len(b)]
}

// TestNearFindsAllWithinReach holds the walk over the tree against looking at
// every token.
func TestNearFindsAllWithinReach(t *testing.T) {
	letters := map[string][]rune{"latin": []rune("abcde"), "cyrillic": []rune("абвгд"), "han": []rune("山田太郎花")}
	for name, alphabet := range letters {
		for seed := range uint64(60) {
			rng := rand.New(rand.NewPCG(seed, 1))
			word := func(most int) []rune {
				w := make([]rune, 1+rng.IntN(most))
				for i := range w {
					w[i] = alphabet[rng.IntN(len(alphabet))]
				}
				return w
			}
			store := mem.New()
			tx, err := store.Begin(context.Background(), nil)
			if err != nil {
				t.Fatal(err)
			}
			vocabulary := map[string]bool{}
			for range 30 {
				w := string(word(7))
				vocabulary[w] = true
				for n := range byte(1 + rng.IntN(3)) {
					row := Row{Token: Token{Word, w}, Node: identity.NodeID{n}, Field: FieldIdentifier, Words: 1}
					kv := row.encode()
					tx.Put(kv.Key, kv.Value)
				}
			}
			if err := tx.Commit(context.Background(), state.Cursor{}); err != nil {
				t.Fatal(err)
			}
			snap, err := store.Snapshot(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			for range 10 {
				asked := word(7)
				for edits := range uint8(3) {
					for _, fixed := range []bool{false, true} {
						n := near{class: Word, text: asked, edits: edits, fixed: fixed}
						if err := n.walk(context.Background(), snap); err != nil || n.cut {
							t.Fatal(err, n.cut)
						}
						var got, want []string
						for _, f := range n.found {
							got = append(got, f.text)
							if int(f.distance) != distance(asked, []rune(f.text)) {
								t.Errorf("%s seed %d: %s to %s is %d", name, seed, string(asked), f.text, f.distance)
							}
						}
						for w := range vocabulary {
							if distance(asked, []rune(w)) <= int(edits) && (!fixed || []rune(w)[0] == asked[0]) {
								want = append(want, w)
							}
						}
						slices.Sort(got)
						slices.Sort(want)
						if !slices.Equal(got, want) {
							t.Fatalf("%s seed %d: %s with %d errors (first fixed %v): got %v, want %v", name, seed, string(asked), edits, fixed, got, want)
						}
					}
				}
			}
			_ = snap.Close()
			_ = store.Close()
		}
	}
}

// TestNearIsBounded: a walk among very many tokens within reach ends and says so.
func TestNearIsBounded(t *testing.T) {
	store := mem.New()
	tx, err := store.Begin(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2000 {
		row := Row{Token: Token{Word, string(rune('a'+i%20)) + string(rune('a'+i/20%10)) + string(rune('a'+i/200)) + "zz"}, Field: FieldIdentifier, Words: 1}
		kv := row.encode()
		tx.Put(kv.Key, kv.Value)
	}
	if err := tx.Commit(context.Background(), state.Cursor{}); err != nil {
		t.Fatal(err)
	}
	snap, err := store.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	n := near{class: Word, text: []rune("aaazz"), edits: 2}
	if err := n.walk(context.Background(), snap); err != nil {
		t.Fatal(err)
	}
	if !n.cut || len(n.found) < nearFoundMax || n.seeks > nearSeeksMax {
		t.Errorf("cut %v, %d found, %d seeks", n.cut, len(n.found), n.seeks)
	}
}
