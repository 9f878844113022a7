package consent

import (
	"encoding/binary"
	"math"

	"kith/internal/identity"
	"kith/internal/state"
)

// rank tells statements under a public write key from all others.
type rank int

const (
	weak rank = iota
	strong
	ranks
)

// Register is the fold of the statements of one (node, purpose, channel). The
// zero value has none.
type Register struct {
	grants   [ranks]Slot  // the greatest by claim
	refusals [ranks]Slot  // the last received
	claimed  [ranks]int64 // the latest moment that any refusal claims; of no use without one
}

// Add folds a statement. Order and repeats do not matter.
func (r *Register) Add(s *Statement) {
	k, slot := weak, s.slot()
	if s.Via.strong() {
		k = strong
	}
	switch {
	case s.State == Granted:
		if g := &r.grants[k]; g.State == Silent || slot.byClaim(g) > 0 {
			*g = slot
		}
	case s.State.Refuses():
		have := &r.refusals[k]
		if have.State == Silent || s.At > r.claimed[k] {
			r.claimed[k] = s.At
		}
		if have.State == Silent || slot.byReceipt(have) > 0 {
			*have = slot
		}
	}
}

// Decides reports whether taking a statement out can change the register.
func (r *Register) Decides(s *Statement) bool {
	k, slot := weak, s.slot()
	if s.Via.strong() {
		k = strong
	}
	if s.State == Granted {
		return slot == r.grants[k]
	}
	return slot == r.refusals[k] || s.At >= r.claimed[k]
}

// Empty reports whether nothing was said.
func (r *Register) Empty() bool { return *r == Register{} }

// stands returns the refusal of r that no grant of r or of the others lifts;
// Silent if there is none.
func (r *Register) stands(others ...*Register) Slot {
	var out Slot
	for k := weak; k < ranks; k++ {
		refusal := &r.refusals[k]
		if refusal.State == Silent || r.lifted(k, refusal, others) {
			continue
		}
		if out.State == Silent || refusal.byReceipt(&out) > 0 {
			out = *refusal
		}
	}
	return out
}

// lifted: a grant lifts refusals of its own rank and of lower ones.
func (r *Register) lifted(k rank, refusal *Slot, others []*Register) bool {
	for g := k; g < ranks; g++ {
		if lifts(&r.grants[g], refusal, r.claimed[k]) {
			return true
		}
		for _, o := range others {
			if lifts(&o.grants[g], refusal, r.claimed[k]) {
				return true
			}
		}
	}
	return false
}

func lifts(grant, refusal *Slot, claimed int64) bool {
	return grant.State == Granted && grant.after(refusal) && grant.At >= claimed
}

// grant returns the grant that claims to be the newest, Silent if there is none.
func (r *Register) grant() Slot {
	g := r.grants[strong]
	if w := &r.grants[weak]; g.State == Silent || w.State != Silent && w.byClaim(&g) > 0 {
		g = *w
	}
	return g
}

// Outcome returns the statement that counts for the register by itself: the
// refusal that stands, else the newest grant; Silent if nothing was said.
func (r *Register) Outcome() Slot {
	if no := r.stands(); no.State != Silent {
		return no
	}
	return r.grant()
}

// over returns what counts for a channel: own is what was said of the channel,
// all what was said of all channels. A grant of all channels does not lift the
// refusal of one; a grant of one lifts a refusal of all for that one.
func over(own, all *Register) Slot {
	if no := own.stands(); no.State != Silent {
		return no
	}
	if no := all.stands(own); no.State != Silent {
		return no
	}
	g := own.grant()
	if a := all.grant(); g.State == Silent || a.State != Silent && a.byClaim(&g) > 0 {
		g = a
	}
	return g
}

const registerVersion = 1

// Encode returns the register's stored value.
func (r *Register) Encode() []byte {
	b := make([]byte, 0, 96)
	b = append(b, registerVersion)
	for k := range r.grants {
		b = appendSlot(b, &r.grants[k])
		b = appendSlot(b, &r.refusals[k])
		if r.refusals[k].State != Silent {
			b = binary.AppendVarint(b, r.claimed[k])
		}
	}
	return b
}

func appendSlot(b []byte, s *Slot) []byte {
	b = append(b, byte(s.State))
	if s.State == Silent {
		return b
	}
	b = append(b, byte(s.Via))
	b = binary.AppendVarint(b, s.At)
	b = binary.AppendVarint(b, s.ReceivedAt)
	b = appendText(b, s.MessageID)
	return appendText(b, s.Source)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// DecodeRegister reads a stored value; the error is of kind Corrupt.
func DecodeRegister(value []byte) (*Register, error) {
	d := state.NewDecoder(value)
	version, r, ok := d.Byte(), &Register{}, true
	for k := range r.grants {
		r.grants[k] = cutSlot(d)
		r.refusals[k] = cutSlot(d)
		if r.refusals[k].State != Silent {
			r.claimed[k] = d.Varint()
		}
		ok = ok && r.grants[k].State <= Granted && (r.refusals[k].State == Silent || r.refusals[k].State.Refuses())
	}
	if version != registerVersion || !d.Done() || !ok {
		return nil, errFormat("consent")
	}
	return r, nil
}

func cutSlot(d *state.Decoder) Slot {
	s := State(d.Byte())
	if s == Silent {
		return Slot{}
	}
	return Slot{State: s, Via: Via(d.Byte()), At: d.Varint(), ReceivedAt: d.Varint(), MessageID: d.Text(), Source: d.Text()}
}

// RegisterPrefix is the key prefix of a node's registers.
func RegisterPrefix(node identity.NodeID) []byte {
	return append([]byte{byte(state.FamilyConsent)}, node[:]...)
}

// RegisterRow is the key of the register of a (node, purpose, channel).
func RegisterRow(node identity.NodeID, purpose, channel string) []byte {
	return append(state.AppendText(RegisterPrefix(node), purpose), channel...)
}

// CutRegisterRow takes such a key apart.
func CutRegisterRow(key []byte) (node identity.NodeID, purpose, channel string, ok bool) {
	if len(key) < 17 || key[0] != byte(state.FamilyConsent) {
		return node, "", "", false
	}
	purpose, rest, ok := state.CutText(key[17:])
	return identity.NodeID(key[1:17]), purpose, string(rest), ok
}

// EndOfTime is a moment after every statement.
const EndOfTime = math.MaxInt64
