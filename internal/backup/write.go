package backup

import (
	"context"
	"encoding/binary"
	"io"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/identity"
	"kith/internal/state"
)

// Source is a workspace that is to be backed up. It may be at work.
type Source struct {
	Log       eventlog.Reader
	State     state.Store
	Keys      *identity.Keyring
	Workspace string
	Version   string // of the program
	Now       int64  // UTC milliseconds
}

// IDKeyOf stands for the secret of a keyring without giving it away.
func IDKeyOf(keys *identity.Keyring) string {
	return keys.Node(identity.Identifier{Type: "backup", Value: "of the key"}).String()
}

// Write writes an archive of the workspace as it is at one moment, however long
// writing takes and whatever happens to the workspace meanwhile. The moment is
// taken when Write is called: first a snapshot of the state, then the ends of the
// log, which are never behind what the snapshot has folded.
//
// An error before the first byte leaves nothing written. After one that comes
// later the archive ends with a frame that tells it, and no reader takes it for
// whole.
func Write(ctx context.Context, w io.Writer, src Source) error {
	snap, err := src.State.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	ends, err := src.Log.Ends(ctx)
	if err != nil {
		return err
	}
	out, err := newFrameWriter(w)
	if err != nil {
		return err
	}
	a := &archiver{ctx: ctx, out: out, src: &src}
	err = out.write(kindHeader, encode(Header{
		Format: formatVersion, Kith: src.Version, Workspace: src.Workspace,
		CreatedAt: event.FormatTime(src.Now), Positions: ends, IDKey: IDKeyOf(src.Keys),
	}))
	if err != nil {
		return err
	}
	if err := a.body(snap, ends); err != nil {
		_ = out.write(kindFailed, encode(failureOf(err))) // the reader may be gone; the first error tells more
		return err
	}
	return nil
}

// archiver fills frames.
type archiver struct {
	ctx context.Context
	out *frameWriter
	src *Source
	buf []byte
	end ending
}

func (a *archiver) body(snap state.Snapshot, ends []int64) error {
	if err := a.rows(snap); err != nil {
		return err
	}
	if err := snap.Close(); err != nil {
		return err
	}
	for p, end := range ends {
		if err := a.partition(int32(p), end); err != nil {
			return err
		}
	}
	return a.out.write(kindEnd, encode(a.end))
}

// rows writes all rows of the state in the order of their keys.
func (a *archiver) rows(snap state.Snapshot) error {
	for kv, err := range snap.Scan(a.ctx, state.Range{}) {
		if err != nil {
			return err
		}
		a.buf = appendBytes(appendBytes(a.buf, kv.Key), kv.Value)
		a.end.Rows++
		if len(a.buf) >= frameTarget {
			if err := a.flush(kindRows); err != nil {
				return err
			}
		}
	}
	return a.flush(kindRows)
}

// flush writes what has gathered as one frame.
func (a *archiver) flush(kind byte) error {
	if len(a.buf) == 0 {
		return nil
	}
	err := a.out.write(kind, a.buf)
	a.buf = a.buf[:0]
	return err
}

// How much is read of the log at once.
const (
	readRecords = 16384
	readBytes   = frameTarget
)

// partition writes the records of a partition up to the offset.
func (a *archiver) partition(p int32, end int64) error {
	for next := int64(0); next < end; {
		most := int(min(end-next, readRecords))
		records, err := a.src.Log.Read(a.ctx, eventlog.Position{Partition: p, Offset: next}, most, readBytes)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			return errs.New(errs.Corrupt, "backup.log_short", "partition %d of the log ends at record %d, although it had %d", p, next, end)
		}
		a.buf = binary.AppendUvarint(a.buf, uint64(p))
		a.buf = binary.AppendUvarint(a.buf, uint64(next))
		for _, r := range records {
			a.buf = appendBytes(a.buf, r)
		}
		if err := a.flush(kindLog); err != nil {
			return err
		}
		next += int64(len(records))
		a.end.Records += int64(len(records))
	}
	return nil
}
