package demo

import (
	"cmp"
	"slices"
	"strconv"

	"kith/internal/demo/retail"
)

// life makes the messages of one person.
type life struct {
	w    *World
	p    *Person
	c    *chance
	list []Message
	n    int   // messages with made ids
	late int64 // how long the messages being made are held up

	since []int64 // by device: the first moment at which its user signed in; 0: never
	open  bool    // in this visit the device knows who uses it
	asked int64   // when consent was asked for; 0: not yet
}

// Messages returns what the systems send of the person, in the order in which it
// leaves.
func (w *World) Messages(i int) []Message {
	p := w.Person(i)
	l := &life{w: w, p: p, c: begin(w.seed, streamEvents, uint64(i)), since: make([]int64, len(p.Devices))}
	switch p.Kind {
	case Customer, Guest:
		l.buy()
	case Member:
		l.shopAround()
	case Subscriber:
		l.subscribe()
	case Visitor:
		for range l.c.span(1, 3) {
			l.browse(0, l.anyTime(), "")
		}
	}
	if p.UserID != "" {
		l.records()
		l.shared()
		l.campaigns(p.UserID, "")
	}
	l.mishaps()
	slices.SortStableFunc(l.list, func(a, b Message) int { return cmp.Compare(a.Sent, b.Sent) })
	return l.list
}

// stamp is what every message of a source carries beside its content.
type stamp struct {
	source Source
	gpc    bool
	at     int64
}

// say adds a message whose id is made from the person's number and its place
// among the person's messages. What would lie behind the end of the books is
// left out.
func (l *life) say(s stamp, call string, pairs ...any) {
	l.n++
	id := "p" + strconv.Itoa(l.p.Number) + "-" + strconv.Itoa(10_000+l.n)
	l.sayAs(s, id, call, pairs...)
}

func (l *life) sayAs(s stamp, id, call string, pairs ...any) {
	if s.at > l.w.end {
		return
	}
	at := s.at + l.w.shift
	head := [...]any{"type", call, "messageId", id, "timestamp", moment(at)}
	all := append(head[:], pairs...)
	l.list = append(l.list, Message{
		Source: s.source, GPC: s.gpc, Sent: at + l.late, Body: appendObject(make([]byte, 0, 512), all),
	})
}

// anyTime is a moment in the time of the books, by day.
func (l *life) anyTime() int64 { return l.before(l.w.end, 370) }

// before is a moment by day in the days before another one.
func (l *life) before(at int64, days int) int64 {
	at -= int64(l.c.span(1, days)) * day
	return at - at%day + int64(l.c.span(7*60, 21*60))*minute + int64(l.c.below(60_000))
}

// buy makes the real orders and what led to them.
func (l *life) buy() {
	real := l.p.real
	if l.p.UserID != "" {
		for range l.c.span(1, 3) {
			l.browse(l.device(), l.before(real[0].At, 40), "")
		}
	}
	for i, inv := range real {
		l.invoice(inv, i == 0)
	}
}

// invoice makes one real order or refund, which the order system sends, and what
// the other systems saw of it.
func (l *life) invoice(inv *retail.Invoice, first bool) {
	p := l.p
	if first && p.UserID != "" {
		l.sayAs(stamp{source: Shop, at: inv.At}, "customer-"+p.UserID, "identify", "userId", p.UserID,
			"traits", object("country", inv.Country, "createdAt", moment(inv.At+l.w.shift)))
	}
	anonymous := ""
	if p.UserID == "" {
		anonymous = p.Devices[0].Anonymous
	}
	event := "Order Completed"
	if inv.Refund() {
		event = "Order Refunded"
		l.ticket(inv.At-2*day, "Return", orderID(inv))
	} else {
		l.lead(inv)
	}
	l.sayAs(stamp{source: Shop, at: inv.At}, "invoice-"+inv.Number, "track", "userId", p.UserID, "anonymousId", anonymous,
		"event", event, "properties", l.w.bill(inv))
	if p.Kind == Guest && p.Address != "" {
		d := &p.Devices[0]
		l.say(stamp{Web, d.GPC, inv.At + minute}, "identify", "anonymousId", d.Anonymous,
			"context", l.webContext(d, "/thanks", ""), "traits", object("email", p.Address, "locale", p.Locale))
	}
	if !inv.Refund() && l.c.in(20) {
		l.browse(l.device(), inv.At+int64(l.c.span(1, 20))*day, "")
	}
}

