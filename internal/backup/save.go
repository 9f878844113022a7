package backup

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"

	"kith/internal/errs"
	"kith/internal/sys"
)

// A backup is a folder named by the moment it was begun. Until it is whole and on
// disk it has another name, under which nothing finds it.
const (
	nameLayout    = "20060102T150405.000Z"
	partialSuffix = ".partial"

	writeCategory = "backup" // names the writes in the file system's figures
)

// Saved is a backup that is on disk.
type Saved struct {
	Path     string
	Manifest Manifest
}

// Save reads an archive as Write writes it, checks it, seals it with the keys and
// puts it into a new folder below dir. The folder has its name only once
// everything in it is durable; what an attempt that failed has left of it is
// removed, or by its name no backup.
func Save(ctx context.Context, fs sys.FS, dir string, keys Keys, r io.Reader) (Saved, error) {
	method, err := keys.method()
	if err != nil {
		return Saved{}, err
	}
	var begin bytes.Buffer
	s := &saver{ctx: ctx, fs: fs, relay: relay{r: r, w: &begin}}
	if s.frames, err = newFrameReader(&s.relay); err != nil {
		return Saved{}, s.reading(err)
	}
	h, err := s.header()
	if err != nil {
		return Saved{}, err
	}
	created, err := h.Created()
	if err != nil {
		return Saved{}, err
	}
	path := fs.PathJoin(dir, created.UTC().Format(nameLayout))
	for _, taken := range []string{path, path + partialSuffix} {
		if _, err := fs.Stat(taken); err == nil {
			return Saved{}, errs.New(errs.Conflict, "backup.exists", "%s is already there", taken)
		}
	}
	// Nobody but its owner can look into the folder.
	if err := sys.MakeDir(fs, path+partialSuffix, 0o700); err != nil {
		return Saved{}, errWrite(err, path)
	}
	m, err := s.fill(path+partialSuffix, keys, method, begin.Bytes())
	if err == nil {
		err = errWrite(fs.Rename(path+partialSuffix, path), path)
	}
	if err != nil {
		_ = fs.RemoveAll(path + partialSuffix) // by its name it is no backup; the first error tells more
		return Saved{}, err
	}
	return Saved{Path: path, Manifest: m}, errWrite(sys.SyncDir(fs, dir), path)
}

func errWrite(err error, path string) error {
	if err != nil && errs.KindOf(err) != errs.Internal {
		return err
	}
	return errs.Wrap(err, errs.Unavailable, "backup.write", "the backup cannot be written to %s", path)
}

// saver takes one archive in.
type saver struct {
	ctx    context.Context
	fs     sys.FS
	relay  relay
	frames *frameReader
	head   Header
	end    ending
}

// relay reads and writes what it has read to w. It remembers which of the two
// failed.
type relay struct {
	r        io.Reader
	w        io.Writer
	writeErr error
}

// Read implements io.Reader.
func (t *relay) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if n > 0 {
		if _, werr := t.w.Write(p[:n]); werr != nil {
			t.writeErr = werr
			return n, werr
		}
	}
	return n, err
}

// reading gives an error of reading frames its kind.
func (s *saver) reading(err error) error {
	switch {
	case err == nil:
		return nil
	case s.relay.writeErr != nil:
		return errWrite(s.relay.writeErr, "its folder")
	case errs.KindOf(err) != errs.Internal:
		return err
	}
	return errs.Wrap(err, errs.Unavailable, "backup.cut", "the backup was cut off while it was received")
}

// header reads the first frame.
func (s *saver) header() (Header, error) {
	fr, err := s.frames.next()
	if err != nil {
		return Header{}, s.reading(err)
	}
	s.head, err = readHeader(s.frames, fr)
	return s.head, err
}

// readHeader reads a frame as the header of an archive.
func readHeader(frames *frameReader, fr frame) (Header, error) {
	var h Header
	raw, err := frames.payload(fr)
	if err != nil {
		return h, err
	}
	if fr.kind != kindHeader || !decode(raw, &h) {
		return h, errDamaged(fr.at)
	}
	return h, h.check()
}

// fill writes the files of the backup. begin is what has been read so far.
func (s *saver) fill(dir string, keys Keys, method string, begin []byte) (Manifest, error) {
	name := fileName(method)
	f, err := s.fs.Create(s.fs.PathJoin(dir, name), writeCategory)
	if err != nil {
		return Manifest{}, errWrite(err, dir)
	}
	sum := sha256.New()
	count := &counter{w: io.MultiWriter(sum, &copied{w: f})}
	err = s.archive(bufio.NewWriterSize(count, 256<<10), keys, method, begin)
	if err == nil {
		err = errWrite(f.Sync(), dir)
	}
	if closeErr := f.Close(); err == nil {
		err = errWrite(closeErr, dir)
	}
	if err != nil {
		return Manifest{}, err
	}
	h := s.head
	m := Manifest{
		Format: h.Format, Kith: h.Kith, Workspace: h.Workspace, CreatedAt: h.CreatedAt, Positions: h.Positions,
		Records: s.end.Records, Rows: s.end.Rows,
		Archive: File{Name: name, Bytes: count.n, SHA256: hex.EncodeToString(sum.Sum(nil)), Sealed: method},
	}
	if _, err := DecodeManifest(encode(m)); err != nil {
		return Manifest{}, err
	}
	if err := writeFile(s.fs, s.fs.PathJoin(dir, manifestName), encode(m)); err != nil {
		return Manifest{}, errWrite(err, dir)
	}
	return m, errWrite(sys.SyncDir(s.fs, dir), dir)
}

// archive seals the archive into w, checking each frame.
func (s *saver) archive(w *bufio.Writer, keys Keys, method string, begin []byte) error {
	sealed, err := keys.seal(w, method)
	if err != nil {
		return err
	}
	s.relay.w = sealed
	if _, err := sealed.Write(begin); err != nil {
		return errWrite(err, "its folder")
	}
	for {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		fr, err := s.frames.next()
		if err != nil {
			return s.reading(err)
		}
		done, err := s.frame(fr)
		if err != nil {
			return err
		}
		if done {
			break
		}
	}
	if err := s.frames.end(); err != nil {
		return s.reading(err)
	}
	return errWrite(errors.Join(sealed.Close(), w.Flush()), "its folder")
}

// frame looks at a frame and reports whether it is the last.
func (s *saver) frame(fr frame) (done bool, err error) {
	switch fr.kind {
	case kindRows, kindLog:
		return false, nil
	case kindEnd, kindFailed:
	default:
		return false, errDamaged(fr.at)
	}
	raw, err := s.frames.payload(fr)
	if err != nil {
		return false, err
	}
	s.end, err = readEnd(fr, raw)
	return true, err
}

// readEnd reads the last frame: what the archive holds, or why it ends.
func readEnd(fr frame, raw []byte) (ending, error) {
	var end ending
	if fr.kind == kindEnd {
		if !decode(raw, &end) {
			return end, errDamaged(fr.at)
		}
		return end, nil
	}
	var why failure
	if !decode(raw, &why) {
		return end, errDamaged(fr.at)
	}
	return end, why.err()
}

// copied writes a copy: a file of this kind may change the bytes that it is given.
type copied struct {
	w   io.Writer
	buf []byte
}

// Write implements io.Writer.
func (c *copied) Write(p []byte) (int, error) {
	c.buf = append(c.buf[:0], p...)
	return c.w.Write(c.buf)
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func writeFile(fs sys.FS, path string, data []byte) error {
	f, err := fs.Create(path, writeCategory)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}
