package chaos

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
)

// network is where servers and nodes listen. As root on Linux the last node has a
// network of its own, with one cable that can be pulled out; elsewhere all share
// the machine's.
type network struct {
	host, node string   // addresses of the two ends; the same without a network of its own
	spare      string   // an address beside host that can be taken away; host if none can
	under      []string // runs a command inside
	cable      string   // its end outside; empty: there is none
	port       int
}

// newNetwork makes one that goes with the test.
func newNetwork(t *testing.T) *network {
	t.Helper()
	n := os.Getpid() % 16000
	name, outside, inside := fmt.Sprintf("kithchaos%d", n), fmt.Sprintf("kc%do", n), fmt.Sprintf("kc%di", n)
	prefix := fmt.Sprintf("10.%d.%d.", 192+n/256, n%256)
	w := &network{host: prefix + "1", node: prefix + "2", spare: prefix + "3", port: 18000}
	t.Cleanup(func() {
		_ = exec.Command("ip", "netns", "del", name).Run() // perhaps it was never made
		_ = exec.Command("ip", "link", "del", outside).Run()
	})
	for _, args := range [][]string{
		{"netns", "add", name},
		{"link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name},
		{"addr", "add", w.host + "/24", "dev", outside},
		{"addr", "add", w.spare + "/24", "dev", outside},
		{"link", "set", outside, "up"},
		{"-n", name, "addr", "add", w.node + "/24", "dev", inside},
		{"-n", name, "link", "set", inside, "up"},
		{"-n", name, "link", "set", "lo", "up"},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Logf("there is no network of its own, so none is cut: ip %v: %v: %s", args, err, out)
			return &network{host: "127.0.0.1", node: "127.0.0.1", spare: "127.0.0.1"}
		}
	}
	w.cable, w.under = outside, []string{"ip", "netns", "exec", name}
	return w
}

// freeAddr is an address to listen on, inside or outside.
func (w *network) freeAddr(t *testing.T, inside bool) string {
	t.Helper()
	if inside && w.cable != "" {
		w.port++
		return net.JoinHostPort(w.node, fmt.Sprint(w.port)) // nobody else is there
	}
	return freeAddr(t, w.host)
}

// pull takes the cable out, or puts it back in.
func (w *network) pull(t *testing.T, out bool) {
	t.Helper()
	state := "up"
	if out {
		state = "down"
	}
	if b, err := exec.Command("ip", "link", "set", w.cable, state).CombinedOutput(); err != nil {
		t.Fatalf("the cable: %v: %s", err, b)
	}
}

// take takes the spare address away from whoever listens on it, or brings it back.
func (w *network) take(t *testing.T, away bool) {
	t.Helper()
	verb := "add"
	if away {
		verb = "del"
	}
	if b, err := exec.Command("ip", "addr", verb, w.spare+"/24", "dev", w.cable).CombinedOutput(); err != nil {
		t.Fatalf("the address: %v: %s", err, b)
	}
}
