package search

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"kith/internal/identity"
	"kith/internal/state"
	"kith/internal/strictjson"
)

// kind is how a value is cut into tokens.
type kind uint8

const (
	none    kind = iota
	text         // words
	address      // an e-mail address
	number       // a phone number
	code         // an id
	postal       // words, and the whole as an id
	parts        // an object whose members are looked at
)

// traitKinds lists the traits that are indexed, by their names in lower case
// without anything between letters. Names that end in id, number or code are
// indexed as ids beside them.
var traitKinds = map[string]kind{
	"name": text, "fullname": text, "displayname": text, "nickname": text, "username": text, "login": text, "handle": text,
	"firstname": text, "givenname": text, "forename": text, "middlename": text, "lastname": text, "familyname": text, "surname": text,
	"maidenname": text, "birthname": text, "salutationname": text, "contactname": text, "prénom": text, "nom": text, "vorname": text, "nachname": text,
	"company": parts, "companyname": text, "organization": parts, "organisation": parts, "employer": parts,
	"title": text, "jobtitle": text, "position": text,
	"address": parts, "billingaddress": parts, "shippingaddress": parts, "city": text, "town": text, "village": text,
	"postcode": postal, "postalcode": postal, "zip": postal, "zipcode": postal, "plz": postal,
	"email": address, "emailaddress": address, "mail": address, "workemail": address, "personalemail": address, "secondaryemail": address,
	"phone": number, "phonenumber": number, "mobile": number, "mobilephone": number, "mobilenumber": number, "cell": number, "cellphone": number,
	"tel": number, "telephone": number, "homephone": number, "workphone": number, "whatsapp": number,
	"iban": code, "vat": code, "ticket": code,
}

// numberKeys lists the properties of events whose values people are found by.
var numberKeys = map[string]bool{
	"order_id": true, "orderId": true, "order_number": true, "orderNumber": true, "order": true,
	"checkout_id": true, "checkoutId": true, "cart_id": true, "cartId": true,
	"invoice": true, "invoice_id": true, "invoiceId": true, "invoice_number": true, "invoiceNumber": true,
	"ticket": true, "ticket_id": true, "ticketId": true, "ticket_number": true, "ticketNumber": true,
	"booking_id": true, "bookingId": true, "booking_number": true, "reservation_id": true, "reservationId": true,
	"transaction_id": true, "transactionId": true, "payment_id": true, "paymentId": true,
	"subscription_id": true, "subscriptionId": true, "return_id": true, "returnId": true,
	"tracking_number": true, "trackingNumber": true, "case_id": true, "caseId": true, "case_number": true,
	"contract_id": true, "contractId": true, "contract_number": true, "policy_number": true, "policyNumber": true,
}

// numbersMax bounds the numbers of one event.
const numbersMax = 8

// numberBytesMax bounds a number; a longer one is no number.
const numberBytesMax = 64

// kindOf says how a trait is indexed.
func kindOf(key string) kind {
	if len(key) > state.NameBytesMax {
		return none
	}
	plain := compact(fold(key))
	if k, ok := traitKinds[plain]; ok {
		return k
	}
	for _, end := range [...]string{"id", "number", "code"} {
		if strings.HasSuffix(plain, end) && endsApart(key, len(end)) {
			return code
		}
	}
	return none
}

// endsApart reports whether the last n letters are a word of their own: after
// another character, at a change from small to capital letters, or alone.
func endsApart(key string, n int) bool {
	if len(key) <= n {
		return len(key) == n
	}
	before, first := key[len(key)-n-1], key[len(key)-n]
	letter := before|0x20 >= 'a' && before|0x20 <= 'z'
	return !letter || first >= 'A' && first <= 'Z' && before >= 'a'
}

// IndexesTrait reports whether values of a trait are indexed.
func IndexesTrait(key string) bool { return kindOf(key) != none }

// tokens gathers each token once.
type tokens struct {
	list []Token
}

func (t *tokens) add(c Class, s string) {
	s = strings.ReplaceAll(clip(s, tokenBytesMax), "\x00", "")
	if s == "" {
		return
	}
	for _, have := range t.list {
		if have.Class == c && have.Text == s {
			return
		}
	}
	t.list = append(t.list, Token{c, s})
}

// addWords adds the words of a folded text. What is written without spaces is
// found from any of its characters on.
func (t *tokens) addWords(s string) {
	all := words(s)
	whole := ""
	for _, w := range all {
		t.add(Word, w)
		if first, _ := utf8.DecodeRuneInString(w); ideographic(first) {
			whole += w
			t.addTails(w)
		}
	}
	if len(all) > 1 && whole != "" && utf8.RuneCountInString(whole) <= tailsMax {
		t.add(Word, whole)
	}
}

// tailsMax bounds the characters of a word whose tails are indexed.
const tailsMax = 12

func (t *tokens) addTails(w string) {
	n := 0
	for i := range w {
		if i > 0 {
			t.add(Word, w[i:])
		}
		if n++; n == tailsMax {
			return
		}
	}
}

// addAddress adds a folded e-mail address, or the words of what is none.
func (t *tokens) addAddress(s string, local bool) {
	s = strings.TrimSpace(s)
	at := strings.LastIndexByte(s, '@')
	if at <= 0 {
		t.addWords(s)
		return
	}
	t.add(Email, s)
	if local {
		t.addWords(s[:at])
	}
}

