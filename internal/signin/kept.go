package signin

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"kith/internal/errs"
	"kith/internal/resource"
	"kith/internal/route"
	"kith/internal/sys"
)

// The documents that are kept, under the digest of their secret in hexadecimal
// digits.
const (
	kindCode    = "sign_in_code"
	kindSession = "session"
)

// kept is a code or a session. Times are UTC milliseconds.
type kept struct {
	Grant string `json:"grant"`          // see Config.Grant
	Key   string `json:"key,omitempty"`  // the kind of key whose holder signed in, of a session
	Name  string `json:"name,omitempty"` // and its name
	Began int64  `json:"began"`
	Hit   int64  `json:"hit,omitempty"` // when a session was used last, to hitEvery
}

// hitEvery is how exactly it is known when a session was used last: each call that
// found that out to the moment would write.
const hitEvery = time.Minute

// good tells whether a code or a session, of a kind, still stands for somebody.
func (s *Sessions) good(kind string, k *kept) bool {
	now := sys.Millis(s.cfg.Clock.Now())
	if k == nil || k.Grant != s.cfg.Grant {
		return false
	}
	if kind == kindCode {
		return now < k.Began+CodeTime.Milliseconds()
	}
	return now < min(k.Hit+IdleTime.Milliseconds(), k.Began+WholeTime.Milliseconds())
}

func keyOf(secret string) string {
	d := digestOf(secret)
	return hex.EncodeToString(d[:])
}

func readKept(doc resource.Document) (*kept, error) {
	k := &kept{}
	if err := json.Unmarshal(doc.JSON, k); err != nil {
		return nil, errs.Wrap(err, errs.Corrupt, "session.format", "what is kept of a session cannot be read")
	}
	return k, nil
}

func (k *kept) document(kind, key string) (resource.Document, error) {
	data, err := json.Marshal(k)
	return resource.Document{Kind: kind, Key: key, Version: 1, JSON: data}, errs.Wrap(err, errs.Internal, "session.encode", "a session cannot be written down")
}

// principal is who signed in. ok is false for what another version has written.
func (s *Sessions) principal(k *kept) (who route.Principal, ok bool) {
	for _, key := range []route.Key{route.ReadKey, route.AdminKey} {
		if key.String() == k.Key {
			return route.Principal{Key: key, Name: k.Name, Workspace: s.cfg.Owner.Workspace}, true
		}
	}
	return route.Principal{}, false
}

// add keeps a code or session under a secret, and none any more under another. Those
// that have ended go, and so do the oldest where there are too many.
func (s *Sessions) add(ctx context.Context, kind, secret string, k *kept, instead string, most int) error {
	doc, err := k.document(kind, keyOf(secret))
	if err != nil {
		return err
	}
	return s.cfg.Documents.ChangeKept(ctx, func(c *resource.Change) error {
		others, err := s.others(c, kind, instead)
		if err != nil {
			return err
		}
		for i := range len(others) - (most - 1) {
			c.Delete(kind, others[i])
		}
		c.Put(doc)
		return nil
	})
}

// others returns the keys of what is good, the one longest unused first, and deletes
// the rest.
func (s *Sessions) others(c *resource.Change, kind, instead string) (keys []string, err error) {
	docs, err := c.All(kind)
	if err != nil {
		return nil, err
	}
	used := map[string]int64{}
	for _, doc := range docs {
		k, err := readKept(doc)
		if err != nil || !s.good(kind, k) || doc.Key == keyOf(instead) {
			c.Delete(kind, doc.Key)
			continue
		}
		keys, used[doc.Key] = append(keys, doc.Key), max(k.Began, k.Hit)
	}
	slices.SortStableFunc(keys, func(a, b string) int { return cmp.Compare(used[a], used[b]) })
	return keys, nil
}

// take uses a code up: of all who present it one finds it good.
func (s *Sessions) take(ctx context.Context, code string) (ok bool, err error) {
	key := keyOf(code)
	err = s.cfg.Documents.ChangeKept(ctx, func(c *resource.Change) error {
		doc, found, err := c.Get(kindCode, key)
		if err != nil || !found {
			return err
		}
		c.Delete(kindCode, key)
		k, err := readKept(doc)
		ok = err == nil && s.good(kindCode, k)
		return nil
	})
	return ok && err == nil, err
}

// find returns a session that is good, nil if there is none, and notes that it is
// used.
func (s *Sessions) find(ctx context.Context, id string) (*kept, error) {
	doc, err := s.cfg.Documents.Get(ctx, kindSession, keyOf(id))
	if errs.Is(err, errs.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	k, err := readKept(doc)
	if err != nil || !s.good(kindSession, k) {
		return nil, err
	}
	if now := sys.Millis(s.cfg.Clock.Now()); now >= k.Hit+hitEvery.Milliseconds() {
		used := *k
		used.Hit = now
		if next, err := used.document(kindSession, doc.Key); err == nil {
			_ = s.cfg.Documents.Replace(ctx, doc, next) // another call has noted it, or the next one does
		}
	}
	return k, nil
}
