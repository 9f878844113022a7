package law_test

import (
	"fmt"
	"testing"

	"kith/event"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/oracle/workload"
	"kith/internal/record"
	statemem "kith/internal/state/mem"
)

const day = 24 * 60 * 60 * 1000

// copyOf is a copy of message "m", received so many milliseconds after the start
// of the test's time, that writes one trait; all copies happened at one moment.
func copyOf(received int64, trait string) []byte {
	r := record.Record{
		Kind: record.Event,
		Stamp: event.Stamp{
			Source: "web", MessageID: "m", Type: event.Identify,
			ReceivedAt: workload.Start + received, Timestamp: workload.Start,
		},
		Body: []byte(fmt.Sprintf(`{"userId":"u1-x","traits":{%s}}`, trait)),
	}
	return r.AppendTo(nil)
}

// TestTwoEventsOfOneMessage: copies of a message received over 30 days apart are
// two events, although they may say the same and have happened at the same moment.
// Taking one of them back leaves the other.
func TestTwoEventsOfOneMessage(t *testing.T) {
	first, second := copyOf(0, `"a":1`), copyOf(40*day, `"b":2`)
	lesser := copyOf(40*day-1, `"c":3`) // makes the second one a repeat
	for name, sent := range map[string][][]byte{
		"both":                       {first, second},
		"the later one first":        {second, first},
		"the same content":           {first, copyOf(40*day, `"a":1`)},
		"the second is withdrawn":    {first, second, lesser},
		"a third between joins them": {first, second, copyOf(25*day, `"d":4`)},
	} {
		for _, batch := range []int{1, 1000} {
			w := newWorld(t, logmem.New(1), statemem.New(), batch)
			if err := w.append(sent); err != nil {
				t.Fatal(err)
			}
			if _, err := w.fold(); err != nil {
				t.Errorf("%s, batches of %d: %v", name, batch, err)
			}
		}
	}
}
