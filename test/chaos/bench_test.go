package chaos

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"kith/test/program"
)

var (
	events = flag.Int("events", 5000, "of each measurement")
	more   = flag.String("more", "", "further flags of kith bench nodes, separated by spaces")
)

// TestBenchNodes measures nodes on three brokers and a database with its standby, on
// the disk that everybody has. The command fails when not every event counts once.
func TestBenchNodes(t *testing.T) {
	needEngines(t)
	dir, host := openFolder(t), "127.0.0.1"
	brokers := startBrokers(t, host, dir, 3)
	d := &database{bin: postgresPrograms(), host: host, dir: filepath.Join(dir, "postgres"), settings: []string{"shared_buffers=1GB", "max_wal_size=4GB"}}
	if err := os.Mkdir(d.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	d.make(t)
	var addrs, pids, folders []string
	for _, b := range brokers {
		addrs = append(addrs, b.addr)
		pids = append(pids, strconv.Itoa(b.cmd.Process.Pid))
		folders = append(folders, filepath.Join(b.dir, "data"))
	}
	// Of two servers the second may not have a database yet that was just made.
	first := "postgres://postgres@" + host + ":" + d.servers[0].port + "/postgres?sslmode=disable"
	args := []string{
		"bench", "nodes", "--events", strconv.Itoa(*events), "--dir", dir, "--log", "kafka://" + strings.Join(addrs, ",") + "/bench", "--state", first,
		"--engine", fmt.Sprintf("Kafka=%s@%s", strings.Join(pids, ","), strings.Join(folders, ",")),
		"--engine", fmt.Sprintf("PostgreSQL=%d@%s", d.servers[0].cmd.Process.Pid, filepath.Join(d.servers[0].dir, "base")),
		"--engine", fmt.Sprintf("standby=%d", d.servers[1].cmd.Process.Pid),
	}
	out, err := exec.Command(program.Kith(t), append(args, strings.Fields(*more)...)...).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}
