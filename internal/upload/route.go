package upload

import (
	"mime"
	"net/http"

	"kith/event"
	"kith/internal/entity"
	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/job"
	"kith/internal/resource/form"
	"kith/internal/route"
)

const (
	uploadBytesMax = 64 << 20
	uploadAtOnce   = 1000 // rows that are written before the answer
)

// Routes returns the rows of the API by which uploads come.
func (l *Uploader) Routes() []route.Route {
	query := func(name, summary string) route.Param {
		return route.Param{Name: name, In: "query", Summary: summary, Schema: textSchema()}
	}
	mode := query("mode", "add (default), remove, or replace: the list is what is sent.")
	mode.Schema = route.Schema{"type": "string", "enum": []string{entity.ModeAdd, entity.ModeRemove, entity.ModeReplace}}
	return []route.Route{{
		Method: http.MethodPost, Path: "/v1/segments/{key}/members", Name: "uploadSegmentMembers", Tag: "Segments", Key: route.AdminKey, Class: route.Identifying,
		Summary: "Upload members of a list, each named by an identifier, as JSON, as lines of JSON (application/x-ndjson) or as a table (text/csv) whose first line names the columns. A row that names nobody is rejected alone. More than 1,000 rows are a job.",
		Params: []route.Param{
			{Name: "key", In: "path", Summary: "Of the segment, which says list: true.", Schema: textSchema()}, mode,
			query("source", "Key of the source that the rows are of; api if absent."),
			query("run", "The load that they belong to, which can be retracted as a whole; one of its own if absent."),
			query("id", "A name of the upload: sent again it changes nothing."),
			query("timestamp", "Its place among uploads; now if absent."),
		},
		BodyBytes: uploadBytesMax, Body: uploadSchema(),
		Answers: []route.Answer{
			{Status: 200, Summary: "What was accepted is durable.", Schema: uploadedSchema()},
			{Status: 202, Summary: "A job writes it.", Schema: route.Ref("Job")},
			{Status: 404, Summary: "There is none of that key."}, {Status: 409, Summary: "The segment is no list."},
			{Status: 422, Summary: "The upload is not accepted."},
		},
		Handler: route.Handle(l.receive),
	}}
}

// receive takes one upload.
func (l *Uploader) receive(w http.ResponseWriter, r *http.Request) error {
	if _, err := l.cfg.Segment(r.Context(), r.PathValue("key")); err != nil {
		return err
	}
	body, err := route.ReadBody(r)
	if err != nil {
		return err
	}
	u, err := uploadOf(r)
	if err != nil {
		return err
	}
	format, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || format == "application/x-www-form-urlencoded" {
		format = entity.FormatJSON // as of every other call whose body has no type
	}
	rules := l.cfg.Rules()
	rows, err := entity.ReadUpload(format, body, func(column string) bool { return columnOf(rules, column) }, &u)
	if err != nil {
		return err
	}
	if err := u.Check(func(field string) string { return "/" + field }); err != nil {
		return err
	}
	if rows.Expected > uploadAtOnce {
		j, err := l.UploadJob(r.Context(), u, rows, int64(len(body)))
		if err != nil {
			return err
		}
		return route.WriteJSON(w, http.StatusAccepted, l.cfg.ShowJob(&j))
	}
	rejects := []job.Rejected{}
	out, err := l.Upload(r.Context(), u, rows, func(row job.Rejected) error {
		rejects = append(rejects, row)
		return nil
	})
	if err != nil {
		return err
	}
	return route.WriteJSON(w, http.StatusOK, struct {
		Uploaded
		Rejected []job.Rejected `json:"rejected"`
	}{out, rejects})
}

// columnOf reports whether a column is named by a type of identifiers.
func columnOf(rules *identity.Config, name string) bool {
	_, known := rules.Rules[name]
	return known || name == entity.GroupType
}

// uploadOf reads what the query says of an upload.
func uploadOf(r *http.Request) (entity.Upload, error) {
	q := r.URL.Query()
	u := entity.Upload{
		Segment: r.PathValue("key"), Mode: q.Get("mode"), Source: q.Get("source"), Run: q.Get("run"), ID: q.Get("id"), Timestamp: event.NoTime,
	}
	if text := q.Get("timestamp"); text != "" {
		at, ok := event.ParseTime(text)
		if !ok {
			return u, form.Refuse(errs.Invalid, form.CodeInvalid, "/timestamp", "must be a time such as 2026-03-01T09:00:00Z")
		}
		u.Timestamp = at
	}
	return u, nil
}

func uploadSchema() route.Schema {
	identifier := object("An identifier; its value may also stand under its type, as in {\"email\": \"ana@example.com\"}.", map[string]route.Schema{"type": textSchema(), "value": textSchema()})
	return object("An upload. What stands beside members may be in the query too.", map[string]route.Schema{
		"members": {"type": "array", "items": identifier},
		"mode":    {"type": "string", "enum": []string{entity.ModeAdd, entity.ModeRemove, entity.ModeReplace}},
		"source":  textSchema(), "run": textSchema(), "id": textSchema(), "timestamp": {"type": "string", "format": "date-time"},
	}, "members")
}

func uploadedSchema() route.Schema {
	return object("What became of an upload.", map[string]route.Schema{
		"accepted": {"type": "integer"}, "rejected": {"type": "array", "items": route.Ref("RejectedRow")},
		"unknown": {"type": "integer", "description": "Of the accepted: identifiers that nobody had yet. Who turns out to have one is in the list from then on."},
		"source":  textSchema(), "run": {"type": "string", "description": "By it and the source the upload can be retracted."},
	}, "accepted", "rejected", "unknown", "source", "run")
}

func object(description string, properties map[string]route.Schema, required ...string) route.Schema {
	return route.Schema{"type": "object", "description": description, "properties": properties, "required": append([]string{}, required...)}
}

func textSchema() route.Schema { return route.Schema{"type": "string"} }
