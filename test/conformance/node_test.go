package conformance

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// runTimeout bounds one SDK's delivery and everything around it.
const runTimeout = 4 * time.Minute

// deliver sends the plan through an SDK into a new kith behind a proxy and
// checks what became of it.
func deliver(t *testing.T, s *sdk, every int, send func(context.Context, *testing.T, *run)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), runTimeout)
	defer cancel()
	k := startKith(t, t.TempDir())
	r := &run{sdk: s, plan: newPlan(s), proxy: startProxy(t, k.url, every)}
	r.proxy.cors = s.browser
	r.proxy.patience = cmp.Or(s.patience, r.proxy.patience)
	r.began = time.Now()
	send(ctx, t, r)
	if err := r.proxy.settled(ctx, messages); err != nil {
		t.Fatal(err)
	}
	r.proxy.stop(ctx, t)
	r.ended = time.Now()
	r.check(ctx, t, k)
	k.stop(t)
}

var segmentNode = &sdk{
	name:       "segment-node",
	comparison: comparison{float64s: true},
	context:    obj{"library": obj{"name": "@segment/analytics-node"}},
	adds:       map[string][]string{"page": {"category"}},
}

var rudderNode = &sdk{
	name:           "rudder-node",
	comparison:     comparison{float64s: true},
	context:        obj{"library": obj{"name": "analytics-node"}},
	finalTimestamp: true,
	needsAnswer:    true,
}

func TestSegmentNode(t *testing.T) {
	t.Parallel()
	node := newNode(t)
	deliver(t, segmentNode, 2, func(ctx context.Context, t *testing.T, r *run) { node.drive(ctx, t, r, "segment-node.mjs") })
}

// TestWrongClocks: SDKs on machines whose clocks are an hour ahead or behind. What
// they call now is now.
func TestWrongClocks(t *testing.T) {
	t.Parallel()
	node := newNode(t)
	for name, clock := range map[string]time.Duration{"ahead": time.Hour, "behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := *segmentNode
			s.name, s.clock = "clock-"+name, clock
			deliver(t, &s, 0, func(ctx context.Context, t *testing.T, r *run) { node.drive(ctx, t, r, "segment-node.mjs") })
		})
	}
}

func TestRudderNode(t *testing.T) {
	t.Parallel()
	node := newNode(t)
	deliver(t, rudderNode, 2, func(ctx context.Context, t *testing.T, r *run) { node.drive(ctx, t, r, "rudder-node.mjs") })
}

// node runs drivers with the SDKs from the registry.
type node struct{ path string }

func newNode(t *testing.T) node {
	t.Helper()
	n := node{need(t, "node")}
	needPackages(t)
	return n
}

// drive runs a driver to its end, with the plan on its standard input.
func (n node) drive(ctx context.Context, t *testing.T, r *run, driver string) {
	t.Helper()
	args := []string{filepath.Join("drivers", driver)}
	if r.sdk.clock != 0 {
		args = append([]string{"--import", "./drivers/clock.mjs"}, args...)
	}
	drive(ctx, t, r, driver, exec.CommandContext(ctx, n.path, args...))
}

// needPackages installs the SDKs as the lock file says, where they are not yet.
func needPackages(t *testing.T) {
	t.Helper()
	if err := packages(); err != nil {
		lack(t, err)
	}
}

var packages = sync.OnceValue(func() error {
	stale, err := stalePackages()
	if err != nil || len(stale) == 0 {
		return err
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return fmt.Errorf("npm is not installed, nor are %s", strings.Join(stale, ", "))
	}
	if out, err := exec.Command(npm, "ci", "--ignore-scripts").CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	if stale, err = stalePackages(); err == nil && len(stale) > 0 {
		err = fmt.Errorf("npm ci did not install %s", strings.Join(stale, ", "))
	}
	return err
})

// stalePackages lists the SDKs that are not installed in the version that
// package.json names.
func stalePackages() ([]string, error) {
	var wanted struct {
		Dependencies map[string]string `json:"dependencies"`
	}
	data, err := os.ReadFile("package.json")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &wanted); err != nil {
		return nil, fmt.Errorf("package.json: %w", err)
	}
	var stale []string
	for name, version := range wanted.Dependencies {
		if packageVersion(name) != version {
			stale = append(stale, name+" "+version)
		}
	}
	return stale, nil
}

// packageVersion is the version of an installed package, or empty.
func packageVersion(name string) string {
	var installed struct {
		Version string `json:"version"`
	}
	data, err := os.ReadFile(filepath.Join("node_modules", filepath.FromSlash(name), "package.json"))
	if err != nil || json.Unmarshal(data, &installed) != nil {
		return ""
	}
	return installed.Version
}

// TestLockNamesNoRegistry: the lock file fixes versions and hashes, not where
// they come from, so that every machine asks the registry that it is set up for.
func TestLockNamesNoRegistry(t *testing.T) {
	var lock struct {
		Packages map[string]struct {
			Version   string `json:"version"`
			Resolved  string `json:"resolved"`
			Integrity string `json:"integrity"`
		} `json:"packages"`
	}
	data, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &lock); err != nil {
		t.Fatalf("package-lock.json: %v", err)
	}
	if len(lock.Packages) < 10 {
		t.Errorf("the lock file has only %d packages", len(lock.Packages))
	}
	for name, p := range lock.Packages {
		if p.Resolved != "" {
			t.Errorf("%s names the registry it came from", name)
		}
		if name != "" && p.Integrity == "" {
			t.Errorf("%s has no hash", name)
		}
	}
}
