package sim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"kith/event"
	"kith/internal/collect"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/eventlog/local"
	"kith/internal/history"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/pipeline"
	"kith/internal/state"
	"kith/internal/state/pebble"
	"kith/internal/sys"
)

// shape is what stays the same in a simulation.
type shape struct {
	partitions    int
	segmentBytes  int64
	memTableBytes int64
	reserves      bool // the engines refuse writes before the disk is full
}

// diskBytes is the size of the simulated disk.
const diskBytes = 64 << 20

// The folders of the log and of the state.
const (
	logDir   = "/data/log"
	stateDir = "/data/state"
)

// machine is the simulated machine: what is left when kith is not running.
type machine struct {
	shape
	seed   uint64
	disk   *disk
	clock  *sys.Manual
	boots  uint64
	config int  // which interpreting configuration the next start has
	strict bool // whether the collector of the next start takes small messages only
	broken bool // whether folding certain messages panics

	kith   *process // nil while it is down
	hurt   bool     // since the start of kith, an operation of the disk has failed or found no room
	failed bool     // since the start of kith, an operation of the disk has failed
	full   bool     // somebody else has taken the disk

	seen map[eventlog.Position]uint64 // what any reader of the log was ever given
}

// process is kith while it runs.
type process struct {
	log       *local.Log
	state     *pebble.Store
	collector *collect.Collector
	door      http.Handler
	runner    *pipeline.Runner
	limit     int
	logFailed atomic.Bool // the log has said that it takes no more records
}

// configs are the interpreting configurations between which the simulation
// changes.
func configs(n int) *identity.Config {
	c := identity.DefaultConfig()
	if n%2 == 1 {
		c.Sources = map[string]identity.SourceRule{"web": {Identifies: map[string]bool{"user_id": true, "anonymous_id": true}}}
		c.ClusterMax = 12
	}
	return c
}

// strictLimit is the size of a message that a strict collector takes.
const strictLimit = 2000

func keyring() *identity.Keyring { return identity.NewKeyring([]byte("sim")) }

// boot starts kith. A start that fails leaves it down.
func (m *machine) boot() error {
	m.boots++
	m.hurt, m.failed = m.full, false
	p := &process{limit: 32 << 10}
	if m.strict {
		p.limit = strictLimit
	}
	if err := p.open(m); err != nil {
		m.note()
		return errors.Join(err, p.close())
	}
	p.wire(m)
	if _, err := p.runner.Prepare(context.Background()); err != nil {
		m.note()
		return errors.Join(err, p.close())
	}
	m.kith = p
	return nil
}

func (p *process) open(m *machine) (err error) {
	logOptions := local.Options{
		FS: m.disk, Clock: m.clock, Rand: sys.Seeded(m.seed + m.boots), Partitions: m.partitions,
		SegmentBytes: m.segmentBytes, ReserveFraction: -1,
		Observer: local.Observer{Failed: func(error) { p.logFailed.Store(true) }},
	}
	stateOptions := pebble.Options{
		FS: m.disk, Clock: m.clock, NoSync: true, CacheBytes: 1 << 20, MemTableBytes: m.memTableBytes, ReserveBytes: -1,
	}
	if m.reserves {
		logOptions.ReserveFraction, stateOptions.ReserveBytes = 0.05, 1<<20
	}
	if p.log, err = local.Open(logDir, logOptions); err != nil {
		return err
	}
	p.state, err = pebble.Open(stateDir, stateOptions)
	return err
}

func (p *process) close() error {
	var all []error
	if p.state != nil {
		all = append(all, p.state.Close())
	}
	if p.log != nil {
		all = append(all, p.log.Close())
	}
	return errors.Join(all...)
}

