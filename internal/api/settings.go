package api

import (
	"context"
	"net/http"

	"kith/internal/identity"
	"kith/internal/identity/settings"
	"kith/internal/job"
	"kith/internal/route"
)

// settingsBytesMax bounds the document of the identity settings.
const settingsBytesMax = 1 << 20

func (a *API) settingsRows() []route.Route {
	bad := route.Answer{Status: 422, Summary: "The document is refused; errors[] says where, and what to do."}
	return []route.Route{
		{
			Method: http.MethodGet, Path: "/v1/settings/identity", Name: "getIdentitySettings", Tag: "Identity", Key: route.AdminKey, Class: route.Internal,
			Summary: "Read the identity settings, with the defaults of what was not set.",
			Answers: []route.Answer{{Status: 200, Summary: "The settings.", Schema: route.Ref("IdentitySettings")}}, Handler: showSettings(a.cfg.Identity.Settings),
		},
		{
			Method: http.MethodPut, Path: "/v1/settings/identity", Name: "putIdentitySettings", Tag: "Identity", Key: route.AdminKey, Class: route.Internal,
			Summary:   "Replace the identity settings. What the document leaves out gets its default. A job resolves everybody anew; until it has ended, people are missing or incomplete.",
			BodyBytes: settingsBytesMax, Body: settingsSchema(),
			Answers: []route.Answer{{Status: 202, Summary: "The job that resolves everybody anew.", Schema: route.Ref("Job")}, bad}, Handler: withSettings(settings.Read, a.cfg.Identity.PutSettings),
		},
		{
			Method: http.MethodPost, Path: "/v1/identity/try", Name: "tryIdentitySettings", Tag: "Identity", Key: route.AdminKey, Class: route.Identifying,
			Summary:   "Say what other identity settings would change, without changing anything: which profiles would merge, split or be renamed, and which identifiers would be quarantined.",
			BodyBytes: settingsBytesMax, Body: settingsSchema(),
			Answers: []route.Answer{{Status: 202, Summary: "The job; its result is the report.", Schema: route.Ref("Job")}, bad}, Handler: withSettings(settings.Read, a.cfg.Identity.Try),
		},
		{
			Method: http.MethodGet, Path: "/v1/settings/traits", Name: "getTraitSettings", Tag: "Traits", Key: route.AdminKey, Class: route.Internal,
			Summary: "Read by which policies custom traits of people count.",
			Answers: []route.Answer{{Status: 200, Summary: "The settings.", Schema: traitSettingsSchema()}},
			Handler: showSettings(a.cfg.Identity.TraitPolicies),
		},
		{
			Method: http.MethodPut, Path: "/v1/settings/traits", Name: "putTraitSettings", Tag: "Traits", Key: route.AdminKey, Class: route.Internal,
			Summary:   "Replace the policies by which custom traits of people count. They hold for everything that was ever written. A job makes everybody anew; until it has ended, people are missing or incomplete.",
			BodyBytes: settingsBytesMax, Body: traitSettingsSchema(),
			Answers: []route.Answer{{Status: 202, Summary: "The job that makes everybody anew.", Schema: route.Ref("Job")}, bad}, Handler: withSettings(settings.ReadTraits, a.cfg.Identity.PutTraitPolicies),
		},
	}
}

// showSettings answers with settings as they are.
func showSettings[T any](read func(context.Context) (T, error)) http.HandlerFunc {
	return route.Handle(func(w http.ResponseWriter, r *http.Request) error {
		doc, err := read(r.Context())
		if err != nil {
			return err
		}
		return route.WriteJSON(w, http.StatusOK, doc)
	})
}

// withSettings reads a document and answers with the job that it starts.
func withSettings[T any](read func([]byte) (T, error), start func(context.Context, T) (job.Job, error)) http.HandlerFunc {
	return route.Handle(func(w http.ResponseWriter, r *http.Request) error {
		body, err := route.ReadBody(r)
		if err != nil {
			return err
		}
		doc, err := read(body)
		if err != nil {
			return err
		}
		j, err := start(r.Context(), doc)
		if err != nil {
			return err
		}
		return route.WriteJSON(w, http.StatusAccepted, startedJob{jobOf(&j), j.ID})
	})
}

func traitSettingsSchema() route.Schema {
	policy := object("Which of several writes of one trait counts.", map[string]route.Schema{
		"trait":   {"type": "string", "maxLength": 255},
		"policy":  {"type": "string", "enum": identity.SurvivorshipPolicies()},
		"sources": {"type": "array", "items": textSchema(), "description": "Of source_priority: keys of sources, the highest first. All others come last together."},
	}, "sources")
	return object("The policies of custom traits. A trait that is not named has its latest write.", map[string]route.Schema{"policies": arraySchema(policy)})
}

// startedJob is a job in the answer of what started it.
type startedJob struct {
	jobAnswer
	JobID string `json:"job_id"`
}

func settingsSchema() route.Schema {
	typ := object("What holds for one type of identifier. What is left out has the type's default.", map[string]route.Schema{
		"type":     {"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$"},
		"priority": {"type": "integer", "minimum": 1, "maximum": 100, "description": "1 is the highest. Types of one priority share one policy."},
		"limit": object("How many one person may have.", map[string]route.Schema{
			"count":  {"type": "integer", "minimum": 1},
			"window": {"type": "string", "pattern": "^(ever|[1-9][0-9]*[mhdw])$", "description": "ever, or within which time of first sightings."},
		}, "count", "window"),
		"policy":    {"type": "string", "enum": []string{"first", "latest", "none"}, "description": "Whose a value is that several have: its first owner's, its latest one's, or nobody's."},
		"guard":     {"type": "object", "additionalProperties": route.Schema{"type": "integer", "minimum": 1}, "description": "By type: a value seen with more values of it joins nobody."},
		"protected": flagSchema(),
	}, "priority", "limit", "policy", "guard", "protected")
	path := object("A place in calls that identifies.", map[string]route.Schema{
		"path":   {"type": "string", "pattern": `^(properties|traits|context)\..+$`},
		"type":   textSchema(),
		"events": {"type": "array", "items": textSchema(), "description": "Names of tracks; empty: every call."},
	}, "events")
	return object("Who is one person, and what identifies nobody.", map[string]route.Schema{
		"default_country":    {"type": []string{"string", "null"}, "pattern": "^[A-Z]{2}$", "description": "Where a phone number without a country is from, unless its source says."},
		"types":              {"type": "array", "items": typ},
		"blocked":            {"type": "object", "additionalProperties": arraySchema(textSchema()), "description": "By type, or * for all: values and /patterns/ that identify nobody, beside the built-in ones. Case does not count in values."},
		"paths":              {"type": "array", "items": path},
		"anonymous_events":   {"type": "string", "enum": []string{"latest", "never"}, "description": "Whether what a browser did without a name is its owner's."},
		"alias_merges_users": flagSchema(),
		"cluster_size": object("How many identifiers one person may have.", map[string]route.Schema{
			"soft": intSchema(), "hard": intSchema(),
		}, "soft", "hard"),
	}, "default_country", "types", "blocked", "paths", "anonymous_events", "alias_merges_users", "cluster_size")
}
