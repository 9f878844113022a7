// Package eventlogtest is the suite that every engine of the event log passes.
// It knows the port only; what is particular to an engine is tested beside it.
package eventlogtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kith/internal/errs"
	"kith/internal/eventlog"
)

// patience bounds what has to happen soon; nothing is measured by it.
const patience = 30 * time.Second

// Run tests an engine. fresh is called for every case and prepares a new, empty
// log of the given number of partitions; what it returns opens that log, and is
// called again, after the log has been closed, by cases about what lasts.
func Run(t *testing.T, partitions int, fresh func(t *testing.T) (open func() eventlog.Log)) {
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			s := &suite{T: t, partitions: partitions, open: fresh(t)}
			s.ctx, s.cancel = context.WithTimeout(t.Context(), patience)
			defer s.cancel()
			s.reopen()
			c.run(s)
			s.close()
		})
	}
}

type testCase struct {
	name string
	run  func(*suite)
}

func cases() []testCase {
	return []testCase{
		{"an empty log", (*suite).empty},
		{"order within a partition", (*suite).order},
		{"a call's entries are contiguous", (*suite).contiguous},
		{"one call to every partition", (*suite).spread},
		{"concurrent appends", (*suite).concurrent},
		{"read limits", (*suite).limits},
		{"read at and beyond the end", (*suite).atEnd},
		{"reading back and forth", (*suite).jumps},
		{"returned records belong to the caller", (*suite).ownership},
		{"appended data is not kept", (*suite).notKept},
		{"ends", (*suite).ends},
		{"wait", (*suite).wait},
		{"records last", (*suite).lasting},
		{"large records", (*suite).large},
		{"empty data", (*suite).emptyData},
		{"cancelled calls", (*suite).cancelled},
		{"wrong positions", (*suite).wrong},
		{"after closing", (*suite).afterClose},
	}
}

// suite is one case at work.
type suite struct {
	*testing.T
	ctx        context.Context
	cancel     context.CancelFunc
	partitions int
	open       func() eventlog.Log
	log        eventlog.Log
}

func (s *suite) close() {
	s.Helper()
	for range 2 {
		if err := s.log.Close(); err != nil {
			s.Fatalf("close: %v", err)
		}
	}
}

func (s *suite) reopen() {
	s.Helper()
	if s.log != nil {
		s.close()
	}
	s.log = s.open()
	if got := s.log.Partitions(); got != s.partitions {
		s.Fatalf("partitions: got %d, want %d", got, s.partitions)
	}
}

func (s *suite) append(partition int32, data ...string) []eventlog.Position {
	s.Helper()
	positions := s.tryAppend(partition, data...)
	s.stopIfFailed()
	return positions
}

// stopIfFailed ends the case if one of its goroutines has failed it.
func (s *suite) stopIfFailed() {
	s.Helper()
	if s.Failed() {
		s.FailNow()
	}
}

// tryAppend is append for goroutines beside the case's own: it does not end it.
func (s *suite) tryAppend(partition int32, data ...string) []eventlog.Position {
	s.Helper()
	var entries []eventlog.Entry
	for _, d := range data {
		entries = append(entries, eventlog.Entry{Partition: partition, Data: []byte(d)})
	}
	positions, err := s.log.Append(s.ctx, entries)
	if err != nil {
		s.Errorf("append: %v", err)
	}
	return positions
}

// readAll reads a partition from an offset to its end in steps.
func (s *suite) readAll(partition int32, from int64, step int) []string {
	s.Helper()
	var all []string
	for {
		got := s.read(partition, from, step, 1<<20)
		if len(got) == 0 {
			return all
		}
		all = append(all, got...)
		from += int64(len(got))
	}
}

// read reads once. A log far away may need a moment until it answers, so an
// empty answer before the end is asked for again.
func (s *suite) read(partition int32, from int64, max, maxBytes int) []string {
	s.Helper()
	for {
		records, err := s.log.Read(s.ctx, eventlog.Position{Partition: partition, Offset: from}, max, maxBytes)
		if err != nil {
			s.Fatalf("read at %d/%d: %v", partition, from, err)
		}
		if len(records) > 0 || from >= s.endOf(partition) {
			texts := make([]string, len(records))
			for i, r := range records {
				texts[i] = string(r)
			}
			return texts
		}
	}
}

