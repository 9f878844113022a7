package duckdb

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	mapping "github.com/duckdb/duckdb-go-bindings"

	"kith/internal/analytics"
	"kith/internal/analytics/guard"
	"kith/internal/lake"
	"kith/internal/sys"
)

// shopEvents is the number of events in a shop's lake. Event i happened i minutes
// after the first of 2026, at node i mod 100; nodes n and n+50 are one profile.
// Every fourth event is an order of i mod 7 plus a quarter.
const shopEvents = 4000

const shopSelect = `SELECT 'm' || i AS message_id, 'track' AS type,
	CASE i % 4 WHEN 0 THEN 'Order Completed' WHEN 1 THEN 'Product Viewed' WHEN 2 THEN 'Product Added' ELSE 'Checkout Started' END AS name,
	'web' AS source, 'u' || (i % 100) AS user_id, NULL::VARCHAR AS anonymous_id, NULL::VARCHAR AS group_id, NULL::VARCHAR AS previous_id,
	'n' || (i % 100) AS node_id, 'then' AS profile_id_then,
	(TIMESTAMP '2026-01-01' + to_minutes(i))::TIMESTAMP_MS AS timestamp, NULL::TIMESTAMP_MS AS original_timestamp, NULL::TIMESTAMP_MS AS sent_at,
	(TIMESTAMP '2026-01-01' + to_minutes(i))::TIMESTAMP_MS AS received_at, NULL::JSON AS traits,
	CASE WHEN i % 4 = 0 THEN json_object('revenue', i % 7 + 0.25, 'currency', 'EUR', 'products', [{'sku': 'p' || (i % 5), 'n': 1}])
		ELSE json_object('sku', 'p' || (i % 5)) END AS properties, '{}'::JSON AS context, NULL::JSON AS integrations<typed>
	FROM range(<from>, <to>) t(i)`

// shopFolder is where the lake of the shop lies that tests only read.
var shopFolder = sync.OnceValues(func() (string, error) {
	base, err := os.MkdirTemp("", "kith-sql-test-")
	return filepath.Join(base, "lake"), err
})

// shopMade is held while the shop is made.
var shopMade sync.Mutex

// shop returns the lake of the shop, made by the first test that asks.
func shop(t testing.TB) string {
	t.Helper()
	shopMade.Lock()
	defer shopMade.Unlock()
	dir, err := shopFolder()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		makeShop(t, dir)
	}
	return dir
}

// makeShop writes the lake of a shop. The first of its three files of events has no column of properties, the others have that of
// the revenue. Of the identifiers there are old versions, and one that is gone.
func makeShop(t testing.TB, dir string) {
	t.Helper()
	d, err := openDatabase()
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	third := shopEvents / 4
	typed := `, CASE WHEN i % 4 = 0 THEN (i % 7 + 0.25)::DECIMAL(38,9) END AS "properties.revenue:number"`
	part := func(typed string, from, to int) string {
		return strings.NewReplacer("<typed>", typed, "<from>", strconv.Itoa(from), "<to>", strconv.Itoa(to)).Replace(shopSelect)
	}
	s := &shopWriter{t: t, db: d, dir: dir}
	s.table("events", "append", nil, "VARCHAR", map[string]string{
		"a.parquet": part("", 0, third),
		"b.parquet": part(typed, third, 2*third),
		"c.parquet": part(typed, 2*third, shopEvents),
	}, "properties.revenue:number")
	const node = `SELECT 'n' || i AS node_id, 'user_id' AS type, 'u' || i AS value, 'p' || %s AS profile_id, TIMESTAMP_MS '2026-01-01' AS first_seen,
		TIMESTAMP_MS '2026-01-01' AS last_seen, '["web"]'::JSON AS sources, %s AS _version, %s AS _deleted FROM range(%s) t(i)`
	s.table("identifiers", "mutable", []string{"node_id"}, "VARCHAR", map[string]string{
		"a.parquet": fmt.Sprintf(node, "i", "1::BIGINT", "false", "0, 101"),
		"b.parquet": fmt.Sprintf(node, "(i % 50)", "2::BIGINT", "false", "50, 100"),
		"c.parquet": fmt.Sprintf(node, "NULL", "3::BIGINT", "true", "100, 101"),
	})
	s.table("profiles", "mutable", []string{"profile_id"}, "VARCHAR", map[string]string{
		"a.parquet": `SELECT 'p' || i AS profile_id, json_object('email', 'p' || i || '@example.com', 'country', CASE WHEN i % 2 = 0 THEN 'FR' ELSE 'BE' END) AS traits,
			'[]'::JSON AS accounts, TIMESTAMP_MS '2026-01-01' AS first_seen, TIMESTAMP_MS '2026-01-03' AS last_seen, 80::BIGINT AS events, 2::BIGINT AS identifiers,
			1::BIGINT AS _version, false AS _deleted FROM range(100) t(i)`,
		"b.parquet": `SELECT 'p' || i AS profile_id, NULL::JSON AS traits, NULL::JSON AS accounts, NULL::TIMESTAMP_MS AS first_seen, NULL::TIMESTAMP_MS AS last_seen,
			NULL::BIGINT AS events, NULL::BIGINT AS identifiers, 2::BIGINT AS _version, true AS _deleted FROM range(50, 100) t(i)`,
	})
}

