package route

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"kith/internal/errs"
	"kith/internal/sys"
	"kith/internal/workspace"
)

// Principal is who calls: the holder of a key.
type Principal struct {
	Key       Key
	Name      string // of the key, for logs; never the key itself
	Workspace workspace.Handle
}

// Authenticator knows the keys.
type Authenticator interface {
	// Authenticate returns who holds the token. A token that nobody holds gives
	// an error of kind Denied; other kinds mean that it could not be looked up.
	Authenticate(ctx context.Context, token string) (Principal, error)
}

// Call is one finished request, for counting.
type Call struct {
	Route  string // the row's name; "none" when no row answered
	Status int
	Took   time.Duration
}

// Failure is a request that ended with a defect of kith or damaged data, for
// logging. The caller sees nothing but the request's id.
type Failure struct {
	RequestID string
	Route     string
	Err       error
	Stack     []byte // of a panic; nil for an error
}

// Options is what a mux works with. Rand and Clock must be set; the callbacks
// may be nil and must be safe for concurrent use.
type Options struct {
	Rand   sys.Rand
	Clock  sys.Clock
	Called func(Call)
	Failed func(Failure)

	// AtOnce is how many calls with a key of the API are answered at once, those
	// of routes that wait left out; 0 is 64. Others wait a moment, then get 429.
	AtOnce int

	// Session returns for whom a call without a key is made, by what a browser
	// sends along; the error is of kind Denied. Nil: for nobody. The collector's
	// rows never ask it.
	Session func(*http.Request) (Principal, error)
}

// RequestIDHeader carries the id of a request in its answer, whatever it is.
const RequestIDHeader = "X-Request-Id"

// Mux mounts exactly the table: what is not in it is answered 404, a method that
// its path does not have 405, and before a handler runs its key, its query
// parameters and the bound of its body have been checked. A panic becomes a 500
// that names nothing but the request's id.
//
// A row of key kind WriteKey or with CORS belongs to the collector, whose
// handlers check key, query and body themselves. A handler of a row with CORS
// also writes the headers that let any origin read its answer; the mux writes
// them on the answers that it makes itself, and answers the preflights of paths
// without a row for OPTIONS.
func Mux(table []Route, auth Authenticator, opts Options) (http.Handler, error) {
	if err := Check(table); err != nil {
		return nil, err
	}
	if opts.Rand == nil || opts.Clock == nil {
		return nil, errs.New(errs.Internal, "route.options", "a mux needs a clock and a random source")
	}
	if opts.Called == nil {
		opts.Called = func(Call) {}
	}
	if opts.Failed == nil {
		opts.Failed = func(Failure) {}
	}
	m := &mux{tree: newTree(slices.Clone(table)), auth: auth, opts: opts, places: newPlaces(opts.AtOnce, opts.Clock)}
	if _, err := opts.Rand.Read(m.run[:]); err != nil {
		return nil, errs.Wrap(err, errs.Internal, "route.options", "the random source failed")
	}
	return m, nil
}

type mux struct {
	tree   *tree
	auth   Authenticator
	opts   Options
	places *places
	run    [8]byte       // tells this mux from every other one
	count  atomic.Uint64 // of requests
}

// ServeHTTP implements http.Handler.
func (m *mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := m.opts.Clock.Now()
	a := &answer{ResponseWriter: w, request: r, route: "none"}
	a.Header()[RequestIDHeader] = []string{m.requestID()}
	defer m.finish(a, start)
	m.serve(a, r)
}

// finish counts the call, and answers and reports one that panicked.
func (m *mux) finish(a *answer, start time.Time) {
	p := recover()
	if p == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
		m.called(a, start)
		panic(p)
	}
	partly := a.status != 0
	if p != nil {
		a.err, a.stack = panicked(p), debug.Stack()
		if !partly {
			a.crossed()
			WriteProblem(a, a.err)
		}
	}
	if a.err != nil {
		m.opts.Failed(Failure{a.Header().Get(RequestIDHeader), a.route, a.err, a.stack})
	}
	m.called(a, start)
	if p != nil && partly {
		// Part of an answer is out: only a broken connection tells that the
		// rest will not come.
		panic(http.ErrAbortHandler)
	}
}

