package keeper

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"kith/event"
	"kith/internal/cold"
	"kith/internal/cold/coldtest"
	"kith/internal/errs"
	"kith/internal/history"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/sys"
)

const day = 24 * time.Hour

// leaping is a clock on which whoever waits has waited at once.
type leaping struct{ *sys.Manual }

func leap() leaping { return leaping{sys.NewManual(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC))} }

func (l leaping) After(d time.Duration) <-chan time.Time {
	ch := l.Manual.After(d)
	l.Advance(d)
	return ch
}

// failing is a backend that takes a second for a call and has errors for the next ones.
type failing struct {
	cold.Backend
	clock leaping
	next  []error
}

func (f *failing) fails() error {
	f.clock.Advance(time.Second)
	if len(f.next) == 0 {
		return nil
	}
	err := f.next[0]
	f.next = f.next[1:]
	return err
}

func (f *failing) Insert(ctx context.Context, g cold.Generation, v []cold.Version) error {
	if err := f.fails(); err != nil {
		return err
	}
	return f.Backend.Insert(ctx, g, v)
}

func (f *failing) Scan(ctx context.Context, g cold.Generation, r []state.Range) ([][]cold.Version, error) {
	if err := f.fails(); err != nil {
		return nil, err
	}
	return f.Backend.Scan(ctx, g, r)
}

func (f *failing) Count(ctx context.Context, g cold.Generation) (int64, error) {
	if err := f.fails(); err != nil {
		return 0, err
	}
	return f.Backend.Count(ctx, g)
}

