package clickhouse

import (
	"slices"
	"strconv"
	"strings"

	"kith/internal/clickhouse"
	"kith/internal/lake"
)

// schema says how the tables of a copy are made.
type schema struct {
	database string
	cluster  string // whose servers have the tables replicated; empty for one server
	// shards are the numbers and weights of the cluster's shards, where it has several;
	// empty for one. With others, rows would lie elsewhere.
	shards string
}

// local is the name of the table that holds the rows of one on each server. Where
// there are shards, the one that inserts and queries name is distributed over it.
func (s *schema) local(table string) string {
	if s.shards == "" {
		return stored(table)
	}
	return stored(table) + "_shard"
}

// everywhere is the clause by which a statement reaches all servers of the cluster.
func (s *schema) everywhere() string {
	if s.cluster == "" {
		return ""
	}
	return " ON CLUSTER " + clickhouse.Name(s.cluster)
}

// engine writes the engine of a table: replicated in a cluster, within each shard or,
// if it is the same everywhere, over all servers.
func (s *schema) engine(kind, arguments string, same bool) string {
	if s.cluster == "" {
		return kind + "(" + arguments + ")"
	}
	where := "'/clickhouse/tables/{database}/{table}', '{replica}'"
	switch {
	case s.shards != "" && same: // the macro of replicas may repeat in each shard
		where = "'/clickhouse/tables/{database}/{table}', '{shard}-{replica}'"
	case s.shards != "":
		where = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
	}
	if arguments != "" {
		where += ", " + arguments
	}
	return "Replicated" + kind + "(" + where + ")"
}

// window is a setting of a table that bounds which inserts the server remembers by
// their tokens.
type window struct {
	setting string
	value   int
	least   int // what is enough, where somebody has set another value
}

// String is the setting as a statement has it.
func (w window) String() string { return w.setting + " = " + strconv.Itoa(w.value) }

// windows are a table's. A round that is tried again sends the tokens of one round,
// which are few, but may do so after days. The number is 0, for none, where the tables
// are not replicated; where they are, there is an age too, of an hour or a week.
func (s *schema) windows() []window {
	const number, day = 10_000, 24 * 60 * 60
	if s.cluster == "" {
		return []window{{"non_replicated_deduplication_window", number, number / 10}}
	}
	return []window{
		{"replicated_deduplication_window", number, number / 10},
		{"replicated_deduplication_window_seconds", 365 * day, 30 * day},
	}
}

// statements make the tables, and the views that queries name.
func (s *schema) statements() []string {
	var all []string
	for _, w := range s.windows() {
		all = append(all, w.String())
	}
	windows := strings.Join(all, ", ")
	out := []string{"CREATE TABLE IF NOT EXISTS " + clickhouse.Name(roundTable) + s.everywhere() +
		" (k UInt8, lake String, generation UInt64, round UInt64, _version UInt64 MATERIALIZED generation * 4294967296 + round) ENGINE = " +
		s.engine("ReplacingMergeTree", "_version", true) + " ORDER BY k SETTINGS " + windows}
	var views []string // which name each other's tables
	for _, t := range lake.Tables() {
		out, views = append(out, s.table(&t, windows)), append(views, s.view(&t))
		if s.shards != "" {
			out = append(out, s.distributed(&t))
		}
	}
	return append(out, views...)
}

// table makes what holds the rows of a table.
func (s *schema) table(t *lake.Table, windows string) string {
	var columns []string
	for _, c := range t.Columns {
		columns = append(columns, clickhouse.Name(c.Name)+" "+typeOf(t, &c))
	}
	engine, order, parts := s.engine("MergeTree", "", false), t.Sort, ""
	for _, c := range t.Columns {
		if c.Name == "received_at" || c.Name == "recorded_at" {
			parts = " PARTITION BY toYYYYMM(" + c.Name + ")"
		}
	}
	if t.Kind == lake.Mutable {
		engine, order, parts = s.engine("ReplacingMergeTree", lake.VersionColumn+", "+lake.DeletedColumn, false), t.Key, ""
	}
	var key []string
	for _, k := range order {
		key = append(key, clickhouse.Name(k))
	}
	return "CREATE TABLE IF NOT EXISTS " + clickhouse.Name(s.local(t.Name)) + s.everywhere() + " (" + strings.Join(columns, ", ") + ") ENGINE = " + engine +
		parts + " ORDER BY (" + strings.Join(key, ", ") + ") SETTINGS allow_nullable_key = 1, " + windows
}

