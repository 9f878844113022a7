package consent

import (
	"context"
	"encoding/binary"
	"iter"

	"kith/internal/eventlog"
	"kith/internal/identity"
	"kith/internal/state"
)

// Entry is one record in the ledger of a node: everything that it says of the
// node's purposes. Its node and place name it.
type Entry struct {
	Node identity.NodeID
	Place

	Position eventlog.Position // where the record lies, with policy and evidence
	At       int64             // when it claims to have been said, UTC milliseconds
	Said     []Said            // at least one
	// Elsewhere are the other nodes that have an entry of the same record; only the
	// home's entry names them.
	Elsewhere []identity.NodeID
}

// Place names an entry within its node.
type Place struct {
	ReceivedAt int64 // UTC milliseconds
	MessageID  string
	Source     string
	Event      bool // an event says it; ids of events and of consents are apart
}

// Statements yields what the entry says, one by one.
func (e *Entry) Statements() iter.Seq[*Statement] {
	return func(yield func(*Statement) bool) {
		for _, said := range e.Said {
			s := Statement{Said: said, At: e.At, ReceivedAt: e.ReceivedAt, MessageID: e.MessageID, Source: e.Source}
			if !yield(&s) {
				return
			}
		}
	}
}

// LedgerPrefix is the key prefix of a node's ledger.
func LedgerPrefix(node identity.NodeID) []byte {
	return append([]byte{byte(state.FamilyLedger)}, node[:]...)
}

// LedgerRow is the key of an entry; the entries of a node lie in the order of
// their receipt.
func LedgerRow(node identity.NodeID, p Place) []byte {
	b := state.AppendTime(LedgerPrefix(node), p.ReceivedAt)
	b = append(state.AppendText(b, p.MessageID), 0)
	if p.Event {
		b[len(b)-1] = 1
	}
	return append(b, p.Source...)
}

const ledgerVersion = 1

// Encode returns the entry's stored value.
func (e *Entry) Encode() []byte {
	b := make([]byte, 0, 24+24*len(e.Said)+16*len(e.Elsewhere))
	b = append(b, ledgerVersion)
	b = binary.AppendUvarint(b, uint64(e.Position.Partition))
	b = binary.AppendUvarint(b, uint64(e.Position.Offset))
	b = binary.AppendVarint(b, e.At)
	b = binary.AppendUvarint(b, uint64(len(e.Said)))
	for _, s := range e.Said {
		b = append(b, byte(s.State), byte(s.Via))
		b = appendText(b, s.Purpose)
		b = appendText(b, s.Channel)
	}
	for _, n := range e.Elsewhere {
		b = append(b, n[:]...)
	}
	return b
}

// DecodeEntry reads a row of the ledger; the error is of kind Corrupt.
func DecodeEntry(key, value []byte) (*Entry, error) {
	if len(key) < 17 || key[0] != byte(state.FamilyLedger) {
		return nil, errFormat("entry of the ledger of consents")
	}
	e := &Entry{Node: identity.NodeID(key[1:17])}
	received, rest, ok1 := state.CutTime(key[17:])
	id, rest, ok2 := state.CutText(rest)
	ok3 := len(rest) > 0 && rest[0] <= 1
	if ok3 {
		e.Place = Place{received, id, string(rest[1:]), rest[0] == 1}
	}
	d := state.NewDecoder(value)
	version := d.Byte()
	e.Position = eventlog.Position{Partition: int32(d.Uvarint()), Offset: int64(d.Uvarint())}
	e.At = d.Varint()
	ok := ok1 && ok2 && ok3 && version == ledgerVersion
	for n := d.Count(4); n > 0; n-- {
		s := Said{State: State(d.Byte()), Via: Via(d.Byte()), Purpose: d.Text(), Channel: d.Text()}
		ok = ok && s.State.String() != "" && s.Via.String() != ""
		e.Said = append(e.Said, s)
	}
	for d.More() {
		e.Elsewhere = append(e.Elsewhere, identity.NodeID(d.Take(16)))
	}
	if !ok || !d.Done() || len(e.Said) == 0 {
		return nil, errFormat("entry of the ledger of consents")
	}
	return e, nil
}

// GetEntry returns an entry, or nil.
func GetEntry(ctx context.Context, r state.Reader, node identity.NodeID, p Place) (*Entry, error) {
	key := LedgerRow(node, p)
	values, err := r.Get(ctx, [][]byte{key})
	if err != nil || values[0] == nil {
		return nil, err
	}
	return DecodeEntry(key, values[0])
}

// Ledger yields the entries of a node in the order of their receipt, or the last
// one first, up to a moment of receipt.
func Ledger(ctx context.Context, r state.Reader, node identity.NodeID, upTo int64, reverse bool, limit int) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		rng := state.Prefix(LedgerPrefix(node))
		rng.Reverse, rng.Limit = reverse, limit
		if upTo != EndOfTime {
			rng.High = state.AppendTime(LedgerPrefix(node), upTo+1)
		}
		for kv, err := range r.Scan(ctx, rng) {
			if err != nil {
				yield(nil, err)
				return
			}
			e, err := DecodeEntry(append([]byte(nil), kv.Key...), kv.Value)
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// ReadNode reads what counts at a node.
func ReadNode(ctx context.Context, r state.Reader, node identity.NodeID) (Node, error) {
	out := Node{}
	for kv, err := range r.Scan(ctx, state.Prefix(RegisterPrefix(node))) {
		if err != nil {
			return nil, err
		}
		_, purpose, channel, ok := CutRegisterRow(kv.Key)
		if !ok {
			return nil, errFormat("consent")
		}
		if out[Key{purpose, channel}], err = DecodeRegister(kv.Value); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ReadPerson reads what counts at the nodes of a person.
func ReadPerson(ctx context.Context, r state.Reader, nodes []identity.NodeID) (Person, error) {
	var out Person
	for _, n := range nodes {
		node, err := ReadNode(ctx, r, n)
		if err != nil {
			return nil, err
		}
		if len(node) > 0 {
			out = append(out, node)
		}
	}
	return out, nil
}

// PersonAsOf folds what the nodes' statements claim to have said up to a moment.
func PersonAsOf(ctx context.Context, r state.Reader, nodes []identity.NodeID, at int64) (Person, error) {
	var out Person
	for _, n := range nodes {
		node := Node{}
		for e, err := range Ledger(ctx, r, n, EndOfTime, false, 0) {
			if err != nil {
				return nil, err
			}
			if e.At > at {
				continue
			}
			for s := range e.Statements() {
				node.Add(s)
			}
		}
		out = append(out, node)
	}
	return out, nil
}

// CheckRow tells whether a row of the families of consent can be read; the error
// is of kind Corrupt.
func CheckRow(key, value []byte) error {
	if state.Family(key[0]) == state.FamilyLedger {
		_, err := DecodeEntry(key, value)
		return err
	}
	if _, _, _, ok := CutRegisterRow(key); !ok {
		return errFormat("consent")
	}
	_, err := DecodeRegister(value)
	return err
}
