// Package load sends the people of a demo to a running kith, over several
// connections, in a bounded amount of memory.
package load

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"kith/internal/demo"
	"kith/internal/errs"
	"kith/internal/sys"
)

// Sender sends messages to one collector. It is safe for concurrent use.
type Sender struct {
	URL   string
	Keys  map[demo.Source]string // write keys
	Clock sys.Clock

	http     *http.Client
	messages atomic.Int64 // sent, repeats and refused ones too
	repeats  atomic.Int64
	refused  atomic.Int64
}

// NewSender returns a sender to the collector at an address.
func NewSender(url string, keys map[demo.Source]string, clock sys.Clock) *Sender {
	return &Sender{URL: url, Keys: keys, Clock: clock, http: &http.Client{
		Timeout:   5 * time.Minute,
		Transport: &http.Transport{MaxIdleConnsPerHost: connections},
	}}
}

// Close ends the connections.
func (s *Sender) Close() { s.http.CloseIdleConnections() }

// Counts tells how many messages have been sent, how many of them were repeats,
// and how many were refused because they were planted for it.
func (s *Sender) Counts() (messages, repeats, refused int64) {
	return s.messages.Load(), s.repeats.Load(), s.refused.Load()
}

const (
	connections   = 4
	blockPeople   = 25        // whose messages leave before the next block's
	batchMessages = 500       // in one request
	batchBytes    = 400 << 10 // of one request, under the collector's limit
)

