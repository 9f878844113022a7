package trait

import (
	"slices"
	"strings"
	"time"

	"kith/event"
	"kith/internal/decimal"
	"kith/internal/expr"
	"kith/internal/resource/form"
	"kith/internal/strictjson"
)

// TypeRFM is the type of traits that rank customers among each other by recency,
// frequency and monetary value. Their values depend on everybody: they are worked
// out now and then for all, and are what was worked out last.
const TypeRFM = "rfm"

// RFM is what a trait of TypeRFM says beside its selection of orders, the property
// that holds what an order is worth, and the window.
type RFM struct {
	Refunds []string // names of the events that take an order back
	Order   string   // path of the property by which they name it
}

// readRFM reads what only this type has.
func (d *Definition) readRFM(o *form.Object) {
	if d.Scope != expr.Profile {
		o.Refuse("scope", form.CodeInvalid, "must be profile: people are ranked")
	}
	d.Property = expr.ReadPath(o, "property")
	d.RFM = &RFM{Refunds: []string{"Order Refunded", "Order Cancelled"}, Order: "order_id"}
	if o.Has("refunds") {
		d.RFM.Refunds = o.Texts("refunds", expr.ListMax, expr.NameBytesMax)
	}
	if o.Has("order") {
		d.RFM.Order = expr.ReadPath(o, "order")
	}
}

// rfmFields are the fields of events that the ranking reads.
func (d *Definition) rfmFields() []expr.Field {
	return []expr.Field{{Path: d.Property}, {Path: d.RFM.Order}}
}

// Fields returns the fields of events that the value is made of, beside those of
// the selection's lines.
func (d *Definition) Fields() []expr.Field {
	switch {
	case d.RFM != nil:
		return d.rfmFields()
	case d.Property != "":
		return []expr.Field{{Path: d.Property}}
	}
	return nil
}

// Purchases is what somebody has bought, as far as it counts at a moment.
type Purchases struct {
	Orders int64 // less those that were taken back as a whole
	Spent  decimal.Decimal
	Last   int64 // time of the last order, UTC milliseconds
}

// order is what is known of one order.
type order struct {
	worth, back decimal.Sum
	returned    bool // in part at least
}

// Purchases sums up the orders of the context's subject. Orders of one number are
// one. What an event gives back is the property's value, or without one the order
// that it names.
func (d *Definition) Purchases(x *expr.Context) (p Purchases, ok bool) {
	orders := map[string]*order{}
	lo := d.Window.Oldest(x.Now)
	for _, e := range d.Selection.Events(x, lo, x.Now) {
		if !d.Window.Holds(e.Timestamp, x.Now) {
			continue
		}
		id, numbered := d.orderOf(e)
		if !numbered {
			id = "\x00" + e.Source + "\x00" + e.MessageID // an order of its own
		}
		if orders[id] == nil {
			orders[id] = &order{}
		}
		worth, _ := d.worth(e)
		orders[id].worth = orders[id].worth.Plus(worth)
		p.Last = max(p.Last, e.Timestamp)
	}
	if len(orders) == 0 {
		return p, false
	}
	for _, e := range d.refunds(x, lo) {
		id, _ := d.orderOf(e)
		of := orders[id]
		back, said := d.worth(e)
		switch {
		case of == nil:
			continue // of an order that does not count
		case !said:
			back = of.worth
		case back.Cmp(decimal.Sum{}) < 0:
			back = decimal.Sum{}.Minus(back)
		}
		of.back, of.returned = of.back.Plus(back), true
	}
	total := decimal.Sum{}
	for _, of := range orders {
		if !of.returned || of.back.Cmp(of.worth) < 0 {
			p.Orders++
			total = total.Plus(of.worth).Minus(of.back)
		}
	}
	p.Spent, ok = total.Decimal()
	return p, ok && p.Orders > 0
}

// refunds returns the events that take orders back, in the order of events.
func (d *Definition) refunds(x *expr.Context, lo int64) []*expr.Event {
	var out []*expr.Event
	for _, name := range d.RFM.Refunds {
		out = append(out, x.Subject.Events(expr.Call{Type: event.Track, Name: name}, lo, x.Now)...)
	}
	slices.SortFunc(out, (*expr.Event).Compare)
	return out
}

// orderOf is the number of the order that an event names.
func (d *Definition) orderOf(e *expr.Event) (string, bool) {
	values := e.Fields.Values(expr.Field{Path: d.RFM.Order})
	if len(values) == 0 || values[0].Kind != expr.String && values[0].Kind != expr.Number {
		return "", false
	}
	return string(values[0].AppendJSON(nil)), true
}

// worth is the sum of the numbers that an event's property leads to.
func (d *Definition) worth(e *expr.Event) (sum decimal.Sum, said bool) {
	for _, v := range e.Fields.Values(expr.Field{Path: d.Property}) {
		if v.Kind == expr.Number {
			sum, said = sum.Add(v.Num), true
		}
	}
	return sum, said
}

// CustomersMin is how many customers there have to be for them to be ranked.
const CustomersMin = 50

// Scores are from 1, the least, to 5.
type Scores struct{ Recency, Frequency, Monetary int }

// Rank gives each of the customers their scores: of n, one with s strictly smaller
// ones has 1 + ⌊5s/n⌋, so that equal values have equal scores. Recency is by day in
// the zone.
func Rank(all []Purchases, zone *time.Location) []Scores {
	out := make([]Scores, len(all))
	days := make([]int64, len(all))
	for i := range all {
		y, m, d := time.UnixMilli(all[i].Last).In(zone).Date()
		days[i] = time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix()
	}
	quintiles(len(all), func(a, b int) int { return compare(days[a], days[b]) }, func(i, score int) { out[i].Recency = score })
	quintiles(len(all), func(a, b int) int { return compare(all[a].Orders, all[b].Orders) }, func(i, score int) { out[i].Frequency = score })
	quintiles(len(all), func(a, b int) int { return all[a].Spent.Cmp(all[b].Spent) }, func(i, score int) { out[i].Monetary = score })
	return out
}

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func quintiles(n int, by func(a, b int) int, set func(i, score int)) {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, by)
	smaller := 0
	for at, i := range order {
		if at > 0 && by(order[at-1], i) != 0 {
			smaller = at
		}
		set(i, min(1+5*smaller/n, 5))
	}
}

// Stored makes the value of a trait that is worked out for everybody of what was
// kept of it, a JSON object, and of the form in which it shows, with what is the same
// for all; nil is absent. A path below the trait's key leads into the first.
func Stored(text, shown []byte) Value {
	v := Value{JSON: shown, stored: text}
	v.Next = expr.Never
	return v
}

// At returns the values that a path below the trait's key leads to.
func (v *Value) At(path string) expr.Trait {
	out := expr.Trait{Next: v.Next}
	var doc strictjson.Doc
	if v.stored == nil || doc.Parse(v.stored, strictjson.Limits{}) != nil {
		return out
	}
	out.Values = expr.Values(expr.Project(doc.Root(), path))
	return out
}

// Cut parts a path at its first dot.
func Cut(path string) (key, rest string, ok bool) { return strings.Cut(path, ".") }
