package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/internal/eventlog/kafka"
	"kith/internal/history/keyed"
	"kith/internal/identity/settings"
	"kith/internal/pipeline"
	"kith/internal/record"
	"kith/internal/state"
	"kith/internal/state/postgres"
	"kith/internal/workspace"
	"kith/test/law"
)

// world is everything that runs.
type world struct {
	dir     string
	host    string // the address that servers listen on
	net     *network
	brokers []*broker
	db      *database
	history *clickhouse // nil: old history stays where it is
	nodes   []*node
	watched *watch

	identity []byte // the settings of identity in the end
}

// roles are those of the three nodes.
func roles() []string {
	return []string{"collect,pipeline,activate,api", "collect,pipeline,activate,api", "pipeline,activate,api"}
}

// newWorld starts three brokers, the database with its standby, the server that old
// history goes to, and a node for each set of roles, the last one in a network of its own where that is possible. keep is
// what the URL of the log says of an archive; empty for none.
func newWorld(t *testing.T, keep string, roles []string) *world {
	t.Helper()
	needEngines(t)
	w := &world{dir: openFolder(t), net: newNetwork(t)}
	w.host = w.net.host
	w.brokers = startBrokers(t, w.host, w.dir, 3)
	db := filepath.Join(w.dir, "postgres")
	if err := os.Mkdir(db, 0o755); err != nil {
		t.Fatal(err)
	}
	w.db = startDatabase(t, w.host, db)
	w.history = startClickHouse(t, w.net, filepath.Join(w.dir, "clickhouse"))
	for i, r := range roles {
		n := &node{name: fmt.Sprintf("node-%d", i+1), roles: r, dir: w.dir, env: w.env(keep), addr: w.net.freeAddr(t, false)}
		if i == len(roles)-1 {
			n.under, n.addr = w.net.under, w.net.freeAddr(t, true)
		}
		w.nodes = append(w.nodes, n)
		n.launch(t)
	}
	return w
}

// needEngines skips a test that nobody asked for, and fails one whose engines are
// missing.
func needEngines(t *testing.T) {
	t.Helper()
	if os.Getenv("KITH_REQUIRE_SERVERS") != "1" && os.Getenv("KITH_CHAOS") != "1" {
		t.Skip("this takes minutes; make chaos and make bench-nodes run it, and KITH_REQUIRE_SERVERS=1")
	}
	for what, there := range map[string]bool{"java": has("java"), "mvn": has("mvn"), errNoPostgres: postgresPrograms() != ""} {
		if !there {
			t.Fatalf("missing: %s", what)
		}
	}
}

