package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"kith/internal/job"
)

// upload posts members as a table or lines.
func (r *running) upload(t *testing.T, path, format, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, r.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.AdminToken())
	req.Header.Set("Content-Type", format)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(data)
}

// TestListsGoTheWholeWay: people are uploaded, some rows name nobody, a table is a
// job with its rejected rows, the list is replaced, explained and taken back.
func TestListsGoTheWholeWay(t *testing.T) {
	ctx, cfg := context.Background(), settings(t)
	r := serve(t, cfg)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(r.client.Put(ctx, "/v1/segments/guests", doc(`{"list":true}`), nil))
	must(r.client.Put(ctx, "/v1/segments/made", doc(`{"where":{"event":"A"}}`), nil))
	r.send(t, "/v1/identify", `{"userId":"ana","traits":{"email":"Ana@shop.fr"}}`)
	r.send(t, "/v1/identify", `{"userId":"bo","traits":{"email":"bo@shop.fr"}}`)
	r.flush(t)
	size := func(want int) {
		t.Helper()
		r.flush(t)
		var got struct{ Size int }
		if must(r.client.Get(ctx, "/v1/segments/guests", &got)); got.Size != want {
			t.Errorf("%d are guests, not %d", got.Size, want)
		}
	}
	var answer doc
	must(r.client.Post(ctx, "/v1/segments/guests/members", doc(`{"members":[{"type":"email","value":"ANA@shop.fr"},{"email":"nobody"},{"email":"new@shop.fr"}],"source":"crm","run":"party"}`), &answer))
	for _, part := range []string{`"accepted":2`, `"unknown":1`, `"run":"party"`, `{"index":1,"code":"list.identifier"`, `"row":"{\"email\":\"nobody\"}"`} {
		if !strings.Contains(string(answer), part) {
			t.Errorf("the answer lacks %s: %s", part, answer)
		}
	}
	size(1)
	var table strings.Builder
	table.WriteString("name,email\n")
	for i := range 2500 {
		fmt.Fprintf(&table, "N,p%d@shop.fr\nN,\n", i)
	}
	status, text := r.upload(t, "/v1/segments/guests/members?mode=replace", "text/csv; charset=utf-8", table.String()+"B,bo@shop.fr\n")
	if status != http.StatusAccepted {
		t.Fatalf("%d %s", status, text)
	}
	j := r.endOf(t, text)
	if j.State != job.Done || j.Accepted != 2501 || j.Rejected != 2500 || j.Total != 5001 {
		t.Errorf("%+v", j)
	}
	must(r.client.Get(ctx, "/v1/jobs/"+j.ID+"/rejects?limit=2", &answer))
	if !strings.Contains(string(answer), `{"index":1,"code":"list.row"`) || !strings.Contains(string(answer), `"row":"N,"`) {
		t.Errorf("rejected rows: %s", answer)
	}
	size(1)
	shows := func(path, want string) {
		t.Helper()
		if must(r.client.Get(ctx, path, &answer)); !strings.Contains(string(answer), want) {
			t.Errorf("%s lacks %s: %s", path, want, answer)
		}
	}
	shows("/v1/profiles/user_id:bo", `"segments":[{"key":"guests"`)
	shows("/v1/profiles/user_id:ana/explain?segment=guests", `"said":"replaced","source":"crm","run":"party"`)
	must(r.client.Post(ctx, "/v1/identity/retract", doc(`{"source":"api","run":"`+j.ID+`"}`), nil))
	size(1)
	shows("/v1/profiles/user_id:ana/explain?segment=guests", `"verdict":true`)
	if status, text = r.upload(t, "/v1/segments/made/members", "application/json", `{"members":[]}`); status != http.StatusConflict {
		t.Errorf("%d %s", status, text)
	}
	if status, text = r.upload(t, "/v1/segments/guests/members?mode=replace", "application/x-ndjson", `{"email":"x"}`); status != 422 && status != 400 {
		t.Errorf("%d %s", status, text)
	}
	size(1)
	must(r.client.Post(ctx, "/v1/segments/guests/members", doc(`{"members":[],"mode":"replace"}`), nil))
	size(0)
}

// endOf waits for the job that an answer holds.
func (r *running) endOf(t *testing.T, text string) job.Job {
	t.Helper()
	_, id, _ := strings.Cut(text, `"id":"`)
	id, _, _ = strings.Cut(id, `"`)
	for range 2000 {
		j, err := r.jobs.Get(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		if j.State.Ended() {
			return j
		}
		<-r.cfg.Clock.After(5 * time.Millisecond)
	}
	t.Fatal("the job does not end")
	return job.Job{}
}
