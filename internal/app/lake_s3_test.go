package app

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"kith/internal/analytics/clickhouse/clickhousetest"
	"kith/internal/errs"
	"kith/internal/lake"
	"kith/internal/lake/s3/s3test"
)

// inBucket lets a server keep its lake in an object store.
func inBucket(t *testing.T, cfg Config) Config {
	t.Helper()
	place := s3test.Start(t)
	t.Setenv("AWS_ACCESS_KEY_ID", place.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", place.SecretKey)
	cfg.Lake, cfg.EgressAllow = place.URL, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	return cfg
}

// TestLakeInABucket: what is sent can be queried and exported, also after a
// restart, without copies, and when a file of the bucket is damaged that is told.
func TestLakeInABucket(t *testing.T) {
	cfg := inBucket(t, withSQL(t, settings(t)))
	r := serve(t, cfg)
	for i := range 20 {
		r.send(t, "/v1/track", fmt.Sprintf(`{"userId":"u-%d","event":"Bought","messageId":"m-%d","properties":{"n":%d}}`, i%5, i, i))
	}
	r.flush(t)
	const question = `SELECT count(*) AS events, count(DISTINCT profile_id) AS people, sum("properties.n:number")::INTEGER AS n FROM events`
	if got := fmt.Sprint(r.query(t, question)); got != "[map[events:20 n:190 people:5]]" {
		t.Errorf("the answer is %s", got)
	}
	r.end(t)
	if err := os.RemoveAll(filepath.Join(cfg.Data, defaultWorkspace, "lake-copies")); err != nil {
		t.Fatal(err)
	}
	r = serve(t, cfg)
	r.send(t, "/v1/track", `{"userId":"u-9","event":"Bought","messageId":"m-new","properties":{"n":10}}`)
	r.flush(t)
	if got := fmt.Sprint(r.query(t, question)); got != "[map[events:21 n:200 people:6]]" {
		t.Errorf("after a restart the answer is %s", got)
	}
	r.end(t)
	l, err := OpenLake(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	m, err := lake.ReadManifest(t.Context(), l, lake.TableProfiles)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if rows, err := lake.Export(t.Context(), l, m, lake.CSV, &out); err != nil || rows != 6 {
		t.Errorf("exported %d rows, %v", rows, err)
	}
	if checked, err := CheckFolder(t.Context(), cfg, func(int) {}); err != nil || checked.Found != 0 {
		t.Errorf("the check finds %+v, %v", checked, err)
	}
}

// TestBucketIsReadFromOutside: a program that knows nothing of kith but current.json
// finds in the bucket what was sent.
func TestBucketIsReadFromOutside(t *testing.T) {
	cfg := inBucket(t, settings(t))
	other, err := url.Parse(clickhousetest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	r := serve(t, cfg)
	for i := range 20 {
		r.send(t, "/v1/track", fmt.Sprintf(`{"userId":"u-%d","event":"Bought","messageId":"m-%d"}`, i%5, i))
		if i%7 == 0 {
			r.flush(t) // so that there are several files
		}
	}
	r.flush(t)
	place, err := url.Parse(cfg.Lake)
	if err != nil {
		t.Fatal(err)
	}
	folder := place.Query().Get("endpoint") + "/" + place.Host + place.Path + "/" + defaultWorkspace + "/events/"
	ask := func(columns, file, format string) string {
		t.Helper()
		query := fmt.Sprintf("SELECT %s FROM s3('%s', '%s', '%s', '%s') FORMAT TabSeparatedRaw", columns, folder+file, os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), format)
		password, _ := other.User.Password()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+other.Host+"/", strings.NewReader(query))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-ClickHouse-User", other.User.Username())
		req.Header.Set("X-ClickHouse-Key", password)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s, %v", columns, resp.Status, text, err)
		}
		return strings.TrimSpace(string(text))
	}
	files := strings.Split(ask("arrayStringConcat(JSONExtract(json, 'files', 'Array(Tuple(path String))').1, ',')", lake.ManifestName, "JSONAsString"), ",")
	total := 0
	for _, f := range files {
		n, err := strconv.Atoi(ask("uniqExact(message_id)", f, "Parquet"))
		if err != nil {
			t.Fatal(err)
		}
		total += n
	}
	if total != 20 || len(files) < 2 {
		t.Errorf("%d files have %d events", len(files), total)
	}
}

// TestLakeAddress: a lake that cannot be used is refused at the start, with the
// reason.
func TestLakeAddress(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	for lake, code := range map[string]string{
		"s3://lake?endpoint=http://127.0.0.1:1": "lake.keys", "s3://key:secret@lake": "config.invalid", "gs://lake": "config.invalid",
	} {
		cfg := settings(t)
		cfg.Lake = lake
		if _, err := Open(t.Context(), cfg); errs.CodeOf(err) != code {
			t.Errorf("%s gives %v", lake, err)
		}
	}
}
