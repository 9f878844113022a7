package engines

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/eventlog"
	"kith/internal/eventlog/local"
	"kith/internal/history"
	"kith/internal/history/keyed"
	"kith/internal/scenario"
	"kith/internal/state"
	"kith/internal/state/pebble"
	"kith/internal/sys"
)

// Embedded is the engines of kith serve without a configuration, the log in
// segment files and the state in Pebble, on a file system in memory whose power
// can be cut: a crash loses every byte that was not synced.
func Embedded() scenario.Engine { return embedded{} }

type embedded struct{}

func (embedded) Name() string { return "embedded" }

func (embedded) Open(_ context.Context, partitions int) (scenario.Place, error) {
	p := &embeddedPlace{machine: machine{fs: vfs.NewCrashableMem(), partitions: partitions}}
	if err := p.open(); err != nil {
		return nil, err
	}
	return p, nil
}

// The folders of the log and the state.
const (
	logDir   = "/data/log"
	stateDir = "/data/state"
)

// machine is a file system in memory with a log on it.
type machine struct {
	fs         *vfs.MemFS
	partitions int
	log        *local.Log
	fresh      int // states that Fresh has made
}

// boot opens the log.
func (m *machine) boot() error {
	log, err := local.Open(logDir, local.Options{
		FS: m.fs, Rand: sys.Seeded(1), Partitions: m.partitions, ReserveFraction: -1, Compression: local.S2,
	})
	m.log = log
	return err
}

// cut makes the file system what a power cut would leave of it. The log must be
// closed afterwards; what closing writes goes to the old one.
func (m *machine) cut() { m.fs = m.fs.CrashClone(vfs.CrashCloneCfg{}) }

type embeddedPlace struct {
	machine
	state *pebble.Store
}

// open opens what is on the file system. Commits are not synced, as in the
// embedded product: the state and its cursor are cut at one commit, and the log
// has the rest.
func (p *embeddedPlace) open() (err error) {
	if err := p.boot(); err != nil {
		return err
	}
	p.state, err = p.store(stateDir)
	return err
}

func (p *embeddedPlace) store(dir string) (*pebble.Store, error) {
	return pebble.Open(dir, pebble.Options{FS: p.fs, NoSync: true, ReserveBytes: -1, CacheBytes: 1 << 20, MemTableBytes: 256 << 10})
}

func (p *embeddedPlace) Log() eventlog.Log      { return p.log }
func (p *embeddedPlace) State() state.Store     { return p.state }
func (p *embeddedPlace) History() history.Index { return keyed.Index{} }

func (p *embeddedPlace) Crash(context.Context) error {
	p.cut()
	if err := p.Close(); err != nil {
		return err
	}
	return p.open()
}

func (p *embeddedPlace) Fresh(context.Context) (state.Store, error) {
	p.fresh++
	return p.store(fmt.Sprintf("/data/fresh-%d", p.fresh))
}

func (p *embeddedPlace) Close() error { return errors.Join(p.state.Close(), p.log.Close()) }
