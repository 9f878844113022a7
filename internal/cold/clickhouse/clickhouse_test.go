package clickhouse_test

import (
	"net/netip"
	"testing"
	"time"

	"kith/internal/analytics/clickhouse/clickhousetest"
	server "kith/internal/clickhouse"
	"kith/internal/cold"
	"kith/internal/cold/clickhouse"
	"kith/internal/cold/coldtest"
	"kith/internal/errs"
)

// local lets a test reach its own server.
func local() server.Config {
	return server.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: time.Minute, AnswerBytes: 1 << 30}
}

func open(start func(testing.TB) string) func(t *testing.T) cold.Backend {
	return func(t *testing.T) cold.Backend {
		loc, err := server.ParseURL(start(t))
		if err != nil {
			t.Fatal(err)
		}
		conn := server.Open(loc, local())
		b, err := clickhouse.Open(t.Context(), conn, conn)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

// TestBackend: the table is a backend, over both ways to the server.
func TestBackend(t *testing.T) {
	for name, start := range map[string]func(testing.TB) string{"http": clickhousetest.Start, "native": clickhousetest.StartNative} {
		t.Run(name, func(t *testing.T) {
			start(t) // skips here where there is no server
			coldtest.Run(t, open(start))
		})
	}
}

// TestServersThatCannotBeUsed: an address of a cluster is refused before anything is
// asked, and a wrong password at the start.
func TestServersThatCannotBeUsed(t *testing.T) {
	if _, err := clickhouse.Open(t.Context(), server.Open(server.Location{Endpoint: "http://127.0.0.1:1", Database: "x", Cluster: "c"}, local()), nil); !errs.Is(err, errs.Invalid) {
		t.Errorf("of a cluster: %v", err)
	}
	if _, err := clickhouse.Open(t.Context(), server.Open(server.Location{Endpoint: "http://127.0.0.1:1", Database: "x"}, local()), nil); !errs.Is(err, errs.Unavailable) {
		t.Errorf("of nobody: %v", err)
	}
	loc, err := server.ParseURL(clickhousetest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	loc.Password = "wrong"
	if _, err := clickhouse.Open(t.Context(), server.Open(loc, local()), nil); !errs.Is(err, errs.Denied) {
		t.Errorf("with a wrong password: %v", err)
	}
}
