package clickhouse

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/internal/errs"
)

const serverConfig = `<yandex>
<logger><level>information</level><console>1</console></logger>
<tcp_port>%[1]d</tcp_port><listen_host>127.0.0.1</listen_host>
<path>%[2]s/</path><tmp_path>%[2]s/tmp/</tmp_path>
<users_config>%[2]s/users.xml</users_config><default_profile>default</default_profile><default_database>default</default_database>
<mark_cache_size>5368709</mark_cache_size>
</yandex>`

const serverUsers = `<yandex><profiles><default/></profiles><quotas><default/></quotas><users>
<kithtest><password>secret</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></kithtest>
</users></yandex>`

// watch runs a server until its standard input ends.
const watch = `"$@" 2>&1 & server=$!; cat >/dev/null; kill -9 $server`

// installed starts a real server, which the system has installed, and returns the
// transport to it. The one of Debian is of 2018: its protocol is an older revision
// of the same, with no settings for statements.
func installed(t *testing.T) *overNative {
	t.Helper()
	program, err := exec.LookPath("clickhouse-server")
	if err != nil && os.Getenv("KITH_REQUIRE_SERVERS") != "1" {
		t.Skip("clickhouse-server is not installed; Debian's package of that name is enough")
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	port := free.Addr().(*net.TCPAddr).Port
	must(t, free.Close())
	must(t, os.WriteFile(filepath.Join(dir, "config.xml"), fmt.Appendf(nil, serverConfig, port, dir), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "users.xml"), []byte(serverUsers), 0o600))
	shell := exec.Command("/bin/sh", "-c", watch, "sh", program, "--config-file="+filepath.Join(dir, "config.xml"))
	life, err := shell.StdinPipe()
	must(t, err)
	out, err := shell.StdoutPipe()
	must(t, err)
	must(t, shell.Start())
	var said strings.Builder
	lines := bufio.NewScanner(out)
	for ready := false; !ready; {
		if !lines.Scan() {
			t.Fatalf("the server does not start:\n%s", said.String())
		}
		said.WriteString(lines.Text() + "\n")
		ready = strings.Contains(lines.Text(), "Ready for connections")
	}
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(io.Discard, out) })
	t.Cleanup(func() {
		_ = life.Close()
		reading.Wait()
		_ = shell.Wait() // it was killed
	})
	return over(t, fmt.Sprintf("clickhouse://kithtest:secret@127.0.0.1:%d/default?protocol=native", port), 16<<20)
}

// over returns the transport to an address.
func over(t *testing.T, address string, answer int64) *overNative {
	t.Helper()
	loc, err := ParseURL(address)
	must(t, err)
	n, ok := Open(loc, Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: time.Minute, AnswerBytes: answer}).wire.(*overNative)
	if !ok {
		t.Fatalf("%s is not spoken to by the native protocol", address)
	}
	return n
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// all returns an answer as one text.
func (n *overNative) all(ctx context.Context, statement string) (string, error) {
	rows, err := n.query(ctx, statement, nil)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var out []string
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return strings.Join(out, "\n"), nil
		}
		if err != nil {
			return strings.Join(out, "\n"), err
		}
		line, err := json.Marshal(row)
		if err != nil {
			return "", err
		}
		out = append(out, string(line))
	}
}

// TestRealServer holds the transport against a server that somebody else has written:
// its handshake, statements, answers of several blocks, inserts and errors.
func TestRealServer(t *testing.T) {
	n := installed(t)
	ctx := t.Context()
	must(t, n.do(ctx, "CREATE TABLE t (a Int64, s String, n Nullable(String), u UInt8) ENGINE = Memory", nil))
	must(t, n.insert(ctx, "t", []byte(`{"a":-1,"s":"é\n\"","n":null,"u":true}`+"\n"+`{"s":"x","n":"y","a":"9007199254740993"}`), nil))
	must(t, n.insert(ctx, "t", nil, nil))
	for statement, want := range map[string]string{
		"SELECT a, s, n, u FROM t ORDER BY a":                                                `["-1","é\n\"",null,1]` + "\n" + `["9007199254740993","x","y",0]`,
		"SELECT 1, toUInt64(18446744073709551615), -1.5, 1e300, 1/0":                         `[1,"18446744073709551615",-1.5,1e300,"inf"]`,
		"SELECT [1, 2], ('a', 1), [[], ['b']], toFixedString('ab', 3)":                       `[[1,2],["a",1],[[],["b"]],"ab\u0000"]`,
		"SELECT toDate('2024-02-29'), toDateTime('2024-02-29 12:00:00', 'UTC')":              `["2024-02-29","2024-02-29T12:00:00Z"]`,
		"SELECT toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0'), toDecimal64(-12.5, 3)":       `["61f0c404-5cb3-11e7-907b-a6006ad3dba0","-12.500"]`,
		"SELECT CAST('b', 'Enum8(\\'a\\' = 1, \\'b\\' = -2)'), toDecimal128(0.05, 9), NULL":  `["b","0.050000000",null]`,
		"SELECT count(), sum(number) FROM (SELECT number FROM system.numbers LIMIT 1000000)": `["1000000","499999500000"]`,
		"SELECT 1 WHERE 0": "",
	} {
		if got, err := n.all(ctx, statement); err != nil || got != want {
			t.Errorf("%s is %s, %v, not %s", statement, got, err, want)
		}
	}
	got, err := n.all(ctx, "SELECT number FROM system.numbers LIMIT 200000")
	if lines := strings.Split(got, "\n"); err != nil || len(lines) != 200_000 || lines[199_999] != `["199999"]` {
		t.Errorf("an answer of several blocks has %d rows, %v", len(lines), err)
	}
	if len(n.idle) != 1 {
		t.Errorf("%d connections are kept", len(n.idle))
	}
	for statement, code := range map[string]int{"SELECT": 62, "SELECT * FROM nothing": 60, "SELECT intDiv(1, toInt64(number) - 150000) FROM system.numbers": 153} {
		var r *Refused
		if _, err := n.all(ctx, statement); !errors.As(err, &r) || r.Code != code || r.Message == "" {
			t.Errorf("%s gives %v", statement, err)
		}
	}
	for _, line := range []string{`{"b":1}`, `{"a":null}`, `{"a":1.5}`, `{"a":1,"a":2}`, `{"u":256}`, `{"s":1}`, `{"a":1}x`, `x`} {
		if err := n.insert(ctx, "t", []byte(line), nil); !errs.Is(err, errs.Unavailable) {
			t.Errorf("%s gives %v", line, err)
		}
	}
	if got, err := n.all(ctx, "SELECT count() FROM t"); err != nil || got != `["2"]` {
		t.Errorf("then there are %s rows, %v", got, err)
	}
}

