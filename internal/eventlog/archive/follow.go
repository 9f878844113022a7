package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/lake"
)

// How much of the topic is read at once.
const (
	readRecords = 2000
	readBytes   = 4 << 20
)

// Follower archives one partition. It is not safe for concurrent use. Several may
// follow one partition, each believing that it is the only one: what one of them has
// listed the others do not undo, and they notice it.
type Follower struct {
	a         *Archiver
	partition int32
	files     lake.Guarded
	list      *list           // as it was read or written last; nil: it has to be read
	segment   *growing        // nil: none is being made
	more      bool            // the last step has ended before the end of the topic
	trimmed   time.Time       // when the topic was last looked at for what can go
	sound     map[string]bool // segments that were read whole and were what was written
}

// growing is a segment that is being made.
type growing struct {
	lake.Draft
	*writer
	sum     hash.Hash
	path    string
	since   time.Time
	instead *Segment // whose records it begins with, and which it replaces
}

// Follow returns a follower of a partition.
func (a *Archiver) Follow(partition int32) *Follower {
	return &Follower{a: a, partition: partition, files: a.cfg.Log.place.Enter(), sound: map[string]bool{}}
}

// Step archives what has come, a segment at most, if it is enough for one or has
// waited for long, and deletes from the topic what can go. After an error the next step begins with
// what the archive has by then.
func (f *Follower) Step(ctx context.Context) error { return f.step(ctx, false) }

// Flush is Step that archives all that has come, and deletes all that can go.
func (f *Follower) Flush(ctx context.Context) error { return f.step(ctx, true) }

func (f *Follower) step(ctx context.Context, all bool) (err error) {
	defer func() {
		if err != nil {
			f.forget()
		}
	}()
	if f.list == nil {
		if err := f.load(ctx); err != nil {
			return err
		}
	}
	if f.more, err = f.follow(ctx, all); err != nil {
		return err
	}
	now := f.a.cfg.Clock.Now()
	if s := f.segment; s != nil && (all || now.Sub(s.since) >= f.a.cfg.Age) {
		if err := f.commit(ctx); err != nil {
			return err
		}
	}
	if f.a.cfg.Keep < 0 || !all && now.Sub(f.trimmed) < f.a.cfg.TrimEvery {
		return nil
	}
	f.trimmed = now
	return f.trim(ctx)
}

// forget lets go of what was begun: the next step reads anew.
func (f *Follower) forget() {
	if f.segment != nil {
		f.segment.Abort()
	}
	f.segment, f.list = nil, nil
}

// load reads what the archive has, and removes what others have begun and not
// listed.
func (f *Follower) load(ctx context.Context) error {
	f.files.Forget()
	if err := claim(ctx, f.files, f.a.cfg.Log.Topic); err != nil {
		return err
	}
	l, err := readList(ctx, f.files, f.partition)
	if err != nil {
		return err
	}
	if l, err = f.sweep(ctx, l); err != nil {
		return err
	}
	starts, err := f.a.cfg.Log.Topic.Starts(ctx)
	if err != nil {
		return err
	}
	if start := starts[f.partition]; start > l.end() {
		return f.a.cfg.Log.missing(f.partition, l.end(), start)
	}
	f.list = l
	return nil
}

