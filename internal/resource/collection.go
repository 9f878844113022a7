package resource

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"

	"kith/internal/errs"
	"kith/internal/resource/form"
	"kith/internal/state"
	"kith/internal/sys"
)

// Item is one resource of a collection.
type Item[T any] struct {
	Key       string
	Version   uint64 // 1 when created, one more with every change
	CreatedAt int64  // UTC milliseconds
	UpdatedAt int64  // likewise
	Doc       T
}

// Collection is the resources of one kind of a workspace, whose documents are
// T. It is safe for concurrent use.
type Collection[T any] struct {
	docs  *Documents
	clock sys.Clock
	kind  string
	read  func(key string, body []byte) (doc T, version uint64, err error)
}

// storedItem is an item's document as it lies in the state.
type storedItem[T any] struct {
	Doc       T     `json:"document"`
	CreatedAt int64 `json:"created_at"`
	UpdatedAt int64 `json:"updated_at"`
}

// decodeItem reads a stored item. A field that is not known comes from a newer
// version and is an error of kind Corrupt.
func decodeItem[T any](doc Document) (Item[T], error) {
	var s storedItem[T]
	dec := json.NewDecoder(bytes.NewReader(doc.JSON))
	dec.DisallowUnknownFields()
	err := dec.Decode(&s)
	if err == nil && dec.More() {
		err = errs.New(errs.Corrupt, doc.Kind+".format", "something follows the document")
	}
	if err != nil {
		return Item[T]{}, errs.Wrap(err, errs.Corrupt, doc.Kind+".format", "a stored %s cannot be read by this version", doc.Kind)
	}
	return Item[T]{doc.Key, doc.Version, s.CreatedAt, s.UpdatedAt, s.Doc}, nil
}

// Get returns the item of that key; the error is of kind NotFound, with the code
// KIND.not_found, when there is none.
func (c *Collection[T]) Get(ctx context.Context, key string) (Item[T], error) {
	doc, err := c.docs.Get(ctx, c.kind, key)
	if err != nil {
		return Item[T]{}, err
	}
	return decodeItem[T](doc)
}

// List returns at most limit items whose keys come after the given one, in
// ascending order, and whether more follow.
func (c *Collection[T]) List(ctx context.Context, after string, limit int) (items []Item[T], more bool, err error) {
	docs, more, err := c.docs.List(ctx, c.kind, after, limit)
	if err != nil {
		return nil, false, err
	}
	items, err = decodeItems[T](docs)
	return items, more, err
}

// All returns every item in ascending order of keys.
func (c *Collection[T]) All(ctx context.Context) (items []Item[T], err error) {
	err = c.docs.view(ctx, func(r state.Reader) error {
		docs, err := scan(ctx, r, state.Prefix(kindPrefix(nil, c.kind)))
		if err != nil {
			return err
		}
		items, err = decodeItems[T](docs)
		return err
	})
	return items, err
}

func decodeItems[T any](docs []Document) ([]Item[T], error) {
	var items []Item[T]
	for _, doc := range docs {
		item, err := decodeItem[T](doc)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// Put makes the item of that key what the body says; created tells whether there
// was none. The error is of kind Invalid when the body cannot be accepted, and
// Conflict when it names a version that is no longer the stored one.
func (c *Collection[T]) Put(ctx context.Context, key string, body []byte) (item Item[T], created bool, err error) {
	want, version, err := c.wanted(key, body)
	if err != nil {
		return Item[T]{}, false, err
	}
	err = c.docs.Change(ctx, func(ch *Change) error {
		var have Item[T]
		doc, ok, err := ch.Get(c.kind, key)
		if err == nil && ok {
			have, err = decodeItem[T](doc)
		}
		if err != nil {
			return err
		}
		item, created, err = c.changed(key, have, want, version)
		if err != nil || item.Version == have.Version {
			return err
		}
		return c.write(ch, &item)
	})
	return item, created, err
}

// Try returns what Put would make of the body, with the same errors, and stores
// nothing.
func (c *Collection[T]) Try(ctx context.Context, key string, body []byte) (item Item[T], created bool, err error) {
	want, version, err := c.wanted(key, body)
	if err != nil {
		return Item[T]{}, false, err
	}
	have, err := c.Get(ctx, key)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return Item[T]{}, false, err
	}
	return c.changed(key, have, want, version)
}

// wanted reads a body.
func (c *Collection[T]) wanted(key string, body []byte) (want T, version uint64, err error) {
	if err := CheckKey(key); err != nil {
		return want, 0, err
	}
	return c.read(key, body)
}

// changed is what an item becomes, have being the zero item when there is none.
func (c *Collection[T]) changed(key string, have Item[T], want T, version uint64) (item Item[T], created bool, err error) {
	if version != 0 && version != have.Version {
		return have, false, form.Refuse(errs.Conflict, c.kind+".version", "/version", "the "+c.kind+" has changed; read it again")
	}
	created = have.Version == 0
	if !created && reflect.DeepEqual(have.Doc, want) {
		return have, false, nil
	}
	now := sys.Millis(c.clock.Now())
	if created {
		have.CreatedAt = now
	}
	return Item[T]{key, have.Version + 1, have.CreatedAt, now, want}, created, nil
}

func (c *Collection[T]) write(ch *Change, item *Item[T]) error {
	data, err := json.Marshal(storedItem[T]{item.Doc, item.CreatedAt, item.UpdatedAt})
	if err != nil {
		return errs.Wrap(err, errs.Internal, c.kind+".encode", "a %s could not be encoded", c.kind)
	}
	ch.Put(Document{c.kind, item.Key, item.Version, data})
	return nil
}

// Delete removes the item of that key; the error is of kind NotFound when there is
// none.
func (c *Collection[T]) Delete(ctx context.Context, key string) error {
	return c.docs.Change(ctx, func(ch *Change) error {
		_, ok, err := ch.Get(c.kind, key)
		if err == nil && !ok {
			err = notFound(c.kind)
		}
		if err == nil {
			ch.Delete(c.kind, key)
		}
		return err
	})
}
