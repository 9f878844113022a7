package route

import (
	"net/http"
	"time"

	"kith/internal/errs"
	"kith/internal/sys"
)

// atOnceDefault is how many calls with a key are answered at once. Each may hold
// an answer of some megabytes until its caller has read it.
const atOnceDefault = 64

// placeWait is how long a call waits for a place before it is sent away.
const placeWait = 5 * time.Second

// places bounds how many calls are answered at once, so that a burst of large
// answers takes time and not all memory.
type places struct {
	taken chan struct{}
	clock sys.Clock
}

func newPlaces(n int, clock sys.Clock) *places {
	if n <= 0 {
		n = atOnceDefault
	}
	return &places{taken: make(chan struct{}, n), clock: clock}
}

// bounded reports whether a call of the row takes a place. What anybody may ask
// is small, the collector has bounds of its own, and who waits holds nothing.
func (r *Route) bounded() bool { return !r.collector() && r.Key != NoKey && !r.Waits }

// enter takes a place, which leave gives back, and waits a little if there is
// none.
func (p *places) enter(r *http.Request) error {
	select {
	case p.taken <- struct{}{}:
		return nil
	default:
	}
	select {
	case p.taken <- struct{}{}:
		return nil
	case <-r.Context().Done():
		return errs.Wrap(r.Context().Err(), errs.Unavailable, "request.canceled", "the caller went away")
	case <-p.clock.After(placeWait):
		return errs.New(errs.Exhausted, "request.overloaded", "too many calls are being answered; send again later")
	}
}

func (p *places) leave() { <-p.taken }
