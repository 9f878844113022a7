package entity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"strings"

	"kith/internal/identity"
	"kith/internal/state"
	"kith/internal/strictjson"
)

// A list is uploaded members of a segment. It is kept as rows of an entity of its
// own, which nobody declares: each row is one identifier, written by uploads that
// add it and deleted by those that remove it. An upload that replaces the list
// writes the row Replaced too, at a place in the order of events in front of its
// other rows: what was written before that counts no more, whenever it arrives.

// listMark begins the names of the entities that lists are. The colon keeps them
// apart from those that are declared.
const listMark = "list:"

// Replaced is the key of the row of a list whose last write says from where on
// rows count.
const Replaced = "*"

// ListOf is the entity whose rows are the uploaded members of a segment.
func ListOf(segment string) string { return listMark + segment }

// IsList reports whether an entity is a list, and of which segment.
func IsList(entity string) (segment string, ok bool) { return strings.CutPrefix(entity, listMark) }

// Members of a list of accounts are named by GroupType in records. What it leads to
// is the node of an account, whose type no call can name.
const (
	GroupType   = "group_id"
	accountType = "account:group_id"
)

// ListRow is the key of the row of an identifier, which must be normalised.
func ListRow(id identity.Identifier) string {
	key := id.Type + ":" + id.Value
	if ValidKey(key) {
		return key
	}
	sum := sha256.Sum256([]byte(id.Value))
	return id.Type + ":#" + hex.EncodeToString(sum[:])
}

// ListBody is the body of a record that adds an identifier to a list, or removes
// it, as it was uploaded.
func ListBody(segment, run, typ, value string, remove bool) Body {
	b := strictjson.AppendString([]byte{'{'}, typ)
	b = append(strictjson.AppendString(append(b, ':'), value), '}')
	return Body{Entity: ListOf(segment), Run: run, Delete: remove, Attributes: b}
}

// ReplaceBody is the body of the record by which an upload replaces a list.
func ReplaceBody(segment, run string) Body {
	return Body{Entity: ListOf(segment), Run: run, Attributes: []byte(`{"` + Replaced + `":true}`)}
}

// listRow is the key of the row that the attributes of a write of a list name.
func listRow(attributes []byte, cfg *identity.Config) (key string, ok bool) {
	var doc strictjson.Doc
	if err := doc.Parse(attributes, strictjson.Limits{}); err != nil || doc.Root().Len() != 1 {
		return "", false
	}
	for k, v := range doc.Root().Members() {
		if k.String() == Replaced {
			return Replaced, v.Kind() == strictjson.Bool
		}
		id, ok := identifierIn(k.String(), v, cfg)
		return ListRow(id), ok
	}
	return "", false
}

// identifierIn is the identifier of a type that a JSON value stands for.
func identifierIn(typ string, v strictjson.Value, cfg *identity.Config) (identity.Identifier, bool) {
	value := ""
	switch v.Kind() {
	case strictjson.String:
		value = v.Text()
	case strictjson.Number:
		value = string(v.Raw())
	}
	switch {
	case typ == GroupType:
		typ = accountType
	case !identity.ValidType(typ):
		return identity.Identifier{}, false
	}
	id, reason := cfg.Normalize(typ, value, "")
	return id, reason == identity.Usable
}

// listOwner is the identifier that a row of a list stands for.
func listOwner(row *Row, cfg *identity.Config) (identity.Identifier, bool) {
	for typ, a := range row.attributes {
		var doc strictjson.Doc
		if err := doc.Parse(a.Value, strictjson.Limits{}); err != nil || typ == Replaced {
			return identity.Identifier{}, false
		}
		return identifierIn(typ, doc.Root(), cfg)
	}
	return identity.Identifier{}, false
}

// Written is the place of the last write of a row that is there.
func (r *Row) Written() (at identity.Sighting, ok bool) {
	for _, a := range r.attributes {
		if !ok || a.Sighting.Compare(at) > 0 {
			at, ok = a.Sighting, true
		}
	}
	return at, ok
}

