package route

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"kith/internal/sys"
)

// nowhere is an answer that costs nothing.
type nowhere struct{ h http.Header }

func (n *nowhere) Header() http.Header         { return n.h }
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n *nowhere) WriteHeader(int)             {}

// BenchmarkCollectorRow is what the mux adds to each call of the collector.
func BenchmarkCollectorRow(b *testing.B) {
	row := echo("POST", "/v1/track", "track", WriteKey)
	row.CORS, row.Handler = true, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }
	h, err := Mux([]Route{row}, nil, Options{Rand: sys.Entropy(), Clock: sys.Wall()})
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/v1/track", nil)
	r.Header.Set("Origin", "https://shop.example")
	w := &nowhere{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.h)
		h.ServeHTTP(w, r)
	}
}
