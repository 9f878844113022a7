package resource

import (
	"context"
	"crypto/sha256"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kith/internal/errs"
	"kith/internal/resource/form"
	"kith/internal/state"
	"kith/internal/sys"
)

// DefaultSource is the key of the source that exists without being set up.
const DefaultSource = "default"

// OverlapDefault is how long the old write key stays known after a rotation.
const OverlapDefault = 24 * time.Hour

// How often Run looks for changes that other nodes made, and stores when the
// write keys were used.
const (
	refreshEvery = time.Second
	usageEvery   = time.Minute
)

// Sources are the sources of one workspace: documents in the state, and in
// memory an index of their write keys for the collector. It is safe for
// concurrent use.
type Sources struct {
	docs  *Documents
	clock sys.Clock
	rand  sys.Rand
	admin Digest // see Reserve

	loading sync.Mutex // held while an index is read and put in place
	index   atomic.Pointer[index]
}

// index is what the collector asks. It never changes once it is in place, apart
// from the times of use.
type index struct {
	generation int64
	byWriteKey map[string]*entry
}

type entry struct {
	source  *Source
	expires int64 // 0: never
	used    *usage
}

// usage is when a key was last used; it outlives the index it stands in.
type usage struct {
	at     atomic.Int64 // UTC milliseconds
	stored atomic.Int64 // what the state knows of it
}

// OpenSources reads the sources that lie in the store.
func OpenSources(ctx context.Context, store state.Store, clock sys.Clock, rand sys.Rand) (*Sources, error) {
	s := &Sources{docs: NewDocuments(store), clock: clock, rand: rand}
	s.index.Store(&index{byWriteKey: map[string]*entry{}})
	return s, s.load(ctx)
}

// Reserve says which token is the administrator's, before the sources are used:
// write keys lie open in pages and apps, so none may be that token. The error is
// of kind Invalid when a source has it.
func (s *Sources) Reserve(admin Digest) error {
	s.admin = admin
	for value, e := range s.index.Load().byWriteKey {
		if admin.Matches(value) {
			return errs.New(errs.Invalid, "admin.token_is_write_key", "the admin token is a write key of the source %s; give another token, or the source another key", e.source.Key)
		}
	}
	return nil
}

func (s *Sources) now() int64 { return sys.Millis(s.clock.Now()) }

// ByWriteKey returns the source that sends with the key. It answers from memory
// and reports false for a key that is unknown or has expired; of a source that
// is not Enabled it is the caller's affair. The source must not be changed.
func (s *Sources) ByWriteKey(key string) (*Source, bool) {
	e := s.index.Load().byWriteKey[key]
	if e == nil {
		return nil, false
	}
	now := s.now()
	if e.expires != 0 && now >= e.expires {
		return nil, false
	}
	if now-e.used.at.Load() >= 1000 {
		e.used.at.Store(now)
	}
	return e.source, true
}

// load reads all sources and puts a new index in place. Loads follow each other,
// so an older state never replaces a newer one.
func (s *Sources) load(ctx context.Context) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	next := &index{byWriteKey: map[string]*entry{}}
	var docs []Document
	stored := map[string]int64{}
	err := s.docs.view(ctx, func(r state.Reader) (err error) {
		if next.generation, err = generation(ctx, r); err != nil {
			return err
		}
		if docs, err = scan(ctx, r, state.Prefix(kindPrefix(nil, KindSource))); err != nil {
			return err
		}
		return readUsage(ctx, r, stored)
	})
	if err != nil {
		return err
	}
	before := s.index.Load()
	for _, doc := range docs {
		src, err := decodeSource(doc)
		if err != nil {
			return err
		}
		for _, k := range s.liveKeys(src.WriteKeys) { // an expired key may be another source's by now
			next.byWriteKey[k.Value] = &entry{&src, k.ExpiresAt, before.usageOf(k.Value, stored[k.Value])}
		}
	}
	s.index.Store(next)
	return nil
}

// usageOf returns the usage of a key, which is carried over from index to index.
func (x *index) usageOf(key string, stored int64) *usage {
	u := &usage{}
	if e := x.byWriteKey[key]; e != nil {
		u = e.used
	}
	u.stored.Store(max(stored, u.stored.Load()))
	if u.at.Load() < stored {
		u.at.Store(stored)
	}
	return u
}

