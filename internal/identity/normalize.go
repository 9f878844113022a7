package identity

import (
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// valueBytesMax bounds an identifier's value; longer ones identify nobody.
const valueBytesMax = 255

// Reason says why a value found in a call identifies nobody.
type Reason string

// The reasons.
const (
	Usable     Reason = ""
	Empty      Reason = "empty"
	TooLong    Reason = "too_long"
	Unprint    Reason = "unprintable"
	NotAddress Reason = "not_an_address"
	NotPhone   Reason = "not_a_phone_number"
	Listed     Reason = "blocked"
	NotAllowed Reason = "source_may_not_identify"
	BadType    Reason = "type_name"
)

// Normalize brings a value of a type into the form in which equal means the
// same: trimmed, in Unicode form NFC, and per type as the specification says.
// country is for phone numbers without a country code and may be empty. The
// blocklist is asked last, about the normalised value.
func (c *Config) Normalize(typ, value, country string) (Identifier, Reason) {
	value = strings.TrimSpace(value)
	if value == "" {
		return Identifier{}, Empty
	}
	if len(value) > valueBytesMax {
		return Identifier{}, TooLong
	}
	if unprintable(value) {
		return Identifier{}, Unprint
	}
	value = norm.NFC.String(value)
	reason := Usable
	switch typ {
	case "email":
		value, reason = email(value)
	case "phone":
		value, reason = c.phone(value, country)
	case "device_id", "idfa", "gaid", "advertising_id":
		value = strings.ToLower(value)
	case "anonymous_id", "ga_client_id":
		if looksLikeUUID(value) {
			value = strings.ToLower(value)
		}
	}
	id := Identifier{typ, value}
	if reason == Usable && c.Blocked.Blocks(id) {
		reason = Listed
	}
	return id, reason
}

// email folds an address to lower case and its domain to ASCII. Dots and plus
// tags stay: whether they matter is the mailbox provider's affair.
func email(s string) (string, Reason) {
	s = strings.ToLower(s)
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || strings.ContainsAny(s, " \t<>,;") {
		return s, NotAddress
	}
	local, domain := s[:at], s[at+1:]
	if !isASCII(domain) {
		ascii, err := idna.Lookup.ToASCII(domain)
		if err != nil {
			return s, NotAddress
		}
		domain = ascii
	}
	dot := strings.IndexByte(domain, '.')
	if dot <= 0 || strings.HasSuffix(domain, ".") || strings.Contains(domain, "..") {
		return s, NotAddress
	}
	return local + "@" + domain, Usable
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func looksLikeUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// phone brings a number to E.164. Parsing costs tens of microseconds, so results
// are remembered.
func (c *Config) phone(s, country string) (string, Reason) {
	if country == "" {
		country = c.Country
	}
	key := country + " " + s
	if v, ok := c.phones.get(key); ok {
		if v == "" {
			return s, NotPhone
		}
		return v, Usable
	}
	v := parsePhone(s, country)
	c.phones.put(key, v)
	if v == "" {
		return s, NotPhone
	}
	return v, Usable
}

// parsePhone returns the E.164 form, or "" for what cannot be a number: not
// possible in its country, or one digit all through.
func parsePhone(s, country string) string {
	n, err := phonenumbers.Parse(s, strings.ToUpper(country))
	if err != nil || !phonenumbers.IsPossibleNumber(n) {
		return ""
	}
	digits := phonenumbers.GetNationalSignificantNumber(n)
	if len(digits) < 7 || strings.Count(digits, digits[:1]) == len(digits) {
		return ""
	}
	return phonenumbers.Format(n, phonenumbers.E164)
}

// phoneCache remembers parsed numbers; it is emptied when it is full, which
// bounds it without bookkeeping on every hit.
type phoneCache struct {
	mu sync.Mutex
	m  map[string]string
}

const phoneCacheMax = 1 << 16

func newPhoneCache() *phoneCache { return &phoneCache{m: map[string]string{}} }

func (p *phoneCache) get(key string) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v, ok := p.m[key]
	return v, ok
}

func (p *phoneCache) put(key, value string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.m) >= phoneCacheMax {
		clear(p.m)
	}
	p.m[key] = value
}
