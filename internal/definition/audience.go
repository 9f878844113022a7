package definition

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"kith/internal/analytics"
	"kith/internal/analytics/condition"
	"kith/internal/api"
	"kith/internal/expr"
	"kith/internal/identity"
	"kith/internal/membership"
	"kith/internal/segment"
)

// previewTime bounds what a preview costs.
const previewTime = 800 * time.Millisecond

// Preview implements api.Definitions.
func (c *Catalog) Preview(ctx context.Context, scope expr.Scope, where expr.Condition, sample int, exact bool) (membership.Preview, error) {
	conditions := append([]expr.Condition{where}, membership.Parts(where)...)
	t, ok := c.askTables(ctx, scope, !exact, func(q condition.Form) (analytics.Query, error) { return q.Sizes(conditions, []int{0}, sample) })
	if n, read := t.sizes(len(conditions)); ok && read {
		return membership.Preview{Asked: n.asked, Size: n.sizes[0], PerCondition: n.sizes[1:], Sample: n.samples[0]}, nil
	}
	return c.engine.Preview(ctx, c.Today(), scope, where, sample, previewTime)
}

// Compare implements api.Definitions.
func (c *Catalog) Compare(ctx context.Context, scope expr.Scope, where expr.Condition, key string, sample int) (membership.Comparison, error) {
	docs, err := c.Documents(ctx)
	if err != nil {
		return membership.Comparison{}, err
	}
	served, err := c.engine.Serving(ctx)
	if err != nil {
		return membership.Comparison{}, err
	}
	today := c.Today()
	if !served.Equal(&docs) { // what serves is older than what was saved: the tables' form knows one set alone
		serving, err := served.Set()
		if err != nil {
			return membership.Comparison{}, err
		}
		return c.engine.Compare(ctx, today, serving, scope, where, key, sample, previewTime)
	}
	before := &expr.SegmentCondition{Key: key}
	entering, leaving := membership.Changed(before, where)
	conditions := append([]expr.Condition{where, before, entering, leaving}, membership.Parts(where)...)
	t, ok := c.askTables(ctx, scope, false, func(q condition.Form) (analytics.Query, error) {
		return q.Sizes(conditions, []int{0, 2, 3}, sample)
	})
	if n, read := t.sizes(len(conditions)); ok && read {
		return membership.Comparison{
			Preview: membership.Preview{Asked: n.asked, Size: n.sizes[0], PerCondition: n.sizes[4:], Sample: n.samples[0]},
			Before:  n.sizes[1], Entering: membership.Side{Size: n.sizes[2], Sample: n.samples[1]}, Leaving: membership.Side{Size: n.sizes[3], Sample: n.samples[2]},
		}, nil
	}
	return c.engine.Compare(ctx, today, today, scope, where, key, sample, previewTime)
}

// sizesOf is how many a number of conditions hold for, and some of them.
type sizesOf struct {
	asked   membership.Asked
	sizes   []int64
	samples [][]identity.NodeID
}

// sizes reads the row of sizes of so many conditions, and the samples behind them;
// ok is false when it is none.
func (t *tabled) sizes(conditions int) (out sizesOf, ok bool) {
	if len(t.rows) != 1 || len(t.rows[0]) < 1+conditions {
		return out, false
	}
	row := t.rows[0]
	for i, text := range row[:1+conditions] {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return out, false
		}
		if i == 0 {
			out.asked = membership.AskedPart(t.asOf, n, t.oneIn)
			continue
		}
		out.sizes = append(out.sizes, out.asked.Expect(n))
	}
	for _, text := range row[1+conditions:] {
		var ids []identity.NodeID
		for id := range strings.SplitSeq(text, ",") {
			if id == "" {
				continue
			}
			node, ok := identity.ParseNodeID(id)
			if !ok {
				return out, false
			}
			ids = append(ids, node)
		}
		out.samples = append(out.samples, ids)
	}
	return out, true
}

// Overlap implements api.Definitions.
func (c *Catalog) Overlap(ctx context.Context, scope expr.Scope, keys []string) (api.Overlap, error) {
	var conditions []expr.Condition
	for _, k := range keys {
		conditions = append(conditions, &expr.SegmentCondition{Key: k})
	}
	out := api.Overlap{Exact: true, Regions: make([]int64, 1<<len(keys))}
	t, ok := c.askTables(ctx, scope, false, func(q condition.Form) (analytics.Query, error) { return q.Regions(conditions) })
	for _, row := range t.rows {
		region, err := strconv.Atoi(row[0])
		n, also := strconv.ParseInt(row[1], 10, 64)
		if err != nil || also != nil || region < 0 || region >= len(out.Regions) {
			ok = false
			break
		}
		out.Regions[region] = n * int64(t.oneIn)
	}
	if ok {
		out.AsOf, out.Exact = t.asOf, t.oneIn == 1
		return out, nil
	}
	clear(out.Regions)
	asked, err := c.engine.Everybody(ctx, c.Today(), scope, nil, previewTime, func(_ identity.NodeID, a *segment.Answers) {
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
func (c *Catalog) Breakdown(ctx context.Context, scope expr.Scope, where expr.Condition, trait string) (api.Breakdown, error) {
	t, ok := c.askTables(ctx, scope, false, func(q condition.Form) (analytics.Query, error) { return q.Breakdown(where, trait) })
	out := api.Breakdown{Exact: t.oneIn == 1, AsOf: t.asOf}
	for _, row := range t.rows {
		n, err := strconv.ParseInt(row[1], 10, 64)
		if err != nil {
			ok = false
			break
		}
		out.Values = append(out.Values, api.BreakdownValue{JSON: []byte(row[0]), Size: n * int64(t.oneIn)})
	}
	if ok {
		return out, nil
	}
	return c.breakdown(ctx, scope, where, trait)
}

// breakdown asks everybody.
func (c *Catalog) breakdown(ctx context.Context, scope expr.Scope, where expr.Condition, trait string) (out api.Breakdown, err error) {
	sizes := map[expr.Value]int64{}
	none := int64(0)
	asked, err := c.engine.Everybody(ctx, c.Today(), scope, expr.FieldsOf(where), previewTime, func(_ identity.NodeID, a *segment.Answers) {
		if !a.Is(where).Verdict {
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
