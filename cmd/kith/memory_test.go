package main

import (
	"math"
	"runtime/debug"
	"testing"
)

// TestMemory: there is a ballast of some of the memory, and a bound that somebody has
// set stays.
func TestMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	if n := len(tuneMemory()); n < 1<<20 || n > ballastBytes {
		t.Errorf("the ballast has %d bytes", n)
	}
	t.Setenv("GOMEMLIMIT", "off")
	debug.SetMemoryLimit(math.MaxInt64 - 1)
	if tuneMemory(); debug.SetMemoryLimit(-1) != math.MaxInt64-1 {
		t.Error("the bound that was set is another")
	}
}
