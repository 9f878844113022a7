// Package form reads JSON documents that people write (resources, request
// bodies) as closed sets of fields. A field that nobody reads is a mistake and
// is refused, as is a field of another type or one that is named twice; every
// mistake is reported at once, each with the JSON pointer (RFC 6901) of its place.
//
// An absent field and a null are the same: the field is not given.
package form

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"kith/internal/errs"
	"kith/internal/strictjson"
)

// Bounds of a document, and of an answer about its mistakes.
const (
	DepthMax  = 64
	KeysMax   = 1000
	FieldsMax = 100 // refusals that are reported of one document
	nameMax   = 255 // bytes of a field's name that a pointer repeats
)

// The codes of refusals that this package makes.
const (
	CodeUnknown  = "field.unknown"
	CodeType     = "field.type"
	CodeRequired = "field.required"
	CodeInvalid  = "field.invalid"
	CodeTwice    = "field.duplicate"
	CodeNested   = "field.nested_too_deep"
	CodeKeys     = "field.too_many_keys"
)

// Field is one mistake in a document.
type Field struct {
	Pointer string // RFC 6901; empty is the whole document
	Code    string // stable, such as "field.unknown"
	Detail  string // one plain sentence that says what to do
}

// Refused is the error of a document that can be read and not be accepted. It
// is wrapped in an *errs.Error of kind Invalid.
type Refused struct {
	Fields []Field // by pointer, at least one, at most FieldsMax
}

// Error implements error. It quotes nothing of the document.
func (r *Refused) Error() string {
	return strconv.Itoa(len(r.Fields)) + " refused: " + r.Fields[0].Code
}

// Refuse makes the error of one mistake that shows only outside a document's
// own text, such as a name that somebody else holds.
func Refuse(kind errs.Kind, code, pointer, detail string) error {
	return &errs.Error{
		Kind: kind, Code: code, Detail: detail,
		Err: &Refused{Fields: []Field{{Pointer: pointer, Code: code, Detail: detail}}},
	}
}

// Read parses data, which must be one JSON object, and lets read take its
// fields. The error is of kind Invalid: code json.syntax, json.utf8 or
// json.trailing when data is no JSON, else form.refused with a *Refused inside.
// What read has taken is to be used only when the error is nil.
func Read(data []byte, read func(*Object)) error {
	var doc strictjson.Doc
	if err := doc.Parse(data, strictjson.Limits{Depth: DepthMax, Keys: KeysMax}); err != nil {
		return err
	}
	b := &book{doc: &doc}
	b.violations()
	if len(b.fields) == 0 {
		b.object(doc.Root(), "", read)
	}
	if len(b.fields) == 0 {
		return nil
	}
	slices.SortStableFunc(b.fields, func(a, b Field) int { return strings.Compare(a.Pointer, b.Pointer) })
	fields := b.fields[:min(len(b.fields), FieldsMax)]
	return errs.Wrap(&Refused{Fields: fields}, errs.Invalid, "form.refused",
		"the document is not accepted; errors[] names each place")
}

// book collects the mistakes of one document.
type book struct {
	doc    *strictjson.Doc
	fields []Field
}

func (b *book) refuse(pointer, code, detail string) {
	b.fields = append(b.fields, Field{pointer, code, detail})
}

func (b *book) violations() {
	for _, v := range b.doc.Violations() {
		at := pointerAt(b.doc.Root(), v.Offset)
		switch v.Code {
		case strictjson.CodeDuplicateKey:
			b.refuse(at, CodeTwice, "the field is named twice in its object")
		case strictjson.CodeDepth:
			b.refuse(at, CodeNested, "nested deeper than "+strconv.Itoa(DepthMax)+" levels")
		default:
			b.refuse(at, CodeKeys, "an object may have "+strconv.Itoa(KeysMax)+" fields")
		}
	}
}

func (b *book) object(v strictjson.Value, at string, read func(*Object)) {
	if v.Kind() != strictjson.Object {
		b.refuse(at, CodeType, "must be an object")
		return
	}
	o := &Object{book: b, value: v, at: at}
	read(o)
	for k := range v.Members() {
		if slices.ContainsFunc(o.known, k.Is) {
			continue
		}
		b.refuse(o.pointer(k.String()), CodeUnknown, "no such field"+o.fieldList())
	}
}

// Object is one object of a document. Its methods may be called in any order;
// each field is to be taken at most once.
type Object struct {
	book  *book
	value strictjson.Value
	at    string
	known []string
}

func (o *Object) fieldList() string {
	if len(o.known) == 0 {
		return "; the object takes none"
	}
	return "; there are " + strings.Join(o.known, ", ")
}

func (o *Object) pointer(name string) string {
	if len(name) > nameMax {
		return o.at
	}
	return o.at + "/" + escape(name)
}

func escape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

// take returns the field of that name, Missing when it is absent or null.
func (o *Object) take(name string) strictjson.Value {
	o.known = append(o.known, name)
	v := o.value.Get(name)
	if v.Kind() == strictjson.Null {
		return strictjson.Value{}
	}
	return v
}

