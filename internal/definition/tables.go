package definition

import (
	"context"
	"errors"
	"io"
	"time"

	"kith/internal/analytics"
	"kith/internal/analytics/condition"
	"kith/internal/errs"
	"kith/internal/expr"
	"kith/internal/lake"
	"kith/internal/segment"
	"kith/internal/sys"
	"kith/internal/tables"
)

// Tables is where questions about everybody are answered from the open tables.
type Tables struct {
	Lake  *lake.Writer // which tells how far they are
	Files lake.Store

	Engine *analytics.Gate // over the files; nil for none
	Copy   tables.Copy     // which is asked first; nil for none
	Copied *analytics.Gate // over the copy

	Readable Readable // where an answer is wanted at once

	Unanswered func(error) // neither could answer, so that people are asked one by one
}

// Ask has questions about everybody asked of the tables first.
func (c *Catalog) Ask(t Tables) { c.tables = t }

// tablesTime bounds how long the tables are waited for before everybody is asked.
const tablesTime = 10 * time.Second

// Readable is how many rows of events and of identifiers the tables may have for
// everybody to be asked where an answer is wanted at once: with more a part is.
type Readable struct{ Events, Nodes int64 }

// AtOnce is what one core reads, groups and counts in less than a second.
func AtOnce() Readable { return Readable{3 << 19, 1 << 19} }

// OneIn tells of how many people one is asked.
func (r Readable) OneIn(events, nodes int64) int {
	n := 1
	for n < condition.PartMax && (events > r.Events*int64(n) || nodes > r.Nodes*int64(n)) {
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
func (c *Catalog) askTables(ctx context.Context, scope expr.Scope, quick bool, write func(condition.Form) (analytics.Query, error)) (t tabled, ok bool) {
	if !c.cfg.Folded() || c.tables.Lake == nil {
		return t, false
	}
	if lag, err := c.tables.Lake.FactsLag(ctx); err != nil || lag > 0 {
		return t, false
	}
	columns, oneIn, err := c.tables.columns(ctx)
	if err != nil {
		return t, false
	}
	if !quick {
		oneIn = 1
	}
	t.asOf = sys.Millis(c.cfg.Clock.Now())
	q := condition.Question{Set: c.Today(), Scope: scope, Now: t.asOf, Zone: time.UTC, Columns: columns, Part: oneIn}
	for _, ask := range []asker{c.tables.askCopy, c.tables.askFiles} {
		if t.rows, t.oneIn, err = ask.part(ctx, q, write); err == nil {
			return t, true
		}
		if c.tables.Unanswered != nil {
			c.tables.Unanswered(err)
		}
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
func (t *Tables) askFiles(ctx context.Context, q condition.Question, write func(condition.Form) (analytics.Query, error)) ([][]string, error) {
	if t.Engine == nil {
		return nil, errNoEngine()
	}
	query, err := write(q)
	if err != nil {
		return nil, err
	}
	return rowsOf(ctx, t.Engine, query)
}

// askCopy asks the copy, which counts when it holds what the lake shows from before
// the question until after the answer: nothing comes in between.
func (t *Tables) askCopy(ctx context.Context, q condition.Question, write func(condition.Form) (analytics.Query, error)) ([][]string, error) {
	if t.Copy == nil {
		return nil, errNoEngine()
	}
	query, err := write(t.Copy.Form(q))
	if err != nil {
		return nil, err
	}
	before, err := t.copyHolds(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := rowsOf(ctx, t.Copied, query)
	if err != nil {
		return nil, err
	}
	after, err := t.copyHolds(ctx)
	if err == nil && before != after {
		err = errs.New(errs.Unavailable, "sql.copy", "the copy of the tables has changed meanwhile")
	}
	return rows, err
}

// copyHolds returns what the copy holds. It is an error if that is something else
// than the lake shows.
func (t *Tables) copyHolds(ctx context.Context) (lake.MirrorRound, error) {
	shown, ok, err := t.Lake.Shown(ctx)
	if err != nil {
		return shown, err
	}
	held, err := t.Copy.Holds(ctx)
	if err == nil && (!ok || held != shown) {
		err = errs.New(errs.Unavailable, "sql.copy", "the copy of the tables is behind them")
	}
	return held, err
}

// columns tells which columns of properties the events have, and of how many people
// one should be asked for an answer at once. A query that relies on the columns is
// refused when they are not so any more.
func (t *Tables) columns(ctx context.Context) (columns func(string) ([3]string, bool), oneIn int, err error) {
	var rows [2]int64
	for i, name := range []string{lake.TableEvents, lake.TableIdentifiers} {
		m, err := lake.ReadManifest(ctx, t.Files, name)
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
	return columns, t.Readable.OneIn(rows[0], rows[1]), nil
}

// History implements api.Definitions: it is since the earliest event of the open
// tables. Where these cannot be read it is not known.
func (c *Catalog) History(ctx context.Context) (h segment.History, now int64) {
	now = sys.Millis(c.cfg.Clock.Now())
	if c.tables.Files == nil {
		return h, now
	}
	m, err := lake.ReadManifest(ctx, c.tables.Files, lake.TableEvents)
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
