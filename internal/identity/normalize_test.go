package identity

import (
	"strings"
	"testing"
)

func TestNormalize(t *testing.T) {
	cfg := DefaultConfig()
	f := func(typ, value, country, want string, reason Reason) {
		t.Helper()
		id, got := cfg.Normalize(typ, value, country)
		if got != reason {
			t.Fatalf("%s %q: reason %q, want %q", typ, value, got, reason)
		}
		if reason == Usable && id.Value != want {
			t.Fatalf("%s %q: %q, want %q", typ, value, id.Value, want)
		}
	}
	f("email", "  Ana.Martin+news@Shop.FR ", "", "ana.martin+news@shop.fr", Usable)
	f("email", "zoë@bücher.de", "", "zoë@xn--bcher-kva.de", Usable)
	f("email", "ana", "", "", NotAddress)
	f("email", "ana@localhost", "", "", NotAddress)
	f("email", "@shop.fr", "", "", NotAddress)
	f("email", "ana@shop..fr", "", "", NotAddress)
	f("email", "noreply@shop.fr", "", "", Listed)
	f("email", "ana@example.com", "", "", Listed)
	f("phone", "06 12 34 56 78", "FR", "+33612345678", Usable)
	f("phone", "+33 6 12 34 56 78", "", "+33612345678", Usable)
	f("phone", "06 12 34 56 78", "", "", NotPhone)
	f("phone", "12", "FR", "", NotPhone)
	f("phone", "+33 6 66 66 66 66", "", "+33666666666", NotPhone)
	f("user_id", " U-7 ", "", "U-7", Usable)
	f("user_id", "e\u0301", "", "\u00e9", Usable)
	f("user_id", "550E8400-E29B-41D4-A716-446655440000", "", "550E8400-E29B-41D4-A716-446655440000", Usable)
	f("anonymous_id", "550E8400-E29B-41D4-A716-446655440000", "", "550e8400-e29b-41d4-a716-446655440000", Usable)
	f("anonymous_id", "Browser-7", "", "Browser-7", Usable)
	f("idfa", "AB-CD", "", "ab-cd", Usable)
	f("user_id", "", "", "", Empty)
	f("user_id", "  ", "", "", Empty)
	f("user_id", strings.Repeat("xy", 128), "", "", TooLong)
	f("user_id", "a\u202eb", "", "", Unprint)
	f("user_id", "a\u200bb", "", "", Unprint)
	f("user_id", "a\ufffdb", "", "", Unprint)
	f("user_id", "a\x01b", "", "", Unprint)
}

func TestBlockedValues(t *testing.T) {
	list := DefaultBlocklist()
	for _, v := range []string{
		"null", "NULL", "undefined", "0", "NaN", "[object Object]", "anonymous", "Guest", "true", "-1", "test",
		"00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "{{user.id}}", "${id}",
		"<%= id %>", "%user_id%", "<user id>", "*|ID|*", "[[id]]", "------", "...", "aaaaaa", "(not set)", `"null"`, `''`, "'undefined'",
	} {
		if !list.Blocks(Identifier{"user_id", v}) {
			t.Errorf("%q identifies somebody", v)
		}
	}
	for _, v := range []string{"u1", "4711", "00001", "nullable", "Anna", "aaaab", "<b>x</b>7", "100%", "f0f0f0"} {
		if list.Blocks(Identifier{"user_id", v}) {
			t.Errorf("%q identifies nobody", v)
		}
	}
	if !list.Blocks(Identifier{"device_id", "9774d56d682e549c"}) || list.Blocks(Identifier{"user_id", "9774d56d682e549c"}) {
		t.Error("a value blocked for devices must be blocked for devices alone")
	}
}

func FuzzNormalize(f *testing.F) {
	cfg := DefaultConfig()
	for _, s := range []string{"ana@shop.fr", "+33612345678", "\ufffd", "é", "xn--", "a@b.c", "''''", "%_%"} {
		f.Add("email", s)
		f.Add("phone", s)
		f.Add("anonymous_id", s)
	}
	f.Fuzz(func(t *testing.T, typ, value string) {
		id, reason := cfg.Normalize(typ, value, "FR")
		if reason != Usable {
			return
		}
		again, reason := cfg.Normalize(typ, id.Value, "FR")
		if reason != Usable || again != id {
			t.Fatalf("%s %q: normal form %q becomes %q (%s)", typ, value, id.Value, again.Value, reason)
		}
	})
}

func TestNodeIDs(t *testing.T) {
	k := NewKeyring([]byte("secret"))
	a := k.Node(Identifier{"user_id", "u1"})
	if b := k.Node(Identifier{"user_id", "u1"}); a != b {
		t.Error("the same identifier gives two nodes")
	}
	if b := k.Node(Identifier{"user_idu", "1"}); a == b {
		t.Error("type and value run into each other")
	}
	if b := NewKeyring([]byte("other")).Node(Identifier{"user_id", "u1"}); a == b {
		t.Error("the node does not depend on the secret")
	}
	s := a.String()
	if s[14] != '8' || strings.IndexByte("89ab", s[19]) < 0 {
		t.Errorf("%s is no UUID of version 8", s)
	}
	if back, ok := ParseNodeID(s); !ok || back != a {
		t.Errorf("%s reads back as %s", s, back)
	}
}
