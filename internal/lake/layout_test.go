package lake

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kith/internal/strictjson"
)

var update = flag.Bool("update", false, "write golden files and the reference anew")

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s is another one; if that is meant, run this test with -update (-want +got):\n%s", file, d)
	}
}

// TestReference holds the reference of the tables against them.
func TestReference(t *testing.T) { golden(t, "../../docs/reference/tables.md", reference()) }

// TestSchema pins what the files look like to whoever reads them.
func TestSchema(t *testing.T) {
	var b bytes.Buffer
	for _, table := range Tables() {
		l := newLayout(&table, nil)
		if table.Properties {
			l = newLayout(&table, []string{"properties.a:boolean", "properties.a:number", "properties.a.b:string"})
		}
		b.WriteString(l.schema.String() + "\n\n")
	}
	golden(t, "testdata/schema.txt", b.Bytes())
}

func TestProperties(t *testing.T) {
	var d strictjson.Doc
	const body = `{"revenue":12.5,"Total.EUR":1e2,"a:b":"x","deep":{"er":{"yes":true}},"list":[1],"none":null,"big":1e40,"obj":{}}`
	if err := d.Parse([]byte(body), strictjson.Limits{}); err != nil {
		t.Fatal(err)
	}
	var got []string
	typed, apart := cells(d.Root())
	if d := cmp.Diff([]string{"properties.deep:object", "properties.deep.er:object", "properties.list:list", "properties.big:unfit", "properties.obj:object"}, apart); d != "" {
		t.Error(d)
	}
	for path, want := range map[string]bool{"revenue": true, "none": true, "deep.er.yes": true, "deep.er": false, "list": false, "list.x": false, "big": false, "obj": false, "obj.x": true, "other": true} {
		if _, plain := PlainColumns(path, apart); plain != want {
			t.Errorf("the columns of %s tell everything: %t", path, plain)
		}
	}
	for _, c := range typed {
		got = append(got, c.column)
	}
	want := []string{"properties.revenue:number", "properties.Total%2EEUR:number", "properties.a%3Ab:string", "properties.deep.er.yes:boolean"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestChoose(t *testing.T) {
	r := newRegistry([]ManifestColumn{{Name: "node_id"}, {Name: "properties.Total:number"}})
	names, whole := r.choose(map[string]int64{
		"properties.Total:number": 5, "properties.total:number": 900, "properties.a:string": 1, "properties.b:string": 2,
	}, 2000)
	if d := cmp.Diff([]string{"properties.Total:number", "properties.b:string"}, names); d != "" || whole {
		t.Errorf("whole %v, %s", whole, d)
	}
	if names, whole = r.choose(map[string]int64{"properties.a:string": 1}, 10); len(names) != 1 || !whole {
		t.Errorf("a small file has the columns %v, whole %v", names, whole)
	}
}

func FuzzManifest(f *testing.F) {
	m := Manifest{Format: 1, Table: TableEvents, Kind: Append, Files: []ManifestFile{{Path: "a", Cuts: []Cut{{1, 2, 3}}}}}
	data, err := json.Marshal(m)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"format":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decodeManifest(data)
		if err != nil {
			return
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		n, err := decodeManifest(again)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(m, n); d != "" {
			t.Fatal(d)
		}
	})
}

func FuzzRound(f *testing.F) {
	f.Add((&round{Generation: 1, Number: 7, First: 6, Done: true, At: 5, Cuts: []Cut{{0, 1, 900}}, Fingerprint: []byte("x")}).encode())
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, stored []byte) {
		r, err := decodeRound(stored)
		if err != nil || r == nil {
			return
		}
		n, err := decodeRound(r.encode())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(r.encode(), n.encode()) {
			t.Fatal("it changes when it is written again")
		}
	})
}

func FuzzCells(f *testing.F) {
	f.Add([]byte(`{"a":{"b.c":1},"d":"x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var d strictjson.Doc
		if d.Parse(body, strictjson.Limits{}) != nil {
			return
		}
		typed, _ := cells(d.Root())
		for _, c := range typed {
			if _, ok := PropertyColumn(c.column); !ok || len(c.column) > typedNameMax || !strings.HasPrefix(c.column, propertyPrefix) {
				t.Fatalf("the column %q", c.column)
			}
		}
	})
}

func TestPeriods(t *testing.T) {
	for p, want := range map[Periods]bool{
		DefaultPeriods():                                  true,
		{time.Second, time.Second, time.Second}:           true,
		{10 * time.Millisecond, time.Second, time.Minute}: true,
		{}: false,
		{9 * time.Millisecond, time.Second, time.Minute}: false,
		{time.Minute, time.Second, time.Hour}:            false,
		{time.Minute, time.Hour, time.Hour - 1}:          false,
		{-time.Minute, time.Hour, 24 * time.Hour}:        false,
	} {
		if p.Valid() != want {
			t.Errorf("%v: %v", p, p.Valid())
		}
	}
}
