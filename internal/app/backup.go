package app

import (
	"context"
	"io"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"kith/internal/backup"
	"kith/internal/cold/keeper"
	"kith/internal/errs"
	"kith/internal/eventlog/local"
	"kith/internal/sys"
	"kith/internal/workspace"
)

// source is the workspace as a backup sees it.
func (a *App) source() backup.Source {
	return backup.Source{
		Log: a.log, State: a.store, Keys: a.ws.Keyring(), Workspace: a.ws.Name(),
		Version: a.cfg.Version, Now: sys.Millis(a.cfg.Clock.Now()),
	}
}

// backup answers the API with an archive, one at a time: each reads all there is.
func (a *App) backup(ctx context.Context, w io.Writer) error {
	if !a.backingUp.TryLock() {
		return errs.New(errs.Conflict, "backup.running", "another backup is being read; wait until it has ended")
	}
	defer a.backingUp.Unlock()
	return backup.Write(ctx, w, a.source())
}

// Backup returns the archive of a workspace that no server runs on. The caller
// closes it; errors come out of reading.
func Backup(ctx context.Context, cfg Config) (io.ReadCloser, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if _, err := cfg.FS.Stat(filepath.Join(cfg.Data, defaultWorkspace)); cfg.LogURL == "" && err != nil {
		return nil, errNoData(&cfg)
	}
	a := &App{cfg: cfg}
	for _, step := range []func(context.Context) error{a.openFolder, a.openQuietly} {
		if err := step(ctx); err != nil {
			_ = a.Close() // the first error is the one to tell
			return nil, err
		}
	}
	ctx, stop := context.WithCancel(ctx)
	r, w := io.Pipe()
	s := &stream{PipeReader: r, app: a, stop: stop}
	s.group.Go(func() error { return w.CloseWithError(backup.Write(ctx, w, a.source())) })
	return s, nil
}

// openQuietly opens the engines for nothing but reading.
func (a *App) openQuietly(ctx context.Context) (err error) {
	if a.log, err = openLog(ctx, &a.cfg, a.ws, local.Observer{}, ""); err != nil {
		return err
	}
	a.onClose(a.log.Close)
	if a.store, err = openState(ctx, &a.cfg, a.ws, keeper.Observer{}); err == nil {
		a.onClose(a.store.Close)
	}
	return err
}

// stream is an archive that is written while it is read.
type stream struct {
	*io.PipeReader
	app   *App
	stop  context.CancelFunc
	group errgroup.Group
}

// Close implements io.Closer.
func (s *stream) Close() error {
	s.stop()
	_ = s.PipeReader.Close() // never fails
	_ = s.group.Wait()       // its error came out of reading
	return s.app.Close()
}

// Restoring is how a backup is to be restored.
type Restoring struct {
	From  string // the backup, or a folder with several
	Keys  backup.Keys
	Until *int64 // UTC milliseconds; nil: all of it
	// OtherIDs allows another secret of node ids than the data was made with: every
	// profile then has another id.
	OtherIDs bool
	// Progress is told how far it is: bytes of the archive, then records folded.
	Progress func(what string, done, total int64)
}

// RestoredTo is a data folder that was made of a backup.
type RestoredTo struct {
	Data      string          `json:"data"`
	Backup    string          `json:"backup"`
	Manifest  backup.Manifest `json:"manifest"`
	Restored  backup.Restored `json:"restored"`
	Positions []int64         `json:"positions"` // by partition: records folded
}

// restoreFolder holds a workspace until it is whole. No workspace can have that
// name.
const restoreFolder = "restore.partial"

// Restore makes a workspace of a backup in an empty data folder, and folds what
// its state does not contain yet. The workspace appears in the folder in one
// step, at the end; what an attempt that failed has left, the next one removes.
func Restore(ctx context.Context, cfg Config, r Restoring) (RestoredTo, error) {
	if r.Progress == nil {
		r.Progress = func(string, int64, int64) {}
	}
	if err := checkTarget(&cfg); err != nil {
		return RestoredTo{}, err
	}
	archive, err := backup.Open(cfg.FS, r.From, r.Keys)
	if err != nil {
		return RestoredTo{}, err
	}
	defer func() { _ = archive.Close() }() // it was only read
	ws, err := workspace.New(filepath.Join(cfg.Data, restoreFolder), defaultWorkspace, cfg.IDKey)
	if err != nil {
		return RestoredTo{}, err
	}
	if err := checkArchive(archive, ws, r); err != nil {
		return RestoredTo{}, err
	}
	out := RestoredTo{Data: cfg.Data, Backup: archive.Path, Manifest: archive.Manifest}
	if out.Restored, err = fill(ctx, &cfg, ws, archive, r); err != nil {
		return out, err
	}
	if out.Positions, err = foldRestored(ctx, cfg, r.Progress); err != nil {
		return out, err
	}
	return out, appear(&cfg, ws)
}

