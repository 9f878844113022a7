package api

import (
	"encoding/json"
	"net/http"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/record"
	"kith/internal/route"
)

// Held is a record that was set apart because it could not be folded.
type Held struct {
	ID     string
	Code   string // stable code of the reason
	Detail string
	Data   []byte // the record's bytes, which may be what is wrong with it
}

type heldAnswer struct {
	ID         string  `json:"id"`
	Code       string  `json:"code"`
	Detail     string  `json:"detail"`
	Source     *string `json:"source"`
	MessageID  *string `json:"message_id"`
	Type       *string `json:"type"`
	ReceivedAt *string `json:"received_at"`
}

// heldInFull also shows what was received: as JSON where it is JSON, else in
// base64.
type heldInFull struct {
	heldAnswer
	Body     json.RawMessage `json:"body"`
	Envelope json.RawMessage `json:"envelope"`
	Raw      []byte          `json:"raw,omitempty"`
}

func (a *API) quarantineRows() []route.Route {
	id := route.Param{Name: "id", In: "path", Summary: "The id of the record in the list.", Schema: route.Schema{"type": "string"}}
	none := route.Answer{Status: 404, Summary: "No held record has this id."}
	return []route.Route{
		{
			Method: http.MethodGet, Path: "/v1/quarantine", Name: "listQuarantine", Tag: "Quarantine", Key: route.AdminKey, Class: route.Identifying,
			Summary: "List the records that could not be folded, oldest first.", Params: pageParams(),
			Answers: []route.Answer{{Status: 200, Summary: "The records.", Schema: listSchema(route.Ref("Held"))}},
			Handler: route.Handle(a.listHeld),
		},
		{
			Method: http.MethodGet, Path: "/v1/quarantine/{id}", Name: "getQuarantined", Tag: "Quarantine", Key: route.AdminKey, Class: route.Special,
			Summary: "Read one record that could not be folded, with what was received.", Params: []route.Param{id},
			Answers: []route.Answer{{Status: 200, Summary: "The record.", Schema: route.Ref("Held")}, none},
			Handler: route.Handle(a.getHeld),
		},
		{
			Method: http.MethodPost, Path: "/v1/quarantine/{id}/retry", Name: "retryQuarantined", Tag: "Quarantine", Key: route.AdminKey, Class: route.Internal,
			Summary: "Put a record back, once what was wrong is mended.", Params: []route.Param{id},
			Answers: []route.Answer{
				{Status: 202, Summary: "It will be folded.", Schema: route.Schema{
					"type": "object", "required": []string{"id"}, "properties": route.Schema{"id": route.Schema{"type": "string"}}}},
				{Status: 400, Summary: "It still cannot be folded; code and detail say why."}, none,
			},
			Handler: route.Handle(a.retryHeld),
		},
	}
}

func (a *API) listHeld(w http.ResponseWriter, r *http.Request) error {
	p, err := pageOf(r)
	if err != nil {
		return err
	}
	after, err := p.key()
	if err != nil {
		return err
	}
	held, more, err := a.cfg.Pipeline.Quarantine(r.Context(), after, p.limit)
	if after != "" && errs.Is(err, errs.NotFound) {
		return errCursor() // it names no record that there can be
	}
	if err != nil {
		return err
	}
	answer := make([]heldAnswer, len(held))
	next := ""
	for i := range held {
		answer[i], _ = held[i].answer()
		if more {
			next = cursorOf(held[i].ID)
		}
	}
	return writeList(w, answer, next)
}

func (a *API) getHeld(w http.ResponseWriter, r *http.Request) error {
	h, err := a.cfg.Pipeline.Quarantined(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	answer, rec := h.answer()
	full := heldInFull{heldAnswer: answer}
	if rec == nil || !json.Valid(rec.Body) || len(rec.Envelope) > 0 && !json.Valid(rec.Envelope) {
		full.Raw = h.Data
		return route.WriteJSON(w, http.StatusOK, full)
	}
	full.Body = rec.Body
	if len(rec.Envelope) > 0 {
		full.Envelope = rec.Envelope
	}
	return route.WriteJSON(w, http.StatusOK, full)
}

// answer shows a held record as far as its bytes can be read; the record is nil
// when they cannot.
func (h *Held) answer() (heldAnswer, *record.Record) {
	answer := heldAnswer{ID: h.ID, Code: h.Code, Detail: h.Detail}
	rec, err := record.Decode(h.Data)
	if err != nil {
		return answer, nil
	}
	received := event.FormatTime(rec.Stamp.ReceivedAt)
	answer.Source, answer.MessageID = told(rec.Stamp.Source), told(rec.Stamp.MessageID)
	answer.Type, answer.ReceivedAt = told(rec.Stamp.Type.String()), &received
	return answer, &rec
}

// told is nil for what is not known.
func told(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (a *API) retryHeld(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if err := a.cfg.Pipeline.Retry(r.Context(), id); err != nil {
		return err
	}
	return route.WriteJSON(w, http.StatusAccepted, map[string]string{"id": id})
}
