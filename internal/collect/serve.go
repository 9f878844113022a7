package collect

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"time"

	"kith/event"
	"kith/internal/eventlog"
	"kith/internal/strictjson"
)

// endpoint is what tells one path of the collector from another.
type endpoint struct {
	name           string
	call           event.Type // that the path names, or Unknown
	batch          bool       // refused messages are reported one by one
	serverToServer bool       // asks for the source's secret
	dialect        dialect
	decide         func(*job, *work) *refusal
}

// job is one request on its way. Jobs are pooled.
type job struct {
	c      *Collector
	w      http.ResponseWriter
	r      *http.Request
	ep     *endpoint
	began  time.Time
	id     string // of the request, made when an answer has to name it
	code   string // of the refusal that was answered
	status int    // of the answer; 0 when there was none
	close  bool   // the connection cannot be used again

	who      principal
	held     int64 // of the budget of bytes
	inside   bool  // counted among the requests in flight
	headless bool  // the head names no write key
	work     *work // while in a work slot
	params   url.Values

	source   Source
	caller   caller
	received int64
	body     *buffer
	inflated int // bytes of the body that was parsed
	expected int // bytes that its records are likely to need

	records  []*buffer // hold the encoded records; entries point into them
	entries  []eventlog.Entry
	accepted int // entries that are durable
	stored   int // bytes of the records
	rejected []rejection
	kept     int // entries that hold refused messages
}

// serve makes the handler of an endpoint.
func (c *Collector) serve(ep *endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if cross(w, r) {
			return
		}
		j := c.jobs.Get().(*job)
		j.w, j.r, j.ep, j.began = w, r, ep, c.clock.Now()
		defer j.finish()
		refused := j.run()
		j.release() // before the answer is written, which a slow reader can hold up
		j.status = j.reply(refused)
	}
}

// finish gives back what the request still holds, also when its handler broke,
// tells the observer and puts the job back into the pool. http.ErrAbortHandler is no
// defect but the way to hang up, and goes on its way.
func (j *job) finish() {
	p := recover()
	if err, ok := p.(error); p != nil && !(ok && errors.Is(err, http.ErrAbortHandler)) {
		j.status = j.fail(p)
		p = nil
	}
	j.release()
	if j.inside {
		j.c.requests.give(j.who, 1)
	}
	j.report()
	j.reset()
	if p != nil {
		panic(p)
	}
}

// run takes the request through its stages.
func (j *job) run() *refusal {
	key := j.headCredential()
	refused := j.knock(key)
	if r := j.admit(); r != nil {
		refused = r
	}
	if refused != nil {
		j.drain()
		return refused
	}
	if r := j.readBody(); r != nil {
		if r.status == http.StatusTooManyRequests {
			j.dropBody()
			j.drain()
		}
		return r
	}
	if r := j.decide(); r != nil {
		return r
	}
	return j.store()
}

// knock opens the source that the request's head names, if it names one, and
// with it settles on whose account the request runs.
func (j *job) knock(key credential) *refusal {
	j.caller = j.c.callerOf(j.r)
	j.who = principal{net: network(j.caller.addr)}
	if r := j.clientRate(); r != nil {
		return r
	}
	if key.key == "" {
		j.headless = true
		return nil
	}
	if r := j.open(key); r != nil {
		return r
	}
	j.who.source = j.source.Key
	return j.sourceRate(0)
}

