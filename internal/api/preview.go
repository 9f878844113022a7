package api

import (
	"context"
	"net/http"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/expr"
	"kith/internal/identity"
	"kith/internal/membership"
	"kith/internal/profile"
	"kith/internal/resource/form"
	"kith/internal/route"
	"kith/internal/segment"
)

// How many people a preview shows, of each kind.
const (
	sampleDefault = 5
	sampleMax     = 100
)

func (a *API) previewSegment(w http.ResponseWriter, r *http.Request) error {
	body, err := route.ReadBody(r)
	if err != nil {
		return err
	}
	set := a.cfg.Definitions.Today()
	var d *segment.Definition
	sample, exact := int64(0), false
	err = form.Read(body, func(o *form.Object) {
		exact = o.Flag("exact", false)
		sample = o.Int("sample", sampleDefault, 0, sampleMax)
		d = set.ReadSegment(o, o.Text("key", expr.NameBytesMax), expr.Options{CostMax: a.cfg.Definitions.CostMax()})
	})
	if err != nil {
		return err
	}
	if d.List {
		return form.Refuse(errs.Invalid, form.CodeInvalid, "/list", "a list has no condition to preview")
	}
	out := map[string]any{"cost": a.costAnswer(set.CostOf(d)), "partial": a.partial(r.Context(), d)}
	if d.Key != "" {
		err = a.compare(r.Context(), d, int(sample), out)
	} else {
		var p membership.Preview
		if p, err = a.cfg.Definitions.Preview(r.Context(), d.Scope, d.Where, int(sample), exact); err == nil {
			err = a.previewed(r.Context(), d.Scope, &p, out)
		}
	}
	if err != nil {
		return err
	}
	return route.WriteJSON(w, http.StatusOK, out)
}

// costPart is what one place of a definition costs.
type costPart struct {
	Pointer string `json:"pointer"`
	Cost    int64  `json:"cost"`
	Why     string `json:"why"`
	Remedy  string `json:"remedy,omitempty"`
}

// costParts bounds the places that an estimate names.
const costParts = 10

// costAnswer is an estimate as it is answered.
func (a *API) costAnswer(c segment.Cost) map[string]any {
	parts := []costPart{}
	for i, p := range c.Parts {
		if i == costParts {
			break
		}
		parts = append(parts, costPart(p))
	}
	return map[string]any{"total": c.Total, "max": a.cfg.Definitions.CostMax(), "parts": parts}
}

// partial reports whether history is shorter than one of a segment's windows.
func (a *API) partial(ctx context.Context, d *segment.Definition) bool {
	return a.cfg.Definitions.Today().Partial(a.cfg.Definitions.History(ctx)).Segment(d)
}

// computedTrait answers one computed trait.
func (a *API) computedTrait(w http.ResponseWriter, r *http.Request) error {
	item, err := a.cfg.Definitions.Traits().Get(r.Context(), r.PathValue("key"))
	if err != nil {
		return err
	}
	more := map[string]any{}
	set := a.cfg.Definitions.Today()
	if d := set.Trait(item.Key); d != nil {
		more["cost"] = a.costAnswer(set.TraitCostOf(d))
		h, now := a.cfg.Definitions.History(r.Context())
		more["partial"] = set.Partial(h, now).Trait(d)
		if h.Known && h.Begins <= now {
			more["history_begins_at"] = event.FormatTime(h.Begins)
		}
	}
	return route.WriteJSON(w, http.StatusOK, definitionAnswer(&item, more))
}

// dryOr answers a call that asks for a dry run by one handler, and others by
// another.
func (a *API) dryOr(dry, wet http.HandlerFunc) http.HandlerFunc {
	return route.Handle(func(w http.ResponseWriter, r *http.Request) error {
		is, err := flagOf(r, "dry_run")
		if err != nil {
			return err
		}
		if is {
			dry.ServeHTTP(w, r)
		} else {
			wet.ServeHTTP(w, r)
		}
		return nil
	})
}

