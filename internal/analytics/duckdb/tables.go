package duckdb

import (
	"kith/internal/analytics"
	"kith/internal/lake"
)

// OpenTables are the tables of the lake as queries see them: without the columns
// that keep versions apart, and events with today's profile.
func OpenTables(tables []lake.Table) []analytics.Table {
	out := make([]analytics.Table, len(tables))
	for i, t := range tables {
		out[i] = analytics.Table{Name: t.Name, Mutable: t.Kind == lake.Mutable, Key: t.Key}
		for _, c := range t.Columns {
			if c.Name == lake.VersionColumn || c.Name == lake.DeletedColumn {
				continue
			}
			out[i].Columns = append(out[i].Columns, analytics.TableColumn{Name: c.Name, Type: sqlType(string(c.Type))})
			if t.Name == lake.TableEvents && c.Name == "node_id" {
				out[i].Columns = append(out[i].Columns, analytics.TableColumn{Name: "profile_id", Type: "VARCHAR", Joined: true})
			}
		}
	}
	return out
}
