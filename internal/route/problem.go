package route

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"kith/internal/errs"
	"kith/internal/resource/form"
)

// ProblemType is the media type of every error (RFC 9457).
const ProblemType = "application/problem+json"

// Problem is the body of an error.
type Problem struct {
	Type      string  `json:"type"`  // always about:blank: the code says more
	Title     string  `json:"title"` // the status in words
	Status    int     `json:"status"`
	Code      string  `json:"code"`   // stable, such as source.not_found
	Detail    string  `json:"detail"` // one plain sentence that says what to do
	RequestID string  `json:"request_id"`
	Errors    []Place `json:"errors,omitempty"`
}

// Place is one mistake in the body of a request.
type Place struct {
	Pointer string `json:"pointer"` // RFC 6901
	Code    string `json:"code"`
	Detail  string `json:"detail"`
}

// retryAfter is what an error may say about when to try again.
type retryAfter interface{ RetryAfter() time.Duration }

// retryDefault is the answer when an error says nothing about it.
const retryDefault = time.Second

// StatusOf maps an error to the status of its answer. It is the one place where
// kinds become statuses.
func StatusOf(err error) int {
	switch errs.CodeOf(err) {
	case CodeMethod:
		return http.StatusMethodNotAllowed
	case CodeBodyTooLarge:
		return http.StatusRequestEntityTooLarge
	case CodeEncoding:
		return http.StatusUnsupportedMediaType
	case CodeAccept:
		return http.StatusNotAcceptable
	case CodeNoKey, CodeBadKey:
		return http.StatusUnauthorized
	}
	switch errs.KindOf(err) {
	case errs.Invalid:
		if placesOf(err) != nil {
			return http.StatusUnprocessableEntity
		}
		return http.StatusBadRequest
	case errs.NotFound:
		return http.StatusNotFound
	case errs.Conflict:
		return http.StatusConflict
	case errs.Denied:
		return http.StatusForbidden
	case errs.Exhausted:
		return http.StatusTooManyRequests
	case errs.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func placesOf(err error) []Place {
	var refused *form.Refused
	if !errors.As(err, &refused) {
		return nil
	}
	all := make([]Place, len(refused.Fields))
	for i, f := range refused.Fields {
		all[i] = Place(f)
	}
	return all
}

// WriteProblem answers with the error. Of a defect or of damaged data it tells
// the id of the request alone; the mux hands the error itself to Options.Failed.
func WriteProblem(w http.ResponseWriter, err error) {
	p := problemOf(err)
	p.RequestID = w.Header().Get(RequestIDHeader)
	h := w.Header()
	if p.Status == http.StatusInternalServerError {
		if a, ok := w.(interface{ failed(error) }); ok {
			a.failed(err)
		}
	}
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="kith"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h.Set("Retry-After", strconv.FormatInt(retrySeconds(err), 10))
	}
	h.Set("Content-Type", ProblemType)
	h.Del("Content-Encoding")
	if writeBody(w, p.Status, p) != nil {
		panic("BUG: a problem is made of texts and numbers and could not be encoded")
	}
}

func problemOf(err error) Problem {
	status := StatusOf(err)
	p := Problem{Type: "about:blank", Title: http.StatusText(status), Status: status}
	if status == http.StatusInternalServerError {
		p.Code = "internal"
		p.Detail = "kith failed; its log tells why under this request_id"
		return p
	}
	var own *errs.Error
	if errors.As(err, &own) {
		p.Code, p.Detail = own.Code, own.Detail
	}
	p.Errors = placesOf(err)
	return p
}

// retrySeconds is a whole number of at least 1: several SDKs read nothing else.
func retrySeconds(err error) int64 {
	wait := retryDefault
	var says retryAfter
	if errors.As(err, &says) {
		wait = says.RetryAfter()
	}
	return max(1, int64((wait+time.Second-1)/time.Second))
}

// WriteJSON answers with v. Strings are written as they are, without escapes
// for HTML, and the body ends with a line feed. A value that cannot be encoded
// is a defect and becomes a 500.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return writeBody(w, status, v)
}

func writeBody(w http.ResponseWriter, status int, v any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return errs.Wrap(err, errs.Internal, "route.encode", "an answer could not be encoded")
	}
	w.Header().Set("Content-Length", strconv.Itoa(buf.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // the caller may be gone; nobody is left to tell
	return nil
}
