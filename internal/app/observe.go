package app

import (
	"context"
	"log/slog"
	"time"

	"kith/internal/collect"
	"kith/internal/errs"
	"kith/internal/eventlog/local"
	"kith/internal/identity"
	"kith/internal/pipeline"
	"kith/internal/state/pebble"
	"kith/internal/telemetry"
)

// localObserver counts what the embedded log does and logs what an operator has
// to know. Either may be nil.
func localObserver(m *telemetry.Metrics, logger *slog.Logger) local.Observer {
	if m == nil || logger == nil {
		return local.Observer{}
	}
	return local.Observer{
		Committed: func(c local.Commit) { m.LogCommitted(c.Records, c.Took) },
		TailCut: func(file string, at, bytes int64) {
			logger.Info("cut off an unfinished commit at the end of the log; nothing acknowledged was in it", "file", file, "at", at, "bytes", bytes)
		},
		Damaged: func(file string, at int64) {
			m.LogDamaged()
			logger.Error("stored bytes are damaged; restore the file from a backup", "file", file, "at", at)
		},
		DiskFull: func(full bool) {
			m.LogDiskFull(full)
			if full {
				logger.Warn("the disk is below its reserve: events are refused with 503 until there is space")
				return
			}
			logger.Info("the disk has space again: events are taken")
		},
		Failed: func(err error) {
			logger.Error("writing the log failed: events are refused until kith is restarted", "error", err)
		},
		IndexRebuilt: func(file string) { logger.Info("made the index of a log segment anew", "file", file) },
	}
}

// collectObserver counts what the collector does.
func collectObserver(m *telemetry.Metrics, logger *slog.Logger) collect.Observer {
	return collect.Observer{
		Done: func(r collect.Report) {
			m.Collected(telemetry.Collected{
				Source: r.Source, Status: r.Status, Code: r.Code, Accepted: r.Accepted,
				Body: r.Body, Stored: r.Stored, Retry: r.Retry, Elapsed: r.Elapsed,
			})
		},
		Rejected: func(r collect.Rejection) { m.Rejected(r.Code) },
		Failed: func(id string, err error) {
			logger.Warn("the log refused events", "request_id", id, "code", errs.CodeOf(err))
		},
		Panicked: func(id string, _ any, stack []byte) {
			m.Failed(true)
			logger.Error("a request failed by a defect of kith; please report it", "request_id", id, "stack", string(stack))
		},
	}
}

// pipelineObserver counts what the pipeline does. Types that are not configured
// count as one: their names come from outside and have no end.
func (a *App) pipelineObserver(rules *identity.Config) pipeline.Observer {
	m, w := a.metrics, &waiting{clock: a.cfg.Clock, logger: a.logger, words: foldingWaits()}
	return pipeline.Observer{
		Committed: func(partition int32, records int, bytes int64, took time.Duration) {
			m.Committed(partition, records, bytes, took)
			w.over(partition)
			a.definitions.Changed()
			if t := a.trouble.Load(); t != nil && passes(*t) {
				a.trouble.CompareAndSwap(t, nil)
			}
		},
		Alone: m.Alone, Stage: m.Stage, Held: m.Held, Said: m.Said, Wrote: m.Wrote,
		Retried: func(partition int32, err error) {
			m.Retried(errs.CodeOf(err))
			w.again(partition, err)
		},
		Dropped: func(typ, reason string) {
			if _, known := rules.Rules[typ]; !known {
				typ = "other"
			}
			m.Dropped(typ, reason)
		},
	}
}

// levels reads what the metrics show as of now.
func (a *App) levels() telemetry.Levels {
	ctx, cancel := context.WithTimeout(context.Background(), readyTime)
	defer cancel()
	var l telemetry.Levels
	if s, err := a.live.Load().runner.Status(ctx); err == nil {
		lag := s.Lag()
		l.Accepted, l.Processed, l.Repeats, l.Quarantined, l.Lag = &s.Accepted, &s.Processed, &s.Repeats, &s.Held, &lag
	}
	bytes, requests := a.collector.InFlight()
	l.InFlightBytes, l.InFlightRequests = &bytes, &requests
	if a.sql != nil {
		running, waiting := a.sql.Load()
		l.QueriesRunning, l.QueriesWaiting = &running, &waiting
	}
	if lag, err := a.lakeLag(ctx); err == nil && a.folded() {
		l.LakeLag = &lag
	}
	if a.archiver != nil {
		records, age := a.archiver.Lag()
		ms := age.Milliseconds()
		l.ArchiveRecords, l.ArchiveLag = &records, &ms
	}
	if age, ok := a.moving.age(a.cfg.Clock.Now()); ok {
		ms := age.Milliseconds()
		l.HistoryAge = &ms
	}
	if embedded, ok := a.log.(*local.Log); ok {
		n := embedded.Stats().Bytes
		l.LogBytes = &n
	}
	if embedded, ok := a.store.(*pebble.Store); ok {
		n := int64(embedded.Metrics().DiskBytes)
		l.StateBytes = &n
	}
	return l
}
