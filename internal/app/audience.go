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

// readable is how many rows of events and of identifiers the tables may have for
// everybody to be asked where an answer is wanted at once: with more a part is.
type readable struct{ events, nodes int64 }

// atOnce is what one core reads, groups and counts in less than a second.
func atOnce() readable { return readable{3 << 19, 1 << 19} }

// oneIn tells of how many people one is asked.
func (r readable) oneIn(events, nodes int64) int {
	n := 1
	for n < condition.PartMax && (events > r.events*int64(n) || nodes > r.nodes*int64(n)) {
		n *= 2
	}
	return n
}

// tabled is what the tables have answered.
type tabled struct {
	rows  [][]string
	asOf  int64
	oneIn int // of everybody was asked
}

// askTables asks a question of the copy of the open tables, or else of the tables:
// everybody, or a part of them where quick is wanted and there is much to read, or
// memory does not suffice for more. ok is false when neither can answer it now, for
// whatever reason: then everybody is asked instead.
func (d *definitions) askTables(ctx context.Context, scope expr.Scope, quick bool, write func(condition.Form) (analytics.Query, error)) (t tabled, ok bool) {
	a := d.app
	if !a.runs.Load() || !a.folded() {
		return t, false
	}
	if lag, err := a.lake.FactsLag(ctx); err != nil || lag > 0 {
		return t, false
	}
	columns, oneIn, err := a.tableColumns(ctx)
	if err != nil {
		return t, false
	}
	if !quick {
		oneIn = 1
	}
	t.asOf = sys.Millis(a.cfg.Clock.Now())
	q := condition.Question{Set: d.today(), Scope: scope, Now: t.asOf, Zone: time.UTC, Columns: columns, Part: oneIn}
	for _, ask := range []asker{a.askCopy, a.askFiles} {
		if t.rows, t.oneIn, err = ask.part(ctx, q, write); err == nil {
			return t, true
		}
		a.logger.Debug("the tables cannot answer, so others are asked", "code", errs.CodeOf(err))
	}
	return t, false
}

// asker asks a question of an engine.
type asker func(ctx context.Context, q condition.Question, write func(condition.Form) (analytics.Query, error)) ([][]string, error)

// part asks the part of everybody that the question has, or all where there is no
// sample, or a smaller one where memory does not suffice, and returns of how many one
// was asked.
func (ask asker) part(ctx context.Context, q condition.Question, write func(condition.Form) (analytics.Query, error)) (rows [][]string, oneIn int, err error) {
	limited, cancel := context.WithTimeout(ctx, tablesTime)
	defer cancel()
	for most := condition.PartMax; ; {
		rows, err = ask(limited, q, write)
		switch {
		case errs.CodeOf(err) == condition.CodeNoSample && q.Part > 1:
			q.Part, most = 1, 1
		case errs.CodeOf(err) == analytics.CodeMemory && 4*q.Part <= most:
			q.Part *= 4
		default:
			return rows, q.Part, err
		}
	}
}

// errNoEngine says that an engine is not there.
func errNoEngine() error {
	return errs.New(errs.Unavailable, "sql.none", "there is no engine that answers")
}

// askFiles asks the files of the lake.
func (a *App) askFiles(ctx context.Context, q condition.Question, write func(condition.Form) (analytics.Query, error)) ([][]string, error) {
	if a.tables == nil || len(a.cfg.SQLWorker) == 0 {
		return nil, errNoEngine()
	}
	query, err := write(q)
	if err != nil {
		return nil, err
	}
	return rowsOf(ctx, a.tables, query)
}

