package collect

import (
	"net/http"
	"net/netip"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func TestRateOfOne(t *testing.T) {
	r := newRates(Rate{PerSecond: 10, Burst: 30})
	who := principal{source: "web"}
	now := noon
	take := func(n, want int) {
		t.Helper()
		if got := r.take(who, n, now); got != want {
			t.Fatalf("taking %d at %s: wait %d, want %d", n, now.Sub(noon), got, want)
		}
	}
	take(29, 0)
	take(500, 0) // one token is left, and a batch is never too large
	take(1, 50)
	now = now.Add(49 * time.Second)
	take(0, 1)
	now = now.Add(time.Second)
	take(0, 0)
	take(1, 0)
	take(1, 1)
	now = now.Add(time.Hour)
	take(30, 0) // no more than the burst has gathered
	take(1, 1)
	now = now.Add(-time.Hour) // the clock is set back
	take(1, 1)
	now = now.Add(time.Second)
	take(10, 0)
	take(1, 1)
	take(1, 1)
	if r.take(principal{source: "app"}, 1, now) != 0 {
		t.Error("another source waits for the first one")
	}
}

func TestNoRate(t *testing.T) {
	if r := newRates(Rate{Burst: 1}); r != nil || r.take(principal{}, 1e9, noon) != 0 {
		t.Error("without a rate there is a limit")
	}
	if got := newRates(Rate{PerSecond: 0.001}).burst; got != 1 {
		t.Errorf("a rate below one a second has a burst of %v", got)
	}
	r := newRates(Rate{PerSecond: 0.001})
	r.take(principal{}, 1, noon)
	if got := r.take(principal{}, 1, noon); got != retryMax {
		t.Errorf("told to wait %d s", got)
	}
}

// In any run of requests, what a principal takes is no more than the burst, what
// came since, and one request; and after the wait that was told it may go on.
func TestRateHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := Rate{PerSecond: float64(rapid.IntRange(1, 50).Draw(t, "rate")), Burst: rapid.IntRange(0, 100).Draw(t, "burst")}
		r := newRates(rate)
		now, taken, largest := noon, 0, 0
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "pause")) * time.Millisecond)
			n := rapid.IntRange(1, 200).Draw(t, "n")
			wait := r.take(principal{}, n, now)
			if wait > 0 {
				if wait == retryMax {
					continue
				}
				now = now.Add(time.Duration(wait) * time.Second)
				if again := r.take(principal{}, n, now); again != 0 {
					t.Fatalf("told to wait %d s, then %d more", wait, again)
				}
			}
			taken, largest = taken+n, max(largest, n)
			if most := r.burst + now.Sub(noon).Seconds()*rate.PerSecond + float64(largest); float64(taken) > most+1e-6 {
				t.Fatalf("%d taken, at most %v may be", taken, most)
			}
		}
	})
}

func TestBucketsAreBounded(t *testing.T) {
	r := newRates(Rate{PerSecond: 1, Burst: 2})
	address := func(i int) principal {
		return principal{net: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})}
	}
	now := noon
	for i := range maxBuckets + 5000 {
		r.take(address(i), 2, now)
	}
	if n := len(r.buckets); n > maxBuckets+1 {
		t.Errorf("%d buckets", n)
	}
	if r.take(address(0), 1, now) == 0 || r.take(address(maxBuckets+5001), 1, now) == 0 {
		t.Error("beyond the bound, an address has a bucket of its own")
	}
	now = now.Add(time.Minute)
	if r.take(address(maxBuckets+5002), 1, now) != 0 || len(r.buckets) != 1 {
		t.Errorf("%d buckets when all but one have filled up", len(r.buckets))
	}
}

// twoSources is a fixture with a quiet source beside the usual one, which is
// loud.
func twoSources(t *testing.T, limits Limits) (f *fixture, loud, quiet func(body string) answer) {
	f = newFixture(t, func(c *Config) { c.Limits = limits })
	f.sources["quiet_key"] = Source{Key: "quiet", Enabled: true}
	loud = func(body string) answer { return f.send(request{path: "/v1/batch", body: body}) }
	quiet = func(body string) answer {
		return f.send(request{path: "/v1/batch", body: body, noKey: true, header: map[string]string{"X-Write-Key": "quiet_key"}})
	}
	return f, loud, quiet
}

func batchOf(n int) string {
	return `{"batch":[` + times(n-1, `{"type":"page","userId":"u"},`) + `{"type":"page","userId":"u"}]}`
}

func TestLoudSourceIsSlowedAlone(t *testing.T) {
	f, loud, quiet := twoSources(t, Limits{SourceRate: Rate{PerSecond: 100, Burst: 200}})
	refused := 0
	for second := range 60 {
		for range 10 {
			if a := loud(batchOf(40)); a.status == http.StatusTooManyRequests {
				refused++
				if m := a.json(t); m["code"] != "rate.source" || m["success"] != false || a.header.Get("Retry-After") != "1" {
					t.Fatalf("second %d: %v %s", second, a.header, a.body)
				}
				if r := f.last(t); r.Code != "rate.source" || r.Source != "web" || r.Status != 429 || r.Accepted != 0 {
					t.Fatalf("reported %+v", r)
				}
			}
			if a := quiet(batchOf(9)); a.status != http.StatusOK {
				t.Fatalf("second %d: the quiet source got %d %s", second, a.status, a.body)
			}
		}
		f.clock.Advance(time.Second)
	}
	stored := map[string]int{}
	for _, r := range f.log.records(t) {
		stored[r.Stamp.Source]++
	}
	if n := stored["web"]; n < 200+59*100-40 || n > 200+59*100+40 {
		t.Errorf("the loud source got in %d messages in a minute", n)
	}
	if stored["quiet"] != 60*10*9 || refused != 600-stored["web"]/40 {
		t.Errorf("stored %v, refused %d requests", stored, refused)
	}
}

