package app

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"

	"kith/event"
	"kith/internal/api"
	"kith/internal/entity"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/expr"
	"kith/internal/identity"
	"kith/internal/job"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/resource"
	"kith/internal/resource/form"
	"kith/internal/segment"
	"kith/internal/state"
)

// lists takes uploads of lists.
type lists struct {
	app  *App
	held *atomic.Int64 // bytes of uploads that jobs are writing
}

var _ api.Lists = lists{}

// kindUpload is the kind of the jobs that write large uploads.
const kindUpload = "list.upload"

const (
	uploadBatch   = 1000      // rows that are appended at once
	uploadsHeldBy = 256 << 20 // bytes of uploads that jobs may hold
)

// Upload implements api.Lists.
func (l lists) Upload(ctx context.Context, u entity.Upload, rows *entity.ListRows, reject func(job.Rejected) error) (api.Uploaded, error) {
	run, err := newUUID(l.app.cfg.Rand)
	if err != nil {
		return api.Uploaded{}, err
	}
	w, err := l.writer(u, "upload_"+run)
	if err != nil {
		return api.Uploaded{}, err
	}
	err = w.write(ctx, rows, reject, func(*api.Uploaded) {})
	return w.out, err
}

// UploadJob implements api.Lists.
func (l lists) UploadJob(ctx context.Context, u entity.Upload, rows *entity.ListRows, size int64) (job.Job, error) {
	if l.held.Add(size) > uploadsHeldBy {
		l.held.Add(-size)
		return job.Job{}, errs.New(errs.Exhausted, "list.busy", "other uploads are being written; send this one again in a moment")
	}
	id, err := l.app.jobs.NewID()
	if err != nil {
		return job.Job{}, err
	}
	w, err := l.writer(u, id)
	if err != nil {
		return job.Job{}, err
	}
	params, err := json.Marshal(map[string]string{"segment": u.Segment, "mode": u.Mode, "source": w.u.Source, "run": w.u.Run})
	if err != nil {
		return job.Job{}, errs.Wrap(err, errs.Internal, "list.encode", "an upload could not be written down")
	}
	return l.app.jobs.StartAs(ctx, id, kindUpload, params, func(ctx context.Context, report func(job.Progress)) (json.RawMessage, error) {
		defer l.held.Add(-size)
		rejects := l.app.jobs.NewRejects(id)
		told := func(out *api.Uploaded) {
			report(job.Progress{Total: int64(rows.Expected), Accepted: out.Accepted, Rejected: out.Rejected, Kept: rejects.Kept})
		}
		err := w.write(ctx, rows, func(r job.Rejected) error { return rejects.Add(ctx, r) }, told)
		if err := rejects.Flush(ctx); err != nil {
			return nil, err
		}
		rows.Expected = int(w.out.Accepted + w.out.Rejected)
		told(&w.out)
		if err != nil {
			return nil, err
		}
		return json.Marshal(w.out)
	})
}

// uploadWriter writes one upload.
type uploadWriter struct {
	l         lists
	u         entity.Upload
	accounts  bool
	partition int32
	out       api.Uploaded
}

func (l lists) writer(u entity.Upload, run string) (*uploadWriter, error) {
	d := l.app.definitions.today().Segment(u.Segment)
	if d == nil || !d.List {
		return nil, errs.New(errs.Conflict, "segment.no_list", "members are uploaded to segments that say list: true")
	}
	if u.Source == "" {
		u.Source = apiSource
	}
	if err := resource.CheckKey(u.Source); err != nil {
		return nil, form.Refuse(errs.Invalid, form.CodeInvalid, "/source", "must be the key of a source")
	}
	if u.Run == "" {
		u.Run = run
	}
	if u.ID == "" {
		u.ID = run
	}
	if now := l.app.collector.ReceivedAt(); u.Timestamp == event.NoTime || u.Timestamp > now {
		u.Timestamp = now
	}
	// What is uploaded to a list lies in one partition, so that an upload that
	// replaces it is followed when its rows are.
	partition := l.app.partitionOf(entity.Identifier(entity.ListOf(u.Segment), entity.Replaced))
	return &uploadWriter{
		l: l, u: u, accounts: d.Scope == expr.Account, partition: partition,
		out: api.Uploaded{Source: u.Source, Run: u.Run},
	}, nil
}

