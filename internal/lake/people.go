package lake

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/parquet-go/parquet-go"

	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/state"
	"kith/internal/strictjson"
)

// people is what a round changes in the mutable tables. What they say of each node
// and profile stands in rows of the state, so that nodes that have left a profile
// or joined one are found, although no event of the round names them.
type people struct {
	p       *portion
	snap    state.Reader // what people are read from
	ahead   int          // nodes of the queue that it has read together
	queue   []identity.NodeID
	done    map[identity.NodeID]bool
	profile map[identity.NodeID]identity.NodeID // of nodes that are done; zero: of none
	left    []identity.NodeID                   // profiles that may be no more
	leaving map[identity.NodeID]bool            // the same
	linked  map[[2]identity.NodeID]bool         // pairs that are done
	number  int

	nodes    map[identity.NodeID]identity.NodeID   // what is to be said of nodes; zero: nothing any more
	profiles map[identity.NodeID][]identity.NodeID // and of profiles: their nodes
	rows     map[string][]row                      // by table
}

// chunkProfiles bounds the profiles that are in memory at once.
const chunkProfiles = 8192

// mutableTables brings the tables of people up to date with all that the round
// touched. Profiles are read as they are now, which may be later than the round:
// what came since comes again in the next one.
func (p *portion) mutableTables(ctx context.Context) error {
	w := &people{
		p: p, snap: p.snap, done: map[identity.NodeID]bool{}, profile: map[identity.NodeID]identity.NodeID{},
		leaving: map[identity.NodeID]bool{}, linked: map[[2]identity.NodeID]bool{},
	}
	w.reset()
	for n := range p.touched {
		w.queue = append(w.queue, n)
	}
	identity.SortNodes(w.queue)
	if err := w.settle(ctx); err != nil {
		return err
	}
	return w.flush(ctx, true)
}

// reset empties what is on its way into files.
func (w *people) reset() {
	w.nodes, w.profiles, w.rows = map[identity.NodeID]identity.NodeID{}, map[identity.NodeID][]identity.NodeID{}, map[string][]row{}
}

// settle goes on until no node is left whose profile may have changed.
func (w *people) settle(ctx context.Context) error {
	for len(w.queue) > 0 || len(w.left) > 0 {
		for len(w.queue) > 0 {
			n := w.queue[0]
			w.queue = w.queue[1:]
			w.ahead--
			if w.done[n] {
				continue
			}
			if err := w.readAhead(ctx, n); err != nil {
				return err
			}
			if err := w.take(ctx, n); err != nil {
				return err
			}
			if len(w.rows[TableProfiles]) >= chunkProfiles {
				if err := w.flush(ctx, false); err != nil {
					return err
				}
			}
		}
		w.bury()
	}
	w.unlink()
	return nil
}

// readAhead reads a node and many that follow it together, where that saves ways to
// the server.
func (w *people) readAhead(ctx context.Context, n identity.NodeID) error {
	if w.ahead > 0 || !w.p.w.cfg.Distant {
		return nil
	}
	w.ahead = 512
	r, nodes, err := profile.ReadAhead(ctx, w.p.snap, append([]identity.NodeID{n}, w.queue[:min(w.ahead-1, len(w.queue))]...))
	if err != nil {
		return err
	}
	said := state.NewAhead(r, len(saidOfNode(n)))
	w.snap = said
	var prefixes [][]byte
	for _, n := range nodes {
		prefixes = append(prefixes, saidOfNode(n), saidOfProfile(n))
	}
	return said.Load(ctx, prefixes, 1)
}

// bury takes out the profiles that are no more. All their nodes are done by now.
func (w *people) bury() {
	for _, id := range w.left {
		if !w.done[id] { // the leader itself decides, and is asked first
			w.queue = append(w.queue, id)
			continue
		}
		if w.leaving[id] && w.profile[id] != id {
			w.leaving[id] = false
			w.profiles[id] = nil
			w.add(TableProfiles, w.gone(TableProfiles, nodeText(id)))
		}
	}
	if len(w.queue) == 0 {
		w.left = nil
	}
}

