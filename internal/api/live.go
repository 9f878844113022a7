package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/feed"
	"kith/internal/profile"
	"kith/internal/route"
)

// Live tells what becomes of records while it happens.
type Live interface {
	// Listen hands frames to emit until ctx ends or the process does, which give
	// nil, or emit fails. The first frame has no content. Errors before it are of
	// kind Invalid or Exhausted.
	Listen(ctx context.Context, req feed.Request, emit func(feed.Frame) error) error
}

// listenTime is how long a listener may take to read one frame before its
// connection is ended; it can go on from its place.
const listenTime = 30 * time.Second

func (a *API) liveRows() []route.Route {
	text := textSchema()
	query := func(name, summary string) route.Param {
		return route.Param{Name: name, In: "query", Summary: summary, Schema: text}
	}
	return []route.Route{{
		Method: http.MethodGet, Path: "/v1/live/events", Name: "listenEvents", Tag: "Events", Key: route.ReadKey, Class: route.Special, Waits: true,
		Summary: "Listen to events and verdicts as server-sent events, within moments of their acceptance. " +
			"A verdict tells what became of a record (folded, repeat, held, rejected); an event follows the verdict of a folded one; lost tells how many records were left out because the listener was too slow.",
		Params: []route.Param{
			{Name: "type", In: "query", Summary: "Only calls of this type.", Schema: route.Schema{
				"type": "string", "enum": []string{"identify", "track", "page", "screen", "group", "alias"}}},
			query("name", "Only events, pages or screens of this name."),
			query("source", "Only what the source with this key sent."),
			query("user_id", "Only what names this user."),
			query("identifier", "Only what names this identifier, as type:value."),
			{Name: "Last-Event-ID", In: "header", Summary: "The id of the last message received, to go on behind it; else the stream begins now.", Schema: text},
		},
		Answers: []route.Answer{
			{Status: 200, Summary: "The stream.", Type: "text/event-stream", Schema: route.Schema{
				"type": "string", "description": "Messages event, verdict and lost, each with one JSON object as data; comments show that the stream is alive."}},
			{Status: 429, Summary: "There are too many listeners."},
		},
		Handler: route.Handle(a.listen),
	}}
}

func (a *API) listen(w http.ResponseWriter, r *http.Request) error {
	filter, err := filterOf(r)
	if err != nil {
		return err
	}
	s := stream{w: w, control: http.NewResponseController(w), now: a.cfg.Now}
	if r.Method == http.MethodHead {
		s.head()
		return nil
	}
	req := feed.Request{Filter: filter, From: r.Header.Get("Last-Event-ID")}
	err = a.cfg.Live.Listen(r.Context(), req, s.frame)
	if !s.begun {
		return err
	}
	if err != nil && !s.cut {
		_ = s.write([]byte(": the stream ends: " + errs.CodeOf(err) + "\n\n")) // nobody else is left to tell
	}
	return nil
}

func filterOf(r *http.Request) (feed.Filter, error) {
	q := r.URL.Query()
	f := feed.Filter{Type: event.TypeOf(q.Get("type")), Name: q.Get("name"), Source: q.Get("source")}
	if q.Get("type") != "" && f.Type == event.Unknown {
		return f, errs.New(errs.Invalid, "live.type", "type must be identify, track, page, screen, group or alias")
	}
	if id := q.Get("user_id"); id != "" {
		f.Identifiers = append(f.Identifiers, profile.Ref{Type: "user_id", Value: id})
	}
	if text := q.Get("identifier"); text != "" {
		typ, value, ok := strings.Cut(text, ":")
		if !ok || typ == "" || value == "" {
			return f, errs.New(errs.Invalid, "live.identifier", "identifier must be type:value, such as email:ana@shop.fr, percent-encoded")
		}
		f.Identifiers = append(f.Identifiers, profile.Ref{Type: typ, Value: value})
	}
	return f, nil
}

// stream writes frames as server-sent events. Every write has its own deadline
// in place of the server's, which is made for answers that end.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	now     func() int64
	begun   bool
	cut     bool // the connection takes no more
}

func (s *stream) head() {
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // a proxy that collects would hold events back
	s.w.WriteHeader(http.StatusOK)
	s.begun = true
}

func (s *stream) frame(f feed.Frame) error {
	if !s.begun {
		s.head()
	}
	return s.write(frameText(f))
}

// frameText writes a frame as it goes out. Only white space of JSON can be a line
// end, since in strings it is escaped.
func frameText(f feed.Frame) []byte {
	if f.Event == "" {
		return []byte(": listening\nid: " + f.ID + "\n\n")
	}
	b := []byte("id: " + f.ID + "\nevent: " + f.Event + "\ndata: ")
	b = append(b, strings.NewReplacer("\r", " ", "\n", " ").Replace(string(f.Data))...)
	return append(b, "\n\n"...)
}

func (s *stream) write(b []byte) error {
	deadline := time.UnixMilli(s.now()).Add(listenTime)
	err := s.control.SetWriteDeadline(deadline)
	if err == nil || errors.Is(err, http.ErrNotSupported) {
		if _, err = s.w.Write(b); err == nil {
			err = s.control.Flush()
		}
	}
	if errors.Is(err, http.ErrNotSupported) {
		err = nil // a handler in this process collects
	}
	s.cut = err != nil
	return err
}
