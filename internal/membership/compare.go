package membership

import (
	"context"
	"encoding/json"
	"time"

	"kith/internal/expr"
	"kith/internal/identity"
	"kith/internal/segment"
)

// Comparison is whom a definition picks, beside whom the one that serves under its
// key picks at the same moment.
type Comparison struct {
	Preview
	Before   int64 // size of the one that serves; 0 when none does
	Entering Side
	Leaving  Side
}

// Side is those on one side of a comparison.
type Side struct {
	Size   int64 // likewise, see Preview.Size
	Sample []identity.NodeID
}

// Changed returns the conditions that pick who enters and who leaves when one
// condition takes the place of another.
func Changed(before, after expr.Condition) (entering, leaving expr.Condition) {
	but := func(c, not expr.Condition) expr.Condition {
		return &expr.Group{Of: "all", Conditions: []expr.Condition{c, &expr.Group{Of: "none", Conditions: []expr.Condition{not}}}}
	}
	return but(after, before), but(before, after)
}

// Serving returns the definitions that serve: those of today, or older ones while
// everybody is asked those.
func (e *Engine) Serving(ctx context.Context) (docs Documents, err error) {
	snap, err := e.cfg.State.Snapshot(ctx)
	if err != nil {
		return docs, err
	}
	defer snap.Close()
	values, err := snap.Get(ctx, [][]byte{liveKey()})
	if err != nil || values[0] == nil {
		return docs, err
	}
	if json.Unmarshal(values[0], &docs) != nil {
		return docs, errFormat()
	}
	return docs, nil
}

// Equal reports whether two sets of documents define the same.
func (d *Documents) Equal(e *Documents) bool { return d.equal(e) }

// Compare asks everybody a condition of a set, and whether they are in a segment as
// another set, the one that serves, defines it. Like Preview it stops when that
// takes longer than the budget.
func (e *Engine) Compare(ctx context.Context, set, serving *segment.Set, scope expr.Scope, c expr.Condition, key string, sample int, budget time.Duration) (Comparison, error) {
	out := Comparison{Preview: Preview{PerCondition: []int64{}}}
	parts := Parts(c)
	out.PerCondition = make([]int64, len(parts))
	asked, err := e.Everybody(ctx, set, scope, append(serving.Fields(), expr.FieldsOf(c)...), budget, func(id identity.NodeID, a *segment.Answers) {
		for i, part := range parts {
			if a.Is(part).Verdict {
				out.PerCondition[i]++
			}
		}
		before, now := a.Under(serving).Member(key).Verdict, a.Is(c).Verdict
		if now {
			out.Size++
			out.Sample = some(out.Sample, id, sample)
		}
		if before {
			out.Before++
		}
		switch {
		case now && !before:
			out.Entering.add(id, sample)
		case before && !now:
			out.Leaving.add(id, sample)
		}
	})
	out.Asked = asked
	for _, n := range []*int64{&out.Size, &out.Before, &out.Entering.Size, &out.Leaving.Size} {
		*n = asked.Expect(*n)
	}
	for i, n := range out.PerCondition {
		out.PerCondition[i] = asked.Expect(n)
	}
	return out, err
}

func (s *Side) add(id identity.NodeID, sample int) {
	s.Size++
	s.Sample = some(s.Sample, id, sample)
}

func some(ids []identity.NodeID, id identity.NodeID, most int) []identity.NodeID {
	if len(ids) >= most {
		return ids
	}
	return append(ids, id)
}

// Parts returns the conditions that an outermost group joins; none when the
// condition is no group.
func Parts(c expr.Condition) []expr.Condition {
	if g, ok := c.(*expr.Group); ok {
		return g.Conditions
	}
	return []expr.Condition{}
}
