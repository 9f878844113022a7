package api

import (
	"maps"
	"slices"

	"kith/internal/identity"
	"kith/internal/route"
)

// The schemas of bodies, in the form of OpenAPI 3.1.

func textSchema() route.Schema { return route.Schema{"type": "string"} }
func timeSchema() route.Schema { return route.Schema{"type": "string", "format": "date-time"} }
func flagSchema() route.Schema { return route.Schema{"type": "boolean"} }
func intSchema() route.Schema  { return route.Schema{"type": "integer"} }
func anySchema() route.Schema  { return route.Schema{} }

func arraySchema(of route.Schema) route.Schema { return route.Schema{"type": "array", "items": of} }

func mapSchema(of route.Schema) route.Schema {
	return route.Schema{"type": "object", "additionalProperties": of}
}

// orNull is a value of one type, or null.
func orNull(typ string) route.Schema { return route.Schema{"type": []string{typ, "null"}} }

// object is an object with exactly these members, of which all but the optional
// ones are always there.
func object(description string, properties map[string]route.Schema, optional ...string) route.Schema {
	required := []string{}
	for name := range properties {
		required = append(required, name)
	}
	return route.Schema{
		"type": "object", "description": description, "properties": properties, "required": sortedWithout(required, optional),
	}
}

func listSchema(of route.Schema) route.Schema {
	return object("A part of a list.", map[string]route.Schema{
		"data": arraySchema(of),
		"next": {"type": []string{"string", "null"}, "description": "The cursor of the next page; null at the end."},
	})
}

func positionSchema() route.Schema {
	return route.Schema{"type": "array", "items": intSchema(), "description": "By partition of the log: how many records are folded."}
}

// schemas are the named ones.
func schemas() map[string]route.Schema {
	all := map[string]route.Schema{
		"Status": statusSchema(), "Profile": profileSchema(), "Identifier": identifierSchema(), "Trait": traitSchema(),
		"Event": eventSchema(), "Held": heldSchema(), "Source": sourceSchema(), "SourceDocument": sourceDocumentSchema(),
		"Trace": traceSchema(), "Decision": decisionSchema(), "IdentitySettings": settingsSchema(), "Job": jobSchema(), "RejectedRow": rejectedSchema(), "Why": whySchema(), "AuditEntry": auditSchema(), "Purpose": purposeSchema(), "PurposeDocument": purposeDocumentSchema(),
		"Entity": entitySchema(), "EntityDocument": entityDocumentSchema(), "EntityRow": entityRowSchema(),
		"Consent": standingSchema(), "ConsentRecord": consentRecordSchema(), "ConsentStatement": consentStatementSchema(),
	}
	maps.Copy(all, definitionSchemas())
	return all
}

func statusSchema() route.Schema {
	return object("How far kith is, in records.", map[string]route.Schema{
		"accepted":         {"type": "integer", "description": "Records answered 200, repeats and quarantined ones too."},
		"processed":        {"type": "integer", "description": "The same once folded."},
		"repeats":          {"type": "integer", "description": "Copies of messages that were already there."},
		"quarantined":      {"type": "integer", "description": "Records that could not be folded."},
		"lag":              {"type": "integer", "description": "Accepted and not yet processed."},
		"analytics_lag_ms": intSchema(),
		"wave": object("Changes by the passing of time.", map[string]route.Schema{
			"due": intSchema(), "done": intSchema(),
		}),
		"identity": object("Profiles.", map[string]route.Schema{
			"pending": {"type": "integer", "description": "Identifiers, up to 10,000, on which a change waits that is too large to be made at once; answers are exact meanwhile."},
		}),
		"engines":    mapSchema(textSchema()),
		"state_hash": {"type": "string", "description": "With hash=1: the hash of the whole derived state."},
		"hash_at":    timeSchema(),
		"position":   positionSchema(),
		"hashes":     mapSchema(textSchema()),
	}, "state_hash", "hash_at", "position", "hashes")
}

func identifierSchema() route.Schema {
	return object("One identifier of a person.", map[string]route.Schema{
		"type": textSchema(), "value": textSchema(), "first_seen": timeSchema(), "last_seen": timeSchema(),
		"sources": {"type": "array", "items": textSchema(), "description": "Keys of the sources that sent it."},
		"node_id": {"type": "string", "format": "uuid", "description": "In the list of identifiers: the node that stands for it."},
	}, "node_id")
}

