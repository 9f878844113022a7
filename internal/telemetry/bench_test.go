package telemetry

import (
	"testing"
	"time"
)

// BenchmarkRequest is what counting adds to one request of the collector.
func BenchmarkRequest(b *testing.B) {
	m := New()
	b.ReportAllocs()
	for b.Loop() {
		m.Collected(Collected{Source: "web", Status: 200, Accepted: 1, Body: 500, Stored: 400, Elapsed: time.Millisecond})
		m.Called("collectTrack", 200, time.Millisecond)
	}
}
