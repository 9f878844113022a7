package encode

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/ipc"

	"kith/internal/analytics"
)

// answer is an answer that is given.
type answer struct {
	columns []analytics.Column
	rows    [][][]byte
	cut     analytics.Cut
	asOf    time.Time
	failure error // after the rows
}

func (a *answer) Columns() []analytics.Column { return a.columns }
func (a *answer) Cut() analytics.Cut          { return a.cut }
func (a *answer) AsOf() time.Time             { return a.asOf }
func (a *answer) Close() error                { return nil }

func (a *answer) Next() ([][]byte, error) {
	if len(a.rows) == 0 {
		if a.failure != nil {
			return nil, a.failure
		}
		return nil, io.EOF
	}
	row := a.rows[0]
	a.rows = a.rows[1:]
	return row, nil
}

func texts(values ...string) [][]byte {
	row := make([][]byte, len(values))
	for i, v := range values {
		if v != "NULL" {
			row[i] = []byte(v)
		}
	}
	return row
}

// every has each kind of value, hostile texts, and columns of one name.
func every() *answer {
	return &answer{
		columns: []analytics.Column{
			{Name: "text", Type: "VARCHAR"}, {Name: "flag", Type: "BOOLEAN", Kind: analytics.Bool}, {Name: "int", Type: "BIGINT", Kind: analytics.Integer, Bits: 64},
			{Name: "big", Type: "HUGEINT", Kind: analytics.Integer, Bits: 128}, {Name: "unsigned", Type: "UBIGINT", Kind: analytics.Integer, Bits: 64, Unsigned: true},
			{Name: "dec", Type: "DECIMAL(38,9)", Kind: analytics.Decimal, Width: 38, Scale: 9}, {Name: "float", Type: "DOUBLE", Kind: analytics.Float},
			{Name: "at", Type: "TIMESTAMP", Kind: analytics.Time}, {Name: "day", Type: "DATE", Kind: analytics.Date}, {Name: "json", Type: "JSON", Kind: analytics.JSON},
			{Name: "bytes", Type: "BLOB", Kind: analytics.Bytes}, {Name: "text", Type: "VARCHAR"},
		},
		rows: [][][]byte{
			texts("=cmd()", "true", "-9223372036854775808", "-170141183460469231731687303715884105728", "18446744073709551615", "12345678901234567890123456789.123456789", "0.1",
				"2026-01-02T03:04:05.678Z", "1969-12-31", `{"a":[1.50,"x"]}`, "YWI=", "a \"b\",\r\nc"),
			texts("", "false", "0", "0", "0", "-0.000000001", "NaN", "infinity", "-infinity", "null", "", "é\u2028\x01"),
			texts("NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL"),
		},
		asOf: time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.FixedZone("", 3600)),
	}
}

func TestGolden(t *testing.T) {
	for format, want := range map[Format]string{
		JSON: `{"columns":[{"name":"text","type":"VARCHAR"},{"name":"flag","type":"BOOLEAN"},{"name":"int","type":"BIGINT"},{"name":"big","type":"HUGEINT"},{"name":"unsigned","type":"UBIGINT"},{"name":"dec","type":"DECIMAL(38,9)"},{"name":"float","type":"DOUBLE"},{"name":"at","type":"TIMESTAMP"},{"name":"day","type":"DATE"},{"name":"json","type":"JSON"},{"name":"bytes","type":"BLOB"},{"name":"text_2","type":"VARCHAR"}],"data":[
{"text":"=cmd()","flag":true,"int":-9223372036854775808,"big":-170141183460469231731687303715884105728,"unsigned":18446744073709551615,"dec":12345678901234567890123456789.123456789,"float":0.1,"at":"2026-01-02T03:04:05.678Z","day":"1969-12-31","json":{"a":[1.50,"x"]},"bytes":"YWI=","text_2":"a \"b\",\u000d\nc"},
{"text":"","flag":false,"int":0,"big":0,"unsigned":0,"dec":-0.000000001,"float":null,"at":"infinity","day":"-infinity","json":null,"bytes":"","text_2":"é\u2028\u0001"},
{"text":null,"flag":null,"int":null,"big":null,"unsigned":null,"dec":null,"float":null,"at":null,"day":null,"json":null,"bytes":null,"text_2":null}],
"rows":3,"truncated":false,"as_of":"2026-01-02T02:04:05.678Z"}
`,
		NDJSON: `{"text":"=cmd()","flag":true,"int":-9223372036854775808,"big":-170141183460469231731687303715884105728,"unsigned":18446744073709551615,"dec":12345678901234567890123456789.123456789,"float":0.1,"at":"2026-01-02T03:04:05.678Z","day":"1969-12-31","json":{"a":[1.50,"x"]},"bytes":"YWI=","text_2":"a \"b\",\u000d\nc"}
{"text":"","flag":false,"int":0,"big":0,"unsigned":0,"dec":-0.000000001,"float":null,"at":"infinity","day":"-infinity","json":null,"bytes":"","text_2":"é\u2028\u0001"}
{"text":null,"flag":null,"int":null,"big":null,"unsigned":null,"dec":null,"float":null,"at":null,"day":null,"json":null,"bytes":null,"text_2":null}
`,
		CSV: "text,flag,int,big,unsigned,dec,float,at,day,json,bytes,text_2\r\n" +
			"\"'=cmd()\",true,-9223372036854775808,-170141183460469231731687303715884105728,18446744073709551615,12345678901234567890123456789.123456789,0.1,2026-01-02T03:04:05.678Z,1969-12-31,\"{\"\"a\"\":[1.50,\"\"x\"\"]}\",YWI=,\"a \"\"b\"\",\r\nc\"\r\n" +
			"\"\",false,0,0,0,-0.000000001,NaN,infinity,\"'-infinity\",null,\"\",é\u2028\x01\r\n,,,,,,,,,,,\r\n",
	} {
		var out bytes.Buffer
		if err := Write(&out, format, every()); err != nil || out.String() != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", format, err, out.String(), want)
		}
		if format == JSON && !json.Valid(out.Bytes()) {
			t.Error("no JSON")
		}
	}
}

