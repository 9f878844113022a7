package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"kith/internal/eventlog"
	"kith/internal/search"
	"kith/internal/search/people"
)

// searchers is how many search at once.
const searchers = 2

// Search measures searches over so many people of made-up names, by what is known
// of the one who is meant. Beside each class stands how often that one came first,
// or among the first five.
func Search(ctx context.Context, o Options, open Opener) ([]Row, error) {
	dir, err := os.MkdirTemp(o.Dir, "kith-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	e, err := open(ctx, dir, func(int, time.Duration) {})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	made, err := e.people(ctx, o)
	if err != nil {
		return nil, err
	}
	if made.DiskBytes, err = diskUsage(filepath.Join(dir, "state")); err != nil {
		return nil, err
	}
	made.DiskBytes /= made.Operations
	rows := []Row{made}
	for _, class := range append(people.Classes(), unfinished()...) {
		row, err := e.search(ctx, o, &class)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// unfinished are queries of which very many people are an answer.
func unfinished() []people.Class {
	given := func(_ *rand.Rand, p *people.Person) (string, bool) { return p.Given, true }
	begin := func(_ *rand.Rand, p *people.Person) (string, bool) {
		r := []rune(p.Last)
		return string(r[:min(len(r), 2)]), true
	}
	return []people.Class{{Name: "given name alone", Query: given}, {Name: "two letters", Query: begin}}
}

// people appends the people's records and folds them.
func (e *Engine) people(ctx context.Context, o Options) (Row, error) {
	at := time.Now().UnixMilli()
	var entries []eventlog.Entry
	n := int64(0)
	for i := range o.People {
		p := people.Make(i)
		for _, r := range p.Records(at + int64(i/100)) {
			entries = append(entries, eventlog.Entry{Data: r})
			n++
		}
		if len(entries) >= 1000 || i == o.People-1 {
			if _, err := e.Log.Append(ctx, entries); err != nil {
				return Row{}, err
			}
			entries = entries[:0]
		}
	}
	fold := o
	fold.Events = int(n)
	row, err := e.fold(ctx, fold)
	row.Scenario = fmt.Sprintf("fold %d people", o.People)
	return row, err
}

// search asks for people of one class until the time is over.
func (e *Engine) search(ctx context.Context, o Options, class *people.Class) (Row, error) {
	s := search.Searcher{State: e.State, Profiles: e.Profiles}
	row := Row{System: kith}
	samples, right, failed := make([][]time.Duration, searchers), make([]int, searchers), make([]error, searchers)
	used, began := cpu(os.Getpid()), time.Now()
	var wg sync.WaitGroup
	for c := range searchers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(c), 2))
			for ctx.Err() == nil && time.Since(began) < o.Duration {
				p := people.Make(rng.IntN(o.People))
				q, ok := class.Query(rng, &p)
				if !ok {
					continue
				}
				asked := time.Now()
				a, err := s.Find(ctx, q, 0, 20)
				if err != nil {
					failed[c] = err
					return
				}
				samples[c] = append(samples[c], time.Since(asked))
				if foundFirst(&p, class.Unique, a.Hits) {
					right[c]++
				}
			}
		})
	}
	wg.Wait()
	row.Elapsed, row.CPU = time.Since(began), cpu(os.Getpid())-used
	var all []time.Duration
	rights := 0
	for c := range searchers {
		if failed[c] != nil {
			return row, failed[c]
		}
		all = append(all, samples[c]...)
		rights += right[c]
	}
	row.Operations, row.Latencies, row.RSSBytes = int64(len(all)), percentiles(all), peakRSS(os.Getpid())
	row.Scenario = fmt.Sprintf("%s (%.1f %% right)", class.Name, 100*float64(rights)/float64(max(len(all), 1)))
	return row, ctx.Err()
}

// foundFirst reports whether the person who was meant is first, or among the first
// five where others may have the same name.
func foundFirst(p *people.Person, unique bool, hits []search.Hit) bool {
	among := 5
	if unique {
		among = 1
	}
	for i := range hits[:min(among, len(hits))] {
		for _, id := range hits[i].Profile.Identifiers {
			if id.Type == "user_id" && id.Value == p.UserID {
				return true
			}
		}
	}
	return false
}
