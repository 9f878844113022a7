package local

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/sys"
)

// files is the content of a log's folder by path.
type files map[string][]byte

// snapshot reads a folder of one partition.
func snapshot(t testing.TB, fs sys.FS, dir string) files {
	t.Helper()
	out := files{}
	for _, d := range []string{dir, folder(fs, dir, 0)} {
		names, err := fs.List(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			path := fs.PathJoin(d, name)
			if info, err := fs.Stat(path); err != nil || info.IsDir() || name == lockName {
				continue
			}
			b, err := readFile(fs, path)
			if err != nil {
				t.Fatal(err)
			}
			out[path] = b
		}
	}
	return out
}

// restore makes a file system that holds the files, but for those replaced; a nil
// replacement removes.
func restore(t testing.TB, all, replaced files) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewMem()
	both := maps.Clone(all)
	maps.Copy(both, replaced)
	for path, b := range both {
		if b == nil {
			continue
		}
		if err := fs.MkdirAll(fs.PathDir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := writeFile(fs, path, bytes.Clone(b)); err != nil {
			t.Fatal(err)
		}
	}
	return fs
}

func damageOptions(fs sys.FS) Options {
	return Options{FS: fs, Clock: sys.NewManual(time.UnixMilli(0)), Rand: sys.Seeded(3), SegmentBytes: 2 << 10}
}

