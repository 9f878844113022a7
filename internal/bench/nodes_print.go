package bench

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// CPU is what all parts took that are known.
func (r *NodesRow) CPU() (total time.Duration) {
	for _, u := range r.Use {
		total += u.CPU
	}
	return total
}

// PrintNodes writes the rows as a table: events a second of wall time and for a CPU
// second of all parts that are known, and of each part the CPU time of an event, its
// share of the whole, and the disk of an event. What is not known is a dash.
func PrintNodes(w io.Writer, rows []NodesRow) error {
	var names []string
	for i := range rows {
		for _, u := range rows[i].Use {
			if !slices.Contains(names, u.Name) {
				names = append(names, u.Name)
			}
		}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "nodes\tengines\tuntil\tevents/s\tevents/CPU s\t")
	for _, n := range names {
		fmt.Fprintf(t, "%s µs\tshare\tdisk B\t", n)
	}
	fmt.Fprintln(t, "load µs\tothers cores\tbatch\tbatch ms\tsent again\t")
	for i := range rows {
		r := &rows[i]
		events := float64(r.Events)
		fmt.Fprintf(t, "%d\t%s\t%s\t%.0f\t%s\t", r.Nodes, r.Engines, r.Until, events/r.Elapsed.Seconds(), known(events/max(r.CPU().Seconds(), 1e-9), "%.0f"))
		for _, n := range names {
			at := slices.IndexFunc(r.Use, func(u Use) bool { return u.Name == n })
			if at < 0 {
				fmt.Fprint(t, "-\t-\t-\t")
				continue
			}
			u := r.Use[at]
			fmt.Fprintf(t, "%s\t%s\t%s\t", known(float64(u.CPU.Microseconds())/events, "%.1f"),
				known(100*float64(u.CPU)/float64(max(r.CPU(), 1)), "%.0f %%"), known(float64(u.DiskBytes)/events, "%.0f"))
		}
		var batch float64
		if r.Batches > 0 {
			batch = events / float64(r.Batches)
		}
		fmt.Fprintf(t, "%.1f\t%s\t%s\t%s\t%d\t\n", float64(r.Load.Microseconds())/events, known(max(0, r.Others.Seconds())/r.Elapsed.Seconds(), "%.2f"),
			known(batch, "%.0f"), known(ms(r.InBatch), "%.1f"), r.Refused)
	}
	return t.Flush()
}
