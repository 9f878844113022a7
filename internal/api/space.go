package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/profile"
	"kith/internal/route"
)

// The routes below /v1/spaces have the shape of Segment's Profile API, errors
// included, so that what was written against it reads kith. A space is a
// workspace, by its name. What kith has no answer to is left out: the message
// that brought an external id, and an account's computed traits.

// spacePath is the path of a collection.
const spacePath = "/v1/spaces/{space}/collections/"

// Collections of a space.
const (
	usersCollection    = "users"
	accountsCollection = "accounts"
)

// spaceAsk is one request: whose profile, and how much of it.
type spaceAsk struct {
	collection string
	ref        profile.Ref
	query      url.Values
	path       string // as asked for, for the url of a cursor
	limit      int
	next       string
}

// spaceCursor tells where a list goes on.
type spaceCursor struct {
	URL     string `json:"url"`
	HasMore bool   `json:"has_more"`
	Next    string `json:"next"`
	Limit   int    `json:"limit"`
}

type spaceID struct {
	Collection string `json:"collection"`
	Type       string `json:"type"`
	ID         string `json:"id"`
	SourceID   string `json:"source_id,omitempty"`
	CreatedAt  string `json:"created_at,omitempty"`
	Encoding   string `json:"encoding"`
}

// Bounds of the lists, as documented for Segment's.
const (
	spaceLimit       = 10
	spaceLimitMax    = 100
	spaceTraitsMax   = 200
	spaceLinksMax    = 20
	spaceIncludeMax  = 200
	codeSpaceInvalid = "space.parameter"
)

func (a *API) spaceRows() []route.Route {
	var rows []route.Route
	for _, collection := range []string{usersCollection, accountsCollection} {
		rows = append(rows,
			a.spaceRow(collection, "traits", "Traits", spaceTraitsMax, a.spaceTraits, "class", "include", "verbose"),
			a.spaceRow(collection, "external_ids", "ExternalIDs", spaceLimitMax, a.spaceExternalIDs, "include", "verbose"),
			a.spaceRow(collection, "events", "Events", spaceLimitMax, a.spaceEvents, "include", "exclude", "start", "end", "sort"),
			a.spaceRow(collection, "metadata", "Metadata", 0, a.spaceMetadata, "verbose"),
			a.spaceRow(collection, "links", "Links", spaceLinksMax, a.spaceLinks),
		)
	}
	return rows
}

// spaceParams say what the parameters mean.
func spaceParams() map[string]string {
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

// spaceRow is one row; limitMax is 0 for what is no list.
func (a *API) spaceRow(collection, part, name string, limitMax int, f func(context.Context, *spaceAsk) (any, error), params ...string) route.Route {
	text := textSchema()
	if limitMax > 0 {
		params = append(params, "limit")
	}
	if limitMax > 0 && part != "links" {
		params = append(params, "next")
	}
	row := route.Route{
		Method: http.MethodGet, Path: spacePath + collection + "/profiles/{ref}/" + part, Name: "get" + strings.ToUpper(collection[:1]) + collection[1:] + name,
		Tag: "Segment's Profile API", Key: route.ReadKey, Class: route.Special,
		Summary: "Read the " + part + " of a profile of the collection " + collection + ", in the shape of Segment's Profile API.",
		Params: []route.Param{
			{Name: "space", In: "path", Summary: "The name of the workspace.", Schema: text},
			{Name: "ref", In: "path", Summary: "type:value, percent-encoded; of an account group_id and its id.", Schema: text},
		},
		Answers: []route.Answer{
			{Status: 200, Summary: "Found.", Schema: route.Schema{"type": "object"}},
			{Status: 400, Summary: "A parameter is wrong.", Schema: spaceErrorSchema()},
			{Status: 404, Summary: "There is no such space or profile.", Schema: spaceErrorSchema()},
		},
	}
	for _, p := range params {
		row.Params = append(row.Params, route.Param{Name: p, In: "query", Summary: spaceParams()[p], Schema: text})
	}
	row.Handler = route.Handle(func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Request-Id", w.Header().Get(route.RequestIDHeader))
		ask, err := spaceAskOf(r, collection, limitMax)
		var answer any
		if err == nil {
			answer, err = f(r.Context(), ask)
		}
		if err != nil {
			return writeSpaceError(w, err)
		}
		return route.WriteJSON(w, http.StatusOK, answer)
	})
	return row
}

func spaceErrorSchema() route.Schema {
	return object("An error in Segment's form.", map[string]route.Schema{
		"error": object("What is wrong.", map[string]route.Schema{"code": textSchema(), "message": textSchema()}),
	})
}

