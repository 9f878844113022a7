package lake_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/parquet-go/parquet-go"

	"kith/internal/errs"
	"kith/internal/lake"
	"kith/internal/oracle/workload"
)

// TestExport writes every table in every format: as many rows as the table has.
func TestExport(t *testing.T) {
	ctx := context.Background()
	w := newWorld(2, 50)
	for i := range uint64(3) {
		w.append(t, workload.Records(i, 150))
		ok(t, w.runner.Drain(ctx))
		_, err := w.writer.Step(ctx)
		ok(t, err)
	}
	for _, table := range lake.Tables() {
		m, err := lake.ReadManifest(ctx, w.files, table.Name)
		ok(t, err)
		want := len(w.table(t, table.Name))
		for format, count := range map[lake.Format]func([]byte) int{lake.CSV: rowsOfCSV(t), lake.JSONL: rowsOfJSONL(t), lake.Parquet: rowsOfParquet(t)} {
			var out bytes.Buffer
			n, err := lake.Export(ctx, w.files, m, format, &out)
			ok(t, err)
			if got := count(out.Bytes()); int(n) != want || got != want || want == 0 && table.Name != lake.TableMembers && table.Name != lake.TableTransitions {
				t.Errorf("%s as %s: %d rows told, %d written, want %d", table.Name, format, n, got, want)
			}
		}
	}
	m, err := lake.ReadManifest(ctx, w.files, lake.TableLinks)
	ok(t, err)
	if _, err := lake.Export(ctx, w.files, m, "xlsx", &bytes.Buffer{}); !errs.Is(err, errs.Invalid) {
		t.Errorf("an unknown format gives %v", err)
	}
}

func rowsOfCSV(t *testing.T) func([]byte) int {
	return func(data []byte) int {
		all, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
		ok(t, err)
		return len(all) - 1
	}
}

func rowsOfJSONL(t *testing.T) func([]byte) int {
	return func(data []byte) int {
		n := 0
		for line := range strings.Lines(string(data)) {
			if !json.Valid([]byte(line)) {
				t.Errorf("no JSON: %s", line)
			}
			n++
		}
		return n
	}
}

func rowsOfParquet(t *testing.T) func([]byte) int {
	return func(data []byte) int {
		f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
		ok(t, err)
		return int(f.NumRows())
	}
}

func TestHarmless(t *testing.T) {
	for in, want := range map[string]string{
		"=1+1": "'=1+1", "+49": "'+49", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx", "a=b": "a=b", "": "", "\x00=x": "'=x", "plain": "plain",
	} {
		if got := lake.Harmless(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestView(t *testing.T) {
	m := &lake.Manifest{Table: "links", Kind: lake.Mutable, Key: []string{"node_a", "node_b"}, AsOf: "T", Files: []lake.ManifestFile{{Path: "a.parquet"}}}
	got := lake.View(m, "/it's")
	for _, want := range []string{"'/it''s/a.parquet'", `PARTITION BY "node_a", "node_b" ORDER BY _version DESC`, "NOT _deleted"} {
		if !strings.Contains(got, want) {
			t.Errorf("the view lacks %s:\n%s", want, got)
		}
	}
	m.Files = nil
	m.Columns = []lake.ManifestColumn{{Name: "a", Type: "VARCHAR"}, {Name: "_version", Type: "BIGINT"}}
	if got := lake.View(m, "/x"); !strings.Contains(got, `SELECT NULL::VARCHAR AS "a" WHERE false;`) {
		t.Errorf("the view of a table without files:\n%s", got)
	}
}

// TestCheck finds a file that is another than was written, and one that is gone.
func TestCheck(t *testing.T) {
	ctx := context.Background()
	w := newWorld(1, 50)
	w.append(t, workload.Records(1, 100))
	ok(t, w.runner.Drain(ctx))
	_, err := w.writer.Step(ctx)
	ok(t, err)
	found := func() string {
		var out []string
		n, err := lake.Check(ctx, w.files, func(name, what string) { out = append(out, strings.Split(name, "/")[0]) })
		ok(t, err)
		if n == 0 {
			t.Error("nothing was read")
		}
		return fmt.Sprint(out)
	}
	if got := found(); got != "[]" {
		t.Errorf("a sound lake has damage in %s", got)
	}
	for i, table := range [...]string{lake.TableEvents, lake.TableProfiles} {
		m, err := lake.ReadManifest(ctx, w.files, table)
		ok(t, err)
		name := "lake/" + table + "/" + m.Files[0].Path
		if i == 0 {
			f, err := w.fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
			ok(t, err)
			_, err = f.WriteAt([]byte{0xff}, 100)
			ok(t, err)
			ok(t, f.Close())
			continue
		}
		ok(t, w.fs.Remove(name))
	}
	if got := found(); got != "[events profiles]" {
		t.Errorf("the damage is in %s", got)
	}
}
