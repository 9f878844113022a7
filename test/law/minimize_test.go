package law_test

import (
	"slices"
	"testing"

	"kith/test/law"
)

func TestMinimizeKeepsWhatTheFailureNeeds(t *testing.T) {
	items := make([]int, 200)
	for i := range items {
		items[i] = i
	}
	for _, need := range [][]int{{17}, {0, 199}, {3, 4, 5, 120}} {
		calls := 0
		got := law.Minimize(items, 1000, func(some []int) bool {
			calls++
			return !slices.ContainsFunc(need, func(n int) bool { return !slices.Contains(some, n) })
		})
		if !slices.Equal(got, need) {
			t.Errorf("need %v, got %v after %d calls", need, got, calls)
		}
	}
}

func TestMinimizeStopsAfterItsTries(t *testing.T) {
	calls := 0
	law.Minimize(make([]int, 1000), 7, func([]int) bool { calls++; return false })
	if calls != 7 {
		t.Errorf("%d calls, want 7", calls)
	}
}
