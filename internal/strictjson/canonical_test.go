package strictjson

import (
	"encoding/json"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"
)

func canonicalOf(t testing.TB, text string) string {
	t.Helper()
	return string(parse(t, text, Limits{}).Root().AppendCanonical(nil))
}

func TestCanonicalNumbersKeepTheirExactValue(t *testing.T) {
	for literal, want := range map[string]string{
		"0": "0", "-0": "0", "0.0": "0", "-0.000e5": "0", "0e999999999999999999999": "0", "0e-5": "0",
		"1": "1", "1.0": "1", "1e0": "1", "10e-1": "1", "0.1e1": "1", "0.0001e4": "1", "100E-02": "1", "-1.000": "-1", "1e+0000000000000000000000": "1",
		"9007199254740993": "9007199254740993", "9007199254740993.0": "9007199254740993", "9007199254740992.5": "9007199254740992.5",
		"0.1": "0.1", "0.10": "0.1", "1e-1": "0.1", "123.4500": "123.45", "1234500e-4": "123.45", "100": "100", "1e2": "100", "1.2e2": "120", "-12.5e1": "-125",
		"100000000000000000000": "100000000000000000000", "1e20": "100000000000000000000", "1000000000000000000000": "1e+21", "1e21": "1e+21", "-1000000000000000000000": "-1e+21",
		"123456789012345678901": "123456789012345678901", "1234567890123456789012": "1.234567890123456789012e+21", "123456789012345678901.25": "123456789012345678901.25",
		"1234567890123456789012.5": "1.2345678901234567890125e+21", "1200000000000000000000000": "1.2e+24",
		"0.000001": "0.000001", "0.0000001": "1e-7", "1e-6": "0.000001", "1e-7": "1e-7", "0.00000123": "0.00000123", "0.000000123": "1.23e-7", "12e-8": "1.2e-7",
		"1e400": "1e+400", "1E-400": "1e-400", "123e998": "1.23e+1000", "1e999999999": "1e+999999999", "10e999999999": "1e+1000000000", "-0.01e-999999999": "-1e-1000000001",
		"1e999999999999999999": "1e+999999999999999999", "10e999999999999999999": "1e+1000000000000000000", "1e1000000000000000000": "1e+1000000000000000000",
		"0.1e1000000000000000000": "1e+999999999999999999", "0.1e10000000000000000000000": "1e+9999999999999999999999", "10e-10000000000000000000000": "1e-9999999999999999999999",
		"0.001e-99999999999999999999": "1e-100000000000000000002", "1200e0099999999999999999999": "1.2e+100000000000000000002", "12.5e-00000000000000000000000000001": "1.25",
	} {
		if got := canonicalOf(t, literal); got != want {
			t.Errorf("%s becomes %s, want %s", literal, got, want)
		}
	}
}

// The encoder of the standard library writes the shortest decimal of a double
// in the form of ECMAScript, so that form must be its own canonical one.
func TestCanonicalNumbersOfDoublesAreThoseOfECMAScript(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
		if rapid.Bool().Draw(t, "ordinary") {
			f = rapid.Float64().Draw(t, "f")
		}
		want, err := json.Marshal(f)
		if err != nil || f == 0 {
			t.Skip("not a JSON number, or a zero, which has no sign")
		}
		if got := string(appendNumber(nil, want)); got != string(want) {
			t.Fatalf("%s becomes %s", want, got)
		}
	})
}

func TestCanonicalNumbersEqualExactlyWhenTheValuesDo(t *testing.T) {
	literal := rapid.StringMatching(`-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?0{0,3}[0-9]{1,2})?`)
	rapid.Check(t, func(t *rapid.T) {
		a := literal.Draw(t, "a")
		x, _ := new(big.Rat).SetString(a)
		got := string(appendNumber(nil, []byte(a)))
		if y, ok := new(big.Rat).SetString(got); !ok || x.Cmp(y) != 0 {
			t.Fatalf("%s becomes %s", a, got)
		}
		if again := string(appendNumber(nil, []byte(got))); again != got {
			t.Fatalf("%s becomes %s", got, again)
		}
		other := rapid.SampledFrom([]string{
			x.FloatString(125), x.FloatString(140) + "e0", strings.Replace(x.FloatString(130), ".", "", 1) + "e-130",
		}).Draw(t, "other form")
		other = strings.TrimLeft(strings.TrimPrefix(other, "-"), "0")
		if other == "" || other[0] == '.' || other[0] == 'e' {
			other = "0" + other
		}
		if x.Sign() < 0 {
			other = "-" + other
		}
		if again := string(appendNumber(nil, []byte(other))); again != got {
			t.Fatalf("%s becomes %s, but %s becomes %s", a, got, other, again)
		}
	})
}

