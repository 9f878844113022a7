package pebble

import (
	"io"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/state"
)

// logOf writes a write-ahead log of several blocks, closed in order, and returns
// it with its number and the offset of its trailer.
func logOf(tb testing.TB) (data []byte, number uint32) {
	tb.Helper()
	mem := vfs.NewMem()
	s, err := Open("/state", Options{FS: mem, MemTableBytes: 1 << 20, ReserveBytes: -1})
	if err != nil {
		tb.Fatal(err)
	}
	for i := range 200 {
		tx, err := s.Begin(tb.Context(), nil)
		if err != nil {
			tb.Fatal(err)
		}
		tx.Put([]byte{byte(i)}, make([]byte, i*i%1500))
		if err := tx.Commit(tb.Context(), state.Cursor{}); err != nil {
			tb.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		tb.Fatal(err)
	}
	names, err := mem.List("/state")
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".log") {
			continue
		}
		f, err := mem.Open("/state/" + name)
		if err != nil {
			tb.Fatal(err)
		}
		if data, err = io.ReadAll(f); err != nil {
			tb.Fatal(err)
		}
		for _, c := range strings.TrimSuffix(name, ".log") {
			number = number*10 + uint32(c-'0')
		}
	}
	return data, number
}

// TestReadLog: a log is read to its trailer; a change before that is damage, and
// a log without its end is one that was not closed in order.
func TestReadLog(t *testing.T) {
	data, number := logOf(t)
	whole := readLog(data, number)
	if len(data) < 2*manifestBlock || !whole.closed || whole.damaged || whole.at+numberedHeader != len(data) {
		t.Fatalf("%d bytes: %+v", len(data), whole)
	}
	for i := 0; i < whole.at; i += 173 {
		changed := append([]byte(nil), data...)
		changed[i] ^= 0x10
		if end := readLog(changed, number); !end.damaged || end.at > i {
			t.Fatalf("a change at %d: %+v", i, end)
		}
	}
	for n := 0; n < whole.at; n += 97 {
		if end := readLog(data[:n], number); end.damaged || end.closed || end.at > n {
			t.Fatalf("an end torn at %d: %+v", n, end)
		}
	}
	if end := readLog(data, number+1); end.at != 0 || end.damaged || end.closed {
		t.Fatalf("as another log: %+v", end)
	}
}

// FuzzReadLog reads any bytes as a write-ahead log.
func FuzzReadLog(f *testing.F) {
	data, number := logOf(f)
	f.Add(data[:3000], number)
	f.Add(data[len(data)-3000:], number)
	f.Add([]byte{}, uint32(0))
	f.Add(make([]byte, 3*syncedHeader), uint32(1))
	f.Fuzz(func(t *testing.T, data []byte, number uint32) {
		end := readLog(data, number)
		if end.at < 0 || end.at > len(data) || end.closed && end.damaged {
			t.Errorf("%+v of %d bytes", end, len(data))
		}
	})
}
