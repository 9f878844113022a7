package workload

import (
	"fmt"
	"math/rand/v2"

	"kith/event"
	"kith/internal/record"
)

// Consents returns n encoded records that speak of purposes: consents of the API
// and events with consent objects and Global Privacy Control, of few people, with
// ties in their times, copies and grants that come late.
func Consents(seed uint64, n int) [][]byte {
	g := generator{rng: rand.New(rand.NewPCG(seed, 0x636f6e73))}
	people := 1 + g.rng.IntN(3)
	for i := range n {
		if g.rng.IntN(2) == 0 {
			g.consent(i, people)
		} else {
			g.consentEvent(i, people)
		}
	}
	return g.out
}

// moments gives a receipt and an earlier claim, both coarse enough to tie.
func (g *generator) moments() (received, claimed int64) {
	received = Start + g.rng.Int64N(8)*1000
	if g.rng.IntN(12) == 0 {
		received += 40 * day
	}
	return received, received - g.rng.Int64N(4)*1000
}

func (g *generator) consent(i, people int) {
	received, claimed := g.moments()
	state := g.pick(`"granted"`, `"granted"`, `"denied"`, `"withdrawn"`)
	body := fmt.Sprintf(`{"identity":{"type":%s,"value":"u%d-x"},"purpose":%q,"channel":%q,"state":%s}`,
		g.pick(`"user_id"`, `"anonymous_id"`), g.rng.IntN(people), g.pick("marketing", "analytics", "*"), g.pick("", "email", "sms"), state)
	if g.rng.IntN(20) == 0 {
		body = g.pick(`{}`, `[1`, `{"identity":{"type":"user_id","value":"null"},"purpose":"marketing","state":"denied"}`)
	}
	r := record.Record{
		Kind: record.Consent, Body: []byte(body),
		Stamp: event.Stamp{Source: "api", MessageID: g.messageID(i), ReceivedAt: received, Timestamp: claimed},
	}
	g.out = append(g.out, r.AppendTo(nil))
}

func (g *generator) consentEvent(i, people int) {
	received, claimed := g.moments()
	context := g.pick(
		`{"consent":{"categoryPreferences":{"Marketing":true,"Analytics":false}}}`,
		`{"consent":{"categoryPreferences":{"Marketing":false}}}`,
		`{"consent":{"categoryPreferences":{"Marketing":true,"Advertising":true}}}`,
		`{"consent":{"categoryPreferences":{}}}`,
		`{"consentManagement":{"allowedConsentIds":["Analytics"],"deniedConsentIds":["C0004"]}}`,
		`{}`,
	)
	if g.rng.IntN(3) == 0 {
		context = `{"run":"load-1",` + context[1:]
		if context == `{"run":"load-1",}` {
			context = `{"run":"load-1"}`
		}
	}
	typ := event.Track
	if g.rng.IntN(3) == 0 {
		typ = event.Identify
	}
	r := record.Record{
		Kind: record.Event,
		Stamp: event.Stamp{
			Source: g.pick("web", "api"), MessageID: g.messageID(i), Type: typ, ReceivedAt: received, Timestamp: claimed,
		},
		Body: []byte(fmt.Sprintf(`{"userId":%q,"anonymousId":%q,"event":"E","context":%s}`,
			g.pick("", fmt.Sprintf("u%d-x", g.rng.IntN(people))), fmt.Sprintf("u%d-x", g.rng.IntN(people)), context)),
	}
	if g.rng.IntN(4) == 0 {
		r.Stamp.Flags |= event.GPC
	}
	g.out = append(g.out, r.AppendTo(nil))
}