// dryRunSegment checks a document as if it were to be saved, and tells whom that
// would let in and out.
func (a *API) dryRunSegment(w http.ResponseWriter, r *http.Request) error {
	body, err := route.ReadBody(r)
	if err != nil {
		return err
	}
	item, created, err := a.cfg.Definitions.Segments().Try(r.Context(), r.PathValue("key"), body)
	if err != nil {
		return err
	}
	var d *segment.Definition
	err = form.Read(item.Doc, func(o *form.Object) {
		d = a.cfg.Definitions.Today().ReadSegment(o, item.Key, expr.Options{})
	})
	if err != nil {
		return err
	}
	out := map[string]any{
		"dry_run": true, "created": created, "definition": showDefinition(&item), "cost": a.costAnswer(a.cfg.Definitions.Today().CostOf(d)),
		"partial": a.partial(r.Context(), d),
	}
	if d.List {
		return route.WriteJSON(w, http.StatusOK, out) // its members come by upload
	}
	if err := a.compare(r.Context(), d, sampleDefault, out); err != nil {
		return err
	}
	return route.WriteJSON(w, http.StatusOK, out)
}

// compare writes what a definition would change of the segment of its key.
func (a *API) compare(ctx context.Context, d *segment.Definition, sample int, out map[string]any) error {
	if have := a.cfg.Definitions.Today().Segment(d.Key); have != nil && have.Scope != d.Scope {
		return form.Refuse(errs.Invalid, form.CodeInvalid, "/scope", "is not that of the segment as it is; there is nobody to compare")
	}
	c, err := a.cfg.Definitions.Compare(ctx, d.Scope, d.Where, d.Key, sample)
	if err != nil {
		return err
	}
	if err := a.previewed(ctx, d.Scope, &c.Preview, out); err != nil {
		return err
	}
	sides := map[string]any{}
	for name, side := range map[string]*membership.Side{"entering": &c.Entering, "leaving": &c.Leaving} {
		people, err := a.shown(ctx, d.Scope, side.Sample)
		if err != nil {
			return err
		}
		sides[name] = map[string]any{"size": side.Size, "sample": people}
	}
	sides["key"], sides["size_now"], sides["staying"] = d.Key, c.Before, max(c.Size-c.Entering.Size, 0)
	sides["needed_by"] = texts(a.cfg.Definitions.NeededBy(d.Key))
	out["change"] = sides
	return nil
}

// previewed writes the sizes and the sample of a preview.
func (a *API) previewed(ctx context.Context, scope expr.Scope, p *membership.Preview, out map[string]any) error {
	people, err := a.shown(ctx, scope, p.Sample)
	out["size"], out["exact"], out["as_of"], out["per_condition"], out["sample"] = p.Size, p.Exact, event.FormatTime(p.AsOf), p.PerCondition, people
	if !p.Exact {
		out["margin"] = p.Margin(p.Size)
	}
	return err
}

// shown are people, each with what they are called, or accounts.
func (a *API) shown(ctx context.Context, scope expr.Scope, ids []identity.NodeID) ([]any, error) {
	people := []any{}
	for _, id := range ids {
		if scope == expr.Account {
			name, err := a.cfg.Definitions.AccountID(ctx, id)
			if err != nil {
				return nil, err
			}
			people = append(people, map[string]string{"account_id": name})
			continue
		}
		one := map[string]any{"profile_id": id.String()}
		if q, err := a.cfg.Profiles.Read(ctx, profile.Ref{Type: profile.ProfileIDType, Value: id.String()}); err == nil {
			for _, t := range []string{"name", "first_name", "last_name", "email"} {
				if v, ok := q.Traits[t]; ok {
					one[t] = v.Value
				}
			}
			if _, named := one["name"]; !named && len(q.Identifiers) > 0 {
				one["identifier"] = map[string]string{"type": q.Identifiers[0].Type, "value": q.Identifiers[0].Value}
			}
		}
		people = append(people, one)
	}
	return people, nil
}
