package clickhouse

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"kith/internal/analytics"
	"kith/internal/egress"
	"kith/internal/errs"
	"kith/internal/lake"
	"kith/internal/resource/form"
)

// Engine answers queries over the copy. It implements analytics.Engine and is safe
// for concurrent use.
type Engine struct {
	server server
	limits analytics.Limits
	judge  judge
	asOf   func(context.Context) time.Time
}

var _ analytics.Engine = (*Engine)(nil)

// NewEngine returns an engine. It asks nothing yet. asOf tells up to which moment
// the copy holds everything; nil where nobody knows.
func NewEngine(loc Location, client *http.Client, limits analytics.Limits, asOf func(context.Context) time.Time) *Engine {
	if asOf == nil {
		asOf = func(context.Context) time.Time { return time.Time{} }
	}
	return &Engine{server: server{loc, client}, limits: limits.Filled(), judge: newJudge(), asOf: asOf}
}

// rowBytesMax bounds a row of an answer.
const rowBytesMax = 64 << 20

// ownMax bounds the text and the parts of a query of the program's own.
const ownMax = 100_000_000

// Query implements analytics.Engine.
func (e *Engine) Query(ctx context.Context, q analytics.Query) (analytics.Rows, error) {
	if len(q.Policy) > 0 {
		return nil, errs.New(errs.Unavailable, "sql.policy", "columns that are shown in another way are not supported by ClickHouse")
	}
	ctx, stop := context.WithTimeout(ctx, e.limits.Time)
	rows, err := e.query(ctx, q)
	if err != nil {
		err = e.public(ctx, err)
		stop()
		return nil, err
	}
	rows.engine, rows.stop, rows.ctx = e, stop, ctx
	return rows, nil
}

// Holds tells what the copy holds. The error is of kind Unavailable while there is
// none.
func (e *Engine) Holds(ctx context.Context) (lake.MirrorRound, error) { return e.server.round(ctx) }

func (e *Engine) query(ctx context.Context, q analytics.Query) (*rows, error) {
	if q.Own == nil {
		if err := e.judged(ctx, q.SQL); err != nil {
			return nil, err
		}
	}
	asOf := e.asOf(ctx)
	settings := [][2]string{
		{"default_format", "JSONCompactEachRowWithNamesAndTypes"},
		{"readonly", "2"},
		{"max_execution_time", strconv.FormatFloat(e.limits.Time.Seconds(), 'f', 3, 64)},
		{"max_memory_usage", strconv.FormatInt(e.limits.MemoryBytes, 10)},
		{"max_threads", strconv.Itoa(e.limits.Threads)},
		{"max_bytes_before_external_group_by", "0"},
		{"max_bytes_before_external_sort", "0"},
		{"cancel_http_readonly_queries_on_client_close", "1"},
		{"output_format_json_quote_64bit_integers", "1"},
		{"output_format_json_quote_decimals", "1"},
		{"output_format_json_quote_denormals", "1"},
		{"output_format_decimal_trailing_zeros", "1"},
		{"output_format_json_escape_forward_slashes", "0"},
		{"date_time_output_format", "iso"},
	}
	if q.Own != nil { // it is as long and as deep as it needs to be
		for _, bound := range []string{"max_query_size", "max_ast_elements", "max_expanded_ast_elements", "max_ast_depth", "max_parser_depth"} {
			settings = append(settings, [2]string{bound, strconv.Itoa(ownMax)})
		}
	}
	body, err := e.server.ask(ctx, q.SQL, nil, settings...)
	if err != nil {
		return nil, err
	}
	r := &rows{body: body, in: bufio.NewReaderSize(body, 256<<10), asOf: asOf}
	if err := r.head(); err != nil {
		return nil, errors.Join(err, body.Close())
	}
	return r, nil
}

