package consent

import (
	"encoding/json"

	"kith/internal/errs"
	"kith/internal/strictjson"
)

// Body is what a record of kind Consent holds as its body.
type Body struct {
	Type, Value string // the identifier that it is said of, as it was given
	Said
	Policy   json.RawMessage // as it was given; nil for none
	Evidence json.RawMessage // likewise
}

// bodyDocument is the body's JSON.
type bodyDocument struct {
	Identity bodyIdentity    `json:"identity"`
	Purpose  string          `json:"purpose"`
	Channel  string          `json:"channel,omitempty"`
	State    string          `json:"state"`
	Policy   json.RawMessage `json:"policy,omitempty"`
	Evidence json.RawMessage `json:"evidence,omitempty"`
}

type bodyIdentity struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Encode writes the body.
func (b *Body) Encode() ([]byte, error) {
	out, err := json.Marshal(bodyDocument{
		Identity: bodyIdentity{b.Type, b.Value}, Purpose: b.Purpose, Channel: b.Channel, State: b.State.String(),
		Policy: b.Policy, Evidence: b.Evidence,
	})
	return out, errs.Wrap(err, errs.Internal, "consent.encode", "a consent could not be written")
}

// DecodeBody reads a record's body. Bytes that are none give kind Corrupt.
func DecodeBody(doc *strictjson.Doc, data []byte) (Body, error) {
	if err := doc.Parse(data, strictjson.Limits{}); err != nil {
		return Body{}, errFormat("consent")
	}
	root := doc.Root()
	id := root.Get("identity")
	b := Body{Type: id.Get("type").Text(), Value: id.Get("value").Text()}
	b.Said = Said{
		Purpose: root.Get("purpose").Text(), Channel: root.Get("channel").Text(),
		State: StateOf(root.Get("state").Text()), Via: ViaAPI,
	}
	b.Policy, b.Evidence = copied(root.Get("policy")), copied(root.Get("evidence"))
	if b.State == Silent || !ValidName(b.Type) || b.Purpose != Every && !ValidName(b.Purpose) || b.Channel != "" && !ValidName(b.Channel) {
		return Body{}, errFormat("consent")
	}
	return b, nil
}

func copied(v strictjson.Value) json.RawMessage {
	if !v.Exists() {
		return nil
	}
	return v.AppendClean(nil)
}
