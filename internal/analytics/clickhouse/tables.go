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
}

// everywhere is the clause by which a statement reaches all servers of the cluster.
func (s *schema) everywhere() string {
	if s.cluster == "" {
		return ""
	}
	return " ON CLUSTER " + clickhouse.Name(s.cluster)
}

// engine writes the engine of a table: replicated in a cluster.
func (s *schema) engine(kind, arguments string) string {
	if s.cluster == "" {
		return kind + "(" + arguments + ")"
	}
	where := "'/clickhouse/tables/{database}/{table}', '{replica}'"
	if arguments != "" {
		where += ", " + arguments
	}
	return "Replicated" + kind + "(" + where + ")"
}

// windowSetting is the name of the setting that says how many inserts the server
// remembers. It is 0, for none, where the tables are not replicated.
func (s *schema) windowSetting() string {
	if s.cluster == "" {
		return "non_replicated_deduplication_window"
	}
	return "replicated_deduplication_window"
}

// statements make the tables, and the views that queries name.
func (s *schema) statements() []string {
	window := s.windowSetting() + " = " + strconv.Itoa(window)
	out := []string{"CREATE TABLE IF NOT EXISTS " + clickhouse.Name(roundTable) + s.everywhere() +
		" (k UInt8, lake String, generation UInt64, round UInt64, _version UInt64 MATERIALIZED generation * 4294967296 + round) ENGINE = " +
		s.engine("ReplacingMergeTree", "_version") + " ORDER BY k SETTINGS " + window}
	var views []string // which name each other's tables
	for _, t := range lake.Tables() {
		out, views = append(out, s.table(&t, window)), append(views, s.view(&t))
	}
	return append(out, views...)
}

// table makes what holds the rows of a table.
func (s *schema) table(t *lake.Table, window string) string {
	var columns []string
	for _, c := range t.Columns {
		columns = append(columns, clickhouse.Name(c.Name)+" "+typeOf(t, &c))
	}
	engine, order, parts := s.engine("MergeTree", ""), t.Sort, ""
	for _, c := range t.Columns {
		if c.Name == "received_at" || c.Name == "recorded_at" {
			parts = " PARTITION BY toYYYYMM(" + c.Name + ")"
		}
	}
	if t.Kind == lake.Mutable {
		engine, order, parts = s.engine("ReplacingMergeTree", lake.VersionColumn+", "+lake.DeletedColumn), t.Key, ""
	}
	var key []string
	for _, k := range order {
		key = append(key, clickhouse.Name(k))
	}
	return "CREATE TABLE IF NOT EXISTS " + clickhouse.Name(stored(t.Name)) + s.everywhere() + " (" + strings.Join(columns, ", ") + ") ENGINE = " + engine +
		parts + " ORDER BY (" + strings.Join(key, ", ") + ") SETTINGS allow_nullable_key = 1, " + window
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
	return "CREATE OR REPLACE VIEW " + clickhouse.Name(t.Name) + s.everywhere() + " AS SELECT " + strings.Join(columns, ", ") +
		" FROM " + clickhouse.Name(s.database) + "." + clickhouse.Name(stored(t.Name)) + " AS e" + final + joined
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
