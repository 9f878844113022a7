package retail

import (
	"testing"
	"time"
)

// TestPublishedFigures holds the books against the figures that are published of
// the data set, so that nothing was lost or changed on the way.
func TestPublishedFigures(t *testing.T) {
	h, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	lines, guestLines, refundLines, refunds, negative, priceless, orders := 0, 0, 0, 0, 0, 0, 0
	var sum, clean int64
	customers, codes, countries, buyers := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for i := range h.Invoices {
		inv := &h.Invoices[i]
		customers[inv.Customer], countries[inv.Country] = true, true
		if inv.Refund() {
			refunds++
			refundLines += len(inv.Lines)
		}
		if inv.Customer == "" {
			guestLines += len(inv.Lines)
		}
		lines += len(inv.Lines)
		sum += inv.Total()
		ordered := false
		for _, l := range inv.Lines {
			codes[h.Items[l.Item].Code] = true
			if l.Quantity < 0 {
				negative++
			}
			if l.Price <= 0 {
				priceless++
			}
			if l.Quantity > 0 && l.Price > 0 && inv.Customer != "" && !inv.Refund() {
				clean += l.Quantity * l.Price
				ordered = true
			}
		}
		if ordered {
			orders++
			buyers[inv.Customer] = true
		}
	}
	delete(customers, "")
	for _, c := range []struct {
		what      string
		got, want int64
	}{
		{"lines", int64(lines), 541_909}, {"invoices", int64(len(h.Invoices)), 25_900}, {"customers", int64(len(customers)), 4_372},
		{"stock codes", int64(len(codes)), 4_070}, {"countries", int64(len(countries)), 38}, {"lines of guests", int64(guestLines), 135_080},
		{"refunds", int64(refunds), 3_836}, {"lines of refunds", int64(refundLines), 9_288}, {"negative quantities", int64(negative), 10_624},
		{"lines without a price", int64(priceless), 2_517}, {"pence", (sum + 5) / 10, 974_774_793},
		{"orders", int64(orders), 18_532}, {"buyers", int64(len(buyers)), 4_338}, {"pence of orders", (clean + 5) / 10, 891_140_790},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, published are %d", c.what, c.got, c.want)
		}
	}
	first, last := &h.Invoices[0], &h.Invoices[len(h.Invoices)-1]
	for _, c := range []struct {
		inv  *Invoice
		at   string
		name string
	}{{first, "2010-12-01T08:26:00Z", "WHITE HANGING HEART T-LIGHT HOLDER"}, {last, "2011-12-09T12:50:00Z", "CIRCUS PARADE LUNCH BOX "}} {
		if got := time.UnixMilli(c.inv.At).UTC().Format(time.RFC3339); got != c.at {
			t.Errorf("invoice %s was at %s, want %s", c.inv.Number, got, c.at)
		}
		if got := h.Items[c.inv.Lines[0].Item].Name; got != c.name {
			t.Errorf("invoice %s begins with %q, want %q", c.inv.Number, got, c.name)
		}
	}
}

// FuzzUnpack: whatever the bytes are, unpacking ends without a panic.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte(magic))
	f.Add([]byte(magic + "\x02UK\x03a\tb\x01\x01\x02\x00\x02\x01\x01\x01\x00\x01\x00\x01\x01\x01\x00\x01\x00\x01\x02\x02\x00\x02"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := unpack(data)
		if err != nil {
			return
		}
		for i := range h.Invoices {
			for _, l := range h.Invoices[i].Lines {
				if l.Item >= len(h.Items) {
					t.Error("a line names an item that is not there")
				}
			}
		}
	})
}
