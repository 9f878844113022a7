package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"kith/internal/errs"
	quarantine "kith/internal/held"
)

// op is one operation. Its parameters are drawn when the list is made, so leaving
// out others does not change it.
type op interface {
	run(*world) error
	String() string
}

// plan draws the operations of a seed.
func plan(seed uint64, n int) []op {
	rng := rand.New(rand.NewPCG(seed, 0x6f7073))
	out := make([]op, n)
	for i := range out {
		out[i] = draw(rng)
	}
	return out
}

// choices are the kinds of operations with how often they are drawn.
func choices() []struct {
	weight int
	draw   func(*rand.Rand) op
} {
	return []struct {
		weight int
		draw   func(*rand.Rand) op
	}{
		{38, drawSend},
		{26, func(r *rand.Rand) op { return fold{r.IntN(4), []int{1, 2, 7, 50, 1000}[r.IntN(5)]} }},
		{9, drawAdvance},
		{6, drawCut},
		{3, func(r *rand.Rand) op { return drawFault(r, kill) }},
		{3, func(r *rand.Rand) op { return drawFault(r, failure) }},
		{2, func(r *rand.Rand) op { return drawFault(r, diskWrong) }},
		{2, func(r *rand.Rand) op { return fill{r.Int64N(100_000)} }},
		{3, func(*rand.Rand) op { return free{} }},
		{3, func(r *rand.Rand) op { return restart{r.IntN(4) == 0, r.IntN(4) == 0} }},
		{2, func(r *rand.Rand) op { return defect{r.IntN(2) == 0} }},
		{3, func(r *rand.Rand) op { return retry{r.IntN(5)} }},
		{2, func(*rand.Rand) op { return forget{} }},
		{1, func(*rand.Rand) op { return audit{} }},
	}
}

func draw(rng *rand.Rand) op {
	all, total := choices(), 0
	for _, c := range all {
		total += c.weight
	}
	n := rng.IntN(total)
	for _, c := range all {
		if n -= c.weight; n < 0 {
			return c.draw(rng)
		}
	}
	panic("BUG: the weights do not add up")
}

// send is a request of a client.
type send struct {
	key    string
	single bool
	skew   time.Duration // of the client's clock; 0: it does not say
	items  []item
}

func drawSend(rng *rand.Rand) op {
	s := send{key: []string{"key-web", "key-web", "key-crm"}[rng.IntN(3)]}
	n := 1 + rng.IntN(14)
	if rng.IntN(4) == 0 {
		s.single, n = true, 1
	}
	if rng.IntN(5) == 0 {
		s.skew = time.Duration(rng.Int64N(int64(2*time.Hour))) - time.Hour
	}
	s.items = items(rng, n)
	return s
}

func (s send) String() string {
	how := "batch"
	if s.single {
		how = "single"
	}
	names := make([]string, len(s.items))
	for i, it := range s.items {
		names[i] = it.String()
	}
	return fmt.Sprintf("send %s with %s, skew %v: %s", how, s.key, s.skew, strings.Join(names, " "))
}

// fold moves one batch of one partition from the log into the state.
type fold struct{ partition, batch int }

func (f fold) String() string { return fmt.Sprintf("fold %d of partition %d", f.batch, f.partition) }

func (f fold) run(w *world) error {
	r := w.kith.runner
	r.Config.BatchRecords = f.batch
	_, err := r.RunOnce(context.Background(), int32(f.partition%w.partitions))
	return w.excuse(err, "folding")
}

// advance turns the clock.
type advance struct{ by time.Duration }

func drawAdvance(rng *rand.Rand) op {
	switch rng.IntN(8) {
	case 0:
		return advance{time.Duration(30*day) + time.Duration(rng.Int64N(int64(4*day)))}
	case 1:
		return advance{-time.Duration(rng.Int64N(int64(time.Hour)))}
	case 2:
		return advance{time.Duration(rng.Int64N(int64(2 * day)))}
	}
	return advance{time.Duration(rng.Int64N(int64(10 * time.Minute)))}
}

func (a advance) String() string { return fmt.Sprintf("advance %v", a.by.Truncate(time.Millisecond)) }

func (a advance) run(w *world) error {
	w.clock.Advance(a.by.Truncate(time.Millisecond))
	return nil
}

// strike arms a fault, or lets it happen at once.
type strike struct {
	fault
	now bool
}

func drawFault(rng *rand.Rand, kind faultKind) op {
	s := strike{fault: fault{
		kind: kind, under: []string{"/", logDir, logDir, stateDir}[rng.IntN(4)],
		wait: rng.IntN(12), seed: rng.Uint64(), times: 1 + rng.IntN(3),
	}}
	if rng.IntN(3) == 0 {
		s.wait = rng.IntN(60)
	}
	s.now = (kind == powerCut || kind == kill) && rng.IntN(3) == 0
	return s
}