// judged lets the server read a query and judges what it has read.
func (e *Engine) judged(ctx context.Context, sql string) error {
	if strings.TrimSpace(sql) == "" {
		return form.Refuse(errs.Invalid, "sql.empty", "/query", "the query is empty")
	}
	// As it stands, and as a table of another query: what ends a query and begins
	// something else, such as a format or a file, cannot stand there.
	for _, statement := range []string{sql, "SELECT * FROM (" + sql + "\n)"} {
		tree, err := e.server.rows(ctx, "EXPLAIN AST "+statement)
		if err != nil {
			return err
		}
		if err := e.judge.tree(tree); err != nil {
			return err
		}
	}
	return nil
}

var (
	serverNumber = regexp.MustCompile(`^Code: [0-9]+\. `)
	serverTail   = regexp.MustCompile(`(?s)\s*\((official|version) .*$| \([A-Z_]+\)\s*$`)
	serverPlace  = regexp.MustCompile(`failed at position ([0-9]+)[^:]*: (\(line ([0-9]+), col ([0-9]+)\))?`)
)

// What the server says of queries, by its numbers of errors: of their form, and of
// limits. Everything else may quote values and is told in our own words.
var (
	aboutTheText = map[int]bool{
		62: true, 47: true, 46: true, 60: true, 16: true, 43: true, 42: true, 215: true, 184: true, 179: true, 35: true, 63: true,
		183: true, 36: true, 386: true, 153: false, 53: true, 48: true,
	}
	aboutLimits = map[int]string{
		159: "the query takes longer than it may; filter by timestamp, or ask for less at once",
		241: "the query needs more memory than it may have; filter earlier, group by less, or sort fewer columns",
		307: "the query reads more than it may; filter earlier", 158: "the query reads more than it may; filter earlier",
	}
)

// public is an error as the caller is told it.
func (e *Engine) public(ctx context.Context, err error) error {
	var r *refused
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return form.Refuse(errs.Invalid, "sql.time", "/query", aboutLimits[159])
	case ctx.Err() != nil:
		return errs.Wrap(ctx.Err(), errs.Unavailable, "sql.canceled", "the caller went away")
	case !errors.As(err, &r):
		return err
	case r.code == 159:
		return form.Refuse(errs.Invalid, "sql.time", "/query", aboutLimits[159])
	case aboutLimits[r.code] != "":
		return form.Refuse(errs.Invalid, analytics.CodeMemory, "/query", aboutLimits[r.code])
	case aboutTheText[r.code]:
		return form.Refuse(errs.Invalid, "sql.query", "/query", said(r.message))
	case r.code == 192 || r.code == 193 || r.code == 194 || r.code == 516:
		return errs.New(errs.Denied, "clickhouse.denied", "ClickHouse refuses the user or the password")
	}
	return form.Refuse(errs.Invalid, "sql.failed", "/query", "the engine fails on this query (its code "+strconv.Itoa(r.code)+"); a value may not have the form that a function takes")
}

// said is the server's sentence about the text of a query, without its numbers and
// without the text itself.
func said(message string) string {
	message = serverNumber.ReplaceAllString(strings.TrimSpace(message), "")
	message = strings.TrimPrefix(message, "DB::Exception: ")
	if at := serverPlace.FindStringSubmatch(message); at != nil {
		if at[3] != "" {
			return "line " + at[3] + ", column " + at[4] + ": the query cannot be read from here on"
		}
		return "the query cannot be read from its character " + at[1] + " on"
	}
	message = serverTail.ReplaceAllString(message, "")
	if cut := strings.Index(message, ": While processing"); cut > 0 {
		message = message[:cut]
	}
	if cut := strings.Index(message, " In scope "); cut > 0 {
		message = message[:cut]
	}
	if len(message) > 500 {
		message = message[:500]
	}
	return strings.ToValidUTF8(message, "")
}

// rows is an answer that is being read.
type rows struct {
	engine  *Engine
	ctx     context.Context
	stop    context.CancelFunc
	body    io.ReadCloser
	in      *bufio.Reader
	columns []analytics.Column
	types   []typ
	row     [][]byte
	asOf    time.Time
	read    int64
	bytes   int64
	cut     analytics.Cut
	done    error
	once    sync.Once
}

