package scenario

import (
	"context"

	"kith/internal/collect"
)

func limitsCommand() *command {
	return &command{
		name: "limits", usage: "[event=BYTES] [batch=MESSAGES] [body=BYTES]",
		about:   "settles the collector's limits; those that are not named have their defaults.",
		options: []string{"event", "batch", "body"},
		check: func(s *step) error {
			_, err := collectLimits(s)
			return err
		},
		run: func(ctx context.Context, s *session, st *step) (string, error) {
			limits, err := collectLimits(st)
			if err != nil {
				return "", err
			}
			s.limits = limits
			return "", s.wire(ctx)
		},
	}
}

func collectLimits(s *step) (l collect.Limits, err error) {
	read := func(key string) (n int64) {
		if err == nil {
			n, err = wholeNumber(s, key, 0, 1, collect.MaxBody)
		}
		return n
	}
	l.Event, l.Batch, l.BodyBytes = int(read("event")), int(read("batch")), read("body")
	return l, err
}
