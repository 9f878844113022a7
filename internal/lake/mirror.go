package lake

import (
	"context"
	"fmt"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"kith/event"
	"kith/internal/eventlog"
	"kith/internal/strictjson"
)

// Mirror keeps a copy of the tables in another engine, row for row. The writer
// brings it up to date in each round before the round shows in the lists, so
// whatever shows in the lake is in the copy. Every call may come again after it
// has been done, with the same content; then it changes nothing.
type Mirror interface {
	// Holds tells what the copy holds; the zero value for an empty one.
	Holds(ctx context.Context) (MirrorRound, error)
	// Clear removes all rows.
	Clear(ctx context.Context) error
	// Add adds rows of a table, one JSON object of columns in each line: times as
	// texts of RFC 3339, documents as texts. The token names the rows: rows of the same
	// token are the same rows.
	Add(ctx context.Context, table, token string, lines []byte) error
	// Remove removes the rows of records from an append table.
	Remove(ctx context.Context, table string, records []eventlog.Position) error
	// Note writes down that the copy holds everything up to a round.
	Note(ctx context.Context, r MirrorRound) error
}

// MirrorRound is what a copy holds: the tables of a lake up to a round.
type MirrorRound struct {
	Lake       [16]byte
	Generation uint64
	Round      uint64
}

// mirrorBytes is about how much is added in one call.
const mirrorBytes = 8 << 20

// mirrored makes sure that the copy holds what the lists held before the round, or
// the round itself.
func (p *portion) mirrored(ctx context.Context) error {
	m := p.w.cfg.Mirror
	if m == nil {
		return nil
	}
	have, err := m.Holds(ctx)
	if err != nil {
		return err
	}
	if have.Lake == p.w.id && have.Generation == p.r.Generation {
		if have.Round == p.r.First {
			return nil
		}
		for _, f := range p.w.tables {
			if have.Round == f.now().Round && have.Round != 0 {
				return nil
			}
		}
	}
	return p.mirrorAll(ctx)
}

// mirrorAll makes the copy anew of what the lists hold.
func (p *portion) mirrorAll(ctx context.Context) error {
	m := p.w.cfg.Mirror
	if err := m.Clear(ctx); err != nil {
		return err
	}
	for _, t := range Tables() {
		list := p.w.tables[t.Name].now()
		lines, part := []byte(nil), 0
		send := func() error {
			token := fmt.Sprintf("all-%x-%d-%d-%d", p.w.id, p.r.Generation, p.r.Number, part)
			err := m.Add(ctx, t.Name, token, lines)
			lines, part = lines[:0], part+1
			return err
		}
		err := Rows(ctx, p.w.cfg.Store, list, func(values []parquet.Value) error {
			if lines = t.appendLine(lines, values); len(lines) < mirrorBytes {
				return nil
			}
			return send()
		})
		if err == nil && len(lines) > 0 {
			err = send()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mirrorRows adds the rows of a file to the copy; cut names them.
func (p *portion) mirrorRows(ctx context.Context, t *Table, cut string, rows []row) error {
	m := p.w.cfg.Mirror
	if m == nil {
		return nil
	}
	var lines []byte
	part := 0
	for i := range rows {
		lines = t.appendLine(lines, rows[i].values)
		if len(lines) < mirrorBytes && i < len(rows)-1 {
			continue
		}
		if err := m.Add(ctx, t.Name, fmt.Sprintf("%x-%s-%d", p.w.id, cut, part), lines); err != nil {
			return err
		}
		lines, part = lines[:0], part+1
	}
	return nil
}

// mirrorLeaving removes what has to leave a table from the copy.
func (p *portion) mirrorLeaving(ctx context.Context, t *Table) error {
	m := p.w.cfg.Mirror
	if m == nil || len(p.gone[t.Name]) == 0 {
		return nil
	}
	var records []eventlog.Position
	for _, g := range p.gone[t.Name] {
		records = append(records, g.at)
	}
	return m.Remove(ctx, t.Name, records)
}

// mirrorNote writes down that the copy holds the round.
func (p *portion) mirrorNote(ctx context.Context) error {
	m := p.w.cfg.Mirror
	if m == nil {
		return nil
	}
	return m.Note(ctx, MirrorRound{p.w.id, p.r.Generation, p.r.First})
}

// appendLine appends a row as a line.
func (t *Table) appendLine(b []byte, values []parquet.Value) []byte {
	b = append(b, '{')
	for i, c := range t.Columns {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(strictjson.AppendString(b, c.Name), ':')
		v := values[i]
		switch {
		case v.IsNull():
			b = append(b, "null"...)
		case c.Type == Timestamp:
			b = strictjson.AppendString(b, event.FormatTime(v.Int64()))
		case c.Type == Integer:
			b = strconv.AppendInt(b, v.Int64(), 10)
		case c.Type == Boolean:
			b = strconv.AppendBool(b, v.Boolean())
		default:
			b = strictjson.AppendString(b, string(v.ByteArray()))
		}
	}
	return append(b, "}\n"...)
}
