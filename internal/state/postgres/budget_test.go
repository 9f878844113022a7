package postgres_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"kith/internal/errs"
	"kith/internal/state/postgres"
	"kith/internal/state/postgres/pgtest"
)

// limited returns the URL of a user who may have so many connections.
func limited(t *testing.T, from string, most int) string {
	t.Helper()
	schema := pgtest.Schema(t, from)
	db := session(t, from)
	role := "limited_" + schema
	run(t, db, fmt.Sprintf("create role %s login connection limit %d", role, most))
	run(t, db, fmt.Sprintf("grant all on schema %s to %s", schema, role))
	t.Cleanup(func() {
		db := session(t, from)
		run(t, db, "drop owned by "+role+" cascade")
		run(t, db, "drop role "+role)
	})
	u, err := url.Parse(from)
	must(t, err)
	u.User = url.User(role)
	return u.String()
}

// TestBudget: a server that does not take the connections of one process is refused
// at once, with both numbers. One that others have filled up gives an error that says
// so, and serves again when they have gone.
func TestBudget(t *testing.T) {
	ctx := context.Background()
	base := pgtest.Start(t)
	u := limited(t, base, 3)
	o := postgres.Options{Schema: pgtest.Schema(t, base), WriteConns: 2, ReadConns: 2}
	_, err := postgres.Open(ctx, u, o)
	wantError(t, err, errs.Unavailable, "state.connection_budget")
	for _, part := range []string{"open 4 connections", "takes 3", "pool_max_conns"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in: %v", part, err)
		}
	}
	o.ReadConns = 1
	s, err := postgres.Open(ctx, u, o)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) }) // after the transactions have ended
	first := begin(t, s)
	begin(t, s)
	other := session(t, u)
	_, err = s.Snapshot(ctx)
	wantError(t, err, errs.Unavailable, "state.too_many_connections")
	first.Rollback()
	must(t, other.Close(ctx))
	for { // the server notices a moment later that the other has gone
		snap, err := s.Snapshot(ctx)
		if err == nil {
			must(t, snap.Close())
			break
		}
		wantError(t, err, errs.Unavailable, "state.too_many_connections")
	}
}

// TestConnectionsBusy: who finds all connections of the process in use waits, and is
// told when that lasts.
func TestConnectionsBusy(t *testing.T) {
	ctx := context.Background()
	s := open(t, pgtest.Start(t), postgres.Options{WriteConns: 1, ReadConns: 1, PoolTimeout: time.Second})
	tx := begin(t, s)
	_, err := s.Begin(ctx, nil)
	wantError(t, err, errs.Unavailable, "state.connections_busy")
	snap, err := s.Snapshot(ctx)
	must(t, err) // readers have connections of their own
	_, err = s.Snapshot(ctx)
	wantError(t, err, errs.Unavailable, "state.connections_busy")
	must(t, snap.Close())
	tx.Rollback()
	begin(t, s)
}
