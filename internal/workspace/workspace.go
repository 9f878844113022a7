// Package workspace says where one customer's data lies. A workspace is a place:
// a folder, a state, a lake and a key of its own. Code reaches storage through a
// Handle, and a Handle comes from two places alone: the application makes one for
// each workspace when it starts, and a request gets the one that its
// authenticated key belongs to. No query carries a workspace as a predicate,
// because nothing else is in reach.
package workspace

import (
	"crypto/hmac"
	"crypto/sha256"
	"path/filepath"

	"kith/internal/errs"
	"kith/internal/identity"
)

// DefaultName is the workspace that exists without being set up.
const DefaultName = "default"

// NameBytesMax bounds a workspace's name.
const NameBytesMax = 63

// Handle is the access to one workspace. The zero Handle reaches nothing. It is
// immutable and safe for concurrent use.
type Handle struct {
	name       string
	dir        string
	keyring    *identity.Keyring
	defaultKey bool
}

// New makes the handle of a workspace below the data folder. It touches no file.
//
// Its node ids are keyed by the secret exactly as it is given, so the same
// secret gives the same ids on every node and after a restore. Without a secret
// they are keyed by a value that follows from the name: ids are then stable, but
// anyone who knows the name can compute them, which IsDefaultKey tells.
//
// A name has 1 to 63 lower-case letters, digits, '-' and '_', begins with a
// letter or digit, and is not the name of a file that lies beside the
// workspaces; else the error is of kind Invalid.
func New(dataDir, name, secret string) (Handle, error) {
	if err := checkName(name); err != nil {
		return Handle{}, err
	}
	key := []byte(secret)
	if secret == "" {
		key = defaultKey(name)
	}
	return Handle{
		name:       name,
		dir:        filepath.Join(dataDir, name),
		keyring:    identity.NewKeyring(key),
		defaultKey: secret == "",
	}, nil
}

// defaultKey derives a key from the name. The text that goes before it keeps the
// key apart from every other use of the name.
func defaultKey(name string) []byte {
	mac := hmac.New(sha256.New, []byte("kith: node ids of a workspace without a secret"))
	mac.Write([]byte(name))
	return mac.Sum(nil)
}

func checkName(name string) error {
	bad := name == "" || len(name) > NameBytesMax || name[0] == '-' || name[0] == '_'
	for i := 0; i < len(name); i++ {
		c := name[i]
		bad = bad || (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_'
	}
	switch name {
	case "admin-token", "address", "lock":
		bad = true
	}
	if bad {
		return errs.New(errs.Invalid, "workspace.name",
			"a workspace's name has 1 to %d lower-case letters, digits, '-' and '_' and begins with a letter or digit", NameBytesMax)
	}
	return nil
}

// IsZero reports whether the handle reaches nothing.
func (h Handle) IsZero() bool { return h.name == "" }

// Name returns the workspace's name.
func (h Handle) Name() string { return h.name }

// Dir returns the workspace's folder, which need not exist yet.
func (h Handle) Dir() string { return h.dir }

// Keyring returns what makes the workspace's node ids; it is nil in the zero
// Handle.
func (h Handle) Keyring() *identity.Keyring { return h.keyring }

// IsDefaultKey reports whether the node ids are keyed by the name alone.
func (h Handle) IsDefaultKey() bool { return h.defaultKey }
