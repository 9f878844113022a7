package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"kith/internal/backup"
	"kith/internal/eventlog"
	"kith/internal/eventlog/local"
	"kith/internal/oracle/workload"
	"kith/internal/state"
	"kith/internal/state/pebble"
	"kith/internal/sys"
	"kith/internal/workspace"
)

// big makes engines on disk with many records and rows, and returns how many
// bytes they hold.
func big(b *testing.B) (src backup.Source, size int64) {
	b.Helper()
	ctx := context.Background()
	dir := b.TempDir()
	log, err := local.Open(filepath.Join(dir, "log"), local.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = log.Close() })
	store, err := pebble.Open(filepath.Join(dir, "state"), pebble.Options{NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	for seed := range uint64(100) {
		var entries []eventlog.Entry
		tx, err := store.Begin(ctx, nil)
		if err != nil {
			b.Fatal(err)
		}
		for i, data := range workload.Records(seed, 2000) {
			data = append(data, bytes.Repeat(fmt.Appendf(nil, `,"k%d":"%x"`, i, sys.Seeded(seed*2000+uint64(i))), 4)...)
			entries = append(entries, eventlog.Entry{Data: data})
			size += int64(len(data))
			for row := range 4 {
				key, value := make([]byte, 40), make([]byte, 60)
				random := sys.Seeded(seed<<32 + uint64(i)<<3 + uint64(row))
				_, _ = random.Read(key)
				_, _ = random.Read(value[:20])
				tx.Put(key, value)
				size += int64(len(key) + len(value))
			}
		}
		if err := tx.Commit(ctx, state.Cursor{}); err != nil {
			b.Fatal(err)
		}
		if _, err := log.Append(ctx, entries); err != nil {
			b.Fatal(err)
		}
	}
	ws, err := workspace.New(dir, defaultWorkspace, "")
	if err != nil {
		b.Fatal(err)
	}
	return backup.Source{Log: log, State: store, Keys: ws.Keyring(), Workspace: ws.Name(), Now: workload.Start}, size
}

// BenchmarkBackup writes an archive, seals it and puts it on disk.
func BenchmarkBackup(b *testing.B) {
	src, size := big(b)
	b.SetBytes(size)
	for b.Loop() {
		save(b, src)
	}
}

func save(b *testing.B, src backup.Source) backup.Saved {
	b.Helper()
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(backup.Write(context.Background(), w, src)) }()
	saved, err := backup.Save(context.Background(), sys.Disk(), b.TempDir(), sealing(), r)
	if err != nil {
		b.Fatal(err)
	}
	return saved
}

// BenchmarkRestore makes the log and the state of a backup on disk.
func BenchmarkRestore(b *testing.B) {
	src, size := big(b)
	saved := save(b, src)
	b.SetBytes(size)
	for b.Loop() {
		cfg := DefaultConfig()
		archive, err := backup.Open(cfg.FS, saved.Path, sealing())
		if err != nil {
			b.Fatal(err)
		}
		ws, err := workspace.New(b.TempDir(), defaultWorkspace, "")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := fill(context.Background(), &cfg, ws, archive, Restoring{Progress: func(string, int64, int64) {}}); err != nil {
			b.Fatal(err)
		}
		_ = archive.Close()
	}
	b.ReportMetric(float64(saved.Manifest.Archive.Bytes)/float64(size), "archive/raw")
}
