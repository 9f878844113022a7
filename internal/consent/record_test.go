package consent

import (
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kith/event"
	"kith/internal/record"
	"kith/internal/strictjson"
)

// TestGoldenConsent pins a record of kind Consent, field by field as in the
// FORMAT.md of the records.
func TestGoldenConsent(t *testing.T) {
	b := Body{
		Type: "email", Value: "ana@example.com", Said: Said{Purpose: "marketing", Channel: "email", State: Granted, Via: ViaAPI},
		Policy: []byte(`"v3"`), Evidence: []byte(`{"form":"footer"}`),
	}
	body, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	r := record.Record{
		Kind: record.Consent, Body: body,
		Stamp: event.Stamp{Source: "api", MessageID: "c-1", ReceivedAt: 1_795_305_598_000, Timestamp: 1_795_305_597_000},
	}
	const head = "01" + "04" + "00" + "00" + "0000" + "e0b0eb88c068" + "90a1eb88c068" + "00" + "03617069" + "03632d31" + "00000000"
	const text = `{"identity":{"type":"email","value":"ana@example.com"},"purpose":"marketing","channel":"email","state":"granted","policy":"v3","evidence":{"form":"footer"}}`
	if got, want := hex.EncodeToString(r.AppendTo(nil)), head+hex.EncodeToString([]byte(text)); got != want {
		t.Errorf("bytes\n%s, want\n%s", got, want)
	}
	back, err := DecodeBody(&strictjson.Doc{}, body)
	if err != nil || !cmp.Equal(back, b) {
		t.Errorf("read back (%v): %s", err, cmp.Diff(b, back))
	}
}
