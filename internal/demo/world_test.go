package demo

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/event"
	"kith/internal/identity"
	"kith/internal/strictjson"
)

// TestIdentifiersAreUsable: every identifier that is said to be somebody's is one
// that kith takes, and stays as it is when it is normalised.
func TestIdentifiersAreUsable(t *testing.T) {
	w := aWorld(t, 3, 0)
	cfg := identity.DefaultConfig()
	count := map[string]int{}
	owners := map[Identifier]int{}
	for _, i := range sample(w) {
		for _, k := range w.Known(i) {
			count[k.Type]++
			id, reason := cfg.Normalize(k.Type, k.Value, "")
			if reason != identity.Usable || id.Value != k.Value {
				t.Errorf("%v becomes %v: %s", k.Identifier, id, reason)
			}
			if len(k.Owners) == 1 {
				if have, seen := owners[k.Identifier]; seen && have != i {
					t.Errorf("%v is person %d's and person %d's", k.Identifier, have, i)
				}
				owners[k.Identifier] = i
			} else if len(k.Owners) > 0 && !slices.Contains(k.Owners, i) {
				t.Errorf("%v is named by person %d and not theirs", k.Identifier, i)
			}
		}
	}
	for _, typ := range strings.Fields("user_id crm_id loyalty_id email phone device_id idfa gaid anonymous_id") {
		if count[typ] == 0 {
			t.Errorf("nobody has a %s", typ)
		}
	}
	t.Logf("identifiers by type: %v", count)
}

// TestNobodysAddress: addresses lie below names that are kept for examples, and
// telephone numbers in ranges that are kept for fiction.
func TestNobodysAddress(t *testing.T) {
	w := aWorld(t, 5, 0)
	ranges := slices.Concat(britishRanges, frenchRanges, landlineRanges)
	numbers := map[string]int{}
	for i := range 20_000 {
		p := w.Person(i)
		for _, a := range []string{p.Address, p.Second} {
			if a != "" && !strings.HasSuffix(a, ".example") {
				t.Errorf("%s is no example", a)
			}
		}
		for _, n := range []string{p.Phone, p.Landline} {
			if n != "" && !slices.ContainsFunc(ranges, func(r string) bool { return strings.HasPrefix(n, r) }) {
				t.Errorf("%s may be somebody's number", n)
			}
		}
		if have, seen := numbers[p.Phone]; seen && p.Phone != "" {
			t.Errorf("the people %d and %d have the number %s", have, i, p.Phone)
		}
		numbers[p.Phone] = i
	}
}

// TestMoments: nothing happens behind the end of the books, and a shift moves
// every moment by as much and nothing else.
func TestMoments(t *testing.T) {
	const shift = 5000 * day
	w, moved := aWorld(t, 1, 0), aWorld(t, 1, shift)
	for _, i := range sample(w)[:200] {
		a, b := w.Messages(i), moved.Messages(i)
		if len(a) != len(b) {
			t.Fatalf("person %d has %d messages, shifted %d", i, len(a), len(b))
		}
		for j := range a {
			then, now := timestamp(t, a[j].Body), timestamp(t, b[j].Body)
			if now-then != shift || b[j].Sent-a[j].Sent != shift {
				t.Errorf("a message moved by %d ms: %s", now-then, a[j].Body)
			}
			if then > LastOrder() {
				t.Errorf("a message lies behind the last order: %s", a[j].Body)
			}
			if a[j].Sent < then {
				t.Errorf("a message leaves before it happens: %s", a[j].Body)
			}
		}
	}
}

func timestamp(t *testing.T, body []byte) int64 {
	t.Helper()
	var m struct{ Timestamp time.Time }
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatal(err)
	}
	return m.Timestamp.UnixMilli()
}

