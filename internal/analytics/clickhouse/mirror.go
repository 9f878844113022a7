// Package clickhouse keeps a copy of the lake's tables in ClickHouse and answers
// queries over it.
//
// The copy is written by the lake's rounds, see lake.Mirror: every insert carries a
// token that is the round's cut, by which the server knows repeats, and the server's
// window of tokens is set when the tables are made and looked at at every start.
//
// A query is judged before it runs: the server's own parser makes a tree of it, and
// only what is known there, node by node and function by function, is let through.
package clickhouse

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"

	"kith/internal/clickhouse"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/lake"
)

// Mirror keeps a copy of the lake's tables. It implements lake.Mirror, for one
// caller at a time.
type Mirror struct {
	server *clickhouse.Server
	schema schema
	quorum quorum
	ready  bool // the tables are there
}

var _ lake.Mirror = (*Mirror)(nil)

// NewMirror returns a mirror in a server. It asks nothing yet.
func NewMirror(server *clickhouse.Server) *Mirror {
	loc := server.Location()
	return &Mirror{server: server, schema: schema{database: loc.Database, cluster: loc.Cluster}}
}

// quorum says whose inserts wait until most replicas have the rows. A server waits in
// vain for a majority of one replica, which no other one confirms.
type quorum struct {
	rows  bool // of the tables, as each shard has several replicas
	round bool // of what the copy holds, which has a replica on each of several servers
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
	if err := m.shards(ctx); err != nil {
		return err
	}
	for _, statement := range m.schema.statements() {
		if err := m.server.Do(ctx, statement); err != nil {
			return err
		}
	}
	for _, t := range lake.Tables() {
		if err := m.window(ctx, m.schema.local(t.Name)); err != nil {
			return err
		}
	}
	m.ready = true
	return nil
}

// database makes the database, from one that is always there.
func (m *Mirror) database(ctx context.Context) error {
	return m.server.In("default").Do(ctx, "CREATE DATABASE IF NOT EXISTS "+clickhouse.Name(m.schema.database)+m.schema.everywhere())
}

// window makes sure that the server knows repeated inserts of a table.
func (m *Mirror) window(ctx context.Context, table string) error {
	for _, w := range m.schema.windows() {
		wide, err := m.wide(ctx, table, w)
		if err != nil {
			return err
		}
		if wide {
			continue
		}
		err = m.server.Do(ctx, "ALTER TABLE "+clickhouse.Name(table)+m.schema.everywhere()+" MODIFY SETTING "+w.String())
		if err != nil {
			return err
		}
		if wide, err = m.wide(ctx, table, w); err != nil {
			return err
		}
		if !wide {
			return errs.New(errs.Unavailable, "clickhouse.window",
				"the setting %s of table %s is too small, and cannot be set: an insert that is tried again would count twice", w.setting, table)
		}
	}
	return nil
}

// wide reports whether one of a table's windows is large enough.
func (m *Mirror) wide(ctx context.Context, table string, w window) (bool, error) {
	rows, err := m.server.Texts(ctx, "SELECT extract(engine_full, "+clickhouse.Text(`\b`+w.setting+" = ([0-9]+)")+") FROM system.tables WHERE database = "+
		clickhouse.Text(m.schema.database)+" AND name = "+clickhouse.Text(table))
	if err != nil {
		return false, clickhouse.Classified(err)
	}
	if len(rows) != 1 {
		return false, errs.New(errs.Unavailable, "clickhouse.table", "the table %s is not there", table)
	}
	n, err := strconv.Atoi(rows[0][0])
	return err == nil && n >= w.least, nil
}

// Holds implements lake.Mirror.
func (m *Mirror) Holds(ctx context.Context) (lake.MirrorRound, error) {
	if err := m.open(ctx); err != nil {
		return lake.MirrorRound{}, err
	}
	out, err := held(ctx, m.server)
	m.ready = err == nil
	return out, err
}

