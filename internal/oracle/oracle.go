// Package oracle folds a set of records the plainest way there is: everything in
// memory, in one goroutine, sorting where the engine is incremental. It shares
// with the engine only the reading of a call, the rules of identity and the form
// of the hash; tests hold the engine against it.
package oracle

import (
	"sort"

	"kith/event"
	"kith/internal/consent"
	"kith/internal/decision"
	"kith/internal/entity"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/statehash"
	"kith/internal/strictjson"
)

// Result is what a set of records comes to.
type Result struct {
	Contents *statehash.Contents
	Repeats  int64 // copies that are not the event of their message
	Events   int64
	Homeless int64 // events without a usable identifier
	Held     int64 // records that cannot be folded
}

// window is the time within which copies of a message belong together.
const window = 30 * 24 * 60 * 60 * 1000

// Config is under what records are read.
type Config struct {
	Identity *identity.Config
	Keys     *identity.Keyring
	Consent  *consent.Config // nil: events say nothing of purposes
	Entities *entity.Config  // nil: there are none
}

// Fold computes the state of a set of records, given in any order, as encoded in
// the log. What events say of purposes is left out.
func Fold(records [][]byte, cfg *identity.Config, keys *identity.Keyring) Result {
	return FoldUnder(records, Config{Identity: cfg, Keys: keys})
}

// FoldUnder is Fold under a whole configuration.
func FoldUnder(records [][]byte, cfg Config) Result {
	f := fold{cfg: cfg.Identity, keys: cfg.Keys, consent: cfg.Consent, entities: cfg.Entities, out: Result{Contents: &statehash.Contents{
		IDs: map[identity.NodeID]identity.Identifier{}, Writes: map[identity.NodeID][]profile.Write{}, Said: map[identity.NodeID][]profile.Write{},
		Accounts: map[identity.NodeID][]string{},
	}}}
	messages := map[message][]record.Record{}
	var decided []record.Record
	for _, data := range records {
		rec, err := record.Decode(data)
		if err != nil || !readable(&rec) {
			f.out.Held++
			continue
		}
		if rec.Kind == record.Decision {
			decided = append(decided, rec)
			continue
		}
		k := message{rec.Kind, rec.Stamp.Source, rec.Stamp.MessageID}
		messages[k] = append(messages[k], rec)
	}
	f.decisions = decide(decided, f.cfg, f.keys)
	f.out.Events, f.out.Repeats = f.decisions.count, f.decisions.repeats
	for _, copies := range messages {
		f.message(copies)
	}
	f.finish()
	return f.out
}

// message is what copies have in common.
type message struct {
	kind       record.Kind
	source, id string
}

// readable reports whether a record says something.
func readable(rec *record.Record) bool {
	switch rec.Kind {
	case record.Event:
		_, err := rec.Event(&record.Docs{})
		return err == nil
	case record.Decision:
		_, err := decision.Read(rec)
		return err == nil
	case record.Consent:
		_, err := consent.DecodeBody(&strictjson.Doc{}, rec.Body)
		return err == nil
	case record.Row:
		_, err := entity.DecodeBody(&strictjson.Doc{}, rec.Body)
		return err == nil
	}
	return false
}

type fold struct {
	cfg     *identity.Config
	keys    *identity.Keyring
	consent *consent.Config
	said    map[place][]consent.Statement

	entities *entity.Config
	rows     map[[2]string][]entity.Write
	out      Result
	seen     []sighting

	decisions decisions
	writes    map[identity.NodeID]map[string]profile.Write
}

// sighting is one event with what it observes.
type sighting struct {
	o   identity.Observation
	at  int64
	mid string
}

