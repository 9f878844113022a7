// Package kafkatest starts a Kafka broker inside a test's own process.
package kafkatest

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Start runs a broker until the test ends and returns the URL of a log on it.
func Start(tb testing.TB) (url string) {
	tb.Helper()
	_, url = StartCluster(tb, kfake.NumBrokers(1))
	return url
}

// StartCluster is Start for tests that need several brokers, or let them fail:
// the cluster is theirs to command until it is closed with the test.
func StartCluster(tb testing.TB, opts ...kfake.Opt) (cluster *kfake.Cluster, url string) {
	tb.Helper()
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		tb.Fatalf("starting a broker: %v", err)
	}
	tb.Cleanup(cluster.Close)
	return cluster, "kafka://" + strings.Join(cluster.ListenAddrs(), ",") + "/test"
}