// Refuse reports a mistake in the field of that name. An empty name is the
// object itself.
func (o *Object) Refuse(name, code, detail string) {
	if name == "" {
		o.book.refuse(o.at, code, detail)
		return
	}
	o.book.refuse(o.pointer(name), code, detail)
}

// RefuseAt reports a mistake at a path from the object, such as "value", "0".
func (o *Object) RefuseAt(code, detail string, path ...string) {
	at := o.at
	for _, p := range path {
		at += "/" + escape(p)
	}
	o.book.refuse(at, code, detail)
}

// Has reports whether the field is given. It does not take the field.
func (o *Object) Has(name string) bool {
	k := o.value.Get(name).Kind()
	return k != strictjson.Missing && k != strictjson.Null
}

// Skip names fields that may be there and mean nothing, such as those that an
// answer carries and a body may repeat.
func (o *Object) Skip(names ...string) { o.known = append(o.known, names...) }

// SkipAll lets every field be, when the object as a whole is refused.
func (o *Object) SkipAll() {
	for k := range o.value.Members() {
		o.known = append(o.known, k.String())
	}
}

// Value takes the field as it was written, null included; it is Missing when the
// field is absent.
func (o *Object) Value(name string) strictjson.Value {
	o.known = append(o.known, name)
	return o.value.Get(name)
}

// At lets read take the fields of v, which lies at the path from this object,
// such as "steps", "0".
func (o *Object) At(v strictjson.Value, read func(*Object), path ...string) {
	at := o.at
	for _, p := range path {
		at += "/" + escape(p)
	}
	o.book.object(v, at, read)
}

// Text takes a string of at most most bytes, without control characters; it is
// empty when the field is absent.
func (o *Object) Text(name string, most int) string {
	v := o.take(name)
	if !v.Exists() {
		return ""
	}
	return o.text(v, o.pointer(name), most)
}

// Required takes a string like Text and refuses its absence and an empty one.
func (o *Object) Required(name string, most int) string {
	if !o.Has(name) || o.value.Get(name).Is("") {
		o.Refuse(name, CodeRequired, "must be a non-empty string")
		o.Skip(name)
		return ""
	}
	return o.Text(name, most)
}

func (o *Object) text(v strictjson.Value, at string, most int) string {
	if v.Kind() != strictjson.String {
		o.book.refuse(at, CodeType, "must be a string")
		return ""
	}
	s := v.Text()
	switch {
	case len(s) > most:
		o.book.refuse(at, CodeInvalid, "may have "+strconv.Itoa(most)+" bytes")
	case o.book.doc.ReplacedIn(v) || !utf8.ValidString(s) || strings.ContainsFunc(s, control):
		o.book.refuse(at, CodeInvalid, "may not hold control characters or half surrogate pairs")
	}
	return s
}

// control reports whether r can change how the text around it is shown.
func control(r rune) bool {
	return r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// Flag takes a boolean, which is absent when the field is.
func (o *Object) Flag(name string, absent bool) bool {
	v := o.take(name)
	if !v.Exists() {
		return absent
	}
	if v.Kind() != strictjson.Bool {
		o.Refuse(name, CodeType, "must be true or false")
	}
	return v.Bool()
}

// Int takes a whole number from least to most, which is absent when the field is.
func (o *Object) Int(name string, absent, least, most int64) int64 {
	v := o.take(name)
	if !v.Exists() {
		return absent
	}
	if v.Kind() != strictjson.Number {
		o.Refuse(name, CodeType, "must be a number")
		return absent
	}
	n, err := strconv.ParseInt(string(v.Raw()), 10, 64)
	if err != nil || n < least || n > most {
		o.Refuse(name, CodeInvalid, "must be a whole number from "+
			strconv.FormatInt(least, 10)+" to "+strconv.FormatInt(most, 10))
		return absent
	}
	return n
}

// Texts takes an array of at most items strings of at most most bytes each.
func (o *Object) Texts(name string, items, most int) []string {
	var all []string
	o.list(name, items, func(v strictjson.Value, at string) {
		all = append(all, o.text(v, at, most))
	})
	return all
}

// Objects takes an array of at most items objects and lets read take the fields
// of each.
func (o *Object) Objects(name string, items int, read func(*Object)) {
	o.list(name, items, func(v strictjson.Value, at string) { o.book.object(v, at, read) })
}

// Object takes an object and lets read take its fields; read is not called when
// the field is absent.
func (o *Object) Object(name string, read func(*Object)) {
	if v := o.take(name); v.Exists() {
		o.book.object(v, o.pointer(name), read)
	}
}

func (o *Object) list(name string, items int, each func(v strictjson.Value, at string)) {
	v := o.take(name)
	if !v.Exists() {
		return
	}
	if v.Kind() != strictjson.Array {
		o.Refuse(name, CodeType, "must be an array")
		return
	}
	if v.Len() > items {
		o.Refuse(name, CodeInvalid, "may have "+strconv.Itoa(items)+" elements")
		return
	}
	i := 0
	for e := range v.Elements() {
		each(e, o.pointer(name)+"/"+strconv.Itoa(i))
		i++
	}
}