// askCopy asks the copy, which counts when it holds what the lake shows from before
// the question until after the answer: nothing comes in between.
func (a *App) askCopy(ctx context.Context, q condition.Question, write func(condition.Form) (analytics.Query, error)) ([][]string, error) {
	if a.copied == nil {
		return nil, errNoEngine()
	}
	query, err := write(a.copied.Form(q))
	if err != nil {
		return nil, err
	}
	before, err := a.copyHolds(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := rowsOf(ctx, a.sql, query)
	if err != nil {
		return nil, err
	}
	after, err := a.copyHolds(ctx)
	if err == nil && before != after {
		err = errs.New(errs.Unavailable, "sql.copy", "the copy of the tables has changed meanwhile")
	}
	return rows, err
}

// copyHolds returns what the copy holds. It is an error if that is something else
// than the lake shows.
func (a *App) copyHolds(ctx context.Context) (lake.MirrorRound, error) {
	shown, ok, err := a.lake.Shown(ctx)
	if err != nil {
		return shown, err
	}
	held, err := a.copied.Holds(ctx)
	if err == nil && (!ok || held != shown) {
		err = errs.New(errs.Unavailable, "sql.copy", "the copy of the tables is behind them")
	}
	return held, err
}

// tableColumns tells which columns of properties the events have, and of how many
// people one should be asked for an answer at once. A query that relies on the columns
// is refused when they are not so any more.
func (a *App) tableColumns(ctx context.Context) (columns func(string) ([3]string, bool), oneIn int, err error) {
	var rows [2]int64
	for i, name := range []string{lake.TableEvents, lake.TableIdentifiers} {
		m, err := lake.ReadManifest(ctx, a.lakePlace.Store(), name)
		if err != nil {
			return nil, 0, err
		}
		if m == nil {
			continue
		}
		for _, f := range m.Files {
			rows[i] += f.Rows
		}
		if name == lake.TableEvents {
			columns = m.PropertyColumns()
		}
	}
	return columns, a.readable.oneIn(rows[0], rows[1]), nil
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

// rowsOf returns the whole answer of a query as texts; NULL is empty.
func rowsOf(ctx context.Context, gate *analytics.Gate, q analytics.Query) ([][]string, error) {
	answer, err := gate.Query(ctx, q)
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
func (d *definitions) Preview(ctx context.Context, scope expr.Scope, c expr.Condition, sample int, exact bool) (membership.Preview, error) {
	conditions := append([]expr.Condition{c}, membership.Parts(c)...)
	t, ok := d.askTables(ctx, scope, !exact, func(q condition.Form) (analytics.Query, error) { return q.Sizes(conditions, []int{0}, sample) })
	if n, read := t.sizes(len(conditions)); ok && read {
		return membership.Preview{Asked: n.asked, Size: n.sizes[0], PerCondition: n.sizes[1:], Sample: n.samples[0]}, nil
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
	t, ok := d.askTables(ctx, scope, false, func(q condition.Form) (analytics.Query, error) {
		return q.Sizes(conditions, []int{0, 2, 3}, sample)
	})
	if n, read := t.sizes(len(conditions)); ok && read {
		return membership.Comparison{
			Preview: membership.Preview{Asked: n.asked, Size: n.sizes[0], PerCondition: n.sizes[4:], Sample: n.samples[0]},
			Before:  n.sizes[1], Entering: membership.Side{Size: n.sizes[2], Sample: n.samples[1]}, Leaving: membership.Side{Size: n.sizes[3], Sample: n.samples[2]},
		}, nil
	}
	return d.engine.Compare(ctx, today, today, scope, c, key, sample, previewTime)
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
func (d *definitions) Overlap(ctx context.Context, scope expr.Scope, keys []string) (api.Overlap, error) {
	var conditions []expr.Condition
	for _, k := range keys {
		conditions = append(conditions, &expr.SegmentCondition{Key: k})
	}
	out := api.Overlap{Exact: true, Regions: make([]int64, 1<<len(keys))}
	t, ok := d.askTables(ctx, scope, false, func(q condition.Form) (analytics.Query, error) { return q.Regions(conditions) })
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
	t, ok := d.askTables(ctx, scope, false, func(q condition.Form) (analytics.Query, error) { return q.Breakdown(c, trait) })
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
