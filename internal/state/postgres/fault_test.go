package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"kith/internal/errs"
	"kith/internal/state"
	"kith/internal/state/postgres"
	"kith/internal/state/postgres/pgtest"
)

func wantError(t *testing.T, err error, kind errs.Kind, code string) {
	t.Helper()
	if !errs.Is(err, kind) || errs.CodeOf(err) != code {
		t.Fatalf("got error %v, want kind %v and code %s", err, kind, code)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func begin(t *testing.T, s state.Store, locks ...state.Lock) state.Tx {
	t.Helper()
	tx, err := s.Begin(context.Background(), locks)
	must(t, err)
	t.Cleanup(tx.Rollback)
	return tx
}

func commit(t *testing.T, s state.Store, c state.Cursor, fill func(tx state.Tx)) error {
	t.Helper()
	tx := begin(t, s)
	fill(tx)
	return tx.Commit(context.Background(), c)
}

func read(t *testing.T, s state.Store, key string) string {
	t.Helper()
	snap, err := s.Snapshot(context.Background())
	must(t, err)
	v, err := snap.Get(context.Background(), [][]byte{[]byte(key)})
	must(t, err)
	must(t, snap.Close())
	return string(v[0])
}

// session is a connection beside the store's, for doing what another program
// might.
func session(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(context.Background(), url)
	must(t, err)
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

func run(t *testing.T, c *pgx.Conn, sql string, args ...any) {
	t.Helper()
	_, err := c.Exec(context.Background(), sql, args...)
	must(t, err)
}

// named returns the URL with an application name by which the test finds the
// store's connections, and the name.
func named(t *testing.T, from string) (string, string) {
	t.Helper()
	u, err := url.Parse(from)
	must(t, err)
	name := "named_" + pgtest.Schema(t, from)
	q := u.Query()
	q.Set("application_name", name)
	u.RawQuery = q.Encode()
	return u.String(), name
}

func TestServerUnreachable(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // connects and never answers
	must(t, err)
	defer func() { must(t, silent.Close()) }()
	must(t, free.Close())
	for name, addr := range map[string]net.Addr{"nobody listens": free.Addr(), "nobody answers": silent.Addr()} {
		t.Run(name, func(t *testing.T) {
			u := fmt.Sprintf("postgres://someone:secret@%s/db?sslmode=disable", addr)
			_, err := postgres.Open(context.Background(), u, postgres.Options{Schema: "s", ConnectTimeout: 200 * time.Millisecond})
			wantError(t, err, errs.Unavailable, "state.unreachable")
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error shows the password or has several lines: %q", err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			_, err = postgres.Open(ctx, u, postgres.Options{Schema: "s"})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("with an ended context: %v", err)
			}
		})
	}
}

func TestSettingsRefused(t *testing.T) {
	const good = "postgres://u:secret@127.0.0.1:1/db"
	for _, schema := range []string{"", "Upper", "1st", "a b", `a"b`, "pg_catalog", "é", strings.Repeat("a", 64)} {
		_, err := postgres.Open(context.Background(), good, postgres.Options{Schema: schema})
		wantError(t, err, errs.Invalid, "state.schema")
	}
	for _, u := range []string{"postgres://u:secret@host:port/db", "postgres://%zz:secret@h/", "host=h port=x password=secret"} {
		_, err := postgres.Open(context.Background(), u, postgres.Options{Schema: "s"})
		wantError(t, err, errs.Invalid, "state.url")
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

func TestRightsMissing(t *testing.T) {
	u := pgtest.Start(t)
	parsed, err := url.Parse(u)
	must(t, err)
	database := parsed.Path
	parsed.Path = "/no_such_database"
	_, err = postgres.Open(context.Background(), parsed.String(), postgres.Options{Schema: "s"})
	wantError(t, err, errs.Unavailable, "state.no_database")
	parsed.Path, parsed.User = database, url.User("no_such_user")
	_, err = postgres.Open(context.Background(), parsed.String(), postgres.Options{Schema: "s"})
	wantError(t, err, errs.Denied, "state.denied")
}

// TestMigrations opens a schema that does not exist from several nodes at once,
// and one that a newer kith has been at.
func TestMigrations(t *testing.T) {
	u := pgtest.Start(t)
	schema := pgtest.Schema(t, u)
	db := session(t, u)
	run(t, db, "drop schema "+schema)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			s, err := postgres.Open(context.Background(), u, postgres.Options{Schema: schema})
			if err == nil {
				err = s.Close()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var versions, latest int
	must(t, db.QueryRow(context.Background(), "select count(*), max(version) from migration").Scan(&versions, &latest))
	if versions != 2 || latest != 2 {
		t.Errorf("%d migrations recorded, the latest is %d", versions, latest)
	}
	run(t, db, "insert into migration (version) values (99)")
	_, err := postgres.Open(context.Background(), u, postgres.Options{Schema: schema})
	wantError(t, err, errs.Unavailable, "state.newer_version")
}

// TestTwoNodes has two stores of one schema exclude each other by locks, and two
// schemas of one server not.
func TestTwoNodes(t *testing.T) {
	u := pgtest.Start(t)
	nodes := []*postgres.Store{open(t, u, postgres.Options{}), open(t, u, postgres.Options{})}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for range 20 {
				if err := appendTo(nodes[w%2], "log", 3, 1); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if got := read(t, nodes[0], "log"); len(got) != 80 {
		t.Errorf("%d of 80 increments are there", len(got))
	}
	begin(t, nodes[0], 1, 2)
	other := open(t, pgtest.Start(t), postgres.Options{})
	begin(t, other, 1, 2)
}

func appendTo(s *postgres.Store, key string, locks ...state.Lock) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tx, err := s.Begin(ctx, locks)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	v, err := tx.Get(ctx, [][]byte{[]byte(key)})
	if err != nil {
		return err
	}
	tx.Put([]byte(key), append(v[0], 'x'))
	return tx.Commit(ctx, state.Cursor{})
}

// TestConnectionKilled ends the store's connections from outside at every point
// of a transaction: the call that meets it fails as unavailable, nothing is half
// written, and the next transaction works.
func TestConnectionKilled(t *testing.T) {
	u, name := named(t, pgtest.Start(t))
	s := open(t, u, postgres.Options{})
	db := session(t, u)
	kill := func() {
		run(t, db, "select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name = $1 and pid <> pg_backend_pid()", name)
	}
	fill := func(tx state.Tx) {
		tx.Put([]byte("put"), []byte("v"))
		tx.Merge([]byte("merge"), state.OpMax, []byte("v"))
	}
	tx := begin(t, s, 1)
	fill(tx)
	kill()
	if err := tx.Commit(context.Background(), state.Cursor{}); !errs.Is(err, errs.Unavailable) {
		t.Errorf("Commit: %v", err)
	}
	tx = begin(t, s, 1)
	kill()
	if _, err := tx.Get(context.Background(), [][]byte{[]byte("put")}); !errs.Is(err, errs.Unavailable) {
		t.Errorf("Get: %v", err)
	}
	tx.Rollback()
	snap, err := s.Snapshot(context.Background())
	must(t, err)
	kill()
	for _, err := range snap.Scan(context.Background(), state.Range{}) {
		if !errs.Is(err, errs.Unavailable) {
			t.Errorf("Scan: %v", err)
		}
	}
	must(t, snap.Close())
	if got := read(t, s, "put") + read(t, s, "merge"); got != "" {
		t.Errorf("broken transactions left %q", got)
	}
	must(t, commit(t, s, state.Cursor{}, fill))
}

// TestRowTimeout meets a row that another session keeps locked.
func TestRowTimeout(t *testing.T) {
	u := pgtest.Start(t)
	s := open(t, u, postgres.Options{RowTimeout: 50 * time.Millisecond})
	merge := func(tx state.Tx) { tx.Merge([]byte("m"), state.OpMax, []byte("v")) }
	must(t, commit(t, s, state.Cursor{}, merge))
	db := session(t, u)
	run(t, db, "begin")
	run(t, db, "select * from kv where k = 'm' for update")
	wantError(t, commit(t, s, state.Cursor{}, merge), errs.Unavailable, "state.row_timeout")
	run(t, db, "rollback")
	must(t, commit(t, s, state.Cursor{}, merge))
}

// TestStatementTimeout meets a table that another session keeps locked, in a
// transaction and in a snapshot.
func TestStatementTimeout(t *testing.T) {
	u, name := named(t, pgtest.Start(t))
	s := open(t, u, postgres.Options{StatementTimeout: 50 * time.Millisecond})
	tx := begin(t, s)
	snap, err := s.Snapshot(context.Background())
	must(t, err)
	defer func() { must(t, snap.Close()) }()
	db := session(t, u)
	run(t, db, "begin")
	run(t, db, "lock table kv in access exclusive mode")
	for name, r := range map[string]state.Reader{"transaction": tx, "snapshot": snap} {
		_, err := r.Get(context.Background(), [][]byte{[]byte("k")})
		if !errs.Is(err, errs.Unavailable) || errs.CodeOf(err) != "state.statement_timeout" {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Waiting for the locks of Begin is not bound by the timeout.
	holder := begin(t, s, 7)
	waiter := make(chan error)
	go func() {
		tx, err := s.Begin(context.Background(), []state.Lock{7})
		if err == nil {
			tx.Rollback()
		}
		waiter <- err
	}()
	run(t, db, "rollback")
	for waits := false; !waits; {
		must(t, db.QueryRow(context.Background(), `select exists (select from pg_stat_activity
			where application_name = $1 and wait_event = 'advisory' and clock_timestamp() - query_start > interval '150 ms')`, name).Scan(&waits))
	}
	holder.Rollback()
	must(t, <-waiter)
}

// TestIdleTimeout leaves a transaction alone until the server ends it: its locks
// are free and its commit fails.
func TestIdleTimeout(t *testing.T) {
	s := open(t, pgtest.Start(t), postgres.Options{IdleTimeout: 50 * time.Millisecond})
	tx := begin(t, s, 1)
	tx.Put([]byte("k"), []byte("v"))
	next, err := s.Begin(context.Background(), []state.Lock{1})
	must(t, err)
	next.Rollback()
	if err := tx.Commit(context.Background(), state.Cursor{}); !errs.Is(err, errs.Unavailable) {
		t.Errorf("Commit after the timeout: %v", err)
	}
	if got := read(t, s, "k"); got != "" {
		t.Errorf("the row is there: %q", got)
	}
}

// TestCommitUnknown breaks the connection between the server's commit and its
// answer: the error says that nobody knows, and the cursor tells.
func TestCommitUnknown(t *testing.T) {
	u := pgtest.Start(t)
	p := startProxy(t, u)
	s := open(t, p.url, postgres.Options{})
	cursor := state.Cursor{Key: []byte("cursor"), New: []byte("1")}
	put := func(tx state.Tx) { tx.Put([]byte("k"), []byte("v")) }
	must(t, commit(t, s, state.Cursor{}, put)) // so that the statements are prepared
	tx := begin(t, s)
	tx.Put([]byte("cursor"), []byte("1"))
	p.cut.Store(true)
	wantError(t, tx.Commit(context.Background(), state.Cursor{}), errs.Unavailable, "state.commit_unknown")
	p.cut.Store(false)
	wantError(t, commit(t, s, cursor, put), errs.Conflict, "state.cursor_moved")
	if got := read(t, s, "cursor"); got != "1" {
		t.Errorf("the cursor is %q", got)
	}
}

// proxy stands between a store and its server. While cut is set it swallows the
// server's next answer and breaks the connection instead.
type proxy struct {
	url string
	cut atomic.Bool
}

func startProxy(t *testing.T, to string) *proxy {
	t.Helper()
	u, err := url.Parse(to)
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &proxy{}
	server := u.Host
	u.Host = l.Addr().String()
	p.url = u.String()
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return // closed at the end of the test
			}
			wg.Go(func() { p.serve(t, client, server) })
		}
	})
	t.Cleanup(func() {
		must(t, l.Close())
		wg.Wait()
	})
	return p
}

func (p *proxy) serve(t *testing.T, client net.Conn, addr string) {
	server, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(server, client) // ends when either side closes
		_ = server.Close()
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := server.Read(buf)
		if err != nil || p.cut.Load() {
			break
		}
		if _, err := client.Write(buf[:n]); err != nil {
			break
		}
	}
	_ = client.Close()
	_ = server.Close()
	<-done
}

// TestCloseWithOpenSnapshot closes a store whose snapshot is still open.
func TestCloseWithOpenSnapshot(t *testing.T) {
	s := open(t, pgtest.Start(t), postgres.Options{})
	snap, err := s.Snapshot(context.Background())
	must(t, err)
	must(t, s.Close())
	_, err = snap.Get(context.Background(), [][]byte{[]byte("k")})
	wantError(t, err, errs.Unavailable, "state.closed")
	must(t, snap.Close())
}
