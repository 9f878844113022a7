package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/expr"
	"kith/internal/resource/form"
	"kith/internal/route"
	"kith/internal/segment"
)

// Overlap is how many are in which of some segments.
type Overlap struct {
	Exact bool // everybody was asked; else sizes are what a part of everybody lets expect
	AsOf  int64

	// Regions has a size for each combination: bit i of its index stands for the
	// i-th segment. Region 0 is who is in none.
	Regions []int64
}

// Breakdown is how many have each value of a trait, the most frequent first.
type Breakdown struct {
	Exact  bool
	AsOf   int64
	Values []BreakdownValue
}

// BreakdownValue is one value; without JSON it stands for those who have none.
type BreakdownValue struct {
	JSON []byte
	Size int64
}

// Bounds of what is asked at once.
const (
	overlapMax   = 5
	breakdownMax = 1000
)

func overlapRow(a *API) route.Route {
	return route.Route{
		Method: http.MethodPost, Path: "/v1/segments:overlap", Name: "overlapSegments", Tag: "Segments", Key: route.ReadKey, Class: route.Special,
		Summary:   "Tell how many are in each combination of up to 5 segments, those in none of them too. What takes too long is told from a part of everybody (exact is false).",
		BodyBytes: resourceBytesMax, Body: route.Ref("OverlapRequest"),
		Answers: []route.Answer{
			{Status: 200, Summary: "The sizes.", Schema: route.Ref("Overlap")},
			{Status: 422, Summary: "A segment is unknown, named twice or of another scope."},
		},
		Handler: route.Handle(a.overlapSegments),
	}
}

func breakdownRow(a *API) route.Route {
	return route.Route{
		Method: http.MethodPost, Path: "/v1/segments:breakdown", Name: "breakdownSegment", Tag: "Segments", Key: route.ReadKey, Class: route.Special,
		Summary:   "Tell how many of a segment, or of those that a condition picks, have each value of a trait. Who has a list counts for each of its values.",
		BodyBytes: resourceBytesMax, Body: route.Ref("BreakdownRequest"),
		Answers: []route.Answer{
			{Status: 200, Summary: "The sizes.", Schema: route.Ref("Breakdown")},
			{Status: 422, Summary: "The segment is unknown, or the condition is not accepted."},
		},
		Handler: route.Handle(a.breakdownSegment),
	}
}

func (a *API) overlapSegments(w http.ResponseWriter, r *http.Request) error {
	body, err := route.ReadBody(r)
	if err != nil {
		return err
	}
	set := a.cfg.Definitions.Today()
	var keys []string
	var scope expr.Scope
	err = form.Read(body, func(o *form.Object) {
		keys = o.Texts("segments", overlapMax, expr.NameBytesMax)
		if len(keys) == 0 {
			o.Refuse("segments", form.CodeRequired, "must be a list of 1 to "+strconv.Itoa(overlapMax)+" keys of segments")
		}
		for i, k := range keys {
			d := set.Segment(k)
			switch {
			case d == nil:
				o.RefuseAt(expr.CodeName, "there is no segment of that key", "segments", strconv.Itoa(i))
			case slices.Index(keys, k) < i:
				o.RefuseAt(form.CodeInvalid, "is named twice", "segments", strconv.Itoa(i))
			case i > 0 && d.Scope != scope:
				o.RefuseAt(form.CodeInvalid, "is not of the same scope as the first one", "segments", strconv.Itoa(i))
			default:
				scope = d.Scope
			}
		}
	})
	if err != nil {
		return err
	}
	found, err := a.cfg.Definitions.Overlap(r.Context(), scope, keys)
	if err != nil {
		return err
	}
	regions := []any{}
	for region, size := range found.Regions {
		in := []string{}
		for i, k := range keys {
			if region>>i&1 == 1 {
				in = append(in, k)
			}
		}
		regions = append(regions, map[string]any{"in": in, "size": size})
	}
	sizes := map[string]int64{}
	for i, k := range keys {
		sizes[k] = 0
		for region, size := range found.Regions {
			sizes[k] += size * int64(region>>i&1)
		}
	}
	return route.WriteJSON(w, http.StatusOK, map[string]any{"exact": found.Exact, "as_of": event.FormatTime(found.AsOf), "sizes": sizes, "regions": regions})
}

func (a *API) breakdownSegment(w http.ResponseWriter, r *http.Request) error {
	body, err := route.ReadBody(r)
	if err != nil {
		return err
	}
	set := a.cfg.Definitions.Today()
	var d *segment.Definition
	trait, limit := "", int64(0)
	err = form.Read(body, func(o *form.Object) {
		trait = expr.ReadPath(o, "trait")
		limit = o.Int("limit", 100, 1, breakdownMax)
		if key := o.Text("segment", expr.NameBytesMax); key != "" {
			if o.Has("where") {
				o.Refuse("where", form.CodeInvalid, "cannot stand beside segment")
			}
			o.Skip("where", "scope")
			if d = set.Segment(key); d == nil {
				o.Refuse("segment", expr.CodeName, "there is no segment of that key")
			}
			return
		}
		d = set.ReadSegment(o, "", expr.Options{})
	})
	if err != nil {
		return err
	}
	where := d.Where
	switch {
	case d.Key != "":
		where = &expr.SegmentCondition{Key: d.Key}
	case d.List:
		return form.Refuse(errs.Invalid, form.CodeInvalid, "/list", "a list has no condition")
	}
	found, err := a.cfg.Definitions.Breakdown(r.Context(), d.Scope, where, trait)
	if err != nil {
		return err
	}
	return route.WriteJSON(w, http.StatusOK, breakdownAnswer(&found, int(limit)))
}

func breakdownAnswer(found *Breakdown, limit int) map[string]any {
	data := []any{}
	rest := int64(0)
	for i := range found.Values {
		v := &found.Values[i]
		if i >= limit {
			rest += v.Size
			continue
		}
		value := json.RawMessage("null")
		if len(v.JSON) > 0 {
			value = v.JSON
		}
		data = append(data, map[string]any{"value": value, "size": v.Size})
	}
	return map[string]any{"exact": found.Exact, "as_of": event.FormatTime(found.AsOf), "data": data, "other": rest, "values": len(found.Values)}
}
