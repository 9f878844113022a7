package identity

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"sort"

	"kith/internal/errs"
	"kith/internal/state"
)

// Kind tells how identifiers came to be seen together.
type Kind uint8

// The kinds. The numbers are stored.
const (
	SeenInEvent    Kind = 1
	SeenInIdentify Kind = 2
	SeenInAlias    Kind = 3
	SeenInConsent  Kind = 4 // in a consent that came through the API; no event
)

// String returns the kind's name in answers.
func (k Kind) String() string {
	switch k {
	case SeenInIdentify:
		return "identify"
	case SeenInAlias:
		return "alias"
	case SeenInConsent:
		return "consent"
	}
	return "event"
}

// ObservationKey names an observation: the first 128 bits of SHA-256 over its
// kind, source, run and sorted nodes.
type ObservationKey [16]byte

// Sighting is one event that supports an observation: its place in the order of
// events.
type Sighting struct {
	Timestamp int64 // UTC milliseconds
	MessageID string
	Source    string
}

// Compare is the order of events: timestamp, then message id, then source.
func (s Sighting) Compare(t Sighting) int {
	if s.Timestamp != t.Timestamp {
		if s.Timestamp < t.Timestamp {
			return -1
		}
		return 1
	}
	if c := bytes.Compare([]byte(s.MessageID), []byte(t.MessageID)); c != 0 {
		return c
	}
	return bytes.Compare([]byte(s.Source), []byte(t.Source))
}

// samplesMax is how many supporting events an observation names: the first ones
// in the order of events, so that it does not depend on who came first.
const samplesMax = 3

// Observation is a set of identifiers seen together by one source; one alone is
// a sighting. Folding takes least, greatest, sum and union, so it commutes; Count
// is exact because each event is folded once.
type Observation struct {
	Kind    Kind
	Source  string
	Run     string   // the load that the events belong to; empty for streams
	Home    NodeID   // the node of the highest rank
	Nodes   []NodeID // all of them, ascending, without repeats
	First   int64    // of event time, UTC milliseconds
	Last    int64
	Count   int64
	Samples []Sighting // ascending; Source is empty here: it is the observation's
}

// Key returns the observation's name.
func (o *Observation) Key() ObservationKey {
	b := make([]byte, 0, 64+16*len(o.Nodes))
	b = append(b, byte(o.Kind))
	b = appendText(b, o.Source)
	b = appendText(b, o.Run)
	for _, n := range o.Nodes {
		b = append(b, n[:]...)
	}
	sum := sha256.Sum256(b)
	return ObservationKey(sum[:16])
}

// CompareNodes orders nodes by their bytes.
func CompareNodes(a, b NodeID) int { return bytes.Compare(a[:], b[:]) }

// SortNodes brings nodes into the order that the key is made over.
func SortNodes(nodes []NodeID) {
	sort.Slice(nodes, func(i, j int) bool { return bytes.Compare(nodes[i][:], nodes[j][:]) < 0 })
}

// Add folds one more event into the observation.
func (o *Observation) Add(at int64, messageID string) {
	if o.Count == 0 || at < o.First {
		o.First = at
	}
	if o.Count == 0 || at > o.Last {
		o.Last = at
	}
	o.Count++
	s := Sighting{Timestamp: at, MessageID: messageID}
	i := sort.Search(len(o.Samples), func(i int) bool { return o.Samples[i].Compare(s) >= 0 })
	if i >= samplesMax {
		return
	}
	o.Samples = append(o.Samples, Sighting{})
	copy(o.Samples[i+1:], o.Samples[i:])
	o.Samples[i] = s
	if len(o.Samples) > samplesMax {
		o.Samples = o.Samples[:samplesMax]
	}
}

// Merge folds other, an observation of the same name, into o.
func (o *Observation) Merge(other *Observation) {
	o.First = min(o.First, other.First)
	o.Last = max(o.Last, other.Last)
	o.Count += other.Count
	all := append(append([]Sighting(nil), o.Samples...), other.Samples...)
	sort.Slice(all, func(i, j int) bool { return all[i].Compare(all[j]) < 0 })
	o.Samples = all[:min(len(all), samplesMax)]
}