// addPhone adds the digits of a number, and those without the country's code
// where it has one.
func (t *tokens) addPhone(s string) {
	all := digits(s)
	if len(all) < 4 {
		return
	}
	t.add(Phone, all)
	if strings.HasPrefix(strings.TrimSpace(s), "+") {
		t.add(Phone, all[countryDigits(all):])
		return
	}
	t.add(Phone, strings.TrimLeft(all, "0"))
}

// countryDigits is how many of the digits of an international number are the code
// of the country. No code begins another, and of those with two digits there are
// few more than fit on a line.
func countryDigits(number string) int {
	const two = " 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 "
	switch {
	case number[0] == '1' || number[0] == '7':
		return 1
	case strings.Contains(two, " "+number[:2]+" "):
		return 2
	}
	return min(3, len(number)-1)
}

// addID adds an id; one that is an e-mail address is found as such.
func (t *tokens) addID(s string) {
	if strings.IndexByte(s, '@') > 0 {
		t.addAddress(s, true)
		return
	}
	t.add(ID, compact(s))
}

// ofIdentifier are the tokens of an identifier. Accounts are not people.
func ofIdentifier(id identity.Identifier) []Token {
	var t tokens
	if strings.IndexByte(id.Type, ':') >= 0 {
		return nil
	}
	folded := fold(id.Value)
	switch {
	case id.Type == "email":
		t.addAddress(folded, true)
	case id.Type == "phone":
		t.addPhone(folded)
	default:
		t.addID(folded)
	}
	return t.list
}

// ofTrait are the tokens of a trait's value, given as clean JSON.
func ofTrait(key string, value []byte) []Token {
	k := kindOf(key)
	if k == none || len(value) == 0 || string(value) == "null" {
		return nil
	}
	var doc strictjson.Doc
	if doc.Parse(value, strictjson.Limits{}) != nil {
		return nil
	}
	var t tokens
	t.addValue(k, doc.Root(), 0)
	return t.list
}

// elementsMax bounds the elements of an array that are indexed.
const elementsMax = 8

func (t *tokens) addValue(k kind, v strictjson.Value, depth int) {
	switch v.Kind() {
	case strictjson.String:
		t.addText(k, v.Text())
	case strictjson.Number:
		t.addText(k, string(v.Raw()))
	case strictjson.Array:
		n := 0
		for e := range v.Elements() {
			if n++; n > elementsMax || depth > 1 {
				return
			}
			t.addValue(k, e, depth+1)
		}
	case strictjson.Object:
		if k != parts || depth > 1 {
			return
		}
		for key, e := range v.Members() {
			if inner := kindOf(key.String()); inner != none && inner != parts {
				t.addValue(inner, e, depth+1)
			}
		}
	}
}

func (t *tokens) addText(k kind, s string) {
	folded := fold(s)
	switch k {
	case text, parts:
		t.addWords(folded)
	case address:
		t.addAddress(folded, false)
	case number:
		t.addPhone(folded)
	case code:
		t.addID(folded)
	case postal:
		t.addWords(folded)
		t.add(ID, compact(folded))
	}
}

// Numbers returns the numbers in an event's properties by which its person is
// found, as they were written, each once.
func Numbers(properties strictjson.Value) []string {
	var out []string
	for key, v := range properties.Members() {
		if !namesNumber(key) {
			continue
		}
		var s string
		switch v.Kind() {
		case strictjson.String:
			s = strings.TrimSpace(v.Text())
		case strictjson.Number:
			s = string(v.Raw())
		}
		if s == "" || len(s) > numberBytesMax || contains(out, s) || len(ofNumber(s)) == 0 {
			continue
		}
		if out = append(out, s); len(out) == numbersMax {
			break
		}
	}
	return out
}

// namesNumber reports whether a property is one of the list. Nearly none is, so a
// key is looked up by its bytes, without a copy.
func namesNumber(key strictjson.Key) bool {
	raw := key.Raw()
	if len(raw) < 4 || bytes.IndexByte(raw, '\\') >= 0 {
		return numberKeys[key.String()]
	}
	if raw[0] == '"' {
		raw = raw[1 : len(raw)-1]
	}
	return numberKeys[string(raw)]
}

func contains(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}

func ofNumber(s string) []Token {
	var t tokens
	t.add(ID, compact(fold(s)))
	return t.list
}

// IdentifierRows are the rows of an identifier, as they are stored.
func IdentifierRows(node identity.NodeID, id identity.Identifier) []state.KV {
	return rows(node, FieldIdentifier, "", ofIdentifier(id))
}

// TraitRows are the rows of a trait's value, given as clean JSON.
func TraitRows(node identity.NodeID, key string, value []byte) []state.KV {
	return rows(node, FieldTrait, key, ofTrait(key, value))
}

// NumberRows are the rows of a number that an event names.
func NumberRows(node identity.NodeID, s string) []state.KV {
	return rows(node, FieldNumber, s, ofNumber(s))
}

func rows(node identity.NodeID, f Field, name string, of []Token) []state.KV {
	out := make([]state.KV, len(of))
	words := 0
	for _, t := range of {
		if t.Class == Word {
			words++
		}
	}
	for i, t := range of {
		r := Row{Token: t, Node: node, Field: f, Name: name, Words: 1}
		if t.Class == Word {
			r.Words = min(words, 255)
		}
		out[i] = r.encode()
	}
	return out
}
