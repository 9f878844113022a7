package chaos

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// broker is one Kafka server, which is a controller too.
type broker struct {
	process
	id   int
	addr string
	dir  string
	lib  string
}

// startBrokers starts so many brokers that make one cluster. Their times are short:
// what is measured is kith's part.
func startBrokers(t *testing.T, host, dir string, n int) []*broker {
	t.Helper()
	out, err := exec.Command("../../.ci/kafka/fetch").Output()
	if err != nil {
		t.Fatalf("the broker cannot be fetched: %v", err)
	}
	lib := strings.TrimSpace(string(out))
	var voters []string
	brokers := make([]*broker, n)
	addrs := freeAddrs(t, host, 2*n)
	controllers := addrs[n:]
	for i := range brokers {
		brokers[i] = &broker{id: i + 1, addr: addrs[i], dir: filepath.Join(dir, fmt.Sprintf("broker-%d", i+1)), lib: lib}
		voters = append(voters, fmt.Sprintf("%d@%s", i+1, controllers[i]))
	}
	for i, b := range brokers {
		b.configure(t, controllers[i], strings.Join(voters, ","))
	}
	for _, b := range brokers {
		b.launch(t)
	}
	for _, b := range brokers {
		b.await(t)
	}
	return brokers
}

// await waits until the broker listens.
func (b *broker) await(t *testing.T) {
	t.Helper()
	waitFor(t, 2*time.Minute, fmt.Sprintf("broker %d", b.id), func() error {
		c, err := net.DialTimeout("tcp", b.addr, time.Second)
		if err == nil {
			err = c.Close()
		}
		return err
	})
}

func (b *broker) java(args ...string) *exec.Cmd {
	return exec.Command("java", append([]string{"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", b.lib + "/*"}, args...)...)
}

func (b *broker) configure(t *testing.T, controller, voters string) {
	t.Helper()
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	settings := fmt.Sprintf(`process.roles=broker,controller
node.id=%d
controller.quorum.voters=%s
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://%s,CONTROLLER://%s
advertised.listeners=PLAINTEXT://%s
log.dirs=%s
offsets.topic.replication.factor=3
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
min.insync.replicas=2
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
replica.lag.time.max.ms=3000
controller.quorum.election.timeout.ms=1000
controller.quorum.fetch.timeout.ms=2000
num.network.threads=2
num.io.threads=2
`, b.id, voters, b.addr, controller, b.addr, filepath.Join(b.dir, "data"))
	name := filepath.Join(b.dir, "server.properties")
	if err := os.WriteFile(name, []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	const cluster = "a2l0aC1jaGFvcy10ZXN0cw" // any 16 bytes
	if out, err := b.java("kafka.tools.StorageTool", "format", "--cluster-id", cluster, "--config", name).CombinedOutput(); err != nil {
		t.Fatalf("formatting a broker's folder: %v: %s", err, out)
	}
}

func (b *broker) launch(t *testing.T) {
	t.Helper()
	b.start(t, fmt.Sprintf("broker %d", b.id), filepath.Join(b.dir, "log"), b.java("kafka.Kafka", filepath.Join(b.dir, "server.properties")))
}

// process is a program with its children, in a group of processes of its own.
type process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	tree bool          // its children have groups of their own
	err  error         // how; only after done
}

// start starts a program whose output goes to a file. It is killed at the end of
// the test.
func (p *process) start(t *testing.T, name, output string, cmd *exec.Cmd) {
	t.Helper()
	f, err := os.OpenFile(output, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = f
	if cmd.Stdout == nil {
		cmd.Stdout = f
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	first := p.cmd == nil
	p.name, p.cmd, p.done = name, cmd, make(chan struct{})
	done := p.done
	go func() {
		p.err = cmd.Wait()
		_ = f.Close() // it is only read by people
		close(done)
	}()
	if first {
		t.Cleanup(p.kill)
	}
}

// signal reaches all processes of the group, and the children that have others; none
// is an error when they have ended.
func (p *process) signal(sig syscall.Signal) {
	pid := p.cmd.Process.Pid
	if p.tree {
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)) // none elsewhere than on Linux
		for child := range strings.FieldsSeq(string(children)) {
			if n, err := strconv.Atoi(child); err == nil {
				_ = syscall.Kill(n, sig)
			}
		}
	}
	_ = syscall.Kill(-pid, sig)
}

// kill ends it at once and waits for that.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

func (p *process) runs() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// freeAddr is an address that nobody listens on.
func freeAddr(t *testing.T, host string) string {
	t.Helper()
	return freeAddrs(t, host, 1)[0]
}

// freeAddrs are so many, no two of them the same.
func freeAddrs(t *testing.T, host string, n int) (out []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		out = append(out, l.Addr().String())
	}
	return out
}

// waitFor asks until there is no error.
func waitFor(t *testing.T, within time.Duration, what string, ask func() error) {
	t.Helper()
	var err error
	for began := time.Now(); time.Since(began) < within; <-time.After(50 * time.Millisecond) {
		if err = ask(); err == nil {
			return
		}
	}
	t.Fatalf("%s did not come up within %v: %v", what, within, err)
}
