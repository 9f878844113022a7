package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"kith/event"
	"kith/internal/decision"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/route"
)

// AuditEntry is one thing that became of a profile, or that was decided about it.
type AuditEntry struct {
	At       int64           // UTC milliseconds
	Kind     string          // merged, split, renamed, moved, decided or revoked
	From, To identity.NodeID // profiles; zero of decisions
	// Identifiers are those that went, as far as they are told, and Count how many
	// went in all.
	Identifiers []identity.Identifier
	Count       int
	Source      string // of the message because of which it was
	MessageID   string
	DecisionID  string        // of the decision because of which it was, or that was made or revoked
	Decision    *decision.Row // of what was decided or revoked
}

// Auditor tells what became of profiles.
type Auditor interface {
	// Audit returns at most limit entries of a profile up to a moment (UTC
	// milliseconds), latest first; those of one moment come in an order that stays. An
	// unknown profile gives kind NotFound.
	Audit(ctx context.Context, ref profile.Ref, upTo int64, limit int) ([]AuditEntry, error)
}

type auditAnswer struct {
	At          string          `json:"at"`
	Kind        string          `json:"kind"`
	From        *string         `json:"from"`
	To          *string         `json:"to"`
	Identifiers []idAnswer      `json:"identifiers"`
	Count       int             `json:"count"`
	Cause       *causeAnswer    `json:"cause"`
	Decision    *decisionAnswer `json:"decision"`
}

type causeAnswer struct {
	Source     *string `json:"source"`
	MessageID  *string `json:"message_id"`
	DecisionID *string `json:"decision_id"`
}

func (a *API) auditRow() route.Route {
	return route.Route{
		Method: http.MethodGet, Path: "/v1/profiles/{ref}/audit", Name: "auditProfile", Tag: "Profiles", Key: route.ReadKey, Class: route.Identifying,
		Summary: "List what became of a person's profile and why, and what operators decided about it, newest first.",
		Params:  append([]route.Param{refParam()}, pageParams()...), Handler: route.Handle(a.audit),
		Answers: []route.Answer{{Status: 200, Summary: "The entries.", Schema: listSchema(route.Ref("AuditEntry"))}, {Status: 404, Summary: "Nobody has this identifier."}},
	}
}

// auditPlace is where a page ends: behind so many entries of one moment.
type auditPlace struct {
	at   int64
	seen int
}

func auditCursor(p page) (auditPlace, error) {
	key, err := p.key()
	if err != nil || key == "" {
		return auditPlace{at: 1<<62 - 1}, err
	}
	at, seen, ok := strings.Cut(key, " ")
	a, errA := strconv.ParseInt(at, 10, 62)
	n, errN := strconv.ParseInt(seen, 10, 31)
	if !ok || errA != nil || errN != nil || n < 0 {
		return auditPlace{}, errCursor()
	}
	return auditPlace{a, int(n)}, nil
}

func (a *API) audit(w http.ResponseWriter, r *http.Request) error {
	ref, p, err := refAndPage(r)
	if err != nil {
		return err
	}
	place, err := auditCursor(p)
	if err != nil {
		return err
	}
	all, err := a.cfg.Identity.Audit(r.Context(), ref, place.at, place.seen+p.limit+1)
	if err != nil {
		return err
	}
	all = all[min(place.seen, len(all)):]
	next := ""
	if len(all) > p.limit {
		all = all[:p.limit]
		last := auditPlace{at: all[p.limit-1].At}
		for i := range all {
			if all[i].At == last.at {
				last.seen++
			}
		}
		if last.at == place.at {
			last.seen += place.seen
		}
		next = cursorOf(strconv.FormatInt(last.at, 10) + " " + strconv.Itoa(last.seen))
	}
	answer := make([]auditAnswer, len(all))
	for i := range all {
		answer[i] = auditOf(&all[i])
	}
	return writeList(w, answer, next)
}

func auditOf(e *AuditEntry) auditAnswer {
	out := auditAnswer{At: event.FormatTime(e.At), Kind: e.Kind, Identifiers: []idAnswer{}, Count: e.Count}
	name := func(n identity.NodeID) *string {
		if n.IsZero() {
			return nil
		}
		s := n.String()
		return &s
	}
	out.From, out.To = name(e.From), name(e.To)
	for _, id := range e.Identifiers {
		out.Identifiers = append(out.Identifiers, idAnswer(id))
	}
	if e.MessageID != "" || e.DecisionID != "" {
		out.Cause = &causeAnswer{told(e.Source), told(e.MessageID), told(e.DecisionID)}
	}
	if e.Decision != nil {
		d := decisionOf(e.Decision)
		out.Decision = &d
	}
	return out
}

func auditSchema() route.Schema {
	id := object("An identifier.", map[string]route.Schema{"type": textSchema(), "value": textSchema()})
	return object("What became of a profile, or was decided about it.", map[string]route.Schema{
		"at": timeSchema(), "kind": {"type": "string", "enum": []string{"merged", "split", "renamed", "moved", "decided", "revoked"}},
		"from": orNull("string"), "to": orNull("string"), "identifiers": arraySchema(id), "count": intSchema(),
		"cause":    {"type": []string{"object", "null"}, "description": "source and message_id of the message, or decision_id, because of which it was."},
		"decision": {"description": "A Decision, or null."},
	})
}
