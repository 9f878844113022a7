package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"kith/internal/app"
	"kith/internal/backup"
	"kith/internal/client"
	"kith/internal/errs"
	"kith/internal/move"
	"kith/internal/sys"
)

func moveCommand() *cobra.Command {
	m := &mover{from: app.DefaultConfig()}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "move",
		Short: "Copy a workspace from the embedded engines to Kafka and PostgreSQL",
		Long: `Copy a workspace from the embedded engines to Kafka and PostgreSQL.

While a server runs on the data folder, the command copies what it holds and the
server goes on working. Run it again once the server is stopped: it copies what
has come since, and compares both sides. Then start servers on the new engines.
The topic and the schema must be new or have what an earlier run has copied. The
open tables are made anew by the first server there.`,
		Example: "  kith move --data /var/lib/kith --log kafka://b1,b2/kith --state postgres://kith@db/kith",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if m.to.LogURL == "" || m.to.StateURL == "" {
				return usage(errors.New("name the new engines: --log kafka://… and --state postgres://…"))
			}
			out, err := m.run(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), out)
			} else {
				_, err = fmt.Fprint(cmd.OutOrStdout(), out.text())
			}
			if err == nil && out.Compared != nil && !out.Compared.Equal {
				err = errCheck
			}
			return err
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&m.from.Data, "data", env("KITH_DATA", m.from.Data), "data folder to copy from (KITH_DATA)")
	fs.StringVar(&m.to.LogURL, "log", env("KITH_LOG", ""), "kafka://broker1,broker2/topic-prefix to copy to (KITH_LOG)")
	fs.StringVar(&m.to.StateURL, "state", env("KITH_STATE", ""), "postgres://… to copy to (KITH_STATE)")
	fs.StringVar(&m.scratch, "scratch", os.TempDir(), "folder for what a running server hands over, about as large as the data folder")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// mover copies one workspace.
type mover struct {
	from    app.Config
	to      app.Config // what differs: log and state
	scratch string
}

// moved is what a run has done.
type moved struct {
	Running  bool      `json:"server_running"` // a server works on: the next run copies what comes now
	Records  int64     `json:"records"`
	Rows     move.Rows `json:"rows"`
	Seconds  float64   `json:"seconds"`
	Compared *compared `json:"compared,omitempty"`
}

// compared holds both sides against each other.
type compared struct {
	Equal  bool   `json:"equal"`
	Source sides  `json:"source"`
	Target sides  `json:"target"`
	At     string `json:"hash_at"`
}

// sides is what a side tells of itself.
type sides struct {
	Accepted    int64             `json:"accepted"`
	Processed   int64             `json:"processed"`
	Repeats     int64             `json:"repeats"`
	Quarantined int64             `json:"quarantined"`
	StateHash   string            `json:"state_hash"`
	Hashes      map[string]string `json:"hashes"`
}

func (s *sides) equal(o *sides) bool {
	return s.Accepted == o.Accepted && s.Processed == o.Processed && s.Repeats == o.Repeats && s.Quarantined == o.Quarantined &&
		s.StateHash == o.StateHash && maps.Equal(s.Hashes, o.Hashes)
}

func (m *moved) text() string {
	out := fmt.Sprintf("copied %d records, wrote %d of %d rows and deleted %d in %.1f s\n",
		m.Records, m.Rows.Written, m.Rows.Total, m.Rows.Deleted, m.Seconds)
	switch c := m.Compared; {
	case c == nil:
		return out + "the server goes on working: stop it and run the same command again, which copies what has come since\n"
	case c.Equal:
		return out + fmt.Sprintf("both sides are equal: %d records accepted, state_hash %s\nstart servers on the new engines, and none on the old ones\n", c.Source.Accepted, c.Source.StateHash)
	default:
		return out + fmt.Sprintf("the sides differ: %d records and state_hash %s here, %d and %s there\n", c.Source.Accepted, c.Source.StateHash, c.Target.Accepted, c.Target.StateHash)
	}
}

