package telemetry

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"kith/internal/collect"
)

func TestObserversCount(t *testing.T) {
	m := New()
	var out bytes.Buffer
	c := m.Collector(slog.New(slog.NewTextHandler(&out, nil)))
	c.Done(collect.Report{Source: "web", Status: 200, Accepted: 2, Rejected: 1, Body: 10, Stored: 20, Retry: true, Elapsed: time.Second})
	c.Rejected(collect.Rejection{Code: "event.type_unknown", Body: []byte("s3cret")})
	c.Failed("id1", errors.New("disk\nforged=line"))
	c.Panicked("id2", "s3cret", []byte("stack"))
	p := m.Pipeline()
	p.Committed(0, 5, 50, time.Millisecond)
	p.Dropped("email", "blocked")
	p.Held("record.format")
	p.Retried("state.conflict")
	got := scrape(t, m)
	for name, want := range map[string]string{
		`kith_collect_accepted_total{source="web"}`:                              "2",
		`kith_collect_rejected_total{code="event.type_unknown"}`:                 "1",
		`kith_collect_retried_requests_total`:                                    "1",
		`kith_failures_total{kind="error"}`:                                      "1",
		`kith_failures_total{kind="panic"}`:                                      "1",
		`kith_pipeline_bytes_total`:                                              "50",
		`kith_pipeline_held_records_total{code="record.format"}`:                 "1",
		`kith_pipeline_retried_batches_total{code="state.conflict"}`:             "1",
		`kith_pipeline_dropped_identifiers_total{reason="blocked",type="email"}`: "1",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %s", name, got[name], want)
		}
	}
	log := out.String()
	if strings.Count(log, "\n") != 2 || !strings.Contains(log, "id1") || !strings.Contains(log, "id2") || strings.Contains(log, "s3cret") {
		t.Errorf("log:\n%s", log)
	}
}
