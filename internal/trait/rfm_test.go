package trait

import (
	"math/rand/v2"
	"testing"
	"time"

	"kith/internal/decimal"
	"kith/internal/demo/retail"
)

// shop is what the customers of Online Retail have bought, without what was taken
// back.
func shop(t *testing.T) []Purchases {
	t.Helper()
	h, err := retail.Load()
	if err != nil {
		t.Fatal(err)
	}
	type customer struct {
		orders map[string]bool
		pence  int64
		last   int64
	}
	all := map[string]*customer{}
	var names []string
	for i := range h.Invoices {
		inv := &h.Invoices[i]
		if inv.Customer == "" || inv.Refund() {
			continue
		}
		for _, l := range inv.Lines {
			if l.Quantity <= 0 || l.Price <= 0 {
				continue
			}
			c := all[inv.Customer]
			if c == nil {
				c = &customer{orders: map[string]bool{}}
				all[inv.Customer], names = c, append(names, inv.Customer)
			}
			c.orders[inv.Number] = true
			c.pence += l.Quantity * l.Price
			c.last = max(c.last, inv.At)
		}
	}
	var out []Purchases
	for _, name := range names {
		c := all[name]
		spent, ok := decimal.FromInt(c.pence).Div(decimal.FromInt(1000))
		if !ok {
			t.Fatal("too much was spent")
		}
		out = append(out, Purchases{Orders: int64(len(c.orders)), Spent: spent, Last: c.last})
	}
	return out
}

// TestRankIsThatOfTheBooks holds the ranks of the customers of Online Retail against
// those that an independent computation has: how many have each score, and how many
// are best and worst in everything.
func TestRankIsThatOfTheBooks(t *testing.T) {
	all := shop(t)
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	var r, f, m [6]int
	best, worst := 0, 0
	for _, s := range Rank(all, london) {
		r[s.Recency]++
		f[s.Frequency]++
		m[s.Monetary]++
		switch s {
		case Scores{5, 5, 5}:
			best++
		case Scores{1, 1, 1}:
			worst++
		}
	}
	if want := [6]int{0, 869, 889, 866, 888, 826}; r != want {
		t.Errorf("recency %v, want %v", r, want)
	}
	if want := [6]int{0, 1493, 835, 508, 802, 700}; f != want {
		t.Errorf("frequency %v, want %v", f, want)
	}
	if want := [6]int{0, 868, 868, 867, 868, 867}; m != want {
		t.Errorf("monetary %v, want %v", m, want)
	}
	if best != 314 || worst != 334 || len(all) != 4338 {
		t.Errorf("of %d customers %d are 555 and %d are 111", len(all), best, worst)
	}
}

// TestRankIsWhatItSays: of n customers one with s strictly smaller ones has
// 1 + ⌊5s/n⌋, at most 5, whatever the order that they stand in.
func TestRankIsWhatItSays(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		all := make([]Purchases, 1+rng.IntN(40))
		for i := range all {
			all[i] = Purchases{Orders: 1 + rng.Int64N(4), Spent: decimal.FromInt(rng.Int64N(9)), Last: rng.Int64N(10 * 24 * 3600 * 1000)}
		}
		for i, s := range Rank(all, time.UTC) {
			var days, orders, spent int
			for j := range all {
				if all[j].Last/(24*3600*1000) < all[i].Last/(24*3600*1000) {
					days++
				}
				if all[j].Orders < all[i].Orders {
					orders++
				}
				if all[j].Spent.Cmp(all[i].Spent) < 0 {
					spent++
				}
			}
			score := func(smaller int) int { return min(5, 1+5*smaller/len(all)) }
			if want := (Scores{score(days), score(orders), score(spent)}); s != want {
				t.Fatalf("%+v has %+v, want %+v", all[i], s, want)
			}
		}
	}
}
