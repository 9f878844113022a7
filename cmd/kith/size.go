package main

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"kith/internal/sizing"
)

// sizeCommand tells what a load needs.
func sizeCommand() *cobra.Command {
	l := sizing.Load{NodeCores: 4}
	var prices sizing.Prices
	var asJSON, simulate, table bool
	var seed uint64
	cmd := &cobra.Command{
		Use: "size", Args: cobra.NoArgs,
		Short: "Tell how many nodes, cores and disks a load needs, and what waits",
		Long: `Multiplies a load by what kith bench has measured, and with --simulate plays the
peak of one workspace event by event, with and without the loss of a node. --table
prints the coefficients, where each is from, and which are not measured.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			if table {
				return printCoefficients(out, asJSON)
			}
			if err := l.Validate(); err != nil {
				return usage(err)
			}
			if simulate && !l.Shared {
				return usage(fmt.Errorf("only nodes on shared engines are simulated; add --shared"))
			}
			plan := sizing.For(&l)
			answer := sizeAnswer{Load: l, Plan: plan, Measured: plan.Measured(&l)}
			if simulate {
				answer.Simulated = simulated(plan.Setup(&l), seed)
			}
			if asJSON {
				return printJSON(out, answer)
			}
			return printSize(out, &answer, prices)
		},
	}
	f := cmd.Flags()
	f.Float64Var(&l.EventsPerDay, "events-per-day", 1e6, "events a day")
	f.Float64Var(&l.Peak, "peak", 3, "events of the busiest seconds, as a multiple of the mean")
	f.Float64Var(&l.Profiles, "profiles", 1e5, "people that are known")
	f.Float64Var(&l.Segments, "segments", 2, "segments and computed traits that an event concerns, on average")
	f.Float64Var(&l.Days, "days", 730, "days for which events are kept")
	f.Float64Var(&l.LogDays, "log-days", 0, "days of these for which Kafka keeps them while an archive keeps all (keep in the URL of the log); 0 without an archive")
	f.Float64Var(&l.HistoryDays, "history-days", 0, "days of these for which PostgreSQL keeps the history of events while ClickHouse keeps that of older ones (after in KITH_HISTORY); 0 without ClickHouse")
	f.Float64Var(&l.Single, "single", 1, "share of the events that come one by one, from 0 to 1; the others come in batches")
	f.BoolVar(&l.Shared, "shared", false, "nodes on Kafka, PostgreSQL and an object store; one process on its own disk if left out")
	f.IntVar(&l.NodeCores, "node-cores", l.NodeCores, "cores of a node")
	f.Float64Var(&prices.Core, "core-price", 0, "what a core costs in a month, in your currency")
	f.Float64Var(&prices.MemoryGB, "memory-price", 0, "what a GB of memory costs in a month")
	f.Float64Var(&prices.DiskGB, "disk-price", 0, "what a GB of disk costs in a month")
	f.BoolVar(&simulate, "simulate", false, "play ten minutes of the peak of one workspace, of which a node is lost in the fifth")
	f.Uint64Var(&seed, "seed", 1, "of the simulation")
	f.BoolVar(&table, "table", false, "print the coefficients")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

type sizeAnswer struct {
	Load      sizing.Load     `json:"load"`
	Plan      sizing.Plan     `json:"plan"`
	Measured  float64         `json:"measured"` // the peak of a workspace to what was measured
	Simulated *sizing.Outcome `json:"simulated,omitempty"`
}

// simulated plays ten minutes.
func simulated(s sizing.Setup, seed uint64) *sizing.Outcome {
	s.Length, s.Lost, s.Seed = 10*time.Minute, 5*time.Minute, seed
	o := sizing.Simulate(s)
	return &o
}

func printCoefficients(w io.Writer, asJSON bool) error {
	all, points := sizing.Table(), sizing.Points()
	if asJSON {
		return printJSON(w, map[string]any{"coefficients": all, "points": points})
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range all {
		how := "measured"
		if !c.Measured {
			how = "assumed"
		}
		fmt.Fprintf(t, "%s\t%g\t%s\t%s\t%s\n", c.Name, c.Value, c.Unit, how, c.Source)
	}
	fmt.Fprintln(t, "\nheld against measurements\tmeasured\tpredicted\t\t")
	for _, p := range points {
		fmt.Fprintf(t, "%s\t%.0f\t%.0f\t%s\t%+.0f %%\n", p.What, p.Measured, p.Predicted, p.Unit, 100*p.Deviation())
	}
	return t.Flush()
}

func printSize(w io.Writer, a *sizeAnswer, prices sizing.Prices) error {
	p := &a.Plan
	fmt.Fprintf(w, "%.0f events a second on average, %.0f at the peak\n", p.Mean, p.Peak)
	for _, s := range p.Stations {
		often := "a second"
		if s.Mean {
			often = "a second on average"
		}
		fmt.Fprintf(w, "one workspace, at most: %s %.0f %s\n", s.Name, s.Limit, often)
	}
	if p.StateGB > 0 {
		fmt.Fprintf(w, "one workspace, at most: %.0f GB of state in a PostgreSQL\n", p.StateGB)
	}
	if p.Workspaces > 1 {
		fmt.Fprintf(w, "That is more than one workspace does: divide the people among %d installations of kith,\neach with a state of its own. kith does not do that, and nobody is in two of them.\n", p.Workspaces)
	}
	if a.Measured > 1 {
		fmt.Fprintf(w, "The peak of one is extrapolated: it is %.1f times what was measured.\n", a.Measured)
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "part\tcount\tcores\tmemory GB\tdisk GB\ta month\t")
	var total float64
	for i := range p.Parts {
		part := &p.Parts[i]
		cost := part.Cost(prices)
		total += cost
		fmt.Fprintf(t, "%s\t%d\t%.1f\t%.1f\t%.0f\t%s\t\n", part.Name, part.Count, part.Cores, part.MemoryGB, math.Ceil(part.DiskGB), money(cost, prices))
	}
	fmt.Fprintf(t, "together\t\t\t\t\t%s\t\n", money(total, prices))
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "Beside that, %.1f GB of memory for the files of those who come on one day.\n", p.CacheGB)
	if a.Simulated != nil {
		printOutcome(w, a.Simulated, a.Load.Segments > 0)
	}
	return nil
}

// money is a dash without prices.
func money(v float64, prices sizing.Prices) string {
	if prices == (sizing.Prices{}) {
		return "-"
	}
	return fmt.Sprintf("%.0f", v)
}

func printOutcome(w io.Writer, o *sizing.Outcome, segments bool) {
	fmt.Fprintf(w, "\nSimulated, one workspace at its peak for ten minutes, a node lost after five:\n")
	for _, l := range []struct {
		when string
		sizing.Lags
	}{{"before the loss", o.Before}, {"in the minute after it", o.After}} {
		fmt.Fprintf(w, "  %s, from the acknowledgement: folded p50 %v, p99 %v, all within %v", l.when, round(l.FoldedP50), round(l.FoldedP99), round(l.FoldedMax))
		if segments {
			fmt.Fprintf(w, "; in segments p99 %v", round(l.ShownP99))
		}
		fmt.Fprintf(w, "; in the open tables p99 %v\n", round(l.TablesP99))
	}
	if o.Caught < 0 {
		fmt.Fprintln(w, "  what waited was not caught up in five minutes")
	} else {
		fmt.Fprintf(w, "  what waited was caught up %v after the loss\n", round(o.Caught))
	}
	fmt.Fprintf(w, "  locks were held %.0f %% of the time, by transactions of %.0f events\n", 100*o.Busy, o.Batch)
}

func round(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}
