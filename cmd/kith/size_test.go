package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"kith/internal/sizing"
)

// sized runs kith size.
func sized(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	cmd := sizeCommand()
	cmd.SetOut(&out)
	cmd.SetArgs(args)
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestSizeIsPrinted(t *testing.T) {
	small := sized(t, "--events-per-day", "864000")
	for _, want := range []string{"10 events a second on average, 30 at the peak", "kith      1", " -\n"} {
		if !strings.Contains(small, want) {
			t.Errorf("%q is missing in:\n%s", want, small)
		}
	}
	large := sized(t, "--events-per-day", "1e10", "--profiles", "1e9", "--shared", "--simulate", "--core-price", "10")
	for _, want := range []string{"installations of kith", "PostgreSQL", "object store", "what waited was caught up", "in segments p99"} {
		if !strings.Contains(large, want) {
			t.Errorf("%q is missing in:\n%s", want, large)
		}
	}
	if strings.Contains(large, " -\n") {
		t.Errorf("with a price there is money:\n%s", large)
	}
}

// TestSizeOfOldHistory: what moves to ClickHouse leaves PostgreSQL, and costs what it
// costs there.
func TestSizeOfOldHistory(t *testing.T) {
	load := []string{"--events-per-day", "10e6", "--profiles", "1e6", "--days", "365", "--shared", "--json"}
	disk := func(args ...string) (postgres, clickhouse float64) {
		var a sizeAnswer
		if err := json.Unmarshal([]byte(sized(t, append(args, load...)...)), &a); err != nil {
			t.Fatal(err)
		}
		for _, p := range a.Plan.Parts {
			switch p.Name {
			case "PostgreSQL":
				postgres = p.DiskGB
			case "ClickHouse":
				clickhouse = p.DiskGB
			}
		}
		return postgres, clickhouse
	}
	all, none := disk()
	left, moved := disk("--history-days", "90")
	if none != 0 || moved <= 0 || left+moved >= all {
		t.Errorf("%.0f GB became %.0f and %.0f", all, left, moved)
	}
	text := sized(t, "--events-per-day", "10e6", "--shared", "--history-days", "90")
	if !strings.Contains(text, "moving old history") || !strings.Contains(text, "a second on average\n") || !strings.Contains(text, "ClickHouse") {
		t.Errorf("%s", text)
	}
}

func TestSizeAsJSON(t *testing.T) {
	var a sizeAnswer
	if err := json.Unmarshal([]byte(sized(t, "--json", "--shared", "--simulate")), &a); err != nil {
		t.Fatal(err)
	}
	if len(a.Plan.Parts) != 5 || a.Simulated == nil || a.Simulated.Folded == 0 || a.Load.EventsPerDay != 1e6 {
		t.Errorf("%+v", a)
	}
}

func TestCoefficientsArePrinted(t *testing.T) {
	out := sized(t, "--table")
	for _, c := range sizing.Table() {
		if !strings.Contains(out, c.Name) {
			t.Errorf("%q is missing in:\n%s", c.Name, out)
		}
	}
}