type shopWriter struct {
	t   testing.TB
	db  *database
	dir string
}

// table writes a table: its files and the list of them.
func (s *shopWriter) table(name, kind string, key []string, typ string, files map[string]string, typed ...string) {
	s.t.Helper()
	place := filepath.Join(s.dir, name)
	if err := os.MkdirAll(place, 0o700); err != nil {
		s.t.Fatal(err)
	}
	type listed struct {
		Path  string   `json:"path"`
		Rows  int64    `json:"rows"`
		Typed []string `json:"typed,omitempty"`
	}
	var all []listed
	for file, query := range files {
		path := filepath.Join(place, file)
		if err := s.db.run("COPY (" + query + ") TO " + literal(path) + " (FORMAT parquet)"); err != nil {
			s.t.Fatal(err)
		}
		one := listed{Path: file, Rows: 1}
		for _, c := range typed {
			if strings.Contains(query, c) {
				one.Typed = append(one.Typed, c)
			}
		}
		all = append(all, one)
	}
	columns := []map[string]string{}
	for _, c := range typed {
		columns = append(columns, map[string]string{"name": c, "type": "DECIMAL(38,9)"})
	}
	data, err := json.Marshal(map[string]any{
		"format": 1, "table": name, "kind": kind, "key": key, "as_of": "2026-02-01T00:00:00.000Z", "columns": columns, "files": all,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(place, lake.ManifestName), data, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// close frees the engine.
func (d *database) close() {
	mapping.Disconnect(&d.conn)
	mapping.Close(&d.db)
}

// ask runs a query on an engine and returns its values as texts.
func ask(t testing.TB, e analytics.Engine, q analytics.Query) ([]analytics.Column, [][]string, error) {
	t.Helper()
	rows, err := e.Query(t.Context(), q)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	out, err := drain(rows)
	return rows.Columns(), out, err
}

func drain(rows analytics.Rows) (out [][]string, err error) {
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		texts := make([]string, len(row))
		for i, v := range row {
			texts[i] = "NULL"
			if v != nil {
				texts[i] = string(v)
			}
		}
		out = append(out, texts)
	}
}

// house answers queries in the test's own process: everything that a child does
// but confining itself, with one engine for all of them.
type house struct {
	t   testing.TB
	dir string
	db  *database
}

func newHouse(t testing.TB, dir string) *house {
	t.Helper()
	d, err := openDatabase()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	h := &house{t, dir, d}
	if err := d.shutOff(h.request("", nil)); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) tables() []listedTable {
	h.t.Helper()
	tables, _, err := folder{dir: h.dir, fs: sys.Disk(), tables: OpenTables(lake.Tables())}.read(h.t.Context(), analytics.Query{})
	if err != nil {
		h.t.Fatal(err)
	}
	return tables
}

func (h *house) request(query string, policy analytics.Policy) *request {
	h.t.Helper()
	req := &request{SQL: query, MemoryBytes: 1 << 30, Threads: 2, Rows: 100_000, AnswerBytes: 1 << 30}
	for _, t := range h.tables() {
		req.Tables = append(req.Tables, t.shownBy(policy))
	}
	return req
}

func (h *house) ask(query string, policy analytics.Policy) ([]analytics.Column, [][]string, error) {
	h.t.Helper()
	return h.answer(h.request(query, policy))
}

// own asks a query of the program's own.
func (h *house) own(q analytics.Query) ([][]string, error) {
	h.t.Helper()
	req := h.request(q.SQL, nil)
	var err error
	if req.Own, err = ownOf(q.Own, h.tables()); err != nil {
		return nil, err
	}
	_, rows, err := h.answer(req)
	return rows, err
}

func (h *house) answer(req *request) ([]analytics.Column, [][]string, error) {
	h.t.Helper()
	var out bytes.Buffer
	w := &worker{req: req, out: bufio.NewWriter(&out), db: h.db}
	defer func() {
		for i := range w.req.Tables {
			if err := h.db.run("DROP VIEW IF EXISTS " + quoted(w.req.Tables[i].Name)); err != nil {
				h.t.Fatal(err)
			}
		}
	}()
	if err := w.answer(); err != nil {
		return nil, nil, err
	}
	if err := w.out.Flush(); err != nil {
		h.t.Fatal(err)
	}
	r := &rows{process: &process{out: bufio.NewReader(&out), ended: make(chan struct{})}}
	if err := r.open(h.tables()); err != nil {
		h.t.Fatal(err)
	}
	all, err := drain(r)
	return r.columns, all, err
}

func (h *house) one(query string) string {
	h.t.Helper()
	_, got, err := h.ask(query, nil)
	if err != nil {
		h.t.Fatalf("%s: %v", query, err)
	}
	return fmt.Sprint(got)
}

// judge parses a text as a child does and returns what the guard says.
func judge(t testing.TB, d *database, query string) error {
	t.Helper()
	if err := guard.Text(query); err != nil {
		return err
	}
	tree, err := d.parse(query)
	if err != nil {
		t.Fatalf("%q cannot be parsed: %v", query, err)
	}
	catalog := guard.Catalog{}
	for _, table := range OpenTables(lake.Tables()) {
		for _, c := range table.Columns {
			catalog[table.Name] = append(catalog[table.Name], c.Name)
		}
	}
	_, err = guard.Judge(tree, catalog)
	return err
}
