package entity

import (
	"context"
	"math"
	"slices"
	"strings"

	"kith/internal/identity"
	"kith/internal/state"
	"kith/internal/strictjson"
)

// What is worked out of everybody, such as the scores of a ranking, is kept as the
// rows of an entity of its own, which nobody declares: one row for each person, by
// the identifier that led the profile then, and the row Replaced, which says when
// and of whom it was worked out. Each pass writes what has changed, at its moment.

// scoreMark begins the names of the entities that hold scores.
const scoreMark = "score:"

// The attribute of a row of scores that names the person: an object of one
// identifier under its type. It is no part of the score.
const scoreID = "id"

// ScoreOf is the entity whose rows are what was worked out of a trait.
func ScoreOf(trait string) string { return scoreMark + trait }

// BuiltIn reports whether an entity is there without being declared: a list, or the
// scores of a trait.
func BuiltIn(entity string) bool {
	return strings.HasPrefix(entity, listMark) || strings.HasPrefix(entity, scoreMark)
}

// ScoreBody is the body of the record that writes the score of a person: attributes
// as members of a JSON object without its braces, or none to take it away.
func ScoreBody(trait, run string, id identity.Identifier, attributes string) Body {
	b := strictjson.AppendString([]byte(`{"`+scoreID+`":{`), id.Type)
	b = append(strictjson.AppendString(append(b, ':'), id.Value), '}')
	if attributes != "" {
		b = append(append(b, ','), attributes...)
	}
	return Body{Entity: ScoreOf(trait), Run: run, Delete: attributes == "", Attributes: append(b, '}')}
}

// PassBody is the body of the record that ends a pass over everybody.
func PassBody(trait, run, attributes string) Body {
	return Body{Entity: ScoreOf(trait), Run: run, Attributes: []byte(`{"` + Replaced + `":true,` + attributes + `}`)}
}

// scoreRow is the key of the row that the attributes of a write of scores name.
func scoreRow(attributes []byte, cfg *identity.Config) (key string, ok bool) {
	var doc strictjson.Doc
	if err := doc.Parse(attributes, strictjson.Limits{}); err != nil {
		return "", false
	}
	if doc.Root().Get(Replaced).Exists() {
		return Replaced, true
	}
	for k, v := range doc.Root().Get(scoreID).Members() {
		id, ok := identifierIn(k.String(), v, cfg)
		return ListRow(id), ok
	}
	return "", false
}

// scoreOwner is the identifier that a row of scores is of.
func scoreOwner(row *Row, cfg *identity.Config) (identity.Identifier, bool) {
	var doc strictjson.Doc
	if err := doc.Parse(row.Get(scoreID), strictjson.Limits{}); err != nil {
		return identity.Identifier{}, false
	}
	for k, v := range doc.Root().Members() {
		return identifierIn(k.String(), v, cfg)
	}
	return identity.Identifier{}, false
}

// Scored returns what was worked out of a trait for the person of the nodes by a
// moment (UTC milliseconds; math.MaxInt64 is now), and of the pass as a whole. Of
// several rows, as of people who became one, the last written counts. Either is nil
// where there is none.
func Scored(ctx context.Context, r state.Reader, trait string, nodes []identity.NodeID, upTo int64) (score, pass *Row, err error) {
	rows, err := namedRows(ctx, r, ScoreOf(trait), nodes)
	if err != nil {
		return nil, nil, err
	}
	for i := range rows {
		if upTo == math.MaxInt64 {
			break
		}
		if rows[i].Row, err = rowThen(ctx, r, ScoreOf(trait), rows[i].Key, upTo); err != nil {
			return nil, nil, err
		}
	}
	if rows[0].Row.Exists() {
		pass = rows[0].Row
	}
	for _, one := range rows[1:] {
		at, ok := one.Row.Written()
		if !ok {
			continue
		}
		if score != nil {
			if have, _ := score.Written(); at.Compare(have) < 0 {
				continue
			}
		}
		score = one.Row
	}
	return score, pass, nil
}

// AppendScore appends the attributes of a row of scores, without whose it is, as
// members of a JSON object.
func (r *Row) AppendScore(b []byte) []byte {
	for name, a := range r.Attributes() {
		if slices.Contains([]string{scoreID, Replaced}, name) {
			continue
		}
		if n := len(b); n > 0 && b[n-1] != '{' {
			b = append(b, ',')
		}
		b = append(append(strictjson.AppendString(b, name), ':'), a.Value...)
	}
	return b
}
