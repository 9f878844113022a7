package mem

import (
	"testing"

	"kith/internal/eventlog"
	"kith/internal/eventlog/eventlogtest"
)

func TestConformance(t *testing.T) {
	for _, partitions := range []int{1, 3} {
		eventlogtest.Run(t, partitions, func(*testing.T) func() eventlog.Log {
			l := New(partitions)
			return func() eventlog.Log {
				l = l.Reopen()
				return l
			}
		})
	}
}
