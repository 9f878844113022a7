package resource

import (
	"encoding/json"

	"kith/internal/errs"
	"kith/internal/resource/form"
	"kith/internal/state"
	"kith/internal/strictjson"
	"kith/internal/sys"
)

// The kinds of the documents that define what is computed.
const (
	KindTrait   = "trait"
	KindSegment = "segment"
)

// KindFields is the kind of the one document that lists the fields of events which
// the history keeps.
const KindFields = "fields"

// answered are the members of an answer that a body may repeat.
func answered() []string {
	return []string{"created_at", "updated_at", "status", "size", "as_of", "looked", "cost", "partial", "history_begins_at"}
}

// OpenDefinitions returns the definitions of a kind that lie in the store. A
// document is kept as it was written, without what answers add; check reads its
// fields and refuses what is wrong with them.
func OpenDefinitions(store state.Store, clock sys.Clock, kind string, check func(o *form.Object, key string)) *Collection[json.RawMessage] {
	return &Collection[json.RawMessage]{NewDocuments(store), clock, kind, func(key string, body []byte) (json.RawMessage, uint64, error) {
		var version uint64
		err := form.Read(body, func(o *form.Object) {
			readKeyOf(o, key)
			check(o, key)
			version = uint64(o.Int("version", 0, 1, 1<<53))
			o.Skip(answered()...)
		})
		if err != nil {
			return nil, 0, err
		}
		kept, err := keptText(body)
		return kept, version, err
	}}
}

// keptText is a document in canonical form without what answers add.
func keptText(body []byte) (json.RawMessage, error) {
	var doc strictjson.Doc
	if err := doc.Parse(body, strictjson.Limits{}); err != nil {
		return nil, err
	}
	drop := map[string]bool{"key": true, "version": true}
	for _, name := range answered() {
		drop[name] = true
	}
	b := []byte{'{'}
	for k, v := range doc.Root().Members() {
		if drop[k.String()] || v.Kind() == strictjson.Null {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(strictjson.AppendString(b, k.String()), ':')
		b = v.AppendClean(b)
	}
	b = append(b, '}')
	if err := doc.Parse(b, strictjson.Limits{}); err != nil {
		return nil, errs.Wrap(err, errs.Internal, "definition.encode", "a definition could not be encoded")
	}
	return doc.Root().AppendCanonical(nil), nil
}
