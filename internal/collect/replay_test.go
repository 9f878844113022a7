package collect

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kith/event"
)

// capture is a file of testdata.
type capture struct {
	Client   string
	Requests []struct {
		Method   string
		URL      string
		Headers  map[string]string
		Body     json.RawMessage
		Answered struct {
			Status int
			Body   string
		}
	}
}

// TestReplay sends what real SDKs sent, gzipped and not, and looks whether every
// message arrives as it was.
func TestReplay(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) != 5 {
		t.Fatalf("%d captures, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var c capture
		if err := json.Unmarshal(data, &c); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		t.Run(c.Client, func(t *testing.T) {
			for _, packed := range []bool{false, true} {
				replay(t, &c, packed)
			}
		})
	}
}

func replay(t *testing.T, c *capture, packed bool) {
	f := newFixture(t)
	var sent []json.RawMessage
	for _, q := range c.Requests {
		header := map[string]string{}
		for k, v := range q.Headers {
			if k != "content-length" {
				header[k] = v
			}
		}
		body := []byte(q.Body)
		if len(body) > 0 && (packed || header["content-encoding"] == "gzip") {
			header["content-encoding"] = "gzip"
			body = compress(t, "gzip", body)
		}
		a := f.send(request{method: q.Method, path: q.URL, reader: bytes.NewReader(body), header: header, noKey: true})
		if a.status != q.Answered.Status {
			t.Errorf("%s %s: %d %s, the reference answered %d", q.Method, q.URL, a.status, a.body, q.Answered.Status)
		}
		if q.Method == http.MethodPost {
			if a.body != q.Answered.Body {
				t.Errorf("%s %s: %s, the reference answered %s", q.Method, q.URL, a.body, q.Answered.Body)
			}
			sent = append(sent, messagesOf(t, q.Body)...)
		}
	}
	compareMessages(t, f, sent)
}

// messagesOf returns the messages of a body: those of its batch, or itself.
func messagesOf(t *testing.T, body json.RawMessage) []json.RawMessage {
	var b struct{ Batch []json.RawMessage }
	if err := json.Unmarshal(body, &b); err != nil {
		t.Fatal(err)
	}
	if b.Batch == nil {
		return []json.RawMessage{body}
	}
	return b.Batch
}

// compareMessages looks whether the stored messages are those that were sent.
func compareMessages(t *testing.T, f *fixture, sent []json.RawMessage) {
	stored := f.log.records(t)
	if len(stored) != len(sent) || len(sent) == 0 {
		t.Fatalf("%d messages stored of %d sent", len(stored), len(sent))
	}
	for i, r := range stored {
		if !bytes.Equal(r.Body, sent[i]) {
			t.Errorf("message %d was changed", i)
		}
		var m struct {
			Type, MessageID, Event, UserID, Timestamp string
			Properties                                map[string]any
		}
		if err := json.Unmarshal(sent[i], &m); err != nil {
			t.Fatal(err)
		}
		if r.Stamp.MessageID != m.MessageID || r.Stamp.Type.String() != m.Type || r.Stamp.Source != "web" {
			t.Errorf("message %d: stamp %+v", i, r.Stamp)
		}
		if m.Event == "Historical Import" && !strings.HasPrefix(event.FormatTime(r.Stamp.Timestamp), "2019-") {
			t.Errorf("the event of 2019 is of %s", event.FormatTime(r.Stamp.Timestamp))
		}
		shown := rendered(t, r)
		if _, ok := shown["writeKey"]; ok || shown["messageId"] != m.MessageID || shown["type"] != m.Type {
			t.Errorf("message %d is shown as %v", i, shown)
		}
	}
}
