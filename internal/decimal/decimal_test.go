package decimal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kith/internal/errs"
)

func mustParse(t testing.TB, literal string) Decimal {
	t.Helper()
	d, err := Parse([]byte(literal))
	if err != nil {
		t.Fatalf("Parse(%s): %v", literal, err)
	}
	return d
}

func TestParse(t *testing.T) {
	nines := strings.Repeat("9", 29)
	for literal, want := range map[string]string{
		"0": "0", "-0": "0", "0.000": "0", "-0e99999999999999999999": "0", "0e-99999999999999999999": "0",
		"1": "1", "1.0": "1", "1e0": "1", "10e-1": "1", "0.00000000001e11": "1", "-1": "-1", "1E+2": "100", "12.50": "12.5", "-0.5": "-0.5", "1e-9": "0.000000001",
		"9007199254740993": "9007199254740993", "9007199254740992": "9007199254740992", "18446744073709551616": "18446744073709551616",
		nines: nines, "-" + nines: "-" + nines, nines + ".999999999": nines + ".999999999", "1e28": "1" + strings.Repeat("0", 28), nines + ".9999999994": nines + ".999999999",
		nines + ".99999999949999999999999": nines + ".999999999", "0.00001e33": "1" + strings.Repeat("0", 28), nines + strings.Repeat("0", 40) + "e-40": nines,
		// Ties go to the even neighbour, everything else to the nearest, and once only.
		"0.0000000005": "0", "-0.0000000005": "0", "0.0000000015": "0.000000002", "0.0000000025": "0.000000002", "-0.0000000025": "-0.000000002", "-0.0000000035": "-0.000000004",
		"0.00000000050": "0", "0.00000000050000000000000001": "0.000000001", "0.00000000049999999999999999": "0", "0.0000000024999999999999999": "0.000000002", "0.0000000025000000000000000001": "0.000000003",
		"5e-10": "0", "6e-10": "0.000000001", "15e-10": "0.000000002", "25e-10": "0.000000002", "4e-10": "0", "9e-11": "0", "99e-11": "0.000000001", "1e-99999999999999999999": "0",
		"0.9999999995": "1", "0.9999999994": "0.999999999", "1.4444444445": "1.444444444", "1.44444444449": "1.444444444",
		"12345678901234567890123456789.123456789": "12345678901234567890123456789.123456789", "5.0000000005e0000000000000000001": "50.000000005",
		"25" + strings.Repeat("0", 30) + "1e-41": "0.000000003", "25" + strings.Repeat("0", 30) + "e-40": "0.000000002", "9223372036854775807": "9223372036854775807",
	} {
		if got := mustParse(t, literal).String(); got != want {
			t.Errorf("Parse(%s) = %s, want %s", literal, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	nines := strings.Repeat("9", 29)
	for literal, code := range map[string]string{
		"1e29": CodeRange, "-1e29": CodeRange, nines + ".9999999995": CodeRange, "-" + nines + ".9999999995": CodeRange, nines + "9": CodeRange, "1e99999999999999999999999": CodeRange,
		"0.1e30": CodeRange, "100000000000000000000000000000": CodeRange, "0." + strings.Repeat("0", 1000) + "1e2000": CodeRange, nines + ".99999999950": CodeRange,
		"": CodeSyntax, "-": CodeSyntax, "+1": CodeSyntax, "01": CodeSyntax, "1.": CodeSyntax, ".5": CodeSyntax, "1e": CodeSyntax, "1e+": CodeSyntax, "1e-": CodeSyntax, "0x1": CodeSyntax, " 1": CodeSyntax, "1 ": CodeSyntax,
		"1.5.5": CodeSyntax, "1e5e5": CodeSyntax, "1e5.5": CodeSyntax, "--1": CodeSyntax, "NaN": CodeSyntax, "Infinity": CodeSyntax, "1_000": CodeSyntax, "null": CodeSyntax, `"1"`: CodeSyntax, "-01": CodeSyntax, "1.e5": CodeSyntax, "１": CodeSyntax,
	} {
		d, err := Parse([]byte(literal))
		if errs.CodeOf(err) != code || !errs.Is(err, errs.Invalid) || d != (Decimal{}) {
			t.Errorf("Parse(%s) = %v, %v, want %s", literal, d, err, code)
		}
	}
}

func TestLongLiteralsAreReadInLinearWork(t *testing.T) {
	const n = 4 << 20
	zeros := strings.Repeat("0", n)
	for literal, want := range map[string]string{
		"0." + zeros + "5e" + strconv.Itoa(n): "0.5", "1" + zeros + "e-" + strconv.Itoa(n): "1", "0.0000000005" + zeros: "0", "0.0000000005" + zeros + "1": "0.000000001", "1e-" + strings.Repeat("9", n): "0", "1e" + zeros + "1": "10",
	} {
		if got := mustParse(t, literal).String(); got != want {
			t.Errorf("%.20s… = %s, want %s", literal, got, want)
		}
	}
}

func TestSumsAreExact(t *testing.T) {
	sum, ok := mustParse(t, "0.1").Add(mustParse(t, "0.2"))
	if !ok || sum != mustParse(t, "0.3") {
		t.Errorf("0.1 + 0.2 = %s", sum)
	}
	if mustParse(t, "9007199254740993") == mustParse(t, "9007199254740992") || mustParse(t, "1") != mustParse(t, "1.0e0") {
		t.Error("== is wrong")
	}
}

// rat is the exact value, for comparison with math/big.
func rat(d Decimal) *big.Rat {
	hi, lo := d.Units()
	n := new(big.Int).Lsh(big.NewInt(hi), 64)
	n.Add(n, new(big.Int).SetUint64(lo))
	return new(big.Rat).SetFrac(n, big.NewInt(unitsPerOne))
}

// rounded is the model: the exact value to whole units, ties to the even one,
// and whether that has at most 38 digits.
func rounded(x *big.Rat) (*big.Rat, bool) {
	scaled := new(big.Rat).Mul(x, big.NewRat(unitsPerOne, 1))
	floor, rest := new(big.Int).DivMod(scaled.Num(), scaled.Denom(), new(big.Int))
	half := rest.Lsh(rest, 1).Cmp(scaled.Denom())
	if half > 0 || half == 0 && floor.Bit(0) == 1 {
		floor.Add(floor, big.NewInt(1))
	}
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(Digits), nil)
	return new(big.Rat).SetFrac(floor, big.NewInt(unitsPerOne)), floor.CmpAbs(limit) < 0
}

func drawDecimal(t *rapid.T, label string) Decimal {
	literal := rapid.OneOf(
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,28})(\.[0-9]{1,9})?`),
		rapid.StringMatching(`-?[1-9](\.[0-9]{1,9})?`),
		rapid.StringMatching(`-?[1-9]0{0,28}`),
		rapid.StringMatching(`-?9{1,29}(\.9{1,9})?`),
		rapid.StringMatching(`-?0\.0{0,8}[1-9]`),
		rapid.SampledFrom([]string{"0", "1", "-1", "0.5", "0.000000001", "18446744073.709551616", "18446744073.709551615", "340282366920938463463374607.431768211", "9223372036854775808"}),
	).Draw(t, label)
	d, err := Parse([]byte(literal))
	if err != nil {
		t.Fatalf("Parse(%s): %v", literal, err)
	}
	return d
}

func TestArithmeticIsThatOfRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawDecimal(t, "a"), drawDecimal(t, "b")
		check := func(name string, got Decimal, ok bool, exact *big.Rat) {
			want, fits := rounded(exact)
			if ok != fits || ok && rat(got).Cmp(want) != 0 || !ok && got != (Decimal{}) {
				t.Fatalf("%s %s %s = %s, %v, want %s, %v", a, name, b, got, ok, want.FloatString(9), fits)
			}
		}
		x, y := rat(a), rat(b)
		got, ok := a.Add(b)
		check("+", got, ok, new(big.Rat).Add(x, y))
		got, ok = a.Sub(b)
		check("-", got, ok, new(big.Rat).Sub(x, y))
		got, ok = a.Mul(b)
		check("*", got, ok, new(big.Rat).Mul(x, y))
		if got, ok = a.Div(b); y.Sign() != 0 {
			check("/", got, ok, new(big.Rat).Quo(x, y))
		} else if ok {
			t.Fatalf("%s / 0 = %s", a, got)
		}
		check("negated", a.Neg(), true, new(big.Rat).Neg(x))
		if a.Cmp(b) != x.Cmp(y) || (a == b) != (x.Cmp(y) == 0) || a.Sign() != x.Sign() {
			t.Fatalf("%s and %s compare as %d", a, b, a.Cmp(b))
		}
		if f, _ := x.Float64(); a.Float64() != f {
			t.Fatalf("%s as a double is %v, want %v", a, a.Float64(), f)
		}
		if n, ok := a.Int(); ok != (x.IsInt() && x.Num().IsInt64()) || ok && n != x.Num().Int64() || !ok && n != 0 {
			t.Fatalf("%s as an integer is %d, %v", a, n, ok)
		}
	})
}

// Random divisors hardly ever need the rare corrections of long division, so
// these words are chosen for them.
func TestDivisionOfEdgeWords(t *testing.T) {
	edges := []uint64{0, 1, 2, 1<<28 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1 << 62, limitHi - 1, 1<<63 - 1, 1 << 63, 1<<63 + 1, 1<<64 - 2, 1<<64 - 1}
	number := func(words ...uint64) *big.Int {
		n := new(big.Int)
		for _, w := range words {
			n.Add(n.Lsh(n, 64), new(big.Int).SetUint64(w))
		}
		return n
	}
	for _, hi := range edges {
		for _, lo := range edges {
			by := magnitude{hi, lo}
			if hi == 0 && lo == 0 || !by.fits() {
				continue
			}
			for _, w2 := range edges[:4] {
				for _, w1 := range edges {
					for _, w0 := range edges {
						q, r := new(big.Int).QuoRem(number(w2, w1, w0), number(hi, lo), new(big.Int))
						quotient, rest, ok := divide(w2, w1, w0, by)
						if ok != (q.BitLen() <= 128) || ok && (number(quotient.hi, quotient.lo).Cmp(q) != 0 || number(rest.hi, rest.lo).Cmp(r) != 0) {
							t.Fatalf("%x %x %x / %x: %x, rest %x, %v", w2, w1, w0, by, quotient, rest, ok)
						}
					}
				}
			}
		}
	}
}

func TestDivide(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"1", "3", "0.333333333"}, {"2", "3", "0.666666667"}, {"-2", "3", "-0.666666667"}, {"1", "-8", "-0.125"}, {"0.000000001", "2", "0"}, {"0.000000003", "2", "0.000000002"}, {"0.000000005", "-2", "-0.000000002"},
		{"99999999999999999999999999999.999999999", "99999999999999999999999999999.999999999", "1"}, {"1", "99999999999999999999999999999.999999999", "0"}, {"0", "5", "0"},
	} {
		if got, ok := mustParse(t, c.a).Div(mustParse(t, c.b)); !ok || got.String() != c.want {
			t.Errorf("%s / %s = %s, %v", c.a, c.b, got, ok)
		}
	}
	for _, c := range [][2]string{{"1", "0"}, {"0", "0"}, {"99999999999999999999999999999", "0.1"}, {"1e28", "0.000000001"}} {
		if got, ok := mustParse(t, c[0]).Div(mustParse(t, c[1])); ok {
			t.Errorf("%s / %s = %s", c[0], c[1], got)
		}
	}
}

func TestParseIsThatOfRationals(t *testing.T) {
	literal := rapid.StringMatching(`-?(0|[1-9][0-9]{0,30}|9{1,40})(\.([0-9]{1,25}|0{0,10}[0-9]{1,8}5|[0-9]{9}50{0,10}1?|9{1,20}5?))?([eE][+-]?0?[0-9]{1,2})?`)
	rapid.Check(t, func(t *rapid.T) { checkParse(t, literal.Draw(t, "literal")) })
}

// checkParse compares with math/big; the exponent must be small.
func checkParse(t interface{ Fatalf(string, ...any) }, literal string) {
	x, ok := new(big.Rat).SetString(literal)
	if !ok {
		t.Fatalf("math/big does not read %s", literal)
	}
	want, fits := rounded(x)
	got, err := Parse([]byte(literal))
	if (err == nil) != fits || fits && rat(got).Cmp(want) != 0 {
		t.Fatalf("Parse(%s) = %s, %v, want %s", literal, got, err, want.FloatString(9))
	}
	if err != nil {
		return
	}
	text := got.String()
	again, err := Parse([]byte(text))
	if err != nil || again != got || strings.Contains(text, ".") && strings.HasSuffix(text, "0") || strings.HasSuffix(text, ".") || !json.Valid([]byte(text)) || text == "-0" {
		t.Fatalf("%s is written as %s: %v", literal, text, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0", "-0.5e-9", "12345678901234567890123456789.1234567895", "1e29", "9e-10", "1E+2", "0.00000000050", "1e", "01", "1e99999999999999999999", "25e-10", "9999999999999999999999999999999999999999e-11"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, literal string) {
		d, err := Parse([]byte(literal))
		var n json.Number
		valid := json.Unmarshal([]byte(literal), &n) == nil && n.String() == literal
		if valid == (errs.CodeOf(err) == CodeSyntax) {
			t.Fatalf("Parse(%q): %v, but encoding/json says %v", literal, err, valid)
		}
		if _, exponent, _ := strings.Cut(strings.ToLower(literal), "e"); valid && len(literal) < 500 && len(strings.TrimLeft(exponent, "+-0")) <= 3 {
			checkParse(t, literal)
		}
		if key, e := FromKey(d.AppendKey(nil)); e != nil || key != d {
			t.Fatalf("the key of %s is read as %s: %v", d, key, e)
		}
	})
}

func TestFromInt(t *testing.T) {
	for _, n := range []int64{0, 1, -1, 1_000_000_007, math.MaxInt64, math.MinInt64, math.MinInt64 + 1, 1 << 53, -42} {
		d := FromInt(n)
		if d.String() != strconv.FormatInt(n, 10) || d != mustParse(t, strconv.FormatInt(n, 10)) {
			t.Errorf("FromInt(%d) = %s", n, d)
		}
		if back, ok := d.Int(); !ok || back != n {
			t.Errorf("%s as an integer is %d, %v", d, back, ok)
		}
	}
	for _, s := range []string{"0.5", "-0.5", "9223372036854775808", "-9223372036854775809", "18446744073709551615", "-18446744073709551616", "99999999999999999999999999999"} {
		if n, ok := mustParse(t, s).Int(); ok || n != 0 {
			t.Errorf("%s as an integer is %d", s, n)
		}
	}
}

func TestUnits(t *testing.T) {
	for _, s := range []string{"0", "-0.000000001", "99999999999999999999999999999.999999999", "-99999999999999999999999999999.999999999", "12.5"} {
		d := mustParse(t, s)
		if got, ok := FromUnits(d.Units()); !ok || got != d {
			t.Errorf("the units of %s are read as %s", d, got)
		}
	}
	for _, hi := range []int64{math.MinInt64, math.MaxInt64, limitHi + 1, -limitHi - 2} {
		if d, ok := FromUnits(hi, 0); ok || d != (Decimal{}) {
			t.Errorf("FromUnits(%x, 0) = %s", hi, d)
		}
	}
	if d, ok := FromUnits(limitHi, limitLo); ok {
		t.Errorf("ten to the 38 units are %s", d)
	}
}

// The bytes of a key are stored, so they are written down here.
func TestKeysAreTheseBytes(t *testing.T) {
	for s, want := range map[string]string{
		"0":                      "80000000000000000000000000000000",
		"0.000000001":            "80000000000000000000000000000001",
		"-0.000000001":           "7fffffffffffffffffffffffffffffff",
		"1":                      "8000000000000000000000003b9aca00",
		"-1":                     "7fffffffffffffffffffffffc4653600",
		"9007199254740993":       "8000000000077359400000003b9aca00",
		"18446744073.709551616":  "80000000000000010000000000000000",
		"-18446744073.709551616": "7fffffffffffffff0000000000000000",
		"99999999999999999999999999999.999999999":  "cb3b4ca85a86c47a098a223fffffffff",
		"-99999999999999999999999999999.999999999": "34c4b357a5793b85f675ddc000000001",
	} {
		d := mustParse(t, s)
		key := d.AppendKey([]byte("+"))[1:]
		if got := hex.EncodeToString(key); got != want {
			t.Errorf("the key of %s is %s, want %s", s, got, want)
		}
		if back, err := FromKey(key); err != nil || back != d {
			t.Errorf("the key of %s is read as %s: %v", s, back, err)
		}
	}
}

func TestKeysSortAsTheNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawDecimal(t, "a"), drawDecimal(t, "b")
		if got := bytes.Compare(a.AppendKey(nil), b.AppendKey(nil)); got != a.Cmp(b) {
			t.Fatalf("the keys of %s and %s compare as %d", a, b, got)
		}
		if back, err := FromKey(a.AppendKey(nil)); err != nil || back != a {
			t.Fatalf("the key of %s is read as %s: %v", a, back, err)
		}
	})
}

func TestWhatIsNoKeyIsCorrupt(t *testing.T) {
	for _, s := range []string{"", "80", "800000000000000000000000000000", "8000000000000000000000000000000000", "00000000000000000000000000000000", "ffffffffffffffffffffffffffffffff", "cb3b4ca85a86c47a098a224000000000", "34c4b357a5793b85f675ddc000000000"} {
		key, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := FromKey(key); !errs.Is(err, errs.Corrupt) || errs.CodeOf(err) != CodeKey || d != (Decimal{}) {
			t.Errorf("FromKey(%s) = %s, %v", s, d, err)
		}
	}
}

func FuzzFromKey(f *testing.F) {
	f.Add(FromInt(-7).AppendKey(nil))
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, key []byte) {
		d, err := FromKey(key)
		if err == nil && !bytes.Equal(d.AppendKey(nil), key) {
			t.Fatalf("%x is read as %s", key, d)
		}
	})
}

func TestNothingIsAllocated(t *testing.T) {
	a, b, literal := FromInt(12), FromInt(-7), []byte("1234.50")
	var room [64]byte
	if n := testing.AllocsPerRun(100, func() {
		p, _ := Parse(literal)
		a, _ = a.Mul(b)
		a, _ = a.Div(b)
		a, _ = a.Add(p)
		a, _ = a.Sub(p)
		if len(a.AppendTo(room[:0])) == 0 || len(a.AppendKey(room[:0])) != KeyLen || a.Float64() != 12 {
			t.Fatal("wrong")
		}
	}); n != 0 || a != FromInt(12) {
		t.Errorf("%v allocations, %s", n, a)
	}
}
