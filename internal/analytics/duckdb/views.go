package duckdb

import (
	"slices"
	"strings"

	"kith/internal/analytics/guard"
	"kith/internal/errs"
	"kith/internal/lake"
)

// shown returns the names of the columns that a query can see, in lower case.
func (t *table) shown() []string {
	var out []string
	for i := range t.Columns {
		if !t.Columns[i].hidden() {
			out = append(out, strings.ToLower(t.Columns[i].Name))
		}
	}
	return out
}

func (c *column) hidden() bool { return c.Shown != nil && *c.Shown == "" }

// views makes the views of a query.
type views struct {
	db      *database
	verdict *guard.Verdict
	tables  map[string]*table
	plain   []string // columns of properties that a file lacks only if it has no such value
}

// makeViews makes what the query names: one view for each table of the verdict.
// Nothing else is in the catalog, so what a view leaves out is out of reach.
func (d *database) makeViews(tables []table, verdict *guard.Verdict, plain []string) error {
	v := &views{db: d, verdict: verdict, tables: map[string]*table{}, plain: plain}
	for i := range tables {
		v.tables[tables[i].Name] = &tables[i]
	}
	for _, name := range verdict.Tables {
		if v.tables[name].LeftOut {
			return errs.New(errs.Internal, "sql.left_out", "the files of table %s were not brought here", name)
		}
		body, err := v.body(v.tables[name])
		if err != nil {
			return err
		}
		if err := d.run("CREATE VIEW " + quoted(name) + " AS " + body); err != nil {
			return err
		}
	}
	return nil
}

// asked returns the columns of a table that belong into its view for this query:
// what comes through another table is looked up only if it may be asked for, and
// of the many columns of properties there are those that it names.
func (v *views) asked(t *table) []column {
	return slices.DeleteFunc(slices.Clone(t.Columns), func(c column) bool {
		low := strings.ToLower(c.Name)
		return c.Joined && !v.verdict.Needs(low) || c.Typed && !v.verdict.Names(low)
	})
}

// body writes a table's view: its current rows, what comes through other tables,
// and each column as the policy shows it.
func (v *views) body(t *table) (string, error) {
	columns := v.asked(t)
	rows, err := v.rows(t, columns)
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(columns, func(c column) bool { return c.Joined }) {
		people, err := v.people()
		if err != nil {
			return "", err
		}
		rows = "SELECT kith_e.*, kith_i.profile_id FROM (" + rows + ") kith_e LEFT JOIN (" + people + ") kith_i ON kith_i.kith_node = kith_e.node_id"
	}
	var shown []string
	for i := range columns {
		c := &columns[i]
		switch {
		case c.Shown == nil:
			shown = append(shown, quoted(c.Name))
		case !c.hidden():
			shown = append(shown, "("+*c.Shown+") AS "+quoted(c.Name))
		}
	}
	return "SELECT " + strings.Join(shown, ", ") + " FROM (" + rows + ")", nil
}

// people writes a query for the profile of each node today.
func (v *views) people() (string, error) {
	t := v.tables[lake.TableIdentifiers]
	if t != nil && t.LeftOut {
		return "", errs.New(errs.Internal, "sql.left_out", "the files of table %s were not brought here", t.Name)
	}
	if t == nil || len(t.Files) == 0 {
		return "SELECT NULL::VARCHAR AS kith_node, NULL::VARCHAR AS profile_id WHERE false", nil
	}
	if _, err := v.stored(t.Files); err != nil {
		return "", err
	}
	base, changes := parted(t.Files)
	var parts []string
	if len(changes) > 0 {
		parts = append(parts, "SELECT node_id AS kith_node, arg_max(profile_id, "+lake.VersionColumn+") AS profile_id FROM "+scan(changes)+
			" GROUP BY node_id HAVING NOT coalesce(arg_max("+lake.DeletedColumn+", "+lake.VersionColumn+"), false)")
	}
	if len(base) > 0 {
		parts = append(parts, "SELECT node_id AS kith_node, profile_id FROM "+scan(base)+" WHERE "+unchanged(t, changes))
	}
	return strings.Join(parts, " UNION ALL "), nil
}

// parted parts the files of a mutable table in its base, in which no key comes
// twice, and changes that are newer.
func parted(files []file) (base, changes []file) {
	for _, f := range files {
		if f.Base {
			base = append(base, f)
		} else {
			changes = append(changes, f)
		}
	}
	return base, changes
}

// unchanged is the condition that a row of the base counts.
func unchanged(t *table, changes []file) string {
	is := "NOT coalesce(" + lake.DeletedColumn + ", false)"
	if len(changes) > 0 {
		is += " AND (" + keyList(t) + ") NOT IN (SELECT " + keyList(t) + " FROM " + scan(changes) + ")"
	}
	return is
}

func keyList(t *table) string {
	key := make([]string, len(t.Key))
	for i, k := range t.Key {
		key[i] = quoted(k)
	}
	return strings.Join(key, ", ")
}

