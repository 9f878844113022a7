// Package clickhouse keeps a copy of the lake's tables in ClickHouse and answers
// queries over it. It speaks the HTTP interface.
//
// The copy is written by the lake's rounds, see lake.Mirror: every insert carries a
// token that is the round's cut, by which the server knows repeats, and the server's
// window of tokens is set when the tables are made and looked at at every start.
//
// A query is judged before it runs: the server's own parser makes a tree of it, and
// only what is known there, node by node and function by function, is let through.
package clickhouse

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"kith/internal/egress"
	"kith/internal/errs"
)

// Scheme begins the URL of a server.
const Scheme = "clickhouse://"

// Location says which server and database hold the copy.
type Location struct {
	Endpoint string // scheme and host of the HTTP interface
	User     string
	Password string
	Database string
	Cluster  string // whose servers have the tables replicated; empty for one server
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)

// ParseURL reads clickhouse://USER:PASSWORD@HOST:PORT/DATABASE, where the port is
// that of the HTTP interface, with the parameters secure and cluster. The error is
// of kind Invalid and does not quote the URL.
func ParseURL(raw string) (Location, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "clickhouse" || u.Hostname() == "" || u.Fragment != "" {
		return Location{}, errURL("it must be clickhouse://USER:PASSWORD@HOST:8123/DATABASE")
	}
	l := Location{User: u.User.Username(), Database: strings.Trim(u.Path, "/")}
	l.Password, _ = u.User.Password()
	if l.User == "" {
		l.User = "default"
	}
	if l.Database == "" {
		l.Database = "kith"
	}
	scheme, port := "http", "8123"
	for name, values := range u.Query() {
		switch {
		case name == "secure" && (values[0] == "true" || values[0] == "false"):
			if values[0] == "true" {
				scheme, port = "https", "8443"
			}
		case name == "cluster":
			l.Cluster = values[0]
		default:
			return Location{}, errURL("its parameters are secure, true or false, and cluster")
		}
	}
	if !plainName.MatchString(l.Database) || l.Cluster != "" && !plainName.MatchString(l.Cluster) {
		return Location{}, errURL("the names of the database and the cluster must be letters, digits and underscores")
	}
	if p := u.Port(); p != "" {
		port = p
	}
	host := u.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	l.Endpoint = scheme + "://" + host + ":" + port
	return l, nil
}

func errURL(what string) error {
	return errs.New(errs.Invalid, "clickhouse.url", "the address of ClickHouse cannot be used: %s", what)
}

// server is a connection to one server. It is safe for concurrent use.
type server struct {
	loc  Location
	http *http.Client
}

// refused is an error that the server answers.
type refused struct {
	status  int
	code    int // the server's number of it
	message string
}

// Error implements error. The message is left out, as it may quote values.
func (r *refused) Error() string { return "ClickHouse refuses with code " + strconv.Itoa(r.code) }

// ask sends a statement with settings and returns the answer's body. With content
// the statement is a parameter and the content the body.
func (s *server) ask(ctx context.Context, statement string, content []byte, settings ...[2]string) (io.ReadCloser, error) {
	query := url.Values{"database": {s.loc.Database}}
	for _, set := range settings {
		query.Set(set[0], set[1])
	}
	body := []byte(statement)
	if content != nil {
		query.Set("query", statement)
		body = content
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.loc.Endpoint+"/?"+query.Encode(), bytes.NewReader(body))
	if err != nil {
		return nil, errs.Wrap(err, errs.Internal, "clickhouse.request", "the request cannot be made")
	}
	req.Header.Set("X-ClickHouse-User", s.loc.User)
	req.Header.Set("X-ClickHouse-Key", s.loc.Password)
	resp, err := egress.Do(s.http, req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	message, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, egress.Plain(err)
	}
	code, _ := strconv.Atoi(resp.Header.Get("X-ClickHouse-Exception-Code")) // 0 if it does not say
	return nil, &refused{resp.StatusCode, code, string(message)}
}

// do runs a statement that answers nothing.
func (s *server) do(ctx context.Context, statement string, content []byte, settings ...[2]string) error {
	body, err := s.ask(ctx, statement, content, settings...)
	if err != nil {
		return classified(err)
	}
	_, err = io.Copy(io.Discard, body)
	return egress.Plain(errors.Join(err, body.Close()))
}

// rows runs a statement and returns its rows, tabs between values.
func (s *server) rows(ctx context.Context, statement string) (out [][]string, err error) {
	body, err := s.ask(ctx, statement, nil, [2]string{"default_format", "TabSeparatedRaw"})
	if err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		out = append(out, strings.Split(lines.Text(), "\t"))
	}
	return out, egress.Plain(errors.Join(lines.Err(), body.Close()))
}

// classified is what the program is told of an error that it has not foreseen.
func classified(err error) error {
	var r *refused
	if !errors.As(err, &r) {
		return err
	}
	switch r.code {
	case 192, 193, 194, 516, 497:
		return errs.New(errs.Denied, "clickhouse.denied", "ClickHouse refuses the user, the password, or what the user may do (code %d)", r.code)
	}
	return errs.New(errs.Unavailable, "clickhouse.refused", "ClickHouse refuses a statement of kith (status %d, code %d); its log has the reason", r.status, r.code)
}

// quoted writes a name.
func quoted(name string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(name) + "`"
}

// text writes a text.
func text(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
