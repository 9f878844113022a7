package collect

import (
	"math"
	"net/http"
	"sync"
	"time"
)

// Rate is how much may come in the long run and at once. The zero value is no
// limit.
type Rate struct {
	PerSecond float64 // messages or requests a second in the long run
	Burst     int     // how many at once after a rest; 0 is what comes in one second
}

// rates is a token bucket for each principal. A bucket fills at the rate up to
// the burst. Whoever finds at least one token in it may take as many as the
// request needs and leave a debt behind, so that a batch larger than the burst
// is only late and not impossible.
//
// A full bucket is the same as none, so those that have filled up are let go
// of, and there are never more than maxBuckets: beyond, newcomers share one.
type rates struct {
	perSecond, burst float64

	mu      sync.Mutex
	buckets map[principal]*bucket
	sweepAt int // how many buckets there are when the full ones are let go of
	swept   time.Time
}

type bucket struct {
	tokens float64   // at the moment at; a debt is below zero
	at     time.Time // when tokens was true
}

// maxBuckets bounds the memory that callers from many networks can take.
const maxBuckets = 1 << 16

// retryMax is the longest wait in seconds that is asked for: SDKs believe no
// longer one.
const retryMax = 300

// newRates returns nil, which limits nothing, for the zero rate.
func newRates(r Rate) *rates {
	if r.PerSecond <= 0 {
		return nil
	}
	burst := float64(r.Burst)
	if r.Burst <= 0 {
		burst = r.PerSecond
	}
	return &rates{perSecond: r.PerSecond, burst: max(burst, 1), buckets: map[principal]*bucket{}, sweepAt: 1 << 10}
}

// take takes n tokens and returns 0, or returns after how many seconds there
// will be one. With n of zero it only looks.
func (r *rates) take(who principal, n int, now time.Time) int {
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.bucketOf(who, now)
	if missing := 1 - b.tokens; missing > 0 {
		return int(max(1, min(retryMax, math.Ceil(missing/r.perSecond))))
	}
	b.tokens -= float64(n)
	return 0
}

// bucketOf returns a principal's bucket, filled up to now. Under the lock.
func (r *rates) bucketOf(who principal, now time.Time) *bucket {
	b := r.buckets[who]
	if b == nil && len(r.buckets) >= r.sweepAt {
		if since := now.Sub(r.swept); since >= time.Second || since < 0 {
			r.sweep(now)
		}
		if len(r.buckets) >= maxBuckets {
			who = principal{}
			b = r.buckets[who]
		}
	}
	if b == nil {
		b = &bucket{tokens: r.burst, at: now}
		r.buckets[who] = b
	}
	r.fill(b, now)
	return b
}

// fill adds what has come since. A clock that was set back adds nothing, and
// what comes then is counted from there.
func (r *rates) fill(b *bucket, now time.Time) {
	if passed := now.Sub(b.at); passed > 0 {
		b.tokens = min(r.burst, b.tokens+passed.Seconds()*r.perSecond)
	}
	b.at = now
}

// sweep lets go of the buckets that are full.
func (r *rates) sweep(now time.Time) {
	for who, b := range r.buckets {
		if r.fill(b, now); b.tokens >= r.burst {
			delete(r.buckets, who)
		}
	}
	r.swept = now
	r.sweepAt = min(maxBuckets, max(1<<10, 2*len(r.buckets)))
}

// clientRate refuses the request of a client that has sent too many, before
// anything of its body is read.
func (j *job) clientRate() *refusal {
	who := principal{net: network(j.caller.addr)}
	return tooFast(j.c.clients.take(who, 1, j.began), "rate.client", "this address sends too many requests")
}

// sourceRate refuses a request for a source that has sent too many messages, or
// counts n more.
func (j *job) sourceRate(n int) *refusal {
	who := principal{source: j.source.Key}
	return tooFast(j.c.sourceRates.take(who, n, j.c.clock.Now()), "rate.source", "this source sends too many messages")
}

func tooFast(seconds int, code, detail string) *refusal {
	if seconds == 0 {
		return nil
	}
	return &refusal{http.StatusTooManyRequests, code, detail + "; send again later", seconds}
}
