package api

import (
	"context"
	"encoding/json"
	"strconv"

	"kith/event"
	"kith/internal/expr"
	"kith/internal/route"
)

// explanationAnswer is one part of the tree of a condition.
type explanationAnswer struct {
	Condition  map[string]any       `json:"condition"`
	Verdict    bool                 `json:"verdict"`
	Value      json.RawMessage      `json:"value"`
	Events     []explainingEvent    `json:"events"`
	More       bool                 `json:"more_events"`
	NextChange *string              `json:"next_change"`
	Partial    bool                 `json:"partial,omitempty"`
	Children   []*explanationAnswer `json:"children"`
}

type explainingEvent struct {
	MessageID string `json:"message_id"`
	Source    string `json:"source"`
	Timestamp string `json:"timestamp"`
}

// explanationOf explains a condition, and tells of each part whether the history is
// shorter than its window.
func (a *API) explanationOf(ctx context.Context, answers Answers, c expr.Condition) *explanationAnswer {
	history, _ := a.cfg.Definitions.History(ctx)
	partial := answers.Set.Partial(history, answers.Now)
	return explained(answers.Explain(c), func(c expr.Condition) bool { return partial.Condition(c, answers.Scope) })
}

func explained(d *expr.Detail, partial func(expr.Condition) bool) *explanationAnswer {
	out := &explanationAnswer{
		Condition: expr.Describe(d.Condition), Verdict: d.Verdict, Value: valueOf(d.Values), More: d.More,
		Events: []explainingEvent{}, Partial: partial(d.Condition), Children: []*explanationAnswer{},
	}
	for _, e := range d.Events {
		out.Events = append(out.Events, explainingEvent{e.MessageID, e.Source, event.FormatTime(e.Timestamp)})
	}
	if d.Next != expr.Never {
		at := event.FormatTime(d.Next)
		out.NextChange = &at
	}
	for _, c := range d.Children {
		out.Children = append(out.Children, explained(c, partial))
	}
	return out
}

// valueOf is null for what is missing, and a list for several values.
func valueOf(values []expr.Value) json.RawMessage {
	switch len(values) {
	case 0:
		return json.RawMessage("null")
	case 1:
		return values[0].AppendJSON(nil)
	}
	b := []byte{'['}
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = v.AppendJSON(b)
	}
	return append(b, ']')
}

func definitionSchemas() map[string]route.Schema {
	any := route.Schema{"type": "object", "additionalProperties": true}
	described := func(text string) route.Schema {
		s := route.Schema{"description": text}
		for k, v := range any {
			s[k] = v
		}
		return s
	}
	number := route.Schema{"type": "integer"}
	return map[string]route.Schema{
		"ComputedTraitDocument": described("A computed trait: type is count, sum, avg, min, max, first, last, most_frequent, unique_list, unique_count, time_since_first, time_since_last, rfm or expression; with event, where, window and property as the type needs, or expression; scope is profile (default) or account."),
		"ComputedTrait":         described("A computed trait as it was saved, with key, version, created_at and updated_at; read alone also with cost (DefinitionCost), and partial: history is shorter than the window."),
		"SegmentDocument":       described("A segment: where is a condition; or list is true and members are uploaded. scope is profile (default) or account."),
		"Segment":               described("A segment as it was saved, with key, version, created_at and updated_at; read alone also with cost (DefinitionCost), partial (history is shorter than one of its windows), size, as_of and status: live, or backfilling while everybody is asked, and the definition before serves."),
		"PreviewRequest":        described("where, the condition; scope; sample, how many people to show, at most " + strconv.Itoa(sampleMax) + "; key, of a segment that the condition is to be compared with; exact, to wait until everybody is asked, where one part of them would be at once."),
		"ExplainRequest":        described("where, the condition; scope: profile (default) or account."),
		"OverlapRequest": object("Which segments.", map[string]route.Schema{
			"segments": {"type": "array", "items": textSchema(), "minItems": 1, "maxItems": overlapMax, "description": "Their keys; all of one scope."},
		}),
		"Overlap": object("How many are in which of the segments.", map[string]route.Schema{
			"exact": {"type": "boolean", "description": "Everybody was asked."}, "as_of": {"type": "string", "format": "date-time"},
			"sizes":   {"type": "object", "additionalProperties": number, "description": "Of each segment."},
			"regions": {"type": "array", "items": any, "description": "For each combination in, the keys of the segments that these people are in, while they are in no other of those named, and size. The first region is in none."},
		}),
		"BreakdownRequest": described("segment, the key of one, or where, a condition, and scope; trait, a path of a computed or custom trait; limit, how many values to show, at most " + strconv.Itoa(breakdownMax) + "."),
		"Breakdown": object("How many have each value of a trait.", map[string]route.Schema{
			"exact": {"type": "boolean", "description": "Everybody was asked."}, "as_of": {"type": "string", "format": "date-time"},
			"data":   {"type": "array", "items": any, "description": "value and size, the most frequent first; null stands for those who have none."},
			"other":  {"type": "integer", "description": "The sizes of the values that are not shown, together."},
			"values": {"type": "integer", "description": "How many different values there are."},
		}),
		"Member": object("A member of a segment.", map[string]route.Schema{
			"profile_id": textSchema(), "account_id": textSchema(), "since": {"type": "string", "format": "date-time", "description": "The recorded moment of the last entry."},
		}, "profile_id", "account_id"),
		"InSegment":     object("A segment that a person is in.", map[string]route.Schema{"key": textSchema(), "since": {"type": "string", "format": "date-time"}}),
		"Preview":       object("How many would be in a segment.", previewFields(), "change", "margin"),
		"SegmentChange": segmentChangeSchema(), "DefinitionCost": costSchema(),
		"SegmentDryRun": dryRunSchema(),
		"Explanation": object("One part of a condition, for one person.", map[string]route.Schema{
			"condition": any, "verdict": {"type": "boolean"}, "value": {"description": "What was found: of a trait its value, of an event condition the count or aggregate. Null when missing."},
			"events":      {"type": "array", "items": any, "description": "The newest of the events that decide."},
			"more_events": {"type": "boolean", "description": "There are more of them, or more than a sequence looks at."},
			"next_change": orNull("string"),
			"partial":     {"type": "boolean", "description": "There when history is shorter than the part's window."},
			"children":    {"type": "array", "items": route.Ref("Explanation")},
		}, "partial"),
	}
}

