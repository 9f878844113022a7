// Package identity recognises which identifiers belong to one person. What is
// stored is only what was seen together (observations); clusters, leaders and
// the reasons for them are a pure function of the set of observations and the
// configuration, so the order of arrival never shows and everything can be taken
// back.
package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"sync"
)

// Identifier is a value of one type after normalising: what a node stands for.
type Identifier struct {
	Type, Value string
}

// NodeID names a node, and as a profile id the profile whose leader that node
// is. It is the first 128 bits of HMAC-SHA-256 over the length-prefixed type and
// value, marked as a UUID of version 8 (RFC 9562): stable, and not to be guessed
// from a list of addresses by someone without the key.
type NodeID [16]byte

// IsZero reports whether the id stands for no node.
func (n NodeID) IsZero() bool { return n == NodeID{} }

// String writes the id as a UUID.
func (n NodeID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], n[0:4])
	hex.Encode(b[9:13], n[4:6])
	hex.Encode(b[14:18], n[6:8])
	hex.Encode(b[19:23], n[8:10])
	hex.Encode(b[24:36], n[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// ParseNodeID reads a UUID in its canonical form.
func ParseNodeID(s string) (NodeID, bool) {
	var n NodeID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return n, false
	}
	plain := s[0:8] + s[9:13] + s[14:18] + s[19:23] + s[24:36]
	if _, err := hex.Decode(n[:], []byte(plain)); err != nil {
		return NodeID{}, false
	}
	return n, true
}

// Keyring makes node ids under one workspace's key. It is safe for concurrent
// use.
type Keyring struct {
	macs sync.Pool
}

// NewKeyring returns a keyring over the secret.
func NewKeyring(secret []byte) *Keyring {
	own := append([]byte(nil), secret...)
	k := &Keyring{}
	k.macs.New = func() any { return hmac.New(sha256.New, own) }
	return k
}

// Node returns the id of the node that stands for the identifier.
func (k *Keyring) Node(id Identifier) NodeID {
	mac := k.macs.Get().(hash.Hash)
	defer k.macs.Put(mac)
	mac.Reset()
	var buf [320]byte
	b := binary.AppendUvarint(buf[:0], uint64(len(id.Type)))
	b = append(b, id.Type...)
	b = binary.AppendUvarint(b, uint64(len(id.Value)))
	b = append(b, id.Value...)
	mac.Write(b)
	var sum [32]byte
	mac.Sum(sum[:0])
	var n NodeID
	copy(n[:], sum[:16])
	n[6] = n[6]&0x0f | 0x80
	n[8] = n[8]&0x3f | 0x80
	return n
}
