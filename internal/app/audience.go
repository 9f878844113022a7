package app

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"kith/internal/analytics"
	"kith/internal/analytics/condition"
	"kith/internal/api"
	"kith/internal/errs"
	"kith/internal/expr"
	"kith/internal/identity"
	"kith/internal/lake"
	lakelocal "kith/internal/lake/local"
	"kith/internal/membership"
	"kith/internal/segment"
	"kith/internal/sys"
)

// tablesTime bounds how long the tables are waited for before everybody is asked.
const tablesTime = 10 * time.Second

// tabled asks a question of the open tables. ok is false when they cannot answer
// it now, for whatever reason: then everybody is asked instead.
func (d *definitions) tabled(ctx context.Context, scope expr.Scope, write func(condition.Question) (analytics.Query, error)) (rows [][]string, asOf int64, ok bool) {
	a := d.app
	if a.sql == nil || len(a.cfg.SQLWorker) == 0 || a.lake == nil || !a.lakeRuns.Load() {
		return nil, 0, false
	}
	if lag, err := a.lake.Lag(ctx); err != nil || lag > 0 {
		return nil, 0, false
	}
	asOf = sys.Millis(a.cfg.Clock.Now())
	columns, err := a.propertyColumns(ctx)
	if err != nil {
		return nil, 0, false
	}
	q, err := write(condition.Question{Set: d.today(), Scope: scope, Now: asOf, Zone: time.UTC, Columns: columns})
	if err == nil {
		limited, cancel := context.WithTimeout(ctx, tablesTime)
		rows, err = a.rows(limited, q)
		cancel()
	}
	if err != nil {
		a.logger.Debug("the tables cannot answer, so everybody is asked", "code", errs.CodeOf(err))
	}
	return rows, asOf, err == nil
}

// propertyColumns tells which columns of properties the events have. A query that
// relies on them is refused when that is not so any more.
func (a *App) propertyColumns(ctx context.Context) (func(string) ([3]string, bool), error) {
	m, err := lake.ReadManifest(ctx, lakelocal.New(a.cfg.FS, lakeFolder(&a.cfg, a.ws)), lake.TableEvents)
	if err != nil || m == nil {
		return nil, err
	}
	return m.PropertyColumns(), nil
}

// rows returns the whole answer of a query as texts; NULL is empty.
func (a *App) rows(ctx context.Context, q analytics.Query) ([][]string, error) {
	answer, err := a.sql.Query(ctx, q)
	if err != nil {
		return nil, err
	}
	var out [][]string
	for {
		row, err := answer.Next()
		if errors.Is(err, io.EOF) && answer.Cut() != analytics.Whole {
			err = errs.New(errs.Exhausted, "sql.cut", "the answer has more rows than are read")
		}
		if err != nil {
			cerr := answer.Close()
			if errors.Is(err, io.EOF) {
				return out, cerr
			}
			return nil, err
		}
		texts := make([]string, len(row))
		for i, v := range row {
			texts[i] = string(v)
		}
		out = append(out, texts)
	}
}

// Preview implements api.Definitions.
func (d *definitions) Preview(ctx context.Context, scope expr.Scope, c expr.Condition, sample int) (membership.Preview, error) {
	conditions := []expr.Condition{c}
	if g, ok := c.(*expr.Group); ok {
		conditions = append(conditions, g.Conditions...)
	}
	rows, asOf, ok := d.tabled(ctx, scope, func(q condition.Question) (analytics.Query, error) { return q.Sizes(conditions, sample) })
	if ok && len(rows) == 1 {
		if p, ok := previewOf(rows[0]); ok {
			p.AsOf = asOf
			return p, nil
		}
	}
	return d.engine.Preview(ctx, d.today(), scope, c, sample, previewTime)
}

// previewOf reads the row of sizes.
func previewOf(row []string) (membership.Preview, bool) {
	p := membership.Preview{Exact: true, PerCondition: []int64{}}
	last := len(row) - 1
	for i, text := range row[:last] {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return p, false
		}
		if i == 0 {
			p.Size = n
			continue
		}
		p.PerCondition = append(p.PerCondition, n)
	}
	for id := range strings.SplitSeq(row[last], ",") {
		if id == "" {
			continue
		}
		node, ok := identity.ParseNodeID(id)
		if !ok {
			return p, false
		}
		p.Sample = append(p.Sample, node)
	}
	return p, true
}

