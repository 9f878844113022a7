package archive

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"kith/internal/errs"
	"kith/internal/lake"
)

// listFormat is the version of the form of the lists.
const listFormat = 1

// identityName is the file that says which topic an archive is of.
const identityName = "archive/" + lake.ManifestName

// identity is the content of that file.
type identity struct {
	Format     int    `json:"format"`
	Topic      string `json:"topic"`
	TopicID    string `json:"topic_id"`
	Partitions int    `json:"partitions"`
}

// Segment is a file with records of a partition.
type Segment struct {
	Path     string `json:"path"` // relative to the partition's folder
	From     int64  `json:"from"` // offset of the first record
	To       int64  `json:"to"`   // offset behind the last one
	Bytes    int64  `json:"bytes"`
	RawBytes int64  `json:"raw_bytes"` // of the records themselves
	SHA256   string `json:"sha256"`
}

// list names the segments of a partition. It is never changed, only replaced.
type list struct {
	Format    int       `json:"format"`
	Partition int32     `json:"partition"`
	Version   uint64    `json:"version"` // rises with every replacement
	Segments  []Segment `json:"segments"`
}

// end is the offset behind the last archived record.
func (l *list) end() int64 {
	if len(l.Segments) == 0 {
		return 0
	}
	return l.Segments[len(l.Segments)-1].To
}

// find returns the segment that holds an offset; nil when there is none.
func (l *list) find(offset int64) *Segment {
	i, _ := slices.BinarySearchFunc(l.Segments, offset, func(s Segment, offset int64) int { return cmp.Compare(s.To, offset+1) })
	if offset < 0 || i == len(l.Segments) {
		return nil
	}
	return &l.Segments[i]
}

func (l *list) names(path string) bool {
	return slices.ContainsFunc(l.Segments, func(s Segment) bool { return s.Path == path })
}

// folder is where the files of a partition lie.
func folder(partition int32) string { return fmt.Sprintf("partition-%04d", partition) }

func listName(partition int32) string { return folder(partition) + "/" + lake.ManifestName }

// readList reads the list of a partition; an empty one where nothing is archived.
func readList(ctx context.Context, s lake.Store, partition int32) (*list, error) {
	data, err := lake.ReadAll(ctx, s, listName(partition))
	if errs.Is(err, errs.NotFound) {
		return &list{Format: listFormat, Partition: partition}, nil
	}
	if err != nil {
		return nil, err
	}
	return decodeList(data, partition)
}

func decodeList(data []byte, partition int32) (*list, error) {
	var l list
	ok := json.Unmarshal(data, &l) == nil && l.Format == listFormat && l.Partition == partition && l.Version > 0
	next := int64(0)
	for _, s := range l.Segments {
		ok = ok && s.From == next && s.To > s.From && s.Path != "" && !strings.Contains(s.Path, "/")
		next = s.To
	}
	if !ok {
		return nil, errs.New(errs.Corrupt, "archive.list", "the list %s of the archive cannot be read; put it back from a copy", listName(partition))
	}
	return &l, nil
}

// write puts the list in the place of the one that the store knows.
func (l *list) write(ctx context.Context, s lake.Guarded) error {
	return put(ctx, s, listName(l.Partition), l)
}

func put(ctx context.Context, s lake.Store, name string, content any) error {
	data, err := json.Marshal(content)
	if err != nil {
		return errs.Wrap(err, errs.Internal, "archive.list", "a list of the archive cannot be written down")
	}
	return lake.Put(ctx, s, name, func(w io.Writer) error {
		_, err := w.Write(append(data, '\n'))
		return err
	})
}

// readIdentity reads which topic an archive is of; nil when there is none yet.
func readIdentity(ctx context.Context, s lake.Store) (*identity, error) {
	data, err := lake.ReadAll(ctx, s, identityName)
	if errs.Is(err, errs.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var i identity
	if json.Unmarshal(data, &i) != nil || i.Format != listFormat || i.Partitions < 1 {
		return nil, errs.New(errs.Corrupt, "archive.identity", "the file %s of the archive cannot be read; put it back from a copy", identityName)
	}
	return &i, nil
}

// fits tells whether an archive is of a topic.
func (i *identity) fits(t Topic) error {
	if i.Topic == t.Name() && i.Partitions == t.Partitions() && (i.TopicID == "" || t.ID() == "" || i.TopicID == t.ID()) {
		return nil
	}
	return errs.New(errs.Invalid, "archive.other_topic",
		"the archive is of topic %s with the identity %q and %d partitions, and the log is topic %s with %q and %d: it was made anew, or the archive's place is another's; name the place that belongs to this topic, or an empty one",
		i.Topic, i.TopicID, i.Partitions, t.Name(), t.ID(), t.Partitions())
}

// claim sees to it that the archive is of the topic, and makes it so when it is new.
func claim(ctx context.Context, s lake.Guarded, t Topic) error {
	for {
		have, err := readIdentity(ctx, s)
		if err != nil {
			return err
		}
		if have != nil {
			return have.fits(t)
		}
		err = put(ctx, s, identityName, &identity{Format: listFormat, Topic: t.Name(), TopicID: t.ID(), Partitions: t.Partitions()})
		if !errs.Is(err, errs.Conflict) {
			return err
		}
		s.Forget() // another one was faster
	}
}
