package route

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/internal/errs"
	"kith/internal/resource/form"
	"kith/internal/sys"
)

func TestTablesThatAreRefused(t *testing.T) {
	good := func() Route { return echo("GET", "/v1/things/{key}", "get_thing", NoKey) }
	change := func(f func(*Route)) []Route {
		r := good()
		f(&r)
		return []Route{r}
	}
	for name, table := range map[string][]Route{
		"method":           change(func(r *Route) { r.Method = "FETCH" }),
		"lower case":       change(func(r *Route) { r.Method = "get" }),
		"path":             change(func(r *Route) { r.Path, r.Params = "v1", nil }),
		"double slash":     change(func(r *Route) { r.Path, r.Params = "/v1//x", nil }),
		"trailing slash":   change(func(r *Route) { r.Path, r.Params = "/v1/", nil }),
		"name":             change(func(r *Route) { r.Name = "" }),
		"tag":              change(func(r *Route) { r.Tag = "" }),
		"summary":          change(func(r *Route) { r.Summary = "" }),
		"answers":          change(func(r *Route) { r.Answers = nil }),
		"answer status":    change(func(r *Route) { r.Answers = []Answer{{Summary: "x"}} }),
		"answer summary":   change(func(r *Route) { r.Answers = []Answer{{Status: 200}} }),
		"handler":          change(func(r *Route) { r.Handler = nil }),
		"key":              change(func(r *Route) { r.Key = 9 }),
		"class":            change(func(r *Route) { r.Class = 9 }),
		"bound alone":      change(func(r *Route) { r.BodyBytes = 5 }),
		"schema alone":     change(func(r *Route) { r.Body = Schema{} }),
		"undeclared":       change(func(r *Route) { r.Params = nil }),
		"not in the path":  change(func(r *Route) { r.Params[0].Name = "k" }),
		"declared twice":   change(func(r *Route) { r.Params = append(r.Params, r.Params[0]) }),
		"nowhere":          change(func(r *Route) { r.Params[0].In = "cookie" }),
		"no param summary": change(func(r *Route) { r.Params[0].Summary = "" }),
		"no param schema":  change(func(r *Route) { r.Params[0].Schema = nil }),
		"half wildcard":    change(func(r *Route) { r.Path, r.Params = "/v1/a{key}", nil }),
		"slash in middle":  {echo("GET", "/v1/{$}/b", "x", NoKey)},
		"empty wildcard":   change(func(r *Route) { r.Path, r.Params = "/v1/{}", nil }),
		"rest in middle":   {echo("GET", "/v1/{a...}/b", "x", NoKey)},
		"name twice":       {good(), echo("GET", "/other", "get_thing", NoKey)},
		"path twice":       {good(), echo("GET", "/v1/things/{key}", "other", NoKey)},
		"other wildcard":   {good(), echo("PUT", "/v1/things/{id}", "other", NoKey)},
	} {
		if err := Check(table); errs.CodeOf(err) != "route.table" {
			t.Errorf("%s: Check: %v", name, err)
		}
		if _, err := Mux(table, nil, Options{Rand: sys.Seeded(1), Clock: sys.Wall()}); err == nil {
			t.Errorf("%s: mounted", name)
		}
		if _, err := OpenAPI(table, Info{}); err == nil {
			t.Errorf("%s: described", name)
		}
	}
	if err := Check([]Route{good(), echo("PUT", "/v1/things/{key}", "put_thing", NoKey)}); err != nil {
		t.Error(err)
	}
}

func TestStatusOfEveryKind(t *testing.T) {
	cause := errors.New("s3cret cause")
	for kind, want := range map[errs.Kind]int{
		errs.Invalid: 400, errs.NotFound: 404, errs.Conflict: 409, errs.Denied: 403, errs.Exhausted: 429,
		errs.Unavailable: 503, errs.Corrupt: 500, errs.Internal: 500, errs.Kind(99): 500,
	} {
		row := echo("GET", "/x", "x", NoKey)
		row.Handler = Handle(func(http.ResponseWriter, *http.Request) error {
			return fmt.Errorf("handling: %w", errs.Wrap(cause, kind, "some.code", "do this"))
		})
		s := mount(t, row)
		w := s.get("/x")
		p := problem(t, w)
		if w.Code != want {
			t.Errorf("%v: %d", kind, w.Code)
		}
		if want == 500 {
			if p.Code != "internal" || strings.Contains(p.Detail, "do this") || len(s.failures) != 1 || !errors.Is(s.failures[0].Err, cause) {
				t.Errorf("%v: %+v, reported %v", kind, p, s.failures)
			}
		} else if p.Code != "some.code" || p.Detail != "do this" || len(s.failures) != 0 {
			t.Errorf("%v: %+v, reported %v", kind, p, s.failures)
		}
		if retry := w.Header().Get("Retry-After"); (retry != "") != (want == 429 || want == 503) {
			t.Errorf("%v: Retry-After %q", kind, retry)
		}
	}
	if got := StatusOf(cause); got != 500 {
		t.Errorf("an error without a kind: %d", got)
	}
}

type patient struct{ wait time.Duration }

func (p patient) Error() string             { return "later" }
func (p patient) RetryAfter() time.Duration { return p.wait }

