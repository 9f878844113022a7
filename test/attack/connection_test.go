package attack

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"testing"
)

// memory reads how much memory a process has and how much of it is resident.
func memory(t *testing.T, pid int) (size, resident int64) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the memory of another process is read from Linux's /proc")
	}
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fscan(bytes.NewReader(data), &size, &resident); err != nil {
		t.Fatal(err)
	}
	page := int64(os.Getpagesize())
	return size * page, resident * page
}

// TestHangingConnections opens many connections that say half of something,
// also with the source's own key, and leaves them. The same source's other
// callers are served meanwhile, and kith ends in time though they hang.
func TestHangingConnections(t *testing.T) {
	k := start(t)
	hang := func(i int, said string) {
		from := &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(10+i%3))}
		dialer := net.Dialer{LocalAddr: from}
		conn, err := dialer.Dial("tcp", k.addr)
		if err != nil {
			t.Skipf("a connection from %s: %v", from.IP, err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := conn.Write([]byte(said)); err != nil {
			t.Fatal(err)
		}
	}
	bodies := "Content-Length: 600000\r\n\r\n{"
	for i := range 1500 {
		switch {
		case i < 300:
			hang(i, "POST /v1/track HTTP/1.1\r\nHost: x\r\nX-A: ")
		case i < 500:
			hang(i, "POST /v1/track HTTP/1.1\r\nHost: x\r\n"+bodies)
		default:
			hang(i, "POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: "+basic+"\r\n"+bodies)
		}
	}
	for i := range 50 {
		if a := k.send("/v1/track", fmt.Appendf(nil, `{"event":"E","userId":"u","messageId":"m%d"}`, i)); a.status != http.StatusOK {
			t.Fatalf("message %d: %s", i, a)
		}
	}
	k.folded()
	var p struct{ Events int }
	if k.read(http.MethodGet, "/v1/profiles/user_id:u", &p); p.Events != 50 {
		t.Errorf("%d events", p.Events)
	}
	if _, resident := memory(t, k.cmd.Process.Pid); resident > 400<<20 {
		t.Errorf("kith takes %d MiB", resident>>20)
	}
}
