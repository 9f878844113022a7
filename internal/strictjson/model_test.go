package strictjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// A model of a document is made of nil, bool, json.Number, string, []any and
// []member, which keeps the order that a map would lose.
type member struct {
	key   string
	value any
}

// drawModel draws a document; its objects have different keys.
func drawModel(t *rapid.T, depth int) any {
	kinds := 7
	if depth == 0 {
		kinds = 5
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return json.Number(rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,10})?([eE][+-]?[0-9]{1,3})?`).Draw(t, "number"))
	case 3, 4:
		return drawText(t)
	case 5:
		list := make([]any, rapid.IntRange(0, 5).Draw(t, "elements"))
		for i := range list {
			list[i] = drawModel(t, depth-1)
		}
		return list
	}
	var members []member
	seen := map[string]bool{}
	for range rapid.SampledFrom([]int{0, 1, 2, 3, 5, 40}).Draw(t, "members") {
		key := drawText(t)
		if !seen[key] {
			members = append(members, member{key, drawModel(t, depth-1)})
		}
		seen[key] = true
	}
	return members
}

func drawText(t *rapid.T) string {
	s := rapid.OneOf(rapid.StringN(0, 12, -1), rapid.StringMatching(`[a-z_]{0,24}`), rapid.StringMatching(`[а-я中文é"\\/ \n]{0,16}`)).Draw(t, "text")
	return strings.ReplaceAll(s, "\x00", "")
}

// writeString writes s as a JSON string, choosing an escape for some characters.
func writeString(t *rapid.T, s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		how := rapid.IntRange(0, 9).Draw(t, "escape")
		short := strings.IndexRune("\"\\/\b\f\n\r\t", r)
		switch {
		case short >= 0 && how < 6:
			b.WriteByte('\\')
			b.WriteByte(`"\/bfnrt`[short])
		case r < ' ' || r == '"' || r == '\\' || how == 0:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, rapid.SampledFrom([]string{`\u%04x`, `\u%04X`}).Draw(t, "case"), unit)
			}
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// writeModel writes a model with white space wherever it may be.
func writeModel(t *rapid.T, b *strings.Builder, model any) {
	space := func(s string) {
		b.WriteString(rapid.SampledFrom([]string{"", "", " ", "\n\t", "\r "}).Draw(t, "space"))
		b.WriteString(s)
	}
	switch m := model.(type) {
	case nil:
		space("null")
	case bool:
		space(fmt.Sprint(m))
	case json.Number:
		space(string(m))
	case string:
		space(writeString(t, m))
	case []any:
		space("[")
		for i, e := range m {
			if i > 0 {
				space(",")
			}
			writeModel(t, b, e)
		}
		space("]")
	case []member:
		space("{")
		for i, e := range m {
			if i > 0 {
				space(",")
			}
			space(writeString(t, e.key))
			space(":")
			writeModel(t, b, e.value)
		}
		space("}")
	}
	space("")
}

// readModel reads a model back through the Value's methods.
func readModel(v Value) any {
	switch v.Kind() {
	case Bool:
		return v.Bool()
	case Number:
		return json.Number(v.Raw())
	case String:
		return v.Text()
	case Array:
		list := make([]any, 0, v.Len())
		for e := range v.Elements() {
			list = append(list, readModel(e))
		}
		return list
	case Object:
		var members []member
		for key, e := range v.Members() {
			members = append(members, member{key.String(), readModel(e)})
		}
		return members
	}
	return nil
}

// canonicalModel is RFC 8785 written a second time, slowly.
func canonicalModel(model any) string {
	switch m := model.(type) {
	case json.Number:
		return string(appendNumber(nil, []byte(m)))
	case []any:
		var parts []string
		for _, e := range m {
			parts = append(parts, canonicalModel(e))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case []member:
		m = slices.Clone(m)
		slices.SortFunc(m, func(a, b member) int {
			return slices.Compare(utf16.Encode([]rune(a.key)), utf16.Encode([]rune(b.key)))
		})
		var parts []string
		for _, e := range m {
			parts = append(parts, canonicalModel(e.key)+":"+canonicalModel(e.value))
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(model); err != nil {
		panic(err)
	}
	out := strings.TrimSuffix(b.String(), "\n")
	return strings.NewReplacer(`\\`, `\\`, `\u2028`, "\u2028", `\u2029`, "\u2029").Replace(out)
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	var d Doc
	rapid.Check(t, func(t *rapid.T) {
		model := drawModel(t, 4)
		var b strings.Builder
		writeModel(t, &b, model)
		text := b.String()
		if err := d.Parse([]byte(text), Limits{}); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := readModel(d.Root()); canonicalModel(got) != canonicalModel(model) || fmt.Sprint(got) != fmt.Sprint(model) {
			t.Fatalf("%s is read as %v", text, got)
		}
		if d.Violations() != nil || d.ReplacedIn(d.Root()) {
			t.Fatalf("%s: %v", text, d.Violations())
		}
		canonical := string(d.Root().AppendCanonical(nil))
		if want := canonicalModel(model); canonical != want {
			t.Fatalf("%s\nbecomes %s\nwant    %s", text, canonical, want)
		}
		for _, m := range members(model) {
			if v := d.Root().Get(m.key); canonicalModel(readModel(v)) != canonicalModel(m.value) {
				t.Fatalf("%s: %q is %s", text, m.key, v.Raw())
			}
		}
		var clean Doc
		if err := clean.Parse(d.Root().AppendClean(nil), Limits{}); err != nil || fmt.Sprint(readModel(clean.Root())) != fmt.Sprint(model) {
			t.Fatalf("%s becomes %s: %v", text, d.Root().AppendClean(nil), err)
		}
	})
}

func members(model any) []member {
	m, _ := model.([]member)
	return m
}

// failer is what a test, a fuzz target and a property have in common.
type failer interface {
	Fatalf(format string, args ...any)
}

// agree checks a text against encoding/json and against rules of this package
// written a second time, slowly.
func agree(t failer, d *Doc, data []byte, limits Limits) {
	err := d.Parse(data, limits)
	if depth(data) <= 10000 { // where encoding/json gives up
		if want := json.Valid(data) && utf8.Valid(data); (err == nil) != want {
			t.Fatalf("Parse(%q): %v, but encoding/json says %v", data, err, want)
		}
	}
	if err != nil {
		return
	}
	root := d.Root()
	if start, end := root.Span(); len(bytes.Trim(data[:start], " \t\r\n")) != 0 || len(bytes.Trim(data[end:], " \t\r\n")) != 0 {
		t.Fatalf("the root of %q spans %d to %d", data, start, end)
	}
	found := map[Violation]bool{}
	for _, v := range d.Violations() {
		v.Detail = ""
		found[v] = true
	}
	want := map[Violation]bool{}
	violations(d, root, 1, limits, want)
	if !maps.Equal(found, want) || len(d.Violations()) != len(found) {
		t.Fatalf("%q: violations %v, want %v", data, d.Violations(), want)
	}
	if !slices.IsSortedFunc(d.Violations(), func(a, b Violation) int { return a.Offset - b.Offset }) {
		t.Fatalf("%q: violations out of order: %v", data, d.Violations())
	}
	clean, canonical := root.AppendClean(nil), root.AppendCanonical(nil)
	before := fmt.Sprint(readModel(root))
	if err := d.Parse(canonical, Limits{}); err != nil || string(d.Root().AppendCanonical(nil)) != string(canonical) || string(d.Root().AppendClean(nil)) != string(canonical) || d.ReplacedIn(d.Root()) {
		t.Fatalf("%q: canonical %q becomes %q: %v", data, canonical, d.Root().AppendCanonical(nil), err)
	}
	if err := d.Parse(clean, Limits{}); err != nil || string(d.Root().AppendClean(nil)) != string(clean) || string(d.Root().AppendCanonical(nil)) != string(canonical) || fmt.Sprint(readModel(d.Root())) != before {
		t.Fatalf("%q: clean %q becomes %q: %v", data, clean, d.Root().AppendClean(nil), err)
	}
}

// depth returns an upper bound of the nesting.
func depth(data []byte) int { return bytes.Count(data, []byte("[")) + bytes.Count(data, []byte("{")) }

// violations collects what Doc.Violations should tell.
func violations(d *Doc, v Value, level int, limits Limits, into map[Violation]bool) {
	start, _ := v.Span()
	if v.Kind() >= Array && level == limits.Depth+1 && limits.Depth > 0 {
		into[Violation{Offset: start, Code: CodeDepth}] = true
	}
	for e := range v.Elements() {
		violations(d, e, level+1, limits, into)
	}
	seen, repeated, n := map[string]bool{}, false, 0
	for key, e := range v.Members() {
		offset, _ := key.Span()
		if n == limits.Keys && limits.Keys > 0 {
			into[Violation{Offset: offset, Code: CodeKeys}] = true
		}
		if seen[key.String()] && !repeated {
			repeated = true
			into[Violation{Offset: offset, Code: CodeDuplicateKey}] = true
		}
		seen[key.String()] = true
		n++
		violations(d, e, level+1, limits, into)
	}
}

// seeds are texts that touch every branch, for mutation.
func seeds() []string {
	return []string{
		trackEvent, identify, russian, chinese, escaped, `{"a":1,"\u0061":2,"b":[[[[1]]]]}`, `[1,-0.5e+10,true,false,null,"",{},[]]`,
		`"\ud800\udc00\ud800\u0000\\\/"`, " {\n\t\"a\" : [ 1 , 2 ] }\r ", "\"\xd0\xbf\xd1\x80\xe4\xb8\xad\xf0\x9f\x98\x80\"", `{"k":1e99999999999999999999,"n":0.1e-99999999999999999999}`,
		`{"aaaaaaaaa":1,"aaaaaaaab":2,"aaaaaaaaa":3}`, "\"\xff\"", `[`, `{"a"`, `1 1`,
	}
}

func TestAgreesWithTheStandardLibrary(t *testing.T) {
	all := seeds()
	bits := []string{`"`, `\`, `\u`, `\ud83d`, `\ude00`, `\u0000`, `{`, `}`, `[`, `]`, `,`, `:`, ` `, "\n", `0`, `1`, `-`, `.`, `e`, `E`, `+`, `null`, `true`, `false`, "\x00", "\x1f", "\x7f", "\xc3", "\xa9", "é", "中", "😀", "\xff", "\xed\xa0\x80", `"a":`, `"a"`}
	rapid.Check(t, func(t *rapid.T) {
		data := []byte(rapid.SampledFrom(all).Draw(t, "seed"))
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			at := rapid.IntRange(0, len(data)).Draw(t, "at")
			to := min(len(data), at+rapid.IntRange(0, 3).Draw(t, "cut"))
			data = slices.Concat(data[:at], []byte(rapid.SampledFrom(bits).Draw(t, "bit")), data[to:])
		}
		agree(t, new(Doc), data, Limits{Depth: 3, Keys: 4})
	})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(bits), 0, 12).Draw(t, "bits"), "")
		agree(t, new(Doc), []byte(text), Limits{Depth: 2, Keys: 2})
		agree(t, new(Doc), []byte(`{"k":["`+text+`"]}`), Limits{})
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range seeds() {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		agree(t, new(Doc), data, Limits{Depth: 3, Keys: 3})
	})
}

func TestEveryByteOfAWordIsLookedAt(t *testing.T) {
	for at := range 24 {
		for c := range 256 {
			text := []byte(strings.Repeat("a", 24))
			text[at] = byte(c)
			want := len(text)
			if c < ' ' || c == '"' || c == '\\' || c >= 0x80 {
				want = at
			}
			for _, first := range []int{0, 1, 5} {
				if got := skipPlain(text, first); at >= first && got != want {
					t.Fatalf("byte %#x at %d: stopped at %d", c, at, got)
				}
			}
		}
	}
}

func TestEverySequenceOfUTF8IsJudgedRight(t *testing.T) {
	check := func(seq ...byte) {
		for _, around := range []string{"", "пп", "中", "abcdefgh"} { // near the end, and in runs with a short cut
			text := `"` + around + string(seq) + around + around + `"`
			bad := 0
			for bad < len(text) {
				r, n := utf8.DecodeRuneInString(text[bad:])
				if r == utf8.RuneError && n == 1 {
					break
				}
				bad += n
			}
			end, flags := scanString([]byte(text), 1)
			if end != bad || (flags>>failureShift == uint32(badUTF8)) != (bad < len(text)) {
				t.Fatalf("%x: stopped at %d with %x", text, end, flags)
			}
		}
	}
	edges := []byte{0x20, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xff}
	for a := 0x80; a < 0x100; a++ {
		check(byte(a))
		for b := 0x20; b < 0x100; b++ {
			if b == '"' || b == '\\' {
				continue
			}
			check(byte(a), byte(b))
			for _, c := range edges {
				check(byte(a), byte(b), c)
				if a >= 0xf0 {
					for _, e := range edges {
						check(byte(a), byte(b), c, e)
					}
				}
			}
		}
	}
}
