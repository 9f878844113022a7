package app

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"kith/internal/check"
	"kith/internal/client"
	"kith/internal/errs"
	"kith/internal/eventlog/local"
	"kith/internal/lake"
	"kith/internal/resource"
	"kith/internal/state/pebble"
	"kith/internal/sys"
	"kith/internal/tables"
	"kith/internal/workspace"
)

// Damage is a place that does not say what was written.
type Damage struct {
	File   string `json:"file"`
	Offset *int64 `json:"offset"` // of the first byte in question; nil: somewhere in the file
	Detail string `json:"detail"`
}

// Checked is the outcome of a check of a data folder.
type Checked struct {
	Data    string `json:"data"`
	Bytes   int64  `json:"bytes"`   // read
	Records int64  `json:"records"` // of the log, sound
	Rows    int64  `json:"rows"`    // of the state
	Found   int64  `json:"found"`   // places that are damaged
	// Clusters tells whether the stored clusters were held against the evidence:
	// compared, or why not.
	Clusters string   `json:"clusters"`
	Damaged  []Damage `json:"damaged"` // the first of them
}

// damagedMax bounds the list of damaged places.
const damagedMax = 1000

// CheckFolder reads everything in a data folder that no server runs on, holds it
// against its checksums and formats, and changes nothing. read is told of
// each piece that has been read, from any goroutine. An error means that the check could not be made.
func CheckFolder(ctx context.Context, cfg Config, read func(bytes int)) (out Checked, err error) {
	out = Checked{Data: cfg.Data, Clusters: clustersUnread, Damaged: []Damage{}}
	ws, err := workspace.New(cfg.Data, defaultWorkspace, cfg.IDKey)
	if err != nil {
		return out, err
	}
	if _, err := cfg.FS.Stat(ws.Dir()); err != nil {
		return out, errs.New(errs.NotFound, "check.no_data", "there is no workspace in %s", cfg.Data)
	}
	c := &folderCheck{ctx: ctx, fs: sys.Counted(cfg.FS, read), ws: ws, out: &out, cfg: cfg}
	place, done, err := openLakeAside(&cfg, c.fs, ws)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, done()) }()
	c.tables = place
	for _, step := range []func() error{c.token, c.log, c.state, c.lake, c.records} {
		if err := step(); err != nil {
			return out, err
		}
	}
	return out, ctx.Err()
}

// folderCheck walks through a data folder.
type folderCheck struct {
	ctx  context.Context
	fs   sys.FS
	ws   workspace.Handle
	out  *Checked
	ends []int64 // of the log's partitions; nil: there is no log

	tables *tables.Place
	cfg    Config
}

func (c *folderCheck) damaged(file string, at int64, what string) {
	if c.out.Found++; len(c.out.Damaged) >= damagedMax {
		return
	}
	d := Damage{File: file, Offset: &at, Detail: what}
	if at == pebble.Unplaced {
		d.Offset = nil
	}
	c.out.Damaged = append(c.out.Damaged, d)
}

// token looks at the admin token that kith made.
func (c *folderCheck) token() error {
	file := filepath.Join(c.out.Data, client.TokenFile)
	if _, err := c.fs.Stat(file); err != nil {
		return nil // given by the environment
	}
	if _, _, err := resource.OpenAdmin(c.fs, c.out.Data, "", nil); err != nil {
		c.damaged(file, 0, errs.DetailOf(err))
	}
	return nil
}

func (c *folderCheck) log() error {
	out, err := local.Check(filepath.Join(c.ws.Dir(), "log"), local.Options{FS: c.fs}, c.damaged)
	if errs.Is(err, errs.NotFound) {
		return nil // it lies with brokers
	}
	c.out.Bytes += out.Bytes
	c.out.Records, c.ends = out.Records, out.Ends
	return stopFirst(err)
}

func (c *folderCheck) state() error {
	out, err := pebble.Check(c.ctx, filepath.Join(c.ws.Dir(), "state"), pebble.Options{FS: c.fs}, pebble.Checking{
		Damaged: c.damaged,
		Row: func(key, value []byte) error {
			if err := check.Row(key, value); err != nil || c.ends == nil {
				return err
			}
			return check.Ends(key, value, c.ends)
		},
		Whole: c.clusters,
	})
	if errs.Is(err, errs.NotFound) {
		return nil // it lies in a server
	}
	c.out.Bytes += out.Bytes
	c.out.Rows = out.Rows
	return stopFirst(err)
}

// lake reads the files of the open tables.
func (c *folderCheck) lake() error {
	bytes, err := lake.Check(c.ctx, c.tables.Store(), func(name, what string) {
		c.damaged(c.tables.Path(name), pebble.Unplaced, what)
	})
	c.out.Bytes += bytes
	return err
}

// stopFirst says what to do about a folder that is in use.
func stopFirst(err error) error {
	if code := errs.CodeOf(err); err != nil && strings.HasSuffix(code, ".in_use") {
		return errs.New(errs.Unavailable, "check.in_use", "a server runs on the data folder; stop it and check again")
	}
	return err
}