func previewFields() map[string]route.Schema {
	return map[string]route.Schema{
		"size": intSchema(), "exact": {"type": "boolean", "description": "Everybody was asked; else sizes are what a part of everybody lets expect."}, "as_of": timeSchema(),
		"margin":        {"type": "integer", "description": "There when not everybody was asked: 19 of 20 such sizes are off by less."},
		"per_condition": {"type": "array", "items": intSchema(), "description": "Of the conditions that the outermost group joins, in their order: how many meet each."},
		"sample":        shownSchema(),
		"change":        route.Ref("SegmentChange"),
		"cost":          route.Ref("DefinitionCost"),
		"partial":       {"type": "boolean", "description": "History is shorter than one of the windows."},
	}
}

func shownSchema() route.Schema {
	return route.Schema{"type": "array", "items": route.Schema{"type": "object", "additionalProperties": true}, "description": "Some of them: profile_id with name, first_name, last_name and email where they are known, else an identifier; or account_id."}
}

func segmentChangeSchema() route.Schema {
	side := object("Those on one side.", map[string]route.Schema{"size": intSchema(), "sample": shownSchema()})
	return object("Whom a definition would let in and out of a segment, beside the definition that serves now.", map[string]route.Schema{
		"key": textSchema(), "size_now": {"type": "integer", "description": "Of the definition that serves, at the same moment; 0 when none does."},
		"staying": intSchema(), "entering": side, "leaving": side,
		"needed_by": {"type": "array", "items": textSchema(), "description": "Keys of the segments that are made of it, and would change with it."},
	})
}

func dryRunSchema() route.Schema {
	fields := previewFields()
	fields["dry_run"] = flagSchema()
	fields["created"] = route.Schema{"type": "boolean", "description": "There is no segment of that key yet."}
	fields["definition"] = route.Ref("Segment")
	return object("What saving a segment would change. Of a list there are no sizes: its members come by upload.", fields, "size", "exact", "as_of", "per_condition", "sample", "change", "margin")
}

func costSchema() route.Schema {
	return object("What one answer to a definition costs at most for a busy person, in the reading of an event. It follows from the definition alone; beyond max it is refused.", map[string]route.Schema{
		"total": intSchema(), "max": {"type": "integer", "description": "definitions.cost_max of the settings file; 0 for no bound."},
		"parts": arraySchema(object("What one place costs.", map[string]route.Schema{
			"pointer": textSchema(), "cost": intSchema(), "why": textSchema(), "remedy": textSchema(),
		}, "remedy")),
	})
}
