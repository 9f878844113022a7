package clickhouse

import (
	"net/url"
	"regexp"
	"strings"

	"kith/internal/errs"
)

// Location says which server and database a connection is to.
type Location struct {
	Endpoint string // scheme and host: http:// or https://
	User     string
	Password string
	Database string
	Cluster  string // whose servers have the tables replicated; empty for one server
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)

// Plain reports whether a name can stand in a statement as it is.
func Plain(name string) bool { return plainName.MatchString(name) }

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
