package membership

import (
	"context"
	"math"
	"time"

	"kith/internal/expr"
	"kith/internal/identity"
	"kith/internal/segment"
	"kith/internal/state"
	"kith/internal/sys"
	"kith/internal/view"
)

// Preview is how many would be in a segment that is not saved.
type Preview struct {
	Asked
	Size         int64   // when not exact, what the part that was asked lets expect
	PerCondition []int64 // of the conditions that an outermost group joins, how many meet each; likewise
	Sample       []identity.NodeID
}

// Preview asks everybody a condition. When that takes longer than the budget it
// stops, and tells what to expect from those that it has asked.
func (e *Engine) Preview(ctx context.Context, set *segment.Set, scope expr.Scope, c expr.Condition, sample int, budget time.Duration) (Preview, error) {
	parts := Parts(c)
	out := Preview{PerCondition: make([]int64, len(parts))}
	asked, err := e.Everybody(ctx, set, scope, expr.FieldsOf(c), budget, func(id identity.NodeID, a *segment.Answers) {
		for i, part := range parts {
			if a.Is(part).Verdict {
				out.PerCondition[i]++
			}
		}
		if a.Is(c).Verdict {
			out.Size++
			out.Sample = some(out.Sample, id, sample)
		}
	})
	out.Asked = asked
	out.Size = asked.Expect(out.Size)
	for i, n := range out.PerCondition {
		out.PerCondition[i] = asked.Expect(n)
	}
	return out, err
}

// Asked tells who was asked.
type Asked struct {
	Exact bool // everybody was
	AsOf  int64
	Count int64   // how many
	part  float64 // of everybody
}

// AskedPart is when so many people were asked, one in so many of everybody.
func AskedPart(asOf, count int64, oneIn int) Asked {
	return Asked{Exact: oneIn <= 1, AsOf: asOf, Count: count, part: 1 / float64(max(oneIn, 1))}
}

// Expect scales what was counted by the part of everybody that was asked: ids are
// keyed hashes, so the first ones are a fair sample.
func (a *Asked) Expect(n int64) int64 {
	if a.Exact || a.part <= 0 {
		return n
	}
	return int64(math.Round(float64(n) / a.part))
}

// Margin is how far an expected number may be off: 19 of 20 are nearer. 0 when
// everybody was asked.
func (a *Asked) Margin(expected int64) int64 {
	if a.Exact || a.part <= 0 || a.Count == 0 {
		return 0
	}
	// Of those who were asked a hypergeometric number is counted; where nobody is,
	// as many as three may have been expected.
	counted := float64(expected) * a.part
	variance := counted * max(1-counted/float64(a.Count), 0) * (1 - a.part)
	return int64(math.Ceil(max(1.96*math.Sqrt(variance), 3) / a.part))
}

// Everybody lets f ask everybody of a scope what a set comes to now, in ascending
// order of ids, until the budget is spent. fields are those that f asks for beside
// the set's.
func (e *Engine) Everybody(ctx context.Context, set *segment.Set, scope expr.Scope, fields []expr.Field, budget time.Duration, f func(identity.NodeID, *segment.Answers)) (Asked, error) {
	snap, err := e.cfg.State.Snapshot(ctx)
	if err != nil {
		return Asked{}, err
	}
	defer snap.Close()
	began := e.cfg.Clock.Now()
	p := everybody{
		s: &step{e: e, ctx: ctx, snap: snap, clusters: identity.NewClusters(snap)}, set: set, scope: scope, f: f,
		reader: e.Reader(set, fields...),
	}
	p.out.AsOf = sys.Millis(began)
	for kv, err := range snap.Scan(ctx, state.Prefix([]byte{byte(state.FamilyIdentifier)})) {
		if err != nil {
			return Asked{}, err
		}
		last := identity.NodeID(kv.Key[1:17])
		if err := p.ask(last); err != nil {
			return Asked{}, err
		}
		if p.out.Count&63 == 63 && e.cfg.Clock.Now().Sub(began) > budget {
			p.out.part = partOf(last)
			return p.out, nil
		}
	}
	p.out.Exact = true
	return p.out, nil
}

// everybody is one round of asking.
type everybody struct {
	s      *step
	set    *segment.Set
	scope  expr.Scope
	reader *view.Reader
	f      func(identity.NodeID, *segment.Answers)
	out    Asked
}

// ask asks one person or account, unless the id is nobody's.
func (p *everybody) ask(id identity.NodeID) error {
	leader, err := p.s.clusters.Leader(p.s.ctx, id)
	if err != nil || leader != id {
		return err
	}
	scope, nodes, err := p.s.scope(id, false)
	if err != nil || len(nodes) == 0 || scope != p.scope {
		return err
	}
	var v *view.View
	if scope == expr.Account {
		v = p.reader.Account(p.s.ctx, p.s.snap, id, math.MaxInt64)
	} else {
		v = p.reader.Person(p.s.ctx, p.s.snap, nodes, math.MaxInt64)
	}
	if p.out.Count++; p.out.Count&4095 == 0 {
		p.s.clusters = identity.NewClusters(p.s.snap) // what it has read is not needed again
	}
	p.f(id, p.set.Ask(scope, v, p.out.AsOf, p.s.e.cfg.Zone))
	return v.Err()
}

// partOf is the part of the space of ids that lies before one.
func partOf(last identity.NodeID) float64 {
	// The first 48 bits of an id are even: they are the beginning of a keyed hash.
	part := 0.0
	for i := 5; i >= 0; i-- {
		part = (part + float64(last[i])) / 256
	}
	return part
}
