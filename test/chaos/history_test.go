package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"kith/internal/analytics/clickhouse/clickhousetest"
	"kith/internal/cold"
	"kith/internal/cold/keeper"
	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/sys"
)

const (
	after = 30 * time.Second // how old the history is that moves
	slack = 30 * time.Second // how much longer that may take while things break
)

// clickhouse is the server that old history goes to. Its data is on the disk, and
// there again after it was killed.
type clickhouse struct {
	process
	addr, url string
	dir       string
	in, life  *os.File // its standard input, and the end that keeps it open
}

// startClickHouse starts the server where its engine can be had; else it says why
// not, and nothing is moved.
func startClickHouse(t *testing.T, n *network, dir string) *clickhouse {
	t.Helper()
	c := &clickhouse{addr: freeAddr(t, n.spare), dir: dir}
	_, url, err := clickhousetest.Own(c.addr, dir)
	if errors.Is(err, clickhousetest.ErrMissing) && os.Getenv("KITH_REQUIRE_SERVERS") != "1" {
		t.Logf("old history stays in PostgreSQL: %v", err)
		return nil
	}
	if err != nil {
		t.Fatalf("ClickHouse: %v", err)
	}
	c.url = fmt.Sprintf("%schaos?after=%ds", url, int(after.Seconds()))
	if c.in, c.life, err = os.Pipe(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = c.in.Close(), c.life.Close() // nothing was written
	})
	c.launch(t)
	return c
}

// launch starts the server and waits until it answers.
func (c *clickhouse) launch(t *testing.T) {
	t.Helper()
	args, _, err := clickhousetest.Own(c.addr, c.dir)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin = c.in
	c.start(t, "ClickHouse", c.dir+".log", cmd)
	client := &http.Client{Timeout: time.Second}
	waitFor(t, time.Minute, "ClickHouse", func() error {
		res, err := client.Get("http://" + c.addr)
		if err == nil {
			err = res.Body.Close()
		}
		return err
	})
}

// setting is what the nodes are told of it.
func (c *clickhouse) setting() string {
	if c == nil {
		return ""
	}
	return c.url
}

// historyFaults are what can happen to the server of the history.
func historyFaults(w *world) []fault {
	if w.history == nil {
		return nil
	}
	all := []fault{
		{"ClickHouse is killed", func(t *testing.T, w *world, rng *rand.Rand) {
			w.awaitMoved(t)
			w.history.kill()
			w.without(t, rng)
			w.history.launch(t)
		}},
		{"ClickHouse is paused", func(t *testing.T, w *world, rng *rand.Rand) {
			w.awaitMoved(t)
			w.history.signal(syscall.SIGSTOP)
			w.without(t, rng)
			w.history.signal(syscall.SIGCONT)
		}},
	}
	if w.net.cable != "" {
		all = append(all, fault{"ClickHouse is cut off the network", func(t *testing.T, w *world, rng *rand.Rand) {
			w.awaitMoved(t)
			w.net.take(t, true)
			w.without(t, rng)
			w.net.take(t, false)
		}})
	}
	return all
}

// awaitMoved waits until something was moved.
func (w *world) awaitMoved(t *testing.T) {
	t.Helper()
	waitFor(t, 2*time.Minute, "moving old history", func() error {
		used, err := cold.Used(context.Background(), w.watched.state)
		if err == nil && !used {
			err = errors.New("nothing was moved")
		}
		return err
	})
}

// without holds what a node does while ClickHouse is away: people's old events are
// refused with a time to come back, and the folding goes on.
func (w *world) without(t *testing.T, rng *rand.Rand) {
	t.Helper()
	asked := w.with("api")
	n := asked[rng.IntN(len(asked))]
	refused := false
	for i := 0; i < people && !refused; i++ {
		path := fmt.Sprintf("/v1/profiles/user_id:person-%d/events", i)
		status, after := refusal(t, n, path)
		refused = status == http.StatusServiceUnavailable && after != ""
		if !refused && status != http.StatusOK && status != http.StatusNotFound {
			t.Errorf("without ClickHouse %s answers %d, to come back after %q", path, status, after)
		}
	}
	if !refused {
		t.Error("without ClickHouse the events of all people are told")
	}
	w.watched.moves(t, 30*time.Second)
}

// whole reads the state over both places once, row by row, into memory: what Verify
// asks would be some ways to ClickHouse for each node. At least so many rows of the
// history have to lie there alone, and all have to be there that the state says are.
func (w *world) whole(t *testing.T, least int) state.Store {
	t.Helper()
	hot := w.openState(t)
	if w.history == nil {
		return hot
	}
	ctx, allow := context.Background(), []netip.Prefix{netip.MustParsePrefix(w.net.spare + "/32")}
	both, err := keeper.Open(ctx, keeper.Settings{Address: w.history.url, Allow: allow, Clock: sys.Wall()}, func() (state.Store, error) { return w.openState(t), nil })
	if err != nil {
		t.Fatalf("opening the state over both: %v", err)
	}
	here := map[string]bool{}
	each(t, hot, state.Range{}, func(kv state.KV) { here[string(kv.Key)] = true })
	out := mem.New()
	tx, err := out.Begin(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, moved := map[state.Family]int{}, map[state.Family]int{}
	each(t, both, state.Range{}, func(kv state.KV) {
		f := state.Family(kv.Key[0])
		if rows[f]++; !here[string(kv.Key)] {
			moved[f]++
		}
		tx.Put(bytes.Clone(kv.Key), append([]byte{}, kv.Value...))
	})
	if err := tx.Commit(ctx, state.Cursor{}); err != nil {
		t.Fatal(err)
	}
	const events, facts = state.FamilyHistory, state.FamilyFact
	t.Logf("of %d rows of the history %d lie in ClickHouse alone, of %d blocks of facts %d; %d rows had to", rows[events], moved[events], rows[facts], moved[facts], least)
	if moved[events] < least || least > 0 && moved[facts] == 0 {
		t.Errorf("%d rows of the history and %d blocks of facts were moved, want %d and some", moved[events], moved[facts], least)
	}
	return out
}

// each hands over the rows of a range.
func each(t *testing.T, s state.Store, rng state.Range, take func(state.KV)) {
	t.Helper()
	ctx := context.Background()
	snap, err := s.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = snap.Close() }() // it was only read
	for kv, err := range snap.Scan(ctx, rng) {
		if err != nil {
			t.Fatal(err)
		}
		take(kv)
	}
}
