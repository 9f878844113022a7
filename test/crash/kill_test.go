package crash

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

var (
	rounds = flag.Int("rounds", 100, "how often kith is killed")
	seed   = flag.Uint64("seed", 1, "of the load and the moments")
)

// moment is a random time of 50 to 500 ms that the load runs undisturbed.
func moment(rng *rand.Rand) <-chan time.Time {
	return time.After(50*time.Millisecond + time.Duration(rng.Int64N(int64(450*time.Millisecond))))
}

// TestKill kills kith with SIGKILL at random moments under load.
func TestKill(t *testing.T) {
	n := *rounds
	if testing.Short() {
		n = min(n, 8)
	}
	data := filepath.Join(t.TempDir(), "data")
	rng := rand.New(rand.NewPCG(*seed, 7))
	l := startLoad(t, 4, *seed)
	var starts []time.Duration
	for range n {
		s := launch(t, data)
		starts = append(starts, s.ready)
		l.moveTo(s.url)
		<-moment(rng)
		if err := s.end(t, syscall.SIGKILL); err == nil {
			t.Error("a killed process ended well")
		}
	}
	s := launch(t, data)
	l.moveTo(s.url)
	l.end()
	live := l.check(t, s)
	s.terminate(t)
	slices.Sort(starts)
	t.Logf("%d kills; start to listening: median %v, largest %v", n, starts[len(starts)/2], starts[len(starts)-1])
	if err := os.RemoveAll(filepath.Join(data, "default", "state")); err != nil {
		t.Fatal(err)
	}
	again := launch(t, data)
	if anew := l.check(t, again); anew.Hash != live.Hash {
		t.Errorf("the log folded anew gives the hash %s, live it was %s", anew.Hash, live.Hash)
	}
	again.terminate(t)
}

// TestTerminate stops kith with SIGTERM in full flow.
func TestTerminate(t *testing.T) {
	n := 15
	if testing.Short() {
		n = 3
	}
	data := filepath.Join(t.TempDir(), "data")
	rng := rand.New(rand.NewPCG(*seed, 8))
	l := startLoad(t, 4, *seed+1)
	for range n {
		s := launch(t, data)
		l.moveTo(s.url)
		<-moment(rng)
		s.terminate(t)
	}
	s := launch(t, data)
	l.moveTo(s.url)
	l.end()
	l.check(t, s)
	s.terminate(t)
}

func TestASecondProcessIsRefused(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := launch(t, data)
	second, err := tryLaunch(t, data)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("the second process: %v", err)
	}
	if second.url != "" {
		t.Error("the second process listens")
	}
	s.terminate(t)
}

// TestFullDisk fills the disk under load: kith refuses with 503 and a time to
// come back, goes on answering, and takes events again by itself.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := exec.Command("mount", "-t", "tmpfs", "-o", "size=640m", "tmpfs", dir).Run(); err != nil {
		t.Skipf("a small disk cannot be mounted here, which takes root: %v", err)
	}
	defer func() {
		if err := exec.Command("umount", dir).Run(); err != nil {
			t.Error(err)
		}
	}()
	s := launch(t, filepath.Join(dir, "data"))
	l := startLoad(t, 2, *seed+2)
	l.moveTo(s.url)
	filler := filepath.Join(dir, "filler")
	fill(t, filler)
	a := until(t, s, http.StatusServiceUnavailable)
	if a.header.Get("Retry-After") == "" {
		t.Errorf("refused without a time to come back: %v", a.header)
	}
	var st status
	s.get(t, http.MethodGet, "/v1/status", &st)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	until(t, s, http.StatusOK)
	l.end()
	l.check(t, s)
	s.terminate(t)
}

// fill writes until the disk takes no more.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	chunk := make([]byte, 1<<20)
	for err == nil {
		_, err = f.Write(chunk)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// until sends a message that counts for nothing in the load until it is answered
// with a status.
func until(t *testing.T, s *server, status int) answer {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	for ctx.Err() == nil {
		a, err := do(ctx, http.DefaultClient, http.MethodPost, s.url+"/v1/track", message("m-0-0", 0), asSource)
		if err != nil {
			t.Fatal(err)
		}
		if a.status == status {
			return a
		}
	}
	t.Fatalf("never answered %d", status)
	return answer{}
}