// writeSpaceError answers in Segment's form what the caller can mend; the rest
// are problems as everywhere.
func writeSpaceError(w http.ResponseWriter, err error) error {
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

func errSpace(name, detail string) error {
	return errs.New(errs.Invalid, codeSpaceInvalid, "The parameter `%s` %s.", name, detail)
}

func spaceAskOf(r *http.Request, collection string, limitMax int) (*spaceAsk, error) {
	if who, ok := route.PrincipalOf(r.Context()); !ok || who.Workspace.Name() != r.PathValue("space") {
		return nil, errs.New(errs.NotFound, "space.unknown", "Space was not found.")
	}
	ask := &spaceAsk{collection: collection, query: r.URL.Query(), path: r.URL.EscapedPath(), limit: min(spaceLimit, max(limitMax, 1))}
	ask.next = ask.query.Get("next")
	ref, err := refOf(r)
	if err != nil || collection == accountsCollection && ref.Type != "group_id" {
		return nil, errs.New(errs.NotFound, "profile.unknown", "Profile was not found.")
	}
	ask.ref = ref
	if collection == accountsCollection {
		ask.ref.Type = profile.AccountType
	}
	if s := ask.query.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > limitMax {
			return nil, errSpace("limit", "must be a whole number from 1 to "+strconv.Itoa(limitMax))
		}
		ask.limit = n
	}
	if v := ask.query.Get("verbose"); v != "" && v != "true" && v != "false" {
		return nil, errSpace("verbose", "must be true or false")
	}
	return ask, nil
}

// names reads a list of names; nil when the parameter is absent.
func (ask *spaceAsk) names(name string) ([]string, error) {
	s := ask.query.Get(name)
	if s == "" {
		return nil, nil
	}
	names := strings.Split(s, ",")
	if len(names) > spaceIncludeMax {
		return nil, errSpace(name, "has too many names")
	}
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names, nil
}

// cursor tells where the list goes on; next is empty at its end.
func (ask *spaceAsk) cursor(next string) spaceCursor {
	q := url.Values{}
	for k, v := range ask.query {
		q[k] = v
	}
	q.Del("next")
	if next != "" {
		q.Set("next", next)
	}
	c := spaceCursor{URL: ask.path, HasMore: next != "", Next: next, Limit: ask.limit}
	if len(q) > 0 {
		c.URL += "?" + q.Encode()
	}
	return c
}

func (a *API) spaceProfile(ctx context.Context, ask *spaceAsk) (p profile.Profile, err error) {
	if ask.collection == accountsCollection {
		p, err = a.cfg.Profiles.Account(ctx, ask.ref.Value)
	} else {
		p, err = a.cfg.Profiles.Read(ctx, ask.ref)
	}
	return p, spaceNotFound(err)
}

func spaceNotFound(err error) error {
	if errs.Is(err, errs.NotFound) {
		return errs.New(errs.NotFound, "profile.unknown", "Profile was not found.")
	}
	return err
}

// spaceTraits lists traits by name; a page goes on at the name that next is.
func (a *API) spaceTraits(ctx context.Context, ask *spaceAsk) (any, error) {
	class := ask.query.Get("class")
	if class != "" && class != "computed_trait" && class != "audience" {
		return nil, errSpace("class", "must be computed_trait or audience")
	}
	include, err := ask.names("include")
	if err != nil {
		return nil, err
	}
	p, err := a.spaceProfile(ctx, ask)
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

func spaceIDOf(collection string, id *profile.Identifier) spaceID {
	out := spaceID{Collection: collection, Type: id.Type, ID: id.Value, CreatedAt: event.FormatTime(id.FirstSeen), Encoding: "none"}
	if len(id.Sources) > 0 {
		out.SourceID = id.Sources[0]
	}
	return out
}

// spaceExternalIDs lists identifiers by type and value; next names the last one
// of the page before.
func (a *API) spaceExternalIDs(ctx context.Context, ask *spaceAsk) (any, error) {
	include, err := ask.names("include")
	if err != nil {
		return nil, err
	}
	after, err := page{cursor: ask.next}.key()
	if err != nil {
		return nil, errSpace("next", "is none that this list answered")
	}
	p, err := a.spaceProfile(ctx, ask)
	if err != nil {
		return nil, err
	}
	place := func(id *profile.Identifier) string { return id.Type + "\x00" + id.Value }
	ids := slices.DeleteFunc(slices.Clone(p.Identifiers), func(id profile.Identifier) bool {
		return place(&id) <= after || include != nil && !slices.Contains(include, id.Type)
	})
	slices.SortFunc(ids, func(a, b profile.Identifier) int { return strings.Compare(place(&a), place(&b)) })
	next := ""
	if len(ids) > ask.limit {
		ids = ids[:ask.limit]
		next = cursorOf(place(&ids[ask.limit-1]))
	}
	data := make([]spaceID, len(ids))
	for i := range ids {
		data[i] = spaceIDOf(ask.collection, &ids[i])
	}
	return map[string]any{"data": data, "cursor": ask.cursor(next)}, nil
}

// selection reads what of the events is wanted.
func (ask *spaceAsk) selection() (sel profile.Selection, err error) {
	sel = profile.Selection{From: -1 << 63, To: 1<<63 - 1, Ascending: ask.query.Get("sort") == "asc"}
	if s := ask.query.Get("sort"); s != "" && s != "asc" && s != "desc" {
		return sel, errSpace("sort", "must be asc or desc")
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
			return sel, errSpace(name, "must be a time of ISO 8601")
		}
		if name == "start" {
			sel.From = at
		} else {
			sel.To = at - 1
		}
	}
	return sel, nil
}