// checkTarget makes sure that the data folder is empty, but for what an earlier
// attempt has left.
func checkTarget(cfg *Config) error {
	if cfg.LogURL != "" || cfg.StateURL != "" {
		return errs.New(errs.Invalid, "restore.engines", "a backup is restored into a data folder with the embedded engines; leave out --log and --state")
	}
	if err := sys.MakeDir(cfg.FS, cfg.Data, 0o700); err != nil {
		return errs.Wrap(err, errs.Unavailable, "app.data_folder", "the data folder %s cannot be made", cfg.Data)
	}
	names, err := cfg.FS.List(cfg.Data)
	if err != nil {
		return errs.Wrap(err, errs.Unavailable, "app.data_folder", "the data folder %s cannot be read", cfg.Data)
	}
	for _, name := range names {
		if name != restoreFolder && name != "lost+found" {
			return errs.New(errs.Invalid, "restore.not_empty", "the data folder %s is not empty; a backup is restored into an empty one", cfg.Data)
		}
	}
	err = cfg.FS.RemoveAll(filepath.Join(cfg.Data, restoreFolder))
	return errs.Wrap(err, errs.Unavailable, "app.data_folder", "what an earlier attempt has left in %s cannot be removed", cfg.Data)
}

// checkArchive refuses what could be restored to something else than was asked.
func checkArchive(archive *backup.Archive, ws workspace.Handle, r Restoring) error {
	if archive.Header.IDKey != backup.IDKeyOf(ws.Keyring()) && !r.OtherIDs {
		return errs.New(errs.Invalid, "restore.id_key",
			"the data was made with another KITH_ID_KEY; set it as it was, or accept with --new-ids that every profile gets another id")
	}
	created, err := archive.Header.Created()
	if err == nil && r.Until != nil && *r.Until > sys.Millis(created) {
		err = errs.New(errs.Invalid, "restore.at", "the backup was begun at %s and knows nothing of later moments", archive.Header.CreatedAt)
	}
	return err
}

// fill writes the archive into new engines. The commits of the state are not
// synced: when it is opened for folding, all that its log holds goes into tables
// that are.
func fill(ctx context.Context, cfg *Config, ws workspace.Handle, archive *backup.Archive, r Restoring) (out backup.Restored, err error) {
	if err := sys.MakeDir(cfg.FS, ws.Dir(), 0o700); err != nil {
		return out, errs.Wrap(err, errs.Unavailable, "app.data_folder", "the workspace's folder cannot be made")
	}
	log, err := local.Open(filepath.Join(ws.Dir(), "log"), local.Options{
		FS: cfg.FS, Clock: cfg.Clock, Rand: cfg.Rand, Partitions: len(archive.Header.Positions),
	})
	if err != nil {
		return out, err
	}
	store, err := openState(ctx, cfg, ws, keeper.Observer{})
	if err != nil {
		_ = log.Close() // the first error is the one to tell
		return out, err
	}
	out, err = archive.Restore(ctx, backup.Target{Log: log, State: store, Restored: func() {
		r.Progress("restoring", archive.Read(), archive.Manifest.Archive.Bytes)
	}}, backup.Options{Until: r.Until})
	for _, close := range []func() error{store.Close, log.Close} {
		if closeErr := close(); err == nil {
			err = closeErr
		}
	}
	return out, err
}

// foldRestored folds the log from where the restored state ends and returns the
// positions then.
func foldRestored(ctx context.Context, cfg Config, progress func(string, int64, int64)) ([]int64, error) {
	cfg.Data, cfg.ConfigFile, cfg.WriteKey = filepath.Join(cfg.Data, restoreFolder), "", ""
	a, err := Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	positions, err := a.foldAll(ctx, progress)
	if closeErr := a.Close(); err == nil {
		err = closeErr
	}
	return positions, err
}

// foldAll folds all that is in the log.
func (a *App) foldAll(ctx context.Context, progress func(string, int64, int64)) ([]int64, error) {
	runner := a.live.Load().runner
	if _, err := runner.Prepare(ctx); err != nil {
		return nil, err
	}
	runner.Observer.Committed = func(int32, int, int64, time.Duration) {
		if s, err := runner.Status(ctx); err == nil {
			progress("folding", s.Processed, s.Accepted)
		}
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	g, running := errgroup.WithContext(running)
	g.Go(func() error { return runner.Run(running) })
	g.Go(func() error {
		defer stop()
		return runner.Flush(running)
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	s, err := runner.Status(ctx)
	if err != nil {
		return nil, err
	}
	var positions []int64
	for _, c := range s.Cursors {
		positions = append(positions, c.Next)
	}
	return positions, nil
}

// appear gives the restored workspace its place.
func appear(cfg *Config, ws workspace.Handle) error {
	err := cfg.FS.Rename(ws.Dir(), filepath.Join(cfg.Data, ws.Name()))
	if err == nil {
		err = sys.SyncDir(cfg.FS, cfg.Data)
	}
	if err == nil {
		err = cfg.FS.RemoveAll(filepath.Join(cfg.Data, restoreFolder))
	}
	return errs.Wrap(err, errs.Unavailable, "restore.appear", "the restored workspace cannot be moved to its place in %s", cfg.Data)
}

func errNoData(cfg *Config) error {
	return errs.New(errs.Unavailable, "app.no_data", "no server runs on %s and there is no data in it; start one with `kith serve` or name one with --url", cfg.Data)
}
