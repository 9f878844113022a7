package lake

import (
	"context"
	"encoding/json"
	"io"
	"math"
	"slices"

	"kith/internal/errs"
)

// manifestFormat is the version of the form of current.json.
const manifestFormat = 1

// manifestLayout is the version of what the columns hold. A lake of another one is
// made anew.
const manifestLayout = 2

// ManifestName is the file of a table that lists the others.
const ManifestName = "current.json"

// Level is how far a file has been merged.
type Level string

// The levels. What is written comes from one cut; later it is merged into files
// of a minute, an hour and a day.
const (
	LevelCut    Level = "cut"
	LevelMinute Level = "minute"
	LevelHour   Level = "hour"
	LevelDay    Level = "day"
)

// Kind is how the rows of a table are to be read.
type Kind string

// The kinds.
const (
	// Append: every row of every file counts once.
	Append Kind = "append"
	// Mutable: of each key the row with the greatest _version counts, and there is
	// none if that one says _deleted.
	Mutable Kind = "mutable"
)

// Manifest is the content of current.json: which files make up a table now.
type Manifest struct {
	Format     int              `json:"format"`
	Table      string           `json:"table"`
	Kind       Kind             `json:"kind"`
	Key        []string         `json:"key"`
	Layout     int              `json:"layout"`     // of what the columns hold
	Generation uint64           `json:"generation"` // rises when the table is made anew
	Version    uint64           `json:"version"`    // rises with every replacement
	Round      uint64           `json:"round"`      // the last round of cuts that is in it
	AsOf       string           `json:"as_of"`      // what was folded by then is in it
	Columns    []ManifestColumn `json:"columns"`
	Files      []ManifestFile   `json:"files"`
}

// ManifestColumn describes a column. A file may lack one: its values are null
// there.
type ManifestColumn struct {
	Name        string `json:"name"`
	Type        string `json:"type"` // in the words of DuckDB
	Description string `json:"description"`
}

// ManifestFile describes a file.
type ManifestFile struct {
	Path       string   `json:"path"` // relative to the table's folder
	Rows       int64    `json:"rows"`
	Bytes      int64    `json:"bytes"`
	Level      Level    `json:"level"`
	Cuts       []Cut    `json:"cuts"`
	MinVersion uint64   `json:"min_version"` // the version of the table that brought the oldest of its rows
	MaxVersion uint64   `json:"max_version"`
	SHA256     string   `json:"sha256"`
	At         int64    `json:"at"`                // when its newest row was written, UTC milliseconds
	Typed      []string `json:"typed,omitempty"`   // columns of properties that the file has
	Apart      []string `json:"apart,omitempty"`   // what only properties tells: names as of columns, also with :list, :object and :unfit; * is anything
	Records    []Span   `json:"records,omitempty"` // records of the log that its rows come from
	First      *int64   `json:"first,omitempty"`   // of an append table: the earliest of the moments by which months are told, UTC milliseconds
	Bucket     *int     `json:"bucket,omitempty"`  // of the node, of 16; of files of a day
	Month      string   `json:"month,omitempty"`   // of the timestamp; of files of a day
}

// Cut is the facts of a partition from one sequence number up to another, which
// it does not hold.
type Cut struct {
	Partition int32  `json:"partition"`
	From      uint64 `json:"from"`
	To        uint64 `json:"to"`
}

// Span is the offsets of the records of a partition, both ends included.
type Span struct {
	Partition int32 `json:"partition"`
	First     int64 `json:"first"`
	Last      int64 `json:"last"`
}

// Told reports whether the list says of its files what is apart.
func (m *Manifest) Told() bool { return m.Layout == manifestLayout }

// Begins is the earliest moment of the rows of an append table, math.MaxInt64 when
// it has none; ok is false when the list does not tell.
func (m *Manifest) Begins() (at int64, ok bool) {
	at = math.MaxInt64
	for _, f := range m.Files {
		if f.First == nil && f.Rows > 0 {
			return 0, false
		}
		if f.First != nil {
			at = min(at, *f.First)
		}
	}
	return at, true
}

func (f *ManifestFile) mayHold(partition int32, offset int64) bool {
	return slices.ContainsFunc(f.Records, func(s Span) bool {
		return s.Partition == partition && s.First <= offset && offset <= s.Last
	})
}

// ReadManifest reads a table's list of files; nil when it was never written.
func ReadManifest(ctx context.Context, s Store, table string) (*Manifest, error) {
	data, err := ReadAll(ctx, s, table+"/"+ManifestName)
	if errs.Is(err, errs.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return decodeManifest(data)
}

func decodeManifest(data []byte) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil || m.Format != manifestFormat || m.Table == "" {
		return nil, errs.New(errs.Corrupt, "lake.manifest", "a list of files of the lake cannot be read")
	}
	return &m, nil
}

// write replaces a table's list of files.
func (m *Manifest) write(ctx context.Context, s Store) error {
	data, err := json.Marshal(m)
	if err != nil {
		return errs.Wrap(err, errs.Internal, "lake.manifest", "a list of files cannot be written down")
	}
	return Put(ctx, s, m.Table+"/"+ManifestName, func(w io.Writer) error {
		_, err := w.Write(append(data, '\n'))
		return err
	})
}

// clone returns a copy whose list of files and columns can be changed.
func (m *Manifest) clone() *Manifest {
	c := *m
	c.Files = slices.Clone(m.Files)
	c.Columns = slices.Clone(m.Columns)
	return &c
}
