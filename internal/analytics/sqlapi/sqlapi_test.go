package sqlapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"kith/internal/analytics"
	"kith/internal/analytics/encode"
	"kith/internal/errs"
	"kith/internal/resource/form"
	"kith/internal/route"
	"kith/internal/sys"
)

// counter is an engine that answers n rows of numbers, and then an error unless
// that is nil.
type counter struct {
	asked   string
	n       int
	cut     analytics.Cut
	refused error
	failed  error
	closed  chan bool // told once for each call of Close
}

func (c *counter) Query(_ context.Context, q analytics.Query) (analytics.Rows, error) {
	c.asked = q.SQL
	if c.refused != nil {
		return nil, c.refused
	}
	return &count{counter: c}, nil
}

type count struct {
	*counter
	at int
}

func (c *count) Columns() []analytics.Column {
	return []analytics.Column{{Name: "n", Type: "BIGINT", Kind: analytics.Integer, Bits: 64}}
}
func (c *count) Cut() analytics.Cut { return c.cut }
func (c *count) AsOf() time.Time    { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
func (c *count) Close() error       { c.closed <- true; return nil }

func (c *count) Next() ([][]byte, error) {
	if c.at == c.n {
		if c.failed != nil {
			return nil, c.failed
		}
		return nil, io.EOF
	}
	c.at++
	return [][]byte{strconv.AppendInt(nil, int64(c.at), 10)}, nil
}

type anybody struct{}

func (anybody) Authenticate(context.Context, string) (route.Principal, error) {
	return route.Principal{Key: route.ReadKey}, nil
}

func server(t *testing.T, engine analytics.Engine) *httptest.Server {
	t.Helper()
	mux, err := route.Mux(Routes(engine), anybody{}, route.Options{Rand: sys.Seeded(1), Clock: sys.Wall()})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func post(t *testing.T, s *httptest.Server, body, accept string) (*http.Response, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/v1/sql", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer x")
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	return res, string(data), err
}

const question = `{"query":"SELECT n\nFROM \"events\""}`

func TestFormsOfAnAnswer(t *testing.T) {
	for accept, want := range map[string][2]string{
		"":                     {"application/json", "{\"columns\":[{\"name\":\"n\",\"type\":\"BIGINT\"}],\"data\":[\n{\"n\":1},\n{\"n\":2}],\n\"rows\":2,\"truncated\":false,\"as_of\":\"2026-01-02T03:04:05.000Z\"}\n"},
		"*/*":                  {"application/json", ""},
		"application/x-ndjson": {"application/x-ndjson", "{\"n\":1}\n{\"n\":2}\n"},
		"text/csv":             {"text/csv; charset=utf-8; header=present", "n\r\n1\r\n2\r\n"},
		"text/html, text/csv;q=0.5, application/json;q=0.1": {"text/csv; charset=utf-8; header=present", "n\r\n1\r\n2\r\n"},
		"application/vnd.apache.arrow.stream":               {"application/vnd.apache.arrow.stream", ""},
	} {
		c := &counter{n: 2, closed: make(chan bool, 9)}
		res, body, err := post(t, server(t, c), question, accept)
		if err != nil || res.StatusCode != 200 || res.Header.Get("Content-Type") != want[0] || want[1] != "" && body != want[1] {
			t.Errorf("%q: %d %s %q, %v", accept, res.StatusCode, res.Header.Get("Content-Type"), body, err)
		}
		if res.Header.Get(AsOfHeader) != "2026-01-02T03:04:05.000Z" || res.Header.Get(TruncatedHeader) != "" || !<-c.closed || c.asked != "SELECT n\nFROM \"events\"" {
			t.Errorf("%q: %v, asked %q", accept, res.Header, c.asked)
		}
	}
}

func TestRefusals(t *testing.T) {
	refused := form.Refuse(errs.Invalid, "sql.table", "/query", "line 1, column 2: there is no table")
	for _, c := range []struct {
		body, accept string
		refused      error
		failed       error
		n            int
		status       int
		code         string
	}{
		{question, "text/html", nil, nil, 1, 406, route.CodeAccept},
		{`{"query":1}`, "", nil, nil, 1, 422, "form.refused"}, {`{}`, "", nil, nil, 1, 422, "form.refused"}, {`{"query":"x","more":1}`, "", nil, nil, 1, 422, "form.refused"}, {`[`, "", nil, nil, 1, 400, "json.syntax"},
		{question, "", refused, nil, 1, 422, "sql.table"},
		{question, "", errs.New(errs.Exhausted, "sql.busy", "busy"), nil, 1, 429, "sql.busy"},
		{question, "", errs.New(errs.Unavailable, "sql.engine", "none"), nil, 1, 503, "sql.engine"},
		{question, "", nil, refused, 1000, 422, "sql.table"}, // fails after its first rows, of which nothing is out yet
		{question, "text/csv", nil, refused, 1000, 422, "sql.table"},
	} {
		res, body, err := post(t, server(t, &counter{n: c.n, refused: c.refused, failed: c.failed, closed: make(chan bool, 9)}), c.body, c.accept)
		var p route.Problem
		if err != nil || json.Unmarshal([]byte(body), &p) != nil || res.StatusCode != c.status || p.Code != c.code || res.Header.Get("Content-Type") != route.ProblemType {
			t.Errorf("%s: %d %s, %v; want %d %s", c.body, res.StatusCode, body, err, c.status, c.code)
		}
	}
}

// TestLongAnswersStream: what cut them short stands in a trailer, and one that
// fails in its middle does not end as a whole one does.
func TestLongAnswersStream(t *testing.T) {
	c := &counter{n: 300_000, cut: analytics.CutRows, closed: make(chan bool, 9)}
	res, body, err := post(t, server(t, c), question, encode.NDJSON.MediaType())
	if err != nil || strings.Count(body, "\n") != c.n || res.Trailer.Get(TruncatedHeader) != "rows" {
		t.Errorf("%d lines, %v, %v", strings.Count(body, "\n"), res.Trailer, err)
	}
	c = &counter{n: 10, cut: analytics.CutBytes, closed: make(chan bool, 9)}
	if res, _, err = post(t, server(t, c), question, encode.NDJSON.MediaType()); err != nil || res.Header.Get(TruncatedHeader) != "bytes" {
		t.Errorf("%v, %v", res.Header, err)
	}
	c = &counter{n: 300_000, failed: errors.New("broken"), closed: make(chan bool, 9)}
	if res, _, err = post(t, server(t, c), question, encode.NDJSON.MediaType()); err == nil {
		t.Errorf("a broken answer ends well: %v", res.Header)
	}
	<-c.closed // the query is ended too
}
