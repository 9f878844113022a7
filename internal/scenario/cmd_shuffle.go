package scenario

import (
	"context"
	"encoding/binary"
	"strings"

	"kith/internal/sys"
)

func shuffleCommand() *command {
	return &command{
		name: "shuffle", usage: "[seed=N] [copies=N]",
		about: "sends the calls up to end in another order in every run, each one as often as copies says, so the text must not depend on the order; seed pins the order.",
		block: true, options: []string{"seed", "copies"}, check: checkShuffle,
		run: runShuffle,
	}
}

// copiesMax bounds how often one call is sent.
const copiesMax = 100

func checkShuffle(s *step) error {
	if _, err := wholeNumber(s, "seed", 0, 0, 1<<53); err != nil {
		return err
	}
	_, err := wholeNumber(s, "copies", 1, 1, copiesMax)
	return err
}

func runShuffle(ctx context.Context, s *session, st *step) (string, error) {
	seed, err := wholeNumber(st, "seed", int64(s.seed), 0, 1<<62)
	if err != nil {
		return "", err
	}
	copies, err := wholeNumber(st, "copies", 1, 1, copiesMax)
	if err != nil {
		return "", err
	}
	var order []*step
	for range copies {
		order = append(order, st.body...)
	}
	shuffle(order, sys.Seeded(uint64(seed)+uint64(st.line)))
	outputs := map[*step][]string{}
	for _, inner := range order {
		out, err := inner.command.run(ctx, s, inner)
		if err != nil {
			return "", err
		}
		outputs[inner] = append(outputs[inner], out)
	}
	var all strings.Builder
	for _, inner := range st.body {
		all.WriteString(strings.Join(outputs[inner], ""))
	}
	return all.String(), nil
}

// shuffle brings steps into a random order.
func shuffle(order []*step, rand sys.Rand) {
	var b [8]byte
	for i := len(order) - 1; i > 0; i-- {
		if _, err := rand.Read(b[:]); err != nil {
			panic("BUG: a seeded source of randomness failed: " + err.Error())
		}
		j := binary.LittleEndian.Uint64(b[:]) % uint64(i+1)
		order[i], order[j] = order[j], order[i]
	}
}
