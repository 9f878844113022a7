package app

import (
	"context"

	"kith/internal/errs"
	"kith/internal/identity"
	idsettings "kith/internal/identity/settings"
	"kith/internal/job"
	"kith/internal/resource"
)

// keyTraits is where the settings of traits lie among the resources.
const keyTraits = "traits"

// TraitPolicies implements api.Identity.
func (k kinship) TraitPolicies(ctx context.Context) (idsettings.Traits, error) {
	doc, err := resource.NewDocuments(k.app.store).Get(ctx, kindSettings, keyTraits)
	if errs.Is(err, errs.NotFound) {
		return idsettings.Traits{Policies: []idsettings.TraitPolicy{}}, nil
	}
	if err != nil {
		return idsettings.Traits{}, err
	}
	return idsettings.DecodeTraits(doc.JSON)
}

// PutTraitPolicies implements api.Identity.
func (k kinship) PutTraitPolicies(ctx context.Context, doc idsettings.Traits) (job.Job, error) {
	data, err := doc.JSON()
	if err != nil {
		return job.Job{}, err
	}
	if err := k.app.putSettings(ctx, keyTraits, data); err != nil {
		return job.Job{}, err
	}
	return k.app.jobs.Start(ctx, kindResolve, nil, k.app.resolved)
}

// survivorship is by which policies custom traits count today.
func (a *App) survivorship(ctx context.Context) (map[string]identity.Survivorship, error) {
	doc, err := kinship{a}.TraitPolicies(ctx)
	return doc.Survivorship(), err
}