// closedLog makes a log of several segments, with blocks of one and of several
// records, closes it, and returns its files and records.
func closedLog(t testing.TB) (files, [][]byte) {
	t.Helper()
	fs := vfs.NewMem()
	l := mustOpen(t, "log", damageOptions(fs))
	r := rand.New(rand.NewPCG(2, 2))
	var want [][]byte
	for len(want) < 160 {
		var entries []eventlog.Entry
		for range 1 + r.IntN(8) {
			d := fmt.Appendf(nil, "record %d %s %x", len(want), strings.Repeat("word ", r.IntN(30)), r.Uint64())
			want = append(want, d)
			entries = append(entries, eventlog.Entry{Data: d})
		}
		if _, err := l.Append(tctx(), entries); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return snapshot(t, fs, "log"), want
}

// outcome is what a log with damage gives back.
type outcome struct {
	openErr  error
	end      int64
	right    int
	corrupt  int
	reported int
}

// examine opens a log, reads every offset that was ever written, and fails the
// test if a record is wrong, is missing without an error, or was invented. It
// then appends, which must work on whatever opened.
func examine(t testing.TB, what string, fs sys.FS, want [][]byte) outcome {
	t.Helper()
	var o outcome
	opts := damageOptions(fs)
	opts.Observer.Damaged = func(string, int64) { o.reported++ }
	l, err := Open("log", opts)
	if err != nil {
		if !errs.Is(err, errs.Corrupt) {
			t.Fatalf("%s: open: %v", what, err)
		}
		o.openErr = err
		return o
	}
	defer l.Close()
	o.end = l.partitions[0].durableEnd()
	if o.end < int64(len(want)) {
		t.Fatalf("%s: silently shortened to %d of %d records", what, o.end, len(want))
	}
	for at := int64(0); at < o.end; {
		records, err := l.Read(tctx(), eventlog.Position{Offset: at}, 50, 1<<20)
		if errs.Is(err, errs.Corrupt) {
			o.corrupt++
			at++
			continue
		}
		if err != nil || len(records) == 0 {
			t.Fatalf("%s: read at %d: %d records, %v", what, at, len(records), err)
		}
		for _, b := range records {
			if at >= int64(len(want)) || !bytes.Equal(b, want[at]) {
				t.Fatalf("%s: wrong record at %d", what, at)
			}
			at++
			o.right++
		}
	}
	positions, err := l.Append(tctx(), []eventlog.Entry{{Data: []byte("new")}})
	if err != nil || positions[0].Offset != o.end {
		t.Fatalf("%s: append: %v, %v", what, positions, err)
	}
	got, err := l.Read(tctx(), positions[0], 1, 100)
	if err != nil || len(got) != 1 || string(got[0]) != "new" {
		t.Fatalf("%s: read of the new record: %q, %v", what, got, err)
	}
	return o
}

// TestBitFlips flips bits of a closed log one at a time.
func TestBitFlips(t *testing.T) {
	const flips = 5000
	all, want := closedLog(t)
	paths, segs := slices.Sorted(maps.Keys(all)), segmentPaths(all)
	r := rand.New(rand.NewPCG(4, 4))
	refused, found, unchanged := 0, 0, 0
	for range flips {
		path := paths[r.IntN(len(paths))]
		if r.IntN(4) > 0 {
			path = segs[r.IntN(len(segs))]
		}
		b := bytes.Clone(all[path])
		bit := r.IntN(8 * len(b))
		b[bit/8] ^= 1 << (bit % 8)
		what := fmt.Sprintf("bit %d of %s", bit, path)
		o := examine(t, what, restore(t, all, files{path: b}), want)
		switch {
		case o.openErr != nil:
			refused++
		case o.corrupt > 0:
			found++
			if o.reported == 0 {
				t.Fatalf("%s: the observer was not told", what)
			}
		default:
			unchanged++
			if o.right != len(want) {
				t.Fatalf("%s: %d of %d records", what, o.right, len(want))
			}
		}
	}
	t.Logf("%d flips: %d refused at opening, %d found in reading, %d changed no record; 0 wrong records", flips, refused, found, unchanged)
	if refused == 0 || found < flips/4 || unchanged == 0 {
		t.Fatal("the flips do not reach every part of the files")
	}
}

// TestDamagedFiles damages whole files.
func TestDamagedFiles(t *testing.T) {
	all, want := closedLog(t)
	segs := segmentPaths(all)
	first, second, last := segs[0], segs[1], segs[len(segs)-1]
	zeros := func(path string) []byte { return make([]byte, len(all[path])) }
	cut := func(path string, n int) []byte { return all[path][:n] }
	for _, c := range []struct {
		name     string
		replaced files
		refused  bool // the log does not open; otherwise some records answer with Corrupt
	}{
		{"a closed segment is missing", files{second: nil}, false},
		{"the first segment is missing", files{first: nil}, false},
		{"the newest segment is missing", files{last: nil}, true},
		{"a closed segment is all zeros", files{second: zeros(second)}, false},
		{"the newest segment is all zeros", files{last: zeros(last)}, false},
		{"a closed segment is empty", files{second: {}}, false},
		{"the newest segment is empty", files{last: {}}, false},
		{"a closed segment is cut short", files{second: cut(second, 1000)}, false},
		{"the newest segment is cut short", files{last: cut(last, 700)}, false},
		{"two segments are swapped", files{first: all[second], second: all[first]}, false},
		{"the newest segment is swapped", files{first: all[last], last: all[first]}, false},
		{"the log's own file is missing", files{"log/" + metaName: nil}, true},
		{"the log's own file is empty", files{"log/" + metaName: {}}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := examine(t, c.name, restore(t, all, c.replaced), want)
			if refused := o.openErr != nil; refused != c.refused {
				t.Fatalf("open: %v", o.openErr)
			}
			if !c.refused && (o.corrupt == 0 || o.reported == 0) {
				t.Fatalf("%d records corrupt, %d reports", o.corrupt, o.reported)
			}
			if !c.refused && o.right+o.corrupt != len(want) {
				t.Fatalf("%d right, %d corrupt, of %d records", o.right, o.corrupt, len(want))
			}
		})
	}
}

func segmentPaths(all files) []string {
	var segs []string
	for path := range all {
		if strings.HasSuffix(path, segmentSuffix) {
			segs = append(segs, path)
		}
	}
	slices.Sort(segs)
	return segs
}

// TestHarmlessDamage: what can be made anew is.
func TestHarmlessDamage(t *testing.T) {
	all, want := closedLog(t)
	for path, b := range all {
		if !strings.HasSuffix(path, indexSuffix) && !strings.HasSuffix(path, markName) {
			continue
		}
		other := all[segmentPaths(all)[1]]
		for name, with := range map[string][]byte{"missing": nil, "empty": {}, "cut": b[:len(b)-1], "another file": other} {
			o := examine(t, path+" "+name, restore(t, all, files{path: with}), want)
			if o.openErr != nil || o.right != len(want) {
				t.Fatalf("%s %s: %+v", path, name, o)
			}
		}
	}
}