// Overlap implements api.Definitions.
func (d *definitions) Overlap(ctx context.Context, scope expr.Scope, keys []string) (api.Overlap, error) {
	var conditions []expr.Condition
	for _, k := range keys {
		conditions = append(conditions, &expr.SegmentCondition{Key: k})
	}
	out := api.Overlap{Exact: true, Regions: make([]int64, 1<<len(keys))}
	rows, asOf, ok := d.tabled(ctx, scope, func(q condition.Question) (analytics.Query, error) { return q.Regions(conditions) })
	for _, row := range rows {
		region, err := strconv.Atoi(row[0])
		n, also := strconv.ParseInt(row[1], 10, 64)
		if err != nil || also != nil || region < 0 || region >= len(out.Regions) {
			ok = false
			break
		}
		out.Regions[region] = n
	}
	if ok {
		out.AsOf = asOf
		return out, nil
	}
	clear(out.Regions)
	asked, err := d.engine.Everybody(ctx, d.today(), scope, nil, previewTime, func(_ identity.NodeID, a *segment.Answers) {
		region := 0
		for i, k := range keys {
			if a.Member(k).Verdict {
				region |= 1 << i
			}
		}
		out.Regions[region]++
	})
	out.Exact, out.AsOf = asked.Exact, asked.AsOf
	for i, n := range out.Regions {
		out.Regions[i] = asked.Expect(n)
	}
	return out, err
}

// Breakdown implements api.Definitions.
func (d *definitions) Breakdown(ctx context.Context, scope expr.Scope, c expr.Condition, trait string) (api.Breakdown, error) {
	rows, asOf, ok := d.tabled(ctx, scope, func(q condition.Question) (analytics.Query, error) { return q.Breakdown(c, trait) })
	out := api.Breakdown{Exact: true, AsOf: asOf}
	for _, row := range rows {
		n, err := strconv.ParseInt(row[1], 10, 64)
		if err != nil {
			ok = false
			break
		}
		out.Values = append(out.Values, api.BreakdownValue{JSON: []byte(row[0]), Size: n})
	}
	if ok {
		return out, nil
	}
	return d.breakdown(ctx, scope, c, trait)
}

// breakdown asks everybody.
func (d *definitions) breakdown(ctx context.Context, scope expr.Scope, c expr.Condition, trait string) (out api.Breakdown, err error) {
	sizes := map[expr.Value]int64{}
	none := int64(0)
	asked, err := d.engine.Everybody(ctx, d.today(), scope, expr.FieldsOf(c), previewTime, func(_ identity.NodeID, a *segment.Answers) {
		if !a.Is(c).Verdict {
			return
		}
		values := a.Trait(trait)
		if len(values) == 0 {
			none++
		}
		slices.SortFunc(values, expr.Value.Compare)
		for _, v := range slices.Compact(values) {
			sizes[v]++
		}
	})
	out.Exact, out.AsOf = asked.Exact, asked.AsOf
	order := make([]expr.Value, 0, len(sizes))
	for v := range sizes {
		order = append(order, v)
	}
	slices.SortFunc(order, func(a, b expr.Value) int {
		if sizes[a] != sizes[b] {
			return int(math.Copysign(1, float64(sizes[b]-sizes[a])))
		}
		return a.Compare(b)
	})
	for _, v := range order {
		out.Values = append(out.Values, api.BreakdownValue{JSON: v.AppendJSON(nil), Size: asked.Expect(sizes[v])})
	}
	if none > 0 {
		at, _ := slices.BinarySearchFunc(out.Values, asked.Expect(none), func(v api.BreakdownValue, n int64) int {
			if v.Size >= n {
				return -1
			}
			return 1
		})
		out.Values = slices.Insert(out.Values, at, api.BreakdownValue{Size: asked.Expect(none)})
	}
	return out, err
}
