package duckdb

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"runtime"

	mapping "github.com/duckdb/duckdb-go-bindings"

	"kith/internal/analytics"
	"kith/internal/analytics/guard"
	"kith/internal/errs"
)

// Worker is the child's main: it reads one request from in, runs it and writes the
// answer to out. The process ends when in does, which is how it does not outlive
// its parent. Everything that fails is told as a frame; the error is that of
// writing.
func Worker(in io.Reader, out io.Writer) error {
	// The engine and every thread that it starts are children of this thread,
	// so what confines it confines them.
	runtime.LockOSThread()
	kind, content, err := readFrame(in, nil)
	if err != nil || kind != frameRequest {
		return errFrame
	}
	var req request
	if err := json.Unmarshal(content, &req); err != nil {
		return errFrame
	}
	go func() {
		_, _ = io.Copy(io.Discard, in)
		os.Exit(1)
	}()
	w := &worker{req: &req, out: bufio.NewWriterSize(out, 64<<10)}
	if err := w.serve(); err != nil {
		if err := writeJSON(w.out, frameError, asFailure(err)); err != nil {
			return err
		}
	}
	return w.out.Flush()
}

type worker struct {
	req *request
	out *bufio.Writer
	db  *database

	types []typ
	rows  []byte // of the frame that is being filled
	sent  int64  // rows
	bytes int64  // of values
	cut   analytics.Cut

	lacking []string // walls that this system does not have
}

// serve opens the engine, shuts process and engine off, and answers the request.
func (w *worker) serve() (err error) {
	if w.db, err = openDatabase(); err != nil {
		return err
	}
	if w.lacking, err = confine(w.req); err != nil {
		return err
	}
	if err := w.db.shutOff(w.req); err != nil {
		return err
	}
	return w.answer()
}

// answer judges the query and runs it.
func (w *worker) answer() error {
	verdict, err := w.judge()
	if err != nil {
		return err
	}
	var plain []string
	if w.req.Own != nil {
		plain = w.req.Own.Plain
	}
	if err := w.db.makeViews(w.req.Tables, verdict, plain); err != nil {
		return err
	}
	return w.run(verdict)
}

// judge returns what the query makes use of. One of the program's own is not
// judged.
func (w *worker) judge() (*guard.Verdict, error) {
	if own := w.req.Own; own != nil {
		return guard.Own(own.Tables, own.Columns), nil
	}
	if err := guard.Text(w.req.SQL); err != nil {
		return nil, err
	}
	tree, err := w.db.parse(w.req.SQL)
	if err != nil {
		return nil, err
	}
	return guard.Judge(tree, w.catalog())
}

// catalog is what the guard lets a query name.
func (w *worker) catalog() guard.Catalog {
	out := guard.Catalog{}
	for i := range w.req.Tables {
		t := &w.req.Tables[i]
		out[t.Name] = t.shown()
	}
	return out
}

// run executes the query that the guard has let through.
func (w *worker) run(verdict *guard.Verdict) error {
	var stmt mapping.PreparedStatement
	defer mapping.DestroyPrepare(&stmt)
	if mapping.Prepare(w.db.conn, w.req.SQL, &stmt) == mapping.StateError {
		return engineError(mapping.PrepareError(stmt), false)
	}
	if mapping.PreparedStatementType(stmt) != mapping.StatementTypeSelect || mapping.NParams(stmt) != 0 {
		return errs.New(errs.Invalid, guard.CodeOneSelect, "only SELECT is allowed")
	}
	if err := w.heading(stmt, verdict); err != nil {
		return err
	}
	var pending mapping.PendingResult
	defer mapping.DestroyPending(&pending)
	if mapping.PendingPreparedStreaming(stmt, &pending) == mapping.StateError {
		return engineError(mapping.PendingError(pending), true)
	}
	var res mapping.Result
	defer mapping.DestroyResult(&res)
	if mapping.ExecutePending(pending, &res) == mapping.StateError {
		return engineError(mapping.ResultError(&res), true)
	}
	if err := w.stream(&res); err != nil {
		return err
	}
	return writeJSON(w.out, frameEnd, ending{Cut: w.cut})
}

// heading tells the columns, which are known before anything is computed.
func (w *worker) heading(stmt mapping.PreparedStatement, verdict *guard.Verdict) error {
	head := heading{Tables: verdict.Tables, Lacking: w.lacking}
	for i := range mapping.PreparedStatementColumnCount(stmt) {
		logical := mapping.PreparedStatementColumnLogicalType(stmt, i)
		t := readType(logical)
		mapping.DestroyLogicalType(&logical)
		name := mapping.PreparedStatementColumnName(stmt, i)
		if !t.supported() {
			return errs.New(errs.Invalid, guard.CodeType, "column %d has a type that cannot be answered; cast it to VARCHAR", i+1)
		}
		w.types = append(w.types, t)
		head.Columns = append(head.Columns, t.column(name))
	}
	if err := writeJSON(w.out, frameColumns, head); err != nil {
		return err
	}
	return w.out.Flush()
}

// stream sends rows until there are no more or a limit is reached.
func (w *worker) stream(res *mapping.Result) error {
	for w.cut == analytics.Whole {
		chunk := mapping.FetchChunk(*res)
		if chunk.Ptr == nil {
			if message := mapping.ResultError(res); message != "" {
				return engineError(message, true)
			}
			break
		}
		err := w.chunk(chunk)
		mapping.DestroyDataChunk(&chunk)
		if err != nil {
			return err
		}
	}
	return w.flush()
}

func (w *worker) chunk(chunk mapping.DataChunk) error {
	vectors := make([]vector, len(w.types))
	for i := range vectors {
		vectors[i] = readVector(&w.types[i], mapping.DataChunkGetVector(chunk, mapping.IdxT(i)))
	}
	var value []byte
	for row := range int(mapping.DataChunkGetSize(chunk)) {
		if w.sent >= w.req.Rows {
			w.cut = analytics.CutRows
			return nil
		}
		if w.bytes >= w.req.AnswerBytes {
			w.cut = analytics.CutBytes
			return nil
		}
		from := len(w.rows)
		for i := range vectors {
			v := &vectors[i]
			value = value[:0]
			null := v.null(row)
			if !null {
				value = v.text(value, row)
			}
			if len(w.rows)-from+len(value) > rowBytesMax {
				return errs.New(errs.Exhausted, "sql.row_too_large", "a row has more than %d bytes; select less of it", rowBytesMax)
			}
			w.rows = appendValue(w.rows, value, null)
		}
		w.sent++
		w.bytes += int64(len(w.rows) - from)
		if len(w.rows) > frameRowsBytes {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush sends the rows that are there, so that nothing waits for more.
func (w *worker) flush() error {
	if len(w.rows) == 0 {
		return nil
	}
	if err := writeFrame(w.out, frameRows, w.rows); err != nil {
		return err
	}
	w.rows = w.rows[:0]
	return w.out.Flush()
}