// TestTheBooksAreReplayedWhole: the orders and refunds of all people hold what the
// books hold.
func TestTheBooksAreReplayedWhole(t *testing.T) {
	w := aWorld(t, 1, 0)
	var orders, refunds int
	var thousandths int64
	for i := range w.RealPeople() {
		for _, m := range w.Messages(i) {
			if m.Source != Shop {
				continue
			}
			var c struct {
				Event      string
				Properties struct{ Total json.Number }
			}
			if err := json.Unmarshal(m.Body, &c); err != nil {
				t.Fatal(err)
			}
			sign := int64(1)
			switch {
			case m.Repeat || c.Event == "":
				continue
			case c.Event == "Order Refunded":
				refunds++
				sign = -1
			default:
				orders++
			}
			thousandths += sign * parseMoney(t, string(c.Properties.Total))
		}
	}
	// Of the published 9,747,747.93 the adjustments of bad debt and the refunds
	// without a customer are not replayed.
	want := int64(0)
	wantOrders, wantRefunds := 0, 0
	for _, c := range w.customers {
		for _, inv := range c.invoices {
			want += inv.Total()
			if inv.Refund() {
				wantRefunds++
			} else {
				wantOrders++
			}
		}
	}
	for _, inv := range w.guests {
		want += inv.Total()
		wantOrders++
	}
	if thousandths != want || orders != wantOrders || refunds != wantRefunds {
		t.Errorf("replayed: %d orders, %d refunds, %d thousandths of a pound; in the books: %d, %d, %d", orders, refunds, thousandths, wantOrders, wantRefunds, want)
	}
	if orders < 19_000 || refunds < 3_500 {
		t.Errorf("%d orders and %d refunds are fewer than the books hold", orders, refunds)
	}
	t.Logf("%d customers, %d guests, %d orders, %d refunds", len(w.customers), len(w.guests), orders, refunds)
}

// parseMoney reads an amount into thousandths.
func parseMoney(t *testing.T, s string) int64 {
	t.Helper()
	whole, part, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole+(part + "000")[:3], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestSituations: what the demo promises to hold is there.
func TestSituations(t *testing.T) {
	w := aWorld(t, 1, 0)
	seen := map[string]int{}
	languages := map[string]int{}
	for i := range 1500 {
		p := w.Person(i)
		languages[p.Locale]++
		if p.Household >= 0 {
			seen["household"]++
		}
		if p.CRM2 != "" {
			seen["second card"]++
		}
		if p.Company != nil {
			seen["company"]++
		}
		for _, m := range w.Messages(i) {
			for what, sign := range map[string]string{
				"kiosk": kioskAnonymous, "desk": desk, "consent": "categoryPreferences", "undefined": `"userId":"undefined"`, "alias": `"type":"alias"`,
				"group": `"type":"group"`, "screen": `"type":"screen"`, "page": `"type":"page"`, "search": "Products Searched", "view": "Product Viewed",
				"cart": "Product Added", "checkout": "Checkout Started", "order": "Order Completed", "refund": "Order Refunded", "mail": "Email Opened",
				"unsubscribed": "Unsubscribed", "ticket": "Ticket Opened", "call": "Call Received", "no number": `"phone":"0000000000"`,
			} {
				if bytes.Contains(m.Body, []byte(sign)) {
					seen[what]++
				}
			}
			if m.GPC {
				seen["gpc"]++
			}
			if m.Repeat {
				seen["repeat"]++
			}
			if m.Refused {
				seen["refused"]++
			} else if m.Sent-timestamp(t, m.Body) > hour {
				seen["late"]++
			}
		}
	}
	for _, what := range strings.Fields("household company kiosk desk consent undefined alias group screen page search view cart checkout order refund mail unsubscribed ticket call gpc repeat refused late") {
		if seen[what] == 0 {
			t.Errorf("there is no %s", what)
		}
	}
	if fr := languages["fr-FR"]; fr < 150 || fr > 600 {
		t.Errorf("of 1500 people %d read French", fr)
	}
	if seen["second card"] == 0 || seen["no number"] == 0 {
		t.Errorf("seen %v, languages %v", seen, languages)
	}
	t.Logf("seen %v, languages %v", seen, languages)
}

// TestHousehold: the two who are named share a tablet.
func TestHousehold(t *testing.T) {
	w := aWorld(t, 1, 0)
	if _, _, ok := w.Household(1); ok {
		t.Error("one person is no household")
	}
	one, other, ok := w.Household(500)
	owners := map[string][]string{}
	for i := range 500 {
		p := w.Person(i)
		for _, d := range p.Devices {
			if d.Shared {
				owners[d.ID] = append(owners[d.ID], p.UserID)
			}
		}
	}
	for _, all := range owners {
		if slices.Contains(all, one) && slices.Contains(all, other) && ok && one != other {
			return
		}
	}
	t.Errorf("%q and %q share no tablet", one, other)
}

// TestExpect: the number that the time left is told from is about right for every
// kind of people.
func TestExpect(t *testing.T) {
	w := aWorld(t, 1, 0)
	for _, from := range []int{0, w.Customers(), w.RealPeople(), 900_000} {
		const people = 400
		n := 0
		for i := from; i < from+people; i++ {
			n += len(w.Messages(i))
		}
		if got := w.Expect(from, from+people); got < int64(n)*8/10 || got > int64(n)*12/10 {
			t.Errorf("%d people from %d on have %d messages, expected were %d", people, from, n, got)
		}
	}
}

// TestPeopleCanBeMadeSideBySide: a world may be asked by many at once.
func TestPeopleCanBeMadeSideBySide(t *testing.T) {
	w := aWorld(t, 1, 0)
	want := w.Messages(17)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 40 {
				w.Messages(i)
			}
			got := w.Messages(17)
			for j := range got {
				if !bytes.Equal(got[j].Body, want[j].Body) {
					t.Errorf("%s is not %s", got[j].Body, want[j].Body)
				}
			}
		})
	}
	wg.Wait()
}

