package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/route"
)

// Explained is what identity has to say of two identifiers.
type Explained struct {
	A, B ExplainedEnd
	// Explanation is nil when one of the two identifies nobody.
	Explanation *identity.Explanation
}

// ExplainedEnd is an identifier as it was asked for, and what became of it.
type ExplainedEnd struct {
	identity.Identifier                 // normalised, unless it identifies nobody
	Reason              identity.Reason // why it identifies nobody; Usable otherwise
}

// Explainer explains who is who.
type Explainer interface {
	// Why explains whether two identifiers are one person.
	Why(ctx context.Context, a, b profile.Ref) (Explained, error)
}

type endAnswer struct {
	Type      string  `json:"type"`
	Value     string  `json:"value"`
	ProfileID *string `json:"profile_id"`
	Blocked   *string `json:"blocked"`
}

type idAnswer struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

type linkAnswer struct {
	A         idAnswer        `json:"a"`
	B         idAnswer        `json:"b"`
	Verdict   string          `json:"verdict"`
	Kind      string          `json:"kind"`
	Kinds     []string        `json:"kinds"`
	Source    *string         `json:"source"`
	Sources   []string        `json:"sources"`
	FirstSeen *string         `json:"first_seen"`
	LastSeen  *string         `json:"last_seen"`
	Count     int64           `json:"count"`
	Messages  []messageAnswer `json:"messages"`
	Decisions []string        `json:"decisions"`
	Rule      string          `json:"rule"`
	Detail    string          `json:"detail,omitempty"`
}

type messageAnswer struct {
	MessageID string `json:"message_id"`
	Source    string `json:"source"`
	Timestamp string `json:"timestamp"`
}

type holdingAnswer struct {
	ProfileID string `json:"profile_id"`
	Type      string `json:"type"`
	Held      int    `json:"held"`
	Count     int    `json:"count"`
	Window    string `json:"window"`
}

type throughAnswer struct {
	Identifier idAnswer     `json:"identifier"`
	Links      []linkAnswer `json:"links"`
}

type whyNotAnswer struct {
	Reason   string          `json:"reason"`
	Detail   string          `json:"detail"`
	Rejected []linkAnswer    `json:"rejected"`
	Through  []throughAnswer `json:"through"`
}

type whyAnswer struct {
	A        endAnswer       `json:"a"`
	B        endAnswer       `json:"b"`
	Together bool            `json:"together"`
	Path     []linkAnswer    `json:"path"`
	Limits   []holdingAnswer `json:"limits"`
	WhyNot   *whyNotAnswer   `json:"why_not"`
}

func (a *API) whyRows() []route.Route {
	end := func(name string) route.Param {
		return route.Param{Name: name, In: "query", Required: true, Summary: "An identifier as type:value, percent-encoded, or id: and a profile id.", Schema: textSchema()}
	}
	return []route.Route{{
		Method: http.MethodGet, Path: "/v1/identity/why", Name: "explainIdentity", Tag: "Identity", Key: route.ReadKey, Class: route.Identifying,
		Summary: "Explain why two identifiers are one person, by the links between them, or why they are not.", Params: []route.Param{end("a"), end("b")},
		Answers: []route.Answer{{Status: 200, Summary: "The explanation.", Schema: route.Ref("Why")}, {Status: 400, Summary: "a or b is no identifier."}},
		Handler: route.Handle(a.why),
	}}
}

func (a *API) why(w http.ResponseWriter, r *http.Request) error {
	var refs [2]profile.Ref
	for i, name := range [...]string{"a", "b"} {
		typ, value, ok := strings.Cut(r.URL.Query().Get(name), ":")
		if !ok || typ == "" || value == "" {
			return errs.New(errs.Invalid, "profile.reference", "%s must be type:value, such as user_id:u1, percent-encoded", name)
		}
		refs[i] = profile.Ref{Type: typ, Value: value}
	}
	e, err := a.cfg.Identity.Why(r.Context(), refs[0], refs[1])
	if err != nil {
		return err
	}
	return route.WriteJSON(w, http.StatusOK, whyOf(&e))
}

func whyOf(e *Explained) whyAnswer {
	out := whyAnswer{A: endOf(&e.A), B: endOf(&e.B), Path: []linkAnswer{}, Limits: []holdingAnswer{}}
	x := e.Explanation
	if x == nil {
		out.WhyNot = whyNot("blocked", "one of the two is a value that identifies nobody, so no event joins anybody by it", nil)
		return out
	}
	for i, end := range [...]*endAnswer{&out.A, &out.B} {
		if !x.Leaders[i].IsZero() {
			id := x.Leaders[i].String()
			end.ProfileID = &id
		}
	}
	for _, h := range x.Held {
		if !h.Leader.IsZero() {
			out.Limits = append(out.Limits, holdingAnswer{h.Leader.String(), h.Type, h.Count, h.Limit.Count, windowOf(h.Limit.Window)})
		}
	}
	if out.Together = x.Together; out.Together {
		out.Path = linksOf(x, x.Path)
		return out
	}
	reason, detail := x.Reason()
	out.WhyNot = whyNot(reason, detail, x)
	return out
}

