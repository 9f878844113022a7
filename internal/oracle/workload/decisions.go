package workload

import (
	"fmt"
	"math/rand/v2"

	"kith/internal/decision"
	"kith/internal/record"
)

// Decisions returns encoded records of n decisions about the people of Records:
// merges, splits and retractions that contradict each other, some told twice in
// two versions, some revoked, some revoked that nobody ever made.
func Decisions(seed uint64, n int) [][]byte {
	rng := rand.New(rand.NewPCG(seed, 0x64656369))
	var out [][]byte
	for i := range n {
		d := decide(rng)
		d.ID, d.At = fmt.Sprintf("dec_%03d", i), Start+rng.Int64N(3*day)
		if i > 0 && rng.IntN(5) == 0 {
			d.ID = fmt.Sprintf("dec_%03d", rng.IntN(i)) // another version of what was said
		}
		r, err := d.Record()
		if err != nil {
			panic("BUG: a made decision cannot be written: " + err.Error())
		}
		out = append(out, r.AppendTo(nil))
	}
	return out
}

func decide(rng *rand.Rand) decision.Decision {
	d := decision.Decision{Kind: decision.Merge, By: "somebody"}
	switch rng.IntN(8) {
	case 0, 1, 2:
		a, b := value(rng), value(rng)
		d.A, d.B = &a, &b
	case 3, 4:
		d.Kind = decision.Split
		for range 1 + rng.IntN(2) {
			d.Left, d.Right = append(d.Left, value(rng)), append(d.Right, value(rng))
		}
	case 5:
		d.Kind, d.Source, d.Run = decision.Retract, []string{"web", "crm"}[rng.IntN(2)], fmt.Sprint("load-", rng.IntN(3))
	default:
		d.Kind, d.Target = decision.Revoke, fmt.Sprintf("dec_%03d", rng.IntN(30))
	}
	return d
}

func value(rng *rand.Rand) decision.Value {
	all := []decision.Value{
		{Type: "user_id", Value: fmt.Sprintf("u%d-x", rng.IntN(8))},
		{Type: "user_id", Value: fmt.Sprintf("u%d-x", rng.IntN(8))},
		{Type: "email", Value: fmt.Sprintf("P%d@shop.test-mail.fr", rng.IntN(8))},
		{Type: "email", Value: "family@shop.test-mail.fr"},
		{Type: "anonymous_id", Value: fmt.Sprintf("browser-%d", rng.IntN(8))},
		{Type: "anonymous_id", Value: "kiosk-1"},
		{Type: "user_id", Value: "never-seen"},
		{Type: "user_id", Value: "null"},
	}
	return all[rng.IntN(len(all))]
}

// Loaded returns the records of Records, some of which are of one of three loads
// of their source.
func Loaded(seed uint64, n int) [][]byte {
	rng := rand.New(rand.NewPCG(seed, 0x6c6f6164))
	out := Records(seed, n)
	for i, data := range out {
		r, err := record.Decode(data)
		if err != nil || len(r.Envelope) > 0 || rng.IntN(2) == 0 {
			continue
		}
		r.Envelope = []byte(`{"context":{"run":"load-` + fmt.Sprint(rng.IntN(3)) + `"}}`)
		out[i] = r.AppendTo(nil)
	}
	return out
}
