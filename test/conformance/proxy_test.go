package conformance

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// fault is what the proxy does to one request.
type fault string

const (
	none        fault = ""
	unavailable fault = "503, not forwarded"
	limited     fault = "429 with Retry-After, not forwarded"
	refused     fault = "connection closed, not forwarded"
	cut         fault = "half of the request forwarded, connection closed"
	lost        fault = "forwarded, connection closed instead of the answer"
	gateway     fault = "forwarded, answered 502"
	truncated   fault = "forwarded, half of the answer"
)

// faults are all of them, in the order in which they are tried. Those after
// which a message is stored though its sender does not know it are not
// neighbours.
var faults = []fault{unavailable, lost, limited, gateway, refused, truncated, cut}

// stores reports whether a request that meets the fault reaches kith whole.
func (f fault) stores() bool { return f == none || f == lost || f == gateway || f == truncated }

// proxy stands between an SDK and kith and breaks one request of every few, by
// their number. A message whose requests were broken as often as an SDK's
// patience allows goes through, because an SDK gives up after some tries.
type proxy struct {
	every    int         // which of the requests with messages are broken; 0 is none
	patience int         // how many requests of a message are broken
	cors     bool        // its own answers carry CORS headers, as kith's do
	after    func(n int) // called after kith's answer n about messages, before the SDK sees it; others wait; may be nil

	server  *http.Server
	address string
	client  *http.Transport

	mu       sync.Mutex
	target   string // kith's base URL
	requests int    // with messages
	next     int    // in faults
	done     map[fault]int
	broken   map[string]int  // how often the requests of a messageId were broken
	pending  map[string]bool // messageIds that were offered; true once an SDK may rest
	answered int             // messages in requests that kith answered 200
	half     int             // messages of which half of the answer came through
	stored   map[string]bool // their messageIds
	other    map[string]int  // requests without messages, by method and path
	strange  []string        // answers of kith that no SDK should see
	changed  chan struct{}   // closed and replaced when pending changes

	gate    sync.RWMutex // held while after runs; no request is forwarded meanwhile
	answers int          // about messages, counted under gate
}

// startProxy starts a proxy in front of kith and stops it when the test ends.
func startProxy(t *testing.T, target string, every int) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listening: %v", err)
	}
	p := &proxy{
		every: every, patience: 2, target: target, address: "http://" + l.Addr().String(),
		client: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16},
		done:   map[fault]int{}, broken: map[string]int{}, pending: map[string]bool{},
		stored: map[string]bool{}, other: map[string]int{}, changed: make(chan struct{}),
	}
	p.server = &http.Server{Handler: p, ErrorLog: nil}
	go p.server.Serve(l)
	t.Cleanup(func() { p.server.Close() })
	return p
}

// stop waits for the requests under way and takes no more.
func (p *proxy) stop(ctx context.Context, t *testing.T) {
	t.Helper()
	if err := p.server.Shutdown(ctx); err != nil {
		t.Fatalf("stopping the proxy: %v", err)
	}
}

// retarget sends what comes from now on to another address.
func (p *proxy) retarget(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// settled waits until n messages have come and the last request of each was
// answered 200 by kith, whether or not the whole answer came through.
func (p *proxy) settled(ctx context.Context, n int) error {
	for {
		p.mu.Lock()
		rest := 0
		for _, ok := range p.pending {
			if ok {
				rest++
			}
		}
		seen, changed := len(p.pending), p.changed
		p.mu.Unlock()
		if rest >= n && rest == seen {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d messages came and %d are stored: %w", seen, n, rest, ctx.Err())
		}
	}
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // The SDK went away, as a page that is left does.
	}
	ids, err := messageIDs(r, body)
	if err != nil {
		p.note(fmt.Sprintf("%s %s: %v", r.Method, r.URL.Path, err))
	}
	if len(ids) == 0 {
		p.mu.Lock()
		p.other[r.Method+" "+r.URL.Path]++
		p.mu.Unlock()
		p.pass(w, r, body, none, nil)
		return
	}
	p.pass(w, r, body, p.choose(ids), ids)
}

// unread returns how many answers came through only by half, and how many
// messages they were about.
func (p *proxy) unread() (answers, messages int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done[truncated], p.half
}

// choose counts a request and says what happens to it.
func (p *proxy) choose(ids []string) fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests++
	f := none
	if p.every > 0 && p.requests%p.every == 0 {
		f = faults[p.next%len(faults)]
		for _, id := range ids {
			if p.broken[id] >= p.patience {
				f = none
			}
		}
	}
	for _, id := range ids {
		p.pending[id] = false
		if f != none {
			p.broken[id]++
		}
	}
	if f != none {
		p.next++
	}
	p.done[f]++
	return f
}

