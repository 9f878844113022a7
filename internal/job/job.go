// Package job runs what takes long: work that a request starts and that goes on
// after its answer. A job is stored when it starts and when it ends, and every few
// seconds between, so that anybody can ask how far it is, and so that a restart
// finds what was under way: it goes on, if its kind can, and else has failed.
package job

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"kith/internal/errs"
	"kith/internal/resource"
	"kith/internal/state"
	"kith/internal/sys"
)

// State is how a job stands.
type State string

// The states.
const (
	Queued    State = "queued"
	Running   State = "running"
	Done      State = "done"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Ended reports whether nothing more happens to a job.
func (s State) Ended() bool { return s == Done || s == Failed || s == Cancelled }

// Job is one piece of work.
type Job struct {
	ID       string          `json:"id"`
	Kind     string          `json:"kind"`
	State    State           `json:"state"`
	Params   json.RawMessage `json:"params,omitempty"` // what the work is about, for going on
	Total    int64           `json:"total"`            // 0 until it is known
	Accepted int64           `json:"accepted"`         // so far
	Rejected int64           `json:"rejected"`
	Kept     int64           `json:"kept,omitempty"` // of the rejected: how many Rejects has
	Error    *Problem        `json:"error,omitempty"`
	Result   json.RawMessage `json:"result,omitempty"`

	CreatedAt int64 `json:"created_at"` // UTC milliseconds
	UpdatedAt int64 `json:"updated_at"`
	EndedAt   int64 `json:"ended_at,omitempty"`
}

// Problem is why a job failed.
type Problem struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Progress is how far a job is.
type Progress struct{ Total, Accepted, Rejected, Kept int64 }

// Work does a job. It reports as often as it likes and must end when ctx does. The
// result goes into the job's document.
type Work func(ctx context.Context, report func(Progress)) (result json.RawMessage, err error)

// kindJob is the kind of the documents.
const kindJob = "job"

const (
	storeEvery = 5 * time.Second
	staleAfter = time.Minute // a job of another process that has said nothing for so long is nobody's
	keepMax    = 1000        // jobs that have ended
)

// Config is what Jobs work with.
type Config struct {
	Store state.Store
	Clock sys.Clock
	Rand  sys.Rand
	// Alone: no other process works on the same state, so whatever is under way when
	// this one starts has been left.
	Alone bool
	// Resume gives the work of a kind that can go on in another process; nil if it
	// cannot.
	Resume func(Job) Work
}

// Jobs are the jobs of one workspace. It is safe for concurrent use.
type Jobs struct {
	cfg  Config
	docs *resource.Documents

	mu    sync.Mutex
	base  context.Context // nil while nobody runs them
	under map[string]*task
	ended sync.WaitGroup
}

type task struct {
	job  Job
	stop context.CancelFunc
	mu   sync.Mutex
}

// New returns the jobs that lie in a state.
func New(cfg Config) *Jobs {
	return &Jobs{cfg: cfg, docs: resource.NewDocuments(cfg.Store), under: map[string]*task{}}
}

func (j *Jobs) now() int64 { return sys.Millis(j.cfg.Clock.Now()) }

// Run takes up what was left and lets jobs run until ctx ends; it returns when
// all have stopped. What is stopped so stays under way for the next process.
func (j *Jobs) Run(ctx context.Context, failed func(error)) {
	j.mu.Lock()
	j.base = ctx
	j.mu.Unlock()
	for ctx.Err() == nil {
		if err := j.takeUp(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
		case <-j.cfg.Clock.After(staleAfter):
		}
	}
	j.mu.Lock()
	j.base = nil
	j.mu.Unlock()
	j.ended.Wait()
}

// takeUp goes on with the jobs that nobody does any more, or ends them.
func (j *Jobs) takeUp(ctx context.Context) error {
	all, err := j.all(ctx)
	if err != nil {
		return err
	}
	for _, job := range all {
		if job.State.Ended() || j.mine(job.ID) != nil || !j.cfg.Alone && j.now()-job.UpdatedAt < staleAfter.Milliseconds() {
			continue
		}
		if err := j.claim(ctx, job); errs.Is(err, errs.Conflict) {
			continue // another process was first
		} else if err != nil {
			return err
		}
		var work Work
		if j.cfg.Resume != nil {
			work = j.cfg.Resume(job)
		}
		if work != nil {
			j.begin(job, work)
			continue
		}
		job.State, job.EndedAt = Failed, j.now()
		job.Error = &Problem{Code: "job.interrupted", Detail: "kith was stopped before the job ended; start it again"}
		if err := j.store(ctx, job); err != nil {
			return err
		}
	}
	return nil
}

// claim makes a job that was left this process's; the error is of kind Conflict when
// somebody has said something of it since it was read.
func (j *Jobs) claim(ctx context.Context, job Job) error {
	doc, err := j.docs.Get(ctx, kindJob, job.ID)
	if err != nil {
		return err
	}
	now, err := decode(doc)
	if err != nil {
		return err
	}
	if now.State.Ended() || now.UpdatedAt != job.UpdatedAt {
		return errs.New(errs.Conflict, "job.elsewhere", "another process does this job")
	}
	now.UpdatedAt = j.now()
	next, err := encode(now)
	if err != nil {
		return err
	}
	return j.docs.Replace(ctx, doc, next)
}

// beat shows now and then that a job is under way, however quiet it is, until ctx
// ends.
func (j *Jobs) beat(ctx context.Context, t *task) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.cfg.Clock.After(staleAfter / 4):
		}
		t.mu.Lock()
		if !t.job.State.Ended() {
			_ = j.store(ctx, t.job) // the next one may succeed
		}
		t.mu.Unlock()
	}
}

