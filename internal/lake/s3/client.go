package s3

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"kith/internal/egress"
	"kith/internal/errs"
	"kith/internal/sys"
)

// client asks one bucket. It is safe for concurrent use.
type client struct {
	loc   Location
	creds Credentials
	http  *http.Client
	clock sys.Clock
	rand  sys.Rand
}

// Bounds of what is tried again.
const (
	attempts  = 6
	firstWait = 100 * time.Millisecond
	waitMax   = 5 * time.Second
)

// call is one request. The content is in memory, so that it can be sent again.
type call struct {
	method string
	key    string // empty for the bucket itself
	query  [][2]string
	header map[string]string
	body   []byte
}

// reply is an answer that was read whole.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// failed is an answer that refuses.
type failed struct {
	status int
	code   string // the store's word for it
}

// Error implements error.
func (f *failed) Error() string { return strconv.Itoa(f.status) + " " + f.code }

// do sends a request until it is answered for good. The error is a *failed when
// the store refuses, else of the kinds of egress.
func (c *client) do(ctx context.Context, r *call) (*reply, error) {
	wait := firstWait
	for attempt := 1; ; attempt++ {
		got, err := c.once(ctx, r)
		if err == nil || attempt == attempts || ctx.Err() != nil || !passing(err) {
			return got, err
		}
		select {
		case <-ctx.Done():
			return nil, errs.Wrap(ctx.Err(), errs.Unavailable, "lake.canceled", "the call was cancelled")
		case <-c.clock.After(c.jitter(wait)):
		}
		wait = min(2*wait, waitMax)
	}
}

// jitter returns a time between half of d and d, so that many who were refused
// together do not come back together.
func (c *client) jitter(d time.Duration) time.Duration {
	var b [8]byte
	if _, err := io.ReadFull(c.rand, b[:]); err != nil {
		return d
	}
	return d/2 + time.Duration(binary.LittleEndian.Uint64(b[:])%uint64(d/2+1))
}

// passing reports whether the same request may succeed later.
func passing(err error) bool {
	var f *failed
	if !errors.As(err, &f) {
		return errs.Is(err, errs.Unavailable)
	}
	switch f.code {
	case "RequestTimeout", "SlowDown", "Throttling", "ThrottlingException", "ConditionalRequestConflict", "OperationAborted":
		return true
	}
	return f.status >= 500 && f.status != http.StatusNotImplemented || f.status == http.StatusTooManyRequests || f.status == http.StatusRequestTimeout
}

// once sends a request one time.
func (c *client) once(ctx context.Context, r *call) (*reply, error) {
	scheme, host, base := c.loc.host()
	address := &url.URL{Scheme: scheme, Host: host, Path: base + r.key, RawPath: escaped(base+r.key, true), RawQuery: queryOf(r.query)}
	req := (&http.Request{
		Method: r.method, URL: address, Host: host, Header: http.Header{}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: int64(len(r.body)), Body: io.NopCloser(bytes.NewReader(r.body)),
	}).WithContext(ctx)
	sum := emptySum
	if len(r.body) == 0 {
		req.Body = http.NoBody
	} else {
		h := sha256.Sum256(r.body)
		sum = hex.EncodeToString(h[:])
	}
	for name, v := range r.header {
		req.Header.Set(name, v)
	}
	c.creds.sign(req, c.loc.Region, sum, c.clock.Now())
	resp, err := egress.Do(c.http, req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if cerr := resp.Body.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, egress.Plain(err)
	}
	if resp.StatusCode < 300 || resp.StatusCode == http.StatusNotModified {
		return &reply{resp.StatusCode, resp.Header, body}, nil
	}
	return nil, &failed{resp.StatusCode, codeIn(body)}
}

// queryOf writes parameters in the order in which they are signed.
func queryOf(query [][2]string) string {
	var parts []string
	for _, q := range query {
		parts = append(parts, escaped(q[0], false)+"="+escaped(q[1], false))
	}
	slices.Sort(parts)
	return strings.Join(parts, "&")
}

// codeIn is the code of an error's document; only letters, so that nothing that
// was stored gets into a log.
func codeIn(body []byte) string {
	var e struct{ Code string }
	if xml.Unmarshal(body, &e) != nil || len(e.Code) > 64 {
		return ""
	}
	for _, c := range e.Code {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return ""
		}
	}
	return e.Code
}

// classified is what a caller is told of an error.
func classified(err error, what string) error {
	var f *failed
	if !errors.As(err, &f) {
		return err
	}
	word := cmp.Or(f.code, "status "+strconv.Itoa(f.status))
	switch {
	case f.code == "NoSuchBucket":
		return errs.New(errs.Unavailable, "lake.bucket", "the bucket of the lake is not there; make it first")
	case f.status == http.StatusNotFound:
		return errs.New(errs.NotFound, "lake.no_file", "the lake has no such file")
	case f.status == http.StatusPreconditionFailed:
		return errs.New(errs.Conflict, "lake.list_moved", "another process has replaced the list of files")
	case f.status == http.StatusForbidden || f.status == http.StatusUnauthorized:
		return errs.New(errs.Denied, "lake.denied", "the object store refuses the keys, or what they may do (%s)", word)
	}
	return errs.New(errs.Unavailable, "lake.store", "%s: the object store answered %s", what, word)
}

