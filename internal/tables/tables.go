// Package tables opens where the open tables lie, and what answers queries over
// them, as the settings say: a folder or an object store, and beside it a copy in
// another engine.
package tables

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"kith/internal/analytics"
	copies "kith/internal/analytics/clickhouse"
	"kith/internal/analytics/clickhouse/dialect"
	"kith/internal/analytics/condition"
	"kith/internal/analytics/duckdb"
	"kith/internal/clickhouse"
	"kith/internal/egress"
	"kith/internal/errs"
	"kith/internal/lake"
	"kith/internal/lake/local"
	"kith/internal/lake/s3"
	"kith/internal/sys"
)

// Settings say where the tables of a workspace lie.
type Settings struct {
	Lake      string // s3://…; anything else is a folder, which Folder names
	Analytics string // clickhouse://…; empty for none
	Folder    string // of the files, where Lake is no URL
	Copies    string // folder of copies of files that lie elsewhere; it belongs to this process alone
	Workspace string // its name, which is added to the address of Lake
	FS        sys.FS
	Clock     sys.Clock
	Rand      sys.Rand
	Allow     []netip.Prefix // networks that may be reached although they are internal

	copiesMax int64 // bytes of copies, where the address of Lake allows more; 0: as it says
}

// Remote reports whether a lake lies in an object store.
func Remote(address string) bool { return strings.HasPrefix(address, s3.Scheme) }

// Check returns what is wrong with the addresses of a lake and of an engine.
func Check(lakeAddress, analyticsAddress string) (bad []string) {
	if Remote(lakeAddress) {
		if _, err := s3.ParseURL(lakeAddress); err != nil {
			bad = append(bad, "--lake: "+errs.DetailOf(err))
		}
	} else if strings.Contains(lakeAddress, "://") {
		bad = append(bad, "--lake must be a folder, or s3://bucket/prefix?endpoint=…")
	}
	if analyticsAddress != "" {
		if _, err := clickhouse.ParseURL(analyticsAddress); err != nil {
			bad = append(bad, "--analytics: "+errs.DetailOf(err))
		}
	}
	return bad
}

// Times that servers may take.
const (
	storeTime  = 30 * time.Second // an object store, to begin its answer
	mirrorTime = 5 * time.Minute  // an engine, for a statement that brings the copy up to date
)

// Place is where the tables of a workspace lie.
type Place struct {
	settings Settings
	dir      string   // folder of the files, or of the copies of files elsewhere
	remote   *s3.Lake // nil where dir is the lake
}

// Open returns the place that the settings name. Keys of an object store come from
// the usual variables of the environment.
func Open(s Settings) (*Place, error) {
	if !Remote(s.Lake) {
		return &Place{settings: s, dir: s.Folder}, nil
	}
	loc, err := s3.ParseURL(s.Lake)
	if err != nil {
		return nil, err
	}
	loc.Region = cmp.Or(loc.Region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"))
	if s.copiesMax > 0 {
		loc.CacheBytes = min(loc.CacheBytes, s.copiesMax)
	}
	keys := s3.Credentials{
		AccessKey: os.Getenv("AWS_ACCESS_KEY_ID"), SecretKey: os.Getenv("AWS_SECRET_ACCESS_KEY"), Session: os.Getenv("AWS_SESSION_TOKEN"),
	}
	if keys.AccessKey == "" || keys.SecretKey == "" {
		return nil, errs.New(errs.Invalid, "lake.keys", "a lake in an object store needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment")
	}
	copies, err := filepath.Abs(s.Copies)
	if err != nil {
		return nil, errs.Wrap(err, errs.Unavailable, "lake.folder", "the folder of copies has no absolute path")
	}
	l, err := s3.Open(loc.In(s.Workspace), s3.Options{
		FS: s.FS, Dir: copies, Clock: s.Clock, Rand: s.Rand, Credentials: keys,
		HTTP: s.client(loc.Endpoint, storeTime, 2*s3.PartBytes),
	})
	return &Place{settings: s, dir: copies, remote: l}, err
}

// client returns a client for a server that the operator has named: the rules of
// what may be reached hold, but its port is whatever the address says.
func (s *Settings) client(endpoint string, wait time.Duration, answer int64) *http.Client {
	c := egress.Config{Allow: s.Allow, Timeout: wait, AnswerBytes: answer}
	if u, err := url.Parse(endpoint); err == nil {
		if port, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
			c.Ports = []uint16{uint16(port)}
		}
	}
	return egress.New(c).Client(0)
}

