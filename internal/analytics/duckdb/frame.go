package duckdb

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"

	"kith/internal/analytics"
)

// The frames between the two processes: a byte for the kind, four for the length
// (little endian), the content. The parent sends one request; the child answers
// with columns, rows and an end, or with an error at any place.
const (
	frameRequest = 'Q' // request
	frameColumns = 'C' // heading
	frameRows    = 'R' // rows, see appendValue
	frameEnd     = 'Z' // ending
	frameError   = 'E' // failure
)

// Sizes. A frame of rows is sent when it has grown over frameRowsBytes.
const (
	frameHeadBytes = 5
	frameBytesMax  = 80 << 20
	frameRowsBytes = 128 << 10
	rowBytesMax    = 64 << 20
)

// request is what the child is asked.
type request struct {
	SQL         string  `json:"sql"`
	Own         *own    `json:"own,omitempty"`
	Tables      []table `json:"tables"`
	MemoryBytes int64   `json:"memory_bytes"`
	Seconds     int64   `json:"seconds"`
	Threads     int     `json:"threads"`
	Rows        int64   `json:"rows"`
	AnswerBytes int64   `json:"answer_bytes"`
}

// own is what a query of the program's own makes use of.
type own struct {
	Tables  []string `json:"tables"`
	Columns []string `json:"columns"`
	Plain   []string `json:"plain"` // columns of properties: a file that lacks one has no such value
}

// table is a table as a query may see it.
type table struct {
	Name    string   `json:"name"`
	Mutable bool     `json:"mutable"`
	Key     []string `json:"key"`
	Columns []column `json:"columns"`
	Files   []file   `json:"files"`
	// LeftOut says that the files were not brought here, as the query does not name
	// the table.
	LeftOut bool `json:"left_out,omitempty"`
}

// column is one of its columns. Type is the engine's; Shown is the expression that
// stands in its place, unless it is the column itself.
type column struct {
	Name   string  `json:"name"`
	Type   string  `json:"type"`
	Shown  *string `json:"shown,omitempty"`
	Joined bool    `json:"joined,omitempty"` // of events: comes through identifiers
	Typed  bool    `json:"typed,omitempty"`  // a property that some files have as a column
}

// file is one of a table's files. Typed are the columns of properties that it has.
type file struct {
	Path  string   `json:"path"` // absolute
	Typed []string `json:"typed,omitempty"`
	Base  bool     `json:"base,omitempty"` // of a mutable table: no key comes twice in such files, and others are newer
}

// heading comes before the rows.
type heading struct {
	Columns []analytics.Column `json:"columns"`
	Tables  []string           `json:"tables"`            // that the query uses
	Lacking []string           `json:"lacking,omitempty"` // walls around the child that this system does not have
}

// ending comes behind them.
type ending struct {
	Cut analytics.Cut `json:"cut"`
}

// failure is an error of the child. Kind is that of errs.
type failure struct {
	Kind   string `json:"kind"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	At     int    `json:"at"` // where in the text of the query, in bytes; negative if not known
	// Stale asks to read the lake's lists again, since a file of them is gone.
	Stale bool `json:"stale,omitempty"`
}

// Error implements error.
func (f *failure) Error() string { return f.Code + ": " + f.Detail }

func writeFrame(w io.Writer, kind byte, content []byte) error {
	var head [frameHeadBytes]byte
	head[0] = kind
	binary.LittleEndian.PutUint32(head[1:], uint32(len(content)))
	if _, err := w.Write(head[:]); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}

func writeJSON(w io.Writer, kind byte, v any) error {
	content, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeFrame(w, kind, content)
}

var errFrame = errors.New("the worker's answer cannot be read")

// readFrame reads a frame into buf, which grows with what really comes.
func readFrame(r io.Reader, buf []byte) (kind byte, content []byte, err error) {
	var head [frameHeadBytes]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, buf, err
	}
	size := int(binary.LittleEndian.Uint32(head[1:]))
	if size > frameBytesMax {
		return 0, buf, errFrame
	}
	content = buf[:0]
	for len(content) < size {
		step := min(size-len(content), max(frameRowsBytes, len(content)))
		from := len(content)
		content = append(content, make([]byte, step)...)
		if _, err := io.ReadFull(r, content[from:]); err != nil {
			return 0, content, io.ErrUnexpectedEOF
		}
	}
	return head[0], content, nil
}

// appendValue adds a value to a row: its length and one, then its bytes; zero is
// NULL.
func appendValue(dst, value []byte, null bool) []byte {
	if null {
		return append(dst, 0)
	}
	dst = binary.AppendUvarint(dst, uint64(len(value))+1)
	return append(dst, value...)
}

// readRow cuts a row of n values off content.
func readRow(content []byte, row [][]byte) (rest []byte, err error) {
	for i := range row {
		size, n := binary.Uvarint(content)
		if n <= 0 || size > 0 && size-1 > uint64(len(content)-n) {
			return nil, errFrame
		}
		content = content[n:]
		row[i] = nil
		if size > 0 {
			row[i], content = content[:size-1:size-1], content[size-1:]
		}
	}
	return content, nil
}
