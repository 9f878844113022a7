// Package strictjson reads JSON so that one text has one meaning.
//
// The grammar is RFC 8259 exactly: the whole input is valid UTF-8 without a
// byte order mark, holds one value with nothing but white space around it,
// keys are compared exactly, and a key occurs once in its object. Numbers stay
// the bytes that were written, so no integer loses digits on the way.
//
// Parse makes one pass over the input and lays the values out on a flat tape
// of 16-byte nodes. There is no recursion anywhere: the depth of the input
// costs tape, never goroutine stack. Broken syntax, broken UTF-8 and trailing
// data make the whole input unusable and are errors. A duplicate key, too deep
// a nesting or too many keys are violations instead: they have a place, and
// the pass goes on behind them, so that the reader of a batch can refuse the
// one element in which they lie.
//
// # Memory
//
// A byte of input costs at most one node, 16 bytes, which only the depth bomb
// "[[[[…" reaches; "[0,0,…" costs 8 and an event about 2. The table for the
// repeated keys of the largest object costs at most 7 bytes for each of its
// bytes, and violations at most 3 for each of theirs. With the slack of growing
// buffers a Doc holds at most 21 bytes for a byte of its largest input, and
// Reset gives large buffers back.
package strictjson

import (
	"slices"

	"kith/internal/errs"
)

// MaxLen is the longest input in bytes that Parse takes. It keeps every offset
// and every count inside a tape node.
const MaxLen = 1<<28 - 1

// keepNodes is how many tape nodes Reset lets a Doc keep: 1 MiB of them.
const keepNodes = 1 << 16

// Limits bounds what a document may hold. The zero value sets no bound.
type Limits struct {
	Depth int // levels of nesting, the outermost object or array being level 1; 0 is no bound
	Keys  int // keys of one object; 0 is no bound
}

// The codes of errors and violations.
const (
	CodeSyntax       = "json.syntax"        // error: not the grammar of RFC 8259, or empty, or longer than MaxLen
	CodeUTF8         = "json.utf8"          // error: a string holds bytes that are not UTF-8
	CodeTrailing     = "json.trailing"      // error: something follows the value
	CodeDuplicateKey = "json.duplicate_key" // violation: an object names a key twice
	CodeDepth        = "json.depth"         // violation: nested deeper than Limits.Depth
	CodeKeys         = "json.keys"          // violation: an object has more keys than Limits.Keys
)

// Doc is a parsed document. The zero value is ready for Parse, and parsing
// again reuses its buffers without allocating. A Doc is owned by one goroutine
// while it parses; after that any number may read it and its Values at once,
// until the next Parse or Reset, which make all earlier Values meaningless.
type Doc struct {
	data   []byte
	nodes  []node
	found  []uint64 // violations: offset<<8 | violation code, ascending
	limits Limits
	keys   keyTable
}

// node is one value or key on the tape, in the order of the text. The nodes of
// a container's content follow it, an object's as key, value, key, value.
type node struct {
	start uint32 // offset of the first byte, of a string the quote
	end   uint32 // offset behind the last byte
	next  uint32 // index behind the last node of this value; of an open container the container around it
	meta  uint32 // Kind, flags and, from countShift on, how many members or elements
}

const (
	kindMask     = 7
	flagEscaped  = 1 << 3 // a string with at least one backslash
	flagReplaced = 1 << 4 // something inside is decoded as U+FFFD though not written so
	countShift   = 5
	countOne     = 1 << countShift
)

func (n *node) kind() Kind { return Kind(n.meta & kindMask) }

// Violation is one breach of a rule that concerns a part of the document.
type Violation struct {
	Offset int    // byte offset in the data: of the repeated or surplus key, of the bracket that is too deep
	Code   string // CodeDuplicateKey, CodeDepth or CodeKeys
	Detail string // one sentence without any content of the document
}

type violationCode uint64

const (
	duplicateKey violationCode = iota
	tooDeep
	tooManyKeys
)

