package scenario

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"kith/internal/held"
)

func quarantineCommand() *command {
	return &command{
		name:    "quarantine",
		about:   "shows the records that are held, by reason and message.",
		options: noOptions,
		run:     runQuarantine,
	}
}

// heldMax bounds how many held records are shown.
const heldMax = 1000

func runQuarantine(ctx context.Context, s *session, _ *step) (string, error) {
	if err := s.fold(ctx); err != nil {
		return "", err
	}
	snap, err := s.place.State().Snapshot(ctx)
	if err != nil {
		return "", err
	}
	defer snap.Close()
	list, err := held.List(ctx, snap, nil, heldMax)
	if err != nil {
		return "", err
	}
	if len(list) == 0 {
		return "none\n", nil
	}
	// Where a record lies depends on the partitions, what it says does not.
	slices.SortFunc(list, func(a, b held.Entry) int {
		return cmp.Or(strings.Compare(a.Code, b.Code), strings.Compare(s.heldMessage(&a), s.heldMessage(&b)), slices.Compare(a.Data, b.Data))
	})
	var out strings.Builder
	for i := range list {
		h := &list[i]
		fmt.Fprintf(&out, "%s %s%s: %s\n", s.mask.name("held", h.ID()), s.heldMessage(h), h.Code, h.Detail)
	}
	return out.String(), nil
}

// heldMessage names the message of a held record, if it can be read.
func (s *session) heldMessage(h *held.Entry) string {
	rec, err := h.Record()
	if err != nil {
		return ""
	}
	return s.messageID(rec.Stamp.MessageID) + " "
}