// openFolder is a folder of the test that the database, which runs as another user,
// can reach.
func openFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func has(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

func (w *world) logURL() string {
	var addrs []string
	for _, b := range w.brokers {
		addrs = append(addrs, b.addr)
	}
	return "kafka://" + strings.Join(addrs, ",") + "/chaos"
}

func (w *world) env(keep string) []string {
	return []string{
		"KITH_LOG=" + w.logURL() + keep, "KITH_STATE=" + w.db.url(), "KITH_LAKE=" + filepath.Join(w.dir, "lake"),
		"KITH_HISTORY=" + w.history.setting(), "KITH_EGRESS_ALLOW=" + w.net.spare + "/32",
	}
}

// with are the nodes that play a role.
func (w *world) with(role string) []*node {
	var out []*node
	for _, n := range w.nodes {
		if n.plays(role) {
			out = append(out, n)
		}
	}
	return out
}

// openLog opens the log as the nodes have it.
func (w *world) openLog(t *testing.T) *kafka.Log {
	t.Helper()
	l, err := kafka.Open(context.Background(), w.logURL(), "default", kafka.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // it was only read
	return l
}

// openState opens the state as PostgreSQL has it, without what was moved out of it.
func (w *world) openState(t *testing.T) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(context.Background(), w.db.url(), postgres.Options{Schema: "kith_default", WriteConns: 2, ReadConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // likewise
	return s
}

// status is what a node says of itself.
type status struct {
	Accepted, Processed, Repeats, Lag, Quarantined int64
	Hash                                           string `json:"state_hash"`
}

// check holds what is left against what was acknowledged and against the oracle.
// The nodes run and are told to finish. At least so many rows of the history have to
// have been moved.
func (w *world) check(t *testing.T, l *load, moved int) {
	t.Helper()
	began := time.Now()
	asked := w.with("api")
	for _, n := range asked {
		n.must(t, http.MethodPost, "/v1/flush?timeout=5m", "", nil)
	}
	t.Logf("everything was folded and shows %v after the load had ended", time.Since(began).Round(time.Millisecond))
	st := statusOf(t, asked)
	w.checkSegment(t, asked[0])
	w.checkTable(t, asked[0], st.Processed-st.Repeats)
	var identity json.RawMessage
	asked[0].must(t, http.MethodGet, "/v1/settings/identity", "", &identity)
	w.identity = identity
	for _, n := range w.nodes {
		n.terminate(t)
	}
	w.checkState(t, l, moved)
}

// statusOf holds what all nodes say against each other. Each reads the state in whole.
func statusOf(t *testing.T, nodes []*node) status {
	t.Helper()
	said, errs := make([]status, len(nodes)), make([]error, len(nodes))
	var all sync.WaitGroup
	for i, n := range nodes {
		all.Go(func() {
			errs[i] = n.call(context.Background(), http.MethodGet, "/v1/status?hash=1&at=2027-01-01T00:00:00Z", "", &said[i])
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	hashes := map[string]bool{}
	for _, s := range said {
		hashes[s.Hash] = true
	}
	if st := said[0]; len(hashes) != 1 || st.Lag != 0 || st.Quarantined != 0 {
		t.Errorf("the nodes have %d different hashes; the status is %+v", len(hashes), st)
	}
	return said[0]
}

// checkSegment compares the members that were kept with asking everybody.
func (w *world) checkSegment(t *testing.T, n *node) {
	t.Helper()
	var kept, asked struct{ Size int64 }
	n.must(t, http.MethodGet, "/v1/segments/buyers", "", &kept)
	n.must(t, http.MethodPost, "/v1/segments:preview", `{"exact":true,"where":`+buyers+`}`, &asked)
	if kept.Size != asked.Size || kept.Size == 0 {
		t.Errorf("the segment has %d members, asking everybody finds %d", kept.Size, asked.Size)
	}
}

// buyers is the condition of a segment.
const buyers = `{"event":"Order Completed","where":[{"property":"revenue","op":"gt","value":20}],"count":{"op":"gte","value":2}}`

// checkTable counts the events that analysts see.
func (w *world) checkTable(t *testing.T, n *node, want int64) {
	t.Helper()
	var got struct{ Data []struct{ N, M int64 } }
	n.must(t, http.MethodPost, "/v1/sql", `{"query":"select count(*) as n, count(distinct message_id) as m from events"}`, &got)
	if len(got.Data) != 1 || got.Data[0].N != want || got.Data[0].M != want {
		t.Errorf("the table of events has %+v, want %d once each", got.Data, want)
	}
}

// checkState trusts nothing that kith counts: it reads the log and the state.
func (w *world) checkState(t *testing.T, l *load, moved int) {
	t.Helper()
	ws, err := workspace.New(w.dir, "default", idKey)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := settings.Read(w.identity)
	if err != nil {
		t.Fatal(err)
	}
	log := w.openLog(t)
	began := time.Now()
	tally, err := law.Verify(context.Background(), law.Place{
		Log: log, State: w.whole(t, moved), History: keyed.Index{}, Identity: doc.Config(), Keys: ws.Keyring(),
	})
	if err != nil {
		t.Errorf("the state is not what the log comes to: %v", err)
	}
	all, err := law.ReadLog(context.Background(), log)
	if err != nil {
		t.Fatal(err)
	}
	inLog := map[string]bool{}
	for i := range all {
		rec, err := record.Decode(all[i].Data)
		if err != nil {
			t.Fatal(err)
		}
		inLog[rec.Stamp.MessageID] = true
	}
	lost := 0
	for id := range l.acked {
		if !inLog[id] {
			lost++
		}
	}
	if lost > 0 || tally.Held > 0 || tally.Events != len(inLog) {
		t.Errorf("%d acknowledged messages are lost, %d held; %d events count, the log has %d messages", lost, tally.Held, tally.Events, len(inLog))
	}
	w.checkArchive(t, all)
	t.Logf("acknowledged %d messages, lost %d, counted twice 0 of %d (%d records in the log, sent %d, refusals by status %v); the state is the oracle's, checked in %v",
		len(l.acked), lost, tally.Events, tally.Records, l.sent, l.refused, time.Since(began).Round(time.Millisecond))
	if l.noRetry > 0 {
		t.Errorf("%d refusals told no time to come back", l.noRetry)
	}
}

// folded is how many records are folded, by partition.
func folded(ctx context.Context, s state.Store, partitions int) ([]int64, error) {
	snap, err := s.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = snap.Close() }()
	return pipeline.Folded(ctx, snap, partitions)
}
