package pebble_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/errs"
	"kith/internal/state"
	"kith/internal/state/pebble"
	"kith/internal/sys"
)

// checkedOptions make small tables, so that a small state has several.
func checkedOptions(fs sys.FS) pebble.Options {
	return pebble.Options{FS: fs, MemTableBytes: 64 << 10, CacheBytes: 1 << 20, ReserveBytes: -1, NoSync: true}
}

// checkedState makes a state of several tables and a log, closes it, and returns
// its files and rows.
func checkedState(t *testing.T) (files map[string][]byte, rows map[string]string) {
	t.Helper()
	fs := vfs.NewMem()
	for session := range 4 {
		s := mustOpen(t, "/state", checkedOptions(fs))
		for i := range 12 {
			mustPut(t, s, session*20+i*2, 4, 30)
			tx, err := s.Begin(context.Background(), nil)
			if err != nil {
				t.Fatal(err)
			}
			tx.Merge([]byte("sum"), state.OpAdd, i64(int64(i)))
			tx.Delete(fmt.Appendf(nil, "key %08d", session*3+i))
			if err := tx.Commit(context.Background(), state.Cursor{}); err != nil {
				t.Fatal(err)
			}
		}
		if session == 3 {
			rows = dump(t, s)
		}
		mustClose(t, s)
	}
	return contents(t, fs), rows
}

func contents(t *testing.T, fs sys.FS) map[string][]byte {
	t.Helper()
	names, err := fs.List("/state")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		f, err := fs.Open("/state/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if files[name], err = io.ReadAll(f); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	return files
}

func onDisk(t *testing.T, files map[string][]byte) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewMem()
	if err := fs.MkdirAll("/state", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		f, err := fs.Create("/state/"+name, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(bytes.Clone(data)); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	return fs
}

// check returns what a check reports, by file.
func check(t *testing.T, fs sys.FS) (out pebble.Checked, damage []string) {
	t.Helper()
	out, err := pebble.Check(context.Background(), "/state", checkedOptions(fs), pebble.Checking{
		Damaged: func(file string, at int64, what string) {
			damage = append(damage, fmt.Sprintf("%s %d %s", file, at, what))
		},
		Row: func(_, _ []byte) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, damage
}

func TestCheckOfASoundState(t *testing.T) {
	files, rows := checkedState(t)
	fs := onDisk(t, files)
	out, damage := check(t, fs)
	if len(damage) > 0 || out.Rows != int64(len(rows)) {
		t.Fatalf("%+v for %d rows, %q", out, len(rows), damage)
	}
	after := contents(t, fs)
	delete(after, "LOCK")
	delete(files, "LOCK")
	if !maps.EqualFunc(files, after, bytes.Equal) {
		t.Fatalf("the check has changed files: %v, before %v", slices.Sorted(maps.Keys(after)), slices.Sorted(maps.Keys(files)))
	}
}

// TestCheckFindsBitFlips: every flipped bit is found, or changes no row.
func TestCheckFindsBitFlips(t *testing.T) {
	flips := 1500
	if testing.Short() {
		flips = 300
	}
	files, rows := checkedState(t)
	var names []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if len(files[name]) > 0 {
			names = append(names, name)
		}
	}
	r := rand.New(rand.NewPCG(16, 16))
	found, harmless := map[string]int{}, map[string]int{}
	total := 0
	for range flips {
		name := names[r.IntN(len(names))]
		data := bytes.Clone(files[name])
		bit := r.IntN(8 * len(data))
		data[bit/8] ^= 1 << (bit % 8)
		changed := maps.Clone(files)
		changed[name] = data
		fs := onDisk(t, changed)
		kind := strings.TrimLeft(name, "0123456789")
		if kind[0] != '.' {
			kind, _, _ = strings.Cut(kind, "-")
		}
		if _, damage := check(t, fs); len(damage) > 0 {
			if !strings.HasPrefix(damage[0], "/state/"+name+" ") {
				t.Errorf("bit %d of %s: reported as %q", bit, name, damage)
			}
			found[kind]++
			total++
			continue
		}
		s, err := pebble.Open("/state", checkedOptions(fs))
		if err != nil {
			t.Fatalf("bit %d of %s: not found, and %v", bit, name, err)
		}
		if diff := difference(dump(t, s), rows); diff != "" {
			t.Fatalf("bit %d of %s: not found, and %s", bit, name, diff)
		}
		mustClose(t, s)
		harmless[kind]++
	}
	t.Logf("%d flips: found %v, harmless %v, 0 wrong answers", flips, found, harmless)
	if total < flips/2 {
		t.Fatal("the flips do not reach every part of the files")
	}
}

// TestCheckOfAStateInUse: a state that is open is left alone.
func TestCheckOfAStateInUse(t *testing.T) {
	fs := vfs.NewMem()
	_, err := pebble.Check(context.Background(), "/state", checkedOptions(fs), pebble.Checking{})
	wantError(t, err, errs.NotFound, "state.none")
	s := mustOpen(t, "/state", checkedOptions(fs))
	_, err = pebble.Check(context.Background(), "/state", checkedOptions(fs), pebble.Checking{})
	wantError(t, err, errs.Unavailable, "state.in_use")
	mustClose(t, s)
	if out, damage := check(t, fs); len(damage) > 0 || out.Rows != 0 {
		t.Errorf("%+v, %q", out, damage)
	}
}

// TestCheckAfterAPowerCut: what a power cut leaves is no damage.
func TestCheckAfterAPowerCut(t *testing.T) {
	for seed := range uint64(60) {
		fs := vfs.NewCrashableMem()
		s := mustOpen(t, "/state", checkedOptions(fs))
		for i := range 40 {
			mustPut(t, s, i*10, 10, 300)
		}
		cut := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: int(seed%4) * 25, RNG: rand.New(rand.NewPCG(seed, 17))})
		mustClose(t, s)
		if _, damage := check(t, cut); len(damage) > 0 {
			t.Fatalf("seed %d: %q", seed, damage)
		}
		mustClose(t, mustOpen(t, "/state", checkedOptions(cut)))
	}
}

// TestCheckReportsRows: a row that its owner cannot read is damage.
func TestCheckReportsRows(t *testing.T) {
	files, rows := checkedState(t)
	refused, damage := 0, 0
	_, err := pebble.Check(context.Background(), "/state", checkedOptions(onDisk(t, files)), pebble.Checking{
		Damaged: func(_ string, at int64, what string) {
			if at != pebble.Unplaced || what != "no such row" {
				t.Errorf("at %d: %s", at, what)
			}
			damage++
		},
		Row: func(key, value []byte) error {
			if rows[string(key)] != string(value) {
				t.Errorf("%q is another row", key)
			}
			if refused++; refused%2 == 0 {
				return nil
			}
			return errs.New(errs.Corrupt, "test.row", "no such row")
		},
	})
	if err != nil || damage != (len(rows)+1)/2 {
		t.Fatalf("%d of %d rows reported, %v", damage, len(rows), err)
	}
}
