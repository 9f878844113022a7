package entity

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/resource/form"
	"kith/internal/strictjson"
)

// The modes of an upload.
const (
	ModeAdd     = "add"
	ModeRemove  = "remove"
	ModeReplace = "replace" // the list is what the upload says
)

// The formats of an upload.
const (
	FormatJSON  = "application/json"
	FormatLines = "application/x-ndjson"
	FormatCSV   = "text/csv"
)

const listRowBytesMax = 8 << 10

// Upload is what is said of an upload of a list, beside its rows.
type Upload struct {
	Segment   string
	Mode      string // ModeAdd if empty
	Source    string // key of the source that it is of; empty: none was named
	Run       string // the load that it belongs to; empty: its own
	ID        string // names the upload, so that it may be sent again; empty: none
	Timestamp int64  // UTC milliseconds; event.NoTime: now
}

// Check refuses what cannot be; place names a field for people.
func (u *Upload) Check(place func(field string) string) error {
	switch u.Mode {
	case "":
		u.Mode = ModeAdd
	case ModeAdd, ModeRemove, ModeReplace:
	default:
		return form.Refuse(errs.Invalid, form.CodeInvalid, place("mode"), "must be add, remove or replace")
	}
	for _, f := range []struct {
		name, value string
		most        int
	}{{"source", u.Source, sourceBytesMax}, {"run", u.Run, runBytesMax}, {"id", u.ID, idBytesMax}} {
		if len(f.value) > f.most || strings.ContainsFunc(f.value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return form.Refuse(errs.Invalid, form.CodeInvalid, place(f.name), "must be a text without control characters, and not longer than is allowed")
		}
	}
	return nil
}

// ListRows are the rows of an upload, read one by one.
type ListRows struct {
	Expected int // how many there are, as far as that can be told in front

	next func() (text, typ, value string, err error)
	n    int
}

// UploadedRow is one row: an identifier, or the reason why it is none.
type UploadedRow struct {
	Index       int // from 0
	Type, Value string
	Text        string     // as it was uploaded
	Rejected    *Rejection // nil: it can be written
}

// Next returns the next row; ok is false behind the last one. The error is of kind
// Invalid and ends the upload.
func (l *ListRows) Next() (row UploadedRow, ok bool, err error) {
	text, typ, value, err := l.next()
	if err == io.EOF { // made here, so not wrapped
		return row, false, nil
	}
	row = UploadedRow{Index: l.n, Type: typ, Value: value, Text: text}
	l.n++
	var own *errs.Error
	switch {
	case err == nil:
	case errors.As(err, &own) && errs.KindOf(err) == errs.Invalid && errs.CodeOf(err) != codeUpload:
		row.Rejected = &Rejection{row.Index, errs.CodeOf(err), errs.DetailOf(err)}
	default:
		return row, false, err
	}
	return row, true, nil
}

// codeUpload is the code of errors that end an upload.
const codeUpload = "list.unreadable"

// ReadUpload reads the head of an upload and returns its rows. What data says of
// the upload is put into u; types are the identifier types that a column may be
// named by. The error is of kind Invalid.
func ReadUpload(format string, data []byte, types func(string) bool, u *Upload) (*ListRows, error) {
	switch format {
	case FormatCSV:
		return csvRows(data, types)
	case FormatLines:
		return lineRows(data), nil
	case FormatJSON:
		return jsonRows(data, u)
	}
	return nil, errs.New(errs.Invalid, "list.format", "send %s, %s or %s", FormatJSON, FormatLines, FormatCSV)
}

// identifierOf reads {"type":…,"value":…}, or one identifier under its type.
func identifierOf(v strictjson.Value) (typ, value string, err error) {
	bad := refuse("list.row", `a row is {"type": "email", "value": "ana@example.com"}, or {"email": "ana@example.com"}`)
	text := func(v strictjson.Value) (string, bool) {
		if v.Kind() == strictjson.Number {
			return string(v.Raw()), true
		}
		return v.Text(), v.Kind() == strictjson.String
	}
	if v.Kind() != strictjson.Object || len(v.Raw()) > listRowBytesMax {
		return "", "", bad
	}
	if v.Len() == 2 && v.Get("type").Kind() == strictjson.String && v.Get("value").Exists() {
		value, ok := text(v.Get("value"))
		if !ok {
			return "", "", bad
		}
		return v.Get("type").Text(), value, nil
	}
	if v.Len() != 1 {
		return "", "", bad
	}
	for k, one := range v.Members() {
		value, ok := text(one)
		if !ok {
			return "", "", bad
		}
		return k.String(), value, nil
	}
	return "", "", bad
}