// take brings up to date what is said of one node and of those in its profile.
func (w *people) take(ctx context.Context, n identity.NodeID) error {
	whole, err := w.p.parts.Reader.Whole(ctx, w.snap, n)
	if errs.Is(err, errs.NotFound) {
		return w.lose(ctx, n)
	}
	if err != nil {
		return err
	}
	if !member(&whole, n) { // a decision names it and leads to a profile, but nothing was seen of it
		w.queue = append(w.queue, whole.ID)
		return w.lose(ctx, n)
	}
	for _, m := range whole.Nodes {
		w.done[m], w.profile[m] = true, whole.ID
	}
	moved, err := w.moved(ctx, &whole)
	if err != nil {
		return err
	}
	more, err := w.holdings(ctx, whole.Nodes)
	if err != nil {
		return err
	}
	w.add(TableProfiles, w.profileRow(&whole, more))
	for i := range whole.Identifiers {
		if id := &whole.Identifiers[i]; w.p.touched[id.Node] || moved[id.Node] {
			w.add(TableIdentifiers, w.identifierRow(id, whole.ID))
		}
	}
	return w.links(ctx, &whole, moved)
}

// lose takes out a node that nothing names any more.
func (w *people) lose(ctx context.Context, n identity.NodeID) error {
	w.done[n] = true
	was, err := w.said(ctx, []identity.NodeID{n})
	if err != nil || was[0].IsZero() {
		return err
	}
	w.nodes[n] = identity.NodeID{}
	w.add(TableIdentifiers, w.gone(TableIdentifiers, nodeText(n)))
	return w.leave(ctx, was[0])
}

// moved returns the nodes of a profile of which the tables say otherwise, and sees
// to those that the tables still give to it or to the profiles that they come from.
func (w *people) moved(ctx context.Context, whole *profile.Whole) (map[identity.NodeID]bool, error) {
	have, err := w.members(ctx, whole.ID)
	if err != nil || slices.Equal(have, whole.Nodes) {
		return nil, err
	}
	was, err := w.said(ctx, whole.Nodes)
	if err != nil {
		return nil, err
	}
	moved := map[identity.NodeID]bool{}
	for i, m := range whole.Nodes {
		if was[i] == whole.ID {
			continue
		}
		moved[m] = true
		w.nodes[m] = whole.ID
		if !was[i].IsZero() {
			if err := w.leave(ctx, was[i]); err != nil {
				return nil, err
			}
		}
	}
	w.profiles[whole.ID] = whole.Nodes
	w.queue = append(w.queue, have...)
	return moved, nil
}

// leave sees to a profile that has lost a node.
func (w *people) leave(ctx context.Context, id identity.NodeID) error {
	if _, known := w.leaving[id]; known {
		return nil
	}
	w.leaving[id] = true
	w.left = append(w.left, id)
	have, err := w.members(ctx, id)
	w.queue = append(w.queue, have...)
	return err
}

func saidOfNode(n identity.NodeID) []byte {
	return append([]byte{byte(state.FamilyLake), 'n'}, n[:]...)
}
func saidOfProfile(id identity.NodeID) []byte {
	return append([]byte{byte(state.FamilyLake), 'p'}, id[:]...)
}

// said returns the profiles that the tables give nodes to; zero for none.
func (w *people) said(ctx context.Context, nodes []identity.NodeID) ([]identity.NodeID, error) {
	keys := make([][]byte, len(nodes))
	for i, n := range nodes {
		keys[i] = saidOfNode(n)
	}
	values, err := w.snap.Get(ctx, keys)
	if err != nil {
		return nil, err
	}
	out := make([]identity.NodeID, len(nodes))
	for i, v := range values {
		if v != nil && len(v) != 16 {
			return nil, errRound()
		}
		copy(out[i][:], v)
	}
	return out, nil
}

// members returns the nodes that the tables give to a profile.
func (w *people) members(ctx context.Context, id identity.NodeID) ([]identity.NodeID, error) {
	values, err := w.snap.Get(ctx, [][]byte{saidOfProfile(id)})
	if err != nil {
		return nil, err
	}
	if len(values[0])%16 != 0 {
		return nil, errRound()
	}
	var out []identity.NodeID
	for v := values[0]; len(v) > 0; v = v[16:] {
		out = append(out, identity.NodeID(v[:16]))
	}
	return out, nil
}

// save writes down what the tables say now.
func (w *people) save(tx state.Tx) {
	for n, id := range w.nodes {
		if id.IsZero() {
			tx.Delete(saidOfNode(n))
			continue
		}
		tx.Put(saidOfNode(n), append([]byte(nil), id[:]...))
	}
	for id, nodes := range w.profiles {
		if len(nodes) == 0 {
			tx.Delete(saidOfProfile(id))
			continue
		}
		var v []byte
		for _, n := range nodes {
			v = append(v, n[:]...)
		}
		tx.Put(saidOfProfile(id), v)
	}
}

