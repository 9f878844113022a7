package pebble

import (
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"kith/internal/errs"
)

// The list of tables (the manifest) is a file of chunks in blocks of 32 KiB. A
// chunk has 4 bytes of checksum, 2 of length and 1 of kind before its payload.
const (
	manifestBlock  = 32 << 10
	manifestHeader = 7
	chunkFull      = 1
	chunkFirst     = 2
	chunkKinds     = 4
)

// checkManifest looks for damage in the list of tables of the folder. Pebble
// takes the first chunk that it cannot read for the torn end that a crash
// leaves, and would open the state as it was at that point, silently without
// what came later. Each record is synced before the next one is written, so a
// torn end is never followed by another record; damage is.
func checkManifest(fs vfs.FS, dir string) error {
	name, err := atomicfs.ReadMarker(fs, dir, "manifest")
	if err != nil || name == "" {
		return err // none: the state is new
	}
	f, err := fs.Open(fs.PathJoin(dir, name))
	if err != nil {
		return err
	}
	data, err := io.ReadAll(f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if at, damaged := manifestDamage(data); damaged {
		return corrupt(name, errs.New(errs.Corrupt, "state.manifest", "unreadable at offset %d", at))
	}
	return nil
}

// manifestDamage returns the offset of the first chunk that cannot be read, if
// another record begins somewhere behind it.
func manifestDamage(data []byte) (at int, damaged bool) {
	for at < len(data) {
		if left := manifestBlock - at%manifestBlock; left < manifestHeader {
			at += left
			continue
		}
		n, _, ok := chunk(data, at)
		if !ok {
			break
		}
		at += n
	}
	for next := at + 1; next < len(data); next++ {
		if _, kind, ok := chunk(data, next); ok && (kind == chunkFull || kind == chunkFirst) {
			return at, true
		}
	}
	return at, false
}

// chunk reads the chunk at the offset: its size with the header and its kind.
func chunk(data []byte, at int) (size int, kind byte, ok bool) {
	left := min(len(data)-at, manifestBlock-at%manifestBlock)
	if left < manifestHeader {
		return 0, 0, false
	}
	header := data[at:]
	size = manifestHeader + int(binary.LittleEndian.Uint16(header[4:]))
	kind = header[6]
	if kind == 0 || kind > chunkKinds || size > left {
		return 0, 0, false
	}
	sum := crc32.Checksum(header[6:size], crc32.MakeTable(crc32.Castagnoli))
	return size, kind, binary.LittleEndian.Uint32(header) == (sum>>15|sum<<17)+0xa282ead8
}
