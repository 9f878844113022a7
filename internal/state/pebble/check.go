package pebble

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"kith/internal/errs"
	"kith/internal/state"
)

// Checked is what a check has read.
type Checked struct {
	Rows  int64
	Bytes int64 // of all files read
}

// Unplaced is the offset of damage of which only the file is known.
const Unplaced = -1

// Checking is who is told during a check.
type Checking struct {
	// Damaged is called for each place that does not say what was written: in
	// which file, from which byte on (Unplaced: somewhere), and what is wrong.
	Damaged func(file string, at int64, what string)
	// Row is called for each row in the order of keys; an error is reported as
	// damage of the state as a whole. The slices are valid during the call.
	Row func(key, value []byte) error
	// Whole, where it is given, is called at the end of a state in which nothing
	// was found, to hold its rows against each other; an error of kind Corrupt is
	// reported as damage of the state as a whole. The reader is valid during the call.
	Whole func(r state.Reader) error
}

// Check reads every byte of the state in the folder that anything depends on,
// without changing it: the list of tables, the write-ahead log, every block of
// every table, and all rows. Nobody may have the state open. What an unclean end
// leaves (a commit cut off, a table that no list names) is no damage.
//
// Options need nothing but FS. An error means that the check could not be made:
// of kind NotFound when there is no state, Unavailable when another process has
// it open.
func Check(ctx context.Context, dir string, o Options, told Checking) (Checked, error) {
	o = o.withDefaults()
	if _, err := o.FS.Stat(dir); err != nil {
		return Checked{}, errs.New(errs.NotFound, "state.none", "there is no state in %s", dir)
	}
	h := newHealth(o)
	defer h.close()
	fs := &gateFS{FS: o.FS, health: h}
	lock, err := lockDir(fs, dir)
	if err != nil {
		return Checked{}, err
	}
	defer lock.Close()
	c := &checker{ctx: ctx, fs: fs, dir: dir, told: told, options: o.engine(fs, lock, h)}
	c.options.ReadOnly = true
	err = c.run()
	return c.out, err
}

// checker walks through the files of a state.
type checker struct {
	ctx     context.Context
	fs      *gateFS
	dir     string
	told    Checking
	options *pebble.Options
	out     Checked
	found   map[string]bool // files that were reported
}

func (c *checker) report(file string, at int64, what string) {
	if c.found == nil {
		c.found = map[string]bool{}
	}
	c.found[file] = true
	c.told.Damaged(c.fs.PathJoin(c.dir, file), at, what)
}

func (c *checker) run() error {
	names, err := c.fs.List(c.dir)
	if err != nil {
		return mapError(err, "reading the folder of the state")
	}
	slices.Sort(names)
	c.manifest(c.logs(names))
	if len(c.found) > 0 {
		c.tables(names)
		return nil
	}
	return c.opened(names)
}

// read returns a file whole.
func (c *checker) read(name string) ([]byte, bool) {
	f, err := c.fs.Open(c.fs.PathJoin(c.dir, name))
	if err == nil {
		var data []byte
		data, err = io.ReadAll(f)
		_ = f.Close()
		if err == nil {
			c.out.Bytes += int64(len(data))
			return data, true
		}
	}
	c.report(name, 0, "the file cannot be read")
	return nil, false
}

// logs checks the write-ahead logs and reports whether the newest was closed in
// order.
func (c *checker) logs(names []string) (closed bool) {
	for _, name := range names {
		number, ok := strings.CutSuffix(name, ".log")
		n, err := strconv.ParseUint(number, 10, 64)
		if !ok || err != nil {
			continue
		}
		data, ok := c.read(name)
		if !ok {
			continue
		}
		end := readLog(data, uint32(n))
		if end.damaged {
			c.report(name, int64(end.at), "a commit cannot be read")
		}
		closed = end.closed
	}
	return closed
}

// manifest checks the list of tables. A torn end shows that the state was not
// closed in order, so where it was, it is damage.
func (c *checker) manifest(closed bool) {
	name, err := atomicfs.ReadMarker(c.fs, c.dir, "manifest")
	if err != nil {
		c.report("marker.manifest", 0, "what the list of tables is called cannot be told")
		return
	}
	if name == "" {
		return // the state is new
	}
	data, ok := c.read(name)
	if !ok {
		return
	}
	if at, damaged := manifestDamage(data); damaged || closed && !zero(data[min(at, len(data)):]) {
		c.report(name, int64(at), "the list of tables cannot be read")
	}
}