// flush writes the rows that there are, lists their files, and writes down what the
// tables say by then. An attempt that is cut short in between is made again: the
// newer rows win.
func (w *people) flush(ctx context.Context, last bool) error {
	p := w.p
	for _, table := range [...]string{TableIdentifiers, TableProfiles, TableLinks} {
		f := p.w.tables[table]
		if rows := w.rows[table]; len(rows) > 0 {
			if err := p.put(ctx, f, w.number, rows); err != nil {
				return err
			}
		}
		added := p.added[table]
		p.added[table] = nil
		if len(added) == 0 && !last {
			continue
		}
		err := f.replace(ctx, p.w.now(), func(m *Manifest) error {
			m.Generation = p.r.Generation
			if last {
				m.enter(p.r)
			}
			m.Files = append(m.Files, added...)
			return nil
		})
		if err != nil {
			return err
		}
	}
	w.number++
	if last {
		if err := p.mirrorNote(ctx); err != nil {
			return err
		}
	}
	p.r.Done = last
	err := p.r.record(ctx, p.w.cfg.State, w.save)
	w.reset()
	return err
}

func (w *people) add(table string, r row) { w.rows[table] = append(w.rows[table], r) }

// gone is the row that says that there is no row of that key.
func (w *people) gone(table string, key ...parquet.Value) row {
	t := &w.p.w.tables[table].table
	r := row{values: make([]parquet.Value, len(t.Columns))}
	copy(r.values, key)
	r.values[len(r.values)-2] = w.version()
	r.values[len(r.values)-1] = parquet.BooleanValue(true)
	return r
}

func (w *people) version() parquet.Value { return parquet.Int64Value(int64(w.p.r.Number)) }

func (w *people) profileRow(whole *profile.Whole, more [2]parquet.Value) row {
	return row{values: []parquet.Value{
		nodeText(whole.ID), traitsJSON(whole.Traits), list(whole.Accounts),
		parquet.Int64Value(whole.FirstSeen), parquet.Int64Value(whole.LastSeen),
		parquet.Int64Value(whole.Events), parquet.Int64Value(int64(len(whole.Identifiers))),
		more[0], more[1], w.version(), parquet.BooleanValue(false),
	}}
}

func traitsJSON(traits map[string]profile.Trait) parquet.Value {
	keys := make([]string, 0, len(traits))
	for k := range traits {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	b := []byte{'{'}
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(strictjson.AppendString(b, k), ':')
		b = append(b, traits[k].Value...)
	}
	return canonical(append(b, '}'))
}

func (w *people) identifierRow(id *profile.Identifier, of identity.NodeID) row {
	return row{values: []parquet.Value{
		nodeText(id.Node), textValue(id.Type), textValue(id.Value), nodeText(of),
		parquet.Int64Value(id.FirstSeen), parquet.Int64Value(id.LastSeen), list(id.Sources),
		w.version(), parquet.BooleanValue(false),
	}}
}

// list is a list of texts as JSON.
func list(items []string) parquet.Value {
	if items == nil {
		items = []string{}
	}
	b, err := json.Marshal(items)
	if err != nil {
		panic("BUG: a list of texts has no JSON")
	}
	return parquet.ByteArrayValue(b)
}

// forget takes away what the state keeps of what the tables say.
func (w *Writer) forget(ctx context.Context) error {
	for {
		tx, err := w.cfg.State.Begin(ctx, []state.Lock{state.LakeLock})
		if err != nil {
			return err
		}
		n, err := forgetSome(ctx, tx)
		if err == nil && n > 0 {
			err = tx.Commit(ctx, state.Cursor{})
		}
		tx.Rollback()
		if err != nil || n == 0 {
			return err
		}
	}
}

func forgetSome(ctx context.Context, tx state.Tx) (n int, err error) {
	for _, kind := range [...]byte{'n', 'p'} {
		r := state.Prefix([]byte{byte(state.FamilyLake), kind})
		r.Limit = 10_000
		for kv, err := range tx.Scan(ctx, r) {
			if err != nil {
				return n, err
			}
			tx.Delete(slices.Clone(kv.Key))
			n++
		}
	}
	return n, nil
}
