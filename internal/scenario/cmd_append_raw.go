package scenario

import (
	"context"
	"encoding/hex"

	"kith/internal/eventlog"
)

func appendRawCommand() *command {
	return &command{
		name: "append-raw", usage: "HEX",
		about:   "appends bytes to the first partition of the log past the collector.",
		options: noOptions, least: 1, most: 1,
		check: func(s *step) error { _, err := rawBytes(s); return err },
		run: func(ctx context.Context, s *session, st *step) (string, error) {
			data, err := rawBytes(st)
			if err != nil {
				return "", err
			}
			_, err = s.place.Log().Append(ctx, []eventlog.Entry{{Data: data}})
			return "", err
		},
	}
}

func rawBytes(s *step) ([]byte, error) {
	data, err := hex.DecodeString(s.positional()[0].text())
	if err != nil {
		return nil, wrong("write two hexadecimal digits for each byte", "%.20q is not hexadecimal", s.positional()[0].text())
	}
	return data, nil
}
