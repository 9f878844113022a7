package lake

import (
	"context"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/profile"
)

// link is what is known of two identifiers that were seen together.
type link struct {
	ends        [2]identity.NodeID
	kinds       []string
	sources     []string
	first, last int64
	count       int64
}

func kindName(k identity.Kind) string {
	switch k {
	case identity.SeenInIdentify:
		return "identify"
	case identity.SeenInAlias:
		return "alias"
	case identity.SeenInConsent:
		return "consent"
	}
	return "event"
}

func (l *link) see(o *identity.Observation) {
	if len(l.sources) == 0 || o.First < l.first {
		l.first = o.First
	}
	if len(l.sources) == 0 || o.Last > l.last {
		l.last = o.Last
	}
	l.count += o.Count
	l.kinds, l.sources = include(l.kinds, kindName(o.Kind)), include(l.sources, o.Source)
}

// include puts a text into an ascending list of different ones.
func include(list []string, s string) []string {
	i, have := slices.BinarySearch(list, s)
	if have {
		return list
	}
	return slices.Insert(list, i, s)
}

// links brings up to date the links that events of the round show, and those of
// nodes that have another profile than before.
func (w *people) links(ctx context.Context, whole *profile.Whole, moved map[identity.NodeID]bool) error {
	found := map[[2]identity.NodeID]*link{}
	var order [][2]identity.NodeID
	for _, o := range whole.Observations {
		for _, n := range o.Nodes {
			// Of a pair without an end in the profile not all observations are here.
			if n == o.Home || !member(whole, o.Home) && !member(whole, n) {
				continue
			}
			ends := pair(o.Home, n)
			if w.linked[ends] || !w.p.pairs[ends] && !moved[o.Home] && !moved[n] {
				continue
			}
			l := found[ends]
			if l == nil {
				l = &link{ends: ends}
				found[ends] = l
				order = append(order, ends)
			}
			l.see(o)
		}
	}
	for _, ends := range order {
		w.linked[ends] = true
		reason, err := w.reason(ctx, whole, found[ends])
		if err != nil {
			return err
		}
		w.add(TableLinks, w.linkRow(found[ends], reason))
	}
	return nil
}

// unlink takes out the links that events of the round had shown and nothing shows
// any more.
func (w *people) unlink() {
	var gone [][2]identity.NodeID
	for ends := range w.p.pairs {
		if !w.linked[ends] {
			gone = append(gone, ends)
		}
	}
	for _, ends := range gone {
		w.add(TableLinks, w.gone(TableLinks, nodeText(ends[0]), nodeText(ends[1])))
	}
}

const (
	accepted = "accepted"
	rejected = "rejected"
	other    = "other"
)

func (w *people) linkRow(l *link, reason string) row {
	verdict := accepted
	if reason != "" {
		verdict = rejected
	}
	return row{values: []parquet.Value{
		nodeText(l.ends[0]), nodeText(l.ends[1]), list(l.kinds), list(l.sources),
		parquet.Int64Value(l.first), parquet.Int64Value(l.last), parquet.Int64Value(l.count),
		textValue(verdict), optional(reason), w.version(), parquet.BooleanValue(false),
	}}
}

func member(whole *profile.Whole, n identity.NodeID) bool {
	_, ok := slices.BinarySearchFunc(whole.Nodes, n, compareNodes)
	return ok
}

// reasonMax bounds the observations that are looked at to say why a link is
// rejected.
const reasonMax = 2000

// reason says what keeps the ends of a link apart; nothing when they are in one
// profile.
func (w *people) reason(ctx context.Context, whole *profile.Whole, l *link) (string, error) {
	far := l.ends[0]
	if member(whole, far) {
		far = l.ends[1]
	}
	if member(whole, far) {
		return "", nil
	}
	clusters := identity.NewClusters(w.snap)
	for _, n := range l.ends {
		if shared, err := clusters.Shared(ctx, n); err != nil || shared {
			return string(identity.GuardedByRival), err
		}
	}
	there, err := w.p.parts.Reader.Whole(ctx, w.snap, far)
	if errs.Is(err, errs.NotFound) || len(whole.Observations)+len(there.Observations) > reasonMax {
		return other, nil
	}
	if err != nil {
		return "", err
	}
	return derived(whole, &there, w.p.parts.Interpreter.Identity, l), nil
}

// derived is the verdict on a link that follows from what is known of the profiles
// at its ends.
func derived(a, b *profile.Whole, cfg *identity.Config, l *link) string {
	have := map[identity.ObservationKey]bool{}
	var all []*identity.Observation
	ids := map[identity.NodeID]identity.Identifier{}
	for _, whole := range [...]*profile.Whole{a, b} {
		for _, o := range whole.Observations {
			if k := o.Key(); !have[k] {
				have[k] = true
				all = append(all, o)
			}
		}
		for n, id := range whole.IDs {
			if id.Type != "" {
				ids[n] = id
			}
		}
	}
	for _, found := range identity.Derive(all, ids, cfg).Links {
		if pair(found.A, found.B) == l.ends && found.Verdict != identity.Accepted {
			return string(found.Verdict)
		}
	}
	return other
}

func compareNodes(a, b identity.NodeID) int { return strings.Compare(string(a[:]), string(b[:])) }
