package kafka

import (
	"crypto/tls"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"kith/internal/errs"
)

// target is what a log's URL says.
type target struct {
	brokers []string
	topic   string
	opts    []kgo.Opt // how to connect
	// archived says that the records are copied to an archive, and keep how long
	// they stay in the topic all the same; 0 is for ever.
	archived bool
	keep     time.Duration
}

// maxTopicName is Kafka's limit.
const maxTopicName = 249

// parseURL reads
//
//	kafka://[user:password@]broker1[:port],broker2[:port]/prefix[?tls=true][&sasl=plain|scram-sha-256|scram-sha-512][&keep=30d|36h|all]
//
// and names the workspace's topic. No error repeats the URL: it may hold a
// password.
func parseURL(raw, workspace string) (target, error) {
	rest, ok := strings.CutPrefix(raw, "kafka://")
	if !ok {
		return target{}, errURL("it does not begin with kafka://")
	}
	rest, query, _ := strings.Cut(rest, "?")
	brokers, prefix, _ := strings.Cut(rest, "/")
	var user string
	if i := strings.LastIndexByte(brokers, '@'); i >= 0 {
		user, brokers = brokers[:i], brokers[i+1:]
	}
	t := target{topic: strings.TrimSuffix(prefix, "/") + "." + workspace + ".events"}
	for b := range strings.SplitSeq(brokers, ",") {
		if b == "" {
			return target{}, errURL("it names no broker, or an empty one")
		}
		t.brokers = append(t.brokers, b)
	}
	if strings.HasPrefix(t.topic, ".") {
		return target{}, errURL("it names no topic prefix, as kafka://broker1,broker2/prefix does")
	}
	if workspace == "" || !legalTopic(t.topic) {
		return target{}, errURL("prefix and workspace do not make a topic name: letters, digits, '.', '_' and '-' are allowed")
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return target{}, errURL("its query cannot be read")
	}
	if values.Has("keep") {
		if t.keep, err = parseKeep(values.Get("keep")); err != nil {
			return target{}, err
		}
		t.archived = true
		values.Del("keep")
	}
	t.opts, err = connectOptions(user, values)
	return t, err
}

// keepMin is the shortest time that records stay in the topic: whoever follows it
// reads there, and not in the archive.
const keepMin = time.Hour

// parseKeep reads how long records stay in the topic: days, hours, or all of them.
func parseKeep(value string) (time.Duration, error) {
	if value == "all" {
		return 0, nil
	}
	unit := time.Hour
	number, days := strings.CutSuffix(value, "d")
	if days {
		unit = 24 * time.Hour
	} else {
		number = strings.TrimSuffix(value, "h")
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if keep := time.Duration(n) * unit; err == nil && number != value && keep >= keepMin {
		return keep, nil
	}
	return 0, errURL("keep is a number of days or hours, such as 30d or 36h, or all")
}

func errURL(why string) error {
	return errs.New(errs.Invalid, "eventlog.url", "the URL of the log is not right: %s", why)
}

func legalTopic(name string) bool {
	if len(name) > maxTopicName {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	})
}

// connectOptions are the options for encryption and authentication.
func connectOptions(user string, query url.Values) (opts []kgo.Opt, err error) {
	mechanism := ""
	if user != "" {
		mechanism = "plain"
	}
	for key, values := range query {
		switch value := values[0]; key {
		case "tls":
			on, err := strconv.ParseBool(value)
			if err != nil {
				return nil, errURL("tls is neither true nor false")
			}
			if on {
				opts = append(opts, kgo.DialTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12}))
			}
		case "sasl":
			mechanism = strings.ToLower(value)
		default:
			return nil, errURL("its query has an unknown key")
		}
	}
	if mechanism == "" {
		return opts, nil
	}
	name, password, err := credentials(user)
	if err != nil {
		return nil, err
	}
	switch mechanism {
	case "plain":
		return append(opts, kgo.SASL(plain.Auth{User: name, Pass: password}.AsMechanism())), nil
	case "scram-sha-256":
		return append(opts, kgo.SASL(scram.Auth{User: name, Pass: password}.AsSha256Mechanism())), nil
	case "scram-sha-512":
		return append(opts, kgo.SASL(scram.Auth{User: name, Pass: password}.AsSha512Mechanism())), nil
	}
	return nil, errURL("sasl is none of plain, scram-sha-256, scram-sha-512")
}

// credentials reads the percent-encoded user and password.
func credentials(user string) (name, password string, err error) {
	name, password, ok := strings.Cut(user, ":")
	if ok && name != "" {
		if name, err = url.PathUnescape(name); err == nil {
			if password, err = url.PathUnescape(password); err == nil {
				return name, password, nil
			}
		}
	}
	return "", "", errURL("sasl needs user:password@ before the brokers")
}
