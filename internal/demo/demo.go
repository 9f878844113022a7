// Package demo makes the customers of the demo: the real orders of a gift shop,
// and around them what the shop's website, app, call centre and other systems
// would have sent. Everything but the orders is made up, and a pure function of
// the seed and a person's number: the same seed gives the same bytes, in any
// order and on any machine.
//
// A person's messages hold the situations that identity resolution has to
// survive: browsing before the first login, several devices, shared ones, a
// kiosk, duplicates, late messages, values that identify nobody. Because the
// generator knows who is who, Truth says what should come out.
package demo

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"kith/internal/demo/retail"
)

// Featured is the customer that the demo shows, the person with number 0: a
// French company with orders and refunds over the whole year.
const Featured = "12583"

// DefaultPeople is how many people a demo has unless it is told otherwise.
const DefaultPeople = 5000

// Source is one of the shop's systems.
type Source uint8

// The sources.
const (
	Shop    Source = iota // the order system: the real history
	Web                   // the website
	App                   // the mobile app
	CRM                   // records of customers
	Calls                 // the call centre
	Email                 // what became of campaigns
	Partner               // a file of the loyalty programme
)

// Description is a source as it is set up.
type Description struct {
	Source    Source
	Key, Name string
	Country   string // of phone numbers without one; empty: none
}

// Sources lists the sources, in their order.
func Sources() []Description {
	return []Description{
		{Shop, "shop", "Order system", ""},
		{Web, "web", "Website", ""},
		{App, "app", "Mobile app", ""},
		{CRM, "crm", "CRM", "GB"},
		{Calls, "calls", "Call centre", "GB"},
		{Email, "email", "E-mail", ""},
		{Partner, "partner", "Loyalty partner", ""},
	}
}

// Message is one call, as it is sent.
type Message struct {
	Source  Source
	GPC     bool  // the browser asks not to be tracked (Sec-GPC)
	Sent    int64 // UTC milliseconds: when it leaves; later than its timestamp where it was held up
	Body    []byte
	Repeat  bool // the same message has been sent before
	Refused bool // planted: it names nobody or nothing, and the collector refuses it
}

// World makes people. It does not change and is safe for concurrent use.
type World struct {
	seed      uint64
	shift     int64 // added to every moment, milliseconds
	end       int64 // of the books: nothing happens later
	items     []retail.Item
	customers []customer // in the order of their numbers; Featured first
	guests    []*retail.Invoice
	wares     []ware // that are sold singly, for people who only browse
}

// customer is what the books hold of one.
type customer struct {
	number   string
	country  string
	invoices []*retail.Invoice // in the order of time; no adjustments
	trade    bool              // buys for a business, as the size of the orders tells
}

// ware is an item with its usual price.
type ware struct {
	item  int
	price int64
}

const (
	minute = int64(time.Minute / time.Millisecond)
	hour   = 60 * minute
	day    = 24 * hour
)

// tradeOrder is the mean value of an order, in thousandths of a pound, from which
// on a customer is taken for a business.
const tradeOrder = 400_000

// New makes a world of a seed. shift moves every moment by so many milliseconds;
// 0 leaves the orders when they were.
func New(seed uint64, shift int64) (*World, error) {
	history, err := retail.Load()
	if err != nil {
		return nil, err
	}
	w := &World{seed: seed, shift: shift, items: history.Items}
	places, sold := map[string]int{}, map[ware]int{}
	for i := range history.Invoices {
		inv := &history.Invoices[i]
		w.end = max(w.end, inv.At)
		if inv.Adjustment() || inv.Customer == "" && !priced(inv) {
			continue
		}
		for _, l := range inv.Lines {
			if l.Quantity > 0 && l.Price > 0 && product(history.Items[l.Item].Code) {
				sold[ware{l.Item, l.Price}]++
			}
		}
		if inv.Customer == "" {
			if !inv.Refund() {
				w.guests = append(w.guests, inv)
			}
			continue
		}
		at, known := places[inv.Customer]
		if !known {
			at = len(w.customers)
			places[inv.Customer] = at
			w.customers = append(w.customers, customer{number: inv.Customer, country: inv.Country})
		}
		w.customers[at].invoices = append(w.customers[at].invoices, inv)
	}
	w.order()
	w.stock(sold)
	return w, nil
}

// LastOrder is the moment of the last order in the books, UTC milliseconds,
// before any shift.
func LastOrder() int64 { return time.Date(2011, 12, 9, 12, 50, 0, 0, time.UTC).UnixMilli() }

// priced reports whether money is in the invoice; without, it corrects the stock.
func priced(inv *retail.Invoice) bool {
	return slices.ContainsFunc(inv.Lines, func(l retail.Line) bool { return l.Price > 0 && l.Quantity != 0 })
}

// product reports whether a stock code is that of goods and not of postage, fees
// or discounts.
func product(code string) bool {
	return len(code) >= 5 && strings.Trim(code[:5], "0123456789") == ""
}

// order sorts the customers in a way that is the same for every seed and mixes
// large and small ones, so that the first thousand are like all of them.
func (w *World) order() {
	rank := func(c *customer) uint64 {
		if c.number == Featured {
			return 0
		}
		n := uint64(0)
		for _, d := range []byte(c.number) {
			n = n*10 + uint64(d-'0')
		}
		return begin(0, streamOrder, n).next() | 1
	}
	slices.SortFunc(w.customers, func(a, b customer) int { return cmp.Compare(rank(&a), rank(&b)) })
	for i := range w.customers {
		c := &w.customers[i]
		slices.SortStableFunc(c.invoices, func(a, b *retail.Invoice) int { return cmp.Compare(a.At, b.At) })
		c.trade = c.tradesMuch()
	}
}

func (c *customer) tradesMuch() bool {
	var sum, orders int64
	for _, inv := range c.invoices {
		if !inv.Refund() {
			sum += inv.Total()
			orders++
		}
	}
	return orders > 0 && sum/orders >= tradeOrder
}

// stock keeps what sells often, at the price at which it does.
func (w *World) stock(sold map[ware]int) {
	for k, n := range sold {
		if n >= 100 {
			w.wares = append(w.wares, k)
		}
	}
	slices.SortFunc(w.wares, func(a, b ware) int { return cmp.Or(cmp.Compare(a.item, b.item), cmp.Compare(a.price, b.price)) })
}

// RealPeople is how many people are known from the books alone: customers and
// guests. People with higher numbers are made up whole.
func (w *World) RealPeople() int { return len(w.customers) + len(w.guests) }

// Customers is how many of them have a customer number.
func (w *World) Customers() int { return len(w.customers) }

// Expect tells about how many messages there are of the people with the numbers
// from from to to-1: real customers have many more than others.
func (w *World) Expect(from, to int) int64 {
	upTo := func(n int) int64 {
		customers := min(n, len(w.customers))
		guests := min(n, w.RealPeople()) - customers
		return int64(58*customers + 11*guests + 19*(n-customers-guests))
	}
	return upTo(to) - upTo(from)
}
