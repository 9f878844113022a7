package postgres

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"kith/internal/state"
	"kith/internal/state/internal/txn"
)

// A scan fetches pages of at most so many rows and, beyond the first row, so
// many bytes of values.
const (
	pageRows  = 1000
	pageBytes = 4 << 20
)

// statements are the texts of the statements on one table.
type statements struct {
	get, lock, claim, upsert, remove, bulk string

	page map[pageKind]string
}

// pageKind tells the statements that fetch a page apart.
type pageKind struct {
	reverse, after, bounded bool // after: beyond the low key, not from it on
}

func newStatements(table string) statements {
	s := statements{
		get:    "select k, v from " + table + " where k = any($1::bytea[])",
		lock:   "select k, v from " + table + " where k = any($1::bytea[]) order by k for update",
		claim:  "insert into " + table + " (k, v) select k, v from unnest($1::bytea[], $2::bytea[]) as row(k, v) on conflict (k) do nothing returning k",
		upsert: "insert into " + table + " (k, v) select k, v from unnest($1::bytea[], $2::bytea[]) as row(k, v) on conflict (k) do update set v = excluded.v",
		remove: "delete from " + table + " where k = any($1::bytea[])",
		bulk:   bulkStatement(table),
		page:   map[pageKind]string{},
	}
	for i := range 8 {
		kind := pageKind{i&1 > 0, i&2 > 0, i&4 > 0}
		s.page[kind] = pageStatement(table, kind)
	}
	return s
}

// pageStatement reads up to $2 rows in order and of those as many as have their
// values in $3 bytes, the first in any case. The third column is the number of
// rows before that cut.
func pageStatement(table string, kind pageKind) string {
	order, low, high := "asc", "k >= $1", ""
	if kind.after {
		low = "k > $1"
	}
	if kind.bounded {
		high = " and k < $4"
	}
	if kind.reverse {
		order = "desc"
	}
	return fmt.Sprintf(`select k, v, n from (
		select k, v, count(*) over () as n, sum(octet_length(v)) over (order by k %[1]s) - octet_length(v) as before
		from (select k, v from %[2]s where %[3]s%[4]s order by k %[1]s limit $2) as rows
	) as sized where before < $3 order by k %[1]s`, order, table, low, high)
}

// reader reads on one connection that is in a transaction.
type reader struct {
	store *Store
	ctx   context.Context // that the transaction began with, for its values

	mu   sync.Mutex // a connection serves one statement at a time
	conn *pgxpool.Conn
}

// end rolls back, if need be, and gives the connection back. The pool throws away
// a connection that is still in a transaction then.
func (r *reader) end(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn == nil {
		return
	}
	if r.conn.Conn().PgConn().TxStatus() != 'I' && !r.conn.Conn().IsClosed() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelWithin)
		_, _ = r.conn.Exec(ctx, "rollback") // the pool looks at the outcome
		cancel()
	}
	r.conn.Release()
	r.conn = nil
}