// Follows reports whether the last write of a row comes after that of the row that
// replaced the list.
func (r *Row) Follows(replaced *Row) bool {
	at, ok := r.Written()
	from, any := replaced.Written()
	return ok && (!any || at.Compare(from) > 0)
}

// Listed reports whether a list names any of the nodes, by what was written up to
// a moment (UTC milliseconds); math.MaxInt64 is now.
func Listed(ctx context.Context, r state.Reader, segment string, nodes []identity.NodeID, upTo int64) (bool, error) {
	rows, err := namedRows(ctx, r, ListOf(segment), nodes)
	if err != nil {
		return false, err
	}
	if upTo != math.MaxInt64 {
		for i := range rows {
			if rows[i].Row, err = rowThen(ctx, r, ListOf(segment), rows[i].Key, upTo); err != nil {
				return false, err
			}
		}
	}
	for i := range rows[1:] {
		if rows[i+1].Row.Follows(rows[0].Row) {
			return true, nil
		}
	}
	return false, nil
}

// namedRows returns the row Replaced of a built-in entity and those that stand for
// the nodes, each empty where there is none.
func namedRows(ctx context.Context, r state.Reader, entity string, nodes []identity.NodeID) ([]Named, error) {
	keys := make([][]byte, len(nodes))
	for i, n := range nodes {
		keys[i] = identity.IdentifierRow(n)
	}
	values, err := r.Get(ctx, keys)
	if err != nil {
		return nil, err
	}
	rows := []Named{{Key: Replaced}}
	for _, v := range values {
		if v == nil {
			continue
		}
		id, err := identity.DecodeIdentifier(v)
		if err != nil {
			return nil, err
		}
		rows = append(rows, Named{Key: ListRow(id)})
	}
	keys = keys[:0]
	for i := range rows {
		keys = append(keys, RowKey(entity, rows[i].Key))
	}
	if values, err = r.Get(ctx, keys); err != nil {
		return nil, err
	}
	for i, v := range values {
		rows[i].Row = &Row{}
		if v == nil {
			continue
		}
		if rows[i].Row, err = DecodeRow(v); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// rowThen is a row as the writes up to a moment make it.
func rowThen(ctx context.Context, r state.Reader, entity, key string, upTo int64) (*Row, error) {
	row := &Row{}
	for w, err := range Writes(ctx, r, entity, key) {
		if err != nil {
			return nil, err
		}
		if w.Timestamp > upTo {
			break
		}
		if err := row.Add(w); err != nil {
			return nil, err
		}
	}
	return row, nil
}

// Naming is the last thing that uploads said of one identifier.
type Naming struct {
	Key      string // of the row
	Write    *Write
	Replaced *Write // the write that replaced the list after it, or nil
}

// In reports whether the identifier is in the list.
func (n *Naming) In() bool { return !n.Write.Delete && n.Replaced == nil }

// Namings returns what uploads said last of the nodes, of those of which they said
// anything; those that are in the list come first.
func Namings(ctx context.Context, r state.Reader, segment string, nodes []identity.NodeID) ([]Naming, error) {
	rows, err := namedRows(ctx, r, ListOf(segment), nodes)
	if err != nil {
		return nil, err
	}
	var replaced *Write
	var in, out []Naming
	for i := range rows {
		var last *Write
		for w, err := range Writes(ctx, r, ListOf(segment), rows[i].Key) {
			if err != nil {
				return nil, err
			}
			last = w
		}
		switch {
		case last == nil:
		case i == 0:
			replaced = last
		default:
			n := Naming{Key: rows[i].Key, Write: last}
			if replaced != nil && replaced.Sighting.Compare(last.Sighting) > 0 {
				n.Replaced = replaced
			}
			if n.In() {
				in = append(in, n)
			} else {
				out = append(out, n)
			}
		}
	}
	return append(in, out...), nil
}
