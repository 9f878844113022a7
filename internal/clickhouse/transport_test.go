package clickhouse_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"kith/internal/analytics/clickhouse/clickhousetest"
	"kith/internal/clickhouse"
	"kith/internal/errs"
)

func open(t *testing.T, address string) *clickhouse.Server {
	t.Helper()
	loc, err := clickhouse.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	return clickhouse.Open(loc, clickhouse.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: time.Minute, AnswerBytes: 64 << 20})
}

// both returns connections to one new database by both transports.
func both(t *testing.T) (overHTTP, overNative *clickhouse.Server) {
	t.Helper()
	overHTTP, overNative = open(t, clickhousetest.Start(t)), open(t, clickhousetest.StartNative(t))
	name := overHTTP.Location().Database
	if err := overNative.In("default").Do(t.Context(), "CREATE DATABASE "+clickhouse.Name(name)); err != nil {
		t.Fatal(err)
	}
	return overHTTP, overNative.In(name)
}

// answer is the columns and rows of an answer.
func answer(t *testing.T, s *clickhouse.Server, statement string) ([]clickhouse.Column, [][]any, error) {
	t.Helper()
	rows, err := s.Query(t.Context(), statement)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	var out [][]any
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return rows.Columns(), out, nil
		}
		if err != nil {
			return nil, nil, err
		}
		values := make([]any, len(row))
		for i, v := range row {
			in := json.NewDecoder(strings.NewReader(string(v)))
			in.UseNumber() // 1.50 is not 1.5: texts are compared
			if err := in.Decode(&values[i]); err != nil {
				t.Fatalf("%s: %s is no JSON: %v", statement, v, err)
			}
		}
		out = append(out, values)
	}
}

// TestTransportsAgree holds that values of each type are the same JSON, whether the
// server writes it or it is made of what came in blocks.
func TestTransportsAgree(t *testing.T) {
	overHTTP, overNative := both(t)
	// The zone of a DateTime is not among what the engine of tests writes in blocks.
	zoned := regexp.MustCompile(`DateTime\('[^']*'\)`)
	for _, statement := range []string{
		"SELECT toInt8(-128), toInt16(-32768), toInt32(-5), toInt64(-9223372036854775808), toUInt8(255), toUInt16(65535), toUInt32(4294967295), toUInt64(18446744073709551615)",
		"SELECT toInt128('-170141183460469231731687303715884105728'), toInt256('-5'), toUInt128('340282366920938463463374607431768211455'), toUInt256('7')",
		"SELECT 0.1 + 0.2, 1e21, 1e20, 123456789012345680000., 1e-7, 0.000001, -0., 5e-324, 1.7976931348623157e308, toFloat32(0.1), toFloat32(16777216), toFloat32(1e30)",
		"SELECT 1/0, -1/0, toFloat32(1/0), toFloat64(3), toBFloat16(1.5)",
		"SELECT true, false, toDate('2024-02-29'), toDate('2149-06-06'), toDate32('1900-01-01'), toDate32('2299-12-31')",
		"SELECT toDateTime('2024-02-29 12:00:00', 'UTC'), toDateTime('2024-02-29 12:00:00', 'Asia/Tokyo'), toDateTime64('2024-02-29 12:00:00.123456', 6, 'UTC'), toDateTime64('1969-12-31 23:59:59.9', 1, 'UTC'), toDateTime64('2024-02-29 12:00:00', 0, 'UTC'), toDateTime64('1900-01-01 00:00:00.001', 3, 'UTC')",
		"SELECT toDecimal32('-0.05', 2), toDecimal64('12.5', 9), toDecimal128('12.5', 0), toDecimal256('-1.000000001', 9), toDecimal128('0', 9)",
		`SELECT 'a\tb\n\r\b\f\\"/', '', 'é', '\x01\x1f\x7f', 'a\u2028b\u2029c', toFixedString('ab', 4), '\0'`,
		"SELECT NULL, toNullable(1), CAST(NULL AS Nullable(String)), [NULL, 1], [], [[1], []], ['a', NULL]",
		"SELECT map('a', 1), map(1, [2]), map(), tuple(1, 'x'), CAST((1, 'x') AS Tuple(a UInt8, `b c` String)), [(1, [map('k', (1, 2))])]",
		"SELECT CAST('b' AS Enum8('a' = 1, 'b' = -2)), CAST('it''s' AS Enum16('it\\'s' = 1000)), toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0'), toIPv4('1.2.3.4'), toIPv6('2001:db8::1'), toIPv6('::ffff:1.2.3.4')",
		"SELECT toLowCardinality('a'), CAST(NULL AS LowCardinality(Nullable(String))), CAST('x' AS LowCardinality(Nullable(String))), [toLowCardinality('a'), toLowCardinality('b')], map(toLowCardinality('k'), 1)",
		"SELECT toLowCardinality(toString(number % 300)), number % 7 = 0 ? NULL : number, range(number % 5), arrayMap(x -> toString(x), range(number % 3)) FROM numbers(3000) SETTINGS max_block_size = 700",
		"SELECT INTERVAL 3 DAY, (1., 2.)::Point, now() - now(), toTypeName(1)",
		"SELECT number FROM numbers(3) WHERE number > 5", "SELECT 1 AS a, 3 AS `x y``z`",
		"EXPLAIN AST SELECT 'a\\nb', 1 AS x", "DESCRIBE TABLE system.one",
	} {
		columns, want, err := answer(t, overHTTP, statement)
		if err != nil {
			t.Errorf("%s: %v", statement, err)
			continue
		}
		for i := range columns {
			columns[i].Type = zoned.ReplaceAllString(columns[i].Type, "DateTime")
		}
		if c, got, err := answer(t, overNative, statement); err != nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(c, columns) {
			t.Errorf("%s is\n%v %v, %v, and over HTTP\n%v %v", statement, c, short(got), err, columns, short(want))
		}
	}
	if _, _, err := answer(t, overNative, "SELECT sumState(1)"); !errs.Is(err, errs.Invalid) {
		t.Errorf("a type whose values do not come gives %v", err)
	}
}

