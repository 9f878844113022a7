// Package search finds people by what is known of them: names, addresses,
// numbers, in any usual writing and with the odd typing error.
//
// The index is rows of the state, written in the batch's transaction and kept for
// each node, never for a profile: a merge, a split or a withdrawal changes
// nothing in it that did not change at the node. It is a pure function of three
// other families of rows, so it is exact whenever they are: every identifier that
// a node stands for, every trait write that counts and every number that an event
// in the history names has the rows that this package derives from it, and there
// are no others.
//
// A search reads bounded numbers of rows, resolves the nodes that it finds to
// profiles of the same snapshot and ranks these. What it cannot finish within
// its bounds it says.
package search

import (
	"bytes"

	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/state"
)

// Class keeps apart the tokens that are searched in different ways.
type Class byte

// The classes. The bytes are stored.
const (
	Email Class = 'e' // a whole address
	ID    Class = 'i' // letters and digits of an id or number, without anything between them
	Phone Class = 'p' // digits, with and without the country's code
	Word  Class = 'w' // one word
)

// Field says what at a node a token comes from.
type Field byte

// The fields. The bytes are stored.
const (
	FieldIdentifier Field = 'I' // what the node stands for
	FieldNumber     Field = 'N' // a number in an event; the row names it as it was written
	FieldTrait      Field = 'T' // a trait write that counts; the row names the trait
)

// Token is one text under which a node is found: folded, without zero bytes.
type Token struct {
	Class Class
	Text  string
}

// Row is one row of the index: at a node, the token comes from a field.
type Row struct {
	Token
	Node  identity.NodeID
	Field Field
	Name  string // of the trait, bounded, or the number as it was written
	Words int    // of the value that the token is of; the more, the less one of them says
}

// prefix is how keys of a token begin, up to the node.
func (t Token) prefix() []byte {
	b := make([]byte, 0, 2+len(t.Text)+1+40)
	b = append(b, byte(state.FamilySearch), byte(t.Class))
	b = append(b, t.Text...)
	return append(b, 0)
}

// encode writes the row as it is stored.
func (r *Row) encode() state.KV {
	b := append(r.prefix(), r.Node[:]...)
	b = append(b, byte(r.Field))
	return state.KV{Key: append(b, r.Name...), Value: []byte{byte(r.Words)}}
}

// DecodeRow reads a row; the error is of kind Corrupt.
func DecodeRow(key, value []byte) (Row, error) {
	bad := errs.New(errs.Corrupt, "search.row_format", "a stored row of the search index cannot be read")
	if len(key) < 2 || len(value) != 1 || value[0] == 0 || key[0] != byte(state.FamilySearch) {
		return Row{}, bad
	}
	text, rest, ok := bytes.Cut(key[2:], []byte{0})
	if !ok || len(text) == 0 || len(rest) < 17 {
		return Row{}, bad
	}
	r := Row{
		Token: Token{Class(key[1]), string(text)}, Node: identity.NodeID(rest[:16]),
		Field: Field(rest[16]), Name: string(rest[17:]), Words: int(value[0]),
	}
	switch r.Class {
	case Email, ID, Phone, Word:
	default:
		return Row{}, bad
	}
	switch {
	case r.Field == FieldIdentifier && r.Name == "", r.Field == FieldTrait, r.Field == FieldNumber:
		return r, nil
	}
	return Row{}, bad
}

// CheckRow tells whether a row of the index can be read; the error is of kind
// Corrupt.
func CheckRow(key, value []byte) error {
	_, err := DecodeRow(key, value)
	return err
}
