// Package sqlapi is the route of analysts' queries: it reads the query, asks the
// engine, and streams the answer in the form that the caller accepts.
package sqlapi

import (
	"bytes"
	"context"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kith/internal/analytics"
	"kith/internal/analytics/encode"
	"kith/internal/errs"
	"kith/internal/resource/form"
	"kith/internal/route"
	"kith/internal/strictjson"
)

// Headers of an answer, of its trailer where it is long.
const (
	// AsOfHeader tells up to which moment the tables hold everything.
	AsOfHeader = "Kith-As-Of"
	// TruncatedHeader names the limit by which an answer was cut short.
	TruncatedHeader = "Kith-Truncated"
)

// Sizes of requests and answers.
const (
	bodyBytesMax  = 256 << 10 // a query with all its characters escaped fits
	queryBytesMax = 64 << 10
	// heldBytes is how much of an answer is held back. What fails until then is
	// told as a problem; of a longer answer only a broken connection tells it.
	heldBytes = 1 << 20
)

// pieceTime is how long a caller may take for each piece of an answer.
const pieceTime = 30 * time.Second

// Routes returns the rows of the table.
func Routes(engine analytics.Engine) []route.Route {
	h := &handler{engine}
	answers := []route.Answer{
		{Status: 200, Summary: "The answer. Its tables hold everything up to the moment in Kith-As-Of.", Schema: answerSchema()},
		{Status: 200, Summary: "One JSON object to a line; Kith-Truncated, a header or a trailer, tells by which limit the answer was cut short.", Type: encode.NDJSON.MediaType()},
		{Status: 200, Summary: "CSV with a line of names; texts that a spreadsheet would compute have an apostrophe before them.", Type: encode.CSV.MediaType()},
		{Status: 200, Summary: "A stream of Apache Arrow.", Type: encode.Arrow.MediaType()},
		{Status: 406, Summary: "None of the types in Accept is one of these."},
		{Status: 422, Summary: "The query is refused or failed; errors[] says why and where, and what to do."},
		{Status: 429, Summary: "Too many queries run and wait."},
	}
	return []route.Route{{
		Method: http.MethodPost, Path: "/v1/sql", Name: "runSQL", Tag: "Analytics", Key: route.ReadKey, Class: route.Special,
		Summary:   "Run a read-only SQL query over the open tables: one SELECT, in the dialect of DuckDB.",
		BodyBytes: bodyBytesMax,
		Params: []route.Param{{
			Name: "Accept", In: "header", Summary: "The form of the answer.", Schema: route.Schema{"type": "string", "default": encode.JSON.MediaType()},
		}},
		Body: route.Schema{
			"type": "object", "required": []string{"query"}, "additionalProperties": false, "description": "A query.",
			"properties": map[string]route.Schema{"query": {
				"type": "string", "maxLength": queryBytesMax, "examples": []string{"SELECT name, count(*) FROM events GROUP BY name ORDER BY 2 DESC LIMIT 10"},
			}},
		},
		Answers: answers,
		Handler: route.Handle(h.run),
	}}
}

func answerSchema() route.Schema {
	text := route.Schema{"type": "string"}
	return route.Schema{
		"type": "object", "required": []string{"columns", "data", "rows", "truncated", "as_of"}, "description": "The answer to a query.",
		"properties": map[string]route.Schema{
			"columns": {"type": "array", "items": route.Schema{
				"type": "object", "required": []string{"name", "type"}, "properties": map[string]route.Schema{"name": text, "type": text},
			}},
			"data":         {"type": "array", "items": route.Schema{"type": "object"}, "description": "One object to a row. Decimals and integers of any length are JSON numbers, times are RFC 3339 in UTC."},
			"rows":         {"type": "integer", "description": "How many rows data has."},
			"truncated":    {"type": "boolean", "description": "Whether a limit cut the answer short."},
			"truncated_by": {"type": "string", "enum": []string{string(analytics.CutRows), string(analytics.CutBytes)}},
			"as_of":        {"type": []string{"string", "null"}, "format": "date-time", "description": "Up to when the tables hold everything."},
		},
	}
}

type handler struct{ engine analytics.Engine }

