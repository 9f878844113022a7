package scenario

import (
	"context"
	"strconv"
	"strings"
)

func repeatCommand() *command {
	return &command{
		name: "repeat", usage: "TIMES",
		about: "stands for the lines up to end, that often; @(i) in them is the number of the round.",
		shape: macroShape, block: true, options: noOptions, least: 1, most: 1,
		check: func(s *step) error { _, err := repeatRounds(s); return err },
		run: func(ctx context.Context, s *session, st *step) (string, error) {
			var all strings.Builder
			for _, inner := range st.body {
				out, err := inner.command.run(ctx, s, inner)
				if err != nil {
					return "", err
				}
				all.WriteString(out)
			}
			return all.String(), nil
		},
	}
}

func repeatRounds(s *step) (int, error) {
	n, err := strconv.Atoi(s.positional()[0].text())
	if err != nil || n < 1 || n > linesMax {
		return 0, wrong("write: "+s.command.form(), "%.20q is not a number of rounds from 1 to %d", s.positional()[0].text(), linesMax)
	}
	return n, nil
}
