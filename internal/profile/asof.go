package profile

import (
	"context"
	"maps"
	"math"
	"slices"

	"kith/event"
	"kith/internal/consent"
	"kith/internal/errs"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/state"
	"kith/internal/strictjson"
)

// ReadAsOf returns the profile as today's identity and definitions make it of the
// events with a timestamp (UTC milliseconds) at or before a moment. What was
// believed at that moment may have been something else. A person without such an
// event gives kind NotFound.
func (r *Reader) ReadAsOf(ctx context.Context, ref Ref, at int64) (Profile, error) {
	snap, err := r.State.Snapshot(ctx)
	if err != nil {
		return Profile{}, err
	}
	defer snap.Close()
	c, err := r.cluster(ctx, snap, ref)
	if err != nil {
		return Profile{}, err
	}
	past := past{at: at, supported: map[identity.ObservationKey]span{}, traits: map[string]Write{}, accounts: map[string]bool{}}
	for _, n := range c.nodes {
		if err := past.read(ctx, snap, r.History, n); err != nil {
			return Profile{}, err
		}
	}
	if past.events == 0 {
		return Profile{}, errUnknown()
	}
	if err := past.readElsewhere(ctx, snap, r.History, c); err != nil {
		return Profile{}, err
	}
	out := past.profile(c, r.Config)
	said, err := consent.PersonAsOf(ctx, snap, c.all, at)
	out.Consents = said.Standings()
	return out, err
}

// span is the first and last event of something.
type span struct{ first, last int64 }

// past gathers what the events up to a moment say.
type past struct {
	at        int64
	events    int64
	all       span
	supported map[identity.ObservationKey]span
	traits    map[string]Write
	said      []Write // of traits that have a policy
	accounts  map[string]bool
}

func (p *past) read(ctx context.Context, s state.Reader, index history.Index, n identity.NodeID) error {
	q := history.Query{Node: n, From: math.MinInt64, To: p.at}
	for e, err := range index.Range(ctx, s, q) {
		if err != nil {
			return err
		}
		s, known := p.supported[e.Observation]
		p.supported[e.Observation] = s.with(e.Timestamp, known)
		p.all = p.all.with(e.Timestamp, p.events > 0)
		p.events++
		if e.Type == event.Group && e.Name != "" {
			p.accounts[e.Name] = true
		}
		if err := p.write(e); err != nil {
			return err
		}
	}
	return nil
}

// readElsewhere takes in the observations that name an identifier of the cluster
// but are at home in another one, as a shared browser's with its other users: the
// identifier was seen then too.
func (p *past) readElsewhere(ctx context.Context, s state.Reader, index history.Index, c *cluster) error {
	for _, o := range c.observations {
		if c.member[o.Home] || o.First > p.at || !c.names(o) {
			continue
		}
		if o.Last <= p.at {
			p.supported[o.Key()] = span{o.First, o.Last}
			continue
		}
		key := o.Key()
		for e, err := range index.Range(ctx, s, history.Query{Node: o.Home, From: math.MinInt64, To: p.at}) {
			if err != nil {
				return err
			}
			if e.Observation == key {
				have, known := p.supported[key]
				p.supported[key] = have.with(e.Timestamp, known)
			}
		}
	}
	return nil
}

// names reports whether an observation names a node of the cluster.
func (c *cluster) names(o *identity.Observation) bool {
	return slices.ContainsFunc(o.Nodes, func(n identity.NodeID) bool { return c.member[n] })
}

// with widens a span, or begins one where there was none.
func (s span) with(at int64, known bool) span {
	if !known {
		return span{at, at}
	}
	return span{min(s.first, at), max(s.last, at)}
}

// write folds the traits that an identify call wrote.
func (p *past) write(e *history.Entry) error {
	writes, err := EntryWrites(e)
	if err != nil || e.Type != event.Identify {
		return err
	}
	for _, w := range writes {
		if have, ok := p.traits[w.Key]; !ok || w.Compare(&have) > 0 {
			p.traits[w.Key] = w
		}
	}
	p.said = append(p.said, writes...)
	return nil
}

func (p *past) profile(c *cluster, cfg *identity.Config) Profile {
	out := Profile{ID: c.leader, Events: p.events, FirstSeen: p.all.first, LastSeen: p.all.last}
	then := *c
	then.observations = nil
	for _, o := range c.observations {
		if s, ok := p.supported[o.Key()]; ok {
			old := *o
			old.First, old.Last = s.first, s.last
			then.observations = append(then.observations, &old)
		}
	}
	out.Identifiers = then.identifiers(cfg)
	Override(cfg, p.traits, p.said)
	out.Traits = shown(cfg, p.traits)
	out.Accounts = slices.AppendSeq([]string{}, maps.Keys(p.accounts))
	slices.Sort(out.Accounts)
	return out
}

// EntryWrites returns the trait writes that the history keeps of an event.
func EntryWrites(e *history.Entry) ([]Write, error) {
	if len(e.Traits) == 0 {
		return nil, nil
	}
	var doc strictjson.Doc
	if err := doc.Parse(e.Traits, strictjson.Limits{}); err != nil {
		return nil, errs.Wrap(err, errs.Corrupt, "profile.traits_format", "the history's traits of an event cannot be read")
	}
	return Writes(doc.Root(), e.Sighting()), nil
}
