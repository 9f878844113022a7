// Package telemetry counts what kith does, for Prometheus. Every metric stands in
// one table, from which the collectors are made and docs/reference/metrics.md is
// written. The methods of Metrics have the shape of the observers' callbacks: a
// part of kith is given the method and knows nothing of this package.
//
// No label holds an identifier or anything else a sender can choose freely, so
// the number of series is bounded.
package telemetry

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics holds the values of all metrics. It is safe for concurrent use.
type Metrics struct {
	registry   *prometheus.Registry
	counters   map[string]*prometheus.CounterVec
	gauges     map[string]prometheus.Gauge
	histograms map[string]*prometheus.HistogramVec
	levels     *levels
}

// New returns metrics that all stand at zero, with those of the Go runtime and
// the process.
func New() *Metrics {
	m := &Metrics{
		registry:   prometheus.NewRegistry(),
		counters:   map[string]*prometheus.CounterVec{},
		gauges:     map[string]prometheus.Gauge{},
		histograms: map[string]*prometheus.HistogramVec{},
		levels:     &levels{descs: map[string]*prometheus.Desc{}},
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, row := range table() {
		m.add(row)
	}
	m.registry.MustRegister(m.levels)
	return m
}

func (m *Metrics) add(row metric) {
	switch {
	case isLevel(row.name):
		m.levels.descs[row.name] = prometheus.NewDesc(row.name, row.help, nil, nil)
	case row.kind == counter:
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: row.name, Help: row.help}, row.labels)
		if len(row.labels) == 0 {
			c.WithLabelValues() // shows from the start, at 0
		}
		m.counters[row.name] = c
		m.registry.MustRegister(c)
	case row.kind == histogram:
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: row.name, Help: row.help, Buckets: row.buckets}, row.labels)
		m.histograms[row.name] = h
		m.registry.MustRegister(h)
	default:
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: row.name, Help: row.help})
		m.gauges[row.name] = g
		m.registry.MustRegister(g)
	}
}

func (m *Metrics) count(name string, n int64, labels ...string) {
	if n > 0 {
		m.counters[name].WithLabelValues(labels...).Add(float64(n))
	}
}

func (m *Metrics) observe(name string, value float64, labels ...string) {
	m.histograms[name].WithLabelValues(labels...).Observe(value)
}

// Handler answers with all metrics in the format of Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, ErrorHandling: promhttp.ContinueOnError})
}

// Called counts a finished request by the name of its route.
func (m *Metrics) Called(route string, status int, took time.Duration) {
	m.count(httpRequests, 1, route, strconv.Itoa(status))
	m.observe(httpSeconds, took.Seconds(), route)
}

// Failed counts a request that ended with a defect.
func (m *Metrics) Failed(panicked bool) {
	if panicked {
		m.count(failures, 1, "panic")
		return
	}
	m.count(failures, 1, "error")
}

// Collected is what became of one request of the collector.
type Collected struct {
	Source   string // key of the source, or empty
	Status   int    // of the answer
	Code     string // of the refusal of the whole request, or empty
	Accepted int    // messages stored
	Body     int    // bytes received
	Stored   int    // bytes of the records
	Retry    bool   // the client says that it has tried before
	Elapsed  time.Duration
}

// Collected counts a finished request of the collector.
func (m *Metrics) Collected(c Collected) {
	m.count(collectAccepted, int64(c.Accepted), c.Source)
	m.count(collectBodyBytes, int64(c.Body))
	m.count(collectStored, int64(c.Stored))
	m.observe(collectSeconds, c.Elapsed.Seconds())
	if c.Code != "" {
		m.count(collectRefused, 1, strconv.Itoa(c.Status), c.Code)
	}
	if c.Retry {
		m.count(collectRetried, 1)
	}
}

// Rejected counts a message that was refused while its request was not.
func (m *Metrics) Rejected(code string) { m.count(collectRejected, 1, code) }

// LogCommitted counts a group commit of the event log.
func (m *Metrics) LogCommitted(records int, took time.Duration) {
	m.observe(logCommits, took.Seconds())
	m.observe(logCommitRecords, float64(records))
}

// LogDamaged counts a place of the event log that does not say what was written.
func (m *Metrics) LogDamaged() { m.count(logDamaged, 1) }

// LogDiskFull tells whether appends are refused for lack of space.
func (m *Metrics) LogDiskFull(full bool) {
	value := 0.0
	if full {
		value = 1
	}
	m.gauges[logDiskFull].Set(value)
}

// Committed counts a batch that was folded.
func (m *Metrics) Committed(_ int32, records int, bytes int64, took time.Duration) {
	m.observe(pipelineSeconds, took.Seconds())
	m.observe(pipelineRecords, float64(records))
	m.count(pipelineBytes, bytes)
}

// Stage tells how long one stage took of a batch.
func (m *Metrics) Stage(name string, took time.Duration) {
	m.observe(pipelineStages, took.Seconds(), name)
}

// Retried counts a batch that is tried again.
func (m *Metrics) Retried(code string) { m.count(pipelineRetried, 1, code) }