// sweep deletes the files that no list names. Before that it replaces the list, so
// that a writer who has made one of them and was paused can list it no more.
func (f *Follower) sweep(ctx context.Context, l *list) (*list, error) {
	all, err := f.files.List(ctx, folder(f.partition))
	if err != nil {
		return nil, err
	}
	var unlisted []string
	for _, info := range all {
		if path := info.Name[len(folder(f.partition))+1:]; path != lake.ManifestName && !l.names(path) {
			unlisted = append(unlisted, info.Name)
		}
	}
	if len(unlisted) == 0 {
		return l, nil
	}
	next := &list{Format: listFormat, Partition: f.partition, Version: l.Version + 1, Segments: l.Segments}
	if err := next.write(ctx, f.files); err != nil {
		return nil, err
	}
	for _, name := range unlisted {
		if err := f.files.Delete(ctx, name); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// next is the offset of the first record that is in no segment, listed or growing.
func (f *Follower) next() int64 {
	if f.segment != nil {
		return f.segment.next
	}
	return f.list.end()
}

// follow reads what the topic has beyond the archive, up to the end or, unless that is
// asked for, of one segment; more says that it has not reached the end.
func (f *Follower) follow(ctx context.Context, all bool) (more bool, err error) {
	topic := f.a.cfg.Log.Topic
	ends, err := topic.Ends(ctx)
	if err != nil {
		return false, err
	}
	end := ends[f.partition]
	if end < f.list.end() {
		return false, errs.New(errs.Corrupt, "archive.ahead",
			"the archive %s has the records of partition %d up to offset %d, and topic %s ends at %d: brokers have lost records that were acknowledged; nothing is archived or deleted until the topic is mended",
			f.a.cfg.Log.place.Name, f.partition, f.list.end()-1, topic.Name(), end)
	}
	f.a.behind(f.partition, end-f.list.end())
	for began := f.list.end(); f.next() < end; {
		if !all && f.list.end() > began {
			return true, nil
		}
		records, err := topic.Read(ctx, eventlog.Position{Partition: f.partition, Offset: f.next()}, readRecords, readBytes)
		if err != nil {
			return false, err // also when another process has archived and deleted them
		}
		if len(records) == 0 {
			return false, nil
		}
		if err := f.add(ctx, records[:min(int64(len(records)), end-f.next())]); err != nil {
			return false, err
		}
	}
	return false, nil
}

// add puts records into segments.
func (f *Follower) add(ctx context.Context, records [][]byte) error {
	for _, r := range records {
		if f.segment == nil {
			if err := f.begin(ctx); err != nil {
				return err
			}
		}
		if err := f.segment.add(r); err != nil {
			return err
		}
		if f.segment.raw >= f.a.cfg.SegmentBytes {
			if err := f.commit(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// begin begins a segment. A last one that is small is taken into it, so that a
// partition to which little comes does not gather small files.
func (f *Follower) begin(ctx context.Context) error {
	if n := len(f.list.Segments); n > 0 && f.list.Segments[n-1].RawBytes < f.a.cfg.SegmentBytes/2 {
		last := f.list.Segments[n-1]
		err := f.create(ctx, last.From)
		if err == nil {
			f.segment.instead = &last
			if err = f.copy(ctx, &last); err == nil {
				return nil
			}
		}
		if f.segment != nil {
			f.segment.Abort()
			f.segment = nil
		}
		if !errs.Is(err, errs.Corrupt) {
			return err
		}
		if f.a.cfg.Observer.Failed != nil {
			f.a.cfg.Observer.Failed(f.partition, err) // it stays as it is; what comes is archived behind it
		}
	}
	return f.create(ctx, f.list.end())
}

func (f *Follower) create(ctx context.Context, from int64) error {
	var mark [6]byte
	if _, err := io.ReadFull(f.a.cfg.Rand, mark[:]); err != nil {
		return errs.Wrap(err, errs.Internal, "archive.random", "there is no randomness")
	}
	path := fmt.Sprintf("%020d-%s.seg", from, hex.EncodeToString(mark[:]))
	d, err := f.files.Create(ctx, folder(f.partition)+"/"+path)
	if err != nil {
		return err
	}
	sum := sha256.New()
	w, err := newWriter(io.MultiWriter(d, sum), f.a.codec, f.partition, from)
	if err != nil {
		d.Abort()
		return err
	}
	f.segment = &growing{Draft: d, writer: w, sum: sum, path: path, since: f.a.cfg.Clock.Now()}
	return nil
}

// copy puts the records of a segment into the one that is begun.
func (f *Follower) copy(ctx context.Context, s *Segment) (err error) {
	file, c, err := openSegment(ctx, f.files, f.partition, s)
	if err != nil {
		return lost(err, f.partition, s)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	for i := range c.blocks {
		records, err := c.readBlock(file, f.a.codec, f.partition, i)
		if err != nil {
			return named(err, f.partition, s)
		}
		for _, r := range records {
			if err := f.segment.add(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// commit makes the segment durable, and then lists it.
func (f *Follower) commit(ctx context.Context) error {
	s := f.segment
	if err := s.finish(); err != nil {
		return err
	}
	if err := s.Commit(ctx); err != nil {
		return err
	}
	next := &list{Format: listFormat, Partition: f.partition, Version: f.list.Version + 1}
	next.Segments = append(next.Segments, f.list.Segments...)
	if s.instead != nil {
		next.Segments = next.Segments[:len(next.Segments)-1]
	}
	next.Segments = append(next.Segments, Segment{
		Path: s.path, From: s.from, To: s.next, Bytes: s.at, RawBytes: s.raw, SHA256: hex.EncodeToString(s.sum.Sum(nil)),
	})
	if err := next.write(ctx, f.files); err != nil {
		return err
	}
	records := next.end() - f.list.end()
	f.list, f.segment = next, nil
	f.a.archived(f.partition, records)
	if f.a.cfg.Observer.Archived != nil {
		f.a.cfg.Observer.Archived(f.partition, records, s.at)
	}
	if s.instead == nil {
		return nil
	}
	return f.files.Delete(ctx, folder(f.partition)+"/"+s.instead.Path)
}

// trim deletes from the topic the records that are archived and old enough.
func (f *Follower) trim(ctx context.Context) error {
	topic := f.a.cfg.Log.Topic
	since, err := topic.Since(ctx, f.a.cfg.Clock.Now().Add(-f.a.cfg.Keep))
	if err != nil {
		return err
	}
	starts, err := topic.Starts(ctx)
	if err != nil {
		return err
	}
	start, before := starts[f.partition], min(since[f.partition], f.list.end())
	if before <= start {
		return nil
	}
	if err := f.verify(ctx, start, before); err != nil {
		return err
	}
	if err := topic.Trim(ctx, f.partition, before); err != nil {
		return err
	}
	if f.a.cfg.Observer.Trimmed != nil {
		f.a.cfg.Observer.Trimmed(f.partition, before-start)
	}
	return nil
}

// verify looks, before records are deleted from the topic, that the list which lies
// in the archive is the one that is known, that all its segments are there, and that
// those with the records are what was written.
func (f *Follower) verify(ctx context.Context, start, before int64) error {
	now, err := readList(ctx, f.files, f.partition)
	if err != nil {
		return err
	}
	if now.Version != f.list.Version {
		return errs.New(errs.Conflict, "archive.moved", "another process archives the partition")
	}
	all, err := f.files.List(ctx, folder(f.partition))
	if err != nil {
		return err
	}
	bytes := map[string]int64{}
	for _, info := range all {
		bytes[info.Name[len(folder(f.partition))+1:]] = info.Bytes
	}
	for _, s := range now.Segments {
		if have, there := bytes[s.Path]; !there {
			return lost(errs.New(errs.NotFound, "archive.no_file", "it is not there"), f.partition, &s)
		} else if have != s.Bytes {
			return errSegment(f.partition, &s, min(have, s.Bytes))
		}
		if s.To <= start || s.From >= before || f.sound[s.Path] {
			continue
		}
		if _, err := checkSegment(ctx, f.files, f.a.codec, f.partition, &s); err != nil {
			return err
		}
		f.sound[s.Path] = true
	}
	return nil
}
