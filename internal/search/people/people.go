// Package people makes people to search for: names of many languages, with
// the addresses, numbers and orders that such people have, and the ways in which
// somebody who looks for one of them writes and mistypes what they know. All of it
// follows from numbers alone, so a finding can be repeated.
package people

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"kith/event"
	"kith/internal/record"
)

// Person is one that can be searched for.
type Person struct {
	Number      int
	Given, Last string
	Name        string // both, in the order of the language
	Email       string
	Phone       string // E.164
	National    string // the same number as it is dialled at home
	UserID      string
	City        string
	Order       string
	Spaced      bool // the language writes given and last name apart
}

// Make returns the person of a number.
func Make(number int) Person {
	rng := rand.New(rand.NewPCG(uint64(number), 0x70656f70))
	l := languages[pick(rng, weights[:])]
	p := Person{Number: number, Given: l.given[skewed(rng, len(l.given))], Last: l.last[skewed(rng, len(l.last))], Spaced: !l.closed}
	if len(l.stems) > 0 && rng.IntN(3) > 0 {
		p.Last = l.stems[rng.IntN(len(l.stems))] + l.middles[rng.IntN(len(l.middles))] + l.endings[rng.IntN(len(l.endings))]
		if rng.IntN(3) == 0 {
			p.Last += l.endings[rng.IntN(len(l.endings))]
		}
	}
	if l.doubled && rng.IntN(3) > 0 {
		p.Last += " " + l.last[skewed(rng, len(l.last))]
	}
	switch {
	case l.closed:
		p.Name = p.Last + p.Given
	case l.lastFirst:
		p.Name = p.Last + " " + p.Given
	default:
		p.Name = p.Given + " " + p.Last
	}
	p.City = l.cities[rng.IntN(len(l.cities))]
	p.UserID = fmt.Sprintf("C-%07d", number)
	local := latin(p.Given) + "." + latin(p.Last)
	if strings.Trim(local, ".") == "" {
		local = "user"
	}
	p.Email = fmt.Sprintf("%s%d@%s", strings.Trim(local, "."), number%1000, domains[skewed(rng, len(domains))])
	if number >= 1000 {
		p.Email = fmt.Sprintf("%s%d@%s", strings.Trim(local, "."), number, domains[skewed(rng, len(domains))])
	}
	digits := fmt.Sprintf("%08d", (uint64(number)*48_271+12_345)%100_000_000)
	p.Phone, p.National = "+336"+digits, "06"+digits
	p.Order = fmt.Sprintf("ORD-%d-%05d", 2020+number%6, number)
	return p
}

// latin leaves the small Latin letters of a name, without accents.
func latin(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(norm.NFD.String(s)))
}

// skewed picks early ones more often: a name that is twice as far down the list is
// about half as frequent.
func skewed(rng *rand.Rand, n int) int {
	u := rng.Float64()
	return min(int(float64(n)*u*u), n-1)
}

func pick(rng *rand.Rand, weights []int) int {
	all := 0
	for _, w := range weights {
		all += w
	}
	at := rng.IntN(all)
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return 0
}

// Records returns the person's events as the log holds them: who they are, and
// for one in four an order.
func (p *Person) Records(at int64) [][]byte {
	stamp := event.Stamp{Source: "shop", MessageID: fmt.Sprintf("who-%d", p.Number), Type: event.Identify, ReceivedAt: at, Timestamp: at}
	who := fmt.Sprintf(`{"userId":%q,"traits":{"email":%q,"phone":%q,"city":%q,`, p.UserID, p.Email, p.Phone, p.City)
	if p.Number%2 == 0 {
		who += fmt.Sprintf(`"name":%q}}`, p.Name)
	} else {
		who += fmt.Sprintf(`"firstName":%q,"lastName":%q}}`, p.Given, p.Last)
	}
	id := record.Record{Kind: record.Event, Stamp: stamp, Body: []byte(who)}
	out := [][]byte{id.AppendTo(nil)}
	if p.Number%4 == 0 {
		stamp.MessageID, stamp.Type = fmt.Sprintf("order-%d", p.Number), event.Track
		body := fmt.Sprintf(`{"userId":%q,"event":"Order Completed","properties":{"order_id":%q,"revenue":12.5}}`, p.UserID, p.Order)
		order := record.Record{Kind: record.Event, Stamp: stamp, Body: []byte(body)}
		out = append(out, order.AppendTo(nil))
	}
	return out
}

// Typo puts one error into a text: a letter left out, doubled, changed, put in or
// swapped with its neighbour. The places of which the writer is sure (spaces, the
// @) stay. ok is false when the text is too short for an error to leave anything
// to go by.
func Typo(rng *rand.Rand, s string) (with string, ok bool) {
	runes := []rune(s)
	if len(runes) < 4 {
		return s, false
	}
	for range 100 {
		i := rng.IntN(len(runes))
		if strings.ContainsRune(" @.-+", runes[i]) {
			continue
		}
		out := append([]rune(nil), runes...)
		switch rng.IntN(5) {
		case 0:
			out = append(out[:i], out[i+1:]...)
		case 1:
			out = append(out[:i+1], runes[i:]...)
		case 2:
			out[i] = neighbour(rng, runes)
		case 3:
			out = append(append(append([]rune(nil), runes[:i]...), neighbour(rng, runes)), runes[i:]...)
		default:
			if i+1 == len(runes) || strings.ContainsRune(" @.-+", runes[i+1]) {
				continue
			}
			out[i], out[i+1] = out[i+1], out[i]
		}
		if string(out) != s && utf8.ValidString(string(out)) {
			return string(out), true
		}
	}
	return s, false
}

// neighbour is a character of the kind that the text is written in.
func neighbour(rng *rand.Rand, of []rune) rune {
	switch r := of[rng.IntN(len(of))]; {
	case r >= '0' && r <= '9':
		return rune('0' + rng.IntN(10))
	case r >= 'а' && r <= 'я' || r >= 'А' && r <= 'Я':
		return rune('а' + rng.IntN(32))
	case r >= 'α' && r <= 'ω' || r >= 'Α' && r <= 'Ω':
		return rune('α' + rng.IntN(24))
	case r < 0x250:
		return rune('a' + rng.IntN(26))
	default:
		return of[rng.IntN(len(of))]
	}
}
