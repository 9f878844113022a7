package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"kith/event"
	"kith/internal/errs"
)

// golden is a record and its bytes, field by field as in FORMAT.md.
func golden() (Record, string) {
	r := Record{
		Kind: Event,
		Stamp: event.Stamp{
			Source: "web", MessageID: "m-1", Type: event.Track,
			Flags:      event.CorrectedTime | event.GPC | event.Distrusted,
			ReceivedAt: 1795305598000, Timestamp: -1, IP: "192.0.2.1", UserAgent: "UA",
		},
		Admission: Admission{Verdict: Admitted, Config: 300, Body: []byte(`{}`)},
		Envelope:  []byte(`{"sentAt":1}`),
		Body:      []byte(`{"event":"E"}`),
	}
	return r, strings.Join([]string{
		"01", "01", "02", "01", "a400",
		"e0b0eb88c068", "01", "ac02",
		"03" + hex.EncodeToString([]byte("web")),
		"03" + hex.EncodeToString([]byte("m-1")),
		"09" + hex.EncodeToString([]byte("192.0.2.1")),
		"02" + hex.EncodeToString([]byte("UA")),
		"02" + hex.EncodeToString([]byte("{}")),
		"0c" + hex.EncodeToString([]byte(`{"sentAt":1}`)),
		hex.EncodeToString([]byte(`{"event":"E"}`)),
	}, "")
}

func TestGoldenBytes(t *testing.T) {
	r, want := golden()
	if got := hex.EncodeToString(r.AppendTo(nil)); got != want {
		t.Errorf("bytes\n%s, want\n%s", got, want)
	}
	data, err := hex.DecodeString(want)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(data)
	if err != nil || !cmp.Equal(back, r) {
		t.Errorf("read back (%v): %s", err, cmp.Diff(r, back))
	}
}

func TestAppendToKeepsWhatIsThere(t *testing.T) {
	r, _ := golden()
	b := r.AppendTo([]byte("before"))
	if !bytes.HasPrefix(b, []byte("before")) || !bytes.Equal(b[6:], r.AppendTo(nil)) {
		t.Error("appending changed what was there")
	}
}

func TestEveryCutIsCorrupt(t *testing.T) {
	r, _ := golden()
	data := r.AppendTo(nil)
	for n := range len(data) - len(r.Body) {
		if _, err := Decode(data[:n]); !errs.Is(err, errs.Corrupt) {
			t.Errorf("the first %d bytes: %v, want Corrupt", n, err)
		}
	}
	data[0]++
	if _, err := Decode(data); !errs.Is(err, errs.Corrupt) {
		t.Errorf("an unknown version: %v, want Corrupt", err)
	}
}

func TestRoundTrip(t *testing.T) {
	text := rapid.StringN(0, 40, 200)
	blob := rapid.SliceOfN(rapid.Byte(), 0, 300)
	rapid.Check(t, func(t *rapid.T) {
		r := Record{
			Kind: Event,
			Stamp: event.Stamp{
				Source: text.Draw(t, "source"), MessageID: text.Draw(t, "message"), Type: event.Type(rapid.Byte().Draw(t, "type")),
				Flags: event.Flags(rapid.Uint16().Draw(t, "flags")), ReceivedAt: rapid.Int64().Draw(t, "received"),
				Timestamp: rapid.Int64().Draw(t, "timestamp"), IP: text.Draw(t, "ip"), UserAgent: text.Draw(t, "agent"),
			},
			Admission: Admission{Verdict: Verdict(rapid.Byte().Draw(t, "verdict")), Config: rapid.Uint64().Draw(t, "config"), Body: blob.Draw(t, "admitted")},
			Envelope:  blob.Draw(t, "envelope"),
			Body:      blob.Draw(t, "body"),
		}
		back, err := Decode(r.AppendTo(nil))
		if err != nil || !cmp.Equal(back, r, cmp.Comparer(bytes.Equal)) {
			t.Fatalf("%v: %s", err, cmp.Diff(r, back))
		}
	})
}

func TestSumIsOfWhatWasReceived(t *testing.T) {
	r := Record{Body: []byte("body")}
	if r.Sum() != sha256.Sum256([]byte("\x00body")) {
		t.Error("a message alone")
	}
	plain := r.Sum()
	r.Envelope = []byte("env")
	if r.Sum() != sha256.Sum256([]byte("\x03envbody")) {
		t.Error("a message of a batch")
	}
	r.Envelope, r.Stamp.ReceivedAt, r.Admission.Body = nil, 7, []byte("other")
	if r.Sum() != plain {
		t.Error("stamps are no part of the sum")
	}
}

func TestEvent(t *testing.T) {
	r := Record{
		Kind:     Event,
		Stamp:    event.Stamp{Source: "web", MessageID: "made", Type: event.Track, Flags: event.MadeMessageID, Timestamp: 5},
		Envelope: []byte(`{"context":{"app":"a"},"integrations":{"X":false},"sentAt":"2026-11-22T00:00:01Z"}`),
		Body:     []byte(`{"messageId":"sent","event":"E","userId":"u"}`),
	}
	var d Docs
	e, err := r.Event(&d)
	if err != nil {
		t.Fatal(err)
	}
	if e.Stamp != r.Stamp || e.Name != "E" || e.ContextValue("app").Text() != "a" || !e.Integration("X").Exists() || e.SentAt != 1795305601000 {
		t.Errorf("event %+v", e)
	}
	r.Admission.Body = []byte(`{"event":"Changed","userId":"u"}`)
	if e, err := r.Event(&d); err != nil || e.Name != "Changed" {
		t.Errorf("name %q, %v: the admitted body counts", e.Name, err)
	}
	r.Admission.Body = nil
	for _, bad := range []string{``, `{`, `{"event":"E"}`, `[]`} {
		r.Body = []byte(bad)
		if _, err := r.Event(&d); err == nil {
			t.Errorf("body %q gave an event", bad)
		}
	}
	r.Body, r.Envelope = []byte(`{"event":"E","userId":"u"}`), []byte(`{`)
	if _, err := r.Event(&d); err == nil {
		t.Error("a broken envelope gave an event")
	}
}

func TestReason(t *testing.T) {
	r := Record{Kind: Rejected, Admission: Admission{Verdict: Held, Body: []byte(`{"code":"event.type_unknown","detail":"d"}`)}}
	if got := r.Reason(); got != (Reason{"event.type_unknown", "d"}) {
		t.Errorf("reason %v", got)
	}
	for _, bad := range []string{``, `{`, `{}`, `[]`, `{"code":7}`} {
		r.Admission.Body = []byte(bad)
		if got := r.Reason(); got.Code != "record.reason_missing" || got.Detail == "" {
			t.Errorf("%q gave the reason %v", bad, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	r, _ := golden()
	f.Add(r.AppendTo(nil))
	f.Add((&Record{Kind: Event}).AppendTo(nil))
	f.Add([]byte{1, 1, 2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Decode(data)
		if err != nil {
			if !errs.Is(err, errs.Corrupt) {
				t.Fatalf("an error that is not Corrupt: %v", err)
			}
			return
		}
		back, err := Decode(r.AppendTo(nil))
		if err != nil || !cmp.Equal(back, r, cmp.Comparer(bytes.Equal)) {
			t.Fatalf("written and read again (%v): %s", err, cmp.Diff(r, back))
		}
		var d Docs
		_, _ = r.Event(&d)
	})
}