func (m *mux) called(a *answer, start time.Time) {
	status := a.status
	if status == 0 {
		status = http.StatusOK
	}
	m.opts.Called(Call{a.route, status, m.opts.Clock.Now().Sub(start)})
}

func panicked(p any) error { return errs.New(errs.Internal, "request.panic", "%s", PanicText(p)) }

// PanicText describes a recovered value without quoting what a message held: only
// the runtime's own texts and those of broken invariants are fixed.
func PanicText(p any) string {
	switch v := p.(type) {
	case runtime.Error:
		return v.Error()
	case string:
		if strings.HasPrefix(v, "BUG: ") {
			return v
		}
	}
	return fmt.Sprintf("a value of type %T", p)
}

// requestID returns 32 hexadecimal digits: of the mux, and of the request's
// number. An id names a request in the log and grants nothing, so it need not be
// hard to guess.
func (m *mux) requestID() string {
	var id [16]byte
	copy(id[:], m.run[:])
	binary.BigEndian.PutUint64(id[8:], m.count.Add(1))
	var text [32]byte
	hex.Encode(text[:], id[:])
	return string(text[:])
}

func (m *mux) serve(a *answer, r *http.Request) {
	path := r.URL.EscapedPath()
	place, values := m.tree.find(path)
	if place == nil {
		place, values = m.tree.findCollector(path)
	}
	if place == nil {
		hardened(a.Header())
		WriteProblem(a, errs.New(errs.NotFound, "request.no_such_route", "there is no such route; /v1/openapi.json lists all"))
		return
	}
	a.cors = place.cors
	if !place.cors {
		hardened(a.Header())
	}
	row := place.row(r.Method)
	if row == nil {
		m.noRow(a, r, place)
		return
	}
	a.route = row.Name
	for i, name := range place.names {
		r.SetPathValue(name, values[i])
	}
	r, err := m.admit(a, r, row)
	if err != nil {
		WriteProblem(a, err)
		return
	}
	if row.bounded() {
		if err := m.places.enter(r); err != nil {
			WriteProblem(a, err)
			return
		}
		defer m.places.leave()
	}
	row.Handler(a, r)
}

// noRow answers a method that the path does not have.
func (m *mux) noRow(a *answer, r *http.Request, place *place) {
	a.crossed()
	a.Header().Set("Allow", place.allow)
	if r.Method == http.MethodOptions && place.cors {
		preflight(a, r, place.allow)
		return
	}
	WriteProblem(a, errs.New(errs.Invalid, CodeMethod, "the route answers %s", place.allow))
}

// admit makes the checks that come before a handler.
func (m *mux) admit(a *answer, r *http.Request, row *row) (*http.Request, error) {
	if row.collector() {
		return r, nil
	}
	r, err := m.authenticate(r, row.Key)
	if err != nil {
		return nil, err
	}
	if !row.AnyQuery {
		if err := checkQuery(r, row.query); err != nil {
			return nil, err
		}
	}
	return r, boundBody(a, r, row.BodyBytes)
}

// hardened sets the headers of everything that is no page: never interpreted as
// another type, kept by nobody, framed by nobody.
func hardened(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
}

// allowOrigin lets a page of any origin read the answer, errors too. The routes
// that do this read no cookie, so credentials give nothing away.
func allowOrigin(h http.Header, r *http.Request) {
	h.Set("Vary", "Origin")
	h.Set("X-Content-Type-Options", "nosniff")
	if origin := r.Header.Get("Origin"); origin != "" {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Access-Control-Expose-Headers", "Retry-After, "+RequestIDHeader)
	}
}

