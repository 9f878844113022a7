// Package space has routes in the shape of Segment's Profile API, errors included, so
// that what was written against it reads kith. A space is a workspace, by its name.
// What kith has no answer to is left out: the message that brought an external id,
// and an account's computed traits.
package space

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/route"
)

// Profiles answers questions about people and accounts.
type Profiles interface {
	// Read returns the profile that a reference names; an unknown one gives an
	// error of kind NotFound.
	Read(ctx context.Context, ref profile.Ref) (profile.Profile, error)
	// Select returns a page of what is selected of a person's timeline, or of an
	// account's under a reference of profile.AccountType.
	Select(ctx context.Context, ref profile.Ref, sel profile.Selection, page profile.Page) (profile.SelectedPage, error)
	// Account returns what is known of an account; an unknown one gives an error
	// of kind NotFound.
	Account(ctx context.Context, id string) (profile.Profile, error)
	// Members returns the ids of profiles that belong to an account, those that
	// were active in it last first.
	Members(ctx context.Context, account string, limit int) ([]identity.NodeID, error)
}

// handlers answer.
type handlers struct{ profiles Profiles }

// pathBegins is the path of a collection.
const pathBegins = "/v1/spaces/{space}/collections/"

// Collections of a space.
const (
	usersCollection    = "users"
	accountsCollection = "accounts"
)

// request is one request: whose profile, and how much of it.
type request struct {
	collection string
	ref        profile.Ref
	query      url.Values
	path       string // as asked for, for the url of a cursor
	limit      int
	next       string
}

// pageCursor tells where a list goes on.
type pageCursor struct {
	URL     string `json:"url"`
	HasMore bool   `json:"has_more"`
	Next    string `json:"next"`
	Limit   int    `json:"limit"`
}

type externalID struct {
	Collection string `json:"collection"`
	Type       string `json:"type"`
	ID         string `json:"id"`
	SourceID   string `json:"source_id,omitempty"`
	CreatedAt  string `json:"created_at,omitempty"`
	Encoding   string `json:"encoding"`
}

// Bounds of the lists, as documented for Segment's.
const (
	limitDefault = 10
	limitMost    = 100
	traitsMax    = 200
	linksMax     = 20
	includeMax   = 200
	codeInvalid  = "space.parameter"
)

// Routes returns the rows of the table of routes.
func Routes(p Profiles) []route.Route {
	a := &handlers{p}
	var rows []route.Route
	for _, collection := range []string{usersCollection, accountsCollection} {
		rows = append(rows,
			a.rowOf(collection, "traits", "Traits", traitsMax, a.traits, "class", "include", "verbose"),
			a.rowOf(collection, "external_ids", "ExternalIDs", limitMost, a.externalIDs, "include", "verbose"),
			a.rowOf(collection, "events", "Events", limitMost, a.events, "include", "exclude", "start", "end", "sort"),
			a.rowOf(collection, "metadata", "Metadata", 0, a.metadata, "verbose"),
			a.rowOf(collection, "links", "Links", linksMax, a.links),
		)
	}
	return rows
}

// paramTexts say what the parameters mean.
func paramTexts() map[string]string {
	return map[string]string{
		"class":   "computed_trait or audience: only those.",
		"include": "Names, separated by commas: only those traits, types of external ids, or events.",
		"exclude": "Names of events, separated by commas: all but those.",
		"verbose": "true tells the source and time of each trait; elsewhere it changes nothing.",
		"start":   "Only events from this moment on (RFC 3339, or a date).",
		"end":     "Only events before this moment.",
		"sort":    "asc or desc; desc if absent.",
		"limit":   "How many at most.",
		"next":    "The next of the page before.",
	}
}