// Parse reads data and replaces what the Doc held. It keeps a reference to
// data, which must not change as long as the Doc or its Values are in use.
//
// It returns an error of kind errs.Invalid with CodeSyntax, CodeUTF8 or
// CodeTrailing and the byte offset when data is not one JSON value; the Doc is
// then empty. Violations are no error; see Violations.
func (d *Doc) Parse(data []byte, limits Limits) error {
	d.data, d.limits = data, limits
	d.nodes, d.found = d.nodes[:0], d.found[:0]
	if len(data) > MaxLen {
		d.data = nil
		return errs.New(errs.Invalid, CodeSyntax, "the input is longer than %d bytes", MaxLen)
	}
	if cap(d.nodes) == 0 {
		d.nodes = make([]node, 0, len(data)/8+16)
	}
	at, fail := d.scan()
	if fail != fine {
		d.data, d.nodes, d.found = nil, d.nodes[:0], d.found[:0]
		return fail.at(at, len(data))
	}
	if len(d.found) > 1 {
		slices.Sort(d.found)
	}
	return nil
}

// Reset lets go of the data and of buffers that one large document has blown
// up, so that a Doc may lie in a pool.
func (d *Doc) Reset() {
	d.data, d.nodes, d.found = nil, d.nodes[:0], d.found[:0]
	if cap(d.nodes) > keepNodes {
		d.nodes = nil
	}
	if cap(d.found) > keepNodes {
		d.found = nil
	}
	if cap(d.keys.slots) > keepNodes {
		d.keys.slots = nil
	}
	if cap(d.keys.a)+cap(d.keys.b) > keepNodes {
		d.keys.a, d.keys.b = nil, nil
	}
}

// Root returns the document's value, which is Missing before the first
// successful Parse and after a failed one.
func (d *Doc) Root() Value {
	if len(d.nodes) == 0 {
		return Value{}
	}
	return Value{d: d}
}

// Violations returns every breach in ascending order of offset: of an object
// the first repeated key and the first surplus one, of too deep a nesting the
// outermost bracket. It is nil when the document keeps all rules.
func (d *Doc) Violations() []Violation {
	if len(d.found) == 0 {
		return nil
	}
	all := make([]Violation, len(d.found))
	for i, f := range d.found {
		all[i] = d.violation(f)
	}
	return all
}

// ViolationIn returns the first violation that lies within v.
func (d *Doc) ViolationIn(v Value) (Violation, bool) {
	if len(d.found) == 0 || !v.Exists() {
		return Violation{}, false
	}
	start, end := v.Span()
	i, _ := slices.BinarySearch(d.found, uint64(start)<<8)
	if i == len(d.found) || d.found[i]>>8 >= uint64(end) {
		return Violation{}, false
	}
	return d.violation(d.found[i]), true
}

// ReplacedIn reports whether some key or string within v holds NUL or a lone
// surrogate, which decode as U+FFFD.
func (d *Doc) ReplacedIn(v Value) bool {
	return v.Exists() && v.node().meta&flagReplaced != 0
}

func (d *Doc) violate(offset uint32, code violationCode) {
	d.found = append(d.found, uint64(offset)<<8|uint64(code))
}

func (d *Doc) violation(f uint64) Violation {
	v := Violation{Offset: int(f >> 8)}
	switch violationCode(f & 0xff) {
	case duplicateKey:
		v.Code, v.Detail = CodeDuplicateKey, "an object names a key twice"
	case tooDeep:
		v.Code, v.Detail = CodeDepth, "nested deeper than the limit"
	case tooManyKeys:
		v.Code, v.Detail = CodeKeys, "an object has more keys than the limit"
	}
	return v
}

// failure is why a text is no JSON.
type failure uint8

const (
	fine failure = iota
	badSyntax
	badUTF8
	trailing
)

// at makes the error for a failure at the offset of n bytes of input.
func (f failure) at(offset, n int) error {
	switch {
	case f == badUTF8:
		return errs.New(errs.Invalid, CodeUTF8, "bytes that are not UTF-8 at offset %d", offset)
	case f == trailing:
		return errs.New(errs.Invalid, CodeTrailing, "something follows the JSON value at offset %d", offset)
	case offset >= n:
		return errs.New(errs.Invalid, CodeSyntax, "the JSON text ends too early, at offset %d", n)
	default:
		return errs.New(errs.Invalid, CodeSyntax, "not JSON at offset %d", offset)
	}
}
