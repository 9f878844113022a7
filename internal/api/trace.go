package api

import (
	"encoding/json"
	"net/http"

	"kith/internal/route"
)

// Trace is what is known of one message: its records, the events of the message
// first, then what is kept apart.
type Trace struct {
	Source    string        `json:"source"`
	MessageID string        `json:"message_id"`
	Records   []TraceRecord `json:"records"`
	// Complete is false when more records are kept apart than were looked through
	// for the message.
	Complete bool `json:"complete"`
}

// TraceRecord tells what happened to one record of a message, from its acceptance
// to the profile that it belongs to now. Moments are RFC 3339; what is not known
// or does not apply is null.
type TraceRecord struct {
	Position     string             `json:"position"` // PARTITION-OFFSET in the log
	Outcome      string             `json:"outcome"`  // one of Outcomes
	Summary      string             `json:"summary"`
	EventAt      *string            `json:"event_position"` // where the event of the message lies
	LastCopyAt   *string            `json:"last_copy_at"`   // when any copy was received last
	Type         *string            `json:"type"`
	ReceivedAt   *string            `json:"received_at"`
	Timestamp    *string            `json:"timestamp"`
	Notes        []string           `json:"notes"` // what was done to it when it was accepted
	Admission    string             `json:"admission"`
	NodeID       *string            `json:"node_id"` // its home
	ProfileID    *string            `json:"profile_id"`
	Identifiers  []TracedIdentifier `json:"identifiers"` // by rank; the first is its home
	Dropped      []DroppedValue     `json:"dropped"`
	SeenTogether *string            `json:"observation"` // in which kind of call its identifiers were seen together
	Code         *string            `json:"code"`        // of what keeps it apart
	Detail       *string            `json:"detail"`
	Event        json.RawMessage    `json:"event"` // as the timeline shows it
}

// TracedIdentifier is an identifier that a record named.
type TracedIdentifier struct {
	Type   string `json:"type"`
	Value  string `json:"value"`
	NodeID string `json:"node_id"`
}

// DroppedValue is a value of a record that identifies nobody.
type DroppedValue struct {
	Type   string `json:"type"`
	Reason string `json:"reason"`
}

// Outcomes are what can have become of a record.
func Outcomes() []string {
	return []string{"folded", "repeat", "held", "rejected", "put_back", "retracted", "waiting", "unknown"}
}

func (a *API) traceRows() []route.Route {
	text := textSchema()
	return []route.Route{{
		Method: http.MethodGet, Path: "/v1/events/{source}/{message_id}", Name: "traceEvent", Tag: "Events", Key: route.ReadKey, Class: route.Special,
		Summary: "Tell what happened to a message. A message is found for about a month after its last copy, or for as long as the log holds it when a position is named.",
		Params: []route.Param{
			{Name: "source", In: "path", Summary: "The key of the source that sent it.", Schema: text},
			{Name: "message_id", In: "path", Summary: "Its messageId, percent-encoded; of one over 100 characters the hash that stands for it.", Schema: text},
			{Name: "position", In: "query", Summary: "One record of the message, PARTITION-OFFSET, such as a repeat: tells of that one alone.", Schema: text},
		},
		Answers: []route.Answer{
			{Status: 200, Summary: "What happened to its records.", Schema: route.Ref("Trace")},
			{Status: 404, Summary: "No message of that source has this id, or it came too long ago."},
		},
		Handler: route.Handle(a.trace),
	}}
}

func (a *API) trace(w http.ResponseWriter, r *http.Request) error {
	t, err := a.cfg.Pipeline.Trace(r.Context(), r.PathValue("source"), r.PathValue("message_id"), r.URL.Query().Get("position"))
	if err != nil {
		return err
	}
	return route.WriteJSON(w, http.StatusOK, t)
}

func traceSchema() route.Schema {
	record := object("What happened to one record of a message.", map[string]route.Schema{
		"position":       {"type": "string", "description": "Where the record lies in the log: PARTITION-OFFSET."},
		"outcome":        {"type": "string", "enum": Outcomes()},
		"summary":        {"type": "string", "description": "The outcome in words."},
		"event_position": {"type": []string{"string", "null"}, "description": "Where the event of the message lies."},
		"last_copy_at":   {"type": []string{"string", "null"}, "description": "When a copy of the message was received last."},
		"type":           orNull("string"), "received_at": orNull("string"), "timestamp": orNull("string"),
		"notes":     {"type": "array", "items": textSchema(), "description": "What was done to it when it was accepted, in words."},
		"admission": {"type": "string", "description": "The verdict of transformations and tracking plans."},
		"node_id":   orNull("string"), "profile_id": {"type": []string{"string", "null"}, "description": "The profile as of now."},
		"identifiers": arraySchema(object("An identifier that the record names; the first one is its home.", map[string]route.Schema{
			"type": textSchema(), "value": textSchema(), "node_id": textSchema(),
		})),
		"dropped": arraySchema(object("A value that identifies nobody.", map[string]route.Schema{
			"type": textSchema(), "reason": textSchema(),
		})),
		"observation": orNull("string"), "code": orNull("string"), "detail": orNull("string"),
		"event": {"description": "The event as a timeline shows it, or null."},
	})
	return object("What is known of a message.", map[string]route.Schema{
		"source": textSchema(), "message_id": textSchema(), "records": arraySchema(record),
		"complete": {"type": "boolean", "description": "False when more records are kept apart than were looked through."},
	})
}