func drawCut(rng *rand.Rand) op {
	s := drawFault(rng, powerCut).(strike)
	s.keep = []int{0, 25, 50, 75, 100, rng.IntN(101)}[rng.IntN(6)]
	return s
}

func (s strike) String() string {
	name := [...]string{"cut the power", "kill the process", "fail with EIO", "fail with ENOSPC"}[s.kind]
	if s.kind == powerCut {
		name += fmt.Sprintf(" (%d %% of what is not synced survives, draw %d)", s.keep, s.seed)
	}
	if s.now {
		return name + " now"
	}
	return fmt.Sprintf("%s after %d changes under %s, %d times", name, s.wait, s.under, s.times)
}

func (s strike) run(w *world) error {
	if !s.now {
		w.disk.arm(s.fault)
		return nil
	}
	w.disk.halt(s.fault)
	return nil
}

// fill lets somebody else take the disk but for so many bytes.
type fill struct{ left int64 }

func (f fill) String() string { return fmt.Sprintf("fill the disk, leaving %d bytes", f.left) }

func (f fill) run(w *world) error {
	w.disk.fill(f.left)
	w.full, w.hurt = true, true
	w.clock.Advance(time.Second) // the log looks at the free space now and then
	w.tally.fills++
	return nil
}

// free gives the disk back: the collector takes messages again by itself.
type free struct{}

func (free) String() string { return "free the disk" }

func (free) run(w *world) error {
	w.disk.free()
	w.full = false
	w.clock.Advance(time.Second)
	if w.kith == nil || !w.reserves || w.failed {
		return nil
	}
	return w.recovers()
}

// recovers wants kith to go on by itself after the disk was full. What waits for
// room in the background tries again once a second.
func (w *world) recovers() (err error) {
	for range 2000 {
		if _, err = w.kith.runner.RunOnce(context.Background(), 0); err == nil || w.disk.cutOff() != nil {
			return nil
		}
		w.note()
		if w.failed {
			return nil
		}
		w.clock.Advance(time.Second)
		<-time.After(time.Millisecond) // the background works in the time of the real machine
	}
	return fmt.Errorf("folding does not go on although there is room again: %w", err)
}

// restart stops kith as it should be stopped and starts it again, perhaps with
// another configuration.
type restart struct{ config, strict bool }

func (r restart) String() string {
	s := "restart"
	if r.config {
		s += " with the other identity configuration"
	}
	if r.strict {
		s += " with the other limit of size"
	}
	return s
}

func (r restart) run(w *world) error {
	err := w.kith.close()
	w.kith = nil
	if err := w.excuse(err, "stopping"); err != nil || w.disk.cutOff() != nil {
		return err
	}
	if r.config {
		w.config++
	}
	if r.strict {
		w.strict = !w.strict
	}
	w.tally.restarts++
	_, err = w.up()
	return err
}

// defect plants a defect in folding, or mends it.
type defect struct{ broken bool }

func (d defect) String() string {
	if d.broken {
		return "plant a defect in folding"
	}
	return "mend the defect in folding"
}

func (d defect) run(w *world) error {
	w.broken = d.broken
	return nil
}

// retry puts held records back, the n-th and those after it.
type retry struct{ from int }

func (r retry) String() string { return fmt.Sprintf("put held records back from number %d on", r.from) }

func (r retry) run(w *world) error {
	ctx := context.Background()
	snap, err := w.kith.state.Snapshot(ctx)
	if err != nil {
		return w.excuse(err, "reading")
	}
	list, err := quarantine.List(ctx, snap, nil, 1000)
	snap.Close()
	if err != nil {
		return w.excuse(err, "listing what is held")
	}
	for _, h := range list[min(r.from, len(list)):] {
		w.ledger.retried(h.Data)
		if err := w.kith.runner.Retry(ctx, h.ID()); errs.Is(err, errs.Invalid) {
			continue // it still cannot be taken
		} else if err := w.excuse(err, "putting back"); err != nil || w.disk.cutOff() != nil {
			return err
		}
		w.tally.retries++
	}
	return nil
}

// forget drops the marks that no copy can meet any more.
type forget struct{}

func (forget) String() string { return "forget old marks" }

func (forget) run(w *world) error {
	return w.excuse(w.kith.runner.ForgetMarks(context.Background()), "forgetting")
}

// audit mends everything, folds what is left and checks.
type audit struct{}

func (audit) String() string { return "audit" }

func (audit) run(w *world) error { return w.audit() }
