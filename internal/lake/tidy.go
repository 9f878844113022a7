package lake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/parquet-go/parquet-go"
)

// tidyEvery is how often files are merged and swept, where periods are not short.
const tidyEvery = 10 * time.Second

// tidy merges files and deletes what nobody lists any more.
func (w *Writer) tidy(ctx context.Context) {
	every := min(tidyEvery, w.cfg.Periods[0]/2)
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-w.cfg.Clock.After(every):
		}
		if err := guarded(func() error { return w.Tidy(ctx) }); err != nil && ctx.Err() == nil {
			w.failed(err)
		}
	}
}

// Tidy does, in the calling goroutine, all merging and sweeping that is due. It may
// run beside Step.
func (w *Writer) Tidy(ctx context.Context) error {
	w.tidying.Lock()
	defer w.tidying.Unlock()
	w.mu.Lock()
	tables := w.tables
	w.mu.Unlock()
	for _, t := range Tables() {
		f := tables[t.Name]
		if f == nil {
			continue
		}
		for j := f.due(w.now()); j != nil; j = f.due(w.now()) {
			if err := w.merge(ctx, f, j); err != nil {
				return w.moved(err)
			}
		}
		if err := f.sweep(ctx, w.now(), w.cfg.Shared); err != nil {
			return w.moved(err)
		}
	}
	return nil
}

// merge puts files that hold the same rows in the place of others, in one
// replacement of the list. When one of the others has left the list meanwhile, what
// was made of it is not used.
func (w *Writer) merge(ctx context.Context, f *files, j *job) error {
	if len(j.inputs) == 1 && !j.spread && !j.base {
		return w.exchange(ctx, f, j, []ManifestFile{raised(j.inputs[0], j.level)})
	}
	out, err := w.produce(ctx, f, j)
	if err == nil {
		err = w.exchange(ctx, f, j, out)
	}
	if err != nil {
		for _, m := range out {
			f.drop(m.Path)
		}
		return err
	}
	var rows, bytes int64
	for _, m := range out {
		rows, bytes = rows+m.Rows, bytes+m.Bytes
	}
	if w.cfg.Observer.Merged != nil {
		w.cfg.Observer.Merged(f.table.Name, rows, bytes)
	}
	return nil
}

// raised is a file at a higher level: alone in its period it stays as it is.
func raised(f ManifestFile, l Level) ManifestFile {
	f.Level = l
	return f
}

// exchange lists files instead of the inputs of a job.
func (w *Writer) exchange(ctx context.Context, f *files, j *job, out []ManifestFile) error {
	unused := false
	err := f.replace(ctx, w.now(), func(m *Manifest) error {
		for _, in := range j.inputs {
			if !m.lists(in.Path) {
				unused = true
				return errMoved()
			}
		}
		m.Files = slices.DeleteFunc(m.Files, func(have ManifestFile) bool {
			return slices.ContainsFunc(j.inputs, func(in ManifestFile) bool { return in.Path == have.Path })
		})
		m.Files = append(m.Files, out...)
		return nil
	})
	if unused {
		for _, m := range out {
			f.drop(m.Path)
		}
		return nil
	}
	return err
}

// produce writes the files that a job makes.
func (w *Writer) produce(ctx context.Context, f *files, j *job) (out []ManifestFile, err error) {
	o := &outputs{w: w, f: f, j: j, version: f.now().Version, open: map[sink]*output{}}
	months, err := o.survey(ctx)
	if err != nil {
		return nil, err
	}
	const together = 3 // months whose files are open at once
	for len(months) > 0 {
		some := months[:min(together, len(months))]
		months = months[len(some):]
		if err := o.pass(ctx, some); err != nil {
			o.abort()
			return o.done, err
		}
	}
	return o.done, nil
}

// outputs is what a job writes.
type outputs struct {
	w       *Writer
	f       *files
	j       *job
	version uint64
	layout  *layout
	whole   bool
	apart   []string // columns of the inputs that the outputs do not have
	node    int      // place of the column that decides the bucket
	stamp   int      // and the month
	open    map[sink]*output
	done    []ManifestFile
	number  int
}

// sink names a file that is being written; the zero one where rows are not spread.
type sink struct {
	bucket int
	month  string
}

type output struct {
	draft Draft
	file  *written
	m     ManifestFile
}

// survey decides the columns of the outputs, and returns the months that rows fall
// into; a single empty one where rows are not spread.
func (o *outputs) survey(ctx context.Context) ([]string, error) {
	t := &o.f.table
	counts, rows := map[string]int64{}, int64(0)
	months := map[string]bool{}
	o.whole = true
	for _, m := range o.j.inputs {
		in, err := openInput(ctx, o.w.cfg.Store, t, m)
		if err != nil {
			return nil, err
		}
		rows += m.Rows
		o.whole = o.whole && in.whole
		for name, n := range in.counts {
			counts[name] += n
		}
		if o.j.spread {
			err = in.months(t, months)
		}
		if err := errors.Join(err, in.close()); err != nil {
			return nil, err
		}
	}
	typed, whole := o.f.choose(counts, rows)
	o.whole = o.whole && whole
	o.apart = without(counts, typed)
	o.layout = newLayout(t, typed)
	if !o.j.spread {
		return []string{""}, nil
	}
	o.node, o.stamp = o.layout.fixedAt[t.index("node_id")], o.layout.fixedAt[t.index(t.Moment)]
	var out []string
	for month := range months {
		out = append(out, month)
	}
	slices.Sort(out)
	return out, nil
}

