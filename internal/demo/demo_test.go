package demo

import (
	"encoding/json"
	"testing"

	"kith/event"
	"kith/internal/strictjson"
)

// TestMessagesAreAcceptable reads every message as the collector does.
func TestMessagesAreAcceptable(t *testing.T) {
	messages, err := Messages()
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	featured := 0
	for _, m := range messages {
		var doc strictjson.Doc
		if err := doc.Parse(m, strictjson.Limits{Depth: 64, Keys: 1000}); err != nil {
			t.Fatalf("%v in %s", err, m)
		}
		e, err := event.Read(doc.Root(), strictjson.Value{}, event.Unknown)
		if err != nil {
			t.Fatalf("%v in %s", err, m)
		}
		if len(m) > 32<<10 {
			t.Errorf("message %s has %d bytes", e.MessageID, len(m))
		}
		if ids[e.MessageID] {
			t.Errorf("message id %s is used twice", e.MessageID)
		}
		ids[e.MessageID] = true
		if e.UserID == Featured {
			featured++
		}
	}
	if featured < 5 {
		t.Errorf("the featured customer has %d messages, too few to show", featured)
	}
}

// TestTotalsMatchTheLines holds the orders' totals against the lines they come
// from.
func TestTotalsMatchTheLines(t *testing.T) {
	lines, err := readLines()
	if err != nil {
		t.Fatal(err)
	}
	perInvoice := map[string]int{}
	for _, l := range lines {
		perInvoice[l.invoice]++
	}
	messages, err := Messages()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		var c struct {
			MessageID  string
			Properties struct {
				LineCount int `json:"line_count"`
			}
		}
		if err := json.Unmarshal(m, &c); err != nil {
			t.Fatal(err)
		}
		if c.Properties.LineCount == 0 {
			continue
		}
		if want := perInvoice[c.MessageID[len("invoice-"):]]; want != c.Properties.LineCount {
			t.Errorf("%s: %d lines, want %d", c.MessageID, c.Properties.LineCount, want)
		}
	}
}
