// Package workload makes random sets of accepted records that provoke what the
// engine must not mind: few people with many identifiers, shared devices, late
// and repeated messages, one messageId with several contents, junk ids, traits
// written back and forth, accounts, copies far apart in time.
package workload

import (
	"fmt"
	"math/rand/v2"

	"kith/event"
	"kith/internal/record"
)

// Start is the moment around which workloads happen, UTC milliseconds.
const Start = 1_750_000_000_000

const day = 24 * 60 * 60 * 1000

// Records returns n encoded records; the same seed gives the same ones.
func Records(seed uint64, n int) [][]byte {
	g := generator{rng: rand.New(rand.NewPCG(seed, 0x6b697468))}
	people := 2 + g.rng.IntN(8)
	for i := range n {
		g.add(i, people)
	}
	return g.out
}

// Shuffled returns the records in another order, some of them several times.
func Shuffled(seed uint64, records [][]byte) [][]byte {
	rng := rand.New(rand.NewPCG(seed, 0x73687566))
	out := append([][]byte(nil), records...)
	for range len(records) / 5 {
		out = append(out, records[rng.IntN(len(records))])
	}
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

type generator struct {
	rng *rand.Rand
	out [][]byte
	ids []string // message ids so far
}

func (g *generator) pick(options ...string) string { return options[g.rng.IntN(len(options))] }

// messageID is mostly new, sometimes one that was used before.
func (g *generator) messageID(i int) string {
	if len(g.ids) > 0 && g.rng.IntN(6) == 0 {
		return g.ids[g.rng.IntN(len(g.ids))]
	}
	id := fmt.Sprintf("m-%d", i)
	if g.rng.IntN(20) == 0 {
		id = fmt.Sprintf("m\x00é-%d", i)
	}
	g.ids = append(g.ids, id)
	return id
}

func (g *generator) add(i, people int) {
	received := int64(Start) + g.rng.Int64N(3*day)
	if g.rng.IntN(10) == 0 {
		received += g.rng.Int64N(100 * day)
	}
	typ := event.Type(1 + g.rng.IntN(6))
	if g.rng.IntN(3) == 0 {
		typ = event.Identify
	}
	r := record.Record{
		Kind: record.Event,
		Stamp: event.Stamp{
			Source: g.pick("web", "web", "crm"), MessageID: g.messageID(i), Type: typ,
			ReceivedAt: received, Timestamp: received - g.rng.Int64N(2*day),
		},
		Body: []byte(g.body(typ, g.rng.IntN(people))),
	}
	if g.rng.IntN(4) == 0 {
		// A coarse clock makes ties, which the order of messages has to break.
		r.Stamp.Timestamp = Start + day*g.rng.Int64N(3)
	}
	if g.rng.IntN(5) == 0 {
		r.Envelope = []byte(`{"context":{"traits":{"phone":"+3314567890` + fmt.Sprint(g.rng.IntN(3)) + `"}}}`)
	}
	g.out = append(g.out, r.AppendTo(nil))
	if g.rng.IntN(40) == 0 {
		g.out = append(g.out, []byte("\x01\x01 not a record"))
	}
}

func (g *generator) body(typ event.Type, person int) string {
	user := g.pick(fmt.Sprintf("u%d-x", person), fmt.Sprintf("u%d-x", person), "", "null", " u0-x ")
	anon := g.pick(fmt.Sprintf("browser-%d", person), "browser-shared", "kiosk-1", "")
	if user == "" && anon == "" {
		anon = "browser-lonely"
	}
	ids := fmt.Sprintf(`"userId":%q,"anonymousId":%q`, user, anon)
	switch typ {
	case event.Identify:
		return `{` + ids + `,"traits":` + g.traits(person) + `}`
	case event.Group:
		return `{` + ids + `,"groupId":"` + g.pick("acme", "globex", "null") + `","traits":{"plan":"` + g.pick("free", "pro") + `","seats":` + g.pick("1", "2", "null") + `}}`
	case event.Alias:
		return `{` + ids + `,"previousId":"` + g.pick(anon, user, "browser-9") + `x"}`
	case event.Page, event.Screen:
		return `{` + ids + `,"name":"` + g.pick("Home", "Cart") + `"}`
	}
	return `{` + ids + `,"event":"` + g.pick("Order Completed", "Product Viewed") + `","properties":{"total":` + g.pick("1", "2.50") + `},"context":{"device":{"id":"` + g.pick("dev-1", "dev-2", "00000000") + `"}}}`
}

func (g *generator) traits(person int) string {
	email := g.pick(fmt.Sprintf("p%d@shop.test-mail.fr", person), "family@shop.test-mail.fr", "", "not an address")
	t := `{"email":"` + email + `","plan":` + g.pick(`"free"`, `"pro"`, `null`, `1`, `1.0`)
	if g.rng.IntN(2) == 0 {
		t += `,"address":{"b":[1,{"c":"\ud800"}],"a":"é"}`
	}
	if g.rng.IntN(3) == 0 {
		t += `,"big":9007199254740993`
	}
	return t + `}`
}
