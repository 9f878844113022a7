package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/expr"
	"kith/internal/identity"
	"kith/internal/job"
	"kith/internal/membership"
	"kith/internal/profile"
	"kith/internal/resource"
	"kith/internal/resource/form"
	"kith/internal/route"
	"kith/internal/segment"
	"kith/internal/strictjson"
)

// Definitions is the computed traits and segments, and what they come to.
type Definitions interface {
	Traits() *resource.Collection[json.RawMessage]
	Segments() *resource.Collection[json.RawMessage]
	// Today returns the set of definitions of today.
	Today() *segment.Set
	// CostMax is what a definition may cost, see segment.Cost; 0 for no bound.
	CostMax() int64
	// History tells since when there is history, and what moment it is.
	History(ctx context.Context) (h segment.History, now int64)
	// Changed tells that a definition was saved or removed.
	Changed()
	// Refresh starts working out a trait that depends on everybody.
	Refresh(ctx context.Context, key string) (job.Job, error)
	// NeededBy returns the keys of the segments that name a segment.
	NeededBy(key string) []string
	// Standing returns how a segment stands.
	Standing(ctx context.Context, key string) (SegmentStanding, error)
	// Members returns a part of the members of a segment, by id.
	Members(ctx context.Context, key string, after identity.NodeID, limit int) ([]membership.Member, bool, error)
	// AccountID returns the id of an account.
	AccountID(ctx context.Context, node identity.NodeID) (string, error)
	// Answers lets f ask what the definitions come to for a person, or for an
	// account under a reference of profile.AccountType, now or at a moment.
	Answers(ctx context.Context, ref profile.Ref, asOf *int64, f func(Answers) error) error
	// Preview asks everybody a condition, or a part of them if that is quicker and need
	// not be exact.
	Preview(ctx context.Context, scope expr.Scope, c expr.Condition, sample int, exact bool) (membership.Preview, error)
	// Compare asks everybody a condition, and who is in the segment of that key as it
	// serves.
	Compare(ctx context.Context, scope expr.Scope, c expr.Condition, key string, sample int) (membership.Comparison, error)
	// Overlap asks everybody in which of some segments they are.
	Overlap(ctx context.Context, scope expr.Scope, keys []string) (Overlap, error)
	// Breakdown asks everybody for whom a condition holds for a trait.
	Breakdown(ctx context.Context, scope expr.Scope, c expr.Condition, trait string) (Breakdown, error)
}

// Answers is what the definitions of today come to for one subject.
type Answers struct {
	*segment.Answers
	Set   *segment.Set
	Scope expr.Scope
	Now   int64            // UTC milliseconds
	Since map[string]int64 // of the segments whose entry is recorded, by key
}

// SegmentStanding is how a segment stands.
type SegmentStanding struct {
	Size   int64
	AsOf   int64 // UTC milliseconds
	Live   bool  // the definition of today serves
	Looked int64 // while it does not: how many people were asked so far
}

// standsAnswer is one segment of a profile.
type standsAnswer struct {
	Key   string `json:"key"`
	Since string `json:"since"`
}

// computedOf returns the computed traits of a subject, and the segments that it is
// in.
func computedOf(a Answers, verbose bool, h segment.History) (map[string]json.RawMessage, []standsAnswer) {
	computed := map[string]json.RawMessage{}
	for _, d := range a.Set.Traits() {
		if d.Scope != a.Scope {
			continue
		}
		v := a.Value(d.Key)
		if v.JSON == nil {
			continue
		}
		computed[d.Key] = v.JSON
		if verbose {
			b := append([]byte(`{"value":`), v.JSON...)
			b = append(strictjson.AppendString(append(b, `,"type":`...), d.Type), `,"truncated":`...)
			b = append(strconv.AppendBool(b, v.Truncated), `,"partial":`...)
			computed[d.Key] = append(strconv.AppendBool(b, a.Set.Partial(h, a.Now).Trait(d)), '}')
		}
	}
	in := []standsAnswer{}
	for _, d := range a.Set.Segments() {
		if d.Scope != a.Scope || !a.Member(d.Key).Verdict {
			continue
		}
		since, ok := a.Since[d.Key]
		if !ok {
			since = a.Now // it shows here before it is recorded
		}
		in = append(in, standsAnswer{d.Key, event.FormatTime(since)})
	}
	return computed, in
}

