package backup

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/sys"
)

func content(t testing.TB, files sys.FS, path string) []byte {
	t.Helper()
	f, err := files.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// copyWith makes a file system with the backup's files, one of them replaced.
func copyWith(t testing.TB, from sys.FS, saved Saved, name string, data []byte) sys.FS {
	t.Helper()
	files := vfs.NewMem()
	if err := files.MkdirAll(saved.Path, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{manifestName, saved.Manifest.Archive.Name} {
		d := content(t, from, from.PathJoin(saved.Path, n))
		if n == name {
			d = data
		}
		if d == nil {
			continue
		}
		if err := writeFile(files, files.PathJoin(saved.Path, n), d); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// TestDamagedBackupsAreRefused flips a bit, cuts the end off or adds to it, in
// the archive and in the manifest, sealed and plain: nothing of it restores.
func TestDamagedBackupsAreRefused(t *testing.T) {
	const tries = 1500
	r := rand.New(rand.NewPCG(18, 18))
	p := workspace(t, 7, 120)
	for _, keys := range []Keys{keyPairs(t)["an identity"][0], {Plain: true}} {
		from := vfs.NewMem()
		saved := mustSave(t, from, "b", keys, p)
		codes := map[string]int{}
		for range tries {
			name := []string{saved.Manifest.Archive.Name, manifestName}[r.IntN(2)]
			data := content(t, from, from.PathJoin(saved.Path, name))
			what := "cut"
			switch r.IntN(6) {
			case 0:
				data = data[:r.IntN(len(data))]
			case 1:
				data, what = append(data, byte(r.Uint32())), "longer"
			default:
				what = "flipped"
				data[r.IntN(len(data))] ^= 1 << r.IntN(8)
			}
			_, _, err := restore(copyWith(t, from, saved, name, data), saved.Path, keys, Options{})
			if !errs.Is(err, errs.Corrupt) && errs.CodeOf(err) != "backup.version" {
				t.Fatalf("%s, %s: %v", name, what, err)
			}
			codes[errs.CodeOf(err)]++
		}
		t.Logf("%d damaged backups, all refused: %v", tries, codes)
	}
}

// TestDamageBehindAGoodChecksum: also where the manifest was made to fit, damage
// within the archive is found.
func TestDamageBehindAGoodChecksum(t *testing.T) {
	p := workspace(t, 8, 60)
	stream := p.archive(t)
	for i := len(magic); i < len(stream); i += 7 {
		data := bytes.Clone(stream)
		data[i] ^= 4
		files := vfs.NewMem()
		_, err := Save(ctx, files, "b", Keys{Plain: true}, bytes.NewReader(data))
		if err == nil {
			t.Fatalf("a change of byte %d passes", i)
		}
		if names, err := files.List("b"); err == nil && len(names) > 0 {
			t.Fatalf("left %q", names)
		}
	}
	_, err := Save(ctx, vfs.NewMem(), "b", Keys{Plain: true}, bytes.NewReader(append(bytes.Clone(stream), 0)))
	wantCode(t, err, errs.Corrupt, "backup.damaged")
}

// TestReorderedFrames: a frame that is missing, twice or elsewhere is found.
func TestReorderedFrames(t *testing.T) {
	p := workspace(t, 9, 300)
	var frames [][]byte
	var all bytes.Buffer
	if err := Write(ctx, writerFunc(func(b []byte) (int, error) {
		frames = append(frames, bytes.Clone(b))
		return all.Write(b)
	}), p.source()); err != nil {
		t.Fatal(err)
	}
	if len(frames) != 5 { // header, rows, two partitions, end
		t.Fatalf("%d frames", len(frames))
	}
	for name, order := range map[string][]int{
		"one missing": {0, 1, 3, 4}, "one twice": {0, 1, 2, 2, 3, 4}, "swapped": {0, 1, 3, 2, 4}, "no end": {0, 1, 2, 3}, "only an end": {0, 4},
	} {
		var data []byte
		for _, i := range order {
			data = append(data, frames[i]...)
		}
		if _, err := Save(ctx, vfs.NewMem(), "b", Keys{Plain: true}, bytes.NewReader(data)); !errs.Is(err, errs.Corrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnInterruptedBackupIsNone cuts the stream at many places: nothing is left
// that a restore finds.
func TestAnInterruptedBackupIsNone(t *testing.T) {
	stream := workspace(t, 10, 100).archive(t)
	gone := errors.New("the network is gone")
	for n := 0; n < len(stream); n += 101 {
		for want, r := range map[string]io.Reader{
			"backup.truncated": bytes.NewReader(stream[:n]),
			"backup.cut":       io.MultiReader(bytes.NewReader(stream[:n]), readerFunc(func([]byte) (int, error) { return 0, gone })),
		} {
			files := vfs.NewMem()
			_, err := Save(ctx, files, "b", Keys{Plain: true}, r)
			if errs.CodeOf(err) != want {
				t.Fatalf("cut at %d: %v, want %s", n, err, want)
			}
			if _, err := Open(files, "b", Keys{Plain: true}); !errs.Is(err, errs.NotFound) {
				t.Fatalf("cut at %d: %v", n, err)
			}
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// TestAPowerCutLeavesAllOrNothing looks at the disk as a power cut at every
// operation would leave it: a backup is there whole, or none is.
func TestAPowerCutLeavesAllOrNothing(t *testing.T) {
	p := workspace(t, 11, 200)
	mem := vfs.NewCrashableMem()
	var cuts []*vfs.MemFS
	watch := errorfs.InjectorFunc(func(errorfs.Op) error {
		for percent := 0; percent <= 100; percent += 50 {
			cuts = append(cuts, mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(uint64(len(cuts)), 1))}))
		}
		return nil
	})
	saved := mustSave(t, errorfs.Wrap(mem, watch), "b", Keys{Plain: true}, p)
	after := mem.CrashClone(vfs.CrashCloneCfg{})
	whole, none := 0, 0
	for i, files := range append(cuts, after) {
		got, _, err := restore(files, "b", Keys{Plain: true}, Options{})
		switch {
		case err == nil:
			mustEqual(t, got, p)
			whole++
		case errs.Is(err, errs.NotFound), errs.CodeOf(err) == "backup.unfinished":
			none++
			if _, err := files.Stat(saved.Path); err == nil {
				t.Fatalf("cut %d: the folder has its name and is no backup", i)
			}
		default:
			t.Fatalf("cut %d: %v", i, err)
		}
	}
	t.Logf("%d power cuts: %d whole backups, %d none", len(cuts), whole, none)
	if whole == 0 || none < 10 {
		t.Fatal("the cuts do not reach every part")
	}
	if _, _, err := restore(after, "b", Keys{Plain: true}, Options{}); err != nil {
		t.Fatalf("a finished backup: %v", err)
	}
}

// TestAFailedWriteIsNoBackup fails each operation on the disk in turn: the error
// is told, and nothing that is not whole restores.
func TestAFailedWriteIsNoBackup(t *testing.T) {
	p := workspace(t, 12, 50)
	stream := p.archive(t)
	failed := 0
	for {
		mem, n := vfs.NewMem(), 0
		files := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == errorfs.OpRemoveAll || op.Kind == errorfs.OpStat {
				return nil
			}
			if n++; n == failed+1 {
				return errors.New("input/output error")
			}
			return nil
		}))
		_, err := Save(ctx, files, "b", Keys{Plain: true}, bytes.NewReader(stream))
		if err == nil {
			break
		}
		wantCode(t, err, errs.Unavailable, "backup.write")
		if got, _, err := restore(mem, "b", Keys{Plain: true}, Options{}); err == nil {
			mustEqual(t, got, p) // the very last sync
		}
		failed++
	}
	if failed < 8 {
		t.Fatalf("only %d operations failed", failed)
	}
}

// TestAFailedSourceIsTold: what keeps the server from going on is what the
// command says.
func TestAFailedSourceIsTold(t *testing.T) {
	p := workspace(t, 13, 100)
	src := p.source()
	src.Log = brokenLog{p.log}
	var out bytes.Buffer
	err := Write(ctx, &out, src)
	wantCode(t, err, errs.Corrupt, "eventlog.corrupt")
	_, err = Save(ctx, vfs.NewMem(), "b", Keys{Plain: true}, &out)
	wantCode(t, err, errs.Corrupt, "eventlog.corrupt")
	if errs.DetailOf(err) != "the file x is damaged at byte 7" {
		t.Error(err)
	}
}

// brokenLog has a damaged record in its second partition.
type brokenLog struct{ eventlog.Log }

func (b brokenLog) Read(ctx context.Context, from eventlog.Position, max, maxBytes int) ([][]byte, error) {
	if from.Partition == 1 {
		return nil, errs.New(errs.Corrupt, "eventlog.corrupt", "the file x is damaged at byte 7")
	}
	return b.Log.Read(ctx, from, max, maxBytes)
}
