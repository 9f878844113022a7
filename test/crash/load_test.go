package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// people is how many persons the messages are about.
const people = 40

// load is clients that send without pause, again what was not answered, and that
// keep the list of what was acknowledged.
type load struct {
	mu     sync.Mutex
	url    string        // of the server as of now
	moved  chan struct{} // closed when url changes
	acked  map[string]bool
	sent   int // messages in requests, repeats too
	failed int // requests without an answer

	stop context.CancelFunc
	wg   sync.WaitGroup
}

// startLoad starts the clients; they wait until moveTo names a server.
func startLoad(t *testing.T, clients int, seed uint64) *load {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	l := &load{acked: map[string]bool{}, moved: make(chan struct{}), stop: stop}
	for c := range clients {
		l.wg.Go(func() { l.client(ctx, t, c, rand.New(rand.NewPCG(seed, uint64(c)))) })
	}
	return l
}

func (l *load) moveTo(url string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.url = url
	close(l.moved)
	l.moved = make(chan struct{})
}

func (l *load) end() {
	l.stop()
	l.wg.Wait()
}

// client sends request after request. Of ten one is a repeat of an acknowledged
// one, and of its repeats half say something else under the same message ids.
func (l *load) client(ctx context.Context, t *testing.T, number int, rng *rand.Rand) {
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var last []string
	for n := 0; ctx.Err() == nil; {
		ids := last
		price := rng.IntN(2)
		if len(last) == 0 || rng.IntN(10) > 0 {
			ids = nil
			for range 1 + rng.IntN(30) {
				ids = append(ids, fmt.Sprintf("m-%d-%d", number, n))
				n++
			}
		}
		if !l.deliver(ctx, t, client, ids, price) {
			return
		}
		last = ids
	}
}

// deliver sends the messages until they are acknowledged, to whatever server
// there is by then. It returns false when ctx has ended.
func (l *load) deliver(ctx context.Context, t *testing.T, client *http.Client, ids []string, price int) bool {
	path, body := request(ids, price)
	for ctx.Err() == nil {
		l.mu.Lock()
		url, moved := l.url, l.moved
		l.sent += len(ids)
		l.mu.Unlock()
		if url != "" {
			a, err := do(ctx, client, http.MethodPost, url+path, body, asSource)
			switch {
			case err == nil && a.status == http.StatusOK && !strings.Contains(string(a.body), "rejected"):
				l.acknowledge(ids)
				return true
			case err == nil && a.status != http.StatusServiceUnavailable && a.status != http.StatusTooManyRequests:
				t.Errorf("answered %d: %s", a.status, a.body)
				return false
			}
			l.mu.Lock()
			l.failed++
			l.mu.Unlock()
		}
		select {
		case <-ctx.Done():
		case <-moved:
		case <-time.After(100 * time.Millisecond): // the server may be refusing for a moment only
		}
	}
	return false
}

func (l *load) acknowledge(ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		l.acked[id] = true
	}
}

// request is a batch, or one message by itself.
func request(ids []string, price int) (path, body string) {
	var messages []string
	for _, id := range ids {
		messages = append(messages, message(id, price))
	}
	if len(messages) == 1 {
		return "/v1/track", messages[0]
	}
	return "/v1/batch", `{"batch":[` + strings.Join(messages, ",") + `]}`
}

func message(id string, price int) string {
	return fmt.Sprintf(`{"type":"track","event":"Order Completed","messageId":%q,"userId":%q,"properties":{"total":%d,"note":%q}}`,
		id, personOf(id), price, strings.Repeat("x", 200))
}

// personOf spreads messages over people by their id alone, so that a repeat is
// about the same person.
func personOf(id string) string {
	sum := 0
	for _, c := range id {
		sum = sum*31 + int(c)
	}
	return fmt.Sprintf("person-%d", sum%people)
}

// check holds the server against what was acknowledged: every message is there,
// and none twice.
func (l *load) check(t *testing.T, s *server) status {
	t.Helper()
	st := s.flushed(t)
	seen := map[string]int{}
	for p := range people {
		s.timeline(t, fmt.Sprintf("person-%d", p), seen)
	}
	lost, doubled := 0, 0
	for id := range l.acked {
		if seen[id] == 0 {
			lost++
		}
	}
	for _, n := range seen {
		if n > 1 {
			doubled++
		}
	}
	if lost > 0 || doubled > 0 {
		t.Errorf("%d acknowledged messages are lost, %d are there twice", lost, doubled)
	}
	if st.Processed-st.Repeats != int64(len(seen)) || st.Lag != 0 || st.Quarantined != 0 {
		t.Errorf("the status says %+v, the timelines hold %d messages", st, len(seen))
	}
	t.Logf("acknowledged %d, lost %d, doubled %d; sent %d in all, %d requests unanswered, %d repeats", len(l.acked), lost, doubled, l.sent, l.failed, st.Repeats)
	return st
}
