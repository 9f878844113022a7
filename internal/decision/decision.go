// Package decision defines what operators decide about identity: that two
// identifiers are one person, that some never are, that what a load brought is
// taken back, and that an earlier decision no longer holds. A decision is a
// record of the log like an event: accepted durably, told apart by its id, and
// free of order, so that a revocation may come before what it revokes.
package decision

import (
	"encoding/json"
	"slices"

	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/record"
	"kith/internal/state"
)

// Kind tells what is decided. The texts are stored.
type Kind string

// The kinds.
const (
	Merge   Kind = "merge"   // A and B are one person
	Split   Kind = "split"   // nobody of Left is somebody of Right
	Retract Kind = "retract" // the events of a run of a source never were
	Revoke  Kind = "revoke"  // another decision no longer holds
)

// Bounds of a decision.
const (
	SideMax   = 100   // identifiers on one side of a split
	PairsMax  = 2_500 // pairs that a split keeps apart
	IDBytes   = 64    // of a decision's id
	TextMax   = 1_000 // bytes of the reason
	bodyBytes = 200e3 // of a stored decision, with room to spare
)

// Value is an identifier as an operator wrote it. What node it means depends on
// the configuration, which normalises it as it does an event's.
type Value struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Decision is one decision. Which of the fields count depends on its kind.
type Decision struct {
	ID     string  `json:"-"` // the message id of its record
	At     int64   `json:"-"` // UTC milliseconds; the timestamp of its record
	Kind   Kind    `json:"kind"`
	A      *Value  `json:"a,omitempty"` // of a merge
	B      *Value  `json:"b,omitempty"`
	Left   []Value `json:"left,omitempty"` // of a split
	Right  []Value `json:"right,omitempty"`
	Source string  `json:"source,omitempty"` // of a retraction
	Run    string  `json:"run,omitempty"`
	Target string  `json:"decision,omitempty"` // of a revocation: the id of what it revokes
	Reason string  `json:"reason,omitempty"`
	By     string  `json:"by,omitempty"` // the name of the key that decided
}

// Record returns the record that carries the decision.
func (d *Decision) Record() (record.Record, error) {
	body, err := json.Marshal(d)
	if err != nil {
		return record.Record{}, errs.Wrap(err, errs.Internal, "decision.encode", "a decision could not be written down")
	}
	r := record.Record{Kind: record.Decision, Body: body}
	r.Stamp.MessageID, r.Stamp.ReceivedAt, r.Stamp.Timestamp = d.ID, d.At, d.At
	return r, nil
}

// Read returns the decision that a record carries. What it does not know makes it
// unreadable, so that a decision is never half obeyed.
func Read(r *record.Record) (Decision, error) {
	return parse(r.Stamp.MessageID, r.Stamp.Timestamp, r.Body)
}

func parse(id string, at int64, body []byte) (Decision, error) {
	d := Decision{ID: id, At: at}
	if len(body) > bodyBytes || json.Unmarshal(body, &d) != nil || !d.whole() {
		return Decision{}, errs.New(errs.Invalid, "decision.format", "the decision cannot be read by this version")
	}
	return d, nil
}

// whole reports whether the decision has what its kind needs.
func (d *Decision) whole() bool {
	if d.ID == "" || len(d.ID) > IDBytes {
		return false
	}
	switch d.Kind {
	case Merge:
		return d.A != nil && d.B != nil
	case Split:
		return len(d.Left) > 0 && len(d.Right) > 0 && len(d.Left)*len(d.Right) <= PairsMax
	case Retract:
		return d.Source != "" && d.Run != ""
	case Revoke:
		return d.Target != "" && len(d.Target) <= IDBytes
	}
	return false
}

// Named returns the identifiers that the decision names, as they were written.
func (d *Decision) Named() []Value {
	var all []Value
	if d.Kind == Merge {
		all = append(all, *d.A, *d.B)
	}
	return append(append(all, d.Left...), d.Right...)
}

// Rulings returns what a merge or split means for identity under a configuration,
// and the identifiers that it is about, by node. What cannot be an identifier, or
// is blocked, is left out; so is the same identifier on both sides.
func (d *Decision) Rulings(cfg *identity.Config, keys *identity.Keyring) ([]identity.Ruling, map[identity.NodeID]identity.Identifier) {
	ids := map[identity.NodeID]identity.Identifier{}
	side := func(values ...Value) []identity.NodeID {
		var nodes []identity.NodeID
		for _, v := range values {
			id, reason := cfg.Normalize(v.Type, v.Value, "")
			if reason != identity.Usable {
				continue
			}
			n := keys.Node(id)
			ids[n] = id
			if !slices.Contains(nodes, n) {
				nodes = append(nodes, n)
			}
		}
		return nodes
	}
	left, right := side(d.Left...), side(d.Right...)
	if d.Kind == Merge {
		left, right = side(*d.A), side(*d.B)
	}
	var out []identity.Ruling
	for _, a := range left {
		for _, b := range right {
			if a != b {
				out = append(out, identity.NewRuling(d.ID, d.Kind == Split, a, b, d.At))
			}
		}
	}
	return out, ids
}

// Key is the key of a decision's row.
func Key(id string) []byte {
	return append([]byte{byte(state.FamilyDecision)}, id...)
}
