// Package local is the event log of one machine: segment files of compressed,
// checksummed blocks, one folder per partition. FORMAT.md beside it shows the
// bytes.
//
// An append returns once its records are synced to the disk. Appends that come
// while a sync is under way share the next one: there is no timer and no
// artificial delay, the slower the disk the larger the groups (partition.append).
//
// What a crash can leave is told from damage by what the blocks say of one
// another (recovery), so that opening cuts off a commit that was never finished
// and never anything that was acknowledged.
package local

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"slices"
	"sync"

	"kith/internal/errs"
	"kith/internal/eventlog"
)

// Log is an event log in a folder. It is safe for concurrent use.
type Log struct {
	dir        string
	opts       Options
	meta       meta
	codec      *codec
	guard      *guard
	notify     notify
	partitions []*partition
	lock       io.Closer

	mu      sync.Mutex
	closed  bool
	readers int
	quiet   sync.Cond // signalled when the last reader has left a closed log
	done    chan struct{}
	err     error // of Close
}

var _ eventlog.Log = (*Log)(nil)

// Open opens the log in the folder and makes it if there is none. Errors are of
// kind Unavailable when another process has it open (eventlog.in_use), when the
// disk is full (eventlog.disk_full) or cannot be used, of kind Invalid when the
// options do not fit the folder, and of kind Corrupt when damage leaves it open
// what the next offset is. Other damage does not keep the log from opening:
// Observer.Damaged is told, and the records concerned answer with Corrupt.
func Open(dir string, opts Options) (*Log, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	l := &Log{dir: dir, opts: opts, codec: newCodec(opts.Compression), done: make(chan struct{})}
	l.quiet.L = &l.mu
	l.guard = &guard{
		fs: opts.FS, clock: opts.Clock, dir: dir,
		bytes: opts.ReserveBytes, fraction: opts.ReserveFraction, notify: opts.Observer.DiskFull,
	}
	if err := makeDir(opts.FS, dir); err != nil {
		return nil, openError(err, dir)
	}
	if l.lock, err = opts.FS.Lock(opts.FS.PathJoin(dir, lockName)); err != nil {
		return nil, lockError(err, dir)
	}
	if err := l.openAll(); err != nil {
		for _, p := range l.partitions {
			_ = p.close()
		}
		_ = l.lock.Close()
		return nil, err
	}
	return l, nil
}

func openError(err error, dir string) error {
	if isNoSpace(err) {
		return errFull(err)
	}
	return errs.Wrap(err, errs.Unavailable, "eventlog.open_failed", "opening the log in %s", dir)
}

// lockError tells a lock held by another from a file that cannot be made.
func lockError(err error, dir string) error {
	var path *fs.PathError
	if errors.As(err, &path) || isNoSpace(err) {
		return openError(err, dir)
	}
	return errs.Wrap(err, errs.Unavailable, "eventlog.in_use", "the log in %s is open in another process", dir)
}

func (l *Log) openAll() error {
	if err := l.openMeta(); err != nil {
		return err
	}
	for id := range l.meta.partitions {
		p, err := openPartition(l, int32(id))
		if err != nil {
			return err
		}
		l.partitions = append(l.partitions, p)
	}
	return nil
}

// openMeta reads the log's own file, or makes a new log where there is none.
func (l *Log) openMeta() error {
	path := l.opts.FS.PathJoin(l.dir, metaName)
	b, err := readFile(l.opts.FS, path)
	if isNotExist(err) {
		return l.createMeta(path)
	}
	if err != nil {
		return errRead(err, path)
	}
	if l.meta, err = decodeMeta(b, path); err != nil {
		return err
	}
	if want := l.opts.Partitions; want != 0 && want != l.meta.partitions {
		return errs.New(errs.Invalid, "eventlog.partitions_mismatch",
			"the log in %s has %d partitions, not %d; the number cannot change", l.dir, l.meta.partitions, want)
	}
	return nil
}

func (l *Log) createMeta(path string) error {
	names, err := l.opts.FS.List(l.dir)
	if err != nil {
		return errRead(err, l.dir)
	}
	if slices.Contains(names, l.opts.FS.PathBase(folder(l.opts.FS, l.dir, 0))) {
		// The file is written before any folder: it was there and has gone.
		return errDamaged(path, 0)
	}
	var id [8]byte
	if _, err := io.ReadFull(l.opts.Rand, id[:]); err != nil {
		return errs.Wrap(err, errs.Internal, "eventlog.rand", "making the identity of a log")
	}
	l.meta = meta{max(l.opts.Partitions, 1), binary.LittleEndian.Uint64(id[:]) | 1}
	if err := replaceFile(l.opts.FS, path, encodeMeta(l.meta)); err != nil {
		return openError(err, l.dir)
	}
	return nil
}

