package scenario_test

import (
	"flag"
	"fmt"
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
			t.Parallel()
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			f, err := scenario.Parse(name, data)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range variants {
				for _, e := range []scenario.Engine{engines.Memory(), engines.Embedded()} {
					v.Seed = uint64(i)
					t.Run(fmt.Sprintf("%s/batch=%d/partitions=%d", e.Name(), v.Batch, v.Partitions), func(t *testing.T) {
						run(t, f, e, v)
					})
				}
			}
		})
	}
}

// variants are the shapes that must not show.
var variants = []scenario.Variant{{Batch: 1, Partitions: 1}, {Batch: 1000, Partitions: 1}, {Batch: 1, Partitions: 3}, {Batch: 1000, Partitions: 3}}

func run(t *testing.T, f *scenario.File, e scenario.Engine, v scenario.Variant) {
	t.Helper()
	res, err := scenario.Run(t.Context(), f, e, v)
	if err != nil {
		t.Error(err)
	}
	for _, m := range res.Mismatches {
		t.Error(m)
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