// write appends the rows, and last what lets them replace the list: an upload that
// breaks off has added to the list and replaced nothing.
func (w *uploadWriter) write(ctx context.Context, rows *entity.ListRows, reject func(job.Rejected) error, told func(*api.Uploaded)) error {
	for more := true; more; {
		var batch []entity.UploadedRow
		for len(batch) < uploadBatch {
			row, ok, err := rows.Next()
			if err != nil {
				return err
			}
			if more = ok; !ok {
				break
			}
			batch = append(batch, row)
		}
		if err := w.append(ctx, batch, reject); err != nil {
			return err
		}
		told(&w.out)
	}
	if w.u.Mode != entity.ModeReplace {
		return nil
	}
	if w.out.Accepted == 0 && w.out.Rejected > 0 {
		return errs.New(errs.Invalid, "list.nothing_accepted", "no row of the upload names anybody, so the list stays as it is")
	}
	body := entity.ReplaceBody(w.u.Segment, w.u.Run)
	return w.l.app.append(ctx, w.entry(w.u.ID, &body, w.l.app.collector.ReceivedAt()))
}

// append makes rows durable.
func (w *uploadWriter) append(ctx context.Context, batch []entity.UploadedRow, reject func(job.Rejected) error) error {
	now, rules := w.l.app.collector.ReceivedAt(), w.l.app.live.Load().rules
	var entries []eventlog.Entry
	var nodes []identity.NodeID
	for i := range batch {
		row := &batch[i]
		id, why := identity.Identifier{}, row.Rejected
		if why == nil {
			id, why = row.Writable(rules, w.accounts)
		}
		if why != nil {
			w.out.Rejected++
			if err := reject(job.Rejected{Index: row.Index, Code: why.Code, Detail: why.Detail, Row: row.Text}); err != nil {
				return err
			}
			continue
		}
		body := entity.ListBody(w.u.Segment, w.u.Run, row.Type, row.Value, w.u.Mode == entity.ModeRemove)
		entries = append(entries, w.entry(fmt.Sprintf("%s-%09d", w.u.ID, row.Index), &body, now))
		nodes = append(nodes, w.l.app.ws.Keyring().Node(id))
	}
	if len(entries) == 0 {
		return nil
	}
	unknown, err := w.l.unknown(ctx, nodes)
	if err != nil {
		return err
	}
	if err := w.l.app.append(ctx, entries...); err != nil {
		return err
	}
	w.out.Accepted += int64(len(entries))
	w.out.Unknown += unknown
	return nil
}

func (w *uploadWriter) entry(id string, body *entity.Body, receivedAt int64) eventlog.Entry {
	rec := record.Record{
		Kind: record.Row, Body: body.AppendTo(nil),
		Stamp: event.Stamp{Source: w.u.Source, MessageID: id, ReceivedAt: receivedAt, Timestamp: w.u.Timestamp},
	}
	return eventlog.Entry{Partition: w.partition, Data: rec.AppendTo(nil)}
}

// unknown counts the nodes that nobody has.
func (l lists) unknown(ctx context.Context, nodes []identity.NodeID) (n int64, err error) {
	keys := make([][]byte, len(nodes))
	for i, node := range nodes {
		keys[i] = identity.IdentifierRow(node)
	}
	err = kinship{l.app}.view(ctx, func(r state.Reader) error {
		values, err := r.Get(ctx, keys)
		for _, v := range values {
			if v == nil {
				n++
			}
		}
		return err
	})
	return n, err
}

// Namings implements api.Lists.
func (l lists) Namings(ctx context.Context, segment string, ref profile.Ref) (out []entity.Naming, err error) {
	err = kinship{l.app}.view(ctx, func(r state.Reader) error {
		nodes, err := l.nodes(ctx, r, ref)
		if err != nil {
			return err
		}
		out, err = entity.Namings(ctx, r, segment, nodes)
		return err
	})
	return out, err
}

// nodes are those of the person or account that a reference names.
func (l lists) nodes(ctx context.Context, r state.Reader, ref profile.Ref) ([]identity.NodeID, error) {
	reader := l.app.definitions.engine.Reader(segment.NewSet())
	if ref.Type == profile.AccountType {
		node, err := reader.AccountNode(ref.Value)
		return []identity.NodeID{node}, err
	}
	node, err := l.app.live.Load().reader.Node(ref)
	if err != nil {
		return nil, err
	}
	c, err := identity.NewClusters(r).Of(ctx, node)
	return c.Nodes, err
}
