package clickhousetest

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sync"
)

// Cluster is the name of the cluster of StartShards.
const Cluster = "two"

// single is the name of the cluster of StartReplica.
const single = "one"

// shardConfig is the configuration of an engine: its own port, its number, the ports
// of both, who they are to each other, and the port of ZooKeeper. Nobody listens at the
// address for other replicas. Engines without the program around them all have the same
// name in ZooKeeper, and end each other's sessions in one tree.
const shardConfig = `<clickhouse>
<tcp_port>%[1]d</tcp_port>
<macros><shard>%[2]d</shard><replica>only</replica></macros>
<interserver_http_host>127.0.0.1</interserver_http_host><interserver_http_port>9</interserver_http_port>
<zookeeper><node><host>127.0.0.1</host><port>%[7]d</port></node><root>/%[2]d</root></zookeeper>
<background_schedule_pool_size>8</background_schedule_pool_size>
<remote_servers><` + Cluster + `>
<shard><internal_replication>true</internal_replication><replica><host>127.0.0.1</host><port>%[3]d</port><user>%[5]s</user><password>%[6]s</password><compression>false</compression></replica></shard>
<shard><internal_replication>true</internal_replication><replica><host>127.0.0.1</host><port>%[4]d</port><user>%[5]s</user><password>%[6]s</password><compression>false</compression></replica></shard>
</` + Cluster + `><` + single + `>
<shard><internal_replication>true</internal_replication><replica><host>127.0.0.1</host><port>%[1]d</port><user>%[5]s</user><password>%[6]s</password><compression>false</compression></replica></shard>
</` + single + `></remote_servers>
</clickhouse>`

// shards starts two engines that are the shards of a cluster, and the ZooKeeper of
// their tables, once for a process.
var shards = sync.OnceValues(func() (running, error) {
	if os.Getenv("KITH_TEST_CLICKHOUSE") != "" {
		return running{}, nil // what it has is not known
	}
	keeper, life, err := zookeeper("1", "2")
	if err != nil {
		return running{}, err
	}
	r := running{lives: []io.Closer{life}}
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
	for i := range engines {
		port, life, err := engine(fmt.Sprintf(shardConfig, ports[i], i+1, ports[0], ports[1], user, password, keeper))
		if err != nil {
			return running{}, err
		}
		engines[i], r.lives = port, append(r.lives, life)
	}
	r.speak(listeners[1], engines[1])
	r.speak(listeners[0], engines[0], engines[1])
	return r, nil
})

// zookeeper starts a ZooKeeper with nodes of these names, and returns its port.
func zookeeper(nodes ...string) (port int, life io.Closer, err error) {
	if runtime.GOARCH != "amd64" {
		return 0, nil, fmt.Errorf("%w: the engine is given an address for replicas only in its build for amd64", ErrMissing)
	}
	if _, err := exec.LookPath("javac"); err != nil {
		return 0, nil, fmt.Errorf("%w: ZooKeeper needs a JDK of 17 or newer", ErrMissing)
	}
	here, lib, err := installed("zookeeper")
	if err != nil {
		return 0, nil, err
	}
	dir, err := os.MkdirTemp("", "kithzookeeper")
	if err != nil {
		return 0, nil, err
	}
	command := []string{"java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dzookeeper.forceSync=no",
		"-cp", filepath.Join(lib, "*"), filepath.Join(here, "Server.java"), dir}
	return child(dir, append(command, nodes...)...)
}

var onCluster = regexp.MustCompile("(?i) ON CLUSTER `?(" + Cluster + "|" + single + ")`?")

// onBoth is the engine of a table that is to have replicas on both engines.
var onBoth = regexp.MustCompile(`\bReplicated(\w*MergeTree)\('[^']*', '{shard}-{replica}'(?:, )?`)

// alone takes what needs a program around the engine out of a statement, and reports
// the cluster that it is for.
func alone(statement string) (plain, cluster string) {
	m := onCluster.FindStringSubmatchIndex(statement)
	if m == nil {
		return statement, ""
	}
	return onBoth.ReplaceAllString(statement[:m[0]]+statement[m[1]:], "$1("), statement[m[2]:m[3]]
}