// message picks the events among the copies of one message: sorted by receipt,
// a copy is an event when none came within the window before it.
func (f *fold) message(all []record.Record) {
	var copies []record.Record
	for _, c := range all {
		if f.retracted(&c) {
			f.out.Repeats++
			continue
		}
		copies = append(copies, c)
	}
	sort.Slice(copies, func(i, j int) bool {
		a, b := &copies[i], &copies[j]
		if a.Stamp.ReceivedAt != b.Stamp.ReceivedAt {
			return a.Stamp.ReceivedAt < b.Stamp.ReceivedAt
		}
		as, bs := a.Sum(), b.Sum()
		return string(as[:16]) < string(bs[:16])
	})
	for i := range copies {
		if i > 0 && copies[i].Stamp.ReceivedAt-copies[i-1].Stamp.ReceivedAt <= window {
			f.out.Repeats++
			continue
		}
		f.record(&copies[i])
	}
}

func (f *fold) record(rec *record.Record) {
	f.out.Events++
	switch rec.Kind {
	case record.Consent:
		f.consentRecord(rec)
	case record.Row:
		f.rowRecord(rec)
	default:
		f.event(rec)
	}
}

func (f *fold) event(rec *record.Record) {
	var docs record.Docs
	e, err := rec.Event(&docs)
	if err != nil {
		return // it was readable before
	}
	ids, _ := f.cfg.Extract(&e)
	if len(ids) == 0 {
		f.out.Homeless++
		return
	}
	home := f.keys.Node(ids[0])
	s := sighting{at: e.Timestamp, mid: e.MessageID}
	s.o = identity.Observation{Kind: identity.SeenInEvent, Source: e.Source, Run: e.Run, Home: home}
	switch e.Type {
	case event.Identify:
		s.o.Kind = identity.SeenInIdentify
	case event.Alias:
		s.o.Kind = identity.SeenInAlias
	}
	for _, id := range ids {
		n := f.keys.Node(id)
		s.o.Nodes = append(s.o.Nodes, n)
		f.out.Contents.IDs[n] = id
	}
	identity.SortNodes(s.o.Nodes)
	f.seen = append(f.seen, s)
	f.alias(&e, home)
	f.consents(&e, ids)
	owner := home
	if account, ok := profile.Account(f.cfg, &e); ok {
		owner = f.keys.Node(account)
		f.out.Contents.IDs[owner] = account
		f.join(home, account.Value)
	} else if e.Type != event.Identify {
		return
	}
	for _, w := range profile.Writes(e.Traits, identity.Sighting{Timestamp: e.Timestamp, MessageID: e.MessageID, Source: e.Source}) {
		f.write(owner, w)
		if _, ok := f.cfg.Survivorship[w.Key]; ok && e.Type == event.Identify {
			f.out.Contents.Said[owner] = append(f.out.Contents.Said[owner], w)
		}
	}
}

func (f *fold) join(home identity.NodeID, account string) {
	for _, have := range f.out.Contents.Accounts[home] {
		if have == account {
			return
		}
	}
	f.out.Contents.Accounts[home] = append(f.out.Contents.Accounts[home], account)
}

func (f *fold) write(owner identity.NodeID, w profile.Write) {
	if f.writes == nil {
		f.writes = map[identity.NodeID]map[string]profile.Write{}
	}
	if f.writes[owner] == nil {
		f.writes[owner] = map[string]profile.Write{}
	}
	if have, ok := f.writes[owner][w.Key]; !ok || w.Compare(&have) > 0 {
		f.writes[owner][w.Key] = w
	}
}

// finish groups sightings into observations.
func (f *fold) finish() {
	f.out.Contents.Rulings = f.decisions.rulings
	for n, id := range f.decisions.ids {
		f.out.Contents.IDs[n] = id
	}
	groups := map[identity.ObservationKey]*identity.Observation{}
	for _, s := range f.seen {
		key := s.o.Key()
		if groups[key] == nil {
			o := s.o
			groups[key] = &o
			f.out.Contents.Observations = append(f.out.Contents.Observations, &o)
		}
		groups[key].Add(s.at, s.mid)
	}
	f.judge()
	f.assemble()
	for owner, byKey := range f.writes {
		for _, w := range byKey {
			f.out.Contents.Writes[owner] = append(f.out.Contents.Writes[owner], w)
		}
	}
}
