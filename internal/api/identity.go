package api

import (
	"context"
	"net/http"

	"kith/event"
	"kith/internal/decision"
	"kith/internal/identity/settings"
	"kith/internal/job"
	"kith/internal/route"
)

// Identity is what the API asks and orders of identity.
type Identity interface {
	Explainer
	Auditor
	// Decide makes a decision of what an operator wants and returns its id once it
	// is durable. The error is of kind Invalid when it names what cannot be an
	// identifier, and Conflict when a decision stands against it.
	Decide(ctx context.Context, d decision.Decision) (id string, err error)
	// Retract takes back what a run of a source brought, and whatever it will bring,
	// and returns the decision's id and the job that goes through it.
	Retract(ctx context.Context, d decision.Decision) (id string, j job.Job, err error)
	// Revoke takes a decision back; an unknown one gives kind NotFound.
	Revoke(ctx context.Context, id, by, reason string) error
	// Decision returns one decision, or an error of kind NotFound.
	Decision(ctx context.Context, id string) (decision.Row, error)
	// Decisions returns at most limit of them before the one of an id (empty: from
	// the latest on), latest first, and whether more follow.
	Decisions(ctx context.Context, before string, limit int) (rows []decision.Row, more bool, err error)
	// Settings returns the identity settings in force.
	Settings(ctx context.Context) (settings.Document, error)
	// PutSettings replaces them and returns the job that resolves everybody anew.
	PutSettings(ctx context.Context, doc settings.Document) (job.Job, error)
	// TraitPolicies returns by which policies custom traits count, and
	// PutTraitPolicies replaces them and returns the job that makes everybody anew.
	TraitPolicies(ctx context.Context) (settings.Traits, error)
	PutTraitPolicies(ctx context.Context, doc settings.Traits) (job.Job, error)
	// Try returns a job whose result says what other settings would change.
	Try(ctx context.Context, doc settings.Document) (job.Job, error)
}

// decisionBytesMax bounds the body of a decision.
const decisionBytesMax = 256 << 10

type decisionAnswer struct {
	ID      string           `json:"id"`
	Kind    decision.Kind    `json:"kind"`
	At      string           `json:"at"`
	By      *string          `json:"by"`
	Reason  *string          `json:"reason"`
	State   string           `json:"state"`
	A       *decision.Value  `json:"a,omitempty"`
	B       *decision.Value  `json:"b,omitempty"`
	Left    []decision.Value `json:"left,omitempty"`
	Right   []decision.Value `json:"right,omitempty"`
	Source  string           `json:"source,omitempty"`
	Run     string           `json:"run,omitempty"`
	Revoked *revokedAnswer   `json:"revoked,omitempty"`
}

type revokedAnswer struct {
	At     string  `json:"at"`
	By     *string `json:"by"`
	Reason *string `json:"reason"`
}

func decisionOf(row *decision.Row) decisionAnswer {
	d := &row.Decision
	a := decisionAnswer{
		ID: row.ID, Kind: d.Kind, At: event.FormatTime(d.At), By: told(d.By), Reason: told(d.Reason), State: "standing",
		A: d.A, B: d.B, Left: d.Left, Right: d.Right, Source: d.Source, Run: d.Run,
	}
	if len(row.Revocations) > 0 {
		v := row.Revocations[0]
		a.State, a.Revoked = "revoked", &revokedAnswer{event.FormatTime(v.At), told(v.By), told(v.Reason)}
	}
	return a
}

func (a *API) identityRows() []route.Route {
	id := route.Param{Name: "id", In: "path", Summary: "The id of the decision.", Schema: textSchema()}
	none := route.Answer{Status: 404, Summary: "There is no such decision."}
	made := route.Answer{Status: 200, Summary: "It is decided.", Schema: object("A decision that was made.", map[string]route.Schema{"decision_id": textSchema()})}
	against := route.Answer{Status: 409, Summary: "A standing decision says the contrary; detail names it."}
	bad := route.Answer{Status: 422, Summary: "The body names what cannot be an identifier."}
	decide := func(path, name, summary string, kind decision.Kind, body route.Schema) route.Route {
		return route.Route{
			Method: http.MethodPost, Path: "/v1/identity/" + path, Name: name, Tag: "Identity", Key: route.AdminKey, Class: route.Identifying,
			Summary: summary, BodyBytes: decisionBytesMax, Body: body, Answers: []route.Answer{made, against, bad},
			Handler: route.Handle(func(w http.ResponseWriter, r *http.Request) error { return a.decide(w, r, kind) }),
		}
	}
	rows := append(a.settingsRows(), a.jobRows()...)
	rows = append(append(rows, a.whyRows()...), a.auditRow())
	return append(rows, []route.Route{
		decide("merge", "mergeIdentifiers", "Decide that two identifiers are one person.", decision.Merge, mergeSchema()),
		{
			Method: http.MethodPost, Path: "/v1/identity/retract", Name: "retractRun", Tag: "Identity", Key: route.AdminKey, Class: route.Internal,
			Summary:   "Take back what a run of a source brought, and whatever it will bring, as if it had never come. A run is the job of an import, or context.run of events.",
			BodyBytes: decisionBytesMax, Body: retractSchema(), Handler: route.Handle(a.retract),
			Answers: []route.Answer{{Status: 202, Summary: "The job that goes through what the run brought, with decision_id.", Schema: route.Ref("Job")}, bad},
		},
		decide("split", "splitIdentifiers", "Decide that nobody of one list is somebody of another, whatever is seen later.", decision.Split, splitSchema()),
		{
			Method: http.MethodGet, Path: "/v1/identity/decisions", Name: "listDecisions", Tag: "Identity", Key: route.AdminKey, Class: route.Identifying,
			Summary: "List what operators have decided, latest first, with who, when and why.", Params: pageParams(),
			Answers: []route.Answer{{Status: 200, Summary: "The decisions.", Schema: listSchema(route.Ref("Decision"))}},
			Handler: route.Handle(a.listDecisions),
		},
		{
			Method: http.MethodGet, Path: "/v1/identity/decisions/{id}", Name: "getDecision", Tag: "Identity", Key: route.AdminKey, Class: route.Identifying,
			Summary: "Read one decision.", Params: []route.Param{id},
			Answers: []route.Answer{{Status: 200, Summary: "The decision.", Schema: route.Ref("Decision")}, none},
			Handler: route.Handle(a.getDecision),
		},
		{
			Method: http.MethodDelete, Path: "/v1/identity/decisions/{id}", Name: "revokeDecision", Tag: "Identity", Key: route.AdminKey, Class: route.Identifying,
			Summary: "Revoke a decision. It stays in the list, and what is known is as if it had never been made.",
			Params:  []route.Param{id, {Name: "reason", In: "query", Summary: "Why.", Schema: textSchema()}},
			Answers: []route.Answer{{Status: 204, Summary: "It no longer holds."}, none},
			Handler: route.Handle(a.revokeDecision),
		},
	}...)
}

