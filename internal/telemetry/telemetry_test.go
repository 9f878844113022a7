package telemetry

import (
	"bytes"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// scrape returns the samples of kith's own metrics by name and labels.
func scrape(t *testing.T, m *Metrics) map[string]string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	all := map[string]string{}
	for line := range strings.SplitSeq(w.Body.String(), "\n") {
		if name, value, ok := strings.Cut(line, " "); ok && !strings.HasPrefix(line, "#") {
			if i := strings.LastIndex(line, "} "); i >= 0 {
				name, value = line[:i+1], line[i+2:]
			}
			all[name] = value
		}
	}
	return all
}

func TestEveryMetricCounts(t *testing.T) {
	m := New()
	n := func(v int64) *int64 { return &v }
	m.Called("put_source", 200, 20*time.Millisecond)
	m.Called("put_source", 429, time.Millisecond)
	m.Failed(true)
	m.Failed(false)
	m.Collected(Collected{Source: "web", Status: 200, Accepted: 3, Body: 500, Stored: 400, Retry: true, Elapsed: 2 * time.Millisecond})
	m.Collected(Collected{Status: 401, Code: "invalid_write_key", Body: 100, Elapsed: time.Millisecond})
	m.Rejected("event.type_unknown")
	m.LogCommitted(100, 3*time.Millisecond)
	m.LogDamaged()
	m.LogDiskFull(true)
	m.Committed(3, 1000, 5000, 70*time.Millisecond)
	m.Stage("identity", time.Millisecond)
	m.Retried("state.conflict")
	m.Alone()
	m.Held("record.format")
	m.Dropped("email", "blocked")
	m.Said("api", "granted")
	m.Wrote()
	m.LakeRound(9, 30*time.Millisecond)
	m.LakeMerged("events", 5, 4000)
	m.LakeFailed("lake.write")
	m.Archived(5, 700)
	m.Trimmed(4)
	m.ArchiveFailed("archive.missing")
	m.HistoryMoved(30)
	m.HistoryFailed("history.unreachable")
	m.HistoryCalled("read", "ok", 40*time.Millisecond)
	m.Queried("ok", 40*time.Millisecond, 12)
	m.ReadLevels(func() Levels {
		return Levels{n(10), n(9), n(2), n(1), n(4), n(100), n(200), n(17), n(300), n(5), n(2), n(7), n(6), n(60), n(8)}
	})
	got := scrape(t, m)
	want := map[string]string{
		`kith_http_requests_total{route="put_source",status="200"}`:                  "1",
		`kith_http_requests_total{route="put_source",status="429"}`:                  "1",
		`kith_http_request_seconds_bucket{route="put_source",le="0.01"}`:             "1",
		`kith_http_request_seconds_count{route="put_source"}`:                        "2",
		`kith_failures_total{kind="panic"}`:                                          "1",
		`kith_failures_total{kind="error"}`:                                          "1",
		`kith_collect_accepted_total{source="web"}`:                                  "3",
		`kith_collect_rejected_total{code="event.type_unknown"}`:                     "1",
		`kith_collect_refused_requests_total{code="invalid_write_key",status="401"}`: "1",
		`kith_collect_retried_requests_total`:                                        "1",
		`kith_collect_body_bytes_total`:                                              "600",
		`kith_collect_stored_bytes_total`:                                            "400",
		`kith_collect_request_seconds_count`:                                         "2",
		`kith_collect_in_flight_bytes`:                                               "300",
		`kith_collect_in_flight_requests`:                                            "5",
		`kith_sql_queries_total{outcome="ok"}`:                                       "1",
		`kith_sql_rows_total`:                                                        "12",
		`kith_sql_seconds_count`:                                                     "1",
		`kith_sql_running`:                                                           "2",
		`kith_sql_waiting`:                                                           "7",
		`kith_log_commit_seconds_count`:                                              "1",
		`kith_log_commit_records_sum`:                                                "100",
		`kith_log_bytes`:                                                             "100",
		`kith_log_disk_full`:                                                         "1",
		`kith_log_damaged_total`:                                                     "1",
		`kith_accepted_records_total`:                                                "10",
		`kith_processed_records_total`:                                               "9",
		`kith_repeated_records_total`:                                                "2",
		`kith_quarantined_records`:                                                   "1",
		`kith_lake_round_seconds_count`:                                              "1",
		`kith_lake_facts_total`:                                                      "9",
		`kith_lake_merged_bytes_total{table="events"}`:                               "4000",
		`kith_lake_failures_total{code="lake.write"}`:                                "1",
		`kith_lake_lag_milliseconds`:                                                 "17",
		`kith_archive_records_total`:                                                 "5",
		`kith_archive_bytes_total`:                                                   "700",
		`kith_archive_trimmed_records_total`:                                         "4",
		`kith_archive_failures_total{code="archive.missing"}`:                        "1",
		`kith_archive_lag_records`:                                                   "6",
		`kith_archive_lag_milliseconds`:                                              "60",
		`kith_history_moved_rows_total`:                                              "30",
		`kith_history_failures_total{code="history.unreachable"}`:                    "1",
		`kith_history_calls_total{call="read",outcome="ok"}`:                         "1",
		`kith_history_call_seconds_bucket{call="read",le="0.05"}`:                    "1",
		`kith_history_pass_age_milliseconds`:                                         "8",
		`kith_lag_records`:                                                           "4",
		`kith_pipeline_batch_seconds_bucket{le="0.05"}`:                              "0",
		`kith_pipeline_batch_seconds_bucket{le="0.1"}`:                               "1",
		`kith_pipeline_batch_records_sum`:                                            "1000",
		`kith_pipeline_bytes_total`:                                                  "5000",
		`kith_pipeline_alone_batches_total`:                                          "1",
		`kith_pipeline_stage_seconds_count{stage="identity"}`:                        "1",
		`kith_pipeline_retried_batches_total{code="state.conflict"}`:                 "1",
		`kith_pipeline_held_records_total{code="record.format"}`:                     "1",
		`kith_pipeline_dropped_identifiers_total{reason="blocked",type="email"}`:     "1",
		`kith_consent_statements_total{state="granted",via="api"}`:                   "1",
		`kith_entity_writes_total`:                                                   "1",
		`kith_state_bytes`:                                                           "200",
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, want %s", name, got[name], value)
		}
	}
	for _, row := range table() {
		found := false
		for name := range want {
			found = found || strings.HasPrefix(name, row.name)
		}
		if !found {
			t.Errorf("nothing here counts %s", row.name)
		}
	}
	m.LogDiskFull(false)
	if got := scrape(t, m)[`kith_log_disk_full`]; got != "0" {
		t.Errorf("the disk stays full: %s", got)
	}
}