func traitSchema() route.Schema {
	return object("A trait and where its value comes from.", map[string]route.Schema{
		"value": anySchema(), "timestamp": timeSchema(), "source": textSchema(), "message_id": textSchema(),
		"policy": {"type": "string", "enum": identity.SurvivorshipPolicies(), "description": "Which of several writes counts, see the settings of traits."},
	})
}

func profileSchema() route.Schema {
	return object("What is known of a person.", map[string]route.Schema{
		"id":          {"type": "string", "format": "uuid"},
		"identifiers": arraySchema(route.Ref("Identifier")),
		"traits":      {"type": "object", "description": "By key the value, or with verbose=1 a Trait."},
		"computed":    mapSchema(anySchema()),
		"segments":    arraySchema(route.Ref("InSegment")),
		"consents":    arraySchema(route.Ref("Consent")),
		"accounts":    arraySchema(textSchema()),
		"first_seen":  timeSchema(),
		"last_seen":   timeSchema(),
		"events":      intSchema(),
	})
}

func eventSchema() route.Schema {
	return route.Schema{
		"type": "object", "description": "An event as it was sent, with received_at, node_id and its source.",
		"required": []string{"type", "messageId", "timestamp", "received_at", "node_id", "source"},
		"properties": map[string]route.Schema{
			"type": textSchema(), "messageId": textSchema(), "timestamp": timeSchema(),
			"received_at": timeSchema(), "node_id": {"type": "string", "format": "uuid"},
			"source": {"type": "string", "description": "The key of the source; with messageId it names the event in GET /v1/events/{source}/{message_id}."},
		},
	}
}

func heldSchema() route.Schema {
	return object("A record that could not be folded.", map[string]route.Schema{
		"id": textSchema(), "code": textSchema(), "detail": textSchema(),
		"source": orNull("string"), "message_id": orNull("string"), "type": orNull("string"), "received_at": orNull("string"),
		"body":     {"description": "Of a single record: the message as received."},
		"envelope": {"description": "Of a single record: what of its batch applies to it."},
		"raw":      {"type": "string", "contentEncoding": "base64", "description": "Of a single record that cannot be read: its bytes."},
	}, "body", "envelope", "raw")
}

// writableSource are the fields of a source that a document may set.
func writableSource() map[string]route.Schema {
	return map[string]route.Schema{
		"key":             {"type": "string", "description": "The key in the address."},
		"name":            {"type": "string", "maxLength": 200},
		"type":            {"type": "string", "enum": []string{"http"}, "default": "http"},
		"enabled":         {"type": "boolean", "default": true},
		"write_key":       {"type": "string", "pattern": "^[!-9;-~]{1,128}$", "description": "The current write key. It is public: it can send events and do nothing else."},
		"default_country": {"type": []string{"string", "null"}, "pattern": "^[A-Z]{2}$", "description": "Where a phone number without a country is from."},
		"identifies":      {"type": "array", "items": textSchema(), "description": "The types of identifiers that its events may name; empty means all."},
		"allow_origins":   {"type": "array", "items": textSchema(), "description": "Web origins whose pages may send; empty means all."},
		"server_fields":   {"type": "string", "enum": []string{"taken", "ignored"}, "default": "taken", "description": "Whether its word counts on what only a server can know: the person's address, and moments long ago."},
		"version":         {"type": "integer", "description": "In a body: change only what is still of this version."},
	}
}

func sourceSchema() route.Schema {
	all := writableSource()
	all["write_keys"] = arraySchema(object("A write key that is known, the current one first.", map[string]route.Schema{
		"value": textSchema(), "created_at": timeSchema(), "expires_at": orNull("string"), "last_used_at": orNull("string"),
	}))
	all["secret_set"] = flagSchema()
	all["created_at"], all["updated_at"] = timeSchema(), timeSchema()
	return object("Where events come from.", all)
}

func sourceDocumentSchema() route.Schema {
	all := writableSource()
	all["secret"] = route.Schema{"type": "string", "description": "What server-to-server endpoints ask for beside the write key; never shown. Empty removes it."}
	for _, name := range []string{"write_keys", "secret_set", "created_at", "updated_at"} {
		all[name] = route.Schema{"readOnly": true, "description": "May be repeated from an answer and means nothing."}
	}
	return route.Schema{
		"type": "object", "properties": all, "additionalProperties": false,
		"description": "A source as it shall be. Absent fields have their defaults; write key and secret stay.",
	}
}

// sortedWithout returns the names in ascending order, less some.
func sortedWithout(names, less []string) []string {
	slices.Sort(names)
	return slices.DeleteFunc(names, func(s string) bool { return slices.Contains(less, s) })
}
