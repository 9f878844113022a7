package api

import (
	"net/http"
	"time"

	"kith/internal/errs"
	"kith/internal/resource"
	"kith/internal/resource/form"
	"kith/internal/route"
)

// sourceBytesMax bounds the document of a source.
const sourceBytesMax = 64 << 10

func (a *API) sourceRows() []route.Route {
	key := route.Param{
		Name: "key", In: "path", Summary: "The source's key: 1 to 64 letters, digits, '.', '_' and '-'.", Schema: route.Schema{"type": "string"},
	}
	none := route.Answer{Status: 404, Summary: "There is no such source."}
	shown := route.Answer{Status: 200, Summary: "The source.", Schema: route.Ref("Source")}
	row := func(method, path, name, summary string, handler func(http.ResponseWriter, *http.Request) error, answers ...route.Answer) route.Route {
		return route.Route{
			Method: method, Path: "/v1/sources" + path, Name: name, Tag: "Sources", Key: route.AdminKey, Class: route.Internal,
			Summary: summary, Params: []route.Param{key}, Answers: answers, Handler: route.Handle(handler),
		}
	}
	list := row(http.MethodGet, "", "listSources", "List the sources by key.", a.listSources,
		route.Answer{Status: 200, Summary: "The sources.", Schema: listSchema(route.Ref("Source"))})
	list.Params = pageParams()
	put := row(http.MethodPut, "/{key}", "putSource", "Make a source what the document says; a write key is made if there is none.", a.putSource,
		route.Answer{Status: 200, Summary: "Changed.", Schema: route.Ref("Source")},
		route.Answer{Status: 201, Summary: "Created.", Schema: route.Ref("Source")},
		route.Answer{Status: 409, Summary: "Another source has the write key, or the version is no longer the stored one."},
		route.Answer{Status: 422, Summary: "The document is not accepted; errors[] names each place."})
	put.BodyBytes, put.Body = sourceBytesMax, route.Ref("SourceDocument")
	rotate := row(http.MethodPost, "/{key}/rotate", "rotateSourceKey", "Give a source a new write key; the old ones stay known for the overlap.", a.rotateSource,
		shown, none, route.Answer{Status: 409, Summary: "The source has too many write keys that still count."})
	rotate.BodyBytes, rotate.Body = sourceBytesMax, route.Schema{"type": "object", "properties": route.Schema{
		"overlap": route.Schema{"type": "string", "default": "24h", "description": "A whole number and m, h, d or w."}}}
	return []route.Route{
		list, put, rotate,
		row(http.MethodGet, "/{key}", "getSource", "Read a source.", a.getSource, shown, none),
		row(http.MethodDelete, "/{key}", "deleteSource", "Remove a source; its events stay.", a.deleteSource,
			route.Answer{Status: 204, Summary: "Removed."}, none),
	}
}

func (a *API) listSources(w http.ResponseWriter, r *http.Request) error {
	p, err := pageOf(r)
	if err != nil {
		return err
	}
	after, err := p.key()
	if err != nil {
		return err
	}
	all, more, err := a.cfg.Sources.List(r.Context(), after, p.limit)
	if err != nil {
		return err
	}
	views := make([]resource.View, len(all))
	next := ""
	for i := range all {
		views[i] = all[i].View()
		if more {
			next = cursorOf(all[i].Key)
		}
	}
	return writeList(w, views, next)
}

func (a *API) getSource(w http.ResponseWriter, r *http.Request) error {
	src, err := a.cfg.Sources.Get(r.Context(), r.PathValue("key"))
	if err != nil {
		return err
	}
	return writeSource(w, http.StatusOK, src)
}

func (a *API) putSource(w http.ResponseWriter, r *http.Request) error {
	switch dry, err := flagOf(r, "dry_run"); {
	case err != nil:
		return err
	case dry:
		return errs.New(errs.Invalid, "request.dry_run", "sources have no dry run")
	}
	body, err := route.ReadBody(r)
	if err != nil {
		return err
	}
	src, created, err := a.cfg.Sources.Put(r.Context(), r.PathValue("key"), body)
	if err != nil {
		return err
	}
	if created {
		return writeSource(w, http.StatusCreated, src)
	}
	return writeSource(w, http.StatusOK, src)
}

func writeSource(w http.ResponseWriter, status int, src resource.Source) error {
	return route.WriteJSON(w, status, src.View())
}

func (a *API) deleteSource(w http.ResponseWriter, r *http.Request) error {
	if err := a.cfg.Sources.Delete(r.Context(), r.PathValue("key")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *API) rotateSource(w http.ResponseWriter, r *http.Request) error {
	body, err := route.ReadBody(r)
	if err != nil {
		return err
	}
	overlap, err := readOverlap(body)
	if err != nil {
		return err
	}
	src, err := a.cfg.Sources.Rotate(r.Context(), r.PathValue("key"), overlap)
	if err != nil {
		return err
	}
	return writeSource(w, http.StatusOK, src)
}

// readOverlap reads the body of a rotation, which may be empty.
func readOverlap(body []byte) (overlap time.Duration, err error) {
	overlap = resource.OverlapDefault
	if len(body) == 0 {
		return overlap, nil
	}
	err = form.Read(body, func(o *form.Object) {
		if !o.Has("overlap") {
			o.Skip("overlap")
			return
		}
		d, ok := resource.ParseDuration(o.Text("overlap", 16))
		if !ok {
			o.Refuse("overlap", form.CodeInvalid, "must be a whole number from 1 and m, h, d or w, such as 24h")
		}
		overlap = d
	})
	return overlap, err
}
