package demo

import (
	"fmt"
	"strings"
)

// records makes what the CRM knows: the customer's card, a second one that was
// made by mistake, and a move.
func (l *life) records() {
	p := l.p
	at := l.w.end - int64(l.c.span(1, 300))*day
	if len(p.real) > 0 {
		at = p.real[0].At + day
	}
	number := p.Phone
	switch {
	case number != "" && p.Number%3 == 0 && p.Country == "United Kingdom":
		number = national(number)
	case number == "" && p.Number%50 == 7:
		number = "0000000000" // what is typed where a number is asked for
	}
	addr := p.Address
	if p.Number%4 == 1 {
		addr = " " + strings.ToUpper(addr)
	}
	l.say(stamp{source: CRM, at: at}, "identify", "userId", p.UserID, "context", cardContext(p.CRM), "traits", object(
		"email", addr, "phone", number, "firstName", p.Given, "lastName", p.Family, "locale", p.Locale,
		"address", object("city", p.City, "postalCode", p.Postcode, "country", p.Country), "vip", p.Company != nil && p.Company.Employees > 90))
	if p.Landline != "" {
		l.say(stamp{source: CRM, at: at + int64(p.Number%householdSize)*hour}, "identify", "userId", p.UserID, "context", cardContext(p.CRM),
			"traits", object("phone", p.Landline))
	}
	if p.Company != nil {
		l.say(stamp{source: CRM, at: at}, "group", "userId", p.UserID, "groupId", p.Company.ID, "traits", p.Company.traits())
	}
	if p.CRM2 != "" {
		l.say(stamp{source: CRM, at: at + 30*day}, "identify", "anonymousId", "card-"+p.CRM2, "context", cardContext(p.CRM2),
			"traits", object("email", p.Address, "lastName", p.Family))
	}
	if l.c.in(5) {
		from := cultureOf(p.Country)
		city, code, _ := strings.Cut(l.c.of(from.cities), "/")
		l.say(stamp{source: CRM, at: at + 90*day}, "identify", "userId", p.UserID, "context", cardContext(p.CRM),
			"traits", object("address", object("city", city, "postalCode", code, "country", p.Country)))
	}
	if l.c.in(12) {
		l.ticket(at+int64(l.c.span(2, 60))*day, l.c.of(strings.Fields("Delivery Invoice Damage Question")), "")
	}
}

func cardContext(card string) raw {
	return object("externalIds", list([]raw{object("id", card, "type", "crm_id", "collection", "users", "encoding", "none")}))
}

// The call centre has one desk whose telephone names itself as the caller's
// device, in every call.
const desk = "callcentre-desk-07"

// deskPeople is how many people may have come to that desk and to the kiosk: it
// is one desk of one shop.
const deskPeople = 20_000

// callContext is what the call centre says of a caller.
func (l *life) callContext() raw {
	var device, traits raw
	if l.p.Number < deskPeople && l.p.Number%3 == 0 {
		device = object("id", desk)
	}
	if l.p.Phone != "" {
		traits = object("phone", l.p.Phone)
	}
	return object("channel", "server", "device", device, "traits", traits,
		"externalIds", list([]raw{object("id", l.p.CRM, "type", "crm_id")}))
}

// caller is by what the call centre names a caller: half of them say their
// customer number, the others are known by card and telephone.
func (l *life) caller() (user, anonymous string) {
	if l.p.Number%2 == 0 {
		return l.p.UserID, ""
	}
	return "", "cti-" + l.p.CRM
}

func (l *life) call(at int64) {
	user, anonymous := l.caller()
	l.say(stamp{source: Calls, at: at}, "track", "userId", user, "anonymousId", anonymous, "event", "Call Received", "context", l.callContext(),
		"properties", object("duration_seconds", l.c.span(40, 900), "language", l.p.Locale[:2], "topic", "Order"))
}

func (l *life) ticket(at int64, topic, order string) {
	if l.p.CRM == "" {
		return
	}
	user, anonymous := l.caller()
	id := fmt.Sprintf("T-%d-%d", l.p.Number, l.n)
	l.say(stamp{source: Calls, at: at}, "track", "userId", user, "anonymousId", anonymous, "event", "Ticket Opened", "context", l.callContext(),
		"properties", object("ticket_id", id, "topic", topic, "order_id", order, "channel", "phone"))
	l.say(stamp{source: Calls, at: at + int64(l.c.span(1, 40))*hour}, "track", "userId", user, "anonymousId", anonymous, "event", "Ticket Closed",
		"context", l.callContext(), "properties", object("ticket_id", id, "topic", topic, "satisfaction", l.c.span(1, 5)))
}

