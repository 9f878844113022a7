package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"kith/internal/app"
	"kith/internal/client"
	"kith/internal/errs"
)

// TestMain makes the test binary the process of a query, which the command starts.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == sqlWorkerName {
		os.Exit(run(context.Background(), os.Args[1:]))
	}
	os.Exit(m.Run())
}

var sqlBlock = regexp.MustCompile("(?s)```sql\n(.*?)```")

// TestGuideToSQL runs every example of the guide on the data that it speaks of.
func TestGuideToSQL(t *testing.T) {
	guide, err := os.ReadFile("../../docs/guide/sql.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := sqlBlock.FindAllStringSubmatch(string(guide), -1)
	if len(blocks) < 12 {
		t.Errorf("the guide has %d examples", len(blocks))
	}
	c := demoClient(t)
	for _, b := range blocks {
		answer, err := c.Query(t.Context(), b[1], "application/json")
		if err != nil {
			t.Errorf("%s\n%v", b[1], err)
			continue
		}
		var a sqlAnswer
		err = json.NewDecoder(answer.Body).Decode(&a)
		answer.Body.Close()
		if err != nil || len(a.Data) == 0 || a.AsOf == nil {
			t.Errorf("%s\ngives %d rows as of %v, %v", b[1], len(a.Data), a.AsOf, err)
			continue
		}
		for _, col := range a.Columns {
			empty := true
			for _, row := range a.Data {
				empty = empty && string(row[col.Name]) == "null"
			}
			if empty {
				t.Errorf("%s\nhas nothing in %s", b[1], col.Name)
			}
		}
	}
}

// demoClient loads a small demo and opens its folder.
func demoClient(t *testing.T) *client.Client {
	t.Helper()
	data := filepath.Join(t.TempDir(), "demo")
	if code := run(t.Context(), []string{"demo", "--data", data, "--profiles", "150", "--exit", "--no-live", "--addr", "127.0.0.1:0"}); code != exitOK {
		t.Fatalf("the demo ends with %d", code)
	}
	cfg := app.DefaultConfig()
	cfg.Data, cfg.SQLWorker = data, sqlWorker()
	c, shut, err := app.Offline(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := shut(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// TestSQLCommand: the forms of an answer, a query from standard input, and what a
// mistake costs, on a folder that no server runs on.
func TestSQLCommand(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	cfg := app.DefaultConfig()
	cfg.Data = data
	a, err := app.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	const query = "SELECT 1 AS one, '=2' AS formula, NULL AS nothing, 1.50 AS d, 'a\tb' AS t"
	for format, want := range map[string]string{
		"table":  "one  formula  nothing  d     t\n───  ───────  ───────  ─     ─\n1    =2                1.50  a b\n1 row\n",
		"json":   `{"columns":[{"name":"one","type":"INTEGER"},{"name":"formula","type":"VARCHAR"},{"name":"nothing","type":"INTEGER"},{"name":"d","type":"DECIMAL(3,2)"},{"name":"t","type":"VARCHAR"}],"data":[` + "\n" + `{"one":1,"formula":"=2","nothing":null,"d":1.50,"t":"a\u0009b"}],` + "\n" + `"rows":1,"truncated":false,"as_of":null}` + "\n",
		"ndjson": `{"one":1,"formula":"=2","nothing":null,"d":1.50,"t":"a\u0009b"}` + "\n",
		"csv":    "one,formula,nothing,d,t\r\n1,\"'=2\",,1.50,a\tb\r\n",
	} {
		got, err := runSQL(query, "--data", data, "--format", format, "-")
		if err != nil || got != want {
			t.Errorf("%s: %q, %v", format, got, err)
		}
	}
	got, err := runSQL("", "--data", data, "--json", "SELECT count(*) AS n FROM events")
	if err != nil || !strings.Contains(got, `"n":0`) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := runSQL("", "--data", data, "SELECT nmae FROM events"); !errs.Is(err, errs.Invalid) || !strings.Contains(message(err), "line 1, column 8") {
		t.Errorf("a mistake gives %v", err)
	}
	for _, args := range [][]string{{"--data", data}, {"--data", data, "--format", "xls", "SELECT 1"}} {
		if _, err := runSQL("", args...); exitCode(t.Context(), err) != exitUsage {
			t.Errorf("%v gives %v", args, err)
		}
	}
}

// runSQL runs the command and returns what it prints.
func runSQL(input string, args ...string) (string, error) {
	cmd := sqlCommand()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard)
	cmd.SetIn(strings.NewReader(input))
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(context.Background())
	return out.String(), err
}
