package form

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kith/internal/errs"
)

// doc is a document with a field of every kind.
type doc struct {
	Name  string
	Tags  []string
	On    bool
	Size  int64
	Inner []string
	Rules []string
}

func read(data string) (doc, error) {
	var d doc
	err := Read([]byte(data), func(o *Object) {
		d.Name = o.Required("name", 8)
		d.Tags = o.Texts("tags", 3, 4)
		d.On = o.Flag("on", true)
		d.Size = o.Int("size", 7, -5, 100)
		o.Object("inner", func(o *Object) { d.Inner = append(d.Inner, o.Text("a/b~c", 8)) })
		o.Objects("rules", 2, func(o *Object) { d.Rules = append(d.Rules, o.Text("op", 8)) })
		o.Skip("created_at")
		if d.Name == "taken" {
			o.Refuse("name", "doc.taken", "somebody has it")
		}
	})
	return d, err
}

func TestDocumentsAreRead(t *testing.T) {
	for data, want := range map[string]doc{
		`{"name":"x"}`: {Name: "x", On: true, Size: 7},
		`{"name":"x","tags":null,"on":null,"size":null,"inner":null,"rules":null}`: {Name: "x", On: true, Size: 7},
		`{"created_at":{"any":[1]},"name":"é\u00e9","tags":["a",""],"on":false,"size":-5,` +
			`"inner":{"a/b~c":"1"},"rules":[{},{"op":"eq"}]}`: {
			Name: "éé", Tags: []string{"a", ""}, Size: -5, Inner: []string{"1"}, Rules: []string{"", "eq"},
		},
		`{"name":"x","size":100,"rules":[],"tags":[]}`: {Name: "x", On: true, Size: 100},
	} {
		got, err := read(data)
		if err != nil {
			t.Errorf("%s: %v", data, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", data, d)
		}
	}
}

func places(err error) []string {
	var r *Refused
	if !errors.As(err, &r) {
		return nil
	}
	var all []string
	for _, f := range r.Fields {
		all = append(all, f.Pointer+" "+f.Code)
	}
	return all
}

func TestMistakesHaveAPlace(t *testing.T) {
	for data, want := range map[string][]string{
		`[]`:                   {" field.type"},
		`"x"`:                  {" field.type"},
		`null`:                 {" field.type"},
		`{}`:                   {"/name field.required"},
		`{"name":""}`:          {"/name field.required"},
		`{"name":null}`:        {"/name field.required"},
		`{"name":5}`:           {"/name field.type"},
		`{"name":"123456789"}`: {"/name field.invalid"},
		`{"name":"a\u0000b"}`:  {"/name field.invalid"},
		`{"name":"a\ud800b"}`:  {"/name field.invalid"},
		`{"name":"a\nb"}`:      {"/name field.invalid"},
		`{"name":"a\u202eb"}`:  {"/name field.invalid"},
		`{"name":"taken"}`:     {"/name doc.taken"},
		`{"NAME":"x"}`:         {"/NAME field.unknown", "/name field.required"},
		`{"name":"x","admin":true,"a/b":1,"":2,"m~n":3}`: {
			"/ field.unknown", "/admin field.unknown", "/a~1b field.unknown", "/m~0n field.unknown"},
		`{"name":"x","name":"y"}`:                           {"/name field.duplicate"},
		`{"name":"x","inner":{"z":1,"z":2}}`:                {"/inner/z field.duplicate"},
		`{"name":"x","rules":[{"op":"a"},{"o":1,"o":2}]}`:   {"/rules/1/o field.duplicate"},
		`{"name":"x","tags":"a"}`:                           {"/tags field.type"},
		`{"name":"x","tags":["a",5,"12345"]}`:               {"/tags/1 field.type", "/tags/2 field.invalid"},
		`{"name":"x","tags":["a","b","c","d"]}`:             {"/tags field.invalid"},
		`{"name":"x","on":"true"}`:                          {"/on field.type"},
		`{"name":"x","on":1}`:                               {"/on field.type"},
		`{"name":"x","size":"5"}`:                           {"/size field.type"},
		`{"name":"x","size":101}`:                           {"/size field.invalid"},
		`{"name":"x","size":1.5}`:                           {"/size field.invalid"},
		`{"name":"x","size":1e1}`:                           {"/size field.invalid"},
		`{"name":"x","size":99999999999999999999}`:          {"/size field.invalid"},
		`{"name":"x","inner":[]}`:                           {"/inner field.type"},
		`{"name":"x","inner":{"a/b~c":1,"q":2}}`:            {"/inner/a~1b~0c field.type", "/inner/q field.unknown"},
		`{"name":"x","rules":[1,{"op":[]}]}`:                {"/rules/0 field.type", "/rules/1/op field.type"},
		`{"name":"x","` + strings.Repeat("k", 300) + `":1}`: {" field.unknown"},
		`{"name":` + strings.Repeat("[", 80) + strings.Repeat("]", 80) + `}`: {
			"/name" + strings.Repeat("/0", 63) + " field.nested_too_deep"},
	} {
		_, err := read(data)
		if !errs.Is(err, errs.Invalid) || errs.CodeOf(err) != "form.refused" {
			t.Errorf("%s: %v", data, err)
		}
		got := places(err)
		if d := cmp.Diff(want, got, cmp.Transformer("set", asSet)); d != "" {
			t.Errorf("%s: %s", data, d)
		}
	}
}

func asSet(all []string) map[string]int {
	m := map[string]int{}
	for _, s := range all {
		m[s]++
	}
	return m
}

func TestBrokenTextIsNoDocument(t *testing.T) {
	for data, code := range map[string]string{
		``: "json.syntax", `{`: "json.syntax", `{"name":"x"}{}`: "json.trailing", "{\"name\":\"\xff\"}": "json.utf8",
		`{'name':'x'}`: "json.syntax", "\ufeff{}": "json.syntax", `{"name":"x",}`: "json.syntax", `{"size":NaN}`: "json.syntax",
	} {
		if _, err := read(data); !errs.Is(err, errs.Invalid) || errs.CodeOf(err) != code {
			t.Errorf("%q: %v, want %s", data, err, code)
		}
	}
}

func TestReportIsBoundedAndSorted(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"name":"x"`)
	for i := range 500 {
		b.WriteString(`,"f` + strings.Repeat("z", i%7) + strings.Repeat("y", i/7) + `":1`)
	}
	b.WriteString("}")
	_, err := read(b.String())
	var r *Refused
	if !errors.As(err, &r) || len(r.Fields) != FieldsMax {
		t.Fatalf("got %v", err)
	}
	for i := 1; i < len(r.Fields); i++ {
		if r.Fields[i-1].Pointer > r.Fields[i].Pointer {
			t.Fatalf("%q before %q", r.Fields[i-1].Pointer, r.Fields[i].Pointer)
		}
	}
	if strings.Contains(err.Error(), "zzz") {
		t.Fatalf("the error quotes the document: %v", err)
	}
}

func TestRefuseMakesOneMistake(t *testing.T) {
	err := Refuse(errs.Conflict, "x.taken", "/name", "somebody has it")
	if !errs.Is(err, errs.Conflict) || errs.CodeOf(err) != "x.taken" || places(err)[0] != "/name x.taken" {
		t.Fatalf("got %v %v", err, places(err))
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{
		`{"name":"x"}`, `{"name":"x","name":1}`, `{"rules":[{"op":"a"}],"q":{"a":{"a":1,"a":2}}}`, `[[[[`, `{"a":1,"a":2}`,
		`{"name":"\u0000","tags":[null]}`, `{"\u0000":1,"\ufffd":2}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data string) {
		_, err := read(data)
		if err == nil {
			return
		}
		if !errs.Is(err, errs.Invalid) {
			t.Fatalf("kind of %v", err)
		}
		var r *Refused
		if errors.As(err, &r) {
			for _, p := range r.Fields {
				if p.Pointer != "" && p.Pointer[0] != '/' || p.Code == "" || p.Detail == "" {
					t.Fatalf("no mistake: %+v", p)
				}
			}
		}
	})
}
