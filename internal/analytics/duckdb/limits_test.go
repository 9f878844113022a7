package duckdb

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/internal/analytics"
	"kith/internal/errs"
)

// runaways are queries without an end, or without a bound on what they hold, and
// the codes that they may end with.
var runaways = map[string]string{
	"SELECT count(*) FROM events a, events b, events c, events d WHERE a.name < b.name AND c.name < d.name":                                      "sql.time sql.memory sql.died",
	"SELECT count(*) FROM range(100000) a, range(100000) b, range(100000) c WHERE a.range * 7 > b.range * 3 + c.range":                           "sql.time",
	"WITH RECURSIVE n(i) AS (SELECT 1::HUGEINT UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n":                                            "sql.time sql.memory sql.died",
	"SELECT count(DISTINCT a.i * 1000003 + b.i) FROM range(10000000) a(i), range(1000) b(i)":                                                     "sql.time sql.memory sql.died",
	"SELECT list(a.i) FROM range(10000000) a(i), range(1000) b(i)":                                                                               "sql.time sql.memory sql.died",
	"SELECT length(string_agg(repeat('x', 10000), '')) FROM range(10000000)":                                                                     "sql.time sql.memory sql.died",
	"SELECT repeat(repeat(repeat(repeat('x', 1000), 1000), 1000), 1000)":                                                                         "sql.time sql.memory sql.died sql.input sql.out_of_range sql.failed",
	"SELECT lpad('x', ((10000000 + length(name)) * 100)::INTEGER, 'y') FROM events":                                                              "sql.memory sql.died sql.time sql.row_too_large",
	"SELECT range(10000000) FROM range(10000000)":                                                                                                "sql.memory sql.died sql.time sql.row_too_large",
	"SELECT count(*) FROM range(10000000) WHERE regexp_matches(repeat('a', 20000) || range::VARCHAR, '(a|aa)+(b|c)*(a+)+$x')":                    "sql.time sql.memory sql.died",
	"SELECT count(*) FROM (SELECT unnest(range(10000000)) FROM range(10000000))":                                                                 "sql.time sql.memory sql.died",
	"SELECT list_sort(list_transform(range(10000000), x -> x::VARCHAR || repeat('y', 1000)))":                                                    "sql.memory sql.died sql.time sql.row_too_large",
	"SELECT max(length(list_aggregate(list_transform(range(10000), x -> repeat('z', 1000) || i), 'string_agg', ','))) FROM range(10000000) t(i)": "sql.time sql.memory sql.died",
	"SELECT count(*) FROM range(100000) a, range(100000) b WHERE levenshtein(repeat('ab', 500) || a.range, repeat('ba', 500) || b.range) > 5":    "sql.time sql.memory sql.died",
	"SELECT a.i, row_number() OVER (ORDER BY random()) FROM range(10000000) a(i), range(100) b(i)":                                               "sql.time sql.memory sql.died",
}

// TestRunawaysEnd: each ends by a limit, and the next query is answered as if
// nothing had been.
func TestRunawaysEnd(t *testing.T) {
	e := newEngine(t, shop(t), analytics.Limits{Time: 300 * time.Millisecond, MemoryBytes: 128 << 20})
	for query, codes := range runaways {
		_, _, err := ask(t, e, analytics.Query{SQL: query})
		if code := errs.CodeOf(err); err == nil || !strings.Contains(codes, code) {
			t.Errorf("%s ends with %v", query, err)
		}
	}
	_, got, err := ask(t, newEngine(t, shop(t), analytics.Limits{MemoryBytes: 128 << 20}), analytics.Query{SQL: "SELECT count(*) FROM events"})
	if err != nil || got[0][0] != "4000" {
		t.Errorf("afterwards: %v, %v", got, err)
	}
}

// TestMemoryEnds: what holds too much ends long before its time, whether the engine
// counts what it holds or not.
func TestMemoryEnds(t *testing.T) {
	e := newEngine(t, shop(t), analytics.Limits{MemoryBytes: 64 << 20})
	for _, query := range []string{
		"SELECT list(a.i) FROM range(10000000) a(i), range(1000) b(i)",
		"SELECT length(string_agg(repeat('x', 10000), '')) FROM range(10000000)",
		"SELECT list_sort(list_transform(range(10000000), x -> x::VARCHAR || repeat('y', 1000)))",
	} {
		_, _, err := ask(t, e, analytics.Query{SQL: query})
		if code := errs.CodeOf(err); code != "sql.memory" && code != "sql.died" {
			t.Errorf("%s ends with %v", query, err)
		}
	}
}

// TestRowsAreCut: an answer stops at the limit of rows or bytes and says so.
func TestRowsAreCut(t *testing.T) {
	for _, c := range []struct {
		query  string
		limits analytics.Limits
		rows   int
		cut    analytics.Cut
	}{
		{"SELECT i FROM range(1000) t(i)", analytics.Limits{Rows: 1000}, 1000, analytics.Whole},
		{"SELECT i FROM range(1001) t(i)", analytics.Limits{Rows: 1000}, 1000, analytics.CutRows},
		{"SELECT i FROM range(10000000) t(i)", analytics.Limits{Rows: 5000}, 5000, analytics.CutRows},
		{"SELECT repeat('x', 998) FROM range(1000)", analytics.Limits{AnswerBytes: 100_000}, 100, analytics.CutBytes},
	} {
		rows, err := newEngine(t, t.TempDir(), c.limits).Query(t.Context(), analytics.Query{SQL: c.query})
		if err != nil {
			t.Fatal(err)
		}
		got, err := drain(rows)
		if err != nil || len(got) != c.rows || rows.Cut() != c.cut {
			t.Errorf("%s gives %d rows, cut by %q, %v", c.query, len(got), rows.Cut(), err)
		}
		rows.Close()
	}
}

