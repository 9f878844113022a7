package trait

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kith/internal/decimal"
	"kith/internal/expr"
	"kith/internal/resource/form"
)

// Bounds of an expression.
const (
	expressionBytesMax = 1000
	expressionDepthMax = 32
)

// Expression computes a number from other traits: numbers, names of traits,
// + - * / and parentheses, unary minus, and coalesce, which is the first of its
// operands that is there. Each step is rounded half to even to 9 places. An
// operand that is missing or no number, a division by zero and a result out of
// range leave it absent.
type Expression struct {
	Text   string
	Traits []string // that it names, each once
	root   node
}

// node is one operation: a number, a trait, or an operator over its operands.
type node struct {
	op       byte // 'n' number, 't' trait, '+', '-', '*', '/', 'm' unary minus, 'c' coalesce
	number   decimal.Decimal
	trait    string
	operands []node
}

// Eval computes the expression; traits returns what a name leads to now. The
// value can change when one of its traits can.
func (e *Expression) Eval(traits func(name string) expr.Trait) Value {
	next := int64(expr.Never)
	n, ok := e.root.eval(func(name string) (decimal.Decimal, bool) {
		t := traits(name)
		next = min(next, t.Next)
		if len(t.Values) != 1 || t.Values[0].Kind != expr.Number {
			return decimal.Decimal{}, false
		}
		return t.Values[0].Num, true
	})
	v := number(n, ok)
	v.Next = next
	return v
}

// Fold makes something of the expression from the leaves up, such as its form in
// another language: leaf of a number, or of a trait's name when there is one, and
// join of an operator ('+', '-', '*', '/', 'm' for unary minus, 'c' for coalesce)
// and what its operands have become.
func Fold[T any](e *Expression, leaf func(number decimal.Decimal, trait string) T, join func(op byte, operands []T) T) T {
	return fold(&e.root, leaf, join)
}

func fold[T any](n *node, leaf func(decimal.Decimal, string) T, join func(byte, []T) T) T {
	if n.op == 'n' || n.op == 't' {
		return leaf(n.number, n.trait)
	}
	operands := make([]T, len(n.operands))
	for i := range n.operands {
		operands[i] = fold(&n.operands[i], leaf, join)
	}
	return join(n.op, operands)
}

func (n *node) eval(trait func(string) (decimal.Decimal, bool)) (decimal.Decimal, bool) {
	switch n.op {
	case 'n':
		return n.number, true
	case 't':
		return trait(n.trait)
	case 'c':
		var first decimal.Decimal
		found := false
		for i := range n.operands { // every operand is asked, so that each one's changes are heard of
			if d, ok := n.operands[i].eval(trait); ok && !found {
				first, found = d, true
			}
		}
		return first, found
	}
	a, ok := n.operands[0].eval(trait)
	if n.op == 'm' {
		return a.Neg(), ok
	}
	b, also := n.operands[1].eval(trait)
	if !ok || !also {
		return decimal.Decimal{}, false
	}
	switch n.op {
	case '+':
		return a.Add(b)
	case '-':
		return a.Sub(b)
	case '*':
		return a.Mul(b)
	}
	return a.Div(b)
}

func (d *Definition) readExpression(o *form.Object) {
	for _, f := range []string{"event", "where", "property", "window"} {
		if o.Has(f) {
			o.Refuse(f, form.CodeInvalid, "is not for an expression, which is made of other traits")
		}
		o.Skip(f)
	}
	text := o.Required("expression", expressionBytesMax)
	if text == "" {
		return
	}
	e, err := ParseExpression(text)
	if err != nil {
		o.Refuse("expression", form.CodeInvalid, err.Error())
		return
	}
	d.Expression = e
}

// ParseExpression reads an expression. An error says at which byte what was
// expected.
func ParseExpression(text string) (*Expression, error) {
	p := &parser{text: text, e: &Expression{Text: text}}
	p.space()
	root, err := p.sum(1)
	if err == nil && p.at < len(text) {
		err = p.expected("an operator")
	}
	if err != nil {
		return nil, err
	}
	p.e.root = root
	return p.e, nil
}

type parser struct {
	text string
	at   int
	e    *Expression
}

func (p *parser) expected(what string) error {
	return fmt.Errorf("expected %s at byte %d", what, p.at+1)
}

func (p *parser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// take consumes one of the bytes, and the space behind it.
func (p *parser) take(of string) (byte, bool) {
	if p.at == len(p.text) || strings.IndexByte(of, p.text[p.at]) < 0 {
		return 0, false
	}
	c := p.text[p.at]
	p.at++
	p.space()
	return c, true
}

func (p *parser) sum(depth int) (node, error)     { return p.chain("+-", depth, p.product) }
func (p *parser) product(depth int) (node, error) { return p.chain("*/", depth, p.factor) }

// chain reads operands joined by operators of one rank, from left to right.
func (p *parser) chain(ops string, depth int, operand func(int) (node, error)) (node, error) {
	left, err := operand(depth)
	for err == nil {
		op, ok := p.take(ops)
		if !ok {
			return left, nil
		}
		var right node
		right, err = operand(depth)
		left = node{op: op, operands: []node{left, right}}
	}
	return node{}, err
}

func (p *parser) factor(depth int) (node, error) {
	if depth > expressionDepthMax {
		return node{}, fmt.Errorf("nested deeper than %d", expressionDepthMax)
	}
	if _, ok := p.take("-"); ok {
		n, err := p.factor(depth + 1)
		return node{op: 'm', operands: []node{n}}, err
	}
	if _, ok := p.take("("); ok {
		n, err := p.sum(depth + 1)
		if err != nil {
			return node{}, err
		}
		return n, p.close()
	}
	word := p.word()
	switch {
	case word == "":
		return node{}, p.expected("a number, a trait, a parenthesis or coalesce")
	case word[0] >= '0' && word[0] <= '9':
		d, err := decimal.Parse([]byte(word))
		if err != nil {
			p.at -= len(word)
			return node{}, p.expected("a number of at most 29 digits before the point")
		}
		p.space()
		return node{op: 'n', number: d}, nil
	}
	p.space()
	if _, ok := p.take("("); ok {
		return p.coalesce(word, depth)
	}
	if !slices.Contains(p.e.Traits, word) {
		p.e.Traits = append(p.e.Traits, word)
	}
	return node{op: 't', trait: word}, nil
}

func (p *parser) close() error {
	if _, ok := p.take(")"); !ok {
		return p.expected("a closing parenthesis")
	}
	return nil
}

func (p *parser) coalesce(word string, depth int) (node, error) {
	if word != "coalesce" {
		return node{}, fmt.Errorf("there is no function %s; the only one is coalesce", strconv.Quote(word))
	}
	n := node{op: 'c'}
	for {
		operand, err := p.sum(depth + 1)
		if err != nil {
			return node{}, err
		}
		n.operands = append(n.operands, operand)
		if _, ok := p.take(","); !ok {
			return n, p.close()
		}
	}
}

// word takes letters, digits, underscores and points: a name or a number.
func (p *parser) word() string {
	start := p.at
	for p.at < len(p.text) {
		c := p.text[p.at]
		if c != '_' && c != '.' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			break
		}
		p.at++
	}
	return p.text[start:p.at]
}
