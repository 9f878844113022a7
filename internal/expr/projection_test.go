package expr

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestProjectionBytes pins the stored form.
func TestProjectionBytes(t *testing.T) {
	p := Projection{{Path: "a"}, {Path: "b.c"}, {Context: true, Path: "a"}, {Path: "long"}}
	data := p.Append(nil, parse(`{"a":1,"b":[{"c":"x"}],"long":"`+strings.Repeat("y", 600)+`"}`), parse(`{"a":true}`))
	want := "04" + "00" + "01" + hex.EncodeToString([]byte("1")) + "01" + "05" + hex.EncodeToString([]byte(`["x"]`)) +
		"02" + "04" + hex.EncodeToString([]byte("true")) + "03" + "00"
	if got := hex.EncodeToString(data); got != want {
		t.Fatalf("%s\nnot %s", got, want)
	}
	if _, whole := p.Read(data); whole {
		t.Error("a field that was not kept is not missed")
	}
	f, whole := p[:3].Read(data)
	if d := cmp.Diff(f, Fields{{Field{Path: "a"}, []byte("1")}, {Field{Path: "b.c"}, []byte(`["x"]`)}, {Field{Context: true, Path: "a"}, []byte("true")}}); d != "" || !whole {
		t.Errorf("whole %t: %s", whole, d)
	}
	if _, whole := append(p, Field{Path: "later"}).Read(data); whole {
		t.Error("a field that was not looked at is not missed")
	}
}

func FuzzProjection(f *testing.F) {
	p := Projection{{Path: "a"}, {Path: "b"}}
	f.Add(p.Append(nil, parse(`{"a":1,"b":"x"}`), parse(`{}`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		fields, _ := p.Read(data)
		if len(fields) > len(p) {
			t.Fatal("more fields than there are")
		}
	})
}
