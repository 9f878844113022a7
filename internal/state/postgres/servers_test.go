package postgres

import (
	"context"
	"strings"
	"testing"

	"kith/internal/errs"
	"kith/internal/state"
	"kith/internal/state/postgres/pgtest"
)

// TestSeveralServers: of the servers in the URL one that takes writes is used, and
// the connections are as many as the URL says.
func TestSeveralServers(t *testing.T) {
	ctx := context.Background()
	url := pgtest.Start(t)
	schema := pgtest.Schema(t, url)
	several := strings.Replace(url, "@", "@127.0.0.1:1,", 1) + "&pool_max_conns=6"
	s, err := Open(ctx, several, Options{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if w, r := s.writers.Config().MaxConns, s.readers.Config().MaxConns; w != 3 || r != 3 {
		t.Errorf("%d connections to write and %d to read, want 3 each", w, r)
	}
	tx, err := s.Begin(ctx, []state.Lock{1})
	if err != nil {
		t.Fatal(err)
	}
	tx.Put([]byte("k"), []byte("v"))
	if err := tx.Commit(ctx, state.Cursor{}); err != nil {
		t.Error(err)
	}
	_, err = Open(ctx, url+"&options=-c%20default_transaction_read_only%3Don", Options{Schema: schema})
	if !errs.Is(err, errs.Unavailable) {
		t.Errorf("a server that takes no writes gives %v", err)
	}
}
