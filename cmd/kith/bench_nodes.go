package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"kith/internal/bench"
	"kith/internal/bench/engines"
)

// benchNodesCommand measures nodes that share servers which run already.
func benchNodesCommand(base *bench.Options, stateURL *string, asJSON *bool) *cobra.Command {
	var logURL string
	var watched []string
	o := bench.NodesOptions{}
	cmd := &cobra.Command{
		Use: "nodes", Args: cobra.NoArgs,
		Short: "How fast several nodes on one Kafka and one PostgreSQL are, beside the embedded engines",
		Long: `Sends --events events in batches through the collectors of 1, 2 and 3 nodes that
run on this machine, and measures until all were accepted, folded and shown, and
what each part used of the processor and the disk: the nodes, and each engine whose
processes --engine names. Before them one node on the embedded engines takes the
same. Topics named after the prefix in --log are left; delete them.`,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			o.Options = *base
			if o.Binary, err = os.Executable(); err != nil {
				return err
			}
			if (logURL == "") != (*stateURL == "") {
				return usage(fmt.Errorf("name both servers, --log and --state, or none to measure the embedded engines alone"))
			}
			if logURL == "" {
				o.Counts = nil
			}
			for _, s := range watched {
				w, err := bench.ParseWatched(s)
				if err != nil {
					return usage(err)
				}
				o.Watched = append(o.Watched, w)
			}
			o.Place = engines.Fresh(logURL, *stateURL, strconv.FormatInt(time.Now().Unix(), 36))
			rows, measured := bench.Nodes(cmd.Context(), o) // what was measured before an error is told, too
			print := func() error { return bench.PrintNodes(cmd.OutOrStdout(), rows) }
			if *asJSON {
				print = func() error { return printJSON(cmd.OutOrStdout(), rows) }
			}
			return errors.Join(print(), measured)
		},
	}
	f := cmd.Flags()
	f.StringVar(&logURL, "log", "", "kafka://broker,broker/prefix of the log that the nodes share")
	f.IntSliceVar(&o.Counts, "nodes", []int{1, 2, 3}, "numbers of nodes to measure")
	f.StringArrayVar(&watched, "engine", nil, "NAME=PID,PID@FOLDER,FOLDER: an engine whose processes (with their children) and folders of data are on this machine; - is printed for others")
	f.IntVar(&o.Definitions, "definitions", 0, "segments that nearly every event concerns")
	return cmd
}
