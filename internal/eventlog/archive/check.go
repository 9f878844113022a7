package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"

	"kith/internal/errs"
	"kith/internal/lake"
)

// Checked is what a check has read.
type Checked struct {
	Segments int
	Records  int64
	Bytes    int64
}

// Check reads all segments of an archive that nobody writes. damaged is told each
// file that is not what was written or is not there. A place without an archive has
// nothing.
func Check(ctx context.Context, files lake.Store, damaged func(name, what string)) (out Checked, err error) {
	i, err := readIdentity(ctx, files)
	if errs.Is(err, errs.Corrupt) {
		damaged(identityName, errs.DetailOf(err))
		return out, nil
	}
	if err != nil || i == nil {
		return out, err
	}
	codec := newCodec()
	for p := range int32(i.Partitions) {
		l, err := readList(ctx, files, p)
		if errs.Is(err, errs.Corrupt) {
			damaged(listName(p), errs.DetailOf(err))
			continue
		}
		if err != nil {
			return out, err
		}
		for _, s := range l.Segments {
			n, err := checkSegment(ctx, files, codec, p, &s)
			if err = errors.Join(err, ctx.Err()); errs.Is(err, errs.Corrupt) {
				damaged(folder(p)+"/"+s.Path, errs.DetailOf(err))
			} else if err != nil {
				return out, err
			}
			out.Segments, out.Records, out.Bytes = out.Segments+1, out.Records+n, out.Bytes+s.Bytes
		}
	}
	return out, nil
}

// checkSegment reads a whole segment and returns how many sound records it has.
func checkSegment(ctx context.Context, files lake.Store, codec *codec, partition int32, s *Segment) (records int64, err error) {
	file, c, err := openSegment(ctx, files, partition, s)
	if err != nil {
		return 0, lost(err, partition, s)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	for i, k := range c.blocks {
		if _, err := c.readBlock(file, codec, partition, i); err != nil {
			return records, named(err, partition, s)
		}
		if records += int64(k.count); ctx.Err() != nil {
			return records, errs.Wrap(ctx.Err(), errs.Unavailable, "archive.cancelled", "the check was given up")
		}
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(file, 0, file.Size())); err != nil {
		return records, errs.Wrap(err, errs.Unavailable, "archive.read", "a file of the archive cannot be read")
	}
	if hex.EncodeToString(sum.Sum(nil)) != s.SHA256 {
		return records, errSegment(partition, s, 0)
	}
	return records, nil
}
