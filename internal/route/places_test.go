package route

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"kith/internal/sys"
)

// TestCallsAtOnce: calls beyond the bound wait for a place, and are sent away
// when none comes free; what needs no place is answered meanwhile.
func TestCallsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		hold := func(r Route) Route {
			r.Handler = func(w http.ResponseWriter, _ *http.Request) { <-free; w.WriteHeader(http.StatusOK) }
			return r
		}
		waits := hold(echo("POST", "/wait", "waitForIt", AdminKey))
		waits.Waits = true
		health := echo("GET", "/health", "readHealth", NoKey)
		health.Handler = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }
		h, err := Mux([]Route{
			hold(echo("GET", "/large", "readLarge", AdminKey)), waits,
			health, echo("GET", "/small", "readSmall", ReadKey),
		}, testKeys(t), Options{Rand: sys.Seeded(1), Clock: sys.Wall(), AtOnce: 2})
		if err != nil {
			t.Fatal(err)
		}
		s := &server{Handler: h}
		answers := make(chan int, 10)
		call := func(method, path string) {
			go func() { answers <- s.do(method, path, nil, "Authorization", "Bearer a").Code }()
			synctest.Wait()
		}
		call("POST", "/wait")
		call("GET", "/large")
		call("GET", "/large")
		call("GET", "/small") // waits
		if len(answers) != 0 {
			t.Errorf("%d answers while all places are taken", len(answers))
		}
		if w := s.get("/health"); w.Code != http.StatusOK {
			t.Errorf("what anybody may ask: %d", w.Code)
		}
		if w := s.get("/small"); w.Code != http.StatusUnauthorized {
			t.Errorf("without a key: %d", w.Code)
		}
		<-time.After(placeWait) // of the bubble's clock
		synctest.Wait()
		if len(answers) != 1 || <-answers != http.StatusTooManyRequests {
			t.Errorf("%d answers after the wait", len(answers))
		}
		call("GET", "/small")
		free <- struct{}{}
		free <- struct{}{}
		free <- struct{}{}
		synctest.Wait()
		if len(answers) != 4 {
			t.Fatalf("%d answers", len(answers))
		}
		for range 4 {
			if status := <-answers; status != http.StatusOK {
				t.Errorf("answered %d", status)
			}
		}
	})
}

// TestPlacesAreGivenBack: also by a handler that breaks and a caller that goes.
func TestPlacesAreGivenBack(t *testing.T) {
	broken := echo("GET", "/broken", "readBroken", AdminKey)
	broken.Handler = func(http.ResponseWriter, *http.Request) { panic("BUG: a test") }
	h, err := Mux([]Route{broken, echo("GET", "/small", "readSmall", AdminKey)}, testKeys(t),
		Options{Rand: sys.Seeded(1), Clock: sys.Wall(), AtOnce: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Handler: h}
	for range 3 {
		if w := s.get("/broken", "Authorization", "Bearer a"); w.Code != http.StatusInternalServerError {
			t.Errorf("a broken handler: %d", w.Code)
		}
	}
	if w := s.get("/small", "Authorization", "Bearer a"); w.Code != http.StatusOK {
		t.Errorf("afterwards: %d", w.Code)
	}
	p := newPlaces(1, sys.NewManual(time.Unix(0, 0)))
	r := httptest.NewRequest("GET", "/", nil)
	if err := p.enter(r); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := withCancel(r)
	cancel()
	if err := p.enter(ctx); err == nil {
		t.Error("a caller that has gone got a place")
	}
	p.leave()
	if err := p.enter(r); err != nil {
		t.Error(err)
	}
}

func withCancel(r *http.Request) (*http.Request, func()) {
	ctx, cancel := context.WithCancel(r.Context())
	return r.WithContext(ctx), cancel
}
