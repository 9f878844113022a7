package strictjson

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"kith/internal/errs"
)

func parse(t testing.TB, text string, limits Limits) *Doc {
	t.Helper()
	d := new(Doc)
	if err := d.Parse([]byte(text), limits); err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return d
}

func TestParseTakesEveryFormOfTheGrammar(t *testing.T) {
	for _, text := range []string{
		`null`, `true`, `false`, `0`, `-0`, `-1`, `1.5`, `1e5`, `1E+5`, `1e-05`, `-0.0e-0`, `123456789012345678901234567890`,
		`1e999999999999`, `""`, `"a"`, `[]`, `{}`, `[[]]`, `[{}]`, `{"":0}`, `{"a":{"b":[1,2,{}]}}`,
		" \t\r\n[ \t\r\n1 \t\r\n, \t\r\n2 \t\r\n] \t\r\n", " { \"a\" : 1 , \"b\" : 2 } ", ` "x" `,
		`"\"\\\/\b\f\n\r\t"`, `"\u0041\u00e9\u20AC\uD83D\uDE00"`, `"` + "\u007f\u0080\u07ff\u0800\uffff\U00010000\U0010ffff\ufeff" + `"`,
		`"\u0000"`, `"\uD800"`, `"\uDC00"`, `"\uD800\uD800"`, `"\uD800\u0041"`, `"\uD800x"`, `"\uDFFF\uD800"`,
	} {
		d := parse(t, text, Limits{})
		if got, want := string(d.Root().Raw()), strings.Trim(text, " \t\r\n"); got != want {
			t.Errorf("Parse(%q): the root is %q", text, got)
		}
		if !json.Valid([]byte(text)) {
			t.Errorf("encoding/json does not take %q", text)
		}
	}
}

