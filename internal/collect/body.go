package collect

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// What is read beyond a limit is thrown away as it comes, because closing early
// looks to an SDK like a fault of the network, and is sent again. These bound
// how much, and at which rate in bytes a second, before the connection is closed
// after all.
const (
	drainMax  = 16 << 20
	drainRate = 256 << 10
)

// firstBuffer is the most that a body gets before any of it has come, whatever
// length it announces.
const firstBuffer = 16 << 10

// pace keeps a body coming: it moves the connection's deadline on as bytes
// arrive.
type pace struct {
	control  *http.ResponseController
	began    time.Time
	grace    time.Duration
	rate     int
	deadline time.Time
}

// allow sets the deadline to what n bytes read so far have earned. Moves of less
// than a second are not worth a system call.
func (p *pace) allow(n int) {
	due := p.began.Add(p.grace + time.Duration(n)*time.Second/time.Duration(p.rate))
	if due.Sub(p.deadline) < time.Second {
		return
	}
	p.deadline = due
	// A connection without deadlines, as in a test, is the caller's to bound.
	_ = p.control.SetReadDeadline(due)
}

// readBody reads the body as it was sent, still compressed if it is.
func (j *job) readBody() *refusal {
	limit := int(j.c.limits.BodyBytes)
	length := j.r.ContentLength
	if length > int64(limit) {
		j.drain()
		return tooLarge()
	}
	if length == 0 || j.r.Body == nil || j.r.Body == http.NoBody {
		return nil
	}
	p := pace{http.NewResponseController(j.w), j.began, j.c.limits.BodyTimeout, j.c.limits.BodyRate, time.Time{}}
	p.allow(0)
	first := min(length, firstBuffer)
	if length < 0 {
		first = minBuffer
	}
	if !j.growBody(int(first)) {
		return overloaded()
	}
	for {
		if n := cap(j.body.b); len(j.body.b) == n && !j.growBody(2*n) {
			return overloaded()
		}
		b := &j.body.b
		n, err := j.r.Body.Read((*b)[len(*b):min(cap(*b), limit+1)])
		*b = (*b)[:len(*b)+n]
		switch {
		case len(*b) > limit:
			j.drain()
			return tooLarge()
		case err == io.EOF, int64(len(*b)) == length:
			return nil
		case err != nil:
			return j.broken(err)
		}
		p.allow(len(*b))
	}
}

// growBody moves the body into a buffer of at least n bytes, if the budget has
// room for it.
func (j *job) growBody(n int) bool {
	size := int64(sizeFor(n))
	if !j.take(size) {
		return false
	}
	larger := j.c.buffers.get(n)
	if j.body != nil {
		larger.b = append(larger.b, j.body.b...)
		j.dropBody()
	}
	j.body = larger
	return true
}

// dropBody gives the body's memory back.
func (j *job) dropBody() {
	if j.body == nil {
		return
	}
	j.give(j.body.size())
	j.c.buffers.put(j.body)
	j.body = nil
}

func tooLarge() *refusal {
	return invalid("body.too_large", "the body is larger than the limit")
}

// broken is the refusal for a body that did not come to its end.
func (j *job) broken(err error) *refusal {
	j.close = true
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &refusal{http.StatusRequestTimeout, "body.timeout", "the body came too slowly", 0}
	}
	return invalid("body.incomplete", "the body ended early or was malformed")
}

// drain throws the rest of the body away. A client that waits for leave to send
// it does not get that leave.
func (j *job) drain() {
	if j.r.Body == nil || j.r.Body == http.NoBody || j.r.Header.Get("Expect") != "" {
		return
	}
	p := pace{http.NewResponseController(j.w), j.began, j.c.limits.BodyTimeout, drainRate, time.Time{}}
	p.allow(0)
	waste := j.c.buffers.get(4 * minBuffer)
	defer j.c.buffers.put(waste)
	for total := 0; ; {
		n, err := j.r.Body.Read(waste.b[:cap(waste.b)])
		if err != nil {
			j.close = j.close || err != io.EOF
			return
		}
		if total += n; total > drainMax {
			j.close = true
			return
		}
		p.allow(total)
	}
}
