package lake_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/lake"
	"kith/internal/oracle/workload"
)

// copied is a mirror in memory that fails at random, before it has done what it was
// told or after that.
type copied struct {
	r        *rand.Rand
	failures int // of a hundred calls
	failed   int
	tokens   map[string]string // by table and token: what came with it
	tables   map[string][]map[string]any
	held     lake.MirrorRound
	cleared  int
}

func newCopied(r *rand.Rand) *copied {
	return &copied{r: r, tokens: map[string]string{}, tables: map[string][]map[string]any{}}
}

// around does something, unless it fails before; and may fail behind it.
func (c *copied) around(do func() error) error {
	when := c.r.IntN(200)
	if when < c.failures {
		c.failed++
		return errs.New(errs.Unavailable, "test.down", "it is away")
	}
	if err := do(); err != nil {
		return err
	}
	if when >= 200-c.failures {
		c.failed++
		return errs.New(errs.Unavailable, "test.lost", "its answer is lost")
	}
	return nil
}

// Holds implements lake.Mirror.
func (c *copied) Holds(context.Context) (lake.MirrorRound, error) {
	return c.held, c.around(func() error { return nil })
}

// Clear implements lake.Mirror.
func (c *copied) Clear(context.Context) error {
	return c.around(func() error {
		clear(c.tables)
		clear(c.tokens)
		c.held = lake.MirrorRound{}
		c.cleared++
		return nil
	})
}

// Add implements lake.Mirror.
func (c *copied) Add(_ context.Context, table, token string, lines []byte) error {
	return c.around(func() error {
		key := table + " " + token
		if had, ok := c.tokens[key]; ok {
			if had != string(lines) {
				return errs.New(errs.Internal, "test.token", "the token %s names two sets of rows", key)
			}
			return nil
		}
		c.tokens[key] = string(lines)
		for line := range bytes.Lines(lines) {
			row := map[string]any{}
			d := json.NewDecoder(bytes.NewReader(line))
			d.UseNumber()
			if err := d.Decode(&row); err != nil {
				return err
			}
			c.tables[table] = append(c.tables[table], row)
		}
		return nil
	})
}

// Remove implements lake.Mirror.
func (c *copied) Remove(_ context.Context, table string, records []eventlog.Position) error {
	return c.around(func() error {
		c.tables[table] = slices.DeleteFunc(c.tables[table], func(row map[string]any) bool {
			return slices.ContainsFunc(records, func(p eventlog.Position) bool {
				return fmt.Sprint(p.Partition, " ", p.Offset) == fmt.Sprint(row["record_partition"], " ", row["record_offset"])
			})
		})
		return nil
	})
}

// Note implements lake.Mirror.
func (c *copied) Note(_ context.Context, r lake.MirrorRound) error {
	return c.around(func() error {
		c.held = r
		return nil
	})
}

// rows are the rows of a table that count, as texts: of a mutable one the newest of
// each key.
func (c *copied) rows(t *testing.T, table *lake.Table) []string {
	t.Helper()
	rows := c.tables[table.Name]
	if table.Kind == lake.Mutable {
		newest := map[string]map[string]any{}
		for _, row := range rows {
			var key []string
			for _, k := range table.Key {
				key = append(key, fmt.Sprint(row[k]))
			}
			k := strings.Join(key, " ")
			if have := newest[k]; have == nil || number(t, have[lake.VersionColumn]) <= number(t, row[lake.VersionColumn]) {
				newest[k] = row
			}
		}
		rows = nil
		for _, row := range newest {
			if row[lake.DeletedColumn] == false {
				rows = append(rows, row)
			}
		}
	}
	var out []string
	for _, row := range rows {
		var texts []string
		for _, col := range table.Columns {
			v := row[col.Name]
			switch {
			case v == nil || col.Name == lake.VersionColumn || col.Name == lake.DeletedColumn:
				continue
			case col.Type == lake.Timestamp:
				at, err := time.Parse(time.RFC3339, v.(string))
				ok(t, err)
				v = at.UnixMilli()
			}
			texts = append(texts, fmt.Sprint(col.Name, "=", v))
		}
		out = append(out, strings.Join(texts, " "))
	}
	slices.Sort(out)
	return out
}

func number(t *testing.T, v any) int64 {
	t.Helper()
	n, err := v.(json.Number).Int64()
	ok(t, err)
	return n
}

// listed are the rows of a table of the lake in the same form.
func (w *world) listed(t *testing.T, table *lake.Table) []string {
	t.Helper()
	var out []string
	for _, row := range w.table(t, table.Name) {
		var texts []string
		for _, col := range table.Columns {
			if v, has := row[col.Name]; has && col.Name != lake.VersionColumn && col.Name != lake.DeletedColumn {
				texts = append(texts, col.Name+"="+v)
			}
		}
		out = append(out, strings.Join(texts, " "))
	}
	slices.Sort(out)
	return out
}

// TestMirrorEqualsTables lets a mirror fail at random moments, start empty in the
// middle, and lose everything, and holds it against the tables in the end.
func TestMirrorEqualsTables(t *testing.T) {
	failed, cleared := 0, 0
	for seed := uint64(*firstSeed); seed < uint64(*firstSeed+*lawRuns); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := mirrorLaw(t, seed)
			failed, cleared = failed+m.failed, cleared+m.cleared
		})
	}
	t.Logf("%d workloads, %d calls that failed, the copy made anew %d times", *lawRuns, failed, cleared)
	if failed == 0 {
		t.Error("no call failed")
	}
}

func mirrorLaw(t *testing.T, seed uint64) *copied {
	r := rand.New(rand.NewPCG(seed, 17))
	ctx := context.Background()
	m := newCopied(r)
	w := newWorld(1+r.IntN(3), []int{7, 50}[r.IntN(2)])
	if seed%4 != 3 {
		w.mirror = m // else it comes later
		w.wire(20)
	}
	m.failures = 12
	records := append(workload.Records(seed, 300), workload.Decisions(seed, r.IntN(20))...)
	r.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	for len(records) > 0 {
		n := min(1+r.IntN(80), len(records))
		w.append(t, records[:n])
		records = records[n:]
		for p := range w.log.Partitions() {
			_, err := w.runner.RunOnce(ctx, int32(p))
			ok(t, err)
		}
		if _, err := w.writer.Step(ctx); err != nil && errs.CodeOf(err) != "test.down" && errs.CodeOf(err) != "test.lost" {
			t.Fatal(err)
		}
		switch r.IntN(12) {
		case 0:
			*m = copied{r: r, failures: m.failures, failed: m.failed, cleared: m.cleared, tokens: map[string]string{}, tables: map[string][]map[string]any{}}
		case 1:
			w.mirror = m
			w.wire(20)
		case 2:
			w.clock.Advance(2 * time.Hour)
			ok(t, w.writer.Tidy(ctx))
		}
	}
	w.mirror, m.failures = m, 0
	w.wire(20)
	w.append(t, workload.Records(seed+1000, 20))
	ok(t, w.runner.Drain(ctx))
	_, err := w.writer.Step(ctx)
	ok(t, err)
	for _, table := range lake.Tables() {
		if d := cmp.Diff(w.listed(t, &table), m.rows(t, &table)); d != "" {
			t.Errorf("%s (-lake +copy):\n%.2000s", table.Name, d)
		}
	}
	return m
}
