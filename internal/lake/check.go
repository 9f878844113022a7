package lake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"

	"kith/internal/errs"
	"kith/internal/waypoint"
)

// CheckRow tells whether a row of the family of the lake can be read; the error is
// of kind Corrupt.
func CheckRow(key, value []byte) error {
	if ok, err := waypoint.CheckRow(key, value); ok {
		return err
	}
	if len(key) < 2 {
		return errRound()
	}
	switch {
	case key[1] == 'r' && len(key) == 2:
		_, err := decodeRound(value)
		return err
	case key[1] == 'n' && len(key) == 18 && len(value) == 16,
		key[1] == 'p' && len(key) == 18 && len(value) > 0 && len(value)%16 == 0:
		return nil
	}
	return errRound()
}

// Check reads every listed file of a lake that nobody writes and holds it against
// its checksum. damaged is told the name of each one that is another or is not
// there. It returns how many bytes the files have.
func Check(ctx context.Context, s Store, damaged func(name, what string)) (bytes int64, err error) {
	for _, t := range Tables() {
		m, err := ReadManifest(ctx, s, t.Name)
		if errs.Is(err, errs.Corrupt) {
			damaged(t.Name+"/"+ManifestName, errs.DetailOf(err))
			continue
		}
		if err != nil {
			return bytes, err
		}
		if m == nil {
			continue
		}
		for _, f := range m.Files {
			n, err := f.check(ctx, s, t.Name)
			bytes += n
			if err = errors.Join(err, ctx.Err()); errs.Is(err, errs.Corrupt) || errs.Is(err, errs.NotFound) {
				damaged(t.Name+"/"+f.Path, errs.DetailOf(err))
			} else if err != nil {
				return bytes, err
			}
		}
	}
	return bytes, nil
}

// check holds one file against what is listed of it.
func (f *ManifestFile) check(ctx context.Context, s Store, table string) (n int64, err error) {
	file, err := s.Open(ctx, table+"/"+f.Path)
	if errs.Is(err, errs.NotFound) {
		return 0, errs.New(errs.NotFound, "lake.file_missing", "the lake lists the file and does not have it; delete the folder of the lake and it is made anew")
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sum := sha256.New()
	n, err = io.Copy(sum, io.NewSectionReader(file, 0, file.Size()))
	if err != nil {
		return n, errs.Wrap(err, errs.Corrupt, "lake.file", "the file cannot be read")
	}
	if hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		return n, errs.New(errs.Corrupt, "lake.checksum", "the file is not what was written; delete the folder of the lake and it is made anew")
	}
	return n, nil
}
