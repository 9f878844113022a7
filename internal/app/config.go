// Package app wires kith together: it opens the engines that the settings name,
// starts the parts in order and stops them in reverse. It is the only package
// that knows every adapter.
package app

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"kith/internal/analytics"
	"kith/internal/cold/keeper"
	"kith/internal/collect"
	"kith/internal/errs"
	"kith/internal/eventlog/archive"
	"kith/internal/lake"
	"kith/internal/sys"
	"kith/internal/tables"
)

// The roles that a process may play.
const (
	RoleCollect  = "collect"
	RolePipeline = "pipeline"
	RoleActivate = "activate" // for destinations; there are none yet, so it does nothing
	RoleAPI      = "api"
)

// Config is the settings of a process: what needs a restart to change.
type Config struct {
	Data        string   // data folder
	Addr        string   // HOST:PORT of API and collector; port 0 picks a free one
	CollectAddr string   // HOST:PORT of a listener for the collector alone; empty for none
	LogURL      string   // kafka://broker,broker/prefix; empty for the embedded log
	StateURL    string   // postgres://…; empty for the embedded state
	Lake        string   // folder of the lake, or s3://bucket/prefix; empty for the one in the workspace's folder
	Analytics   string   // clickhouse://…, which gets a copy of the lake and answers queries; empty for the embedded engine
	History     string   // clickhouse://…?after=90d, where old history of a state in PostgreSQL goes; empty: it stays
	ConfigFile  string   // YAML with resources and settings; empty for none
	Version     string   // of the program, for the OpenAPI document
	Roles       []string // of collect, pipeline, api
	AdminToken  string   // empty: made at the first start
	WriteKey    string   // of the source default; empty: made at the first start
	IDKey       string   // secret of node ids; empty: derived from the workspace's name
	EgressAllow []netip.Prefix
	Proxies     []netip.Prefix // whose forwarded headers are believed
	PublicURL   string         // the collector's address as browsers reach it; empty: as each request says

	InFlightBytes int64 // budget of the collector; 0: its default
	BodyBytes     int64 // largest collector body after decompression; 0: 640 KiB

	SourceRate collect.Rate // messages that one source may send; zero: no limit
	ClientRate collect.Rate // requests that one address may make of the collector; zero: no limit

	LakePeriods lake.Periods // after which the lake's files are merged; zero: the defaults

	Archiving archive.Config // periods and sizes of archiving records; zero fields have their defaults, or are as LogURL says

	DefinitionCostMax int64 // of a computed trait or segment, see segment.Cost

	SQL analytics.Limits // of queries; zero fields have their defaults
	// SQLWorker starts the process of a query: a program and its arguments, which
	// must end in SQLWorker. Without it there are no queries.
	SQLWorker []string

	FS    sys.FS
	Clock sys.Clock
	Rand  sys.Rand
}

// DefaultConfig returns the settings of `kith serve` without flags.
func DefaultConfig() Config {
	return Config{
		Data: "./kith-data", Addr: "127.0.0.1:8420", Roles: []string{RoleCollect, RolePipeline, RoleActivate, RoleAPI},
		DefinitionCostMax: definitionCostMax,
		FS:                sys.Disk(), Clock: sys.Wall(), Rand: sys.Entropy(),
	}
}

// definitionCostMax is what a definition may cost unless it is set: ten million
// events read, for one answer for a busy person.
const definitionCostMax = 10_000_000

// bodyBytesMax is the largest body limit that may be set.
const bodyBytesMax = 4 << 20

// Validate reports every mistake at once.
func (c *Config) Validate() error {
	var bad []string
	if c.Data == "" {
		bad = append(bad, "--data must name a folder")
	}
	for _, a := range [...][2]string{{"--addr", c.Addr}, {"--collect-addr", c.CollectAddr}} {
		if a[1] == "" && a[0] != "--addr" {
			continue
		}
		if _, _, err := net.SplitHostPort(a[1]); err != nil {
			bad = append(bad, a[0]+" must be HOST:PORT, such as 127.0.0.1:8420")
		}
	}
	if c.LogURL != "" && !strings.HasPrefix(c.LogURL, "kafka://") {
		bad = append(bad, "--log must be kafka://broker1,broker2/topic-prefix, or be left out for the embedded log")
	}
	if c.StateURL != "" && !strings.HasPrefix(c.StateURL, "postgres://") && !strings.HasPrefix(c.StateURL, "postgresql://") {
		bad = append(bad, "--state must be postgres://…, or be left out for the embedded state")
	}
	bad = append(append(bad, tables.Check(c.Lake, c.Analytics)...), keeper.Check(c.History, c.StateURL)...)
	known := []string{RoleCollect, RolePipeline, RoleActivate, RoleAPI}
	for _, r := range c.Roles {
		if !slices.Contains(known, r) {
			bad = append(bad, "--roles knows "+strings.Join(known, ", "))
			break
		}
	}
	if len(c.Roles) == 0 {
		bad = append(bad, "--roles must name at least one role")
	}
	if c.BodyBytes < 0 || c.BodyBytes > bodyBytesMax {
		bad = append(bad, "the collector's body limit must be between 1 and 4194304 bytes")
	}
	for _, r := range [...]collect.Rate{c.SourceRate, c.ClientRate} {
		if r.PerSecond < 0 || r.Burst < 0 || r.Burst > 0 && r.PerSecond == 0 {
			bad = append(bad, "a rate of the collector needs a number per second, and no negative ones")
		}
	}
	if l := c.SQL; min(int64(l.Time), l.MemoryBytes, int64(l.Threads), l.Rows, l.AnswerBytes, int64(l.AtOnce), int64(l.Waiting)) < 0 {
		bad = append(bad, "the limits of sql may not be negative")
	}
	if c.DefinitionCostMax < 0 {
		bad = append(bad, "cost_max of definitions may not be negative")
	}
	if c.LakePeriods != (lake.Periods{}) && !c.LakePeriods.Valid() {
		bad = append(bad, "merge_ms of lake must be three periods of at least 10 ms, none shorter than the one before")
	}
	if len(bad) > 0 {
		return errs.New(errs.Invalid, "config.invalid", "%s", strings.Join(bad, "; "))
	}
	return nil
}

// limits are those of the collector.
func (c *Config) limits() collect.Limits {
	return collect.Limits{
		InFlightBytes: c.InFlightBytes, BodyBytes: c.BodyBytes, SourceRate: c.SourceRate, ClientRate: c.ClientRate,
	}
}

func (c *Config) plays(role string) bool { return slices.Contains(c.Roles, role) }
