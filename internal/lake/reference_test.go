package lake

import (
	"strings"
)

// reference is the documentation of all tables in Markdown.
func reference() []byte {
	var b strings.Builder
	b.WriteString(`# Tables of the lake

<!-- Written from internal/lake/table.go by: go test ./internal/lake -run TestReference -update -->

A table is a folder of Parquet files and a ` + "`current.json`" + ` that lists them; [the guide](../guide/lake.md) tells how to
read one. TIMESTAMP columns count milliseconds and are UTC. JSON columns are texts. A column that is not *required*
may be null.
`)
	for _, t := range Tables() {
		b.WriteString("\n## " + t.Name + "\n\n" + t.Description + " ")
		switch t.Kind {
		case Append:
			b.WriteString("It grows by rows: each row of each listed file counts once.")
		case Mutable:
			b.WriteString("Its rows change: of each `" + strings.Join(t.Key, "`, `") + "` the row with the greatest `" + VersionColumn + "` counts, and there is none if that one is `" + DeletedColumn + "`.")
		}
		b.WriteString(" Within a file rows are in the order of `" + strings.Join(t.Sort, "`, `") + "`.\n\n| column | type | | meaning |\n|---|---|---|---|\n")
		for _, c := range t.Columns {
			required := ""
			if c.Required {
				required = "required"
			}
			b.WriteString("| `" + c.Name + "` | " + string(c.Type) + " | " + required + " | " + c.Description + " |\n")
		}
		if t.Properties {
			b.WriteString(propertiesReference)
		}
	}
	return []byte(b.String())
}

const propertiesReference = `
A file has besides a column for each scalar property that at least one of a thousand of its rows has, at most 256. The
name is ` + "`properties.`" + `, the path with dots between its steps, a colon and the type of the values:

| column | type | holds |
|---|---|---|
| ` + "`properties.PATH:string`" + ` | VARCHAR | the values that are texts |
| ` + "`properties.PATH:number`" + ` | DECIMAL(38,9) | those that are numbers, rounded half to even |
| ` + "`properties.PATH:boolean`" + ` | BOOLEAN | those that are true or false |

So files never disagree about a column's type, and a property that is now a text and now a number has two columns. In a
step of the path ` + "`%`, `.` and `:`" + ` are written ` + "`%25`, `%2E` and `%3A`" + `. Lists, and what lies in them, are in ` + "`properties`" + ` only.
Of names that differ in upper and lower case alone the first becomes a column. The ` + "`typed`" + ` of a file in ` + "`current.json`" + `
lists its columns: where it has one, null means that the row has no such value; where it lacks one, look into ` + "`properties`" + `.
`
