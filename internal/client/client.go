// Package client asks a kith server over its public API, for the command line
// and the demo. It speaks to the operator's own server only.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kith/internal/errs"
)

// Files in the data folder by which commands find the process that runs on it.
const (
	AddressFile = "address"     // the address, such as http://127.0.0.1:8420
	TokenFile   = "admin-token" // the made admin token
)

// Client asks one server.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// New returns a client of the server at an address.
func New(address, token string) *Client {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	return &Client{base: strings.TrimSuffix(address, "/"), token: token, http: &http.Client{Timeout: 5 * time.Minute}}
}

// Of returns a client of a handler in this process.
func Of(h http.Handler, token string) *Client {
	return &Client{base: "http://kith.invalid", token: token, http: &http.Client{Transport: inProcess{h}}}
}

// Running returns a client of the process that runs on a data folder, if one
// answers. An empty token is read from the folder.
func Running(ctx context.Context, data, token string) (*Client, bool) {
	address, err := os.ReadFile(filepath.Join(data, AddressFile))
	if err != nil {
		return nil, false
	}
	if token == "" {
		made, err := os.ReadFile(filepath.Join(data, TokenFile))
		if err != nil {
			return nil, false
		}
		token = strings.TrimSpace(string(made))
	}
	c := New(strings.TrimSpace(string(address)), token)
	ctx, stop := context.WithTimeout(ctx, 2*time.Second)
	defer stop()
	var alive map[string]any
	return c, c.Get(ctx, "/healthz", &alive) == nil
}

// Address is where the server is.
func (c *Client) Address() string { return c.base }

// Get asks for a resource and decodes the answer into out.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.do(ctx, http.MethodGet, path, "", nil, out)
}

// Post sends a document and decodes the answer into out, which may be nil.
func (c *Client) Post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodPost, path, "", body, out)
}

// Put replaces a document and decodes the answer into out, which may be nil.
func (c *Client) Put(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodPut, path, "", body, out)
}

// Delete asks for a resource to be removed.
func (c *Client) Delete(ctx context.Context, path string) error {
	return c.do(ctx, http.MethodDelete, path, "", nil, nil)
}

// Send posts a body to the collector under a source's write key.
func (c *Client) Send(ctx context.Context, path, writeKey string, body []byte, out any) error {
	return c.do(ctx, http.MethodPost, path, writeKey, body, out)
}

// ProfilePath is the path of a profile in the API.
func ProfilePath(typ, value string) string {
	return "/v1/profiles/" + url.PathEscape(typ+":"+value)
}

// EventPath is the path of what happened to a message.
func EventPath(source, messageID string) string {
	return "/v1/events/" + url.PathEscape(source) + "/" + url.PathEscape(messageID)
}

func (c *Client) do(ctx context.Context, method, path, writeKey string, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return errs.Wrap(err, errs.Invalid, "client.address", "the server's address is no URL")
	}
	req.Header.Set("Content-Type", "application/json")
	if writeKey != "" {
		req.SetBasicAuth(writeKey, "")
	} else if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return errs.Wrap(err, errs.Unavailable, "client.unreachable", "the server at %s does not answer; start it with `kith serve` or name it with --url", c.base)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 256<<20))
	if err != nil {
		return errs.Wrap(err, errs.Unavailable, "client.cut", "the answer of the server was cut off")
	}
	if res.StatusCode >= 300 {
		return problem(res.StatusCode, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// problem turns an error answer into an error of the kind that its status says.
func problem(status int, answer []byte) error {
	var p struct {
		Code, Detail, Title, Message string
		Errors                       []struct{ Pointer, Detail string }
	}
	_ = json.Unmarshal(answer, &p) // an answer that is no JSON leaves the status to speak
	detail := p.Detail
	for _, s := range []string{p.Title, p.Message, http.StatusText(status)} {
		if detail == "" {
			detail = s
		}
	}
	for _, e := range p.Errors {
		detail += fmt.Sprintf("\n  %s: %s", e.Pointer, e.Detail)
	}
	if p.Code == "" {
		p.Code = fmt.Sprintf("http.%d", status)
	}
	return errs.New(kindOf(status), p.Code, "%s", detail)
}

func kindOf(status int) errs.Kind {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return errs.Denied
	case http.StatusNotFound:
		return errs.NotFound
	case http.StatusConflict:
		return errs.Conflict
	case http.StatusTooManyRequests:
		return errs.Exhausted
	case http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return errs.Unavailable
	}
	if status >= 500 {
		return errs.Internal
	}
	return errs.Invalid
}

// inProcess serves requests by a handler without a network.
type inProcess struct{ h http.Handler }

// RoundTrip implements http.RoundTripper.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := &answer{header: http.Header{}, status: http.StatusOK}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	t.h.ServeHTTP(w, r)
	return &http.Response{
		StatusCode: w.status, Status: http.StatusText(w.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// answer collects what a handler writes.
type answer struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (w *answer) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *answer) WriteHeader(status int) {
	if !w.wrote {
		w.status, w.wrote = status, true
	}
}

// Write implements http.ResponseWriter.
func (w *answer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}
