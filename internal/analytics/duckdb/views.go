package duckdb

import (
	"strings"

	"kith/internal/analytics/guard"
)

// Columns that a mutable table's files have beside its own.
const (
	versionColumn = "_version"
	deletedColumn = "_deleted"
)

// shown returns the names of the columns that a query can see, in lower case.
func (t *table) shown() []string {
	var out []string
	for _, c := range t.Columns {
		if c.Shown == nil || *c.Shown != "" {
			out = append(out, strings.ToLower(c.Name))
		}
	}
	return out
}

// makeViews makes what the query names: one view for each table of the verdict.
// Nothing else is in the catalog, so what a view leaves out is out of reach.
func (d *database) makeViews(tables []table, verdict *guard.Verdict) error {
	byName := map[string]*table{}
	for i := range tables {
		byName[tables[i].Name] = &tables[i]
	}
	for _, name := range verdict.Tables {
		body, err := d.viewOf(byName[name], byName["identifiers"], verdict)
		if err != nil {
			return err
		}
		if err := d.run("CREATE VIEW " + quoted(name) + " AS " + body); err != nil {
			return err
		}
	}
	return nil
}

// viewOf writes the body of a table's view: its current rows, what comes through
// other tables, and each column as the policy shows it.
func (d *database) viewOf(t, identifiers *table, verdict *guard.Verdict) (string, error) {
	rows, err := d.rowsOf(t)
	if err != nil {
		return "", err
	}
	joined := false
	var shown []string
	for _, c := range t.Columns {
		if c.Joined && !verdict.Needs(strings.ToLower(c.Name)) {
			continue // what is not asked for need not be looked up
		}
		joined = joined || c.Joined
		switch {
		case c.Shown == nil:
			shown = append(shown, quoted(c.Name))
		case *c.Shown != "":
			shown = append(shown, "("+*c.Shown+") AS "+quoted(c.Name))
		}
	}
	if joined {
		people, err := d.rowsOf(identifiers)
		if err != nil {
			return "", err
		}
		rows = "SELECT kith_e.*, kith_i.profile_id FROM (" + rows + ") kith_e LEFT JOIN (SELECT node_id AS kith_node, profile_id FROM (" +
			people + ")) kith_i ON kith_i.kith_node = kith_e.node_id"
	}
	return "SELECT " + strings.Join(shown, ", ") + " FROM (" + rows + ")", nil
}

// rowsOf writes a query for the current rows of a table with its own columns.
func (d *database) rowsOf(t *table) (string, error) {
	if t == nil || len(t.Files) == 0 {
		return emptyRows(t), nil
	}
	files := make([]string, len(t.Files))
	for i, f := range t.Files {
		files[i] = literal(f)
	}
	scan := "read_parquet([" + strings.Join(files, ", ") + "], union_by_name = true, hive_partitioning = false, filename = false)"
	stored, err := d.texts("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM " + scan + ")")
	if err != nil {
		return "", err
	}
	types := map[string]string{}
	for _, row := range stored {
		types[row[0]] = row[1]
	}
	var columns []string
	for _, c := range t.Columns {
		if c.Joined {
			continue
		}
		columns = append(columns, columnOf(c, types[c.Name]))
	}
	list := strings.Join(columns, ", ")
	if !t.Mutable {
		return "SELECT " + list + " FROM " + scan, nil
	}
	return "SELECT " + list + " FROM " + scan + " WHERE NOT coalesce(" + deletedColumn + ", false) AND " + newest(t, scan), nil
}

// newest is the condition that a row is the one of the greatest version of its
// key. The keys alone are held in memory, not the rows.
func newest(t *table, scan string) string {
	key := make([]string, len(t.Key))
	for i, k := range t.Key {
		key[i] = quoted(k)
	}
	list := strings.Join(key, ", ")
	return "(" + list + ", " + versionColumn + ") IN (SELECT (" + list + ", max(" + versionColumn + ")) FROM " + scan + " GROUP BY " + list + ")"
}

// columnOf writes a column of the files in the type that the table declares.
func columnOf(c column, stored string) string {
	name := quoted(c.Name)
	switch stored {
	case "":
		return "NULL::" + c.Type + " AS " + name
	case c.Type:
		return name
	}
	return name + "::" + c.Type + " AS " + name
}

// emptyRows writes a query that gives the table's columns and no row.
func emptyRows(t *table) string {
	if t == nil {
		return "SELECT NULL::VARCHAR AS node_id, NULL::VARCHAR AS profile_id WHERE false"
	}
	var columns []string
	for _, c := range t.Columns {
		if !c.Joined {
			columns = append(columns, "NULL::"+c.Type+" AS "+quoted(c.Name))
		}
	}
	return "SELECT " + strings.Join(columns, ", ") + " WHERE false"
}
