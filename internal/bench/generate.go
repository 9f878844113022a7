package bench

import (
	"fmt"
	"math/rand/v2"
	"strconv"
)

// Generator makes shop events of about 600 bytes, people by a skewed
// distribution (the few who come often and the many who come once). It is not
// safe for concurrent use; give each worker its own.
type Generator struct {
	rng    *rand.Rand
	zipf   *rand.Zipf
	prefix string
	n      int64
	last   uint64 // person of the latest event
}

// NewGenerator returns a generator over a number of people. Generators of
// different numbers never make the same messageId.
func NewGenerator(number uint64, people int) *Generator {
	rng := rand.New(rand.NewPCG(number, 0x62656e63))
	return &Generator{
		rng: rng, zipf: rand.NewZipf(rng, 1.01, 10, uint64(people-1)),
		prefix: fmt.Sprintf("bench-%d-%08x-", number, rng.Uint32()),
	}
}

// Person returns a person's number by the distribution.
func (g *Generator) Person() uint64 { return g.zipf.Uint64() }

// UserID is the user id of a person.
func UserID(person uint64) string { return "user-" + strconv.FormatUint(person, 10) }

// AppendEvent appends one message: nineteen of twenty are tracks, one identifies.
func (g *Generator) AppendEvent(b []byte) []byte {
	p := g.Person()
	g.last = p
	b = append(b, `{"messageId":"`...)
	b = append(b, g.prefix...)
	b = strconv.AppendInt(b, g.n, 10)
	g.n++
	b = append(b, `","userId":"`...)
	b = append(b, UserID(p)...)
	b = append(b, `","anonymousId":"5b1f`...)
	b = strconv.AppendUint(b, p, 16)
	if g.rng.IntN(20) == 0 {
		b = append(b, `-browser","type":"identify","traits":{"email":"person`...)
		b = strconv.AppendUint(b, p, 10)
		b = append(b, `@shop.fr","firstName":"Ana","lastName":"Martin","plan":"pro","logins":`...)
		b = strconv.AppendInt(b, int64(g.rng.IntN(1000)), 10)
		return append(b, `},"context":{"library":{"name":"analytics-node","version":"3.1.0"},"locale":"fr-FR"}}`...)
	}
	sku := int64(g.rng.IntN(5000))
	b = append(b, `-browser","type":"track","event":"Product Viewed","properties":{"product_id":"`...)
	b = strconv.AppendInt(b, sku, 10)
	b = append(b, `","sku":"G-`...)
	b = strconv.AppendInt(b, sku, 10)
	b = append(b, `","category":"Games","name":"Monopoly: 3rd Edition","brand":"Hasbro","variant":"200 pieces","price":18.99,"quantity":1,"coupon":"MAYDEALS","currency":"EUR","position":3,"url":"https://www.shop.fr/product/`...)
	b = strconv.AppendInt(b, sku, 10)
	return append(b, `"},"context":{"library":{"name":"analytics.js","version":"npm:next-1.84.3"},"locale":"fr-FR","page":{"path":"/product","referrer":"https://www.shop.fr/","title":"Monopoly"},"userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0"}}`...)
}

// AppendBatch appends the body of a batch of n messages.
func (g *Generator) AppendBatch(b []byte, n int) []byte {
	b = append(b, `{"batch":[`...)
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = g.AppendEvent(b)
	}
	return append(b, `]}`...)
}
