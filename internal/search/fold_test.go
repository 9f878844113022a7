package search

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"kith/internal/identity"
	"kith/internal/state"
)

func texts(tokens []Token) string {
	var out []string
	for _, t := range tokens {
		out = append(out, string(t.Class)+":"+t.Text)
	}
	return strings.Join(out, " ")
}

// TestTokensOfIdentifiers shows under what identifiers are found.
func TestTokensOfIdentifiers(t *testing.T) {
	for _, c := range []struct{ typ, value, want string }{
		{"user_id", "C-00 123", "i:c00123"},
		{"user_id", "Ana.Garcia@shop.fr", "e:ana.garcia@shop.fr w:ana w:garcia"},
		{"email", "ana.garcia+news@shop.fr", "e:ana.garcia+news@shop.fr w:ana w:garcia w:news"},
		{"phone", "+33612345678", "p:33612345678 p:612345678"},
		{"phone", "+390612345678", "p:390612345678 p:0612345678"},
		{"anonymous_id", "5b1f2c-AB", "i:5b1f2cab"},
		{"account:group_id", "acme", ""},
		{"crm_id", "!!!", ""},
	} {
		if got := texts(ofIdentifier(identity.Identifier{Type: c.typ, Value: c.value})); got != c.want {
			t.Errorf("%s %q: %s, want %s", c.typ, c.value, got, c.want)
		}
	}
}

// TestTokensOfTraits shows under what traits are found, and which are not.
func TestTokensOfTraits(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"name", `"Ana María García-López"`, "w:ana w:maria w:garcia w:lopez"},
		{"First Name", `"Zoë"`, "w:zoe"},
		{"last_name", `"O’Brien"`, "w:obrien"},
		{"name", `"Łukasz Groß"`, "w:lukasz w:gross"},
		{"name", `"ΓΙΏΡΓΟΣ"`, "w:γιωργοσ"},
		{"name", `"Фёдор"`, "w:федор"},
		{"name", `"山田太郎"`, "w:山田太郎 w:田太郎 w:太郎 w:郎"},
		{"name", `"山田 太郎"`, "w:山田 w:田 w:太郎 w:郎 w:山田太郎"},
		{"name", `"ﾔﾏﾀﾞ"`, "w:やまだ w:まだ w:だ"},
		{"name", `"김민준"`, "w:김민준 w:민준 w:준"},
		{"email", `"Ana@Shop.fr"`, "e:ana@shop.fr"},
		{"email", `"not an address"`, "w:not w:an w:address"},
		{"phone", `"06 12 34 56 78"`, "p:0612345678 p:612345678"},
		{"phone", `33612345678`, "p:33612345678"},
		{"company", `{"name":"Acme Inc","id":"AC-1","employees":50}`, "w:acme w:inc i:ac1"},
		{"address", `{"city":"Köln","postalCode":"SW1A 1AA","street":"x"}`, "w:koln w:sw1a w:1aa i:sw1a1aa"},
		{"customer_id", `"K 12"`, "i:k12"},
		{"loyaltyNumber", `4711`, "i:4711"},
		{"name", `["Ana","Anna"]`, "w:ana w:anna"},
		{"paid", `"secret"`, ""},
		{"plan", `"pro"`, ""},
		{"name", `null`, ""},
		{"name", `true`, ""},
	} {
		if got := texts(ofTrait(c.key, []byte(c.value))); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.key, c.value, got, c.want)
		}
	}
}

// FuzzTokens: whatever a value is, its tokens are folded, bounded and free of what
// would break a key, its rows are read back as they were, and what a person sees
// of the value finds it again.
func FuzzTokens(f *testing.F) {
	for _, s := range []string{"Ana García", "a\x00b", "ana@shop.fr", "+33 6 12", "山田 太郎", "İstanbul", "ﬃ ①", strings.Repeat("ж", 300), "e\u0301\u0301", "\ufffd", "ᄀᄁ"} {
		f.Add("name", s)
		f.Add("phone", s)
		f.Add("user_id", s)
	}
	f.Fuzz(func(t *testing.T, key, s string) {
		if !utf8.ValidString(s) || !utf8.ValidString(key) {
			t.Skip()
		}
		node := identity.NodeID{1, 2, 3}
		all := IdentifierRows(node, identity.Identifier{Type: key, Value: s})
		all = append(all, NumberRows(node, s)...)
		all = append(all, TraitRows(node, key, quoted(s))...)
		for _, kv := range all {
			row, err := DecodeRow(kv.Key, kv.Value)
			if err != nil {
				t.Fatalf("%x: %v", kv.Key, err)
			}
			if again := row.encode(); !slices.Equal(again.Key, kv.Key) || !slices.Equal(again.Value, kv.Value) {
				t.Fatalf("%x becomes %x", kv.Key, again.Key)
			}
			if len(row.Text) > tokenBytesMax || !utf8.ValidString(row.Text) || strings.Contains(row.Text, "\x00") || row.Node != node {
				t.Fatalf("a token of %q is %q", s, row.Text)
			}
		}
		if len(all) > 200 {
			t.Fatalf("%d rows of one value", len(all))
		}
	})
}

func quoted(s string) []byte {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ':
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	return []byte(b.String() + `"`)
}

// FuzzDecodeRow: what can be read is written back as the same bytes.
func FuzzDecodeRow(f *testing.F) {
	row := Row{Token: Token{Word, "ana"}, Node: identity.NodeID{7}, Field: FieldTrait, Name: "name", Words: 2}
	kv := row.encode()
	f.Add(kv.Key, kv.Value)
	f.Add([]byte{byte(state.FamilySearch), 'w', 0}, []byte{})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		row, err := DecodeRow(key, value)
		if err != nil {
			return
		}
		if again := row.encode(); !slices.Equal(again.Key, key) || !slices.Equal(again.Value, value) {
			t.Fatalf("%x %x becomes %x %x", key, value, again.Key, again.Value)
		}
	})
}

// FuzzParse: every query has a bounded plan.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", " ", "ana garcia", "+33 6 12 34 56 78", "ana 06.12.34.56.78 x", "user_id:u1", "a@b", "@", "a@\x00b", "(+)", "a@ -", "山田太郎", strings.Repeat("a ", 200), "\xff", "id:00000000-0000-8000-8000-000000000000"} {
		f.Add(s)
	}
	cfg, keys := identity.DefaultConfig(), identity.NewKeyring([]byte("k"))
	f.Fuzz(func(t *testing.T, q string) {
		p := parse(q, cfg, keys)
		if len(p.terms) > termsMax || len(p.refs) > len(cfg.Rules)+2 {
			t.Fatalf("%d terms, %d references", len(p.terms), len(p.refs))
		}
		for _, term := range p.terms {
			for _, list := range [][]Token{term.exact, term.begins, term.near} {
				for _, token := range list {
					if len(token.Text) > queryBytesMax || strings.Contains(token.Text, "\x00") || token.Text == "" {
						t.Fatalf("token %q", token.Text)
					}
				}
			}
		}
	})
}