func (r *reader) get(ctx context.Context, keys [][]byte, ended func() error) ([][]byte, error) {
	if err := txn.Canceled(ctx); err != nil {
		return nil, err
	}
	values := make([][]byte, len(keys))
	// The places of a key in keys: the last one plus 1, and before each the
	// previous one plus 1.
	last, before := make(map[string]int, len(keys)), make([]int, len(keys))
	for i, k := range keys {
		before[i] = last[string(k)]
		last[string(k)] = i + 1
	}
	asked := r.store.where.sorted(noNils(keys))
	err := r.query(ctx, ended, func(b *pgx.Batch, each eachFunc) {
		for t := range asked {
			if len(asked[t]) > 0 {
				b.Queue(r.store.sql[t].get, asked[t]).Query(each(func(row [][]byte) error {
					for i := last[string(row[0])]; i > 0; i = before[i-1] {
						values[i-1] = append(make([]byte, 0, len(row[1])), row[1]...)
					}
					return nil
				}))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return values, nil
}

// noNils makes nil keys empty ones: the server would take nil for NULL.
func noNils(keys [][]byte) [][]byte {
	for i := range keys {
		if keys[i] == nil {
			keys = append([][]byte(nil), keys...)
			for j := i; j < len(keys); j++ {
				keys[j] = noNil(keys[j])
			}
			break
		}
	}
	return keys
}

func noNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// eachFunc makes of a function for one row, which is valid only until the next, one
// for the answer to a statement.
type eachFunc func(each func(row [][]byte) error) func(pgx.Rows) error

// query sends statements together.
func (r *reader) query(ctx context.Context, ended func() error, fill func(*pgx.Batch, eachFunc)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn == nil {
		return ended()
	}
	batch := &pgx.Batch{}
	fill(batch, func(each func(row [][]byte) error) func(pgx.Rows) error {
		return func(rows pgx.Rows) error { return eachRow(rows, each) }
	})
	if batch.Len() == 0 {
		return nil
	}
	ctx, stop := patient(ctx, r.store.opts.StatementTimeout)
	defer stop()
	return mapError(ctx, r.conn.SendBatch(ctx, batch).Close(), "reading the state")
}

func eachRow(rows pgx.Rows, each func(row [][]byte) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.RawValues()); err != nil {
			return err
		}
	}
	return rows.Err()
}

// scan yields the pairs of a range, page by page, so that its caller may read on
// the same connection in between.
func (r *reader) scan(ctx context.Context, rng state.Range, ended func() error) iter.Seq2[state.KV, error] {
	return func(yield func(state.KV, error) bool) {
		if err := txn.Canceled(ctx); err != nil {
			yield(state.KV{}, err)
			return
		}
		if txn.Empty(rng) {
			return
		}
		spans := r.store.where.spans(noNil(rng.Low), rng.High)
		if rng.Reverse {
			slices.Reverse(spans)
		}
		left := rng.Limit
		for _, s := range spans {
			p := pager{table: s.table, rng: state.Range{Low: s.low, High: s.high, Reverse: rng.Reverse, Limit: left}}
			for !p.done {
				page, err := p.next(ctx, r, ended)
				if err != nil {
					yield(state.KV{}, err)
					return
				}
				for _, kv := range page {
					if !yield(kv, nil) {
						return
					}
				}
			}
			if left -= p.read; rng.Limit > 0 && left == 0 {
				return
			}
		}
	}
}

// pager cuts a scan of one table into pages.
type pager struct {
	table int
	rng   state.Range
	after bool // the low key has been read
	read  int
	done  bool
}

// next fetches a page.
func (p *pager) next(ctx context.Context, r *reader, ended func() error) ([]state.KV, error) {
	want := pageRows
	if p.rng.Limit > 0 {
		want = min(want, p.rng.Limit-p.read)
	}
	args := []any{noNil(p.rng.Low), want, pageBytes}
	if p.rng.High != nil {
		args = append(args, p.rng.High)
	}
	kind := pageKind{p.rng.Reverse, p.after, p.rng.High != nil}
	var page []state.KV
	there := 0 // rows in the range, up to want
	err := r.query(ctx, ended, func(b *pgx.Batch, each eachFunc) {
		b.Queue(r.store.sql[p.table].page[kind], args...).Query(each(func(row [][]byte) error {
			page = append(page, state.KV{Key: bytes.Clone(row[0]), Value: append([]byte{}, row[1]...)})
			there = int(int64From(row[2]))
			return nil
		}))
	})
	if err != nil {
		return nil, err
	}
	p.read += len(page)
	p.done = len(page) == there && there < want || p.rng.Limit > 0 && p.read >= p.rng.Limit
	if len(page) > 0 {
		last := page[len(page)-1].Key
		if p.rng.Reverse {
			p.rng.High = last
		} else {
			p.rng.Low, p.after = last, true
		}
	}
	return page, nil
}

// int64From reads a bigint of the binary format.
func int64From(b []byte) int64 {
	var n int64
	for _, c := range b {
		n = n<<8 | int64(c)
	}
	return n
}

// snapshot is a view of one moment.
type snapshot struct {
	reader
}

// Get implements state.Reader.
func (s *snapshot) Get(ctx context.Context, keys [][]byte) ([][]byte, error) {
	return s.get(ctx, keys, txn.ErrClosed)
}

// Scan implements state.Reader.
func (s *snapshot) Scan(ctx context.Context, r state.Range) iter.Seq2[state.KV, error] {
	return s.scan(ctx, r, txn.ErrClosed)
}

// Close implements state.Snapshot.
func (s *snapshot) Close() error {
	s.store.mu.Lock()
	delete(s.store.snapshots, s)
	s.store.mu.Unlock()
	s.release()
	return nil
}

func (s *snapshot) release() { s.end(s.ctx) }
