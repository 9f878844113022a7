package local

import (
	"time"

	"kith/internal/errs"
	"kith/internal/sys"
)

// Compression says how blocks are stored. Every block carries its own code, so
// a log may hold blocks of all kinds and the choice can change from one opening
// to the next.
type Compression uint8

// The compressions. S2 is the default because an appended event must cost well
// under a microsecond; zstd stores the same events in about six tenths of the
// bytes for about three times the CPU.
const (
	S2        Compression = iota // klauspost s2, fastest
	None                         // stored as it came
	ZstdFast                     // zstd, fastest level
	ZstdDense                    // zstd, default level
)

// Defaults of Options.
const (
	DefaultSegmentBytes    = 256 << 20
	DefaultReserveFraction = 0.05
	DefaultCacheBytes      = 4 << 20

	// reserveCeiling bounds the reserve that a fraction asks for: a twentieth
	// of a very large disk is more than anybody needs to clean up.
	reserveCeiling = 10 << 30
	// usageMaxAge is how long a reading of the disk's free space is believed.
	usageMaxAge = 250 * time.Millisecond
)

// Options configures a log. The zero value works on the machine's disk with the
// defaults named at each field.
type Options struct {
	// FS holds the files; nil means the machine's disk.
	FS sys.FS
	// Clock times commits and the age of the last look at the free space; nil
	// means the machine's clock.
	Clock sys.Clock
	// Rand makes the identity of a new log; nil means the machine's entropy.
	Rand sys.Rand

	// Partitions is the number of partitions. 0 means as the folder has it, 1 for
	// a new one. Any other number than the folder's is refused: an offset would
	// no longer mean the same record.
	Partitions int
	// SegmentBytes is the size at which a segment is closed and the next begun.
	// One commit never spans two segments, so a segment may exceed it by the
	// last commit. 0 means DefaultSegmentBytes.
	SegmentBytes int64
	// ReserveBytes and ReserveFraction say how much of the disk stays free:
	// appends are refused while less is available than the larger of the two. The
	// fraction is of the whole disk and asks for at most 10 GiB; 0 means
	// DefaultReserveFraction, a negative one none.
	ReserveBytes    uint64
	ReserveFraction float64
	// Compression of new blocks.
	Compression Compression
	// CacheBytes bounds the decompressed blocks kept for readers, by partition.
	// 0 means DefaultCacheBytes.
	CacheBytes int
	// Observer is told what happens; see there.
	Observer Observer
}

// Observer is a set of callbacks, each of which may be nil. They are called from
// the goroutine in which the thing happens, must be quick, and must not call
// back into the log. File names are paths within FS.
type Observer struct {
	// Committed is called after every commit.
	Committed func(Commit)
	// TailCut is called at opening when the end of the newest segment held bytes
	// of a commit that was never finished. at is the position of the cut in the
	// file, bytes the length of what was cleared. Nothing acknowledged is in it.
	TailCut func(file string, at, bytes int64)
	// Damaged is called when stored bytes are found that do not say what was
	// written, at opening or by a reader.
	Damaged func(file string, at int64)
	// DiskFull is called with true when appends begin to be refused for lack of
	// space, and with false when they are taken again.
	DiskFull func(full bool)
	// Failed is called once when a write or a sync failed and a partition refuses
	// all further appends.
	Failed func(err error)
	// IndexRebuilt is called when the index of a closed segment was missing or
	// damaged and has been made anew from the segment.
	IndexRebuilt func(file string)
}

// Commit describes one group commit: what one sync made durable.
type Commit struct {
	Partition int32
	Records   int
	Blocks    int
	RawBytes  int           // the records' bytes with their length prefixes
	DiskBytes int           // the same as stored, headers included
	Took      time.Duration // from the start of encoding to the end of the sync
}

// Stats are totals over all partitions: Bytes, Segments and Records of what lies
// in the folder, Groups and Syncs since the log was opened.
type Stats struct {
	Bytes    int64
	Segments int
	Records  int64
	Groups   int64
	Syncs    int64
}

// withDefaults fills what was left zero and refuses what cannot work.
func (o Options) withDefaults() (Options, error) {
	if o.FS == nil {
		o.FS = sys.Disk()
	}
	if o.Clock == nil {
		o.Clock = sys.Wall()
	}
	if o.Rand == nil {
		o.Rand = sys.Entropy()
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = DefaultSegmentBytes
	}
	if o.ReserveFraction == 0 {
		o.ReserveFraction = DefaultReserveFraction
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = DefaultCacheBytes
	}
	if o.Partitions < 0 || o.Partitions > maxPartitions {
		return o, errs.New(errs.Invalid, "eventlog.options", "partitions must be between 1 and %d", maxPartitions)
	}
	if o.SegmentBytes < 0 || o.CacheBytes < 0 || o.ReserveFraction > 1 {
		return o, errs.New(errs.Invalid, "eventlog.options", "sizes must not be negative and the reserved fraction at most 1")
	}
	if o.Compression > ZstdDense {
		return o, errs.New(errs.Invalid, "eventlog.options", "unknown compression %d", o.Compression)
	}
	return o, nil
}
