// Package postgres is the engine of the state for several nodes: a few tables in
// one schema of a PostgreSQL server.
//
// Isolation comes from the locks that Begin takes and from guards, not from the
// server's isolation level, which stays READ COMMITTED. Each call is one round
// trip: Begin sends its statements together, Commit compares guards in one and
// writes and commits in a second. Rows that no lock guards (those of PutIf and
// Merge) are locked in key order, so that commits cannot wait for each other in
// a circle. See FORMAT.md in package state for the table.
package postgres

import (
	"context"
	"hash/fnv"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"kith/internal/errs"
	"kith/internal/state"
	"kith/internal/state/internal/txn"
)

// Options are the settings of a store. All but Schema may stay zero.
type Options struct {
	// Schema is the schema of the workspace: a lower-case letter or underscore,
	// then at most 62 letters, digits and underscores. It is made if need be.
	Schema string

	// WriteConns and ReadConns bound the connections that transactions and
	// snapshots use; 0 means half each of what the URL says by pool_max_conns, else
	// 8 each. They are apart so that readers cannot keep a transaction waiting that
	// others wait for.
	WriteConns, ReadConns int32

	// ConnectTimeout bounds the making of a connection, and Open as a whole
	// apart from waiting for another node's migration; 0 means 4 s.
	ConnectTimeout time.Duration

	// LockTimeout bounds the wait for the locks of Begin, which then fails with kind
	// Unavailable; 0 means 60 s.
	LockTimeout time.Duration

	// PoolTimeout bounds the wait for a connection while others use all of them,
	// which then fails with kind Unavailable; 0 means 30 s.
	PoolTimeout time.Duration

	// StatementTimeout bounds each statement other than waiting for the locks of
	// Begin; 0 means 30 s. A server that says nothing for so long, and a little
	// longer, is given up.
	StatementTimeout time.Duration

	// RowTimeout bounds the wait for a row that another commit has locked; 0
	// means 10 s.
	RowTimeout time.Duration

	// IdleTimeout is how long a transaction may do nothing before the server
	// ends it and frees its locks; 0 means 6 s. It also bounds how long the locks
	// of a node that is paused stay taken; those of one that has vanished are free
	// when its silence has shown, which takes about as long.
	IdleTimeout time.Duration
}

func (o Options) withDefaults() Options {
	for p, d := range map[*time.Duration]time.Duration{
		&o.ConnectTimeout:   4 * time.Second,
		&o.LockTimeout:      60 * time.Second,
		&o.PoolTimeout:      30 * time.Second,
		&o.StatementTimeout: 30 * time.Second,
		&o.RowTimeout:       10 * time.Second,
		&o.IdleTimeout:      6 * time.Second,
	} {
		if *p == 0 {
			*p = d
		}
	}
	return o
}

// schemaName is what a schema may be called: never in need of quotes, and never
// one of the server's own.
var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// Store is a state in one schema. It is safe for concurrent use.
type Store struct {
	opts    Options
	space   int32 // the first half of the server's lock numbers
	where   *layout
	sql     [tables]statements
	writers *pgxpool.Pool
	readers *pgxpool.Pool

	mu        sync.Mutex
	closed    bool
	snapshots map[*snapshot]struct{}
}

var _ state.Store = (*Store)(nil)

// Open connects to the server that the URL names and brings the schema up to
// date. A URL may name several servers, as postgres://a:5432,b:5432/database: the one
// that takes writes is used, another one when it no longer does. Connect straight to
// the servers: a pooler that gives each transaction another connection would lose
// the settings. Open fails with kind Invalid when URL or schema cannot be read, and
// with kind Unavailable, after ConnectTimeout at the latest, when no server can be
// reached that takes writes.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	o = o.withDefaults()
	if !schemaName.MatchString(o.Schema) || len(o.Schema) > 2 && o.Schema[:3] == "pg_" {
		return nil, errs.New(errs.Invalid, "state.schema", "the name of the schema must be lower-case letters, digits and underscores")
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(o.Schema)) // never fails
	s := &Store{opts: o, space: int32(h.Sum32()), where: newLayout(), snapshots: map[*snapshot]struct{}{}}
	for i, name := range tableNames() {
		s.sql[i] = newStatements(quoted(o.Schema) + "." + name)
	}
	if err := s.connect(ctx, url); err != nil {
		s.closePools()
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		s.closePools()
		return nil, err
	}
	return s, nil
}

