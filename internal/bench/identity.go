package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"kith/event"
	"kith/internal/eventlog"
	"kith/internal/identity"
	"kith/internal/record"
	"kith/internal/state"
)

// Identity measures who is recognised as one person: events that link nothing new,
// events that each link something new, an identifier that everybody shares, people
// of whose identifiers one in five is shared, and the derivation of a whole state
// at once. The use of the machine is this whole process's.
func Identity(ctx context.Context, o Options, open Opener) ([]Row, error) {
	var rows []Row
	for _, s := range meetings(o) {
		row, err := o.meet(ctx, s, open)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		rows = append(rows, row)
	}
	if o.Identifiers > 0 {
		row, err := o.deriveAll(ctx, open)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// meeting is a set of events that are folded before, and one that is measured.
type meeting struct {
	name          string
	before, after []seenTogether
}

// seenTogether is what one event names.
type seenTogether struct{ user, anonymous, email string }

func meetings(o Options) []meeting {
	known := func(n int) []seenTogether {
		out := make([]seenTogether, n)
		for i := range out {
			out[i] = seenTogether{user: UserID(uint64(i)), anonymous: fmt.Sprintf("b-%d-0", i)}
		}
		return out
	}
	again := func(n int, all []seenTogether) []seenTogether {
		rng := rand.New(rand.NewPCG(1, 1))
		out := make([]seenTogether, n)
		for i := range out {
			out[i] = all[rng.IntN(len(all))]
		}
		return out
	}
	people := known(max(1, o.Events/4))
	linking, sharing := slices.Clone(people), slices.Clone(people)
	for i := range people {
		linking[i].anonymous = fmt.Sprintf("b-%d-1", i)
		sharing[i].anonymous = "kiosk-of-everybody"
	}
	return []meeting{
		{"nothing new", people, again(o.Events, people)},
		{"each links something new", people, linking},
		{fmt.Sprintf("one identifier shared by %d people", len(sharing)), nil, sharing},
		{"the same, people who are known", people, again(o.Events, sharing)},
		{fmt.Sprintf("one in five identifiers of %d people shared", len(people)), nil, percolated(len(people))},
	}
}

// percolated makes what people with an address and two browsers each are seen
// with, where two or three people share one in five addresses and browsers.
func percolated(people int) []seenTogether {
	rng := rand.New(rand.NewPCG(2, 2))
	owners := func(p int) []int {
		out := []int{p}
		if rng.IntN(5) == 0 {
			for range 1 + rng.IntN(2) {
				out = append(out, rng.IntN(people))
			}
		}
		return out
	}
	var out []seenTogether
	for p := range people {
		for _, q := range owners(p) {
			out = append(out, seenTogether{user: UserID(uint64(q)), email: fmt.Sprintf("p%d@shop.fr", p)})
		}
		for b := range 2 {
			for _, q := range owners(p) {
				out = append(out, seenTogether{user: UserID(uint64(q)), anonymous: fmt.Sprintf("b-%d-%d", p, b)})
			}
		}
	}
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// meet folds what comes before, then measures.
func (o Options) meet(ctx context.Context, s meeting, open Opener) (Row, error) {
	row := Row{Scenario: s.name, System: kith}
	dir, err := os.MkdirTemp(o.Dir, "kith-bench-")
	if err != nil {
		return row, err
	}
	defer os.RemoveAll(dir)
	var batches []time.Duration
	e, err := open(ctx, dir, func(_ int, took time.Duration) { batches = append(batches, took) })
	if err != nil {
		return row, err
	}
	defer e.Close()
	if err := appendSeen(ctx, e.Log, s.before, 0); err != nil {
		return row, err
	}
	if err := e.Runner.Drain(ctx); err != nil {
		return row, err
	}
	if err := appendSeen(ctx, e.Log, s.after, len(s.before)); err != nil {
		return row, err
	}
	batches = nil
	measured, err := e.fold(ctx, Options{Events: len(s.after)})
	if err != nil {
		return row, err
	}
	measured.Scenario, measured.Latencies = s.name, percentiles(batches)
	left, err := e.Runner.Status(ctx)
	measured.Failures = left.Waiting
	return measured, err
}

// appendSeen appends an event for each.
func appendSeen(ctx context.Context, log eventlog.Writer, all []seenTogether, from int) error {
	at := time.Now().UnixMilli()
	var entries []eventlog.Entry
	for i, s := range all {
		body := []byte(`{"event":"Seen"`)
		for _, f := range [...]struct{ key, value string }{{"userId", s.user}, {"anonymousId", s.anonymous}} {
			if f.value != "" {
				body = fmt.Appendf(body, `,%q:%q`, f.key, f.value)
			}
		}
		if s.email != "" {
			body = fmt.Appendf(body, `,"context":{"traits":{"email":%q}}`, s.email)
		}
		r := record.Record{
			Kind:  record.Event,
			Stamp: event.Stamp{Source: "default", MessageID: fmt.Sprintf("seen-%d", from+i), Type: event.Track, ReceivedAt: at, Timestamp: at + int64(from+i)},
			Body:  append(body, '}'),
		}
		entries = append(entries, eventlog.Entry{Data: r.AppendTo(nil)})
		if len(entries) == 1000 || i == len(all)-1 {
			if _, err := log.Append(ctx, entries); err != nil {
				return err
			}
			entries = entries[:0]
		}
	}
	return nil
}

// deriveAll writes a state of that many identifiers and one and a half times as
// many links, and derives its clusters from what is stored.
func (o Options) deriveAll(ctx context.Context, open Opener) (Row, error) {
	row := Row{System: kith}
	dir, err := os.MkdirTemp(o.Dir, "kith-bench-")
	if err != nil {
		return row, err
	}
	defer os.RemoveAll(dir)
	e, err := open(ctx, filepath.Join(dir, "engine"), func(int, time.Duration) {})
	if err != nil {
		return row, err
	}
	defer e.Close()
	w := evidenceWriter{store: e.State, keys: identity.NewKeyring([]byte("bench"))}
	if err := w.people(ctx, o.Identifiers/5); err != nil {
		return row, err
	}
	debug.FreeOSMemory()
	snap, err := e.State.Snapshot(ctx)
	if err != nil {
		return row, err
	}
	defer snap.Close()
	pid := os.Getpid()
	used, began := cpu(pid), time.Now()
	all, err := identity.ReadBulk(ctx, snap, identity.DefaultConfig())
	if err != nil {
		return row, err
	}
	whole := all.Derive()
	row.Elapsed, row.CPU, row.RSSBytes = time.Since(began), cpu(pid)-used, peakRSS(pid)
	row.Operations = w.identifiers
	row.Scenario = fmt.Sprintf("derive %d identifiers, %d links, %d people at once", w.identifiers, w.links, whole.Profiles())
	return row, nil
}

// evidenceWriter writes identifiers and observations into a state.
type evidenceWriter struct {
	store              state.Store
	keys               *identity.Keyring
	tx                 state.Tx
	rows               int
	identifiers, links int64
}

// people writes a number of people with one address and three browsers each; of
// ten browsers one is seen with somebody else too.
func (w *evidenceWriter) people(ctx context.Context, n int) error {
	rng := rand.New(rand.NewPCG(3, 3))
	at := int64(1_700_000_000_000)
	node := func(typ, value string) (identity.NodeID, error) {
		id := identity.Identifier{Type: typ, Value: value}
		k := w.keys.Node(id)
		w.identifiers++
		return k, w.put(ctx, identity.IdentifierRow(k), identity.EncodeIdentifier(id))
	}
	for p := range n {
		user, err := node("user_id", UserID(uint64(p)))
		if err != nil {
			return err
		}
		email, err := node("email", fmt.Sprintf("person%d@shop.fr", p))
		if err != nil {
			return err
		}
		err = w.seen(ctx, at, user, email)
		for b := 0; b < 3 && err == nil; b++ {
			var browser identity.NodeID
			if browser, err = node("anonymous_id", fmt.Sprintf("%08x-%d", p, b)); err != nil {
				return err
			}
			at += rng.Int64N(1000)
			err = w.seen(ctx, at, user, browser)
			if err == nil {
				err = w.seen(ctx, at, email, browser)
			}
			if err == nil && rng.IntN(6) == 0 {
				other := w.keys.Node(identity.Identifier{Type: "user_id", Value: UserID(uint64(rng.IntN(n)))})
				err = w.seen(ctx, at+rng.Int64N(1e9)-5e8, other, browser)
			}
		}
		if err != nil {
			return err
		}
	}
	return w.flush(ctx)
}

func (w *evidenceWriter) seen(ctx context.Context, at int64, home, other identity.NodeID) error {
	o := identity.Observation{Kind: identity.SeenInEvent, Source: "web", Home: home, Nodes: []identity.NodeID{home, other}}
	identity.SortNodes(o.Nodes)
	o.Add(at, "m")
	w.links++
	return w.put(ctx, identity.ObservationRow(home, o.Key()), o.Encode())
}

func (w *evidenceWriter) put(ctx context.Context, key, value []byte) (err error) {
	if w.tx == nil {
		if w.tx, err = w.store.Begin(ctx, nil); err != nil {
			return err
		}
	}
	w.tx.Put(key, value)
	if w.rows++; w.rows%20_000 == 0 {
		return w.flush(ctx)
	}
	return nil
}

func (w *evidenceWriter) flush(ctx context.Context) error {
	if w.tx == nil {
		return nil
	}
	tx := w.tx
	w.tx = nil
	return tx.Commit(ctx, state.Cursor{})
}
