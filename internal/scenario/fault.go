package scenario

import (
	"kith/internal/history"
	"kith/internal/state"
)

// faults are the messages whose folding breaks, as a defect of a stage would
// make it.
type faults struct {
	poisoned map[string]bool // by messageId
	used     bool
}

// faultyHistory is a history that panics on poisoned messages.
type faultyHistory struct {
	history.Index
	faults *faults
}

// Append implements history.Index.
func (h faultyHistory) Append(tx state.Tx, e *history.Entry) {
	if h.faults.poisoned[e.MessageID] {
		panic("the message is poisoned")
	}
	h.Index.Append(tx, e)
}