// Alone counts a batch beside which no other was folded.
func (m *Metrics) Alone() { m.count(pipelineAlone, 1) }

// Held counts a record that was set apart.
func (m *Metrics) Held(code string) { m.count(pipelineHeld, 1, code) }

// Dropped counts a value that identified nobody.
func (m *Metrics) Dropped(typ, reason string) { m.count(pipelineDropped, 1, typ, reason) }

// Said counts something that was said of a purpose, by the way it came and what it
// says.
func (m *Metrics) Said(via, state string) { m.count(consentsSaid, 1, via, state) }

// Wrote counts a write of a row of an entity.
func (m *Metrics) Wrote() { m.count(rowsWritten, 1) }

// Queried counts an SQL query that ended, by how it did.
func (m *Metrics) Queried(outcome string, took time.Duration, rows int64) {
	m.count(sqlQueries, 1, outcome)
	m.observe(sqlSeconds, took.Seconds())
	m.count(sqlRows, rows)
}

// LakeRound counts a round of facts that shows in the open tables.
func (m *Metrics) LakeRound(facts uint64, took time.Duration) {
	m.count(lakeFacts, int64(facts))
	m.observe(lakeSeconds, took.Seconds())
}

// LakeMerged counts files that were merged into others.
func (m *Metrics) LakeMerged(table string, _, bytes int64) { m.count(lakeMerged, bytes, table) }

// LakeFailed counts a failure of the writer of the open tables.
func (m *Metrics) LakeFailed(code string) { m.count(lakeFailed, 1, code) }

// Archived counts records that were put into the archive beside the lake.
func (m *Metrics) Archived(records, bytes int64) {
	m.count(archived, records)
	m.count(archiveBytes, bytes)
}

// Trimmed counts archived records that were deleted from the topic.
func (m *Metrics) Trimmed(records int64) { m.count(archiveTrimmed, records) }

// ArchiveFailed counts a failure of archiving.
func (m *Metrics) ArchiveFailed(code string) { m.count(archiveFailed, 1, code) }

// HistoryMoved counts rows of old history that were moved out of the state.
func (m *Metrics) HistoryMoved(rows int) { m.count(historyMoved, int64(rows)) }

// HistoryFailed counts a step of moving old history that is tried again.
func (m *Metrics) HistoryFailed(code string) { m.count(historyFailed, 1, code) }

// HistoryCalled counts a call of where old history lies, by how it ended.
func (m *Metrics) HistoryCalled(call, outcome string, took time.Duration) {
	m.count(historyCalls, 1, call, outcome)
	m.observe(historySeconds, took.Seconds(), call)
}

// Levels are numbers that lie elsewhere and are read when the metrics are asked
// for. Nil leaves one out.
type Levels struct {
	Accepted, Processed, Repeats *int64 // records, as in the status
	Quarantined, Lag             *int64
	LogBytes, StateBytes         *int64
	LakeLag                      *int64 // milliseconds
	InFlightBytes                *int64
	InFlightRequests             *int64
	QueriesRunning               *int64 // SQL
	QueriesWaiting               *int64
	ArchiveRecords, ArchiveLag   *int64 // records that are not archived; milliseconds
	HistoryAge                   *int64 // milliseconds since all old history was gone through
}

// byName orders the levels under the names of their metrics.
func (l *Levels) byName() map[string]*int64 {
	return map[string]*int64{
		recordsAccepted: l.Accepted, recordsProcessed: l.Processed, recordsRepeated: l.Repeats,
		recordsHeld: l.Quarantined, recordsLag: l.Lag, logBytes: l.LogBytes, lakeLag: l.LakeLag, stateBytes: l.StateBytes,
		collectBytesHeld: l.InFlightBytes, collectHeld: l.InFlightRequests,
		sqlRunning: l.QueriesRunning, sqlWaiting: l.QueriesWaiting, archiveRecords: l.ArchiveRecords, archiveLag: l.ArchiveLag,
		historyAge: l.HistoryAge,
	}
}

func isLevel(name string) bool {
	_, ok := (&Levels{}).byName()[name]
	return ok
}

// ReadLevels makes the metrics read the levels with f, which is called for every
// answer of Handler and must be quick and safe for concurrent use. Until then
// the levels are absent.
func (m *Metrics) ReadLevels(f func() Levels) { m.levels.read.Store(&f) }

// levels is the collector of everything in Levels: all are read at one moment.
type levels struct {
	descs map[string]*prometheus.Desc
	read  atomic.Pointer[func() Levels]
}

// Describe implements prometheus.Collector.
func (l *levels) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range l.descs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (l *levels) Collect(ch chan<- prometheus.Metric) {
	read := l.read.Load()
	if read == nil {
		return
	}
	now := (*read)()
	values := now.byName()
	for _, row := range table() {
		value := values[row.name]
		if value == nil {
			continue
		}
		kind := prometheus.GaugeValue
		if row.kind == total {
			kind = prometheus.CounterValue
		}
		ch <- prometheus.MustNewConstMetric(l.descs[row.name], kind, float64(*value))
	}
}
