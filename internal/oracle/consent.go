package oracle

import (
	"sort"

	"kith/event"
	"kith/internal/consent"
	"kith/internal/identity"
	"kith/internal/record"
	"kith/internal/statehash"
	"kith/internal/strictjson"
)

// place is where statements meet.
type place struct {
	node identity.NodeID
	consent.Key
}

func (f *fold) say(n identity.NodeID, stamp event.Stamp, at int64, s consent.Said) {
	if f.said == nil {
		f.said = map[place][]consent.Statement{}
	}
	p := place{n, consent.Key{Purpose: s.Purpose, Channel: s.Channel}}
	f.said[p] = append(f.said[p], consent.Statement{
		Said: s, At: at, ReceivedAt: stamp.ReceivedAt, MessageID: stamp.MessageID, Source: stamp.Source,
	})
}

// consentRecord: what was said through the API is also a sighting of the
// identifier that it names.
func (f *fold) consentRecord(rec *record.Record) {
	body, err := consent.DecodeBody(&strictjson.Doc{}, rec.Body)
	if err != nil {
		return // it was readable before
	}
	id, reason := f.cfg.Normalize(body.Type, body.Value, "")
	if reason != identity.Usable {
		f.out.Homeless++
		return
	}
	n, at := f.keys.Node(id), min(rec.Stamp.Timestamp, rec.Stamp.ReceivedAt)
	f.out.Contents.IDs[n] = id
	f.seen = append(f.seen, sighting{at: at, mid: rec.Stamp.MessageID, o: identity.Observation{
		Kind: identity.SeenInConsent, Source: rec.Stamp.Source, Home: n, Nodes: []identity.NodeID{n},
	}})
	f.say(n, rec.Stamp, at, body.Said)
}

// consents: what an event says counts at its home, Global Privacy Control also at
// the browser's own node.
func (f *fold) consents(e *event.Event, ids []identity.Identifier) {
	if f.consent == nil {
		return
	}
	for _, s := range f.consent.Extract(e) {
		for i, id := range ids {
			if i == 0 || id.Type == "anonymous_id" && s.Via == consent.ViaGPC {
				f.say(f.keys.Node(id), e.Stamp, min(e.Timestamp, e.ReceivedAt), s)
			}
		}
	}
}

func (f *fold) judge() {
	f.out.Contents.Consents = map[identity.NodeID][]statehash.Consent{}
	for p, all := range f.said {
		f.out.Contents.Consents[p.node] = append(f.out.Contents.Consents[p.node], statehash.Consent{Key: p.Key, State: Judge(all)})
	}
}

// Judge says what statements of one node, purpose and channel come to, in the
// words of the rule: a refusal stands unless the grant that claims to be the
// newest was received after the last refusal and claims to be no older than any.
// What came with events lifts only what came with events.
func Judge(all []consent.Statement) consent.State {
	fromEvents := func(s *consent.Statement) bool { return s.Via == consent.ViaEvent }
	var binding, loose, strongGrants, weakGrants []consent.Statement
	for _, s := range all {
		switch {
		case s.State != consent.Granted && fromEvents(&s):
			loose = append(loose, s)
		case s.State != consent.Granted:
			binding = append(binding, s)
		case fromEvents(&s):
			weakGrants = append(weakGrants, s)
		default:
			strongGrants = append(strongGrants, s)
		}
	}
	var standing []consent.Statement
	if !lifted(binding, strongGrants) {
		standing = append(standing, binding...)
	}
	if !lifted(loose, strongGrants) && !lifted(loose, weakGrants) {
		standing = append(standing, loose...)
	}
	switch {
	case len(standing) > 0:
		sort.Slice(standing, func(i, j int) bool { return earlier(&standing[i], &standing[j]) })
		return standing[len(standing)-1].State
	case len(strongGrants)+len(weakGrants) > 0:
		return consent.Granted
	}
	return consent.Silent
}

// lifted reports whether the newest of the grants lifts all of the refusals; none
// need lifting if there are none.
func lifted(refusals, grants []consent.Statement) bool {
	if len(refusals) == 0 {
		return true
	}
	if len(grants) == 0 {
		return false
	}
	newest := grants[0]
	for _, g := range grants {
		if g.At > newest.At || g.At == newest.At && g.ReceivedAt > newest.ReceivedAt {
			newest = g
		}
	}
	for _, r := range refusals {
		after := newest.ReceivedAt > r.ReceivedAt || newest.ReceivedAt == r.ReceivedAt && newest.At > r.At
		if !after || newest.At < r.At {
			return false
		}
	}
	return true
}

// earlier is the order of receipt; of one moment that of what is claimed, then the
// stricter word is the later one.
func earlier(a, b *consent.Statement) bool {
	if a.ReceivedAt != b.ReceivedAt {
		return a.ReceivedAt < b.ReceivedAt
	}
	if a.At != b.At {
		return a.At < b.At
	}
	return a.State < b.State
}
