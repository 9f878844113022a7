package postgres

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"kith/internal/state"
	"kith/internal/state/postgres/pgtest"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func exec(t *testing.T, c *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := c.Exec(context.Background(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func contents(t *testing.T, s *Store) (keys []string) {
	t.Helper()
	ctx := context.Background()
	snap, err := s.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = snap.Close() }()
	for kv, err := range snap.Scan(ctx, state.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("value of %q", kv.Key); string(kv.Value) != want {
			t.Fatalf("the value of %q is %q", kv.Key, kv.Value)
		}
		keys = append(keys, string(kv.Key))
	}
	return keys
}

// version1 fills a schema of version 1 with rows of every family, more of one that
// moves than one transaction takes, and returns their keys.
func version1(t *testing.T, c *pgx.Conn, schema string) (keys []string) {
	t.Helper()
	exec(t, c, "create table migration (version int primary key, applied_at timestamptz not null default now())")
	exec(t, c, fmt.Sprintf(migrations(newLayout())[0].sql, schema))
	exec(t, c, "insert into migration (version) values (1)")
	for f := range 256 {
		for i := range 3 {
			keys = append(keys, string([]byte{byte(f), byte(i)}))
		}
	}
	for i := range moveRows + 5 {
		keys = append(keys, fmt.Sprintf("M\x03%06d", i))
	}
	slices.Sort(keys)
	var k, v [][]byte
	for _, key := range keys {
		k, v = append(k, []byte(key)), append(v, fmt.Appendf(nil, "value of %q", key))
	}
	exec(t, c, "insert into kv (k, v) select k, v from unnest($1::bytea[], $2::bytea[]) as row(k, v)", k, v)
	return keys
}

// TestFromVersion1 opens a schema of version 1 that has rows: all are there, where
// they belong, also when an earlier attempt was cut short between two moves. A
// process of version 1 that still runs can write nothing that others would not see.
func TestFromVersion1(t *testing.T) {
	for _, cut := range []bool{false, true} {
		t.Run(fmt.Sprint("cut short ", cut), func(t *testing.T) {
			ctx := context.Background()
			url := pgtest.Start(t)
			schema := pgtest.Schema(t, url)
			c := connect(t, url)
			want := version1(t, c, schema)
			if cut {
				exec(t, c, fmt.Sprintf(migrations(newLayout())[1].sql, schema))
				for _, family := range []string{"D", "M"} {
					exec(t, c, `with gone as (delete from kv where k in (select k from kv where k >= $1 order by k limit 3) returning k, v)
						insert into mark select k, v from gone`, []byte(family))
				}
			}
			s, err := Open(ctx, url, Options{Schema: schema})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if got := contents(t, s); !slices.Equal(got, want) {
				t.Fatalf("%d rows, want %d", len(got), len(want))
			}
			for table, where := range map[string]string{"kv": s.where.notApart(), "mark": s.where.holds(inMarks), "member": s.where.holds(inMembers)} {
				var wrong, right int
				if err := c.QueryRow(ctx, "select count(*) filter (where not ("+where+")), count(*) from "+table).Scan(&wrong, &right); err != nil {
					t.Fatal(err)
				}
				if wrong > 0 || right == 0 {
					t.Errorf("%s has %d rows of other tables among %d", table, wrong, right)
				}
			}
			for _, key := range []string{"M\xff", "K\x01", "D"} {
				if _, err := c.Exec(ctx, "insert into kv (k, v) values ($1, '')", []byte(key)); err == nil || !strings.Contains(err.Error(), "kv_apart") {
					t.Errorf("a process of version 1 writes %q: %v", key, err)
				}
			}
		})
	}
}

// scanned are the parts of a plan that read a table.
var scanned = regexp.MustCompile(`(Seq Scan|Index Scan|Index Only Scan|Bitmap Index Scan|Bitmap Heap Scan)(?: Backward)?(?: using (\w+))?(?: on (\w+))?`)

// TestPlans: every statement reads its own table alone and by the primary key, as
// the server plans it for any values. The tables are empty, which is when a plan may
// be made that has to serve later.
func TestPlans(t *testing.T) {
	ctx := context.Background()
	url := pgtest.Start(t)
	s, err := Open(ctx, url, Options{Schema: pgtest.Schema(t, url)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	conn, err := s.writers.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	c := conn.Conn()
	exec(t, c, "set plan_cache_mode = force_generic_plan")
	for i, table := range tableNames() {
		sql := map[string]string{"get": s.sql[i].get, "lock": s.sql[i].lock, "remove": s.sql[i].remove, "bulk": s.sql[i].bulk}
		for kind, page := range s.sql[i].page {
			sql[fmt.Sprint("page ", kind)] = page
		}
		for name, text := range sql {
			exec(t, c, "prepare planned as "+text)
			args := strings.TrimSuffix(strings.Repeat("null, ", strings.Count(text, "$")), ", ")
			rows, err := c.Query(ctx, "explain execute planned("+args+")", pgx.QueryExecModeSimpleProtocol)
			if err != nil {
				t.Fatal(err)
			}
			lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil {
				t.Fatal(err)
			}
			plan := strings.Join(lines, "\n")
			exec(t, c, "deallocate planned")
			found := scanned.FindAllStringSubmatch(plan, -1)
			byKey := false
			for _, part := range found {
				byKey = byKey || strings.HasPrefix(part[1], "Index") && part[2] == table+"_pkey" || part[1] == "Bitmap Index Scan" && part[3] == table+"_pkey"
				if part[1] == "Seq Scan" {
					byKey = false
					break
				}
			}
			for _, other := range tableNames() {
				if other != table && regexp.MustCompile(`\b`+other+`(_pkey)?\b`).MatchString(plan) {
					byKey = false
				}
			}
			if !byKey {
				t.Errorf("%s of %s does not go by the key:\n%s", name, table, plan)
			}
		}
	}
}
