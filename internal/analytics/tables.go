package analytics

import "strings"

// OpenTables are the tables that there always are, with the columns that queries
// can rely on. What the lake lists beside them is added to them.
func OpenTables() []Table {
	return []Table{
		{Name: "events", Columns: columns(`message_id type name source user_id anonymous_id group_id previous_id node_id profile_id=profile
			timestamp=time original_timestamp=time sent_at=time received_at=time traits=json properties=json context=json integrations=json`)},
		{Name: "profiles", Mutable: true, Key: []string{"profile_id"}, Columns: columns("profile_id first_seen=time last_seen=time traits=json")},
		{Name: "identifiers", Mutable: true, Key: []string{"node_id"}, Columns: columns("node_id type value profile_id first_seen=time last_seen=time")},
		{Name: "links", Columns: columns("a b kind source")},
		{Name: "traits_history", Columns: columns("node_id key value=json timestamp=time source message_id")},
	}
}

// columns reads a list of names, texts unless something else stands behind one.
func columns(list string) []TableColumn {
	var out []TableColumn
	for _, s := range strings.Fields(list) {
		name, kind, _ := strings.Cut(s, "=")
		c := TableColumn{Name: name, Type: "VARCHAR"}
		switch kind {
		case "time":
			c.Type = "TIMESTAMP WITH TIME ZONE"
		case "json":
			c.Type = "JSON"
		case "profile":
			c.Joined = true
		}
		out = append(out, c)
	}
	return out
}