func (a *API) definitionRows() []route.Route {
	traits := &collection[json.RawMessage]{
		items: a.cfg.Definitions.Traits(), path: "/v1/traits", name: "Trait", tag: "Traits", show: showDefinition,
		document: "ComputedTraitDocument", answer: "ComputedTrait", gone: "A condition that names it asks the custom trait of that name from then on.",
	}
	segments := &collection[json.RawMessage]{
		items: a.cfg.Definitions.Segments(), path: "/v1/segments", name: "Segment", tag: "Segments", show: showDefinition,
		document: "SegmentDocument", answer: "Segment", gone: "One that other segments are made of cannot be removed.",
	}
	rows := append(traits.rows(), segments.rows()...)
	for i := range rows {
		r := &rows[i]
		switch {
		case r.Name == "getSegment":
			r.Handler = route.Handle(a.segment)
		case r.Name == "getTrait":
			r.Handler = route.Handle(a.computedTrait)
		case r.Name == "putSegment":
			r.Answers[0] = route.Answer{Status: 200, Summary: "Changed; or, of a dry run, what would change (SegmentDryRun).", Schema: route.Schema{"anyOf": []route.Schema{route.Ref("Segment"), route.Ref("SegmentDryRun")}}}
			r.Handler = a.dryOr(route.Handle(a.dryRunSegment), a.told(r.Handler))
		case r.Name == "deleteSegment":
			r.Handler = a.told(a.removable(r.Handler))
			r.Answers = append(r.Answers, route.Answer{Status: 409, Summary: "Other segments are made of it."})
		case r.Method != http.MethodGet:
			r.Handler = a.told(r.Handler)
		}
	}
	return append(rows, a.memberRows()...)
}

func (a *API) memberRows() []route.Route {
	key := route.Param{Name: "key", In: "path", Summary: "Of the segment.", Schema: textSchema()}
	unknown := route.Answer{Status: 404, Summary: "There is none of that key."}
	return []route.Route{
		{
			Method: http.MethodGet, Path: "/v1/segments/{key}/members", Name: "listSegmentMembers", Tag: "Segments", Key: route.ReadKey, Class: route.Special,
			Summary: "List the members of a segment by id, each with the recorded moment of its last entry.",
			Params:  append([]route.Param{key}, pageParams()...),
			Answers: []route.Answer{{Status: 200, Summary: "A part of the list.", Schema: listSchema(route.Ref("Member"))}, unknown},
			Handler: route.Handle(a.segmentMembers),
		},
		{
			Method: http.MethodPost, Path: "/v1/segments:preview", Name: "previewSegment", Tag: "Segments", Key: route.ReadKey, Class: route.Special,
			Summary:   "Tell how many would be in a segment that is not saved, which conditions pick how many, and some of the people; with the key of a segment also who would enter and leave it. What takes too long is told from a part of everybody (exact is false).",
			BodyBytes: resourceBytesMax, Body: route.Ref("PreviewRequest"),
			Answers: []route.Answer{
				{Status: 200, Summary: "The size.", Schema: route.Ref("Preview")},
				{Status: 422, Summary: "The condition is not accepted; errors[] names each place."},
			},
			Handler: route.Handle(a.previewSegment),
		},
		overlapRow(a), breakdownRow(a), refreshRow(a),
		{
			Method: http.MethodGet, Path: "/v1/profiles/{ref}/segments", Name: "listProfileSegments", Tag: "Profiles", Key: route.ReadKey, Class: route.Special,
			Summary: "List the segments that a person is in now.", Params: append([]route.Param{refParam()}, pageParams()...),
			Answers: []route.Answer{{Status: 200, Summary: "A part of the list.", Schema: listSchema(route.Ref("InSegment"))}, {Status: 404, Summary: "Nobody has this identifier."}},
			Handler: route.Handle(a.profileSegments),
		},
		{
			Method: http.MethodGet, Path: "/v1/profiles/{ref}/explain", Name: "explainSegment", Tag: "Profiles", Key: route.ReadKey, Class: route.Special,
			Summary: "Say why a person is in a segment, or not: the condition as a tree, each part with its verdict, what was found, the events that decide, and when that can change by itself.",
			Params:  []route.Param{refParam(), {Name: "segment", In: "query", Summary: "Its key.", Schema: textSchema()}},
			Answers: []route.Answer{{Status: 200, Summary: "The tree.", Schema: route.Ref("Explanation")}, {Status: 404, Summary: "Nobody has this identifier, or there is no such segment."}},
			Handler: route.Handle(a.explain),
		},
		{
			Method: http.MethodPost, Path: "/v1/profiles/{ref}/explain", Name: "explainCondition", Tag: "Profiles", Key: route.ReadKey, Class: route.Special,
			Summary: "Say whether a condition that is not saved holds for a person, or for an account, and why, in the same form.", Params: []route.Param{refParam()},
			BodyBytes: resourceBytesMax, Body: route.Ref("ExplainRequest"),
			Answers: []route.Answer{
				{Status: 200, Summary: "The tree.", Schema: route.Ref("Explanation")}, {Status: 404, Summary: "Nobody has this identifier."},
				{Status: 422, Summary: "The condition is not accepted; errors[] names each place."},
			},
			Handler: route.Handle(a.explainCondition),
		},
	}
}

