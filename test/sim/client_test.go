package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"kith/event"
	"kith/internal/record"
)

// run sends the request and writes the answer down, if there is one: the answer of
// a machine that has stopped meanwhile never arrives.
func (s send) run(w *world) error {
	path, body := "/v1/batch", s.batch(w)
	if s.single {
		path, body = singlePath(s.items[0]), s.items[0].body()
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.SetBasicAuth(s.key, "")
	answer := httptest.NewRecorder()
	w.ledger.sent(s.items)
	w.kith.door.ServeHTTP(answer, r)
	w.tally.sent += len(s.items)
	if w.disk.cutOff() != nil {
		w.tally.unanswered += len(s.items)
		return nil
	}
	w.note()
	return s.judge(w, answer)
}

// batch is the body of a batch.
func (s send) batch(w *world) string {
	bodies := make([]string, len(s.items))
	for i, it := range s.items {
		bodies[i] = it.body()
	}
	envelope := ""
	if s.skew != 0 {
		envelope = fmt.Sprintf(`"sentAt":%q,`, event.FormatTime(w.clock.Now().Add(s.skew).UnixMilli()))
	}
	return "{" + envelope + `"batch":[` + strings.Join(bodies, ",") + "]}"
}

// singlePath is where a message is sent alone. What is no call of any kind goes to
// the path of track.
func singlePath(it item) string {
	if it.flaw != sound && it.flaw != big {
		return "/v1/track"
	}
	var call struct{ Type string }
	if err := json.Unmarshal([]byte(it.body()), &call); err != nil {
		panic("BUG: a sound message cannot be read")
	}
	return "/v1/" + call.Type
}

// judge holds the answer against what was sent.
func (s send) judge(w *world, answer *httptest.ResponseRecorder) error {
	switch {
	case answer.Code == http.StatusServiceUnavailable:
		w.tally.turnedAway += len(s.items)
		if answer.Header().Get("Retry-After") == "" {
			return fmt.Errorf("503 without Retry-After: %s", answer.Body)
		}
		if !w.full && !w.kith.logFailed.Load() && !w.disk.hit {
			return fmt.Errorf("503 although the log can be written: %s", answer.Body)
		}
		return nil
	case answer.Code == http.StatusBadRequest && s.single && s.refused(w, 0):
		w.ledger.answered(s.items[0], true)
		w.tally.refused++
		return nil
	case answer.Code != http.StatusOK:
		return fmt.Errorf("answer %d: %s", answer.Code, answer.Body)
	case w.kith.logFailed.Load() && w.partitions == 1:
		return fmt.Errorf("200 although the log has failed")
	}
	return s.accepted(w, answer)
}

// refused reports whether the n-th item must be refused. What every body of a
// single message must be does not differ from a batch's, but for its grammar.
func (s send) refused(w *world, n int) bool { return s.items[n].refused(w.kith.limit) }

// accepted reads which messages a 200 took.
func (s send) accepted(w *world, answer *httptest.ResponseRecorder) error {
	var got struct {
		Success  bool
		Rejected []struct{ Index int }
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil || !got.Success {
		return fmt.Errorf("answer 200 that is no success: %s", answer.Body)
	}
	refused := map[int]bool{}
	for _, r := range got.Rejected {
		refused[r.Index] = true
	}
	for i, it := range s.items {
		if refused[i] != s.refused(w, i) {
			return fmt.Errorf("message %d (%v): refused %v, want %v: %s", i, it, refused[i], !refused[i], answer.Body)
		}
		w.ledger.answered(it, refused[i])
		if refused[i] {
			w.tally.refused++
		} else {
			w.tally.acknowledged++
		}
	}
	return nil
}

// ledger is what clients know: what they have sent, and what they were told.
type ledger map[string]*entry

// entry counts for one body.
type entry struct {
	sent         int
	acknowledged int
	refused      int
	retried      int // how often an operator put it back
}

func (l ledger) of(body string) *entry {
	if l[body] == nil {
		l[body] = &entry{}
	}
	return l[body]
}

func (l ledger) sent(all []item) {
	for _, it := range all {
		l.of(it.body()).sent++
	}
}

func (l ledger) answered(it item, refused bool) {
	if refused {
		l.of(it.body()).refused++
	} else {
		l.of(it.body()).acknowledged++
	}
}

func (l ledger) retried(data []byte) {
	if rec, err := record.Decode(data); err == nil {
		l.of(string(rec.Body)).retried++
	}
}
