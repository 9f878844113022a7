package api

import (
	"context"
	"net/http"

	"kith/internal/errs"
	"kith/internal/profile"
	"kith/internal/route"
)

// accountType is the type by which an account is read like a person. A person may
// have identifiers of it too, and comes first.
const accountType = "group_id"

// read reads a profile as of now: a person's, or that of the account that a
// group_id names.
func (a *API) read(ctx context.Context, ref profile.Ref) (profile.Profile, error) {
	p, err := a.cfg.Profiles.Read(ctx, ref)
	if errs.Is(err, errs.NotFound) && ref.Type == accountType {
		return a.cfg.Profiles.Account(ctx, ref.Value)
	}
	return p, err
}

// timeline reads a page of a person's events, or of an account's: the group calls
// that named it.
func (a *API) timeline(ctx context.Context, ref profile.Ref, page profile.Page) (profile.EventPage, error) {
	out, err := a.cfg.Profiles.Events(ctx, ref, page)
	if !errs.Is(err, errs.NotFound) || ref.Type != accountType {
		return out, err
	}
	whole := profile.Selection{From: -1 << 63, To: 1<<63 - 1}
	selected, err := a.cfg.Profiles.Select(ctx, profile.Ref{Type: profile.AccountType, Value: ref.Value}, whole, page)
	out = profile.EventPage{Next: selected.Next}
	for _, e := range selected.Events {
		out.Events = append(out.Events, e.Body)
	}
	return out, err
}

type accountMember struct {
	ProfileID string `json:"profile_id"`
}

// memberRow lists who belongs to an account.
func (a *API) memberRow() route.Route {
	return route.Route{
		Method: http.MethodGet, Path: "/v1/profiles/{ref}/members", Name: "listAccountMembers", Tag: "Profiles", Key: route.ReadKey, Class: route.Identifying,
		Summary: "List the people of an account, those who were active in it last first.", Params: []route.Param{refParam(), pageParams()[0]},
		Answers: []route.Answer{
			{Status: 200, Summary: "The members.", Schema: listSchema(object("A member.", map[string]route.Schema{"profile_id": textSchema()}))},
			{Status: 404, Summary: "There is no such account."},
		},
		Handler: route.Handle(a.members),
	}
}

func (a *API) members(w http.ResponseWriter, r *http.Request) error {
	ref, p, err := refAndPage(r)
	if err != nil {
		return err
	}
	if ref.Type != accountType {
		return errs.New(errs.NotFound, "profile.no_account", "only an account has members; name it as group_id:ID")
	}
	ids, err := a.cfg.Profiles.Members(r.Context(), ref.Value, p.limit)
	if err != nil {
		return err
	}
	out := make([]accountMember, len(ids))
	for i, id := range ids {
		out[i] = accountMember{id.String()}
	}
	return writeList(w, out, "")
}

// answersRef is whose answers to definitions a profile has.
func answersRef(ref profile.Ref, p *profile.Profile) profile.Ref {
	if ref.Type == accountType && len(p.Identifiers) == 1 && p.Identifiers[0].Type == accountType {
		return profile.Ref{Type: profile.AccountType, Value: p.Identifiers[0].Value}
	}
	return profile.Ref{Type: profile.ProfileIDType, Value: p.ID.String()}
}
