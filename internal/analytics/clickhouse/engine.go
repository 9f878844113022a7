package clickhouse

import (
	"context"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"kith/internal/analytics"
	"kith/internal/clickhouse"
	"kith/internal/errs"
	"kith/internal/lake"
	"kith/internal/resource/form"
)

// Engine answers queries over the copy. It implements analytics.Engine and is safe
// for concurrent use.
type Engine struct {
	server *clickhouse.Server
	limits analytics.Limits
	judge  judge
	asOf   func(context.Context) time.Time
}

var _ analytics.Engine = (*Engine)(nil)

// NewEngine returns an engine. It asks nothing yet. asOf tells up to which moment
// the copy holds everything; nil where nobody knows.
func NewEngine(server *clickhouse.Server, limits analytics.Limits, asOf func(context.Context) time.Time) *Engine {
	if asOf == nil {
		asOf = func(context.Context) time.Time { return time.Time{} }
	}
	return &Engine{server: server, limits: limits.Filled(), judge: newJudge(), asOf: asOf}
}

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
func (e *Engine) Holds(ctx context.Context) (lake.MirrorRound, error) { return held(ctx, e.server) }

func (e *Engine) query(ctx context.Context, q analytics.Query) (*rows, error) {
	if q.Own == nil {
		if err := e.judged(ctx, q.SQL); err != nil {
			return nil, err
		}
	}
	asOf := e.asOf(ctx)
	settings := []clickhouse.Setting{
		{Name: "readonly", Value: "2"},
		{Name: "max_execution_time", Value: strconv.FormatFloat(e.limits.Time.Seconds(), 'f', 3, 64)},
		{Name: "max_memory_usage", Value: strconv.FormatInt(e.limits.MemoryBytes, 10)},
		{Name: "max_threads", Value: strconv.Itoa(e.limits.Threads)},
		{Name: "max_bytes_before_external_group_by", Value: "0"},
		{Name: "max_bytes_before_external_sort", Value: "0"},
	}
	if e.server.Location().Cluster != "" {
		settings = append(settings, sameReplica,
			clickhouse.Setting{Name: "skip_unavailable_shards", Value: "0"},       // an answer has all shards in it
			clickhouse.Setting{Name: "distributed_product_mode", Value: "global"}) // and what it joins with, too
	}
	if q.Own != nil { // it is as long and as deep as it needs to be
		for _, bound := range []string{"max_query_size", "max_ast_elements", "max_expanded_ast_elements", "max_ast_depth", "max_parser_depth"} {
			settings = append(settings, clickhouse.Setting{Name: bound, Value: strconv.Itoa(ownMax)})
		}
	}
	answer, err := e.server.Query(ctx, q.SQL, settings...)
	if err != nil {
		return nil, err
	}
	r := &rows{answer: answer, asOf: asOf}
	for _, c := range answer.Columns() {
		t := readType(c.Type)
		r.types = append(r.types, t)
		r.columns = append(r.columns, t.column(c.Name, c.Type))
	}
	r.row = make([][]byte, len(r.columns))
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
		tree, err := e.server.Texts(ctx, "EXPLAIN AST "+statement)
		if errs.CodeOf(err) == clickhouse.CodeAnswer { // the text asks for a form of its own
			return refuse("it has something in it that is not known")
		}
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
	var r *clickhouse.Refused
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return form.Refuse(errs.Invalid, "sql.time", "/query", aboutLimits[159])
	case ctx.Err() != nil:
		return errs.Wrap(ctx.Err(), errs.Unavailable, "sql.canceled", "the caller went away")
	case !errors.As(err, &r):
		return err
	case r.Code == 159:
		return form.Refuse(errs.Invalid, "sql.time", "/query", aboutLimits[159])
	case aboutLimits[r.Code] != "":
		return form.Refuse(errs.Invalid, analytics.CodeMemory, "/query", aboutLimits[r.Code])
	case aboutTheText[r.Code]:
		return form.Refuse(errs.Invalid, "sql.query", "/query", said(r.Message))
	case r.Code == 192 || r.Code == 193 || r.Code == 194 || r.Code == 516:
		return errs.New(errs.Denied, "clickhouse.denied", "ClickHouse refuses the user or the password")
	}
	return form.Refuse(errs.Invalid, "sql.failed", "/query", "the engine fails on this query (its code "+strconv.Itoa(r.Code)+"); a value may not have the form that a function takes")
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
	answer  clickhouse.Rows
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
	values, err := r.answer.Next()
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
		_ = r.answer.Close() // what was wanted of it has been read
	})
	return nil
}
