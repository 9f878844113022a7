package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// messages is how many distinct messages one run sends.
const messages = 300

// loneSurrogate stands in the plan for half a surrogate pair, which a Go string
// cannot hold: marshalled, it becomes the escape of one.
const loneSurrogate = "@lone-surrogate@"

// obj is a JSON object of the plan.
type obj = map[string]any

// call is one call to an SDK, with the names that the SDKs have for its parts.
type call struct {
	Type        string `json:"type"`
	UserID      string `json:"userId,omitempty"`
	AnonymousID string `json:"anonymousId,omitempty"`
	PreviousID  string `json:"previousId,omitempty"`
	GroupID     string `json:"groupId,omitempty"`
	Event       string `json:"event,omitempty"`
	Name        string `json:"name,omitempty"`
	Category    string `json:"category,omitempty"`

	Properties   obj `json:"properties,omitempty"`
	Traits       obj `json:"traits,omitempty"`
	Context      obj `json:"context,omitempty"`
	Integrations obj `json:"integrations,omitempty"`

	Timestamp string `json:"timestamp,omitempty"` // RFC 3339; empty is the moment of the call
	MessageID string `json:"messageId,omitempty"` // empty lets the SDK make one

	Person int `json:"person"` // whose profile has it; in a browser, which visit made it
}

// mark is the call's own mark in what it sends, by which its event is found
// again. Calls with one messageId have one mark.
func (c call) mark() string {
	for _, where := range []obj{c.Properties, c.Traits, c.Context} {
		if m, ok := where["kx"].(string); ok {
			return m
		}
	}
	return ""
}

// person is what a profile must show of one of the two people of a plan.
type person struct {
	userID      string
	identifiers map[string][]string // values by type that the profile has
	foreign     []string            // values that it must not have
	traits      obj                 // that the profile has
	cleared     []string            // traits that it must not have
	accounts    []string
}

// plan is the conversation that goes through an SDK: what to call, in order, and
// what the two people must be in the end.
type plan struct {
	calls   []call
	persons [2]person
}

// distinct is the number of distinct messages of a person.
func (p *plan) distinct(person int) int {
	marks := map[string]bool{}
	for _, c := range p.calls {
		if c.Person == person {
			marks[c.mark()] = true
		}
	}
	return len(marks)
}

// newPlan makes the plan of one SDK: one known customer with most of the
// messages and a prospect who becomes one. The order matters to SDKs that
// remember who is speaking: whoever is anonymous comes before the identify.
func newPlan(s *sdk) *plan {
	b := &planner{sdk: s}
	b.customer()
	b.bulk(messages - b.made - prospectMessages)
	b.prospect()
	if !s.can("timestamp") {
		b.forgetOrder()
	}
	return &b.plan
}

// planner makes a plan call by call.
type planner struct {
	plan
	sdk  *sdk
	made int // distinct messages
	who  call
}

func (b *planner) mark() string {
	b.made++
	return fmt.Sprintf("%s/%03d", b.sdk.name, b.made)
}

// sayable is a call without what an SDK cannot be told. A screen becomes an
// event, an alias an identify.
func (s *sdk) sayable(c call) call {
	if c.Type == "screen" && !s.can("screen") {
		c.Type, c.Event, c.Name = "track", c.Name, ""
	}
	if c.Type == "alias" && !s.can("alias") {
		c.Type, c.PreviousID = "identify", ""
	}
	if !s.can("category") {
		c.Category = ""
	}
	if !s.can("timestamp") {
		c.Timestamp = ""
	}
	if !s.can("integrations") {
		c.Integrations = nil
	}
	return c
}

// add appends a call of the person who is speaking, marked.
func (b *planner) add(c call) {
	c = b.sdk.sayable(c)
	c.UserID, c.AnonymousID, c.Person = b.who.UserID, b.who.AnonymousID, b.who.Person
	mark := b.mark()
	where := &c.Properties
	switch c.Type {
	case "identify", "group":
		where = &c.Traits
	case "alias":
		where = &c.Context
	}
	if *where == nil {
		*where = obj{}
	}
	(*where)["kx"] = mark
	b.calls = append(b.calls, c)
}

func (b *planner) track(name string, properties obj) {
	b.add(call{Type: "track", Event: name, Properties: properties})
}