// lead makes what came before an order: a visit, a use of the app or a call. A
// good part of the trade's orders comes by post.
func (l *life) lead(inv *retail.Invoice) {
	c := begin(l.w.seed, streamEvents, uint64(inv.At)<<20^uint64(l.p.Number))
	roll := c.below(100)
	trade := l.p.Company != nil
	switch {
	case trade && roll < 20:
	case l.p.UserID != "" && roll < 35:
		l.call(inv.At - int64(l.c.span(4, 15))*minute)
	default:
		l.visit(l.device(), inv.At, l.w.wanted(inv))
	}
}

// wanted picks the goods of an order that its buyer looked at.
func (w *World) wanted(inv *retail.Invoice) []retail.Line {
	var out []retail.Line
	for _, line := range inv.Lines {
		if line.Quantity > 0 && line.Price > 0 && product(w.items[line.Item].Code) {
			if out = append(out, line); len(out) == 3 {
				break
			}
		}
	}
	return out
}

// orderID is the number of an order; a refund has a number of its own.
func orderID(inv *retail.Invoice) string {
	if inv.Refund() {
		return inv.Number[1:]
	}
	return inv.Number
}

// productsMax keeps an order under the 32 KiB that an event may have; a
// wholesale invoice can have a thousand lines. line_count tells all of them.
const productsMax = 200

// bill is the content of an order or refund. A refund's amounts are what is given
// back, so the negative quantities of its lines turn positive.
func (w *World) bill(inv *retail.Invoice) raw {
	sign := int64(1)
	if inv.Refund() {
		sign = -1
	}
	var products []raw
	for _, line := range inv.Lines[:min(len(inv.Lines), productsMax)] {
		products = append(products, w.good(line.Item, line.Price, sign*line.Quantity))
	}
	total := money(sign * inv.Total())
	return object("order_id", orderID(inv), "currency", "GBP", "total", total, "revenue", total,
		"line_count", len(inv.Lines), "products", list(products))
}

// good is a product in an order, a cart or a view.
func (w *World) good(item int, price, quantity int64, more ...any) raw {
	it := w.items[item]
	return object(append([]any{"product_id", it.Code, "sku", it.Code, "name", trim(it.Name), "price", money(price), "quantity", quantity}, more...)...)
}

// shopAround makes a member's visits and orders out of the shop's real goods.
func (l *life) shopAround() {
	for n := range l.c.span(1, 3) {
		at := l.anyTime()
		if !l.c.in(45) {
			l.browse(l.device(), at, "")
			continue
		}
		var cart []retail.Line
		var products []raw
		var total int64
		for range l.c.span(1, 3) {
			k := l.w.wares[l.c.below(len(l.w.wares))]
			line := retail.Line{Item: k.item, Price: k.price, Quantity: int64(l.c.span(1, 6))}
			cart = append(cart, line)
			products = append(products, l.w.good(line.Item, line.Price, line.Quantity))
			total += line.Price * line.Quantity
		}
		l.visit(l.device(), at, cart)
		l.sayAs(stamp{source: Shop, at: at}, "order-"+l.p.UserID+"-"+strconv.Itoa(n), "track", "userId", l.p.UserID, "event", "Order Completed",
			"properties", object("order_id", l.p.UserID+"-"+strconv.Itoa(n), "currency", "GBP", "total", money(total), "revenue", money(total),
				"line_count", len(products), "products", list(products)))
	}
}

// subscribe makes somebody who has left an address and nothing else.
func (l *life) subscribe() {
	at := l.anyTime()
	l.browse(0, at, "")
	d := &l.p.Devices[0]
	l.say(stamp{Web, d.GPC, at + 5*minute}, "identify", "anonymousId", d.Anonymous,
		"context", l.webContext(d, "/newsletter", ""), "traits", object("email", l.p.Address, "locale", l.p.Locale, "newsletter", true))
	l.p.Marketing = true
	l.campaigns("", "esp-"+base36(uint64(l.p.Number)))
}

// device picks one of the person's own devices.
func (l *life) device() int {
	own := len(l.p.Devices)
	if l.p.Devices[own-1].Shared {
		own--
	}
	return l.c.below(own)
}