// campaigns makes what became of the newsletters of the year. Who has not agreed
// gets none; some take their consent back.
func (l *life) campaigns(user, anonymous string) {
	p := l.p
	if !p.Marketing || p.Address == "" || p.Company != nil && p.Number != 0 && l.c.in(50) {
		return
	}
	who := object("traits", object("email", p.Address))
	for k, name := range campaignNames {
		at := l.w.end - int64(310-k*60)*day + int64(l.c.span(0, 240))*minute
		if first := p.firstSeen(); first > at {
			continue
		}
		say := func(after int64, event string, more ...any) {
			content := append([]any{"campaign_id", fmt.Sprintf("c-%02d", k+1), "campaign_name", name, "email_subject", l.title("New in: "+name, "Nouveautés : "+name)}, more...)
			l.say(stamp{source: Email, at: at + after}, "track", "userId", user, "anonymousId", anonymous, "event", event, "context", who, "properties", object(content...))
		}
		say(0, "Email Delivered")
		if !l.c.in(35) {
			continue
		}
		say(3*hour, "Email Opened")
		switch roll := l.c.below(100); {
		case roll < 25:
			say(3*hour+minute, "Email Link Clicked", "link_url", "https://shop.example/"+name)
			l.browse(0, at+3*hour+2*minute, name)
		case roll < 28:
			say(3*hour+minute, "Unsubscribed", "list_id", "newsletter")
			if l.asked > 0 && l.asked < at {
				l.consent(&p.Devices[0], at+3*hour+2*minute, false)
			}
			return
		}
	}
}

// shared makes what a person does on devices that are not theirs alone: the
// household's tablet and the kiosk in the shop.
func (l *life) shared() {
	p := l.p
	if last := len(p.Devices) - 1; p.Devices[last].Shared {
		for range 2 {
			at := l.anyTime()
			l.open = false
			l.arrivedBy(last, at, "")
			l.signIn(last, at+minute)
			l.act(last, at+2*minute, "Product Viewed", l.w.good(l.w.wares[0].item, l.w.wares[0].price, 1))
		}
	}
	if p.Number < deskPeople && p.Number%25 < 2 {
		at := l.anyTime()
		say := func(after int64, call string, more ...any) {
			all := append([]any{"userId", p.UserID, "anonymousId", kioskAnonymous}, more...)
			all = append(all, "context", object("device", object("id", Kiosk, "type", "android"), "app", raw(`{"name":"Kiosk","version":"1.9"}`)))
			l.say(stamp{source: App, at: at + after}, call, all...)
		}
		say(0, "screen", "name", "Kiosk Start")
		say(minute, "identify", "traits", object("firstName", p.Given))
		say(2*minute, "track", "event", "Signed Out")
	}
}

// Kiosk is the device id of the kiosk in the shop, on which many people sign in.
const Kiosk = "kiosk-tablet-01"

// kioskAnonymous is the id that the kiosk's app has.
const kioskAnonymous = "kiosk-showroom-01"

// mishaps makes what goes wrong between a system and the collector: messages that
// are sent twice, and some that name nobody or nothing.
func (l *life) mishaps() {
	n := l.p.Number
	if n%10 == 4 {
		for _, m := range l.list[:min(len(l.list), 6)] {
			m.Repeat = true
			m.Sent += 10_000
			l.list = append(l.list, m)
		}
	}
	if n%40 != 7 || len(l.list) == 0 {
		return
	}
	at := l.list[0].Sent
	id := fmt.Sprintf("p%d-faulty", n)
	body := object("type", "track", "messageId", id, "timestamp", moment(at), "event", "Product Viewed", "properties", object("sku", "22423"))
	if n%80 == 7 {
		body = object("type", "track", "messageId", id, "timestamp", moment(at), "anonymousId", "nobody-"+id, "properties", object("sku", "22423"))
	}
	l.list = append(l.list, Message{Source: Web, Sent: at, Body: []byte(body), Refused: true})
}
