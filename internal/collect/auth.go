package collect

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"strings"

	"kith/internal/strictjson"
)

// credential is a write key as a request brings it, and what came behind the
// colon.
type credential struct {
	key, secret string
}

// split takes a key apart at the first colon. Jitsu's SDK sends key:secret, in
// bodies key:***.
func split(s string) credential {
	key, secret, _ := strings.Cut(s, ":")
	return credential{key, secret}
}

// headCredential returns the write key that the request's head names: Basic
// user, bearer token, X-Write-Key, query, in this order. A bearer token counts
// only if it is a write key; that of an OAuth client is not, and the key is
// then elsewhere.
func (j *job) headCredential() credential {
	if c := basic(j.header("Authorization")); c.key != "" {
		return c
	}
	if token := bearer(j.header("Authorization")); token != "" {
		if _, ok := j.c.sources.ByWriteKey(split(token).key); ok {
			return split(token)
		}
	}
	if c := split(j.header("X-Write-Key")); c.key != "" {
		return c
	}
	return split(j.query("writeKey"))
}

// bodyCredential returns the write key that a parsed body names.
func bodyCredential(root strictjson.Value) credential {
	if c := split(root.Get("writeKey").Text()); c.key != "" {
		return c
	}
	for first := range root.Get("batch").Elements() {
		return split(first.Get("writeKey").Text())
	}
	return credential{}
}

// basic reads the user and password of an Authorization header. The scheme may
// be in any case, and the colon may be missing.
func basic(header string) credential {
	coded, ok := scheme(header, "basic")
	if !ok {
		return credential{}
	}
	plain, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(coded, "="))
	if err != nil {
		return credential{}
	}
	return split(string(plain))
}

func bearer(header string) string {
	token, _ := scheme(header, "bearer")
	return token
}

// scheme returns what follows the name of an authentication scheme.
func scheme(header, name string) (string, bool) {
	if len(header) <= len(name) || header[len(name)] != ' ' || !strings.EqualFold(header[:len(name)], name) {
		return "", false
	}
	return strings.TrimSpace(header[len(name):]), true
}

// open finds the source of a credential and checks that it may send here.
func (j *job) open(c credential) *refusal {
	if c.key == "" {
		return badKey()
	}
	source, ok := j.c.sources.ByWriteKey(c.key)
	if !ok || !source.Enabled {
		return badKey()
	}
	if j.ep.serverToServer && source.SecretHash != [sha256.Size]byte{} {
		sum := sha256.Sum256([]byte(c.secret))
		if subtle.ConstantTimeCompare(sum[:], source.SecretHash[:]) != 1 {
			return badKey()
		}
	}
	if origin := j.header("Origin"); origin != "" && len(source.AllowOrigins) > 0 && !slices.Contains(source.AllowOrigins, origin) {
		return invalid("origin_not_allowed", "the source does not take events from this origin")
	}
	j.source = source
	return nil
}
