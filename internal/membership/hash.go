package membership

import (
	"context"
	"math"

	"kith/internal/expr"
	"kith/internal/identity"
	"kith/internal/segment"
	"kith/internal/state"
	"kith/internal/strictjson"
)

// The families of rows that stand for what definitions come to.
const (
	HashComputed = "computed"
	HashSegments = "segments"
)

// HashRows asks everybody everything at a moment and yields one canonical row for
// each computed trait that is there and each membership. What is stored of
// memberships plays no part: this is the function that they follow.
func (e *Engine) HashRows(ctx context.Context, snap state.Reader, set *segment.Set, at int64, yield func(family string, row []byte)) error {
	if len(set.Traits()) == 0 && len(set.Segments()) == 0 {
		return nil
	}
	reader := e.Reader(set)
	s := &step{e: e, ctx: ctx, snap: snap, clusters: identity.NewClusters(snap)}
	asked := 0
	for kv, err := range snap.Scan(ctx, state.Prefix([]byte{byte(state.FamilyIdentifier)})) {
		if err != nil {
			return err
		}
		id := identity.NodeID(kv.Key[1:17])
		who, err := identity.DecodeIdentifier(kv.Value)
		if err != nil {
			return err
		}
		leader, err := s.clusters.Leader(ctx, id)
		if err != nil {
			return err
		}
		scope, nodes, err := s.scope(id, false)
		if err != nil {
			return err
		}
		if leader != id || len(nodes) == 0 {
			continue
		}
		if asked++; asked&4095 == 0 {
			s.clusters = identity.NewClusters(snap)
		}
		v := reader.Person(ctx, snap, nodes, math.MaxInt64)
		if scope == expr.Account {
			v = reader.Account(ctx, snap, id, math.MaxInt64)
		}
		hashRows(set, set.Ask(scope, v, at, e.cfg.Zone), scope, who, yield)
		if v.Err() != nil {
			return v.Err()
		}
	}
	return nil
}

func hashRows(set *segment.Set, a *segment.Answers, scope expr.Scope, who identity.Identifier, yield func(family string, row []byte)) {
	leader := strictjson.AppendString([]byte(`,"leader":{"type":`), who.Type)
	leader = append(strictjson.AppendString(append(leader, `,"value":`...), who.Value), '}')
	for _, d := range set.Traits() {
		if d.Scope != scope {
			continue
		}
		v := a.Value(d.Key)
		var doc strictjson.Doc
		if v.JSON == nil || doc.Parse(v.JSON, strictjson.Limits{}) != nil {
			continue
		}
		b := strictjson.AppendString([]byte(`{"family":"computed","key":`), d.Key)
		b = append(append(b, leader...), `,"value":`...)
		yield(HashComputed, append(doc.Root().AppendCanonical(b), '}'))
	}
	for _, d := range set.Segments() {
		if d.Scope != scope || !a.Member(d.Key).Verdict {
			continue
		}
		b := strictjson.AppendString([]byte(`{"family":"segment","key":`), d.Key)
		yield(HashSegments, append(append(b, leader...), '}'))
	}
}
