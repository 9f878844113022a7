package client

import (
	"context"
	"io"
	"net/http"

	"kith/internal/errs"
)

// Download asks for an answer of any length, which may take any time. The caller
// closes it; an answer that is cut off gives an error when it is read.
func (c *Client) Download(ctx context.Context, path string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return nil, errs.Wrap(err, errs.Invalid, "client.address", "the server's address is no URL")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := (&http.Client{Transport: c.http.Transport}).Do(req) // without the time limit of other calls
	if err != nil {
		return nil, errs.Wrap(err, errs.Unavailable, "client.unreachable", "the server at %s does not answer; start it with `kith serve` or name it with --url", c.base)
	}
	if res.StatusCode < 300 {
		return res.Body, nil
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, errs.Wrap(err, errs.Unavailable, "client.cut", "the answer of the server was cut off")
	}
	return nil, problem(res.StatusCode, answer)
}