// connect makes the pools and proves that the server answers.
func (s *Store) connect(ctx context.Context, url string) error {
	var err error
	if s.writers, err = s.pool(ctx, url, s.opts.WriteConns, 0); err != nil {
		return err
	}
	if s.readers, err = s.pool(ctx, url, s.opts.ReadConns, s.opts.StatementTimeout); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.opts.ConnectTimeout, errSilent())
	defer cancel()
	if err := s.writers.Ping(ctx); err != nil {
		return mapError(ctx, err, "connecting to the server of the state")
	}
	return s.budget(ctx)
}

// budget refuses a server that would never take as many connections as this process
// may open: it would work until there is much to do, and fail then.
func (s *Store) budget(ctx context.Context) error {
	var most int32
	err := s.writers.QueryRow(ctx, `select least(
			current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int - coalesce(current_setting('reserved_connections', true)::int, 0),
			nullif(rolconnlimit, -1), nullif(datconnlimit, -1))
		from pg_roles, pg_database where rolname = session_user and datname = current_database()`).Scan(&most)
	if err != nil {
		return mapError(ctx, err, "connecting to the server of the state")
	}
	if mine := s.writers.Config().MaxConns + s.readers.Config().MaxConns; mine > most {
		return errs.New(errs.Unavailable, "state.connection_budget", "this process may open %d connections to the server of the state, which takes %d in all from this user; raise max_connections there, or set pool_max_conns in the URL to what is this process's share", mine, most)
	}
	return nil
}

// errSilent is the cause of a context that Open ended by itself.
func errSilent() error {
	return errs.New(errs.Unavailable, "state.unreachable", "the server of the state does not answer")
}

// cancelWithin is how long the server has to answer a request to cancel before
// the connection is cut.
const cancelWithin = 2 * time.Second

// grace is how much longer than the server may take for a statement its answer is
// waited for.
const grace = 5 * time.Second

// patient returns a context that ends when a server that may take so long should
// have answered.
func patient(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d+grace, errSilent())
}

