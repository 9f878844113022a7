package expr

import (
	"encoding/json"
	"strconv"
	"time"
)

// Describe returns what one condition says, without those in it, as an object that
// an explanation shows.
func Describe(c Condition) map[string]any {
	switch c := c.(type) {
	case *Group:
		return map[string]any{"form": c.Of}
	case *EventCondition:
		out := map[string]any{"form": "event", "event": describeCalls(c.Calls), "op": c.Op, "compared_with": json.RawMessage(c.Value.String()), "fn": c.Fn}
		if c.Property != "" {
			out["property"] = c.Property
		}
		describeLines(out, c.Lines)
		describeWindow(out, &c.Window)
		return out
	case *SequenceCondition:
		var steps []any
		for i := range c.Steps {
			s := &c.Steps[i]
			step := map[string]any{"event": describeCalls(s.Calls), "not": s.Not}
			if s.Within > 0 {
				step["within"] = durationText(s.Within)
			}
			describeLines(step, s.Lines)
			steps = append(steps, step)
		}
		out := map[string]any{"form": "sequence", "steps": steps}
		describeWindow(out, &c.Window)
		return out
	case *TraitCondition:
		out := map[string]any{"form": "trait", "trait": c.Path, "op": c.Op.Name}
		describeOperand(out, &c.Operand)
		return out
	case *SegmentCondition:
		return map[string]any{"form": "segment", "segment": c.Key, "op": map[bool]string{false: "in", true: "not_in"}[c.Not]}
	case *ConsentCondition:
		return map[string]any{"form": "consent", "purpose": c.Purpose, "channel": c.Channel, "op": c.State}
	case *EntityCondition:
		out := map[string]any{"form": "entity", "entity": c.Entity, "op": c.Op, "compared_with": json.RawMessage(c.Value.String())}
		describeLines(out, c.Lines)
		return out
	case *AccountCondition:
		return map[string]any{"form": "account"}
	case *MembersCondition:
		return map[string]any{"form": "members", "match": c.Match}
	}
	return map[string]any{}
}

func describeCalls(calls []Call) any {
	if len(calls) == 1 && calls[0].AnyName {
		return map[string]string{"type": calls[0].Type.String()}
	}
	var names []string
	for _, c := range calls {
		names = append(names, c.Name)
	}
	return names
}

func describeLines(out map[string]any, lines []Line) {
	if len(lines) == 0 {
		return
	}
	var all []any
	for i := range lines {
		l := &lines[i]
		root := "property"
		if l.Field.Context {
			root = "context"
		}
		line := map[string]any{root: l.Field.Path, "op": l.Op.Name}
		switch {
		case l.Ref == nil:
			describeOperand(line, &l.Operand)
		case l.Ref.Step < 0:
			line["ref"] = "traits." + l.Ref.Trait
		default:
			line["ref"] = "steps." + strconv.Itoa(l.Ref.Step) + "." + l.Ref.Field.Path
		}
		all = append(all, line)
	}
	out["where"] = all
}

func describeOperand(out map[string]any, x *Operand) {
	switch {
	case x.Set != nil:
		var all []json.RawMessage
		for _, v := range x.Values {
			all = append(all, v.AppendJSON(nil))
		}
		out["compared_with"] = all
	case len(x.Values) == 1:
		out["compared_with"] = json.RawMessage(x.Values[0].AppendJSON(nil))
	case x.Text != "":
		out["compared_with"] = x.Text
	}
}

func describeWindow(out map[string]any, w *Window) {
	switch w.Form {
	case Last:
		out["window"] = map[string]string{"last": durationText(w.Far)}
	case Between:
		out["window"] = map[string]string{"from": durationText(w.Far), "to": durationText(w.Near)}
	case Absolute:
		window := map[string]string{}
		if w.Since != -Never {
			window["since"] = time.UnixMilli(w.Since).UTC().Format(time.RFC3339Nano)
		}
		if w.Until != Never {
			window["until"] = time.UnixMilli(w.Until).UTC().Format(time.RFC3339Nano)
		}
		out["window"] = window
	}
}

// durationText writes a duration in the largest unit that it is a whole number of.
func durationText(ms int64) string {
	for _, unit := range []struct {
		name string
		ms   int64
	}{{"w", 7 * 24 * 3_600_000}, {"d", 24 * 3_600_000}, {"h", 3_600_000}} {
		if ms%unit.ms == 0 {
			return strconv.FormatInt(ms/unit.ms, 10) + unit.name
		}
	}
	return strconv.FormatInt(ms/60_000, 10) + "m"
}