// told lets who keeps the members know of a change.
func (a *API) told(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r)
		a.cfg.Definitions.Changed()
	}
}

// removable refuses to remove a segment that others are made of.
func (a *API) removable(h http.HandlerFunc) http.HandlerFunc {
	return route.Handle(func(w http.ResponseWriter, r *http.Request) error {
		if by := a.cfg.Definitions.NeededBy(r.PathValue("key")); len(by) > 0 {
			return errs.New(errs.Conflict, "segment.needed", "other segments are made of it: %s", strings.Join(by, ", "))
		}
		h.ServeHTTP(w, r)
		return nil
	})
}

// showDefinition is a definition as it is answered: the document and what kith
// knows of it.
func showDefinition(item *resource.Item[json.RawMessage]) any { return definitionAnswer(item, nil) }

func definitionAnswer(item *resource.Item[json.RawMessage], more map[string]any) map[string]any {
	out := map[string]any{}
	var doc map[string]json.RawMessage
	if json.Unmarshal(item.Doc, &doc) == nil {
		for k, v := range doc {
			out[k] = v
		}
	}
	out["key"], out["version"] = item.Key, item.Version
	if _, named := out["name"]; !named {
		out["name"] = item.Key
	}
	out["created_at"], out["updated_at"] = itemTime(item.CreatedAt), itemTime(item.UpdatedAt)
	for k, v := range more {
		out[k] = v
	}
	return out
}

func (a *API) segment(w http.ResponseWriter, r *http.Request) error {
	item, err := a.cfg.Definitions.Segments().Get(r.Context(), r.PathValue("key"))
	if err != nil {
		return err
	}
	s, err := a.cfg.Definitions.Standing(r.Context(), item.Key)
	if err != nil {
		return err
	}
	more := map[string]any{"size": s.Size, "as_of": event.FormatTime(s.AsOf), "status": "live"}
	if !s.Live {
		more["status"], more["looked"] = "backfilling", s.Looked
	}
	set := a.cfg.Definitions.Today()
	if d := set.Segment(item.Key); d != nil {
		more["cost"] = a.costAnswer(set.CostOf(d))
		more["partial"] = a.partial(r.Context(), d)
	}
	return route.WriteJSON(w, http.StatusOK, definitionAnswer(&item, more))
}

