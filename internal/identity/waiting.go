package identity

import (
	"context"
	"encoding/binary"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/state"
)

// WaitingMark is the key of the row that is there while evidence waits, so that
// the stored clusters are those of evidence of some time ago. Its value counts how
// often they have been brought up since they fell behind, and says what they fell
// behind with, so that no two times have the same values.
func WaitingMark() []byte { return []byte{byte(state.FamilyWaiting)} }

// The forms of the values; that of the mark is the first one.
const waitingVersion, waitingVersionBatch = 1, 2

// Lag is how far the stored clusters are behind the evidence.
type Lag struct {
	Waiting bool
	Passes  uint64 // how often they have been brought up since they fell behind
	Since   string // what they fell behind with: other bytes at another time
}

// Encode returns the value of the mark.
func (l *Lag) Encode() []byte {
	return append(binary.AppendUvarint([]byte{waitingVersion}, l.Passes), l.Since...)
}

// ReadLag reads the mark.
func ReadLag(ctx context.Context, r state.Reader) (Lag, error) {
	values, err := r.Get(ctx, [][]byte{WaitingMark()})
	if err != nil {
		return Lag{}, err
	}
	return DecodeLag(values[0])
}

// DecodeLag reads the value of the mark; nil is that of no lag.
func DecodeLag(value []byte) (Lag, error) {
	if value == nil {
		return Lag{}, nil
	}
	d := state.NewDecoder(value)
	version := d.Byte()
	l := Lag{Waiting: true, Passes: d.Uvarint(), Since: string(d.Rest())}
	if version != waitingVersion || !d.Done() {
		return Lag{}, errClusterFormat()
	}
	return l, nil
}

// Waiting is a node on which evidence bears that is not yet in the stored clusters.
type Waiting struct {
	Node  NodeID
	Cause eventlog.Position // the last record that brought some
	value []byte            // as it is stored
}

// Is reports whether a stored value is the one that was read.
func (w *Waiting) Is(value []byte) bool { return value != nil && string(value) == string(w.value) }

// WaitingRow is the key of the row of a node on which evidence waits.
func WaitingRow(node NodeID) []byte { return append(WaitingMark(), node[:]...) }

// EncodeWaiting is the row's value. batch is a partition and a number that each of its
// batches has for itself: one record may bear on a node several times, as when its run
// is taken back and is put back again, and who has brought the clusters up to the one
// must not take the other for it.
func EncodeWaiting(cause, batch eventlog.Position) []byte {
	b := []byte{waitingVersionBatch}
	for _, at := range [...]eventlog.Position{cause, batch} {
		b = binary.AppendUvarint(b, uint64(at.Partition))
		b = binary.AppendUvarint(b, uint64(at.Offset))
	}
	return b
}

// DecodeWaiting reads a row.
func DecodeWaiting(key, value []byte) (Waiting, error) {
	d := state.NewDecoder(value)
	version := d.Byte()
	w := Waiting{Cause: eventlog.Position{Partition: int32(d.Uvarint()), Offset: int64(d.Uvarint())}}
	if version == waitingVersionBatch {
		d.Uvarint()
		d.Uvarint()
		version = waitingVersion // which does not tell the batch
	}
	if len(key) != 1+len(w.Node) || version != waitingVersion || !d.Done() {
		return w, errs.New(errs.Corrupt, "identity.waiting_format", "a stored mark of waiting evidence cannot be read")
	}
	copy(w.Node[:], key[1:])
	w.value = append([]byte(nil), value...)
	return w, nil
}

// ReadWaiting returns the waiting nodes, ascending, at most limit of them (0: all).
func ReadWaiting(ctx context.Context, r state.Reader, limit int) ([]Waiting, error) {
	rng := state.Prefix(WaitingMark())
	rng.Low, rng.Limit = append(rng.Low, 0), limit
	var out []Waiting
	for kv, err := range r.Scan(ctx, rng) {
		if err != nil {
			return nil, err
		}
		w, err := DecodeWaiting(kv.Key, kv.Value)
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, nil
}

// Seen reports whether an observation names a node.
func Seen(ctx context.Context, r state.Reader, node NodeID) (bool, error) {
	for _, p := range [...][]byte{ObservationPrefix(node), AdjacentPrefix(node)} {
		rng := state.Prefix(p)
		rng.Limit = 1
		for _, err := range r.Scan(ctx, rng) {
			return err == nil, err
		}
	}
	return false, nil
}

// LeaderOf returns the leader of a node's cluster as of all evidence that r holds.
// A node that was never seen leads itself.
func LeaderOf(ctx context.Context, r state.Reader, cfg *Config, node NodeID) (NodeID, error) {
	lag, err := ReadLag(ctx, r)
	if err != nil {
		return NodeID{}, err
	}
	if !lag.Waiting {
		return NewClusters(r).Leader(ctx, node)
	}
	g, err := Explore(ctx, r, cfg, node)
	if err != nil || len(g.Nodes) == 0 {
		return node, err
	}
	return g.Leader, nil
}

// Gather returns the cluster of a node with its evidence, as Explore does, from the
// stored clusters; while evidence waits it explores.
func Gather(ctx context.Context, r state.Reader, cfg *Config, node NodeID) (*Group, error) {
	lag, err := ReadLag(ctx, r)
	if err != nil {
		return nil, err
	}
	if lag.Waiting {
		return Explore(ctx, r, cfg, node)
	}
	c, err := NewClusters(r).Of(ctx, node)
	if err != nil {
		return nil, err
	}
	x, err := newExplorer(ctx, r, cfg, exploreMax)
	if err != nil {
		return nil, err
	}
	return x.gather(ctx, c)
}

// gather reads the evidence of a cluster.
func (x *explorer) gather(ctx context.Context, c *Cluster) (*Group, error) {
	g := &Group{Leader: c.Leader, IDs: x.d.ids}
	have := map[ObservationKey]bool{}
	for _, n := range c.Nodes {
		seen := false
		err := x.evidence(ctx, n, func(batch []*Observation) (bool, error) {
			seen = seen || len(batch) > 0
			for _, o := range batch {
				if key := o.Key(); !have[key] {
					have[key] = true
					g.Observations = append(g.Observations, o)
				}
			}
			x.budget -= len(batch)
			g.Truncated = x.budget < 0
			return !g.Truncated, x.name(ctx, batch)
		})
		if err != nil {
			return nil, err
		}
		if seen {
			g.Nodes = append(g.Nodes, n)
		}
	}
	x.budget = exploreMax
	for _, n := range c.Nodes {
		if err := x.bind(ctx, n); err != nil {
			return nil, err
		}
	}
	x.ruledIn(g, c.Nodes)
	return g, nil
}
