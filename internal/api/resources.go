package api

import (
	"context"
	"net/http"

	"kith/event"
	"kith/internal/resource"
	"kith/internal/route"
)

// collection is the five routes of a kind of resource whose documents are T.
type collection[T any] struct {
	items *resource.Collection[T]
	path  string // "/v1/purposes"
	name  string // "Purpose"
	tag   string
	show  func(*resource.Item[T]) any
	// extra are items that no document declares, by key; nil for none.
	extra func() []resource.Item[T]
	// what the document and the answer look like
	document, answer string
	gone             string // what becomes of what depends on a removed one
}

// resourceBytesMax bounds the document of a resource.
const resourceBytesMax = 256 << 10

func (c *collection[T]) rows() []route.Route {
	key := route.Param{Name: "key", In: "path", Summary: "1 to 64 letters, digits, '.', '_' and '-'.", Schema: textSchema()}
	none := route.Answer{Status: 404, Summary: "There is none of that key."}
	row := func(method, path, name, summary string, handler func(http.ResponseWriter, *http.Request) error, answers ...route.Answer) route.Route {
		return route.Route{
			Method: method, Path: c.path + path, Name: name, Tag: c.tag, Key: route.AdminKey, Class: route.Internal,
			Summary: summary, Params: []route.Param{key}, Answers: answers, Handler: route.Handle(handler),
		}
	}
	list := row(http.MethodGet, "", "list"+c.tag, "List them by key.", c.list,
		route.Answer{Status: 200, Summary: "A part of the list.", Schema: listSchema(route.Ref(c.answer))})
	list.Params = pageParams()
	put := row(http.MethodPut, "/{key}", "put"+c.name, "Make it what the document says. What it means for records that were already taken holds once they are folded again; POST /v1/flush waits for that.", c.put,
		route.Answer{Status: 200, Summary: "Changed.", Schema: route.Ref(c.answer)},
		route.Answer{Status: 201, Summary: "Created.", Schema: route.Ref(c.answer)},
		route.Answer{Status: 409, Summary: "The version is no longer the stored one."},
		route.Answer{Status: 422, Summary: "The document is not accepted; errors[] names each place."})
	put.BodyBytes, put.Body = resourceBytesMax, route.Ref(c.document)
	put.Params = append(put.Params, route.Param{Name: "dry_run", In: "query", Summary: "1: check the document and answer what it would be, and change nothing.", Schema: textSchema()})
	return []route.Route{
		list, put,
		row(http.MethodGet, "/{key}", "get"+c.name, "Read one.", c.get, route.Answer{Status: 200, Summary: "Found.", Schema: route.Ref(c.answer)}, none),
		row(http.MethodDelete, "/{key}", "delete"+c.name, "Remove one. "+c.gone, c.remove, route.Answer{Status: 204, Summary: "Removed."}, none),
	}
}

func (c *collection[T]) list(w http.ResponseWriter, r *http.Request) error {
	p, err := pageOf(r)
	if err != nil {
		return err
	}
	after, err := p.key()
	if err != nil {
		return err
	}
	items, err := c.all(r.Context())
	if err != nil {
		return err
	}
	var data []any
	next := ""
	for i := range items {
		if items[i].Key <= after {
			continue
		}
		if len(data) == p.limit {
			next = cursorOf(items[i-1].Key)
			break
		}
		data = append(data, c.show(&items[i]))
	}
	return writeList(w, data, next)
}

// all returns what is declared and what is there without a document, by key.
func (c *collection[T]) all(ctx context.Context) ([]resource.Item[T], error) {
	items, err := c.items.All(ctx)
	if err != nil || c.extra == nil {
		return items, err
	}
	var out []resource.Item[T]
	extra := c.extra()
	for len(items)+len(extra) > 0 {
		switch {
		case len(extra) == 0 || len(items) > 0 && items[0].Key <= extra[0].Key:
			if len(extra) > 0 && items[0].Key == extra[0].Key {
				extra = extra[1:]
			}
			out, items = append(out, items[0]), items[1:]
		default:
			out, extra = append(out, extra[0]), extra[1:]
		}
	}
	return out, nil
}

func (c *collection[T]) get(w http.ResponseWriter, r *http.Request) error {
	key := r.PathValue("key")
	if c.extra != nil {
		items, err := c.all(r.Context())
		if err != nil {
			return err
		}
		for i := range items {
			if items[i].Key == key {
				return route.WriteJSON(w, http.StatusOK, c.show(&items[i]))
			}
		}
	}
	item, err := c.items.Get(r.Context(), key)
	if err != nil {
		return err
	}
	return route.WriteJSON(w, http.StatusOK, c.show(&item))
}

func (c *collection[T]) put(w http.ResponseWriter, r *http.Request) error {
	body, err := route.ReadBody(r)
	if err != nil {
		return err
	}
	dry, err := flagOf(r, "dry_run")
	if err != nil {
		return err
	}
	save := c.items.Put
	if dry {
		save = c.items.Try
	}
	item, created, err := save(r.Context(), r.PathValue("key"), body)
	if err != nil {
		return err
	}
	if dry {
		return route.WriteJSON(w, http.StatusOK, c.show(&item))
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return route.WriteJSON(w, status, c.show(&item))
}

func (c *collection[T]) remove(w http.ResponseWriter, r *http.Request) error {
	if err := c.items.Delete(r.Context(), r.PathValue("key")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// itemTime is null for what nobody has written.
func itemTime(ms int64) *string {
	if ms == 0 {
		return nil
	}
	s := event.FormatTime(ms)
	return &s
}