// customer is a person who comes anonymously, twice, signs up and shops.
func (b *planner) customer() {
	name := b.sdk.name
	uid, anon, old := "user-"+name, "anon-"+name, "old-"+name
	if !b.sdk.can("alias") {
		old = anon
	}
	account := "konto-ö/" + name
	email := "zoe+" + name + "@konto.example"
	b.persons[0] = person{
		userID:      uid,
		identifiers: map[string][]string{"user_id": {uid}, "anonymous_id": {anon, old}, "email": {email}},
		foreign:     []string{"friend@konto.example"},
		traits: obj{
			"email": email, "plan": "premium", "name": "Zoë Ångström 李雷 🦊", "vip": true,
			"address": address(), "tags": []any{"a", "b", ""}, "score": json.Number("0.1"),
		},
		cleared:  []string{"nickname"},
		accounts: []string{account},
	}

	b.who.AnonymousID = old
	b.track("Advert Seen", obj{"first_touch": true, "utm_like": "spring%20sale & more <b>"})
	b.who.AnonymousID = anon
	b.track("Landing Page Seen", obj{"quote": `"back\slash"`, "control": "tab\tnewline\nline\u2028end"})

	b.who.UserID = uid
	b.add(call{Type: "identify", Timestamp: "2019-01-01T00:00:00Z",
		Traits: obj{"plan": "trial", "nickname": "Zo", "email": email}})
	b.add(call{Type: "identify", Traits: obj{
		"email": email, "name": "Zoë Ångström 李雷 🦊", "plan": "premium", "vip": true, "nickname": nil,
		"createdAt": "2024-02-29T23:59:59.123Z", "address": address(), "score": json.Number("0.1"),
		"company": obj{"id": "acme-1", "name": `Åcme & Søns "Ltd"`, "employee_count": 42}, "tags": []any{"a", "b", ""},
	}})
	b.add(call{Type: "page", Name: "Pricing", Category: "Docs", Properties: obj{
		"url": "https://shop.example.com/pricing?utm_campaign=sp%C3%A4t#top", "path": "/pricing", "search": "?utm_campaign=sp%C3%A4t",
		"title": "Preise – ‘früh’ & „spät“", "referrer": "https://search.example.org/?q=%E2%9C%93",
	}})
	b.add(call{Type: "screen", Name: "Home Screen", Properties: obj{"variation": "blue signup button", "orientation": "portrait"}})
	b.add(call{Type: "group", GroupID: account, Traits: obj{
		"name": "Initech GmbH & Co. KG", "employees": 329, "total billed": json.Number("830.5"), "plan": "enterprise",
	}})
	b.shopping()
	b.oddities()
	b.contexts()
	b.repeats()
	b.add(call{Type: "alias", PreviousID: old})
}

func address() obj {
	return obj{"street": "Stora Nygatan 1", "city": "Malmö", "postalCode": "211 37", "country": "SE"}
}

// shopping has the events of the e-commerce specification.
func (b *planner) shopping() {
	hat := obj{"product_id": "p-1", "sku": "HAT-Ö", "name": "Hatt", "price": json.Number("19.90"), "quantity": 1, "position": 1}
	sock := obj{"product_id": "p-2", "sku": "SOCK", "name": "ソックス", "price": json.Number("5"), "quantity": 3}
	order := func(more obj) obj {
		o := obj{"order_id": "order-1", "checkout_id": "ck-1", "total": json.Number("39.40"), "revenue": json.Number("34.90"),
			"shipping": json.Number("4.50"), "tax": 0, "currency": "SEK", "coupon": "VÅR", "products": []any{hat, sock}}
		for k, v := range more {
			o[k] = v
		}
		return o
	}
	b.track("Products Searched", obj{"query": "hattar ✓"})
	b.track("Product List Viewed", obj{"list_id": "hats", "category": "Hattar", "products": []any{hat, sock}})
	b.track("Product Clicked", obj{"product_id": "p-1", "position": 1})
	b.track("Product Viewed", hat)
	b.track("Product Added", obj{"cart_id": "c-1", "product_id": "p-1", "quantity": 1, "price": json.Number("19.90")})
	b.track("Product Removed", obj{"cart_id": "c-1", "product_id": "p-9"})
	b.track("Cart Viewed", obj{"cart_id": "c-1", "products": []any{hat, sock}})
	b.track("Checkout Started", order(nil))
	b.track("Checkout Step Viewed", obj{"checkout_id": "ck-1", "step": 1, "shipping_method": "Brev"})
	b.track("Checkout Step Completed", obj{"checkout_id": "ck-1", "step": 1})
	b.track("Payment Info Entered", obj{"checkout_id": "ck-1", "order_id": "order-1"})
	b.track("Coupon Applied", obj{"order_id": "order-1", "coupon_id": "VÅR", "discount": json.Number("5.5")})
	b.track("Order Completed", order(obj{"affiliation": "App"}))
	b.track("Order Updated", order(obj{"note": "gift"}))
	b.track("Order Refunded", obj{"order_id": "order-1", "total": json.Number("-39.40"), "products": []any{sock}})
	b.track("Product Reviewed", obj{"product_id": "p-1", "review_body": "Fin hatt! 👒", "rating": "5"})
	b.track("Product Shared", obj{"share_via": "email", "recipient": "friend@konto.example"})
	b.track("Invite Sent", obj{"email": "friend@konto.example"})
}

