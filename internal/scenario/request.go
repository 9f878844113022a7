package scenario

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// request is one request to the collector.
type request struct {
	method, path string
	source       string // names the write key in the head; empty sends none
	header       [][2]string
	body         []byte
	address      string // of the client, with its port; empty is clientAddress
}

// clientAddress is where requests come from that do not say so, a documentation
// address of RFC 5737.
const clientAddress = "192.0.2.1:1234"

// reply is the collector's answer, as an http.ResponseWriter takes it in.
type reply struct {
	code   int
	header http.Header
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (r *reply) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter.
func (r *reply) WriteHeader(code int) {
	if r.code == 0 {
		r.code = code
	}
}

// Write implements http.ResponseWriter.
func (r *reply) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

// http makes the request as a server would hand it over.
func (r *request) http() (*http.Request, error) {
	target, err := url.ParseRequestURI(r.path)
	if err != nil {
		return nil, wrong("it begins with a slash and has no spaces", "%.60q is not a path", r.path)
	}
	req, err := http.NewRequest(r.method, "http://collect.test/", bytes.NewReader(r.body))
	if err != nil {
		return nil, wrong("write it in capitals", "%.20q is not a method", r.method)
	}
	target.Scheme, target.Host = req.URL.Scheme, req.URL.Host
	req.URL, req.RequestURI, req.RemoteAddr = target, r.path, clientAddress
	return req, nil
}

// ask sends a request through the collector's handler.
func (s *session) ask(ctx context.Context, r request) (*reply, error) {
	req, err := r.http()
	if err != nil {
		return nil, err
	}
	req = req.WithContext(ctx)
	if r.source != "" {
		req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(r.source+":")))
	}
	for _, h := range r.header {
		req.Header.Add(h[0], h[1])
	}
	if r.address != "" {
		req.RemoteAddr = r.address
	}
	rec := &reply{header: http.Header{}}
	s.failed = nil
	s.door.ServeHTTP(rec, req)
	rec.WriteHeader(http.StatusOK)
	if s.failed != nil {
		return nil, s.failed
	}
	return rec, nil
}

// answer is what the collector says of messages.
type answer struct {
	Success  bool   `json:"success"`
	Code     string `json:"code"`
	Message  string `json:"message"`
	Rejected []struct {
		Index     int    `json:"index"`
		MessageID string `json:"message_id"`
		Code      string `json:"code"`
		Detail    string `json:"detail"`
	} `json:"rejected"`
}

// tell shows an answer to calls: nothing when all were taken.
func tell(rec *reply) (string, error) {
	var a answer
	if err := json.Unmarshal(rec.body.Bytes(), &a); err != nil {
		return "", fmt.Errorf("the collector answered %d with a body that is no JSON object", rec.code)
	}
	var out strings.Builder
	if rec.code != http.StatusOK || !a.Success {
		fmt.Fprintf(&out, "%d %s: %s\n", rec.code, a.Code, a.Message)
	}
	for _, r := range a.Rejected {
		id := ""
		if r.MessageID != "" {
			id = " " + plain(quote(r.MessageID))
		}
		fmt.Fprintf(&out, "rejected %s%s %s: %s\n", strconv.Itoa(r.Index), id, r.Code, r.Detail)
	}
	return out.String(), nil
}
