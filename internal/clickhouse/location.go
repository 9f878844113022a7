package clickhouse

import (
	"net/url"
	"regexp"
	"strings"

	"kith/internal/errs"
)

// Location says which server and database a connection is to.
type Location struct {
	Endpoint string // scheme and host: http:// or https://, and tcp:// or tls:// for the native protocol
	User     string
	Password string
	Database string
	Cluster  string // whose servers have the tables replicated; empty for one server
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)

// Plain reports whether a name can stand in a statement as it is.
func Plain(name string) bool { return plainName.MatchString(name) }

// native reports whether the native protocol is spoken.
func (l *Location) native() bool {
	return strings.HasPrefix(l.Endpoint, "tcp://") || strings.HasPrefix(l.Endpoint, "tls://")
}

// ParseURL reads clickhouse://USER:PASSWORD@HOST:PORT/DATABASE, where the port is
// that of the HTTP interface, or of the native protocol with protocol=native, with
// the parameters protocol, secure and cluster. The error is of kind Invalid and does
// not quote the URL.
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
	secure, native := false, false
	for name, values := range u.Query() {
		switch {
		case name == "secure" && (values[0] == "true" || values[0] == "false"):
			secure = values[0] == "true"
		case name == "protocol" && (values[0] == "native" || values[0] == "http"):
			native = values[0] == "native"
		case name == "cluster":
			l.Cluster = values[0]
		default:
			return Location{}, errURL("its parameters are protocol, http or native, secure, true or false, and cluster")
		}
	}
	scheme, port := "http", "8123"
	switch {
	case native && secure:
		scheme, port = "tls", "9440"
	case native:
		scheme, port = "tcp", "9000"
	case secure:
		scheme, port = "https", "8443"
	}
	if !Plain(l.Database) || l.Cluster != "" && !Plain(l.Cluster) {
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

// Name writes a name as a statement has it.
func Name(name string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(name) + "`"
}

// Text writes a text as a statement has it.
func Text(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