// run copies from the running server, or from the folder.
func (m *mover) run(ctx context.Context) (*moved, error) {
	began := time.Now()
	if err := m.settings(); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(m.scratch, "kith-move-")
	if err != nil {
		return nil, errs.Wrap(err, errs.Unavailable, "move.scratch", "no folder can be made in %s", m.scratch)
	}
	defer os.RemoveAll(folder) // left or not, it is in the place for such
	m.to.Data = filepath.Join(folder, "target")
	p := watch("copying", recordUnit)
	defer p.stop()
	out := &moved{}
	source := m.from
	if c, ok := client.Running(ctx, m.from.Data, m.from.AdminToken); ok {
		out.Running = true
		if source, err = m.handedOver(ctx, c, folder, p); err != nil {
			return nil, err
		}
	} else if err := settle(ctx, source); err != nil {
		return nil, err
	}
	if err := m.copy(ctx, source, out, p); err != nil {
		return nil, err
	}
	if !out.Running {
		p.set("comparing both sides", 0, 0)
		if out.Compared, err = m.compare(ctx); err != nil {
			return nil, err
		}
	}
	out.Seconds = time.Since(began).Seconds()
	return out, nil
}

// settings fills in what both sides have in common.
func (m *mover) settings() error {
	if err := fromEnvironment(&m.from, "all"); err != nil {
		return err
	}
	log, state := m.to.LogURL, m.to.StateURL
	m.to = m.from
	m.to.LogURL, m.to.StateURL, m.to.Lake, m.to.History = log, state, env("KITH_LAKE", ""), env("KITH_HISTORY", "")
	return nil
}

// settle folds what the log of a folder has beyond its state.
func settle(ctx context.Context, cfg app.Config) error {
	_, done, err := app.Offline(ctx, cfg)
	if err != nil {
		return err
	}
	return done()
}

// handedOver makes a folder of what a running server holds now.
func (m *mover) handedOver(ctx context.Context, c *client.Client, folder string, p *progress) (app.Config, error) {
	archive, err := c.Download(ctx, "/v1/backup")
	if err != nil {
		return m.from, err
	}
	p.set("reading the server", 0, 0)
	saved, err := backup.Save(ctx, sys.Disk(), filepath.Join(folder, "archive"), backup.Keys{Plain: true}, archive)
	if err := errors.Join(err, archive.Close()); err != nil {
		return m.from, err
	}
	cfg := m.from
	cfg.Data, cfg.WriteKey = filepath.Join(folder, "source"), ""
	_, err = app.Restore(ctx, cfg, app.Restoring{From: saved.Path, Keys: backup.Keys{Plain: true}, Progress: p.set})
	return cfg, err
}

// copy copies log and state of a folder that no server runs on.
func (m *mover) copy(ctx context.Context, from app.Config, out *moved, p *progress) (err error) {
	source, err := app.OpenEngines(ctx, from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := app.OpenEngines(ctx, m.to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if out.Records, err = move.Log(ctx, source.Log, target.Log, p.set); err != nil {
		return err
	}
	out.Rows, err = move.State(ctx, source.State, target.State, p.set)
	return err
}

// compare asks both sides, at one moment, what they hold.
func (m *mover) compare(ctx context.Context) (*compared, error) {
	c := &compared{At: time.Now().UTC().Format("2006-01-02T15:04:05.000Z")}
	for _, side := range []struct {
		cfg app.Config
		to  *sides
	}{{m.from, &c.Source}, {m.to, &c.Target}} {
		if err := tell(ctx, side.cfg, c.At, side.to); err != nil {
			return nil, err
		}
	}
	c.Equal = c.Source.equal(&c.Target)
	return c, nil
}

func tell(ctx context.Context, cfg app.Config, at string, to *sides) (err error) {
	c, done, err := app.Offline(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	return c.Get(ctx, "/v1/status?hash=1&at="+url.QueryEscape(at), to)
}
