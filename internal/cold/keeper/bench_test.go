package keeper

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"kith/event"
	"kith/internal/analytics/clickhouse/clickhousetest"
	"kith/internal/clickhouse"
	"kith/internal/cold"
	coldrows "kith/internal/cold/clickhouse"
	"kith/internal/history"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/state"
	"kith/internal/state/postgres"
	"kith/internal/state/postgres/pgtest"
	"kith/internal/sys"
)

// BenchmarkMoving moves the history of events, each of anybody, out of PostgreSQL into
// ClickHouse: the time of an event, and its bytes in either, after a vacuum and once
// ClickHouse has merged its parts. It needs both servers.
func BenchmarkMoving(b *testing.B) {
	for _, c := range []struct{ events, people int }{{60_000, 20_000}, {100_000, 5_000}} {
		b.Run(fmt.Sprintf("%d of %d people", c.events, c.people), func(b *testing.B) {
			url := pgtest.StartDatabase(b)
			store, err := postgres.Open(b.Context(), url, postgres.Options{Schema: "kith_default"})
			if err != nil {
				b.Fatal(err)
			}
			defer store.Close()
			loc, err := clickhouse.ParseURL(clickhousetest.Start(b))
			if err != nil {
				b.Fatal(err)
			}
			server := clickhouse.Open(loc, clickhouse.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: time.Minute, AnswerBytes: answerBytes})
			backend, err := coldrows.Open(b.Context(), server, server)
			if err != nil {
				b.Fatal(err)
			}
			bring(b, store, c.events, c.people)
			before := sizeOf(b, url)
			mover := cold.New(store, backend).Mover(sys.Entropy(), nil)
			var took time.Duration
			for b.Loop() {
				began := time.Now()
				for done := false; !done; {
					if _, done, err = mover.Step(b.Context(), sys.Millis(time.Now())); err != nil {
						b.Fatal(err)
					}
				}
				took = max(took, time.Since(began)) // after the first time there is nothing to move
			}
			b.ReportMetric(float64(took.Microseconds())/float64(c.events), "µs/event")
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(before/float64(c.events), "B/event-before")
			b.ReportMetric(sizeOf(b, url)/float64(c.events), "B/event-left")
			if err := server.Do(b.Context(), "OPTIMIZE TABLE kith_history FINAL"); err != nil {
				b.Fatal(err)
			}
			rows, err := server.Texts(b.Context(), "SELECT toString(sum(bytes_on_disk)) FROM system.parts WHERE active AND table = 'kith_history' AND database = currentDatabase()")
			if err != nil {
				b.Fatal(err)
			}
			bytes, err := strconv.ParseFloat(rows[0][0], 64)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(bytes/float64(c.events), "B/event-there")
		})
	}
}

// bring folds events into the history, of which every third has values of fields.
func bring(b *testing.B, store state.Store, events, people int) {
	b.Helper()
	const batch = 1000
	r := rand.New(rand.NewPCG(1, 2))
	keys := identity.NewKeyring([]byte("k"))
	names := []string{"Product Viewed", "Product Added", "Order Completed", "Cart Viewed", "Signed In", "Products Searched"}
	for first := 0; first < events; first += batch {
		tx, err := store.Begin(b.Context(), nil)
		if err != nil {
			b.Fatal(err)
		}
		for i := range batch {
			e := &history.Entry{
				Node: keys.Node(identity.Identifier{Type: "user_id", Value: strconv.Itoa(r.IntN(people))}), Type: event.Track, Name: names[r.IntN(len(names))],
				MessageID: fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", r.Uint32(), r.Uint32()&0xffff, r.Uint32()&0xfff, r.Uint32()&0xfff, r.Uint64()&(1<<48-1)),
				Source:    "web", Timestamp: 1_700_000_000_000 + r.Int64N(10*24*3_600_000), ReceivedAt: 1_700_900_000_000 + int64(first+i),
			}
			e.Position.Offset = int64(first + i)
			copy(e.Observation[:], e.Node[:])
			if i%3 == 0 {
				e.Fields = fmt.Appendf(nil, "\x02\x00\x05%03d.5\x01\x05\"EUR\"", r.IntN(1000))
			}
			keyed.Index{}.Append(tx, e)
		}
		if err := tx.Commit(b.Context(), state.Cursor{}); err != nil {
			b.Fatal(err)
		}
	}
}

// sizeOf is the bytes of the state's table and its indexes.
func sizeOf(b *testing.B, url string) (bytes float64) {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := conn.Exec(b.Context(), "vacuum full kith_default.kv"); err != nil {
		b.Fatal(err)
	}
	if err := conn.QueryRow(b.Context(), "select pg_total_relation_size('kith_default.kv')").Scan(&bytes); err != nil {
		b.Fatal(err)
	}
	if err := conn.Close(context.WithoutCancel(b.Context())); err != nil {
		b.Fatal(err)
	}
	return bytes
}
