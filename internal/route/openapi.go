package route

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"kith/internal/errs"
)

// Info heads the OpenAPI document.
type Info struct {
	Title       string
	Version     string
	Description string
	// Schemas are the named schemas that rows refer to with Ref.
	Schemas map[string]Schema
}

// Ref is a schema that stands for the named one of Info.Schemas.
func Ref(name string) Schema { return Schema{"$ref": "#/components/schemas/" + name} }

// OpenAPI writes the table as an OpenAPI 3.1 document. The bytes are the same
// for the same table and info. Key kind, class of data and bounds stand in
// fields x-kith-key, x-kith-class, x-kith-body-bytes and x-kith-any-origin.
func OpenAPI(table []Route, info Info) ([]byte, error) {
	if err := Check(table); err != nil {
		return nil, err
	}
	paths := map[string]map[string]any{}
	for i := range table {
		r := &table[i]
		path := documentPath(r.Path)
		if paths[path] == nil {
			paths[path] = map[string]any{}
		}
		paths[path][strings.ToLower(r.Method)] = r.operation()
	}
	doc := map[string]any{
		"openapi":    "3.1.0",
		"info":       map[string]any{"title": info.Title, "version": info.Version, "description": info.Description},
		"paths":      paths,
		"components": components(info.Schemas),
	}
	data, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		return nil, errs.Wrap(err, errs.Internal, "route.openapi", "a schema of the table is no JSON")
	}
	return append(data, '\n'), nil
}

// documentPath turns {name...} into {name}, and the sign of a last slash into
// nothing.
func documentPath(path string) string {
	return strings.TrimSuffix(strings.ReplaceAll(path, "...}", "}"), slash)
}

func (r *Route) operation() map[string]any {
	op := map[string]any{
		"operationId":  r.Name,
		"tags":         []string{r.Tag},
		"summary":      r.Summary,
		"security":     r.security(),
		"responses":    r.responses(),
		"x-kith-key":   r.Key.String(),
		"x-kith-class": r.Class.String(),
	}
	if len(r.Params) > 0 {
		op["parameters"] = r.parameters()
	}
	if r.BodyBytes > 0 {
		needed := r.Method == http.MethodPut || r.Body["required"] != nil
		op["requestBody"] = map[string]any{"required": needed, "content": content("application/json", r.Body)}
		op["x-kith-body-bytes"] = r.BodyBytes
	}
	if r.CORS {
		op["x-kith-any-origin"] = true
	}
	return op
}

// security lists the alternatives of keys that open the row.
func (r *Route) security() []map[string][]string {
	all := []map[string][]string{}
	for k := WriteKey; k <= AdminKey; k++ {
		if r.Key != NoKey && k.Opens(r.Key) {
			all = append(all, map[string][]string{k.String() + "Key": {}})
		}
	}
	return all
}

func (r *Route) parameters() []map[string]any {
	all := make([]map[string]any, len(r.Params))
	for i, p := range r.Params {
		all[i] = map[string]any{
			"name": p.Name, "in": p.In, "description": p.Summary, "schema": p.Schema,
			"required": p.Required || p.In == "path",
		}
	}
	return all
}

// responses are the row's own answers and, where the mux makes them, those of
// key and bound; everything else that may come is a problem as well.
func (r *Route) responses() map[string]any {
	all := map[string]any{}
	if !r.collector() {
		all["default"] = problemResponse("Any other error.")
		if r.Key != NoKey {
			all["401"] = problemResponse("No key, or one that is not known.")
			all["403"] = problemResponse("A key of another kind.")
		}
		if r.BodyBytes > 0 {
			all["413"] = problemResponse("The body is longer than " + strconv.FormatInt(r.BodyBytes, 10) + " bytes.")
		}
	}
	own := map[string]bool{}
	for _, a := range r.Answers {
		status := strconv.Itoa(a.Status)
		one := a.response(r.collector())
		if own[status] {
			one = joined(all[status].(map[string]any), one)
		}
		all[status], own[status] = one, true
	}
	return all
}

// joined is one answer of a status in all its media types; each of them says in
// its own answer what it is.
func joined(first, second map[string]any) map[string]any {
	all := map[string]any{}
	for _, one := range []map[string]any{first, second} {
		types, _ := one["content"].(map[string]any)
		maps.Copy(all, types)
	}
	return map[string]any{"description": fmt.Sprint(first["description"], " ", second["description"]), "content": all}
}

func (a Answer) response(collector bool) map[string]any {
	switch {
	case a.Schema == nil && a.Type == "" && a.Status >= 400 && !collector:
		return problemResponse(a.Summary)
	case a.Schema == nil && a.Type == "":
		return map[string]any{"description": a.Summary}
	}
	mediaType := a.Type
	if mediaType == "" {
		mediaType = "application/json"
	}
	return map[string]any{"description": a.Summary, "content": content(mediaType, a.Schema)}
}

func problemResponse(summary string) map[string]any {
	return map[string]any{"description": summary, "content": content(ProblemType, Ref("Problem"))}
}

func content(mediaType string, s Schema) map[string]any {
	if s == nil {
		s = Schema{}
	}
	return map[string]any{mediaType: map[string]any{"schema": s}}
}

func components(named map[string]Schema) map[string]any {
	schemas := map[string]Schema{"Problem": problemSchema()}
	for name, s := range named {
		schemas[name] = s
	}
	return map[string]any{
		"schemas": schemas,
		"securitySchemes": map[string]any{
			"adminKey": map[string]any{"type": "http", "scheme": "bearer",
				"description": "The admin token, or a key with all rights in its workspace."},
			"readKey": map[string]any{"type": "http", "scheme": "bearer",
				"description": "A key that may read."},
			"writeKey": map[string]any{"type": "http", "scheme": "basic",
				"description": "A source's write key as user name, with an empty password; also as bearer or in the body."},
		},
	}
}

func problemSchema() Schema {
	text := Schema{"type": "string"}
	return Schema{
		"type":        "object",
		"description": "An error (RFC 9457).",
		"required":    []string{"type", "title", "status", "code", "detail", "request_id"},
		"properties": map[string]Schema{
			"type":       text,
			"title":      text,
			"status":     {"type": "integer"},
			"code":       {"type": "string", "description": "Stable; decide by it."},
			"detail":     {"type": "string", "description": "One sentence that says what to do."},
			"request_id": {"type": "string", "description": "Also in the header X-Request-Id; names the call in kith's log."},
			"errors": {"type": "array", "description": "Each mistake in the body.", "items": Schema{
				"type": "object", "required": []string{"pointer", "code", "detail"},
				"properties": map[string]Schema{
					"pointer": {"type": "string", "description": "JSON pointer (RFC 6901)."}, "code": text, "detail": text,
				},
			}},
		},
	}
}