func TestBeforeAnythingHappened(t *testing.T) {
	m := New()
	got := scrape(t, m)
	for name, want := range map[string]string{
		"kith_collect_body_bytes_total": "0", "kith_log_damaged_total": "0", "kith_log_disk_full": "0",
		"kith_lag_records": "", "kith_state_bytes": "",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if got["go_goroutines"] == "" || got["process_open_fds"] == "" {
		t.Error("the runtime's metrics are missing")
	}
	lag := int64(7)
	m.ReadLevels(func() Levels { return Levels{Lag: &lag} })
	if got = scrape(t, m); got["kith_lag_records"] != "7" || got["kith_state_bytes"] != "" {
		t.Errorf("levels: %q and %q", got["kith_lag_records"], got["kith_state_bytes"])
	}
}

var (
	nameForm  = regexp.MustCompile(`^kith_[a-z]+(_[a-z]+)*$`)
	labelForm = regexp.MustCompile(`^[a-z]+$`)
)

func TestTableKeepsTheConventions(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range table() {
		if !nameForm.MatchString(row.name) || seen[row.name] {
			t.Errorf("%s: bad or repeated name", row.name)
		}
		seen[row.name] = true
		if grows := row.kind == counter || row.kind == total; grows != strings.HasSuffix(row.name, "_total") {
			t.Errorf("%s is a %s", row.name, row.kind)
		}
		if !strings.HasSuffix(row.help, ".") || strings.Contains(row.help, "|") {
			t.Errorf("%s: help %q", row.name, row.help)
		}
		if (row.kind == histogram) != (len(row.buckets) > 0) || !slices.IsSorted(row.buckets) {
			t.Errorf("%s: buckets %v", row.name, row.buckets)
		}
		for _, l := range row.labels {
			if !labelForm.MatchString(l) {
				t.Errorf("%s: label %q", row.name, l)
			}
		}
	}
}

func TestReferenceIsCurrent(t *testing.T) {
	const file = "../../docs/reference/metrics.md"
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, Reference()) {
		t.Errorf("%s is not current; run go generate ./internal/telemetry/...", file)
	}
	for _, row := range table() {
		if !bytes.Contains(have, []byte("`"+row.name+"`")) {
			t.Errorf("%s is missing", row.name)
		}
	}
}
