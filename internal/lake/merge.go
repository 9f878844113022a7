package lake

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"slices"

	"github.com/parquet-go/parquet-go"

	"kith/internal/strictjson"
)

// merging reads several files of a table as one, its rows in the table's order
// and in one layout. It holds a bounded number of rows of each file.
type merging struct {
	layout  *layout
	streams []*stream
	sort    []int // places of the columns that rows are ordered by
	key     []int // of a mutable table: places of the key; of each only the newest row comes
	version int
	deleted int
	live    bool // rows that say that there is none do not come either
	last    []parquet.Value
}

// stream is one of the files.
type stream struct {
	in    *input
	to    []int // place of each of its columns in the layout
	lacks bool  // it may have values for columns that it lacks
	rows  []parquet.Row
	at    int
	docs  strictjson.Doc
}

// merge opens files to be read as one. The caller closes what it returns.
func mergeFiles(ctx context.Context, s Store, l *layout, list []ManifestFile) (*merging, error) {
	m := &merging{layout: l}
	for _, name := range l.table.Sort {
		m.sort = append(m.sort, l.fixedAt[l.table.index(name)])
	}
	if l.table.Kind == Mutable {
		for _, name := range l.table.Key {
			m.key = append(m.key, l.fixedAt[l.table.index(name)])
		}
		m.version, m.deleted = l.fixedAt[l.table.index(VersionColumn)], l.fixedAt[l.table.index(DeletedColumn)]
	}
	for _, f := range list {
		in, err := openInput(ctx, s, l.table, f)
		if err != nil {
			return nil, errors.Join(err, m.close())
		}
		m.streams = append(m.streams, newStream(in, l))
	}
	return m, nil
}

func newStream(in *input, l *layout) *stream {
	s := &stream{in: in, to: make([]int, len(in.layout.defined))}
	for i, at := range in.layout.fixedAt {
		s.to[at] = l.fixedAt[i]
	}
	for name, at := range in.layout.typedAt {
		s.to[at] = -1
		if place, ok := l.typedAt[name]; ok {
			s.to[at] = place
		}
	}
	for name := range l.typedAt {
		if _, ok := in.layout.typedAt[name]; !ok && !in.whole {
			s.lacks = true
		}
	}
	return s
}

func (m *merging) close() error {
	var err error
	for _, s := range m.streams {
		err = errors.Join(err, s.in.close())
	}
	return err
}

// fill reads the rows of a stream that follow; it is false at its end.
func (s *stream) fill(l *layout) (bool, error) {
	rows, err := s.in.next()
	if err != nil || len(rows) == 0 {
		return false, err
	}
	s.rows, s.at = slices.Grow(s.rows[:0], len(rows))[:len(rows)], 0
	for i, r := range rows {
		if s.rows[i], err = s.convert(l, r, s.rows[i]); err != nil {
			return false, err
		}
	}
	return true, nil
}

// convert brings a row into the layout.
func (s *stream) convert(l *layout, r, dst parquet.Row) (parquet.Row, error) {
	dst = slices.Grow(dst[:0], len(l.defined))[:len(l.defined)]
	for i := range dst {
		dst[i] = parquet.NullValue().Level(0, 0, i)
	}
	for i, v := range r {
		if s.to[i] >= 0 {
			l.set(dst, s.to[i], v)
		}
	}
	if !s.lacks {
		return dst, nil
	}
	text := dst[l.fixedAt[l.table.index("properties")]]
	if text.IsNull() {
		return dst, nil
	}
	if err := s.docs.Parse(text.ByteArray(), strictjson.Limits{}); err != nil {
		return nil, errFile(err)
	}
	typed, _ := cells(s.docs.Root())
	for _, c := range typed {
		if _, have := s.in.layout.typedAt[c.column]; have {
			continue
		}
		if at, ok := l.typedAt[c.column]; ok {
			l.set(dst, at, c.value)
		}
	}
	return dst, nil
}

// each hands over all rows in order, some at a time. They are valid during the
// call.
func (m *merging) each(ctx context.Context, f func([]parquet.Row) error) error {
	h := streamHeap{m: m}
	for _, s := range m.streams {
		ok, err := s.fill(m.layout)
		if err != nil {
			return err
		}
		if ok {
			h.streams = append(h.streams, s)
		}
	}
	heap.Init(&h)
	var batch []parquet.Row
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := f(batch)
		batch = batch[:0]
		return errors.Join(err, ctx.Err())
	}
	for len(h.streams) > 0 {
		s := h.streams[0]
		if r := s.rows[s.at]; m.wanted(r) {
			batch = append(batch, r)
		}
		if s.at++; s.at < len(s.rows) {
			heap.Fix(&h, 0)
			continue
		}
		if err := flush(); err != nil { // the rows of the stream are about to change
			return err
		}
		ok, err := s.fill(m.layout)
		switch {
		case err != nil:
			return err
		case ok:
			heap.Fix(&h, 0)
		default:
			heap.Pop(&h)
		}
	}
	return flush()
}

// wanted reports whether a row is the newest one of its key.
func (m *merging) wanted(r parquet.Row) bool {
	if m.key == nil {
		return true
	}
	same := m.last != nil
	for i, at := range m.key {
		same = same && compareValues(m.last[i], r[at]) == 0
	}
	if same {
		return false
	}
	m.last = m.last[:0]
	for _, at := range m.key {
		m.last = append(m.last, r[at].Clone())
	}
	return !m.live || !r[m.deleted].Boolean()
}

// compare orders rows: as the table is sorted, of one key the newest first.
func (m *merging) compare(a, b parquet.Row) int {
	for _, at := range m.sort {
		if c := compareValues(a[at], b[at]); c != 0 {
			return c
		}
	}
	if m.key != nil {
		return cmp.Compare(b[m.version].Int64(), a[m.version].Int64())
	}
	return 0
}

type streamHeap struct {
	m       *merging
	streams []*stream
}

func (h *streamHeap) Len() int { return len(h.streams) }
func (h *streamHeap) Less(i, j int) bool {
	a, b := h.streams[i], h.streams[j]
	return h.m.compare(a.rows[a.at], b.rows[b.at]) < 0
}
func (h *streamHeap) Swap(i, j int) { h.streams[i], h.streams[j] = h.streams[j], h.streams[i] }
func (h *streamHeap) Push(x any)    { h.streams = append(h.streams, x.(*stream)) }
func (h *streamHeap) Pop() any {
	s := h.streams[len(h.streams)-1]
	h.streams = h.streams[:len(h.streams)-1]
	return s
}
