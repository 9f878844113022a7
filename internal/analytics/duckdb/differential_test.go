package duckdb

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/analytics"
	"kith/internal/analytics/condition"
	"kith/internal/analytics/condition/conditiontest"
	"kith/internal/errs"
	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/expr"
	"kith/internal/lake"
	"kith/internal/lake/local"
	"kith/internal/segment"
	"kith/internal/state/mem"
)

var (
	differentialFrom  = flag.Uint64("differential.from", 0, "the first seed")
	differentialSeeds = flag.Uint64("differential.seeds", 8, "how many seeds")
)

// TestConditionsAgree holds three ways to answer against each other: the live
// engine, the meaning of conditions, and the form in SQL over the Parquet files that
// the lake's writer has written.
func TestConditionsAgree(t *testing.T) {
	var total tally
	seeds := []uint64{64, 77} // an account that loses what a member did; an event taken back before its fact is followed
	for seed := *differentialFrom; seed < *differentialFrom+*differentialSeeds; seed++ {
		seeds = append(seeds, seed)
	}
	for _, seed := range seeds {
		agreed := t.Run(fmt.Sprint(seed), func(t *testing.T) {
			dir := t.TempDir()
			parts := conditiontest.Parts{Log: func(n int) eventlog.Log { return logmem.New(n) }, State: mem.New(), Lake: local.New(vfs.Default, dir)}
			conditiontest.Agree(t, seed, parts, &total.Tally, func(w *conditiontest.World, set *segment.Set) {
				h := newHouse(t, dir)
				holdTables(t, w, h, set, &total)
				w.Hold(set, total.ask(h, w), &total.Tally)
			})
		})
		if !agreed {
			t.Fatalf("to run it alone: -differential.from=%d -differential.seeds=1", seed)
		}
	}
	total.Log(t, len(seeds))
	t.Logf("columns of properties were enough %d times, and their sums overflowed %d times; %d rows of members and %d of transitions in the tables", total.plain, total.overflows, total.members, total.transitions)
	if total.plain == 0 || total.members == 0 || total.transitions == 0 {
		t.Error("too little was asked")
	}
}

// tally counts also what only this engine has.
type tally struct {
	conditiontest.Tally
	plain, overflows     int
	members, transitions int // rows that were held against what the live engine says
}

// of is a query of one table.
func of(table, query string) analytics.Query {
	return analytics.Query{SQL: query, Own: &analytics.Own{Tables: []string{table}}}
}

// holdTables holds the tables of segments against what the live engine says.
func holdTables(t *testing.T, w *conditiontest.World, h *house, set *segment.Set, total *tally) {
	query := func(q analytics.Query) map[string][]string {
		rows, err := h.own(q)
		if err != nil {
			t.Fatal(err)
		}
		return w.ByFirst(rows)
	}
	want, got := map[string]string{}, map[string]string{}
	for _, d := range set.Segments() {
		for _, m := range w.Members(d.Key) {
			want[d.Key+" "+m.Profile.String()] = fmt.Sprint(m.Since, d.Scope == expr.Profile)
		}
	}
	for key, row := range query(of(lake.TableMembers, "SELECT segment || ' ' || node_id, epoch_ms(since), profile_id IS NOT DISTINCT FROM node_id, account_id IS NULL FROM segment_members")) {
		got[key] = row[1] + " " + row[2]
		if row[2] != row[3] {
			t.Errorf("%s is %v", key, row)
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("the table has the members\n%v\nthe engine\n%v", got, want)
	}
	transitions := w.Transitions()
	rows := query(of(lake.TableTransitions, "SELECT sequence, segment || ' ' || node_id || ' ' || entered || ' ' || epoch_ms(changed_at) || ' ' || epoch_ms(recorded_at) || ' ' || cause FROM segment_transitions"))
	if len(rows) != len(transitions) {
		t.Errorf("the table has %d transitions, the engine %d", len(rows), len(transitions))
	}
	for i := range transitions {
		x := &transitions[i]
		if row := rows[fmt.Sprint(x.Sequence)]; row == nil || row[1] != fmt.Sprint(x.Segment, " ", x.Profile, " ", x.Entered, " ", x.At, " ", x.RecordedAt, " ", x.Cause) {
			t.Errorf("transition %+v is %v in the table", x, row)
		}
	}
	total.members, total.transitions = total.members+len(got), total.transitions+len(rows)
}

// ask asks with the columns of properties; where a sum overflows those, without.
func (l *tally) ask(h *house, w *conditiontest.World) conditiontest.Ask {
	of := w.Events().PropertyColumns()
	return func(q condition.Question, write func(condition.Form) (analytics.Query, error)) ([][]string, error) {
		q.Columns = func(path string) ([3]string, bool) {
			names, plain := of(path)
			if plain {
				l.plain++
			}
			return names, plain
		}
		query, err := write(q)
		if err != nil {
			return nil, err
		}
		rows, err := h.own(query)
		if errs.CodeOf(errorOf(err)) != "sql.out_of_range" {
			return rows, err
		}
		l.overflows++
		q.Columns = nil
		if query, err = write(q); err != nil {
			return nil, err
		}
		return h.own(query)
	}
}

// errorOf is an error as a caller of the engine is told it.
func errorOf(err error) error {
	var f *failure
	if errors.As(err, &f) {
		return f.public("")
	}
	return err
}
