// Package backup copies a workspace into an archive that outlives it, and makes
// a workspace of an archive again.
//
// An archive is a stream: everything that decides (the records of the log up to
// a position, the resource documents) and, so that a restored workspace need not
// fold all of it again, the rows of the state, of one moment that is not later
// than that position. A server writes the stream while it goes on working
// (Write); whoever asked for it checks it on its way, seals it with a key that
// the server never sees, and lets it appear under its name only when it is whole
// (Save). Open and Archive.Restore lead back.
//
// FORMAT.md gives the bytes.
package backup

import (
	"bytes"
	"encoding/json"
	"time"

	"kith/event"
	"kith/internal/errs"
)

// Header is what an archive says of itself.
type Header struct {
	Format    int    `json:"format"`
	Kith      string `json:"kith"` // version of the program that wrote it
	Workspace string `json:"workspace"`
	// CreatedAt is when the backup was begun by the writer's clock.
	CreatedAt string `json:"created_at"`
	// Positions are, by partition, how many records of the log the archive holds.
	Positions []int64 `json:"positions"`
	// IDKey stands for the secret that node ids are made with: the id of a node
	// that nobody has. It lies inside the sealed archive only.
	IDKey string `json:"id_key"`
}

// Created is CreatedAt.
func (h *Header) Created() (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, h.CreatedAt)
	if err != nil || event.FormatTime(t.UnixMilli()) != h.CreatedAt {
		return t, errs.New(errs.Corrupt, "backup.created_at", "the moment of the backup cannot be read")
	}
	return t, nil
}

func (h *Header) check() error {
	if h.Format != formatVersion {
		return errs.New(errs.Invalid, "backup.version", "the backup has format %d, this program reads format %d", h.Format, formatVersion)
	}
	if _, err := h.Created(); err != nil {
		return err
	}
	return checkPositions(h.Positions)
}

// partitionsMax bounds the partitions of an archive, as the engines of the log do.
const partitionsMax = 4096

func checkPositions(positions []int64) error {
	ok := len(positions) > 0 && len(positions) <= partitionsMax
	for _, n := range positions {
		ok = ok && n >= 0
	}
	if !ok {
		return errs.New(errs.Corrupt, "backup.positions", "the positions of the backup cannot be read")
	}
	return nil
}

// encode writes a document in the one form that decode accepts.
func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("BUG: a document of texts and numbers cannot be encoded")
	}
	return append(data, '\n')
}

// decode reads a document that encode wrote and refuses every other form of it,
// so that a changed byte cannot hide in what a reader of JSON passes over.
func decode(data []byte, v any) bool {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return dec.Decode(v) == nil && bytes.Equal(encode(v), data)
}