// rowOf is one row; limitMax is 0 for what is no list.
func (a *handlers) rowOf(collection, part, name string, limitMax int, f func(context.Context, *request) (any, error), params ...string) route.Route {
	text := route.Schema{"type": "string"}
	if limitMax > 0 {
		params = append(params, "limit")
	}
	if limitMax > 0 && part != "links" {
		params = append(params, "next")
	}
	row := route.Route{
		Method: http.MethodGet, Path: pathBegins + collection + "/profiles/{ref}/" + part, Name: "get" + strings.ToUpper(collection[:1]) + collection[1:] + name,
		Tag: "Segment's Profile API", Key: route.ReadKey, Class: route.Special,
		Summary: "Read the " + part + " of a profile of the collection " + collection + ", in the shape of Segment's Profile API.",
		Params: []route.Param{
			{Name: "space", In: "path", Summary: "The name of the workspace.", Schema: text},
			{Name: "ref", In: "path", Summary: "type:value, percent-encoded; of an account group_id and its id.", Schema: text},
		},
		Answers: []route.Answer{
			{Status: 200, Summary: "Found.", Schema: route.Schema{"type": "object"}},
			{Status: 400, Summary: "A parameter is wrong.", Schema: errorSchema()},
			{Status: 404, Summary: "There is no such space or profile.", Schema: errorSchema()},
		},
	}
	for _, p := range params {
		row.Params = append(row.Params, route.Param{Name: p, In: "query", Summary: paramTexts()[p], Schema: text})
	}
	row.Handler = route.Handle(func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Request-Id", w.Header().Get(route.RequestIDHeader))
		ask, err := askOf(r, collection, limitMax)
		var answer any
		if err == nil {
			answer, err = f(r.Context(), ask)
		}
		if err != nil {
			return writeError(w, err)
		}
		return route.WriteJSON(w, http.StatusOK, answer)
	})
	return row
}

func errorSchema() route.Schema {
	text := route.Schema{"type": "string"}
	object := func(description string, of string, is route.Schema, more ...string) route.Schema {
		properties := map[string]route.Schema{of: is}
		for _, name := range more {
			properties[name] = text
		}
		return route.Schema{"type": "object", "description": description, "properties": properties, "required": append([]string{of}, more...)}
	}
	return object("An error in Segment's form.", "error", object("What is wrong.", "code", text, "message"))
}

// writeError answers in Segment's form what the caller can mend; the rest
// are problems as everywhere.
func writeError(w http.ResponseWriter, err error) error {
	code := ""
	switch errs.KindOf(err) {
	case errs.NotFound:
		code = "not_found"
	case errs.Invalid:
		code = "validation_error"
	default:
		return err
	}
	return route.WriteJSON(w, route.StatusOf(err), map[string]any{"error": map[string]string{"code": code, "message": errs.DetailOf(err)}})
}

func errParam(name, detail string) error {
	return errs.New(errs.Invalid, codeInvalid, "The parameter `%s` %s.", name, detail)
}

func askOf(r *http.Request, collection string, limitMax int) (*request, error) {
	if who, ok := route.PrincipalOf(r.Context()); !ok || who.Workspace.Name() != r.PathValue("space") {
		return nil, errs.New(errs.NotFound, "space.unknown", "Space was not found.")
	}
	ask := &request{collection: collection, query: r.URL.Query(), path: r.URL.EscapedPath(), limit: min(limitDefault, max(limitMax, 1))}
	ask.next = ask.query.Get("next")
	typ, value, ok := strings.Cut(r.PathValue("ref"), ":")
	if !ok || typ == "" || value == "" || collection == accountsCollection && typ != "group_id" {
		return nil, errs.New(errs.NotFound, "profile.unknown", "Profile was not found.")
	}
	ask.ref = profile.Ref{Type: typ, Value: value}
	if collection == accountsCollection {
		ask.ref.Type = profile.AccountType
	}
	if s := ask.query.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > limitMax {
			return nil, errParam("limit", "must be a whole number from 1 to "+strconv.Itoa(limitMax))
		}
		ask.limit = n
	}
	if v := ask.query.Get("verbose"); v != "" && v != "true" && v != "false" {
		return nil, errParam("verbose", "must be true or false")
	}
	return ask, nil
}

// names reads a list of names; nil when the parameter is absent.
func (ask *request) names(name string) ([]string, error) {
	s := ask.query.Get(name)
	if s == "" {
		return nil, nil
	}
	names := strings.Split(s, ",")
	if len(names) > includeMax {
		return nil, errParam(name, "has too many names")
	}
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names, nil
}

// cursor tells where the list goes on; next is empty at its end.
func (ask *request) cursor(next string) pageCursor {
	q := url.Values{}
	for k, v := range ask.query {
		q[k] = v
	}
	q.Del("next")
	if next != "" {
		q.Set("next", next)
	}
	c := pageCursor{URL: ask.path, HasMore: next != "", Next: next, Limit: ask.limit}
	if len(q) > 0 {
		c.URL += "?" + q.Encode()
	}
	return c
}