// TestRealServerRefuses holds that strangers are told apart, that connections which
// the server has closed are not used, and that answers are bounded.
func TestRealServerRefuses(t *testing.T) {
	n := installed(t)
	ctx := t.Context()
	must(t, n.do(ctx, "SELECT 1", nil))
	must(t, n.idle[0].conn.Close())
	must(t, n.do(ctx, "SELECT 1", nil))
	if n.idle[0].version < settingsRevision {
		if err := n.do(ctx, "SELECT 1", []Setting{{"readonly", "1"}}); errs.CodeOf(err) != "clickhouse.old" {
			t.Errorf("a server that cannot be told to read only gives %v", err)
		}
	}
	for _, user := range []string{"kithtest:wrong", "nobody:secret"} {
		var r *Refused
		if err := over(t, "clickhouse://"+user+"@"+n.host+"/default?protocol=native", 1<<20).do(ctx, "SELECT 1", nil); !errors.As(err, &r) || !r.Denied() {
			t.Errorf("%s is told %v", user, err)
		}
	}
	small := over(t, "clickhouse://kithtest:secret@"+n.host+"/default?protocol=native", 1<<20)
	if _, err := small.all(ctx, "SELECT number FROM system.numbers"); errs.CodeOf(err) != "egress.answer_too_large" {
		t.Errorf("an answer without end gives %v", err)
	}
	must(t, small.do(ctx, "SELECT 1", nil))
}

// TestRealServerCancels holds that a statement ends on the server when nobody wants
// its answer any more.
func TestRealServerCancels(t *testing.T) {
	n := installed(t)
	running := func(want string) {
		for {
			got, err := n.all(t.Context(), "SELECT count() FROM system.processes WHERE query LIKE '%system.numbers%' AND query NOT LIKE '%processes%'")
			must(t, err)
			if got == `["`+want+`"]` {
				return
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- n.do(ctx, "SELECT sum(number) FROM system.numbers", nil) }()
	running("1")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("who went away is told %v", err)
	}
	running("0")
	rows, err := n.query(t.Context(), "SELECT number FROM system.numbers", nil)
	must(t, err)
	if _, err := rows.Next(); err != nil {
		t.Error(err)
	}
	running("1")
	must(t, rows.Close())
	running("0")
}

// TestSecure holds that TLS is spoken, and that a certificate of somebody else's is
// refused.
func TestSecure(t *testing.T) {
	n := installed(t)
	certificate := httptest.NewTLSServer(nil)
	defer certificate.Close()
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	door := tls.NewListener(plain, certificate.TLS)
	var doing sync.WaitGroup
	defer doing.Wait()
	defer door.Close()
	doing.Go(func() {
		for {
			from, err := door.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", n.host)
			if err != nil {
				_ = from.Close()
				continue
			}
			doing.Go(func() { _, _ = io.Copy(to, from); _ = to.Close() })
			doing.Go(func() { _, _ = io.Copy(from, to); _ = from.Close() })
		}
	})
	address := "clickhouse://kithtest:secret@" + plain.Addr().String() + "/default?protocol=native&secure=true"
	stranger := over(t, address, 1<<20)
	if err := stranger.do(t.Context(), "SELECT 1", nil); errs.CodeOf(err) != "egress.certificate" {
		t.Errorf("a certificate that nobody vouches for gives %v", err)
	}
	known := over(t, address, 1<<20)
	known.secure.RootCAs = x509.NewCertPool()
	known.secure.RootCAs.AddCert(certificate.Certificate())
	if got, err := known.all(t.Context(), "SELECT 1"); err != nil || got != "[1]" {
		t.Errorf("over TLS it is %s, %v", got, err)
	}
	must(t, known.idle[0].conn.Close())
}

// TestInternalAddress holds that an internal address is dialled only where the
// operator allows it, whatever is spoken there.
func TestInternalAddress(t *testing.T) {
	for _, protocol := range []string{"http", "native"} {
		loc, err := ParseURL("clickhouse://127.0.0.1:1/db?protocol=" + protocol)
		must(t, err)
		if err := Open(loc, Config{}).Do(t.Context(), "SELECT 1"); !errs.Is(err, errs.Denied) || errs.CodeOf(err) != "egress.address_blocked" {
			t.Errorf("%s is let to this machine: %v", protocol, err)
		}
	}
}
