package pebble_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"kith/internal/state"
	"kith/internal/state/pebble"
)

var writeFolder = flag.Bool("write-folder", false, "write testdata/v1 anew, after a deliberate change of the format")

// TestFolderOfVersion1 opens a folder that an earlier build wrote: rows in a
// table and rows in the log, puts and every merge.
func TestFolderOfVersion1(t *testing.T) {
	const golden = "testdata/v1"
	if *writeFolder {
		if err := os.RemoveAll(golden); err != nil {
			t.Fatal(err)
		}
		writeVersion1(t, golden)
	}
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.CopyFS(dir, os.DirFS(golden)); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, dir, pebble.Options{})
	defer mustClose(t, s)
	want := map[string]string{
		"put": "v", "put empty": "", "cursor": "2",
		"add":   "\x01\x00\x00\x00\x00\x00\x00\x00\x0b",
		"min":   "\x02a",
		"max":   "\x03y",
		"last":  "\x04\x012second",
		"union": "\x05\x01a\x01b\x01c",
	}
	if diff := difference(dump(t, s), want); diff != "" {
		t.Error(diff)
	}
	mustPut(t, s, 0, 10, 10)
}

func writeVersion1(t *testing.T, dir string) {
	commit := func(s state.Store, c state.Cursor, fill func(tx state.Tx)) {
		tx, err := s.Begin(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		fill(tx)
		if err := tx.Commit(context.Background(), c); err != nil {
			t.Fatal(err)
		}
	}
	merges := func(tx state.Tx, add int64, value, stamp, last string, set ...[]byte) {
		tx.Merge([]byte("add"), state.OpAdd, i64(add))
		tx.Merge([]byte("min"), state.OpMin, []byte(value))
		tx.Merge([]byte("max"), state.OpMax, []byte(value))
		tx.Merge([]byte("last"), state.OpLast, state.LastOperand([]byte(stamp), []byte(last)))
		tx.Merge([]byte("union"), state.OpUnion, state.UnionOperand(set...))
	}
	first := mustOpen(t, dir, pebble.Options{})
	commit(first, state.Cursor{Key: []byte("cursor"), New: []byte("1")}, func(tx state.Tx) {
		tx.Put([]byte("put"), []byte("v"))
		tx.Put([]byte("put empty"), nil)
		tx.Put([]byte("gone"), []byte("v"))
		merges(tx, 4, "y", "1", "first", []byte("c"), []byte("a"))
	})
	mustClose(t, first)
	second := mustOpen(t, dir, pebble.Options{}) // opening flushes the log into a table
	commit(second, state.Cursor{Key: []byte("cursor"), Old: []byte("1"), New: []byte("2")}, func(tx state.Tx) {
		tx.Delete([]byte("gone"))
		merges(tx, 7, "a", "2", "second", []byte("b"))
	})
	mustClose(t, second)
	if err := os.Remove(filepath.Join(dir, "LOCK")); err != nil {
		t.Fatal(err)
	}
	fmt.Println("wrote", dir)
}
