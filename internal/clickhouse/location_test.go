package clickhouse_test

import (
	"testing"

	"kith/internal/clickhouse"
)

func TestURL(t *testing.T) {
	for raw, want := range map[string]clickhouse.Location{
		"clickhouse://host":                             {Endpoint: "http://host:8123", User: "default", Database: "kith"},
		"clickhouse://u:p%40@host:1/db?secure=false":    {Endpoint: "http://host:1", User: "u", Password: "p@", Database: "db"},
		"clickhouse://[::1]/db?secure=true&cluster=all": {Endpoint: "https://[::1]:8443", User: "default", Database: "db", Cluster: "all"},
		"clickhouse://h/db?protocol=http":               {Endpoint: "http://h:8123", User: "default", Database: "db"},
		"clickhouse://h/db?protocol=native":             {Endpoint: "tcp://h:9000", User: "default", Database: "db"},
		"clickhouse://h/db?protocol=native&secure=true": {Endpoint: "tls://h:9440", User: "default", Database: "db"},
	} {
		if got, err := clickhouse.ParseURL(raw); err != nil || got != want {
			t.Errorf("%s is %+v, %v", raw, got, err)
		}
	}
}
