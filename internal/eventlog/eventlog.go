// Package eventlog is the port to the durable, ordered, replayable log in which
// every accepted record lies before it is acknowledged. The engines are
// eventlog/local (segment files on one machine) and eventlog/kafka (any broker
// of the Kafka protocol); eventlog/eventlogtest is the suite both pass.
package eventlog

import "context"

// Position names one record: a partition and the record's offset in it. Offsets
// of a partition start at 0 and rise by one from record to record.
type Position struct {
	Partition int32
	Offset    int64
}

// Entry is one record to append: opaque bytes and the partition they go to.
// The log does not keep Data after Append returns.
type Entry struct {
	Partition int32
	Data      []byte
}

// Writer appends records.
type Writer interface {
	// Append makes the entries durable and returns their positions in the same
	// order: when it returns without an error they survive a crash of the
	// process, the operating system and the machine. Entries of one call and one
	// partition are contiguous and in order. Concurrent calls share one sync.
	//
	// After an error none, some or all entries may be in the log: the caller has
	// to send again, and the reader has to recognise repeats. Errors are of kind
	// Unavailable when the caller may retry (eventlog.disk_full while the disk is
	// below its reserve, eventlog.closed, a broker out of reach).
	//
	// A failed sync makes the log refuse all further appends until it is opened
	// again: what the disk holds is then unknown.
	Append(ctx context.Context, entries []Entry) ([]Position, error)
}

// Reader reads records back.
type Reader interface {
	// Read returns records of one partition in order from the offset on: at most
	// max records and, beyond the first, at most maxBytes bytes. It returns an
	// empty slice at the end of the log and never blocks for new records. Only
	// durable records are returned. The data belongs to the caller. A damaged
	// record gives an error of kind Corrupt that names file and offset.
	Read(ctx context.Context, from Position, max, maxBytes int) ([][]byte, error)

	// Ends returns, by partition, the offset that the next record will get.
	Ends(ctx context.Context) ([]int64, error)

	// Wait blocks until some partition has a record at or after its offset in
	// from, or ctx ends; it may return early.
	Wait(ctx context.Context, from []int64) error
}

// Log is a whole log. Partitions is fixed for the life of the log's data. Close
// is safe twice; it waits for appends under way.
type Log interface {
	Writer
	Reader
	Partitions() int
	Close() error
}
