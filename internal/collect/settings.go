package collect

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"kith/event"
)

// settingsAge is how long in seconds browsers keep a settings document.
const settingsAge = "60"

// plain wraps a handler of a document: CORS, and a panic answered.
func (c *Collector) plain(name string, serve func(*job) *refusal) http.HandlerFunc {
	ep := &endpoint{name: name}
	return func(w http.ResponseWriter, r *http.Request) {
		if cross(w, r) {
			return
		}
		j := c.jobs.Get().(*job)
		j.w, j.r, j.ep, j.began = w, r, ep, c.clock.Now()
		defer j.finish()
		j.caller = c.callerOf(r)
		refused := j.clientRate()
		if refused == nil {
			refused = serve(j)
		}
		if refused != nil {
			j.status = j.reply(refused)
		}
	}
}

// serveSettings answers what Segment's SDKs ask before they send: which key to
// use and where to send. It must name "Segment.io" and no other integration, or
// the browser SDK fetches code for it.
func (c *Collector) serveSettings(j *job) *refusal {
	key := split(j.r.PathValue("key")).key
	source, ok := c.sources.ByWriteKey(key)
	if !ok || !source.Enabled {
		return &refusal{http.StatusNotFound, "invalid_write_key", "no source has this write key", 0}
	}
	j.source = source
	j.document(settingsJSON(key, c.apiHost(j.r), c.plainHTTP(j.r)))
	return nil
}

// settingsJSON: the values that are not used are empty objects because the
// mobile SDKs' types are.
func settingsJSON(key, host string, plainHTTP bool) []byte {
	const on = `{"__default":{"enabled":true}}`
	o := newObject(make([]byte, 0, 512))
	o.key("integrations")
	integrations := newObject(o.b)
	integrations.key("Segment.io")
	own := newObject(integrations.b)
	own.text("apiKey", key)
	own.text("apiHost", host)
	if plainHTTP {
		own.text("protocol", "http")
	}
	own.raw("versionSettings", `{"version":"4.4.7","componentTypes":["browser"]}`)
	integrations.b = own.close()
	o.b = integrations.close()
	o.raw("plan", `{"track":`+on+`,"identify":`+on+`,"group":`+on+`}`)
	o.raw("metrics", `{"sampleRate":0}`)
	o.raw("edgeFunction", `{}`)
	o.raw("middlewareSettings", `{}`)
	o.raw("enabledMiddleware", `{}`)
	o.raw("remotePlugins", `[]`)
	return o.close()
}

// serveSourceConfig answers what RudderStack's browser SDK asks before it sends.
// With HEAD it only looks whether something blocks it.
func (c *Collector) serveSourceConfig(j *job) *refusal {
	if j.r.Method == http.MethodHead {
		j.status = j.send(http.StatusOK, "application/json", nil)
		return nil
	}
	key := j.headCredential()
	source, ok := c.sources.ByWriteKey(key.key)
	if !ok {
		return badKey()
	}
	j.source = source
	o := newObject(make([]byte, 0, 512))
	o.key("source")
	s := newObject(o.b)
	s.text("id", source.Key)
	s.text("name", source.Key)
	s.text("writeKey", key.key)
	s.text("workspaceId", c.workspace)
	if source.Enabled {
		s.raw("enabled", "true")
	} else {
		s.raw("enabled", "false")
	}
	s.raw("config", `{"statsCollection":{"errors":{"enabled":false},"metrics":{"enabled":false}}}`)
	s.raw("destinations", "[]")
	o.b = s.close()
	o.text("updatedAt", event.FormatTime(c.started.UnixMilli()))
	j.document(o.close())
	return nil
}

func (j *job) document(body []byte) {
	j.w.Header()["Cache-Control"] = []string{"public, max-age=" + settingsAge}
	j.status = j.send(http.StatusOK, "application/json", body)
}

// serveGPC says that Global Privacy Control is honoured here.
func (c *Collector) serveGPC(j *job) *refusal {
	o := newObject(nil)
	o.raw("gpc", "true")
	o.text("lastUpdate", "2026-11-22")
	j.document(o.close())
	return nil
}

// serveMetrics takes the telemetry of SDKs and throws it away.
func (c *Collector) serveMetrics(j *job) *refusal {
	j.drain()
	j.status = j.reply(nil)
	return nil
}

// apiHost is where the SDK is to send: host and version, without a scheme.
func (c *Collector) apiHost(r *http.Request) string {
	if u, err := url.Parse(c.publicURL); err == nil && u.Host != "" {
		return u.Host + strings.TrimSuffix(u.Path, "/") + "/v1"
	}
	return r.Host + "/v1"
}

// plainHTTP reports whether the SDK has to be told to send without TLS, which it
// does not do by itself. Only what is certain counts: a page that is itself
// without TLS, on a connection without TLS that no proxy claims to have
// unwrapped, or a collector on the machine of the browser.
func (c *Collector) plainHTTP(r *http.Request) bool {
	if c.publicURL != "" {
		return strings.HasPrefix(c.publicURL, "http://")
	}
	if r.TLS != nil || strings.EqualFold(first(r.Header, "X-Forwarded-Proto"), "https") {
		return false
	}
	return strings.HasPrefix(first(r.Header, "Origin"), "http://") || loopback(r.Host)
}

func loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}

// notFound answers paths that do not exist, with the headers that let a browser
// see it.
func (c *Collector) notFound() http.HandlerFunc {
	return c.plain("notFound", func(j *job) *refusal {
		j.drain()
		return &refusal{http.StatusNotFound, "not_found", "there is nothing at this path", 0}
	})
}
