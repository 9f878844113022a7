package local

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/errs"
	"kith/internal/sys"
)

const (
	metaMagic = "KITHLOG\n"
	metaSize  = 28
	metaName  = "log.meta"
	lockName  = "LOCK"

	markMagic = "KITHMRK\n"
	markSize  = 52
	markName  = "synced.mark"

	maxPartitions = 4096

	writeCategory = vfs.DiskWriteCategory("eventlog")
)

// meta is what the log's own file says: who it is and how it is divided.
type meta struct {
	partitions int
	logID      uint64
}

func encodeMeta(m meta) []byte {
	b := make([]byte, metaSize)
	copy(b, metaMagic)
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	binary.LittleEndian.PutUint32(b[12:], uint32(m.partitions))
	binary.LittleEndian.PutUint64(b[16:], m.logID)
	binary.LittleEndian.PutUint32(b[24:], checksum(b[:24]))
	return b
}

func decodeMeta(b []byte, path string) (meta, error) {
	if len(b) != metaSize || string(b[:8]) != metaMagic || binary.LittleEndian.Uint32(b[24:]) != checksum(b[:24]) {
		return meta{}, errDamaged(path, 0)
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != formatVersion {
		return meta{}, errs.New(errs.Invalid, "eventlog.version",
			"the log in %s has format %d, this program reads format %d", path, v, formatVersion)
	}
	m := meta{int(binary.LittleEndian.Uint32(b[12:])), binary.LittleEndian.Uint64(b[16:])}
	if m.partitions < 1 || m.partitions > maxPartitions {
		return meta{}, errDamaged(path, 12)
	}
	return m, nil
}

// mark says up to where a partition was known to be durable at some moment: a
// lower bound that never becomes wrong. It is written when the log is closed and
// after a recovery, so that a later opening can tell damage to the very last
// block, or the loss of the last file, from a write that was never finished.
type mark struct {
	partition int32
	logID     uint64
	segment   int64 // base offset of the segment
	pos       int64 // the segment is durable up to this position
	end       int64 // the offset that the next record gets there
}

func encodeMark(m mark) []byte {
	b := make([]byte, markSize)
	copy(b, markMagic)
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	binary.LittleEndian.PutUint32(b[12:], uint32(m.partition))
	binary.LittleEndian.PutUint64(b[16:], m.logID)
	binary.LittleEndian.PutUint64(b[24:], uint64(m.segment))
	binary.LittleEndian.PutUint64(b[32:], uint64(m.pos))
	binary.LittleEndian.PutUint64(b[40:], uint64(m.end))
	binary.LittleEndian.PutUint32(b[48:], checksum(b[:48]))
	return b
}

// decodeMark reads a mark and reports whether it is one of this partition.
func decodeMark(b []byte, logID uint64, partition int32) (mark, bool) {
	if len(b) != markSize || string(b[:8]) != markMagic ||
		binary.LittleEndian.Uint32(b[8:]) != formatVersion || binary.LittleEndian.Uint32(b[48:]) != checksum(b[:48]) {
		return mark{}, false
	}
	m := mark{
		partition: int32(binary.LittleEndian.Uint32(b[12:])),
		logID:     binary.LittleEndian.Uint64(b[16:]),
		segment:   int64(binary.LittleEndian.Uint64(b[24:])),
		pos:       int64(binary.LittleEndian.Uint64(b[32:])),
		end:       int64(binary.LittleEndian.Uint64(b[40:])),
	}
	sound := m.segment >= 0 && m.pos >= segmentHeaderSize && m.end >= m.segment
	return m, sound && m.logID == logID && m.partition == partition
}

// isNotExist reports whether the error says that there is no such file.
func isNotExist(err error) bool { return oserror.IsNotExist(err) || errors.Is(err, fs.ErrNotExist) }

// readFile returns a small file's bytes.
func readFile(fs sys.FS, path string) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// syncDir makes the names in a folder durable.
func syncDir(fs sys.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// makeDir makes a folder and those above it, each durable in its parent.
func makeDir(fs sys.FS, dir string) error {
	if _, err := fs.Stat(dir); err == nil {
		return nil
	}
	parent := fs.PathDir(dir)
	if parent != dir {
		if err := makeDir(fs, parent); err != nil {
			return err
		}
	}
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return syncDir(fs, parent)
}

// replaceFile puts a small file in place of the one at path, or none: at every
// moment path holds the old bytes or the new ones. The bytes are durable before
// they get the name, and the name is durable on return.
func replaceFile(fs sys.FS, path string, b []byte) error {
	temp := path + tempSuffix
	err := writeFile(fs, temp, b)
	if err == nil {
		err = fs.Rename(temp, path)
	}
	if err == nil {
		return syncDir(fs, fs.PathDir(path))
	}
	// What is left of the attempt is removed at the next opening if not now.
	return errors.Join(err, removeIfThere(fs, temp))
}

func writeFile(fs sys.FS, path string, b []byte) error {
	f, err := fs.Create(path, writeCategory)
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func removeIfThere(fs sys.FS, path string) error {
	if err := fs.Remove(path); err != nil && !isNotExist(err) {
		return err
	}
	return nil
}
