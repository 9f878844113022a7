// Package upload takes uploads of the members of segments that are lists. What is
// uploaded is records in the log, one for each row, so that it can be ordered,
// repeated and taken back like everything else that decides; see internal/entity
// for what they mean.
package upload

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"

	"kith/event"
	"kith/internal/entity"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/expr"
	"kith/internal/identity"
	"kith/internal/job"
	"kith/internal/record"
	"kith/internal/resource"
	"kith/internal/resource/form"
	"kith/internal/segment"
	"kith/internal/state"
)

// Config is what an Uploader works with. Everything is needed.
type Config struct {
	State state.Store
	Jobs  *job.Jobs
	Keys  *identity.Keyring
	Rules func() *identity.Config // of today

	// Segment returns a segment of today's definitions; kind NotFound when there is
	// none.
	Segment func(ctx context.Context, key string) (*segment.Definition, error)
	// Append makes records durable.
	Append func(ctx context.Context, entries ...eventlog.Entry) error
	// ReceivedAt is the moment of receipt of what is accepted now, UTC milliseconds.
	ReceivedAt func() int64
	// Partition is the partition of what concerns an identifier.
	Partition func(identity.Identifier) int32
	// Source stands for the source in records of uploads that name none.
	Source string
	// ShowJob is a job as it is answered.
	ShowJob func(*job.Job) any
}

// Uploader takes uploads. It is safe for concurrent use.
type Uploader struct {
	cfg  Config
	held atomic.Int64 // bytes of uploads that jobs are writing
}

// New returns an Uploader.
func New(cfg Config) *Uploader { return &Uploader{cfg: cfg} }

// KindUpload is the kind of the jobs that write large uploads.
const KindUpload = "list.upload"

const (
	batchMax = 1000      // rows that are appended at once
	heldMax  = 256 << 20 // bytes of uploads that jobs may hold
)

// Uploaded is what became of an upload.
type Uploaded struct {
	Accepted int64  `json:"accepted"`
	Rejected int64  `json:"rejected"`
	Unknown  int64  `json:"unknown"` // of the accepted: identifiers that nobody had yet
	Source   string `json:"source"`
	Run      string `json:"run"`
}

// Upload writes an upload and returns when it is durable. Rows that cannot be
// written are handed to reject.
func (l *Uploader) Upload(ctx context.Context, u entity.Upload, rows *entity.ListRows, reject func(job.Rejected) error) (Uploaded, error) {
	id, err := l.cfg.Jobs.NewID()
	if err != nil {
		return Uploaded{}, err
	}
	w, err := l.writer(ctx, u, "upload_"+id)
	if err != nil {
		return Uploaded{}, err
	}
	err = w.write(ctx, rows, reject, func(*Uploaded) {})
	return w.out, err
}

// UploadJob writes an upload whose rows hold size bytes after it has returned.
func (l *Uploader) UploadJob(ctx context.Context, u entity.Upload, rows *entity.ListRows, size int64) (job.Job, error) {
	id, err := l.cfg.Jobs.NewID()
	if err != nil {
		return job.Job{}, err
	}
	w, err := l.writer(ctx, u, id)
	if err != nil {
		return job.Job{}, err
	}
	params, err := json.Marshal(map[string]string{"segment": u.Segment, "mode": u.Mode, "source": w.u.Source, "run": w.u.Run})
	if err != nil {
		return job.Job{}, errs.Wrap(err, errs.Internal, "list.encode", "an upload could not be written down")
	}
	if l.held.Add(size) > heldMax {
		l.held.Add(-size)
		return job.Job{}, errs.New(errs.Exhausted, "list.busy", "other uploads are being written; send this one again in a moment")
	}
	j, err := l.cfg.Jobs.StartAs(ctx, id, KindUpload, params, w.work(id, rows, size))
	if err != nil {
		l.held.Add(-size) // it has not begun
	}
	return j, err
}

// work is the work of a job. It cannot go on in another process, which has not the
// rows; the upload is then sent again.
func (w *writer) work(id string, rows *entity.ListRows, size int64) job.Work {
	return func(ctx context.Context, report func(job.Progress)) (json.RawMessage, error) {
		defer w.l.held.Add(-size)
		rejects := w.l.cfg.Jobs.NewRejects(id)
		told := func(out *Uploaded) {
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
	}
}

// writer writes one upload.
type writer struct {
	l         *Uploader
	u         entity.Upload
	accounts  bool
	partition int32
	out       Uploaded
}

func (l *Uploader) writer(ctx context.Context, u entity.Upload, run string) (*writer, error) {
	d, err := l.cfg.Segment(ctx, u.Segment)
	if err != nil {
		return nil, err
	}
	if !d.List {
		return nil, errs.New(errs.Conflict, "segment.no_list", "members are uploaded to segments that say list: true")
	}
	if u.Source == "" {
		u.Source = l.cfg.Source
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
	if now := l.cfg.ReceivedAt(); u.Timestamp == event.NoTime || u.Timestamp > now {
		u.Timestamp = now
	}
	// What is uploaded to a list lies in one partition, so that an upload that
	// replaces it is followed when its rows are.
	partition := l.cfg.Partition(entity.Identifier(entity.ListOf(u.Segment), entity.Replaced))
	return &writer{
		l: l, u: u, accounts: d.Scope == expr.Account, partition: partition,
		out: Uploaded{Source: u.Source, Run: u.Run},
	}, nil
}

// write appends the rows, and last what lets them replace the list: an upload that
// breaks off has added to the list and replaced nothing.
func (w *writer) write(ctx context.Context, rows *entity.ListRows, reject func(job.Rejected) error, told func(*Uploaded)) error {
	for more := true; more; {
		var batch []entity.UploadedRow
		for len(batch) < batchMax {
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
	return w.l.cfg.Append(ctx, w.entry(w.u.ID, &body, w.l.cfg.ReceivedAt()))
}

// append makes rows durable.
func (w *writer) append(ctx context.Context, batch []entity.UploadedRow, reject func(job.Rejected) error) error {
	now, rules := w.l.cfg.ReceivedAt(), w.l.cfg.Rules()
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
		nodes = append(nodes, w.l.cfg.Keys.Node(id))
	}
	if len(entries) == 0 {
		return nil
	}
	unknown, err := w.l.unknown(ctx, nodes)
	if err != nil {
		return err
	}
	if err := w.l.cfg.Append(ctx, entries...); err != nil {
		return err
	}
	w.out.Accepted += int64(len(entries))
	w.out.Unknown += unknown
	return nil
}

func (w *writer) entry(id string, body *entity.Body, receivedAt int64) eventlog.Entry {
	rec := record.Record{
		Kind: record.Row, Body: body.AppendTo(nil),
		Stamp: event.Stamp{Source: w.u.Source, MessageID: id, ReceivedAt: receivedAt, Timestamp: w.u.Timestamp},
	}
	return eventlog.Entry{Partition: w.partition, Data: rec.AppendTo(nil)}
}

// unknown counts the nodes that nobody has.
func (l *Uploader) unknown(ctx context.Context, nodes []identity.NodeID) (n int64, err error) {
	keys := make([][]byte, len(nodes))
	for i, node := range nodes {
		keys[i] = identity.IdentifierRow(node)
	}
	snap, err := l.cfg.State.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer snap.Close()
	values, err := snap.Get(ctx, keys)
	for _, v := range values {
		if v == nil {
			n++
		}
	}
	return n, err
}