func (j *Jobs) mine(id string) *task {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.under[id]
}

// Start stores a job and begins it. Where nobody runs jobs, as in a command that
// has opened the folder itself, it is done when Start returns.
func (j *Jobs) Start(ctx context.Context, kind string, params json.RawMessage, work Work) (Job, error) {
	id, err := j.NewID()
	if err != nil {
		return Job{}, err
	}
	return j.StartAs(ctx, id, kind, params, work)
}

// NewID makes an id for a job that needs to know it before it starts.
func (j *Jobs) NewID() (string, error) { return resource.NewID("job_", j.now(), j.cfg.Rand) }

// StartAs is Start under an id that NewID has made.
func (j *Jobs) StartAs(ctx context.Context, id, kind string, params json.RawMessage, work Work) (Job, error) {
	job := Job{ID: id, Kind: kind, State: Running, Params: params, CreatedAt: j.now()}
	if err := j.store(ctx, job); err != nil {
		return Job{}, err
	}
	if err := j.forgetOld(ctx); err != nil {
		return Job{}, err
	}
	t := j.begin(job, work)
	if t == nil {
		t = &task{job: job, stop: func() {}}
		j.work(ctx, t, work)
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.job, nil
	}
	return job, nil
}

// begin starts a job in the background; nil when nobody runs jobs.
func (j *Jobs) begin(job Job, work Work) *task {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.base == nil {
		return nil
	}
	ctx, stop := context.WithCancel(j.base)
	job.State = Running
	t := &task{job: job, stop: stop}
	j.under[job.ID] = t
	j.ended.Add(2)
	go func() {
		defer j.ended.Done()
		j.beat(ctx, t)
	}()
	go func() {
		defer j.ended.Done()
		defer stop()
		j.work(ctx, t, work)
		j.mu.Lock()
		defer j.mu.Unlock()
		delete(j.under, job.ID)
	}()
	return t
}

// work does a job to its end.
func (j *Jobs) work(ctx context.Context, t *task, work Work) {
	stored := j.cfg.Clock.Now()
	result, err := work(ctx, func(p Progress) {
		t.mu.Lock()
		t.job.Total, t.job.Accepted, t.job.Rejected, t.job.Kept = p.Total, p.Accepted, p.Rejected, p.Kept
		snapshot := t.job
		t.mu.Unlock()
		if now := j.cfg.Clock.Now(); now.Sub(stored) >= storeEvery {
			stored = now
			_ = j.store(ctx, snapshot) // the end is stored again
		}
	})
	t.mu.Lock()
	defer t.mu.Unlock()
	job := &t.job
	switch {
	case job.State == Cancelled:
	case err == nil:
		job.State, job.Result = Done, result
	case ctx.Err() != nil:
		return // it stays under way for the next process
	default:
		job.State, job.Error = Failed, &Problem{Code: errs.CodeOf(err), Detail: detailOf(err)}
	}
	job.EndedAt = j.now()
	_ = j.store(context.WithoutCancel(ctx), *job) // if it fails, the next process finds the job left
}

