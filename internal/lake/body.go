package lake

import (
	"context"

	"kith/internal/errs"
	"kith/internal/eventlog"
)

// Bounds of one read of the log.
const (
	readRecords = 1000
	readBytes   = 4 << 20
)

// bodies reads the records that facts name. Facts name records in nearly the
// order of the log, so it reads ahead.
type bodies struct {
	log     eventlog.Reader
	windows map[int32]*window
}

type window struct {
	first int64
	data  [][]byte
}

func newBodies(log eventlog.Reader) *bodies { return &bodies{log, map[int32]*window{}} }

// get returns a record's bytes, valid until the next call.
func (b *bodies) get(ctx context.Context, at eventlog.Position) ([]byte, error) {
	w := b.windows[at.Partition]
	if w == nil {
		w = &window{}
		b.windows[at.Partition] = w
	}
	if at.Offset < w.first || at.Offset >= w.first+int64(len(w.data)) {
		data, err := b.log.Read(ctx, at, readRecords, readBytes)
		if err != nil {
			return nil, err
		}
		if len(data) == 0 {
			return nil, errs.New(errs.Corrupt, "lake.body_missing", "a fact names a record that the log does not hold: partition %d, offset %d", at.Partition, at.Offset)
		}
		w.first, w.data = at.Offset, data
	}
	return w.data[at.Offset-w.first], nil
}
