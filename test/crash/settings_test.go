package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// settings is a client of the API that makes one source after another, and keeps
// the list of those that it was told are there.
type settings struct {
	mu    sync.Mutex
	url   string
	acked []string

	stop context.CancelFunc
	wg   sync.WaitGroup
}

func startSettings() *settings {
	ctx, stop := context.WithCancel(context.Background())
	s := &settings{stop: stop}
	s.wg.Go(func() { s.run(ctx) })
	return s
}

func (s *settings) moveTo(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.url = url
}

func (s *settings) end() {
	s.stop()
	s.wg.Wait()
}

func (s *settings) run(ctx context.Context) {
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for n := 0; ctx.Err() == nil; n++ {
		s.mu.Lock()
		url := s.url
		s.mu.Unlock()
		key := fmt.Sprintf("made-%d", n)
		a, err := do(ctx, client, http.MethodPut, url+"/v1/sources/"+key, fmt.Sprintf(`{"name":"Number %d","type":"http"}`, n), asAdmin)
		if err == nil && (a.status == http.StatusOK || a.status == http.StatusCreated) {
			s.mu.Lock()
			s.acked = append(s.acked, key)
			s.mu.Unlock()
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond): // what people change comes slowly
		}
	}
}

// TestSettingsSurviveKills: what the API has answered is there after SIGKILL,
// although the state that is folded from the log may lag behind.
func TestSettingsSurviveKills(t *testing.T) {
	n := 20
	if testing.Short() {
		n = 4
	}
	data := filepath.Join(t.TempDir(), "data")
	rng := rand.New(rand.NewPCG(*seed, 9))
	l := startLoad(t, 2, *seed+3)
	made := startSettings()
	for range n {
		s := launch(t, data)
		l.moveTo(s.url)
		made.moveTo(s.url)
		<-moment(rng)
		if err := s.end(t, syscall.SIGKILL); err == nil {
			t.Error("a killed process ended well")
		}
	}
	made.end()
	s := launch(t, data)
	l.moveTo(s.url)
	l.end()
	lost := 0
	for _, key := range made.acked {
		a, err := do(context.Background(), http.DefaultClient, http.MethodGet, s.url+"/v1/sources/"+key, "", asAdmin)
		if err != nil {
			t.Fatal(err)
		}
		if a.status != http.StatusOK {
			lost++
		}
	}
	if lost > 0 || len(made.acked) == 0 {
		t.Errorf("of %d sources that were made %d are lost", len(made.acked), lost)
	}
	l.check(t, s)
	s.terminate(t)
	t.Logf("%d kills, %d sources made, 0 lost", n, len(made.acked))
}