func (a *API) decide(w http.ResponseWriter, r *http.Request, kind decision.Kind) error {
	body, err := route.ReadBody(r)
	if err != nil {
		return err
	}
	d, err := decision.ReadBody(kind, body)
	if err != nil {
		return err
	}
	if p, ok := route.PrincipalOf(r.Context()); ok {
		d.By = p.Name
	}
	id, err := a.cfg.Identity.Decide(r.Context(), d)
	if err != nil {
		return err
	}
	return route.WriteJSON(w, http.StatusOK, map[string]string{"decision_id": id})
}

func (a *API) retract(w http.ResponseWriter, r *http.Request) error {
	body, err := route.ReadBody(r)
	if err != nil {
		return err
	}
	d, err := decision.ReadBody(decision.Retract, body)
	if err != nil {
		return err
	}
	if p, ok := route.PrincipalOf(r.Context()); ok {
		d.By = p.Name
	}
	id, j, err := a.cfg.Identity.Retract(r.Context(), d)
	if err != nil {
		return err
	}
	return route.WriteJSON(w, http.StatusAccepted, struct {
		startedJob
		DecisionID string `json:"decision_id"`
	}{startedJob{jobOf(&j), j.ID}, id})
}

func (a *API) listDecisions(w http.ResponseWriter, r *http.Request) error {
	p, err := pageOf(r)
	if err != nil {
		return err
	}
	before, err := p.key()
	if err != nil {
		return err
	}
	rows, more, err := a.cfg.Identity.Decisions(r.Context(), before, p.limit)
	if err != nil {
		return err
	}
	answer, next := make([]decisionAnswer, len(rows)), ""
	for i := range rows {
		answer[i] = decisionOf(&rows[i])
		if more {
			next = cursorOf(rows[i].ID)
		}
	}
	return writeList(w, answer, next)
}

func (a *API) getDecision(w http.ResponseWriter, r *http.Request) error {
	row, err := a.cfg.Identity.Decision(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return route.WriteJSON(w, http.StatusOK, decisionOf(&row))
}

func (a *API) revokeDecision(w http.ResponseWriter, r *http.Request) error {
	p, _ := route.PrincipalOf(r.Context())
	if err := a.cfg.Identity.Revoke(r.Context(), r.PathValue("id"), p.Name, r.URL.Query().Get("reason")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func valueSchema() route.Schema {
	return object("An identifier.", map[string]route.Schema{"type": textSchema(), "value": textSchema()})
}

func mergeSchema() route.Schema {
	return object("Two identifiers of one person.", map[string]route.Schema{
		"a": valueSchema(), "b": valueSchema(), "reason": {"type": "string", "maxLength": decision.TextMax},
	}, "reason")
}

func splitSchema() route.Schema {
	side := route.Schema{"type": "array", "items": valueSchema(), "minItems": 1, "maxItems": decision.SideMax}
	return object("Two lists of identifiers.", map[string]route.Schema{
		"left": side, "right": side, "reason": {"type": "string", "maxLength": decision.TextMax},
	}, "reason")
}

func retractSchema() route.Schema {
	return object("A run of a source.", map[string]route.Schema{
		"source": textSchema(), "run": textSchema(), "reason": {"type": "string", "maxLength": decision.TextMax},
	}, "reason")
}

func decisionSchema() route.Schema {
	return object("What an operator decided.", map[string]route.Schema{
		"id": textSchema(), "kind": {"type": "string", "enum": []string{"merge", "split", "retract"}},
		"at": timeSchema(), "by": orNull("string"), "reason": orNull("string"),
		"state": {"type": "string", "enum": []string{"standing", "revoked"}},
		"a":     valueSchema(), "b": valueSchema(), "left": arraySchema(valueSchema()), "right": arraySchema(valueSchema()),
		"source": textSchema(), "run": textSchema(),
		"revoked": object("When and by whom it was revoked.", map[string]route.Schema{
			"at": timeSchema(), "by": orNull("string"), "reason": orNull("string"),
		}),
	}, "a", "b", "left", "right", "source", "run", "revoked")
}
