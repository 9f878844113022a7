package encode

import (
	"bytes"
	"io"

	"kith/internal/analytics"
)

// table writes CSV after RFC 4180: lines end with CR LF, the first has the names.
// NULL is an empty field, the empty text a pair of quotes. A text that a
// spreadsheet would take for a formula gets an apostrophe before it.
type table struct {
	w       io.Writer
	columns []analytics.Column
	buf     []byte
}

func (t *table) begin(columns []analytics.Column) error {
	t.columns = columns
	for i, name := range uniqueNames(columns) {
		if i > 0 {
			t.buf = append(t.buf, ',')
		}
		t.buf = appendField(t.buf, []byte(name), true)
	}
	t.buf = append(t.buf, '\r', '\n')
	return nil
}

func (t *table) row(values [][]byte) error {
	for i, v := range values {
		if i > 0 {
			t.buf = append(t.buf, ',')
		}
		if v != nil {
			t.buf = appendField(t.buf, v, !numeric(t.columns[i].Kind))
		}
	}
	t.buf = append(t.buf, '\r', '\n')
	if len(t.buf) < flushBytes {
		return nil
	}
	return t.flush()
}

func (t *table) end(analytics.Rows) error { return t.flush() }

func (t *table) flush() error {
	if len(t.buf) == 0 {
		return nil
	}
	_, err := t.w.Write(t.buf)
	t.buf = t.buf[:0]
	return err
}

// numeric reports whether a value of the kind is a number, whose minus is none of
// a formula.
func numeric(k analytics.Kind) bool {
	return k == analytics.Integer || k == analytics.Decimal || k == analytics.Float
}

// appendField writes one field. harmful tells that it may be taken for a formula.
func appendField(dst, v []byte, harmful bool) []byte {
	harmful = harmful && formula(v)
	if len(v) > 0 && !harmful && !bytes.ContainsAny(v, "\",\r\n\x00") && v[0] != ' ' && v[len(v)-1] != ' ' {
		return append(dst, v...)
	}
	dst = append(dst, '"')
	if harmful {
		dst = append(dst, '\'')
	}
	for _, c := range v {
		switch c {
		case 0:
			continue // no program shows it, some end the field there
		case '"':
			dst = append(dst, '"')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

// formula reports whether a spreadsheet would compute a text: by its first
// character, also behind blanks and in its wide forms.
func formula(v []byte) bool {
	v = bytes.TrimLeft(v, " \u00a0\ufeff\x00")
	for _, lead := range [...]string{"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "|", "%"} {
		if bytes.HasPrefix(v, []byte(lead)) {
			return true
		}
	}
	return false
}
