package crash

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kith/test/program"
)

// identity is a key for these tests alone.
const identity = "AGE-SECRET-KEY-1RLKF32QM65DZYER2TWJ7NVEASK2GNWMD9SG27DUFVS9HMYERCA7QLECDJP"

// kith runs a command of the program and returns what it printed and how it
// ended.
func kith(t *testing.T, args ...string) (stdout string, code int) {
	t.Helper()
	cmd := command(t, args...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	name := program.Kith(t)
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "KITH_ADMIN_TOKEN="+adminToken)
	return cmd
}

// must runs a command that has to succeed and decodes the JSON that it prints.
func must(t *testing.T, out any, args ...string) {
	t.Helper()
	text, code := kith(t, append(args, "--json")...)
	if code != 0 {
		t.Fatalf("kith %s ended with %d", strings.Join(args, " "), code)
	}
	if err := json.Unmarshal([]byte(text), out); err != nil {
		t.Fatal(err)
	}
}

// saved is what kith backup prints.
type saved struct {
	Path     string
	Manifest struct {
		CreatedAt string `json:"created_at"`
		Positions []int64
	}
}

// TestBackupUnderLoad takes backups of a server under load, kills some of the
// commands that take them and once the server, and restores the last one
// elsewhere: every acknowledged message is there once, and the state is the same.
func TestBackupUnderLoad(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 21))
	data, backups := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "backups")
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(identity), 0o600); err != nil {
		t.Fatal(err)
	}
	s := launch(t, data)
	l := startLoad(t, 2, 21)
	l.moveTo(s.url)
	var middle saved
	killed, finished := 0, 0
	for round := range 10 {
		cmd := command(t, "backup", backups, "--data", data, "--identity", key)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Duration(20+rng.IntN(50)) * time.Millisecond)
		if round == 3 {
			_ = s.end(t, syscall.SIGKILL) // the error says that it was killed
		} else {
			_ = cmd.Process.Kill() // it may have ended
		}
		if cmd.Wait() == nil {
			finished++
		} else {
			killed++
		}
		if round == 3 {
			s = launch(t, data)
			l.moveTo(s.url)
		}
		must(t, &middle, "backup", backups, "--data", data, "--identity", key)
	}
	l.end()
	if _, code := kith(t, "check", "--data", data); code != 3 {
		t.Errorf("a check beside the server ends with %d", code)
	}
	// Requests that the clients gave up may still arrive.
	var last saved
	want, before := s.flushed(t), status{}
	for before.Accepted != want.Accepted {
		must(t, &last, "backup", backups, "--data", data, "--identity", key)
		before, want = want, s.flushed(t)
	}
	s.terminate(t)
	unfinished := 0
	entries, err := os.ReadDir(backups)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".partial") {
			unfinished++
			if _, code := kith(t, "restore", filepath.Join(backups, e.Name()), "--data", filepath.Join(t.TempDir(), "none"), "--identity", key); code == 0 {
				t.Errorf("%s restores", e.Name())
			}
		}
	}
	t.Logf("%d commands killed or cut off, %d had ended; %d left a part of a backup, none restores", killed, finished, unfinished)
	if killed == 0 {
		t.Error("no command was killed in time")
	}

	elsewhere := filepath.Join(t.TempDir(), "restored")
	var out struct{ Positions []int64 }
	must(t, &out, "restore", backups, "--data", elsewhere, "--identity", key)
	if len(out.Positions) != 1 || out.Positions[0] != last.Manifest.Positions[0] || last.Manifest.Positions[0] < middle.Manifest.Positions[0] {
		t.Errorf("restored to %v, the backup is at %v", out.Positions, last.Manifest.Positions)
	}
	r := launch(t, elsewhere)
	if got := l.check(t, r); got.Hash != want.Hash || got.Accepted != want.Accepted {
		t.Errorf("%+v, the source has %+v", got, want)
	}
	r.terminate(t)
	theMoment(t, backups, key, middle)
	theCheck(t, elsewhere)
}

// theMoment restores to the moment of an earlier backup and compares with what
// that backup itself holds.
func theMoment(t *testing.T, backups, key string, earlier saved) {
	t.Helper()
	to := filepath.Join(t.TempDir(), "moment")
	var out struct {
		Positions []int64
		Restored  struct{ Records, Later int64 }
	}
	must(t, &out, "restore", backups, "--data", to, "--identity", key, "--at", earlier.Manifest.CreatedAt)
	// What was on its way into the log at that moment may be in one and not in
	// the other.
	if d := out.Restored.Records - earlier.Manifest.Positions[0]; d < -1000 || d > 1000 || out.Positions[0] != out.Restored.Records {
		t.Errorf("at %s: %+v, that backup holds %v", earlier.Manifest.CreatedAt, out, earlier.Manifest.Positions)
	}
	if _, code := kith(t, "restore", backups, "--data", to, "--identity", key); code != 2 {
		t.Errorf("a restore into a folder in use ends with %d", code)
	}
}

// theCheck damages a file of a closed data folder.
func theCheck(t *testing.T, data string) {
	t.Helper()
	var out struct {
		Found   int
		Damaged []struct {
			File   string
			Offset int64
		}
	}
	must(t, &out, "check", "--data", data)
	if out.Found != 0 {
		t.Errorf("before: %+v", out)
	}
	segment := filepath.Join(data, "default", "log", "p0000", "00000000000000000000.seg")
	content, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	content[5000] ^= 8
	if err := os.WriteFile(segment, content, 0o600); err != nil {
		t.Fatal(err)
	}
	text, code := kith(t, "check", "--data", data, "--json")
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	if code != 5 || out.Found != 1 || out.Damaged[0].File != segment || out.Damaged[0].Offset > 5000 {
		t.Errorf("ended with %d: %+v", code, out)
	}
}
