package crash

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kith/internal/demo"
	"kith/test/program"
)

var demoPeople = flag.Int("demo-people", 300, "how many people the demo has")

// demoSize is how many that are in this run.
func demoSize() int {
	if testing.Short() {
		return min(*demoPeople, 120)
	}
	return *demoPeople
}

// demoProcess is a running demo.
type demoProcess struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
	url   string
	told  []string // what it printed so far
}

// startDemo starts a demo and waits until it listens.
func startDemo(t *testing.T, data string, people int, args ...string) *demoProcess {
	t.Helper()
	name := program.Kith(t)
	args = append([]string{"demo", "--data", data, "--addr", "127.0.0.1:0", "--profiles", fmt.Sprint(people)}, args...)
	d := &demoProcess{cmd: exec.Command(name, args...)}
	d.cmd.Env = append(os.Environ(), "KITH_ADMIN_TOKEN="+adminToken, "KITH_DATA=", "KITH_ADDR=")
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d.lines = bufio.NewScanner(out)
	line := d.await(t, "kith listening on ")
	d.url = line[len("kith listening on "):]
	return d
}

// await reads until a line that begins so.
func (d *demoProcess) await(t *testing.T, begins string) string {
	t.Helper()
	for d.lines.Scan() {
		d.told = append(d.told, d.lines.Text())
		if strings.HasPrefix(d.lines.Text(), begins) {
			return d.lines.Text()
		}
	}
	t.Fatalf("the demo ended without a line %q (%v):\n%s", begins, d.cmd.Wait(), strings.Join(d.told, "\n"))
	return ""
}

// end reads the rest and returns how the demo ended.
func (d *demoProcess) end() error {
	for d.lines.Scan() {
		d.told = append(d.told, d.lines.Text())
	}
	return d.cmd.Wait()
}

// loadDemo runs a demo to its end and returns what it printed.
func loadDemo(t *testing.T, data string, people int, args ...string) string {
	t.Helper()
	d := startDemo(t, data, people, append(args, "--no-live", "--exit")...)
	if err := d.end(); err != nil {
		t.Fatalf("the demo ended with %v:\n%s", err, strings.Join(d.told, "\n"))
	}
	return strings.Join(d.told, "\n")
}

// stateOf serves a demo's folder and returns its status.
func stateOf(t *testing.T, data string) status {
	t.Helper()
	s := launch(t, data)
	defer s.terminate(t)
	return s.flushed(t)
}

