package bench

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseWatched(t *testing.T) {
	for s, want := range map[string]Watched{
		"Kafka=12":              {Name: "Kafka", PIDs: []int{12}},
		"Kafka=12,7@/a/b,/c":    {Name: "Kafka", PIDs: []int{12, 7}, Folders: []string{"/a/b", "/c"}},
		"one server=3@relative": {Name: "one server", PIDs: []int{3}, Folders: []string{"relative"}},
	} {
		if got, err := ParseWatched(s); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q gives %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "Kafka", "=1", "Kafka=", "Kafka=x", "Kafka=1,", "Kafka=-1", "Kafka=@/a"} {
		if got, err := ParseWatched(s); err == nil {
			t.Errorf("%q gives %+v", s, got)
		}
	}
}

func TestParseStat(t *testing.T) {
	const rest = " S 7 1 1 0 -1 4194560 100 200 0 0 15 5 30 40 20 0 1 0 5 6 7"
	for _, name := range []string{"kith", "a b", "x) S 9 (y"} {
		pid, got, ok := parseStat("42 (" + name + ")" + rest)
		if want := (times{7, 200 * time.Millisecond, 700 * time.Millisecond}); !ok || pid != 42 || got != want {
			t.Errorf("%q gives %d, %+v, %v", name, pid, got, ok)
		}
	}
	for _, line := range []string{"", "42", "42 (kith)", "42 (kith) S 7 1", "x (kith)" + rest, "42 kith" + rest} {
		if _, got, ok := parseStat(line); ok {
			t.Errorf("%q gives %+v", line, got)
		}
	}
}

// TestTreeCPU: a parent's use is its own and that of its children, so it is no less
// than what this process alone says of itself.
func TestTreeCPU(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("there is no /proc")
	}
	for n, began := 0, time.Now(); cpu(os.Getpid()) < 50*time.Millisecond && time.Since(began) < time.Minute; n++ {
		_ = strings.Repeat("x", n%1000)
	}
	own, parent := treeCPU(os.Getpid()), treeCPU(os.Getppid())
	if own < 50*time.Millisecond || parent < own || machineCPU() < own {
		t.Errorf("this process used %v, its parent and its children %v, the machine %v", own, parent, machineCPU())
	}
	if got := treeCPU(); got != 0 {
		t.Errorf("no process used %v", got)
	}
}

// TestBlocks: a file that is larger than what was written to it counts what was
// written.
func TestBlocks(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(1 << 30); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if got := blocks([]string{dir, filepath.Join(dir, "missing")}); got < 1<<20 || got > 4<<20 {
		t.Errorf("a mebibyte takes %d bytes", got)
	}
}

func TestPrintNodes(t *testing.T) {
	var out bytes.Buffer
	err := PrintNodes(&out, []NodesRow{
		{Nodes: 1, Engines: "embedded", Until: "folded", Events: 1000, Elapsed: time.Second, Use: []Use{{kith, 100 * time.Millisecond, 5000}}},
		{Nodes: 2, Engines: "shared", Until: "folded", Events: 1000, Elapsed: 2 * time.Second, Use: []Use{{kith, 300 * time.Millisecond, 0}, {"Kafka", 100 * time.Millisecond, 0}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	for i, want := range [][]string{
		{"nodes", "engines", "until", "events/s", "events/CPU", "s", "kith", "µs", "share", "disk", "B", "Kafka", "µs"},
		{"1", "embedded", "folded", "1000", "10000", "100.0", "100", "%", "5", "-", "-", "-"},
		{"2", "shared", "folded", "500", "2500", "300.0", "75", "%", "-", "100.0", "25", "%", "-"},
	} {
		if got := strings.Fields(lines[i]); len(got) < len(want) || !reflect.DeepEqual(got[:len(want)], want) {
			t.Errorf("line %d is %q, want it to begin with %q", i, got, want)
		}
	}
}