// memberAnswer is one member of a segment.
type memberAnswer struct {
	ProfileID string `json:"profile_id,omitempty"`
	AccountID string `json:"account_id,omitempty"`
	Since     string `json:"since"`
}

func (a *API) segmentMembers(w http.ResponseWriter, r *http.Request) error {
	key := r.PathValue("key")
	if _, err := a.cfg.Definitions.Segments().Get(r.Context(), key); err != nil {
		return err
	}
	p, err := pageOf(r)
	if err != nil {
		return err
	}
	text, err := p.key()
	if err != nil {
		return err
	}
	var after identity.NodeID
	if text != "" {
		var ok bool
		if after, ok = identity.ParseNodeID(text); !ok {
			return errCursor()
		}
	}
	members, more, err := a.cfg.Definitions.Members(r.Context(), key, after, p.limit)
	if err != nil {
		return err
	}
	accounts := false
	if d := a.cfg.Definitions.Today().Segment(key); d != nil {
		accounts = d.Scope == expr.Account
	}
	data := []memberAnswer{}
	next := ""
	for _, m := range members {
		one := memberAnswer{Since: event.FormatTime(m.Since)}
		if !accounts {
			one.ProfileID = m.Profile.String()
		} else if one.AccountID, err = a.cfg.Definitions.AccountID(r.Context(), m.Profile); err != nil {
			return err
		}
		data = append(data, one)
		next = cursorOf(m.Profile.String())
	}
	if !more {
		next = ""
	}
	return writeList(w, data, next)
}

func (a *API) profileSegments(w http.ResponseWriter, r *http.Request) error {
	ref, p, err := refAndPage(r)
	if err != nil {
		return err
	}
	after, err := p.key()
	if err != nil {
		return err
	}
	if _, err := a.cfg.Profiles.Read(r.Context(), ref); err != nil {
		return err
	}
	return a.cfg.Definitions.Answers(r.Context(), ref, nil, func(answers Answers) error {
		_, in := computedOf(answers, false, segment.History{})
		in = slices.DeleteFunc(in, func(s standsAnswer) bool { return s.Key <= after })
		next := ""
		if len(in) > p.limit {
			in = in[:p.limit]
			next = cursorOf(in[p.limit-1].Key)
		}
		return writeList(w, in, next)
	})
}

func (a *API) explain(w http.ResponseWriter, r *http.Request) error {
	ref, err := refOf(r)
	if err != nil {
		return err
	}
	if _, err := a.cfg.Profiles.Read(r.Context(), ref); err != nil {
		return err
	}
	key := r.URL.Query().Get("segment")
	return a.cfg.Definitions.Answers(r.Context(), ref, nil, func(answers Answers) error {
		d := answers.Set.Segment(key)
		switch {
		case d == nil || d.Scope != answers.Scope:
			return errs.New(errs.NotFound, "segment.not_found", "there is no segment of that key")
		case d.List:
			return a.explainList(w, r, ref, key)
		}
		return route.WriteJSON(w, http.StatusOK, a.explanationOf(r.Context(), answers, d.Where))
	})
}

func (a *API) explainCondition(w http.ResponseWriter, r *http.Request) error {
	ref, err := refOf(r)
	if err != nil {
		return err
	}
	body, err := route.ReadBody(r)
	if err != nil {
		return err
	}
	if _, err := a.cfg.Profiles.Read(r.Context(), ref); err != nil {
		return err
	}
	return a.cfg.Definitions.Answers(r.Context(), ref, nil, func(answers Answers) error {
		var d *segment.Definition
		err := form.Read(body, func(o *form.Object) {
			d = answers.Set.ReadSegment(o, "", expr.Options{CostMax: a.cfg.Definitions.CostMax()})
		})
		switch {
		case err != nil:
			return err
		case d.Scope != answers.Scope:
			return form.Refuse(errs.Invalid, form.CodeInvalid, "/scope", "is not what the path names, a person or an account")
		}
		return route.WriteJSON(w, http.StatusOK, a.explanationOf(r.Context(), answers, d.Where))
	})
}
