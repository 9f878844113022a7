package lake

import (
	"context"

	"github.com/parquet-go/parquet-go"

	"kith/internal/identity"
	"kith/internal/membership"
	"kith/internal/profile"
)

// chunkTransitions bounds the transitions whose rows one file holds.
const chunkTransitions = 16384

// segmentTables brings the tables of segments up to date: the transitions that were
// recorded since the round before, and of everybody whom they name what the state
// says now, which may be later than the round: what came since comes again in the
// next one.
func (p *portion) segmentTables(ctx context.Context) error {
	m := &memberRows{p: p, done: map[membership.Row]bool{}}
	var err error
	if m.names, err = membership.ServingNames(ctx, p.snap); err != nil {
		return err
	}
	if p.r.Transitions.From == 0 { // the table begins: everybody who is in
		for key, name := range m.names {
			err := membership.EachMember(ctx, p.snap, key, name, func(r membership.Row) error { return m.add(ctx, r) })
			if err != nil {
				return err
			}
		}
	}
	if err := p.transitions(ctx, m); err != nil {
		return err
	}
	if err := m.flush(ctx); err != nil {
		return err
	}
	if err := p.exchange(ctx, p.w.tables[TableTransitions]); err != nil {
		return err
	}
	f := p.w.tables[TableMembers]
	return f.replace(ctx, p.w.now(), func(list *Manifest) error {
		list.enter(p.r)
		list.Files = append(list.Files, p.added[TableMembers]...)
		p.added[TableMembers] = nil
		return nil
	})
}

// transitions writes the rows of the round's transitions.
func (p *portion) transitions(ctx context.Context, m *memberRows) error {
	number := 0
	for next, end := p.r.Transitions.From, p.r.Transitions.To; next < end; {
		some, err := membership.ReadTransitions(ctx, p.snap, next, int(min(end-next, chunkTransitions)))
		if err != nil {
			return err
		}
		if len(some) == 0 || some[0].Sequence != next {
			return errMoved()
		}
		next += uint64(len(some))
		var rows []row
		var members []membership.Row
		for i := range some {
			t := &some[i]
			members = append(members, membership.Row{Segment: t.Segment, Member: t.Profile})
			rows = append(rows, row{values: []parquet.Value{
				parquet.Int64Value(int64(t.Sequence)), textValue(t.Segment), nodeText(t.Profile), {}, {},
				parquet.BooleanValue(t.Entered), parquet.Int64Value(t.At), parquet.Int64Value(t.RecordedAt), textValue(t.Cause.String()),
			}})
		}
		if err := p.name(ctx, rows, 2); err != nil {
			return err
		}
		if err := p.put(ctx, p.w.tables[TableTransitions], number, rows); err != nil {
			return err
		}
		number++
		if err := membership.FillSince(ctx, p.snap, m.names, members); err != nil {
			return err
		}
		for _, r := range members {
			if p.r.Transitions.From == 0 && r.Since >= 0 {
				continue // it is there already
			}
			if err := m.add(ctx, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// name fills the columns behind the one that has a node: the profile, or the id of
// the account.
func (p *portion) name(ctx context.Context, rows []row, at int) error {
	keys := make([][]byte, len(rows))
	for i := range rows {
		n, _ := identity.ParseNodeID(string(rows[i].values[at].ByteArray()))
		keys[i] = identity.IdentifierRow(n)
	}
	values, err := p.snap.Get(ctx, keys)
	if err != nil {
		return err
	}
	for i, v := range values {
		id := identity.Identifier{}
		if v != nil {
			if id, err = identity.DecodeIdentifier(v); err != nil {
				return err
			}
		}
		if id.Type == profile.AccountType {
			rows[i].values[at+2] = textValue(id.Value)
		} else {
			rows[i].values[at+1] = rows[i].values[at]
		}
	}
	return nil
}

// memberRows is rows of members on their way into files.
type memberRows struct {
	p      *portion
	names  map[string]string
	done   map[membership.Row]bool // without since: who has a row of this round
	rows   []row
	gone   []row
	number int
}

func (m *memberRows) add(ctx context.Context, r membership.Row) error {
	key := membership.Row{Segment: r.Segment, Member: r.Member}
	if m.done[key] {
		return nil
	}
	if m.p.r.Transitions.From > 0 || r.Since < 0 { // of a table that begins each member comes once
		m.done[key] = true
	}
	version := parquet.Int64Value(int64(m.p.r.Number))
	if r.Since < 0 {
		m.gone = append(m.gone, row{values: []parquet.Value{textValue(r.Segment), nodeText(r.Member), {}, {}, {}, version, parquet.BooleanValue(true)}})
	} else {
		m.rows = append(m.rows, row{values: []parquet.Value{
			textValue(r.Segment), nodeText(r.Member), {}, {}, parquet.Int64Value(r.Since), version, parquet.BooleanValue(false),
		}})
	}
	if len(m.rows)+len(m.gone) < chunkTransitions {
		return nil
	}
	return m.flush(ctx)
}

func (m *memberRows) flush(ctx context.Context) error {
	if len(m.rows)+len(m.gone) == 0 {
		return nil
	}
	if err := m.p.name(ctx, m.rows, 1); err != nil {
		return err
	}
	if err := m.p.put(ctx, m.p.w.tables[TableMembers], m.number, append(m.rows, m.gone...)); err != nil {
		return err
	}
	m.number++
	m.rows, m.gone = nil, nil
	return nil
}
