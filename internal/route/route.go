// Package route holds the one form in which every HTTP route of kith is
// declared: who may call it, what class of data it returns, what its bounds are,
// and what its request and answer look like. The OpenAPI document is generated
// from the same table that is mounted, so a route that is not declared does not
// exist and a declared one cannot be missing from the document.
package route

import "net/http"

// Key is the kind of key a route asks for. Kinds are not ordered: a write key
// opens no route that asks for another kind, and the other way round.
type Key uint8

// The kinds of key.
const (
	NoKey    Key = iota // anyone
	WriteKey            // a source's write key: may send events, nothing else
	ReadKey             // may read what the route's class allows
	AdminKey            // all rights in the workspace
)

// Class is the most sensitive class of data that a route may return.
type Class uint8

// The classes, from public to secret.
const (
	Public      Class = iota // C0
	Internal                 // C1: behaviour, counts, operations
	Identifying              // C2: e-mail, phone, ids, names
	Special                  // C3: health, belief, precise place
	Secret                   // C4: keys, tokens
)

// Schema is a JSON Schema in the form OpenAPI 3.1 takes, as a plain tree.
type Schema map[string]any

// Param is one parameter of the path, the query or a header.
type Param struct {
	Name     string
	In       string // path, query, header
	Summary  string
	Schema   Schema
	Required bool
}

// Answer is one documented answer.
type Answer struct {
	Status  int
	Summary string
	Type    string // media type; empty means application/json
	Schema  Schema // nil: no body worth describing
}

// Route is one row of the table.
type Route struct {
	Method    string // GET, POST, …; the mux answers HEAD for GET and OPTIONS where CORS is set
	Path      string // in the form of net/http's ServeMux: /v1/sources/{key}
	Name      string // operationId: a verb and a noun, unique
	Tag       string // group in the document
	Summary   string // one sentence
	Key       Key
	Class     Class
	BodyBytes int64 // largest body after decompression; 0: the route takes none
	CORS      bool  // any origin may call it; only the collector's routes
	Waits     bool  // it mostly waits, or streams with bounds of its own, and takes no place among the calls answered at once
	AnyQuery  bool  // whatever stands in the query is for the page that is answered; the handler reads none of it
	Params    []Param
	Body      Schema
	Answers   []Answer
	Handler   http.HandlerFunc
}
