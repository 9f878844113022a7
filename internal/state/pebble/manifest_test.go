package pebble

import (
	"bytes"
	"io"
	"testing"

	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"kith/internal/errs"
	"kith/internal/state"
)

// manifestOf writes a store that lists a good many tables and returns its list.
func manifestOf(tb *testing.T) (mem *vfs.MemFS, name string, data []byte) {
	tb.Helper()
	mem = vfs.NewMem()
	s, err := Open("/state", Options{FS: mem, MemTableBytes: 64 << 10})
	if err != nil {
		tb.Fatal(err)
	}
	for i := range 400 {
		mustFlush(tb, s, byte(i))
	}
	if err := s.Close(); err != nil {
		tb.Fatal(err)
	}
	marker, err := atomicfs.ReadMarker(mem, "/state", "manifest")
	if err != nil {
		tb.Fatal(err)
	}
	f, err := mem.Open("/state/" + marker)
	if err != nil {
		tb.Fatal(err)
	}
	if data, err = io.ReadAll(f); err != nil {
		tb.Fatal(err)
	}
	return mem, "/state/" + marker, data
}

func mustFlush(tb *testing.T, s *Store, key byte) {
	tb.Helper()
	tx, err := s.Begin(tb.Context(), nil)
	if err != nil {
		tb.Fatal(err)
	}
	tx.Put([]byte{key}, []byte("v"))
	if err := tx.Commit(tb.Context(), state.Cursor{}); err != nil {
		tb.Fatal(err)
	}
	if err := s.db.Flush(); err != nil {
		tb.Fatal(err)
	}
}

// TestManifestDamage flips bytes all over the list of tables: before the last
// record it is damage, in the last record it might be a torn end.
func TestManifestDamage(t *testing.T) {
	mem, name, data := manifestOf(t)
	if len(data) <= manifestBlock {
		t.Fatalf("a list of %d bytes lies in one block", len(data))
	}
	if at, damaged := manifestDamage(data); damaged || at != len(data) {
		t.Fatalf("the whole list is read up to %d of %d, damaged %v", at, len(data), damaged)
	}
	last, at := 0, 0
	for at < len(data) {
		n, _, ok := chunk(data, at)
		if !ok {
			n = manifestBlock - at%manifestBlock // the rest of a block
		} else {
			last = at
		}
		at += n
	}
	for i := 0; i < len(data); i += 13 {
		changed := append([]byte(nil), data...)
		changed[i] ^= 0x40
		if at, damaged := manifestDamage(changed); damaged != (at < last) || at > i {
			t.Fatalf("a change at %d: damaged %v from %d on; the last record begins at %d", i, damaged, at, last)
		}
	}
	for n := range 64 { // torn ends of every length
		if _, damaged := manifestDamage(data[:len(data)-n]); damaged {
			t.Fatalf("an end torn by %d bytes is taken for damage", n)
		}
	}
	data[len(data)/2] ^= 0x40
	f, err := mem.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	if _, err := Open("/state", Options{FS: mem}); !errs.Is(err, errs.Corrupt) {
		t.Errorf("Open of the damaged list: %v", err)
	}
}

// FuzzManifestDamage reads any bytes as a list of tables.
func FuzzManifestDamage(f *testing.F) {
	var list bytes.Buffer
	w := record.NewWriter(&list)
	for i := range 20 {
		if _, err := w.WriteRecord(make([]byte, i*i*17)); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	if at, damaged := manifestDamage(list.Bytes()); damaged || at != list.Len() {
		f.Fatalf("the whole list is read up to %d of %d, damaged %v", at, list.Len(), damaged)
	}
	f.Add(list.Bytes())
	f.Add([]byte{})
	f.Add(make([]byte, 3*manifestHeader))
	f.Fuzz(func(t *testing.T, data []byte) {
		if at, damaged := manifestDamage(data); at < 0 || damaged && at >= len(data) {
			t.Errorf("offset %d of %d, damaged %v", at, len(data), damaged)
		}
	})
}
