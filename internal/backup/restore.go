package backup

import (
	"bytes"
	"context"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/record"
	"kith/internal/state"
)

// Target is what an archive is restored into: an empty log with as many
// partitions as the archive has positions, and an empty state.
type Target struct {
	Log   eventlog.Writer
	State state.Store
	// Restored is called after each piece; nil hears nothing.
	Restored func()
}

// Options of a restore.
type Options struct {
	// Until keeps only what was received at or before this moment, in UTC
	// milliseconds; nil keeps all. Then of the state nothing is restored but the
	// resources, as they were when the backup was taken: the rest has to be folded
	// from the log.
	Until *int64
}

// Restored is what a restore has written.
type Restored struct {
	Records int64 `json:"records"`
	Later   int64 `json:"later"` // records left out because of Until
	Rows    int64 `json:"rows"`
}

// Restore writes the archive's records and rows into the target. Each record gets
// the position that it had, unless records before it are left out. Until it has
// returned without an error, the target may hold anything of a damaged archive
// and must not be used.
func (a *Archive) Restore(ctx context.Context, t Target, o Options) (Restored, error) {
	r := &restorer{
		ctx: ctx, archive: a, target: t, opts: o,
		next: make([]int64, len(a.Header.Positions)), moment: make([]int64, len(a.Header.Positions)),
		written: make([]int64, len(a.Header.Positions)),
	}
	for {
		fr, err := a.frames.next()
		if err != nil {
			return r.out, a.reading(err)
		}
		raw, err := a.frames.payload(fr)
		if err != nil {
			return r.out, err
		}
		if fr.kind == kindEnd || fr.kind == kindFailed {
			return r.out, r.finish(fr, raw)
		}
		if err := r.frame(fr, raw); err != nil {
			return r.out, err
		}
		if t.Restored != nil {
			t.Restored()
		}
	}
}

// restorer takes the frames of an archive in.
type restorer struct {
	ctx     context.Context
	archive *Archive
	target  Target
	opts    Options
	out     Restored

	read    ending
	lastKey []byte
	next    []int64 // by partition: the offset of the record that comes next
	moment  []int64 // by partition: when the last record that can be read was received
	written []int64 // by partition: records in the target
}

func (r *restorer) frame(fr frame, raw []byte) error {
	switch fr.kind {
	case kindRows:
		return r.rows(fr, raw)
	case kindLog:
		return r.records(fr, raw)
	}
	return errDamaged(fr.at)
}

// finish makes sure that the archive was read whole.
func (r *restorer) finish(fr frame, raw []byte) error {
	end, err := readEnd(fr, raw)
	if err != nil {
		return err
	}
	a := r.archive
	if err := a.frames.end(); err != nil {
		return a.reading(err)
	}
	if err := a.drain(); err != nil {
		return err
	}
	whole := end == r.read && end.Records == a.Manifest.Records && end.Rows == a.Manifest.Rows
	for p, n := range a.Header.Positions {
		whole = whole && r.next[p] == n
	}
	if !whole {
		return errs.New(errs.Corrupt, "backup.incomplete", "the backup does not hold what it says that it holds")
	}
	return nil
}

// rows writes the rows of a frame in one transaction.
func (r *restorer) rows(fr frame, raw []byte) error {
	tx, err := r.target.State.Begin(r.ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	d := state.NewDecoder(raw)
	for d.More() {
		key, value := d.Bytes(), d.Bytes()
		if d.Bad() || len(key) == 0 || bytes.Compare(key, r.lastKey) <= 0 {
			return errDamaged(fr.at)
		}
		r.lastKey = append(r.lastKey[:0], key...)
		r.read.Rows++
		if r.opts.Until == nil || state.Family(key[0]) == state.FamilyResource {
			tx.Put(key, value)
			r.out.Rows++
		}
	}
	if !d.Done() {
		return errDamaged(fr.at)
	}
	return tx.Commit(r.ctx, state.Cursor{})
}

// records appends the records of a frame.
func (r *restorer) records(fr frame, raw []byte) error {
	d := state.NewDecoder(raw)
	partition, first := d.Uvarint(), d.Uvarint()
	if d.Bad() || partition >= uint64(len(r.next)) || int64(first) != r.next[partition] {
		return errDamaged(fr.at)
	}
	var entries []eventlog.Entry
	for d.More() {
		data := d.Bytes()
		if d.Bad() {
			break
		}
		r.next[partition]++
		r.read.Records++
		if r.keeps(partition, data) {
			entries = append(entries, eventlog.Entry{Partition: int32(partition), Data: data})
		} else {
			r.out.Later++
		}
	}
	if !d.Done() || r.next[partition] > r.archive.Header.Positions[partition] {
		return errDamaged(fr.at)
	}
	if len(entries) == 0 {
		return nil
	}
	at, err := r.target.Log.Append(r.ctx, entries)
	if err != nil {
		return err
	}
	if at[0].Offset != r.written[partition] {
		return errs.New(errs.Conflict, "backup.target", "the log that the backup is restored into was not empty, or somebody else writes to it")
	}
	r.written[partition] += int64(len(entries))
	r.out.Records += int64(len(entries))
	return nil
}

// keeps reports whether a record was received in time. One that cannot be read
// goes with the record before it.
func (r *restorer) keeps(partition uint64, data []byte) bool {
	if r.opts.Until == nil {
		return true
	}
	if rec, err := record.Decode(data); err == nil {
		r.moment[partition] = rec.Stamp.ReceivedAt
	}
	return r.moment[partition] <= *r.opts.Until
}