// opened opens the database for reading and reads all that is in it.
func (c *checker) opened(names []string) error {
	db, err := pebble.Open(c.dir, c.options)
	if err != nil {
		c.damage(openError(err, c.fs), c.fs.lastOpened())
		c.tables(names)
		return nil
	}
	defer func() { _ = db.Close() }() // it was only read
	c.tables(live(db, names))
	if len(c.found) > 0 {
		return nil
	}
	if err := db.CheckLevels(nil); err != nil {
		c.damage(mapError(err, "comparing the levels"), "")
		return nil
	}
	return c.rows(db)
}

// live leaves of the names those of tables that the database lists.
func live(db *pebble.DB, names []string) []string {
	levels, err := db.SSTables()
	if err != nil {
		return names
	}
	listed := map[string]bool{}
	for _, level := range levels {
		for i := range level {
			listed[fmt.Sprintf("%06d.sst", uint64(level[i].BackingSSTNum))] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !listed[name] })
}

// tables reads every block of the tables among the names.
func (c *checker) tables(names []string) {
	for _, name := range names {
		if !strings.HasSuffix(name, ".sst") || c.ctx.Err() != nil {
			continue
		}
		if err := c.table(name); err != nil {
			c.report(name, offset(err), "a block of the table does not match its checksum")
		}
	}
}

func (c *checker) table(name string) error {
	f, err := c.fs.Open(c.fs.PathJoin(c.dir, name))
	if err != nil {
		return err
	}
	if info, err := f.Stat(); err == nil {
		c.out.Bytes += info.Size()
	}
	readable, err := sstable.NewSimpleReadable(f)
	if err != nil {
		_ = f.Close() // the first error tells more
		return err
	}
	r, err := sstable.NewReader(c.ctx, readable, c.options.MakeReaderOptions())
	if err != nil {
		_ = readable.Close() // the first error tells more
		return err
	}
	err = r.ValidateBlockChecksums()
	if closeErr := r.Close(); err == nil {
		err = closeErr
	}
	return err
}

// rows reads all rows.
func (c *checker) rows(db *pebble.DB) error {
	it, err := db.NewIterWithContext(c.ctx, nil)
	if err != nil {
		return mapError(err, "reading the state")
	}
	defer func() { _ = it.Close() }() // its error is looked at below
	scan(c.ctx, it, state.Range{}, func(kv state.KV, rowErr error) bool {
		err = rowErr
		if err == nil {
			c.out.Rows++
			err = c.told.Row(kv.Key, kv.Value)
		}
		switch {
		case err == nil:
		case c.ctx.Err() != nil:
			return false
		case errs.Is(err, errs.Corrupt):
			c.damage(err, "")
			err = nil
		}
		return err == nil
	})
	if err == nil && len(c.found) == 0 && c.told.Whole != nil {
		err = c.whole(db)
	}
	return err
}

// whole lets the rows be held against each other.
func (c *checker) whole(db *pebble.DB) error {
	snap, err := (&Store{db: db}).Snapshot(c.ctx)
	if err != nil {
		return err
	}
	err = c.told.Whole(snap)
	if closeErr := snap.Close(); err == nil {
		err = closeErr
	}
	if errs.Is(err, errs.Corrupt) {
		c.damage(err, "")
		return nil
	}
	return err
}

// damage reports an error as damage of the file that it names, or else of
// another; an empty name is the state as a whole.
func (c *checker) damage(err error, other string) {
	file := damagedFile(err)
	if file == unknownFile {
		file = other
	}
	c.report(file, offset(err), errs.DetailOf(err))
}

// blockAt finds where the damaged block lies in the text of an error.
var blockAt = regexp.MustCompile(`block (\d+)/\d+:`)

func offset(err error) int64 {
	if m := blockAt.FindStringSubmatch(err.Error()); m != nil {
		if at, err := strconv.ParseInt(m[1], 10, 64); err == nil {
			return at
		}
	}
	return Unplaced
}