func preflight(w http.ResponseWriter, r *http.Request, allow string) {
	h := w.Header()
	if r.Header.Get("Origin") != "" {
		h.Set("Access-Control-Allow-Methods", allow)
		h.Set("Access-Control-Max-Age", "86400")
		if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
			h.Set("Access-Control-Allow-Headers", asked)
			h.Add("Vary", "Access-Control-Request-Headers")
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// checkQuery refuses parameters that the row does not declare, repeated ones and
// a query that cannot be read: a misspelled filter must not widen an answer.
func checkQuery(r *http.Request, allowed []string) error {
	if r.URL.RawQuery == "" {
		return nil
	}
	names := "this route takes none"
	if len(allowed) > 0 {
		names = "this route takes " + strings.Join(allowed, ", ")
	}
	query, err := parseQuery(r)
	if err != nil {
		return err
	}
	for name, values := range query {
		if !slices.Contains(allowed, name) {
			return errs.New(errs.Invalid, "request.unknown_parameter", "there is an unknown query parameter; %s", names)
		}
		if len(values) > 1 {
			return errs.New(errs.Invalid, "request.repeated_parameter", "a query parameter stands twice; %s", names)
		}
	}
	return nil
}

// answer watches what a handler writes.
type answer struct {
	http.ResponseWriter
	request *http.Request
	route   string
	cors    bool
	status  int // 0 until the header is out
	err     error
	stack   []byte
}

// crossed lets pages of any origin read an answer of the mux where its path
// allows that.
func (a *answer) crossed() {
	if a.cors {
		allowOrigin(a.Header(), a.request)
	}
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Flush sends what is buffered, for handlers that stream.
func (a *answer) Flush() {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	_ = http.NewResponseController(a.ResponseWriter).Flush()
}

// failed remembers the error behind an answer that does not tell it.
func (a *answer) failed(err error) { a.err = err }

// principalKey is the context key of a Principal.
type principalKey struct{}

// PrincipalOf returns who calls. Of a route that asks for a key there always is
// someone; else ok is false.
func PrincipalOf(ctx context.Context) (p Principal, ok bool) {
	p, ok = ctx.Value(principalKey{}).(Principal)
	return p, ok
}

// Codes that stand for one status each.
const (
	CodeMethod       = "request.method"
	CodeBodyTooLarge = "request.body_too_large"
	CodeEncoding     = "request.encoding"
	CodeAccept       = "request.accept"
	CodeNoKey        = "key.missing"
	CodeBadKey       = "key.unknown"
	CodeKeyKind      = "key.kind"
)

func (m *mux) authenticate(r *http.Request, want Key) (*http.Request, error) {
	if want == NoKey {
		return r, nil
	}
	who, err := m.holder(r)
	if err != nil {
		return nil, err
	}
	if !who.Key.Opens(want) {
		return nil, errs.New(errs.Denied, CodeKeyKind, "the route asks for a key of kind %s; this is one of kind %s", want, who.Key)
	}
	return r.WithContext(context.WithValue(r.Context(), principalKey{}, who)), nil
}

// holder returns who calls: the holder of the key or, without one, of the session.
func (m *mux) holder(r *http.Request) (Principal, error) {
	if m.opts.Session != nil && len(r.Header.Values("Authorization")) == 0 {
		return m.opts.Session(r)
	}
	token, err := tokenOf(r)
	if err != nil {
		return Principal{}, err
	}
	if m.auth == nil {
		return Principal{}, errs.New(errs.Denied, CodeBadKey, "the key is not known")
	}
	who, err := m.auth.Authenticate(r.Context(), token)
	if errs.Is(err, errs.Denied) {
		return Principal{}, errs.New(errs.Denied, CodeBadKey, "the key is not known")
	}
	return who, err
}

// tokenOf takes the key out of the Authorization header: as bearer token, or as
// the user name of Basic, which is how Segment's Profile API is called.
func tokenOf(r *http.Request) (string, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		return "", errs.New(errs.Denied, CodeNoKey, "send the key as Authorization: Bearer KEY")
	}
	if len(headers) > 1 {
		return "", errs.New(errs.Denied, CodeBadKey, "send one Authorization header")
	}
	if user, _, ok := r.BasicAuth(); ok && user != "" {
		return user, nil
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", errs.New(errs.Denied, CodeBadKey, "send the key as Authorization: Bearer KEY")
	}
	return token, nil
}

// Handle makes a handler of a function that returns its error instead of
// writing it.
func Handle(f func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := f(w, r); err != nil {
			if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
				err = errs.Wrap(err, errs.Unavailable, "request.canceled", "the caller went away")
			}
			WriteProblem(w, err)
		}
	}
}