// held is what the copy holds.
func held(ctx context.Context, server *clickhouse.Server) (out lake.MirrorRound, err error) {
	rows, err := server.Texts(ctx, "SELECT lake, generation, round FROM "+clickhouse.Name(roundTable)+" FINAL")
	if err != nil {
		return out, clickhouse.Classified(err)
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
	if err := m.drop(ctx); err != nil {
		return err
	}
	m.ready = false
	return m.open(ctx)
}

// drop removes the tables; first what says what they hold.
func (m *Mirror) drop(ctx context.Context) error {
	names := []string{roundTable}
	for _, t := range lake.Tables() {
		names = append(names, stored(t.Name))
		if m.schema.cluster != "" {
			names = append(names, stored(t.Name)+"_shard")
		}
	}
	for _, n := range names {
		if err := m.server.Do(ctx, "DROP TABLE IF EXISTS "+clickhouse.Name(n)+m.schema.everywhere()+" SYNC"); err != nil {
			return err
		}
	}
	return nil
}

// shards looks at what shards the cluster has. Tables that were made for others are
// removed, as their rows lie where nobody would look for them.
func (m *Mirror) shards(ctx context.Context) error {
	if m.schema.cluster == "" {
		return nil
	}
	rows, err := m.server.Texts(ctx, "SELECT toString(shard_num), toString(any(shard_weight)), toString(count()) FROM system.clusters WHERE cluster = "+
		clickhouse.Text(m.schema.cluster)+" GROUP BY shard_num ORDER BY shard_num")
	if err != nil {
		return clickhouse.Classified(err)
	}
	m.quorum = quorum{rows: len(rows) > 0, round: len(rows) > 1}
	for _, r := range rows {
		if r[2] == "1" {
			m.quorum.rows = false
		} else {
			m.quorum.round = true
		}
	}
	m.schema.shards = ""
	if len(rows) > 1 {
		var all []string
		for _, r := range rows {
			all = append(all, r[0]+":"+r[1])
		}
		m.schema.shards = strings.Join(all, " ")
	}
	var names []string
	for _, t := range lake.Tables() {
		names = append(names, clickhouse.Text(stored(t.Name)))
	}
	made, err := m.server.Texts(ctx, "SELECT engine, comment FROM system.tables WHERE database = "+clickhouse.Text(m.schema.database)+
		" AND name IN ("+strings.Join(names, ", ")+")")
	if err != nil {
		return clickhouse.Classified(err)
	}
	for _, table := range made {
		if (table[0] == "Distributed") != (m.schema.shards != "") || m.schema.shards != "" && table[1] != m.schema.shards {
			return m.drop(ctx)
		}
	}
	return nil
}

// Add implements lake.Mirror.
func (m *Mirror) Add(ctx context.Context, table, token string, lines []byte) error {
	return m.insert(ctx, stored(table), token, lines)
}

func (m *Mirror) insert(ctx context.Context, table, token string, lines []byte) error {
	var settings []clickhouse.Setting
	if m.quorum.rows || table == roundTable && m.quorum.round {
		settings = append(settings, clickhouse.Setting{Name: "insert_quorum", Value: "auto"})
	}
	if m.schema.shards != "" {
		// The rows are on their shards when the insert returns, by the name of the
		// setting that every release knows.
		settings = append(settings, clickhouse.Setting{Name: "insert_distributed_sync", Value: "1"}, sameReplica)
	}
	return m.server.Insert(ctx, table, token, lines, settings...)
}

// sameReplica makes inserts and queries of a shard prefer the same of its replicas.
var sameReplica = clickhouse.Setting{Name: "load_balancing", Value: "in_order"}

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
		err := m.server.Do(ctx, "ALTER TABLE "+clickhouse.Name(m.schema.local(table))+m.schema.everywhere()+
			" DELETE WHERE (record_partition, record_offset) IN ("+strings.Join(list, ", ")+")", clickhouse.Setting{Name: "mutations_sync", Value: "2"})
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
	return m.insert(ctx, roundTable, "", []byte(line))
}