func short(rows [][]any) [][]any { return rows[:min(len(rows), 10)] }

// TestInsertsAgree holds that lines fill a table alike, and that what one transport
// refuses the other does.
func TestInsertsAgree(t *testing.T) {
	overHTTP, overNative := both(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for table, s := range map[string]*clickhouse.Server{"h": overHTTP, "n": overNative} {
		must(s.Do(t.Context(), "CREATE TABLE "+table+" (k Int64, s String, t DateTime64(3, 'UTC'), n Nullable(String), nt Nullable(DateTime64(3, 'UTC')), b Bool, nb Nullable(Bool), d UInt8, u UInt64, f Float64, m UInt64 MATERIALIZED u + 1)"+
			" ENGINE = MergeTree ORDER BY k SETTINGS non_replicated_deduplication_window = 100"))
	}
	for i, line := range []string{
		`{"k":1}`, `{"k":2,"s":"é\u2028\\\"\u0000","n":"","b":true,"nb":false,"d":true,"u":18446744073709551615,"f":-1.5e-7}`,
		`{"k":3,"t":"2024-02-29T12:00:00.123Z","nt":"2024-02-29T12:00:00.999Z"}`, `{"k":4,"t":"1969-12-31T23:59:59.999Z","nt":"1900-01-01T00:00:00.000Z"}`,
		`{"k":5,"t":"1899-12-31T23:59:59.999Z","nt":"1800-06-01T10:20:30.400Z"}`, `{"k":6,"t":"2299-12-31T23:59:59.999Z","nt":"2300-01-01T00:00:00.000Z"}`,
		`{"k":7,"t":"9999-12-31T23:59:59.999Z","nt":"0001-01-01T00:00:00.000Z"}`, `{"k":"8","u":"7","d":3,"f":12345678901234567890}`, `{"k":-9223372036854775808,"n":null}`,
		"{\"k\":10}\n{\"k\":11,\"s\":\"two\"}\n",
		`{"x":1}`, `{"s":null}`, `{"k":1.5}`, `{"t":"yesterday"}`, `{"k":1,`, `[1]`, `{"k":1}}`, `{"k":1,"k":2}`, `{"m":1}`, `{"b":2}`,
	} {
		token := strings.Repeat("t", i+1)
		for range 2 {
			asHTTP, asNative := overHTTP.Insert(t.Context(), "h", token, []byte(line)), overNative.Insert(t.Context(), "n", token, []byte(line))
			if (asHTTP == nil) != (asNative == nil) || errs.KindOf(asHTTP) != errs.KindOf(asNative) {
				t.Errorf("%s: over HTTP %v, and else %v", line, asHTTP, asNative)
			}
		}
	}
	_, want, err := answer(t, overHTTP, "SELECT *, m FROM h ORDER BY k, s")
	must(err)
	_, got, err := answer(t, overNative, "SELECT *, m FROM n ORDER BY k, s")
	must(err)
	if len(want) != 11 {
		t.Errorf("there are %d rows", len(want))
	}
	for i := range want {
		if i >= len(got) || !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("a row is\n%v and over HTTP\n%v", got[min(i, len(got)-1)], want[i])
		}
	}
}
