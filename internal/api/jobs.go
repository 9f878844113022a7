package api

import (
	"encoding/json"
	"net/http"
	"strconv"

	"kith/event"
	"kith/internal/job"
	"kith/internal/route"
)

type jobAnswer struct {
	ID         string          `json:"id"`
	Kind       string          `json:"kind"`
	State      job.State       `json:"state"`
	Total      int64           `json:"total"`
	Accepted   int64           `json:"accepted"`
	Rejected   int64           `json:"rejected"`
	RejectsURL *string         `json:"rejects_url"`
	Error      *job.Problem    `json:"error"`
	Result     json.RawMessage `json:"result,omitempty"`
	CreatedAt  string          `json:"created_at"`
	EndedAt    *string         `json:"ended_at"`
}

func jobOf(j *job.Job) jobAnswer {
	a := jobAnswer{
		ID: j.ID, Kind: j.Kind, State: j.State, Total: j.Total, Accepted: j.Accepted, Rejected: j.Rejected,
		Error: j.Error, Result: j.Result, CreatedAt: event.FormatTime(j.CreatedAt),
	}
	if j.Kept > 0 {
		url := "/v1/jobs/" + j.ID + "/rejects"
		a.RejectsURL = &url
	}
	if j.EndedAt != 0 {
		at := event.FormatTime(j.EndedAt)
		a.EndedAt = &at
	}
	return a
}

// ShowJob is a job as it is answered.
func ShowJob(j *job.Job) any { return jobOf(j) }

func (a *API) jobRows() []route.Route {
	id := route.Param{Name: "id", In: "path", Summary: "The id of the job.", Schema: textSchema()}
	none := route.Answer{Status: 404, Summary: "There is no such job."}
	one := route.Answer{Status: 200, Summary: "The job.", Schema: route.Ref("Job")}
	return []route.Route{
		{
			Method: http.MethodGet, Path: "/v1/jobs", Name: "listJobs", Tag: "Jobs", Key: route.AdminKey, Class: route.Internal,
			Summary: "List what takes long and was started, latest first.", Params: pageParams(),
			Answers: []route.Answer{{Status: 200, Summary: "The jobs.", Schema: listSchema(route.Ref("Job"))}}, Handler: route.Handle(a.listJobs),
		},
		{
			Method: http.MethodGet, Path: "/v1/jobs/{id}", Name: "getJob", Tag: "Jobs", Key: route.AdminKey, Class: route.Identifying,
			Summary: "Read how far a job is.", Params: []route.Param{id}, Answers: []route.Answer{one, none}, Handler: route.Handle(a.getJob),
		},
		{
			Method: http.MethodDelete, Path: "/v1/jobs/{id}", Name: "cancelJob", Tag: "Jobs", Key: route.AdminKey, Class: route.Internal,
			Summary: "Stop a job; one that has ended stays as it is.", Params: []route.Param{id},
			Answers: []route.Answer{one, none, {Status: 409, Summary: "Another process does this job."}}, Handler: route.Handle(a.cancelJob),
		},
		{
			Method: http.MethodGet, Path: "/v1/jobs/{id}/rejects", Name: "listJobRejects", Tag: "Jobs", Key: route.AdminKey, Class: route.Special,
			Summary: "List the rows that a job has not taken, in their order, each with the reason; the first 100,000 are kept.", Params: append([]route.Param{id}, pageParams()...),
			Answers: []route.Answer{{Status: 200, Summary: "The rows.", Schema: listSchema(route.Ref("RejectedRow"))}, none}, Handler: route.Handle(a.jobRejects),
		},
	}
}

func (a *API) listJobs(w http.ResponseWriter, r *http.Request) error {
	p, err := pageOf(r)
	if err != nil {
		return err
	}
	before, err := p.key()
	if err != nil {
		return err
	}
	jobs, more, err := a.cfg.Jobs.List(r.Context(), before, p.limit)
	if err != nil {
		return err
	}
	answer, next := make([]jobAnswer, len(jobs)), ""
	for i := range jobs {
		answer[i] = jobOf(&jobs[i])
		answer[i].Result = nil
		if more {
			next = cursorOf(jobs[i].ID)
		}
	}
	return writeList(w, answer, next)
}

func (a *API) getJob(w http.ResponseWriter, r *http.Request) error {
	j, err := a.cfg.Jobs.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return route.WriteJSON(w, http.StatusOK, jobOf(&j))
}

func (a *API) jobRejects(w http.ResponseWriter, r *http.Request) error {
	p, err := pageOf(r)
	if err != nil {
		return err
	}
	after, err := p.key()
	if err != nil {
		return err
	}
	from := 0
	if after != "" {
		if from, err = strconv.Atoi(after); err != nil || from < 0 {
			return errCursor()
		}
	}
	if _, err := a.cfg.Jobs.Get(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	rows, more, err := a.cfg.Jobs.Rejects(r.Context(), r.PathValue("id"), from, p.limit)
	if err != nil {
		return err
	}
	next := ""
	if more {
		next = cursorOf(strconv.Itoa(from + len(rows)))
	}
	return writeList(w, rows, next)
}

func rejectedSchema() route.Schema {
	return object("A row that was not taken.", map[string]route.Schema{
		"index": {"type": "integer", "description": "Its place, from 0."}, "code": textSchema(), "detail": textSchema(),
		"row": {"type": "string", "description": "As it was sent, at most 1,000 bytes of it."},
	})
}

func (a *API) cancelJob(w http.ResponseWriter, r *http.Request) error {
	j, err := a.cfg.Jobs.Cancel(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return route.WriteJSON(w, http.StatusOK, jobOf(&j))
}

func jobSchema() route.Schema {
	return object("Something that takes long.", map[string]route.Schema{
		"id": textSchema(), "kind": textSchema(),
		"state":       {"type": "string", "enum": []job.State{job.Queued, job.Running, job.Done, job.Failed, job.Cancelled}},
		"total":       {"type": "integer", "description": "How much there is to do; 0 until it is known."},
		"accepted":    {"type": "integer", "description": "How much is done."},
		"rejected":    intSchema(),
		"rejects_url": orNull("string"),
		"error":       {"type": []string{"object", "null"}, "description": "Why it failed: code and detail."},
		"result":      {"description": "What came of it; only of a single job."},
		"created_at":  timeSchema(), "ended_at": orNull("string"),
	}, "result")
}
