// Package scenario_test runs the scenarios of this folder on every engine.
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

// matrix is the engines, each with the shapes that it runs in. None of them may
// show in the text. An engine's servers are started once, which skips the engine
// where they are missing; every file is given an engine of its own.
var matrix = []struct {
	name   string
	start  func(*testing.T) func(*testing.T) scenario.Engine
	shapes []scenario.Variant
}{
	{"memory", without(engines.Memory), all},
	{"embedded", without(engines.Embedded), all},
	{"cold", coldEngine, all},
	{"kafka", kafkaEngine, few},
	{"postgres", postgresEngine, few},
}

// without starts an engine that needs no server.
func without(e func() scenario.Engine) func(*testing.T) func(*testing.T) scenario.Engine {
	return func(*testing.T) func(*testing.T) scenario.Engine {
		return func(*testing.T) scenario.Engine { return e() }
	}
}

// all shapes, and the few that reach as far where each commit goes to a server.
var (
	all = []scenario.Variant{{Batch: 1, Partitions: 1}, {Batch: 1000, Partitions: 1}, {Batch: 1, Partitions: 3}, {Batch: 1000, Partitions: 3}}
	few = []scenario.Variant{{Batch: 1000, Partitions: 1}, {Batch: 20, Partitions: 3}}
)

// callsMax is how many calls a file may have to be run in batches of one record.
const callsMax = 400

// TestScenarios: every file says the same on every engine, in batches of one and
// of many records, with one and with several partitions.
func TestScenarios(t *testing.T) {
	if *update {
		rewrite(t)
	}
	files := parse(t)
	for i, row := range matrix {
		t.Run(row.name, func(t *testing.T) {
			engine := row.start(t)
			for _, f := range files {
				t.Run(strings.TrimSuffix(filepath.Base(f.Name), scenario.Extension), func(t *testing.T) {
					t.Parallel()
					shapes := row.shapes
					if f.Calls() > callsMax {
						shapes = few
					}
					for j, shape := range shapes {
						shape.Seed = uint64(i*len(all) + j)
						run(t, f, engine(t), shape)
					}
				})
			}
		})
	}
}

func parse(t *testing.T) []*scenario.File {
	t.Helper()
	names, err := scenario.Files(".")
	if err != nil || len(names) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	var out []*scenario.File
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := scenario.Parse(name, data)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

func run(t *testing.T, f *scenario.File, e scenario.Engine, v scenario.Variant) {
	t.Helper()
	shape := fmt.Sprintf("batch=%d partitions=%d seed=%d", v.Batch, v.Partitions, v.Seed)
	res, err := scenario.Run(t.Context(), f, e, v)
	if err != nil {
		t.Errorf("%s: %v", shape, err)
	}
	for _, m := range res.Mismatches {
		t.Errorf("%s: %s", shape, m)
	}
}

// rewrite puts the outputs of the engine in memory into the files.
func rewrite(t *testing.T) {
	t.Helper()
	var report strings.Builder
	_, failed, err := scenario.Test(t.Context(), ".", &report, scenario.Options{Engines: []scenario.Engine{engines.Memory()}, Update: true})
	if err != nil || failed > 0 {
		t.Fatalf("not all files could be rewritten: %v\n%s", err, report.String())
	}
}
