package client

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"

	"kith/internal/errs"
)

// Answer is what a query was answered. Its reader closes Body; an answer that is
// cut off gives an error when it is read. Truncated is to be called once it has
// been read to its end.
type Answer struct {
	Body io.ReadCloser
	AsOf string // up to when the tables hold everything; empty when not known
	res  *http.Response
}

// Truncated names the limit by which the answer was cut short; empty if it is
// whole.
func (a *Answer) Truncated() string {
	if cut := a.res.Trailer.Get("Kith-Truncated"); cut != "" {
		return cut
	}
	return a.res.Header.Get("Kith-Truncated")
}

// Query runs an SQL query whose answer comes as the media type asked for.
func (c *Client) Query(ctx context.Context, sql, accept string) (*Answer, error) {
	body, err := json.Marshal(map[string]string{"query": sql})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/v1/sql", bytes.NewReader(body))
	if err != nil {
		return nil, errs.Wrap(err, errs.Invalid, "client.address", "the server's address is no URL")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", accept)
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := (&http.Client{Transport: c.http.Transport}).Do(req) // without the time limit of other calls
	if err != nil {
		return nil, errs.Wrap(err, errs.Unavailable, "client.unreachable", "the server at %s does not answer; start it with `kith serve` or name it with --url", c.base)
	}
	if res.StatusCode < 300 {
		return &Answer{Body: res.Body, AsOf: res.Header.Get("Kith-As-Of"), res: res}, nil
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, errs.Wrap(err, errs.Unavailable, "client.cut", "the answer of the server was cut off")
	}
	return nil, problem(res.StatusCode, answer)
}
