package clickhouse_test

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"kith/internal/analytics"
	"kith/internal/analytics/clickhouse"
	"kith/internal/analytics/clickhouse/clickhousetest"
	server "kith/internal/clickhouse"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/lake"
)

// house is a mirror, and an engine that answers over it.
type house struct {
	t      *testing.T
	loc    server.Location
	conn   *server.Server
	mirror *clickhouse.Mirror
	engine *clickhouse.Engine
}

// reach lets a test reach the server of this machine.
var reach = server.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: time.Minute, AnswerBytes: 1 << 30}

// opener makes a house over a transport.
type opener func(t *testing.T, limits analytics.Limits) *house

// transport is a way to a server.
type transport struct {
	name  string
	start func(testing.TB) string
}

// shards is the way to a cluster of two.
var shards = transport{"shards", clickhousetest.StartShards}

// replica is the way to a cluster of one shard.
var replica = transport{"replica", clickhousetest.StartReplica}

// over runs a test over each transport, and over more of them.
func over(t *testing.T, test func(*testing.T, opener), more ...transport) {
	for _, way := range append([]transport{{"http", clickhousetest.Start}, {"native", clickhousetest.StartNative}}, more...) {
		t.Run(way.name, func(t *testing.T) {
			test(t, func(t *testing.T, limits analytics.Limits) *house { return open(t, way.start(t), limits) })
		})
	}
}

