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
	if a.tables == nil || len(a.cfg.SQLWorker) == 0 || !a.runs.Load() || !a.folded() {
		return nil, 0, false
	}
	if lag, err := a.lake.FactsLag(ctx); err != nil || lag > 0 {
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
	m, err := lake.ReadManifest(ctx, a.lakePlace.Store(), lake.TableEvents)
	if err != nil || m == nil {
		return nil, err
	}
	return m.PropertyColumns(), nil
}

// History implements api.Definitions: it is since the earliest event of the open
// tables. Where these cannot be read it is not known.
func (d *definitions) History(ctx context.Context) (h segment.History, now int64) {
	now = sys.Millis(d.app.cfg.Clock.Now())
	if d.app.lakePlace == nil {
		return h, now
	}
	m, err := lake.ReadManifest(ctx, d.app.lakePlace.Store(), lake.TableEvents)
	if err == nil && m != nil {
		h.Begins, h.Known = m.Begins()
	}
	return h, now
}

// rows returns the whole answer of a query as texts; NULL is empty.
func (a *App) rows(ctx context.Context, q analytics.Query) ([][]string, error) {
	answer, err := a.tables.Query(ctx, q)
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
	parts := membership.Parts(c)
	conditions := append([]expr.Condition{c}, parts...)
	rows, asOf, ok := d.tabled(ctx, scope, func(q condition.Question) (analytics.Query, error) { return q.Sizes(conditions, []int{0}, sample) })
	if sizes, samples, read := sizesOf(rows, len(conditions)); ok && read {
		return membership.Preview{Size: sizes[0], Exact: true, AsOf: asOf, PerCondition: sizes[1:], Sample: samples[0]}, nil
	}
	return d.engine.Preview(ctx, d.today(), scope, c, sample, previewTime)
}

// Compare implements api.Definitions.
func (d *definitions) Compare(ctx context.Context, scope expr.Scope, c expr.Condition, key string, sample int) (membership.Comparison, error) {
	docs, err := d.Documents(ctx)
	if err != nil {
		return membership.Comparison{}, err
	}
	served, err := d.engine.Serving(ctx)
	if err != nil {
		return membership.Comparison{}, err
	}
	today := d.today()
	if !served.Equal(&docs) { // what serves is older than what was saved: the tables' form knows one set alone
		serving, err := served.Set()
		if err != nil {
			return membership.Comparison{}, err
		}
		return d.engine.Compare(ctx, today, serving, scope, c, key, sample, previewTime)
	}
	before := &expr.SegmentCondition{Key: key}
	entering, leaving := membership.Changed(before, c)
	conditions := append([]expr.Condition{c, before, entering, leaving}, membership.Parts(c)...)
	rows, asOf, ok := d.tabled(ctx, scope, func(q condition.Question) (analytics.Query, error) {
		return q.Sizes(conditions, []int{0, 2, 3}, sample)
	})
	if n, samples, read := sizesOf(rows, len(conditions)); ok && read {
		return membership.Comparison{
			Preview: membership.Preview{Size: n[0], Exact: true, AsOf: asOf, PerCondition: n[4:], Sample: samples[0]},
			Before:  n[1], Entering: membership.Side{Size: n[2], Sample: samples[1]}, Leaving: membership.Side{Size: n[3], Sample: samples[2]},
		}, nil
	}
	return d.engine.Compare(ctx, today, today, scope, c, key, sample, previewTime)
}

// sizesOf reads the row of sizes of so many conditions, and the samples behind
// them; ok is false when it is none.
func sizesOf(rows [][]string, conditions int) (sizes []int64, samples [][]identity.NodeID, ok bool) {
	if len(rows) != 1 || len(rows[0]) < conditions {
		return nil, nil, false
	}
	for _, text := range rows[0][:conditions] {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, nil, false
		}
		sizes = append(sizes, n)
	}
	for _, text := range rows[0][conditions:] {
		var ids []identity.NodeID
		for id := range strings.SplitSeq(text, ",") {
			if id == "" {
				continue
			}
			node, ok := identity.ParseNodeID(id)
			if !ok {
				return nil, nil, false
			}
			ids = append(ids, node)
		}
		samples = append(samples, ids)
	}
	return sizes, samples, true
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
