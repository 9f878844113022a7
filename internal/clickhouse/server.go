// Package clickhouse is a connection to a ClickHouse server: statements, rows that
// go in under a token, and rows that come back as JSON. What is in the tables is
// the business of who uses it.
//
// Two transports do the same: the HTTP interface, and the native protocol of TCP,
// whose answers come in columns and whose statements end when the caller goes away.
//
// Every connection is dialled through internal/egress, so an internal address has
// to be allowed by the operator.
package clickhouse

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"kith/internal/egress"
	"kith/internal/errs"
)

// Config bounds the calls to a server.
type Config struct {
	Allow       []netip.Prefix // networks that may be reached although they are internal
	Timeout     time.Duration  // of a whole call, reading the answer included; 0: egress.DefaultTimeout
	AnswerBytes int64          // of an answer; 0: egress.DefaultAnswerBytes
}

// Setting is a setting of the server for one statement.
type Setting struct{ Name, Value string }

// Column is a column of an answer.
type Column struct{ Name, Type string }

// Rows is an answer that is being read. Whoever has it closes it.
type Rows interface {
	Columns() []Column
	// Next returns the values of the next row, which are valid until the next call;
	// io.EOF at the end. A value is JSON: integers of 64 bits and more, decimals,
	// and floats that are no numbers are texts, times are texts of ISO 8601 in UTC.
	Next() ([]json.RawMessage, error)
	// Close ends the statement, if it is still running.
	Close() error
}

// transport brings statements to a server. The errors are Refused where the server
// answers one. It is safe for concurrent use.
type transport interface {
	// do runs a statement that answers nothing.
	do(ctx context.Context, statement string, settings []Setting) error
	// insert puts rows, a JSON object of columns in each line, into a table, all of
	// them as one block.
	insert(ctx context.Context, table string, lines []byte, settings []Setting) error
	// query runs a statement that answers rows.
	query(ctx context.Context, statement string, settings []Setting) (Rows, error)
}

// Server is a connection to one server. It is safe for concurrent use.
type Server struct {
	loc  Location
	cfg  Config
	wire transport
}

// Open returns a connection. It asks nothing yet.
func Open(loc Location, cfg Config) *Server {
	c := egress.Config{Allow: cfg.Allow, Timeout: cfg.Timeout, AnswerBytes: cfg.AnswerBytes}
	// The operator has named the server: its port is whatever the address says.
	if u, err := url.Parse(loc.Endpoint); err == nil {
		if port, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
			c.Ports = []uint16{uint16(port)}
		}
	}
	guard := egress.New(c)
	if loc.native() {
		return &Server{loc, cfg, newNative(loc, guard, cfg)}
	}
	return &Server{loc, cfg, &overHTTP{loc, guard.Client(0)}}
}

// Location returns what the connection is to.
func (s *Server) Location() Location { return s.loc }

// In returns a connection to another database of the server.
func (s *Server) In(database string) *Server {
	loc := s.loc
	loc.Database = database
	return Open(loc, s.cfg)
}

// Do runs a statement that answers nothing, and returns when it is done. The error
// is what the program is told, with Refused in it where the server refuses.
func (s *Server) Do(ctx context.Context, statement string, settings ...Setting) error {
	return Classified(s.wire.do(ctx, statement, settings))
}

// Insert puts rows into a table, a JSON object of columns in each line: times as
// texts of RFC 3339. They are in the table when it returns, all or none; what is not
// named gets the type's zero, and a column that the table does not have, or a null
// where none can be, is an error. With a token, rows that come again under it are
// ignored, as long as the table's window of tokens reaches.
func (s *Server) Insert(ctx context.Context, table, token string, lines []byte, settings ...Setting) error {
	all := []Setting{
		{"async_insert", "0"},
		{"date_time_input_format", "best_effort"},
		{"input_format_parallel_parsing", "0"},    // one block, which the token names
		{"max_insert_block_size", "1048576"},      // as long as it may get
		{"input_format_skip_unknown_fields", "0"}, // a table of another form is an error
		{"input_format_null_as_default", "0"},     // so is a null where none can be
		{"input_format_defaults_for_omitted_fields", "0"},
	}
	if token != "" {
		all = append(all, Setting{"insert_deduplication_token", token}, Setting{"insert_deduplicate", "1"})
	}
	return Classified(s.wire.insert(ctx, table, lines, append(all, settings...)))
}

// Query runs a statement that answers rows. The error is Refused where the server
// refuses; Classified makes of it what the program is told.
func (s *Server) Query(ctx context.Context, statement string, settings ...Setting) (Rows, error) {
	all := []Setting{
		{"output_format_json_quote_64bit_integers", "1"},
		{"output_format_json_quote_decimals", "1"},
		{"output_format_json_quote_denormals", "1"},
		{"output_format_decimal_trailing_zeros", "1"},
		{"output_format_json_escape_forward_slashes", "0"},
		{"date_time_output_format", "iso"},
	}
	return s.wire.query(ctx, statement, append(all, settings...))
}

// Texts runs a statement and returns its rows, for answers that are short: a text as
// it is, and every other value as its JSON. The error is as that of Query.
func (s *Server) Texts(ctx context.Context, statement string, settings ...Setting) (out [][]string, err error) {
	rows, err := s.Query(ctx, statement, settings...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for {
		values, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		row := make([]string, len(values))
		for i, v := range values {
			if row[i] = string(v); len(v) > 0 && v[0] == '"' && json.Unmarshal(v, &row[i]) != nil {
				return nil, errAnswer()
			}
		}
		out = append(out, row)
	}
}

// CodeAnswer is the code of an answer that is not of the form that was asked for.
const CodeAnswer = "clickhouse.answer"

func errAnswer() error {
	return errs.New(errs.Unavailable, CodeAnswer, "what ClickHouse answers cannot be read")
}

// Refused is an error that the server answers.
type Refused struct {
	Code    int    // the server's number of it; 0 if it does not say
	Message string // may quote values
}

// Error implements error. The message is left out.
func (r *Refused) Error() string { return "ClickHouse refuses with code " + strconv.Itoa(r.Code) }

// Denied reports whether the server refuses the user, the password, or what the user
// may do.
func (r *Refused) Denied() bool {
	switch r.Code {
	case 192, 193, 194, 497, 516:
		return true
	}
	return false
}

// Classified is what the program is told of an error that it has not foreseen: of
// kind Denied or Unavailable where the server refuses, with Refused in it.
func Classified(err error) error {
	var r *Refused
	if !errors.As(err, &r) {
		return err
	}
	if r.Denied() {
		return errs.Wrap(r, errs.Denied, "clickhouse.denied", "ClickHouse refuses the user, the password, or what the user may do (code %d)", r.Code)
	}
	return errs.Wrap(r, errs.Unavailable, "clickhouse.refused", "ClickHouse refuses a statement of kith (code %d); its log has the reason", r.Code)
}