func endOf(e *ExplainedEnd) endAnswer {
	return endAnswer{Type: e.Type, Value: e.Value, Blocked: told(string(e.Reason))}
}

func whyNot(reason, detail string, x *identity.Explanation) *whyNotAnswer {
	out := &whyNotAnswer{Reason: reason, Detail: detail, Rejected: []linkAnswer{}, Through: []throughAnswer{}}
	if x == nil {
		return out
	}
	out.Rejected = linksOf(x, x.Rejected)
	for _, t := range x.Through {
		id := x.IDs[t.Node]
		out.Through = append(out.Through, throughAnswer{idAnswer(id), linksOf(x, t.Links)})
	}
	return out
}

func linksOf(x *identity.Explanation, proofs []identity.Proof) []linkAnswer {
	out := make([]linkAnswer, len(proofs))
	for i := range proofs {
		out[i] = linkOf(x, &proofs[i])
	}
	return out
}

func linkOf(x *identity.Explanation, p *identity.Proof) linkAnswer {
	a := linkAnswer{
		A: idAnswer(x.IDs[p.A]), B: idAnswer(x.IDs[p.B]), Verdict: string(p.Verdict), Kinds: []string{}, Sources: p.Sources,
		Count: p.Count, Messages: []messageAnswer{}, Decisions: p.Decisions, Rule: p.Rule(), Detail: p.Detail(),
	}
	for _, k := range p.Kinds {
		a.Kinds = append(a.Kinds, k.String())
	}
	if p.Ruled {
		a.Kinds = append([]string{"merge"}, a.Kinds...)
	}
	if len(a.Kinds) > 0 {
		a.Kind = a.Kinds[0]
	}
	if len(p.Sources) > 0 {
		a.Source = &p.Sources[0]
	} else {
		a.Sources = []string{}
	}
	if a.Decisions == nil {
		a.Decisions = []string{}
	}
	if p.Seen {
		first, last := event.FormatTime(p.First), event.FormatTime(p.Last)
		a.FirstSeen, a.LastSeen = &first, &last
	}
	for _, s := range p.Samples {
		a.Messages = append(a.Messages, messageAnswer{s.MessageID, s.Source, event.FormatTime(s.Timestamp)})
	}
	return a
}

// windowOf writes the window of a limit.
func windowOf(ms int64) string {
	if ms == 0 {
		return "ever"
	}
	if day := (24 * time.Hour).Milliseconds(); ms%day == 0 {
		return strconv.FormatInt(ms/day, 10) + "d"
	}
	return strconv.FormatInt(ms/time.Minute.Milliseconds(), 10) + "m"
}

func whySchema() route.Schema {
	id := object("An identifier.", map[string]route.Schema{"type": textSchema(), "value": textSchema()})
	end := object("An identifier that was asked for.", map[string]route.Schema{
		"type": textSchema(), "value": textSchema(), "profile_id": orNull("string"),
		"blocked": {"type": []string{"string", "null"}, "description": "Why it identifies nobody."},
	})
	link := object("A link between two identifiers, and what became of it.", map[string]route.Schema{
		"a": id, "b": id, "verdict": {"type": "string", "description": "accepted, limit:TYPE, quarantine:TYPE, size:N or split"},
		"kind": {"type": "string", "enum": []string{"merge", "event", "identify", "alias", "consent", ""}}, "kinds": arraySchema(textSchema()),
		"source": orNull("string"), "sources": arraySchema(textSchema()), "first_seen": orNull("string"), "last_seen": orNull("string"),
		"count": intSchema(), "messages": arraySchema(object("An event that shows it.", map[string]route.Schema{
			"message_id": textSchema(), "source": textSchema(), "timestamp": timeSchema(),
		})),
		"decisions": arraySchema(textSchema()), "rule": textSchema(), "detail": textSchema(),
	}, "detail")
	return object("Why two identifiers are one person, or why not.", map[string]route.Schema{
		"a": end, "b": end, "together": flagSchema(), "path": arraySchema(link),
		"limits": arraySchema(object("What one of the two profiles has of a type, and may have.", map[string]route.Schema{
			"profile_id": textSchema(), "type": textSchema(), "held": intSchema(), "count": intSchema(), "window": textSchema(),
		})),
		"why_not": {"type": []string{"object", "null"}, "description": "reason and detail, the rejected links between the two, and the identifiers that both were seen with."},
	})
}
