// Package analytics is the port to the engine that answers analysts' queries over
// the open tables: one read-only SQL query in, typed rows out. It bounds how many
// run at once. What a query may say, the engine decides.
package analytics

import (
	"context"
	"io"
	"time"
)

// Query is one question.
type Query struct {
	SQL string
	// Own is set for a query that the program has written itself: it is not judged,
	// and may be as long as it needs to be.
	Own *Own
	// Policy says how columns are shown; the zero Policy shows all as they are.
	Policy Policy
}

// Own is what a query of the program's own makes use of.
type Own struct {
	Tables  []string
	Columns []string // those that views leave out unless they are named: today's profile and typed properties
	Plain   []string // paths of properties of which typed columns must tell everything; else the query is refused
}

// Policy maps tables and columns (lower case) to the SQL expression that a query
// sees in a column's place, such as a mask. The expression may use the table's own
// columns. It is part of the program or of an operator's configuration, never of a
// query. The empty expression hides the column. What the policy says holds before
// anything that a query does.
type Policy map[string]map[string]string

// CodeMemory is the code of what needs more memory than a query may have.
const CodeMemory = "sql.memory"

// Kind is how a column's values are written.
type Kind uint8

// The kinds. A value is a text in each of them.
const (
	Text    Kind = iota // any UTF-8
	Bool                // true or false
	Integer             // decimal digits with or without a minus, of any length
	Decimal             // an integer with or without a fraction, exact
	Float               // the shortest form that reads back the same; NaN, Infinity, -Infinity
	Time                // RFC 3339 in UTC with milliseconds; infinity and -infinity
	Date                // 2006-01-02; infinity and -infinity
	JSON                // one JSON value
	Bytes               // base64
)

// Column describes a column of an answer.
type Column struct {
	Name string
	Type string // the engine's name of the type, such as DECIMAL(38,9)
	Kind Kind
	Bits uint8 // of an integer: 64 at most, or 128 for longer ones
	// Width and Scale are those of a decimal.
	Width, Scale uint8
	Unsigned     bool
}

// Rows is an answer. Its user calls Close in any case, which ends the query if it
// still runs. It is for one goroutine.
type Rows interface {
	Columns() []Column
	// Next returns the next row, one value for each column, nil for NULL. They are
	// the caller's until the next call. At the end the error is io.EOF.
	Next() ([][]byte, error)
	// Cut tells by which limit the answer was cut short, once Next gave io.EOF.
	Cut() Cut
	// AsOf is the moment up to which the tables hold everything; the zero time if
	// the query used none of them.
	AsOf() time.Time
	io.Closer
}

// Cut is a limit that an answer reached.
type Cut string

// The limits.
const (
	Whole    Cut = ""      // the answer is complete
	CutRows  Cut = "rows"  // Limits.Rows
	CutBytes Cut = "bytes" // Limits.AnswerBytes
)

// Engine answers queries.
type Engine interface {
	// Query starts a query and returns once its columns are known. Errors are of
	// kind Invalid for what the query says, Exhausted for a limit, Unavailable for
	// what the machine or the lake lacks. When ctx ends, so does the query.
	Query(ctx context.Context, q Query) (Rows, error)
}

// Limits bound a query. A zero field has the default.
type Limits struct {
	Time        time.Duration // from its start to its last row
	MemoryBytes int64         // of the engine's buffers; the process around it may take as much again
	Threads     int
	Rows        int64
	AnswerBytes int64 // of the values, before they are encoded
	AtOnce      int   // queries that run at the same time
	Waiting     int   // that wait for their turn; more are refused
}

// DefaultLimits are the limits without settings.
func DefaultLimits() Limits {
	return Limits{
		Time: 30 * time.Second, MemoryBytes: 512 << 20, Threads: 2, Rows: 100_000, AnswerBytes: 256 << 20, AtOnce: 2, Waiting: 16,
	}
}

// Filled returns the limits with the defaults in the place of zeros.
func (l Limits) Filled() Limits {
	d := DefaultLimits()
	fill(&l.Time, d.Time)
	fill(&l.MemoryBytes, d.MemoryBytes)
	fill(&l.Threads, d.Threads)
	fill(&l.Rows, d.Rows)
	fill(&l.AnswerBytes, d.AnswerBytes)
	fill(&l.AtOnce, d.AtOnce)
	fill(&l.Waiting, d.Waiting)
	return l
}

func fill[T int | int64 | time.Duration](v *T, fallback T) {
	if *v == 0 {
		*v = fallback
	}
}
