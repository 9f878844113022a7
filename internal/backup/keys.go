package backup

import (
	"bytes"
	"errors"
	"io"

	"filippo.io/age"

	"kith/internal/errs"
)

// Keys say who can read a backup. To write one, exactly one of recipients (with
// the recipients of identities), a passphrase, or Plain is needed; to read one,
// the identities or the passphrase that fit, or Plain for one that is not
// encrypted.
type Keys struct {
	Recipients []string // age1…
	Identities []byte   // the content of a file of age identities
	Passphrase string
	Plain      bool // without encryption

	workFactor int // of a passphrase; 0: age's own
}

// How an archive is sealed, as its manifest says.
const (
	SealedFor    = "recipient"
	SealedByPass = "passphrase"
	NotSealed    = "none"
)

// Check tells whether a backup can be written with the keys.
func (k *Keys) Check() error {
	method, err := k.method()
	if err == nil && method == SealedFor {
		_, err = k.recipients(method)
	}
	return err
}

// method is how an archive is to be sealed with the keys.
func (k *Keys) method() (string, error) {
	var asked []string
	if len(k.Recipients) > 0 || len(k.Identities) > 0 {
		asked = append(asked, SealedFor)
	}
	if k.Passphrase != "" {
		asked = append(asked, SealedByPass)
	}
	if k.Plain {
		asked = append(asked, NotSealed)
	}
	switch len(asked) {
	case 0:
		return "", errs.New(errs.Invalid, "backup.no_key",
			"say who may read the backup: --recipient age1…, --identity FILE, or a passphrase in KITH_BACKUP_PASSPHRASE; --plain writes it for everybody to read")
	case 1:
		return asked[0], nil
	}
	return "", errs.New(errs.Invalid, "backup.keys", "a backup is written for recipients, with a passphrase, or plain: choose one")
}

// recipients reads whom to seal for.
func (k *Keys) recipients(method string) ([]age.Recipient, error) {
	if method == SealedByPass {
		r, err := age.NewScryptRecipient(k.Passphrase)
		if err != nil {
			return nil, errs.Wrap(err, errs.Invalid, "backup.passphrase", "the passphrase cannot be used")
		}
		if k.workFactor != 0 {
			r.SetWorkFactor(k.workFactor)
		}
		return []age.Recipient{r}, nil
	}
	var out []age.Recipient
	for _, text := range k.Recipients {
		all, err := age.ParseRecipients(bytes.NewReader([]byte(text)))
		if err != nil {
			return nil, errs.New(errs.Invalid, "backup.recipient", "a recipient looks like age1…; `age-keygen` makes one")
		}
		out = append(out, all...)
	}
	identities, err := k.identities()
	if err != nil {
		return nil, err
	}
	for _, id := range identities {
		switch id := id.(type) {
		case *age.X25519Identity:
			out = append(out, id.Recipient())
		case *age.HybridIdentity:
			out = append(out, id.Recipient())
		default:
			return nil, errs.New(errs.Invalid, "backup.identity", "an identity of the file has no recipient that is known; name it with --recipient")
		}
	}
	return out, nil
}

func (k *Keys) identities() ([]age.Identity, error) {
	if len(k.Identities) == 0 {
		return nil, nil
	}
	all, err := age.ParseIdentities(bytes.NewReader(k.Identities))
	if err != nil {
		// The error of the library may quote the file.
		return nil, errs.New(errs.Invalid, "backup.identity", "the identity file cannot be read; `age-keygen` makes one")
	}
	return all, nil
}

// seal returns a writer that encrypts into w. Closing it ends the encryption and
// leaves w open.
func (k *Keys) seal(w io.Writer, method string) (io.WriteCloser, error) {
	if method == NotSealed {
		return plain{w}, nil
	}
	to, err := k.recipients(method)
	if err != nil {
		return nil, err
	}
	sealed, err := age.Encrypt(w, to...)
	return sealed, errs.Wrap(err, errs.Invalid, "backup.recipient", "the backup cannot be sealed for these recipients")
}

// plain is a writer that does not encrypt.
type plain struct{ io.Writer }

// Close implements io.Closer.
func (plain) Close() error { return nil }

// unseal returns a reader of what was sealed into r.
func (k *Keys) unseal(r io.Reader, method string) (io.Reader, error) {
	var with []age.Identity
	switch method {
	case NotSealed:
		if !k.Plain {
			return nil, errs.New(errs.Invalid, "backup.not_sealed",
				"the backup is not encrypted, so anybody may have changed it; --plain restores it nevertheless")
		}
		return r, nil
	case SealedByPass:
		if k.Passphrase == "" {
			return nil, errs.New(errs.Invalid, "backup.no_key", "the backup opens with a passphrase; put it into KITH_BACKUP_PASSPHRASE")
		}
		id, err := age.NewScryptIdentity(k.Passphrase)
		if err != nil {
			return nil, errs.Wrap(err, errs.Invalid, "backup.passphrase", "the passphrase cannot be used")
		}
		with = append(with, id)
	default:
		var err error
		if with, err = k.identities(); err != nil {
			return nil, err
		}
		if len(with) == 0 {
			return nil, errs.New(errs.Invalid, "backup.no_key", "the backup opens with the identity of a recipient; name its file with --identity")
		}
	}
	open, err := age.Decrypt(r, with...)
	var none *age.NoIdentityMatchError
	if errors.As(err, &none) {
		return nil, errs.New(errs.Denied, "backup.wrong_key", "the %s does not open the backup", method)
	}
	return open, errs.Wrap(err, errs.Corrupt, "backup.damaged", "the backup's seal is damaged")
}
