package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"kith/internal/analytics"
)

// sqlRuns is how often each query is run; the figures are of all runs.
const sqlRuns = 3

// sqlQueries are what SQL measures, in the order in which it prints them.
func sqlQueries() [][2]string {
	return [][2]string{
		{"nothing (the price of a process)", "SELECT 1"},
		{"count", "SELECT count(*) FROM events"},
		{"count by name", "SELECT name, count(*) FROM events GROUP BY name"},
		{"revenue, from its column", `SELECT sum("properties.revenue:number") FROM events WHERE name = 'Order Completed'`},
		{"revenue, from the properties", "SELECT sum((properties->>'revenue')::DECIMAL(18,4)) FROM events WHERE name = 'Order Completed'"},
		{"revenue by month", `SELECT date_trunc('month', timestamp) AS m, sum("properties.revenue:number") FROM events GROUP BY m ORDER BY m`},
		{"events of a day", "SELECT count(*) FROM events WHERE timestamp >= '2026-03-01' AND timestamp < '2026-03-02'"},
		{"people with an event", "SELECT count(DISTINCT profile_id) FROM events"},
		{"ten best customers", `SELECT profile_id, sum("properties.revenue:number") AS r FROM events WHERE name = 'Order Completed' GROUP BY 1 ORDER BY r DESC LIMIT 10`},
		{"orders by country", "SELECT p.traits->>'country' AS c, count(*) FROM events e JOIN profiles p USING (profile_id) WHERE e.name = 'Order Completed' GROUP BY c"},
	}
}

// SQLOpener makes a lake of so many events of so many people in a folder and
// returns an engine on it.
type SQLOpener func(dir string, events, people int) (analytics.Engine, error)

// SQL measures queries over a synthetic lake.
func SQL(ctx context.Context, o Options, open SQLOpener) ([]Row, error) {
	dir, err := os.MkdirTemp(o.Dir, "kith-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	engine, err := open(dir, o.Events, o.People)
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, q := range sqlQueries() {
		row := Row{Scenario: fmt.Sprintf("%s, %d events", q[0], o.Events), System: kith}
		row.runs(func() error { return exhaust(ctx, engine, q[1]) })
		rows = append(rows, row)
	}
	return rows, nil
}

// runs measures a query as often as all are run. An error is a failure.
func (r *Row) runs(run func() error) {
	var took []time.Duration
	for range sqlRuns {
		began := time.Now()
		if run() != nil {
			r.Failures++
		}
		took = append(took, time.Since(began))
		r.Elapsed += took[len(took)-1]
		r.Operations++
	}
	r.Latencies = percentiles(took)
}

// exhaust reads an answer to its end.
func exhaust(ctx context.Context, engine analytics.Engine, query string) (err error) {
	rows, err := engine.Query(ctx, analytics.Query{SQL: query})
	if err != nil {
		return err
	}
	defer rows.Close()
	for err == nil {
		_, err = rows.Next()
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
