package demo

import (
	"fmt"
	"strings"

	"kith/internal/demo/retail"
)

// Kind is what somebody is to the shop.
type Kind uint8

// The kinds.
const (
	Customer   Kind = iota // has a customer number, and real orders
	Guest                  // has one real order and no account
	Member                 // has an account, and orders that are made up
	Subscriber             // has only left an address
	Visitor                // has only looked around
)

// Person is one of the people, with everything by which the systems may come to
// know them.
type Person struct {
	Number int
	Kind   Kind

	UserID         string
	Given, Family  string
	Locale         string
	Country        string
	City, Postcode string
	Address        string // e-mail
	Second         string // another one, used in the app
	Phone          string // E.164
	CRM, CRM2      string // CRM2: a second record of the same person, a mistake
	Loyalty        string
	Company        *Company

	Devices   []Device
	Household int // number of the first of the household, or -1
	Landline  string
	Marketing bool // agrees to it at first
	Analytics bool

	real []*retail.Invoice
}

// Company is a business customer's account.
type Company struct {
	ID, Name, Industry string
	Employees          int
}

// Device is a browser or the app on a phone.
type Device struct {
	Anonymous string // the id that the site or app gave it
	ID        string // of the app's vendor; empty for browsers
	Ads       string // advertising id
	System    string // iOS or Android for apps
	App       bool
	GPC       bool // the browser sends Sec-GPC
	Shared    bool // the household's
	SignsIn   bool // its user signs in on it at some time
}

// kindOf returns what the person of a number is.
func (w *World) kindOf(i int) Kind {
	switch {
	case i < len(w.customers):
		return Customer
	case i < w.RealPeople():
		return Guest
	}
	switch n := begin(w.seed, streamKind, uint64(i)).below(100); {
	case n < 60:
		return Member
	case n < 75:
		return Subscriber
	}
	return Visitor
}

// Person makes the person of a number.
func (w *World) Person(i int) *Person {
	p := &Person{Number: i, Kind: w.kindOf(i), Household: w.household(i)}
	c := begin(w.seed, streamPerson, uint64(i))
	w.name(p, c)
	switch p.Kind {
	case Customer:
		own := &w.customers[i]
		p.UserID, p.real = own.number, own.invoices
		if own.trade {
			p.Company = w.company(i)
		}
	case Guest:
		p.real = []*retail.Invoice{w.guests[i-len(w.customers)]}
	case Member:
		p.UserID = fmt.Sprintf("M%07d", i)
	}
	w.reach(p, c)
	w.devices(p, c)
	p.Marketing, p.Analytics = c.in(62) || i == 0, c.in(75)
	return p
}

// name gives a person a name, a country and a place. A household shares surname
// and place.
func (w *World) name(p *Person, c *chance) {
	p.Country = w.country(p.Number, c.below(100))
	from := cultureOf(p.Country)
	speech := from
	if c.in(frenchSpeakers) && p.Country == "United Kingdom" {
		speech = french
	}
	p.Locale = speech.locale
	p.Given = c.of(speech.women)
	if c.in(48) {
		p.Given = c.of(speech.men)
	}
	place := begin(w.seed, streamHousehold, uint64(max(p.Household, 0))<<1|1)
	if p.Household < 0 {
		place = c
	} else {
		speech = from
	}
	p.Family = place.of(speech.families)
	p.City, p.Postcode, _ = strings.Cut(place.of(from.cities), "/")
}

// frenchSpeakers is how many in a hundred of the shop's British customers read
// French: the books name hardly any people abroad, and a shop has two languages.
const frenchSpeakers = 18

func (w *World) country(i, roll int) string {
	switch w.kindOf(i) {
	case Customer:
		return w.customers[i].country
	case Guest:
		return w.guests[i-len(w.customers)].Country
	}
	if roll < 62 {
		return "United Kingdom"
	}
	if roll < 94 {
		return "France"
	}
	return "Belgium"
}

// householdSize is how many consecutive numbers may form a household.
const householdSize = 4

// household returns the first number of the person's household, or -1. A fifth of
// the groups of four are one, of those among them who are private and have an
// account.
func (w *World) household(i int) int {
	first := i - i%householdSize
	if first == 0 || begin(w.seed, streamHousehold, uint64(first)<<1).below(5) != 0 {
		return -1
	}
	head, at, place := -1, 0, -1
	for j := first; j < first+householdSize; j++ {
		if !w.private(j) || head >= 0 && w.country(j, 0) != w.country(head, 0) {
			continue
		}
		if head < 0 {
			head = j
		}
		if j == i {
			place = at
		}
		at++
	}
	if at < 2 || place < 0 || place > 2 {
		return -1
	}
	return head
}

func (w *World) private(i int) bool {
	k := w.kindOf(i)
	return k == Customer && !w.customers[i].trade || k == Member
}

// companyBuyers is how many consecutive numbers may buy for one company.
const companyBuyers = 4

// company returns the account of a business customer: of their own, or for some
// that of a neighbour.
func (w *World) company(i int) *Company {
	lead := i
	for j := i - i%companyBuyers; j < i; j++ {
		c := begin(w.seed, streamCompany, uint64(i))
		if w.kindOf(j) == Customer && w.customers[j].trade && w.customers[j].country == w.customers[i].country && c.in(50) {
			lead = j
			break
		}
	}
	c := begin(w.seed, streamCompany, uint64(lead)<<1|1<<40)
	return &Company{
		ID: fmt.Sprintf("acct-%05d", lead), Name: c.of(companyFirst) + " " + c.of(companyLast),
		Industry: c.of(industries), Employees: c.span(2, 120),
	}
}

