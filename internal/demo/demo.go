// Package demo turns a real shop's invoices into the calls that the shop's
// system would have sent, so that a newcomer sees real customers in kith.
package demo

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"strings"
	"time"

	_ "time/tzdata" // the invoices are in London's local time, on any machine
)

// extract is the invoice lines; README.md beside it names origin and licence.
//
//go:embed online_retail.csv.gz
var extract []byte

// Featured is the customer that the demo shows: a company with orders and
// refunds over the whole year.
const Featured = "12347"

// call is one message of the Segment specification.
type call struct {
	Type        string         `json:"type"`
	MessageID   string         `json:"messageId"`
	UserID      string         `json:"userId,omitempty"`
	AnonymousID string         `json:"anonymousId,omitempty"`
	Event       string         `json:"event,omitempty"`
	Timestamp   string         `json:"timestamp"`
	Traits      map[string]any `json:"traits,omitempty"`
	Properties  map[string]any `json:"properties,omitempty"`
}

// line is one invoice line.
type line struct {
	invoice, code, name, customer, country string
	quantity                               int64
	price                                  *big.Rat
	at                                     time.Time
}

// Messages returns the calls as JSON, in the order of the invoices. Message ids
// are made from invoice and customer numbers, so sending them again changes
// nothing.
func Messages() ([]json.RawMessage, error) {
	lines, err := readLines()
	if err != nil {
		return nil, err
	}
	var out []json.RawMessage
	seen := map[string]bool{}
	for start := 0; start < len(lines); {
		end := start + 1
		for end < len(lines) && lines[end].invoice == lines[start].invoice {
			end++
		}
		for _, c := range calls(lines[start:end], seen) {
			b, err := json.Marshal(c)
			if err != nil {
				return nil, err
			}
			out = append(out, b)
		}
		start = end
	}
	return out, nil
}

// readLines reads the extract; lines of one invoice stand together.
func readLines() ([]line, error) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		return nil, err
	}
	zr, err := gzip.NewReader(bytes.NewReader(extract))
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(zr)
	if _, err := r.Read(); err != nil {
		return nil, err
	}
	var out []line
	for {
		row, err := r.Read()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		l, err := parseLine(row, london)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
}

func parseLine(row []string, london *time.Location) (line, error) {
	l := line{
		invoice: row[0], code: row[1], name: strings.TrimSpace(row[2]),
		customer: strings.TrimSuffix(row[6], ".0"), country: row[7],
	}
	if _, err := fmt.Sscan(row[3], &l.quantity); err != nil {
		return l, fmt.Errorf("quantity of invoice %s: %w", l.invoice, err)
	}
	var ok bool
	if l.price, ok = new(big.Rat).SetString(row[5]); !ok {
		return l, fmt.Errorf("price of invoice %s is no number", l.invoice)
	}
	at, err := time.ParseInLocation(time.DateTime, row[4], london)
	l.at = at
	return l, err
}

// calls makes the messages of one invoice: who the customer is, at the first
// sight of them, and the order or its refund. Invoices that begin with C take
// back, those with A adjust bad debt and are no orders.
func calls(lines []line, seen map[string]bool) []call {
	first := lines[0]
	when := first.at.UTC().Format("2006-01-02T15:04:05.000Z")
	if strings.HasPrefix(first.invoice, "A") {
		return nil
	}
	order := call{
		Type: "track", MessageID: "invoice-" + first.invoice, Event: "Order Completed", Timestamp: when,
		UserID: first.customer, Properties: properties(lines),
	}
	if strings.HasPrefix(first.invoice, "C") {
		order.Event = "Order Refunded"
	}
	if first.customer == "" {
		order.AnonymousID = "guest-" + first.invoice
		return []call{order}
	}
	if seen[first.customer] {
		return []call{order}
	}
	seen[first.customer] = true
	who := call{
		Type: "identify", MessageID: "customer-" + first.customer, Timestamp: when, UserID: first.customer,
		Traits: map[string]any{"country": first.country, "createdAt": when},
	}
	return []call{who, order}
}

// productsMax keeps an order under the 32 KiB that an event may have; a
// wholesale invoice can have a thousand lines. line_count tells all of them.
const productsMax = 200

// properties of an order or refund. A refund's amounts are what is given back,
// so the negative quantities of its lines turn positive.
func properties(lines []line) map[string]any {
	refund := strings.HasPrefix(lines[0].invoice, "C")
	total := new(big.Rat)
	var products []map[string]any
	for _, l := range lines {
		if refund {
			l.quantity = -l.quantity
		}
		sum := new(big.Rat).Mul(l.price, new(big.Rat).SetInt64(l.quantity))
		total.Add(total, sum)
		if len(products) == productsMax {
			continue
		}
		products = append(products, map[string]any{
			"product_id": l.code, "sku": l.code, "name": l.name,
			"price": amount(l.price), "quantity": l.quantity,
		})
	}
	return map[string]any{
		"order_id": strings.TrimPrefix(lines[0].invoice, "C"), "currency": "GBP",
		"total": amount(total), "revenue": amount(total),
		"line_count": len(lines), "products": products,
	}
}

// amount writes money exactly, as a JSON number.
func amount(r *big.Rat) json.Number { return json.Number(r.FloatString(2)) }
