package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"kith/event"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/state"
)

// aliasMerge is two user ids that an alias call makes one person.
type aliasMerge struct {
	nodes [2]identity.NodeID
	ids   [2]identity.Identifier
}

// alias reads which user ids a call makes one person. Only a call that is at home
// at its user id does.
func (in *Interpreter) alias(c *Contribution, ev *event.Event) {
	user, previous, ok := in.Identity.AliasMerge(ev)
	if !ok || c.Home != in.Keys.Node(user) {
		return
	}
	c.Alias = &aliasMerge{
		nodes: [2]identity.NodeID{c.Home, in.Keys.Node(previous)}, ids: [2]identity.Identifier{user, previous},
	}
}

// aliasDecision names the ruling of one alias call.
func aliasDecision(e *history.Entry) string {
	b := binary.AppendVarint(nil, e.ReceivedAt)
	b = binary.AppendUvarint(b, uint64(len(e.Source)))
	b = append(append(b, e.Source...), e.MessageID...)
	sum := sha256.Sum256(b)
	return identity.AliasPrefix + hex.EncodeToString(sum[:16])
}

// alias rules what an alias call says of two user ids.
func (b *batchView) alias(c *Contribution) {
	if c.Alias == nil {
		return
	}
	m := c.Alias
	row := b.rulingRow(identity.NewRuling(aliasDecision(&c.Entry), false, m.nodes[0], m.nodes[1], c.Entry.Timestamp), c.Position)
	row.is, row.At = true, c.Entry.Timestamp
	row.ids = map[identity.NodeID]identity.Identifier{m.nodes[0]: m.ids[0], m.nodes[1]: m.ids[1]}
}

// unalias takes back what an alias call ruled that leaves the state.
func (b *batchView) unalias(ctx context.Context, e *history.Entry) error {
	if !b.rules.AliasMerges || e.Type != event.Alias {
		return nil
	}
	if err := b.held.Need(state.DecisionLock); err != nil {
		return err
	}
	rulings, err := identity.Rulings(ctx, b.tx, e.Node)
	if err != nil {
		return err
	}
	for _, r := range rulings {
		if r.Decision != aliasDecision(e) {
			continue
		}
		row := b.rulingRow(r, e.Position)
		row.was, row.wasAt = true, r.At
		user := identity.Identifier{Type: "user_id"} // what the values are does not matter any more
		row.ids = map[identity.NodeID]identity.Identifier{r.A: user, r.B: user}
	}
	return nil
}
