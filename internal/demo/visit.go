package demo

import (
	"strings"

	"kith/internal/demo/retail"
)

// Agents of browsers, as they name themselves.
var agents = []string{
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
	"Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
}

// campaignNames are where visits come from, beside those that come by themselves.
var campaignNames = strings.Fields("spring-garden mothers-day summer-sale back-to-school christmas-early christmas-last")

// visit is a way through the shop up to just before an order at a moment: a
// search, products, the cart and the checkout. Its first steps may be without a
// name.
func (l *life) visit(d int, at int64, goods []retail.Line) {
	if len(goods) == 0 {
		return
	}
	steps := 5 + 2*len(goods)
	t := at - int64(steps)*minute
	next := func() int64 { t += int64(l.c.span(20_000, 55_000)); return t }
	l.enter(d, t)
	l.arrive(d, next())
	l.act(d, next(), "Products Searched", object("query", query(l.w.items[goods[0].Item].Name)))
	var cart []raw
	var value int64
	id := "cart-" + base36(uint64(l.p.Number)) + "-" + base36(uint64(l.n))
	for _, g := range goods {
		l.act(d, next(), "Product Viewed", l.w.good(g.Item, g.Price, 1, "currency", "GBP"))
		l.act(d, next(), "Product Added", l.w.good(g.Item, g.Price, g.Quantity, "cart_id", id, "currency", "GBP"))
		cart = append(cart, l.w.good(g.Item, g.Price, g.Quantity))
		value += g.Price * g.Quantity
	}
	l.signIn(d, next())
	l.act(d, next(), "Checkout Started", object("cart_id", id, "currency", "GBP", "value", money(value), "products", list(cart)))
}

// browse is a look around that ends in nothing, or in a cart that is left.
func (l *life) browse(d int, at int64, campaign string) {
	t := at
	next := func() int64 { t += int64(l.c.span(15_000, 90_000)); return t }
	dev := &l.p.Devices[d]
	if dev.App && l.c.in(15) { // off the network: the app sends when it is back
		l.late = int64(l.c.span(2, 72)) * hour
		defer func() { l.late = 0 }()
	}
	l.enter(d, t)
	l.arrivedBy(d, next(), campaign)
	for range l.c.span(1, 4) {
		k := l.w.wares[l.c.below(len(l.w.wares))]
		l.act(d, next(), "Product Viewed", l.w.good(k.item, k.price, 1, "currency", "GBP"))
		if l.c.in(15) {
			l.act(d, next(), "Product Added", l.w.good(k.item, k.price, 1, "cart_id", "left-"+base36(uint64(l.p.Number))+"-"+base36(uint64(l.n)), "currency", "GBP"))
		}
	}
	if dev.SignsIn && !l.open && l.c.in(40) {
		l.signIn(d, next())
	}
}

func (l *life) arrive(d int, at int64) {
	campaign := ""
	if l.c.in(20) {
		campaign = l.c.of(campaignNames)
	}
	l.arrivedBy(d, at, campaign)
}

// arrivedBy is the first page or screen. Of some browsers a faulty tag sends the
// text "undefined" for a user's id.
func (l *life) arrivedBy(d int, at int64, campaign string) {
	dev := &l.p.Devices[d]
	user := l.known()
	if dev.App {
		l.say(stamp{App, false, at}, "track", "userId", user, "anonymousId", dev.Anonymous, "event", "Application Opened", "context", l.appContext(dev))
		l.say(stamp{App, false, at + 2000}, "screen", "userId", user, "anonymousId", dev.Anonymous, "name", "Home", "context", l.appContext(dev))
		return
	}
	if user == "" && l.p.Number%23 == 5 {
		user = "undefined"
	}
	l.say(stamp{Web, dev.GPC, at}, "page", "userId", user, "anonymousId", dev.Anonymous, "name", "Home",
		"properties", object("url", "https://shop.example/", "path", "/", "title", l.title("Gifts for every occasion", "Des cadeaux pour chaque occasion")),
		"context", l.webContext(dev, "/", campaign))
}

// act is a track call from a device.
func (l *life) act(d int, at int64, event string, properties raw) {
	dev := &l.p.Devices[d]
	s, context := stamp{Web, dev.GPC, at}, raw("")
	if dev.App {
		s, context = stamp{App, false, at}, l.appContext(dev)
	} else {
		context = l.webContext(dev, "/products", "")
	}
	l.say(s, "track", "userId", l.known(), "anonymousId", dev.Anonymous, "event", event, "properties", properties, "context", context)
}

// enter begins a visit: a device on which somebody has signed in before may still
// know them.
func (l *life) enter(d int, at int64) {
	l.open = l.c.in(60) && l.since[d] > 0 && l.since[d] < at
}

// known is the user's id where the device knows it at this moment.
func (l *life) known() string {
	if l.open {
		return l.p.UserID
	}
	return ""
}