// oddities are values that a careless server changes.
func (b *planner) oddities() {
	const nfc, nfd = "caf\u00e9", "cafe\u0301"
	b.track("Ünïcode ✓ 李雷", obj{
		"nfc": nfc, "nfd": nfd, nfc: "composed key", nfd: "decomposed key", "日本語": "キー", "emoji 👩‍👩‍👧": "👨🏽‍🚀", "rtl": "שלום عليكم",
		"zero width": "a\u200bb\ufeffc", "noncharacter": "\uffff", "beyond": "\U0010fffd",
	})
	b.track("Odd Numbers", obj{
		"below": json.Number("9007199254740991"), "at": json.Number("9007199254740992"), "above": json.Number("9007199254740993"),
		"negative": json.Number("-9007199254740993"), "tiny": json.Number("1e-7"), "tenth": json.Number("0.1"),
		"sum": json.Number("0.30000000000000004"), "huge": json.Number("1.7976931348623157e308"),
		"least": json.Number("5e-324"), "zero": 0, "one": json.Number("1.0"), "text": "1e3",
	})
	b.track("Nested", obj{
		"list":  []any{1, "two", nil, true, []any{[]any{}, obj{}}, obj{"deep": []any{obj{"er": nil}}}},
		"deep":  nest(20),
		"empty": obj{"object": obj{}, "array": []any{}, "text": ""},
		"a.b":   "a dot in a key", "a": obj{"b": "a path"}, "$set": obj{"x": 1}, " spaced key ": 1,
	})
	b.track("Unusable Characters", obj{"nul": "a\x00b", "lone": "x" + loneSurrogate + "y", "both": "\x00" + loneSurrogate})
	large := "kith ö 👒 "
	if b.sdk.escapes {
		large = "kith o a "
	}
	b.track("Large Event", obj{"text": strings.Repeat(large, 25_000/len(large))})
	b.track("", obj{"nameless": false})
	b.calls[len(b.calls)-1].Event = "  Name With   Spaces  "
	b.add(call{Type: "track", Event: "Historical Import", Timestamp: "2019-05-06T07:08:09.123Z", Properties: obj{"year": 2019}})
	b.add(call{Type: "track", Event: "Historical Import", Timestamp: "2019-05-06T09:08:09.124+02:00", Properties: obj{"zone": "+02:00"}})
	b.add(call{Type: "page", Name: "Old Page", Timestamp: "2019-12-31T23:59:59.999Z", Properties: obj{"path": "/gammal"}})
	b.add(call{Type: "track", Event: "Chosen Destinations", Properties: obj{"n": 1},
		Integrations: obj{"All": false, "Mixpanel": true, "webhook ö": true}})
}

// nest is an object with an object in it, and so on.
func nest(levels int) any {
	if levels == 0 {
		return "bottom"
	}
	return obj{"in": nest(levels - 1)}
}

// contexts are events whose context the caller says.
func (b *planner) contexts() {
	b.add(call{Type: "track", Event: "Seen With Context", Properties: obj{"n": 1}, Context: obj{
		"ip": "203.0.113.7", "locale": "sv-SE", "timezone": "Europe/Stockholm",
		"campaign": obj{"name": "vår & sommar", "source": "news", "medium": "email", "term": "hatt", "content": "lång"},
		"page":     obj{"path": "/sök", "referrer": "https://example.org/", "search": "?q=hatt", "title": "Sök", "url": "https://shop.example.com/sök?q=hatt"},
	}})
	b.add(call{Type: "screen", Name: "Checkout", Properties: obj{"n": 2}, Context: obj{
		"device": obj{"manufacturer": "Åpple", "model": "x1", "name": "zoës", "type": "ios"},
		"os":     obj{"name": "iOS", "version": "26.1"}, "app": obj{"name": "Shop", "version": "1.2.3", "build": "77", "namespace": "com.example.shop"},
		"screen": obj{"width": 1170, "height": 2532},
	}})
	b.add(call{Type: "track", Event: "Segment Consent Preference Updated", Properties: obj{"n": 3}, Context: obj{
		"consent": obj{"categoryPreferences": obj{"Advertising": true, "Analytics": true, "Functional": false}},
	}})
	b.add(call{Type: "track", Event: "Own Context", Properties: obj{"n": 4}, Context: obj{
		"groupId": "acct-own", "eigen": obj{"kéy": []any{1, nil, "två"}, "0.1": json.Number("0.1")},
	}})
}

