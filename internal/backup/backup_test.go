package backup

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/errs"
	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/identity"
	"kith/internal/oracle/workload"
	"kith/internal/record"
	"kith/internal/state"
	statemem "kith/internal/state/mem"
	"kith/internal/sys"
)

var ctx = context.Background()

// place is a log and a state in memory.
type place struct {
	log   *logmem.Log
	state state.Store
}

// workspace makes a place with records in two partitions and rows of some
// families, one of them merged.
func workspace(t testing.TB, seed uint64, records int) place {
	t.Helper()
	p := place{logmem.New(2), statemem.New()}
	for i, data := range workload.Records(seed, records)[:records] {
		if _, err := p.log.Append(ctx, []eventlog.Entry{{Partition: int32(i % 3 / 2), Data: data}}); err != nil {
			t.Fatal(err)
		}
	}
	tx, err := p.state.Begin(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		for _, f := range []state.Family{state.FamilyMark, state.FamilyResource, state.FamilyTrait} {
			tx.Put(fmt.Appendf(nil, "%c key %d", f, i), bytes.Repeat([]byte{byte(i)}, i))
		}
	}
	tx.Merge([]byte("R merged"), state.OpAdd, []byte{0, 0, 0, 0, 0, 0, 0, 41})
	if err := tx.Commit(ctx, state.Cursor{}); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p place) source() Source {
	return Source{
		Log: p.log, State: p.state, Keys: identity.NewKeyring([]byte("secret")),
		Workspace: "default", Version: "v1.2.3", Now: workload.Start + 7,
	}
}