// TestLiveSteps: of two visits of the live shopper every step is one that the
// collector takes, a function of the interval, and of the ids that are the
// shopper's.
func TestLiveSteps(t *testing.T) {
	w, again := aWorld(t, 1, 0), aWorld(t, 1, 0)
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	events := map[string]int{}
	ids := map[string]bool{}
	for s := range 2 * visitSteps {
		now := begin.Add(time.Duration(s) * time.Second)
		step, next := w.LiveStep(now, time.Second)
		if got, _ := again.LiveStep(now.Add(700*time.Millisecond), time.Second); !bytes.Equal(got.Body, step.Body) {
			t.Errorf("%s is not %s", got.Body, step.Body)
		}
		if !next.Equal(now.Add(time.Second)) {
			t.Errorf("after %v the next step is due at %v", now, next)
		}
		var doc strictjson.Doc
		if err := doc.Parse(step.Body, strictjson.Limits{Depth: 64, Keys: 1000}); err != nil {
			t.Fatal(err)
		}
		e, err := event.Read(doc.Root(), strictjson.Value{}, event.Unknown)
		if err != nil {
			t.Fatalf("%v: %s", err, step.Body)
		}
		if ids[e.MessageID] {
			t.Errorf("the message id %s is there twice", e.MessageID)
		}
		ids[e.MessageID] = true
		if e.UserID != "" && e.UserID != LiveUser {
			t.Errorf("the live shopper is %q", e.UserID)
		}
		events[e.Type.String()]++
		events[e.Name]++
	}
	if events["identify"] != 2 || events["Checkout Started"] != 2 || events["Product Viewed"] == 0 {
		t.Errorf("in two visits: %v", events)
	}
}

func BenchmarkMessages(b *testing.B) {
	w, err := New(1, 0)
	if err != nil {
		b.Fatal(err)
	}
	n, size := 0, 0
	for i := 0; b.Loop(); i++ {
		for _, m := range w.Messages(w.RealPeople() + i%100_000) {
			n++
			size += len(m.Body)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(size)/float64(n), "B/event")
}
