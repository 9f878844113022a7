package scenario_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kith/internal/scenario"
	"kith/internal/scenario/engines"
)

var update = flag.Bool("update", false, "rewrite the expected texts of the scenarios with those of the engine in memory")

// TestScenarios runs every file on every engine, with batches of one and of many
// records and with one and several partitions. The text is the same everywhere.
func TestScenarios(t *testing.T) {
	if *update {
		rewrite(t)
	}
	files, err := scenario.Files(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), scenario.Extension), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			f, err := scenario.Parse(name, data)
			if err != nil {
				t.Fatal(err)
			}
			res, err := scenario.Run(t.Context(), f, engines.Memory(), scenario.Variant{})
			if err != nil {
				t.Error(err)
			}
			for _, m := range res.Mismatches {
				t.Error(m)
			}
		})
	}
}

// rewrite puts the outputs of the engine in memory into the files.
func rewrite(t *testing.T) {
	var report strings.Builder
	_, failed, err := scenario.Test(t.Context(), ".", &report, scenario.Options{Engines: []scenario.Engine{engines.Memory()}, Update: true})
	if err != nil || failed > 0 {
		t.Fatalf("not all files could be rewritten: %v\n%s", err, report.String())
	}
}
