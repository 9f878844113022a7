package app

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/client"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/resource"
	"kith/internal/state"
	"kith/internal/state/pebble"
	"kith/internal/sys"
)

// inMemory are the settings of a data folder in memory.
func inMemory(fs sys.FS) Config {
	cfg := DefaultConfig()
	cfg.Data, cfg.FS, cfg.WriteKey = "/data", fs, "test-key"
	return cfg
}

// session opens a data folder, lets f use it as a client of the API would, folds
// everything and closes it.
func session(t *testing.T, cfg Config, f func(a *App, c *client.Client)) {
	t.Helper()
	a, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	f(a, client.Of(a.handler, "no-admin"))
	if _, err := a.foldAll(context.Background(), func(string, int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

// closedFolder makes a data folder in several sessions, so that its state has
// tables and a log, and returns its files.
func closedFolder(t *testing.T) map[string][]byte {
	t.Helper()
	fs := vfs.NewMem()
	for s := range 3 {
		session(t, inMemory(fs), func(_ *App, c *client.Client) {
			for i := range 6 {
				body := fmt.Sprintf(`{"userId":"u-%d","anonymousId":"a-%d","messageId":"m-%d-%d","traits":{"n":%d}}`, i%3, s, s, i, i)
				if err := c.Send(context.Background(), "/v1/identify", "test-key", []byte(body), nil); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	return tree(t, fs, "/data")
}

// tree reads every file below a folder.
func tree(t *testing.T, fs sys.FS, dir string) map[string][]byte {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, name := range names {
		file := path.Join(dir, name)
		info, err := fs.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			maps.Copy(out, tree(t, fs, file))
			continue
		}
		f, err := fs.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		if out[file], err = io.ReadAll(f); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	return out
}

// plant makes a file system of files.
func plant(t *testing.T, files map[string][]byte) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewMem()
	for file, data := range files {
		if err := fs.MkdirAll(path.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		f, err := fs.Create(file, vfs.WriteCategoryUnspecified)
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

// answers is what a data folder says to those who ask: the hash and position of
// its state, its sources, its records.
func answers(t *testing.T, cfg Config) string {
	t.Helper()
	out, err := tryAnswers(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// tryAnswers is answers of a folder that may refuse to be opened or to answer.
func tryAnswers(cfg Config) (text string, err error) {
	ctx := context.Background()
	a, err := Open(ctx, cfg)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if _, err := a.foldAll(ctx, func(string, int64, int64) {}); err != nil {
		return "", err
	}
	s, err := a.sources.Get(ctx, resource.DefaultSource)
	if err != nil {
		return "", err
	}
	h, err := fold{a}.Hash(ctx, 0)
	if err != nil {
		return "", err
	}
	for i := range s.WriteKeys {
		s.WriteKeys[i].LastUsedAt = 0 // known to a minute only
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%+v\n%+v\n", s, h)
	for offset := int64(0); ; offset++ {
		data, err := a.log.Read(ctx, eventlog.Position{Offset: offset}, 1, 1)
		if err != nil {
			return "", err
		}
		if len(data) == 0 {
			return out.String(), nil
		}
		fmt.Fprintf(&out, "%x\n", data[0])
	}
}

var (
	flips    = flag.Int("flips", 1500, "how many bits TestCheckFindsBitFlips flips")
	flipSeed = flag.Uint64("flip-seed", 19, "which bits TestCheckFindsBitFlips flips")
)

// TestCheckFindsBitFlips flips bits all over a closed data folder, one at a time:
// the check names the file, or what the folder answers is the same. A server
// that starts on a damaged folder all the same, without a check, refuses or
// answers as before.
func TestCheckFindsBitFlips(t *testing.T) {
	n := *flips
	if testing.Short() {
		n = min(n, 300)
	}
	files := closedFolder(t)
	want := answers(t, inMemory(plant(t, files)))
	if out, err := CheckFolder(context.Background(), inMemory(plant(t, files)), func(int) {}); err != nil || out.Found > 0 || out.Records != 18 || out.Rows < 50 {
		t.Fatalf("before: %+v, %v", out, err)
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if len(files[name]) > 0 {
			names = append(names, name)
		}
	}
	r := rand.New(rand.NewPCG(*flipSeed, 19))
	found, harmless, refused, wrong := map[string]int{}, map[string]int{}, 0, 0
	for range n {
		name := names[r.IntN(len(names))]
		data := bytes.Clone(files[name])
		at := r.IntN(len(data))
		for data[at] == 0 && r.IntN(100) > 0 { // seldom within zeros, of which files are made ahead
			at = r.IntN(len(data))
		}
		bit := byte(1) << r.IntN(8)
		data[at] ^= bit
		changed := maps.Clone(files)
		changed[name] = data
		out, err := CheckFolder(context.Background(), inMemory(plant(t, changed)), func(int) {})
		if err != nil {
			t.Fatalf("byte %d of %s, bit %d: %v", at, name, bit, err)
		}
		kind := strings.Trim(strings.TrimLeft(path.Base(name), "0123456789"), "-0123456789")
		if out.Found == 0 {
			harmless[kind]++
		} else {
			found[kind]++
			if out.Damaged[0].File != name {
				t.Errorf("byte %d of %s, bit %d: reported as %+v", at, name, bit, out.Damaged)
			}
		}
		switch got, err := tryAnswers(inMemory(plant(t, changed))); {
		case err != nil && out.Found == 0:
			t.Errorf("byte %d of %s, bit %d: not found, and the folder refuses: %v", at, name, bit, err)
		case err != nil:
			refused++
		case got != want:
			wrong++
			t.Errorf("byte %d of %s, bit %d: found %d, and other answers", at, name, bit, out.Found)
		}
	}
	t.Logf("%d flips: found %v, harmless %v; without a check %d refused, %d wrong answers", n, found, harmless, refused, wrong)
	if len(found) < 4 {
		t.Error("the flips do not reach every kind of file")
	}
}

// TestCheckChangesNothing: after a check every file is as it was.
func TestCheckChangesNothing(t *testing.T) {
	files := closedFolder(t)
	fs := plant(t, files)
	if _, err := CheckFolder(context.Background(), inMemory(fs), func(int) {}); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, fs, "/data"); !maps.EqualFunc(got, files, bytes.Equal) {
		t.Errorf("the files are now %v, and were %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(files)))
	}
}

// TestCheckOfAFolderWithoutALog finds a state that has folded what is gone, a
// token that nobody could have made, and counts what it reads.
func TestCheckFindsWhatDoesNotFit(t *testing.T) {
	files := closedFolder(t)
	fs := vfs.NewMem()
	session(t, inMemory(fs), func(*App, *client.Client) {}) // a log without records
	empty := tree(t, fs, "/data")
	mixed := map[string][]byte{}
	for name, data := range empty {
		if strings.HasPrefix(name, "/data/default/log/") {
			mixed[name] = data
		}
	}
	for name, data := range files {
		if !strings.HasPrefix(name, "/data/default/log/") {
			mixed[name] = data
		}
	}
	read := 0
	out, err := CheckFolder(context.Background(), inMemory(plant(t, mixed)), func(n int) { read += n })
	if err != nil || out.Found != 1 || out.Damaged[0].Offset != nil || !strings.Contains(out.Damaged[0].Detail, "up to record 18, but its log ends at 0") {
		t.Errorf("a state before its log: %+v, %v", out, err)
	}
	if int64(read) < out.Bytes || out.Bytes == 0 {
		t.Errorf("told of %d bytes, read %d", read, out.Bytes)
	}
	token := "/data/" + client.TokenFile
	files[token] = append(files[token][:len(files[token])-3], 'x', 'x', '\n')
	out, err = CheckFolder(context.Background(), inMemory(plant(t, files)), func(int) {})
	if err != nil || out.Found != 1 || out.Damaged[0].File != token {
		t.Errorf("a damaged token: %+v, %v", out, err)
	}
	if _, err := CheckFolder(context.Background(), inMemory(vfs.NewMem()), func(int) {}); !errs.Is(err, errs.NotFound) {
		t.Errorf("an empty folder: %v", err)
	}
}

// rewrite changes rows of a closed data folder's state.
func rewrite(t *testing.T, fs sys.FS, f func(state.Tx)) {
	t.Helper()
	store, err := pebble.Open("/data/default/state", pebble.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	tx, err := store.Begin(context.Background(), []state.Lock{state.PartitionLock(0)})
	if err != nil {
		t.Fatal(err)
	}
	f(tx)
	if err := errors.Join(tx.Commit(context.Background(), state.Cursor{}), store.Close()); err != nil {
		t.Fatal(err)
	}
}

// clusterRows are the rows of stored clusters, in the order of keys.
func clusterRows(t *testing.T, r state.Reader) (rows []state.KV) {
	t.Helper()
	for kv, err := range r.Scan(context.Background(), state.Prefix([]byte{byte(state.FamilyCluster)})) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, state.KV{Key: bytes.Clone(kv.Key), Value: bytes.Clone(kv.Value)})
	}
	return rows
}

// TestCheckFindsAClusterThatTheEvidenceDoesNotGive: rows that can be read and say
// something else than the evidence are found, and a backup that is restored with a
// moment is sound again.
func TestCheckFindsAClusterThatTheEvidenceDoesNotGive(t *testing.T) {
	files := closedFolder(t)
	check := func(fs sys.FS) Checked {
		t.Helper()
		out, err := CheckFolder(context.Background(), inMemory(fs), func(int) {})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if out := check(plant(t, files)); out.Found != 0 || out.Clusters != "compared" {
		t.Fatalf("a sound folder: %+v", out)
	}
	for what, change := range map[string]func(state.Tx, []state.KV){
		"a row is gone":        func(tx state.Tx, rows []state.KV) { tx.Delete(rows[0].Key) },
		"a row is another's":   func(tx state.Tx, rows []state.KV) { tx.Put(rows[0].Key, otherThan(rows)) },
		"a row is of a nobody": func(tx state.Tx, rows []state.KV) { tx.Put(append(rows[0].Key[:16:16], 0xff), rows[0].Value) },
	} {
		t.Run(what, func(t *testing.T) {
			fs := plant(t, files)
			rewrite(t, fs, func(tx state.Tx) { change(tx, clusterRows(t, tx)) })
			out := check(fs)
			if out.Found != 1 || out.Clusters != "compared" || !strings.Contains(out.Damaged[0].Detail, "clusters of 1 identifiers") || !strings.Contains(out.Damaged[0].Detail, "restore that backup with --at") {
				t.Errorf("%+v", out)
			}
		})
	}
	t.Run("other settings", func(t *testing.T) {
		cfg := inMemory(plant(t, files))
		cfg.IDKey = "another key of nodes, long enough"
		out, err := CheckFolder(context.Background(), cfg, func(int) {})
		if err != nil || out.Found != 0 || !strings.Contains(out.Clusters, "KITH_ID_KEY") {
			t.Errorf("%+v, %v", out, err)
		}
	})
}

// otherThan is the value of a row that differs from the first one's.
func otherThan(rows []state.KV) []byte {
	for _, r := range rows {
		if !bytes.Equal(r.Value, rows[0].Value) {
			return r.Value
		}
	}
	return nil
}

// TestAFirstStartSurvivesAPowerCut: what a new data folder has acknowledged is
// there after a power cut.
func TestAFirstStartSurvivesAPowerCut(t *testing.T) {
	mem := vfs.NewCrashableMem()
	a, err := Open(context.Background(), inMemory(mem))
	if err != nil {
		t.Fatal(err)
	}
	err = client.Of(a.handler, "").Send(context.Background(), "/v1/identify", "test-key", []byte(`{"userId":"u","messageId":"m"}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	after := inMemory(mem.CrashClone(vfs.CrashCloneCfg{}))
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if got := logOf(t, after); len(got) != 1 {
		t.Errorf("%d records, want 1", len(got))
	}
}
