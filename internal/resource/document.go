// Package resource holds the documents that people write to set kith up. A
// resource has a kind, a key and a body in JSON; YAML files, API and UI show the
// same document. The first kind is the source; every other kind is stored and
// changed the same way.
package resource

import (
	"context"
	"encoding/binary"

	"kith/internal/errs"
	"kith/internal/state"
)

// A document's row in the state is
//
//	key    'R', the kind (state.AppendText), the resource's key
//	value  format (1 byte), version of the document (uvarint), its JSON
//
// so the documents of one kind lie together in ascending order of their keys.
// Two kinds are no documents: "" holds the generation, a sum that every change
// raises and by which other nodes see that something changed, and "write_key_used"
// holds when each write key was last used.
const (
	format         = 1
	kindGeneration = ""
	kindUsed       = "write_key_used"
	keyGeneration  = "generation"
)

// KeyBytesMax bounds a resource's key.
const KeyBytesMax = 64

// Document is one resource as it is stored.
type Document struct {
	Kind, Key string
	Version   uint64 // 1 when created, one more with every change
	JSON      []byte
}

// CheckKey refuses a key that is not 1 to 64 letters, digits, '.', '_' and '-'
// with a letter or digit in front: it stands in addresses, file names and every
// record. The error is of kind Invalid.
func CheckKey(key string) error {
	ok := key != "" && len(key) <= KeyBytesMax && alphanumeric(key[0])
	for i := 0; ok && i < len(key); i++ {
		ok = alphanumeric(key[i]) || key[i] == '.' || key[i] == '_' || key[i] == '-'
	}
	if !ok {
		return errs.New(errs.Invalid, "resource.key",
			"a key has 1 to %d letters, digits, '.', '_' and '-' and begins with a letter or digit", KeyBytesMax)
	}
	return nil
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// AppendKey appends the key of a resource's row to b.
func AppendKey(b []byte, kind, key string) []byte {
	return append(kindPrefix(b, kind), key...)
}

func kindPrefix(b []byte, kind string) []byte {
	return state.AppendText(append(b, byte(state.FamilyResource)), kind)
}

// cutKey takes the key of a row apart.
func cutKey(b []byte) (kind, key string, ok bool) {
	if len(b) == 0 || b[0] != byte(state.FamilyResource) {
		return "", "", false
	}
	kind, rest, ok := state.CutText(b[1:])
	return kind, string(rest), ok
}

func (d *Document) value() []byte {
	b := binary.AppendUvarint([]byte{format}, d.Version)
	return append(b, d.JSON...)
}

// decodeDocument reads a row; the error is of kind Corrupt. JSON is part of the
// value.
func decodeDocument(key, value []byte) (Document, error) {
	var doc Document
	var ok bool
	doc.Kind, doc.Key, ok = cutKey(key)
	d := state.NewDecoder(value)
	f := d.Byte()
	doc.Version = d.Uvarint()
	if !ok || d.Bad() || f != format || doc.Version == 0 {
		return Document{}, errs.New(errs.Corrupt, "resource.format", "a stored resource is of no known format")
	}
	doc.JSON = d.Rest()
	return doc, nil
}

// Documents are the resources of one workspace. It is safe for concurrent use.
type Documents struct {
	store state.Store
}

// NewDocuments returns the resources that lie in the store, which stays the
// caller's to close.
func NewDocuments(store state.Store) *Documents { return &Documents{store} }

// Get returns one resource; the error is of kind NotFound when there is none,
// with the code KIND.not_found.
func (d *Documents) Get(ctx context.Context, kind, key string) (Document, error) {
	var doc Document
	err := d.view(ctx, func(r state.Reader) error {
		found, ok, err := get(ctx, r, kind, key)
		if err == nil && !ok {
			err = notFound(kind)
		}
		doc = found
		return err
	})
	return doc, err
}

func notFound(kind string) error {
	return errs.New(errs.NotFound, kind+".not_found", "there is no %s of that key", kind)
}

// List returns at most limit resources of a kind whose keys come after the given
// one, in ascending order, and whether more follow.
func (d *Documents) List(ctx context.Context, kind, after string, limit int) (docs []Document, more bool, err error) {
	err = d.view(ctx, func(r state.Reader) error {
		rng := state.Prefix(kindPrefix(nil, kind))
		if after != "" {
			rng.Low = append(AppendKey(nil, kind, after), 0)
		}
		rng.Limit = limit + 1
		docs, err = scan(ctx, r, rng)
		return err
	})
	if len(docs) > limit {
		return docs[:limit], true, err
	}
	return docs, false, err
}

// Generation returns a number that grows with every change of any resource.
func (d *Documents) Generation(ctx context.Context) (n int64, err error) {
	err = d.view(ctx, func(r state.Reader) error {
		n, err = generation(ctx, r)
		return err
	})
	return n, err
}

func generation(ctx context.Context, r state.Reader) (int64, error) {
	values, err := r.Get(ctx, [][]byte{AppendKey(nil, kindGeneration, keyGeneration)})
	if err != nil || values[0] == nil {
		return 0, err
	}
	return mergedNumber(values[0], state.OpAdd)
}

// mergedNumber reads a merged value of 8 bytes.
func mergedNumber(value []byte, op state.Op) (int64, error) {
	if len(value) != 9 || state.Op(value[0]) != op {
		return 0, errs.New(errs.Corrupt, "resource.format", "a stored number of the resources is of no known format")
	}
	return int64(binary.BigEndian.Uint64(value[1:])), nil
}

// number writes what mergedNumber reads behind its first byte. Numbers that are
// not negative sort by value.
func number(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func (d *Documents) view(ctx context.Context, read func(state.Reader) error) error {
	s, err := d.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	if err := read(s); err != nil {
		_ = s.Close() // the first error tells more
		return err
	}
	return s.Close()
}

// Change runs f in a transaction that holds the lock of all resources, and
// commits what it wrote. It runs f once; when f fails or writes nothing, nothing
// changes.
func (d *Documents) Change(ctx context.Context, f func(*Change) error) error {
	return d.change(ctx, f, func(tx state.Tx) {
		tx.Merge(AppendKey(nil, kindGeneration, keyGeneration), state.OpAdd, number(1))
	})
}

// change is Change that does something more when f has written.
func (d *Documents) change(ctx context.Context, f func(*Change) error, wrote func(state.Tx)) error {
	tx, err := d.store.Begin(ctx, []state.Lock{state.ResourceLock})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	c := &Change{ctx: ctx, tx: tx}
	if err := f(c); err != nil || !c.wrote {
		return err
	}
	wrote(tx)
	return tx.Commit(ctx, state.Cursor{})
}

// Change is a change of resources under way. Its reads do not see its own
// writes.
type Change struct {
	ctx   context.Context
	tx    state.Tx
	wrote bool
}

// Get returns a resource, and whether there is one.
func (c *Change) Get(kind, key string) (Document, bool, error) { return get(c.ctx, c.tx, kind, key) }

// All returns every resource of a kind in ascending order of keys.
func (c *Change) All(kind string) ([]Document, error) {
	return scan(c.ctx, c.tx, state.Prefix(kindPrefix(nil, kind)))
}

// Put writes a resource.
func (c *Change) Put(doc Document) {
	c.tx.Put(AppendKey(nil, doc.Kind, doc.Key), doc.value())
	c.wrote = true
}

// Delete removes a resource.
func (c *Change) Delete(kind, key string) {
	c.tx.Delete(AppendKey(nil, kind, key))
	c.wrote = true
}

func get(ctx context.Context, r state.Reader, kind, key string) (Document, bool, error) {
	row := AppendKey(nil, kind, key)
	values, err := r.Get(ctx, [][]byte{row})
	if err != nil || values[0] == nil {
		return Document{}, false, err
	}
	doc, err := decodeDocument(row, values[0])
	return doc, err == nil, err
}

func scan(ctx context.Context, r state.Reader, rng state.Range) ([]Document, error) {
	var docs []Document
	for kv, err := range r.Scan(ctx, rng) {
		if err != nil {
			return nil, err
		}
		doc, err := decodeDocument(append([]byte(nil), kv.Key...), append([]byte(nil), kv.Value...))
		if err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	return docs, nil
}
