// Package pebble is the embedded engine of the state: one Pebble database in one
// folder, opened by one process.
//
// A commit is one batch of the database's write-ahead log, so it survives whole
// or not at all, and if it survives so do all before it. What is read under a
// guard (PutIf, the cursor) is compared and written under one mutex; the sync of
// the log happens outside of it, so that commits under way share a sync.
//
// Merges are blind writes: they go to the log as operands and are combined when
// they are read or compacted. See FORMAT.md in package state for the bytes.
package pebble

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/errs"
	"kith/internal/state"
	"kith/internal/state/internal/txn"
	"kith/internal/sys"
)

// Options are the settings of a store. The zero value is a small store on the
// machine's disk: it takes about 130 MiB of memory at most and serves a laptop.
// On a server give the cache what memory there is to spare; the size of the
// memory tables follows it.
type Options struct {
	// FS is the file system; nil is the machine's disk.
	FS sys.FS

	// Clock paces repeated attempts while the disk is full; nil is the machine's.
	Clock sys.Clock

	// CacheBytes bounds the cache of uncompressed blocks; 0 means 64 MiB.
	CacheBytes int64

	// MemTableBytes is the size at which the newest writes are flushed from
	// memory to a table on disk; at most four such tables wait at a time. 0 means
	// a quarter of the cache, but 4 MiB at least and 64 MiB at most, and no more
	// than a 64th of the disk.
	MemTableBytes int64

	// NoSync lets a Commit that moves a cursor return before its log record is
	// synced; one without a cursor, as of a setting, is always synced. A crash of the
	// machine (not of the process alone) may then lose the newest commits. What
	// is left is still exactly the first commits up to some point, each whole,
	// cursor included: state that is derived from a log with a cursor of its own
	// comes back by reading the log again from that older cursor.
	NoSync bool

	// ReserveBytes is the free space of the disk below which commits are refused
	// with state.disk_full, so that flushes and compactions under way can end. 0
	// means 256 MiB, but no more than a 40th of the disk, a negative number none.
	ReserveBytes int64

	// Logger hears of trouble in the background that has no caller to return
	// to; nil hears nothing. Keys and values never reach it.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = sys.Disk()
	}
	if o.Clock == nil {
		o.Clock = sys.Wall()
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 64 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// formatVersion is the format of Pebble's files. It is raised by hand, because
// an older kith cannot open what a newer format wrote.
const formatVersion = pebble.FormatValueSeparation

// How much may wait before commits do: memory tables to be flushed and levels of
// tables in L0 to be compacted. Pebble's own limits are set out of reach, because
// it would wait in the midst of a commit, deaf to the context and forever if the
// disk is full; see Store.admit.
const (
	waitingMemTables = 4
	waitingLevels    = 24
	outOfReach       = 10_000
)

// engine translates the settings.
func (o Options) engine(fs vfs.FS, lock *pebble.Lock, h *health) *pebble.Options {
	p := &pebble.Options{
		FS:                          fs,
		Lock:                        lock,
		CacheSize:                   o.CacheBytes,
		MemTableSize:                uint64(o.MemTableBytes),
		MemTableStopWritesThreshold: outOfReach,
		Merger:                      merger(),
		FormatMajorVersion:          formatVersion,
		MaxOpenFiles:                500,
		L0CompactionThreshold:       2,
		L0StopWritesThreshold:       outOfReach,
		FlushSplitBytes:             4 << 20,
		WALBytesPerSync:             1 << 20,
		CompactionConcurrencyRange:  func() (lower, upper int) { return 1, 2 },
		Logger:                      h,
		EventListener:               h.listener(),
		MaxManifestFileSize:         16 << 20,
	}
	p.TargetFileSizes[0] = 4 << 20
	for i := range p.Levels {
		p.Levels[i].BlockSize = 8 << 10
		p.Levels[i].IndexBlockSize = 64 << 10
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	p.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionFastest })
	return p
}

// Store is a state in one folder. It is safe for concurrent use.
type Store struct {
	db     *pebble.DB
	lock   *pebble.Lock
	dir    string
	opts   Options
	health *health
	spare  *spare
	locks  txn.Locks
	tally  tally
	use    use

	commitMu sync.Mutex // held from comparing guards until the batch is visible
}

var _ state.Store = (*Store)(nil)

// Open opens the state in the folder dir, which it makes if need be. It fails
// with kind Unavailable and code state.in_use when another process, or another
// Store of this one, has it open, and with kind Corrupt when a file of it is
// damaged.
func Open(dir string, o Options) (*Store, error) {
	o = o.withDefaults()
	h := newHealth(o)
	room := &spareFS{FS: o.FS}
	fs := &gateFS{FS: room, health: h}
	if err := makeDir(fs, dir); err != nil {
		return nil, openError(err, fs)
	}
	o = o.sized(dir)
	lock, err := lockDir(fs, dir)
	if err != nil {
		return nil, err
	}
	room.spare = newSpare(o.FS, dir, o)
	err = checkManifest(fs, dir)
	var db *pebble.DB
	if err == nil {
		db, err = openDB(dir, o.engine(fs, lock, h), h)
	}
	if err != nil {
		_ = fs.unlock() // the failed Open is what the caller needs to hear of
		return nil, openError(err, fs)
	}
	room.isOpen.Store(true)
	return &Store{db: db, lock: lock, dir: dir, opts: o, health: h, spare: room.spare}, nil
}

