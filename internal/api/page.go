package api

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"time"

	"kith/internal/errs"
	"kith/internal/profile"
	"kith/internal/route"
)

// Bounds of a page.
const (
	limitDefault   = 100
	limitMax       = 1000
	cursorBytesMax = 4096
)

// list is the answer of every list. Next is null at the end.
type list[T any] struct {
	Data []T     `json:"data"`
	Next *string `json:"next"`
}

// writeList answers with a part of a list; an empty next means that it is the
// last one.
func writeList[T any](w http.ResponseWriter, data []T, next string) error {
	answer := list[T]{Data: data}
	if data == nil {
		answer.Data = []T{}
	}
	if next != "" {
		answer.Next = &next
	}
	return route.WriteJSON(w, http.StatusOK, answer)
}

// page is what a caller asks of a list.
type page struct {
	limit  int
	cursor string
}

// refAndPage reads whom a path names and which part of a list of theirs is asked for.
func refAndPage(r *http.Request) (ref profile.Ref, p page, err error) {
	if ref, err = refOf(r); err == nil {
		p, err = pageOf(r)
	}
	return ref, p, err
}

// pageOf reads limit and cursor.
func pageOf(r *http.Request) (page, error) {
	query := r.URL.Query()
	p := page{limit: limitDefault, cursor: query.Get("cursor")}
	if len(p.cursor) > cursorBytesMax {
		return page{}, errCursor()
	}
	if s := query.Get("limit"); s != "" {
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil || n < 1 || n > limitMax {
			return page{}, errs.New(errs.Invalid, "request.limit", "limit must be a whole number from 1 to %d", limitMax)
		}
		p.limit = int(n)
	}
	return p, nil
}

func errCursor() error {
	return errs.New(errs.Invalid, "request.cursor", "the cursor is none that this list answered as next")
}

// key reads a cursor made by cursorOf; it is empty on the first page.
func (p page) key() (string, error) {
	if p.cursor == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(p.cursor)
	if err != nil || len(b) == 0 {
		return "", errCursor()
	}
	return string(b), nil
}

// cursorOf makes a cursor of what a page ends with.
func cursorOf(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

// flagOf reads a parameter that is 1 or true for yes, 0, false or absent for no.
func flagOf(r *http.Request, name string) (bool, error) {
	switch r.URL.Query().Get(name) {
	case "1", "true":
		return true, nil
	case "", "0", "false":
		return false, nil
	}
	return false, errs.New(errs.Invalid, "request.flag", "%s must be 1 or 0", name)
}

// timeOf reads a parameter that is a moment: a time of RFC 3339 with its zone, or
// a date alone, which is its midnight in UTC. It is absent if it is not given.
func timeOf(r *http.Request, name string, absent int64) (int64, error) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return absent, nil
	}
	for _, form := range [...]string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UnixMilli(), nil
		}
	}
	return 0, errs.New(errs.Invalid, "request.time", "%s must be a time like 2026-01-31T12:00:00Z, percent-encoded", name)
}

// waitOf reads a parameter that says how long to wait, such as 500ms, 30s or 1m.
func waitOf(r *http.Request, name string, absent, most time.Duration) (time.Duration, error) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return absent, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 || d > most {
		return 0, errs.New(errs.Invalid, "request.duration", "%s must be a duration like 500ms, 30s or 1m, at most %s", name, most)
	}
	return d, nil
}

// pageParams are the parameters of every list.
func pageParams() []route.Param {
	return []route.Param{
		{Name: "limit", In: "query", Summary: "How many at most.", Schema: route.Schema{
			"type": "integer", "minimum": 1, "maximum": limitMax, "default": limitDefault}},
		{Name: "cursor", In: "query", Summary: "The next of the page before.", Schema: route.Schema{"type": "string"}},
	}
}
