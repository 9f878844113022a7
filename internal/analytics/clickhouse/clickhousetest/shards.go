package clickhousetest

import (
	"fmt"
	"net"
	"os"
	"regexp"
	"sync"
)

// Cluster is the name of the cluster of StartShards.
const Cluster = "two"

// shardConfig is the configuration of an engine: its own port, its number, the ports
// of both, and who they are to each other.
const shardConfig = `<clickhouse>
<tcp_port>%[1]d</tcp_port>
<macros><shard>%[2]d</shard><replica>only</replica></macros>
<remote_servers><` + Cluster + `>
<shard><internal_replication>true</internal_replication><replica><host>127.0.0.1</host><port>%[3]d</port><user>%[5]s</user><password>%[6]s</password><compression>false</compression></replica></shard>
<shard><internal_replication>true</internal_replication><replica><host>127.0.0.1</host><port>%[4]d</port><user>%[5]s</user><password>%[6]s</password><compression>false</compression></replica></shard>
</` + Cluster + `></remote_servers>
</clickhouse>`

// shards starts two engines that are the shards of a cluster, once for a process.
var shards = sync.OnceValues(func() (running, error) {
	if os.Getenv("KITH_TEST_CLICKHOUSE") != "" {
		return running{}, nil // what it has is not known
	}
	var listeners [2]net.Listener
	var ports [2]int
	for i := range listeners {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return running{}, err
		}
		listeners[i], ports[i] = l, l.Addr().(*net.TCPAddr).Port
	}
	var engines [2]int
	var r running
	for i := range engines {
		port, life, err := engine(fmt.Sprintf(shardConfig, ports[i], i+1, ports[0], ports[1], user, password))
		if err != nil {
			return running{}, err
		}
		engines[i], r.lives = port, append(r.lives, life)
	}
	r.speak(listeners[1], engines[1])
	r.speak(listeners[0], engines[0], engines[1])
	r.native += "&cluster=" + Cluster
	return r, nil
})

var (
	onCluster  = regexp.MustCompile("(?i) ON CLUSTER `?" + Cluster + "`?")
	replicated = regexp.MustCompile(`\bReplicated(\w*MergeTree)\('[^']*', '[^']*'(?:, )?`)
	window     = regexp.MustCompile(`\breplicated_deduplication_window = `)
)

// alone takes what needs a cluster out of a statement, and reports whether it is for
// all of it.
func alone(statement string) (string, bool) {
	plain := onCluster.ReplaceAllString(statement, "")
	if plain == statement {
		return statement, false
	}
	return window.ReplaceAllString(replicated.ReplaceAllString(plain, "$1("), "non_replicated_deduplication_window = "), true
}