// Store returns access for one reader or one writer.
func (p *Place) Store() lake.Store {
	if p.remote != nil {
		return p.remote.Store()
	}
	return local.New(p.settings.FS, p.dir)
}

// Dir is the folder of the files, or of the copies of files elsewhere.
func (p *Place) Dir() string { return p.dir }

// Shared reports whether other processes can write these tables.
func (p *Place) Shared() bool { return p.remote != nil }

// Path returns the address of a file for other tools.
func (p *Place) Path(name string) string {
	if p.remote != nil {
		return p.remote.URL(name)
	}
	return filepath.Join(p.dir, filepath.FromSlash(name))
}

// Queried is the place as the embedded engine of queries takes it; nil where it
// reads the folder.
func (p *Place) Queried() duckdb.Remote {
	if p.remote == nil {
		return nil
	}
	return remote{p.remote}
}

// remote is a lake elsewhere for the engine of queries.
type remote struct{ l *s3.Lake }

// Tables implements duckdb.Remote.
func (r remote) Tables(ctx context.Context) ([]string, error) { return r.l.Tables(ctx) }

// List implements duckdb.Remote.
func (r remote) List(ctx context.Context, table string) ([]byte, error) {
	return lake.ReadAll(ctx, r.l.Store(), table+"/"+lake.ManifestName)
}

// Hold implements duckdb.Remote.
func (r remote) Hold(ctx context.Context, table string, files []lake.ManifestFile) (func(), error) {
	held := make([]s3.Held, len(files))
	for i, f := range files {
		held[i] = s3.Held{Name: table + "/" + f.Path, SHA256: f.SHA256, Bytes: f.Bytes}
	}
	return r.l.Hold(ctx, held)
}

// Mirror returns what keeps a copy of the tables in the engine that the settings
// name; nil where there is none.
func (p *Place) Mirror() (lake.Mirror, error) {
	if p.settings.Analytics == "" {
		return nil, nil
	}
	loc, err := clickhouse.ParseURL(p.settings.Analytics)
	if err != nil {
		return nil, err
	}
	return copies.NewMirror(clickhouse.Open(loc, clickhouse.Config{Allow: p.settings.Allow, Timeout: mirrorTime, AnswerBytes: 1 << 20})), nil
}

// Copy answers queries over a copy of the tables.
type Copy interface {
	analytics.Engine
	// Form writes a question about conditions for it.
	Form(q condition.Question) condition.Form
	// Holds tells what the copy holds.
	Holds(ctx context.Context) (lake.MirrorRound, error)
}

// clickhouseCopy is one in ClickHouse.
type clickhouseCopy struct{ *copies.Engine }

// Form implements Copy.
func (clickhouseCopy) Form(q condition.Question) condition.Form { return dialect.Question{Question: q} }

// Engine returns what answers analysts' queries over the copy; nil where there is
// none.
func (p *Place) Engine(limits analytics.Limits) (Copy, error) {
	if p.settings.Analytics == "" {
		return nil, nil
	}
	loc, err := clickhouse.ParseURL(p.settings.Analytics)
	if err != nil {
		return nil, err
	}
	limits = limits.Filled()
	// Values are longer as JSON than as they are counted, by not more than this.
	server := clickhouse.Open(loc, clickhouse.Config{Allow: p.settings.Allow, Timeout: limits.Time + 10*time.Second, AnswerBytes: 8 * limits.AnswerBytes})
	return clickhouseCopy{copies.NewEngine(server, limits, p.asOf)}, nil
}

// asOf is the moment up to which a copy holds everything, as far as the list of
// events tells, which is replaced behind it; the zero time if not known.
func (p *Place) asOf(ctx context.Context) time.Time {
	m, err := lake.ReadManifest(ctx, p.Store(), lake.TableEvents)
	if err != nil || m == nil {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, m.AsOf)
	if err != nil {
		return time.Time{} // nothing has been written yet
	}
	return at
}
