package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// start is when a simulation begins.
var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// item names one message of the workload. The same item is the same bytes
// whenever it is sent, so what clients send again is a repeat by nature.
type item struct {
	id      int
	variant int // 0, or another content under the same messageId
	flaw    flaw
}

// flaw is what is wrong with a message, if anything.
type flaw uint8

const (
	sound flaw = iota
	notObject
	unknownType
	nobody
	repeatedKey
	tooDeep
	big // taken or not by the limit of the day
	flaws
)

var flawNames = [...]string{"", "not an object", "unknown type", "nobody", "repeated key", "too deep", "big"}

func (i item) String() string {
	s := fmt.Sprintf("m%d", i.id)
	if i.variant > 0 {
		s += strings.Repeat("'", i.variant)
	}
	if i.flaw != sound {
		s += "(" + flawNames[i.flaw] + ")"
	}
	return s
}

// refused reports whether a collector with that limit refuses the message.
func (i item) refused(limit int) bool {
	if i.flaw == big {
		return len(i.body()) > limit
	}
	return i.flaw != sound
}

// messageID is the item's messageId; some messages have none.
func (i item) messageID() string {
	if i.id%29 == 0 {
		return ""
	}
	return fmt.Sprintf("m%d", i.id)
}

// body is the message as it is sent.
func (i item) body() string {
	rng := rand.New(rand.NewPCG(uint64(i.id), uint64(i.variant)+100*uint64(i.flaw)))
	switch i.flaw {
	case notObject:
		return []string{`"text"`, `42`, `[]`, `null`}[rng.IntN(4)]
	case unknownType:
		return fmt.Sprintf(`{"type":"nonsense","userId":"u1","messageId":"m%d"}`, i.id)
	case nobody:
		return fmt.Sprintf(`{"type":"track","event":"Order Completed","messageId":"m%d"}`, i.id)
	case repeatedKey:
		return fmt.Sprintf(`{"type":"track","userId":"u1","userId":"u2","event":"A","messageId":"m%d"}`, i.id)
	case tooDeep:
		return fmt.Sprintf(`{"type":"track","userId":"u1","event":"A","messageId":"m%d","properties":{"a":%s1%s}}`, i.id, strings.Repeat("[", 70), strings.Repeat("]", 70))
	}
	return i.call(rng)
}

// people is how many people the workload is about: few, so that everything
// happens to the same ones.
const people = 7

func (i item) call(rng *rand.Rand) string {
	pick := func(options ...string) string { return options[rng.IntN(len(options))] }
	person := rng.IntN(people)
	user := pick(fmt.Sprintf("u%d-x", person), fmt.Sprintf("u%d-x", person), "", "null")
	anonymous := pick(fmt.Sprintf("browser-%d", person), "browser-shared", "")
	if user == "" && anonymous == "" {
		anonymous = "browser-alone"
	}
	kind := pick("identify", "identify", "track", "track", "track", "page", "group", "alias")
	fields := []string{fmt.Sprintf(`"type":%q`, kind), fmt.Sprintf(`"userId":%q,"anonymousId":%q`, user, anonymous)}
	if id := i.messageID(); id != "" {
		fields = append(fields, fmt.Sprintf(`"messageId":%q`, id))
	}
	if rng.IntN(5) > 0 {
		fields = append(fields, fmt.Sprintf(`"timestamp":%q`, i.moment(rng).Format(time.RFC3339Nano)))
	}
	switch kind {
	case "identify":
		fields = append(fields, fmt.Sprintf(`"traits":{"email":"p%d@shop.test-mail.fr","plan":%s,"n":%d}`, person, pick(`"free"`, `"pro"`, `null`), rng.IntN(3)))
	case "track":
		fields = append(fields, fmt.Sprintf(`"event":%q,"properties":{"total":%s}`, pick("Order Completed", "Product Viewed"), pick("1", "2.50")))
	case "page":
		fields = append(fields, `"name":"Home"`)
	case "group":
		fields = append(fields, fmt.Sprintf(`"groupId":%q,"traits":{"seats":%d}`, pick("acme", "globex"), rng.IntN(4)))
	case "alias":
		fields = append(fields, fmt.Sprintf(`"previousId":"browser-%d"`, rng.IntN(people)))
	}
	if i.flaw == big {
		fields = append(fields, fmt.Sprintf(`"integrations":{"pad":%q}`, strings.Repeat("x", 3000)))
	}
	return "{" + strings.Join(fields, ",") + "}"
}

// moment is when the call happened, by the client: around the start of the
// simulation, late or early, often at the same moment as others.
func (i item) moment(rng *rand.Rand) time.Time {
	at := start.Add(time.Duration(rng.Int64N(int64(4*day))) - 2*day).Truncate(time.Millisecond)
	if rng.IntN(3) == 0 {
		return at.Truncate(12 * time.Hour)
	}
	return at
}

// items draws messages: most of them sound, some of them sent before, some with
// another content under an id that was used, some malformed.
func items(rng *rand.Rand, n int) []item {
	out := make([]item, n)
	for i := range out {
		out[i] = item{id: rng.IntN(160)}
		if rng.IntN(6) == 0 {
			out[i].variant = 1 + rng.IntN(2)
		}
		if rng.IntN(9) == 0 {
			out[i].flaw = flaw(1 + rng.IntN(int(flaws)-1))
		}
	}
	return out
}