// TestDemo loads a demo, again on the same folder, and in a folder of its own: the
// state is the same, whatever it was that was sent twice. Another seed makes
// another one. The profiles are held against who is who in truth.
func TestDemo(t *testing.T) {
	n := demoSize()
	dir := t.TempDir()
	first := filepath.Join(dir, "first")
	told := loadDemo(t, first, n)
	listening, loaded, profile := strings.Index(told, "kith listening on "), strings.Index(told, "\nloaded "), strings.Index(told, "\nProfile ")
	if listening < 0 || loaded < listening || profile < loaded {
		t.Errorf("the demo printed:\n%s", told)
	}
	one := stateOf(t, first)
	if again := loadDemo(t, first, n); !strings.Contains(again, "already holds") {
		t.Errorf("the second demo on a folder printed:\n%s", again)
	}
	if two := stateOf(t, first); two.Hash != one.Hash || two.Accepted != one.Accepted {
		t.Errorf("after the second demo on a folder the state is %+v, it was %+v", two, one)
	}
	world, err := demo.New(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	plan := planned(world, n)
	if one.Repeats != plan.repeats || one.Accepted != plan.accepted || one.Quarantined != plan.refused {
		t.Errorf("the status is %+v, planned is %+v", one, plan)
	}
	same, other := filepath.Join(dir, "same"), filepath.Join(dir, "other")
	loadDemo(t, same, n, "--seed", "1")
	if got := stateOf(t, same); got.Hash != one.Hash {
		t.Error("the same seed gives another state in another folder")
	}
	loadDemo(t, other, n, "--seed", "2")
	if got := stateOf(t, other); got.Hash == one.Hash {
		t.Error("another seed gives the same state")
	}
	s := launch(t, first)
	holdAgainstTruth(t, s, world, n)
	s.terminate(t)
}

// plan counts messages: those that are accepted, those of them that are repeats,
// and those that are refused and kept aside.
type plan struct{ accepted, repeats, refused int64 }

func planned(w *demo.World, people int) (p plan) {
	for i := range people {
		for _, m := range w.Messages(i) {
			switch {
			case m.Refused:
				p.refused++
				continue
			case m.Repeat:
				p.repeats++
			}
			p.accepted++
		}
		if _, ok := w.PartnerRow(i); ok {
			p.accepted++
		}
	}
	return p
}

// TestDemoGoesOn loads a demo of a few people and then kills one of more people in
// the middle of its load, and again, and stops it as Ctrl-C does. The next one on the folder goes on, and
// what comes out is as if nothing had happened.
func TestDemoGoesOn(t *testing.T) {
	dir := t.TempDir()
	whole, cut := filepath.Join(dir, "whole"), filepath.Join(dir, "cut")
	n := demoSize()
	loadDemo(t, whole, n)
	want := stateOf(t, whole)
	loadDemo(t, cut, n/10)
	for k := range 3 {
		d := startDemo(t, cut, n, "--no-live")
		reached(t, d.url, want.Accepted*int64(k+1)/5)
		sig := syscall.SIGKILL
		if k == 1 {
			sig = syscall.SIGINT
		}
		if err := d.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if err := d.end(); (err == nil) != (sig == syscall.SIGINT) {
			t.Errorf("after %v the demo ended with %v", sig, err)
		}
	}
	loadDemo(t, cut, n)
	if got := stateOf(t, cut); got.Hash != want.Hash {
		t.Errorf("after three kills the state is %+v, whole it is %+v", got, want)
	}
}

// reached returns once the server has accepted so many messages.
func reached(t *testing.T, url string, accepted int64) {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	for ctx.Err() == nil {
		a, err := do(ctx, http.DefaultClient, http.MethodGet, url+"/v1/status", "", asAdmin)
		if err != nil {
			t.Fatal(err)
		}
		var st status
		if err := json.Unmarshal(a.body, &st); err != nil {
			t.Fatal(err)
		}
		if st.Accepted >= accepted {
			return
		}
	}
	t.Fatalf("%d messages were never reached", accepted)
}

// TestDemoLives watches the customer who goes on shopping, and stops the demo as
// Ctrl-C does. --keep=false leaves nothing behind.
func TestDemoLives(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	d := startDemo(t, data, 20, "--every", "20ms", "--keep=false", "--shift-to-now")
	d.await(t, demo.LiveUser+" is shopping now")
	shifted := (&server{url: d.url}).lastSeen(t, demo.Featured)
	if ago := time.Since(shifted); ago < 24*time.Hour || ago > 5*24*time.Hour {
		t.Errorf("shifted to now, the customer was seen %v ago", ago)
	}
	for range 2 { // the command that shows the profile, and an empty line
		d.await(t, "")
	}
	for range 3 {
		if _, err := time.Parse("15:04:05", d.await(t, "")[:len("15:04:05")]); err != nil {
			t.Errorf("a step of the shopper is printed as %q", d.told[len(d.told)-1])
		}
	}
	if err := d.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := d.end(); err != nil {
		t.Errorf("after Ctrl-C the demo ended with %v", err)
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("the data folder is still there: %v", err)
	}
}

// lastSeen is when a customer was last seen.
func (s *server) lastSeen(t *testing.T, user string) time.Time {
	t.Helper()
	var p struct {
		LastSeen time.Time `json:"last_seen"`
	}
	s.get(t, http.MethodGet, "/v1/profiles/user_id:"+user, &p)
	return p.LastSeen
}

// TestDemoOfAnotherSeedIsRefused: two seeds would make two people of one customer
// number.
func TestDemoOfAnotherSeedIsRefused(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	loadDemo(t, data, 5)
	name := program.Kith(t)
	cmd := exec.Command(name, "demo", "--data", data, "--seed", "2", "--exit")
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "seed 1") {
		t.Errorf("ended with %d: %s", cmd.ProcessState.ExitCode(), out)
	}
}