func (a *handlers) read(ctx context.Context, ask *request) (p profile.Profile, err error) {
	if ask.collection == accountsCollection {
		p, err = a.profiles.Account(ctx, ask.ref.Value)
	} else {
		p, err = a.profiles.Read(ctx, ask.ref)
	}
	return p, notFound(err)
}

func notFound(err error) error {
	if errs.Is(err, errs.NotFound) {
		return errs.New(errs.NotFound, "profile.unknown", "Profile was not found.")
	}
	return err
}

// traits lists traits by name; a page goes on at the name that next is.
func (a *handlers) traits(ctx context.Context, ask *request) (any, error) {
	class := ask.query.Get("class")
	if class != "" && class != "computed_trait" && class != "audience" {
		return nil, errParam("class", "must be computed_trait or audience")
	}
	include, err := ask.names("include")
	if err != nil {
		return nil, err
	}
	p, err := a.read(ctx, ask)
	if err != nil {
		return nil, err
	}
	keys := []string{}
	for key := range p.Traits {
		if class == "" && key >= ask.next && (include == nil || slices.Contains(include, key)) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	next := ""
	if len(keys) > ask.limit {
		next, keys = keys[ask.limit], keys[:ask.limit]
	}
	traits := map[string]any{}
	for _, key := range keys {
		t := p.Traits[key]
		traits[key] = t.Value
		if ask.query.Get("verbose") == "true" {
			traits[key] = map[string]any{"value": t.Value, "source_id": t.Source, "updated_at": event.FormatTime(t.Timestamp)}
		}
	}
	return map[string]any{"traits": traits, "cursor": ask.cursor(next)}, nil
}

func externalIDOf(collection string, id *profile.Identifier) externalID {
	out := externalID{Collection: collection, Type: id.Type, ID: id.Value, CreatedAt: event.FormatTime(id.FirstSeen), Encoding: "none"}
	if len(id.Sources) > 0 {
		out.SourceID = id.Sources[0]
	}
	return out
}

// externalIDs lists identifiers by type and value; next names the last one
// of the page before.
func (a *handlers) externalIDs(ctx context.Context, ask *request) (any, error) {
	include, err := ask.names("include")
	if err != nil {
		return nil, err
	}
	after, err := base64.RawURLEncoding.DecodeString(ask.next)
	if err != nil {
		return nil, errParam("next", "is none that this list answered")
	}
	p, err := a.read(ctx, ask)
	if err != nil {
		return nil, err
	}
	place := func(id *profile.Identifier) string { return id.Type + "\x00" + id.Value }
	ids := slices.DeleteFunc(slices.Clone(p.Identifiers), func(id profile.Identifier) bool {
		return place(&id) <= string(after) || include != nil && !slices.Contains(include, id.Type)
	})
	slices.SortFunc(ids, func(a, b profile.Identifier) int { return strings.Compare(place(&a), place(&b)) })
	next := ""
	if len(ids) > ask.limit {
		ids = ids[:ask.limit]
		next = base64.RawURLEncoding.EncodeToString([]byte(place(&ids[ask.limit-1])))
	}
	data := make([]externalID, len(ids))
	for i := range ids {
		data[i] = externalIDOf(ask.collection, &ids[i])
	}
	return map[string]any{"data": data, "cursor": ask.cursor(next)}, nil
}

// selection reads what of the events is wanted.
func (ask *request) selection() (sel profile.Selection, err error) {
	sel = profile.Selection{From: -1 << 63, To: 1<<63 - 1, Ascending: ask.query.Get("sort") == "asc"}
	if s := ask.query.Get("sort"); s != "" && s != "asc" && s != "desc" {
		return sel, errParam("sort", "must be asc or desc")
	}
	if sel.Only, err = ask.names("include"); err != nil {
		return sel, err
	}
	if sel.Except, err = ask.names("exclude"); err != nil {
		return sel, err
	}
	for _, name := range []string{"start", "end"} {
		s := ask.query.Get(name)
		if s == "" {
			continue
		}
		at, ok := event.ParseTime(s)
		if !ok {
			return sel, errParam(name, "must be a time of ISO 8601")
		}
		if name == "start" {
			sel.From = at
		} else {
			sel.To = at - 1
		}
	}
	return sel, nil
}

func (a *handlers) events(ctx context.Context, ask *request) (any, error) {
	sel, err := ask.selection()
	if err != nil {
		return nil, err
	}
	got, err := a.profiles.Select(ctx, ask.ref, sel, profile.Page{Limit: ask.limit, Cursor: ask.next})
	if err != nil {
		return nil, notFound(err)
	}
	data := []map[string]any{}
	for i := range got.Events {
		one, err := eventOf(&got.Events[i])
		if err != nil {
			return nil, err
		}
		one["related"] = map[string]string{ask.collection: got.Profile.String()}
		data = append(data, one)
	}
	return map[string]any{"data": data, "cursor": ask.cursor(got.Next)}, nil
}

// eventOf writes an event as Segment does. Its external ids are those that the
// call itself names.
func eventOf(e *profile.Selected) (map[string]any, error) {
	var body map[string]json.RawMessage
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return nil, errs.Wrap(err, errs.Corrupt, "profile.event", "a stored event is no JSON object")
	}
	ids := []externalID{}
	for _, f := range [...][3]string{
		{"userId", "user_id", usersCollection}, {"anonymousId", "anonymous_id", usersCollection}, {"groupId", "group_id", accountsCollection},
	} {
		var id string
		if json.Unmarshal(body[f[0]], &id) == nil && id != "" {
			ids = append(ids, externalID{Collection: f[2], Type: f[1], ID: id, Encoding: "none"})
		}
	}
	out := map[string]any{
		"external_ids": ids, "message_id": e.MessageID, "source_id": e.Source, "timestamp": event.FormatTime(e.Timestamp),
	}
	for _, name := range []string{"type", "event", "name", "context", "properties", "traits"} {
		if v, ok := body[name]; ok {
			out[name] = v
		}
	}
	return out, nil
}

