package scenario

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"kith/event"
	"kith/internal/collect"
	"kith/internal/consent"
	"kith/internal/entity"
	"kith/internal/expr"
	"kith/internal/identity"
	"kith/internal/identity/settings"
	"kith/internal/membership"
	"kith/internal/pipeline"
	"kith/internal/profile"
	"kith/internal/state"
	"kith/internal/statehash"
	"kith/internal/sys"
)

// defaultSource is the source of calls that name none. A source's write key is
// its name.
const defaultSource = "default"

// replayBatch is the batch size of a replay; an odd one, so that batches are cut
// elsewhere than in the run itself.
const replayBatch = 7

// session is one run of one file on one engine.
type session struct {
	place    Place
	clock    *sys.Manual
	rand     sys.Rand
	keys     *identity.Keyring
	settings preferences
	limits   collect.Limits
	sources  sources
	faults   faults
	mask     *masker
	batch    int
	seed     uint64          // of shuffle blocks without one of their own
	known    map[string]bool // messageIds that the file gave

	documents membership.Documents // computed traits and segments
	fields    expr.Projection      // what the history keeps of events for them

	// Made by wire from all that.
	identity  *identity.Config
	purposes  *consent.Config
	entities  *entity.Config
	collector *collect.Collector
	door      http.Handler
	runner    *pipeline.Runner
	reader    *profile.Reader
	keeper    *membership.Engine

	failed error // what the collector could not tell its client
}

// preferences are what the interpreting configuration is made of beside its defaults.
type preferences struct {
	document *settings.Document               // of identity; nil: the defaults
	policies map[string]identity.Survivorship // of traits
	country  string
	purposes map[string]consent.Purpose // declared ones
	entities map[string]entity.Definition
	sources  map[string]identity.SourceRule
}

// open makes a session on an empty place.
func open(ctx context.Context, place Place, batch int, seed uint64) (*session, error) {
	s := &session{
		place: place, clock: sys.NewManual(start), rand: sys.Seeded(1), keys: identity.NewKeyring([]byte("scenario")),
		settings: preferences{sources: map[string]identity.SourceRule{}, purposes: map[string]consent.Purpose{}, entities: map[string]entity.Definition{}},
		sources:  sources{}, mask: newMasker(), batch: batch, seed: seed, known: map[string]bool{},
		documents: copyOf(&membership.Documents{}),
	}
	s.sources.add(defaultSource)
	return s, s.wire(ctx)
}

// wire connects collector, pipeline and reader over the place and the settings as
// they now are. A state that was made under other settings is emptied, to be
// folded again from the log.
func (s *session) wire(ctx context.Context) error {
	s.identity = s.rules()
	s.identity.Sources, s.identity.Survivorship = maps.Clone(s.settings.sources), s.settings.policies
	s.collector = collect.New(collect.Config{
		Log: s.place.Log(), Sources: s.sources, Clock: s.clock, Rand: s.rand, Route: s.partition,
		PublicURL: "https://collect.test", Limits: s.limits,
		Observer: collect.Observer{
			Failed: func(_ string, err error) { s.failed = err },
			Panicked: func(_ string, value any, stack []byte) {
				s.failed = fmt.Errorf("the collector broke: %v\n%s", value, stack)
			},
		},
	})
	s.door = s.collector.Handler()
	s.entities = s.settings.definitions()
	s.purposes = consent.With(slices.Collect(maps.Values(s.settings.purposes)))
	s.runner = s.runnerOn(s.place.State(), s.batch)
	s.reader = &profile.Reader{
		State: s.place.State(), History: s.place.History(), Log: s.place.Log(), Config: s.identity, Keys: s.keys,
	}
	if _, err := s.runner.Prepare(ctx); err != nil {
		return err
	}
	return s.openMembers(ctx)
}

func (s *session) runnerOn(store state.Store, batch int) *pipeline.Runner {
	return &pipeline.Runner{
		Log: s.place.Log(), State: store,
		Stages:      &pipeline.Stages{History: faultyHistory{s.place.History(), &s.faults}},
		Interpreter: &pipeline.Interpreter{Identity: s.identity, Keys: s.keys, Consent: s.purposes, Entities: s.entities, Fields: func() expr.Projection { return s.fields }},
		Clock:       s.clock,
		Config:      pipeline.Config{BatchRecords: batch},
		Reaccept:    s.collector.Reaccept,
	}
}

// partition sends an event to the partition of its home.
func (s *session) partition(e *event.Event) int32 {
	ids, _ := s.identity.Extract(e)
	if len(ids) == 0 {
		return 0
	}
	return int32(int(state.LockOf(s.keys.Node(ids[0]))) % s.place.Log().Partitions())
}

// fold brings the state up to the end of the log.
func (s *session) fold(ctx context.Context) error { return s.runner.Drain(ctx) }

// contents are what the hash of a state is made from.
func (s *session) contents(ctx context.Context, store state.Store) (*statehash.Contents, error) {
	snap, err := store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	c, err := statehash.Read(ctx, snap, s.place.History())
	if err != nil {
		return nil, err
	}
	return c, c.ReadSaid(ctx, snap, s.place.History(), s.identity)
}

// sources are what the collector knows of, by write key.
type sources map[string]collect.Source

// ByWriteKey implements collect.SourceFinder.
func (s sources) ByWriteKey(key string) (collect.Source, bool) {
	source, ok := s[key]
	return source, ok
}

// add makes a source if there is none of that name.
func (s sources) add(name string) {
	if _, ok := s[name]; !ok {
		s[name] = collect.Source{Key: name, Enabled: true}
	}
}
