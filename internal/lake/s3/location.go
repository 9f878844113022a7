// Package s3 keeps a lake in a bucket of an object store that speaks the S3
// protocol. It is its own small client: eight kinds of requests, signed with
// version 4, sent through a client that the caller gives it, so that the rules of
// what may be reached hold here too.
//
// An object of S3 cannot be read any more once it is deleted, and an engine of
// queries that may not reach the network needs files, so what is read is kept in
// a folder, up to a size. What is written is made there first: nothing is sent
// before it is whole.
//
// Lists of files are replaced under a condition: that the list is still the one
// which the writer read or wrote last. So two writers that both believe that the
// lake is theirs cannot undo each other's work; the second one is told.
package s3

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"kith/internal/errs"
)

// Location says where a lake lies.
type Location struct {
	Bucket   string
	Prefix   string // of all keys, without a slash at its ends; may be empty
	Endpoint string // scheme and host; empty for the public service in the region
	Region   string // empty: the environment says, else us-east-1
	// VirtualHost puts the bucket in front of the host's name instead of in front of
	// the path. It is how the public service is asked.
	VirtualHost bool
	CacheBytes  int64 // of copies on this machine
}

// DefaultCacheBytes bounds the copies of files on this machine without a setting.
const DefaultCacheBytes = 20 << 30

// Scheme begins the URL of a lake in an object store.
const Scheme = "s3://"

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// ParseURL reads s3://BUCKET/PREFIX with the parameters endpoint, region, style
// (path or host) and cache_bytes. Errors are of kind Invalid and do not quote the
// URL.
func ParseURL(raw string) (Location, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "s3" || u.Opaque != "" || u.Fragment != "" {
		return Location{}, errURL("it must be s3://BUCKET/PREFIX?endpoint=https://HOST")
	}
	if u.User != nil {
		return Location{}, errURL("keys do not belong into it; they are read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	l := Location{Bucket: u.Host, Prefix: strings.Trim(u.Path, "/"), CacheBytes: DefaultCacheBytes, VirtualHost: true}
	if !bucketName.MatchString(l.Bucket) {
		return Location{}, errURL("the bucket's name must be 3 to 63 lower-case letters, digits, dots and dashes")
	}
	for _, step := range strings.Split(l.Prefix, "/") {
		if l.Prefix != "" && (step == "" || step == "." || step == "..") {
			return Location{}, errURL("the prefix has an empty step, . or .. in it")
		}
	}
	if err := l.parameters(u.Query()); err != nil {
		return Location{}, err
	}
	if strings.Contains(l.Bucket, ".") && l.Endpoint == "" {
		l.VirtualHost = false // the certificate of the public service does not cover names with dots
	}
	return l, nil
}

// parameters reads what stands behind the question mark.
func (l *Location) parameters(query url.Values) error {
	styled := false
	for name, values := range query {
		value := values[0]
		if len(values) > 1 || value == "" {
			return errURL("each parameter is given once, with a value")
		}
		switch name {
		case "endpoint":
			if !strings.Contains(value, "://") {
				value = "https://" + value
			}
			e, err := url.Parse(value)
			if err != nil || e.Scheme != "http" && e.Scheme != "https" || e.Host == "" || strings.Trim(e.Path, "/") != "" || e.RawQuery != "" || e.User != nil {
				return errURL("endpoint must be http:// or https:// and a host")
			}
			l.Endpoint = e.Scheme + "://" + e.Host
		case "region":
			l.Region = value
		case "style":
			if value != "path" && value != "host" {
				return errURL("style is path or host")
			}
			l.VirtualHost, styled = value == "host", true
		case "cache_bytes":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil || n < 1<<20 {
				return errURL("cache_bytes must be a number of at least 1048576")
			}
			l.CacheBytes = n
		default:
			return errURL("its parameters are endpoint, region, style and cache_bytes")
		}
	}
	if l.Endpoint != "" && !styled {
		l.VirtualHost = false // what every server of the protocol understands
	}
	return nil
}

func errURL(what string) error {
	return errs.New(errs.Invalid, "lake.url", "the address of the lake cannot be used: %s", what)
}

// host returns the scheme and the host that requests go to, and what their paths
// begin with.
func (l *Location) host() (scheme, host, base string) {
	endpoint := l.Endpoint
	if endpoint == "" {
		endpoint = "https://s3." + l.Region + ".amazonaws.com"
	}
	scheme, host, _ = strings.Cut(endpoint, "://")
	if l.VirtualHost {
		return scheme, l.Bucket + "." + host, "/"
	}
	return scheme, host, "/" + l.Bucket + "/"
}

// key is the key of a file.
func (l *Location) key(name string) string {
	if l.Prefix == "" {
		return name
	}
	return l.Prefix + "/" + name
}

// URL returns the address of a file as other tools take it.
func (l *Location) URL(name string) string { return Scheme + l.Bucket + "/" + l.key(name) }

// In returns the location of what lies under a name within it.
func (l Location) In(name string) Location {
	l.Prefix = l.key(name)
	return l
}