// detailOf is what a job says of an error: nothing of a defect.
func detailOf(err error) string {
	if k := errs.KindOf(err); k == errs.Internal || k == errs.Corrupt {
		return "kith failed; its log tells why"
	}
	return errs.DetailOf(err)
}

// Get returns a job; an unknown one gives kind NotFound.
func (j *Jobs) Get(ctx context.Context, id string) (Job, error) {
	if t := j.mine(id); t != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.job, nil
	}
	doc, err := j.docs.Get(ctx, kindJob, id)
	if err != nil {
		return Job{}, err
	}
	return decode(doc)
}

// List returns at most limit jobs before the one of an id (empty: from the latest
// on), latest first, and whether more follow.
func (j *Jobs) List(ctx context.Context, before string, limit int) (jobs []Job, more bool, err error) {
	all, err := j.all(ctx)
	if err != nil {
		return nil, false, err
	}
	slices.Reverse(all)
	for _, job := range all {
		if before != "" && job.ID >= before {
			continue
		}
		if len(jobs) == limit {
			return jobs, true, nil
		}
		if t := j.mine(job.ID); t != nil {
			t.mu.Lock()
			job = t.job
			t.mu.Unlock()
		}
		jobs = append(jobs, job)
	}
	return jobs, false, nil
}

// Cancel stops a job; one that has ended stays as it is. An unknown one gives kind
// NotFound, and one that another process does kind Conflict.
func (j *Jobs) Cancel(ctx context.Context, id string) (Job, error) {
	job, err := j.Get(ctx, id)
	if err != nil || job.State.Ended() {
		return job, err
	}
	t := j.mine(id)
	if t == nil {
		return job, errs.New(errs.Conflict, "job.elsewhere", "another process does this job")
	}
	t.mu.Lock()
	t.job.State = Cancelled
	job = t.job
	t.mu.Unlock()
	t.stop()
	return job, nil
}

func (j *Jobs) all(ctx context.Context) ([]Job, error) {
	var out []Job
	for after, more := "", true; more; {
		docs, next, err := j.docs.List(ctx, kindJob, after, 500)
		if err != nil {
			return nil, err
		}
		for _, doc := range docs {
			job, err := decode(doc)
			if err != nil {
				return nil, err
			}
			out, after = append(out, job), doc.Key
		}
		more = next
	}
	return out, nil
}

// forgetOld drops the oldest jobs that have ended, when there are very many.
func (j *Jobs) forgetOld(ctx context.Context) error {
	all, err := j.all(ctx)
	if err != nil {
		return err
	}
	over := len(all) - keepMax
	for _, job := range all {
		if over <= 0 {
			return nil
		}
		if job.State.Ended() {
			if err := j.forgetRejects(ctx, job.ID); err != nil {
				return err
			}
			if err := j.docs.Forget(ctx, kindJob, job.ID); err != nil {
				return err
			}
			over--
		}
	}
	return nil
}

func (j *Jobs) store(ctx context.Context, job Job) error {
	job.UpdatedAt = j.now()
	doc, err := encode(job)
	if err != nil {
		return err
	}
	return j.docs.Keep(ctx, doc)
}

func encode(job Job) (resource.Document, error) {
	data, err := json.Marshal(job)
	if err != nil {
		return resource.Document{}, errs.Wrap(err, errs.Internal, "job.encode", "a job could not be written down")
	}
	return resource.Document{Kind: kindJob, Key: job.ID, Version: 1, JSON: data}, nil
}

func decode(doc resource.Document) (Job, error) {
	var job Job
	if err := json.Unmarshal(doc.JSON, &job); err != nil {
		return job, errs.Wrap(err, errs.Corrupt, "job.format", "a stored job cannot be read")
	}
	return job, nil
}
