package app

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"kith/internal/client"
	"kith/internal/errs"
	"kith/internal/workspace"
)

// Verdict is the outcome of a check.
type Verdict string

// The verdicts.
const (
	Passed Verdict = "ok"
	Warned Verdict = "warn"
	Failed Verdict = "fail"
)

// Check is one thing that was examined, with what to do about it.
type Check struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	Detail  string  `json:"detail"`
}

// Examine checks what kith needs to run with these settings. It changes nothing
// but a probe file in the data folder, and leaves a running server alone.
func Examine(ctx context.Context, cfg Config) []Check {
	if err := cfg.Validate(); err != nil {
		return []Check{{"settings", Failed, errs.DetailOf(err)}}
	}
	checks := []Check{{"settings", Passed, "the settings are valid"}}
	checks = append(checks, examineFolder(&cfg), examineDisk(&cfg), examineIDKey(&cfg), examineListener(&cfg))
	if _, running := client.Running(ctx, cfg.Data, cfg.AdminToken); running {
		checks = append(checks, Check{"server", Passed, "a server is running on the data folder and answers"})
		if cfg.History == "" {
			return checks
		}
		return append(checks, examineState(ctx, &cfg)...) // on a server, which others may use too
	}
	return append(checks, examineEngines(ctx, &cfg)...)
}

func examineFolder(cfg *Config) Check {
	probe := filepath.Join(cfg.Data, ".doctor")
	if err := cfg.FS.MkdirAll(cfg.Data, 0o700); err != nil {
		return Check{"data folder", Failed, fmt.Sprintf("%s cannot be made: %v", cfg.Data, err)}
	}
	f, err := cfg.FS.Create(probe, "")
	if err != nil {
		return Check{"data folder", Failed, fmt.Sprintf("%s cannot be written: %v", cfg.Data, err)}
	}
	_, werr := f.Write([]byte("probe"))
	serr := f.Sync()
	cerr := f.Close()
	rerr := cfg.FS.Remove(probe)
	for _, err := range []error{werr, serr, cerr, rerr} {
		if err != nil {
			return Check{"data folder", Failed, fmt.Sprintf("writing and syncing in %s failed: %v", cfg.Data, err)}
		}
	}
	return Check{"data folder", Passed, cfg.Data + " can be written and synced"}
}

func examineDisk(cfg *Config) Check {
	usage, err := cfg.FS.GetDiskUsage(cfg.Data)
	if err != nil {
		return Check{"disk", Warned, fmt.Sprintf("the free space cannot be read: %v", err)}
	}
	detail := fmt.Sprintf("%.1f GiB of %.1f GiB free", float64(usage.AvailBytes)/(1<<30), float64(usage.TotalBytes)/(1<<30))
	switch {
	case usage.AvailBytes < usage.TotalBytes/20 && usage.AvailBytes < 10<<30:
		return Check{"disk", Failed, detail + "; the collector answers 503 until there is more"}
	case usage.AvailBytes < usage.TotalBytes/10:
		return Check{"disk", Warned, detail}
	}
	return Check{"disk", Passed, detail}
}

func examineIDKey(cfg *Config) Check {
	ws, err := workspace.New(cfg.Data, defaultWorkspace, cfg.IDKey)
	if err != nil {
		return Check{"id key", Failed, errs.DetailOf(err)}
	}
	if ws.IsDefaultKey() {
		return Check{"id key", Warned, "node ids follow from the workspace's name, so who knows an address can compute its id; set KITH_ID_KEY to a secret before the first event"}
	}
	return Check{"id key", Passed, "node ids are keyed by KITH_ID_KEY; keep a copy of it with the backups"}
}

func examineListener(cfg *Config) Check {
	host, _, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		return Check{"listener", Failed, "the address is not HOST:PORT"}
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return Check{"listener", Passed, cfg.Addr + " is reached from this machine alone"}
	}
	return Check{"listener", Warned, cfg.Addr + " is reached from outside without TLS; put a proxy with TLS in front, and the collector alone on --collect-addr"}
}

// enginesTime bounds how long engines are looked at.
const enginesTime = 10 * time.Second

// examineEngines opens what the server would open.
func examineEngines(ctx context.Context, cfg *Config) []Check {
	limited, stop := context.WithTimeout(ctx, enginesTime)
	defer stop()
	ws, err := workspace.New(cfg.Data, defaultWorkspace, cfg.IDKey)
	if err != nil {
		return nil
	}
	var out []Check
	const name = "event log"
	if log, err := openLog(limited, cfg, ws, localObserver(nil, nil), ""); err != nil {
		out = append(out, Check{name, Failed, errs.DetailOf(err)})
	} else {
		out = append(out, examineArchive(limited, log)...)
		out = append(out, closed(name, log.Close()))
	}
	return append(out, examineState(ctx, cfg)...)
}

// examineState opens the state, and where old history lies.
func examineState(ctx context.Context, cfg *Config) (out []Check) {
	ctx, stop := context.WithTimeout(ctx, enginesTime)
	defer stop()
	ws, err := workspace.New(cfg.Data, defaultWorkspace, cfg.IDKey)
	if err != nil {
		return nil
	}
	const name = "state"
	store, err := openHot(ctx, cfg, ws)
	if err != nil {
		return []Check{{name, Failed, errs.DetailOf(err)}}
	}
	out = examineHistory(ctx, cfg, store)
	return append(out, closed(name, store.Close()))
}

func closed(name string, err error) Check {
	if err != nil {
		return Check{name, Failed, "opened, but closing failed: " + err.Error()}
	}
	return Check{name, Passed, "opens and closes"}
}
