package api

import (
	"context"
	"net/http"
	"time"

	"kith/event"
	"kith/internal/route"
)

// Status is how far the fold is, counted in records.
type Status struct {
	Accepted       int64 // answered 200, repeats and quarantined ones too
	Processed      int64 // the same once folded
	Repeats        int64
	Quarantined    int64
	AnalyticsLagMs int64 // age of the oldest happening that does not show in the lake
	WaveDue        int64 // timed changes that are due
	WaveDone       int64 // of these, done
	Pending        int64 // identifiers on which evidence waits to be brought into the profiles
	Engines        Engines
	Position       []int64 // by partition: records folded
}

// Engines names what a workspace runs on.
type Engines struct {
	Log   string `json:"log"`
	State string `json:"state"`
}

// Hash is one number for the whole derived state, and one for each family of its
// rows, all of one snapshot.
type Hash struct {
	State    string            // 64 hexadecimal digits
	At       int64             // UTC milliseconds: the moment whose state it is
	Position []int64           // by partition: records folded into it
	Families map[string]string // likewise, by family
}

type statusAnswer struct {
	Accepted       int64             `json:"accepted"`
	Processed      int64             `json:"processed"`
	Repeats        int64             `json:"repeats"`
	Quarantined    int64             `json:"quarantined"`
	Lag            int64             `json:"lag"`
	AnalyticsLagMs int64             `json:"analytics_lag_ms"`
	Wave           waveAnswer        `json:"wave"`
	Identity       identityAnswer    `json:"identity"`
	Engines        Engines           `json:"engines"`
	StateHash      string            `json:"state_hash,omitempty"`
	HashAt         string            `json:"hash_at,omitempty"`
	Position       []int64           `json:"position,omitempty"`
	Hashes         map[string]string `json:"hashes,omitempty"`
}

type waveAnswer struct {
	Due  int64 `json:"due"`
	Done int64 `json:"done"`
}

type identityAnswer struct {
	Pending int64 `json:"pending"`
}

// Bounds of the wait for a flush.
const (
	flushDefault = 30 * time.Second
	flushMax     = 10 * time.Minute
	flushGrace   = 10 * time.Second // for the answer, behind the wait
)

// systemRows are what machines ask. The document is filled in once the whole
// table is known.
func (a *API) systemRows(document *[]byte) []route.Route {
	ok := route.Schema{"type": "object", "required": []string{"status"}, "properties": route.Schema{"status": route.Schema{"type": "string"}}}
	return []route.Route{
		{
			Method: http.MethodGet, Path: "/healthz", Name: "checkHealth", Tag: "System",
			Summary: "Tell that the process runs.",
			Answers: []route.Answer{{Status: 200, Summary: "It runs.", Schema: ok}},
			Handler: route.Handle(func(w http.ResponseWriter, _ *http.Request) error {
				return route.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
			}),
		},
		{
			Method: http.MethodGet, Path: "/readyz", Name: "checkReadiness", Tag: "System",
			Summary: "Tell whether calls can be served.",
			Answers: []route.Answer{{Status: 200, Summary: "They can.", Schema: ok}, {Status: 503, Summary: "Not now."}},
			Handler: route.Handle(a.ready),
		},
		{
			Method: http.MethodGet, Path: "/metrics", Name: "readMetrics", Tag: "System", Class: route.Internal,
			Summary: "Read all metrics in the text format of Prometheus.",
			Answers: []route.Answer{{Status: 200, Summary: "The metrics.", Type: "text/plain"}},
			Handler: a.cfg.Metrics.ServeHTTP,
		},
		{
			Method: http.MethodGet, Path: "/v1/openapi.json", Name: "getDescription", Tag: "System",
			Summary: "Read this document.",
			Answers: []route.Answer{{Status: 200, Summary: "An OpenAPI 3.1 document.", Schema: route.Schema{"type": "object"}}},
			Handler: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write(*document) // the caller may be gone; nobody is left to tell
			},
		},
	}
}

