package workspace

import (
	"path/filepath"
	"strings"
	"testing"

	"kith/internal/errs"
	"kith/internal/identity"
)

func TestNames(t *testing.T) {
	for _, name := range []string{"default", "a", "0", "acme-eu_2", strings.Repeat("x", NameBytesMax)} {
		h, err := New("/data", name, "")
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if h.Name() != name || h.Dir() != filepath.Join("/data", name) || h.IsZero() {
			t.Errorf("%q: %q in %q", name, h.Name(), h.Dir())
		}
	}
	for _, name := range []string{
		"", ".", "..", "a/b", "../x", "-a", "_a", "A", "a b", "a.b", "é", "a\x00", "a\n", `a\b`,
		"admin-token", "address", "lock", strings.Repeat("x", NameBytesMax+1),
	} {
		if h, err := New("/data", name, ""); !errs.Is(err, errs.Invalid) || !h.IsZero() {
			t.Errorf("%q: %v, %v", name, h.Name(), err)
		}
	}
}

func node(t *testing.T, name, secret string) identity.NodeID {
	t.Helper()
	h, err := New("/data", name, secret)
	if err != nil {
		t.Fatal(err)
	}
	if h.IsDefaultKey() != (secret == "") {
		t.Errorf("workspace %q with secret %q: default key %v", name, secret, h.IsDefaultKey())
	}
	return h.Keyring().Node(identity.Identifier{Type: "user_id", Value: "u1"})
}

func TestNodeIDsFollowTheSecret(t *testing.T) {
	own := identity.NewKeyring([]byte("s")).Node(identity.Identifier{Type: "user_id", Value: "u1"})
	if node(t, "a", "s") != own || node(t, "b", "s") != own {
		t.Error("the secret is not the key")
	}
	first, second := node(t, "a", ""), node(t, "a", "")
	if first != second {
		t.Error("the default key is not stable")
	}
	if first == node(t, "b", "") || first == node(t, "a", "a") {
		t.Error("default keys of two workspaces, or a secret equal to the name, give the same ids")
	}
}

// Ids of a data folder made today must be found by every later version.
func TestDefaultKeyIsFixed(t *testing.T) {
	const want = "568bf394-8f43-87d7-b411-b41c903cd9fb"
	if got := node(t, DefaultName, "").String(); got != want {
		t.Errorf("node id %s, want %s", got, want)
	}
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"default", "..", "a/b", "a\x00b", "admin-token"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		h, err := New("/data", name, "")
		if err != nil {
			return
		}
		if filepath.Dir(h.Dir()) != "/data" || filepath.Base(h.Dir()) != name {
			t.Fatalf("workspace %q lies in %q", name, h.Dir())
		}
	})
}
