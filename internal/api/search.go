package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/profile"
	"kith/internal/route"
	"kith/internal/search"
)

// Bounds of a search.
const (
	searchDefault = 20
	searchMax     = 100
	queryCharsMax = 256
)

// foundAnswer is a list of what was found. Exact is false when there was more to
// read than one search reads.
type foundAnswer struct {
	Data  []hitAnswer `json:"data"`
	Next  *string     `json:"next"`
	Exact bool        `json:"exact"`
}

// hitAnswer is a profile in short, and why it was found.
type hitAnswer struct {
	ID        string        `json:"id"`
	Name      *string       `json:"name"`
	Email     *string       `json:"email"`
	Phone     *string       `json:"phone"`
	UserID    *string       `json:"user_id"`
	FirstSeen string        `json:"first_seen"`
	LastSeen  string        `json:"last_seen"`
	Events    int64         `json:"events"`
	Matched   []matchAnswer `json:"matched"`
	Score     float64       `json:"score"`
}

type matchAnswer struct {
	Field string `json:"field"`
	Value string `json:"value"`
}

func (a *API) searchRows() []route.Route {
	return []route.Route{{
		Method: http.MethodGet, Path: "/v1/profiles", Name: "searchProfiles", Tag: "Profiles", Key: route.ReadKey, Class: route.Special,
		Summary: "Find people by name, e-mail address, phone number, id or order number, best first; typing errors are forgiven.",
		Params: []route.Param{
			{Name: "q", In: "query", Required: true, Schema: route.Schema{"type": "string", "minLength": 1, "maxLength": queryCharsMax},
				Summary: "What is known: words in any order, with or without accents; an address; a number in any usual writing; TYPE:VALUE. The last word may be unfinished."},
			{Name: "limit", In: "query", Summary: "How many at most.", Schema: route.Schema{
				"type": "integer", "minimum": 1, "maximum": searchMax, "default": searchDefault}},
			{Name: "cursor", In: "query", Summary: "The next of the page before.", Schema: route.Schema{"type": "string"}},
		},
		Handler: route.Handle(a.search),
		Answers: []route.Answer{{Status: 200, Summary: "What was found, perhaps nothing.", Schema: foundSchema()}},
	}}
}

func (a *API) search(w http.ResponseWriter, r *http.Request) error {
	q := strings.TrimLeft(r.URL.Query().Get("q"), " ")
	if strings.TrimSpace(q) == "" || len([]rune(q)) > queryCharsMax {
		return errs.New(errs.Invalid, "request.query", "q must say what to search, in at most %d characters", queryCharsMax)
	}
	limit, offset, err := searchPage(r)
	if err != nil {
		return err
	}
	found, err := a.cfg.Profiles.Find(r.Context(), q, offset, limit)
	if err != nil {
		return err
	}
	answer := foundAnswer{Data: make([]hitAnswer, len(found.Hits)), Exact: found.Exact}
	for i := range found.Hits {
		answer.Data[i] = hitOf(&found.Hits[i])
	}
	if found.More {
		next := cursorOf(strconv.Itoa(offset + limit))
		answer.Next = &next
	}
	return route.WriteJSON(w, http.StatusOK, answer)
}

// searchPage reads how much of what is found is asked for. A cursor is the place
// in the order of what is found now.
func searchPage(r *http.Request) (limit, offset int, err error) {
	p, err := pageOf(r)
	if err != nil {
		return 0, 0, err
	}
	limit = p.limit
	if !r.URL.Query().Has("limit") {
		limit = searchDefault
	}
	if limit > searchMax {
		return 0, 0, errs.New(errs.Invalid, "request.limit", "limit must be a whole number from 1 to %d", searchMax)
	}
	key, err := p.key()
	if err != nil || key == "" {
		return limit, 0, err
	}
	offset, err = strconv.Atoi(key)
	if err != nil || offset < 1 || offset > search.HitsMax {
		return 0, 0, errCursor()
	}
	return limit, offset, nil
}

func hitOf(h *search.Hit) hitAnswer {
	p := &h.Profile
	out := hitAnswer{
		ID: p.ID.String(), FirstSeen: event.FormatTime(p.FirstSeen), LastSeen: event.FormatTime(p.LastSeen),
		Events: p.Events, Matched: make([]matchAnswer, len(h.Matched)), Score: h.Score,
		Name: nameOf(p.Traits), Email: contactOf(p, "email"), Phone: contactOf(p, "phone"), UserID: identifierIn(p, "user_id"),
	}
	for i, m := range h.Matched {
		out.Matched[i] = matchAnswer{m.Field, m.Value}
	}
	return out
}

// nameOf is a person's name as the traits tell it.
func nameOf(traits map[string]profile.Trait) *string {
	for _, keys := range [...][]string{
		{"name"}, {"full_name"}, {"fullName"}, {"firstName", "lastName"}, {"first_name", "last_name"},
		{"firstname", "lastname"}, {"givenName", "familyName"}, {"display_name"}, {"displayName"}, {"username"},
	} {
		var parts []string
		for _, key := range keys {
			if s := traitText(traits, key); s != "" {
				parts = append(parts, s)
			}
		}
		if name := strings.Join(parts, " "); name != "" {
			return &name
		}
	}
	return nil
}

// contactOf is the trait of that name, or the identifier that ranks first.
func contactOf(p *profile.Profile, typ string) *string {
	if s := traitText(p.Traits, typ); s != "" {
		return &s
	}
	return identifierIn(p, typ)
}

func identifierIn(p *profile.Profile, typ string) *string {
	for _, id := range p.Identifiers {
		if id.Type == typ {
			return &id.Value
		}
	}
	return nil
}

func traitText(traits map[string]profile.Trait, key string) string {
	var s string
	if t, ok := traits[key]; ok && json.Unmarshal(t.Value, &s) == nil {
		return strings.TrimSpace(s)
	}
	return ""
}

func foundSchema() route.Schema {
	orText := orNull("string")
	s := listSchema(object("A profile in short.", map[string]route.Schema{
		"id": {"type": "string", "format": "uuid"}, "name": orText, "email": orText, "phone": orText, "user_id": orText,
		"first_seen": timeSchema(), "last_seen": timeSchema(), "events": intSchema(),
		"matched": arraySchema(object("A value by which it was found.", map[string]route.Schema{
			"field": {"type": "string", "description": "The type of an identifier, traits. and the name of a trait, or number of an order or the like."},
			"value": textSchema(),
		})),
		"score": {"type": "number", "minimum": 0, "maximum": 1, "description": "How well it fits; 1 is an identifier as a whole. Only the order of scores of one answer means something."},
	}))
	properties, _ := s["properties"].(map[string]route.Schema)
	properties["exact"] = route.Schema{"type": "boolean", "description": "False when there was more to look through than one search does, so that others may fit as well."}
	s["required"] = []string{"data", "exact", "next"}
	return s
}
