package clickhouse

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"

	"kith/internal/egress"
	"kith/internal/errs"
)

// rowBytesMax bounds a row of an answer.
const rowBytesMax = 64 << 20

// overHTTP speaks the HTTP interface.
type overHTTP struct {
	loc  Location
	http *http.Client
}

// ask sends a statement with settings and returns the answer's body. With content
// the statement is a parameter and the content the body.
func (h *overHTTP) ask(ctx context.Context, statement string, content []byte, settings []Setting) (io.ReadCloser, error) {
	query := url.Values{"database": {h.loc.Database}}
	for _, set := range settings {
		query.Set(set.Name, set.Value)
	}
	body := []byte(statement)
	if content != nil {
		query.Set("query", statement)
		body = content
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.loc.Endpoint+"/?"+query.Encode(), bytes.NewReader(body))
	if err != nil {
		return nil, errs.Wrap(err, errs.Internal, "clickhouse.request", "the request cannot be made")
	}
	req.Header.Set("X-ClickHouse-User", h.loc.User)
	req.Header.Set("X-ClickHouse-Key", h.loc.Password)
	resp, err := egress.Do(h.http, req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	message, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, egress.Plain(err)
	}
	code, _ := strconv.Atoi(resp.Header.Get("X-ClickHouse-Exception-Code")) // 0 if it does not say
	return nil, &Refused{code, string(message)}
}

// finish sends a statement and waits for its end.
func (h *overHTTP) finish(ctx context.Context, statement string, content []byte, settings []Setting) error {
	body, err := h.ask(ctx, statement, content, settings)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, body)
	return egress.Plain(errors.Join(err, body.Close()))
}

func (h *overHTTP) do(ctx context.Context, statement string, settings []Setting) error {
	return h.finish(ctx, statement, nil, settings)
}

func (h *overHTTP) insert(ctx context.Context, table string, lines []byte, settings []Setting) error {
	if lines == nil {
		lines = []byte{}
	}
	return h.finish(ctx, "INSERT INTO "+Name(table)+" FORMAT JSONEachRow", lines, settings)
}

func (h *overHTTP) query(ctx context.Context, statement string, settings []Setting) (Rows, error) {
	body, err := h.ask(ctx, statement, nil, append(settings,
		Setting{"default_format", "JSONCompactEachRowWithNamesAndTypes"},
		Setting{"cancel_http_readonly_queries_on_client_close", "1"}))
	if err != nil {
		return nil, err
	}
	r := &lines{body: body, in: bufio.NewReaderSize(body, 256<<10)}
	if err := r.head(); err != nil {
		return nil, errors.Join(err, body.Close())
	}
	return r, nil
}

// lines is an answer of a JSON array in each line: the names, the types, and rows.
type lines struct {
	body    io.ReadCloser
	in      *bufio.Reader
	columns []Column
}

// line reads one line; io.EOF at the end.
func (r *lines) line() ([]json.RawMessage, error) {
	var whole []byte
	for {
		part, err := r.in.ReadSlice('\n')
		whole = append(whole, part...)
		if len(whole) > rowBytesMax {
			return nil, errRow()
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

func errRow() error {
	return errs.New(errs.Exhausted, "sql.row_too_large", "a row has more than %d bytes; select less of it", rowBytesMax)
}

var exceptionCode = regexp.MustCompile(`Code: ([0-9]+)\. DB::Exception`)

// broken is what a line tells that is no row: the server writes an error there when
// it has begun to answer.
func (r *lines) broken(line []byte) error {
	rest, _ := io.ReadAll(io.LimitReader(r.in, 64<<10)) // what can be had of it
	message := string(line) + string(rest)
	if at := exceptionCode.FindStringSubmatchIndex(message); at != nil {
		code, _ := strconv.Atoi(message[at[2]:at[3]]) // it is digits
		return &Refused{code, message[at[0]:]}
	}
	return errAnswer()
}

// head reads the names and types.
func (r *lines) head() error {
	names, err := r.line()
	if err != nil {
		return noEnd(err)
	}
	types, err := r.line()
	if err != nil {
		return noEnd(err)
	}
	if len(names) != len(types) {
		return errAnswer()
	}
	r.columns = make([]Column, len(names))
	for i := range names {
		if json.Unmarshal(names[i], &r.columns[i].Name) != nil || json.Unmarshal(types[i], &r.columns[i].Type) != nil {
			return errAnswer()
		}
	}
	return nil
}

// noEnd is an error where the end would be one.
func noEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return errAnswer()
	}
	return err
}

// Columns implements Rows.
func (r *lines) Columns() []Column { return r.columns }

// Next implements Rows.
func (r *lines) Next() ([]json.RawMessage, error) {
	values, err := r.line()
	if err == nil && len(values) != len(r.columns) {
		err = errAnswer()
	}
	return values, err
}

// Close implements Rows. The server ends the statement when nobody listens.
func (r *lines) Close() error {
	_ = r.body.Close() // what it says of an answer that was not read to its end tells nothing
	return nil
}
