package api

import (
	"context"
	"encoding/json"
	"net/http"

	"kith/event"
	"kith/internal/entity"
	"kith/internal/errs"
	"kith/internal/profile"
	"kith/internal/route"
)

// Lists answers what uploads of members have said.
type Lists interface {
	// Namings returns what uploads said last of a person or account, what counts
	// first.
	Namings(ctx context.Context, segment string, ref profile.Ref) ([]entity.Naming, error)
}

// namingAnswer is what uploads said last of one identifier.
type namingAnswer struct {
	Row        string  `json:"row"`
	Said       string  `json:"said"` // added, removed or replaced
	Source     string  `json:"source"`
	Run        string  `json:"run"`
	MessageID  string  `json:"message_id"`
	Timestamp  string  `json:"timestamp"`
	ReplacedBy *string `json:"replaced_by"` // the run that left it out
}

// explainList says why somebody is in a list, or not: what uploads said of their
// identifiers.
func (a *API) explainList(w http.ResponseWriter, r *http.Request, ref profile.Ref, segment string) error {
	namings, err := a.cfg.Lists.Namings(r.Context(), segment, ref)
	if err != nil {
		return err
	}
	uploads := []namingAnswer{}
	for i := range namings {
		n := &namings[i]
		one := namingAnswer{
			Row: n.Key, Said: "added", Source: n.Write.Source, Run: n.Write.Run, MessageID: n.Write.MessageID, Timestamp: event.FormatTime(n.Write.Timestamp),
		}
		switch {
		case n.Write.Delete:
			one.Said = "removed"
		case n.Replaced != nil:
			one.Said, one.ReplacedBy = "replaced", &n.Replaced.Run
		}
		uploads = append(uploads, one)
	}
	in := len(namings) > 0 && namings[0].In()
	value := json.RawMessage("null")
	if len(namings) > 0 {
		if value, err = json.Marshal(namings[0].Key); err != nil {
			return errs.Wrap(err, errs.Internal, "explain.encode", "an explanation could not be written down")
		}
	}
	return route.WriteJSON(w, http.StatusOK, struct {
		explanationAnswer
		Uploads []namingAnswer `json:"uploads"`
	}{explanationAnswer{
		Condition: map[string]any{"form": "list", "list": segment}, Verdict: in, Value: value,
		Events: []explainingEvent{}, Children: []*explanationAnswer{},
	}, uploads})
}
