package workload

import (
	"fmt"
	"math/rand/v2"

	"kith/event"
	"kith/internal/record"
)

// Rows returns n encoded records that write few rows of entities again and again:
// per attribute, with removals, deletions, ties, copies, owners that change and
// owners that nobody can be, and writes of what is not declared.
func Rows(seed uint64, n int) [][]byte {
	g := generator{rng: rand.New(rand.NewPCG(seed, 0x726f7773))}
	for i := range n {
		g.row(i)
	}
	return g.out
}

func (g *generator) row(i int) {
	received, claimed := g.moments()
	if g.rng.IntN(4) == 0 {
		g.accept(i, received, claimed, g.upload())
		return
	}
	name := g.pick("subscriptions", "subscriptions", "products", "unheard")
	body := fmt.Sprintf(`{"entity":%q,"run":%q,"attributes":%s}`, name, g.pick("", "load-1"), g.attributes())
	switch g.rng.IntN(12) {
	case 0, 1:
		body = fmt.Sprintf(`{"entity":%q,"delete":%q}`, name, g.pick("1", "2", "s-3"))
	case 2:
		body = g.pick(`{}`, `{"entity":"subscriptions"}`, `{"entity":"subscriptions","attributes":{"plan":"x"}}`, `{"entity":"products","delete":""}`)
	}
	g.accept(i, received, claimed, body)
}

// upload is a row of an upload of a list.
func (g *generator) upload() string {
	id := g.pick(`{"user_id":"u1"}`, `{"user_id":7}`, `{"email":" Ana@Shop.fr"}`, `{"email":"ana@shop.fr"}`, `{"email":"none"}`, `{"*":true}`, `{"*":true}`, `{}`, `{"a":1,"b":2}`)
	if g.rng.IntN(3) == 0 {
		id = g.pick(`{"id":{"user_id":"u1"},"n":1}`, `{"id":{"email":"Ana@shop.fr"},"n":2}`, `{"id":{"email":"ana@shop.fr"},"n":null}`, `{"id":{"email":"none"}}`, `{"*":true,"n":3}`, `{"id":{}}`)
		return fmt.Sprintf(`{"entity":"score:rfm","run":%q%s,"attributes":%s}`, g.pick("", "load-1"), g.pick("", "", `,"delete":true`), id)
	}
	return fmt.Sprintf(`{"entity":%q,"run":%q%s,"attributes":%s}`, g.pick("list:vip", "list:guests"), g.pick("", "load-1"), g.pick("", "", `,"delete":true`), id)
}

func (g *generator) accept(i int, received, claimed int64, body string) {
	r := record.Record{
		Kind: record.Row, Body: []byte(body),
		Stamp: event.Stamp{Source: g.pick("api", "crm"), MessageID: g.messageID(i), ReceivedAt: received, Timestamp: claimed},
	}
	g.out = append(g.out, r.AppendTo(nil))
}

func (g *generator) attributes() string {
	out := `{"id":` + g.pick(`1`, `2`, `"1"`, `"s-3"`)
	if g.rng.IntN(2) == 0 {
		out += `,"owner":` + g.pick(`"u1"`, `"u2"`, `7`, `"null"`, `null`, `{}`)
	}
	if g.rng.IntN(2) == 0 {
		out += `,"plan":` + g.pick(`"free"`, `"pro"`, `null`, `{"b":1,"a":[1.0]}`)
	}
	if g.rng.IntN(3) == 0 {
		out += `,"seats":` + g.pick(`1`, `2`, `null`)
	}
	return out + `}`
}
