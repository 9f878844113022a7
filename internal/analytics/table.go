package analytics

// Table is a table that queries may name.
type Table struct {
	Name string
	// Mutable tables have rows that change: the newest version of a key counts.
	Mutable bool
	Key     []string
	Columns []TableColumn
}

// TableColumn is one of its columns.
type TableColumn struct {
	Name string
	Type string // an SQL type, such as VARCHAR or TIMESTAMP
	// Joined says that the column comes through identifiers: today's profile.
	Joined bool
}
