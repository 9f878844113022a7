package membership

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"

	"kith/internal/entity"
	"kith/internal/eventlog"
	"kith/internal/fact"
	"kith/internal/identity"
	"kith/internal/record"
	"kith/internal/state"
)

// relisting is asking everybody whom a list has ever named, after an upload that
// replaced the list came or was taken back: all its rows may count otherwise.
type relisting struct {
	Segment string            `json:"segment"`
	After   string            `json:"after"`         // key of a row, hexadecimal
	Record  eventlog.Position `json:"record"`        // of the upload
	All     bool              `json:"all,omitempty"` // rows that come after the upload too
}

// concernList touches whom a changed row of a list concerns.
func (s *step) concernList(f *fact.Fact) error {
	p := s.e.plan
	targets := p.byList[f.Call]
	if len(targets) == 0 {
		return nil
	}
	if f.Node.IsZero() {
		for _, key := range p.listsOf[f.Call] {
			s.beginRelisting(relisting{Segment: key, Record: f.Record})
		}
		return nil
	}
	leader, err := s.clusters.Leader(s.ctx, f.Node)
	if err != nil {
		return err
	}
	s.touchListed(leader, targets, f.Record)
	return nil
}

func (s *step) touchListed(id identity.NodeID, targets []int, record eventlog.Position) {
	t := s.touch(id, ByEvent)
	t.record, t.event = record, true
	t.add(targets)
	s.listed++
}

// beginRelisting notes that a list is to be gone through; one that is under way
// begins anew.
func (s *step) beginRelisting(r relisting) {
	s.cursor.Lists = slices.DeleteFunc(slices.Clone(s.cursor.Lists), func(have relisting) bool {
		r.All = r.All || have.Segment == r.Segment
		return have.Segment == r.Segment
	})
	s.cursor.Lists = append(s.cursor.Lists, r)
}

// relist touches a bounded number of those whom a list has ever named.
func (s *step) relist() error {
	if len(s.cursor.Lists) == 0 {
		return nil
	}
	s.moved = true
	s.cursor.Lists = slices.Clone(s.cursor.Lists)
	one := &s.cursor.Lists[0]
	targets := s.e.plan.byList[fact.CallOfRows(entity.ListOf(one.Segment), true)]
	rows, err := listRows(s.ctx, s.snap, one, s.e.limits.fill)
	if err != nil {
		return err
	}
	if len(targets) == 0 || len(rows) == 0 {
		s.cursor.Lists = s.cursor.Lists[1:]
		return nil
	}
	one.After = hex.EncodeToString([]byte(rows[len(rows)-1].Key))
	replaced, err := s.newest(one)
	if err != nil {
		return err
	}
	definition := (*entity.Config)(nil).Definition(entity.ListOf(one.Segment))
	var nodes []identity.NodeID
	for i := range rows {
		if replaced != nil && rows[i].Row.Follows(replaced) {
			continue // in or not, the upload changed nothing; what wrote the row is followed by itself
		}
		if id, ok := definition.Owner(rows[i].Row, s.e.cfg.Identity()); ok {
			nodes = append(nodes, s.e.cfg.Keys.Node(id))
		}
	}
	if err := s.clusters.Load(s.ctx, nodes); err != nil {
		return err
	}
	for _, n := range nodes {
		leader, err := s.clusters.Leader(s.ctx, n)
		if err != nil {
			return err
		}
		s.touchListed(leader, targets, one.Record)
	}
	return nil
}

// newest returns the row that replaced the list, when it was last written by the
// upload because of which the list is gone through; else nil.
func (s *step) newest(one *relisting) (*entity.Row, error) {
	row, err := entity.Get(s.ctx, s.snap, entity.ListOf(one.Segment), entity.Replaced)
	if err != nil || row == nil || one.All {
		return nil, err
	}
	data, err := s.e.cfg.Log.Read(s.ctx, one.Record, 1, 1)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	rec, err := record.Decode(data[0])
	if err != nil {
		return nil, err
	}
	at := identity.Sighting{Timestamp: rec.Stamp.Timestamp, MessageID: rec.Stamp.MessageID, Source: rec.Stamp.Source}
	if last, _ := row.Written(); last != at {
		return nil, nil
	}
	return row, nil
}

// listRows returns the rows of a list that are to be gone through next.
func listRows(ctx context.Context, r state.Reader, one *relisting, limit int) ([]entity.Named, error) {
	after, err := hex.DecodeString(one.After)
	if err != nil {
		return nil, errFormat()
	}
	rows, _, err := entity.List(ctx, r, entity.ListOf(one.Segment), string(after), limit)
	return rows, err
}

// relistings counts the rows of lists that are still to be asked for, at most so
// many: those whose facts wait, and those of lists that are gone through.
func (e *Engine) relistings(ctx context.Context, r state.Reader, limit int64) (n int64, err error) {
	values, err := r.Get(ctx, [][]byte{cursorKey()})
	if err != nil || values[0] == nil {
		return 0, err
	}
	var at cursor
	if json.Unmarshal(values[0], &at) != nil {
		return 0, errFormat()
	}
	if n, err = waitingRows(ctx, r, &at, limit); err != nil {
		return 0, err
	}
	for _, one := range at.Lists {
		after, err := hex.DecodeString(one.After)
		if err != nil {
			return 0, errFormat()
		}
		rng := state.Prefix(entity.RowPrefix(entity.ListOf(one.Segment)))
		if len(after) > 0 {
			rng.Low = append(entity.RowKey(entity.ListOf(one.Segment), string(after)), 0)
		}
		rng.Limit = int(max(limit-n, 1))
		for _, err := range r.Scan(ctx, rng) {
			if err != nil {
				return 0, err
			}
			n++
		}
	}
	return min(n, limit), nil
}

// waitingRows counts the changed rows of lists and scores whose facts are not
// followed yet, looking at no more than 100,000 facts.
func waitingRows(ctx context.Context, r state.Reader, at *cursor, limit int64) (n int64, err error) {
	looked := 0
	for partition, next := range at.Facts {
		for b, err := range fact.Read(ctx, r, int32(partition), next) {
			if err != nil {
				return 0, err
			}
			for i := range b.Facts {
				if f := &b.Facts[i]; f.Kind == fact.RowChanged && f.Call&1 == 1 && b.First+uint64(i) >= next {
					n++
				}
			}
			if looked += len(b.Facts); looked > wavesCounted || n >= limit {
				break
			}
		}
	}
	return n, nil
}