// Decides reports whether taking the event away can change more than the count:
// it is the first or last, or one of the samples.
func (o *Observation) Decides(s Sighting) bool {
	if s.Timestamp <= o.First || s.Timestamp >= o.Last {
		return true
	}
	for _, have := range o.Samples {
		if have.Timestamp == s.Timestamp && have.MessageID == s.MessageID {
			return true
		}
	}
	return false
}

// ObservationPrefix is the key prefix of the observations at home at a node.
func ObservationPrefix(home NodeID) []byte {
	return append([]byte{byte(state.FamilyObservation)}, home[:]...)
}

// ObservationRow is the key of an observation's row.
func ObservationRow(home NodeID, key ObservationKey) []byte {
	return append(ObservationPrefix(home), key[:]...)
}

// AdjacentPrefix is the key prefix of the observations that name a node but are
// at home elsewhere.
func AdjacentPrefix(node NodeID) []byte {
	return append([]byte{byte(state.FamilyAdjacent)}, node[:]...)
}

// AdjacentRow is the key of one such reference; its value is empty.
func AdjacentRow(node, home NodeID, key ObservationKey) []byte {
	return append(append(AdjacentPrefix(node), home[:]...), key[:]...)
}

// SplitAdjacent takes the home and observation out of an adjacency key.
func SplitAdjacent(row []byte) (home NodeID, key ObservationKey, ok bool) {
	if len(row) != 1+16+16+16 {
		return home, key, false
	}
	copy(home[:], row[17:33])
	copy(key[:], row[33:49])
	return home, key, true
}

// IdentifierRow is the key of the row that says what a node stands for.
func IdentifierRow(node NodeID) []byte {
	return append([]byte{byte(state.FamilyIdentifier)}, node[:]...)
}

const observationVersion = 1

// Encode returns the observation's stored value.
func (o *Observation) Encode() []byte {
	b := make([]byte, 0, 48+16*len(o.Nodes)+48*len(o.Samples))
	b = append(b, observationVersion, byte(o.Kind))
	b = appendText(b, o.Source)
	b = appendText(b, o.Run)
	b = binary.AppendUvarint(b, uint64(len(o.Nodes)))
	for _, n := range o.Nodes {
		b = append(b, n[:]...)
	}
	b = binary.AppendVarint(b, o.First)
	b = binary.AppendVarint(b, o.Last)
	b = binary.AppendUvarint(b, uint64(o.Count))
	b = binary.AppendUvarint(b, uint64(len(o.Samples)))
	for _, s := range o.Samples {
		b = binary.AppendVarint(b, s.Timestamp)
		b = appendText(b, s.MessageID)
	}
	return b
}

// DecodeObservation reads a stored value; home comes from the key.
func DecodeObservation(home NodeID, value []byte) (*Observation, error) {
	d := state.NewDecoder(value)
	if d.Byte() != observationVersion {
		return nil, errs.New(errs.Corrupt, "identity.observation_format", "a stored observation cannot be read")
	}
	o := &Observation{Home: home, Kind: Kind(d.Byte()), Source: d.Text(), Run: d.Text()}
	for n := d.Count(16); n > 0; n-- {
		o.Nodes = append(o.Nodes, NodeID(d.Take(16)))
	}
	o.First, o.Last, o.Count = d.Varint(), d.Varint(), int64(d.Uvarint())
	for n := d.Count(2); n > 0; n-- {
		o.Samples = append(o.Samples, Sighting{Timestamp: d.Varint(), MessageID: d.Text()})
	}
	if !d.Done() {
		return nil, errs.New(errs.Corrupt, "identity.observation_format", "a stored observation cannot be read")
	}
	return o, nil
}

// EncodeIdentifier returns the stored value of an identifier.
func EncodeIdentifier(id Identifier) []byte {
	return append(appendText([]byte{1}, id.Type), id.Value...)
}

// DecodeIdentifier reads a stored identifier.
func DecodeIdentifier(value []byte) (Identifier, error) {
	d := state.NewDecoder(value)
	version, typ := d.Byte(), d.Text()
	rest := string(d.Rest())
	if version != 1 || !d.Done() {
		return Identifier{}, errs.New(errs.Corrupt, "identity.identifier_format", "a stored identifier cannot be read")
	}
	return Identifier{typ, rest}, nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
