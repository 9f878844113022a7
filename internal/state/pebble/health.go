package pebble

import (
	"errors"
	"io/fs"
	"log/slog"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/redact"

	"kith/internal/errs"
	"kith/internal/sys"
)

// flushPause is the time between two attempts to flush while flushes fail;
// Pebble itself would try again at once, without end.
const flushPause = time.Second

// health knows what has gone wrong in the background: for good (the log cannot
// be written, a file is damaged) or for now (a flush failed, for instance because
// the disk is full, and is tried again). It is the database's logger, too.
type health struct {
	clock     sys.Clock
	log       *slog.Logger
	closing   chan struct{}
	closeOnce sync.Once
	failed    chan struct{} // closed when final is set

	mu         sync.Mutex
	isOpen     bool          // the database has been opened; before, a flush that fails is final
	final      error         // why no commit will ever succeed again, or nil
	passing    error         // why flushes fail at the moment, or nil
	flushErr   error         // of the last flush, to know it again as a background error
	compactErr error         // of the last compaction
	rotated    bool          // a memory table has filled up since the last look at how many wait
	changed    chan struct{} // closed at the next flush, compaction or failure
}

func newHealth(o Options) *health {
	return &health{
		clock: o.Clock, log: o.Logger,
		closing: make(chan struct{}), failed: make(chan struct{}), changed: make(chan struct{}),
	}
}

// opened says that the database is open, or why it is of no use.
func (h *health) opened() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.isOpen = h.final == nil
	return h.final
}

// check says why a commit has to be refused now, or nil.
func (h *health) check() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.final != nil {
		return h.final
	}
	return h.passing
}

func (h *health) fatal() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.final
}

// look reports whether it is time to look at how much waits to be flushed and
// compacted, and a channel that is closed when that may have become less.
func (h *health) look() (due bool, changed <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	due, h.rotated = h.rotated, false
	return due, h.changed
}

// crowded takes note that too much waits. It says why that may not change.
func (h *health) crowded() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rotated = true
	switch {
	case h.final != nil:
		return h.final
	case h.passing != nil:
		return h.passing
	}
	return mapError(h.compactErr, "compacting the state")
}

// signal wakes who waits for a change. The caller holds mu.
func (h *health) signal() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// settle takes the error of a change of the folder. While the database is being
// opened it fails the store, and the error stops here; see gateFS.
func (h *health) settle(err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.isOpen {
		return err
	}
	h.stop(err)
	return nil
}

// fail refuses all further commits. The first reason stays.
func (h *health) fail(cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stop(cause)
}

// stop is fail for a caller that holds mu.
func (h *health) stop(cause error) {
	if h.final != nil {
		return
	}
	defer close(h.failed)
	defer h.signal()
	switch {
	case errs.KindOf(cause) == errs.Corrupt:
		h.final = cause
	case pebble.IsCorruptionError(cause):
		h.final = corrupt(damagedFile(cause), cause)
	case vfs.IsNoSpaceError(cause):
		h.final = errs.Wrap(plain(cause), errs.Unavailable, codeDiskFull, "the disk ran full while the state was written; make room and start again")
	default:
		h.final = errs.Wrap(plain(cause), errs.Unavailable, "state.stopped", "the state could not be written; start again to recover what was committed")
	}
}

// close releases what pauses.
func (h *health) close() { h.closeOnce.Do(func() { close(h.closing) }) }

// pause holds up the creation of a table: for good once the store has failed,
// so that the background does not try forever, and for a moment while flushes
// fail.
func (h *health) pause() error {
	h.mu.Lock()
	final, passing := h.final, h.passing
	h.mu.Unlock()
	if final != nil {
		<-h.closing
		return final
	}
	if passing != nil {
		select {
		case <-h.clock.After(flushPause):
		case <-h.closing:
			return passing
		}
	}
	return nil
}

// listener hears of the database's background work.
func (h *health) listener() *pebble.EventListener {
	return &pebble.EventListener{
		WALCreated: func(pebble.WALCreateInfo) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.rotated = true
		},
		FlushEnd: func(info pebble.FlushInfo) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.passing, h.flushErr = nil, info.Err
			h.signal()
		},
		CompactionEnd: func(info pebble.CompactionInfo) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.compactErr = info.Err
			h.signal()
		},
		BackgroundError: h.background,
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			h.fail(corrupt(path.Base(info.Path), info.Details))
		},
	}
}

