// Command pack brings the CSV of the data set Online Retail into the form that
// package retail reads: pack ONLINE_RETAIL.CSV.GZ OUT.
package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "pack ONLINE_RETAIL.CSV.GZ OUT")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "pack: "+err.Error())
		os.Exit(1)
	}
}

func run(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	zr, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	rows, err := csv.NewReader(zr).ReadAll()
	if err != nil {
		return err
	}
	packed, err := pack(rows[1:])
	if err != nil {
		return err
	}
	var out bytes.Buffer
	zw, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := zw.Write(packed); err != nil {
		return err
	}
	if err := zw.Close(); err != nil {
		return err
	}
	return os.WriteFile(to, out.Bytes(), 0o644)
}

// The columns of the CSV.
const (
	number = iota
	code
	name
	quantity
	date
	price
	customer
	country
)

// packing is the columns that are being written.
type packing struct {
	countries []string
	items     []string // code, tab, name; the most frequent first
	places    map[string]int
	prices    [][]int64

	invoices, lines int
	columns         [9][]byte
	number, at      int64
}

// The columns in their order in the file.
const (
	numbers = iota
	customers
	times
	countriesOf
	sizes
	low
	high
	quantities
	prices
)

func pack(rows [][]string) ([]byte, error) {
	p := &packing{places: map[string]int{}}
	p.catalogue(rows)
	var order []string
	byNumber := map[string][][]string{}
	for _, r := range rows {
		if byNumber[r[number]] == nil {
			order = append(order, r[number])
		}
		byNumber[r[number]] = append(byNumber[r[number]], r)
	}
	for _, n := range order {
		if err := p.invoice(byNumber[n]); err != nil {
			return nil, fmt.Errorf("invoice %s: %w", n, err)
		}
	}
	out := []byte("kith retail 1\n")
	out = column(out, []byte(strings.Join(p.countries, "\n")))
	out = column(out, []byte(strings.Join(p.items, "\n")))
	out = binary.AppendUvarint(out, uint64(p.invoices))
	out = binary.AppendUvarint(out, uint64(p.lines))
	for _, c := range p.columns {
		out = column(out, c)
	}
	return out, nil
}

func column(out, c []byte) []byte {
	return append(binary.AppendUvarint(out, uint64(len(c))), c...)
}

// catalogue gives countries and items their numbers.
func (p *packing) catalogue(rows [][]string) {
	counts := map[string]int{}
	for _, r := range rows {
		if !slices.Contains(p.countries, r[country]) {
			p.countries = append(p.countries, r[country])
		}
		counts[item(r)]++
	}
	for key := range counts {
		p.items = append(p.items, key)
	}
	slices.SortFunc(p.items, func(a, b string) int { return cmp.Or(counts[b]-counts[a], strings.Compare(a, b)) })
	for i, key := range p.items {
		p.places[key] = i
	}
	p.prices = make([][]int64, len(p.items))
}

func item(row []string) string { return row[code] + "\t" + row[name] }

func (p *packing) invoice(rows [][]string) error {
	first := rows[0]
	letter, digits := byte(0), first[number]
	if digits[0] > '9' {
		letter, digits = digits[0], digits[1:]
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return err
	}
	at, err := time.Parse(time.DateTime, first[date])
	if err != nil {
		return err
	}
	minutes := int64(at.Sub(time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC)) / time.Minute)
	var who int64
	if first[customer] != "" {
		if who, err = strconv.ParseInt(strings.TrimSuffix(first[customer], ".0"), 10, 64); err != nil {
			return err
		}
	}
	p.columns[numbers] = binary.AppendVarint(append(p.columns[numbers], letter), n-p.number)
	p.columns[times] = binary.AppendVarint(p.columns[times], minutes-p.at)
	p.number, p.at = n, minutes
	p.put(customers, uint64(who))
	p.put(countriesOf, uint64(slices.Index(p.countries, first[country])))
	p.put(sizes, uint64(len(rows)))
	p.invoices++
	for _, r := range rows {
		if r[customer] != first[customer] || r[country] != first[country] {
			return fmt.Errorf("it names two customers or countries")
		}
		if err := p.line(r); err != nil {
			return err
		}
	}
	return nil
}

func (p *packing) line(r []string) error {
	i := p.places[item(r)]
	n, err := strconv.ParseInt(r[quantity], 10, 64)
	if err != nil {
		return err
	}
	f, err := strconv.ParseFloat(r[price], 64)
	if err != nil {
		return err
	}
	mills := int64(math.Round(f * 1000))
	if math.Abs(float64(mills)/1000-f) > 1e-9 {
		return fmt.Errorf("the price %s has more than three digits", r[price])
	}
	p.lines++
	p.columns[low] = append(p.columns[low], byte(i))
	p.columns[high] = append(p.columns[high], byte(i>>8))
	p.columns[quantities] = binary.AppendVarint(p.columns[quantities], n)
	before := p.prices[i]
	at := slices.Index(before, mills)
	p.put(prices, uint64(at+1))
	if at < 0 {
		p.columns[prices] = binary.AppendVarint(p.columns[prices], mills)
		before, at = append(before, mills), len(before)
	}
	copy(before[1:at+1], before[:at])
	before[0] = mills
	p.prices[i] = before
	return nil
}

func (p *packing) put(c int, n uint64) { p.columns[c] = binary.AppendUvarint(p.columns[c], n) }
