package load

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/internal/demo"
	"kith/internal/errs"
)

// collector takes batches as kith's does, as far as a sender can see.
type collector struct {
	mu       sync.Mutex
	messages map[string]int // by write key and id
	gpc      int
	imports  int
	busy     int // requests that are still to be sent away
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy > 0 {
		c.busy--
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	var b struct {
		Batch []struct {
			MessageID, UserID, AnonymousID, Type, Event string
			Context                                     struct{ Run string }
		}
	}
	if err := json.Unmarshal(body, &b); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	key, _, _ := r.BasicAuth()
	var refused []string
	for _, m := range b.Batch {
		if m.UserID == "" && m.AnonymousID == "" || m.Type == "track" && m.Event == "" {
			refused = append(refused, `{"index":0,"code":"event.id_required"}`)
			continue
		}
		c.messages[key+" "+m.MessageID]++
		if r.Header.Get("Sec-GPC") == "1" {
			c.gpc++
		}
		if m.Context.Run == "a-run" && r.URL.Path == "/v1/import" {
			c.imports++
		}
	}
	_, _ = io.WriteString(w, `{"success":true,"rejected":[`+strings.Join(refused, ",")+`]}`)
}

// prompt is a clock that waits for nothing and notes how long it was asked to.
type prompt struct {
	mu    sync.Mutex
	waits []time.Duration
}

func (p *prompt) Now() time.Time { return time.Unix(0, 0) }

func (p *prompt) After(d time.Duration) <-chan time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waits = append(p.waits, d)
	ch := make(chan time.Time, 1)
	ch <- p.Now()
	return ch
}

func setUp(t *testing.T) (*demo.World, *collector, *prompt, *Sender) {
	t.Helper()
	w, err := demo.New(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{messages: map[string]int{}}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	keys := map[demo.Source]string{}
	for _, d := range demo.Sources() {
		keys[d.Source] = d.Key
	}
	clock := &prompt{}
	s := NewSender(server.URL, keys, clock)
	t.Cleanup(s.Close)
	return w, c, clock, s
}

// TestPeople: every message of everybody arrives, under the key of its source, as
// often as it was made, and the report ends with the last person.
func TestPeople(t *testing.T) {
	w, c, clock, s := setUp(t)
	c.busy = 3
	const from, to = 10, 130
	last := from
	err := s.People(context.Background(), w, from, to, func(people int) error {
		if people < last {
			t.Errorf("%d people are loaded after %d", people, last)
		}
		last = people
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if last != to {
		t.Errorf("the last report was of %d people", last)
	}
	want := map[string]int{}
	var repeats, refused int64
	gpc, all := 0, int64(0)
	keys := demo.Sources()
	for i := from; i < to; i++ {
		for _, m := range w.Messages(i) {
			all++
			if m.Refused {
				refused++
				continue
			}
			if m.Repeat {
				repeats++
			}
			if m.GPC {
				gpc++
			}
			var id struct{ MessageID string }
			if err := json.Unmarshal(m.Body, &id); err != nil {
				t.Fatal(err)
			}
			want[keys[m.Source].Key+" "+id.MessageID]++
		}
	}
	for id, n := range want {
		if c.messages[id] != n {
			t.Errorf("%s arrived %d times, made %d times", id, c.messages[id], n)
		}
	}
	if len(c.messages) != len(want) || c.gpc != gpc {
		t.Errorf("%d messages arrived, %d with Sec-GPC; made %d, %d", len(c.messages), c.gpc, len(want), gpc)
	}
	if a, b, r := s.Counts(); a != all || b != repeats || r != refused {
		t.Errorf("counted %d, %d, %d; made %d, %d, %d", a, b, r, all, repeats, refused)
	}
	if len(clock.waits) != 3 || clock.waits[0] != 7*time.Second {
		t.Errorf("waited %v, asked were three times 7 s", clock.waits)
	}
}

// TestPartner: the file that is written is the file that is read.
func TestPartner(t *testing.T) {
	w, c, _, s := setUp(t)
	var file bytes.Buffer
	if err := WritePartner(w, 0, 2000, &file); err != nil {
		t.Fatal(err)
	}
	rows, err := s.Partner(context.Background(), &file, "a-run")
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for i := range 2000 {
		if _, ok := w.PartnerRow(i); ok {
			want++
		}
	}
	if rows != want || len(c.messages) != want || c.imports != want || want == 0 {
		t.Errorf("%d rows, %d messages, %d of the run; made %d", rows, len(c.messages), c.imports, want)
	}
}

// TestWhatWasNotPlantedIsAnError: a message that is refused without having been
// made for it ends the load.
func TestWhatWasNotPlantedIsAnError(t *testing.T) {
	_, _, _, s := setUp(t)
	err := s.One(context.Background(), demo.Message{Source: demo.Web, Body: []byte(`{"type":"track","event":"x"}`)})
	if errs.CodeOf(err) != "demo.refused" {
		t.Errorf("the error is %v", err)
	}
}

// TestBadAnswers: a collector that answers nothing of use, or nothing, is not
// asked for ever.
func TestBadAnswers(t *testing.T) {
	_, _, clock, _ := setUp(t)
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusUnauthorized)
	}))
	s := NewSender(server.URL, nil, clock)
	m := demo.Message{Body: []byte(`{}`)}
	if err := s.One(context.Background(), m); errs.CodeOf(err) != "demo.answer" || asked != 1 {
		t.Errorf("after %d requests: %v", asked, err)
	}
	server.Close()
	if err := s.One(context.Background(), m); errs.CodeOf(err) != "demo.unreachable" || len(clock.waits) != tries-1 {
		t.Errorf("after %d waits: %v", len(clock.waits), err)
	}
}
