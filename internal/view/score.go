package view

import (
	"kith/internal/entity"
	"kith/internal/segment"
)

var _ segment.Scored = (*View)(nil)

// Score implements segment.Scored: what was worked out of the person, and when.
func (v *View) Score(trait string) (score, shown []byte) {
	own, pass, err := entity.Scored(v.ctx, v.s, trait, v.Nodes, v.upTo)
	if err != nil {
		v.fail(err)
	}
	if own == nil {
		return nil, nil
	}
	score = append(own.AppendScore([]byte{'{'}), '}')
	shown = own.AppendScore([]byte{'{'})
	if pass != nil {
		shown = pass.AppendScore(shown)
	}
	return score, append(shown, '}')
}