// happened is a state with an event of each of so many people, at a moment of its own.
func happened(t *testing.T, people int, at func(i int) time.Time) *mem.Store {
	t.Helper()
	store := mem.New()
	tx, err := store.Begin(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	keys := identity.NewKeyring([]byte("k"))
	for i := range people {
		keyed.Index{}.Append(tx, &history.Entry{
			Node: keys.Node(identity.Identifier{Type: "user_id", Value: fmt.Sprint(i)}),
			Type: event.Page, MessageID: fmt.Sprint(i), Timestamp: sys.Millis(at(i)),
		})
	}
	if err := tx.Commit(t.Context(), state.Cursor{}); err != nil {
		t.Fatal(err)
	}
	return store
}

// TestStillABackend: what measures a backend, and what opens it later, is one.
func TestStillABackend(t *testing.T) {
	clock, calls := leap(), 0
	coldtest.Run(t, func(*testing.T) cold.Backend {
		return &later{open: func(context.Context) (cold.Backend, error) {
			return measure(&coldtest.Memory{}, &Settings{Clock: clock, Observer: Observer{
				Called: func(string, string, time.Duration) { calls++ },
			}}), nil
		}}
	})
	if calls == 0 {
		t.Error("nothing was measured")
	}
}

// TestCallsAreTold: of every call it is told what it was, how it ended, and how long it
// took.
func TestCallsAreTold(t *testing.T) {
	clock := leap()
	away := errs.New(errs.Unavailable, "history.unreachable", "away")
	inner := &failing{&coldtest.Memory{}, clock, []error{nil, away, errors.New("odd"), context.Canceled, nil, away}}
	var got []string
	b := measure(inner, &Settings{Clock: clock, Observer: Observer{Called: func(call, outcome string, took time.Duration) {
		got = append(got, fmt.Sprint(call, " ", outcome, " ", took))
	}}})
	left, leave := context.WithCancel(t.Context())
	leave()
	g := cold.Generation{1}
	for _, ctx := range []context.Context{t.Context(), t.Context(), t.Context(), left} {
		_, _ = b.Scan(ctx, g, nil) // how it ends is what is looked at
	}
	_ = b.Insert(t.Context(), g, nil)
	_, _ = b.Count(t.Context(), g)
	want := []string{"read ok 1s", "read history.unreachable 1s", "read internal 1s", "read canceled 1s", "insert ok 1s", "keep history.unreachable 1s"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("told is %q, not %q", got, want)
	}
}

// TestOpenedWhenNeeded: a place that is away is tried again each time it is needed, and
// opened once.
func TestOpenedWhenNeeded(t *testing.T) {
	away, opened := true, 0
	l := &later{open: func(context.Context) (cold.Backend, error) {
		if away {
			return nil, errs.New(errs.Unavailable, "history.unreachable", "away")
		}
		opened++
		return &coldtest.Memory{}, nil
	}}
	g := cold.Generation{1}
	for range 2 {
		if _, err := l.Count(t.Context(), g); !errs.Is(err, errs.Unavailable) {
			t.Errorf("while it is away: %v", err)
		}
	}
	away = false
	for range 2 {
		if _, err := l.Count(t.Context(), g); err != nil {
			t.Error(err)
		}
	}
	if opened != 1 {
		t.Errorf("it was opened %d times", opened)
	}
}

// TestMovingIsTold: every step that moved something, every one that failed, and every
// whole pass is told, and failed ones are tried again after longer and longer.
func TestMovingIsTold(t *testing.T) {
	clock := leap()
	start := clock.Now()
	const old, young = 6000, 500
	hot := happened(t, old+young, func(i int) time.Time {
		if i < old {
			return start.Add(-91 * day)
		}
		return start.Add(-day)
	})
	away := errs.New(errs.Unavailable, "history.unreachable", "away")
	backend := &failing{&coldtest.Memory{}, clock, []error{away, away, away}}
	ctx, stop := context.WithCancel(t.Context())
	var steps, passes, failures []int
	m := Moving{
		Clock: clock, Rand: sys.Entropy(),
		Stepped: func(rows int) { steps = append(steps, rows) },
		Failed: func(err error) {
			if errs.CodeOf(err) != "history.unreachable" {
				t.Errorf("failed with %v", err)
			}
			failures = append(failures, int(clock.Now().Sub(start).Seconds()))
		},
		Passed: func(rows int) {
			if passes = append(passes, rows); len(passes) == 2 {
				stop()
			}
		},
	}
	if !Moves(&Store{cold.New(hot, backend), 90 * day}) || Moves(hot) {
		t.Error("what is moved, and what is not, is mistaken")
	}
	m.Run(ctx, &Store{cold.New(hot, backend), 90 * day})
	sum := 0
	for _, n := range steps {
		sum += n
	}
	if sum < old || len(passes) != 2 || passes[0] != sum || passes[1] != 0 {
		t.Errorf("steps %v, passes %v", steps, passes)
	}
	if want := []int{1, 3, 6}; !reflect.DeepEqual(failures, want) { // a second for the call, and 1, 2 s of waiting
		t.Errorf("it failed after %v s, not %v", failures, want)
	}
}

// TestMovingThatMayNotLooksAgainSoon: while a state is made anew nothing moves, which is
// no pass, and once it is there a minute goes by and not the day between passes.
func TestMovingThatMayNotLooksAgainSoon(t *testing.T) {
	clock := leap()
	start := clock.Now()
	hot := happened(t, 3, func(int) time.Time { return start.Add(-100 * day) })
	ctx, stop := context.WithCancel(t.Context())
	asked := 0
	m := Moving{
		Clock: clock, Rand: sys.Entropy(),
		Bind: func(context.Context, state.Reader) (key, value []byte, ok bool, err error) {
			asked++
			return []byte("bound"), nil, asked > 3, nil
		},
		Failed: func(err error) { t.Error(err) },
		Passed: func(rows int) {
			stop()
			if took := clock.Now().Sub(start); rows != 3 || asked != 4 || took != 3*retryMost {
				t.Errorf("a pass has moved %d rows of 3, after %d looks in %v", rows, asked, took)
			}
		},
	}
	m.Run(ctx, &Store{cold.New(hot, &coldtest.Memory{}), 90 * day})
	if asked == 0 {
		t.Error("nobody has asked whether anything may move")
	}
}

// TestWhatIsOverdueIsSeen: a sample of the state shows what should have moved, in
// proportion.
func TestWhatIsOverdueIsSeen(t *testing.T) {
	clock := leap()
	now := clock.Now()
	due := sys.Millis(now.Add(-92 * day))
	for name, c := range map[string]struct {
		people, overdueOf int // every so manieth person has an event that should have moved
		low, high         float64
	}{
		"nothing": {0, 1, 0, 0}, "one": {1, 1, 1, 1}, "none of many": {5000, 0, 0, 0}, "all": {5000, 1, 1, 1}, "a tenth": {5000, 10, .07, .13},
	} {
		oldest := now.Add(-91 * day)
		hot := happened(t, c.people, func(i int) time.Time {
			if c.overdueOf > 0 && i%c.overdueOf == 0 {
				return now.Add(-200 * day)
			}
			return oldest
		})
		if c.overdueOf > 0 {
			oldest = now.Add(-200 * day)
		}
		var e Examined
		if err := e.look(t.Context(), hot, sys.Seeded(7), due); err != nil {
			t.Fatal(err)
		}
		share := float64(e.Overdue) / float64(max(e.Looked, 1))
		if share < c.low || share > c.high || c.people == 0 != (e.Looked == 0) || e.Looked > 0 && e.Oldest != sys.Millis(oldest) {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// TestExamineWithoutASetting: a state of which nothing has moved is as it should be; one
// of which something has needs the setting.
func TestExamineWithoutASetting(t *testing.T) {
	clock := leap()
	hot := happened(t, 3, func(int) time.Time { return clock.Now().Add(-100 * day) })
	s := Settings{Clock: clock}
	if e, err := Examine(t.Context(), s, hot, sys.Seeded(1)); err != nil || e.Place != "" {
		t.Errorf("%+v, %v", e, err)
	}
	mover := cold.New(hot, &coldtest.Memory{}).Mover(sys.Seeded(1), nil)
	if _, _, err := mover.Step(t.Context(), sys.Millis(clock.Now())); err != nil {
		t.Fatal(err)
	}
	if _, err := Examine(t.Context(), s, hot, sys.Seeded(1)); errs.CodeOf(err) != "history.setting" {
		t.Errorf("something has moved: %v", err)
	}
}
