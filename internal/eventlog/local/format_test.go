package local

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"kith/internal/eventlog"
	"kith/internal/sys"
)

// With -update the golden files are written anew. The files of a released format
// never change: a new format gets a folder of its own beside them.
func updateGolden() bool { return flag.Lookup("update").Value.String() == "true" }

// powerRuns is how many runs of several power cuts each there are.
func powerRuns(t *testing.T) uint64 {
	n, err := strconv.ParseUint(flag.Lookup("power.runs").Value.String(), 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write the golden files")
	flag.Uint("power.runs", 100, "number of runs of five power cuts")
	flag.Parse()
	os.Exit(m.Run())
}

func goldenOptions(fs sys.FS, c Compression) Options {
	return Options{
		FS: fs, Clock: sys.NewManual(time.UnixMilli(0)), Rand: sys.Seeded(42),
		SegmentBytes: 1 << 10, Compression: c, ReserveFraction: -1,
	}
}

// goldenRecords are the records of the golden logs, by call.
func goldenRecords() [][]string {
	var out [][]string
	for i := range 8 {
		call := []string{fmt.Sprintf(`{"type":"track","event":"Order Completed","messageId":"m-%d","properties":{"total":%d.50}}`, i, i*7)}
		if i%3 == 1 {
			call = append(call, "", strings.Repeat("a long record of little content; ", 8), "\x00\xff")
		}
		out = append(out, call)
	}
	return out
}

// writeGolden makes a golden log: one opening for each compression.
func writeGolden(t *testing.T, compressions ...Compression) files {
	t.Helper()
	fs := vfs.NewMem()
	for _, c := range compressions {
		l := mustOpen(t, "log", goldenOptions(fs, c))
		for _, call := range goldenRecords() {
			appendText(t, l, call...)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return snapshot(t, fs, "log")
}

func loadGolden(t *testing.T, name string) files {
	t.Helper()
	root := filepath.Join("testdata", name)
	out := files{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		out["log/"+filepath.ToSlash(rel)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func storeGolden(t *testing.T, name string, all files) {
	t.Helper()
	for path, b := range all {
		path = filepath.Join("testdata", name, strings.TrimPrefix(path, "log/"))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// readGolden opens the golden files, for writing too, and compares the records.
func readGolden(t *testing.T, all files, times int) {
	t.Helper()
	var want []string
	for range times {
		want = append(want, slices.Concat(goldenRecords()...)...)
	}
	l := mustOpen(t, "log", goldenOptions(restore(t, all, nil), S2))
	defer l.Close()
	appendText(t, l, "one more")
	records, err := l.Read(tctx(), eventlog.Position{}, 1000, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range records {
		got = append(got, string(b))
	}
	if diff := cmp.Diff(append(want, "one more"), got); diff != "" {
		t.Fatalf("records (-want +got):\n%s", diff)
	}
}

// TestGoldenPlain: the bytes of an uncompressed log are fixed, in both directions.
func TestGoldenPlain(t *testing.T) {
	written := writeGolden(t, None)
	if updateGolden() {
		storeGolden(t, "v1-plain", written)
	}
	golden := loadGolden(t, "v1-plain")
	if diff := cmp.Diff(slices.Sorted(maps.Keys(golden)), slices.Sorted(maps.Keys(written))); diff != "" {
		t.Fatalf("files (-want +got):\n%s", diff)
	}
	for path, b := range golden {
		if !bytes.Equal(b, written[path]) {
			t.Errorf("%s is written differently", path)
		}
	}
	readGolden(t, golden, 1)
}

// TestGoldenCompressed: compressed logs of this format can be read for ever. What
// a compressor writes may change with its version, so only reading is compared.
func TestGoldenCompressed(t *testing.T) {
	if updateGolden() {
		storeGolden(t, "v1-compressed", writeGolden(t, S2, ZstdFast, ZstdDense))
	}
	golden := loadGolden(t, "v1-compressed")
	codes := map[byte]bool{}
	for path, b := range golden {
		if strings.HasSuffix(path, segmentSuffix) {
			for i := bytes.Index(b, []byte(blockMagic)); i >= 0; {
				codes[b[i+5]] = true
				n := bytes.Index(b[i+1:], []byte(blockMagic))
				if n < 0 {
					break
				}
				i += 1 + n
			}
		}
	}
	if !codes[codeS2] || !codes[codeZstd] {
		t.Fatalf("the golden blocks have only the codes %v", codes)
	}
	readGolden(t, golden, 3)
}

func FuzzDecodeBlock(f *testing.F) {
	c := newCodec(S2)
	raw := appendRecord(appendRecord(nil, []byte("a record")), bytes.Repeat([]byte("b"), 300))
	for _, comp := range []Compression{S2, None, ZstdFast} {
		stored, code, err := newCodec(comp).appendCompressed(nil, raw)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(stored, code, uint32(2), uint32(len(raw)), int64(0), int64(segmentHeaderSize))
	}
	f.Add([]byte{}, uint8(0), uint32(1), uint32(1<<31), int64(-1), int64(1))
	f.Fuzz(func(t *testing.T, stored []byte, code uint8, count, rawLen uint32, base, synced int64) {
		const pos = 4096
		h := blockHeader{code: code, base: base, synced: synced, count: count, rawLen: rawLen,
			storedLen: uint32(len(stored)), payloadCRC: checksum(stored)}
		place := newPlace(1, 0, 0)
		b := make([]byte, blockHeaderSize)
		place.put(b, pos, h)
		got, ok := place.parse(b, pos)
		if !ok {
			return
		}
		if got != h {
			t.Fatalf("got %+v, want %+v", got, h)
		}
		if _, ok := place.parse(b, pos+1); ok {
			t.Fatal("the header is taken at another position")
		}
		raw, err := c.decodeBlock(nil, got, stored)
		if err != nil {
			return
		}
		if len(raw) != int(rawLen) || checkFraming(raw, count) != nil {
			t.Fatalf("%d bytes, want %d", len(raw), rawLen)
		}
	})
}

func FuzzParseHeader(f *testing.F) {
	b := make([]byte, blockHeaderSize)
	place := newPlace(1, 0, 0)
	place.put(b, 40, blockHeader{base: 3, synced: 40, count: 1, rawLen: 2, storedLen: 2})
	f.Add(b)
	f.Add([]byte(blockMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, ok := place.parse(b, 40)
		if !ok {
			return
		}
		again := make([]byte, blockHeaderSize)
		place.put(again, 40, h)
		if !bytes.Equal(again, b[:blockHeaderSize]) {
			t.Fatalf("%x is read as %+v", b, h)
		}
	})
}

func FuzzDecodeIndex(f *testing.F) {
	h := indexHeader{partition: 1, logID: 2, base: 100, end: 1000, dataEnd: 1 << 20}
	f.Add(encodeIndex(h, []entry{{100, 40}, {200, 40_000}, {900, 90_000}})[8:])
	f.Add(encodeIndex(h, nil)[8:])
	f.Fuzz(func(t *testing.T, tail []byte) {
		// The checksums and the magic are put right, so that the rest is reached.
		b := append([]byte(indexMagic), tail...)
		if len(b) >= indexHeaderSize {
			copy(b[8:], encodeUint32(formatVersion))
			copy(b[52:], encodeUint32(uint32(len(b)-indexHeaderSize)))
			copy(b[56:], encodeUint32(checksum(b[indexHeaderSize:])))
			copy(b[60:], encodeUint32(checksum(b[:60])))
		}
		h, entries, err := decodeIndex(b)
		if err != nil {
			return
		}
		for i, e := range entries {
			if e.base < h.base || e.base >= h.end || e.pos < segmentHeaderSize || e.pos >= h.dataEnd || i > 0 && e.pos <= entries[i-1].pos {
				t.Fatalf("entry %d is %+v in %+v", i, e, h)
			}
		}
		h2, entries2, err := decodeIndex(encodeIndex(h, entries))
		if err != nil || h2 != h || !slices.Equal(entries2, entries) {
			t.Fatalf("read again: %+v, %v", h2, err)
		}
	})
}

func FuzzDecodeSmallFiles(f *testing.F) {
	f.Add(encodeMeta(meta{3, 9}))
	f.Add(encodeMark(mark{0, 9, 0, 40, 7}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := decodeMeta(b, "file"); err == nil && !bytes.Equal(encodeMeta(m), b) {
			t.Fatalf("%x is read as %+v", b, m)
		}
		if m, ok := decodeMark(b, 9, 0); ok && !bytes.Equal(encodeMark(m), b) {
			t.Fatalf("%x is read as %+v", b, m)
		}
	})
}

// FuzzOpen replaces a stretch of the newest segment of a log that was not closed.
// Whatever it is, opening answers, the records that can be read are right, and
// the log can be appended to and opened again.
func FuzzOpen(f *testing.F) {
	fs := vfs.NewMem()
	l := mustOpen(f, "log", goldenOptions(fs, S2))
	appendText(f, l, "first", "second")
	appendText(f, l, "third")
	appendText(f, l, "fourth")
	all := snapshot(f, fs, "log")
	if err := l.Close(); err != nil {
		f.Fatal(err)
	}
	path := segmentPaths(all)[0]
	f.Add(uint16(40), []byte("KBLK"))
	f.Add(uint16(0), []byte{})
	f.Add(uint16(150), all[path][40:100])
	f.Add(uint16(90), make([]byte, 100))
	want := []string{"first", "second", "third", "fourth"}
	f.Fuzz(func(t *testing.T, at uint16, with []byte) {
		b := bytes.Clone(all[path])
		copy(b[min(int(at), len(b)):], with)
		fs := restore(t, all, files{path: b})
		var added []eventlog.Position
		for range 2 {
			l, err := Open("log", goldenOptions(fs, S2))
			if err != nil {
				if len(added) > 0 {
					t.Fatalf("opened once and not again: %v", err)
				}
				return
			}
			end := l.partitions[0].durableEnd()
			for offset := range min(end, int64(len(want))) {
				at := eventlog.Position{Offset: offset}
				if got, err := l.Read(tctx(), at, 1, 100); err == nil && string(got[0]) != want[offset] && !slices.Contains(added, at) {
					t.Fatalf("the record at %d is %q", offset, got[0])
				}
			}
			positions, err := l.Append(tctx(), []eventlog.Entry{{Data: []byte("new")}})
			if err != nil || positions[0].Offset != end {
				t.Fatalf("append: %v, %v", positions, err)
			}
			for _, at := range append(added, positions[0]) {
				if got, err := l.Read(tctx(), at, 1, 100); err != nil || string(got[0]) != "new" {
					t.Fatalf("the record added at %d is %q, %v", at.Offset, got, err)
				}
			}
			added = append(added, positions[0])
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
