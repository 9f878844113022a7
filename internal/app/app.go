package app

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"kith/event"
	"kith/internal/analytics"
	"kith/internal/client"
	"kith/internal/cold/keeper"
	"kith/internal/collect"
	"kith/internal/definition"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/eventlog/archive"
	"kith/internal/feed"
	"kith/internal/job"
	"kith/internal/lake"
	"kith/internal/resource"
	"kith/internal/score"
	"kith/internal/share"
	"kith/internal/signin"
	"kith/internal/state"
	"kith/internal/sys"
	"kith/internal/tables"
	"kith/internal/telemetry"
	"kith/internal/workspace"
)

// defaultWorkspace is the workspace that a new data folder has.
const defaultWorkspace = "default"

// App is a running kith. Open makes it, Serve runs it, and Close gives back what
// Open took.
type App struct {
	cfg     Config
	ws      workspace.Handle
	logger  *slog.Logger
	notices []string
	file    settingsFile

	log         eventlog.Log
	store       state.Store
	sources     *resource.Sources
	purposes    *resource.Collection[resource.Purpose]
	entities    *resource.Collection[resource.Entity]
	admin       resource.Digest
	metrics     *telemetry.Metrics
	live        atomic.Pointer[live]
	trouble     atomic.Pointer[error] // what stopped the folding last
	recheck     chan chan struct{}    // asks the pipeline to look for changed settings
	collector   *collect.Collector
	feed        *feed.Feed
	definitions *definition.Catalog
	lakePlace   *tables.Place
	lake        *lake.Writer // nil without the role of the pipeline
	shares      *share.Shares
	group       string            // of those who share them
	archiver    *archive.Archiver // nil without the role of the pipeline, or an archive
	moving      moving            // of old history
	runs        atomic.Bool       // the parts in the background do
	sql         *analytics.Gate   // of analysts' queries
	tables      *analytics.Gate   // of conditions, over the files of the lake
	copied      tables.Copy       // of the tables, which is asked first; nil for none
	backingUp   sync.Mutex        // held while a backup is read
	jobs        *job.Jobs
	scores      *score.Scorer
	deciding    sync.Mutex // held while a decision is made, so that the next one knows of it
	aside       sync.Mutex // held while the log is folded into the scratch folder

	handler        http.Handler // everything that the roles ask for
	collectHandler http.Handler // the collector alone
	sessions       *signin.Sessions
	pages          bool // the interface is there
	writeKey       string
	url            string

	closers []func() error
}

// Open opens the engines and wires the parts. Nothing runs yet. Errors are of
// kind Invalid for settings, Unavailable for what the machine lacks.
func Open(ctx context.Context, cfg Config) (*App, error) {
	file, err := readFile(&cfg)
	if err != nil {
		return nil, err
	}
	file.limits(&cfg)
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	a := &App{cfg: cfg, file: file, logger: slog.New(slog.NewTextHandler(os.Stderr, nil)), recheck: make(chan chan struct{})}
	for _, step := range []func(context.Context) error{
		a.openFolder, a.openEngines, a.openSources, a.openDefinitions, a.makeCollector, a.makePipeline, a.openMemberships, a.makeLake, a.makeSQL, a.makeHandlers,
	} {
		if err := step(ctx); err != nil {
			_ = a.Close() // the first error is the one to tell
			return nil, err
		}
	}
	return a, nil
}

// Close closes what is open, last opened first. It is safe twice.
func (a *App) Close() error {
	var first error
	for i := len(a.closers) - 1; i >= 0; i-- {
		if err := a.closers[i](); err != nil && first == nil {
			first = err
		}
	}
	a.closers = nil
	return first
}

func (a *App) onClose(f func() error) { a.closers = append(a.closers, f) }

// openFolder makes the data folder and the workspace's handle.
func (a *App) openFolder(context.Context) (err error) {
	if a.ws, err = workspace.New(a.cfg.Data, defaultWorkspace, a.cfg.IDKey); err != nil {
		return err
	}
	if err := sys.MakeDir(a.cfg.FS, a.ws.Dir(), 0o700); err != nil {
		return errs.Wrap(err, errs.Unavailable, "app.data_folder", "the data folder %s cannot be made", a.cfg.Data)
	}
	a.metrics = telemetry.New()
	return nil
}

