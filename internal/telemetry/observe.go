package telemetry

import (
	"log/slog"

	"kith/internal/collect"
	"kith/internal/pipeline"
	"kith/internal/route"
)

// Pipeline returns the observer that counts what the pipeline does.
func (m *Metrics) Pipeline() pipeline.Observer {
	return pipeline.Observer{Committed: m.Committed, Dropped: m.Dropped, Held: m.Held, Retried: m.Retried}
}

// Collector returns the observer that counts what the collector does, and logs
// what ended with a defect or for want of the log under the id that the client
// was told.
func (m *Metrics) Collector(logger *slog.Logger) collect.Observer {
	return collect.Observer{
		Done: func(r collect.Report) {
			m.Collected(Collected{
				Source: r.Source, Status: r.Status, Code: r.Code, Accepted: r.Accepted,
				Body: r.Body, Stored: r.Stored, Retry: r.Retry, Elapsed: r.Elapsed,
			})
		},
		Rejected: func(r collect.Rejection) { m.Rejected(r.Code) },
		Failed: func(id string, err error) {
			m.Failed(false)
			logger.Error("events could not be stored", "request_id", id, "error", err)
		},
		Panicked: func(id string, value any, stack []byte) {
			m.Failed(true)
			logger.Error("a request of the collector ended with a defect",
				"request_id", id, "panic", route.PanicText(value), "stack", string(stack))
		},
	}
}
