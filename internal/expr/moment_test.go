package expr

import (
	"testing"
	"time"
)

// TestOffsetsOfTimesAreStrict: RFC 3339 knows hours to 23 and minutes to 59, and
// nothing else beside Z.
func TestOffsetsOfTimesAreStrict(t *testing.T) {
	for s, want := range map[string]bool{
		"2025-03-01T00:00:00Z": true, "2025-03-01T00:00:00+23:59": true, "2025-03-01T00:00:00.5-23:59": true,
		"2025-03-01T00:00:00+24:00": false, "2025-03-01T00:00:00-01:60": false, "2025-03-01T00:00:00.999+24:60": false,
		"2025-03-01T00:00:00": false, "2025-03-01T24:00:00Z": false, "2025-03-01T23:59:60Z": false, "2025-03-01t00:00:00z": false, "2025-03-01T00:00:00,5Z": false,
	} {
		if _, ok := Time(s, time.UTC); ok != want {
			t.Errorf("%s is a time: %t", s, ok)
		}
	}
}