// pass forwards a request as far as the fault lets it and answers it as far as
// the fault lets it.
func (p *proxy) pass(w http.ResponseWriter, r *http.Request, body []byte, f fault, ids []string) {
	switch f {
	case unavailable, limited:
		p.refuse(w, r, f)
		return
	case refused:
		hangUp(w)
		return
	case cut:
		p.forward(r, io.MultiReader(bytes.NewReader(body[:len(body)/2]), brokenReader{}), len(body))
		hangUp(w)
		return
	}
	answer, content, err := p.forward(r, bytes.NewReader(body), len(body))
	if err != nil {
		hangUp(w) // kith is being killed; its connections break like this too.
		return
	}
	p.account(r, answer.StatusCode, content, ids)
	p.follow(ids)
	switch f {
	case lost:
		hangUp(w)
	case gateway:
		p.refuse(w, r, f)
	case truncated:
		writeHeader(w, answer)
		w.Write(content[:len(content)/2])
		http.NewResponseController(w).Flush()
		p.mu.Lock()
		p.half += len(ids)
		p.mu.Unlock()
		p.rest(ids)
		hangUp(w)
	default:
		writeHeader(w, answer)
		w.Write(content)
		if answer.StatusCode == http.StatusOK {
			p.rest(ids)
		}
	}
}

// forward sends a request to kith with the Host it came with, because kith tells
// browsers to send there.
func (p *proxy) forward(r *http.Request, body io.Reader, length int) (*http.Response, []byte, error) {
	p.gate.RLock()
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	p.gate.RUnlock()
	out, err := http.NewRequestWithContext(r.Context(), r.Method, target+r.URL.RequestURI(), body)
	if err != nil {
		return nil, nil, err
	}
	out.Header, out.Host, out.ContentLength = r.Header.Clone(), r.Host, int64(length)
	out.Header.Del("Connection")
	answer, err := p.client.RoundTrip(out)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	return answer, content, err
}

// account keeps what kith answered to a request that reached it whole.
func (p *proxy) account(r *http.Request, status int, content []byte, ids []string) {
	p.mu.Lock()
	if status == http.StatusOK && len(ids) > 0 {
		p.answered += len(ids)
		for _, id := range ids {
			p.stored[id] = true
		}
	}
	p.mu.Unlock()
	if status >= 300 || bytes.Contains(content, []byte(`"rejected"`)) {
		p.note(fmt.Sprintf("%s %s: %d %s", r.Method, r.URL.Path, status, content))
	}
}

// follow numbers an answer about messages and calls after.
func (p *proxy) follow(ids []string) {
	if p.after == nil || len(ids) == 0 {
		return
	}
	p.gate.Lock()
	defer p.gate.Unlock()
	p.answers++
	p.after(p.answers)
}

func (p *proxy) note(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.strange = append(p.strange, line)
}

// rest marks messages whose sender has nothing more to do.
func (p *proxy) rest(ids []string) {
	if len(ids) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		p.pending[id] = true
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// refuse answers as an overloaded kith or something in front of it does.
func (p *proxy) refuse(w http.ResponseWriter, r *http.Request, f fault) {
	h := w.Header()
	if origin := r.Header.Get("Origin"); p.cors && origin != "" {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Access-Control-Expose-Headers", "Retry-After")
	}
	h.Set("Content-Type", "application/json")
	status := http.StatusServiceUnavailable
	switch f {
	case limited:
		status = http.StatusTooManyRequests
		h.Set("Retry-After", "1")
	case gateway:
		status = http.StatusBadGateway
	}
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"success":false,"code":"overloaded","message":"%s"}`, http.StatusText(status))
}

// hangUp closes the connection under an answer.
func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	conn.Close()
}

func writeHeader(w http.ResponseWriter, answer *http.Response) {
	for k, values := range answer.Header {
		w.Header()[k] = values
	}
	w.WriteHeader(answer.StatusCode)
}

// brokenReader is a body that ends before its length.
type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("the connection broke") }

// messageIDs returns the messageIds in a request: of a batch, or of one message.
// A request that carries no message has none.
func messageIDs(r *http.Request, body []byte) ([]string, error) {
	if r.Method != http.MethodPost || len(body) == 0 {
		return nil, nil
	}
	if strings.Contains(r.Header.Get("Content-Encoding"), "gzip") {
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		if body, err = io.ReadAll(z); err != nil {
			return nil, err
		}
	}
	type message struct {
		MessageID string `json:"messageId"`
	}
	var doc struct {
		message
		Batch []message `json:"batch"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, fmt.Errorf("a body of %d bytes that is no JSON: %w", len(body), err)
	}
	if doc.Batch == nil {
		doc.Batch = []message{doc.message}
	}
	var ids []string
	for i, m := range doc.Batch {
		if m.MessageID == "" {
			return nil, errors.New("message " + strconv.Itoa(i) + " has no messageId")
		}
		ids = append(ids, m.MessageID)
	}
	return ids, nil
}