// Partitions implements eventlog.Log.
func (l *Log) Partitions() int { return len(l.partitions) }

// errClosed is the error of every call after Close.
func errClosed() error {
	return errs.New(errs.Unavailable, "eventlog.closed", "the log is closed")
}

// partition returns a partition by its number.
func (l *Log) partition(id int32) (*partition, error) {
	if id < 0 || int(id) >= len(l.partitions) {
		return nil, errs.New(errs.Invalid, "eventlog.no_such_partition",
			"there is no partition %d, the log has %d", id, len(l.partitions))
	}
	return l.partitions[id], nil
}

// Append implements eventlog.Writer. The context is heard while the append waits
// for its sync; records of an append that was given up may be in the log.
func (l *Log) Append(ctx context.Context, entries []eventlog.Entry) ([]eventlog.Position, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	if ctx.Err() != nil {
		return nil, errCancelled(ctx)
	}
	first := entries[0].Partition
	if slices.ContainsFunc(entries, func(e eventlog.Entry) bool { return e.Partition != first }) {
		return l.appendSpread(ctx, entries)
	}
	p, err := l.partition(first)
	if err != nil {
		return nil, err
	}
	base, err := p.append(ctx, entries)
	if err != nil {
		return nil, err
	}
	positions := make([]eventlog.Position, len(entries))
	for i := range positions {
		positions[i] = eventlog.Position{Partition: first, Offset: base + int64(i)}
	}
	return positions, nil
}

// appendSpread appends to several partitions beside one another.
func (l *Log) appendSpread(ctx context.Context, entries []eventlog.Entry) ([]eventlog.Position, error) {
	shares := make([][]eventlog.Entry, len(l.partitions))
	for _, e := range entries {
		if _, err := l.partition(e.Partition); err != nil {
			return nil, err
		}
		shares[e.Partition] = append(shares[e.Partition], e)
	}
	next := make([]int64, len(shares))
	failures := make([]error, len(shares))
	var all sync.WaitGroup
	for i, share := range shares {
		if len(share) > 0 {
			all.Go(func() { next[i], failures[i] = l.partitions[i].append(ctx, share) })
		}
	}
	all.Wait()
	for _, err := range failures {
		if err != nil {
			return nil, err
		}
	}
	positions := make([]eventlog.Position, len(entries))
	for i, e := range entries {
		positions[i] = eventlog.Position{Partition: e.Partition, Offset: next[e.Partition]}
		next[e.Partition]++
	}
	return positions, nil
}

// Read implements eventlog.Reader.
func (l *Log) Read(ctx context.Context, from eventlog.Position, max, maxBytes int) ([][]byte, error) {
	p, err := l.partition(from.Partition)
	if err != nil {
		return nil, err
	}
	if from.Offset < 0 {
		return nil, errs.New(errs.Invalid, "eventlog.offset", "an offset is not negative")
	}
	if err := l.enter(); err != nil {
		return nil, err
	}
	defer l.leave()
	return p.read(ctx, from.Offset, max, maxBytes)
}

// enter notes a reader, for whom Close waits.
func (l *Log) enter() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errClosed()
	}
	l.readers++
	return nil
}

func (l *Log) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.readers--; l.readers == 0 {
		l.quiet.Broadcast()
	}
}

// Ends implements eventlog.Reader.
func (l *Log) Ends(context.Context) ([]int64, error) {
	ends := make([]int64, len(l.partitions))
	for i, p := range l.partitions {
		ends[i] = p.durableEnd()
	}
	return ends, nil
}

// Wait implements eventlog.Reader. A partition that from does not name is not
// waited for.
func (l *Log) Wait(ctx context.Context, from []int64) error {
	for {
		woken := l.notify.next()
		for i, p := range l.partitions[:min(len(from), len(l.partitions))] {
			if p.durableEnd() > from[i] {
				return nil
			}
		}
		select {
		case <-woken:
		case <-ctx.Done():
			return errs.Wrap(context.Cause(ctx), errs.Unavailable, "eventlog.cancelled", "the wait was given up")
		case <-l.done:
			return errClosed()
		}
	}
}

// Stats returns the log's figures.
func (l *Log) Stats() Stats {
	var s Stats
	for _, p := range l.partitions {
		p.stats(&s)
	}
	return s
}

// Close waits for the appends and reads under way, refuses new ones, and lets go
// of the folder. A second call waits for the first and returns the same.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		<-l.done
		return l.err
	}
	l.closed = true
	for l.readers > 0 {
		l.quiet.Wait()
	}
	l.mu.Unlock()
	var all []error
	for _, p := range l.partitions {
		all = append(all, p.close())
	}
	l.err = errors.Join(append(all, l.lock.Close())...)
	close(l.done)
	return l.err
}
