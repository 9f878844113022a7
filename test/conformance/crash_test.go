package conformance

import (
	"context"
	"testing"
	"time"

	"kith/test/program"
)

// TestKilledServer kills kith in the middle of a delivery, three times, each time
// right after it answered a request and before the SDK learns of that, and starts
// it again on the same folder. What was answered 200 must be there; what was
// under way is sent again.
func TestKilledServer(t *testing.T) {
	t.Parallel()
	node := newNode(t)
	ctx, cancel := context.WithTimeout(t.Context(), runTimeout)
	defer cancel()
	s := *segmentNode
	s.name = "killed"
	data := t.TempDir()
	k, binary := startKith(t, data), program.Kith(t)
	r := &run{sdk: &s, plan: newPlan(&s), proxy: startProxy(t, k.url, 0), killed: true}
	kills := 0
	r.proxy.after = func(n int) {
		if n != 3 && n != 8 && n != 15 {
			return
		}
		kills++
		k.kill()
		var err error
		if k, err = launch(binary, data); err != nil {
			t.Errorf("start %d after a kill: %v", kills, err)
			return
		}
		r.proxy.retarget(k.url)
	}
	r.began = time.Now()
	node.drive(ctx, t, r, "segment-node.mjs")
	if err := r.proxy.settled(ctx, messages); err != nil {
		t.Fatal(err)
	}
	r.proxy.stop(ctx, t)
	t.Cleanup(k.kill)
	r.ended = time.Now()
	if kills != 3 {
		t.Errorf("kith was killed %d times, want 3", kills)
	}
	r.check(ctx, t, k)
	k.stop(t)
	if t.Failed() {
		t.Logf("what kith said at last:\n%s", k.stderr.Bytes())
	}
}
