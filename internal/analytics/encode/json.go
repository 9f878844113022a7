package encode

import (
	"encoding/json"
	"io"
	"strconv"
	"time"

	"kith/internal/analytics"
)

// flushBytes is how much is gathered before it is written.
const flushBytes = 32 << 10

// object writes rows as JSON objects, their keys in the order of the columns.
// Numbers stand as they are, exact whatever their length; times, dates and bytes
// are strings; what JSON has no number for is null. Columns of one name are told
// apart by a number behind it, since an object has each key once.
type object struct {
	columns []analytics.Column
	names   []string // as they stand in the answer
	keys    [][]byte // with quotes and colon
}

func newObject(columns []analytics.Column) *object {
	o := &object{columns: columns, names: uniqueNames(columns)}
	for _, name := range o.names {
		o.keys = append(o.keys, append(appendString(nil, []byte(name)), ':'))
	}
	return o
}

// uniqueNames are the columns' names, of which none stands twice.
func uniqueNames(columns []analytics.Column) []string {
	taken := map[string]bool{}
	for _, c := range columns {
		taken[c.Name] = true
	}
	used := map[string]bool{}
	names := make([]string, len(columns))
	for i, c := range columns {
		name := c.Name
		for n := 2; used[name] || name != c.Name && taken[name]; n++ {
			name = c.Name + "_" + strconv.Itoa(n)
		}
		used[name] = true
		names[i] = name
	}
	return names
}

func (o *object) append(dst []byte, row [][]byte) []byte {
	dst = append(dst, '{')
	for i, v := range row {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, o.keys[i]...)
		dst = appendValue(dst, o.columns[i].Kind, v)
	}
	return append(dst, '}')
}

func appendValue(dst []byte, kind analytics.Kind, v []byte) []byte {
	if v == nil {
		return append(dst, "null"...)
	}
	switch kind {
	case analytics.Bool, analytics.Integer, analytics.Decimal:
		return append(dst, v...)
	case analytics.Float:
		if !json.Valid(v) {
			return append(dst, "null"...)
		}
		return append(dst, v...)
	case analytics.JSON:
		if json.Valid(v) {
			return append(dst, v...)
		}
	}
	return appendString(dst, v)
}

// appendString writes a JSON string without escapes for HTML.
func appendString(dst, s []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, c := range string(s) {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', byte(c))
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		case c == '\u2028' || c == '\u2029':
			dst = append(dst, '\\', 'u', '2', '0', '2', hex[c&15])
		default:
			dst = append(dst, string(c)...)
		}
	}
	return append(dst, '"')
}

// document writes {"columns":…,"data":…,"rows":…,"truncated":…,"as_of":…}.
type document struct {
	w    io.Writer
	o    *object
	buf  []byte
	rows int64
}

func (d *document) begin(columns []analytics.Column) error {
	d.o = newObject(columns)
	d.buf = append(d.buf, `{"columns":[`...)
	for i, c := range columns {
		if i > 0 {
			d.buf = append(d.buf, ',')
		}
		d.buf = append(appendString(append(d.buf, `{"name":`...), []byte(d.o.names[i])), `,"type":`...)
		d.buf = append(appendString(d.buf, []byte(c.Type)), '}')
	}
	d.buf = append(d.buf, `],"data":[`...)
	return nil
}

func (d *document) row(values [][]byte) error {
	if d.rows++; d.rows > 1 {
		d.buf = append(d.buf, ',')
	}
	d.buf = append(d.buf, '\n')
	d.buf = d.o.append(d.buf, values)
	return d.flush(flushBytes)
}

func (d *document) end(rows analytics.Rows) error {
	d.buf = append(d.buf, "],\n\"rows\":"...)
	d.buf = strconv.AppendInt(d.buf, d.rows, 10)
	d.buf = append(d.buf, `,"truncated":`...)
	d.buf = strconv.AppendBool(d.buf, rows.Cut() != analytics.Whole)
	if rows.Cut() != analytics.Whole {
		d.buf = appendString(append(d.buf, `,"truncated_by":`...), []byte(rows.Cut()))
	}
	d.buf = append(d.buf, `,"as_of":`...)
	if at := rows.AsOf(); at.IsZero() {
		d.buf = append(d.buf, "null"...)
	} else {
		d.buf = appendString(d.buf, []byte(Moment(at)))
	}
	d.buf = append(d.buf, "}\n"...)
	return d.flush(0)
}

func (d *document) flush(over int) error {
	if len(d.buf) <= over {
		return nil
	}
	_, err := d.w.Write(d.buf)
	d.buf = d.buf[:0]
	return err
}

// Moment writes a time as answers have it: RFC 3339 in UTC with milliseconds.
func Moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// lines writes one object to a line.
type lines struct {
	w   io.Writer
	o   *object
	buf []byte
}

func (l *lines) begin(columns []analytics.Column) error {
	l.o = newObject(columns)
	return nil
}

func (l *lines) row(values [][]byte) error {
	l.buf = append(l.o.append(l.buf, values), '\n')
	if len(l.buf) < flushBytes {
		return nil
	}
	return l.flush()
}

func (l *lines) end(analytics.Rows) error { return l.flush() }

func (l *lines) flush() error {
	if len(l.buf) == 0 {
		return nil
	}
	_, err := l.w.Write(l.buf)
	l.buf = l.buf[:0]
	return err
}
