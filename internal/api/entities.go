package api

import (
	"context"
	"encoding/json"
	"net/http"

	"kith/event"
	"kith/internal/entity"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/resource"
	"kith/internal/route"
)

// Rows takes the rows of entities and answers them. An entity that is not declared
// gives an error of kind NotFound.
type Rows interface {
	// Write makes rows of an entity durable and returns how many; rows that cannot be
	// written are in the batch's rejections.
	Write(ctx context.Context, entityKey string, b *entity.Batch) (int, error)
	// Remove deletes a row, whether it is there or not.
	Remove(ctx context.Context, entityKey, key string) error
	// Row returns a row; one that is not there gives kind NotFound.
	Row(ctx context.Context, entityKey, key string) (OwnedRow, error)
	// Rows returns at most limit rows whose keys come after the given one, in
	// ascending order, and whether more follow.
	Rows(ctx context.Context, entityKey, after string, limit int) (rows []OwnedRow, more bool, err error)
	// Owned returns the rows of an entity that belong to a person, by key.
	Owned(ctx context.Context, ref profile.Ref, entityKey string) ([]OwnedRow, error)
}

// OwnedRow is a row and whose it is.
type OwnedRow struct {
	entity.Named
	Owner *identity.Identifier // nil: it names nobody
}

// entityAnswer is an entity as it is answered. A body that repeats it changes
// nothing.
type entityAnswer struct {
	Entity      string               `json:"entity"`
	Name        string               `json:"name"`
	Description string               `json:"description"`
	Key         string               `json:"key"`
	Relation    *resource.Relation   `json:"relation"`
	Attributes  []resource.Attribute `json:"attributes"`
	Version     uint64               `json:"version"`
	CreatedAt   *string              `json:"created_at"`
	UpdatedAt   *string              `json:"updated_at"`
}

func showEntity(item *resource.Item[resource.Entity]) any {
	e := &item.Doc
	out := entityAnswer{
		Entity: item.Key, Name: e.Name, Description: e.Description, Key: e.Key, Relation: e.Relation, Attributes: e.Attributes,
		Version: item.Version, CreatedAt: itemTime(item.CreatedAt), UpdatedAt: itemTime(item.UpdatedAt),
	}
	if out.Attributes == nil {
		out.Attributes = []resource.Attribute{}
	}
	return out
}

func (a *API) entityRows() []route.Route {
	c := &collection[resource.Entity]{
		items: a.cfg.Entities, path: "/v1/entities", name: "Entity", tag: "Entities", show: showEntity,
		document: "EntityDocument", answer: "Entity", gone: "Its rows are no more; declared again, they are back.",
	}
	key := route.Param{Name: "key", In: "path", Summary: "The entity's key.", Schema: textSchema()}
	rowKey := route.Param{Name: "row", In: "path", Summary: "The row's key, percent-encoded.", Schema: textSchema()}
	undeclared := route.Answer{Status: 404, Summary: "There is no such entity."}
	row := func(method, path, name, summary string, handler func(http.ResponseWriter, *http.Request) error, answers []route.Answer, params ...route.Param) route.Route {
		return route.Route{
			Method: method, Path: "/v1/entities/{key}/rows" + path, Name: name, Tag: "Entities", Key: route.AdminKey, Class: route.Identifying,
			Summary: summary, Params: append([]route.Param{key}, params...), Answers: append(answers, undeclared), Handler: route.Handle(handler),
		}
	}
	all := c.rows()
	for method, name := range map[string]string{http.MethodPut: "putEntityRows", http.MethodPost: "postEntityRows"} {
		write := row(method, "", name, "Write rows: each attribute that a row names becomes what it says, unless a later write has been there; null removes one. A row that cannot be written is rejected alone.", a.writeRows,
			[]route.Answer{{Status: 200, Summary: "What was accepted is durable.", Schema: rowsAnswerSchema()}, {Status: 422, Summary: "The batch is not accepted."}})
		write.BodyBytes, write.Body = entity.BatchBytesMax, rowsBodySchema()
		all = append(all, write)
	}
	ref := route.Param{Name: "entity", In: "path", Summary: "The entity's key.", Schema: textSchema()}
	return append(all,
		row(http.MethodGet, "", "listEntityRows", "List rows by key.", a.listRows,
			[]route.Answer{{Status: 200, Summary: "A part of the list.", Schema: listSchema(route.Ref("EntityRow"))}}, pageParams()...),
		row(http.MethodGet, "/{row}", "getEntityRow", "Read a row.", a.getRow,
			[]route.Answer{{Status: 200, Summary: "Found.", Schema: route.Ref("EntityRow")}}, rowKey),
		row(http.MethodDelete, "/{row}", "deleteEntityRow", "Delete a row: what was written of it up to now counts no more.", a.deleteRow,
			[]route.Answer{{Status: 204, Summary: "Durable."}}, rowKey),
		route.Route{
			Method: http.MethodGet, Path: "/v1/profiles/{ref}/entities/{entity}", Name: "listProfileEntityRows", Tag: "Entities",
			Key: route.ReadKey, Class: route.Special, Summary: "List the rows of an entity that belong to a person, by key.",
			Params: append([]route.Param{refParam(), ref}, pageParams()...), Handler: route.Handle(a.ownedRows),
			Answers: []route.Answer{
				{Status: 200, Summary: "Found.", Schema: listSchema(route.Ref("EntityRow"))},
				{Status: 404, Summary: "Nobody has this identifier, or there is no such entity."},
			},
		})
}

