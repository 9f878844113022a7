package bench

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/event"
	"kith/internal/strictjson"
)

// TestEventsAreAcceptable reads what the generator makes as the collector does.
func TestEventsAreAcceptable(t *testing.T) {
	g, other := NewGenerator(1, 100), NewGenerator(2, 100)
	ids, size, identifies := map[string]bool{}, 0, 0
	for range 2000 {
		for _, body := range [][]byte{g.AppendEvent(nil), other.AppendEvent(nil)} {
			var doc strictjson.Doc
			if err := doc.Parse(body, strictjson.Limits{}); err != nil {
				t.Fatalf("%v in %s", err, body)
			}
			e, err := event.Read(doc.Root(), strictjson.Value{}, event.Unknown)
			if err != nil || ids[e.MessageID] {
				t.Fatalf("%v, message %s", err, body)
			}
			ids[e.MessageID] = true
			size += len(body)
			if e.Type == event.Identify {
				identifies++
			}
		}
	}
	if mean := size / len(ids); mean < 400 || mean > 800 {
		t.Errorf("the mean size is %d bytes", mean)
	}
	if identifies < 100 || identifies > 400 {
		t.Errorf("%d of %d identify", identifies, len(ids))
	}
}

func TestBatchesAreJSON(t *testing.T) {
	var doc strictjson.Doc
	if err := doc.Parse(NewGenerator(3, 10).AppendBatch(nil, 7), strictjson.Limits{}); err != nil {
		t.Fatal(err)
	}
	if n := doc.Root().Get("batch").Len(); n != 7 {
		t.Errorf("%d messages, want 7", n)
	}
}

func TestPercentiles(t *testing.T) {
	var samples []time.Duration
	for i := 100; i >= 1; i-- {
		samples = append(samples, time.Duration(i))
	}
	if got := percentiles(samples); got != (Latencies{51, 96, 100}) {
		t.Errorf("%v", got)
	}
	if got := percentiles(nil); got != (Latencies{}) {
		t.Errorf("of nothing %v", got)
	}
}

// TestTheBaselineKeepsWhatItAnswered: every body that was answered 200 lies in
// the file, and what is no JSON does not.
func TestTheBaselineKeepsWhatItAnswered(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	file := &syncedFile{f: f}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			w := httptest.NewRecorder()
			file.serve(w, httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/v1/track", strings.NewReader(`{"a":1}`)))
			if w.Code != http.StatusOK {
				t.Errorf("answered %d", w.Code)
			}
		})
	}
	wg.Wait()
	w := httptest.NewRecorder()
	file.serve(w, httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/v1/track", strings.NewReader(`{`)))
	if w.Code != http.StatusBadRequest {
		t.Errorf("broken JSON was answered %d", w.Code)
	}
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(content, []byte("{\"a\":1}\n")); n != 50 || len(content) != 50*8 {
		t.Errorf("the file holds %d bodies in %d bytes", n, len(content))
	}
}

func TestPrintTellsTheRatio(t *testing.T) {
	var out bytes.Buffer
	err := Print(&out, "event", []Row{
		{Scenario: "s", System: kith, Operations: 100, Elapsed: time.Second, CPU: time.Second},
		{Scenario: "s", System: "bare handler", Operations: 50, Elapsed: time.Second, CPU: time.Second},
	})
	if err != nil || !strings.Contains(out.String(), "2.00 times") {
		t.Errorf("%v, %s", err, out.String())
	}
}