func readUsage(ctx context.Context, r state.Reader, into map[string]int64) error {
	for kv, err := range r.Scan(ctx, state.Prefix(kindPrefix(nil, kindUsed))) {
		if err != nil {
			return err
		}
		_, key, ok := cutKey(kv.Key)
		ms, err := mergedNumber(kv.Value, state.OpMax)
		if err != nil || !ok {
			return errs.New(errs.Corrupt, "resource.format", "a stored time of use is of no known format")
		}
		into[key] = ms
	}
	return nil
}

// Refresh reads the sources again if any resource has changed since they were
// read, be it on another node.
func (s *Sources) Refresh(ctx context.Context) error {
	n, err := s.docs.Generation(ctx)
	if err != nil || n == s.index.Load().generation {
		return err
	}
	return s.load(ctx)
}

// Run keeps the index current and stores times of use until ctx ends; then it
// stores them once more. Errors go to failed, and the next round tries again.
func (s *Sources) Run(ctx context.Context, failed func(error)) {
	stored := s.clock.Now()
	for {
		select {
		case <-ctx.Done():
			if err := s.StoreUsage(context.WithoutCancel(ctx)); err != nil {
				failed(err)
			}
			return
		case <-s.clock.After(refreshEvery):
		}
		if err := s.Refresh(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
		if now := s.clock.Now(); now.Sub(stored) >= usageEvery {
			stored = now
			if err := s.StoreUsage(ctx); err != nil && ctx.Err() == nil {
				failed(err)
			}
		}
	}
}

// Get returns the source of that key; the error is of kind NotFound when there
// is none.
func (s *Sources) Get(ctx context.Context, key string) (Source, error) {
	doc, err := s.docs.Get(ctx, KindSource, key)
	if err != nil {
		return Source{}, err
	}
	return s.shown(doc)
}

// List returns at most limit sources whose keys come after the given one, in
// ascending order, and whether more follow.
func (s *Sources) List(ctx context.Context, after string, limit int) (all []Source, more bool, err error) {
	docs, more, err := s.docs.List(ctx, KindSource, after, limit)
	if err != nil {
		return nil, false, err
	}
	for _, doc := range docs {
		src, err := s.shown(doc)
		if err != nil {
			return nil, false, err
		}
		all = append(all, src)
	}
	return all, more, nil
}

// shown decodes a source and fills in when its keys were used.
func (s *Sources) shown(doc Document) (Source, error) {
	src, err := decodeSource(doc)
	if err != nil {
		return Source{}, err
	}
	x := s.index.Load()
	for i := range src.WriteKeys {
		if e := x.byWriteKey[src.WriteKeys[i].Value]; e != nil {
			src.WriteKeys[i].LastUsedAt = e.used.at.Load()
		}
	}
	return src, nil
}

// Put makes the source of that key what the body says; created tells whether
// there was none. What a body leaves out has its default, apart from the write
// keys and the secret, which stay. A body that gives another write key than the
// current one replaces all keys at once; see Rotate for a change with overlap.
//
// The error is of kind Invalid when the body cannot be accepted, and Conflict
// when another source has the write key or the body names a version that is no
// longer the stored one.
func (s *Sources) Put(ctx context.Context, key string, body []byte) (src Source, created bool, err error) {
	if err := CheckKey(key); err != nil {
		return Source{}, false, err
	}
	want, err := readSource(key, body)
	if err != nil {
		return Source{}, false, err
	}
	err = s.change(ctx, key, func(have *Source) (*Source, error) {
		created = have == nil
		return s.merged(want, have)
	})
	if err != nil {
		return Source{}, false, err
	}
	src, err = s.Get(ctx, key)
	return src, created, err
}

// merged returns the source that a body makes of the one there is, or nil when
// nothing changes.
func (s *Sources) merged(want spec, have *Source) (*Source, error) {
	next := want.source
	var had uint64
	if have != nil {
		had = have.Version
		next.CreatedAt, next.UpdatedAt, next.Version = have.CreatedAt, have.UpdatedAt, have.Version
		next.WriteKeys, next.Secret = have.WriteKeys, have.Secret
	}
	if want.version != 0 && want.version != had {
		return nil, form.Refuse(errs.Conflict, "source.version", "/version", "the source has changed; read it again")
	}
	if want.secret != nil {
		next.Secret = [sha256.Size]byte{}
		if *want.secret != "" {
			next.Secret = sha256.Sum256([]byte(*want.secret))
		}
	}
	if err := s.giveKey(&next, want.writeKey, 0); err != nil {
		return nil, err
	}
	if have != nil && same(&next, have) {
		return nil, nil
	}
	return &next, nil
}

// giveKey makes writeKey the current key of a source. Without one the source
// keeps its key, or gets a new one if it has none. The keys before it stay known
// for the overlap, or until they would have expired anyway.
func (s *Sources) giveKey(src *Source, writeKey string, overlap time.Duration) error {
	current := src.CurrentKey()
	if writeKey == "" && current == "" {
		made, err := NewToken(WriteToken, s.rand)
		if err != nil {
			return err
		}
		writeKey = made
	}
	if writeKey == "" || writeKey == current {
		return nil
	}
	if s.admin.Matches(writeKey) {
		return form.Refuse(errs.Invalid, "source.write_key_reserved", "/write_key", "a write key lies open in pages and apps, and this one is the admin token")
	}
	now := s.now()
	until := now + overlap.Milliseconds()
	keys := []WriteKey{{Value: writeKey, CreatedAt: now}}
	for _, k := range src.WriteKeys {
		if k.Value == writeKey {
			keys[0].CreatedAt = k.CreatedAt
			continue
		}
		if k.ExpiresAt == 0 || k.ExpiresAt > until {
			k.ExpiresAt = until
		}
		keys = append(keys, k)
	}
	src.WriteKeys = keys
	return nil
}

// same reports whether two sources have the same document.
func same(a, b *Source) bool {
	return a.Name == b.Name && a.Type == b.Type && a.Enabled == b.Enabled && a.DefaultCountry == b.DefaultCountry &&
		a.ServerFieldsIgnored == b.ServerFieldsIgnored && a.Secret == b.Secret &&
		slices.Equal(a.WriteKeys, b.WriteKeys) && slices.Equal(a.Identifies, b.Identifies) && slices.Equal(a.AllowOrigins, b.AllowOrigins)
}

// change reads the source of that key, lets f say what becomes of it (nil:
// nothing) and writes that, all under the lock of resources. have is nil when
// there is no such source.
func (s *Sources) change(ctx context.Context, key string, f func(have *Source) (*Source, error)) error {
	err := s.docs.Change(ctx, func(c *Change) error {
		all, have, err := sourcesFor(c, key)
		if err != nil {
			return err
		}
		next, err := f(have)
		if err != nil || next == nil {
			return err
		}
		next.WriteKeys = s.liveKeys(next.WriteKeys)
		if err := unique(all, next, s.now()); err != nil {
			return err
		}
		next.Version++
		next.UpdatedAt = s.now()
		if have == nil {
			next.CreatedAt = next.UpdatedAt
		} else {
			dropUsage(c, have.WriteKeys, next.WriteKeys)
		}
		doc, err := next.document()
		if err == nil {
			c.Put(doc)
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.load(ctx)
}

// sourcesFor returns all sources and the one of that key.
func sourcesFor(c *Change, key string) (all []Source, have *Source, err error) {
	docs, err := c.All(KindSource)
	if err != nil {
		return nil, nil, err
	}
	for _, doc := range docs {
		src, err := decodeSource(doc)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, src)
		if src.Key == key {
			have = &src
		}
	}
	return all, have, nil
}

// liveKeys leaves out the keys that have expired.
func (s *Sources) liveKeys(keys []WriteKey) []WriteKey {
	now := s.now()
	return slices.DeleteFunc(slices.Clone(keys), func(k WriteKey) bool { return !k.liveAt(now) })
}

// unique refuses a write key that another source has.
func unique(all []Source, next *Source, now int64) error {
	taken := map[string]string{}
	for i := range all {
		if all[i].Key == next.Key {
			continue
		}
		for _, k := range all[i].WriteKeys {
			if k.liveAt(now) {
				taken[k.Value] = all[i].Key
			}
		}
	}
	for _, k := range next.WriteKeys {
		if other, ok := taken[k.Value]; ok {
			return form.Refuse(errs.Conflict, "source.write_key_taken", "/write_key", "the source "+other+" has this write key")
		}
	}
	return nil
}

// dropUsage removes the times of use of keys that are gone.
func dropUsage(c *Change, before, after []WriteKey) {
	for _, k := range before {
		if !slices.ContainsFunc(after, func(a WriteKey) bool { return a.Value == k.Value }) {
			c.Delete(kindUsed, k.Value)
		}
	}
}

// Rotate gives the source a new write key at once; the ones before it stay known
// for the overlap, or until they would have expired anyway.
func (s *Sources) Rotate(ctx context.Context, key string, overlap time.Duration) (Source, error) {
	made, err := NewToken(WriteToken, s.rand)
	if err != nil {
		return Source{}, err
	}
	err = s.change(ctx, key, func(have *Source) (*Source, error) {
		if have == nil {
			return nil, notFound(KindSource)
		}
		next := *have
		if err := s.giveKey(&next, made, overlap); err != nil {
			return nil, err
		}
		next.WriteKeys = s.liveKeys(next.WriteKeys)
		if len(next.WriteKeys) > writeKeysMax {
			return nil, errs.New(errs.Conflict, "source.too_many_keys",
				"a source may have %d write keys; wait until older ones expire, or put a write key to drop them", writeKeysMax)
		}
		return &next, nil
	})
	if err != nil {
		return Source{}, err
	}
	return s.Get(ctx, key)
}

// Delete removes the source; its write keys are unknown at once. Its events
// stay. The error is of kind NotFound when there is none.
func (s *Sources) Delete(ctx context.Context, key string) error {
	err := s.docs.Change(ctx, func(c *Change) error {
		doc, ok, err := c.Get(KindSource, key)
		if err != nil {
			return err
		}
		if !ok {
			return notFound(KindSource)
		}
		src, err := decodeSource(doc)
		if err != nil {
			return err
		}
		dropUsage(c, src.WriteKeys, nil)
		c.Delete(KindSource, key)
		return nil
	})
	if err != nil {
		return err
	}
	return s.load(ctx)
}

// EnsureDefault makes sure that there is a source DefaultSource, and that the
// given write key is its current one; another key that it had is rotated out with
// OverlapDefault, so a restart under an older setting loses nobody's events.
// Without a key the source keeps its own, or gets a new one when it is created.
func (s *Sources) EnsureDefault(ctx context.Context, writeKey string) (Source, error) {
	if writeKey != "" && !ValidWriteKey(writeKey) {
		return Source{}, errs.New(errs.Invalid, "source.write_key", "a write key has 1 to 128 visible ASCII characters without a colon")
	}
	err := s.change(ctx, DefaultSource, func(have *Source) (*Source, error) {
		if have == nil {
			have = &Source{Key: DefaultSource, Name: "Default", Type: TypeHTTP, Enabled: true}
		}
		next := *have
		if err := s.giveKey(&next, writeKey, OverlapDefault); err != nil {
			return nil, err
		}
		if next.Version != 0 && same(&next, have) {
			return nil, nil
		}
		return &next, nil
	})
	if err != nil {
		return Source{}, err
	}
	return s.Get(ctx, DefaultSource)
}

// StoreUsage stores when the write keys were last used, where that has changed.
// Each time is the greatest that any node has seen.
func (s *Sources) StoreUsage(ctx context.Context) error {
	type write struct {
		u  *usage
		at int64
	}
	var writes []write
	tx, err := s.docs.store.Begin(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for key, e := range s.index.Load().byWriteKey {
		if at := e.used.at.Load(); at > e.used.stored.Load() {
			tx.Merge(AppendKey(nil, kindUsed, key), state.OpMax, number(at))
			writes = append(writes, write{e.used, at})
		}
	}
	if len(writes) == 0 {
		return nil
	}
	if err := tx.Commit(ctx, state.Cursor{}); err != nil {
		return err
	}
	for _, w := range writes {
		w.u.stored.Store(w.at)
	}
	return nil
}
