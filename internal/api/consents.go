package api

import (
	"context"
	"encoding/json"
	"net/http"

	"kith/event"
	"kith/internal/consent"
	"kith/internal/profile"
	"kith/internal/resource/form"
	"kith/internal/route"
	"kith/internal/strictjson"
)

// Consents takes what people say of purposes, and knows what they have said.
type Consents interface {
	// Say appends a statement to the ledger and returns its id once it is durable.
	// id (empty: made) is the statement's name: the same one again within 30 days
	// changes nothing. at is when it claims to have been said, UTC milliseconds,
	// event.NoTime for now; a later moment than now counts as now. An identifier
	// that identifies nobody gives an error of kind Invalid.
	Say(ctx context.Context, id string, at int64, body consent.Body) (string, error)
	// Ledger returns a page of what a person has said, newest first.
	Ledger(ctx context.Context, ref profile.Ref, page profile.Page) (profile.ConsentPage, error)
}

// Bounds of a consent's body.
const (
	consentBytesMax = 64 << 10
	proofBytesMax   = 16 << 10 // of policy and of evidence
	valueBytesMax   = 1000     // of an identifier as it is written
	recordIDMax     = 100
)

func (a *API) consentRows() []route.Route {
	post := route.Route{
		Method: http.MethodPost, Path: "/v1/consents", Name: "postConsent", Tag: "Consent", Key: route.AdminKey, Class: route.Internal,
		Summary: "Put what a person says of a purpose into the ledger. Statements count in the order of their receipt.",
		Handler: route.Handle(a.postConsent), BodyBytes: consentBytesMax, Body: route.Ref("ConsentStatement"),
		Answers: []route.Answer{
			{Status: 200, Summary: "It is durable.", Schema: object("A statement of the ledger.", map[string]route.Schema{"id": textSchema()})},
			{Status: 422, Summary: "The statement is not accepted; errors[] names each place."},
		},
	}
	ledger := route.Route{
		Method: http.MethodGet, Path: "/v1/profiles/{ref}/consents", Name: "listProfileConsents", Tag: "Consent", Key: route.ReadKey, Class: route.Special,
		Summary: "List everything that a person has said of purposes, the last received first, each with its proof.",
		Params:  append([]route.Param{refParam()}, pageParams()...), Handler: route.Handle(a.profileConsents),
		Answers: []route.Answer{
			{Status: 200, Summary: "Found.", Schema: listSchema(route.Ref("ConsentRecord"))},
			{Status: 404, Summary: "Nobody has this identifier."},
		},
	}
	return []route.Route{post, ledger}
}

func (a *API) postConsent(w http.ResponseWriter, r *http.Request) error {
	data, err := route.ReadBody(r)
	if err != nil {
		return err
	}
	id, at, body, err := readConsent(data)
	if err != nil {
		return err
	}
	if id, err = a.cfg.Consents.Say(r.Context(), id, at, body); err != nil {
		return err
	}
	return route.WriteJSON(w, http.StatusOK, map[string]string{"id": id})
}

// readConsent reads the body of a statement.
func readConsent(data []byte) (id string, at int64, body consent.Body, err error) {
	at = event.NoTime
	err = form.Read(data, func(o *form.Object) {
		if !o.Has("identity") {
			o.Refuse("identity", form.CodeRequired, "must be an object with type and value")
		}
		o.Object("identity", func(i *form.Object) {
			body.Type, body.Value = i.Required("type", consent.PurposeBytesMax), i.Required("value", valueBytesMax)
		})
		readSaid(o, &body.Said)
		body.Policy, body.Evidence = proof(o, "policy"), proof(o, "evidence")
		id = o.Text("id", recordIDMax)
		at = timeField(o, "at")
	})
	return id, at, body, err
}

// readSaid reads what a statement says of a purpose. "*" and no channel alike
// are all channels.
func readSaid(o *form.Object, said *consent.Said) {
	said.Via = consent.ViaAPI
	said.Purpose = o.Required("purpose", consent.PurposeBytesMax)
	if p := said.Purpose; p != "" && p != consent.Every && len(p) <= consent.PurposeBytesMax && !consent.ValidName(p) {
		o.Refuse("purpose", form.CodeInvalid, "must be the key of a purpose, or * for all of them")
	}
	if said.Channel = o.Text("channel", consent.ChannelBytesMax); said.Channel == consent.Every {
		said.Channel = ""
	}
	if c := said.Channel; c != "" && len(c) <= consent.ChannelBytesMax && !consent.ValidName(c) {
		o.Refuse("channel", form.CodeInvalid, "must be the name of a channel such as email, or absent for all of them")
	}
	text := o.Required("state", consent.PurposeBytesMax)
	if said.State = consent.StateOf(text); text != "" && said.State == consent.Silent {
		o.Refuse("state", form.CodeInvalid, "must be granted, denied or withdrawn")
	}
}

// proof takes any JSON, to be kept as it is.
func proof(o *form.Object, name string) json.RawMessage {
	v := o.Value(name)
	if !v.Exists() || v.Kind() == strictjson.Null {
		return nil
	}
	if len(v.Raw()) > proofBytesMax {
		o.Refuse(name, form.CodeInvalid, "may have 16384 bytes")
	}
	return v.AppendClean(nil)
}

