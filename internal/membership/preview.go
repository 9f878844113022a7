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
	Size         int64 // when not exact, what the part that was asked lets expect
	Exact        bool
	AsOf         int64
	PerCondition []int64 // of the conditions that an outermost group joins, how many meet each; likewise
	Sample       []identity.NodeID
	Asked        int64
}

// Preview asks everybody a condition. When that takes longer than the budget it
// stops, and tells what to expect from those that it has asked: ids are keyed
// hashes, so the first ones are a fair sample.
func (e *Engine) Preview(ctx context.Context, set *segment.Set, scope expr.Scope, c expr.Condition, sample int, budget time.Duration) (Preview, error) {
	snap, err := e.cfg.State.Snapshot(ctx)
	if err != nil {
		return Preview{}, err
	}
	defer snap.Close()
	began := e.cfg.Clock.Now()
	p := preview{
		s:   &step{e: e, ctx: ctx, snap: snap, clusters: identity.NewClusters(snap)},
		set: set, scope: scope, c: c, most: sample, parts: []expr.Condition{},
	}
	p.out.AsOf = sys.Millis(began)
	if g, ok := c.(*expr.Group); ok {
		p.parts = g.Conditions
	}
	p.out.PerCondition = make([]int64, len(p.parts))
	reader := e.Reader(append(set.Fields(), expr.FieldsOf(c)...))
	last := identity.NodeID{}
	done := true
	for kv, err := range snap.Scan(ctx, state.Prefix([]byte{byte(state.FamilyIdentifier)})) {
		if err != nil {
			return Preview{}, err
		}
		last = identity.NodeID(kv.Key[1:17])
		if err := p.ask(reader, last); err != nil {
			return Preview{}, err
		}
		if p.out.Asked&63 == 63 && e.cfg.Clock.Now().Sub(began) > budget {
			done = false
			break
		}
	}
	p.out.Exact = done
	if !done {
		p.expect(last)
	}
	return p.out, nil
}

// preview is one under way.
type preview struct {
	s     *step
	set   *segment.Set
	scope expr.Scope
	c     expr.Condition
	parts []expr.Condition
	most  int
	out   Preview
}

// ask asks one person or account, unless the id is nobody's.
func (p *preview) ask(reader *view.Reader, id identity.NodeID) error {
	leader, err := p.s.clusters.Leader(p.s.ctx, id)
	if err != nil || leader != id {
		return err
	}
	scope, nodes, err := p.s.scope(id)
	if err != nil || len(nodes) == 0 || scope != p.scope {
		return err
	}
	var v *view.View
	if scope == expr.Account {
		v = reader.Account(p.s.ctx, p.s.snap, id, math.MaxInt64)
	} else {
		v = reader.Person(p.s.ctx, p.s.snap, nodes, math.MaxInt64)
	}
	a := p.set.Ask(scope, v, p.out.AsOf, p.s.e.cfg.Zone)
	if p.out.Asked++; p.out.Asked&4095 == 0 {
		p.s.clusters = identity.NewClusters(p.s.snap) // what it has read is not needed again
	}
	for i, part := range p.parts {
		if a.Is(part).Verdict {
			p.out.PerCondition[i]++
		}
	}
	if a.Is(p.c).Verdict {
		p.out.Size++
		if len(p.out.Sample) < p.most {
			p.out.Sample = append(p.out.Sample, id)
		}
	}
	return v.Err()
}

// expect scales what was counted by the part of the space of ids that was asked.
func (p *preview) expect(last identity.NodeID) {
	// The first 48 bits of an id are even: they are the beginning of a keyed hash.
	part := 0.0
	for i := 5; i >= 0; i-- {
		part = (part + float64(last[i])) / 256
	}
	if part <= 0 {
		return
	}
	scale := func(n *int64) { *n = int64(math.Round(float64(*n) / part)) }
	scale(&p.out.Size)
	for i := range p.out.PerCondition {
		scale(&p.out.PerCondition[i])
	}
}
