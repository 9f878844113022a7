package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/api"
	"kith/internal/backup"
	"kith/internal/errs"
	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/history/keyed"
	"kith/internal/pipeline"
	"kith/internal/record"
	statemem "kith/internal/state/mem"
	"kith/internal/statehash"
	"kith/internal/sys"
)

// sealing are the keys of these tests. The identity is for them alone.
func sealing() backup.Keys {
	return backup.Keys{Identities: []byte("AGE-SECRET-KEY-1RLKF32QM65DZYER2TWJ7NVEASK2GNWMD9SG27DUFVS9HMYERCA7QLECDJP")}
}

// download saves a backup of a running server.
func (r *running) download(t *testing.T, dir string) backup.Saved {
	t.Helper()
	body, err := r.client.Download(context.Background(), "/v1/backup")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	saved, err := backup.Save(context.Background(), sys.Disk(), dir, sealing(), body)
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

// restored restores a backup into a new data folder.
func restored(t *testing.T, from string, until *int64) (Config, RestoredTo) {
	t.Helper()
	cfg := settings(t)
	cfg.WriteKey = ""
	out, err := Restore(context.Background(), cfg, Restoring{From: from, Keys: sealing(), Until: until})
	if err != nil {
		t.Fatal(err)
	}
	return cfg, out
}

// hashOf opens a data folder and returns the hash of its state.
func hashOf(t *testing.T, cfg Config) api.Hash {
	t.Helper()
	a, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	h, err := fold{a}.Hash(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// logOf returns the records of the first partition of a data folder's log.
func logOf(t *testing.T, cfg Config) [][]byte {
	t.Helper()
	a, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	return records(t, a)
}

func records(t *testing.T, a *App) (out [][]byte) {
	t.Helper()
	ends, err := a.log.Ends(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for int64(len(out)) < ends[0] {
		some, err := a.log.Read(context.Background(), eventlog.Position{Offset: int64(len(out))}, 1000, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, some...)
	}
	return out
}

// foldedAnew is the hash of a state that is folded from the records in memory,
// under the settings of a data folder.
func foldedAnew(t *testing.T, cfg Config, records [][]byte) string {
	t.Helper()
	ctx := context.Background()
	a, err := Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	log := logmem.New(1)
	for _, data := range records {
		if _, err := log.Append(ctx, []eventlog.Entry{{Data: data}}); err != nil {
			t.Fatal(err)
		}
	}
	r := &pipeline.Runner{
		Log: log, State: statemem.New(), Clock: sys.Wall(), Stages: &pipeline.Stages{History: keyed.Index{}},
		Interpreter: a.live.Load().runner.Interpreter,
	}
	if _, err := r.Prepare(ctx); err != nil {
		t.Fatal(err)
	}
	if err := r.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	snap, err := r.State.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	h, err := statehash.Of(ctx, snap, keyed.Index{}, r.Interpreter.Identity)
	if err != nil {
		t.Fatal(err)
	}
	return h.Total.String()
}

// load sends events from several goroutines until it is stopped.
func load(t *testing.T, r *running) (stop func()) {
	t.Helper()
	var senders sync.WaitGroup
	ended := make(chan struct{})
	for s := range 4 {
		senders.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-ended:
					return
				default:
				}
				body := fmt.Sprintf(`{"batch":[{"type":"identify","userId":"u-%d","anonymousId":"a-%d-%d","messageId":"i-%d-%d","traits":{"n":%d}},
					{"type":"track","event":"Order Completed","anonymousId":"a-%d-%d","messageId":"t-%d-%d","properties":{"total":%d}},
					{"type":"group","userId":"u-%d","groupId":"g-%d","messageId":"g-%d-%d","traits":{"size":%d}}]}`,
					i%17, s, i%29, s, i, i, s, i%29, s, i, i, i%17, i%5, s, i, i)
				if err := r.client.Send(context.Background(), "/v1/batch", "test-key", []byte(body), nil); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	return func() {
		close(ended)
		senders.Wait()
	}
}

// awaitRecords returns once the log has so many records.
func (r *running) awaitRecords(t *testing.T, n int64) {
	t.Helper()
	for {
		ends, err := r.log.Ends(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if ends[0] >= n {
			return
		}
		if err := r.log.Wait(context.Background(), ends); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBackupsUnderLoad takes backups while events come in and restores each
// elsewhere: the state is that of the records up to the backup's position.
func TestBackupsUnderLoad(t *testing.T) {
	cfg := settings(t)
	r := serve(t, cfg)
	dir := t.TempDir()
	stop := load(t, r)
	var saved []backup.Saved
	for n := int64(1); len(saved) < 3; n += 400 {
		r.awaitRecords(t, n)
		saved = append(saved, r.download(t, dir))
	}
	stop()
	r.flush(t)
	saved = append(saved, r.download(t, dir))
	want, err := fold{r.App}.Hash(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	r.end(t)
	all := logOf(t, cfg)
	for i, s := range saved {
		n := s.Manifest.Positions[0]
		to, out := restored(t, s.Path, nil)
		h := hashOf(t, to)
		if !slices.Equal(h.Position, s.Manifest.Positions) || !slices.Equal(out.Positions, h.Position) || out.Restored.Records != n {
			t.Errorf("backup %d: at %v and %v, want %v", i, h.Position, out.Positions, s.Manifest.Positions)
		}
		if got := foldedAnew(t, to, all[:n]); h.State != got {
			t.Errorf("backup %d: hash %s, folded anew %s", i, h.State, got)
		}
		if i == len(saved)-1 && (h.State != want.State || !slices.Equal(h.Position, want.Position)) {
			t.Errorf("the last: %+v, the source has %+v", h, want)
		}
		if got := logOf(t, to); !slices.EqualFunc(got, all[:n], bytes.Equal) {
			t.Errorf("backup %d: other records", i)
		}
		if out, err := CheckFolder(context.Background(), to, func(int) {}); err != nil || out.Found > 0 || out.Records != n {
			t.Errorf("backup %d: check: %+v, %v", i, out, err)
		}
		t.Logf("backup %d: %d of %d records, %d rows", i, n, len(all), s.Manifest.Rows)
	}
}

// TestARestoredServerWorks: keys, settings and ids are those of the source, and
// what was sent before is a repeat.
func TestARestoredServerWorks(t *testing.T) {
	cfg := settings(t)
	cfg.IDKey = "a secret"
	r := serve(t, cfg)
	if err := r.client.Put(context.Background(), "/v1/sources/shop", map[string]any{"name": "Shop", "type": "http", "write_key": "shop-key"}, nil); err != nil {
		t.Fatal(err)
	}
	r.send(t, "/v1/identify", `{"userId":"u-1","messageId":"m-1","traits":{"email":"a@example.com"}}`)
	r.flush(t)
	p, err := r.profile(t, "user_id", "u-1")
	if err != nil {
		t.Fatal(err)
	}
	saved := r.download(t, t.TempDir())
	r.end(t)

	to := settings(t)
	to.WriteKey = ""
	_, err = Restore(context.Background(), to, Restoring{From: saved.Path, Keys: sealing()})
	if errs.CodeOf(err) != "restore.id_key" {
		t.Errorf("under another key of ids: %v", err)
	}
	to.IDKey = "a secret"
	if _, err := Restore(context.Background(), to, Restoring{From: saved.Path, Keys: sealing()}); err != nil {
		t.Fatal(err)
	}
	again := serve(t, to)
	for _, key := range []string{"test-key", "shop-key"} {
		err := again.client.Send(context.Background(), "/v1/identify", key, []byte(`{"userId":"u-1","messageId":"m-`+key+`"}`), nil)
		if err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	again.send(t, "/v1/identify", `{"userId":"u-1","messageId":"m-1","traits":{"email":"b@example.com"}}`)
	again.flush(t)
	q, err := again.profile(t, "id", p["id"].(string))
	if err != nil {
		t.Fatal(err)
	}
	if q["events"] != 3.0 || q["traits"].(map[string]any)["email"] != "a@example.com" {
		t.Errorf("%v", q)
	}
}

// TestRestoreToAMoment: the state is that of the records received until then.
func TestRestoreToAMoment(t *testing.T) {
	cfg := settings(t)
	r := serve(t, cfg)
	stop := load(t, r)
	r.awaitRecords(t, 500)
	stop()
	r.flush(t)
	saved := r.download(t, t.TempDir())
	r.end(t)
	all := logOf(t, cfg)
	created, err := time.Parse(time.RFC3339Nano, saved.Manifest.CreatedAt)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{0, received(t, all[len(all)/3]), received(t, all[len(all)-1]), created.UnixMilli()} {
		var want [][]byte
		for _, data := range all {
			if received(t, data) <= at {
				want = append(want, data)
			}
		}
		to, out := restored(t, saved.Path, &at)
		if out.Restored.Records != int64(len(want)) || out.Restored.Later != int64(len(all)-len(want)) {
			t.Errorf("at %d: %+v, want %d of %d records", at, out.Restored, len(want), len(all))
		}
		if h := hashOf(t, to); h.State != foldedAnew(t, to, want) {
			t.Errorf("at %d: another state than that of the %d records", at, len(want))
		}
		t.Logf("at %d: %d of %d records", at, len(want), len(all))
	}
	late := created.UnixMilli() + 1
	_, err = Restore(context.Background(), settings(t), Restoring{From: saved.Path, Keys: sealing(), Until: &late})
	if errs.CodeOf(err) != "restore.at" {
		t.Errorf("a moment after the backup: %v", err)
	}
}

func received(t *testing.T, data []byte) int64 {
	t.Helper()
	rec, err := record.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return rec.Stamp.ReceivedAt
}

// small makes a data folder with a few events and a backup of it without a
// server.
func small(t *testing.T) (cfg Config, saved backup.Saved) {
	t.Helper()
	cfg = settings(t)
	r := serve(t, cfg)
	for i := range 5 {
		r.send(t, "/v1/identify", fmt.Sprintf(`{"userId":"u-%d","messageId":"m-%d"}`, i, i))
	}
	r.flush(t)
	r.end(t)
	archive, err := Backup(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	saved, err = backup.Save(context.Background(), sys.Disk(), t.TempDir(), sealing(), archive)
	if err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return cfg, saved
}

// TestBackupOfAFolder: without a server the command reads the folder itself, and
// lets go of it however far it came.
func TestBackupOfAFolder(t *testing.T) {
	cfg, saved := small(t)
	want := hashOf(t, cfg)
	to, _ := restored(t, saved.Path, nil)
	if got := hashOf(t, to); got.State != want.State || !slices.Equal(got.Position, want.Position) {
		t.Errorf("%+v, want %+v", got, want)
	}
	archive, err := Backup(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, archive, 20); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if got := hashOf(t, cfg); got.State != want.State {
		t.Error("the folder was changed")
	}
	if _, err := Backup(context.Background(), settings(t)); errs.CodeOf(err) != "app.no_data" {
		t.Errorf("an empty folder: %v", err)
	}
	r := serve(t, cfg)
	if _, err := Backup(context.Background(), cfg); !errs.Is(err, errs.Unavailable) {
		t.Errorf("a folder in use: %v", err)
	}
	if _, err := CheckFolder(context.Background(), cfg, func(int) {}); errs.CodeOf(err) != "check.in_use" {
		t.Errorf("check of a folder in use: %v", err)
	}
	r.end(t)
}

// TestOneBackupAtATime: a second one is refused while the first is read.
func TestOneBackupAtATime(t *testing.T) {
	r := serve(t, settings(t))
	inside, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once
	slow := writerFunc(func(p []byte) (int, error) {
		once.Do(func() {
			close(inside)
			<-leave
		})
		return len(p), nil
	})
	ended := make(chan error, 1)
	go func() { ended <- r.backup(context.Background(), slow) }()
	<-inside
	if _, err := r.client.Download(context.Background(), "/v1/backup"); errs.CodeOf(err) != "backup.running" {
		t.Errorf("a second backup: %v", err)
	}
	close(leave)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	r.download(t, t.TempDir())
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestRestoreIsAllOrNothing: a backup that is damaged, or whose restore is given
// up, leaves no workspace, and the next attempt finds the folder as if empty.
func TestRestoreIsAllOrNothing(t *testing.T) {
	_, saved := small(t)
	cfg := settings(t)
	cfg.WriteKey = ""
	damaged := filepath.Join(t.TempDir(), "damaged")
	if err := os.CopyFS(damaged, os.DirFS(saved.Path)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(damaged, saved.Manifest.Archive.Name)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-40] ^= 1
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	for name, try := range map[string]struct {
		ctx  context.Context
		how  Restoring
		kind errs.Kind
	}{
		"given up": {ctx, Restoring{From: saved.Path, Progress: func(string, int64, int64) { stop() }}, errs.Unavailable},
		"damaged":  {context.Background(), Restoring{From: damaged}, errs.Corrupt},
	} {
		try.how.Keys = sealing()
		if _, err := Restore(try.ctx, cfg, try.how); !errs.Is(err, try.kind) {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(cfg.Data, defaultWorkspace)); err == nil {
			t.Fatalf("%s: there is a workspace", name)
		}
	}
	if err := os.MkdirAll(filepath.Join(cfg.Data, restoreFolder, defaultWorkspace, "log"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(context.Background(), cfg, Restoring{From: saved.Path, Keys: sealing()}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(cfg.Data)
	if err != nil || len(entries) != 1 || entries[0].Name() != defaultWorkspace {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
	if info, err := os.Stat(filepath.Join(cfg.Data, defaultWorkspace)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the workspace's mode: %v, %v", info.Mode(), err)
	}
	_, err = Restore(context.Background(), cfg, Restoring{From: saved.Path, Keys: sealing()})
	if errs.CodeOf(err) != "restore.not_empty" {
		t.Errorf("into a folder that is not empty: %v", err)
	}
	other := settings(t)
	other.LogURL = "kafka://localhost/x"
	if _, err := Restore(context.Background(), other, Restoring{From: saved.Path, Keys: sealing()}); errs.CodeOf(err) != "restore.engines" {
		t.Errorf("into other engines: %v", err)
	}
}

// TestRestoreSurvivesAPowerCut: a workspace that a restore has reported is there
// whole after a power cut.
func TestRestoreSurvivesAPowerCut(t *testing.T) {
	source, saved := small(t)
	want := hashOf(t, source)
	mem := vfs.NewCrashableMem()
	copyIn(t, mem, saved.Path)
	cfg := settings(t)
	cfg.Data, cfg.FS, cfg.WriteKey = "/restored", mem, ""
	if _, err := Restore(context.Background(), cfg, Restoring{From: "/" + filepath.Base(saved.Path), Keys: sealing()}); err != nil {
		t.Fatal(err)
	}
	cfg.FS = mem.CrashClone(vfs.CrashCloneCfg{})
	if out, err := CheckFolder(context.Background(), cfg, func(int) {}); err != nil || out.Found > 0 || out.Records != 5 {
		t.Errorf("%+v, %v", out, err)
	}
	if got := hashOf(t, cfg); got.State != want.State || !slices.Equal(got.Position, want.Position) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// copyIn copies a folder from the disk to the root of another file system.
func copyIn(t *testing.T, fs sys.FS, dir string) {
	t.Helper()
	to := "/" + filepath.Base(dir)
	if err := fs.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := sys.WriteFile(fs, strings.Join([]string{to, e.Name()}, "/"), data); err != nil {
			t.Fatal(err)
		}
	}
}