func (a *handlers) metadata(ctx context.Context, ask *request) (any, error) {
	p, err := a.read(ctx, ask)
	if err != nil {
		return nil, err
	}
	m := map[string]any{"created_at": event.FormatTime(p.FirstSeen), "updated_at": event.FormatTime(p.LastSeen), "expires_at": nil}
	for _, name := range []string{"first", "last"} {
		sel := profile.Selection{From: -1 << 63, To: 1<<63 - 1, Ascending: name == "first"}
		got, err := a.profiles.Select(ctx, ask.ref, sel, profile.Page{Limit: 1})
		if err != nil {
			return nil, notFound(err)
		}
		for _, e := range got.Events {
			m[name+"_message_id"], m[name+"_source_id"] = e.MessageID, e.Source
		}
	}
	return map[string]any{"metadata": m}, nil
}

// links lists the accounts of a user, or the users of an account.
func (a *handlers) links(ctx context.Context, ask *request) (any, error) {
	to, linked, err := a.linked(ctx, ask)
	if err != nil {
		return nil, notFound(err)
	}
	data := []map[string]any{}
	for _, p := range linked {
		ids := make([]externalID, len(p.Identifiers))
		for i := range p.Identifiers {
			ids[i] = externalIDOf(to, &p.Identifiers[i])
		}
		data = append(data, map[string]any{"to_collection": to, "external_ids": ids})
	}
	return map[string]any{"data": data}, nil
}

func (a *handlers) linked(ctx context.Context, ask *request) (to string, linked []profile.Profile, err error) {
	if ask.collection == accountsCollection {
		to = usersCollection
		members, err := a.profiles.Members(ctx, ask.ref.Value, ask.limit)
		if err != nil {
			return to, nil, err
		}
		for _, m := range members {
			p, err := a.profiles.Read(ctx, profile.Ref{Type: profile.ProfileIDType, Value: m.String()})
			if err != nil {
				return to, nil, err
			}
			linked = append(linked, p)
		}
		return to, linked, nil
	}
	p, err := a.profiles.Read(ctx, ask.ref)
	if err != nil {
		return "", nil, err
	}
	for _, id := range p.Accounts[:min(ask.limit, len(p.Accounts))] {
		account, err := a.profiles.Account(ctx, id)
		if err != nil {
			return "", nil, err
		}
		linked = append(linked, account)
	}
	return accountsCollection, linked, nil
}
