// Package encode writes the answers of queries: as one JSON document, as lines of
// JSON, as CSV for spreadsheets, and as a stream of Apache Arrow. All of them
// stream; what was written before an error is not a whole answer and does not
// look like one.
package encode

import (
	"errors"
	"io"

	"kith/internal/analytics"
)

// Format is a form of an answer.
type Format string

// The formats, by the names that the command line has for them.
const (
	JSON   Format = "json"
	NDJSON Format = "ndjson"
	CSV    Format = "csv"
	Arrow  Format = "arrow"
)

// Formats lists them with their media types.
func Formats() []Format { return []Format{JSON, NDJSON, CSV, Arrow} }

// MediaType returns the media type of a format.
func (f Format) MediaType() string {
	switch f {
	case NDJSON:
		return "application/x-ndjson"
	case CSV:
		return "text/csv"
	case Arrow:
		return "application/vnd.apache.arrow.stream"
	}
	return "application/json"
}

// encoder writes an answer piece by piece.
type encoder interface {
	begin(columns []analytics.Column) error
	row(values [][]byte) error
	end(rows analytics.Rows) error
}

// Write writes a whole answer. It does not close rows.
func Write(w io.Writer, f Format, rows analytics.Rows) error {
	e := newEncoder(w, f)
	if err := e.begin(rows.Columns()); err != nil {
		return err
	}
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return e.end(rows)
		}
		if err != nil {
			return err
		}
		if err := e.row(row); err != nil {
			return err
		}
	}
}

func newEncoder(w io.Writer, f Format) encoder {
	switch f {
	case NDJSON:
		return &lines{w: w}
	case CSV:
		return &table{w: w}
	case Arrow:
		return &stream{w: w}
	}
	return &document{w: w}
}
