package collect

import (
	"net/http"
	"strconv"

	"kith/internal/errs"
	"kith/internal/strictjson"
)

// refusal is why a request as a whole is not taken. The statuses are chosen by
// what SDKs do with them: 400 is dropped, 408, 429 and 5xx are sent again.
type refusal struct {
	status int
	code   string
	detail string
	retry  int // seconds for Retry-After; 0 sends none
}

func invalid(code, detail string) *refusal { return &refusal{http.StatusBadRequest, code, detail, 0} }

func badKey() *refusal {
	return &refusal{http.StatusUnauthorized, "invalid_write_key", "the write key is missing, unknown or disabled", 0}
}

func overloaded() *refusal {
	return &refusal{http.StatusTooManyRequests, "overloaded", "too much is in flight; send again later", 1}
}

// fromInvalid turns an error of the body's grammar into a refusal.
func fromInvalid(err error) *refusal {
	return invalid(errs.CodeOf(err), errs.DetailOf(err))
}

// fromLog turns an error of the log into a refusal. Only Unavailable and
// Exhausted are the client's to know; the rest is a defect.
func fromLog(err error) *refusal {
	switch errs.KindOf(err) {
	case errs.Unavailable:
		return &refusal{http.StatusServiceUnavailable, errs.CodeOf(err), "the events cannot be stored now; send again later", 5}
	case errs.Exhausted:
		return &refusal{http.StatusTooManyRequests, errs.CodeOf(err), "a limit is reached; send again later", 5}
	}
	return internal()
}

func internal() *refusal {
	return &refusal{http.StatusInternalServerError, "internal", "a defect; the request id finds it in the log", 0}
}

// rejection is one refused message, as the answer names it.
type rejection struct {
	index     int
	messageID string
	code      string
	detail    string
}

// dialect is how an endpoint answers.
type dialect uint8

const (
	segment  dialect = iota // {"success":true}, a refused message alone is 400
	jitsu                   // {"ok":true}
	snowplow                // "ok", also when messages were refused
	pixel                   // a GIF, also when the request was refused
)

// gif is a transparent image of one by one pixel.
const gif = "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x01D\x00;"

// reply answers the request and returns the status.
func (j *job) reply(r *refusal) int {
	h := j.w.Header()
	if r == nil && len(j.rejected) > 0 && !j.ep.batch && j.ep.dialect <= jitsu {
		r = invalid(j.rejected[0].code, j.rejected[0].detail)
	}
	if r != nil && r.retry > 0 {
		h["Retry-After"] = []string{strconv.Itoa(r.retry)}
	}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	if j.close {
		h["Connection"] = []string{"close"}
	}
	j.code = ""
	if r != nil {
		j.code = r.code
	}
	switch {
	case j.ep.dialect == pixel:
		return j.replyPixel(r)
	case r != nil:
		return j.send(r.status, "application/json", refusalJSON(r, j.ep.dialect, j.id))
	case j.ep.dialect == snowplow:
		return j.send(http.StatusOK, "text/plain; charset=utf-8", []byte("ok"))
	}
	return j.send(http.StatusOK, "application/json", acceptedJSON(j.rejected, j.ep.dialect))
}

// replyPixel answers with the image whatever happened. What is refused for good
// is a success, for nobody reads the answer; trouble that may pass keeps its
// status, so that a 200 still means stored or never to be stored.
func (j *job) replyPixel(r *refusal) int {
	status := http.StatusOK
	if r != nil && (r.status == http.StatusTooManyRequests || r.status >= 500) {
		status = r.status
	}
	j.w.Header()["Cache-Control"] = []string{"no-store"}
	return j.send(status, "image/gif", []byte(gif))
}

func (j *job) send(status int, contentType string, body []byte) int {
	h := j.w.Header()
	h["Content-Type"] = []string{contentType}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	j.w.WriteHeader(status)
	_, _ = j.w.Write(body) // an error means that the client has gone; there is nobody left to tell
	return status
}

// acceptedJSON is the answer to messages that were taken, but for the rejected.
func acceptedJSON(rejected []rejection, d dialect) []byte {
	if len(rejected) == 0 {
		if d == jitsu {
			return []byte(`{"ok":true}`)
		}
		return []byte(`{"success":true}`)
	}
	o := newObject(make([]byte, 0, 64+160*len(rejected)))
	if d == jitsu {
		o.raw("ok", "true")
	} else {
		o.raw("success", "true")
	}
	o.key("rejected")
	o.b = append(o.b, '[')
	for i, r := range rejected {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		item := newObject(o.b)
		item.raw("index", strconv.Itoa(r.index))
		item.text("message_id", r.messageID)
		item.text("code", r.code)
		item.text("detail", r.detail)
		o.b = item.close()
	}
	o.b = append(o.b, ']')
	return o.close()
}

func refusalJSON(r *refusal, d dialect, id string) []byte {
	o := newObject(nil)
	if d == jitsu {
		o.raw("ok", "false")
	}
	o.raw("success", "false")
	o.text("code", r.code)
	o.text("message", r.detail)
	if id != "" {
		o.text("request_id", id)
	}
	return o.close()
}

// object writes one JSON object to the end of b. Names are plain words.
type object struct {
	b     []byte
	start int
}

func newObject(b []byte) object {
	b = append(b, '{')
	return object{b: b, start: len(b)}
}

func (o *object) key(name string) {
	if len(o.b) > o.start {
		o.b = append(o.b, ',')
	}
	o.b = strictjson.AppendString(o.b, name)
	o.b = append(o.b, ':')
}

// text adds a string.
func (o *object) text(name, value string) {
	o.key(name)
	o.b = strictjson.AppendString(o.b, value)
}

// raw adds a value that is JSON already.
func (o *object) raw(name, value string) {
	o.key(name)
	o.b = append(o.b, value...)
}

// some adds a string unless it is empty.
func (o *object) some(name, value string) {
	if value != "" {
		o.text(name, value)
	}
}

// empty reports whether nothing was added.
func (o *object) empty() bool { return len(o.b) == o.start }

func (o *object) close() []byte { return append(o.b, '}') }
