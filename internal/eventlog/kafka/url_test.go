package kafka

import (
	"slices"
	"strings"
	"testing"
	"time"

	"kith/internal/errs"
)

func TestParseURL(t *testing.T) {
	for url, want := range map[string]target{
		"kafka://b1/prefix":                              {brokers: []string{"b1"}, topic: "prefix.shop.events"},
		"kafka://b1:9092,b2:9093/a.b-c_d":                {brokers: []string{"b1:9092", "b2:9093"}, topic: "a.b-c_d.shop.events"},
		"kafka://b1/prefix/?tls=true":                    {brokers: []string{"b1"}, topic: "prefix.shop.events"},
		"kafka://u:p@b1,b2/prefix?sasl=plain&tls=1":      {brokers: []string{"b1", "b2"}, topic: "prefix.shop.events"},
		"kafka://u%40x:p%2F@[::1]:9092/prefix?tls=false": {brokers: []string{"[::1]:9092"}, topic: "prefix.shop.events"},
	} {
		got, err := parseURL(url, "shop")
		if err != nil || !slices.Equal(got.brokers, want.brokers) || got.topic != want.topic {
			t.Errorf("%s: got %v %s, %v", url, got.brokers, got.topic, err)
		}
	}
	for _, url := range []string{
		"", "kafka://", "http://b1/prefix", "kafka:///prefix", "kafka://b1", "kafka://b1/", "kafka://b1,,b2/prefix", "kafka://b1/a/b",
		"kafka://b1/a b", "kafka://b1/é", "kafka://b1/" + strings.Repeat("x", 250), "kafka://b1/prefix?tls=maybe", "kafka://b1/prefix?x=1",
		"kafka://secret@b1/prefix", "kafka://:secret@b1/prefix", "kafka://u:%zz@b1/prefix", "kafka://b1/prefix?sasl=plain",
		"kafka://u:secret@b1/prefix?sasl=gssapi", "kafka://b1/prefix?%zz",
		"kafka://b1/prefix?keep=", "kafka://b1/prefix?keep=7", "kafka://b1/prefix?keep=0d", "kafka://b1/prefix?keep=-1d", "kafka://b1/prefix?keep=1w", "kafka://b1/prefix?keep=70000d",
	} {
		_, err := parseURL(url, "shop")
		if errs.CodeOf(err) != "eventlog.url" || !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", url, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error repeats the password: %v", url, err)
		}
	}
	for _, workspace := range []string{"", "a/b", "a b"} {
		if _, err := parseURL("kafka://b1/prefix", workspace); errs.CodeOf(err) != "eventlog.url" {
			t.Errorf("workspace %q: %v", workspace, err)
		}
	}
}

// TestKeep: an archive is asked for by how long records stay in the topic.
func TestKeep(t *testing.T) {
	for query, want := range map[string]time.Duration{"keep=30d": 720 * time.Hour, "tls=1&keep=36h": 36 * time.Hour, "keep=all": 0} {
		got, err := parseURL("kafka://b1/prefix?"+query, "shop")
		if err != nil || !got.archived || got.keep != want {
			t.Errorf("%s: %v, %v, %v", query, got.archived, got.keep, err)
		}
	}
	if got, err := parseURL("kafka://b1/prefix", "shop"); err != nil || got.archived {
		t.Errorf("an archive that nobody has asked for: %v", err)
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("kafka://u:p@b1,b2/prefix?sasl=plain&tls=1", "shop")
	f.Add("kafka://b1/prefix", "shop")
	f.Fuzz(func(t *testing.T, url, workspace string) {
		got, err := parseURL(url, workspace)
		if err != nil {
			if errs.CodeOf(err) != "eventlog.url" {
				t.Fatal(err)
			}
			return
		}
		if len(got.brokers) == 0 || slices.Contains(got.brokers, "") || !legalTopic(got.topic) {
			t.Fatalf("got %v %q", got.brokers, got.topic)
		}
	})
}
