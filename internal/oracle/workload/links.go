package workload

import (
	"fmt"
	"math/rand/v2"

	"kith/event"
	"kith/internal/record"
)

// Links returns n encoded records of many people nearly each of which says something
// new about who is who: several browsers, devices and addresses each, neighbours who
// share them, a kiosk that everybody has used, sign-ins that come late, aliases, runs
// of a source, and copies that make events leave the state again.
func Links(seed uint64, n int) [][]byte {
	g := generator{rng: rand.New(rand.NewPCG(seed, 0x6c696e6b))}
	people := 4 + g.rng.IntN(36)
	for i := range n {
		g.linkOf(i, people)
	}
	return g.out
}

// near is a person or, at times, one of the neighbours.
func (g *generator) near(person, people int) int {
	if g.rng.IntN(5) > 0 {
		return person
	}
	return (person + people + g.rng.IntN(3) - 1) % people
}

func (g *generator) linkOf(i, people int) {
	person := g.rng.IntN(people)
	user, browser, mail := g.near(person, people), g.near(person, people), g.near(person, people)
	received := int64(Start) + g.rng.Int64N(3*day)
	r := record.Record{
		Kind: record.Event,
		Stamp: event.Stamp{
			Source: g.pick("web", "web", "crm"), MessageID: g.messageID(i), ReceivedAt: received,
			Timestamp: received - g.rng.Int64N(2*day), Type: event.Track,
		},
	}
	if g.rng.IntN(4) == 0 {
		r.Stamp.Timestamp = Start + day*g.rng.Int64N(3)
	}
	anonymous := g.pick(fmt.Sprintf("browser-%d-%d", browser, g.rng.IntN(3)), fmt.Sprintf("browser-%d-0", browser), "", "kiosk-1")
	id := g.pick(fmt.Sprintf("u%d-x", user), "")
	if id == "" && anonymous == "" {
		anonymous = fmt.Sprintf("browser-%d-1", browser)
	}
	ids := fmt.Sprintf(`"userId":%q,"anonymousId":%q`, id, anonymous)
	context := fmt.Sprintf(`"context":{"device":{"id":"dev-%d-%d"}%s}`, browser, g.rng.IntN(2), g.pick("", "", fmt.Sprintf(`,"run":"load-%d"`, g.rng.IntN(3))))
	switch g.rng.IntN(6) {
	case 0, 1:
		r.Stamp.Type = event.Identify
		address := g.pick(fmt.Sprintf("p%d@shop.test-mail.fr", mail), fmt.Sprintf("p%d.%d@shop.test-mail.fr", mail, g.rng.IntN(3)), "family@shop.test-mail.fr")
		r.Body = []byte(`{` + ids + `,"traits":{"email":"` + address + `","plan":` + g.pick(`"free"`, `"pro"`) + `},` + context + `}`)
	case 2:
		if id != "" && g.rng.IntN(3) == 0 {
			r.Stamp.Type = event.Alias
			r.Body = []byte(fmt.Sprintf(`{%s,"previousId":"u%d-x"}`, ids, g.near(user, people)))
			break
		}
		r.Stamp.Type = event.Group
		r.Body = []byte(`{` + ids + `,"groupId":"` + g.pick("acme", "globex") + `","traits":{"seats":` + g.pick("1", "2") + `}}`)
	default:
		r.Body = []byte(`{` + ids + `,"event":"Order Completed","properties":{"total":1},` + context + `}`)
	}
	g.out = append(g.out, r.AppendTo(nil))
}
