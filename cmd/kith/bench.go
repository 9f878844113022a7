package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kith/internal/app"
	"kith/internal/bench"
	"kith/internal/bench/engines"
)

func benchCommand() *cobra.Command {
	var o bench.Options
	var asJSON bool
	var stateURL string
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure kith on this machine, beside plain programs",
	}
	f := cmd.PersistentFlags()
	f.DurationVar(&o.Duration, "duration", 10*time.Second, "how long each scenario runs")
	f.IntVar(&o.Events, "events", 300_000, "events to fold, or to make profiles of")
	f.IntVar(&o.People, "people", 1_000_000, "people that the events are about")
	f.IntVar(&o.Identifiers, "identifiers", 1_000_000, "identifiers of the state whose clusters are derived at once")
	f.StringVar(&o.Dir, "dir", "", "where data folders are made and removed; the system's place for temporary files if left out")
	f.StringVar(&stateURL, "state", "", "postgres://… whose server holds the state of pipeline, identity and segments, in the schema kith_bench, which must hold nothing and goes at the end; embedded if left out; for nodes, databases are made beside the one that it names, and go")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	one := func(name, short, unit string, measure func(context.Context) ([]bench.Row, error)) *cobra.Command {
		return &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.Binary, err = os.Executable(); err != nil {
				return err
			}
			defer runtime.KeepAlive(tuneMemory())
			rows, err := measure(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), rows)
			}
			return bench.Print(cmd.OutOrStdout(), unit, rows)
		}}
	}
	var parts []string
	segments := one("segments", "What live segments cost, by their number", "event or person", func(ctx context.Context) ([]bench.Row, error) {
		return bench.Segments(ctx, o, engines.Segments(stateURL), parts...)
	})
	segments.Flags().StringSliceVar(&parts, "part", nil, "what to measure of "+strings.Join(bench.SegmentParts(), ", ")+"; all if left out")
	cmd.AddCommand(
		one("ingest", "How much the collector takes in", "event", func(ctx context.Context) ([]bench.Row, error) { return bench.Ingest(ctx, o) }),
		one("pipeline", "How fast events become profiles", "event", func(ctx context.Context) ([]bench.Row, error) {
			return bench.Fold(ctx, o, engines.On(stateURL))
		}),
		one("search", "How fast people are found, by what is known of them", "search", func(ctx context.Context) ([]bench.Row, error) {
			return bench.Search(ctx, o, engines.On(""))
		}),
		one("lake", "How fast events become rows of the open tables, and what these take", "event", func(ctx context.Context) ([]bench.Row, error) {
			return bench.Lake(ctx, o, engines.On(""), app.BenchLake)
		}),
		one("identity", "How fast people are recognised, and all of them at once", "event", func(ctx context.Context) ([]bench.Row, error) {
			return bench.Identity(ctx, o, engines.On(stateURL))
		}),
		segments,
		one("preview", "How soon it is told how many people a condition holds for", "preview", func(ctx context.Context) ([]bench.Row, error) {
			return bench.Previews(ctx, o, app.BenchPreviews(sqlWorker()))
		}),
		one("read", "How fast profiles are answered", "read", func(ctx context.Context) ([]bench.Row, error) { return bench.Read(ctx, o) }),
		one("sql", "How fast queries are answered over --events events", "query", func(ctx context.Context) ([]bench.Row, error) {
			return bench.SQL(ctx, o, app.BenchSQL(sqlWorker()))
		}),
		benchNodesCommand(&o, &stateURL, &asJSON),
		baselineCommand(&o),
	)
	return cmd
}

// baselineCommand is the bare handler that the others are measured beside.
func baselineCommand(o *bench.Options) *cobra.Command {
	return &cobra.Command{Use: "baseline", Short: "Run the bare handler", Hidden: true, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		if o.Dir == "" {
			return usage(fmt.Errorf("name a folder with --dir"))
		}
		return bench.Baseline(cmd.Context(), o.Dir, cmd.OutOrStdout())
	}}
}
