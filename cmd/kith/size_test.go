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
