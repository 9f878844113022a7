package pebble

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// The write-ahead log is made of the same blocks and chunks as the list of
// tables (see checkManifest), with more in a chunk's header: 4 bytes of the log's
// number, and in the newest form 8 bytes that say up to where the file had been
// synced. A log that was closed in order ends with a trailer: an empty chunk of
// the number that comes next.
const (
	chunkNumbered  = 5 // and up to 8: with the log's number
	chunkSynced    = 9 // and up to 12: also with the position of the last sync
	chunkKindsLog  = 12
	numberedHeader = manifestHeader + 4
	syncedHeader   = numberedHeader + 8
)

// logEnd is what the end of a write-ahead log tells.
type logEnd struct {
	at      int  // where the readable chunks end
	closed  bool // a trailer follows: the log was closed in order
	damaged bool // something shows that more had been written
}

// readLog walks through the chunks of a write-ahead log. Pebble takes the first
// one that it cannot read for the end that a crash leaves, unless a later block
// says that the file had been synced beyond it. Here a trailer anywhere behind
// shows the same.
func readLog(data []byte, number uint32) logEnd {
	at := 0
	for at < len(data) {
		left := min(manifestBlock-at%manifestBlock, len(data)-at)
		if left < syncedHeader && zero(data[at:at+left]) {
			at += left
			continue
		}
		if trailer(data[at:], number) {
			return logEnd{at: at, closed: true}
		}
		size, _, ok := logChunk(data, at, number)
		if !ok {
			return logEnd{at: at, damaged: writtenBeyond(data, at, number)}
		}
		at += size
	}
	return logEnd{at: at}
}

// writtenBeyond reports whether something behind the offset shows that the file
// had been written and synced beyond it.
func writtenBeyond(data []byte, at int, number uint32) bool {
	for next := at + 1; next < len(data); next++ {
		if trailer(data[next:], number) {
			return true
		}
		if _, synced, ok := logChunk(data, next, number); ok && synced > uint64(at) {
			return true
		}
	}
	return false
}

func zero(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }

// trailer reports whether b begins with the trailer of the log.
func trailer(b []byte, number uint32) bool {
	return len(b) >= numberedHeader && b[6] == chunkNumbered && binary.LittleEndian.Uint32(b[7:]) == number+1 && zero(b[:6])
}

// logChunk reads the chunk of a write-ahead log at the offset: its size with the
// header, and the position up to which it says that the file had been synced.
func logChunk(data []byte, at int, number uint32) (size int, synced uint64, ok bool) {
	left := min(len(data)-at, manifestBlock-at%manifestBlock)
	if left < numberedHeader {
		return 0, 0, false
	}
	head, kind := data[at:at+left], data[at+6]
	if kind < chunkNumbered || kind > chunkKindsLog || binary.LittleEndian.Uint32(head[7:]) != number {
		return 0, 0, false
	}
	header := numberedHeader
	if kind >= chunkSynced {
		header = syncedHeader
	}
	size = header + int(binary.LittleEndian.Uint16(head[4:]))
	if size > left {
		return 0, 0, false
	}
	if header == syncedHeader {
		synced = binary.LittleEndian.Uint64(head[11:])
	}
	sum := crc32.Checksum(head[6:size], crc32.MakeTable(crc32.Castagnoli))
	return size, synced, binary.LittleEndian.Uint32(head) == (sum>>15|sum<<17)+0xa282ead8
}
