package collect

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"kith/event"
	"kith/internal/route"
)

// Routes returns every path of the collector. SDKs write a path with and without
// a slash at its end, and a redirect would lose the body, so whoever mounts the
// rows has to take both for one. Every handler answers OPTIONS itself, so that
// whoever mounts a row mounts the same handler for the path's preflight.
func (c *Collector) Routes() []route.Route {
	t := table{c: c}
	t.calls()
	t.batches()
	t.pixels()
	t.others()
	t.documents()
	return t.rows
}

// Handler serves the routes alone, for a listener of the collector's own.
func (c *Collector) Handler() http.Handler {
	mux := http.NewServeMux()
	preflights := map[string]bool{}
	for _, r := range c.Routes() {
		for _, path := range [...]string{r.Path, r.Path + "/{$}"} {
			mux.Handle(r.Method+" "+path, r.Handler)
			if !preflights[path] {
				preflights[path] = true
				mux.Handle(http.MethodOptions+" "+path, r.Handler)
			}
		}
	}
	mux.Handle("/", c.notFound())
	return CleanPath(mux)
}

// CleanPath makes double slashes and dots in a path one thing with the path they
// mean before it is routed. http.ServeMux would redirect, and an SDK whose
// address was configured with a slash at the end would lose its events.
func CleanPath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "//") && !strings.Contains(r.URL.Path, "/./") && !strings.Contains(r.URL.Path, "/..") {
			next.ServeHTTP(w, r)
			return
		}
		clean := path.Clean("/" + r.URL.Path)
		if strings.HasSuffix(r.URL.Path, "/") && clean != "/" {
			clean += "/"
		}
		twin := new(http.Request)
		*twin = *r
		twin.URL = new(url.URL)
		*twin.URL = *r.URL
		twin.URL.Path, twin.URL.RawPath = clean, ""
		next.ServeHTTP(w, twin)
	})
}

// table collects the rows.
type table struct {
	c    *Collector
	rows []route.Route
}

// add adds a row for each of the paths.
func (t *table) add(r route.Route, paths ...string) {
	r.Tag, r.CORS, r.Class = "Collector", true, route.Public
	for i, p := range paths {
		row := r
		if i > 0 {
			row.Name += "At" + word(p)
		}
		row.Path = p
		t.rows = append(t.rows, row)
	}
}

