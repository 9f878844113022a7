// Package bench measures kith on the machine it runs on: how much it takes in,
// folds and answers, at what cost, beside plain programs that do the least that
// could be done, measured in the same run. It proves nothing about other
// machines; compare ratios.
package bench

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// Row is one measured line.
type Row struct {
	Scenario      string        `json:"scenario"`
	System        string        `json:"system"` // kith, or the baseline's name
	Operations    int64         `json:"operations"`
	Elapsed       time.Duration `json:"elapsed_ns"`
	CPU           time.Duration `json:"cpu_ns"` // of the measured process alone; 0: not known here
	Latencies     Latencies     `json:"latencies"`
	RSSBytes      int64         `json:"rss_bytes"`       // peak; 0: not known here
	DiskBytes     int64         `json:"disk_bytes"`      // per operation; 0: not applicable
	Failures      int64         `json:"failures"`        // operations that did not succeed
	RecordedBytes int64         `json:"bytes_per_event"` // average size of what was sent
}

// Latencies are percentiles of the time of one request or batch.
type Latencies struct {
	P50 time.Duration `json:"p50_ns"`
	P95 time.Duration `json:"p95_ns"`
	P99 time.Duration `json:"p99_ns"`
}

// PerSecond is operations a second of wall time.
func (r *Row) PerSecond() float64 { return float64(r.Operations) / r.Elapsed.Seconds() }

// PerCPUSecond is operations a second of the measured process's CPU time, 0 when
// that is not known.
func (r *Row) PerCPUSecond() float64 {
	if r.CPU <= 0 {
		return 0
	}
	return float64(r.Operations) / r.CPU.Seconds()
}

// CPUPerMillion is CPU seconds for a million operations, 0 when not known.
func (r *Row) CPUPerMillion() float64 {
	if r.Operations == 0 {
		return 0
	}
	return r.CPU.Seconds() / float64(r.Operations) * 1e6
}

// percentiles sorts the samples and picks.
func percentiles(samples []time.Duration) Latencies {
	if len(samples) == 0 {
		return Latencies{}
	}
	slices.Sort(samples)
	at := func(p float64) time.Duration { return samples[min(int(p*float64(len(samples))), len(samples)-1)] }
	return Latencies{at(0.50), at(0.95), at(0.99)}
}

// Print writes the rows as a table, and after a baseline's row the ratio of kith
// to it by CPU.
func Print(w io.Writer, unit string, rows []Row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "scenario\tsystem\t%s/s\t%s/CPU s\tCPU s/million\tp50 ms\tp95 ms\tp99 ms\tRSS MB\tdisk B/%s\tfailed\t\n", unit, unit, unit)
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%.0f\t%s\t%s\t%.2f\t%.2f\t%.2f\t%s\t%s\t%d\t\n",
			r.Scenario, r.System, r.PerSecond(), known(r.PerCPUSecond(), "%.0f"), known(r.CPUPerMillion(), "%.2f"),
			ms(r.Latencies.P50), ms(r.Latencies.P95), ms(r.Latencies.P99),
			known(float64(r.RSSBytes)/1e6, "%.0f"), known(float64(r.DiskBytes), "%.0f"), r.Failures)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i := 1; i < len(rows); i++ {
		own, base := rows[i-1], rows[i]
		if base.System != kith && own.System == kith && own.Scenario == base.Scenario && base.PerCPUSecond() > 0 {
			fmt.Fprintf(w, "%s: kith does %.2f times what the %s does for a CPU second\n", own.Scenario, own.PerCPUSecond()/base.PerCPUSecond(), base.System)
		}
	}
	return nil
}

// kith is the name of the system under test in rows.
const kith = "kith"

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// known prints a figure, or a dash for one that is not known.
func known(v float64, format string) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf(format, v)
}