// line reads one line; io.EOF at the end.
func (r *rows) line() ([]json.RawMessage, error) {
	var whole []byte
	for {
		part, err := r.in.ReadSlice('\n')
		whole = append(whole, part...)
		if len(whole) > rowBytesMax {
			return nil, errs.New(errs.Exhausted, "sql.row_too_large", "a row has more than %d bytes; select less of it", rowBytesMax)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if errors.Is(err, io.EOF) && len(bytes.TrimSpace(whole)) == 0 {
			return nil, io.EOF
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, egress.Plain(err)
		}
		break
	}
	if len(bytes.TrimSpace(whole)) == 0 {
		return r.line()
	}
	var values []json.RawMessage
	if json.Unmarshal(whole, &values) != nil {
		return nil, r.broken(whole)
	}
	return values, nil
}

var exceptionCode = regexp.MustCompile(`Code: ([0-9]+)\. DB::Exception`)

// broken is what a line tells that is no row: the server writes an error there when
// it has begun to answer.
func (r *rows) broken(line []byte) error {
	rest, _ := io.ReadAll(io.LimitReader(r.in, 64<<10)) // what can be had of it
	message := string(line) + string(rest)
	if at := exceptionCode.FindStringSubmatchIndex(message); at != nil {
		code, _ := strconv.Atoi(message[at[2]:at[3]]) // it is digits
		return &refused{http.StatusOK, code, message[at[0]:]}
	}
	return errs.New(errs.Unavailable, "sql.answer", "the engine's answer cannot be read")
}

// head reads the names and types.
func (r *rows) head() error {
	names, err := r.line()
	if err != nil {
		return err
	}
	types, err := r.line()
	if err != nil {
		return err
	}
	if len(names) != len(types) {
		return errs.New(errs.Unavailable, "sql.answer", "the engine's answer cannot be read")
	}
	for i := range names {
		var name, engineType string
		if json.Unmarshal(names[i], &name) != nil || json.Unmarshal(types[i], &engineType) != nil {
			return errs.New(errs.Unavailable, "sql.answer", "the engine's answer cannot be read")
		}
		t := readType(engineType)
		r.types = append(r.types, t)
		r.columns = append(r.columns, t.column(name, engineType))
	}
	r.row = make([][]byte, len(r.columns))
	return nil
}

// Columns implements analytics.Rows.
func (r *rows) Columns() []analytics.Column { return r.columns }

// Cut implements analytics.Rows.
func (r *rows) Cut() analytics.Cut { return r.cut }

// AsOf implements analytics.Rows.
func (r *rows) AsOf() time.Time { return r.asOf }

// Next implements analytics.Rows.
func (r *rows) Next() ([][]byte, error) {
	if r.done != nil {
		return nil, r.done
	}
	values, err := r.line()
	if err == nil && len(values) != len(r.row) {
		err = errs.New(errs.Unavailable, "sql.answer", "the engine's answer cannot be read")
	}
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		r.done = r.engine.public(r.ctx, err)
	case err != nil:
		r.done = io.EOF
	case r.read >= r.engine.limits.Rows:
		r.cut, r.done = analytics.CutRows, io.EOF
	case r.bytes >= r.engine.limits.AnswerBytes:
		r.cut, r.done = analytics.CutBytes, io.EOF
	}
	if r.done != nil {
		return nil, r.done
	}
	r.read++
	for i, v := range values {
		if r.row[i], err = r.types[i].value(v); err != nil {
			r.done = err
			return nil, err
		}
		r.bytes += int64(len(r.row[i]))
	}
	return r.row, nil
}

// Close implements analytics.Rows.
func (r *rows) Close() error {
	r.once.Do(func() {
		r.stop()
		_ = r.body.Close() // the server ends the query when nobody listens
	})
	return nil
}
