package cold_test

import (
	"context"
	"math"
	"testing"

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

// meeting is a state with one row of which a copy was inserted, before the mover
// commits.
type meeting struct {
	*testing.T
	hot   *mem.Store
	store *cold.Store
	coldtest.Memory
	during func()
}

// Insert implements cold.Backend.
func (m *meeting) Insert(ctx context.Context, g cold.Generation, versions []cold.Version) error {
	if err := m.Memory.Insert(ctx, g, versions); err != nil {
		return err
	}
	if do := m.during; do != nil {
		m.during = nil
		do()
	}
	return nil
}

func newMeeting(t *testing.T) *meeting {
	m := &meeting{T: t, hot: mem.New()}
	m.store = cold.New(m.hot, m)
	m.append("of before")
	return m
}

func row(source string) *history.Entry {
	return &history.Entry{Node: identity.NodeID{1}, Type: event.Track, MessageID: "m", Timestamp: 5, Source: "web", Numbers: []string{source}}
}

func (m *meeting) change(f func(tx state.Tx)) {
	m.Helper()
	tx, err := m.store.Begin(m.Context(), []state.Lock{1})
	if err != nil {
		m.Fatal(err)
	}
	f(tx)
	if err := tx.Commit(m.Context(), state.Cursor{}); err != nil {
		m.Fatal(err)
	}
}

func (m *meeting) append(source string) {
	m.Helper()
	m.change(func(tx state.Tx) { keyed.Index{}.Append(tx, row(source)) })
}

func (m *meeting) remove() {
	m.Helper()
	m.change(func(tx state.Tx) { keyed.Index{}.Remove(tx, row("")) })
}

// move takes one step of a mover.
func (m *meeting) move(seed uint64) error {
	_, _, err := (&cold.Mover{Hot: m.hot, Backend: m, Rand: sys.Seeded(seed), Bind: bound}).Step(m.Context(), math.MaxInt64)
	return err
}

// bound binds movers to a row.
func bound(ctx context.Context, r state.Reader) (key, value []byte, ok bool, err error) {
	values, err := r.Get(ctx, [][]byte{[]byte("bound")})
	if err != nil {
		return nil, nil, false, err
	}
	return []byte("bound"), values[0], true, nil
}

// has holds what is read, by key and in scans, against the source of the one row.
func (m *meeting) has(want string) {
	m.Helper()
	snap, err := m.store.Snapshot(m.Context())
	if err != nil {
		m.Fatal(err)
	}
	defer snap.Close()
	e, err := keyed.Index{}.Get(m.Context(), snap, row(""))
	if err != nil {
		m.Fatal(err)
	}
	got := ""
	if e != nil {
		got = e.Numbers[0]
	}
	n := 0
	for e, err := range (keyed.Index{}).Range(m.Context(), snap, history.Query{Node: identity.NodeID{1}, From: 0, To: 9}) {
		if n++; err != nil || e.Numbers[0] != want {
			m.Errorf("a scan finds %v, %v; want %q", e, err, want)
		}
	}
	if got != want || n > 1 || want != "" && n == 0 {
		m.Errorf("there is %q, %d times in a scan; want %q", got, n, want)
	}
}

// lies tells whether the state itself has the row, or a tombstone.
func (m *meeting) lies() bool {
	snap, err := m.hot.Snapshot(m.Context())
	if err != nil {
		m.Fatal(err)
	}
	defer snap.Close()
	for _, err := range snap.Scan(m.Context(), state.Prefix([]byte{byte(state.FamilyHistory)})) {
		if err != nil {
			m.Fatal(err)
		}
		return true
	}
	return false
}

// TestWhatChangesWhileItIsCopied: what was done between the copy and the mover's
// commit counts, however the row came to lie where it does, and stays so when it is
// moved in its turn.
func TestWhatChangesWhileItIsCopied(t *testing.T) {
	for name, c := range map[string]struct {
		before, during func(m *meeting)
		want           string
	}{
		"nothing":                     {want: "of before"},
		"removed":                     {during: (*meeting).remove},
		"replaced":                    {during: func(m *meeting) { m.append("of now") }, want: "of now"},
		"removed and put back":        {during: func(m *meeting) { m.remove(); m.append("of now") }, want: "of now"},
		"moved and removed, put back": {before: (*meeting).goneAndMoved, during: func(m *meeting) { m.append("of now") }, want: "of now"},
		"put back, removed":           {before: func(m *meeting) { m.goneAndMoved(); m.append("again") }, during: (*meeting).remove},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMeeting(t)
			if c.before != nil {
				c.before(m)
			}
			if c.during != nil {
				m.during = func() { c.during(m) }
			}
			if err := m.move(7); err != nil {
				t.Fatal(err)
			}
			m.has(c.want)
			for seed := range uint64(3) {
				if err := m.move(10 + seed); err != nil {
					t.Fatal(err)
				}
				m.has(c.want)
			}
			if m.lies() {
				t.Error("the row does not leave the state")
			}
			m.remove()
			m.has("")
			m.append("at last")
			m.has("at last")
		})
	}
}

// goneAndMoved leaves a row that was moved and then removed, and a tombstone.
func (m *meeting) goneAndMoved() {
	if err := m.move(3); err != nil {
		m.Fatal(err)
	}
	m.has("of before")
	m.remove()
	m.has("")
	if !m.lies() {
		m.Error("the removed row has left no tombstone")
	}
}

// TestAMoveForNothing: a mover that another one, or a change of what it is bound to,
// has overtaken changes nothing.
func TestAMoveForNothing(t *testing.T) {
	for name, during := range map[string]func(m *meeting){
		"another mover": func(m *meeting) {
			if err := m.move(8); err != nil {
				m.Fatal(err)
			}
		},
		"another mover, and removed since": func(m *meeting) {
			if err := m.move(8); err != nil {
				m.Fatal(err)
			}
			m.remove()
			if err := m.move(9); err != nil {
				m.Fatal(err)
			}
			if m.lies() {
				m.Error("the tombstone stays")
			}
		},
		"emptied": func(m *meeting) { m.change(func(tx state.Tx) { tx.Put([]byte("bound"), []byte("other")) }) },
	} {
		t.Run(name, func(t *testing.T) {
			m := newMeeting(t)
			m.during = func() { during(m) }
			if err := m.move(7); !errs.Is(err, errs.Conflict) {
				t.Errorf("the mover that was overtaken: %v", err)
			}
			want := "of before"
			if name == "another mover, and removed since" {
				want = ""
			}
			m.has(want)
		})
	}
}

// TestAnOldSnapshot: a snapshot finds what it would have found when it was made,
// whatever is moved, removed and moved again since.
func TestAnOldSnapshot(t *testing.T) {
	m := newMeeting(t)
	var snaps []state.Snapshot
	var want []string
	look := func(is string) {
		t.Helper()
		s, err := m.store.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		snaps, want = append(snaps, s), append(want, is)
	}
	move := func(seed uint64) {
		t.Helper()
		if err := m.move(seed); err != nil {
			t.Fatal(err)
		}
	}
	look("of before")
	move(1)
	look("of before")
	m.remove()
	look("")
	move(2)
	look("")
	m.append("again")
	look("again")
	move(3)
	look("again")
	m.remove()
	move(4)
	look("")
	for i, s := range snaps {
		e, err := keyed.Index{}.Get(t.Context(), s, row(""))
		got := ""
		if e != nil {
			got = e.Numbers[0]
		}
		if err != nil || got != want[i] {
			t.Errorf("snapshot %d finds %q, %v; want %q", i, got, err, want[i])
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
