package api

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/route"
	"kith/internal/segment"
)

// profileAnswer is a profile as it is answered. Traits are values, or objects of
// the form traitAnswer when they are asked for verbosely.
type profileAnswer struct {
	ID          string                     `json:"id"`
	Identifiers []identifierAnswer         `json:"identifiers"`
	Traits      map[string]json.RawMessage `json:"traits"`
	Computed    map[string]json.RawMessage `json:"computed"`
	Segments    []standsAnswer             `json:"segments"`
	Consents    []standingAnswer           `json:"consents"`
	Accounts    []string                   `json:"accounts"`
	FirstSeen   string                     `json:"first_seen"`
	LastSeen    string                     `json:"last_seen"`
	Events      int64                      `json:"events"`
}

type identifierAnswer struct {
	Type      string   `json:"type"`
	Value     string   `json:"value"`
	FirstSeen string   `json:"first_seen"`
	LastSeen  string   `json:"last_seen"`
	Sources   []string `json:"sources"`
	NodeID    string   `json:"node_id,omitempty"`
}

type traitAnswer struct {
	Value     json.RawMessage `json:"value"`
	Timestamp string          `json:"timestamp"`
	Source    string          `json:"source"`
	MessageID string          `json:"message_id"`
	Policy    string          `json:"policy"`
}

// policyOf is the policy by which a trait counts.
func policyOf(t *profile.Trait) string {
	if t.Policy == "" {
		return identity.KeepLatest
	}
	return t.Policy
}

// refParam is the person in a path.
func refParam() route.Param {
	return route.Param{
		Name: "ref", In: "path", Schema: route.Schema{"type": "string"},
		Summary: "Any identifier of the person as type:value, such as email:ana@example.com, or id: and a profile id that was ever handed out. Percent-encode it; a slash is %2F.",
	}
}

func (a *API) profileRows() []route.Route {
	ref := refParam()
	row := func(path, name, summary string, answer route.Schema, handler func(http.ResponseWriter, *http.Request) error, params ...route.Param) route.Route {
		return route.Route{
			Method: http.MethodGet, Path: "/v1/profiles/{ref}" + path, Name: name, Tag: "Profiles", Key: route.ReadKey, Class: route.Special,
			Summary: summary, Params: append([]route.Param{ref}, params...), Handler: route.Handle(handler),
			Answers: []route.Answer{{Status: 200, Summary: "Found.", Schema: answer}, {Status: 404, Summary: "Nobody has this identifier."}},
		}
	}
	verbose := route.Param{
		Name: "verbose", In: "query", Summary: "1 tells the source, time and policy of each trait.",
		Schema: route.Schema{"type": "string", "enum": []string{"0", "1"}},
	}
	asOf := route.Param{
		Name: "as_of", In: "query", Schema: route.Schema{"type": "string", "format": "date-time"},
		Summary: "A moment (RFC 3339, or a date for its midnight in UTC): the profile as today's identity makes it of the events up to then.",
	}
	return []route.Route{
		row("", "getProfile", "Read what is known of a person.", route.Ref("Profile"), a.profile, verbose, asOf),
		row("/events", "listProfileEvents", "List a person's events, newest first.", listSchema(route.Ref("Event")), a.profileEvents, pageParams()...),
		a.memberRow(),
		row("/identifiers", "listProfileIdentifiers", "List a person's identifiers, last seen first.", listSchema(route.Ref("Identifier")), a.profileIdentifiers, pageParams()...),
	}
}

// refOf reads the reference in the path. The type ends at the first colon; the
// value may hold more, and slashes.
func refOf(r *http.Request) (profile.Ref, error) {
	typ, value, ok := strings.Cut(r.PathValue("ref"), ":")
	if !ok || typ == "" || value == "" {
		return profile.Ref{}, errs.New(errs.Invalid, "profile.reference", "name a profile as type:value, such as user_id:u1, percent-encoded")
	}
	return profile.Ref{Type: typ, Value: value}, nil
}

func (a *API) profile(w http.ResponseWriter, r *http.Request) error {
	ref, err := refOf(r)
	if err != nil {
		return err
	}
	verbose, err := flagOf(r, "verbose")
	if err != nil {
		return err
	}
	p, asOf, err := a.readProfile(r, ref)
	if err != nil {
		return err
	}
	answer := profileAnswer{
		ID: p.ID.String(), Identifiers: []identifierAnswer{}, Consents: standingsOf(p.Consents), Accounts: p.Accounts,
		FirstSeen: event.FormatTime(p.FirstSeen), LastSeen: event.FormatTime(p.LastSeen), Events: p.Events,
	}
	if answer.Accounts == nil {
		answer.Accounts = []string{}
	}
	for _, id := range p.Identifiers {
		answer.Identifiers = append(answer.Identifiers, identifierOf(id))
	}
	if answer.Traits, err = traitsOf(p.Traits, verbose); err != nil {
		return err
	}
	id := answersRef(ref, &p)
	history := segment.History{}
	if verbose {
		history, _ = a.cfg.Definitions.History(r.Context())
	}
	err = a.cfg.Definitions.Answers(r.Context(), id, asOf, func(answers Answers) error {
		answer.Computed, answer.Segments = computedOf(answers, verbose, history)
		return nil
	})
	if err != nil {
		return err
	}
	return route.WriteJSON(w, http.StatusOK, answer)
}

