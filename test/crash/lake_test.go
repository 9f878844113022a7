package crash

import (
	"bytes"
	"encoding/csv"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"kith/test/program"
)

var lakeRounds = flag.Int("lake.rounds", 12, "how often kith is killed before its open tables are compared with its profiles")

// TestKillTheLake kills kith with SIGKILL under load. After each restart the open
// table of events, read from its files as anybody would, has every event that the
// profiles count, once.
func TestKillTheLake(t *testing.T) {
	n := *lakeRounds
	if testing.Short() {
		n = min(n, 3)
	}
	data := filepath.Join(t.TempDir(), "data")
	rng := rand.New(rand.NewPCG(*seed, 9))
	l := startLoad(t, 4, *seed+3)
	defer l.end()
	events := 0
	for range n {
		s := launch(t, data)
		l.moveTo(s.url)
		<-moment(rng)
		if err := s.end(t, syscall.SIGKILL); err == nil {
			t.Error("a killed process ended well")
		}
		again := launch(t, data)
		events = again.compareLake(t, data)
		if err := again.end(t, syscall.SIGKILL); err == nil {
			t.Error("a killed process ended well")
		}
	}
	if events == 0 {
		t.Error("the load sent nothing")
	}
	t.Logf("%d kills under load; after each the table of events, %d at the end, is what the profiles count", n, events)
}

// compareLake holds the exported events against the profiles and returns how many
// there are.
func (s *server) compareLake(t *testing.T, data string) int {
	t.Helper()
	s.flushed(t)
	rows := exported(t, data, "events")
	id, user := slices.Index(rows[0], "message_id"), slices.Index(rows[0], "user_id")
	seen, of := map[string]bool{}, map[string]int{}
	for _, row := range rows[1:] {
		if seen[row[id]] {
			t.Errorf("the message %s is in the table twice", row[id])
		}
		seen[row[id]] = true
		of[row[user]]++
	}
	for p := range people {
		person := fmt.Sprintf("person-%d", p)
		if of[person] == 0 {
			continue // the status below tells when somebody is missing
		}
		var profile struct {
			Events int `json:"events"`
		}
		s.get(t, http.MethodGet, "/v1/profiles/user_id:"+person, &profile)
		if profile.Events != of[person] {
			t.Errorf("%s has %d events, the table %d", person, profile.Events, of[person])
		}
	}
	var st status
	s.get(t, http.MethodGet, "/v1/status", &st)
	if want := st.Processed - st.Repeats; int64(len(seen)) != want {
		t.Errorf("the table has %d events, %d were folded", len(seen), want)
	}
	return len(seen)
}

// exported is an open table as CSV, the names of its columns first.
func exported(t *testing.T, data, table string) [][]string {
	t.Helper()
	name := program.Kith(t)
	cmd := exec.Command(name, "export", table, "--data", data)
	cmd.Env = append(os.Environ(), "KITH_ADMIN_TOKEN="+adminToken)
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, problem.Bytes())
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) == 0 {
		t.Fatalf("the export is no CSV with a head: %v", err)
	}
	return rows
}
