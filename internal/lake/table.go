package lake

import "slices"

// ColumnType is the type of a column.
type ColumnType string

// The types, in the words of DuckDB. JSON is a text with that logical type.
// TIMESTAMP counts milliseconds and is UTC without saying so, so that nothing
// shifts it.
const (
	Text      ColumnType = "VARCHAR"
	JSON      ColumnType = "JSON"
	Timestamp ColumnType = "TIMESTAMP"
	Integer   ColumnType = "BIGINT"
	Boolean   ColumnType = "BOOLEAN"
	Decimal   ColumnType = "DECIMAL(38,9)"
)

// Column is a column that every file of a table has.
type Column struct {
	Name        string
	Type        ColumnType
	Required    bool // never null
	Description string
}

// Table describes a table of the lake.
type Table struct {
	Name        string
	Kind        Kind
	Key         []string // of a mutable table; of an append table what names a row
	Description string
	Columns     []Column
	Sort        []string // order of the rows within a file
	Properties  bool     // scalar properties get columns of their own
	Moment      string   // of an append table: the column whose month a row falls into
}

// The names of the tables.
const (
	TableEvents      = "events"
	TableTraits      = "traits_history"
	TableIdentifiers = "identifiers"
	TableProfiles    = "profiles"
	TableLinks       = "links"
	TableMembers     = "segment_members"
	TableTransitions = "segment_transitions"
)

// Tables returns what the lake holds. The manifests, the files and the reference
// docs/reference/tables.md come from it.
func Tables() []Table {
	return []Table{eventsTable(), traitsTable(), identifiersTable(), profilesTable(), linksTable(), membersTable(), transitionsTable()}
}

// TableOf returns the table of a name.
func TableOf(name string) (Table, bool) {
	all := Tables()
	i := slices.IndexFunc(all, func(t Table) bool { return t.Name == name })
	if i < 0 {
		return Table{}, false
	}
	return all[i], true
}

func eventsTable() Table {
	return Table{
		Name: TableEvents, Kind: Append, Key: []string{"source", "message_id", "received_at"}, Properties: true, Moment: "timestamp",
		Sort:        []string{"name", "node_id", "timestamp", "record_partition", "record_offset"},
		Description: "One row for each event: the event of its message, not its repeats. An event that is taken back leaves the table.",
		Columns: []Column{
			{"message_id", Text, true, "The messageId; with source the name of the message."},
			{"type", Text, true, "identify, track, page, screen, group or alias."},
			{"name", Text, false, "Of a track the event, of a page or screen its name."},
			{"source", Text, true, "Key of the source that sent it."},
			{"user_id", Text, false, "The userId as it was sent."},
			{"anonymous_id", Text, false, "The anonymousId as it was sent."},
			{"group_id", Text, false, "The groupId as it was sent."},
			{"previous_id", Text, false, "The previousId as it was sent."},
			{"node_id", Text, false, "The node that the event lies at: the identifier of the highest rank. Null when none is usable. identifiers leads from it to today's profile."},
			{"profile_id_then", Text, false, "The profile that the event was believed to belong to when it was folded."},
			{"timestamp", Timestamp, true, "When it happened, corrected for the client's clock."},
			{"original_timestamp", Timestamp, false, "When it happened, as the client said."},
			{"sent_at", Timestamp, false, "When the client sent it, as it said."},
			{"received_at", Timestamp, true, "When kith received it."},
			{"traits", JSON, false, "The traits of an identify or group call."},
			{"properties", JSON, false, "The properties, all of them, also those that have a column."},
			{"context", JSON, false, "The context, merged with that of the batch."},
			{"integrations", JSON, false, "The integrations, merged with those of the batch."},
			{"record_partition", Integer, true, "Partition of the log that holds the record."},
			{"record_offset", Integer, true, "Offset of the record in its partition."},
			{"account_node_id", Text, false, "Of a group call the account that it names, as traits_history has it in node_id. Null when its groupId can be none."},
		},
	}
}

func traitsTable() Table {
	return Table{
		Name: TableTraits, Kind: Append, Key: []string{"source", "message_id", "received_at", "trait"}, Moment: "timestamp",
		Sort:        []string{"trait", "node_id", "timestamp", "record_partition", "record_offset"},
		Description: "One row for each trait that a call wrote, also those that a later one has overwritten.",
		Columns: []Column{
			{"node_id", Text, true, "The node that the trait was written to: the home of an identify call, or the account of a group call."},
			{"scope", Text, true, "profile or account."},
			{"trait", Text, true, "Key of the trait."},
			{"value", JSON, true, "The value; null takes the trait away."},
			{"timestamp", Timestamp, true, "When the call happened. Of two writes the later one counts."},
			{"message_id", Text, true, "Message that wrote it."},
			{"source", Text, true, "Source that sent the message."},
			{"received_at", Timestamp, true, "When kith received the message."},
			{"record_partition", Integer, true, "Partition of the log that holds the record."},
			{"record_offset", Integer, true, "Offset of the record in its partition."},
		},
	}
}

// versionColumns end the columns of every mutable table.
var versionColumns = [...]Column{
	{VersionColumn, Integer, true, "Of the rows of one key the one with the greatest number counts."},
	{DeletedColumn, Boolean, true, "True when there is no such row any more; the other columns are null then, but for the key."},
}

