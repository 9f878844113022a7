package client

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"

	"kith/internal/errs"
)

// Message is one server-sent event.
type Message struct {
	Event string // empty: a sign of life
	ID    string // to go on from
	Data  []byte
}

// messageBytesMax bounds one line of a stream.
const messageBytesMax = 16 << 20

// Stream reads server-sent events and hands each to f until ctx ends or f fails,
// whose error it returns. from is the id of the last message of a stream before,
// or empty. A stream that the server ends gives an error of kind Unavailable.
func (c *Client) Stream(ctx context.Context, path, from string, f func(Message) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return errs.Wrap(err, errs.Invalid, "client.address", "the server's address is no URL")
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Authorization", "Bearer "+c.token)
	if from != "" {
		req.Header.Set("Last-Event-ID", from)
	}
	res, err := (&http.Client{Transport: c.http.Transport}).Do(req) // without the time limit of other calls
	if err != nil {
		return errs.Wrap(err, errs.Unavailable, "client.unreachable", "the server at %s does not answer; start it with `kith serve` or name it with --url", c.base)
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		answer, err := io.ReadAll(io.LimitReader(res.Body, messageBytesMax))
		if err != nil {
			return errs.Wrap(err, errs.Unavailable, "client.cut", "the answer of the server was cut off")
		}
		return problem(res.StatusCode, answer)
	}
	if err := readMessages(res.Body, f); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errs.New(errs.Unavailable, "client.stream_ended", "the server has ended the stream")
}

// readMessages reads messages until the stream ends, which gives nil, or f fails.
func readMessages(r io.Reader, f func(Message) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, messageBytesMax)
	var m Message
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "event":
			m.Event = value
		case "id":
			m.ID = value
		case "data":
			m.Data = append(m.Data, value...)
		}
		if lines.Text() != "" {
			continue
		}
		if err := f(m); err != nil {
			return err
		}
		m = Message{}
	}
	return nil // a read error is the end of the stream as well
}
