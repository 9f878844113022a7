package app

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kith/internal/analytics/duckdb"
	"kith/internal/egress"
	"kith/internal/errs"
	"kith/internal/lake"
	lakelocal "kith/internal/lake/local"
	"kith/internal/lake/s3"
	"kith/internal/sys"
	"kith/internal/workspace"
)

// lakePlace is where the lake of a workspace lies.
type lakePlace struct {
	dir    string   // folder of the files, or of the copies of a lake elsewhere
	remote *s3.Lake // nil where dir is the lake
	fs     sys.FS
}

// lakeTime bounds the beginning of an answer of an object store.
const lakeTime = 30 * time.Second

// openLake returns the lake that the settings name; copies of files of a lake
// elsewhere are kept in the folder copies.
func openLake(cfg *Config, files sys.FS, ws workspace.Handle, copies string) (*lakePlace, error) {
	if !strings.HasPrefix(cfg.Lake, s3.Scheme) {
		return &lakePlace{dir: lakeFolder(cfg, ws), fs: files}, nil
	}
	loc, err := s3.ParseURL(cfg.Lake)
	if err != nil {
		return nil, err
	}
	if loc.Region == "" {
		loc.Region = os.Getenv("AWS_REGION")
	}
	if loc.Region == "" {
		loc.Region = os.Getenv("AWS_DEFAULT_REGION")
	}
	keys := s3.Credentials{
		AccessKey: os.Getenv("AWS_ACCESS_KEY_ID"), SecretKey: os.Getenv("AWS_SECRET_ACCESS_KEY"), Session: os.Getenv("AWS_SESSION_TOKEN"),
	}
	if keys.AccessKey == "" || keys.SecretKey == "" {
		return nil, errs.New(errs.Invalid, "lake.keys", "a lake in an object store needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment")
	}
	if copies, err = filepath.Abs(copies); err != nil {
		return nil, err
	}
	guard := egress.New(egress.Config{Allow: cfg.EgressAllow, Timeout: lakeTime, AnswerBytes: 2 * s3.PartBytes})
	l, err := s3.Open(loc.In(ws.Name()), s3.Options{
		FS: files, Dir: copies, Clock: cfg.Clock, Rand: cfg.Rand, HTTP: guard.Client(0), Credentials: keys,
	})
	return &lakePlace{dir: copies, remote: l, fs: files}, err
}

// lakeCopies is where a server keeps copies of files of a lake elsewhere.
func lakeCopies(ws workspace.Handle) string { return filepath.Join(ws.Dir(), "lake-copies") }

// store returns access for one reader or one writer.
func (p *lakePlace) store() lake.Store {
	if p.remote != nil {
		return p.remote.Store()
	}
	return lakelocal.New(p.fs, p.dir)
}

// path returns the address of a file for other tools.
func (p *lakePlace) path(name string) string {
	if p.remote != nil {
		return p.remote.URL(name)
	}
	return filepath.Join(p.dir, filepath.FromSlash(name))
}

// queried is the lake as the engine of queries takes it; nil where it reads the
// folder.
func (p *lakePlace) queried() duckdb.Remote {
	if p.remote == nil {
		return nil
	}
	return remoteLake{p.remote}
}

// remoteLake is a lake elsewhere for the engine of queries.
type remoteLake struct{ l *s3.Lake }

// Tables implements duckdb.Remote.
func (r remoteLake) Tables(ctx context.Context) ([]string, error) { return r.l.Tables(ctx) }

// List implements duckdb.Remote.
func (r remoteLake) List(ctx context.Context, table string) ([]byte, error) {
	return lake.ReadAll(ctx, r.l.Store(), table+"/"+lake.ManifestName)
}

// Hold implements duckdb.Remote.
func (r remoteLake) Hold(ctx context.Context, table string, files []lake.ManifestFile) (func(), error) {
	held := make([]s3.Held, len(files))
	for i, f := range files {
		held[i] = s3.Held{Name: table + "/" + f.Path, SHA256: f.SHA256, Bytes: f.Bytes}
	}
	return r.l.Hold(ctx, held)
}