// rows writes a query for the current rows of a table in its own columns.
func (v *views) rows(t *table, columns []column) (string, error) {
	var parts []string
	for _, files := range alike(t.Files, columns) {
		stored, err := v.stored(files)
		if err != nil {
			return "", err
		}
		var list []string
		for i := range columns {
			if !columns[i].Joined {
				list = append(list, columns[i].expression(stored, v.plain))
			}
		}
		part := "SELECT " + strings.Join(list, ", ") + " FROM "
		if !t.Mutable {
			parts = append(parts, part+scan(files))
			continue
		}
		base, changes := parted(files)
		if len(base) > 0 {
			parts = append(parts, part+scan(base)+" WHERE "+unchanged(t, changes))
		}
		if len(changes) > 0 {
			parts = append(parts, part+scan(changes)+" WHERE NOT coalesce("+lake.DeletedColumn+", false) AND "+newest(t, changes))
		}
	}
	if len(parts) == 0 {
		return emptyRows(columns), nil
	}
	return strings.Join(parts, " UNION ALL "), nil
}

// alike puts files together that have the same of the columns of properties that
// are asked for, in the order in which such sets first come.
func alike(files []file, columns []column) [][]file {
	place := map[string]int{}
	var out [][]file
	for _, f := range files {
		var has strings.Builder
		for i := range columns {
			if columns[i].Typed {
				if slices.Contains(f.Typed, columns[i].Name) {
					has.WriteByte('1')
				} else {
					has.WriteByte('0')
				}
			}
		}
		i, ok := place[has.String()]
		if !ok {
			i = len(out)
			place[has.String()] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], f)
	}
	return out
}

// scan writes the reading of files. Names of folders and files give no columns.
func scan(files []file) string {
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = literal(f.Path)
	}
	return "read_parquet([" + strings.Join(paths, ", ") + "], union_by_name = true, hive_partitioning = false, filename = false)"
}

// stored returns the types of the columns that files have, by name.
func (v *views) stored(files []file) (map[string]string, error) {
	rows, err := v.db.texts("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM " + scan(files) + ")")
	if err != nil {
		return nil, err
	}
	types := map[string]string{}
	for _, row := range rows {
		types[row[0]] = row[1]
	}
	return types, nil
}

// newest is the condition that a row is the one of the greatest version of its
// key. The keys alone are held in memory, not the rows.
func newest(t *table, changes []file) string {
	list := keyList(t)
	return "(" + list + ", " + lake.VersionColumn + ") IN (SELECT " + list + ", max(" + lake.VersionColumn + ") FROM " + scan(changes) + " GROUP BY " + list + ")"
}

// expression writes a column of files in the type that the table declares.
func (c *column) expression(stored map[string]string, plain []string) string {
	name := quoted(c.Name)
	have, ok := stored[c.Name]
	switch {
	case ok && have == c.Type:
		return name
	case ok:
		return name + "::" + c.Type + " AS " + name
	case c.Typed && !slices.Contains(plain, c.Name):
		return fromProperties(c.Name) + " AS " + name
	}
	return "NULL::" + c.Type + " AS " + name
}

// emptyRows writes a query that gives columns and no row.
func emptyRows(columns []column) string {
	var list []string
	for i := range columns {
		if !columns[i].Joined {
			list = append(list, "NULL::"+columns[i].Type+" AS "+quoted(columns[i].Name))
		}
	}
	return "SELECT " + strings.Join(list, ", ") + " WHERE false"
}

// propertiesPrefix begins the names of columns of properties: behind it stands the
// path with dots between its steps, then a colon and the type of the values.
const propertiesPrefix = "properties."

// fromProperties writes what a column of a property is where a file does not have
// it: the same, read from the properties themselves.
func fromProperties(name string) string {
	typ, _ := lake.PropertyColumn(name)
	steps := strings.Split(name[len(propertiesPrefix):strings.LastIndexByte(name, ':')], ".")
	pointer := ""
	for _, s := range steps {
		s = strings.NewReplacer("%2E", ".", "%3A", ":", "%25", "%").Replace(s)
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(s)
	}
	at := "(properties, " + literal(pointer) + ")"
	switch typ {
	case lake.Decimal:
		// Most numbers fit 64 bits, which are read ten times faster.
		text := "json_extract_string" + at
		return "CASE WHEN json_type" + at + " IN ('BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE') THEN " +
			"coalesce(TRY_CAST(" + text + " AS DECIMAL(18,9))::DECIMAL(38,9), TRY_CAST(" + text + " AS DECIMAL(38,9))) END"
	case lake.Boolean:
		return "CASE WHEN json_type" + at + " = 'BOOLEAN' THEN json_extract_string" + at + " = 'true' END"
	}
	return "CASE WHEN json_type" + at + " = 'VARCHAR' THEN json_extract_string" + at + " END"
}
