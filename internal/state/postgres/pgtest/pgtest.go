// Package pgtest gives tests a real PostgreSQL server. It starts one for the
// process that runs the tests, in a folder of its own, and gives every caller an
// empty schema in it. The server ends, and its folder goes, when the process
// ends, however it ends.
//
// KITH_TEST_POSTGRES=url uses a running server instead. A machine without
// PostgreSQL skips the tests, unless KITH_REQUIRE_SERVERS=1 makes that a failure.
// KITH_TEST_POSTGRES_SYNC=1 starts the server with its syncs to disk, which only
// benchmarks need.
package pgtest

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"kith/internal/sys"
)

// patience is how long starting the server or a schema may take.
const patience = 2 * time.Minute

// errMissing says that PostgreSQL is not installed.
var errMissing = errors.New("PostgreSQL is not installed: no initdb and pg_ctl in PATH or /usr/lib/postgresql/*/bin; set KITH_TEST_POSTGRES to use a running server")

// server starts the server of this process once. It is the one thing here that
// outlives a test, because starting it for every test would take longer than the
// tests.
var server = sync.OnceValues(func() (running, error) {
	if given := os.Getenv("KITH_TEST_POSTGRES"); given != "" {
		return running{url: given}, nil
	}
	return launch()
})

// running is a server that takes connections.
type running struct {
	url  string
	life io.Closer // the server ends when this is closed, if only by the garbage collector
}

// Start returns the URL of a running server whose search_path is a new schema
// that belongs to the caller and is dropped at the end of the test. Schema says
// its name.
func Start(tb testing.TB) string {
	tb.Helper()
	started, err := server()
	if errors.Is(err, errMissing) && os.Getenv("KITH_REQUIRE_SERVERS") != "1" {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatalf("starting PostgreSQL: %v", err)
	}
	schema := newSchema(tb, started.url)
	u, err := url.Parse(started.url)
	if err != nil {
		tb.Fatalf("KITH_TEST_POSTGRES is no URL: %v", err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

// StartDatabase is Start for programs that choose their schemas themselves: the URL
// is that of a new database, which is dropped at the end of the test.
func StartDatabase(tb testing.TB) string {
	tb.Helper()
	from := Start(tb)
	u, err := url.Parse(from)
	if err != nil {
		tb.Fatal(err)
	}
	name := Schema(tb, from) // nobody else has it
	if err := execute(from, "create database "+name); err != nil {
		tb.Fatalf("making a database: %v", err)
	}
	tb.Cleanup(func() {
		if err := execute(from, "drop database if exists "+name+" with (force)"); err != nil {
			tb.Errorf("dropping the database: %v", err)
		}
	})
	q := u.Query()
	q.Del("search_path")
	u.Path, u.RawQuery = "/"+name, q.Encode()
	return u.String()
}

// Schema returns the name of the schema in a URL that Start returned.
func Schema(tb testing.TB, from string) string {
	tb.Helper()
	u, err := url.Parse(from)
	if err != nil || u.Query().Get("search_path") == "" {
		tb.Fatalf("not a URL of Start: %q", from)
	}
	return u.Query().Get("search_path")
}

// newSchema makes a schema of a name that no other run uses.
func newSchema(tb testing.TB, base string) string {
	tb.Helper()
	id := make([]byte, 8)
	if _, err := io.ReadFull(sys.Entropy(), id); err != nil {
		tb.Fatal(err)
	}
	name := "test_" + hex.EncodeToString(id)
	if err := execute(base, "create schema "+name); err != nil {
		tb.Fatalf("making a schema: %v", err)
	}
	tb.Cleanup(func() {
		if err := execute(base, "drop schema if exists "+name+" cascade"); err != nil {
			tb.Errorf("dropping the schema: %v", err)
		}
	})
	return name
}

func execute(base, sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, base)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(ctx))
}