// word makes a part of an operation's name out of a path.
func word(p string) string {
	var b strings.Builder
	for part := range strings.FieldsFuncSeq(p, func(r rune) bool { return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9') }) {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

func (t *table) calls() {
	for call := event.Identify; call <= event.Alias; call++ {
		name := call.String()
		ep := &endpoint{name: name, call: call, decide: decideSingle}
		t.add(t.post(ep, "Send one "+name+" call.", messageSchema(call)), "/v1/"+name, "/v1/"+name[:1])
		ep = &endpoint{name: "jitsu_" + name, call: call, dialect: jitsu, decide: decideSingle}
		t.add(t.post(ep, "Send one "+name+" call, as Jitsu's SDK does.", messageSchema(call)), "/api/s/"+name)
		ep = &endpoint{name: "jitsu_s2s_" + name, call: call, dialect: jitsu, serverToServer: true, decide: decideSingle}
		t.add(t.post(ep, "Send one "+name+" call from a server, as Jitsu's SDK does.", messageSchema(call)), "/api/s/s2s/"+name)
	}
	ep := &endpoint{name: "jitsu_event", dialect: jitsu, decide: decideSingle}
	t.add(t.post(ep, "Send one call whose type is in the body.", messageSchema(event.Unknown)), "/api/s/event")
	ep = &endpoint{name: "jitsu_s2s_event", dialect: jitsu, serverToServer: true, decide: decideSingle}
	t.add(t.post(ep, "Send one call whose type is in the body from a server.", messageSchema(event.Unknown)), "/api/s/s2s/event")
}

func (t *table) batches() {
	ep := &endpoint{name: "batch", batch: true, decide: decideBatch}
	t.add(t.post(ep, "Send a batch of calls.", batchSchema()), "/v1/batch", "/v1/import", "/v1/b", "/beacon/v1/batch")
	ep = &endpoint{name: "jitsu_batch", batch: true, dialect: jitsu, decide: decideBatch}
	t.add(t.post(ep, "Send a batch of calls, as Jitsu's SDK does.", batchSchema()), "/api/s/batch", "/v1/batch/b", "/batch", "/b")
	ep = &endpoint{name: "jitsu_s2s_batch", batch: true, dialect: jitsu, serverToServer: true, decide: decideBatch}
	t.add(t.post(ep, "Send a batch of calls from a server, as Jitsu's SDK does.", batchSchema()), "/api/s/s2s/batch")
}

func (t *table) pixels() {
	ep := &endpoint{name: "pixel", dialect: pixel, decide: decidePixel}
	r := t.get(ep, "Send one call by loading an image.", image())
	r.Params = []route.Param{
		{Name: "type", In: "path", Required: true, Summary: "The call.", Schema: route.Schema{"enum": callNames()}},
		text("query", "data", "The call as JSON in base64url. Without it every other parameter is a field, with dots for levels."),
		text("query", "writeKey", "The write key, if the call does not name it."),
	}
	t.add(r, "/v1/pixel/{type}", "/pixel/v1/{type}", "/api/px/{type}")
}

func (t *table) others() {
	ep := &endpoint{name: "snowplow", batch: true, dialect: snowplow, decide: decideSnowplow}
	r := t.post(ep, "Send events of a Snowplow tracker.", route.Schema{
		"type":       "object",
		"properties": route.Schema{"schema": route.Schema{"type": "string"}, "data": route.Schema{"type": "array", "items": route.Schema{"type": "object"}}},
	})
	r.Answers[0] = route.Answer{Status: http.StatusOK, Summary: "Stored, but for the events that were bad.", Type: "text/plain"}
	t.add(r, "/com.snowplowanalytics.snowplow/tp2")
	ep = &endpoint{name: "snowplow_pixel", batch: true, dialect: pixel, decide: decideSnowplowQuery}
	t.add(t.get(ep, "Send one event of a Snowplow tracker by loading an image.", image()), "/i", "/ice.png")

	metrics := &endpoint{name: "metrics"}
	r = t.post(metrics, "Take the telemetry of SDKs and throw it away.", route.Schema{})
	r.Key, r.Handler = route.NoKey, t.c.plain("metrics", t.c.serveMetrics)
	t.add(r, "/v1/m")
}

func (t *table) documents() {
	settings := route.Route{
		Method: http.MethodGet, Name: "collectSettings", Key: route.NoKey,
		Summary: "Read the settings that Segment's SDKs ask for before they send.",
		Params:  []route.Param{{Name: "key", In: "path", Required: true, Summary: "The write key.", Schema: route.Schema{"type": "string"}}},
		Answers: []route.Answer{
			{Status: http.StatusOK, Summary: "The settings.", Schema: route.Schema{"type": "object"}},
			{Status: http.StatusNotFound, Summary: "No source has this key.", Schema: refusalSchema()},
		},
		Handler: t.c.plain("settings", t.c.serveSettings),
	}
	t.add(settings, "/v1/projects/{key}/settings", "/projects/{key}/settings")
	config := route.Route{
		Method: http.MethodGet, Name: "collectSourceConfig", Key: route.WriteKey,
		Summary: "Read the configuration that RudderStack's browser SDK asks for before it sends.",
		Params:  []route.Param{text("query", "writeKey", "The write key, if the Authorization header does not name it.")},
		Answers: []route.Answer{
			{Status: http.StatusOK, Summary: "The configuration.", Schema: route.Schema{"type": "object"}},
			{Status: http.StatusUnauthorized, Summary: "The write key is unknown.", Schema: refusalSchema()},
		},
		Handler: t.c.plain("sourceConfig", t.c.serveSourceConfig),
	}
	t.add(config, "/sourceConfig")
	gpc := route.Route{
		Method: http.MethodGet, Name: "collectGPC", Key: route.NoKey,
		Summary: "Read that Global Privacy Control is honoured.",
		Answers: []route.Answer{{Status: http.StatusOK, Summary: "The statement.", Schema: route.Schema{"type": "object"}}},
		Handler: t.c.plain("gpc", t.c.serveGPC),
	}
	t.add(gpc, "/.well-known/gpc.json")
}

// post makes the row of an endpoint that takes a body.
func (t *table) post(ep *endpoint, summary string, body route.Schema) route.Route {
	ok := route.Answer{Status: http.StatusOK, Summary: "Durable, but for the messages that the answer rejects.", Schema: acceptedSchema(ep.dialect)}
	return route.Route{
		Method: http.MethodPost, Name: "collect" + word(ep.name), Summary: summary, Key: route.WriteKey,
		BodyBytes: t.c.limits.BodyBytes, Body: body, Handler: t.c.serve(ep),
		Params: []route.Param{
			text("query", "writeKey", "The write key, if neither a header nor the body names it."),
			text("header", "X-Write-Key", "The write key, and behind a colon the secret."),
			text("header", "Content-Encoding", "gzip, deflate, zstd or absent."),
		},
		Answers: append([]route.Answer{ok}, refusals()...),
	}
}

// get makes the row of an endpoint that is loaded as an image.
func (t *table) get(ep *endpoint, summary string, ok route.Answer) route.Route {
	return route.Route{
		Method: http.MethodGet, Name: "collect" + word(ep.name), Summary: summary, Key: route.WriteKey,
		Handler: t.c.serve(ep), Answers: []route.Answer{ok, {Status: http.StatusServiceUnavailable, Summary: "Cannot be stored now.", Type: "image/gif"}},
	}
}

func image() route.Answer {
	return route.Answer{Status: http.StatusOK, Summary: "An image, whether the call was good or not.", Type: "image/gif"}
}

func text(in, name, summary string) route.Param {
	return route.Param{Name: name, In: in, Summary: summary, Schema: route.Schema{"type": "string"}}
}

func refusals() []route.Answer {
	var answers []route.Answer
	for _, a := range [...]struct {
		status  int
		summary string
	}{
		{http.StatusBadRequest, "Never to be accepted as it is: do not send it again."},
		{http.StatusUnauthorized, "The write key is missing, unknown or disabled."},
		{http.StatusRequestTimeout, "The body came too slowly."},
		{http.StatusTooManyRequests, "Too much is in flight: send again after Retry-After seconds."},
		{http.StatusInternalServerError, "A defect."},
		{http.StatusServiceUnavailable, "Cannot be stored now: send again after Retry-After seconds."},
	} {
		answers = append(answers, route.Answer{Status: a.status, Summary: a.summary, Schema: refusalSchema()})
	}
	return answers
}

func callNames() []string {
	var names []string
	for call := event.Identify; call <= event.Alias; call++ {
		names = append(names, call.String())
	}
	return names
}

func refusalSchema() route.Schema {
	return route.Schema{
		"type":     "object",
		"required": []string{"success", "code", "message"},
		"properties": route.Schema{
			"success":    route.Schema{"const": false},
			"code":       route.Schema{"type": "string"},
			"message":    route.Schema{"type": "string"},
			"request_id": route.Schema{"type": "string"},
		},
	}
}

func acceptedSchema(d dialect) route.Schema {
	flag := "success"
	if d == jitsu {
		flag = "ok"
	}
	rejected := route.Schema{
		"type":     "object",
		"required": []string{"index", "message_id", "code", "detail"},
		"properties": route.Schema{
			"index":      route.Schema{"type": "integer"},
			"message_id": route.Schema{"type": "string"},
			"code":       route.Schema{"type": "string"},
			"detail":     route.Schema{"type": "string"},
		},
	}
	return route.Schema{
		"type":     "object",
		"required": []string{flag},
		"properties": route.Schema{
			flag:       route.Schema{"const": true},
			"rejected": route.Schema{"type": "array", "items": rejected},
		},
	}
}

func messageSchema(call event.Type) route.Schema {
	id := route.Schema{"type": []string{"string", "number", "null"}}
	properties := route.Schema{
		"type": route.Schema{"enum": callNames()}, "messageId": route.Schema{"type": "string"},
		"userId": id, "anonymousId": id, "timestamp": route.Schema{"type": "string", "format": "date-time"},
		"context": route.Schema{"type": "object"}, "integrations": route.Schema{"type": "object"},
	}
	var required []string
	switch call {
	case event.Unknown:
		required = []string{"type"}
	case event.Identify:
		properties["traits"] = route.Schema{"type": "object"}
	case event.Track:
		properties["event"], properties["properties"], required = route.Schema{"type": "string"}, route.Schema{"type": "object"}, []string{"event"}
	case event.Page, event.Screen:
		properties["name"], properties["properties"] = route.Schema{"type": "string"}, route.Schema{"type": "object"}
	case event.Group:
		properties["groupId"], properties["traits"], required = id, route.Schema{"type": "object"}, []string{"groupId"}
	case event.Alias:
		properties["previousId"], required = id, []string{"previousId"}
	}
	s := route.Schema{"type": "object", "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

func batchSchema() route.Schema {
	return route.Schema{
		"type":     "object",
		"required": []string{"batch"},
		"properties": route.Schema{
			"batch":        route.Schema{"type": "array", "items": messageSchema(event.Unknown)},
			"writeKey":     route.Schema{"type": "string"},
			"sentAt":       route.Schema{"type": "string", "format": "date-time"},
			"context":      route.Schema{"type": "object"},
			"integrations": route.Schema{"type": "object"},
		},
	}
}
