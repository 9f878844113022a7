package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Baseline serves what a bare program would: it checks that the body is JSON,
// appends it to a file, syncs the file, and answers. Requests that come while a
// sync runs share the next one, as any careful program would do. It serves until
// ctx ends and prints its address to out.
func Baseline(ctx context.Context, dir string, out io.Writer) error {
	f, err := os.Create(filepath.Join(dir, "baseline.log"))
	if err != nil {
		return err
	}
	defer f.Close()
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	file := &syncedFile{f: f}
	s := &http.Server{ReadHeaderTimeout: 3 * time.Second, Handler: http.HandlerFunc(file.serve)}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	fmt.Fprintf(out, "baseline listening on http://%s\n", l.Addr())
	if err := s.Serve(l); ctx.Err() == nil {
		return err
	}
	return nil
}

// syncedFile is a file with group commit.
type syncedFile struct {
	f  *os.File
	mu sync.Mutex // held by who writes and syncs

	queue   sync.Mutex
	pending *commitGroup
}

// commitGroup is the bodies that one sync makes durable.
type commitGroup struct {
	data []byte
	done chan struct{}
	err  error
}

func (s *syncedFile) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(fixedProfile)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 640<<10))
	if err != nil || !json.Valid(body) {
		http.Error(w, `{"success":false}`, http.StatusBadRequest)
		return
	}
	if err := s.append(body); err != nil {
		http.Error(w, `{"success":false}`, http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"success":true}`))
}

// append adds a body to the group that waits; the first of a group writes it.
func (s *syncedFile) append(body []byte) error {
	s.queue.Lock()
	g := s.pending
	leads := g == nil
	if leads {
		g = &commitGroup{done: make(chan struct{})}
		s.pending = g
	}
	g.data = append(append(g.data, body...), '\n')
	s.queue.Unlock()
	if !leads {
		<-g.done
		return g.err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue.Lock()
	s.pending = nil
	s.queue.Unlock()
	if _, g.err = s.f.Write(g.data); g.err == nil {
		g.err = s.f.Sync()
	}
	close(g.done)
	return g.err
}

// fixedProfile is about what a profile answers, for the baseline of reading.
var fixedProfile = []byte(`{"id":"6f1c2d3e-0000-8000-8000-000000000000","identifiers":[{"type":"user_id","value":"user-1","first_seen":"2025-01-01T00:00:00.000Z","last_seen":"2025-03-01T00:00:00.000Z","sources":["default"]},{"type":"anonymous_id","value":"5b1f1-browser","first_seen":"2025-01-01T00:00:00.000Z","last_seen":"2025-03-01T00:00:00.000Z","sources":["default"]}],"traits":{"email":"person1@shop.fr","firstName":"Ana","lastName":"Martin","plan":"pro"},"computed":{},"segments":[],"consents":[],"accounts":[],"first_seen":"2025-01-01T00:00:00.000Z","last_seen":"2025-03-01T00:00:00.000Z","events":123}`)