// signIn tells who uses a device: by identify, or from apps with an older SDK by
// alias. On the web it asks for consent once.
func (l *life) signIn(d int, at int64) {
	p, dev := l.p, &l.p.Devices[d]
	if !dev.SignsIn {
		return
	}
	l.open = true
	if l.since[d] == 0 || at < l.since[d] {
		l.since[d] = at
	}
	if dev.App && !dev.Shared {
		if l.c.in(20) {
			l.say(stamp{App, false, at}, "alias", "userId", p.UserID, "previousId", dev.Anonymous, "context", l.appContext(dev))
		}
		address := p.Address
		if p.Second != "" {
			address = p.Second
		}
		l.say(stamp{App, false, at + 100}, "identify", "userId", p.UserID, "anonymousId", dev.Anonymous,
			"traits", object("email", address, "firstName", p.Given, "push_enabled", p.Marketing), "context", l.appContext(dev))
		return
	}
	s := stamp{Web, dev.GPC, at}
	if dev.App {
		s = stamp{App, false, at}
		l.say(s, "identify", "userId", p.UserID, "anonymousId", dev.Anonymous, "traits", object("firstName", p.Given), "context", l.appContext(dev))
		return
	}
	l.say(s, "identify", "userId", p.UserID, "anonymousId", dev.Anonymous, "context", l.webContext(dev, "/account", ""), "traits", object(
		"email", p.Address, "firstName", p.Given, "lastName", p.Family, "locale", p.Locale, "createdAt", moment(p.firstSeen()+l.w.shift)))
	if p.Company != nil {
		l.say(s, "group", "userId", p.UserID, "anonymousId", dev.Anonymous, "groupId", p.Company.ID, "context", l.webContext(dev, "/account", ""), "traits", p.Company.traits())
	}
	if l.asked == 0 && d == 0 {
		l.asked = at
		l.consent(dev, at+10_000, p.Marketing)
	}
}

// firstSeen is the moment of the first order, or nothing.
func (p *Person) firstSeen() int64 {
	if len(p.real) == 0 {
		return 0
	}
	return p.real[0].At
}

// consent says what a person agrees to, for two purposes. It always comes from
// the website, so that the order of receipt is that of the decisions.
func (l *life) consent(dev *Device, at int64, marketing bool) {
	l.say(stamp{Web, dev.GPC, at}, "track", "userId", l.p.UserID, "anonymousId", dev.Anonymous, "event", "Segment Consent Preference Updated",
		"context", object("library", raw(webLibrary), "locale", l.p.Locale, "consent", l.preferences(marketing)))
}

func (l *life) preferences(marketing bool) raw {
	return object("categoryPreferences", object("marketing", marketing, "analytics", l.p.Analytics))
}

func (l *life) title(inEnglish, inFrench string) string {
	if l.p.Locale == "fr-FR" {
		return inFrench
	}
	return inEnglish
}

const (
	webLibrary = `{"name":"analytics.js","version":"next-1.84.3"}`
	iosLibrary = `{"name":"analytics-swift","version":"1.7.3"}`
	andLibrary = `{"name":"analytics-kotlin","version":"1.19.2"}`
)

// webContext is what a browser says beside the call. The address is of the
// networks that are kept for documentation.
func (l *life) webContext(dev *Device, path, campaign string) raw {
	var by raw
	if campaign != "" {
		by = object("name", campaign, "source", "newsletter", "medium", "email")
	}
	n := l.p.Number
	return object("library", raw(webLibrary), "locale", l.p.Locale, "userAgent", agents[n%len(agents)], "ip", address(n),
		"page", object("path", path, "url", "https://shop.example"+path), "campaign", by)
}

func address(n int) string {
	nets := [...]string{"192.0.2.", "198.51.100.", "203.0.113."}
	return nets[n%3] + string(appendValue(nil, n/3%254+1))
}

func (l *life) appContext(dev *Device) raw {
	library, maker := raw(iosLibrary), "Apple"
	if dev.System == "Android" {
		library, maker = raw(andLibrary), "Google"
	}
	return object("library", library, "locale", l.p.Locale, "app", raw(`{"name":"Gift shop","version":"4.2.0"}`),
		"device", object("id", dev.ID, "advertisingId", dev.Ads, "manufacturer", maker, "type", strings.ToLower(dev.System)),
		"os", object("name", dev.System))
}

func (c *Company) traits() raw {
	return object("name", c.Name, "industry", c.Industry, "employees", c.Employees, "plan", "trade")
}

// query is what somebody types who looks for an article: its last two words.
func query(name string) string {
	words := strings.Fields(strings.ToLower(name))
	return strings.Join(words[max(0, len(words)-2):], " ")
}

func trim(s string) string { return strings.TrimSpace(s) }