// put writes an object and returns its tag.
func (c *client) put(ctx context.Context, key string, body []byte, condition map[string]string) (string, error) {
	got, err := c.do(ctx, &call{method: http.MethodPut, key: key, body: body, header: condition})
	if err != nil {
		return "", err
	}
	return got.header.Get("Etag"), nil
}

// get reads a part of an object; whole tells its size and tag. An object without
// content gives nothing.
func (c *client) get(ctx context.Context, key string, from, n int64, condition map[string]string) (part []byte, size int64, tag string, err error) {
	header := map[string]string{"Range": "bytes=" + strconv.FormatInt(from, 10) + "-" + strconv.FormatInt(from+n-1, 10)}
	for name, v := range condition {
		header[name] = v
	}
	got, err := c.do(ctx, &call{method: http.MethodGet, key: key, header: header})
	var f *failed
	if errors.As(err, &f) && f.status == http.StatusRequestedRangeNotSatisfiable && from == 0 {
		return nil, 0, "", nil
	}
	if err != nil {
		return nil, 0, "", err
	}
	size, tag = int64(len(got.body)), got.header.Get("Etag")
	if got.status == http.StatusNotModified {
		return nil, -1, tag, nil
	}
	if got.status == http.StatusPartialContent {
		_, total, _ := strings.Cut(got.header.Get("Content-Range"), "/")
		if size, err = strconv.ParseInt(total, 10, 64); err != nil {
			return nil, 0, "", errAnswer()
		}
	} else if from > 0 {
		return nil, 0, "", errAnswer()
	}
	return got.body, size, tag, nil
}

func errAnswer() error {
	return errs.New(errs.Unavailable, "lake.answer", "an answer of the object store cannot be read")
}

// delete removes an object; one that is not there is no error.
func (c *client) delete(ctx context.Context, key string) error {
	_, err := c.do(ctx, &call{method: http.MethodDelete, key: key})
	var f *failed
	if errors.As(err, &f) && f.status == http.StatusNotFound && f.code != "NoSuchBucket" {
		return nil
	}
	return err
}

// listed is a page of a list.
type listed struct {
	IsTruncated           bool
	NextContinuationToken string
	Contents              []struct {
		Key  string
		Size int64
	}
	CommonPrefixes []struct{ Prefix string }
}

// list calls page with the objects right under a prefix, and with the prefixes
// that others have in common up to the next slash.
func (c *client) list(ctx context.Context, prefix string, page func(*listed)) error {
	token := ""
	for {
		query := [][2]string{{"list-type", "2"}, {"delimiter", "/"}, {"prefix", prefix}}
		if token != "" {
			query = append(query, [2]string{"continuation-token", token})
		}
		got, err := c.do(ctx, &call{method: http.MethodGet, query: query})
		if err != nil {
			return err
		}
		var l listed
		if xml.Unmarshal(got.body, &l) != nil || l.IsTruncated && l.NextContinuationToken == "" {
			return errAnswer()
		}
		page(&l)
		if !l.IsTruncated {
			return nil
		}
		token = l.NextContinuationToken
	}
}

// completed is the end of an upload in parts.
type completed struct {
	XMLName xml.Name `xml:"CompleteMultipartUpload"`
	Parts   []part   `xml:"Part"`
}

type part struct {
	PartNumber int
	ETag       string
}

// upload writes an object in parts, which next returns until there are no more,
// and returns its tag. What was sent of an upload that fails is given up.
func (c *client) upload(ctx context.Context, key string, next func() ([]byte, error)) (tag string, err error) {
	got, err := c.do(ctx, &call{method: http.MethodPost, key: key, query: [][2]string{{"uploads", ""}}})
	if err != nil {
		return "", err
	}
	var begun struct {
		ID string `xml:"UploadId"`
	}
	if xml.Unmarshal(got.body, &begun) != nil || begun.ID == "" {
		return "", errAnswer()
	}
	id := [2]string{"uploadId", begun.ID}
	defer func() {
		if err != nil {
			giveUp := context.WithoutCancel(ctx)
			_, aerr := c.once(giveUp, &call{method: http.MethodDelete, key: key, query: [][2]string{id}})
			_ = aerr // the bucket's rule for uploads that nobody finished is the second net
		}
	}()
	var done completed
	for number := 1; ; number++ {
		body, err := next()
		if err != nil {
			return "", err
		}
		if len(body) == 0 {
			break
		}
		got, err := c.do(ctx, &call{method: http.MethodPut, key: key, query: [][2]string{{"partNumber", strconv.Itoa(number)}, id}, body: body})
		if err != nil {
			return "", err
		}
		done.Parts = append(done.Parts, part{number, got.header.Get("Etag")})
	}
	return c.complete(ctx, key, id, &done)
}

// complete ends an upload. The store may answer with a refusal although it has
// said 200 before.
func (c *client) complete(ctx context.Context, key string, id [2]string, done *completed) (string, error) {
	body, err := xml.Marshal(done)
	if err != nil {
		return "", errs.Wrap(err, errs.Internal, "lake.upload", "the end of an upload cannot be written down")
	}
	got, err := c.do(ctx, &call{method: http.MethodPost, key: key, query: [][2]string{id}, body: body})
	if err != nil {
		return "", err
	}
	var end struct {
		XMLName xml.Name
		ETag    string
	}
	if xml.Unmarshal(got.body, &end) != nil {
		return "", errAnswer()
	}
	if end.XMLName.Local == "Error" {
		return "", &failed{http.StatusInternalServerError, codeIn(got.body)}
	}
	return end.ETag, nil
}
