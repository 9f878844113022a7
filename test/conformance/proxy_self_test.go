package conformance

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestProxyDoesEveryFault sends one message into each fault, and one into three
// of them, the last of which must not break it any more.
func TestProxyDoesEveryFault(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var whole atomic.Int32
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			return
		}
		whole.Add(1)
		io.WriteString(w, `{"success":true}`)
	}))
	t.Cleanup(behind.Close)
	p := startProxy(t, behind.URL, 1)

	for i, f := range faults {
		id := fmt.Sprintf("m%d", i)
		status, err := post(ctx, p.address, id)
		want := map[fault]int{unavailable: 503, limited: 429, gateway: 502, truncated: 200}[f]
		broken := want == 0 || f == truncated
		if status != want || (err != nil) != broken {
			t.Errorf("%s: status %d, error %v", f, status, err)
		}
		p.mu.Lock()
		if p.stored[id] != f.stores() {
			t.Errorf("%s: stored %t", f, p.stored[id])
		}
		p.mu.Unlock()
	}
	for try := range 3 {
		status, err := post(ctx, p.address, "again")
		if through := status == 200 && err == nil; through != (try == 2) {
			t.Errorf("try %d of one message: status %d, error %v", try, status, err)
		}
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	if stored := p.done[lost] + p.done[gateway] + p.done[truncated] + p.done[none]; int(whole.Load()) != stored {
		t.Errorf("%d whole requests came through after %v", whole.Load(), p.done)
	}
}

// TestSettledWaitsForTheLastAnswer: a message whose last request was broken is
// not settled, one that was retried is.
func TestSettledWaitsForTheLastAnswer(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"success":true}`)
	}))
	t.Cleanup(behind.Close)
	p := startProxy(t, behind.URL, 2)
	ended, end := context.WithCancel(ctx)
	end()

	post(ctx, p.address, "first")
	if err := p.settled(ctx, 1); err != nil {
		t.Errorf("after an answer: %v", err)
	}
	post(ctx, p.address, "second") // broken
	if err := p.settled(ended, 1); err == nil {
		t.Error("settled while a message is still to be retried")
	}
	post(ctx, p.address, "second")
	if err := p.settled(ctx, 2); err != nil {
		t.Errorf("after the retry: %v", err)
	}
}

// post sends a message and reads the whole answer; the status is 0 when there
// was none.
func post(ctx context.Context, base, id string) (status int, err error) {
	body := strings.NewReader(`{"type":"track","messageId":"` + id + `"}`)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v1/track", body)
	if err != nil {
		return 0, err
	}
	r.GetBody = nil
	answer, err := new(http.Transport).RoundTrip(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.ReadAll(answer.Body)
	return answer.StatusCode, err
}