// The columns by which the rows of a mutable table are told apart.
const (
	VersionColumn = "_version"
	DeletedColumn = "_deleted"
)

func identifiersTable() Table {
	return Table{
		Name: TableIdentifiers, Kind: Mutable, Key: []string{"node_id"}, Sort: []string{"node_id"},
		Description: "One row for each identifier that was seen, and the profile it belongs to today. Events are joined to people through it.",
		Columns: append([]Column{
			{"node_id", Text, true, "The identifier's node."},
			{"type", Text, false, "Type of the identifier, such as user_id or email."},
			{"value", Text, false, "Its value, normalised."},
			{"profile_id", Text, false, "The profile that it belongs to."},
			{"first_seen", Timestamp, false, "The first event that named it."},
			{"last_seen", Timestamp, false, "The last event that named it."},
			{"sources", JSON, false, "Keys of the sources that sent it, as a list."},
		}, versionColumns[:]...),
	}
}

func profilesTable() Table {
	return Table{
		Name: TableProfiles, Kind: Mutable, Key: []string{"profile_id"}, Sort: []string{"profile_id"},
		Description: "One row for each profile as it is today.",
		Columns: append([]Column{
			{"profile_id", Text, true, "The profile."},
			{"traits", JSON, false, "Its custom traits, as an object."},
			{"accounts", JSON, false, "Ids of the accounts that it belongs to, as a list."},
			{"first_seen", Timestamp, false, "Its first event."},
			{"last_seen", Timestamp, false, "Its last event."},
			{"events", Integer, false, "How many events it has."},
			{"identifiers", Integer, false, "How many identifiers it has."},
			{"consents", JSON, false, "What counts of what it has said: an object of purposes, each an object of channels with granted, denied, withdrawn or nothing. Names have = in front; * stands for every other one."},
			{"entities", JSON, false, "The rows that belong to it: an object of entities, each a list of rows, which are objects of attributes."},
		}, versionColumns[:]...),
	}
}

func linksTable() Table {
	return Table{
		Name: TableLinks, Kind: Mutable, Key: []string{"node_a", "node_b"}, Sort: []string{"node_a", "node_b"},
		Description: "One row for each pair of identifiers that were seen together, and whether that joins them.",
		Columns: append([]Column{
			{"node_a", Text, true, "One end, the lesser one."},
			{"node_b", Text, true, "The other end."},
			{"kinds", JSON, false, "How they were seen together: event, identify, alias or consent, as a list."},
			{"sources", JSON, false, "Keys of the sources that saw them together, as a list."},
			{"first_seen", Timestamp, false, "The first time."},
			{"last_seen", Timestamp, false, "The last time."},
			{"count", Integer, false, "How many events saw them together."},
			{"verdict", Text, false, "accepted when both belong to one profile, else rejected."},
			{"reason", Text, false, "What keeps the two apart: limit, size, quarantine or split, some with the type of identifier behind a colon; other when evidence beyond the two profiles decides."},
		}, versionColumns[:]...),
	}
}

// memberColumns tell who is meant in the tables of segments.
var memberColumns = [...]Column{
	{"segment", Text, true, "Key of the segment."},
	{"node_id", Text, true, "Id of the profile; of a segment of accounts the node of the account, as traits_history has it."},
	{"profile_id", Text, false, "The profile. Null in a segment of accounts."},
	{"account_id", Text, false, "The account, in a segment of accounts."},
}

func membersTable() Table {
	return Table{
		Name: TableMembers, Kind: Mutable, Key: []string{"segment", "node_id"}, Sort: []string{"segment", "node_id"},
		Description: "One row for each member of each segment that serves, as it is today.",
		Columns: slices.Concat(memberColumns[:], []Column{
			{"since", Timestamp, false, "The recorded moment of the last entry: of a change by time the moment it was due, of an event its receipt, of a new definition the moment it began to serve."},
		}, versionColumns[:]),
	}
}

func transitionsTable() Table {
	return Table{
		Name: TableTransitions, Kind: Append, Key: []string{"sequence"}, Moment: "changed_at",
		Sort:        []string{"segment", "node_id", "sequence"},
		Description: "One row for each entry into a segment and each exit from it, as they were recorded. What was recorded stays, whoever it turns out to have been.",
		Columns: slices.Concat([]Column{
			{"sequence", Integer, true, "Number of the transition, in the order in which they were recorded."},
		}, memberColumns[:], []Column{
			{"entered", Boolean, true, "True of an entry, false of an exit."},
			{"changed_at", Timestamp, true, "The moment of the change, as in since of segment_members."},
			{"recorded_at", Timestamp, true, "When kith recorded it."},
			{"cause", Text, true, "Why: event, time, identity (a merge, a split, a taken back event) or definition."},
		}),
	}
}

func (t *Table) manifestColumns() []ManifestColumn {
	out := make([]ManifestColumn, len(t.Columns))
	for i, c := range t.Columns {
		out[i] = ManifestColumn{c.Name, string(c.Type), c.Description}
	}
	return out
}

// ofRecords reports whether rows come from records of the log.
func (t *Table) ofRecords() bool { return t.index("record_offset") >= 0 }

// index returns the place of a column of the table.
func (t *Table) index(name string) int {
	return slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
}

func (t *Table) indexes(names []string) []int {
	out := make([]int, len(names))
	for i, n := range names {
		out[i] = t.index(n)
	}
	return out
}