// months adds the months of a file's timestamps.
func (in *input) months(t *Table, to map[string]bool) error {
	last := int64(-1)
	for _, g := range in.groups {
		stamps, err := integers(g.ColumnChunks()[in.layout.fixedAt[t.index(t.Moment)]])
		if err != nil {
			return err
		}
		for _, ms := range stamps {
			if day := ms / dayMillis; day != last {
				last = day
				to[monthOf(ms)] = true
			}
		}
	}
	return nil
}

// pass writes the rows of some months.
func (o *outputs) pass(ctx context.Context, months []string) error {
	in, err := mergeFiles(ctx, o.w.cfg.Store, o.layout, o.j.inputs)
	if err != nil {
		return err
	}
	in.live = o.j.base
	err = in.each(ctx, func(rows []parquet.Row) error {
		for i := range rows {
			to := o.sink(rows[i])
			if !slices.Contains(months, to.month) {
				continue
			}
			if err := o.add(ctx, to, rows[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, in.close()); err != nil {
		return err
	}
	for to := range o.open {
		if err := o.close(ctx, to); err != nil {
			return err
		}
	}
	return nil
}

func (o *outputs) sink(r parquet.Row) sink {
	if !o.j.spread {
		return sink{}
	}
	return sink{bucketOf(r[o.node]), monthOf(r[o.stamp].Int64())}
}

// add writes rows to a file, which is begun if need be and ended when it is large.
func (o *outputs) add(ctx context.Context, to sink, rows []parquet.Row) error {
	out := o.open[to]
	if out == nil {
		var err error
		if out, err = o.begin(ctx, to); err != nil {
			return err
		}
		o.open[to] = out
	}
	if o.f.table.ofRecords() {
		t, l := &o.f.table, o.layout
		p, at := l.fixedAt[t.index("record_partition")], l.fixedAt[t.index("record_offset")]
		for _, r := range rows {
			out.m.Records = widen(out.m.Records, Span{int32(r[p].Int64()), r[at].Int64(), r[at].Int64()})
		}
	}
	if err := out.file.add(rows); err != nil {
		return err
	}
	if out.file.rows >= fileRowsMax {
		return o.close(ctx, to)
	}
	return nil
}

// spreadGroupRows bounds the row groups of files of which many are written at once.
const spreadGroupRows = 1 << 13

func (o *outputs) begin(ctx context.Context, to sink) (*output, error) {
	m := combined(o.j.inputs)
	m.Apart = apartOf(m.Apart, o.apart)
	m.Level = o.j.level
	m.Path = fmt.Sprintf("merge-%d-%s-%d-%d%s.parquet", o.f.now().Generation, o.j.level, o.version, o.number, o.w.mark)
	o.number++
	group := int64(rowGroupRows)
	if o.j.spread {
		m.Bucket, m.Month, group = &to.bucket, to.month, spreadGroupRows
	}
	o.f.take(m.Path)
	d, err := o.w.cfg.Store.Create(ctx, o.f.table.Name+"/"+m.Path)
	if err != nil {
		o.f.drop(m.Path)
		return nil, err
	}
	return &output{draft: d, file: newWritten(o.layout, d, o.whole, group), m: m}, nil
}

// close ends a file.
func (o *outputs) close(ctx context.Context, to sink) error {
	out := o.open[to]
	if err := out.file.close(); err != nil {
		return err
	}
	if err := out.draft.Commit(ctx); err != nil {
		return err
	}
	delete(o.open, to)
	out.file.describe(&out.m)
	o.done = append(o.done, out.m)
	return nil
}

func (o *outputs) abort() {
	for _, out := range o.open {
		out.draft.Abort()
		o.f.drop(out.m.Path)
	}
}

// combined is what is to be said of a file that has rows of several others.
func combined(inputs []ManifestFile) ManifestFile {
	var m ManifestFile
	for i, f := range inputs {
		if i == 0 {
			m.MinVersion = f.MinVersion
		}
		m.MinVersion, m.MaxVersion = min(m.MinVersion, f.MinVersion), max(m.MaxVersion, f.MaxVersion)
		m.At = max(m.At, f.At)
		m.Apart = apartOf(m.Apart, f.Apart)
		m.Cuts = append(m.Cuts, f.Cuts...)
	}
	slices.SortFunc(m.Cuts, func(a, b Cut) int {
		return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.From, b.From))
	})
	var joined []Cut
	for _, c := range m.Cuts {
		if n := len(joined); n > 0 && joined[n-1].Partition == c.Partition && c.From <= joined[n-1].To {
			joined[n-1].To = max(joined[n-1].To, c.To)
			continue
		}
		joined = append(joined, c)
	}
	m.Cuts = joined
	return m
}
