package view

import (
	"kith/internal/entity"
	"kith/internal/segment"
)

var _ segment.Scored = (*View)(nil)

// Score implements segment.Scored: what was worked out of the person, and when.
func (v *View) Score(trait string) []byte {
	score, pass, err := entity.Scored(v.ctx, v.s, trait, v.Nodes, v.upTo)
	if err != nil {
		v.fail(err)
	}
	if score == nil || pass == nil {
		return nil
	}
	return append(pass.AppendScore(score.AppendScore([]byte{'{'})), '}')
}