// rowAnswer is a row as it is answered.
type rowAnswer struct {
	Key        string            `json:"key"`
	Attributes json.RawMessage   `json:"attributes"`
	Owner      *identifierObject `json:"owner"`
	UpdatedAt  string            `json:"updated_at"`
}

type identifierObject struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

func showRow(r *OwnedRow) rowAnswer {
	out := rowAnswer{Key: r.Key, Attributes: r.Row.AppendJSON(nil), UpdatedAt: event.FormatTime(r.Row.UpdatedAt())}
	if r.Owner != nil {
		out.Owner = &identifierObject{r.Owner.Type, r.Owner.Value}
	}
	return out
}

// rejectedRow is one row that was not taken.
type rejectedRow struct {
	Index  int    `json:"index"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func (a *API) writeRows(w http.ResponseWriter, r *http.Request) error {
	item, err := a.cfg.Entities.Get(r.Context(), r.PathValue("key"))
	if err != nil {
		return err
	}
	body, err := route.ReadBody(r)
	if err != nil {
		return err
	}
	declared := entity.Declared{Key: item.Doc.Key, Types: map[string]string{}}
	for _, attribute := range item.Doc.Attributes {
		declared.Types[attribute.Name] = attribute.Type
	}
	batch, err := entity.ReadBatch(body, &declared)
	if err != nil {
		return err
	}
	n, err := a.cfg.Rows.Write(r.Context(), item.Key, batch)
	if err != nil {
		return err
	}
	rejected := []rejectedRow{}
	for _, x := range batch.Rejected {
		rejected = append(rejected, rejectedRow(x))
	}
	return route.WriteJSON(w, http.StatusOK, struct {
		Accepted int           `json:"accepted"`
		Rejected []rejectedRow `json:"rejected"`
	}{n, rejected})
}

func (a *API) deleteRow(w http.ResponseWriter, r *http.Request) error {
	if err := a.cfg.Rows.Remove(r.Context(), r.PathValue("key"), r.PathValue("row")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *API) getRow(w http.ResponseWriter, r *http.Request) error {
	row, err := a.cfg.Rows.Row(r.Context(), r.PathValue("key"), r.PathValue("row"))
	if err != nil {
		return err
	}
	return route.WriteJSON(w, http.StatusOK, showRow(&row))
}

func (a *API) listRows(w http.ResponseWriter, r *http.Request) error {
	p, err := pageOf(r)
	if err != nil {
		return err
	}
	after, err := p.key()
	if err != nil {
		return err
	}
	rows, more, err := a.cfg.Rows.Rows(r.Context(), r.PathValue("key"), after, p.limit)
	if err != nil {
		return err
	}
	return writeRowList(w, rows, more)
}

func writeRowList(w http.ResponseWriter, rows []OwnedRow, more bool) error {
	answer, next := make([]rowAnswer, len(rows)), ""
	for i := range rows {
		answer[i] = showRow(&rows[i])
		if more {
			next = cursorOf(rows[i].Key)
		}
	}
	return writeList(w, answer, next)
}

func (a *API) ownedRows(w http.ResponseWriter, r *http.Request) error {
	ref, p, err := refAndPage(r)
	if err != nil {
		return err
	}
	after, err := p.key()
	if err != nil {
		return err
	}
	rows, err := a.cfg.Rows.Owned(r.Context(), ref, r.PathValue("entity"))
	if err != nil {
		return err
	}
	for len(rows) > 0 && rows[0].Key <= after {
		rows = rows[1:]
	}
	n := min(len(rows), p.limit)
	return writeRowList(w, rows[:n], len(rows) > n)
}

func entityProperties() map[string]route.Schema {
	return map[string]route.Schema{
		"entity":      {"type": "string", "description": "The key in the address."},
		"name":        {"type": "string", "maxLength": 200},
		"description": {"type": "string", "maxLength": 2000},
		"key":         {"type": "string", "description": "The attribute that tells rows apart."},
		"relation": {
			"type": []string{"object", "null"}, "description": "Whose a row is: an attribute that holds an identifier of the person.",
			"properties": map[string]route.Schema{"attribute": textSchema(), "identifier_type": textSchema()},
			"required":   []string{"attribute", "identifier_type"}, "additionalProperties": false,
		},
		"attributes": arraySchema(object("The type of an attribute; a row that has another one is rejected.", map[string]route.Schema{
			"name": textSchema(), "type": {"type": "string", "enum": resource.AttributeTypes()},
		})),
		"version": {"type": "integer", "description": "In a body: change only what is still of this version."},
	}
}

func entitySchema() route.Schema {
	all := entityProperties()
	all["created_at"], all["updated_at"] = orNull("string"), orNull("string")
	return object("A kind of things that people have, or that events speak of.", all)
}

func entityDocumentSchema() route.Schema {
	all := entityProperties()
	for _, name := range []string{"created_at", "updated_at"} {
		all[name] = route.Schema{"readOnly": true, "description": "May be repeated from an answer and means nothing."}
	}
	return route.Schema{
		"type": "object", "properties": all, "required": []string{"key"}, "additionalProperties": false,
		"description": "An entity as it shall be. Absent fields have their defaults.",
	}
}

func entityRowSchema() route.Schema {
	return object("A row of an entity.", map[string]route.Schema{
		"key":        textSchema(),
		"attributes": mapSchema(anySchema()),
		"owner": {
			"type": []string{"object", "null"}, "description": "The identifier that the row belongs to, known or not.",
			"properties": map[string]route.Schema{"type": textSchema(), "value": textSchema()},
		},
		"updated_at": timeSchema(),
	})
}

func rowsBodySchema() route.Schema {
	return route.Schema{
		"type": "object", "required": []string{"rows"}, "additionalProperties": false,
		"properties": map[string]route.Schema{
			"rows": {"type": "array", "maxItems": entity.BatchMax, "items": route.Schema{
				"type": "object", "description": "Attributes by name. @timestamp is the time of the write, @id its name.",
			}},
			"source":    {"type": "string", "description": "Key of the source that the rows are of."},
			"run":       {"type": "string", "description": "The load that they belong to, which can be retracted as a whole."},
			"id":        {"type": "string", "description": "A name of the batch: sent again it changes nothing."},
			"timestamp": {"type": "string", "format": "date-time", "description": "Of rows without one of their own; now if absent."},
		},
	}
}

func rowsAnswerSchema() route.Schema {
	return object("What became of a batch.", map[string]route.Schema{
		"accepted": intSchema(),
		"rejected": arraySchema(object("A row that was not taken.", map[string]route.Schema{
			"index": intSchema(), "code": textSchema(), "detail": textSchema(),
		})),
	})
}
