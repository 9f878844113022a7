package search_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"kith/internal/search/people"
)

// TestQuality searches for people the way others write and mistype what they know
// of them. Whoever is meant comes first; where others have the same name, among
// the first five.
func TestQuality(t *testing.T) {
	const many, tries = 4_000, 150
	p := open(t, nil)
	var records [][]byte
	all, named := make([]people.Person, many), map[string]int{}
	for i := range all {
		all[i] = people.Make(i)
		named[key(&all[i])]++
		records = append(records, all[i].Records(start+int64(i))...)
	}
	p.fold(records...)
	for _, class := range people.Classes() {
		rng := rand.New(rand.NewPCG(7, 7))
		asked, right := 0, 0
		var wrong []string
		for n := 0; asked < tries && n < 10*tries; n++ {
			who := &all[rng.IntN(many)]
			q, ok := class.Query(rng, who)
			if !ok || named[key(who)] > 5 {
				continue
			}
			asked++
			among := 1
			if named[key(who)] > 1 && !class.Unique {
				among = 5
			}
			hits := p.find(q, 5).Hits
			at := -1
			for i := range hits {
				if userOf(&hits[i]) == who.UserID {
					at = i
				}
			}
			if at >= 0 && at < among {
				right++
			} else {
				wrong = append(wrong, q+" for "+who.Name+" "+who.Email+" "+who.Phone)
			}
		}
		share := 100 * float64(right) / float64(asked)
		t.Logf("%-28s %5.1f %% of %d", class.Name, share, asked)
		if share < class.Least {
			t.Errorf("%s: only %.1f %% of %d are right, want %.1f; such as\n%s", class.Name, share, asked, class.Least, strings.Join(wrong[:min(len(wrong), 12)], "\n"))
		}
	}
}

// key is what of a person's name a search can see.
func key(p *people.Person) string {
	return strings.ToLower(people.Bare(p.Given + " " + p.Last))
}
