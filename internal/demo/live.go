package demo

import (
	"fmt"
	"strconv"
	"time"
)

// LiveUser is the customer number of the live shopper, who goes on shopping while
// the demo runs.
const LiveUser = "L100001"

// Step is what the live shopper does at one moment.
type Step struct {
	Message
	What string // for people: the call and what it is about
}

// visitSteps is how many steps one visit of the live shopper takes.
const visitSteps = 60

// LiveStep is what the live shopper, who takes a step every so often, does at a
// moment. Time is cut into such intervals, and the step is a function of the seed
// and the interval alone, so that a demo that is started again goes on and repeats
// nothing. A visit begins with nobody's name, finds its way to a cart and ends
// with an order, or without one. next is when the next step is due.
func (w *World) LiveStep(now time.Time, every time.Duration) (step Step, next time.Time) {
	length := max(every.Milliseconds(), 1)
	count := now.UnixMilli() / length
	begins := count * length
	return w.liveStep(count, begins), time.UnixMilli(begins + length)
}

// liveStep is a step by its number, and the moment at which its interval begins.
func (w *World) liveStep(count, begins int64) Step {
	visit, at := count/visitSteps, int(count%visitSteps)
	v := begin(w.seed, streamLive, uint64(visit))
	shopper := w.shopper()
	l := &life{w: w, p: shopper, c: v, since: make([]int64, len(shopper.Devices))}
	d := &shopper.Devices[visit%2]
	signIn := v.span(15, 30)
	orders := v.in(60)
	c := begin(w.seed, streamLive, uint64(count)|1<<62)
	goods := [3]ware{}
	for i := range goods {
		goods[i] = w.wares[v.below(len(w.wares))]
	}
	l.open = at > signIn
	do := script(at, signIn, orders)
	return l.live(d, do, goods, c, visit, begins)
}

// script is the order of a visit.
func script(at, signIn int, orders bool) string {
	switch {
	case at == 0:
		return "arrive"
	case at == signIn:
		return "sign in"
	case at == visitSteps-8:
		return "checkout"
	case at == visitSteps-2 && orders:
		return "order"
	case at > visitSteps-8:
		return "page"
	case at%17 == 3:
		return "search"
	case at%13 == 9:
		return "add"
	}
	return "look"
}

// shopper is who the live shopper is: the same person under every seed but for
// the ids.
func (w *World) shopper() *Person {
	c := begin(w.seed, streamLive, 1<<63)
	p := &Person{
		Number: 1, Kind: Member, UserID: LiveUser, Given: "Camille", Family: "Fontaine", Locale: "fr-FR", Country: "France",
		Address: "camille.fontaine.live@courriel.example", Marketing: true, Analytics: true, Household: -1,
	}
	p.Devices = []Device{
		{Anonymous: c.uuid(), SignsIn: true},
		{Anonymous: c.uuid(), ID: c.uuid(), Ads: c.uuid(), System: "iOS", App: true, SignsIn: true},
	}
	return p
}

// live makes the message of a step.
func (l *life) live(d *Device, do string, goods [3]ware, c *chance, visit, at int64) Step {
	source, context := Web, l.webContext(d, "/products", "")
	if d.App {
		source, context = App, l.appContext(d)
	}
	k := goods[c.below(3)]
	name := trim(l.w.items[k.item].Name)
	call, event, what := "track", "", ""
	var content raw
	more := []any{}
	switch do {
	case "arrive":
		call, what = "page", "Home"
		if d.App {
			call = "screen"
		}
		more = []any{"name", "Home"}
	case "page":
		call, what = "page", "Delivery"
		if d.App {
			call = "screen"
		}
		more = []any{"name", "Delivery"}
	case "sign in":
		call, what = "identify", l.p.Address
		l.open = true
		more = []any{"traits", object("email", l.p.Address, "firstName", l.p.Given, "lastName", l.p.Family, "locale", l.p.Locale)}
	case "search":
		event, what = "Products Searched", query(name)
		content = object("query", query(name))
	case "checkout":
		event, content = "Checkout Started", object("currency", "GBP", "value", money(basket(goods)))
	case "order":
		event, what = "Order Completed", fmt.Sprintf("%.2f GBP", float64(basket(goods))/1000)
		content = l.liveOrder(goods, visit)
	case "add":
		event, what, content = "Product Added", name, l.w.good(k.item, k.price, 1, "currency", "GBP")
	default:
		event, what, content = "Product Viewed", name, l.w.good(k.item, k.price, 1, "currency", "GBP")
	}
	head := []any{"type", call, "messageId", "live-" + strconv.FormatInt(at, 10), "timestamp", moment(at),
		"userId", l.known(), "anonymousId", d.Anonymous, "event", event, "properties", content, "context", context}
	body := object(append(head, more...)...)
	return Step{Message: Message{Source: source, Body: []byte(body)}, What: title(call, event, what)}
}

func title(call, event, what string) string {
	if event != "" {
		call = event
	}
	if what == "" {
		return call
	}
	return call + ": " + what
}

// basket is the sum of the goods of a visit.
func basket(goods [3]ware) (sum int64) {
	for _, k := range goods {
		sum += k.price
	}
	return sum
}

func (l *life) liveOrder(goods [3]ware, visit int64) raw {
	var products []raw
	for _, k := range goods {
		products = append(products, l.w.good(k.item, k.price, 1))
	}
	total := money(basket(goods))
	return object("order_id", "L"+strconv.FormatInt(visit, 10), "currency", "GBP", "total", total, "revenue", total, "products", list(products))
}