// archive returns the stream that Write makes.
func (p place) archive(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(ctx, &out, p.source()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// records returns every record of the log, by partition.
func (p place) records(t testing.TB) [][][]byte {
	t.Helper()
	ends, err := p.log.Ends(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var out [][][]byte
	for i, end := range ends {
		all, err := p.log.Read(ctx, eventlog.Position{Partition: int32(i)}, int(end), 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, all)
	}
	return out
}

func (p place) rows(t testing.TB) map[string]string {
	t.Helper()
	snap, err := p.state.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	out := map[string]string{}
	for kv, err := range snap.Scan(ctx, state.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		out[string(kv.Key)] = string(kv.Value)
	}
	return out
}

// mustEqual compares two places whole.
func mustEqual(t testing.TB, got, want place) {
	t.Helper()
	equal := func(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }
	if !slices.EqualFunc(got.records(t), want.records(t), equal) {
		t.Fatal("the records are other ones")
	}
	if !maps.Equal(got.rows(t), want.rows(t)) {
		t.Fatal("the rows are other ones")
	}
}

func wantCode(t testing.TB, err error, kind errs.Kind, code string) {
	t.Helper()
	if !errs.Is(err, kind) || errs.CodeOf(err) != code {
		t.Fatalf("got %v, want kind %v and code %s", err, kind, code)
	}
}

// restore opens a backup and restores it into an empty place.
func restore(files sys.FS, path string, keys Keys, o Options) (place, Restored, error) {
	a, err := Open(files, path, keys)
	if err != nil {
		return place{}, Restored{}, err
	}
	p := place{logmem.New(len(a.Header.Positions)), statemem.New()}
	out, err := a.Restore(ctx, Target{Log: p.log, State: p.state}, o)
	return p, out, errors.Join(err, a.Close())
}

func mustSave(t testing.TB, files sys.FS, dir string, keys Keys, p place) Saved {
	t.Helper()
	saved, err := Save(ctx, files, dir, keys, bytes.NewReader(p.archive(t)))
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

func TestABackupIsTheWorkspace(t *testing.T) {
	for name, files := range map[string]sys.FS{"disk": sys.Disk(), "memory": vfs.NewMem()} {
		dir := filepath.Join(t.TempDir(), "new", "backups")
		p := workspace(t, 1, 500)
		saved := mustSave(t, files, dir, Keys{Passphrase: "open sesame", workFactor: 10}, p)
		if want := files.PathJoin(dir, "20250615T150640.007Z"); saved.Path != want {
			t.Errorf("%s: saved to %s, want %s", name, saved.Path, want)
		}
		for _, path := range []string{saved.Path, dir} {
			got, out, err := restore(files, path, Keys{Passphrase: "open sesame"}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			mustEqual(t, got, p)
			if out != (Restored{Records: 500, Rows: 901}) || saved.Manifest.Records != 500 || saved.Manifest.Rows != 901 {
				t.Errorf("%s: %+v, %+v", name, out, saved.Manifest)
			}
		}
		if name == "disk" {
			info, err := os.Stat(saved.Path)
			if err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("the folder's mode: %v, %v", info.Mode(), err)
			}
		}
		_, err := Save(ctx, files, dir, Keys{Plain: true}, bytes.NewReader(p.archive(t)))
		wantCode(t, err, errs.Conflict, "backup.exists")
	}
}

// TestWhatIsMergedStaysMergeable: a restored row takes further operands.
func TestWhatIsMergedStaysMergeable(t *testing.T) {
	files := vfs.NewMem()
	mustSave(t, files, "b", Keys{Plain: true}, workspace(t, 1, 10))
	got, _, err := restore(files, "b", Keys{Plain: true}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	tx, err := got.state.Begin(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	tx.Merge([]byte("R merged"), state.OpAdd, []byte{0, 0, 0, 0, 0, 0, 0, 1})
	if err := tx.Commit(ctx, state.Cursor{}); err != nil {
		t.Fatal(err)
	}
	if v := got.rows(t)["R merged"]; v != "\x01\x00\x00\x00\x00\x00\x00\x00\x2a" {
		t.Errorf("%q", v)
	}
}

// TestTheMomentIsTakenOnce: what comes after Write has begun is in no part of
// the archive.
func TestTheMomentIsTakenOnce(t *testing.T) {
	p := workspace(t, 3, 200)
	want := p.archive(t)
	var out bytes.Buffer
	busy := writerFunc(func(b []byte) (int, error) {
		tx, err := p.state.Begin(ctx, nil)
		if err != nil {
			return 0, err
		}
		tx.Put([]byte("A new row"), b)
		tx.Delete([]byte("T key 7"))
		if err := tx.Commit(ctx, state.Cursor{}); err != nil {
			return 0, err
		}
		if _, err := p.log.Append(ctx, []eventlog.Entry{{Partition: 1, Data: b}}); err != nil {
			return 0, err
		}
		return out.Write(b)
	})
	if err := Write(ctx, busy, p.source()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Error("the archive shows what happened while it was written")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// TestUntil: exactly what was received in time is kept, in the order it had, and
// of the state the resources alone.
func TestUntil(t *testing.T) {
	files := vfs.NewMem()
	p := workspace(t, 4, 600)
	// Bytes that are no record go with the one before them.
	for range 2 {
		if _, err := p.log.Append(ctx, []eventlog.Entry{{Data: []byte("no record")}}); err != nil {
			t.Fatal(err)
		}
	}
	mustSave(t, files, "b", Keys{Plain: true}, p)
	var moments []int64
	for _, part := range p.records(t) {
		for _, data := range part {
			if rec, err := record.Decode(data); err == nil {
				moments = append(moments, rec.Stamp.ReceivedAt)
			}
		}
	}
	slices.Sort(moments)
	for _, until := range []int64{moments[0] - 1, moments[0], moments[100], moments[400] - 1, moments[len(moments)-1]} {
		got, out, err := restore(files, "b", Keys{Plain: true}, Options{Until: &until})
		if err != nil {
			t.Fatal(err)
		}
		kept := 0
		for i, part := range p.records(t) {
			var want [][]byte
			last := int64(0)
			for _, data := range part {
				if rec, err := record.Decode(data); err == nil {
					last = rec.Stamp.ReceivedAt
				}
				if last <= until {
					want = append(want, data)
				}
			}
			kept += len(want)
			if !slices.EqualFunc(got.records(t)[i], want, bytes.Equal) {
				t.Fatalf("until %d: other records in partition %d", until, i)
			}
		}
		if out.Records != int64(kept) || out.Later != int64(602-kept) || out.Rows != 301 {
			t.Errorf("until %d: %+v, want %d records", until, out, kept)
		}
		for key := range got.rows(t) {
			if key[0] != byte(state.FamilyResource) {
				t.Fatalf("until %d: the row %q", until, key)
			}
		}
	}
}

// keyPairs are keys to seal with, keys that open, and keys that do not.
func keyPairs(t *testing.T) map[string][3]Keys {
	t.Helper()
	one, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	file := fmt.Appendf(nil, "# created: today\n%s\n", one)
	wrong := Keys{Identities: []byte(other.String())}
	return map[string][3]Keys{
		"a recipient": {{Recipients: []string{one.Recipient().String()}}, {Identities: file}, wrong},
		"two recipients": {
			{Recipients: []string{other.Recipient().String(), one.Recipient().String()}},
			{Identities: file}, {Identities: []byte(hybrid.String())},
		},
		"an identity":        {{Identities: file}, {Identities: file}, wrong},
		"a hybrid identity":  {{Identities: []byte(hybrid.String())}, {Identities: []byte(hybrid.String())}, wrong},
		"a hybrid recipient": {{Recipients: []string{hybrid.Recipient().String()}}, {Identities: []byte(hybrid.String())}, wrong},
		"a passphrase":       {{Passphrase: "a b", workFactor: 10}, {Passphrase: "a b"}, {Passphrase: "a  b"}},
	}
}

func TestKeys(t *testing.T) {
	p := workspace(t, 5, 50)
	secret := []byte("key 299") // in every plain archive
	for name, k := range keyPairs(t) {
		files := vfs.NewMem()
		saved := mustSave(t, files, "b", k[0], p)
		got, _, err := restore(files, "b", k[1], Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		mustEqual(t, got, p)
		_, _, err = restore(files, "b", k[2], Options{})
		wantCode(t, err, errs.Denied, "backup.wrong_key")
		for _, none := range []Keys{{}, {Plain: true}} {
			_, _, err = restore(files, "b", none, Options{})
			wantCode(t, err, errs.Invalid, "backup.no_key")
		}
		sealed := content(t, files, files.PathJoin(saved.Path, saved.Manifest.Archive.Name))
		if !bytes.HasPrefix(sealed, []byte("age-encryption.org/")) || bytes.Contains(sealed, secret) {
			t.Errorf("%s: the archive is not sealed", name)
		}
	}
}

func TestKeysThatCannotBe(t *testing.T) {
	for code, keys := range map[string]Keys{
		"backup.no_key":    {},
		"backup.keys":      {Recipients: []string{"age1x"}, Plain: true},
		"backup.recipient": {Recipients: []string{"ssh-ed25519 AAAA"}},
		"backup.identity":  {Identities: []byte("AGE-SECRET-KEY-1MISTYPED")},
	} {
		files := vfs.NewMem()
		_, err := Save(ctx, files, "b", keys, bytes.NewReader(workspace(t, 6, 1).archive(t)))
		wantCode(t, err, errs.Invalid, code)
		if strings.Contains(err.Error(), "MISTYPED") {
			t.Errorf("the error shows the key: %v", err)
		}
		if names, err := files.List("b"); err == nil && len(names) > 0 {
			t.Errorf("%s: left %q", code, names)
		}
	}
	files := vfs.NewMem()
	mustSave(t, files, "b", Keys{Plain: true}, workspace(t, 6, 1))
	_, _, err := restore(files, "b", Keys{Passphrase: "x"}, Options{})
	wantCode(t, err, errs.Invalid, "backup.not_sealed")
}

func TestTheNewestOfSeveral(t *testing.T) {
	files := vfs.NewMem()
	p := workspace(t, 14, 10)
	for i := range int64(3) {
		src := p.source()
		src.Now += i * 3_600_000
		var out bytes.Buffer
		if err := Write(ctx, &out, src); err != nil {
			t.Fatal(err)
		}
		if _, err := Save(ctx, files, "b", Keys{Plain: true}, &out); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"20990101T000000.000Z", "20990101T000000.000Z.partial", "other", "zzz"} {
		if err := files.MkdirAll("b/"+name, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	a, err := Open(files, "b", Keys{Plain: true})
	if err != nil || a.Path != "b/20250615T170640.007Z" {
		t.Fatalf("%+v, %v", a, err)
	}
	_ = a.Close()
	_, err = Open(files, "b/20990101T000000.000Z.partial", Keys{Plain: true})
	wantCode(t, err, errs.Corrupt, "backup.unfinished")
	_, err = Open(files, "b/other", Keys{Plain: true})
	wantCode(t, err, errs.NotFound, "backup.none")
	_, err = Open(files, "c", Keys{Plain: true})
	wantCode(t, err, errs.NotFound, "backup.none")
}

// TestATargetThatIsNotEmpty is refused as soon as a position shows it.
func TestATargetThatIsNotEmpty(t *testing.T) {
	files := vfs.NewMem()
	mustSave(t, files, "b", Keys{Plain: true}, workspace(t, 15, 10))
	a, err := Open(files, "b", Keys{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	p := workspace(t, 16, 10)
	_, err = a.Restore(ctx, Target{Log: p.log, State: p.state}, Options{})
	wantCode(t, err, errs.Conflict, "backup.target")
}

var writeGolden = flag.Bool("write-golden", false, "write testdata/v1 anew, after a deliberate change of the format")

// TestBackupOfVersion1 restores a backup that an earlier build wrote, and holds
// today's bytes against it.
func TestBackupOfVersion1(t *testing.T) {
	p := workspace(t, 17, 40)
	if *writeGolden {
		saved := mustSave(t, sys.Disk(), "testdata/v1", Keys{Plain: true}, p)
		t.Log("wrote", saved.Path)
	}
	got, out, err := restore(sys.Disk(), "testdata/v1", Keys{Plain: true}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	mustEqual(t, got, p)
	if out != (Restored{Records: 40, Rows: 901}) {
		t.Errorf("%+v", out)
	}
}
