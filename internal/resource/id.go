package resource

import (
	"encoding/hex"
	"io"

	"kith/internal/errs"
	"kith/internal/sys"
)

// NewID makes an id of a kind of thing, such as dec_ or job_: the prefix, the moment
// in UTC milliseconds, so that ids sort by time, and 80 random bits, the two in
// hexadecimal.
func NewID(prefix string, at int64, rand sys.Rand) (string, error) {
	var b [16]byte
	for i := range 6 {
		b[i] = byte(at >> (40 - 8*i))
	}
	if _, err := io.ReadFull(rand, b[6:]); err != nil {
		return "", errs.Wrap(err, errs.Internal, "resource.random", "the random source failed")
	}
	return prefix + hex.EncodeToString(b[:]), nil
}
