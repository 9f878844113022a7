// Package signin lets a browser use the API without holding a key. A one-time
// code, or the admin token typed in by its holder, is exchanged for a session
// whose id lives in a cookie that scripts cannot read and other sites cannot make
// the browser send. Sessions and codes are documents of the state, so that every
// process on it knows them: as digests of secrets of 256 random bits, so that a copy
// of the state grants nothing, and as grants of the admin token of the day.
package signin

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"time"

	"kith/internal/errs"
	"kith/internal/resource"
	"kith/internal/route"
	"kith/internal/sys"
)

// How long what is handed out is good for.
const (
	// CodeTime is how long a one-time code waits to be used.
	CodeTime = 15 * time.Minute
	// IdleTime ends a session that nobody uses: a working day.
	IdleTime = 8 * time.Hour
	// WholeTime ends every session.
	WholeTime = 7 * 24 * time.Hour
)

// The most that is held at a time; the oldest gives way. Only holders of the
// admin token make either, so the bounds keep mistakes small and no more.
const (
	codesMax    = 100
	sessionsMax = 1000
)

// GuardHeader must stand in every call by cookie that may change something, with
// any value. A page of another site cannot set it without asking first, and the
// API answers no such question.
const GuardHeader = "X-Kith-Request"

// The codes of errors.
const (
	CodeForeign = "session.foreign" // the call comes from a page of another origin
	CodeUsed    = "session.code"    // the one-time code is unknown, used or too old
)

// Config is what sessions work with; everything is needed.
type Config struct {
	Clock sys.Clock
	Rand  sys.Rand
	// Holder returns who holds a token; an error of kind Denied when nobody does.
	Holder route.Authenticator
	// Owner is whom a one-time code stands for.
	Owner route.Principal
	// Documents is where codes and sessions are kept.
	Documents *resource.Documents
	// Grant is what they rest on. Those that were made under another one have ended.
	Grant string
}

// Sessions gives out and knows the codes and sessions of a state. Any number of
// processes may do so for one. It is safe for concurrent use.
type Sessions struct {
	cfg Config
}

type digest [sha256.Size]byte

// New returns the sessions of a state. It panics when a part of the configuration is
// missing.
func New(cfg Config) *Sessions {
	if cfg.Clock == nil || cfg.Rand == nil || cfg.Holder == nil || cfg.Documents == nil {
		panic("BUG: sessions need a clock, a random source, who holds tokens and where to keep them")
	}
	return &Sessions{cfg}
}

// NewCode makes a one-time code, good for CodeTime.
func (s *Sessions) NewCode(ctx context.Context) (string, error) {
	code, err := s.secret()
	if err != nil {
		return "", err
	}
	k := &kept{Grant: s.cfg.Grant, Began: sys.Millis(s.cfg.Clock.Now())}
	return code, s.add(ctx, kindCode, code, k, "", codesMax)
}

// Of returns who makes a call without a key: the holder of the session that its
// cookie names. The error is of kind Denied. A call that may change something has
// to prove that it comes from a page of this very server, by its origin and by
// GuardHeader; any other must at least not admit to come from elsewhere.
func (s *Sessions) Of(r *http.Request) (route.Principal, error) {
	id, err := cookieOf(r)
	if err != nil {
		return route.Principal{}, err
	}
	k, err := s.find(r.Context(), id)
	if err != nil {
		return route.Principal{}, err
	}
	var who route.Principal
	known := false
	if k != nil {
		who, known = s.principal(k)
	}
	if !known {
		return route.Principal{}, errs.New(errs.Denied, route.CodeBadKey, "the session has ended; sign in again")
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return who, notForeign(r)
	}
	return who, ownPage(r)
}

// begin makes a session under a new id and ends the one that the browser had, so
// that an id planted before signing in is worth nothing afterwards.
func (s *Sessions) begin(ctx context.Context, who route.Principal, before string) (id string, err error) {
	if id, err = s.secret(); err != nil {
		return "", err
	}
	now := sys.Millis(s.cfg.Clock.Now())
	k := &kept{Grant: s.cfg.Grant, Key: who.Key.String(), Name: who.Name, Began: now, Hit: now}
	return id, s.add(ctx, kindSession, id, k, before, sessionsMax)
}

func (s *Sessions) end(ctx context.Context, id string) error {
	return s.cfg.Documents.Forget(ctx, kindSession, keyOf(id))
}

// secret draws 256 bits.
func (s *Sessions) secret() (string, error) {
	var raw [32]byte
	if _, err := io.ReadFull(s.cfg.Rand, raw[:]); err != nil {
		return "", errs.Wrap(err, errs.Internal, "session.random", "the random source failed")
	}
	return base64.RawURLEncoding.EncodeToString(raw[:]), nil
}

func digestOf(secret string) digest { return sha256.Sum256([]byte(secret)) }

// cookieName names the cookie for the port that the browser speaks to, since
// browsers share the cookies of a host among all its ports.
func cookieName(r *http.Request) string {
	port := (&url.URL{Host: r.Host}).Port()
	if port == "" {
		port = "0"
	}
	return "kith-session-" + port
}

// cookieOf returns the session's id. Two cookies of the name mean that somebody
// else planted one, and neither is believed.
func cookieOf(r *http.Request) (string, error) {
	found := r.CookiesNamed(cookieName(r))
	switch {
	case len(found) == 0:
		return "", errs.New(errs.Denied, route.CodeNoKey, "send the key as Authorization: Bearer KEY")
	case len(found) > 1:
		return "", errs.New(errs.Denied, route.CodeBadKey, "there are two session cookies; remove both and sign in again")
	}
	return found[0].Value, nil
}

// notForeign refuses what the browser itself marks as made by another site's
// page.
func notForeign(r *http.Request) error {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return nil
	}
	return foreign()
}

// ownPage admits only what a page of this server sent.
func ownPage(r *http.Request) error {
	if err := notForeign(r); err != nil {
		return err
	}
	origins := r.Header.Values("Origin")
	if r.Header.Get(GuardHeader) == "" || len(origins) != 1 {
		return foreign()
	}
	u, err := url.Parse(origins[0])
	if err != nil || u.Host == "" || u.Host != r.Host || u.Scheme != "http" && u.Scheme != "https" {
		return foreign()
	}
	return nil
}

func foreign() error {
	return errs.New(errs.Denied, CodeForeign, "calls by cookie come from the pages of this server only, with its origin and the header %s", GuardHeader)
}
