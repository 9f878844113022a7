package clickhouse_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/analytics"
	"kith/internal/analytics/clickhouse/dialect"
	"kith/internal/analytics/condition"
	"kith/internal/analytics/condition/conditiontest"
	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/lake/local"
	"kith/internal/segment"
	"kith/internal/state/mem"
)

var (
	differentialFrom  = flag.Uint64("differential.from", 0, "the first seed")
	differentialSeeds = flag.Uint64("differential.seeds", 8, "how many seeds")
)

// TestConditionsAgree holds three ways to answer against each other: the live
// engine, the meaning of conditions, and the form in SQL over the copy that the
// lake's writer keeps.
func TestConditionsAgree(t *testing.T) { over(t, testConditionsAgree, shards) }

func testConditionsAgree(t *testing.T, open opener) {
	var total conditiontest.Tally
	seeds := *differentialSeeds
	if !strings.HasSuffix(t.Name(), "/http") { // what differs by transport is seen with few
		seeds = (seeds + 7) / 8
	}
	for seed := *differentialFrom; seed < *differentialFrom+seeds; seed++ {
		agreed := t.Run(fmt.Sprint(seed), func(t *testing.T) {
			h := open(t, analytics.Limits{MemoryBytes: 2 << 30, Time: time.Minute})
			parts := conditiontest.Parts{Log: func(n int) eventlog.Log { return logmem.New(n) }, State: mem.New(), Lake: local.New(vfs.Default, t.TempDir()), Mirror: h.mirror}
			conditiontest.Agree(t, seed, parts, &total, func(w *conditiontest.World, set *segment.Set) {
				w.Hold(set, h.own, &total)
			})
		})
		if !agreed {
			t.Fatalf("to run it alone: -differential.from=%d -differential.seeds=1", seed)
		}
	}
	total.Log(t, int(seeds))
}

// own asks a question of the program's own.
func (h *house) own(q condition.Question, write func(condition.Form) (analytics.Query, error)) ([][]string, error) {
	query, err := write(dialect.Question{Question: q})
	if err != nil {
		return nil, err
	}
	return h.rows(query)
}