// background takes an error of a flush or a compaction. A compaction that failed
// is tried again and harms nobody; a flush that fails will in time stop writes.
func (h *health) background(err error) {
	h.log.Error("background work of the state failed", "error", redacted(err))
	if pebble.IsCorruptionError(err) {
		h.fail(err)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.flushErr == nil || !errors.Is(err, h.flushErr):
	case h.isOpen:
		h.passing = mapError(err, "flushing the state")
		h.signal()
	default:
		h.stop(err)
	}
}

// Infof implements pebble.Logger.
func (h *health) Infof(format string, args ...any) {
	h.log.Debug(redacted(redact.Sprintf(format, args...)))
}

// Errorf implements pebble.Logger.
func (h *health) Errorf(format string, args ...any) {
	h.log.Error(redacted(redact.Sprintf(format, args...)))
}

// Fatalf implements pebble.Logger. Pebble calls it when it cannot go on, for
// instance because the list of its files cannot be written, and expects it not
// to return. It returns all the same: the caller's error then ends the attempt,
// no commit is accepted and pause keeps the background from trying again.
func (h *health) Fatalf(format string, args ...any) {
	text := redacted(redact.Sprintf(format, args...))
	h.log.Error(text)
	cause := errors.New(text)
	for _, a := range args {
		if err, ok := a.(error); ok {
			cause = err
		}
	}
	h.fail(cause)
}

// redacted is the text without whatever might be data.
func redacted(v any) string {
	s, ok := v.(redact.RedactableString)
	if !ok {
		s = redact.Sprint(v)
	}
	return s.Redact().StripMarkers()
}

// mapError gives an error of Pebble its kind. doing says what was attempted.
func mapError(err error, doing string) error {
	switch {
	case err == nil:
		return nil
	case errs.KindOf(err) != errs.Internal:
		return err
	case pebble.IsCorruptionError(err):
		return corrupt(damagedFile(err), err)
	case vfs.IsNoSpaceError(err):
		return diskFull(err)
	default:
		return errs.Wrap(plain(err), errs.Unavailable, "state.io", "%s failed", doing)
	}
}

const codeDiskFull = "state.disk_full"

func diskFull(cause error) error {
	const detail = "the disk of the state is full; make room and try again"
	if cause == nil {
		return errs.New(errs.Unavailable, codeDiskFull, detail)
	}
	return errs.Wrap(plain(cause), errs.Unavailable, codeDiskFull, detail)
}

func corrupt(file string, cause error) error {
	return errs.Wrap(plain(cause), errs.Corrupt, "state.corrupt", "the file %s of the state is damaged; rebuild the state from the log or restore a backup", file)
}

// openError is mapError for Open, where the damaged file may be known only as
// the last that was opened, and a table that is gone or cut is not marked as
// corruption.
func openError(err error, fs *gateFS) error {
	if t := missingTable.FindStringSubmatch(err.Error()); t != nil {
		return corrupt(t[1]+".sst", err)
	}
	if pebble.IsCorruptionError(err) && damagedFile(err) == unknownFile {
		return corrupt(fs.lastOpened(), err)
	}
	return mapError(err, "opening the state")
}

// missingTable finds what Pebble says of a table that is gone or has another
// size than it should.
var missingTable = regexp.MustCompile(`^L\d: (\d{6,}): `)

// plain is an error with the text of err that holds no data. It keeps err for
// errors.Is.
func plain(err error) error { return &plainError{text: firstLine(redacted(err)), err: err} }

type plainError struct {
	text string
	err  error
}

// Error implements error.
func (e *plainError) Error() string { return e.text }

// Unwrap returns the cause.
func (e *plainError) Unwrap() error { return e.err }

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

const unknownFile = "(unknown)"

// fileName finds the names of Pebble's files in the text of an error.
var fileName = regexp.MustCompile(`\d{6,}\.(sst|log|blob)|(MANIFEST|OPTIONS)-\d{6,}|marker\.[a-z.0-9-]+`)

// damagedFile is the name of the file that a corruption error is about.
func damagedFile(err error) string {
	if info := pebble.ExtractDataCorruptionInfo(err); info != nil {
		return path.Base(info.Path)
	}
	if name := fileName.FindString(err.Error()); name != "" {
		return name
	}
	return unknownFile
}