func open(t *testing.T, address string, limits analytics.Limits) *house {
	t.Helper()
	loc, err := server.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	conn := server.Open(loc, reach)
	h := &house{t, loc, conn, clickhouse.NewMirror(conn), clickhouse.NewEngine(conn, limits, nil)}
	if held, err := h.mirror.Holds(t.Context()); err != nil || held != (lake.MirrorRound{}) {
		t.Fatalf("a new copy holds %+v, %v", held, err)
	}
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// ask returns the rows of a query as one text.
func (h *house) ask(sql string) (string, error) {
	answer, err := h.engine.Query(h.t.Context(), analytics.Query{SQL: sql})
	if err != nil {
		return "", err
	}
	defer answer.Close()
	rows, err := texts(answer)
	var out []string
	for _, row := range rows {
		out = append(out, strings.Join(row, "|"))
	}
	return strings.Join(out, "; ") + string(answer.Cut()), err
}

// rows returns the rows of a query.
func (h *house) rows(q analytics.Query) ([][]string, error) {
	answer, err := h.engine.Query(h.t.Context(), q)
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	return texts(answer)
}

// texts are the rows of an answer.
func texts(answer analytics.Rows) (out [][]string, err error) {
	for {
		row, err := answer.Next()
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

func (h *house) expect(sql, want string) {
	h.t.Helper()
	if got, err := h.ask(sql); err != nil || got != want {
		h.t.Errorf("%s\n is %q, %v, not %q", sql, got, err, want)
	}
}

// event is a line of the table of events.
func event(offset int, node string) string {
	return fmt.Sprintf(`{"message_id":"m-%d","type":"track","name":"A","source":"web","node_id":%q,"timestamp":"2024-01-0%dT00:00:00.250Z","received_at":"2024-02-01T00:00:00.000Z","properties":"{\"n\":%d}","record_partition":0,"record_offset":%d}`+"\n",
		offset, node, offset+1, offset, offset)
}

// TestRepeats holds that rows that are sent again under their token, in the same
// request or after others, count once, and that the tokens of a table that was made
// anew are new.
func TestRepeats(t *testing.T) { over(t, testRepeats, shards, replica) }

func testRepeats(t *testing.T, open opener) {
	h := open(t, analytics.Limits{})
	ctx := t.Context()
	for range 3 {
		for i := range 3 {
			h.must(h.mirror.Add(ctx, lake.TableEvents, fmt.Sprint("cut-", i), []byte(event(2*i, "a")+event(2*i+1, "b"))))
		}
	}
	h.expect("SELECT count(), uniqExact(message_id) FROM events", "6|6")
	for range 2 {
		h.must(h.mirror.Remove(ctx, lake.TableEvents, []eventlog.Position{{Partition: 0, Offset: 3}, {Partition: 1, Offset: 4}}))
	}
	h.expect("SELECT message_id FROM events ORDER BY message_id", "m-0; m-1; m-2; m-4; m-5")
	for i := range 2 {
		line := fmt.Sprintf(`{"node_id":"a","type":"user_id","value":"u","profile_id":"p%d","_version":%d,"_deleted":false}`+"\n", i, i)
		h.must(h.mirror.Add(ctx, lake.TableIdentifiers, fmt.Sprint("i-", i), []byte(line)))
	}
	h.expect("SELECT profile_id, count() FROM events GROUP BY profile_id ORDER BY profile_id NULLS LAST", "p1|3; NULL|2")
	h.must(h.mirror.Add(ctx, lake.TableIdentifiers, "i-2", []byte(`{"node_id":"a","_version":3,"_deleted":true}`+"\n")))
	h.expect("SELECT count() FROM identifiers", "0")
	round := lake.MirrorRound{Lake: [16]byte{1, 2}, Generation: 3, Round: 4}
	for range 2 {
		h.must(h.mirror.Note(ctx, round))
	}
	if held, err := h.mirror.Holds(ctx); err != nil || held != round {
		t.Errorf("the copy holds %+v, %v", held, err)
	}
	h.must(h.mirror.Clear(ctx))
	if held, err := h.mirror.Holds(ctx); err != nil || held != (lake.MirrorRound{}) {
		t.Errorf("an emptied copy holds %+v, %v", held, err)
	}
	h.must(h.mirror.Add(ctx, lake.TableEvents, "cut-0", []byte(event(0, "a"))))
	h.expect("SELECT count() FROM events", "1")
}

// TestBadRow holds that a row of another form is an error, not a default.
func TestBadRow(t *testing.T) { over(t, testBadRow) }

func testBadRow(t *testing.T, open opener) {
	h := open(t, analytics.Limits{})
	for _, line := range []string{`{"no_such_column":1}`, `{"message_id":null}`, `no JSON`} {
		if err := h.mirror.Add(t.Context(), lake.TableEvents, line, []byte(line+"\n")); !errs.Is(err, errs.Unavailable) {
			t.Errorf("%s gives %v", line, err)
		}
	}
}

// TestValues holds values of each kind against their form in answers.
func TestValues(t *testing.T) { over(t, testValues) }

func testValues(t *testing.T, open opener) {
	h := open(t, analytics.Limits{})
	for sql, want := range map[string]string{
		"SELECT 1, -5, toUInt64(18446744073709551615), toInt128('170141183460469231731687303715884105727')": "1|-5|18446744073709551615|170141183460469231731687303715884105727",
		"SELECT toDecimal128('12.5', 9), 0.1 + 0.2, 1/0, -1/0, 0/0":                                         "12.500000000|0.30000000000000004|Infinity|-Infinity|NaN",
		"SELECT 'a\\tb\\n', '', NULL, 'é'":                                                                  "a\tb\n||NULL|é",
		"SELECT true, toDate('2024-02-29'), toDateTime64('2024-02-29 12:00:00.123456', 6, 'UTC')":           "true|2024-02-29|2024-02-29T12:00:00.123Z",
		"SELECT [1, 2], map('a', 1), tuple(1, 'x')":                                                         `[1,2]|{"a":1}|[1,"x"]`,
	} {
		h.expect(sql, want)
	}
	answer, err := h.engine.Query(t.Context(), analytics.Query{SQL: "SELECT 1 AS a, toDecimal128('1', 9) AS d, now64() AS t"})
	h.must(err)
	defer answer.Close()
	c := answer.Columns()
	if c[0].Kind != analytics.Integer || c[1].Kind != analytics.Decimal || c[1].Width != 38 || c[1].Scale != 9 || c[2].Kind != analytics.Time {
		t.Errorf("the columns are %+v", c)
	}
}

// TestGuide runs the examples of the guide that are in ClickHouse's dialect.
func TestGuide(t *testing.T) { over(t, testGuide, shards) }

func testGuide(t *testing.T, open opener) {
	guide, err := os.ReadFile("../../../docs/guide/sql.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```sql clickhouse\n(.*?)```").FindAllStringSubmatch(string(guide), -1)
	if len(examples) == 0 {
		t.Error("the guide has none")
	}
	h := open(t, analytics.Limits{})
	for _, example := range examples {
		if _, err := h.ask(example[1]); err != nil {
			t.Errorf("%s\n%v", example[1], err)
		}
	}
}

// TestLimits holds that answers are cut and that queries end.
func TestLimits(t *testing.T) { over(t, testLimits) }

func testLimits(t *testing.T, open opener) {
	h := open(t, analytics.Limits{Rows: 3, MemoryBytes: 64 << 20, Time: 20 * time.Second})
	h.expect("SELECT arrayJoin(range(10))", "0; 1; 2rows")
	if _, err := h.ask("SELECT length(groupArray(x)) FROM (SELECT arrayJoin(range(30000000)) AS x)"); !errs.Is(err, errs.Invalid) {
		t.Errorf("a query beyond its memory gives %v", err)
	}
}

// TestRefused holds that nothing but a question over kith's tables is let through.
func TestRefused(t *testing.T) { over(t, testRefused) }

func testRefused(t *testing.T, open opener) {
	h := open(t, analytics.Limits{})
	h.must(h.mirror.Add(t.Context(), lake.TableEvents, "a", []byte(event(1, "a"))))
	for _, sql := range []string{
		"", ";", "SELECT", "SELECT 1; SELECT 2", "DROP TABLE kith_events", "INSERT INTO kith_events (message_id) VALUES ('x')", "SET readonly = 0",
		"ALTER TABLE kith_events DELETE WHERE 1", "SHOW TABLES", "EXPLAIN SELECT 1", "DESCRIBE events", "SYSTEM STOP MERGES", "USE default",
		"SELECT * FROM kith_events", "SELECT * FROM system.tables", "SELECT * FROM `system`.`one`", "SELECT * FROM system.one AS events", "SELECT * FROM information_schema.tables",
		"SELECT 1 IN system.one", "SELECT 'x' IN kith_round", "SELECT 1 IN (system.one)", "SELECT 1 FROM events WHERE 1 GLOBAL IN system.one",
		"SELECT * FROM url('http://127.0.0.1/', CSV, 'a String')", "SELECT * FROM file('/etc/passwd', LineAsString)", "SELECT * FROM remote('127.0.0.1', system.one)",
		"SELECT * FROM s3('http://127.0.0.1/x')", "SELECT * FROM numbers(10)", "SELECT * FROM merge(currentDatabase(), '.*')", "SELECT * FROM cluster('x', system.one)",
		"SELECT * FROM executable('id', TSV, 'a String')", "SELECT * FROM viewIfPermitted(SELECT 1 ELSE null('a Int8'))", "SELECT file('/etc/passwd')", "SELECT sleep(1)",
		"SELECT hostName()", "SELECT currentUser()", "SELECT getSetting('readonly')", "SELECT dictGet('a', 'b', 1)", "SELECT joinGet('a', 'b', 1)", "SELECT throwIf(1)", "SELECT aiGenerate('a', 'b')",
		"SELECT 1 SETTINGS readonly = 0", "SELECT * FROM (SELECT 1 SETTINGS max_threads = 64)", "SELECT 1 FORMAT JSON", "SELECT 1 INTO OUTFILE '/tmp/x'",
		"SELECT 1) FORMAT JSON UNION ALL (SELECT 1", "SELECT {x:UInt8}", "SELECT COLUMNS('.*') FROM events", "WITH x AS (SELECT * FROM system.one) SELECT * FROM x",
		"SELECT * FROM events WHERE 1 IN (SELECT 1 FROM system.one)", "SELECT (SELECT count() FROM system.one)", "SELECT 1 UNION ALL SELECT dummy FROM system.one",
		"SELECT * FROM events AS e, system.one", "SELECT * FROM events JOIN system.one ON 1 = 1", "SELECT sumIf(dummy, 1) FROM system.one", "SELECT * FROM view(SELECT 1)", "SELECT * FROM values('a Int8', 1)",
	} {
		if got, err := h.ask(sql); !errs.Is(err, errs.Invalid) {
			t.Errorf("%s is answered %q, %v", sql, got, err)
		}
	}
	for _, sql := range []string{
		"SELECT 1 -- )", "SELECT count() FROM events", "SELECT count() c FROM events AS e GROUP BY e.name HAVING c > 0 ORDER BY c LIMIT 1",
		"WITH a AS (SELECT name FROM events) SELECT count() FROM a WHERE name IN (SELECT name FROM a)", "SELECT 1 UNION ALL SELECT 1",
		"SELECT countIf(name = 'A'), uniqExact(name), quantile(0.5)(record_offset) FROM events",
		"SELECT name, row_number() OVER (PARTITION BY name ORDER BY timestamp) FROM events",
		"SELECT name FROM events WHERE name IN ('A', 'B') AND timestamp >= toDateTime('2020-01-01') - INTERVAL 3 DAY",
		"SELECT e.name, i.profile_id FROM events e LEFT JOIN identifiers i ON i.node_id = e.node_id",
		"SELECT arrayMap(x -> x + 1, [1, 2]), CASE WHEN 1 THEN 'a' ELSE 'b' END, name LIKE 'A%', CAST(1 AS String), 1 BETWEEN 0 AND 2 FROM events",
		"SELECT JSONExtractInt(ifNull(properties, ''), 'n') AS n, toStartOfDay(timestamp) AS d FROM events ARRAY JOIN [1] AS x",
	} {
		if _, err := h.ask(sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if _, err := h.ask("SELECT nothing FROM events"); err == nil || !strings.Contains(err.Error(), "nothing") {
		t.Errorf("a column that is not there gives %v", err)
	}
}

// TestStrangers holds that a wrong password is told apart.
func TestStrangers(t *testing.T) { over(t, testStrangers) }

func testStrangers(t *testing.T, open opener) {
	h := open(t, analytics.Limits{})
	loc := h.loc
	loc.Password = "another"
	conn := server.Open(loc, reach)
	if _, err := clickhouse.NewMirror(conn).Holds(t.Context()); !errs.Is(err, errs.Denied) {
		t.Errorf("the mirror is told %v", err)
	}
	if _, err := clickhouse.NewEngine(conn, analytics.Limits{}, nil).Query(t.Context(), analytics.Query{SQL: "SELECT 1"}); !errs.Is(err, errs.Denied) {
		t.Errorf("the engine is told %v", err)
	}
}
