package scenario_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kith/internal/scenario"
	"kith/internal/scenario/engines"
	"kith/internal/state"
)

func parse(t *testing.T, text string) *scenario.File {
	t.Helper()
	f, err := scenario.Parse("f.kith", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestMismatch: an output that was not expected is told with its place and the
// lines that differ.
func TestMismatch(t *testing.T) {
	f := parse(t, `identify userId=u1 traits={"plan":"pro","city":"Lyon"}
profile user_id:u1
----
profile <id1>
identifiers user_id:u1
trait plan "free"
trait zip "69001"
events 1, 2025-03-01T09:00:00Z

track userId=u1
`)
	res, err := scenario.Run(t.Context(), f, engines.Memory(), scenario.Variant{})
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, m := range res.Mismatches {
		got.WriteString(m.String())
	}
	want := `f.kith:2: profile user_id:u1
    profile <id1>
    identifiers user_id:u1
  - trait plan "free"
  - trait zip "69001"
  + trait city "Lyon"
  + trait plan "pro"
    events 1, 2025-03-01T09:00:00Z
f.kith:10: track userId=u1
  + 400 event.name_required: track needs a non-empty event name
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRewritten: the text with the outputs keeps everything else as it was, and is
// its own rewriting.
func TestRewritten(t *testing.T) {
	before := `# A comment.
identify userId=u1 \
  traits={"plan":"pro"}
profile user_id:u1
status
----
old

repeat 2
  track userId=u1
end
----
older
# Directly below: part of the old output.

flush
----
nothing is expected here any more

status`
	want := `# A comment.
identify userId=u1 \
  traits={"plan":"pro"}
profile user_id:u1
----
profile <id1>
identifiers user_id:u1
trait plan "pro"
events 1, 2025-03-01T09:00:00Z

status
----
accepted 1, processed 1, repeats 0, held 0, rejected 0, homeless 0

repeat 2
  track userId=u1
end
----
400 event.name_required: track needs a non-empty event name
400 event.name_required: track needs a non-empty event name

flush

status
----
accepted 1, processed 1, repeats 0, held 0, rejected 2, homeless 0
`
	for range 2 {
		res, err := scenario.Run(t.Context(), parse(t, before), engines.Memory(), scenario.Variant{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, res.Text); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		before = res.Text
	}
}

// TestRefusedCommands: a command that cannot be carried out ends the file with its
// place.
func TestRefusedCommands(t *testing.T) {
	for text, want := range map[string]string{
		"flush\nprofile id:<id1>": `f.kith:2: "<id1>" stands for nothing yet; names like this one are given by the output of commands further up`,
		"retry <held1>":           `f.kith:1: "<held1>" stands for nothing yet; names like this one are given by the output of commands further up`,
	} {
		_, err := scenario.Run(t.Context(), parse(t, text), engines.Memory(), scenario.Variant{})
		var e *scenario.Error
		if !errors.As(err, &e) || e.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}

// other is an engine whose fresh states are not empty.
type other struct {
	scenario.Engine
	fresh state.Store
}

type otherPlace struct {
	scenario.Place
	fresh state.Store
}

func (e other) Open(ctx context.Context, partitions int) (scenario.Place, error) {
	p, err := e.Engine.Open(ctx, partitions)
	return otherPlace{p, e.fresh}, err
}

func (p otherPlace) Fresh(context.Context) (state.Store, error) { return p.fresh, nil }

// keeper is an engine whose places are not closed.
type keeper struct {
	scenario.Engine
	kept *scenario.Place
}

type keptPlace struct{ scenario.Place }

func (k keeper) Open(ctx context.Context, partitions int) (scenario.Place, error) {
	p, err := k.Engine.Open(ctx, partitions)
	*k.kept = p
	return keptPlace{p}, err
}

func (keptPlace) Close() error { return nil }

// TestReplayDiffers: a state that is not the one of the log is found, by replay
// and at the end of every file.
func TestReplayDiffers(t *testing.T) {
	one := parse(t, `identify userId=u1 traits={"plan":"pro"}`)
	for text, place := range map[string]string{
		"identify userId=u1 traits={\"plan\":\"free\"}\nreplay": "f.kith:2: replay: the state made anew from the log differs",
		"identify userId=u1 traits={\"plan\":\"free\"}\n\n":     "f.kith:2: at the end of the file the state made anew from the log differs",
	} {
		var kept scenario.Place
		if _, err := scenario.Run(t.Context(), one, keeper{engines.Memory(), &kept}, scenario.Variant{}); err != nil {
			t.Fatal(err)
		}
		_, err := scenario.Run(t.Context(), parse(t, text), other{engines.Memory(), kept.State()}, scenario.Variant{})
		if err == nil || !strings.HasPrefix(err.Error(), place) {
			t.Errorf("%q: %v", text, err)
			continue
		}
		for _, line := range []string{`  - {"family":"traits","key":"plan"`, `"value":"free"}`, `  + {"family":"traits","key":"plan"`, `"value":"pro"}`} {
			if !strings.Contains(err.Error(), line) {
				t.Errorf("%q: the error lacks %s:\n%v", text, line, err)
			}
		}
	}
}

// TestTest: a folder of files, one of each kind.
func TestTest(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("a_good.kith", "status\n----\naccepted 0, processed 0, repeats 0, held 0, rejected 0, homeless 0\n")
	wrong := write("b_wrong.kith", "track userId=u1 event=E\nstatus\n----\naccepted 2, processed 2, repeats 0, held 0, rejected 0, homeless 0\n")
	broken := write("c_broken.kith", "stauts\n")
	deep := write("deeper/d.kith", "flush\n")
	write("notes.txt", "no scenario")
	opts := scenario.Options{Engines: []scenario.Engine{engines.Memory(), engines.Embedded()}}
	run := func(want string, wantPassed, wantFailed int, opts scenario.Options) {
		t.Helper()
		var out strings.Builder
		passed, failed, err := scenario.Test(t.Context(), dir, &out, opts)
		if err != nil || passed != wantPassed || failed != wantFailed {
			t.Errorf("%d passed, %d failed: %v", passed, failed, err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	run(`ok   `+good+`
FAIL `+wrong+`
  on memory: `+wrong+`:2: status
    - accepted 2, processed 2, repeats 0, held 0, rejected 0, homeless 0
    + accepted 1, processed 1, repeats 0, held 0, rejected 0, homeless 0
FAIL `+broken+`
  `+broken+`:1: unknown command "stauts"; did you mean status?
ok   `+deep+"\n", 2, 2, opts)

	if err := os.WriteFile(broken, []byte("status\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ok := "ok   " + good + "\nok   " + wrong + "\nok   " + broken + "\nok   " + deep + "\n"
	opts.Update = true
	run(ok, 4, 0, opts)
	opts.Update = false
	run(ok, 4, 0, opts)
	text, err := os.ReadFile(wrong)
	if want := "track userId=u1 event=E\nstatus\n----\naccepted 1, processed 1, repeats 0, held 0, rejected 0, homeless 0\n"; err != nil || string(text) != want {
		t.Errorf("rewritten as %q, %v", text, err)
	}
}

// TestTestFindsNothing: a wrong path is an error and not a success.
func TestTestFindsNothing(t *testing.T) {
	for _, path := range []string{t.TempDir(), filepath.Join(t.TempDir(), "missing")} {
		if passed, failed, err := scenario.Test(t.Context(), path, &strings.Builder{}, scenario.Options{Engines: []scenario.Engine{engines.Memory()}}); err == nil {
			t.Errorf("%d passed, %d failed", passed, failed)
		}
	}
}

// TestTestEnds: a run that is called off is no failure of a file.
func TestTestEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, failed, err := scenario.Test(ctx, "../../test/scenario", &strings.Builder{}, scenario.Options{Engines: []scenario.Engine{engines.Memory()}})
	if failed > 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d failed, error %v", failed, err)
	}
}
