package job

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"kith/internal/errs"
	"kith/internal/resource"
)

// RejectsMax is how many rejected rows of one job are kept.
const RejectsMax = 100_000

const (
	rejectsPage   = 500  // rows in one document
	rejectedBytes = 1000 // of one row
	kindRejects   = "job_rejects"
)

// Rejected is one row that a job has not taken, and why.
type Rejected struct {
	Index  int    `json:"index"` // its place, from 0
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Row    string `json:"row"` // as it was sent, at most 1,000 bytes of it
}

// Rejects gathers the rows that one job does not take. It is for one goroutine.
type Rejects struct {
	jobs *Jobs
	id   string
	rows []Rejected
	page int
	Kept int64 // so far
}

// NewRejects returns where a job's rejected rows are kept as long as the job is.
func (j *Jobs) NewRejects(id string) *Rejects { return &Rejects{jobs: j, id: id} }

// Add keeps a row, unless there are too many.
func (r *Rejects) Add(ctx context.Context, row Rejected) error {
	if r.Kept == RejectsMax {
		return nil
	}
	if len(row.Row) > rejectedBytes {
		row.Row = strings.ToValidUTF8(row.Row[:rejectedBytes], "")
	}
	r.Kept++
	if r.rows = append(r.rows, row); len(r.rows) < rejectsPage {
		return nil
	}
	return r.Flush(ctx)
}

// Flush writes what is not written yet.
func (r *Rejects) Flush(ctx context.Context) error {
	if len(r.rows) == 0 {
		return nil
	}
	data, err := json.Marshal(r.rows)
	if err != nil {
		return errs.Wrap(err, errs.Internal, "job.encode", "rejected rows could not be written down")
	}
	doc := resource.Document{Kind: kindRejects, Key: rejectsKey(r.id, r.page), Version: 1, JSON: data}
	if err := r.jobs.docs.Keep(ctx, doc); err != nil {
		return err
	}
	if len(r.rows) == rejectsPage {
		r.page++
		r.rows = nil
	}
	return nil
}

func rejectsKey(id string, page int) string { return fmt.Sprintf("%s.%06d", id, page) }

// Rejects returns at most limit of the rows that a job has not taken, behind the
// first ones, and whether more follow.
func (j *Jobs) Rejects(ctx context.Context, id string, behind, limit int) (rows []Rejected, more bool, err error) {
	rows = []Rejected{}
	for page := behind / rejectsPage; ; page++ {
		doc, err := j.docs.Get(ctx, kindRejects, rejectsKey(id, page))
		if errs.Is(err, errs.NotFound) {
			return rows, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		var some []Rejected
		if err := json.Unmarshal(doc.JSON, &some); err != nil {
			return nil, false, errs.Wrap(err, errs.Corrupt, "job.format", "stored rejected rows cannot be read")
		}
		skip := min(max(behind-page*rejectsPage, 0), len(some))
		for _, row := range some[skip:] {
			if len(rows) == limit {
				return rows, true, nil
			}
			rows = append(rows, row)
		}
	}
}

func (j *Jobs) forgetRejects(ctx context.Context, id string) error {
	for page := 0; ; page++ {
		key := rejectsKey(id, page)
		if _, err := j.docs.Get(ctx, kindRejects, key); err != nil {
			if errs.Is(err, errs.NotFound) {
				return nil
			}
			return err
		}
		if err := j.docs.Forget(ctx, kindRejects, key); err != nil {
			return err
		}
	}
}
