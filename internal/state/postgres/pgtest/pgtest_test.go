package pgtest_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"kith/internal/state/postgres/pgtest"
)

func TestStart(t *testing.T) {
	first, second := pgtest.Start(t), pgtest.Start(t)
	if pgtest.Schema(t, first) == pgtest.Schema(t, second) {
		t.Errorf("two callers share the schema %s", pgtest.Schema(t, first))
	}
	for _, u := range []string{first, second} {
		conn, err := pgx.Connect(context.Background(), u)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(context.Background(), "create table t (n int)"); err != nil {
			t.Error(err) // the second would find the first's table in a shared schema
		}
		var schema string
		if err := conn.QueryRow(context.Background(), "select current_schema()").Scan(&schema); err != nil || schema != pgtest.Schema(t, u) {
			t.Errorf("the current schema is %q, %v", schema, err)
		}
		if err := conn.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
}