func (a *App) openEngines(ctx context.Context) (err error) {
	if a.log, err = openLog(ctx, &a.cfg, a.ws, localObserver(a.metrics, a.logger), filepath.Join(a.ws.Dir(), "record-copies")); err != nil {
		return err
	}
	a.onClose(a.log.Close)
	if a.store, err = openState(ctx, &a.cfg, a.ws, keeper.Observer{Called: a.metrics.HistoryCalled}); err != nil {
		return err
	}
	a.onClose(a.store.Close)
	a.makeShares()
	a.makeArchiver()
	a.makeJobs()
	return a.agree(ctx)
}

func (a *App) openSources(ctx context.Context) (err error) {
	made := false
	if a.admin, made, err = resource.OpenAdmin(a.cfg.FS, a.cfg.Data, a.cfg.AdminToken, a.cfg.Rand); err != nil {
		return err
	}
	if made {
		a.notices = append(a.notices, "made an admin token: "+filepath.Join(a.cfg.Data, resource.AdminFile))
	}
	if a.sources, err = resource.OpenSources(ctx, a.store, a.cfg.Clock, a.cfg.Rand); err != nil {
		return err
	}
	if err = a.sources.Reserve(a.admin); err != nil {
		return err
	}
	a.purposes, a.entities = resource.OpenPurposes(a.store, a.cfg.Clock), resource.OpenEntities(a.store, a.cfg.Clock)
	src, err := a.sources.EnsureDefault(ctx, a.cfg.WriteKey)
	if err != nil {
		return err
	}
	a.writeKey = src.CurrentKey()
	return a.applySources(ctx)
}

func (a *App) makeCollector(context.Context) error {
	a.collector = collect.New(collect.Config{
		Log: a.log, Sources: finder{a.sources}, Clock: a.cfg.Clock, Rand: a.cfg.Rand, Route: a.route(),
		Limits:         a.cfg.limits(),
		TrustedProxies: a.cfg.Proxies, PublicURL: a.cfg.PublicURL, Workspace: a.ws.Name(),
		Observer: collectObserver(a.metrics, a.logger),
	})
	a.metrics.ReadLevels(a.levels)
	return nil
}

// route sends an event to the partition of its home node, so that what a person
// does is folded by one worker; nil where there is only one.
func (a *App) route() func(*event.Event) int32 {
	n := a.log.Partitions()
	if n == 1 {
		return nil
	}
	return func(e *event.Event) int32 {
		ids, _ := a.live.Load().rules.Extract(e)
		if len(ids) == 0 {
			return 0
		}
		return int32(int(state.LockOf(a.ws.Keyring().Node(ids[0]))) % n)
	}
}

// finder answers the collector from the sources.
type finder struct{ sources *resource.Sources }

// ByWriteKey implements collect.SourceFinder.
func (f finder) ByWriteKey(key string) (collect.Source, bool) {
	s, ok := f.sources.ByWriteKey(key)
	if !ok {
		return collect.Source{}, false
	}
	return collect.Source{
		Key: s.Key, Enabled: s.Enabled, ServerFieldsIgnored: s.ServerFieldsIgnored,
		SecretHash: s.Secret, AllowOrigins: s.AllowOrigins,
	}, true
}

// Notices are what an operator should know after a start.
func (a *App) Notices() []string { return a.notices }

// URL is the address that the server listens on, once it does.
func (a *App) URL() string { return a.url }

// DataDir is the data folder.
func (a *App) DataDir() string { return a.cfg.Data }

// WriteKey is the current write key of the source default.
func (a *App) WriteKey() string { return a.writeKey }

// AdminToken is the admin token, given or made.
func (a *App) AdminToken() string {
	if a.cfg.AdminToken != "" {
		return a.cfg.AdminToken
	}
	data, err := os.ReadFile(filepath.Join(a.cfg.Data, resource.AdminFile))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// Offline opens a data folder without a server, brings it up to date and returns
// a client that asks it in this process. close must be called.
func Offline(ctx context.Context, cfg Config) (c *client.Client, close func() error, err error) {
	if _, err := cfg.FS.Stat(filepath.Join(cfg.Data, defaultWorkspace)); cfg.LogURL == "" && err != nil {
		return nil, nil, errNoData(&cfg)
	}
	a, err := Open(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	runner := a.live.Load().runner
	if _, err = runner.Prepare(ctx); err == nil {
		err = runner.Drain(ctx)
	}
	if err != nil {
		_ = a.Close() // the first error is the one to tell
		return nil, nil, err
	}
	return client.Of(a.handler, a.AdminToken()), a.Close, nil
}