// TestSwappedBlocks swaps two blocks of equal length within a segment and between
// two: checksums that covered the blocks alone would not notice.
func TestSwappedBlocks(t *testing.T) {
	fs := vfs.NewMem()
	opts := damageOptions(fs)
	opts.Compression, opts.SegmentBytes = None, 4<<10
	l := mustOpen(t, "log", opts)
	var want [][]byte
	for i := range 40 {
		want = append(want, fmt.Appendf(nil, "%0200d", i))
		if _, err := l.Append(tctx(), []eventlog.Entry{{Data: want[i]}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	all := snapshot(t, fs, "log")
	segs := segmentPaths(all)
	const size = blockHeaderSize + 2 + 200
	at := func(b []byte, i int) []byte { return b[segmentHeaderSize+i*size:][:size] }
	for _, c := range []struct{ from, to string }{{segs[0], segs[0]}, {segs[0], segs[1]}, {segs[0], segs[len(segs)-1]}} {
		a, b := bytes.Clone(all[c.from]), bytes.Clone(all[c.to])
		if c.from == c.to {
			b = a
		}
		one := bytes.Clone(at(a, 1))
		copy(at(a, 1), at(b, 2))
		copy(at(b, 2), one)
		if o := examine(t, "swapped", restore(t, all, files{c.from: a, c.to: b}), want); o.corrupt != 2 || o.right != len(want)-2 {
			t.Fatalf("%+v", o)
		}
	}
}

// TestTornGroups writes one more group behind a log that was left without being
// closed, lets any mixture of its 512-byte sectors reach the disk, the others
// holding zeros or noise, and opens. The acknowledged records are there, of the
// unfinished group a prefix at most, and no damage is seen.
func TestTornGroups(t *testing.T) {
	const tries = 800
	r := rand.New(rand.NewPCG(8, 8))
	whole, cutOff := 0, 0
	for try := range tries {
		before, after, want, extra := unfinishedGroup(t, r, try%4 == 0)
		path := segmentPaths(before)[0]
		torn := tear(r, before[path], after[path])
		cuts := 0
		opts := damageOptions(restore(t, before, files{path: torn}))
		opts.SegmentBytes = 1 << 20
		opts.Observer.Damaged = func(file string, at int64) { t.Errorf("try %d: damage seen in %s at %d", try, file, at) }
		opts.Observer.TailCut = func(string, int64, int64) { cuts++ }
		l := mustOpen(t, "log", opts)
		got, err := readEverything(l)
		if err != nil {
			t.Fatalf("try %d: %v", try, err)
		}
		if len(got) < len(want) {
			t.Fatalf("try %d: %d of %d acknowledged records", try, len(got), len(want))
		}
		all := append(slices.Clone(want), extra...)
		for at, b := range got {
			if !bytes.Equal(b, all[at.Offset]) {
				t.Fatalf("try %d: wrong record at %d", try, at.Offset)
			}
		}
		if len(got) == len(all) {
			whole++
		}
		cutOff += cuts
		if end := dataEnd(t, l); bytes.Count(readSegment(t, opts.FS)[end:], []byte{0}) != len(readSegment(t, opts.FS))-int(end) {
			t.Fatalf("try %d: bytes of the unfinished group are left behind the last block", try)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d torn groups: %d tails cut off, %d groups whole nevertheless, 0 acknowledged records lost", tries, cutOff, whole)
	if cutOff < tries/2 || whole == 0 {
		t.Fatal("the groups are not torn in enough ways")
	}
}

// unfinishedGroup returns a log's files before and after one more group of one or
// several blocks.
func unfinishedGroup(t *testing.T, r *rand.Rand, several bool) (before, after files, want, extra [][]byte) {
	fs := vfs.NewMem()
	opts := damageOptions(fs)
	opts.SegmentBytes = 1 << 20
	l := mustOpen(t, "log", opts)
	grow := func(records, size int) (out [][]byte) {
		var entries []eventlog.Entry
		for range records {
			d := make([]byte, size)
			for i := range d {
				d[i] = byte(r.Uint32())
			}
			out = append(out, d)
			entries = append(entries, eventlog.Entry{Data: d})
		}
		if _, err := l.Append(tctx(), entries); err != nil {
			t.Fatal(err)
		}
		return out
	}
	for range 1 + r.IntN(4) {
		want = append(want, grow(1+r.IntN(3), r.IntN(1000))...)
	}
	before = snapshot(t, fs, "log")
	if several {
		extra = grow(3+r.IntN(3), 50<<10)
	} else {
		extra = grow(1+r.IntN(3), r.IntN(3000))
	}
	after = snapshot(t, fs, "log")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return before, after, want, extra
}

// tear mixes the sectors in which a file differs before and after.
func tear(r *rand.Rand, before, after []byte) []byte {
	const sector = 512
	out := make([]byte, len(after))
	copy(out, before)
	missing := 1 + r.IntN(4)
	for at := 0; at < len(after); at += sector {
		end := min(at+sector, len(after))
		old, now := out[at:end], after[at:end]
		if bytes.Equal(old, now) {
			continue
		}
		if r.IntN(4) >= missing {
			copy(old, now)
			continue
		}
		if at >= len(before) && r.IntN(2) == 0 {
			// A sector that never held anything of this file may hold anything.
			for i := range old {
				old[i] = byte(r.Uint32())
			}
		}
	}
	if r.IntN(3) == 0 && len(after) > len(before) {
		out = out[:len(before)+r.IntN(len(after)-len(before))]
	}
	return out
}

// TestDamageBesideAnUnfinishedGroup: damage to what had been synced is found also
// if the log was not closed, for the blocks behind it prove that it was synced.
func TestDamageBesideAnUnfinishedGroup(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for try := range 150 {
		before, after, want, extra := unfinishedGroup(t, r, try%3 == 0)
		path := segmentPaths(before)[0]
		b := bytes.Clone(after[path])
		first := segmentHeaderSize + blockHeaderSize // a bit within the first block, header or payload
		bit := r.IntN(8*first) + 8*segmentHeaderSize
		b[bit/8] ^= 1 << (bit % 8)
		o := examine(t, fmt.Sprintf("try %d", try), restore(t, after, files{path: b}), append(slices.Clone(want), extra...))
		if o.openErr != nil || o.corrupt == 0 || o.reported == 0 {
			t.Fatalf("try %d: %+v", try, o)
		}
	}
}

// TestForgedBlock: a record that holds the exact bytes of a block of this log is
// a record, also where a search for the next block comes across it.
func TestForgedBlock(t *testing.T) {
	fs := vfs.NewMem()
	opts := damageOptions(fs)
	opts.Compression, opts.SegmentBytes = None, 1<<20
	l := mustOpen(t, "log", opts)
	put := func(d []byte) {
		if _, err := l.Append(tctx(), []eventlog.Entry{{Data: d}}); err != nil {
			t.Fatal(err)
		}
	}
	put([]byte("genuine"))
	genuine := readSegment(t, fs)[segmentHeaderSize:][:blockHeaderSize+8]
	forged := bytes.Repeat(genuine, 20)
	put(forged)
	put([]byte("last"))
	all := snapshot(t, fs, "log")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	path := segmentPaths(all)[0]
	b := bytes.Clone(all[path])
	b[segmentHeaderSize+len(genuine)+4] ^= 1 // the header of the block that holds the forged ones
	o := examine(t, "forged", restore(t, all, files{path: b}), [][]byte{[]byte("genuine"), forged, []byte("last")})
	if o.openErr != nil || o.right != 2 || o.corrupt != 1 {
		t.Fatalf("%+v", o)
	}
}

// dataEnd is where the newest segment's blocks end.
func dataEnd(t testing.TB, l *Log) int64 {
	t.Helper()
	p := l.partitions[0]
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.active().size
}

func readSegment(t testing.TB, fs sys.FS) []byte {
	t.Helper()
	b, err := readFile(fs, fs.PathJoin(folder(fs, "log", 0), segmentName(0)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCorruptNamesThePlace: the error says which file is damaged and where.
func TestCorruptNamesThePlace(t *testing.T) {
	all, _ := closedLog(t)
	second := segmentPaths(all)[1]
	b := bytes.Clone(all[second])
	b[segmentHeaderSize] ^= 0xff
	l := mustOpen(t, "log", damageOptions(restore(t, all, files{second: b})))
	defer l.Close()
	base, ok := parseSegmentName(second[strings.LastIndex(second, "/")+1:])
	if !ok {
		t.Fatal(second)
	}
	_, err := l.Read(tctx(), eventlog.Position{Offset: base}, 1, 1)
	var e *errs.Error
	if !errors.As(err, &e) || e.Code != "eventlog.corrupt" || !strings.Contains(e.Detail, second) ||
		!strings.Contains(e.Detail, fmt.Sprintf("byte %d;", segmentHeaderSize)) {
		t.Fatalf("got %v", err)
	}
}
