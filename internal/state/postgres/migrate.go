package postgres

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/jackc/pgx/v5"

	"kith/internal/errs"
)

// migration brings a schema from one version to the next. What has been released is
// never changed, only added to.
type migration struct {
	// sql runs in one transaction; %[1]s is the quoted schema. It finds its work done
	// when move was cut short.
	sql string
	// move takes rows to where they lie from this version on, in transactions of its
	// own. It is begun again when it was cut short.
	move func(ctx context.Context, s *Store, conn *pgx.Conn) error
}

func migrations(l *layout) []migration {
	return []migration{
		// The fill factor leaves room to update a row in its page; the table is vacuumed
		// at a twentieth of its rows instead of a fifth, because its rows are updated all
		// the time.
		{sql: `create table %[1]s.kv (
			k bytea primary key,
			v bytea not null
		) with (
			fillfactor = 85,
			autovacuum_vacuum_scale_factor = 0.05,
			autovacuum_analyze_scale_factor = 0.05
		)`},
		// What comes and goes in tables of its own. The first statement waits for the
		// transactions under way, and then refuses the writes of processes that know only
		// version 1; not valid: it does not read the table.
		{sql: `set local lock_timeout = '10s';
			alter table %[1]s.kv drop constraint if exists kv_apart, add constraint kv_apart check (` + l.notApart() + `) not valid;
			create table if not exists %[1]s.mark (
				k bytea primary key,
				v bytea not null,
				constraint mark_apart check (` + l.holds(inMarks) + `)
			) with (
				fillfactor = 95,
				autovacuum_vacuum_scale_factor = 0.05,
				autovacuum_analyze_scale_factor = 0.05
			);
			create table if not exists %[1]s.member (
				k bytea primary key,
				v bytea not null,
				constraint member_apart check (` + l.holds(inMembers) + `)
			) with (
				fillfactor = 80,
				autovacuum_vacuum_scale_factor = 0.02,
				autovacuum_vacuum_threshold = 1000,
				autovacuum_analyze_scale_factor = 0.05
			)`, move: moveApart},
	}
}

// moveRows is how many rows one transaction moves.
const moveRows = 20_000

// moveApart moves what lies with the rest and belongs into a table that is apart.
func moveApart(ctx context.Context, s *Store, conn *pgx.Conn) error {
	schema := quoted(s.opts.Schema)
	names := tableNames()
	for _, part := range s.where.spans([]byte{}, nil) {
		if part.table == inRest {
			continue
		}
		// From the last key on: what was moved lies dead before it.
		move := fmt.Sprintf(`with part as (select k from %[1]s.kv where k >= $1 and k < $2 order by k limit %[3]d),
			gone as (delete from %[1]s.kv using part where kv.k = part.k returning kv.k, kv.v),
			moved as (insert into %[1]s.%[2]s (k, v) select k, v from gone)
			select k from part order by k desc limit 1`, schema, names[part.table], moveRows)
		for low := part.low; ; {
			err := conn.QueryRow(ctx, move, low, part.high).Scan(&low)
			if errors.Is(err, pgx.ErrNoRows) {
				break
			}
			if err != nil {
				return err
			}
			low = append(low, 0)
		}
	}
	return nil
}

// migrate makes the schema and brings it up to date. Nodes that start at the
// same time take turns.
func (s *Store) migrate(ctx context.Context) error {
	conn, err := s.acquire(ctx, s.writers)
	if err != nil {
		return err
	}
	defer conn.Release()
	// The lock is the session's, so it ends with the connection; the pool makes another.
	defer func() { _ = conn.Conn().Close(context.WithoutCancel(ctx)) }()
	const doing = "preparing the schema of the state"
	h := fnv.New64a()
	_, _ = h.Write([]byte("kith migration " + s.opts.Schema)) // never fails
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1::int8)", int64(h.Sum64())); err != nil {
		return mapError(ctx, err, doing)
	}
	return mapError(ctx, s.upgrade(ctx, conn.Conn()), doing)
}

// upgrade runs the migrations that the schema lacks.
func (s *Store) upgrade(ctx context.Context, conn *pgx.Conn) error {
	schema := quoted(s.opts.Schema)
	version, err := s.version(ctx, conn, schema)
	if err != nil {
		return err
	}
	steps := migrations(s.where)
	if version > len(steps) {
		return errs.New(errs.Unavailable, "state.newer_version", "the schema has version %d, this kith knows versions up to %d; run the newer one", version, len(steps))
	}
	for i, step := range steps[version:] {
		done := fmt.Sprintf("insert into %s.migration (version) values (%d)", schema, version+i+1)
		sql := fmt.Sprintf(step.sql, schema)
		if step.move == nil {
			sql += ";" + done
		}
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, sql)
			return err
		})
		if err != nil || step.move == nil {
			if err != nil {
				return err
			}
			continue
		}
		if err := step.move(ctx, s, conn); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, done); err != nil {
			return err
		}
	}
	return nil
}

// version makes the schema if need be and returns which version it has.
func (s *Store) version(ctx context.Context, conn *pgx.Conn, schema string) (version int, err error) {
	var exists bool
	if err := conn.QueryRow(ctx, "select to_regnamespace($1) is not null", schema).Scan(&exists); err != nil {
		return 0, err
	}
	if !exists {
		if _, err := conn.Exec(ctx, "create schema "+schema); err != nil {
			return 0, err
		}
	}
	_, err = conn.Exec(ctx, fmt.Sprintf(`create table if not exists %s.migration (
		version int primary key,
		applied_at timestamptz not null default now()
	)`, schema))
	if err != nil {
		return 0, err
	}
	err = conn.QueryRow(ctx, fmt.Sprintf("select coalesce(max(version), 0) from %s.migration", schema)).Scan(&version)
	return version, err
}

func quoted(schema string) string { return pgx.Identifier{schema}.Sanitize() }
