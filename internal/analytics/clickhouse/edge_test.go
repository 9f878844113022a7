package clickhouse_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"kith/internal/analytics"
	"kith/internal/analytics/clickhouse/dialect"
	"kith/internal/analytics/condition"
	"kith/internal/errs"
	"kith/internal/expr"
	"kith/internal/lake"
	"kith/internal/membership"
	"kith/internal/strictjson"
)

// question is one about segments s0, s1 and so on of these conditions.
func question(t *testing.T, conditions ...string) (dialect.Question, []expr.Condition) {
	t.Helper()
	docs := membership.Documents{Segments: map[string]json.RawMessage{}}
	for i, c := range conditions {
		docs.Segments[fmt.Sprint("s", i)] = json.RawMessage(`{"where":` + c + `}`)
	}
	set, err := docs.Set()
	if err != nil {
		t.Fatalf("%s: %v", conditions, err)
	}
	var all []expr.Condition
	for i := range conditions {
		all = append(all, set.Segment(fmt.Sprint("s", i)).Where)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	return dialect.Question{Question: condition.Question{Set: set, Now: now, Zone: time.UTC}}, all
}

// people puts one profile for each document of traits into the copy, p0, p1 and so on.
func (h *house) people(traits ...string) {
	h.t.Helper()
	var lines []byte
	for i, doc := range traits {
		var parsed strictjson.Doc
		h.must(parsed.Parse([]byte(doc), strictjson.Limits{}))
		lines = fmt.Appendf(lines, `{"profile_id":"p%d","traits":%s,"_version":1,"_deleted":false}`+"\n", i, strictjson.AppendString(nil, string(parsed.Root().AppendCanonical(nil))))
	}
	h.must(h.mirror.Add(h.t.Context(), lake.TableProfiles, "people", lines))
}

// told returns the answer to a question as one text.
func (h *house) told(q analytics.Query, err error) string {
	h.t.Helper()
	h.must(err)
	rows, err := h.rows(q)
	h.must(err)
	var out []string
	for _, row := range rows {
		out = append(out, strings.Join(row, "|"))
	}
	return strings.Join(out, "; ")
}

// TestOddTexts holds conditions on texts that a server escapes, marks or parses in
// ways of its own.
func TestOddTexts(t *testing.T) { over(t, testOddTexts) }

func testOddTexts(t *testing.T, open opener) {
	h := open(t, analytics.Limits{})
	h.people(`{"v":"a\u2028b"}`, `{"v":"x\u007f0\u007f\\\\\"\n\/y"}`, `{"q\"\\k":{"":1}}`, `{"v":"a\nb"}`, `{"v":123456789012345678901234567890}`,
		`{"v":{"k\u2029\\N":["N1",[1.50,"N"],[]],"":null}}`, `{"v":"12N"}`, `{"v":[[[["deep"]]],[]]}`, `{"v":"N12"}`, `{}`)
	for c, want := range map[string]string{
		`{"trait":"v","op":"eq","value":"a\u2028b"}`:                                              "p0",
		`{"trait":"v","op":"contains","value":"\u2028"}`:                                          "p0",
		`{"trait":"v","op":"eq","value":"x\u007f0\u007f\\\\\"\n/y"}`:                              "p1",
		`{"trait":"v","op":"ends_with","value":"\\\"\n/y"}`:                                       "p1",
		`{"trait":"q\"\\k","op":"exists"}`:                                                        "p2",
		`{"trait":"v","op":"matches","value":"a.b"}`:                                              "p0",
		`{"trait":"v","op":"matches","value":"(?s)a.b"}`:                                          "p0; p3",
		`{"trait":"v","op":"matches","value":"^a$|\\Q.\\E|(?i)^DEEP"}`:                            "p7",
		`{"all":[{"trait":"v","op":"exists"},{"trait":"v","op":"neq","value":"a"}]}`:              "p0; p1; p3; p4; p5; p6; p7; p8",
		`{"any":[{"trait":"v","op":"gt","value":0},{"trait":"v","op":"lt","value":"1"}]}`:         "",
		`{"any":[{"trait":"v","op":"eq","value":"12N"},{"trait":"v","op":"eq","value":12}]}`:      "p6",
		`{"trait":"v","op":"in","value":["N12",12,"deep"]}`:                                       "p7; p8",
		`{"all":[{"trait":"v","op":"not_contains","value":"a"},{"trait":"v","op":"not_exists"}]}`: "p2; p9",
	} {
		q, all := question(t, c)
		query, err := q.Members(all[0])
		query.SQL = strings.Replace(query.SQL, " SETTINGS", " ORDER BY id SETTINGS", 1)
		if got := h.told(query, err); got != want {
			t.Errorf("%s holds for %s, want %s", c, got, want)
		}
	}
	q, all := question(t, `{"trait":"v","op":"exists"}`)
	want := []string{`"12N"|1`, `"N12"|1`, `"a\u000ab"|1`, "\"a\u2028b\"|1", `"deep"|1`, `"x` + "\x7f0\x7f" + `\\\\\"\n/y"|1`, `123456789012345678901234567890|1`, `{"":null,"k` + "\u2029" + `\\N":["N1",[1.5,"N"],[]]}|1`}
	got := strings.Split(h.told(q.Breakdown(all[0], "v")), "; ")
	if len(got) != len(want) {
		t.Fatalf("there are %d values: %q", len(got), got)
	}
	values := map[string]bool{}
	for i := range want {
		values[canonical(t, want[i])] = true
	}
	for _, row := range got {
		if !values[canonical(t, row)] {
			t.Errorf("%q is among the values", row)
		}
	}
}

// canonical is a value and its number with the value in canonical form.
func canonical(t *testing.T, row string) string {
	value, n, _ := strings.Cut(row, "|")
	var doc strictjson.Doc
	if err := doc.Parse([]byte(value), strictjson.Limits{}); err != nil {
		t.Fatalf("%q: %v", row, err)
	}
	return string(doc.Root().AppendCanonical(nil)) + "|" + n
}

// TestSizes holds that sizes, samples and regions are those of who the conditions
// hold for.
func TestSizes(t *testing.T) { over(t, testSizes, shards, replica) }

func testSizes(t *testing.T, open opener) {
	h := open(t, analytics.Limits{})
	h.people(`{"v":1}`, `{"v":[1,2]}`, `{"v":2}`, `{}`)
	q, all := question(t, `{"trait":"v","op":"eq","value":1}`, `{"trait":"v","op":"eq","value":2}`)
	for _, c := range []struct{ got, want string }{
		{h.told(q.Sizes(all, []int{1, 0}, 1)), "4|2|2|p1|p0"},
		{h.told(q.Sizes(all, []int{0}, 10)), "4|2|2|p0,p1"},
		{h.told(q.Sizes(all[:1], nil, 0)), "4|2"},
		{h.told(q.Regions(all)), "0|1; 1|1; 2|1; 3|1"},
		{h.told(q.Breakdown(all[0], "v")), "1|2; 2|1"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
}

// TestCutTimes holds that an event whose time may have been cut to what a server
// holds fails the questions that it may count in, and no others.
func TestCutTimes(t *testing.T) { over(t, testCutTimes, shards, replica) }

func testCutTimes(t *testing.T, open opener) {
	h := open(t, analytics.Limits{})
	h.people(`{}`)
	line := strings.Replace(event(0, "a"), "2024-01-01T00:00:00.250Z", "1900-01-01T00:00:00.000Z", 1)
	h.must(h.mirror.Add(t.Context(), lake.TableEvents, "old", []byte(line)))
	h.must(h.mirror.Add(t.Context(), lake.TableIdentifiers, "i", []byte(`{"node_id":"a","profile_id":"p0","_version":1,"_deleted":false}`+"\n")))
	q, all := question(t, `{"event":"A"}`, `{"event":"A","window":{"last":"7d"}}`)
	query, err := q.Members(all[0])
	h.must(err)
	if _, err := h.rows(query); !errs.Is(err, errs.Invalid) {
		t.Errorf("an event of 1900 is counted: %v", err)
	}
	if got := h.told(q.Members(all[1])); got != "" {
		t.Errorf("an event of 1900 is of the last week for %s", got)
	}
}
