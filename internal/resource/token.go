package resource

import (
	"crypto/sha256"
	"crypto/subtle"
	"hash/crc32"
	"io"
	"math/big"
	"strings"

	"kith/internal/errs"
	"kith/internal/sys"
)

// TokenKind is the prefix of a token that kith makes: what it opens can be told
// by sight and by a scanner of leaked secrets.
type TokenKind string

// The kinds of token.
const (
	WriteToken TokenKind = "kith_write_"
	AdminToken TokenKind = "kith_admin_"
)

const (
	tokenRandomBytes = 32
	tokenBodyLen     = 43 // 62^43 > 2^256
	tokenSumLen      = 6  // 62^6 > 2^32
)

// NewToken makes a token: the kind's prefix, 256 random bits and a CRC-32 over
// both, the latter two in base 62, so that a mistyped one is known without
// looking it up.
func NewToken(kind TokenKind, rand sys.Rand) (string, error) {
	var b [tokenRandomBytes]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", errs.Wrap(err, errs.Internal, "resource.random", "the random source failed")
	}
	token := string(kind) + base62(new(big.Int).SetBytes(b[:]), tokenBodyLen)
	return token + tokenSum(token), nil
}

// IsToken reports whether s is a token of the kind whose checksum fits.
func IsToken(kind TokenKind, s string) bool {
	if len(s) != len(kind)+tokenBodyLen+tokenSumLen || !strings.HasPrefix(s, string(kind)) {
		return false
	}
	body := s[:len(s)-tokenSumLen]
	return tokenSum(body) == s[len(body):]
}

func tokenSum(s string) string {
	return base62(new(big.Int).SetUint64(uint64(crc32.ChecksumIEEE([]byte(s)))), tokenSumLen)
}

// base62 writes n with digits, lower-case and upper-case letters, with zeros in
// front up to width.
func base62(n *big.Int, width int) string {
	s := n.Text(62)
	return strings.Repeat("0", width-len(s)) + s
}

// Digest is a token as it is kept in memory: enough to recognise it, not enough
// to use it.
type Digest [sha256.Size]byte

// DigestOf returns the digest of a token.
func DigestOf(token string) Digest { return sha256.Sum256([]byte(token)) }

// Matches reports whether the token is the one. It takes the same time whatever
// the token.
func (d Digest) Matches(token string) bool {
	other := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(d[:], other[:]) == 1
}