// readProfile reads a profile as of now, or of the moment that is asked for.
// asOf is nil for now.
func (a *API) readProfile(r *http.Request, ref profile.Ref) (p profile.Profile, asOf *int64, err error) {
	text := r.URL.Query().Get("as_of")
	if text == "" {
		p, err = a.read(r.Context(), ref)
		return p, nil, err
	}
	at, ok := event.ParseTime(text)
	if !ok {
		return profile.Profile{}, nil, errs.New(errs.Invalid, "request.time", "as_of must be a time such as 2025-03-01T09:00:00Z or a date")
	}
	p, err = a.cfg.Profiles.ReadAsOf(r.Context(), ref, at)
	return p, &at, err
}

func identifierOf(id profile.Identifier) identifierAnswer {
	sources := id.Sources
	if sources == nil {
		sources = []string{}
	}
	return identifierAnswer{
		Type: id.Type, Value: id.Value, Sources: sources,
		FirstSeen: event.FormatTime(id.FirstSeen), LastSeen: event.FormatTime(id.LastSeen),
	}
}

func traitsOf(traits map[string]profile.Trait, verbose bool) (map[string]json.RawMessage, error) {
	all := make(map[string]json.RawMessage, len(traits))
	for key, t := range traits {
		all[key] = t.Value
		if !verbose {
			continue
		}
		told, err := json.Marshal(traitAnswer{t.Value, event.FormatTime(t.Timestamp), t.Source, t.MessageID, policyOf(&t)})
		if err != nil {
			return nil, errs.Wrap(err, errs.Corrupt, "profile.trait", "a stored trait is no JSON")
		}
		all[key] = told
	}
	return all, nil
}

func (a *API) profileEvents(w http.ResponseWriter, r *http.Request) error {
	ref, p, err := refAndPage(r)
	if err != nil {
		return err
	}
	events, err := a.timeline(r.Context(), ref, profile.Page{Limit: p.limit, Cursor: p.cursor})
	if err != nil {
		return err
	}
	return writeList(w, events.Events, events.Next)
}

func (a *API) profileIdentifiers(w http.ResponseWriter, r *http.Request) error {
	ref, page, err := refAndPage(r)
	if err != nil {
		return err
	}
	after, err := identifierCursor(page)
	if err != nil {
		return err
	}
	p, err := a.read(r.Context(), ref)
	if err != nil {
		return err
	}
	ids := slices.DeleteFunc(slices.Clone(p.Identifiers), func(id profile.Identifier) bool {
		return after != nil && newestFirst(id, *after) <= 0
	})
	slices.SortFunc(ids, newestFirst)
	next := ""
	if len(ids) > page.limit {
		ids = ids[:page.limit]
		if next, err = cursorAt(ids[page.limit-1]); err != nil {
			return err
		}
	}
	answer := make([]identifierAnswer, len(ids))
	for i, id := range ids {
		answer[i] = identifierOf(id)
		answer[i].NodeID = id.Node.String()
	}
	return writeList(w, answer, next)
}

// newestFirst orders identifiers by when they were last seen, then by type and
// value.
func newestFirst(a, b profile.Identifier) int {
	return cmp.Or(cmp.Compare(b.LastSeen, a.LastSeen), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Value, b.Value))
}

// identifierPlace is where a page of identifiers ends.
type identifierPlace struct {
	LastSeen    int64
	Type, Value string
}

func cursorAt(id profile.Identifier) (string, error) {
	key, err := json.Marshal(identifierPlace{id.LastSeen, id.Type, id.Value})
	return cursorOf(string(key)), errs.Wrap(err, errs.Internal, "api.cursor", "a cursor could not be made")
}

func identifierCursor(p page) (*profile.Identifier, error) {
	key, err := p.key()
	if err != nil || key == "" {
		return nil, err
	}
	var at identifierPlace
	if json.Unmarshal([]byte(key), &at) != nil {
		return nil, errCursor()
	}
	after := profile.Identifier{LastSeen: at.LastSeen}
	after.Type, after.Value = at.Type, at.Value
	return &after, nil
}
