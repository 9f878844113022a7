package entity_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kith/event"
	"kith/internal/entity"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/identity"
	"kith/internal/record"
	"kith/internal/strictjson"
)

func writes(rng *rand.Rand, n int) []entity.Write {
	out := make([]entity.Write, n)
	for i := range out {
		w := &out[i]
		w.Sighting = identity.Sighting{Timestamp: rng.Int64N(4), MessageID: fmt.Sprint("m", rng.IntN(6)), Source: "s"}
		if w.Delete = rng.IntN(5) == 0; w.Delete {
			continue
		}
		w.Attributes = fmt.Appendf(nil, `{"id":1,%q:%s}`, []string{"a", "b", "id"}[rng.IntN(3)], []string{"1", "2", "null", `{"x":[1]}`}[rng.IntN(4)])
		if strings.Count(string(w.Attributes), `"id"`) > 1 {
			w.Attributes = []byte(`{"id":1}`)
		}
	}
	return out
}

func fold(t *testing.T, all []entity.Write) *entity.Row {
	t.Helper()
	r := &entity.Row{}
	for i := range all {
		if err := r.Add(&all[i]); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func row(r *entity.Row) string { return fmt.Sprintf("%v %x", r.Exists(), r.Encode()) }

// TestRowsCommute: order and repeats do not show, nor does the stored form; what
// does not decide may be taken out.
func TestRowsCommute(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	there, idle := 0, 0
	for range 10_000 {
		all := writes(rng, 1+rng.IntN(7))
		r := fold(t, all)
		if r.Exists() {
			there++
		}
		again := append(append([]entity.Write(nil), all...), all...)
		rng.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		if other := fold(t, again); row(other) != row(r) {
			t.Fatalf("%+v: %s and %s", all, row(r), row(other))
		}
		back, err := entity.DecodeRow(r.Encode())
		if err != nil || row(back) != row(r) {
			t.Fatalf("%s out of the store: %s, %v", row(r), row(back), err)
		}
		if !json.Valid(r.AppendJSON(nil)) {
			t.Fatalf("%s", r.AppendJSON(nil))
		}
		if without := fold(t, all[1:]); !r.Decides(&all[0]) {
			idle++
			if row(without) != row(r) {
				t.Fatalf("without %+v: %s, with it %s", all[0], row(without), row(r))
			}
		}
	}
	if there < 5000 || idle < 1000 {
		t.Errorf("%d rows were there, %d writes did not decide", there, idle)
	}
}

func TestOwner(t *testing.T) {
	cfg := identity.DefaultConfig()
	d := entity.Definition{Entity: "e", Key: "id", Attribute: "owner", Type: "email"}
	for value, want := range map[string]string{
		`"Ana@Shop.fr"`: "ana@shop.fr", `"no address"`: "", `null`: "", `7`: "", `{}`: "", `[]`: "", `""`: "", `true`: "",
	} {
		r := fold(t, []entity.Write{{Attributes: []byte(`{"id":1,"owner":` + value + `}`)}})
		if id, ok := d.Owner(r, cfg); ok != (want != "") || ok && id.Value != want {
			t.Errorf("%s: %v %v", value, id, ok)
		}
	}
	d.Type = "user_id"
	if id, ok := d.Owner(fold(t, []entity.Write{{Attributes: []byte(`{"id":1,"owner":42}`)}}), cfg); !ok || id.Value != "42" {
		t.Errorf("a number: %v %v", id, ok)
	}
	gone := fold(t, []entity.Write{{Attributes: []byte(`{"id":1,"owner":42}`)}, {Sighting: identity.Sighting{Timestamp: 1}, Delete: true}})
	if _, ok := d.Owner(gone, cfg); ok {
		t.Error("a deleted row belongs to somebody")
	}
	d.Attribute = ""
	if _, ok := d.Owner(fold(t, []entity.Write{{Attributes: []byte(`{"id":1,"owner":42}`)}}), cfg); ok {
		t.Error("without a relation a row belongs to somebody")
	}
}

// TestGoldenRow pins a record of kind Row and the rows of the state, field by field
// as in the FORMAT.md of both.
func TestGoldenRow(t *testing.T) {
	body := (&entity.Body{Entity: "subs", Run: "r1", Attributes: []byte(`{"id":"a"}`)}).AppendTo(nil)
	rec := record.Record{Kind: record.Row, Body: body, Stamp: event.Stamp{Source: "crm", MessageID: "b-0", ReceivedAt: 2, Timestamp: 1}}
	const head = "01" + "05" + "00" + "00" + "0000" + "04" + "02" + "00" + "0363726d" + "03622d30" + "00000000"
	const text = `{"entity":"subs","run":"r1","attributes":{"id":"a"}}`
	if got, want := hex.EncodeToString(rec.AppendTo(nil)), head+hex.EncodeToString([]byte(text)); got != want {
		t.Errorf("record\n%s, want\n%s", got, want)
	}
	if got := string((&entity.Body{Entity: "subs", Delete: true, Key: "a"}).AppendTo(nil)); got != `{"entity":"subs","delete":"a"}` {
		t.Errorf("deletion %s", got)
	}
	w := entity.Write{
		Sighting: identity.Sighting{Timestamp: 1, MessageID: "b-0", Source: "crm"}, ReceivedAt: 2, Run: "r1",
		Position: eventlog.Position{Partition: 1, Offset: 300}, Attributes: []byte(`{"id":"a"}`),
	}
	k := entity.WriteKey("subs", "a", &w)
	const key = "57" + "737562730001" + "610001" + "8000000000000001" + "622d300001" + "63726d0001" + "8000000000000002"
	const value = "01" + "00" + "01" + "ac02" + "027231" + "7b226964223a2261227d"
	if got := hex.EncodeToString(k); got != key {
		t.Errorf("key   %s\nwant  %s", got, key)
	}
	if got := hex.EncodeToString(w.Encode()); got != value {
		t.Errorf("write %s\nwant  %s", got, value)
	}
	_, _, back, err := entity.DecodeWrite(k, w.Encode())
	if err != nil || !cmp.Equal(back, &w) {
		t.Errorf("read back (%v): %s", err, cmp.Diff(&w, back))
	}
	r := fold(t, []entity.Write{{Sighting: identity.Sighting{Timestamp: -1, MessageID: "d", Source: "s"}, Delete: true}, w})
	const stored = "01" + "01" + "01" + "0164" + "0173" + "01" + "026964" + "02" + "03622d30" + "0363726d" + "03226122"
	if got := hex.EncodeToString(r.Encode()); got != stored {
		t.Errorf("row  %s\nwant %s", got, stored)
	}
	if got := hex.EncodeToString(entity.OwnedKey(identity.NodeID{1}, "subs", "a")); got != "42"+"01000000000000000000000000000000"+"737562730001"+"61" {
		t.Errorf("reference %s", got)
	}
}

// TestReadBatch: a bad row is rejected alone and told by its index; a bad batch is
// refused whole.
func TestReadBatch(t *testing.T) {
	d := &entity.Declared{Key: "id", Types: map[string]string{"n": "number", "s": "string", "b": "boolean", "t": "time", "o": "object", "a": "array"}}
	long := strings.Repeat("x", 181)
	for element, code := range map[string]string{
		`{"id":"a"}`: "", `{"id":1}`: "", `{"id":-7,"n":1.5,"s":"x","b":true,"t":"2026-03-01","o":{},"a":[],"free":null}`: "",
		`{"id":"a","n":null}`: "", `{"id":"a","@timestamp":"2026-03-01T00:00:00Z","@id":"x"}`: "",
		`{"id":"é \"q\""}`: "",
		`5`:                "row.not_object", `null`: "row.not_object", `[]`: "row.not_object", `{}`: "row.key", `{"id":null}`: "row.key", `{"id":""}`: "row.key",
		`{"id":1.5}`: "row.key", `{"id":1e3}`: "row.key", `{"id":true}`: "row.key", `{"id":{}}`: "row.key", `{"id":"` + long + `"}`: "row.key",
		`{"id":"a\u0000b"}`: "row.key", `{"id":"\ud800"}`: "row.key", `{"id":"a\nb"}`: "row.key",
		`{"id":"a","n":"1"}`: "row.attribute_type", `{"id":"a","s":1}`: "row.attribute_type", `{"id":"a","b":"true"}`: "row.attribute_type",
		`{"id":"a","t":"yesterday"}`: "row.attribute_type", `{"id":"a","o":[]}`: "row.attribute_type", `{"id":"a","a":{}}`: "row.attribute_type",
		`{"id":"a","@x":1}`: "row.attribute_name", `{"id":"a","":1}`: "row.attribute_name", `{"id":"a","` + strings.Repeat("y", 256) + `":1}`: "row.attribute_name",
		`{"id":"a","@timestamp":"x"}`: "row.timestamp", `{"id":"a","@timestamp":5}`: "row.timestamp",
		`{"id":"a","@id":""}`: "row.id", `{"id":"a","@id":7}`: "row.id", `{"id":"a","@id":"` + long + `"}`: "row.id",
		`{"id":"a","id":"b"}`: strictjson.CodeDuplicateKey, `{"id":"a","x":{"y":1,"y":2}}`: strictjson.CodeDuplicateKey,
		`{"id":"a","x":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`: strictjson.CodeDepth,
		`{"id":"a","x":"` + strings.Repeat("z", entity.RowBytesMax) + `"}`:         "row.too_large",
		`{"id":"a"` + manyAttributes(500) + `}`:                                    "row.too_many_attributes",
	} {
		b, err := entity.ReadBatch([]byte(`{"rows":[{"id":"first"},`+element+`,{"id":"last"}]}`), d)
		if err != nil {
			t.Errorf("%.60s: %v", element, err)
			continue
		}
		got := ""
		if len(b.Rejected) > 0 {
			got = b.Rejected[0].Code
		}
		if got != code || len(b.Rows)+len(b.Rejected) != 3 || code != "" && (b.Rejected[0].Index != 1 || b.Rows[1].Index != 2) {
			t.Errorf("%.60s: %q, want %q (%d rows)", element, got, code, len(b.Rows))
		}
		for _, r := range b.Rows {
			if !json.Valid(r.Attributes) || strings.Contains(string(r.Attributes), "@") {
				t.Errorf("%.60s: %s", element, r.Attributes)
			}
		}
	}
	for _, body := range []string{
		``, `[`, `[]`, `{}`, `{"rows":{}}`, `{"rows":null}`, `{"rows":[],"x":1}`, `{"rows":[],"rows":[]}`, `{"rows":[],"source":""}`, `{"rows":[],"source":5}`,
		`{"rows":[],"timestamp":"x"}`, `{"rows":[],"id":"` + long + `"}`, `{"rows":[],"run":"a\u0000"}`, `{"rows":[` + strings.Repeat(`1,`, 1000) + `1]}`, "{\"rows\":[\"\xff\"]}",
	} {
		if _, err := entity.ReadBatch([]byte(body), d); !errs.Is(err, errs.Invalid) {
			t.Errorf("%.60s: %v", body, err)
		}
	}
	b, err := entity.ReadBatch([]byte(`{"rows":[],"source":"crm","run":"r","id":"i","timestamp":"1970-01-01T00:00:01Z"}`), d)
	if err != nil || b.Source != "crm" || b.Run != "r" || b.ID != "i" || b.Timestamp != 1000 {
		t.Errorf("%+v, %v", b, err)
	}
}

func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"a%d":1`, i)
	}
	return b.String()
}

func FuzzReadBatch(f *testing.F) {
	f.Add([]byte(`{"rows":[{"id":"a","@timestamp":"2026-01-01","x":[1,{"y":null}]},5,{"id":1}],"source":"crm","run":"r","id":"i"}`))
	f.Add([]byte(`{"rows":[{"id":"\ud800","id":2}]}`))
	d := &entity.Declared{Key: "id", Types: map[string]string{"x": "number"}}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := entity.ReadBatch(data, d)
		if err != nil {
			return
		}
		def := entity.Definition{Entity: "e", Key: "id"}
		for _, r := range b.Rows {
			body := entity.Body{Entity: "e", Run: b.Run, Attributes: r.Attributes}
			back, err := entity.DecodeBody(&strictjson.Doc{}, body.AppendTo(nil))
			if err != nil {
				t.Fatalf("%s: %v", r.Attributes, err)
			}
			if key, ok := def.RowOf(&back, identity.DefaultConfig()); !ok || key != r.Key {
				t.Fatalf("%s: the row %q, want %q", r.Attributes, key, r.Key)
			}
			if err := (&entity.Row{}).Add(&entity.Write{Attributes: back.Attributes}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzDecodeRow(f *testing.F) {
	r := &entity.Row{}
	for _, w := range []entity.Write{{Delete: true}, {Sighting: identity.Sighting{Timestamp: 5, MessageID: "m", Source: "s"}, Attributes: []byte(`{"a":1,"b":null}`)}} {
		if err := r.Add(&w); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(r.Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := entity.DecodeRow(data)
		if err != nil {
			return
		}
		again, err := entity.DecodeRow(r.Encode())
		if err != nil || row(again) != row(r) {
			t.Fatalf("%s becomes %s, %v", row(r), row(again), err)
		}
	})
}

func FuzzDecodeWrite(f *testing.F) {
	w := entity.Write{Sighting: identity.Sighting{Timestamp: 5, MessageID: "m", Source: "s"}, Run: "r", Attributes: []byte(`{"a":1}`)}
	f.Add(entity.WriteKey("e", "k", &w), w.Encode())
	f.Fuzz(func(t *testing.T, k, v []byte) {
		name, key, w, err := entity.DecodeWrite(k, v)
		if err != nil {
			return
		}
		name2, key2, again, err := entity.DecodeWrite(entity.WriteKey(name, key, w), w.Encode())
		if err != nil || name2 != name || key2 != key || !cmp.Equal(again, w) {
			t.Fatalf("%+v becomes %+v, %v", w, again, err)
		}
	})
}
