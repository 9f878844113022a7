package entity

import (
	"slices"
	"strings"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/resource/form"
	"kith/internal/strictjson"
)

// Bounds of a batch of rows.
const (
	BatchMax        = 1000     // rows
	BatchBytesMax   = 4 << 20  // of the whole
	RowBytesMax     = 32 << 10 // of one row as it is written
	AttributesMax   = 500      // of one row
	nameBytesMax    = 255      // of an attribute
	idBytesMax      = 80       // of the name of a batch or row
	runBytesMax     = 255      // of the name of a run
	sourceBytesMax  = 64       // of the key of a source
	depthMax        = 64       // levels of one row
	keysMax         = 1000     // of one object
	memberTimestamp = "@timestamp"
	memberID        = "@id"
)

// Declared is what rows are held against.
type Declared struct {
	Key   string
	Types map[string]string // by attribute: string, number, boolean, time, object or array
}

// Batch is rows that come together.
type Batch struct {
	Source    string // key of the source that they are of; empty: none was named
	Run       string // the load that they belong to; empty: none
	ID        string // names the batch, so that it may be sent again; empty: none
	Timestamp int64  // of rows without one of their own, UTC milliseconds; event.NoTime: none
	Rows      []BatchRow
	Rejected  []Rejection
}

// BatchRow is one row that can be written.
type BatchRow struct {
	Index      int
	ID         string // empty: none of its own
	Timestamp  int64  // event.NoTime: none of its own
	Key        string
	Attributes []byte // clean JSON object
}

// Rejection is one row that cannot, and why.
type Rejection struct {
	Index  int
	Code   string
	Detail string
}

// ReadBatch reads {"rows":[…]} with what may stand beside it: source, run, id and
// timestamp. A row is an object of attributes; its @timestamp and @id are no
// attributes. A row that cannot be written is rejected alone; the error is of kind
// Invalid and concerns the whole.
func ReadBatch(data []byte, d *Declared) (*Batch, error) {
	var doc strictjson.Doc
	if err := doc.Parse(data, strictjson.Limits{Depth: depthMax + 2, Keys: keysMax}); err != nil {
		return nil, err
	}
	root := doc.Root()
	rows := root.Get("rows")
	if rows.Kind() != strictjson.Array {
		return nil, form.Refuse(errs.Invalid, "rows.required", "/rows", "must be an array of objects")
	}
	start, end := rows.Span()
	for _, v := range doc.Violations() {
		if v.Offset <= start || v.Offset >= end {
			return nil, errs.New(errs.Invalid, v.Code, "%s", v.Detail)
		}
	}
	if rows.Len() > BatchMax {
		return nil, form.Refuse(errs.Invalid, "rows.too_many", "/rows", "a batch may have 1000 rows")
	}
	b := &Batch{Timestamp: event.NoTime}
	if err := b.head(&doc, root); err != nil {
		return nil, err
	}
	i := 0
	for v := range rows.Elements() {
		row, err := d.row(&doc, v)
		if row.Index = i; err != nil {
			b.Rejected = append(b.Rejected, Rejection{i, errs.CodeOf(err), errs.DetailOf(err)})
		} else {
			b.Rows = append(b.Rows, row)
		}
		i++
	}
	return b, nil
}

// head reads what stands beside the rows.
func (b *Batch) head(doc *strictjson.Doc, root strictjson.Value) error {
	for k, v := range root.Members() {
		name, most := k.String(), 0
		var to *string
		switch name {
		case "rows":
			continue
		case "source":
			to, most = &b.Source, sourceBytesMax
		case "run":
			to, most = &b.Run, runBytesMax
		case "id":
			to, most = &b.ID, idBytesMax
		case "timestamp":
			at, ok := event.ParseTime(v.Text())
			if !ok {
				return form.Refuse(errs.Invalid, form.CodeInvalid, "/timestamp", "must be a time such as 2026-03-01T09:00:00Z")
			}
			b.Timestamp = at
			continue
		default:
			return form.Refuse(errs.Invalid, form.CodeUnknown, "", "there are rows, source, run, id and timestamp")
		}
		if !plain(doc, v, most) {
			return form.Refuse(errs.Invalid, form.CodeInvalid, "/"+name, "must be a non-empty string without control characters, and not longer than is allowed")
		}
		*to = v.Text()
	}
	return nil
}

// plain reports whether a value is a text that can stand in a stamp.
func plain(doc *strictjson.Doc, v strictjson.Value, most int) bool {
	s := v.Text()
	return v.Kind() == strictjson.String && s != "" && len(s) <= most && !doc.ReplacedIn(v) &&
		!strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func refuse(code, detail string) error { return errs.New(errs.Invalid, code, "%s", detail) }

// row reads one row. The error says why it alone is rejected.
func (d *Declared) row(doc *strictjson.Doc, v strictjson.Value) (BatchRow, error) {
	out := BatchRow{Timestamp: event.NoTime}
	if v.Kind() != strictjson.Object {
		return out, refuse("row.not_object", "a row must be a JSON object")
	}
	if len(v.Raw()) > RowBytesMax {
		return out, refuse("row.too_large", "a row may have 32768 bytes")
	}
	if x, found := doc.ViolationIn(v); found {
		return out, refuse(x.Code, x.Detail)
	}
	if v.Len() > AttributesMax {
		return out, refuse("row.too_many_attributes", "a row may have 500 attributes")
	}
	key := v.Get(d.Key)
	var ok bool
	if out.Key, ok = KeyOf(key); !ok || doc.ReplacedIn(key) {
		return out, refuse("row.key", "the row needs its key: a string of 1 to 180 bytes without control characters, or a whole number")
	}
	b := []byte{'{'}
	for k, value := range v.Members() {
		name := k.String()
		if strings.HasPrefix(name, "@") {
			if err := out.member(doc, name, value); err != nil {
				return out, err
			}
			continue
		}
		if name == "" || len(name) > nameBytesMax || k.Replaced() {
			return out, refuse("row.attribute_name", "the name of an attribute has 1 to 255 bytes")
		}
		if typ := d.Types[name]; typ != "" && !hasType(value, typ) {
			return out, refuse("row.attribute_type", "an attribute has another type than the entity declares")
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(strictjson.AppendString(b, name), ':')
		b = value.AppendClean(b)
	}
	out.Attributes = append(b, '}')
	return out, nil
}

// member reads what a row says of itself.
func (r *BatchRow) member(doc *strictjson.Doc, name string, v strictjson.Value) error {
	switch name {
	case memberTimestamp:
		at, ok := event.ParseTime(v.Text())
		if !ok {
			return refuse("row.timestamp", "@timestamp must be a time such as 2026-03-01T09:00:00Z")
		}
		r.Timestamp = at
	case memberID:
		if !plain(doc, v, idBytesMax) {
			return refuse("row.id", "@id must be a string of 1 to 80 bytes without control characters")
		}
		r.ID = v.Text()
	default:
		return refuse("row.attribute_name", "names that begin with @ are @timestamp and @id")
	}
	return nil
}

// hasType reports whether a value is of a declared type; null is of every one.
func hasType(v strictjson.Value, typ string) bool {
	kinds := map[string][]strictjson.Kind{
		"string": {strictjson.String}, "time": {strictjson.String}, "number": {strictjson.Number}, "boolean": {strictjson.Bool},
		"object": {strictjson.Object}, "array": {strictjson.Array},
	}[typ]
	if v.Kind() == strictjson.Null {
		return true
	}
	if typ == "time" {
		if _, ok := event.ParseTime(v.Text()); !ok {
			return false
		}
	}
	return slices.Contains(kinds, v.Kind())
}