func (s *suite) endOf(partition int32) int64 {
	s.Helper()
	ends, err := s.log.Ends(s.ctx)
	if err != nil {
		s.Fatalf("ends: %v", err)
	}
	if len(ends) != s.partitions {
		s.Fatalf("ends: got %d partitions, want %d", len(ends), s.partitions)
	}
	return ends[partition]
}

func (s *suite) equal(what string, got, want any) {
	s.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		s.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func (s *suite) last() int32 { return int32(s.partitions - 1) }

func numbered(prefix string, from, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s %d", prefix, from+i)
	}
	return out
}

func (s *suite) empty() {
	for p := range int32(s.partitions) {
		s.equal("end", s.endOf(p), int64(0))
		s.equal("records", s.read(p, 0, 10, 1000), []string{})
	}
	positions, err := s.log.Append(s.ctx, nil)
	if err != nil || len(positions) != 0 {
		s.Fatalf("appending nothing: %v, %v", positions, err)
	}
}

func (s *suite) order() {
	var want []string
	for i := range 100 {
		d := fmt.Sprintf("record %d", i)
		s.equal("position", s.append(s.last(), d), []eventlog.Position{{Partition: s.last(), Offset: int64(i)}})
		want = append(want, d)
	}
	for _, step := range []int{1, 7, 1000} {
		s.equal("records", s.readAll(s.last(), 0, step), want)
	}
	s.equal("records from the middle", s.readAll(s.last(), 63, 10), want[63:])
}

func (s *suite) contiguous() {
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := range 10 {
				positions := s.tryAppend(0, numbered(fmt.Sprintf("%d-%d", w, i), 0, 50)...)
				for j, p := range positions {
					if p != (eventlog.Position{Offset: positions[0].Offset + int64(j)}) {
						s.Errorf("record %d of a call is at %v, the first at %v", j, p, positions[0])
					}
				}
			}
		})
	}
	all.Wait()
	s.stopIfFailed()
	records := s.readAll(0, 0, 333)
	s.equal("number of records", len(records), 8*10*50)
	for at := 0; at < len(records); at += 50 {
		var w, i, j int
		if _, err := fmt.Sscanf(records[at], "%d-%d %d", &w, &i, &j); err != nil {
			s.Fatalf("record %d: %v", at, err)
		}
		s.equal("the records of one call", records[at:at+50], numbered(fmt.Sprintf("%d-%d", w, i), 0, 50))
	}
}

func (s *suite) spread() {
	var entries []eventlog.Entry
	want := make([][]string, s.partitions)
	var positions []eventlog.Position
	for i := range 10 * s.partitions {
		p := (i * 7) % s.partitions
		d := fmt.Sprintf("record %d", i)
		entries = append(entries, eventlog.Entry{Partition: int32(p), Data: []byte(d)})
		positions = append(positions, eventlog.Position{Partition: int32(p), Offset: int64(len(want[p]))})
		want[p] = append(want[p], d)
	}
	got, err := s.log.Append(s.ctx, entries)
	if err != nil {
		s.Fatal(err)
	}
	s.equal("positions", got, positions)
	for p := range want {
		s.equal("records", s.readAll(int32(p), 0, 100), want[p])
	}
}