// timeField takes a moment, event.NoTime when it is absent.
func timeField(o *form.Object, name string) int64 {
	text := o.Text(name, 64)
	if text == "" {
		return event.NoTime
	}
	at, ok := event.ParseTime(text)
	if !ok {
		o.Refuse(name, form.CodeInvalid, "must be a time such as 2026-03-01T09:00:00Z")
	}
	return at
}

// consentAnswer is one statement as it is answered.
type consentAnswer struct {
	ID         string           `json:"id"`
	Identity   identifierObject `json:"identity"`
	Purpose    string           `json:"purpose"`
	Channel    string           `json:"channel"`
	State      string           `json:"state"`
	At         string           `json:"at"`
	ReceivedAt string           `json:"received_at"`
	Via        string           `json:"via"`
	Source     string           `json:"source"`
	NodeID     string           `json:"node_id"`
	Policy     json.RawMessage  `json:"policy"`
	Evidence   json.RawMessage  `json:"evidence"`
}

func (a *API) profileConsents(w http.ResponseWriter, r *http.Request) error {
	ref, p, err := refAndPage(r)
	if err != nil {
		return err
	}
	page, err := a.cfg.Consents.Ledger(r.Context(), ref, profile.Page{Limit: p.limit, Cursor: p.cursor})
	if err != nil {
		return err
	}
	answer := make([]consentAnswer, len(page.Records))
	for i := range page.Records {
		c := &page.Records[i]
		answer[i] = consentAnswer{
			ID: c.MessageID, Identity: identifierObject{c.Whose.Type, c.Whose.Value}, Purpose: c.Purpose, Channel: c.Channel, State: c.State.String(), Via: c.Via.String(), Source: c.Source,
			At: event.FormatTime(c.At), ReceivedAt: event.FormatTime(c.ReceivedAt), NodeID: c.Node.String(),
			Policy: orNullJSON(c.Policy), Evidence: orNullJSON(c.Evidence),
		}
	}
	return writeList(w, answer, page.Next)
}

func orNullJSON(v json.RawMessage) json.RawMessage {
	if v == nil {
		return json.RawMessage("null")
	}
	return v
}

// standingAnswer is one line of what a person has agreed to.
type standingAnswer struct {
	Purpose string `json:"purpose"`
	Channel string `json:"channel"`
	State   string `json:"state"`
	At      string `json:"at"`
}

func standingsOf(all []consent.Standing) []standingAnswer {
	out := make([]standingAnswer, len(all))
	for i, s := range all {
		out[i] = standingAnswer{s.Purpose, s.Channel, s.State.String(), event.FormatTime(s.At)}
	}
	return out
}

func standingSchema() route.Schema {
	return object("What counts for a purpose and channel.", map[string]route.Schema{
		"purpose": {"type": "string", "description": "Key of the purpose; *: the person objects to everything."},
		"channel": {"type": "string", "description": "Empty: all channels, also those that are yet to come."},
		"state":   {"type": "string", "enum": []string{"granted", "denied", "withdrawn"}},
		"at":      timeSchema(),
	})
}

func consentRecordSchema() route.Schema {
	return object("One statement of the ledger of consents.", map[string]route.Schema{
		"id":          {"type": "string", "description": "The statement's id, or the messageId of the event that said it."},
		"identity":    object("Of whom it was said, which is whom it has to be taken back of.", map[string]route.Schema{"type": textSchema(), "value": textSchema()}),
		"purpose":     textSchema(),
		"channel":     {"type": "string", "description": "Empty: all channels."},
		"state":       {"type": "string", "enum": []string{"granted", "denied", "withdrawn"}},
		"at":          {"type": "string", "format": "date-time", "description": "When it claims to have been said."},
		"received_at": {"type": "string", "format": "date-time", "description": "When it was received, which is the order that counts."},
		"via":         {"type": "string", "enum": []string{"api", "event", "gpc"}},
		"source":      textSchema(),
		"node_id":     {"type": "string", "format": "uuid"},
		"policy":      anySchema(),
		"evidence":    anySchema(),
	})
}

func consentStatementSchema() route.Schema {
	return route.Schema{
		"type": "object", "description": "What a person says of a purpose.", "additionalProperties": false,
		"required": []string{"identity", "purpose", "state"},
		"properties": map[string]route.Schema{
			"identity": object("Whose word it is.", map[string]route.Schema{"type": textSchema(), "value": textSchema()}),
			"purpose":  {"type": "string", "description": "Key of the purpose; * for an objection to everything."},
			"channel":  {"type": "string", "description": "Such as email; absent, empty or *: all channels, also those that are yet to come."},
			"state":    {"type": "string", "enum": []string{"granted", "denied", "withdrawn"}},
			"policy":   {"description": "What the person was told: any JSON, such as a version and a hash of the text."},
			"evidence": {"description": "How it was said: any JSON, such as a form's name and page."},
			"at":       {"type": "string", "format": "date-time", "description": "When it was said; now if absent."},
			"id":       {"type": "string", "maxLength": recordIDMax, "description": "A name of the statement: sent again it changes nothing."},
		},
	}
}