func TestParseRefusesEverythingElse(t *testing.T) {
	long := strings.Repeat("x", 20)
	for _, c := range []struct {
		text   string
		code   string
		offset int
	}{
		{``, CodeSyntax, 0}, {` `, CodeSyntax, 1}, {"\ufeff{}", CodeSyntax, 0}, {"\x00", CodeSyntax, 0}, {"\f1", CodeSyntax, 0}, {"\u00a01", CodeSyntax, 0},
		{`[`, CodeSyntax, 1}, {`{`, CodeSyntax, 1}, {`]`, CodeSyntax, 0}, {`}`, CodeSyntax, 0}, {`,`, CodeSyntax, 0}, {`:`, CodeSyntax, 0},
		{`[1`, CodeSyntax, 2}, {`[1,`, CodeSyntax, 3}, {`[1,]`, CodeSyntax, 3}, {`[,1]`, CodeSyntax, 1}, {`[1,,2]`, CodeSyntax, 3}, {`[1 2]`, CodeSyntax, 3},
		{`[1}`, CodeSyntax, 2}, {`{]`, CodeSyntax, 1}, {`[}`, CodeSyntax, 1}, {`{"a":1]`, CodeSyntax, 6}, {`[1:2]`, CodeSyntax, 2}, {`["a":1]`, CodeSyntax, 4},
		{`{"a"`, CodeSyntax, 4}, {`{"a":`, CodeSyntax, 5}, {`{"a":}`, CodeSyntax, 5}, {`{"a" 1}`, CodeSyntax, 5}, {`{"a",1}`, CodeSyntax, 4}, {`{"a":1`, CodeSyntax, 6},
		{`{"a":1,}`, CodeSyntax, 7}, {`{,}`, CodeSyntax, 1}, {`{a:1}`, CodeSyntax, 1}, {`{1:1}`, CodeSyntax, 1}, {`{'a':1}`, CodeSyntax, 1}, {`{"a":1 "b":2}`, CodeSyntax, 7},
		{`{null:1}`, CodeSyntax, 1}, {`{[]:1}`, CodeSyntax, 1}, {`{"a":1,"b"}`, CodeSyntax, 10}, {`{"a"::1}`, CodeSyntax, 5},
		{`t`, CodeSyntax, 1}, {`tru`, CodeSyntax, 3}, {`trux`, CodeSyntax, 3}, {`True`, CodeSyntax, 0}, {`nul`, CodeSyntax, 3}, {`nulL`, CodeSyntax, 3}, {`fals`, CodeSyntax, 4}, {`NaN`, CodeSyntax, 0}, {`Infinity`, CodeSyntax, 0},
		{`-`, CodeSyntax, 1}, {`+1`, CodeSyntax, 0}, {`01`, CodeSyntax, 0}, {`-01`, CodeSyntax, 1}, {`00`, CodeSyntax, 0}, {`1.`, CodeSyntax, 2}, {`.5`, CodeSyntax, 0}, {`1.e5`, CodeSyntax, 2},
		{`1e`, CodeSyntax, 2}, {`1e+`, CodeSyntax, 3}, {`-a`, CodeSyntax, 1}, {`--1`, CodeSyntax, 1}, {`[1.]`, CodeSyntax, 3}, {`-Infinity`, CodeSyntax, 1},
		{`"`, CodeSyntax, 1}, {`"a`, CodeSyntax, 2}, {`"` + long, CodeSyntax, 21}, {`"\`, CodeSyntax, 1}, {`"\"`, CodeSyntax, 3}, {`"\x41"`, CodeSyntax, 1}, {`"\a"`, CodeSyntax, 1}, {`"\'"`, CodeSyntax, 1}, {`"\U0041"`, CodeSyntax, 1},
		{`"\u"`, CodeSyntax, 1}, {`"\u004"`, CodeSyntax, 1}, {`"\u004g"`, CodeSyntax, 1}, {`"\u00`, CodeSyntax, 1}, {`"\uD800\u"`, CodeSyntax, 7}, {`"\uD800\`, CodeSyntax, 7}, {`"\u 041"`, CodeSyntax, 1}, {`"\u+041"`, CodeSyntax, 1},
		{"\"\n\"", CodeSyntax, 1}, {"\"\x00\"", CodeSyntax, 1}, {"\"\x1f\"", CodeSyntax, 1}, {"\"" + long + "\t\"", CodeSyntax, 21}, {"{\"a\nb\":1}", CodeSyntax, 3},
		{"\"\xff\"", CodeUTF8, 1}, {"\"\x80\"", CodeUTF8, 1}, {"\"\xc0\x80\"", CodeUTF8, 1}, {"\"\xc1\xbf\"", CodeUTF8, 1}, {"\"\xc3\"", CodeUTF8, 1}, {"\"\xc3", CodeUTF8, 1}, {"\"\xe0\x9f\xbf\"", CodeUTF8, 1},
		{"\"\xed\xa0\x80\"", CodeUTF8, 1}, {"\"\xed\xbf\xbf\"", CodeUTF8, 1}, {"\"\xf0\x8f\xbf\xbf\"", CodeUTF8, 1}, {"\"\xf4\x90\x80\x80\"", CodeUTF8, 1}, {"\"\xf5\x80\x80\x80\"", CodeUTF8, 1}, {"\"\xe2\x82\"", CodeUTF8, 1},
		{"\"\xf0\x9f\x98\"", CodeUTF8, 1}, {"\"" + long + "\xe2\x28\xa1" + long + "\"", CodeUTF8, 21}, {"{\"\xff\":1}", CodeUTF8, 2}, {"\"\xd0\xbf\xd0\xbf\xd0\xbf\xc1\xbf\"", CodeUTF8, 7},
		{`1 2`, CodeTrailing, 2}, {`{}{}`, CodeTrailing, 2}, {`{} x`, CodeTrailing, 3}, {`[]]`, CodeTrailing, 2}, {`"a""b"`, CodeTrailing, 3}, {"1\x00", CodeTrailing, 1}, {`nullnull`, CodeTrailing, 4}, {`1,`, CodeTrailing, 1}, {"{}\xff", CodeTrailing, 2},
	} {
		d := parse(t, `{"left":"over"}`, Limits{})
		err := d.Parse([]byte(c.text), Limits{})
		if errs.CodeOf(err) != c.code || !errs.Is(err, errs.Invalid) {
			t.Errorf("Parse(%q): %v, want %s", c.text, err, c.code)
			continue
		}
		if !strings.HasSuffix(err.Error(), fmt.Sprintf("offset %d", c.offset)) {
			t.Errorf("Parse(%q): %v, want offset %d", c.text, err, c.offset)
		}
		if d.Root().Exists() || d.Violations() != nil {
			t.Errorf("Parse(%q) fails but leaves a document", c.text)
		}
		if c.code != CodeUTF8 && json.Valid([]byte(c.text)) {
			t.Errorf("encoding/json takes %q", c.text)
		}
	}
}

func TestErrorsHoldNoContent(t *testing.T) {
	var d Doc
	for _, text := range []string{`{"secret":secret}`, `"secret`, `{"secret" "secret"}`, `1 secret`, "\"secret\xff\""} {
		if err := d.Parse([]byte(text), Limits{}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("Parse(%q): %v", text, err)
		}
	}
}

func TestValuesAreRead(t *testing.T) {
	d := parse(t, ` {"n":null,"t":true,"f":false,"i":-12.50e1,"s":"plain","e":"a\"\u00e9\n\ud83d\ude00","o":{"x":{"y":[1,[2],{"z":3}]}},"Type":1,"type":2,"a\u0062":4,"":5} `, Limits{})
	root := d.Root()
	if root.Kind() != Object || root.Len() != 11 || !root.Exists() {
		t.Fatalf("the root is %v with %d members", root.Kind(), root.Len())
	}
	for _, c := range []struct {
		path []string
		kind Kind
		raw  string
		text string
	}{
		{[]string{"n"}, Null, "null", ""}, {[]string{"t"}, Bool, "true", ""}, {[]string{"f"}, Bool, "false", ""}, {[]string{"i"}, Number, "-12.50e1", ""},
		{[]string{"s"}, String, `"plain"`, "plain"}, {[]string{"e"}, String, `"a\"\u00e9\n\ud83d\ude00"`, "a\"é\n😀"},
		{[]string{"o", "x", "y"}, Array, `[1,[2],{"z":3}]`, ""}, {[]string{"o", "x"}, Object, `{"y":[1,[2],{"z":3}]}`, ""},
		{[]string{"Type"}, Number, "1", ""}, {[]string{"type"}, Number, "2", ""}, {[]string{"ab"}, Number, "4", ""}, {[]string{""}, Number, "5", ""},
		{[]string{"TYPE"}, Missing, "", ""}, {[]string{"a"}, Missing, "", ""}, {[]string{"abc"}, Missing, "", ""}, {[]string{"o", "nothing", "y"}, Missing, "", ""}, {[]string{"s", "x"}, Missing, "", ""}, {[]string{"o", "x", "y", "z"}, Missing, "", ""},
	} {
		v := root.Path(c.path...)
		if v.Kind() != c.kind || string(v.Raw()) != c.raw || v.Text() != c.text || string(v.TextBytes([]byte("+"))) != "+"+c.text || v.Exists() != (c.kind != Missing) {
			t.Errorf("%q: %v %q %q", c.path, v.Kind(), v.Raw(), v.Text())
		}
		if start, end := v.Span(); string(d.data[start:end]) != c.raw {
			t.Errorf("%q spans %d to %d", c.path, start, end)
		}
		if v.Is(c.text) != (c.kind == String) || v.Is(c.text+"x") {
			t.Errorf("%q is not %q", c.path, c.text)
		}
	}
	if !root.Get("t").Bool() || root.Get("f").Bool() || root.Get("n").Bool() || root.Get("nothing").Bool() || root.Get("s").Bool() {
		t.Error("Bool is wrong")
	}
}

func TestMembersAndElementsComeInOrder(t *testing.T) {
	d := parse(t, `{"a":[1,[2,3],{"x":4},"five"],"\u0062":{"c":[]},"d":6}`, Limits{})
	var got []string
	for key, v := range d.Root().Members() {
		got = append(got, key.String()+"="+string(v.Raw())+string(key.AppendTo(nil))+string(key.Raw()))
		if !key.Is(key.String()) || key.Is(key.String()+"x") || key.Replaced() {
			t.Errorf("key %s compares wrong", key)
		}
		if start, end := key.Span(); string(d.data[start:end]) != string(key.Raw()) {
			t.Errorf("key %s spans %d to %d", key, start, end)
		}
	}
	if want := []string{`a=[1,[2,3],{"x":4},"five"]a"a"`, `b={"c":[]}b"\u0062"`, `d=6d"d"`}; !slices.Equal(got, want) {
		t.Errorf("members %q", got)
	}
	got = nil
	for v := range d.Root().Get("a").Elements() {
		if got = append(got, string(v.Raw())); len(got) == 3 {
			break
		}
	}
	if want := []string{`1`, `[2,3]`, `{"x":4}`}; !slices.Equal(got, want) {
		t.Errorf("elements %q", got)
	}
	for range d.Root().Members() {
		break
	}
	for range d.Root().Elements() {
		t.Error("an object has elements")
	}
	for range d.Root().Get("a").Members() {
		t.Error("an array has members")
	}
}

func TestTheMissingValueAnswersEverything(t *testing.T) {
	var v Value
	var d Doc
	if v.Exists() || v.Kind() != Missing || v.Raw() != nil || v.Len() != 0 || v.Text() != "" || v.Bool() || v.Is("") || v.Get("a").Exists() || v.Path("a", "b").Exists() {
		t.Error("Missing is something")
	}
	if v.AppendClean(nil) != nil || v.AppendCanonical(nil) != nil || v.TextBytes(nil) != nil {
		t.Error("Missing appends something")
	}
	if start, end := v.Span(); start != 0 || end != 0 {
		t.Error("Missing has a span")
	}
	for range v.Members() {
		t.Error("Missing has members")
	}
	for range v.Elements() {
		t.Error("Missing has elements")
	}
	if _, ok := d.ViolationIn(v); ok || d.ReplacedIn(v) || d.Root().Exists() || (Key{}).Replaced() || (Key{}).String() != "" {
		t.Error("the empty Doc holds something")
	}
	if got := fmt.Sprint(Missing, Null, Bool, Number, String, Array, Object, Kind(99)); got != "missing null bool number string array object missing" {
		t.Errorf("kinds are named %s", got)
	}
}

func TestTextOutlivesTheData(t *testing.T) {
	data := []byte(`["plain","esc\u0061ped"]`)
	var d Doc
	if err := d.Parse(data, Limits{}); err != nil {
		t.Fatal(err)
	}
	var texts []string
	for v := range d.Root().Elements() {
		texts = append(texts, v.Text())
	}
	clear(data)
	if !slices.Equal(texts, []string{"plain", "escaped"}) {
		t.Errorf("texts are %q", texts)
	}
}

func TestReplacedIsFlaggedWhereItLies(t *testing.T) {
	d := parse(t, `{"batch":[{"ok":"\u0001\ufffd\ud83d\ude00"},{"a":[["x\u0000y"]]},{"\udead":1},"\ud800\ud800z"],"clean":{}}`, Limits{})
	batch := d.Root().Get("batch")
	var got []bool
	for v := range batch.Elements() {
		got = append(got, d.ReplacedIn(v))
	}
	if want := []bool{false, true, true, true}; !slices.Equal(got, want) {
		t.Errorf("replaced in the elements: %v", got)
	}
	if !d.ReplacedIn(d.Root()) || !d.ReplacedIn(batch) || d.ReplacedIn(d.Root().Get("clean")) {
		t.Error("the containers are flagged wrong")
	}
	const want = `{"batch":[{"ok":"\u0001` + "\ufffd😀" + `"},{"a":[["x` + "\ufffd" + `y"]]},{"` + "\ufffd" + `":1},"` + "\ufffd\ufffd" + `z"],"clean":{}}`
	if got := string(d.Root().AppendClean(nil)); got != want {
		t.Errorf("clean is %s", got)
	}
	for v := range batch.Elements() {
		for key := range v.Members() {
			if key.Replaced() != (key.String() == "\ufffd") {
				t.Errorf("key %q is flagged %v", key, key.Replaced())
			}
		}
		if v.Kind() == String && (v.Text() != "\ufffd\ufffdz" || !v.Is("\ufffd\ufffdz") || string(v.TextBytes(nil)) != v.Text()) {
			t.Errorf("text is %q", v.Text())
		}
	}
}

func TestViolationsHaveAPlace(t *testing.T) {
	text := `{"batch":[{"a":1,"b":2,"c":3,"d":4},{"x":{"k":1,"\u006b":2,"k":3}},[[[[]],[[[]]]]],{"fine":[1]}],"batch":0}`
	d := parse(t, text, Limits{Depth: 4, Keys: 3})
	at := func(s string) int { return strings.Index(text, s) }
	want := []Violation{
		{at(`"d"`), CodeKeys, "an object has more keys than the limit"},
		{at(`"\u006b"`), CodeDuplicateKey, "an object names a key twice"},
		{at(`[[[[]]`) + 2, CodeDepth, "nested deeper than the limit"},
		{at(`[[[]]]]]`), CodeDepth, "nested deeper than the limit"},
		{at(`"batch":0`), CodeDuplicateKey, "an object names a key twice"},
	}
	if got := d.Violations(); !slices.Equal(got, want) {
		t.Errorf("violations %v, want %v", got, want)
	}
	i := 0
	for v := range d.Root().Get("batch").Elements() {
		got, ok := d.ViolationIn(v)
		if ok != (i < 3) || ok && got != want[i] {
			t.Errorf("element %d: %v %v", i, got, ok)
		}
		i++
	}
	if got, ok := d.ViolationIn(d.Root()); !ok || got != want[0] {
		t.Errorf("in the root: %v", got)
	}
}

func TestLimitsAreInclusive(t *testing.T) {
	keys := func(n int) string {
		var s strings.Builder
		for i := range n {
			fmt.Fprintf(&s, `,"k%d":0`, i)
		}
		return "{" + s.String()[1:] + "}"
	}
	nest := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		text   string
		offset int // of the violation, or -1
	}{
		{nest(64), -1}, {nest(65), 64}, {nest(5000), 64}, {keys(1000), -1}, {keys(1001), strings.Index(keys(1001), `"k1000"`)}, {"[" + nest(64) + ",0]", 64}, {`"scalar"`, -1},
	} {
		d := parse(t, c.text, Limits{Depth: 64, Keys: 1000})
		all := d.Violations()
		if c.offset < 0 && len(all) != 0 || c.offset >= 0 && (len(all) != 1 || all[0].Offset != c.offset) {
			t.Errorf("%.20s…: %v, want %d", c.text, all, c.offset)
		}
		if free := parse(t, c.text, Limits{}); free.Violations() != nil {
			t.Errorf("%.20s… without limits: %v", c.text, free.Violations())
		}
	}
}