func TestArrow(t *testing.T) {
	var out bytes.Buffer
	if err := Write(&out, Arrow, every()); err != nil {
		t.Fatal(err)
	}
	r, err := ipc.NewReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	var types []string
	for _, f := range r.Schema().Fields() {
		name, _ := f.Metadata.GetValue("ARROW:extension:name")
		types = append(types, strings.TrimSpace(f.Name+" "+f.Type.String()+" "+name))
	}
	want := "text utf8, flag bool, int int64, big decimal256(39, 0), unsigned uint64, dec decimal(38, 9), float float64, at timestamp[ms, tz=UTC], day date32, json utf8 arrow.json, bytes binary, text_2 utf8"
	if got := strings.Join(types, ", "); got != want {
		t.Errorf("the columns are\n%s, want\n%s", got, want)
	}
	var rows [][]string
	for r.Next() {
		batch := r.RecordBatch()
		for i := range int(batch.NumRows()) {
			var row []string
			for c := range int(batch.NumCols()) {
				row = append(row, batch.Column(c).ValueStr(i))
			}
			rows = append(rows, row)
		}
	}
	if r.Err() != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), r.Err())
	}
	for i, want := range []string{
		"=cmd()|true|-9223372036854775808|-170141183460469231731687303715884105728|18446744073709551615|12345678901234567890123456789.123456789|0.1|2026-01-02T03:04:05.678Z|1969-12-31|{\"a\":[1.50,\"x\"]}|YWI=|a \"b\",\r\nc",
		"|false|0|0|0|-1e-09|NaN|(null)|(null)|null||é\u2028\x01",
		"(null)|(null)|(null)|(null)|(null)|(null)|(null)|(null)|(null)|(null)|(null)|(null)",
	} {
		if got := strings.Join(rows[i], "|"); got != want {
			t.Errorf("row %d is\n%q, want\n%q", i, got, want)
		}
	}
}

// TestEmptyAnswers: an answer without rows is a whole one in every form.
func TestEmptyAnswers(t *testing.T) {
	for format, want := range map[Format]string{
		JSON: "{\"columns\":[{\"name\":\"a\",\"type\":\"DATE\"}],\"data\":[],\n\"rows\":0,\"truncated\":true,\"truncated_by\":\"rows\",\"as_of\":null}\n", NDJSON: "", CSV: "a\r\n",
	} {
		var out bytes.Buffer
		if err := Write(&out, format, &answer{columns: []analytics.Column{{Name: "a", Type: "DATE", Kind: analytics.Date}}, cut: analytics.CutRows}); err != nil || out.String() != want {
			t.Errorf("%s: %q, %v", format, out.String(), err)
		}
	}
}

// TestAFailureIsNoAnswer: what fails in its middle is an error in every form, and
// what was written until then is no whole document.
func TestAFailureIsNoAnswer(t *testing.T) {
	broken := errors.New("broken")
	for _, format := range Formats() {
		a := every()
		a.failure = broken
		var out bytes.Buffer
		if err := Write(&out, format, a); !errors.Is(err, broken) {
			t.Errorf("%s: %v", format, err)
		}
		if format == JSON && json.Valid(out.Bytes()) {
			t.Error("what was written is a whole document")
		}
	}
}

// TestFormulasAreNeutral: what a spreadsheet would compute has an apostrophe
// before it, and numbers have none.
func TestFormulasAreNeutral(t *testing.T) {
	for v, harmful := range map[string]bool{
		"=1+1": true, "+1": true, "-1": true, "@SUM(A1)": true, "\t=1": true, "\r=1": true, "\n=1": true, " =1": true, "\u00a0=1": true, "\ufeff=1": true, "\x00=1": true, "＝1": true, "|calc": true, "%0A": true,
		"1=1": false, "a-b": false, "": false, "é": false, "'=1": false, "a@b.example": false,
	} {
		field := string(appendField(nil, []byte(v), true))
		if got := strings.HasPrefix(field, "\"'"); got != harmful {
			t.Errorf("%q is written %s", v, field)
		}
	}
	if got := string(appendField(nil, []byte("-1.5"), !numeric(analytics.Decimal))); got != "-1.5" {
		t.Errorf("a number is written %s", got)
	}
}

// FuzzTexts: whatever a text holds, JSON is JSON and CSV is CSV, of as many fields
// as there are columns.
func FuzzTexts(f *testing.F) {
	f.Add("=1", "a\",\r\n\"")
	f.Add("\x00", "\xff\xfe")
	f.Add("", "\u2028'")
	f.Fuzz(func(t *testing.T, a, b string) {
		give := func() *answer {
			return &answer{columns: []analytics.Column{{Name: a}, {Name: b, Kind: analytics.JSON}}, rows: [][][]byte{texts(a, b), texts(b, a)}}
		}
		var out bytes.Buffer
		if err := Write(&out, JSON, give()); err != nil || !json.Valid(out.Bytes()) {
			t.Fatalf("%q, %v", out.Bytes(), err)
		}
		out.Reset()
		if err := Write(&out, CSV, give()); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(&out).ReadAll()
		if err != nil || len(rows) != 3 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		for _, row := range rows {
			for _, v := range row {
				if formula([]byte(v)) {
					t.Fatalf("%q would be computed", v)
				}
			}
		}
	})
}