// network is the part of an address that one subscriber has.
func network(a netip.Addr) netip.Addr {
	if a.Is4() || !a.IsValid() {
		return a
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}

// admit counts the request in, or refuses it.
func (j *job) admit() *refusal {
	j.inside = j.c.requests.take(j.who, 1)
	if !j.inside {
		return overloaded()
	}
	return nil
}

// take reserves bytes; give returns some of them.
func (j *job) take(n int64) bool {
	if !j.c.bytes.take(j.who, n) {
		return false
	}
	j.held += n
	return true
}

func (j *job) give(n int64) {
	j.c.bytes.give(j.who, n)
	j.held -= n
}

// decide judges the messages in a work slot; what it leaves are encoded records.
func (j *job) decide() *refusal {
	j.work = j.c.gate.enter(j.who)
	j.received = j.c.receivedAt()
	refused := j.ep.decide(j, j.work)
	j.leave()
	if refused == nil {
		refused = j.sourceRate(len(j.entries) - j.kept + len(j.rejected))
	}
	if refused == nil {
		j.dropBody()
	}
	return refused
}

func (j *job) leave() {
	if j.work != nil {
		j.c.gate.leave(j.work)
		j.work = nil
	}
}

// store makes the records durable. The client's going away does not stop it: the
// records may be in the log already, and an answer that nobody reads costs
// nothing.
func (j *job) store() *refusal {
	if len(j.entries) == 0 {
		return nil
	}
	if _, err := j.c.log.Append(context.WithoutCancel(j.r.Context()), j.entries); err != nil {
		r := fromLog(err)
		j.name()
		if j.c.observer.Failed != nil {
			j.c.observer.Failed(j.id, err)
		}
		return r
	}
	j.accepted = len(j.entries) - j.kept
	return nil
}

// fail answers 500 for a panic and tells the observer.
func (j *job) fail(p any) int {
	j.name()
	if j.c.observer.Panicked != nil {
		j.c.observer.Panicked(j.id, p, debug.Stack())
	}
	j.close = true
	return j.reply(internal())
}

// name gives the request the id by which its answer and the log speak of it: the
// one that whoever mounts the routes has put into the answer's head, or a new
// one.
func (j *job) name() {
	if j.id = j.w.Header().Get("X-Request-Id"); j.id == "" {
		b := j.c.random()
		j.id = hex.EncodeToString(b[:])
	}
}

// release gives back the memory that the request holds.
func (j *job) release() {
	j.leave()
	j.dropBody()
	for _, b := range j.records {
		j.c.buffers.put(b)
	}
	clear(j.records)
	j.records = j.records[:0]
	j.give(j.held)
}

func (j *job) report() {
	if j.c.observer.Done == nil {
		return
	}
	j.c.observer.Done(Report{
		Endpoint: j.ep.name,
		Source:   j.source.Key,
		Status:   j.status,
		Code:     j.code,
		Accepted: j.accepted,
		Rejected: len(j.rejected),
		Body:     j.inflated,
		Stored:   j.stored,
		Retry:    j.retried(),
		Elapsed:  j.c.clock.Now().Sub(j.began),
	})
}

// retried reports whether the client says that it has sent this before.
func (j *job) retried() bool {
	for _, name := range [...]string{"X-Retry-Count", "Rsa-Retry-Attempt"} {
		if n := j.header(name); n != "" && n != "0" {
			return true
		}
	}
	return false
}

// keepEntries is how many slots for entries and rejections a pooled job keeps.
const keepEntries = 4096

// reset puts the job back into the pool.
func (j *job) reset() {
	clear(j.entries)
	clear(j.rejected)
	fresh := job{c: j.c, entries: j.entries[:0], rejected: j.rejected[:0], records: j.records[:0]}
	if cap(fresh.entries) > keepEntries {
		fresh.entries = nil
	}
	if cap(fresh.rejected) > keepEntries {
		fresh.rejected = nil
	}
	*j = fresh
	j.c.jobs.Put(j)
}

// header returns the first value of a header; name is in canonical form.
func (j *job) header(name string) string {
	if v := j.r.Header[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// query returns the first value of a parameter.
func (j *job) query(name string) string {
	if j.r.URL.RawQuery == "" {
		return ""
	}
	if j.params == nil {
		j.params = j.r.URL.Query() // pairs that cannot be read are left out
	}
	return j.params.Get(name)
}

// random fills 16 bytes.
func (c *Collector) random() [16]byte {
	var b [16]byte
	if _, err := io.ReadFull(c.rand, b[:]); err != nil {
		panic(fmt.Sprintf("BUG: randomness failed: %v", err))
	}
	return b
}

// limitsOfBody returns the limits for parsing a body in which messages lie so
// many levels deep.
func (c *Collector) limitsOfBody(levels int) strictjson.Limits {
	return strictjson.Limits{Depth: c.limits.Depth + levels, Keys: c.limits.Keys}
}
