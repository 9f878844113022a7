package collect

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"kith/internal/strictjson"
)

// FuzzRequests sends any body to any endpoint. Whatever it is, the answer is one
// of those that are promised, what is accepted is stored and can be read again,
// and nothing stays held.
func FuzzRequests(f *testing.F) {
	paths := []string{"/v1/batch", "/v1/t", "/v1/i", "/v1/a", "/v1/g", "/api/s/s2s/batch", "/com.snowplowanalytics.snowplow/tp2", "/v1/pixel/track?data=", "/i?"}
	encodings := []string{"", "gzip", "deflate", "zstd"}
	for i := range paths {
		f.Add(byte(i), byte(0), []byte(`{"batch":[{"type":"track","event":"E","userId":"u","messageId":"m","timestamp":"2026-11-22T12:00:00Z","context":{"ip":"x"}}],"sentAt":"2026-11-22T12:00:00Z"}`))
		f.Add(byte(i), byte(0), []byte(`{"event":"\ud800","userId":1,"groupId":"g","previousId":"p","traits":{"a":[{"a":1,"a":2}]}}`))
	}
	f.Add(byte(6), byte(0), []byte(`{"data":[{"e":"ue","aid":"kx_write_key","duid":"d","ue_pr":"{\"data\":{\"schema\":\"iglu:a/b/c\",\"data\":{}}}","co":"{\"data\":[]}"}]}`))
	f.Add(byte(8), byte(0), []byte(`e=se&se_ac=a&se_va=1&aid=kx_write_key&duid=d&dtm=1795348790000`))
	f.Add(byte(7), byte(0), []byte(`eyJ1c2VySWQiOiJ1IiwiZXZlbnQiOiJFIn0`))
	for i, encoding := range []string{"gzip", "zlib", "zstd"} {
		f.Add(byte(0), byte(i+1), compress(f, encoding, []byte(`{"batch":[{"type":"page","userId":"u"}]}`)))
	}
	fix := newFixture(f)
	f.Fuzz(func(t *testing.T, path, encoding byte, body []byte) {
		fix.log.entries = fix.log.entries[:0]
		q := request{path: paths[int(path)%len(paths)], header: map[string]string{}, reader: bytes.NewReader(body)}
		if e := encodings[int(encoding)%len(encodings)]; e != "" {
			q.header["Content-Encoding"] = e
		}
		r := newRequest("POST", q.path, string(body))
		if q.path == "/i?" || q.path == "/v1/pixel/track?data=" {
			r = newRequest("GET", "/i", "")
			if q.path != "/i?" {
				r = newRequest("GET", "/v1/pixel/track", "")
			}
			r.URL.RawQuery = q.path[len(r.URL.Path)+1:] + string(body)
		}
		for k, v := range q.header {
			r.Header.Set(k, v)
		}
		a := fix.do(r)
		if a.status != http.StatusOK && a.status != http.StatusBadRequest {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if a.header.Get("Content-Type") == "application/json" && !json.Valid([]byte(a.body)) {
			t.Fatalf("the answer is no JSON: %s", a.body)
		}
		if a.status != http.StatusOK && len(fix.log.records(t)) > 0 {
			t.Fatal("stored although refused")
		}
		for _, rec := range fix.log.records(t) {
			rendered(t, rec)
			if rec.Stamp.MessageID == "" || len(rec.Stamp.MessageID) > 4*messageIDMax || rec.Stamp.ReceivedAt != noon.UnixMilli() {
				t.Fatalf("stamp %+v", rec.Stamp)
			}
			var d strictjson.Doc
			if err := d.Parse(rec.Body, strictjson.Limits{Depth: 64, Keys: 1000}); err != nil || len(d.Violations()) > 0 {
				t.Fatalf("stored %s: %v %v", rec.Body, err, d.Violations())
			}
		}
		if bytes, requests := fix.InFlight(); bytes != 0 || requests != 0 {
			t.Fatalf("%d bytes and %d requests are still held", bytes, requests)
		}
		fix.reports, fix.rejected = nil, nil
		if len(fix.panics) > 0 {
			t.Fatalf("panic: %v", fix.panics[0])
		}
	})
}

// FuzzInflate gives any bytes to every decoder.
func FuzzInflate(f *testing.F) {
	for i, encoding := range []string{"gzip", "zlib", "flate", "zstd"} {
		f.Add(byte(i), compress(f, encoding, []byte(trackBody)))
	}
	f.Add(byte(3), zstdClaim(1<<40))
	encodings := []string{"gzip", "deflate", "deflate", "zstd"}
	w := &work{}
	f.Fuzz(func(t *testing.T, encoding byte, data []byte) {
		const limit = 64 << 10
		out, refused := w.inflate(encodings[int(encoding)%len(encodings)], data, limit)
		if len(out) > limit || cap(w.inflated) > 2*limit {
			t.Fatalf("%d bytes came out, %d of memory", len(out), cap(w.inflated))
		}
		if refused != nil && refused.status != http.StatusBadRequest {
			t.Fatalf("refused with %d", refused.status)
		}
	})
}
