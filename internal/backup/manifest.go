package backup

import (
	"encoding/hex"
	"slices"
	"strings"

	"kith/internal/errs"
)

// Manifest is what lies beside an archive, in the clear: what it is, so that it
// can be found, and its checksum, so that it can be told from a damaged one
// without a key. A folder without one is no backup.
type Manifest struct {
	Format    int     `json:"format"`
	Kith      string  `json:"kith"`
	Workspace string  `json:"workspace"`
	CreatedAt string  `json:"created_at"`
	Positions []int64 `json:"positions"`
	Records   int64   `json:"records"`
	Rows      int64   `json:"rows"`
	Archive   File    `json:"archive"`
}

// File is the file that holds the archive.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	Sealed string `json:"sealed"` // recipient, passphrase or none
}

// The names of files in the folder of a backup.
const (
	manifestName = "manifest.json"
	plainName    = "archive"
	sealedName   = "archive.age"
)

// manifestBytesMax bounds a manifest: 4,096 positions and some texts.
const manifestBytesMax = 256 << 10

func fileName(method string) string {
	if method == NotSealed {
		return plainName
	}
	return sealedName
}

// DecodeManifest reads a manifest. It accepts no other bytes than those that
// were written; the error is of kind Corrupt, or Invalid for a format that this
// program does not know.
func DecodeManifest(data []byte) (Manifest, error) {
	var m Manifest
	if len(data) > manifestBytesMax || !decode(data, &m) {
		return Manifest{}, errs.New(errs.Corrupt, "backup.manifest", "the manifest of the backup is damaged")
	}
	h := m.header()
	if err := h.check(); err != nil {
		return Manifest{}, err
	}
	var total int64
	for _, n := range m.Positions {
		total += n
	}
	sum, err := hex.DecodeString(m.Archive.SHA256)
	sound := err == nil && len(sum) == 32 && strings.ToLower(m.Archive.SHA256) == m.Archive.SHA256 &&
		m.Records == total && m.Rows >= 0 && m.Archive.Bytes > 0 && m.Archive.Name == fileName(m.Archive.Sealed) &&
		slices.Contains([]string{SealedFor, SealedByPass, NotSealed}, m.Archive.Sealed)
	if !sound {
		return Manifest{}, errs.New(errs.Corrupt, "backup.manifest", "the manifest of the backup is damaged")
	}
	return m, nil
}

// header is what the archive's header must say.
func (m *Manifest) header() Header {
	return Header{Format: m.Format, Kith: m.Kith, Workspace: m.Workspace, CreatedAt: m.CreatedAt, Positions: m.Positions}
}

// describes reports whether the manifest is that of an archive with the header.
func (m *Manifest) describes(h Header) bool {
	return m.Format == h.Format && m.Kith == h.Kith && m.Workspace == h.Workspace &&
		m.CreatedAt == h.CreatedAt && slices.Equal(m.Positions, h.Positions)
}