// reach gives a person addresses, a telephone number and records. Whom the shop
// does not know by name has none.
func (w *World) reach(p *Person, c *chance) {
	from := cultureOf(p.Country)
	if p.Locale == french.locale {
		from = french
	}
	local := plain(p.Given) + "." + plain(p.Family) + base36(uint64(p.Number)+36)
	domain, other := c.of(from.domains), c.of(from.domains)
	number, loyal, twice, two := phone(p, w.seed), c.in(35), c.in(2), c.in(15)
	switch p.Kind {
	case Visitor:
		return
	case Guest:
		if c.in(25) {
			p.Address = local + "@" + domain
		}
		return
	case Subscriber:
		p.Address = local + "@" + domain
		return
	}
	p.Address, p.Phone = local+"@"+domain, number
	p.CRM = fmt.Sprintf("CRM-%06d", p.Number)
	if p.Company != nil {
		p.Address = plain(p.Given) + "." + plain(p.Family) + base36(uint64(p.Number)+36) + "@" + plain(p.Company.Name) + ".example"
	} else if loyal {
		p.Loyalty = "L" + fmt.Sprintf("%08d", 10_000_000+p.Number)
	}
	if two {
		p.Second = plain(p.Given) + base36(uint64(p.Number)+1296) + "@" + other
	}
	if twice {
		p.CRM2 = p.CRM + "-B"
	}
	if p.Household >= 0 {
		p.Landline = landline(p.Household)
	}
}

// Telephone numbers come only from ranges that the regulators of the United
// Kingdom and of France keep for fiction, so that none is anybody's.
var (
	britishRanges = strings.Fields(`+44113496 +44114496 +44115496 +44116496 +44117496 +44118496 +44121496 +44131496 +44141496 +44151496
		+44161496 +44207946 +44289649 +44292018 +44306999 +44770090`)
	frenchRanges   = strings.Fields("+3319900 +3326191 +3335301 +3346571 +3353649 +3363998")
	landlineRanges = strings.Fields("+44191498 +44163296")
)

// phone returns the person's own number. The ranges are finite, so people with
// high numbers have none.
func phone(p *Person, seed uint64) string {
	switch p.Country {
	case "United Kingdom":
		n := len(britishRanges) * 1000
		if p.Number >= n {
			return ""
		}
		at := (p.Number*7919 + int(seed%uint64(n))) % n
		return fourDigits(britishRanges[at/1000], at%1000)
	case "France":
		n := len(frenchRanges) * 10_000
		if p.Number >= n {
			return ""
		}
		at := (p.Number*7919 + int(seed%uint64(n))) % n
		return fmt.Sprintf("%s%04d", frenchRanges[at/10_000], at%10_000)
	}
	return ""
}

// fourDigits ends a British number: the ranges have a thousand numbers, that
// begin with the digit which tells the range from its neighbours.
func fourDigits(area string, n int) string {
	switch area {
	case "+44289649":
		return fmt.Sprintf("%s6%03d", area, n)
	}
	return fmt.Sprintf("%s0%03d", area, n)
}

// landline is a household's number.
func landline(household int) string {
	n := household / householdSize
	if n >= len(landlineRanges)*1000 {
		return ""
	}
	return fourDigits(landlineRanges[n/1000], n%1000)
}

// national writes a number as people of its country do.
func national(number string) string {
	if rest, ok := strings.CutPrefix(number, "+33"); ok {
		return "0" + rest
	}
	if rest, ok := strings.CutPrefix(number, "+44"); ok {
		return "0" + rest[:4] + " " + rest[4:]
	}
	return number
}

// devices gives a person what they look at the shop with.
func (w *World) devices(p *Person, c *chance) {
	browser := func(signsIn bool) {
		p.Devices = append(p.Devices, Device{Anonymous: c.uuid(), GPC: c.in(8), SignsIn: signsIn})
	}
	account := p.UserID != ""
	if p.Kind == Guest {
		p.Devices = append(p.Devices, Device{Anonymous: "guest-" + p.real[0].Number, GPC: c.in(8)})
		return
	}
	browser(account)
	if !account {
		return
	}
	if p.Number == 0 || c.in(40) {
		browser(!c.in(12) || p.Number == 0)
	}
	if p.Number == 0 || c.in(55) {
		d := Device{Anonymous: c.uuid(), ID: c.uuid(), Ads: c.uuid(), System: "iOS", App: true, SignsIn: true}
		if c.in(50) {
			d.System = "Android"
		}
		p.Devices = append(p.Devices, d)
	}
	if p.Household >= 0 {
		p.Devices = append(p.Devices, w.tablet(p.Household))
	}
}

// tablet is the device that a household shares.
func (w *World) tablet(household int) Device {
	c := begin(w.seed, streamHousehold, uint64(household)<<1|1<<40)
	return Device{Anonymous: c.uuid(), ID: c.uuid(), System: "Android", App: true, Shared: true, SignsIn: true}
}
