// Package lake reads the open tables from another process, in another language,
// while kith writes them.
package lake

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"kith/test/program"
)

var (
	duration = flag.Duration("lake.duration", 8*time.Second, "how long kith is under load while the tables are read")
	readings = flag.Int("lake.readings", 10, "how many readings of tables there have to be at least")
	rate     = flag.Int("lake.rate", 2000, "events a second")
)

// ageMax is how old a table may be, in seconds.
const ageMax = 3

// periods let files of every level be merged within seconds.
const periods = "lake: {merge_ms: [1500, 3000, 6000]}\n"

// reader returns the Python with what reads Parquet.
func reader(t *testing.T) string {
	t.Helper()
	args := []string{"where"}
	if os.Getenv("KITH_REQUIRE_SERVERS") == "1" {
		args = nil
	}
	out, err := exec.Command("./install", args...).Output()
	if err != nil {
		t.Fatalf("test/lake/install failed: %v", err)
	}
	python := filepath.Join(strings.TrimSpace(string(out)), "bin", "python")
	if _, err := os.Stat(python); err != nil {
		t.Skip("nothing is installed that reads Parquet from outside; run test/lake/install")
	}
	return python
}

func TestMain(m *testing.M) { program.Main(m) }

// launch starts kith on a folder and returns its address.
func launch(t *testing.T, data string) string {
	t.Helper()
	name := program.Kith(t)
	settings := filepath.Join(t.TempDir(), "kith.yaml")
	if err := os.WriteFile(settings, []byte(periods), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, "serve", "--config", settings)
	cmd.Env = append(os.Environ(), "KITH_DATA="+data, "KITH_ADDR=127.0.0.1:0", "KITH_WRITE_KEY=lake-key", "KITH_ADMIN_TOKEN=lake-admin")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("kith ended with %v", err)
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), "kith listening on "); ok {
			return url
		}
	}
	t.Fatal("kith ended before it listened")
	return ""
}

func call(t *testing.T, method, url, body string, auth func(*http.Request)) []byte {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	auth(req)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s answers %d: %s", method, url, res.StatusCode, data)
	}
	return data
}

func asAdmin(r *http.Request) { r.Header.Set("Authorization", "Bearer lake-admin") }

// batch is events of a few people, some of them said before, some that join devices.
func batch(n int) string {
	var b strings.Builder
	b.WriteString(`{"batch":[`)
	for i := range 100 {
		if i > 0 {
			b.WriteByte(',')
		}
		id := n*100 + i
		if i%25 == 24 {
			id -= 24 // a repeat
		}
		person := (id * 7919) % 500
		switch {
		case id%20 == 3:
			fmt.Fprintf(&b, `{"type":"identify","messageId":"m%d","userId":"u%d","anonymousId":"a%d","traits":{"plan":"p%d","email":"u%d@kith.example"}}`, id, person, id%900, id%7, person)
		default:
			fmt.Fprintf(&b, `{"type":"track","messageId":"m%d","event":"Order Completed","anonymousId":"a%d","properties":{"revenue":%d.5,"currency":"EUR"}}`, id, id%900, id%1000)
		}
	}
	return b.String() + `]}`
}

func send(t *testing.T, url string, n int) {
	t.Helper()
	call(t, "POST", url+"/v1/batch", batch(n), func(r *http.Request) { r.SetBasicAuth("lake-key", "") })
}

// report is what the reader found.
type report struct {
	Readings int              `json:"readings"`
	Ages     int              `json:"ages"`
	Median   float64          `json:"median_s"`
	Late     float64          `json:"p95_s"`
	Oldest   float64          `json:"oldest_s"`
	Held     float64          `json:"held_s"`
	Wrong    []string         `json:"wrong"`
	Rows     map[string]int64 `json:"rows"`
	Levels   []string         `json:"levels"`
}

// TestReadFromOutside loads kith while another process reads every table by its list
// of files alone: never a row twice, never a file that is not there, and as a rule
// not older than three seconds. Where neither this process nor the reader was ever
// held up, never older.
func TestReadFromOutside(t *testing.T) {
	python := reader(t)
	data := t.TempDir()
	url := launch(t, data)
	send(t, url, 0) // a table has files from its first row on
	call(t, "POST", url+"/v1/flush?timeout=1m", "", asAdmin)
	ctx, stop := context.WithTimeout(t.Context(), *duration+2*time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, python, "reader.py", filepath.Join(data, "default", "lake"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	end, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	sent, held := load(t, url)
	if _, err := io.WriteString(end, "the load has ended\n"); err != nil {
		t.Fatal(err)
	}
	call(t, "POST", url+"/v1/flush?timeout=1m", "", asAdmin)
	var status struct {
		Processed int64 `json:"processed"`
		Repeats   int64 `json:"repeats"`
		Lag       int64 `json:"analytics_lag_ms"`
	}
	if err := json.Unmarshal(call(t, "GET", url+"/v1/status", "", asAdmin), &status); err != nil {
		t.Fatal(err)
	}
	if err := end.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the reader failed: %v", err)
	}
	var r report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v: %s", err, out.Bytes())
	}
	for _, w := range r.Wrong {
		t.Error(w[:min(len(w), 300)])
	}
	if want := status.Processed - status.Repeats; r.Rows["events"] != want || status.Repeats == 0 || status.Lag != 0 {
		t.Errorf("%d events show, want %d; %d repeats; the lake is %d ms behind", r.Rows["events"], want, status.Repeats, status.Lag)
	}
	if r.Rows["profiles"] == 0 || r.Rows["identifiers"] == 0 || r.Rows["links"] == 0 || r.Rows["traits_history"] == 0 {
		t.Errorf("the tables have the rows %v", r.Rows)
	}
	r.checkAges(t, held)
	t.Logf("%d readings beside %d events; rows %v; levels %v; tables were %.2f s old in the median, %.2f s at the 95th percentile, %.2f s at most; kept from running for %.2f s at most", r.Readings, sent*100, r.Rows, r.Levels, r.Median, r.Late, r.Oldest, max(r.Held, held.Seconds()))
}

// load sends batches at the rate for the duration. It returns how many, and by how
// much the one that was most behind its time was late to be sent.
func load(t *testing.T, url string) (sent int, held time.Duration) {
	t.Helper()
	every := time.Duration(float64(time.Second) * 100 / float64(*rate))
	tick := time.NewTicker(every)
	defer tick.Stop()
	began := time.Now()
	for last := began; time.Since(began) < *duration; sent++ {
		send(t, url, sent)
		<-tick.C
		held = max(held, time.Since(last)-every)
		last = time.Now()
	}
	return sent, held
}

// starved is how long a process may be kept from running on a machine of which times
// say anything.
const starved = 250 * time.Millisecond

// checkAges holds the ages of the tables against the limit, and asks that files were
// read which merges had made.
func (r *report) checkAges(t *testing.T, held time.Duration) {
	t.Helper()
	if r.Readings < *readings || r.Ages == 0 {
		t.Errorf("%d readings, of which %d of an age; want %d", r.Readings, r.Ages, *readings)
	}
	if r.Median > ageMax {
		t.Errorf("half of the readings found tables older than %.1f s", r.Median)
	}
	if held < starved && r.Held < starved.Seconds() && r.Oldest > ageMax {
		t.Errorf("a table was %.1f s old, and nothing was held up for more than %v", r.Oldest, starved)
	}
	if !slices.Contains(r.Levels, "day") {
		t.Errorf("no merged files were read, only %v", r.Levels)
	}
}
