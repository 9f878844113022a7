package app

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kith/internal/eventlog"
	"kith/internal/oracle/workload"
	"kith/internal/statehash"
)

// make-golden writes the data folder of this version; older ones stay as they are.
var makeGolden = flag.Bool("make-golden", false, "write testdata/v1.tar.gz anew: only before a version is out")

const (
	goldenSeed    = 42
	goldenRecords = 150
)

// TestYesterdaysFolderOpensToday opens a data folder that an earlier version left
// behind: its state is read as it lies, more is folded on top of it, and the log
// folded anew gives the same.
func TestYesterdaysFolderOpensToday(t *testing.T) {
	const archive, hashFile = "testdata/v1.tar.gz", "testdata/v1.hash"
	cfg := settings(t)
	cfg.IDKey, cfg.AdminToken = "golden", "golden-admin"
	if *makeGolden {
		writeGolden(t, cfg, archive, hashFile)
		return
	}
	unpack(t, archive, cfg.Data)
	want, err := os.ReadFile(hashFile)
	if err != nil {
		t.Fatal(err)
	}
	a := opened(t, cfg)
	if rebuilt, err := a.live.Load().runner.Prepare(context.Background()); err != nil {
		t.Fatal(err)
	} else if rebuilt {
		t.Log("this version interprets records differently, so the state is folded anew")
	}
	if got := foldedHash(t, a); got != strings.TrimSpace(string(want)) {
		t.Errorf("the folder's state has the hash %s, want %s", got, want)
	}
	appendAll(t, a, workload.Records(goldenSeed+1, goldenRecords))
	more := foldedHash(t, a)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(cfg.Data, "default", "state")); err != nil {
		t.Fatal(err)
	}
	a = opened(t, cfg)
	if anew := foldedHash(t, a); anew != more {
		t.Errorf("the log folded anew gives %s, on top of the old state %s", anew, more)
	}
}

func opened(t *testing.T, cfg Config) *App {
	t.Helper()
	a, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// foldedHash folds what the log holds and hashes the state.
func foldedHash(t *testing.T, a *App) string {
	t.Helper()
	ctx := context.Background()
	l := a.live.Load()
	if err := l.runner.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	snap, err := a.store.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	h, err := statehash.Of(ctx, snap, l.runner.Stages.History, l.rules)
	if err != nil {
		t.Fatal(err)
	}
	return h.Total.String()
}

func appendAll(t *testing.T, a *App, records [][]byte) {
	t.Helper()
	var entries []eventlog.Entry
	for _, r := range records {
		entries = append(entries, eventlog.Entry{Data: r})
	}
	if _, err := a.log.Append(context.Background(), entries); err != nil {
		t.Fatal(err)
	}
}

func writeGolden(t *testing.T, cfg Config, archive, hashFile string) {
	t.Helper()
	a := opened(t, cfg)
	if _, err := a.live.Load().runner.Prepare(context.Background()); err != nil {
		t.Fatal(err)
	}
	appendAll(t, a, workload.Records(goldenSeed, goldenRecords))
	hash := foldedHash(t, a)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hashFile, []byte(hash+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(archive, pack(t, cfg.Data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func pack(t *testing.T, dir string) []byte {
	t.Helper()
	var out bytes.Buffer
	zw := gzip.NewWriter(&out)
	tw := tar.NewWriter(zw)
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if err := tw.WriteHeader(&tar.Header{Name: filepath.ToSlash(rel), Mode: 0o600, Size: int64(len(data))}); err != nil {
			return err
		}
		_, err = tw.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func unpack(t *testing.T, archive, dir string) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zr, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, filepath.FromSlash(h.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
