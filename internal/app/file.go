package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/goccy/go-yaml"

	"kith/internal/analytics"
	"kith/internal/collect"
	"kith/internal/errs"
)

// settingsFile is what --config may hold: resources in the form of the API, and
// limits that need a restart.
type settingsFile struct {
	Sources  []map[string]any `yaml:"sources"`
	Identity map[string]any   `yaml:"identity"` // as PUT /v1/settings/identity takes it
	Collect  struct {
		BodyBytes     int64 `yaml:"body_bytes"`      // largest body after decompression
		InFlightBytes int64 `yaml:"in_flight_bytes"` // budget of all requests under way
		RateBySource  struct {
			Events float64 `yaml:"events_per_second"`
			Burst  int     `yaml:"burst"`
		} `yaml:"rate_by_source"`
		RateByClient struct {
			Requests float64 `yaml:"requests_per_second"`
			Burst    int     `yaml:"burst"`
		} `yaml:"rate_by_client"`
	} `yaml:"collect"`
	SQL struct {
		Seconds     int64 `yaml:"seconds"`      // of a query
		MemoryBytes int64 `yaml:"memory_bytes"` // of the engine's buffers
		Threads     int   `yaml:"threads"`
		Rows        int64 `yaml:"rows"`         // of an answer
		AnswerBytes int64 `yaml:"answer_bytes"` // of its values
		AtOnce      int   `yaml:"at_once"`      // queries that run at the same time
		Waiting     int   `yaml:"waiting"`      // that wait for their turn
	} `yaml:"sql"`
	Lake struct {
		MergeMs [3]int64 `yaml:"merge_ms"` // after how long files are merged into a minute's, an hour's, a day's
	} `yaml:"lake"`
	Definitions struct {
		CostMax int64 `yaml:"cost_max"` // what one answer may cost, in events read for a busy person
	} `yaml:"definitions"`
}

// readFile reads the settings file; an empty name is an empty file. Unknown keys
// are refused with their place.
func readFile(cfg *Config) (settingsFile, error) {
	var s settingsFile
	if cfg.ConfigFile == "" {
		return s, nil
	}
	f, err := cfg.FS.Open(cfg.ConfigFile)
	if err != nil {
		return s, errs.Wrap(err, errs.Invalid, "config.file", "the settings file %s cannot be read", cfg.ConfigFile)
	}
	data, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return s, errs.Wrap(err, errs.Invalid, "config.file", "the settings file %s cannot be read", cfg.ConfigFile)
	}
	if err := yaml.UnmarshalWithOptions(data, &s, yaml.DisallowUnknownField()); err != nil && !errors.Is(err, io.EOF) {
		return s, errs.New(errs.Invalid, "config.file", "%s: %s", cfg.ConfigFile, yaml.FormatError(err, false, true))
	}
	return s, nil
}

// limits puts the file's limits in the place of those that are not set.
func (s *settingsFile) limits(cfg *Config) {
	c := s.Collect
	if c.BodyBytes != 0 {
		cfg.BodyBytes = c.BodyBytes
	}
	if c.InFlightBytes != 0 {
		cfg.InFlightBytes = c.InFlightBytes
	}
	if r := (collect.Rate{PerSecond: c.RateBySource.Events, Burst: c.RateBySource.Burst}); r != (collect.Rate{}) {
		cfg.SourceRate = r
	}
	if r := (collect.Rate{PerSecond: c.RateByClient.Requests, Burst: c.RateByClient.Burst}); r != (collect.Rate{}) {
		cfg.ClientRate = r
	}
	q := s.SQL
	limits := analytics.Limits{
		Time: time.Duration(q.Seconds) * time.Second, MemoryBytes: q.MemoryBytes, Threads: q.Threads, Rows: q.Rows,
		AnswerBytes: q.AnswerBytes, AtOnce: q.AtOnce, Waiting: q.Waiting,
	}
	if limits != (analytics.Limits{}) {
		cfg.SQL = limits
	}
	if s.Definitions.CostMax != 0 {
		cfg.DefinitionCostMax = s.Definitions.CostMax
	}
	for i, ms := range s.Lake.MergeMs {
		if ms != 0 {
			cfg.LakePeriods[i] = time.Duration(ms) * time.Millisecond
		}
	}
}

// applySources puts the file's sources into place, as PUT would.
func (a *App) applySources(ctx context.Context) error {
	for i, doc := range a.file.Sources {
		key, ok := doc["key"].(string)
		if !ok {
			return errs.New(errs.Invalid, "config.file", "%s: sources[%d] needs a key", a.cfg.ConfigFile, i)
		}
		delete(doc, "key")
		body, err := json.Marshal(doc)
		if err != nil {
			return errs.Wrap(err, errs.Invalid, "config.file", "%s: sources[%d] cannot be a document", a.cfg.ConfigFile, i)
		}
		if _, _, err := a.sources.Put(ctx, key, body); err != nil {
			return errs.Wrap(err, errs.KindOf(err), errs.CodeOf(err), "%s", fmt.Sprintf("%s: sources[%d]: %s", a.cfg.ConfigFile, i, errs.DetailOf(err)))
		}
	}
	return a.applyIdentity(ctx)
}
