package resource

import (
	"errors"
	"io"
	"io/fs"
	"strings"

	"kith/internal/errs"
	"kith/internal/sys"
)

// AdminFile is the name of the file in the data folder that holds an admin token
// which kith made itself.
const AdminFile = "admin-token"

// adminBytesMax bounds an admin token.
const adminBytesMax = 512

// OpenAdmin returns the digest of the admin token: of the given one, else of the
// one in the data folder's AdminFile. If there is neither it makes one and
// writes it there, readable for the owner alone; made tells so. The folder must
// exist and belong to this process.
func OpenAdmin(disk sys.FS, dir, given string, rand sys.Rand) (digest Digest, made bool, err error) {
	if given != "" {
		return checkedDigest(given)
	}
	data, err := readFile(disk, disk.PathJoin(dir, AdminFile))
	if err == nil {
		return checkedDigest(strings.TrimRight(string(data), "\r\n"))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Digest{}, false, errs.Wrap(err, errs.Unavailable, "admin.token_file", "the file with the admin token cannot be read")
	}
	token, err := NewToken(AdminToken, rand)
	if err != nil {
		return Digest{}, false, err
	}
	if err := writePrivate(disk, dir, AdminFile, []byte(token+"\n")); err != nil {
		return Digest{}, false, errs.Wrap(err, errs.Unavailable, "admin.token_file", "the file with the admin token cannot be written")
	}
	return DigestOf(token), true, nil
}

func checkedDigest(token string) (Digest, bool, error) {
	if !visible(token, adminBytesMax) {
		return Digest{}, false, errs.New(errs.Invalid, "admin.token",
			"an admin token has 1 to %d visible ASCII characters", adminBytesMax)
	}
	if strings.HasPrefix(token, string(AdminToken)) && !IsToken(AdminToken, token) {
		return Digest{}, false, errs.New(errs.Invalid, "admin.token",
			"the admin token's checksum does not fit: a character is missing or mistyped")
	}
	return DigestOf(token), false, nil
}

// visible reports whether s has 1 to most visible ASCII characters and no other.
func visible(s string, most int) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= most
}

func readFile(disk sys.FS, name string) ([]byte, error) {
	f, err := disk.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, adminBytesMax+2))
	if err != nil {
		_ = f.Close() // the first error tells more
		return nil, err
	}
	return data, f.Close()
}

// writePrivate writes a file that nobody but the owner can ever open, durably
// and whole. The file system's Create gives everybody the right to read, so the
// file is made inside a folder of the owner's alone, gets its mode there and is
// moved to its place.
func writePrivate(disk sys.FS, dir, name string, data []byte) error {
	private := disk.PathJoin(dir, name+".new")
	if err := disk.RemoveAll(private); err != nil {
		return err
	}
	if err := disk.MkdirAll(private, 0o700); err != nil {
		return err
	}
	file := disk.PathJoin(private, name)
	if err := writeSynced(disk, file, data); err != nil {
		return err
	}
	if err := disk.Rename(file, disk.PathJoin(dir, name)); err != nil {
		return err
	}
	if err := disk.RemoveAll(private); err != nil {
		return err
	}
	return syncDir(disk, dir)
}

func writeSynced(disk sys.FS, name string, data []byte) error {
	f, err := disk.Create(name, "kith-admin")
	if err != nil {
		return err
	}
	err = restrict(f)
	if err == nil {
		_, err = f.Write(data)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

func syncDir(disk sys.FS, dir string) error {
	d, err := disk.OpenDir(dir)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		_ = d.Close() // the first error tells more
		return err
	}
	return d.Close()
}