// A key that stands in the body only is found late, and held to the same rate.
func TestRateOfAKeyInTheBody(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Limits.SourceRate = Rate{PerSecond: 1, Burst: 2} })
	send := func() answer {
		return f.send(request{noKey: true, body: `{"event":"E","userId":"u","writeKey":"` + testKey + `"}`})
	}
	for i, want := range []int{200, 200, 429, 429} {
		if a := send(); a.status != want {
			t.Errorf("request %d: %d %s", i, a.status, a.body)
		}
	}
	f.clock.Advance(time.Second)
	if a := send(); a.status != http.StatusOK {
		t.Errorf("a second later: %d %s", a.status, a.body)
	}
	// Refused messages count like others.
	if a := f.send(request{path: "/v1/batch", body: `{"batch":[{"type":"?"},{"type":"?"},{"type":"?"}]}`}); a.status != http.StatusTooManyRequests {
		t.Errorf("%d %s", a.status, a.body)
	}
	f.clock.Advance(time.Second)
	for i, want := range []int{200, 429} {
		if a := f.send(request{path: "/v1/batch", body: `{"batch":[{"type":"?"},{"type":"?"},{"type":"?"}]}`}); a.status != want {
			t.Errorf("refused messages, request %d: %d %s", i, a.status, a.body)
		}
	}
	if n := len(f.log.records(t)); n != 3 {
		t.Errorf("%d records", n)
	}
}

func TestRateOfAClient(t *testing.T) {
	f := newFixture(t, func(c *Config) {
		c.Limits.ClientRate = Rate{PerSecond: 2, Burst: 3}
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	})
	from := func(address, path string, header map[string]string) answer {
		h := map[string]string{"X-Forwarded-For": address}
		for k, v := range header {
			h[k] = v
		}
		method := http.MethodPost
		if path != "/v1/track" {
			method = http.MethodGet
		}
		return f.send(request{method: method, path: path, body: trackBody, noKey: true, header: h})
	}
	// Guessing keys is what the rate of a client is for: a wrong key counts.
	guess := map[string]string{"X-Write-Key": "guess"}
	for i, want := range []int{401, 404, 401, 429} {
		path := "/v1/track"
		if want == 404 {
			path = "/v1/projects/guess/settings"
		}
		a := from("198.51.100.7", path, guess)
		if a.status != want {
			t.Errorf("request %d: %d %s", i, a.status, a.body)
		}
		if want == 429 && (a.json(t)["code"] != "rate.client" || a.header.Get("Retry-After") != "1") {
			t.Errorf("%v %s", a.header, a.body)
		}
	}
	if a := from("198.51.100.7", "/v1/projects/"+testKey+"/settings", nil); a.status != http.StatusTooManyRequests {
		t.Errorf("a document: %d %s", a.status, a.body)
	}
	for i := range 4 { // one /64 is one client
		a := from("2001:db8:1:2::"+strconv.Itoa(i+1), "/v1/track", map[string]string{"X-Write-Key": testKey})
		if ok := a.status == http.StatusOK; ok != (i < 3) {
			t.Errorf("address %d of a network: %d %s", i, a.status, a.body)
		}
	}
	if a := from("2001:db8:1:3::1", "/v1/track", map[string]string{"X-Write-Key": testKey}); a.status != http.StatusOK {
		t.Errorf("another network: %d %s", a.status, a.body)
	}
	// A preflight is no request of anybody, and is answered.
	r := f.send(request{method: http.MethodOptions, path: "/v1/track", noKey: true, header: map[string]string{
		"X-Forwarded-For": "198.51.100.7", "Origin": "https://shop.example.com", "Access-Control-Request-Method": "POST"}})
	if r.status >= 300 {
		t.Errorf("a preflight: %d", r.status)
	}
}

// A source that floods while the log is slow fills its part of what is served at
// once and no more; its rate keeps what comes later out before it costs
// anything.
func TestFloodLeavesRoomForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, loud, quiet := twoSources(t, Limits{InFlightRequests: 100, Workers: 1, SourceRate: Rate{PerSecond: 10, Burst: 30}})
		f.log.wait = make(chan struct{})
		codes := make(chan string, 200)
		for range 200 {
			go func() {
				a := loud(batchOf(1))
				code, _ := a.json(t)["code"].(string)
				codes <- code
			}()
		}
		synctest.Wait()
		answers := make(chan int, 5)
		for range 5 {
			go func() { answers <- quiet(batchOf(1)).status }()
		}
		synctest.Wait()
		if len(answers) != 0 {
			t.Errorf("%d answers of the quiet source do not wait for the log", len(answers))
		}
		close(f.log.wait)
		synctest.Wait()
		got := map[string]int{}
		for range 200 {
			got[<-codes]++
		}
		if got[""] != 30 || got["rate.source"]+got["overloaded"] != 170 {
			t.Errorf("the loud source's answers: %v", got)
		}
		for range 5 {
			if status := <-answers; status != http.StatusOK {
				t.Errorf("the quiet source got %d", status)
			}
		}
	})
}
