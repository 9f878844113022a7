// Package retail holds the whole history of a real gift shop: every invoice line
// of the UCI data set Online Retail, from 1 December 2010 to 9 December 2011.
// README.md beside it names origin, licence and format.
package retail

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"time"

	_ "time/tzdata" // the invoices are in London's local time, on any machine
)

//go:embed online_retail.bin.gz
var packed []byte

// Item is a stock code and one of the descriptions that it was sold under.
type Item struct{ Code, Name string }

// Line is one line of an invoice.
type Line struct {
	Item     int   // index in History.Items
	Quantity int64 // negative for what was given back
	Price    int64 // of one piece, in thousandths of a pound
}

// Invoice is what one customer bought, or gave back, at one moment.
type Invoice struct {
	Number   string // begins with C when goods were taken back, with A when bad debt was adjusted
	Customer string // empty: a guest
	Country  string
	At       int64 // UTC milliseconds
	Lines    []Line
}

// Refund reports whether the invoice takes goods back.
func (i *Invoice) Refund() bool { return strings.HasPrefix(i.Number, "C") }

// Adjustment reports whether the invoice adjusts bad debt, which is no order.
func (i *Invoice) Adjustment() bool { return strings.HasPrefix(i.Number, "A") }

// Total is the sum over the lines in thousandths of a pound; that of a refund is
// negative.
func (i *Invoice) Total() int64 {
	var sum int64
	for _, l := range i.Lines {
		sum += l.Quantity * l.Price
	}
	return sum
}

// History is the shop's books. It does not change.
type History struct {
	Items    []Item
	Invoices []Invoice // in the order of the books
}

// magic is how the unpacked form begins.
const magic = "kith retail 1\n"

var errFormat = errors.New("the packed invoices cannot be read")

// Load unpacks the books, which takes some tens of milliseconds and about 20 MB.
func Load() (*History, error) {
	zr, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(zr)
	if err != nil {
		return nil, err
	}
	return unpack(data)
}

// unpack reads the columns; the format is that of README.md.
func unpack(data []byte) (*History, error) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(data, []byte(magic)) {
		return nil, errFormat
	}
	r := &reader{rest: data[len(magic):]}
	countries := r.texts()
	h := &History{Items: r.items(), Invoices: make([]Invoice, r.count())}
	lines := make([]Line, r.count())
	numbers, customers, times, places, sizes := r.column(), r.column(), r.column(), r.column(), r.column()
	low, high, quantities, prices := r.column(), r.column(), r.column(), r.column()
	var number, at int64
	from := 0
	for i := range h.Invoices {
		inv := &h.Invoices[i]
		inv.Number, number = invoiceNumber(numbers, number)
		inv.Customer = customerNumber(customers.uvarint())
		at += times.varint()
		inv.At = local(at, london)
		inv.Country = pick(r, countries, places.uvarint())
		n := int(sizes.uvarint())
		if n > len(lines)-from {
			return nil, errFormat
		}
		inv.Lines = lines[from : from+n : from+n]
		from += n
	}
	last := make([][]int64, len(h.Items)) // prices of an item, the latest first
	for i := range lines {
		item := int(low.one()) | int(high.one())<<8
		if item >= len(h.Items) {
			return nil, errFormat
		}
		lines[i] = Line{Item: item, Quantity: quantities.varint(), Price: price(prices, &last[item])}
	}
	for _, c := range []*reader{r, numbers, customers, times, places, sizes, low, high, quantities, prices} {
		if c.bad || len(c.rest) > 0 {
			return nil, errFormat
		}
	}
	return h, nil
}

// invoiceNumber reads a letter or 0 and the distance of the number from the one
// before.
func invoiceNumber(c *reader, before int64) (string, int64) {
	letter, number := c.one(), before+c.varint()
	text := decimal(number)
	if letter != 0 {
		text = string(rune(letter)) + text
	}
	return text, number
}

func customerNumber(n uint64) string {
	if n == 0 {
		return ""
	}
	return decimal(int64(n))
}

// local turns minutes since the start of 2010 by London's clocks into UTC
// milliseconds.
func local(minutes int64, london *time.Location) int64 {
	return time.Date(2010, 1, 1, 0, int(minutes), 0, 0, london).UnixMilli()
}

// price reads the place of a price among those that the item had before, the
// latest first, counted from one; or zero and a new price.
func price(c *reader, before *[]int64) int64 {
	at := int(c.uvarint())
	if at > len(*before) {
		c.bad = true
		return 0
	}
	if at == 0 {
		*before = append(*before, 0)
		at = len(*before)
		(*before)[at-1] = c.varint()
	}
	p := (*before)[at-1]
	copy((*before)[1:at], (*before)[:at-1])
	(*before)[0] = p
	return p
}

func pick(r *reader, texts []string, i uint64) string {
	if i >= uint64(len(texts)) {
		r.bad = true
		return ""
	}
	return texts[i]
}

// reader reads the parts of the packed form. After a mistake it is bad and
// returns zeroes.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) one() byte {
	if len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) varint() int64 {
	n, size := binary.Varint(r.rest)
	if size <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// count reads how many things follow, of which each takes a byte at least.
func (r *reader) count() int {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.bad = true
		return 0
	}
	return int(n)
}

// column reads a length and the bytes of that length, to be read by themselves.
func (r *reader) column() *reader {
	n := r.count()
	c := &reader{rest: r.rest[:n:n]}
	r.rest = r.rest[n:]
	return c
}

// texts reads a column of lines.
func (r *reader) texts() []string {
	text := string(r.column().rest)
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// items reads a column of lines, each a code, a tab and a name.
func (r *reader) items() []Item {
	lines := r.texts()
	items := make([]Item, len(lines))
	for i, l := range lines {
		items[i].Code, items[i].Name, _ = strings.Cut(l, "\t")
	}
	return items
}

func decimal(n int64) string {
	var buf [20]byte
	i := len(buf)
	for {
		i--
		buf[i] = byte('0' + n%10)
		if n /= 10; n == 0 {
			return string(buf[i:])
		}
	}
}
