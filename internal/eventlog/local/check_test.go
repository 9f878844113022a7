package local

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/sys"
)

// check returns what a check of the folder log reports.
func check(t testing.TB, fs sys.FS) (Checked, []string) {
	t.Helper()
	var damage []string
	out, err := Check("log", Options{FS: fs}, func(file string, at int64, what string) {
		damage = append(damage, fmt.Sprintf("%s %d %s", file, at, what))
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, damage
}

// TestCheckOfASoundLog: nothing is reported, and everything is read.
func TestCheckOfASoundLog(t *testing.T) {
	all, want := closedLog(t)
	out, damage := check(t, restore(t, all, nil))
	var size int64
	for _, b := range all {
		size += int64(len(b))
	}
	if len(damage) > 0 || out.Records != int64(len(want)) || !slices.Equal(out.Ends, []int64{int64(len(want))}) || out.Bytes != size {
		t.Fatalf("%+v of %d bytes, %q", out, size, damage)
	}
}

// TestCheckChangesNothing: a check leaves every file as it is.
func TestCheckChangesNothing(t *testing.T) {
	all, _ := closedLog(t)
	path := segmentPaths(all)[1]
	b := bytes.Clone(all[path])
	b[len(b)/2] ^= 1
	fs := restore(t, all, files{path: b})
	before := snapshot(t, fs, "log")
	if _, damage := check(t, fs); len(damage) == 0 {
		t.Fatal("the damage is not found")
	}
	if after := snapshot(t, fs, "log"); !maps.EqualFunc(before, after, bytes.Equal) {
		t.Fatal("the check has changed a file")
	}
}

// TestCheckFindsBitFlips: every flipped bit is found, or changes no answer.
func TestCheckFindsBitFlips(t *testing.T) {
	const flips = 4000
	all, want := closedLog(t)
	paths, segs := slices.Sorted(maps.Keys(all)), segmentPaths(all)
	r := rand.New(rand.NewPCG(14, 14))
	found, harmless := 0, 0
	for range flips {
		path := paths[r.IntN(len(paths))]
		if r.IntN(4) > 0 {
			path = segs[r.IntN(len(segs))]
		}
		b := bytes.Clone(all[path])
		bit := r.IntN(8 * len(b))
		b[bit/8] ^= 1 << (bit % 8)
		what := fmt.Sprintf("bit %d of %s", bit, path)
		fs := restore(t, all, files{path: b})
		if _, damage := check(t, fs); len(damage) > 0 {
			if !strings.HasPrefix(damage[0], path+" ") {
				t.Fatalf("%s: reported as %q", what, damage)
			}
			found++
			continue
		}
		if o := examine(t, what, fs, want); o.openErr != nil || o.right != len(want) {
			t.Fatalf("%s: not found, and %+v", what, o)
		}
		harmless++
	}
	t.Logf("%d flips: %d found, %d harmless, 0 wrong answers", flips, found, harmless)
	if found < flips/2 || harmless == 0 {
		t.Fatal("the flips do not reach every part of the files")
	}
}

// TestCheckFindsDamagedFiles: files that are gone, cut, emptied or swapped.
func TestCheckFindsDamagedFiles(t *testing.T) {
	all, _ := closedLog(t)
	segs := segmentPaths(all)
	last := segs[len(segs)-1]
	index := strings.TrimSuffix(segs[0], segmentSuffix) + indexSuffix
	for name, replaced := range map[string]files{
		"a closed segment is missing":     {segs[1]: nil},
		"the first segment is missing":    {segs[0]: nil},
		"the newest segment is missing":   {last: nil},
		"a closed segment is all zeros":   {segs[1]: make([]byte, len(all[segs[1]]))},
		"the newest segment is all zeros": {last: make([]byte, len(all[last]))},
		"a closed segment is empty":       {segs[1]: {}},
		"the newest segment is empty":     {last: {}},
		"a closed segment is cut short":   {segs[1]: all[segs[1]][:1000]},
		"the newest segment is cut short": {last: all[last][:700]},
		"two segments are swapped":        {segs[0]: all[segs[1]], segs[1]: all[segs[0]]},
		"the log's own file is missing":   {"log/" + metaName: nil},
		"an index is that of another":     {index: all[strings.TrimSuffix(segs[1], segmentSuffix)+indexSuffix]},
		"an index is cut short":           {index: all[index][:len(all[index])-1]},
		"the mark is empty":               {"log/p0000/" + markName: {}},
	} {
		if _, damage := check(t, restore(t, all, replaced)); len(damage) == 0 {
			t.Errorf("%s: nothing is reported", name)
		}
	}
	for _, path := range []string{index, "log/p0000/" + markName} {
		if _, damage := check(t, restore(t, all, files{path: nil})); len(damage) > 0 {
			t.Errorf("without %s, which can be made anew: %q", path, damage)
		}
	}
}

// TestCheckAfterAPowerCut: what a power cut leaves is no damage.
func TestCheckAfterAPowerCut(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 15))
	for try := range 200 {
		before, after, want, _ := unfinishedGroup(t, r, try%4 == 0)
		path := segmentPaths(before)[0]
		out, damage := check(t, restore(t, before, files{path: tear(r, before[path], after[path])}))
		if len(damage) > 0 || out.Records < int64(len(want)) {
			t.Fatalf("try %d: %d of %d records, %q", try, out.Records, len(want), damage)
		}
	}
}

// TestCheckOfALogInUse: a log that is open is left alone.
func TestCheckOfALogInUse(t *testing.T) {
	fs := vfs.NewMem()
	ignore := func(string, int64, string) {}
	if _, err := Check("log", Options{FS: fs}, ignore); errs.CodeOf(err) != "eventlog.none" {
		t.Errorf("no log: %v", err)
	}
	l := mustOpen(t, "log", Options{FS: fs, Partitions: 3})
	if _, err := Check("log", Options{FS: fs}, ignore); errs.CodeOf(err) != "eventlog.in_use" {
		t.Errorf("a log in use: %v", err)
	}
	if _, err := l.Append(tctx(), []eventlog.Entry{{Partition: 2, Data: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if out, damage := check(t, fs); len(damage) > 0 || !slices.Equal(out.Ends, []int64{0, 0, 1}) {
		t.Errorf("%+v, %q", out, damage)
	}
}
