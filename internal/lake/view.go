package lake

import (
	"fmt"
	"strings"
)

// View returns the statement that makes a table a view in DuckDB, with the rows
// that count now. dir is the folder of the table as DuckDB reaches it. The files
// stay for ten minutes after the list was read.
func View(m *Manifest, dir string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "-- %s as of %s; its files can be read for ten minutes, so print this anew then.\n", m.Table, m.AsOf)
	fmt.Fprintf(&b, "CREATE OR REPLACE VIEW %s AS\n", quoted(m.Table))
	if len(m.Files) == 0 {
		b.WriteString("SELECT ")
		first := true
		for _, c := range m.Columns {
			if c.Name == VersionColumn || c.Name == DeletedColumn {
				continue
			}
			if !first {
				b.WriteString(", ")
			}
			first = false
			fmt.Fprintf(&b, "NULL::%s AS %s", c.Type, quoted(c.Name))
		}
		b.WriteString(" WHERE false;\n")
		return b.String()
	}
	var list []string
	for _, f := range m.Files {
		list = append(list, "  '"+strings.ReplaceAll(dir+"/"+f.Path, "'", "''")+"'")
	}
	from := "read_parquet([\n" + strings.Join(list, ",\n") + "\n], union_by_name = true)"
	if m.Kind == Append {
		b.WriteString("SELECT * FROM " + from + ";\n")
		return b.String()
	}
	keys := make([]string, len(m.Key))
	for i, k := range m.Key {
		keys[i] = quoted(k)
	}
	fmt.Fprintf(&b, "SELECT * EXCLUDE (%[1]s, %[2]s) FROM %[3]s\nQUALIFY row_number() OVER (PARTITION BY %[4]s ORDER BY %[1]s DESC) = 1 AND NOT %[2]s;\n",
		VersionColumn, DeletedColumn, from, strings.Join(keys, ", "))
	return b.String()
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
