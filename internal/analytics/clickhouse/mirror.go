package clickhouse

import (
	"context"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/lake"
)

// window is how many inserts of a table the server remembers by their tokens. A
// round that is tried again sends the tokens of one round, which are few.
const window = 10_000

// Mirror keeps a copy of the lake's tables. It implements lake.Mirror, for one
// caller at a time.
type Mirror struct {
	server server
	ready  bool // the tables are there
}

var _ lake.Mirror = (*Mirror)(nil)

// NewMirror returns a mirror in a server. It asks nothing yet.
func NewMirror(loc Location, client *http.Client) *Mirror {
	return &Mirror{server: server{loc, client}}
}

// stored is the name of the table that holds the rows of one.
func stored(table string) string { return "kith_" + table }

// roundTable holds one row: what the copy holds.
const roundTable = "kith_round"

// open makes what is not there yet, and looks at what makes repeats harmless.
func (m *Mirror) open(ctx context.Context) error {
	if m.ready {
		return nil
	}
	if err := m.database(ctx); err != nil {
		return err
	}
	for _, statement := range m.server.loc.statements() {
		if err := m.server.do(ctx, statement, nil); err != nil {
			return err
		}
	}
	for _, t := range lake.Tables() {
		if err := m.window(ctx, stored(t.Name)); err != nil {
			return err
		}
	}
	m.ready = true
	return nil
}

// database makes the database, from one that is always there.
func (m *Mirror) database(ctx context.Context) error {
	s := m.server
	s.loc.Database = "default"
	return s.do(ctx, "CREATE DATABASE IF NOT EXISTS "+quoted(m.server.loc.Database)+m.server.loc.everywhere(), nil)
}

// window makes sure that the server knows repeated inserts of a table.
func (m *Mirror) window(ctx context.Context, table string) error {
	setting := m.server.loc.windowSetting()
	wide, err := m.wide(ctx, table, setting)
	if err != nil || wide {
		return err
	}
	err = m.server.do(ctx, "ALTER TABLE "+quoted(table)+m.server.loc.everywhere()+" MODIFY SETTING "+setting+" = "+strconv.Itoa(window), nil)
	if err != nil {
		return err
	}
	if wide, err = m.wide(ctx, table, setting); err == nil && !wide {
		err = errs.New(errs.Unavailable, "clickhouse.window",
			"the setting %s of table %s is too small, and cannot be set: an insert that is tried again would count twice", setting, table)
	}
	return err
}

// wide reports whether a table's window is large enough.
func (m *Mirror) wide(ctx context.Context, table, setting string) (bool, error) {
	rows, err := m.server.rows(ctx, "SELECT extract(engine_full, "+text(setting+" = ([0-9]+)")+") FROM system.tables WHERE database = "+
		text(m.server.loc.Database)+" AND name = "+text(table))
	if err != nil {
		return false, classified(err)
	}
	if len(rows) != 1 {
		return false, errs.New(errs.Unavailable, "clickhouse.table", "the table %s is not there", table)
	}
	n, err := strconv.Atoi(rows[0][0])
	return err == nil && n >= window/10, nil
}

// Holds implements lake.Mirror.
func (m *Mirror) Holds(ctx context.Context) (lake.MirrorRound, error) {
	if err := m.open(ctx); err != nil {
		return lake.MirrorRound{}, err
	}
	out, err := m.server.round(ctx)
	m.ready = err == nil
	return out, err
}

// round is what the copy holds.
func (s *server) round(ctx context.Context) (out lake.MirrorRound, err error) {
	rows, err := s.rows(ctx, "SELECT lake, generation, round FROM "+quoted(roundTable)+" FINAL")
	if err != nil {
		return out, classified(err)
	}
	if len(rows) == 0 {
		return out, nil
	}
	id, err := hex.DecodeString(rows[0][0])
	if err != nil || len(id) != len(out.Lake) {
		return out, nil // whatever it is, it is not this lake
	}
	out.Lake = [16]byte(id)
	if out.Generation, err = strconv.ParseUint(rows[0][1], 10, 64); err == nil {
		out.Round, err = strconv.ParseUint(rows[0][2], 10, 64)
	}
	return out, errs.Wrap(err, errs.Unavailable, "clickhouse.round", "what the copy holds cannot be read")
}

// Clear implements lake.Mirror. The tables are made anew, as the server remembers
// the tokens of a table that is only emptied.
func (m *Mirror) Clear(ctx context.Context) error {
	names := []string{roundTable}
	for _, t := range lake.Tables() {
		names = append(names, stored(t.Name))
	}
	for _, n := range names {
		if err := m.server.do(ctx, "DROP TABLE IF EXISTS "+quoted(n)+m.server.loc.everywhere()+" SYNC", nil); err != nil {
			return err
		}
	}
	m.ready = false
	return m.open(ctx)
}

// Add implements lake.Mirror.
func (m *Mirror) Add(ctx context.Context, table, token string, lines []byte) error {
	return m.insert(ctx, stored(table), lines, [2]string{"insert_deduplication_token", token}, [2]string{"insert_deduplicate", "1"})
}

func (m *Mirror) insert(ctx context.Context, table string, lines []byte, more ...[2]string) error {
	settings := [][2]string{
		{"async_insert", "0"},
		{"date_time_input_format", "best_effort"},
		{"input_format_parallel_parsing", "0"},    // one block, which the token names
		{"max_insert_block_size", "1048576"},      // as long as it may get
		{"input_format_skip_unknown_fields", "0"}, // a table of another form is an error
		{"input_format_null_as_default", "0"},     // so is a null where none can be
		{"input_format_defaults_for_omitted_fields", "0"},
	}
	if m.server.loc.Cluster != "" {
		settings = append(settings, [2]string{"insert_quorum", "auto"})
	}
	return m.server.do(ctx, "INSERT INTO "+quoted(table)+" FORMAT JSONEachRow", lines, append(settings, more...)...)
}

// Remove implements lake.Mirror.
func (m *Mirror) Remove(ctx context.Context, table string, records []eventlog.Position) error {
	const together = 1000
	for len(records) > 0 {
		some := records[:min(together, len(records))]
		records = records[len(some):]
		var list []string
		for _, r := range some {
			list = append(list, "("+strconv.FormatInt(int64(r.Partition), 10)+","+strconv.FormatInt(r.Offset, 10)+")")
		}
		err := m.server.do(ctx, "ALTER TABLE "+quoted(stored(table))+m.server.loc.everywhere()+
			" DELETE WHERE (record_partition, record_offset) IN ("+strings.Join(list, ", ")+")", nil, [2]string{"mutations_sync", "2"})
		if err != nil {
			return err
		}
	}
	return nil
}

// Note implements lake.Mirror.
func (m *Mirror) Note(ctx context.Context, r lake.MirrorRound) error {
	line := `{"k":0,"lake":"` + hex.EncodeToString(r.Lake[:]) + `","generation":` + strconv.FormatUint(r.Generation, 10) +
		`,"round":` + strconv.FormatUint(r.Round, 10) + "}\n"
	return m.insert(ctx, roundTable, []byte(line))
}