// People sends the people with the numbers from from to to-1. loaded is called,
// never twice at a time, with the number below which everybody is durable; it
// may be called again with the same.
func (s *Sender) People(ctx context.Context, w *demo.World, from, to int, loaded func(int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	next := make(chan int)
	g.Go(func() error {
		defer close(next)
		for at := from; at < to; at += blockPeople {
			select {
			case next <- at:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	done := &watermark{at: from, ended: map[int]int{}, report: loaded}
	for range connections {
		g.Go(func() error {
			for at := range next {
				end := min(at+blockPeople, to)
				if err := s.block(ctx, w, at, end); err != nil {
					return err
				}
				if err := done.end(at, end); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// watermark finds the number below which every block has ended.
type watermark struct {
	mu     sync.Mutex
	at     int
	ended  map[int]int // blocks beyond it, by their start
	report func(int) error
}

func (m *watermark) end(from, to int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended[from] = to
	for {
		end, ok := m.ended[m.at]
		if !ok {
			return m.report(m.at)
		}
		delete(m.ended, m.at)
		m.at = end
	}
}

// lane is what may share a request: a source, and whether its browser asks not
// to be tracked.
type lane struct {
	source demo.Source
	gpc    bool
}

// block sends some people. A person's messages of one lane leave in their order.
func (s *Sender) block(ctx context.Context, w *demo.World, from, to int) error {
	batches := map[lane]*batch{}
	for i := from; i < to; i++ {
		for _, m := range w.Messages(i) {
			key := lane{m.Source, m.GPC}
			b := batches[key]
			if b == nil {
				b = &batch{lane: key}
				batches[key] = b
			}
			if b.count == batchMessages || b.body.Len()+len(m.Body) > batchBytes {
				if err := s.send(ctx, b); err != nil {
					return err
				}
			}
			b.add(m)
		}
	}
	for _, d := range demo.Sources() {
		for _, gpc := range [...]bool{false, true} {
			if b := batches[lane{d.Source, gpc}]; b != nil {
				if err := s.send(ctx, b); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// batch is the body of a request that is being put together.
type batch struct {
	lane
	body                    bytes.Buffer
	count, repeats, refused int
}

func (b *batch) add(m demo.Message) {
	if b.count == 0 {
		b.body.WriteString(`{"batch":[`)
	} else {
		b.body.WriteByte(',')
	}
	b.body.Write(m.Body)
	b.count++
	if m.Repeat {
		b.repeats++
	}
	if m.Refused {
		b.refused++
	}
}

// send sends a batch and empties it. The messages have ids of their own, so a
// batch may be sent again until it is answered.
func (s *Sender) send(ctx context.Context, b *batch) error {
	if b.count == 0 {
		return nil
	}
	b.body.WriteString(`]}`)
	path := "/v1/batch"
	if b.source == demo.Partner {
		path = "/v1/import"
	}
	answer, err := s.post(ctx, path, b)
	if err != nil {
		return err
	}
	if len(answer.Rejected) != b.refused {
		return errs.New(errs.Internal, "demo.refused", "the collector refused %d messages of a batch of the demo, %d were planted for it: %v",
			len(answer.Rejected), b.refused, answer.Rejected)
	}
	s.messages.Add(int64(b.count))
	s.repeats.Add(int64(b.repeats))
	s.refused.Add(int64(b.refused))
	b.body.Reset()
	b.count, b.repeats, b.refused = 0, 0, 0
	return nil
}

// accepted is an answer of the collector.
type accepted struct {
	Rejected []struct {
		Index int    `json:"index"`
		Code  string `json:"code"`
	} `json:"rejected"`
}

// tries is how often a request is made that gets no answer at all.
const tries = 5

func (s *Sender) post(ctx context.Context, path string, b *batch) (accepted, error) {
	for failed := 0; ; {
		answer, wait, err := s.once(ctx, path, b)
		if err == nil && wait == 0 {
			return answer, nil
		}
		if ctx.Err() != nil {
			return answer, ctx.Err()
		}
		if err != nil {
			if failed++; failed == tries || errs.Is(err, errs.Invalid) {
				return answer, err
			}
			wait = time.Second
		}
		select {
		case <-ctx.Done():
			return answer, ctx.Err()
		case <-s.Clock.After(wait):
		}
	}
}

// once makes a request. wait is how long the collector asks to wait before the
// next try; 0 means that it has answered.
func (s *Sender) once(ctx context.Context, path string, b *batch) (answer accepted, wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+path, bytes.NewReader(b.body.Bytes()))
	if err != nil {
		return answer, 0, errs.Wrap(err, errs.Invalid, "demo.address", "the address of the collector is no URL")
	}
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth(s.Keys[b.source], "")
	if b.source == demo.Web {
		req.Header.Set("User-Agent", "Mozilla/5.0 (demo)")
		if b.gpc {
			req.Header.Set("Sec-GPC", "1")
		}
	}
	res, err := s.http.Do(req)
	if err != nil {
		return answer, 0, errs.Wrap(err, errs.Unavailable, "demo.unreachable", "the collector does not answer")
	}
	body, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return answer, 0, errs.Wrap(err, errs.Unavailable, "demo.cut", "the answer of the collector was cut off")
	}
	switch res.StatusCode {
	case http.StatusOK:
		return answer, 0, json.Unmarshal(body, &answer)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
		if err != nil {
			seconds = 1
		}
		return answer, time.Duration(max(seconds, 1)) * time.Second, nil
	}
	return answer, 0, errs.New(errs.Invalid, "demo.answer", "the collector answered %d to a batch of the demo", res.StatusCode)
}

// One sends a single message.
func (s *Sender) One(ctx context.Context, m demo.Message) error {
	b := &batch{lane: lane{m.Source, m.GPC}}
	b.add(m)
	return s.send(ctx, b)
}

// WritePartner writes the loyalty partner's file about the people with the
// numbers from from to to-1.
func WritePartner(w *demo.World, from, to int, out io.Writer) error {
	f := csv.NewWriter(out)
	if err := f.Write(demo.PartnerColumns()); err != nil {
		return err
	}
	for i := from; i < to; i++ {
		if row, ok := w.PartnerRow(i); ok {
			if err := f.Write(row); err != nil {
				return err
			}
		}
	}
	f.Flush()
	return f.Error()
}

// Partner reads the loyalty partner's file and imports it under the name of a
// run. It returns how many rows there were.
func (s *Sender) Partner(ctx context.Context, in io.Reader, run string) (rows int, err error) {
	f := csv.NewReader(in)
	b := &batch{lane: lane{source: demo.Partner}}
	for head := true; ; head = false {
		row, err := f.Read()
		if err == io.EOF {
			return rows, s.send(ctx, b)
		}
		if err != nil {
			return rows, fmt.Errorf("the partner's file: %w", err)
		}
		if head {
			continue
		}
		m, err := demo.PartnerMessage(row, run)
		if err != nil {
			return rows, err
		}
		if b.count == batchMessages {
			if err := s.send(ctx, b); err != nil {
				return rows, err
			}
		}
		b.add(m)
		rows++
	}
}
