package state

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// Family is the first byte of every key: which table the row belongs to.
// FORMAT.md describes each one's key and value.
type Family byte

// The families. The bytes are stored.
const (
	FamilyAdjacent    Family = 'A' // node → observations that are at home elsewhere
	FamilyOwned       Family = 'B' // owner's node, entity, row → the row belongs to it
	FamilyCursor      Family = 'C' // partition → how far the log is folded, and counters
	FamilyMarkDay     Family = 'D' // day of receipt → marks that may end with it
	FamilyEntity      Family = 'E' // entity, key of the row → its attributes
	FamilyFact        Family = 'F' // partition, sequence → block of facts
	FamilyLedger      Family = 'G' // node, receipt, record → what it said of purposes
	FamilyHistory     Family = 'H' // node, strand, call, time, message → where the event lies
	FamilyIdentifier  Family = 'I' // node → type and value
	FamilyDecision    Family = 'J' // decision → what an operator decided, and whether it stands
	FamilyLake        Family = 'L' // what the lake holds, and which profile it says a node belongs to
	FamilyMembership  Family = 'K' // who is in which segment, when that may change, and what changed
	FamilyMark        Family = 'M' // source and messageId → which copy is the event
	FamilyWaiting     Family = 'N' // node → evidence on it is not yet in the clusters
	FamilyObservation Family = 'O' // home node, observation → what was seen together
	FamilyCluster     Family = 'P' // node → the cluster that it belongs to
	FamilyQuarantine  Family = 'Q' // partition, offset → record that could not be folded
	FamilyResource    Family = 'R' // kind, key → document
	FamilySearch      Family = 'S' // token, node, field → that the node is found by it
	FamilyTrait       Family = 'T' // node, trait key → the write that counts
	FamilyRun         Family = 'U' // source and run → its messages, and whether it is retracted
	FamilyConsent     Family = 'V' // node, purpose, channel → what counts of what was said
	FamilyEntityWrite Family = 'W' // entity, key of the row, record → what it wrote of the row
	FamilyJournal     Family = 'Y' // profile, time → what became of it, and why
	FamilyRuling      Family = 'X' // node, node → an operator's word on the two
	FamilyCold        Family = 'Z' // what of the history lies elsewhere: in all, and by node
)

// NameBytesMax bounds a name inside a key. It keeps every key under the 2,704
// bytes that an index row of PostgreSQL may have.
const NameBytesMax = 255

// AppendText appends s so that keys sort as their texts do and no text can run
// into what follows: a zero byte becomes 00 FF, and 00 01 ends the text.
func AppendText(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		b = append(b, s[i])
		if s[i] == 0 {
			b = append(b, 0xff)
		}
	}
	return append(b, 0, 1)
}

// CutText takes a text written by AppendText off the front of b.
func CutText(b []byte) (s string, rest []byte, ok bool) {
	var out []byte
	for i := 0; i+1 < len(b); i++ {
		if b[i] != 0 {
			out = append(out, b[i])
			continue
		}
		if b[i+1] == 1 {
			return string(out), b[i+2:], true
		}
		if b[i+1] != 0xff {
			return "", nil, false
		}
		out = append(out, 0)
		i++
	}
	return "", nil, false
}

// AppendTime appends UTC milliseconds so that keys sort by time.
func AppendTime(b []byte, ms int64) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(ms)^1<<63)
}

// CutTime takes a time written by AppendTime off the front of b.
func CutTime(b []byte) (ms int64, rest []byte, ok bool) {
	if len(b) < 8 {
		return 0, nil, false
	}
	return int64(binary.BigEndian.Uint64(b) ^ 1<<63), b[8:], true
}

// BoundName returns the form of a name that stands in keys: the name itself up
// to NameBytesMax bytes, else its first bytes and a hash of the whole.
func BoundName(name string) string {
	if len(name) <= NameBytesMax {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:NameBytesMax-32] + hex.EncodeToString(sum[:16])
}

// NodeLocks is the number of locks that guard nodes: 0 to NodeLocks-1.
const NodeLocks = 256

// LockOf is the lock that guards the rows of a node: its shard of the space of
// node ids, of which there are NodeLocks. Node ids are keyed hashes, so shards are even.
func LockOf(node [16]byte) Lock { return Lock(node[0]) }

// ResourceLock guards the resource documents.
const ResourceLock Lock = 1 << 16

// DecisionLock guards the operators' decisions and what follows from them.
const DecisionLock Lock = 1<<16 + 1

// LakeLock guards what the state keeps of the lake.
const LakeLock Lock = 1<<16 + 2

// MembershipLock guards the memberships of segments.
const MembershipLock Lock = 1<<16 + 3

// PartitionLock guards the cursor, facts and quarantine of a partition.
func PartitionLock(partition int32) Lock { return Lock(1<<17 + partition) }
