package resource

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"kith/internal/errs"
	"kith/internal/sys"
)

func TestTokensAreKnownBySight(t *testing.T) {
	rand := sys.Seeded(1)
	seen := map[string]bool{}
	for range 1000 {
		token, err := NewToken(WriteToken, rand)
		if err != nil {
			t.Fatal(err)
		}
		if seen[token] || len(token) != 60 || !IsToken(WriteToken, token) || IsToken(AdminToken, token) || !ValidWriteKey(token) {
			t.Fatalf("token %q", token)
		}
		seen[token] = true
	}
	token, _ := NewToken(AdminToken, rand)
	for i := range token {
		for _, c := range []byte{'0', 'z', 'A', '_', ' '} {
			if c != token[i] && IsToken(AdminToken, token[:i]+string(c)+token[i+1:]) {
				t.Fatalf("a wrong character at %d went unseen", i)
			}
		}
		if IsToken(AdminToken, token[:i]) || IsToken(AdminToken, token+token[:i+1]) {
			t.Fatalf("a wrong length went unseen")
		}
	}
}

type noRand struct{}

func (noRand) Read([]byte) (int, error) { return 0, errors.New("no entropy") }

func TestNoTokenWithoutRandomness(t *testing.T) {
	if token, err := NewToken(WriteToken, noRand{}); err == nil {
		t.Fatalf("made %q", token)
	}
	fs := vfs.NewMem()
	if _, _, err := OpenAdmin(fs, "", "", noRand{}); err == nil {
		t.Fatal("made an admin token")
	}
}

func TestDigestMatchesItsTokenAlone(t *testing.T) {
	d := DigestOf("token")
	for token, want := range map[string]bool{"token": true, "": false, "tokeN": false, "token ": false, "toke": false} {
		if d.Matches(token) != want {
			t.Errorf("%q: %v", token, !want)
		}
	}
}

func TestAdminTokenIsMadeOnceAndForTheOwnerAlone(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, AdminFile+".new", "left"), 0o777); err != nil {
		t.Fatal(err)
	}
	digest, made, err := OpenAdmin(sys.Disk(), dir, "", sys.Entropy())
	if err != nil || !made {
		t.Fatal(made, err)
	}
	file := filepath.Join(dir, AdminFile)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	token := strings.TrimSuffix(string(data), "\n")
	if !IsToken(AdminToken, token) || !digest.Matches(token) {
		t.Errorf("file holds %q", data)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	again, made, err := OpenAdmin(sys.Disk(), dir, "", sys.Entropy())
	if err != nil || made || again != digest {
		t.Errorf("second start: made %v, %v", made, err)
	}
}

func TestGivenAdminTokenWins(t *testing.T) {
	fs := vfs.NewMem()
	digest, made, err := OpenAdmin(fs, "", "own:token", sys.Seeded(1))
	if err != nil || made || !digest.Matches("own:token") {
		t.Fatal(made, err)
	}
	if names, _ := fs.List(""); len(names) != 0 {
		t.Errorf("a given token was written down: %v", names)
	}
}

func write(t *testing.T, fs vfs.FS, name, data string) {
	t.Helper()
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAdminTokensThatCannotBeUsed(t *testing.T) {
	good, _ := NewToken(AdminToken, sys.Seeded(1))
	for _, token := range []string{"a b", "a\tb", "é", good[:59], good + "x", strings.Repeat("x", adminBytesMax+1), "\n"} {
		if _, _, err := OpenAdmin(vfs.NewMem(), "", token, sys.Seeded(1)); !errs.Is(err, errs.Invalid) {
			t.Errorf("given %q: %v", token, err)
		}
		fs := vfs.NewMem()
		write(t, fs, AdminFile, token+"\n")
		if _, _, err := OpenAdmin(fs, "", "", sys.Seeded(1)); !errs.Is(err, errs.Invalid) || strings.Contains(err.Error(), good[20:40]) {
			t.Errorf("in the file %q: %v", token, err)
		}
	}
	fs := vfs.NewMem()
	write(t, fs, AdminFile, "") // a token that nobody can know must not be an empty one
	if _, _, err := OpenAdmin(fs, "", "", sys.Seeded(1)); !errs.Is(err, errs.Invalid) {
		t.Errorf("an empty file: %v", err)
	}
	write(t, fs, AdminFile, "own\r\n")
	if d, _, err := OpenAdmin(fs, "", "", sys.Seeded(1)); err != nil || !d.Matches("own") {
		t.Errorf("a file with a line end: %v", err)
	}
}

// Whatever call of the file system fails, the token is either not there or whole,
// and the next start works.
func TestAdminTokenSurvivesEveryFault(t *testing.T) {
	for n := int32(0); ; n++ {
		fs := vfs.NewMem()
		digest, made, err := OpenAdmin(errorfs.Wrap(fs, errorfs.ErrInjected.If(errorfs.OnIndex(n))), "", "", sys.Seeded(uint64(n)))
		if err == nil {
			if !made || n < 5 {
				t.Fatalf("after %d faults: made %v", n, made)
			}
			after, _, err := OpenAdmin(fs, "", "", sys.Seeded(99))
			if err != nil || after != digest {
				t.Fatalf("without a fault: %v", err)
			}
			return
		}
		if !errs.Is(err, errs.Unavailable) {
			t.Errorf("fault %d: %v", n, err)
		}
		if _, _, err := OpenAdmin(fs, "", "", sys.Seeded(99)); err != nil {
			t.Errorf("start after fault %d: %v", n, err)
		}
	}
}

func TestAdminTokenSurvivesAPowerCut(t *testing.T) {
	fs := vfs.NewCrashableMem()
	if err := fs.MkdirAll("data", 0o755); err != nil {
		t.Fatal(err)
	}
	root, err := fs.OpenDir("")
	if err != nil {
		t.Fatal(err)
	}
	if err := root.Sync(); err != nil {
		t.Fatal(err)
	}
	digest, _, err := OpenAdmin(fs, "data", "", sys.Seeded(1))
	if err != nil {
		t.Fatal(err)
	}
	after, made, err := OpenAdmin(fs.CrashClone(vfs.CrashCloneCfg{}), "data", "", sys.Seeded(2))
	if err != nil || made || after != digest {
		t.Fatalf("after the cut: made %v, %v", made, err)
	}
}
