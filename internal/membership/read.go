package membership

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"kith/internal/identity"
	"kith/internal/pipeline"
	"kith/internal/segment"
	"kith/internal/state"
	"kith/internal/sys"
)

// Member is one member of a segment.
type Member struct {
	Profile identity.NodeID // of a segment of accounts, the account's node
	Since   int64           // UTC milliseconds
}

// Members returns at most limit members of a segment, in ascending order of ids
// after the given one, and whether more follow. A segment that does not serve yet
// has none, or those of the definition that does.
func (e *Engine) Members(ctx context.Context, key string, after identity.NodeID, limit int) (members []Member, more bool, err error) {
	snap, name, err := e.serving(ctx, key)
	if err != nil || name == "" {
		return nil, false, err
	}
	defer snap.Close()
	rng := state.Prefix(memberPrefix(name))
	rng.Limit = limit + 1
	if !after.IsZero() {
		rng.Low = append(memberKey(name, after), 0)
	}
	for kv, err := range snap.Scan(ctx, rng) {
		if err != nil {
			return nil, false, err
		}
		since, _, ok := state.CutTime(kv.Value)
		if !ok || len(kv.Key) < 16 {
			return nil, false, errFormat()
		}
		if len(members) == limit {
			return members, true, nil
		}
		members = append(members, Member{identity.NodeID(kv.Key[len(kv.Key)-16:]), since})
	}
	return members, false, nil
}

// Size returns the number of members of a segment and whether its definition of
// today serves; a segment that never served has none.
func (e *Engine) Size(ctx context.Context, key string) (size int64, err error) {
	snap, name, err := e.serving(ctx, key)
	if err != nil || name == "" {
		return 0, err
	}
	defer snap.Close()
	values, err := snap.Get(ctx, [][]byte{sizeKey(name)})
	if err != nil || values[0] == nil {
		return 0, err
	}
	if len(values[0]) != 9 {
		return 0, errFormat()
	}
	return int64(binary.BigEndian.Uint64(values[0][1:])), nil
}

// Since returns since when a profile is a member of the segments that serve, by
// key.
func (e *Engine) Since(ctx context.Context, profile identity.NodeID) (map[string]int64, error) {
	snap, err := e.cfg.State.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	values, err := snap.Get(ctx, [][]byte{standingKey(profile)})
	if err != nil {
		return nil, err
	}
	s, err := decodeStanding(values[0])
	if err != nil {
		return nil, err
	}
	names, err := e.names(ctx, snap)
	if err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for _, in := range s.In {
		if key := keyOf(in.Segment); names[key] == in.Segment {
			out[key] = in.Since
		}
	}
	return out, nil
}

// Transitions returns at most limit transitions from a sequence number on, in
// their order.
func (e *Engine) Transitions(ctx context.Context, from uint64, limit int) ([]Transition, error) {
	snap, err := e.cfg.State.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	return ReadTransitions(ctx, snap, from, limit)
}

// serving opens a snapshot and returns the stored name of a segment that serves;
// the name is empty, and there is no snapshot, when none does.
func (e *Engine) serving(ctx context.Context, key string) (state.Snapshot, string, error) {
	snap, err := e.cfg.State.Snapshot(ctx)
	if err != nil {
		return nil, "", err
	}
	names, err := e.names(ctx, snap)
	if err != nil || names[key] == "" {
		return nil, "", errors.Join(err, snap.Close())
	}
	return snap, names[key], nil
}

// names returns the stored names of what serves, by key.
func (e *Engine) names(ctx context.Context, r state.Reader) (map[string]string, error) {
	values, err := r.Get(ctx, [][]byte{namesKey()})
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if values[0] == nil || bytes.Equal(values[0], e.served) {
		if values[0] == nil {
			return nil, nil
		}
		return e.serves, nil
	}
	names := map[string]string{}
	if json.Unmarshal(values[0], &names) != nil {
		return nil, errFormat()
	}
	e.served, e.serves = values[0], names
	return names, nil
}

// Serves reports whether the definition of today of a segment serves.
func (e *Engine) Serves(ctx context.Context, docs *Documents, set *segment.Set, key string) (bool, error) {
	snap, err := e.cfg.State.Snapshot(ctx)
	if err != nil {
		return false, err
	}
	defer snap.Close()
	names, err := e.names(ctx, snap)
	return strings.HasPrefix(names[key], docs.name(set, key)+"#"), err
}

// UpToDate reports whether everything that is folded, saved and due by now has
// been answered for.
func (e *Engine) UpToDate(ctx context.Context) (bool, error) {
	docs, err := e.cfg.Definitions(ctx)
	if err != nil {
		return false, err
	}
	snap, err := e.cfg.State.Snapshot(ctx)
	if err != nil {
		return false, err
	}
	defer snap.Close()
	ends, err := pipeline.FactEnds(ctx, snap, e.cfg.Partitions)
	if err != nil {
		return false, err
	}
	due, err := nextDue(ctx, snap)
	if err != nil {
		return false, err
	}
	values, err := snap.Get(ctx, [][]byte{cursorKey(), liveKey()})
	if err != nil {
		return false, err
	}
	at, live := cursor{Facts: make([]uint64, e.cfg.Partitions)}, Documents{}
	for i, into := range []any{&at, &live} {
		if values[i] != nil && json.Unmarshal(values[i], into) != nil {
			return false, errFormat()
		}
	}
	at.widen(e.cfg.Partitions)
	_, fingerprint, err := pipeline.Interpretation(ctx, snap)
	if err != nil || at.Anew != nil || len(at.Settling) > 0 || at.Interpretation != hex.EncodeToString(fingerprint) {
		return false, err
	}
	return len(at.Lists) == 0 && slices.Equal(ends, at.Facts) && live.equal(&docs) && due > sys.Millis(e.cfg.Clock.Now()), nil
}

// wavesCounted bounds how many timers that have rung are counted.
const wavesCounted = 100_000

// Wave returns how many people wait to be asked because a moment has come, counted
// up to 100,000, and how many were asked for that reason since the start.
func (e *Engine) Wave(ctx context.Context) (due, done int64, err error) {
	snap, err := e.cfg.State.Snapshot(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer snap.Close()
	now := sys.Millis(e.cfg.Clock.Now())
	rng := state.Range{Low: table(tableDue), High: state.AppendTime(table(tableDue), now+1), Limit: wavesCounted}
	for _, err := range snap.Scan(ctx, rng) {
		if err != nil {
			return 0, 0, err
		}
		due++
	}
	listed, err := e.relistings(ctx, snap, wavesCounted-due)
	return due + listed, e.Status().Rung, err
}
