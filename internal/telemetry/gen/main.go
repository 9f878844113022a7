// Command gen writes the reference of the metrics to the file that its argument
// names.
package main

import (
	"fmt"
	"os"

	"kith/internal/telemetry"
)

//go:generate go run . ../../../docs/reference/metrics.md

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen FILE")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], telemetry.Reference(), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