func TestDuplicateKeysAreFoundInObjectsOfAnySize(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 31, 32, 33, 64, 500, 3000} {
		for _, repeat := range []int{0, n / 2, n - 1} {
			for _, written := range []string{`"%s"`, `"\u006b%s"`, `"k\u0065%s"`} {
				var s strings.Builder
				for i := range n {
					fmt.Fprintf(&s, `"key%d":{"key%d":[%d]},`, i, repeat, i)
				}
				name := fmt.Sprintf("key%d", repeat)
				switch written {
				case `"\u006b%s"`:
					name = name[1:]
				case `"k\u0065%s"`:
					name = name[2:]
				}
				fine := parse(t, "{"+s.String()+`"last":0}`, Limits{})
				if v := fine.Violations(); v != nil {
					t.Fatalf("%d different keys: %v", n, v)
				}
				d := parse(t, "{"+s.String()+fmt.Sprintf(written, name)+":0}", Limits{})
				if v := d.Violations(); len(v) != 1 || v[0].Code != CodeDuplicateKey || v[0].Offset != 1+s.Len() {
					t.Fatalf("%d keys and %s again: %v", n, name, v)
				}
			}
		}
	}
}

func TestKeysThatDecodeAlikeAreDuplicates(t *testing.T) {
	for text, duplicate := range map[string]bool{
		`{"a":1,"a":2}`: true, `{"a":1,"A":2}`: false, `{"":1,"":2}`: true, `{"é":1,"\u00e9":2}`: true, `{"e\u0301":1,"é":2}`: false,
		`{"\u0000":1,"\ufffd":2}`: true, `{"\ud800":1,"\udc00":2}`: true, `{"😀":1,"\ud83d\ude00":2}`: true, `{"a\/b":1,"a/b":2}`: true, `{"\\u0061":1,"a":2}`: false,
		`[{"a":1},{"a":2}]`: false, `{"a":{"a":1}}`: false, `{"a":{"b":1},"b":{"a":1}}`: false, `{"abcdefgh":1,"abcdefgi":2}`: false, `{"ab":1,"ba":2}`: false,
	} {
		if got := parse(t, text, Limits{}).Violations(); (len(got) == 1 && got[0].Code == CodeDuplicateKey) != duplicate || len(got) > 1 {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestADocIsReadByManyAtOnce(t *testing.T) {
	d := parse(t, `{"b":{"\u0061":"x\u0000"},"a":[1,2.50,{"a":1,"a":2}]}`, Limits{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				root := d.Root()
				if string(root.AppendCanonical(nil)) != `{"a":[1,2.5,{"a":1,"a":2}],"b":{"a":"x`+"\ufffd"+`"}}` || root.Path("b", "a").Text() != "x\ufffd" || len(d.Violations()) != 1 || !d.ReplacedIn(root) {
					t.Error("read something else")
				}
			}
		})
	}
	wg.Wait()
}

func TestNothingIsAllocatedWhenADocIsReused(t *testing.T) {
	var d Doc
	var buf []byte
	batch := []byte(`{"batch":[` + trackEvent + "," + escaped + "," + russian + "," + identify + `]}`)
	work := func() {
		if err := d.Parse(batch, Limits{Depth: 64, Keys: 1000}); err != nil {
			t.Fatal(err)
		}
		buf = d.Root().AppendClean(buf[:0])
		buf = d.Root().AppendCanonical(buf[:0])
		count := 0
		for v := range d.Root().Get("batch").Elements() {
			for key, member := range v.Members() {
				if buf = member.TextBytes(key.AppendTo(buf[:0])); key.Is("type") && (member.Is("track") || member.Is("page")) {
					count++
				}
			}
			if _, bad := d.ViolationIn(v); bad || v.Path("context", "nothing").Exists() {
				t.Fatal("found something that is not there")
			}
		}
		if count != 3 {
			t.Fatalf("%d calls are found", count)
		}
		d.Reset()
	}
	work()
	if n := testing.AllocsPerRun(100, work); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if err := d.Parse(batch, Limits{}); err != nil {
		t.Fatal(err)
	}
	title := d.Root().Get("batch")
	for v := range title.Elements() {
		if title = v.Path("properties", "title"); title.Exists() {
			break
		}
	}
	if n := testing.AllocsPerRun(100, func() { _ = len(title.Text()) }); n > 1 || title.Text() != `„Quoted“ "text"` {
		t.Errorf("%v allocations for %q", n, title.Text())
	}
}

func TestHostileInputStaysWithinItsBounds(t *testing.T) {
	const size = 640 << 10
	repeat := func(open, unit, end string) string { return open + strings.Repeat(unit, size/len(unit)) + end }
	distinct := func() string {
		var s strings.Builder
		s.WriteString(`{"":0`)
		for i := 0; s.Len() < size; i++ {
			fmt.Fprintf(&s, `,"%x":0`, i)
		}
		return s.String() + "}"
	}
	nested := func(open, end string) string {
		n := size / (len(open) + len(end))
		return strings.Repeat(open, n) + "0" + strings.Repeat(end, n)
	}
	for name, c := range map[string]struct {
		text       string
		ok         bool
		violations int
	}{
		"open brackets":     {repeat("", "[", ""), false, 0},
		"open objects":      {repeat("", `{"":`, ""), false, 0},
		"nested arrays":     {nested("[", "]"), true, 1},
		"nested objects":    {nested(`{"":`, "}"), true, 1},
		"empty arrays":      {repeat("[0", ",[]", "]"), true, 0},
		"too deep arrays":   {strings.Repeat("[", 64) + repeat("0", ",[]", "") + strings.Repeat("]", 64), true, size / 3},
		"zeros":             {repeat("[0", ",0", "]"), true, 0},
		"one key repeated":  {repeat(`{"":0`, `,"":0`, "}"), true, 2},
		"escaped keys":      {repeat(`{"":0`, `,"\u0061":0`, "}"), true, 2},
		"pairs of keys":     {repeat(`[0`, `,{"a":0,"a":0}`, "]"), true, size / len(`,{"a":0,"a":0}`)},
		"distinct keys":     {distinct(), true, 1},
		"one string":        {repeat(`"`, "a", `"`), true, 0},
		"escapes":           {repeat(`"`, `\u0000`, `"`), true, 0},
		"one number":        {repeat("1", "0", ""), true, 0},
		"a huge exponent":   {repeat("1e9", "9", ""), true, 0},
		"white space":       {repeat("", " ", "1"), true, 0},
		"only white space":  {repeat("", "\n", ""), false, 0},
		"high code points":  {repeat(`"`, "\U0001f600", `"`), true, 0},
		"long escaped keys": {`{"` + strings.Repeat(`\u0061`, size/12) + `":0,"` + strings.Repeat("a", size/12) + `":0}`, true, 1},
	} {
		var d Doc
		err := d.Parse([]byte(c.text), Limits{Depth: 64, Keys: 1000})
		if (err == nil) != c.ok || len(d.Violations()) != c.violations {
			t.Errorf("%s: %v, %d violations", name, err, len(d.Violations()))
		}
		bytes := 16*cap(d.nodes) + 8*cap(d.found) + 8*cap(d.keys.slots) + cap(d.keys.a) + cap(d.keys.b)
		if limit := 21 * len(c.text); bytes > limit {
			t.Errorf("%s: %d bytes of input cost %d bytes", name, len(c.text), bytes)
		}
		if err != nil {
			continue
		}
		clean, canonical := d.Root().AppendClean(nil), d.Root().AppendCanonical(nil)
		for _, out := range [][]byte{clean, canonical} {
			var again Doc
			if err := again.Parse(out, Limits{}); err != nil || len(out) > len(c.text)+1 {
				t.Errorf("%s: written again as %d bytes: %v", name, len(out), err)
			}
		}
		d.Reset()
		if cap(d.nodes) > keepNodes || cap(d.keys.slots) > keepNodes || cap(d.keys.a)+cap(d.keys.b) > keepNodes || d.data != nil || d.Root().Exists() {
			t.Errorf("%s: Reset keeps too much", name)
		}
	}
}

func TestAMillionDuplicateKeys(t *testing.T) {
	for _, unit := range []string{`,"a":0`, `,"b\u0062":0`, `,"a":0,"b":0`} {
		d := parse(t, `{"a":0`+strings.Repeat(unit, 1_000_000)+"}", Limits{Depth: 64, Keys: 1000})
		if got := d.Violations(); len(got) != 2 || got[0].Code != CodeDuplicateKey || got[1].Code != CodeKeys {
			t.Errorf("%s: %v", unit, got)
		}
	}
}

func TestTooLongAnInputIsRefused(t *testing.T) {
	var d Doc
	if err := d.Parse(make([]byte, MaxLen+1), Limits{}); errs.CodeOf(err) != CodeSyntax || d.Root().Exists() {
		t.Errorf("Parse: %v", err)
	}
}

func TestAppendStringIsReadAgain(t *testing.T) {
	for _, c := range []struct{ text, want, read string }{
		{"", `""`, ""}, {"plain é😀", `"plain é😀"`, "plain é😀"}, {"a\"\\/\n\r\t\b\f\x01", `"a\"\\/\n\r\t\b\f\u0001"`, "a\"\\/\n\r\t\b\f\x01"},
		{"a\xffb\xed\xa0\x80", "\"a\ufffdb\ufffd\ufffd\ufffd\"", "a\ufffdb\ufffd\ufffd\ufffd"}, {"\x00", `"\u0000"`, "\ufffd"},
	} {
		out := string(AppendString([]byte("+"), c.text))
		if out != "+"+c.want || parse(t, out[1:], Limits{}).Root().Text() != c.read {
			t.Errorf("%q is written as %s", c.text, out)
		}
	}
}
