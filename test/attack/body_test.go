package attack

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// values are what stands where something else is expected.
var values = []string{
	`null`, `true`, `7`, `-0`, `1e400`, `""`, `"x"`, `[]`, `{}`, `[[[]]]`, `{"a":{"b":1}}`, `"\u0000"`, `"\ud800"`, `"\ud83d\ude00"`,
	`123456789012345678901234567890`, `[{"id":7,"type":[]}]`, `[{"id":"x","type":"\u0000"}]`, `{"advertisingId":[],"id":{}}`, `{"email":7,"phone":{}}`,
	strings.Repeat("1", 400), `"` + strings.Repeat("é", 200) + `"`, `{"` + strings.Repeat("k", 300) + `":1}`,
	`"2026-02-30T00:00:00Z"`, `"9999-12-31T23:59:59Z"`, `"-0001-01-01T00:00:00Z"`,
}

var members = []string{
	"type", "userId", "anonymousId", "messageId", "timestamp", "sentAt", "originalTimestamp", "context", "integrations", "properties", "traits",
	"event", "name", "category", "groupId", "previousId", "channel", "receivedAt", "received_at", "node_id", "_metadata", "__proto__",
}

var contexts = []string{"ip", "userAgent", "traits", "device", "page", "consent", "externalIds", "campaign", "library", "groupId", "locale", "timezone", "active"}

// judged checks that a body was taken or refused in the form that SDKs read.
func (k *target) judged(what string, a answer) {
	k.Helper()
	var said struct {
		Success       *bool
		Code, Message string
	}
	if err := json.Unmarshal(a.body, &said); err != nil || said.Success == nil {
		k.Errorf("%s: %s", what, a)
		return
	}
	if ok := a.status == http.StatusOK; ok != *said.Success || !ok && (a.status != http.StatusBadRequest || said.Code == "" || said.Message == "") {
		k.Errorf("%s: %s", what, a)
	}
}

// TestAnyValueAnywhere puts every value into every member. What is taken is
// folded or kept apart, and means the same after a kill.
func TestAnyValueAnywhere(t *testing.T) {
	k := launch(t, t.TempDir())
	for _, call := range []string{"track", "identify", "page", "group", "alias"} {
		for _, member := range members {
			for _, value := range values {
				m := map[string]string{"userId": `"u"`, "event": `"E"`, "groupId": `"g"`, "previousId": `"p"`, member: value}
				k.judged(call+"."+member+": "+value[:min(len(value), 30)], k.send("/v1/"+call, object(m)))
			}
		}
	}
	for _, member := range contexts {
		for _, value := range values {
			body := object(map[string]string{"userId": `"u"`, "context": string(object(map[string]string{member: value}))})
			k.judged("context."+member+": "+value[:min(len(value), 30)], k.send("/v1/identify", body))
		}
	}
	for _, member := range []string{"batch", "context", "integrations", "sentAt", "writeKey", "messageId"} {
		for _, value := range values {
			m := map[string]string{"batch": `[{"type":"track","event":"E","userId":"u"}]`, member: value}
			k.judged("batch."+member+": "+value[:min(len(value), 30)], k.send("/v1/batch", object(m)))
		}
	}
	want := k.folded()
	if a := k.api(http.MethodGet, "/v1/profiles/user_id:u?verbose=1"); a.status != http.StatusOK || !json.Valid(a.body) {
		t.Errorf("the profile: %s", a)
	}
	if err := k.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-k.dead
	again := launch(t, k.data)
	t.Cleanup(again.stop)
	if got := again.folded(); got != want {
		t.Errorf("the state's hash is %s, and was %s before a kill", got, want)
	}
}

// object writes an object of members that are JSON already.
func object(m map[string]string) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for key, value := range m {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", key, value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// TestBombs sends bodies that are a thousand times larger once they are
// inflated, and bodies that are damaged.
func TestBombs(t *testing.T) {
	k := start(t)
	var bomb bytes.Buffer
	z, _ := gzip.NewWriterLevel(&bomb, gzip.BestCompression) // the level is a valid one
	zeros := make([]byte, 1<<20)
	for range 400 {
		if _, err := z.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if a := k.send("/v1/batch", bomb.Bytes(), "Content-Encoding", "gzip"); a.status != http.StatusBadRequest {
			t.Fatal(a)
		}
	}
	good := []byte(`{"event":"E","userId":"u"}`)
	packed := map[string][]byte{
		"gzip": inflatable(t, good, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }), "deflate": inflatable(t, good, func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }),
		"zstd": append([]byte{0x28, 0xb5, 0x2f, 0xfd, 0x20, byte(len(good)), byte(1 | len(good)<<3), 0, 0}, good...),
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for encoding, body := range packed {
		if a := k.send("/v1/track", body, "Content-Encoding", encoding); a.status != http.StatusOK {
			t.Errorf("%s: %s", encoding, a)
		}
		for range 300 {
			broken := bytes.Clone(body)
			for range 1 + rng.IntN(3) {
				broken[rng.IntN(len(broken))] ^= 1 << rng.IntN(8)
			}
			k.judged(fmt.Sprintf("%s %x", encoding, broken), k.send("/v1/track", broken[:1+rng.IntN(len(broken))], "Content-Encoding", encoding))
		}
	}
	if _, resident := memory(t, k.cmd.Process.Pid); resident > 400<<20 {
		t.Errorf("kith takes %d MiB", resident>>20)
	}
}

func inflatable(t *testing.T, body []byte, pack func(io.Writer) io.WriteCloser) []byte {
	t.Helper()
	var b bytes.Buffer
	w := pack(&b)
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
