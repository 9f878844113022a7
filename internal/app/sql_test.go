package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kith/internal/client"
)

// TestMain makes the test binary the process of a query.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "sql-worker" {
		if err := SQLWorker(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// withSQL adds to settings what starts the process of a query.
func withSQL(t *testing.T, cfg Config) Config {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg.SQLWorker = []string{self, "sql-worker"}
	return cfg
}

// TestSQLLimitsAreSettings: the settings file bounds queries.
func TestSQLLimitsAreSettings(t *testing.T) {
	cfg := withSQL(t, settings(t))
	cfg.ConfigFile = filepath.Join(t.TempDir(), "kith.yaml")
	if err := os.WriteFile(cfg.ConfigFile, []byte("sql: {rows: 3, at_once: 1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serve(t, cfg).query(t, "SELECT i FROM range(10) t(i)"); len(got) != 3 {
		t.Errorf("there are %d rows", len(got))
	}
}

// query runs a query and returns its rows, numbers as they are written.
func (r *running) query(t *testing.T, sql string) []map[string]any {
	t.Helper()
	answer, err := r.client.Query(t.Context(), sql, "application/json")
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer answer.Body.Close()
	var out struct{ Data []map[string]any }
	dec := json.NewDecoder(answer.Body)
	dec.UseNumber()
	if err := dec.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out.Data
}

// TestSQLTellsWhatTheStateDoes: after a flush, counts, sums, people and their
// identifiers in SQL are those of the profiles, over random calls with repeats,
// late merges and logins on shared devices.
func TestSQLTellsWhatTheStateDoes(t *testing.T) {
	r := serve(t, withSQL(t, settings(t)))
	rng := rand.New(rand.NewPCG(7, 7)) //nolint:gosec // a workload that repeats itself
	orders, cents, calls := 0, 0, 0
	for round := range 4 {
		var batch []string
		for range 100 {
			calls++
			user, device := rng.IntN(20), rng.IntN(30)
			who := [...]string{
				fmt.Sprintf(`"userId":"u%d"`, user), fmt.Sprintf(`"anonymousId":"a%d"`, device), fmt.Sprintf(`"userId":"u%d","anonymousId":"a%d"`, user, user),
			}[rng.IntN(3)]
			id := fmt.Sprintf(`"messageId":"m%d"`, calls)
			switch rng.IntN(4) {
			case 0:
				batch = append(batch, fmt.Sprintf(`{"type":"identify",%s,%s,"traits":{"email":"u%d@example.com","n":%d}}`, who, id, user, calls))
			default:
				price := rng.IntN(100_000)
				orders, cents = orders+1, cents+price
				batch = append(batch, fmt.Sprintf(`{"type":"track",%s,%s,"event":"Order Completed","properties":{"revenue":%d.%02d}}`, who, id, price/100, price%100))
			}
		}
		batch = append(batch, batch[:10]...) // repeats
		r.send(t, "/v1/batch", `{"batch":[`+strings.Join(batch, ",")+`]}`)
		if round == 1 {
			r.flush(t) // so that the lake has several files
		}
	}
	r.flush(t)

	row := r.query(t, `SELECT count(*) AS n, count(*) FILTER (WHERE name = 'Order Completed') AS orders,
		sum("properties.revenue:number") AS revenue, sum((properties->>'revenue')::DECIMAL(18,2)) AS same FROM events`)[0]
	want := fmt.Sprintf("%d.%02d", cents/100, cents%100)
	if got := fmt.Sprintf("%v %v %v", row["n"], row["orders"], row["same"]); got != fmt.Sprintf("%d %d %s", calls, orders, want) || row["revenue"].(json.Number).String() != want+"0000000" {
		t.Errorf("SQL tells %v, want %d events, %d orders, %s", row, calls, orders, want)
	}
	people := map[string]map[string]any{}
	for _, p := range r.query(t, `SELECT p.profile_id, p.events, any_value(p.traits) AS traits, count(e.message_id) AS joined
		FROM profiles p LEFT JOIN events e USING (profile_id) GROUP BY ALL`) {
		people[p["profile_id"].(string)] = p
	}
	seen := map[string]bool{}
	for _, i := range r.query(t, "SELECT type, value, profile_id FROM identifiers") {
		var raw json.RawMessage
		if err := r.client.Get(t.Context(), client.ProfilePath(i["type"].(string), i["value"].(string)), &raw); err != nil {
			t.Fatal(err)
		}
		var p struct {
			ID     string
			Events json.Number
			Traits map[string]any
		}
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		seen[p.ID] = true
		told := people[p.ID]
		if told == nil || i["profile_id"] != p.ID || told["events"] != p.Events || told["joined"] != p.Events || fmt.Sprint(told["traits"]) != fmt.Sprint(p.Traits) {
			t.Errorf("SQL tells %v of %v, the profile is %s", told, i, raw)
		}
	}
	if len(seen) != len(people) || len(seen) == 0 {
		t.Errorf("SQL knows %d people, the state %d", len(people), len(seen))
	}
}