// jsonRows reads {"members":[…]} with what may stand beside it.
func jsonRows(data []byte, u *Upload) (*ListRows, error) {
	doc := &strictjson.Doc{}
	if err := doc.Parse(data, strictjson.Limits{Depth: depthMax, Keys: keysMax}); err != nil {
		return nil, err
	}
	if bad := doc.Violations(); len(bad) > 0 {
		return nil, errs.New(errs.Invalid, bad[0].Code, "%s", bad[0].Detail)
	}
	members := doc.Root().Get("members")
	if members.Kind() != strictjson.Array {
		return nil, form.Refuse(errs.Invalid, form.CodeRequired, "/members", "must be an array of identifiers")
	}
	fields := map[string]*string{"mode": &u.Mode, "source": &u.Source, "run": &u.Run, "id": &u.ID}
	for k, v := range doc.Root().Members() {
		name := k.String()
		switch to := fields[name]; {
		case name == "members":
		case name == "timestamp":
			at, ok := event.ParseTime(v.Text())
			if !ok {
				return nil, form.Refuse(errs.Invalid, form.CodeInvalid, "/timestamp", "must be a time such as 2026-03-01T09:00:00Z")
			}
			u.Timestamp = at
		case to == nil:
			return nil, form.Refuse(errs.Invalid, form.CodeUnknown, "", "there are members, mode, source, run, id and timestamp")
		case v.Kind() != strictjson.String:
			return nil, form.Refuse(errs.Invalid, form.CodeType, "/"+name, "must be a string")
		default:
			*to = v.Text()
		}
	}
	var rows []strictjson.Value
	for v := range members.Elements() {
		rows = append(rows, v)
	}
	return &ListRows{Expected: len(rows), next: func() (string, string, string, error) {
		if len(rows) == 0 {
			return "", "", "", io.EOF
		}
		v := rows[0]
		rows = rows[1:]
		typ, value, err := identifierOf(v)
		return string(v.Raw()), typ, value, err
	}}, nil
}

// lineRows reads one JSON object a line.
func lineRows(data []byte) *ListRows {
	rest := data
	return &ListRows{Expected: bytes.Count(data, []byte{'\n'}), next: func() (string, string, string, error) {
		for len(rest) > 0 {
			var line []byte
			line, rest, _ = bytes.Cut(rest, []byte{'\n'})
			if line = bytes.TrimSpace(line); len(line) == 0 {
				continue
			}
			var doc strictjson.Doc
			if err := doc.Parse(line, strictjson.Limits{}); err != nil {
				return string(line), "", "", refuse("list.row", "the line is no JSON object")
			}
			typ, value, err := identifierOf(doc.Root())
			return string(line), typ, value, err
		}
		return "", "", "", io.EOF
	}}
}

// csvRows reads a table whose first line names the columns: type and value, or
// types of identifiers, of which the first that is not empty names the person.
// Other columns are passed over.
func csvRows(data []byte, types func(string) bool) (*ListRows, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	first, _, _ := bytes.Cut(data, []byte{'\n'})
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord, r.LazyQuotes, r.ReuseRecord = -1, true, true
	for _, c := range []byte{';', '\t'} {
		if bytes.Count(first, []byte{c}) > bytes.Count(first, []byte{byte(r.Comma)}) {
			r.Comma = rune(c)
		}
	}
	head, err := r.Read()
	if err != nil {
		return nil, errs.New(errs.Invalid, codeUpload, "the first line must name the columns")
	}
	typeAt, valueAt := -1, -1
	var columns []int
	var names []string
	for i, name := range head {
		switch name = strings.TrimSpace(name); {
		case name == "type":
			typeAt = i
		case name == "value":
			valueAt = i
		case types(name):
			columns, names = append(columns, i), append(names, name)
		}
	}
	pairs := typeAt >= 0 && valueAt >= 0
	if !pairs && len(columns) == 0 {
		return nil, errs.New(errs.Invalid, "list.columns", "the first line must name the columns type and value, or one after a type of identifiers, such as email")
	}
	return &ListRows{Expected: bytes.Count(data, []byte{'\n'}), next: func() (string, string, string, error) {
		cells, err := r.Read()
		switch {
		case err == io.EOF:
			return "", "", "", io.EOF
		case err != nil:
			return "", "", "", errs.New(errs.Invalid, codeUpload, "the table cannot be read any further")
		}
		cell := func(i int) string {
			if i >= len(cells) {
				return ""
			}
			return strings.TrimSpace(strings.Clone(cells[i]))
		}
		text := strings.Join(cells, string(r.Comma))
		if pairs {
			return text, cell(typeAt), cell(valueAt), nil
		}
		for i, at := range columns {
			if value := cell(at); value != "" {
				return text, names[i], value, nil
			}
		}
		return text, "", "", refuse("list.row", "no column of the row names anybody")
	}}, nil
}

// Writable returns the identifier that a row names, or why it names none. accounts
// tells that the list is one of accounts.
func (row *UploadedRow) Writable(cfg *identity.Config, accounts bool) (identity.Identifier, *Rejection) {
	typ := row.Type
	switch {
	case accounts && typ != GroupType:
		return identity.Identifier{}, &Rejection{row.Index, "list.type", "members of a list of accounts are named by group_id"}
	case accounts:
		typ = accountType
	case !identity.ValidType(typ) || typ == GroupType:
		return identity.Identifier{}, &Rejection{row.Index, "list.type", "must be the type of an identifier of a person, such as email"}
	}
	id, reason := cfg.Normalize(typ, row.Value, "")
	if reason != identity.Usable {
		return id, &Rejection{row.Index, "list.identifier", "this value identifies nobody: " + string(reason)}
	}
	return id, nil
}