func (s *suite) concurrent() {
	var mu sync.Mutex
	acknowledged := map[eventlog.Position]string{}
	var all sync.WaitGroup
	for w := range 16 {
		all.Go(func() {
			for i := range 40 {
				p := int32((w + i) % s.partitions)
				d := numbered(fmt.Sprintf("writer %d call %d", w, i), 0, 1+i%5)
				positions := s.tryAppend(p, d...)
				mu.Lock()
				for j, at := range positions {
					if other, taken := acknowledged[at]; taken {
						s.Errorf("%v was given to %q and to %q", at, other, d[j])
					}
					acknowledged[at] = d[j]
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	s.stopIfFailed()
	found := 0
	for p := range int32(s.partitions) {
		for i, d := range s.readAll(p, 0, 50) {
			s.equal("record", d, acknowledged[eventlog.Position{Partition: p, Offset: int64(i)}])
			found++
		}
	}
	s.equal("number of records", found, len(acknowledged))
}

func (s *suite) limits() {
	data := []string{"0123456789", "abcdefghij", "", "ABCDEFGHIJ", "xyz"}
	s.append(0, data...)
	for _, c := range []struct{ from, max, maxBytes, want int }{
		{0, 1, 1000, 1},
		{0, 3, 1000, 3},
		{0, 100, 1000, 5},
		{0, 100, 20, 3},
		{0, 100, 19, 1},
		{0, 100, 0, 1},
		{3, 100, 1, 1},
		{3, 100, 12, 1},
		{3, 100, 13, 2},
		{0, 0, 1000, 0},
	} {
		records, err := s.log.Read(s.ctx, eventlog.Position{Offset: int64(c.from)}, c.max, c.maxBytes)
		if err != nil {
			s.Fatal(err)
		}
		if c.max > 0 {
			// An answer may be shorter than it could be, but never empty.
			got := s.read(0, int64(c.from), c.max, c.maxBytes)
			if len(got) < 1 || len(got) > c.want {
				s.Fatalf("%+v: got %d records", c, len(got))
			}
			s.equal("records", got, data[c.from:c.from+len(got)])
		}
		if len(records) > c.want {
			s.Fatalf("%+v: got %d records", c, len(records))
		}
	}
}

func (s *suite) atEnd() {
	s.append(0, "a", "b")
	s.equal("at the end", s.read(0, 2, 10, 1000), []string{})
	s.equal("beyond the end", s.read(0, 1000, 10, 1000), []string{})
	s.append(0, "c")
	s.equal("the end has moved", s.read(0, 2, 10, 1000), []string{"c"})
}

func (s *suite) jumps() {
	want := numbered("record with some length to it", 0, 2000)
	for at := 0; at < len(want); at += 100 {
		s.append(s.last(), want[at:at+100]...)
	}
	for i, from := range []int{1999, 0, 1000, 999, 1500, 3, 1998, 1, 700, 701} {
		n := 1 + i*3
		got := s.read(s.last(), int64(from), n, 1<<20)
		if len(got) == 0 || len(got) > n {
			s.Fatalf("at %d: got %d records", from, len(got))
		}
		s.equal("records", got, want[from:from+len(got)])
	}
}

func (s *suite) ownership() {
	s.append(0, "first", "second", "third")
	for range 2 {
		records, err := s.log.Read(s.ctx, eventlog.Position{}, 2, 1000)
		if err != nil {
			s.Fatal(err)
		}
		for _, r := range records {
			clear(r)
			_ = append(r, "and more"...)
		}
	}
	s.equal("records", s.readAll(0, 0, 10), []string{"first", "second", "third"})
}

func (s *suite) notKept() {
	data := bytes.Repeat([]byte("x"), 100)
	for range 3 {
		if _, err := s.log.Append(s.ctx, []eventlog.Entry{{Data: data}}); err != nil {
			s.Fatal(err)
		}
		for i := range data {
			data[i]++
		}
	}
	rep := func(c string) string { return string(bytes.Repeat([]byte(c), 100)) }
	s.equal("records", s.readAll(0, 0, 10), []string{rep("x"), rep("y"), rep("z")})
}

func (s *suite) ends() {
	for p := range int32(s.partitions) {
		s.append(p, numbered("r", 0, int(p)+3)...)
	}
	for p := range int32(s.partitions) {
		s.equal("end", s.endOf(p), int64(p)+3)
	}
}

// wait checks that Wait answers at once when there is something, and wakes when
// something comes.
func (s *suite) wait() {
	from := make([]int64, s.partitions)
	woken := make(chan error)
	for round := range int64(3) {
		go func() {
			for {
				err := s.log.Wait(s.ctx, from)
				if ends, endsErr := s.log.Ends(s.ctx); err != nil || endsErr != nil || ends[s.last()] > from[s.last()] {
					woken <- errors.Join(err, endsErr)
					return
				}
			}
		}()
		s.append(s.last(), "news")
		if err := <-woken; err != nil {
			s.Fatalf("wait: %v", err)
		}
		from[s.last()] = round + 1
	}
	from[s.last()] = 0
	if err := s.log.Wait(s.ctx, from); err != nil {
		s.Fatalf("wait for what is there: %v", err)
	}
}

func (s *suite) lasting() {
	want := make([][]string, s.partitions)
	for round := range 4 {
		for p := range want {
			more := numbered(fmt.Sprintf("partition %d", p), round*30, 30)
			positions := s.append(int32(p), more...)
			s.equal("first position", positions[0].Offset, int64(len(want[p])))
			want[p] = append(want[p], more...)
		}
		s.reopen()
		for p := range want {
			s.equal("end", s.endOf(int32(p)), int64(len(want[p])))
			s.equal("records", s.readAll(int32(p), 0, 17), want[p])
		}
	}
}

func (s *suite) large() {
	mib := make([]byte, 1<<20)
	for i := range mib {
		mib[i] = byte(i * i >> 7)
	}
	want := []string{"small", string(mib), "small again", string(mib[1:]), string(mib[2:]), "last"}
	s.append(0, want...)
	s.append(0, string(mib[3:]))
	want = append(want, string(mib[3:]))
	s.equal("equal", cmp.Equal(s.readAll(0, 0, 10), want), true)
	s.reopen()
	s.equal("equal after reopening", cmp.Equal(s.readAll(0, 0, 10), want), true)
}

func (s *suite) emptyData() {
	s.append(0, "", "", "x", "")
	s.append(0, "")
	s.equal("records", s.readAll(0, 0, 3), []string{"", "", "x", "", ""})
}

func (s *suite) cancelled() {
	s.append(0, "there")
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	if _, err := s.log.Append(ctx, []eventlog.Entry{{Data: []byte("x")}}); !errors.Is(err, context.Canceled) {
		s.Fatalf("append: %v", err)
	}
	if _, err := s.log.Read(ctx, eventlog.Position{}, 1, 1); !errors.Is(err, context.Canceled) {
		s.Fatalf("read: %v", err)
	}
	ends := make([]int64, s.partitions)
	for p := range ends {
		ends[p] = s.endOf(int32(p))
	}
	if err := s.log.Wait(ctx, ends); !errors.Is(err, context.Canceled) {
		s.Fatalf("wait: %v", err)
	}
	s.equal("records", s.readAll(0, 0, 10), []string{"there"})
}

func (s *suite) wrong() {
	for _, p := range []int32{-1, int32(s.partitions)} {
		if _, err := s.log.Append(s.ctx, []eventlog.Entry{{Partition: p, Data: []byte("x")}}); !errs.Is(err, errs.Invalid) {
			s.Fatalf("append to partition %d: %v", p, err)
		}
		if _, err := s.log.Append(s.ctx, []eventlog.Entry{{Data: []byte("x")}, {Partition: p, Data: []byte("x")}}); !errs.Is(err, errs.Invalid) {
			s.Fatalf("append to partitions 0 and %d: %v", p, err)
		}
		if _, err := s.log.Read(s.ctx, eventlog.Position{Partition: p}, 1, 1); !errs.Is(err, errs.Invalid) {
			s.Fatalf("read of partition %d: %v", p, err)
		}
	}
	if _, err := s.log.Read(s.ctx, eventlog.Position{Offset: -1}, 1, 1); !errs.Is(err, errs.Invalid) {
		s.Fatalf("read at a negative offset: %v", err)
	}
	s.equal("end", s.endOf(0), int64(0))
}

func (s *suite) afterClose() {
	s.append(0, "x")
	s.close()
	if _, err := s.log.Append(s.ctx, []eventlog.Entry{{Data: []byte("x")}}); errs.CodeOf(err) != "eventlog.closed" {
		s.Fatalf("append: %v", err)
	}
	if _, err := s.log.Read(s.ctx, eventlog.Position{}, 1, 1); errs.CodeOf(err) != "eventlog.closed" {
		s.Fatalf("read: %v", err)
	}
	from := make([]int64, s.partitions)
	from[0] = 1
	if err := s.log.Wait(s.ctx, from); errs.CodeOf(err) != "eventlog.closed" {
		s.Fatalf("wait: %v", err)
	}
}