// endless runs for as long as it may, after its first row.
const endless = "SELECT * FROM (SELECT 0 UNION ALL SELECT count(*) FROM range(100000) a, range(100000) b, range(100000) c WHERE a.range * 7 > b.range * 3 + c.range)"

// TestCancellationEndsTheChild: the process is gone once the answer is closed, be
// it because the caller went away or because it wants no more.
func TestCancellationEndsTheChild(t *testing.T) {
	e := newEngine(t, shop(t), analytics.Limits{})
	for _, way := range []string{"context", "close"} {
		ctx, cancel := context.WithCancel(t.Context())
		found, err := e.Query(ctx, analytics.Query{SQL: endless})
		if err != nil {
			t.Fatal(err)
		}
		r := found.(*rows)
		if way == "context" {
			cancel()
			if _, err := drain(r); errs.CodeOf(err) != "sql.canceled" {
				t.Errorf("a canceled query ends with %v", err)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := r.cmd.Process.Signal(os.Interrupt); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("%s: the process is still there: %v", way, err)
		}
		if _, err := os.Stat(r.dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: its folder is still there: %v", way, err)
		}
	}
}

// TestChildDoesNotOutliveItsParent: a child whose input ends is gone, whatever it
// was doing.
func TestChildDoesNotOutliveItsParent(t *testing.T) {
	e := newEngine(t, shop(t), analytics.Limits{})
	found, err := e.Query(t.Context(), analytics.Query{SQL: endless})
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	r := found.(*rows)
	r.stopWriting()
	<-r.ended
	if _, err := drain(r); errs.CodeOf(err) != "sql.died" {
		t.Errorf("the answer ends with %v", err)
	}
}

// TestFloodWaitsOrIsRefused: of four queries two run, one waits and one is
// refused; the one that waits runs when another has ended.
func TestFloodWaitsOrIsRefused(t *testing.T) {
	limits := analytics.Limits{AtOnce: 2, Waiting: 1}
	ended := make(chan string, 4)
	g := analytics.NewGate(newEngine(t, shop(t), limits), limits, time.Now, analytics.Observer{
		Ended: func(code string, _ time.Duration, _ int64) { ended <- code },
	})
	first, err := g.Query(t.Context(), analytics.Query{SQL: endless})
	if err != nil {
		t.Fatal(err)
	}
	second, err := g.Query(t.Context(), analytics.Query{SQL: endless})
	if err != nil {
		t.Fatal(err)
	}
	third := make(chan [][]string)
	go func() {
		defer close(third)
		_, got, err := ask(t, g, analytics.Query{SQL: "SELECT count(*) FROM events"})
		if err != nil {
			t.Error(err)
		}
		third <- got
	}()
	for running, waiting := g.Load(); running != 2 || waiting != 1; running, waiting = g.Load() {
		runtime.Gosched() // until the third is in the queue
	}
	_, err = g.Query(t.Context(), analytics.Query{SQL: "SELECT 1"})
	var again interface{ RetryAfter() time.Duration }
	if !errs.Is(err, errs.Exhausted) || !errors.As(err, &again) || again.RetryAfter() <= 0 {
		t.Errorf("the fourth ends with %v", err)
	}
	first.Close()
	if got := <-third; len(got) != 1 || got[0][0] != "4000" {
		t.Errorf("the third gives %v", got)
	}
	<-third
	second.Close()
	if running, waiting := g.Load(); running != 0 || waiting != 0 {
		t.Errorf("%d run and %d wait", running, waiting)
	}
	codes := []string{<-ended, <-ended, <-ended, <-ended}
	slices.Sort(codes)
	if want := []string{"canceled", "canceled", "ok", "sql.busy"}; !slices.Equal(codes, want) {
		t.Errorf("they ended %v, want %v", codes, want)
	}
}

// TestBrokenChildCostsItsQuery: what a child writes is believed as little as what
// a query says.
func TestBrokenChildCostsItsQuery(t *testing.T) {
	for _, command := range [][]string{{"/bin/false"}, {"/bin/echo", "not a frame, but long enough to be read as the head of one"}, {"/bin/cat"}} {
		e := newEngine(t, shop(t), analytics.Limits{Time: 5 * time.Second})
		e.opts.Command = command
		if _, _, err := ask(t, e, analytics.Query{SQL: "SELECT 1"}); err == nil {
			t.Errorf("%v answers", command)
		}
	}
	e := newEngine(t, shop(t), analytics.Limits{})
	e.opts.Command = []string{"/no/such/program"}
	if _, _, err := ask(t, e, analytics.Query{SQL: "SELECT 1"}); !errs.Is(err, errs.Unavailable) {
		t.Errorf("a program that is not there gives %v", err)
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte("C\x02\x00\x00\x00{}R\x03\x00\x00\x00\x02a\x00"), 2)
	f.Add([]byte("E\x02\x00\x00\x00{}"), 1)
	f.Add([]byte("R\xff\xff\xff\xff"), 3)
	f.Fuzz(func(t *testing.T, data []byte, columns int) {
		r := strings.NewReader(string(data))
		var buf []byte
		for {
			_, content, err := readFrame(r, buf)
			if err != nil {
				return
			}
			row := make([][]byte, min(max(columns, 1), 10))
			for rest := content; len(rest) > 0; {
				var err error
				if rest, err = readRow(rest, row); err != nil {
					break
				}
				total := 0
				for _, v := range row {
					total += len(v)
				}
				if total > len(content) {
					t.Fatal("values are longer than what they were read from")
				}
			}
			buf = content
		}
	})
}

var _ io.Closer = (*rows)(nil)
