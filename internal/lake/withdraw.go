package lake

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"time"

	"github.com/parquet-go/parquet-go"

	"kith/internal/eventlog"
)

// buckets is into how many files the nodes of a month are spread.
const buckets = 16

// bucketOf is the bucket of a node, by its text.
func bucketOf(node parquet.Value) int {
	if node.IsNull() {
		return 0
	}
	h := fnv.New32a()
	_, _ = h.Write(node.ByteArray()) // a hash takes everything
	return int(h.Sum32() % buckets)
}

func monthOf(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01") }

// without writes anew the files that hold rows that have to leave, and returns what
// is to be listed instead, by path. The table's lock is held.
func (p *portion) without(ctx context.Context, f *files) (map[string]ManifestFile, error) {
	gone := p.gone[f.table.Name]
	if len(gone) == 0 {
		return nil, nil
	}
	out := map[string]ManifestFile{}
	for _, have := range f.manifest.Files {
		leaving := map[eventlog.Position]bool{}
		for _, t := range gone {
			if have.concerns(&t) {
				leaving[t.at] = true
			}
		}
		if len(leaving) == 0 {
			continue
		}
		m, found, err := p.rewrite(ctx, f, have, leaving)
		if err != nil {
			return nil, err
		}
		if found {
			out[have.Path] = m
		}
	}
	return out, nil
}

// concerns reports whether a file may hold the rows of a record.
func (f *ManifestFile) concerns(t *target) bool {
	return f.mayHold(t.at.Partition, t.at.Offset) &&
		(f.Bucket == nil || *f.Bucket == t.bucket) && (f.Month == "" || f.Month == t.month)
}

// rewrite writes a file anew without the rows of some records; found is false when
// it has none of them.
func (p *portion) rewrite(ctx context.Context, f *files, have ManifestFile, leaving map[eventlog.Position]bool) (m ManifestFile, found bool, err error) {
	in, err := openInput(ctx, p.w.cfg.Store, &f.table, have)
	if err != nil {
		return m, false, err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	found, err = in.hasAny(leaving)
	if err != nil || !found {
		return m, false, err
	}
	m = have
	m.Path = fmt.Sprintf("out-%d-%d%s-%s", p.r.Generation, p.r.First, p.w.mark, trimmed(have.Path))
	m.MaxVersion = p.r.First
	l := newLayout(&f.table, have.Typed)
	if m.Path == have.Path {
		panic("BUG: a file is written over one that is listed")
	}
	err = Put(ctx, p.w.cfg.Store, f.table.Name+"/"+m.Path, func(w io.Writer) error {
		out := newWritten(l, w, in.whole, rowGroupRows)
		m.Records = nil
		for {
			rows, err := in.next()
			if err != nil {
				return err
			}
			if len(rows) == 0 {
				break
			}
			rows = slices.DeleteFunc(slices.Clone(rows), func(r parquet.Row) bool { return leaving[in.position(r)] })
			for _, r := range rows {
				at := in.position(r)
				m.Records = widen(m.Records, Span{at.Partition, at.Offset, at.Offset})
			}
			if err := out.add(rows); err != nil {
				return err
			}
		}
		if err := out.close(); err != nil {
			return err
		}
		out.describe(&m)
		return nil
	})
	f.making[m.Path] = err == nil
	return m, true, err
}

// trimmed is a file's name without what earlier rewritings put in front.
func trimmed(path string) string {
	for _, kind := range [...]string{"cut-", "merge-"} {
		for i := range path {
			if len(path)-i > len(kind) && path[i:i+len(kind)] == kind {
				return path[i:]
			}
		}
	}
	return path
}
