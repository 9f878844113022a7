package scenario

import (
	"context"

	"kith/internal/eventlog"
	"kith/internal/history"
	"kith/internal/state"
)

// Engine is a log and a state that scenarios can run on.
type Engine interface {
	// Name is short, for reports: "memory", "pebble".
	Name() string

	// Open makes an empty log of that many partitions and an empty state, shared
	// with nobody. Engines whose log has a fixed number of partitions may take
	// fewer.
	Open(ctx context.Context, partitions int) (Place, error)
}

// Place is an open log and state. It is used by one goroutine.
type Place interface {
	Log() eventlog.Log
	State() state.Store
	History() history.Index

	// Crash cuts both off as if the machine had lost power, where the engine can
	// show that, and opens again what is left; Log and State then return the new
	// ones. An engine that cannot be cut off is closed and opened again; a state
	// that does not outlast its process is lost.
	Crash(ctx context.Context) error

	// Fresh returns one more empty state of the same kind, which the caller
	// closes.
	Fresh(ctx context.Context) (state.Store, error)

	// Close closes everything and takes away what was stored.
	Close() error
}