func (h *handler) run(w http.ResponseWriter, r *http.Request) error {
	format, err := accepted(r.Header.Values("Accept"))
	if err != nil {
		return err
	}
	body, err := route.ReadBody(r)
	if err != nil {
		return err
	}
	var query string
	if err := form.Read(body, func(o *form.Object) { query = readQuery(o) }); err != nil {
		return err
	}
	rows, err := h.engine.Query(r.Context(), analytics.Query{SQL: query})
	if err != nil {
		return err
	}
	defer rows.Close()
	out := &answer{ctx: r.Context(), w: w, format: format, rows: rows}
	if err := encode.Write(out, format, rows); err != nil {
		if !out.began {
			return err
		}
		_ = http.NewResponseController(w).Flush() // the connection is given up below
		panic(http.ErrAbortHandler)
	}
	return out.finish()
}

// readQuery takes the query, which may have any characters and lines. Its length
// and its bytes are the engine's to judge.
func readQuery(o *form.Object) string {
	v := o.Value("query")
	if !v.Exists() || v.Kind() != strictjson.String {
		o.Refuse("query", form.CodeRequired, "must be the text of a query")
		return ""
	}
	return v.Text()
}

// answer writes the answer, its first part once there is enough of it.
type answer struct {
	ctx    context.Context
	w      http.ResponseWriter
	format encode.Format
	rows   analytics.Rows
	held   bytes.Buffer
	began  bool
}

// Write implements io.Writer.
func (a *answer) Write(p []byte) (int, error) {
	if a.began {
		return a.piece(p)
	}
	if a.held.Len()+len(p) <= heldBytes {
		return a.held.Write(p)
	}
	a.head()
	a.w.Header().Set("Trailer", TruncatedHeader)
	if _, err := a.piece(a.held.Bytes()); err != nil {
		return 0, err
	}
	a.held = bytes.Buffer{}
	return a.piece(p)
}

func (a *answer) head() {
	a.began = true
	h := a.w.Header()
	h.Set("Content-Type", a.format.MediaType())
	if a.format == encode.CSV {
		h.Set("Content-Type", a.format.MediaType()+"; charset=utf-8; header=present")
		h.Set("Content-Disposition", `attachment; filename="answer.csv"`)
	}
	if at := a.rows.AsOf(); !at.IsZero() {
		h.Set(AsOfHeader, encode.Moment(at))
	}
}

// piece writes a part within the time that the caller has for it.
func (a *answer) piece(p []byte) (int, error) {
	ctx, stop := context.WithTimeout(a.ctx, pieceTime)
	defer stop()
	end, _ := ctx.Deadline()
	// A writer without deadlines, such as one in memory, cuts nothing off.
	_ = http.NewResponseController(a.w).SetWriteDeadline(end)
	return a.w.Write(p)
}

// finish writes what is still held, or the trailer.
func (a *answer) finish() error {
	cut := a.rows.Cut()
	if a.began {
		if cut != analytics.Whole {
			a.w.Header().Set(TruncatedHeader, string(cut))
		}
		return nil
	}
	a.head()
	if cut != analytics.Whole {
		a.w.Header().Set(TruncatedHeader, string(cut))
	}
	a.w.Header().Set("Content-Length", strconv.Itoa(a.held.Len()))
	_, _ = a.piece(a.held.Bytes()) // the caller may be gone; nobody is left to tell
	return nil
}

// accepted picks the form of the answer: that of the highest quality that there
// is, JSON where nothing is asked for.
func accepted(accept []string) (encode.Format, error) {
	best, quality, asked := encode.JSON, 0.0, false
	for _, part := range strings.Split(strings.Join(accept, ","), ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		asked = true
		media, params, err := mime.ParseMediaType(part)
		if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
			continue
		}
		f, ok := formatOf(media)
		q := 1.0
		if text, has := params["q"]; has {
			if q, err = strconv.ParseFloat(text, 64); err != nil {
				continue
			}
		}
		if ok && q > quality {
			best, quality = f, q
		}
	}
	if asked && quality == 0 {
		var all []string
		for _, f := range encode.Formats() {
			all = append(all, f.MediaType())
		}
		return "", errs.New(errs.Invalid, route.CodeAccept, "the answer can be %s", strings.Join(all, ", "))
	}
	return best, nil
}

func formatOf(media string) (encode.Format, bool) {
	switch media {
	case "*/*", "application/*", "application/json", "text/json":
		return encode.JSON, true
	case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines":
		return encode.NDJSON, true
	case "text/csv", "text/*":
		return encode.CSV, true
	case "application/vnd.apache.arrow.stream":
		return encode.Arrow, true
	}
	return "", false
}