func (s *Store) pool(ctx context.Context, url string, conns int32, statementTimeout time.Duration) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The cause quotes the URL, which holds a password.
		return nil, errs.New(errs.Invalid, "state.url", "the URL of the state's server cannot be read; it should look like postgres://user@host:5432/database")
	}
	switch {
	case conns > 0:
		cfg.MaxConns = conns
	case strings.Contains(url, "pool_max_conns="):
		cfg.MaxConns = max(2, cfg.MaxConns/2)
	default:
		cfg.MaxConns = 8
	}
	cfg.MinConns = 0
	cfg.ConnConfig.DialFunc = dial
	if cfg.ConnConfig.ValidateConnect == nil {
		cfg.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	cfg.PingTimeout = s.opts.ConnectTimeout
	cfg.ConnConfig.ConnectTimeout = s.opts.ConnectTimeout
	// A context that ends cancels the statement instead of cutting the
	// connection: the server would go on waiting for the locks.
	cfg.ConnConfig.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: cancelWithin}
	}
	params := cfg.ConnConfig.RuntimeParams
	if params["application_name"] == "" {
		params["application_name"] = "kith"
	}
	for name, value := range map[string]string{
		"statement_timeout":       millis(statementTimeout),
		"tcp_keepalives_idle":     strconv.Itoa(int(silence.Idle.Seconds())),
		"tcp_keepalives_interval": strconv.Itoa(int(silence.Interval.Seconds())),
		"tcp_keepalives_count":    strconv.Itoa(silence.Count),
		"tcp_user_timeout":        millis(unacknowledged),
		// A plan made while the table was small must not read all of it later.
		"enable_seqscan": "off",
		"jit":            "off",
	} {
		params[name] = value
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	return pool, mapError(ctx, err, "connecting to the server of the state")
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// Begin implements state.Store. It holds a connection until the transaction ends.
func (s *Store) Begin(ctx context.Context, locks []state.Lock) (state.Tx, error) {
	conn, err := s.acquire(ctx, s.writers)
	if err != nil {
		return nil, err
	}
	t := &tx{reader: reader{store: s, conn: conn}}
	batch := &pgx.Batch{}
	batch.Queue("begin isolation level read committed")
	if len(locks) > 0 {
		batch.Queue("select set_config('lock_timeout', $1, true)", millis(s.opts.LockTimeout))
		batch.Queue("select pg_advisory_xact_lock($1::int4, lock) from unnest($2::int4[]) as lock", s.space, numbers(locks))
	}
	batch.Queue("select set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true), set_config('idle_in_transaction_session_timeout', $3, true)",
		millis(s.opts.StatementTimeout), millis(s.opts.RowTimeout), millis(s.opts.IdleTimeout))
	limited, stop := patient(ctx, s.opts.LockTimeout)
	defer stop()
	if err := conn.SendBatch(limited, batch).Close(); err != nil {
		t.end(ctx)
		return nil, mapError(limited, err, "taking the locks of a transaction")
	}
	t.ctx = ctx
	return t, nil
}

// numbers are the locks in the order in which they are taken, as the server's
// signed numbers.
func numbers(locks []state.Lock) []int32 {
	sorted := txn.Sorted(locks)
	n := make([]int32, len(sorted))
	for i, l := range sorted {
		n[i] = int32(l)
	}
	return n
}

// acquire takes a connection from a pool.
func (s *Store) acquire(ctx context.Context, pool *pgxpool.Pool) (*pgxpool.Conn, error) {
	if err := txn.Canceled(ctx); err != nil {
		return nil, err
	}
	busy := errs.New(errs.Unavailable, "state.connections_busy", "all %d connections of this process for this kind of work were in use for %s; try again, or raise pool_max_conns in the URL of the state", pool.Config().MaxConns, s.opts.PoolTimeout)
	ctx, stop := context.WithTimeoutCause(ctx, s.opts.PoolTimeout, busy)
	defer stop()
	conn, err := pool.Acquire(ctx)
	if err != nil && s.isClosed() {
		return nil, txn.ErrClosed()
	}
	return conn, mapError(ctx, err, "connecting to the server of the state")
}

func (s *Store) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Snapshot implements state.Store. It holds a connection until it is closed.
func (s *Store) Snapshot(ctx context.Context) (state.Snapshot, error) {
	conn, err := s.acquire(ctx, s.readers)
	if err != nil {
		return nil, err
	}
	snap := &snapshot{reader: reader{store: s, conn: conn, ctx: ctx}}
	batch := &pgx.Batch{}
	batch.Queue("begin isolation level repeatable read read only")
	batch.Queue("select pg_current_snapshot()") // the moment is that of the first statement
	limited, stop := patient(ctx, s.opts.StatementTimeout)
	defer stop()
	if err := conn.SendBatch(limited, batch).Close(); err != nil {
		snap.end(ctx)
		return nil, mapError(limited, err, "opening a snapshot")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		snap.end(ctx)
		return nil, txn.ErrClosed()
	}
	s.snapshots[snap] = struct{}{}
	return snap, nil
}

// Close implements state.Store. It closes snapshots that are still open and waits
// for transactions that are.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	left := s.snapshots
	s.snapshots = nil
	s.mu.Unlock()
	for snap := range left {
		snap.release()
	}
	s.closePools()
	return nil
}

func (s *Store) closePools() {
	for _, p := range []*pgxpool.Pool{s.writers, s.readers} {
		if p != nil {
			p.Close()
		}
	}
}
