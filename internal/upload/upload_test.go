package upload

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kith/event"
	"kith/internal/entity"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/expr"
	"kith/internal/identity"
	"kith/internal/job"
	"kith/internal/record"
	"kith/internal/segment"
	"kith/internal/state/mem"
	"kith/internal/strictjson"
	"kith/internal/sys"
)

const noon = 1772366400000

// desk is an Uploader whose records are kept.
type desk struct {
	*Uploader
	t       *testing.T
	written []string // "timestamp source message body", in order
}

func open(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t}
	store := mem.New()
	clock := sys.NewManual(time.UnixMilli(noon))
	jobs := job.New(job.Config{Store: store, Clock: clock, Rand: sys.Seeded(1), Alone: true})
	d.Uploader = New(Config{
		State: store, Jobs: jobs, Keys: identity.NewKeyring([]byte("k")), Rules: identity.DefaultConfig, Source: "api",
		Segment: func(_ context.Context, key string) (*segment.Definition, error) {
			if key == "none" {
				return nil, errs.New(errs.NotFound, "segment.not_found", "there is none")
			}
			return &segment.Definition{Key: key, List: key != "made", Scope: map[string]expr.Scope{"shops": expr.Account}[key]}, nil
		},
		Append: func(_ context.Context, entries ...eventlog.Entry) error {
			for _, e := range entries {
				r, err := record.Decode(e.Data)
				if err != nil {
					return err
				}
				body, err := entity.DecodeBody(&strictjson.Doc{}, r.Body)
				if err != nil {
					return err
				}
				d.written = append(d.written, fmt.Sprintf("%d %s %s %s %v%s", r.Stamp.Timestamp-noon, r.Stamp.Source, r.Stamp.MessageID, body.Run, map[bool]string{true: "-"}[body.Delete], body.Attributes))
			}
			return nil
		},
		ReceivedAt: func() int64 { return noon }, Partition: func(identity.Identifier) int32 { return 0 },
		ShowJob: func(j *job.Job) any { return j },
	})
	return d
}

func (d *desk) post(key, query, format, body string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/?"+query, strings.NewReader(body))
	r.SetPathValue("key", key)
	if format != "" {
		r.Header.Set("Content-Type", format)
	}
	d.Routes()[0].Handler(w, r)
	return w
}

// TestAnUploadIsRecords: one for each row that names somebody, all of one moment,
// and behind them the one by which they replace the list, in front of them in the
// order of events.
func TestAnUploadIsRecords(t *testing.T) {
	d := open(t)
	w := d.post("vip", "mode=replace&id=up&source=crm", "", `{"members":[{"email":"Ana@Shop.fr"},5,{"user_id":"u7"}],"run":"r"}`)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"accepted":2`) || !strings.Contains(w.Body.String(), `"unknown":2`) ||
		!strings.Contains(w.Body.String(), `"rejected":[{"index":1,"code":"list.row"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	want := []string{`0 crm up-000000000 r {"email":"Ana@Shop.fr"}`, `0 crm up-000000002 r {"user_id":"u7"}`, `0 crm up r {"*":true}`}
	if fmt.Sprint(d.written) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", d.written, want)
	}
	d.written = nil
	if w := d.post("shops", "mode=remove&timestamp=2026-01-01T00:00:00Z&id=x&run=y", entity.FormatLines, `{"group_id":"acme"}`); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	then, _ := event.ParseTime("2026-01-01T00:00:00Z")
	if got := fmt.Sprint(d.written); got != fmt.Sprintf(`[%d api x-000000000 y -{"group_id":"acme"}]`, then-noon) {
		t.Error(got)
	}
	d.written = nil
	d.post("vip", "timestamp=2036-01-01T00:00:00Z", "", `{"members":[{"user_id":"u7"}]}`)
	if len(d.written) != 1 || !strings.HasPrefix(d.written[0], "0 api upload_") {
		t.Errorf("what lies ahead is of now: %q", d.written)
	}
}

func TestUploadsAreRefused(t *testing.T) {
	d := open(t)
	for _, c := range []struct {
		key, query, format, body string
		status                   int
		code                     string
	}{
		{"none", "", "", `{"members":[]}`, 404, "segment.not_found"},
		{"made", "", "", `{"members":[]}`, 409, "segment.no_list"},
		{"vip", "mode=set", "", `{"members":[]}`, 422, "field.invalid"},
		{"vip", "timestamp=soon", "", `{"members":[]}`, 422, "field.invalid"},
		{"vip", "source=A+B", "", `{"members":[]}`, 422, "field.invalid"},
		{"vip", "", entity.FormatCSV, "name\nAna\n", 400, "list.columns"},
		{"vip", "", "text/html", "x", 400, "list.format"},
		{"vip", "mode=replace", entity.FormatCSV, "email\nnone\n", 400, "list.nothing_accepted"},
	} {
		if w := d.post(c.key, c.query, c.format, c.body); w.Code != c.status || !strings.Contains(w.Body.String(), c.code) {
			t.Errorf("%+v: %d %s", c, w.Code, w.Body)
		}
	}
	if len(d.written) > 0 {
		t.Errorf("%q was written", d.written)
	}
}

// TestALargeUploadIsAJob: its rows are written after the answer, the rejected ones
// are kept, and its run is the job.
func TestALargeUploadIsAJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go d.cfg.Jobs.Run(ctx, func(err error) { t.Error(err) })
		synctest.Wait()
		w := d.post("vip", "", entity.FormatCSV, "email\n"+strings.Repeat("a@b.c\nnone\n", 1500))
		var j job.Job
		if err := json.Unmarshal(w.Body.Bytes(), &j); err != nil || w.Code != http.StatusAccepted {
			t.Fatal(w.Code, err)
		}
		synctest.Wait()
		done, err := d.cfg.Jobs.Get(ctx, j.ID)
		if err != nil || done.State != job.Done || done.Accepted != 1500 || done.Rejected != 1500 || done.Kept != 1500 || done.Total != 3000 {
			t.Errorf("%+v %v", done, err)
		}
		if len(d.written) != 1500 || !strings.Contains(d.written[0], " "+j.ID+" ") || d.held.Load() != 0 {
			t.Errorf("%d records, the first %s; %d bytes are held", len(d.written), d.written[0], d.held.Load())
		}
		rows, _, err := d.cfg.Jobs.Rejects(ctx, j.ID, 1499, 10)
		if err != nil || len(rows) != 1 || rows[0].Index != 2999 || rows[0].Row != "none" {
			t.Errorf("%+v %v", rows, err)
		}
	})
}