// repeats is one messageId that is sent twice, where an SDK lets it be chosen: one
// message, whichever of the two it is.
func (b *planner) repeats() {
	b.track("Sent Twice", obj{"copy": 1})
	if !b.sdk.can("messageId") {
		return
	}
	first := &b.calls[len(b.calls)-1]
	first.MessageID = "twice-" + b.sdk.name
	second := *first
	second.Properties = obj{"copy": 2, "kx": first.mark()}
	b.calls = append(b.calls, second)
}

// bulk makes n more messages of the customer. The identifies have old times, one
// hour after the other, so that the last one's visits must win although it is
// sent in no order, and nothing else of a trait changes.
func (b *planner) bulk(n int) {
	hour := time.Date(2019, 2, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		switch {
		case i%20 == 9:
			hour = hour.Add(time.Hour)
			b.add(call{Type: "identify", Timestamp: hour.Format(time.RFC3339), Traits: obj{"visits": i}})
			b.persons[0].traits["visits"] = json.Number(fmt.Sprint(i))
		case i%10 == 3:
			b.add(call{Type: "page", Name: fmt.Sprintf("Sida %d", i), Properties: obj{"path": fmt.Sprintf("/s/%d", i)}})
		case i%10 == 6:
			b.add(call{Type: "screen", Name: fmt.Sprintf("Skärm %d", i), Properties: obj{"n": i}})
		default:
			b.track("Bulk Event", obj{"n": i, "share": json.Number(fmt.Sprintf("%d.%02d", i, i%100)), "tags": []any{"bulk", fmt.Sprint(i)}})
		}
	}
}

// forgetOrder leaves out what only chosen times decide: which of several values
// of a trait is the last.
func (b *planner) forgetOrder() {
	p := &b.persons[0]
	delete(p.traits, "visits")
	delete(p.traits, "plan")
	p.cleared = nil
}

// prospectMessages is how many messages prospect makes.
const prospectMessages = 20

// prospect is a person who is anonymous for a while and then gets an id by alias,
// an id that an address has to escape.
func (b *planner) prospect() {
	uid, anon := "kund/ö 7%+1?&#"+b.sdk.name, "prospect-"+b.sdk.name
	b.persons[1] = person{
		userID:      uid,
		identifiers: map[string][]string{"user_id": {uid}, "anonymous_id": {anon}},
		traits:      obj{"plan": "prøve"},
	}
	b.who = call{AnonymousID: anon, Person: 1}
	for i := range prospectMessages - 5 {
		b.track("Article Read", obj{"n": i})
	}
	b.who.UserID = uid
	b.add(call{Type: "alias", PreviousID: anon})
	b.add(call{Type: "identify", Traits: obj{"plan": "prøve"}})
	b.track("Signed Up", obj{"via": "alias"})
	b.add(call{Type: "page", Name: "Välkommen", Properties: obj{"path": "/hej"}})
	b.track("Article Read", obj{"n": -1})
}

// encode is the plan's calls of the given people as the drivers read them.
func (p *plan) encode(t testing.TB, persons ...int) []byte {
	t.Helper()
	var calls []call
	for _, c := range p.calls {
		for _, n := range persons {
			if c.Person == n {
				calls = append(calls, c)
			}
		}
	}
	data, err := json.Marshal(calls)
	if err != nil {
		t.Fatalf("encoding the plan: %v", err)
	}
	return bytes.ReplaceAll(data, []byte(loneSurrogate), []byte(`\ud800`))
}

func TestPlanWithoutMessageIDsSendsNothingTwice(t *testing.T) {
	if got := len(newPlan(&sdk{name: "x", lacks: []string{"messageId"}}).calls); got != messages {
		t.Errorf("%d calls, want %d", got, messages)
	}
}

func TestPlanHasItsMessages(t *testing.T) {
	p := newPlan(&sdk{name: "x"})
	if got := p.distinct(0) + p.distinct(1); got != messages {
		t.Errorf("%d distinct messages, want %d", got, messages)
	}
	if got := len(p.calls); got != messages+1 {
		t.Errorf("%d calls, want %d: all messages once and one twice", got, messages+1)
	}
	if got := p.distinct(1); got != prospectMessages {
		t.Errorf("%d messages of the prospect, want %d", got, prospectMessages)
	}
}
