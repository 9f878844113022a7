package api

import (
	"net/http"

	"kith/internal/route"
)

func refreshRow(a *API) route.Route {
	return route.Route{
		Method: http.MethodPost, Path: "/v1/traits/{key}:refresh", Name: "refreshTrait", Tag: "Traits", Key: route.AdminKey, Class: route.Internal,
		Summary: "Work out a trait that depends on everybody (type rfm) now; else it is done once a day and when its definition is new.",
		Params:  []route.Param{{Name: "key", In: "path", Summary: "Of the trait.", Schema: textSchema()}},
		Answers: []route.Answer{
			{Status: 202, Summary: "A job does it.", Schema: route.Ref("Job")}, {Status: 404, Summary: "There is none of that key."},
			{Status: 409, Summary: "The trait is always up to date."},
		},
		Handler: route.Handle(func(w http.ResponseWriter, r *http.Request) error {
			j, err := a.cfg.Definitions.Refresh(r.Context(), r.PathValue("key"))
			if err != nil {
				return err
			}
			return route.WriteJSON(w, http.StatusAccepted, jobOf(&j))
		}),
	}
}