func TestCanonicalStringsAndOrderAreThoseOfRFC8785(t *testing.T) {
	for text, want := range map[string]string{
		// RFC 8785, sections 3.2.2 and 3.2.3; its numbers are rounded to doubles there and exact here.
		`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`:                                        `{"literals":[null,true,false],"numbers":[333333333.33333329,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
		`{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}`: `{"\r":"Carriage Return","1":"One","` + "\u0080" + `":"Control","ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","😀":"Emoji: Grinning Face","` + "\ufb33" + `":"Hebrew Letter Dalet With Dagesh"}`,
		`"\u0000\u0001\u001f\u007f\u2028\b\t\n\f\r\/"`: `"` + "\ufffd" + `\u0001\u001f` + "\u007f\u2028" + `\b\t\n\f\r/"`,
		` [ ] `:                 `[]`,
		` { } `:                 `{}`,
		`[[],{},[{}],{"a":[]}]`: `[[],{},[{}],{"a":[]}]`,
		`{"b":[{"d":1,"c":2}],"a":{"z":{"y":1,"x":2},"":0}}`: `{"a":{"":0,"z":{"x":2,"y":1}},"b":[{"c":2,"d":1}]}`,
		`{"ab":1,"a":2,"abc":3,"aB":4,"":5}`:                 `{"":5,"a":2,"aB":4,"ab":1,"abc":3}`,
		`{"a":{"b":[1,2,{"c":true}],"a":[[[]]]},"A":null}`:   `{"A":null,"a":{"a":[[[]]],"b":[1,2,{"c":true}]}}`,
	} {
		if got := canonicalOf(t, text); got != want {
			t.Errorf("%s\nbecomes %s\nwant    %s", text, got, want)
		}
	}
}

func TestCleanIsCompact(t *testing.T) {
	for text, want := range map[string]string{
		" { \"b\" : [ 1.00 , -0 ,\n\"\\u0041\\/ \\t\" , { } , [ ] ] ,\t\"a\" : \"x y\"\r} ": `{"b":[1.00,-0,"A/ \t",{},[]],"a":"x y"}`,
		`{"\u0061":1}`:      `{"a":1}`,
		`[ ]`:               `[]`,
		` "a  b" `:          `"a  b"`,
		`[1 ,2, 3]`:         `[1,2,3]`,
		`["\u0001\u001F"]`:  `["\u0001\u001f"]`,
		`{"a":1,"a":[ 2 ]}`: `{"a":1,"a":[2]}`,
	} {
		d := parse(t, text, Limits{})
		if got := string(d.Root().AppendClean([]byte("+"))); got != "+"+want {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
	}
	d := parse(t, `{"a": [1, {"b" : "\u0041"}, 2]}`, Limits{})
	if got := string(d.Root().Get("a").AppendClean(nil)); got != `[1,{"b":"A"},2]` {
		t.Errorf("the part becomes %s", got)
	}
	if got := string(d.Root().Get("a").AppendCanonical(nil)); got != `[1,{"b":"A"},2]` {
		t.Errorf("the part becomes %s", got)
	}
}

func TestKeysAreOrderedByUTF16(t *testing.T) {
	text := rapid.StringOf(rapid.RuneFrom([]rune{'a', 'b', 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfb33, 0xfffd, 0xffff, 0x10000, 0x1f600, 0x10ffff}))
	rapid.Check(t, func(t *rapid.T) {
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		want := slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
		if got := compareUTF16([]byte(a), []byte(b)); got != want {
			t.Fatalf("%q and %q compare as %d, want %d", a, b, got, want)
		}
		x, y := []byte(writeString(t, a)), []byte(writeString(t, b))
		if got := compareEscaped(x[1:len(x)-1], y[1:len(y)-1]); got != want {
			t.Fatalf("%s and %s compare as %d, want %d", x, y, got, want)
		}
	})
}