func (a *API) statusRows() []route.Route {
	return []route.Route{
		{
			Method: http.MethodGet, Path: "/v1/status", Name: "getStatus", Tag: "System", Key: route.ReadKey, Class: route.Internal,
			Summary: "Read how far kith is, and on demand the hash of its state.",
			Params: []route.Param{
				{Name: "hash", In: "query", Summary: "1 adds the hash of the state, which reads all of it.", Schema: route.Schema{"type": "string", "enum": []string{"0", "1"}}},
				{Name: "at", In: "query", Summary: "The moment whose state is hashed; now if absent.", Schema: timeSchema()},
			},
			Answers: []route.Answer{{Status: 200, Summary: "The status.", Schema: route.Ref("Status")}},
			Handler: route.Handle(a.status),
		},
		{
			Method: http.MethodPost, Path: "/v1/flush", Name: "flush", Tag: "System", Key: route.AdminKey, Class: route.Internal, Waits: true,
			Summary: "Wait until everything that was accepted before the call is folded and shows everywhere.",
			Params: []route.Param{
				{Name: "timeout", In: "query", Summary: "How long to wait, such as 500ms, 30s or 1m; at most 10m.", Schema: route.Schema{"type": "string", "default": "30s"}},
			},
			Answers: []route.Answer{
				{Status: 200, Summary: "It does.", Schema: route.Schema{
					"type": "object", "required": []string{"position"}, "properties": route.Schema{"position": positionSchema()}}},
				{Status: 503, Summary: "It did not in time (code flush.timeout); the work goes on."},
			},
			Handler: route.Handle(a.flush),
		},
	}
}

func (a *API) ready(w http.ResponseWriter, r *http.Request) error {
	if a.cfg.Ready != nil {
		if err := a.cfg.Ready(r.Context()); err != nil {
			return err
		}
	}
	return route.WriteJSON(w, http.StatusOK, map[string]string{"status": "ready"})
}

func (a *API) status(w http.ResponseWriter, r *http.Request) error {
	hash, err := flagOf(r, "hash")
	if err != nil {
		return err
	}
	at, err := timeOf(r, "at", a.cfg.Now())
	if err != nil {
		return err
	}
	s, err := a.cfg.Pipeline.Status(r.Context())
	if err != nil {
		return err
	}
	answer := statusAnswer{
		Accepted: s.Accepted, Processed: s.Processed, Repeats: s.Repeats, Quarantined: s.Quarantined,
		Lag: s.Accepted - s.Processed, AnalyticsLagMs: s.AnalyticsLagMs, Wave: waveAnswer{s.WaveDue, s.WaveDone},
		Identity: identityAnswer{s.Pending}, Engines: s.Engines,
	}
	if hash {
		// It reads the whole state, however long that takes.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
		h, err := a.cfg.Pipeline.Hash(r.Context(), at)
		if err != nil {
			return err
		}
		answer.StateHash, answer.HashAt, answer.Position, answer.Hashes = h.State, event.FormatTime(h.At), h.Position, h.Families
	}
	return route.WriteJSON(w, http.StatusOK, answer)
}

// flush waits longer than a listener lets an ordinary answer take, so it moves
// the connection's deadline.
func (a *API) flush(w http.ResponseWriter, r *http.Request) error {
	wait, err := waitOf(r, "timeout", flushDefault, flushMax)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(r.Context(), wait)
	defer stop()
	end, _ := ctx.Deadline()
	// A writer without deadlines, such as one in memory, cuts nothing off.
	_ = http.NewResponseController(w).SetWriteDeadline(end.Add(flushGrace))
	if err := a.cfg.Pipeline.Flush(ctx); err != nil {
		return err
	}
	s, err := a.cfg.Pipeline.Status(r.Context())
	if err != nil {
		return err
	}
	return route.WriteJSON(w, http.StatusOK, map[string][]int64{"position": s.Position})
}
