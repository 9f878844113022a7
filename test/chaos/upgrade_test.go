package chaos

import (
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"kith/test/program"
)

// TestUpgrade replaces three nodes one after the other, under load, by a kith that
// reads the log differently. From the first one on the newer ones fold, and everything
// anew; the older ones take events and answer until it is their turn, and none comes
// back to folding. Nothing that was acknowledged is lost or counted twice.
func TestUpgrade(t *testing.T) {
	all := "collect,pipeline,activate,api"
	w := newWorld(t, "", []string{all, all, all})
	newer := program.Changed(t, "internal/pipeline/rebuild.go", "const FoldVersion = ", "const FoldVersion = 1_000 + ")
	w.nodes[0].must(t, http.MethodPut, "/v1/segments/buyers", `{"name":"Buyers","where":`+buyers+`}`, nil)
	l := startLoad(t, w.nodes, 3, 3)
	w.watched = startWatch(w.openLog(t), w.openState(t))
	w.watched.moves(t, time.Minute)
	<-time.After(5 * time.Second) // so that there is something to fold anew
	last := w.nodes[len(w.nodes)-1]
	for i, n := range w.nodes {
		_ = l.quiet()
		began := time.Now()
		if n != last {
			n.terminate(t)
		}
		n.path = newer
		n.launch(t)
		// Alone, or with those like it, it folds what comes, although others run.
		n.must(t, http.MethodPost, "/v1/flush?timeout=2m", "", nil)
		t.Logf("%s is replaced, and all is folded, after %v; nothing was acknowledged for %v", n.name, ms(time.Since(began)), ms(l.quiet()))
		<-time.After(settled)
		if i > 0 {
			continue
		}
		for _, older := range w.nodes[1:] {
			older.must(t, http.MethodGet, "/readyz", "", nil)
			older.must(t, http.MethodGet, "/v1/segments/buyers", "", nil)
			waitFor(t, time.Minute, "leaving the folding", func() error {
				if !strings.Contains(older.log(), "a newer kith works on this state") {
					return errors.New(older.log())
				}
				return nil
			})
		}
		last.terminate(t)
		last.refused(t)
	}
	l.end()
	w.watched.end()
	w.check(t, l, 0)
}

// refused holds that a node is not started by its program, as a newer one is at work.
func (n *node) refused(t *testing.T) {
	t.Helper()
	err := n.tryLaunch(t)
	var exit *exec.ExitError
	if !errors.As(n.err, &exit) || exit.ExitCode() != 2 || !strings.Contains(n.log(), "a newer kith has made this state") {
		t.Errorf("%s is started beside a newer one, or ends as if for another reason: %v", n.name, err)
	}
}