func TestRetryAfterIsInWholeSeconds(t *testing.T) {
	for wait, want := range map[time.Duration]string{
		-time.Second: "1", 0: "1", time.Millisecond: "1", time.Second: "1", 1001 * time.Millisecond: "2", time.Minute: "60",
	} {
		w := httptest.NewRecorder()
		WriteProblem(w, errs.Wrap(patient{wait}, errs.Exhausted, "too.much", "slow down"))
		if got := w.Header().Get("Retry-After"); got != want {
			t.Errorf("%v: %q, want %q", wait, got, want)
		}
	}
}

func TestMistakesOfABodyAreListed(t *testing.T) {
	row := echo("PUT", "/x", "x", NoKey)
	row.Handler = Handle(func(http.ResponseWriter, *http.Request) error {
		return form.Read([]byte(`{"b":1,"<a>":2}`), func(o *form.Object) { o.Required("name", 5) })
	})
	w := mount(t, row).do("PUT", "/x", nil)
	if w.Code != 422 || !strings.Contains(w.Body.String(), `"pointer":"/<a>"`) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	p := problem(t, w)
	if len(p.Errors) != 3 || p.Errors[0].Pointer != "/<a>" || p.Errors[1].Pointer != "/b" || p.Errors[2].Code != "field.required" {
		t.Errorf("%+v", p.Errors)
	}
	w = httptest.NewRecorder()
	WriteProblem(w, form.Refuse(errs.Conflict, "x.taken", "/name", "somebody has it"))
	if w.Code != 409 || !strings.Contains(w.Body.String(), `"errors":[{"pointer":"/name","code":"x.taken"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestValueThatIsNoJSONIsADefect(t *testing.T) {
	row := echo("GET", "/x", "x", NoKey)
	row.Handler = Handle(func(w http.ResponseWriter, _ *http.Request) error { return WriteJSON(w, 200, make(chan int)) })
	s := mount(t, row)
	if w := s.get("/x"); w.Code != 500 || problem(t, w).Code != "internal" || len(s.failures) != 1 {
		t.Fatalf("%d, %v", w.Code, s.failures)
	}
}

func document(t *testing.T, table []Route) ([]byte, map[string]any) {
	t.Helper()
	data, err := OpenAPI(table, Info{Title: "kith", Version: "1", Schemas: map[string]Schema{"Thing": {"type": "object"}}})
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	return data, doc
}

func TestDocumentDescribesTheTable(t *testing.T) {
	body := echo("PUT", "/v1/things/{key}", "put_thing", AdminKey)
	body.Class, body.BodyBytes, body.Body = Identifying, 1000, Ref("Thing")
	body.Params = append(body.Params, Param{Name: "dry", In: "query", Summary: "Only try.", Schema: Schema{"type": "boolean"}})
	body.Answers = []Answer{{Status: 200, Summary: "Saved.", Schema: Ref("Thing")}, {Status: 409, Summary: "Taken."}}
	collect := echo("POST", "/v1/track", "track", WriteKey)
	collect.CORS = true
	table := []Route{
		body, collect, echo("GET", "/v1/things/{key}", "get_thing", ReadKey), echo("GET", "/files/{path...}", "get_file", NoKey),
	}
	data, doc := document(t, table)
	reversed := slices.Clone(table)
	slices.Reverse(reversed)
	if again, _ := document(t, reversed); !bytes.Equal(again, data) {
		t.Error("the order of rows shows")
	}
	if doc["openapi"] != "3.1.0" {
		t.Error(doc["openapi"])
	}
	paths := doc["paths"].(map[string]any)
	if len(paths) != 3 || paths["/files/{path}"] == nil {
		t.Errorf("paths %v", paths)
	}
	put := paths["/v1/things/{key}"].(map[string]any)["put"].(map[string]any)
	got, _ := json.Marshal(put)
	want := `{"operationId":"put_thing","parameters":[` +
		`{"description":"A part.","in":"path","name":"key","required":true,"schema":{"type":"string"}},` +
		`{"description":"Only try.","in":"query","name":"dry","required":false,"schema":{"type":"boolean"}}],` +
		`"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Thing"}}},"required":true},` +
		`"responses":{` +
		`"200":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Thing"}}},"description":"Saved."},` +
		`"401":{"content":{"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}}},"description":"No key, or one that is not known."},` +
		`"403":{"content":{"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}}},"description":"A key of another kind."},` +
		`"409":{"content":{"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}}},"description":"Taken."},` +
		`"413":{"content":{"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}}},"description":"The body is longer than 1000 bytes."},` +
		`"default":{"content":{"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}}},"description":"Any other error."}},` +
		`"security":[{"adminKey":[]}],"summary":"Echoes.","tags":["test"],"x-kith-body-bytes":1000,"x-kith-class":"identifying","x-kith-key":"admin"}`
	if string(got) != want {
		t.Errorf("operation:\n%s\nwant:\n%s", got, want)
	}
	security := func(path, method string) string {
		s, _ := json.Marshal(paths[path].(map[string]any)[method].(map[string]any)["security"])
		return string(s)
	}
	if got := security("/v1/things/{key}", "get"); got != `[{"readKey":[]},{"adminKey":[]}]` {
		t.Error(got)
	}
	if got := security("/v1/track", "post"); got != `[{"writeKey":[]}]` {
		t.Error(got)
	}
	if got := security("/files/{path}", "get"); got != `[]` {
		t.Error(got)
	}
	if paths["/v1/track"].(map[string]any)["post"].(map[string]any)["x-kith-any-origin"] != true {
		t.Error("the collector's row does not say that any origin may call it")
	}
}