// openDB opens the database, which flushes what it finds in its log before it
// returns. Pebble tries a flush that fails again without end. So when something
// has failed for good, the attempt is given up: its goroutines stay behind
// blocked, and nothing of it reaches the disk any more (gateFS).
func openDB(dir string, p *pebble.Options, h *health) (*pebble.DB, error) {
	type outcome struct {
		db  *pebble.DB
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		db, err := pebble.Open(dir, p)
		done <- outcome{db, err}
	}()
	discard := func(o outcome) {
		h.close()
		if o.db != nil {
			_ = o.db.Close() // why it is discarded tells more
		}
	}
	select {
	case o := <-done:
		if o.err == nil {
			o.err = h.opened()
		}
		if o.err != nil {
			discard(o)
		}
		return o.db, o.err
	case <-h.failed:
		go func() { discard(<-done) }()
		return nil, h.fatal()
	}
}

// makeDir makes the folder and syncs its parents, so that it outlasts a crash.
func makeDir(fs vfs.FS, dir string) error {
	var parents []string
	for d := dir; ; {
		parent := fs.PathDir(d)
		if parent == d {
			break
		}
		parents = append(parents, parent)
		if _, err := fs.Stat(parent); err == nil {
			break
		}
		d = parent
	}
	if err := fs.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	for _, p := range parents {
		if err := syncDir(fs, p); err != nil {
			return err
		}
	}
	return nil
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if closeErr := d.Close(); err == nil {
		err = closeErr
	}
	return err
}

// Begin implements state.Store.
func (s *Store) Begin(ctx context.Context, locks []state.Lock) (state.Tx, error) {
	if err := s.use.check(); err != nil {
		return nil, err
	}
	sorted := txn.Sorted(locks)
	if err := s.locks.Acquire(ctx, sorted); err != nil {
		return nil, err
	}
	return &tx{store: s, locks: sorted}, nil
}

// Snapshot implements state.Store. While it is open, nothing it shows can be
// removed from disk.
func (s *Store) Snapshot(ctx context.Context) (state.Snapshot, error) {
	if err := txn.Canceled(ctx); err != nil {
		return nil, err
	}
	snap := &snapshot{store: s}
	if err := s.use.add(snap); err != nil {
		return nil, err
	}
	defer s.use.leave()
	snap.snap = s.db.NewSnapshot()
	return snap, nil
}

// Close implements state.Store. It waits for reads and commits under way and
// closes snapshots that are still open; it must not be called from within a
// scan.
func (s *Store) Close() error {
	if !s.use.close() {
		return nil
	}
	s.health.close()
	err := s.db.Close()
	if lockErr := s.lock.Close(); err == nil {
		err = lockErr
	}
	return mapError(err, "closing the state")
}

// Checkpoint writes a copy of the state as it is now into the folder dir of the
// same file system, which must not exist yet. Files that never change are shared
// with the copy by hard links, so it takes little time and space. The copy can
// be opened like any state.
func (s *Store) Checkpoint(dir string) error {
	if err := s.use.enter(); err != nil {
		return err
	}
	defer s.use.leave()
	if _, err := s.opts.FS.Stat(dir); err == nil {
		return errs.New(errs.Invalid, "state.checkpoint_exists", "the folder for the copy is already there")
	}
	if err := makeDir(s.opts.FS, s.opts.FS.PathDir(dir)); err != nil {
		return mapError(err, "making the folder for a copy")
	}
	if err := s.db.Checkpoint(dir, pebble.WithFlushedWAL()); err != nil {
		return mapError(err, "copying the state")
	}
	return s.health.fatal() // a store that fails says nothing to the database
}

// Metrics are figures of a store at one moment.
type Metrics struct {
	DiskBytes       uint64 // of all files
	LogBytes        uint64 // of them, the write-ahead log's
	MemTableBytes   uint64 // in memory, not yet flushed
	CacheBytes      int64  // in memory, blocks of files
	CacheHits       int64
	CacheMisses     int64
	Flushes         int64 // since the store was opened
	Compactions     int64 // since the store was opened
	CompactionDebt  uint64
	ReadAmplication int // tables that a read of one key looks into at most
}

// Metrics returns the store's figures; all zero after Close.
func (s *Store) Metrics() Metrics {
	if s.use.enter() != nil {
		return Metrics{}
	}
	defer s.use.leave()
	m := s.db.Metrics()
	return Metrics{
		DiskBytes:       m.DiskSpaceUsage(),
		LogBytes:        m.WAL.Size,
		MemTableBytes:   m.MemTable.Size,
		CacheBytes:      m.BlockCache.Size,
		CacheHits:       m.BlockCache.Hits,
		CacheMisses:     m.BlockCache.Misses,
		Flushes:         m.Flush.Count,
		Compactions:     m.Compact.Count,
		CompactionDebt:  m.Compact.EstimatedDebt,
		ReadAmplication: m.ReadAmp(),
	}
}

// DiskUsage is the space of the disk that the folder lies on, in bytes.
type DiskUsage struct {
	Free, Total uint64
}

// DiskUsage measures the disk. It fails with kind Unavailable where the file
// system cannot tell.
func (s *Store) DiskUsage() (DiskUsage, error) {
	u, err := s.opts.FS.GetDiskUsage(s.dir)
	if err != nil {
		return DiskUsage{}, mapError(err, "measuring the disk")
	}
	return DiskUsage{Free: u.AvailBytes, Total: u.TotalBytes}, nil
}

// lockDir takes the folder for this process.
func lockDir(fs vfs.FS, dir string) (*pebble.Lock, error) {
	lock, err := pebble.LockDirectory(dir, fs)
	if err == nil {
		return lock, nil
	}
	var path *os.PathError
	if errors.As(err, &path) {
		return nil, mapError(err, "locking the folder of the state")
	}
	return nil, errs.Wrap(err, errs.Unavailable, "state.in_use", "another process has the state in this folder open; stop it first")
}