// wire connects the parts as the application does.
func (p *process) wire(m *machine) {
	rules := configs(m.config)
	in := &pipeline.Interpreter{Identity: rules, Keys: keyring()}
	p.collector = collect.New(collect.Config{
		Log: p.log, Clock: m.clock, Rand: sys.Seeded(m.seed ^ m.boots<<32),
		Sources: sources{"key-web": {Key: "web", Enabled: true}, "key-crm": {Key: "crm", Enabled: true}},
		Limits:  collect.Limits{Event: p.limit},
		Route: func(e *event.Event) int32 {
			ids, _ := rules.Extract(e)
			if len(ids) == 0 {
				return 0
			}
			return int32(int(state.LockOf(in.Keys.Node(ids[0]))) % m.partitions)
		},
	})
	p.door = p.collector.Handler()
	p.runner = m.runner(&witness{p.log, m.seen}, p.state, 100)
	p.runner.Reaccept = p.collector.Reaccept
}

// runner is a pipeline from a log into a state.
func (m *machine) runner(log eventlog.Log, store state.Store, batch int) *pipeline.Runner {
	return &pipeline.Runner{
		Log: log, State: store, Stages: &pipeline.Stages{History: brittle{keyed.Index{}, m}},
		Interpreter: &pipeline.Interpreter{Identity: configs(m.config), Keys: keyring()},
		Clock:       m.clock, Config: pipeline.Config{BatchRecords: batch},
	}
}

// sources are known by their write keys.
type sources map[string]collect.Source

// ByWriteKey implements collect.SourceFinder.
func (s sources) ByWriteKey(key string) (collect.Source, bool) {
	found, ok := s[key]
	return found, ok
}

// brittle is a history on which folding some messages panics while the machine
// says so: a stage with a defect.
type brittle struct {
	history.Index
	m *machine
}

// Append implements history.Index.
func (b brittle) Append(tx state.Tx, e *history.Entry) {
	if b.m.broken && poisonous(e.MessageID) {
		panic("a planted defect")
	}
	b.Index.Append(tx, e)
}

func poisonous(messageID string) bool {
	return len(messageID) > 1 && messageID[len(messageID)-1] == '7'
}

// witness notes what readers of the log are given: it must stay there for ever.
type witness struct {
	eventlog.Log
	seen map[eventlog.Position]uint64
}

// Read implements eventlog.Reader.
func (w *witness) Read(ctx context.Context, from eventlog.Position, most, mostBytes int) ([][]byte, error) {
	data, err := w.Log.Read(ctx, from, most, mostBytes)
	for i, d := range data {
		w.seen[eventlog.Position{Partition: from.Partition, Offset: from.Offset + int64(i)}] = sumOf(d)
	}
	return data, err
}

// note remembers that the disk has failed or has had no room.
func (m *machine) note() {
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	m.failed = m.failed || m.disk.hit
	m.hurt = m.hurt || m.full || m.disk.hit
}

// excuse judges an error that kith gave: it must be one that a user can do
// something about, and there must be a reason for it in the disk.
func (m *machine) excuse(err error, doing string) error {
	if err == nil || m.disk.cutOff() != nil {
		return nil
	}
	m.note()
	switch kind := errs.KindOf(err); {
	case kind != errs.Unavailable:
		return fmt.Errorf("%s: an error of kind %v: %w", doing, kind, err)
	case !m.hurt:
		return fmt.Errorf("%s failed although nothing is wrong with the disk: %w", doing, err)
	}
	return nil
}

// up starts kith if it is down. It returns false when it stays down for a reason.
func (m *machine) up() (bool, error) {
	if m.kith != nil {
		return true, nil
	}
	err := m.boot()
	if m.disk.cutOff() != nil {
		return false, m.resume()
	}
	return err == nil, m.excuse(err, "starting")
}

// resume goes on after a cut or kill, if one has happened: what the old process
// does on its disk from then on is lost.
func (m *machine) resume() error {
	for after := m.disk.cutOff(); after != nil; after = m.disk.cutOff() {
		m.drop()
		m.disk = after
		m.full = after.other > 0
		if err := m.boot(); err != nil && m.disk.cutOff() == nil {
			return m.excuse(err, "starting after a crash")
		}
	}
	return nil
}

// drop gives up the process without caring for what it says.
func (m *machine) drop() {
	if m.kith != nil {
		_ = m.kith.close()
		m.kith = nil
	}
}
