package backup

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"kith/internal/errs"
	"kith/internal/sys"
)

// Archive is a backup that is open for reading, from its beginning to its end,
// once.
type Archive struct {
	Path     string
	Manifest Manifest
	Header   Header

	file   io.ReadCloser
	sealed *measured // what is in the file
	frames *frameReader
}

// measured reads and takes the checksum and length of what it has read.
type measured struct {
	r   io.Reader
	sum hash.Hash
	n   int64
}

// Read implements io.Reader.
func (m *measured) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.n += int64(n)
	_, _ = m.sum.Write(p[:n]) // never fails
	return n, err
}

// Open opens a backup: the folder of one, or a folder with several, of which the
// newest is taken. Errors are of kind NotFound when there is none, Denied when
// the keys do not open it, Invalid when keys are missing, and Corrupt when it is
// damaged, cut short or was never finished.
//
// Damage further behind is found while the archive is read: nothing that Restore
// made counts before it has returned without an error.
func Open(files sys.FS, path string, keys Keys) (*Archive, error) {
	dir, err := find(files, path)
	if err != nil {
		return nil, err
	}
	data, err := readFile(files, files.PathJoin(dir, manifestName))
	if err != nil {
		return nil, errs.Wrap(err, errs.Unavailable, "backup.read", "the manifest of %s cannot be read", dir)
	}
	m, err := DecodeManifest(data)
	if err != nil {
		return nil, err
	}
	a := &Archive{Path: dir, Manifest: m}
	info, err := files.Stat(files.PathJoin(dir, m.Archive.Name))
	if err == nil {
		a.file, err = files.Open(files.PathJoin(dir, m.Archive.Name))
	}
	if err != nil {
		return nil, errs.Wrap(err, errs.Corrupt, "backup.archive_missing", "the archive of %s cannot be opened", dir)
	}
	if err := a.begin(keys, info.Size()); err != nil {
		_ = a.Close() // the first error tells more
		return nil, err
	}
	return a, nil
}

// Close lets go of the file.
func (a *Archive) Close() error { return a.file.Close() }

// Read returns how many bytes of the archive have been read.
func (a *Archive) Read() int64 { return a.sealed.n }

// begin opens the seal and reads the header.
func (a *Archive) begin(keys Keys, size int64) error {
	if want := a.Manifest.Archive.Bytes; size != want {
		return errs.New(errs.Corrupt, "backup.truncated", "the archive of %s has %d bytes, and not the %d that its manifest names", a.Path, size, want)
	}
	a.sealed = &measured{r: a.file, sum: sha256.New()}
	open, err := keys.unseal(bufio.NewReaderSize(a.sealed, 256<<10), a.Manifest.Archive.Sealed)
	if err == nil {
		err = a.readHeader(open)
	}
	if err == nil || errs.Is(err, errs.Invalid) {
		return err
	}
	// A key that does not fit and a damaged seal look alike; the checksum does
	// not need the key.
	if damage := a.drain(); damage != nil {
		return damage
	}
	return err
}

func (a *Archive) readHeader(open io.Reader) (err error) {
	if a.frames, err = newFrameReader(open); err != nil {
		return a.reading(err)
	}
	fr, err := a.frames.next()
	if err != nil {
		return a.reading(err)
	}
	if a.Header, err = readHeader(a.frames, fr); err != nil {
		return err
	}
	if !a.Manifest.describes(a.Header) {
		return errs.New(errs.Corrupt, "backup.manifest", "the manifest of the backup is that of another archive")
	}
	return nil
}

// reading gives an error of reading frames its kind: what the seal does not let
// through has been changed.
func (a *Archive) reading(err error) error {
	if err == nil || errs.KindOf(err) != errs.Internal {
		return err
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return errs.Wrap(err, errs.Unavailable, "backup.read", "the archive of %s cannot be read", a.Path)
	}
	return errs.Wrap(err, errs.Corrupt, "backup.damaged", "the backup is damaged before byte %d", a.sealed.n)
}

// drain reads the file to its end and holds it against the manifest.
func (a *Archive) drain() error {
	if _, err := io.Copy(io.Discard, a.sealed); err != nil {
		return errs.Wrap(err, errs.Unavailable, "backup.read", "the archive of %s cannot be read", a.Path)
	}
	want := a.Manifest.Archive
	if a.sealed.n != want.Bytes || hex.EncodeToString(a.sealed.sum.Sum(nil)) != want.SHA256 {
		return errs.New(errs.Corrupt, "backup.damaged", "the archive of %s does not match its checksum", a.Path)
	}
	return nil
}

// find returns the folder of the backup that a path means.
func find(files sys.FS, path string) (string, error) {
	if strings.HasSuffix(files.PathBase(path), partialSuffix) {
		return "", errs.New(errs.Corrupt, "backup.unfinished", "%s was never finished; take another backup", path)
	}
	names, err := files.List(path)
	if err != nil {
		return "", errs.Wrap(err, errs.NotFound, "backup.none", "there is no backup at %s", path)
	}
	if slices.Contains(names, manifestName) {
		return path, nil
	}
	newest, unfinished := "", 0
	for _, name := range names {
		if strings.HasSuffix(name, partialSuffix) {
			unfinished++
		}
		if _, err := time.Parse(nameLayout, name); err != nil || name < newest {
			continue
		}
		if _, err := files.Stat(files.PathJoin(path, name, manifestName)); err == nil {
			newest = name
		}
	}
	switch {
	case newest != "":
		return files.PathJoin(path, newest), nil
	case unfinished > 0:
		return "", errs.New(errs.Corrupt, "backup.unfinished", "no backup in %s was ever finished; take another one", path)
	case slices.Contains(names, plainName) || slices.Contains(names, sealedName):
		return "", errs.New(errs.Corrupt, "backup.manifest", "the manifest of %s is missing", path)
	}
	return "", errs.New(errs.NotFound, "backup.none", "there is no backup at %s", path)
}

func readFile(files sys.FS, path string) ([]byte, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, manifestBytesMax+1))
	return data, errors.Join(err, f.Close())
}
