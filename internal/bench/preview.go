package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"kith/internal/analytics"
	"kith/internal/errs"
)

// eventsEach is how many events each person has of whom previews are measured.
const eventsEach = 20

// Previewer answers how many people a condition holds for, from the open tables.
type Previewer struct {
	Engine analytics.Engine
	// Sizes returns the query of a definition's preview, and of how many people it asks
	// one: of everybody if it has to be exact.
	Sizes func(definition json.RawMessage, now time.Time, exact bool) (q analytics.Query, oneIn int, err error)
}

// PreviewOpener makes a lake of so many events of so many people in a folder and
// returns what answers over it.
type PreviewOpener func(dir string, events, people int) (*Previewer, error)

// previewCase is a condition and the best query that counts the same by hand.
type previewCase struct{ name, where, byHand string }

// previewCases ask the lake that duckdb.WriteSynthetic makes, as of the end of its year.
func previewCases() []previewCase {
	return []previewCase{
		{
			"twice within 90 days",
			`{"event":"Order Completed","count":{"op":"gte","value":2},"window":{"last":"90d"}}`,
			`SELECT count(*) FROM (SELECT profile_id FROM events WHERE name = 'Order Completed' AND timestamp > '2026-10-03' GROUP BY profile_id HAVING count(*) >= 2)`,
		}, {
			"not within 30 days",
			`{"event":"Product Viewed","count":{"op":"eq","value":0},"window":{"last":"30d"}}`,
			`SELECT (SELECT count(*) FROM profiles) - count(DISTINCT profile_id) FROM events WHERE name = 'Product Viewed' AND timestamp > '2026-12-02'`,
		}, {
			"for 1,000 or more within a year",
			`{"event":"Order Completed","aggregate":{"fn":"sum","property":"revenue"},"op":"gte","value":1000,"window":{"last":"365d"}}`,
			`SELECT count(*) FROM (SELECT profile_id FROM events WHERE name = 'Order Completed' AND timestamp > '2026-01-01' GROUP BY profile_id HAVING sum("properties.revenue:number") >= 1000)`,
		}, {
			"a sequence of two steps within 7 days",
			`{"sequence":[{"event":"Product Added"},{"event":"Order Completed","within":"7d"}],"window":{"last":"90d"}}`,
			`SELECT count(DISTINCT profile_id) FROM (SELECT profile_id, name, timestamp, lead(CASE WHEN name = 'Order Completed' THEN timestamp END IGNORE NULLS) OVER (PARTITION BY profile_id ORDER BY timestamp) AS next
				FROM events WHERE name IN ('Product Added', 'Order Completed') AND timestamp > '2026-10-03') WHERE name = 'Product Added' AND next <= timestamp + INTERVAL 7 DAY`,
		},
	}
}

// Previews measures how soon it is told how many people a condition holds for that
// is being written, over o.People people of twenty events each, beside the same
// number counted by the best query written by hand.
func Previews(ctx context.Context, o Options, open PreviewOpener) ([]Row, error) {
	dir, err := os.MkdirTemp(o.Dir, "kith-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	p, err := open(dir, eventsEach*o.People, o.People)
	if err != nil {
		return nil, err
	}
	var rows []Row
	var all []string
	for _, c := range previewCases() {
		all = append(all, c.where)
		some, err := p.beside(ctx, c)
		if err != nil {
			return nil, err
		}
		rows = append(rows, some...)
	}
	_, row, err := p.preview(ctx, "any of these four, and each of them", `{"any":[`+strings.Join(all, ",")+`]}`, false)
	return append(rows, row), err
}

// beside measures a case: at once, exactly, and by hand.
func (p *Previewer) beside(ctx context.Context, c previewCase) ([]Row, error) {
	_, quick, err := p.preview(ctx, c.name, c.where, false)
	if err != nil {
		return nil, err
	}
	size, whole, err := p.preview(ctx, c.name, c.where, true)
	if err != nil {
		return nil, err
	}
	same, hand, err := p.timed(ctx, whole.Scenario, analytics.Query{SQL: c.byHand})
	if err != nil {
		return nil, err
	}
	hand.System = "SQL by hand"
	if whole.Failures+hand.Failures == 0 && same[0] != size[1] {
		return nil, fmt.Errorf("%q holds for %s people, and by hand for %s", c.name, size[1], same[0])
	}
	return []Row{quick, whole, hand}, nil
}

// preview runs the query of a condition's preview as of the end of the lake's year.
func (p *Previewer) preview(ctx context.Context, name, where string, exact bool) (first []string, row Row, err error) {
	q, oneIn, err := p.Sizes(json.RawMessage(`{"where":`+where+`}`), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), exact)
	if err != nil {
		return nil, row, err
	}
	asked := "everybody"
	if oneIn > 1 {
		asked = fmt.Sprintf("1 in %d people", oneIn)
	}
	return p.timed(ctx, name+", asking "+asked, q)
}

// timed runs a query as often as SQL does and returns the first row of its answer.
// What is refused, as for want of memory, counts as a failure.
func (p *Previewer) timed(ctx context.Context, scenario string, q analytics.Query) (first []string, row Row, err error) {
	row = Row{Scenario: scenario, System: kith}
	row.runs(func() error {
		first, err = firstRow(ctx, p.Engine, q)
		return err
	})
	if err != nil && errs.KindOf(err) == errs.Invalid {
		err = nil
	}
	return first, row, err
}

// firstRow returns the first row of an answer.
func firstRow(ctx context.Context, e analytics.Engine, q analytics.Query) ([]string, error) {
	answer, err := e.Query(ctx, q)
	if err != nil {
		return nil, err
	}
	var texts []string
	row, err := answer.Next()
	for _, v := range row {
		texts = append(texts, string(v))
	}
	if cerr := answer.Close(); err == nil {
		err = cerr
	}
	return texts, err
}