// holdAgainstTruth compares the profiles that kith made with who is who.
func holdAgainstTruth(t *testing.T, s *server, w *demo.World, people int) {
	t.Helper()
	known := map[demo.Identifier]demo.Known{}
	for i := range people {
		for _, k := range w.Known(i) {
			known[k.Identifier] = k
		}
	}
	profiles := map[demo.Identifier]string{}
	members := map[string][]demo.Known{}
	for id, k := range known {
		profiles[id] = s.profileOf(t, id)
		members[profiles[id]] = append(members[profiles[id]], k)
	}
	clusters := map[string]string{} // profile by cluster
	exact, alone := 0, 0
	for id, k := range known {
		switch {
		case k.Cluster != "":
			if have, seen := clusters[k.Cluster]; seen && have != profiles[id] {
				t.Errorf("%v is not in the profile of what it was seen with", id)
			}
			clusters[k.Cluster] = profiles[id]
			exact++
		case len(k.Owners) == 0:
			alone++
			if len(members[profiles[id]]) != 1 {
				t.Errorf("%v stands for nobody and is in a profile with %d others", id, len(members[profiles[id]])-1)
			}
		}
	}
	if want := len(clusters) + alone; len(members) != want {
		t.Errorf("there are %d profiles, in truth %d", len(members), want)
	}
	p := pairs(members)
	t.Logf("%d people, %d identifiers (%d of one person each), %d profiles; pairs: precision %.4f, recall %.4f, of what the messages tell %.4f",
		people, len(known), exact, len(members), p.precision(), p.recall(), p.toldRecall())
	if alone < 3 && people >= 100 {
		t.Errorf("%d identifiers stand for nobody; kiosk and desk are 3", alone)
	}
	if p.wrong > 0 || p.toldMissed > 0 {
		t.Errorf("of the pairs %d are wrong and %d are missed that messages tell", p.wrong, p.toldMissed)
	}
}

func (s *server) profileOf(t *testing.T, id demo.Identifier) string {
	t.Helper()
	var p struct{ ID string }
	s.get(t, http.MethodGet, "/v1/profiles/"+url.PathEscape(id.Type+":"+id.Value), &p)
	return p.ID
}

// pairCount counts pairs of identifiers: together in a profile, of one person in
// truth, and tied together by messages.
type pairCount struct{ right, wrong, missed, told, toldMissed int }

func (p *pairCount) precision() float64  { return ratio(p.right, p.right+p.wrong) }
func (p *pairCount) recall() float64     { return ratio(p.right, p.right+p.missed) }
func (p *pairCount) toldRecall() float64 { return ratio(p.told, p.told+p.toldMissed) }

func ratio(a, b int) float64 { return float64(a) / float64(max(b, 1)) }

// pairs counts over the profiles. What nobody owns, or several do, is right in a
// profile of any of its owners.
func pairs(members map[string][]demo.Known) *pairCount {
	p := &pairCount{}
	byOwner := map[int][]demo.Known{}
	profile := map[demo.Identifier]string{}
	for id, all := range members {
		for i, a := range all {
			profile[a.Identifier] = id
			if len(a.Owners) == 1 {
				byOwner[a.Owners[0]] = append(byOwner[a.Owners[0]], a)
			}
			for _, b := range all[:i] {
				if share(a.Owners, b.Owners) {
					p.right++
				} else {
					p.wrong++
				}
			}
		}
	}
	for _, all := range byOwner {
		for i, a := range all {
			for _, b := range all[:i] {
				together := profile[a.Identifier] == profile[b.Identifier]
				if !together {
					p.missed++
				}
				if a.Cluster == b.Cluster && together {
					p.told++
				} else if a.Cluster == b.Cluster {
					p.toldMissed++
				}
			}
		}
	}
	return p
}

func share(a, b []int) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}