// distributed makes what brings the rows of a table to the shards and back. Where a
// row lies follows from what names it, so rows that replace each other, and those
// that come again under a token, meet on one shard. Nothing else counts on who lies
// where: people merge and split, and their nodes stay.
func (s *schema) distributed(t *lake.Table) string {
	var names []string
	for _, k := range t.Key {
		names = append(names, clickhouse.Name(k))
	}
	return "CREATE TABLE IF NOT EXISTS " + clickhouse.Name(stored(t.Name)) + s.everywhere() + " AS " +
		clickhouse.Name(s.database) + "." + clickhouse.Name(s.local(t.Name)) + " ENGINE = Distributed(" + clickhouse.Text(s.cluster) + ", " +
		clickhouse.Text(s.database) + ", " + clickhouse.Text(s.local(t.Name)) + ", cityHash64(" + strings.Join(names, ", ") + ")) COMMENT " + clickhouse.Text(s.shards)
}

// typeOf is the type of a column.
func typeOf(t *lake.Table, c *lake.Column) string {
	typ := map[lake.ColumnType]string{
		lake.Text: "String", lake.JSON: "String", lake.Timestamp: "DateTime64(3, 'UTC')", lake.Integer: "Int64", lake.Boolean: "Bool",
	}[c.Type]
	switch {
	case c.Name == lake.DeletedColumn:
		return "UInt8" // what the engine of replaced rows asks for
	case c.Name == lake.VersionColumn:
		return "UInt64"
	case c.Required:
		return typ
	case t.Kind == lake.Mutable && slices.Contains(t.Key, c.Name):
		return typ
	}
	return "Nullable(" + typ + ")"
}

// view makes what queries name: the rows that count, and events with today's
// profile.
func (s *schema) view(t *lake.Table) string {
	var columns []string
	joined, final := "", ""
	for _, c := range shown(t) {
		switch c {
		case "profile_id":
			if t.Name == lake.TableEvents {
				columns = append(columns, "nullIf(i.profile_id, '') AS profile_id")
				continue
			}
		}
		columns = append(columns, "e."+clickhouse.Name(c)+" AS "+clickhouse.Name(c))
	}
	if t.Name == lake.TableEvents {
		joined = " LEFT ANY JOIN (SELECT node_id, ifNull(profile_id, '') AS profile_id FROM " + clickhouse.Name(s.database) + "." + clickhouse.Name(stored(lake.TableIdentifiers)) +
			" FINAL) AS i ON i.node_id = e.node_id"
	}
	if t.Kind == lake.Mutable {
		final = " FINAL"
	}
	from := clickhouse.Name(s.database) + "." + clickhouse.Name(stored(t.Name))
	if s.shards != "" {
		// What shards have comes together where the query runs, before anything is joined:
		// a shard would have its own part of the other side.
		from, final = "(SELECT * FROM "+from+final+")", ""
	}
	return "CREATE OR REPLACE VIEW " + clickhouse.Name(t.Name) + s.everywhere() + " AS SELECT " + strings.Join(columns, ", ") +
		" FROM " + from + " AS e" + final + joined
}

// shown are the columns of a table's view.
func shown(t *lake.Table) []string {
	var out []string
	for _, c := range t.Columns {
		if c.Name == lake.VersionColumn || c.Name == lake.DeletedColumn {
			continue
		}
		out = append(out, c.Name)
		if t.Name == lake.TableEvents && c.Name == "node_id" {
			out = append(out, "profile_id")
		}
	}
	return out
}
