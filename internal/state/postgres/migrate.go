package postgres

import (
	"context"
	"fmt"
	"hash/fnv"

	"github.com/jackc/pgx/v5"

	"kith/internal/errs"
)

// migrations bring a schema from one version to the next; %s is its quoted name.
// What has been released is never changed, only added to.
func migrations() []string {
	return []string{
		// Version 1. The fill factor leaves room to update a row in its page; the
		// table is vacuumed at a twentieth of its rows instead of a fifth, because
		// its rows are updated all the time.
		`create table %[1]s.kv (
			k bytea primary key,
			v bytea not null
		) with (
			fillfactor = 85,
			autovacuum_vacuum_scale_factor = 0.05,
			autovacuum_analyze_scale_factor = 0.05
		)`,
	}
}

// migrate makes the schema and brings it up to date. Nodes that start at the
// same time take turns.
func (s *Store) migrate(ctx context.Context) error {
	conn, err := s.acquire(ctx, s.writers)
	if err != nil {
		return err
	}
	defer conn.Release()
	const doing = "preparing the schema of the state"
	tx, err := conn.Begin(ctx)
	if err != nil {
		return mapError(ctx, err, doing)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // nothing to do after Commit
	h := fnv.New64a()
	_, _ = h.Write([]byte("kith migration " + s.opts.Schema)) // never fails
	if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock($1::int8)", int64(h.Sum64())); err != nil {
		return mapError(ctx, err, doing)
	}
	if err := s.upgrade(ctx, tx); err != nil {
		return mapError(ctx, err, doing)
	}
	return mapError(ctx, tx.Commit(ctx), doing)
}

// upgrade runs the migrations that the schema lacks.
func (s *Store) upgrade(ctx context.Context, tx pgx.Tx) error {
	schema := quoted(s.opts.Schema)
	var exists bool
	if err := tx.QueryRow(ctx, "select to_regnamespace($1) is not null", schema).Scan(&exists); err != nil {
		return err
	}
	if !exists {
		if _, err := tx.Exec(ctx, "create schema "+schema); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, fmt.Sprintf(`create table if not exists %s.migration (
		version int primary key,
		applied_at timestamptz not null default now()
	)`, schema))
	if err != nil {
		return err
	}
	var version int
	if err := tx.QueryRow(ctx, fmt.Sprintf("select coalesce(max(version), 0) from %s.migration", schema)).Scan(&version); err != nil {
		return err
	}
	steps := migrations()
	if version > len(steps) {
		return errs.New(errs.Unavailable, "state.newer_version", "the schema has version %d, this kith knows versions up to %d; run the newer one", version, len(steps))
	}
	for i, step := range steps[version:] {
		if _, err := tx.Exec(ctx, fmt.Sprintf(step, schema)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, fmt.Sprintf("insert into %s.migration (version) values ($1)", schema), version+i+1); err != nil {
			return err
		}
	}
	return nil
}

func quoted(schema string) string { return pgx.Identifier{schema}.Sanitize() }