func (a *API) spaceEvents(ctx context.Context, ask *spaceAsk) (any, error) {
	sel, err := ask.selection()
	if err != nil {
		return nil, err
	}
	got, err := a.cfg.Profiles.Select(ctx, ask.ref, sel, profile.Page{Limit: ask.limit, Cursor: ask.next})
	if err != nil {
		return nil, spaceNotFound(err)
	}
	data := []map[string]any{}
	for i := range got.Events {
		one, err := spaceEvent(&got.Events[i])
		if err != nil {
			return nil, err
		}
		one["related"] = map[string]string{ask.collection: got.Profile.String()}
		data = append(data, one)
	}
	return map[string]any{"data": data, "cursor": ask.cursor(got.Next)}, nil
}

// spaceEvent writes an event as Segment does. Its external ids are those that the
// call itself names.
func spaceEvent(e *profile.Selected) (map[string]any, error) {
	var body map[string]json.RawMessage
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return nil, errs.Wrap(err, errs.Corrupt, "profile.event", "a stored event is no JSON object")
	}
	ids := []spaceID{}
	for _, f := range [...][3]string{
		{"userId", "user_id", usersCollection}, {"anonymousId", "anonymous_id", usersCollection}, {"groupId", "group_id", accountsCollection},
	} {
		var id string
		if json.Unmarshal(body[f[0]], &id) == nil && id != "" {
			ids = append(ids, spaceID{Collection: f[2], Type: f[1], ID: id, Encoding: "none"})
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

func (a *API) spaceMetadata(ctx context.Context, ask *spaceAsk) (any, error) {
	p, err := a.spaceProfile(ctx, ask)
	if err != nil {
		return nil, err
	}
	m := map[string]any{"created_at": event.FormatTime(p.FirstSeen), "updated_at": event.FormatTime(p.LastSeen), "expires_at": nil}
	for _, name := range []string{"first", "last"} {
		sel := profile.Selection{From: -1 << 63, To: 1<<63 - 1, Ascending: name == "first"}
		got, err := a.cfg.Profiles.Select(ctx, ask.ref, sel, profile.Page{Limit: 1})
		if err != nil {
			return nil, spaceNotFound(err)
		}
		for _, e := range got.Events {
			m[name+"_message_id"], m[name+"_source_id"] = e.MessageID, e.Source
		}
	}
	return map[string]any{"metadata": m}, nil
}

// spaceLinks lists the accounts of a user, or the users of an account.
func (a *API) spaceLinks(ctx context.Context, ask *spaceAsk) (any, error) {
	to, linked, err := a.linked(ctx, ask)
	if err != nil {
		return nil, spaceNotFound(err)
	}
	data := []map[string]any{}
	for _, p := range linked {
		ids := make([]spaceID, len(p.Identifiers))
		for i := range p.Identifiers {
			ids[i] = spaceIDOf(to, &p.Identifiers[i])
		}
		data = append(data, map[string]any{"to_collection": to, "external_ids": ids})
	}
	return map[string]any{"data": data}, nil
}

func (a *API) linked(ctx context.Context, ask *spaceAsk) (to string, linked []profile.Profile, err error) {
	if ask.collection == accountsCollection {
		to = usersCollection
		members, err := a.cfg.Profiles.Members(ctx, ask.ref.Value, ask.limit)
		if err != nil {
			return to, nil, err
		}
		for _, m := range members {
			p, err := a.cfg.Profiles.Read(ctx, profile.Ref{Type: profile.ProfileIDType, Value: m.String()})
			if err != nil {
				return to, nil, err
			}
			linked = append(linked, p)
		}
		return to, linked, nil
	}
	p, err := a.cfg.Profiles.Read(ctx, ask.ref)
	if err != nil {
		return "", nil, err
	}
	for _, id := range p.Accounts[:min(ask.limit, len(p.Accounts))] {
		account, err := a.cfg.Profiles.Account(ctx, id)
		if err != nil {
			return "", nil, err
		}
		linked = append(linked, account)
	}
	return accountsCollection, linked, nil
}
