package lake

import (
	"cmp"
	"slices"
	"time"
)

// job is files that are to be merged.
type job struct {
	inputs []ManifestFile
	level  Level // of what comes out
	spread bool  // into a file for each bucket of nodes and month
	base   bool  // everything that is older is among the inputs, so rows that say that there is none can go
}

// Bounds of merging.
const (
	mergeFilesMax = 128       // files of one merge
	mergeBytesMax = 512 << 20 // bytes of them
	fileRowsMax   = 1 << 20   // rows of a file
	fileBytesSome = 128 << 20 // a file of a day over that is not merged again
	daysMax       = 8         // files of a bucket and month that are not merged
	baseRowsMin   = 20_000    // changes of a mutable table that are merged into its base at once
)

// dayMillis is a day of the calendar.
const dayMillis = 86_400_000

// Periods are how long the time is whose files are merged into one of the levels
// minute, hour and day, in this order. They decide when files are merged and nothing
// of what they say.
type Periods [3]time.Duration

// DefaultPeriods are those that the levels are named after.
func DefaultPeriods() Periods { return Periods{time.Minute, time.Hour, 24 * time.Hour} }

// Valid reports whether each period is at least 10 ms and the ones that come after
// are no shorter.
func (p Periods) Valid() bool {
	return p[0] >= 10*time.Millisecond && p[1] >= p[0] && p[2] >= p[1]
}

// of is how many milliseconds a level spans.
func (p Periods) of(l Level) int64 {
	switch l {
	case LevelMinute:
		return p[0].Milliseconds()
	case LevelHour:
		return p[1].Milliseconds()
	}
	return p[2].Milliseconds()
}

// due returns what is to be merged next, or nil. at is the present, in UTC
// milliseconds.
func (f *files) due(at int64) *job {
	m := f.now()
	steps := []struct{ from, to Level }{{LevelCut, LevelMinute}, {LevelMinute, LevelHour}}
	for _, s := range steps {
		if list := ended(m.Files, s.from, f.periods.of(s.to), at); len(list) > 0 {
			return &job{inputs: list, level: s.to}
		}
	}
	if f.table.Kind == Mutable {
		return dueBase(m, at, f.periods.of(LevelDay))
	}
	if list := ended(m.Files, LevelHour, f.periods.of(LevelDay), at); len(list) > 0 {
		return &job{inputs: list, level: LevelDay, spread: true}
	}
	return dueDays(m)
}

// ended returns the files of a level that belong to the earliest period that is
// over, as many as one merge takes.
func ended(all []ManifestFile, from Level, span, at int64) []ManifestFile {
	var list []ManifestFile
	for _, f := range all {
		if f.Level == from && f.At/span < at/span {
			list = append(list, f)
		}
	}
	slices.SortStableFunc(list, func(a, b ManifestFile) int { return cmp.Compare(a.At, b.At) })
	var bytes int64
	for i, f := range list {
		if bytes += f.Bytes; i > 0 && (f.At/span != list[0].At/span || i == mergeFilesMax || bytes > mergeBytesMax) {
			return list[:i]
		}
	}
	return list
}

// dueBase merges the changes of a mutable table into its base when there are many,
// or when the day is over.
func dueBase(m *Manifest, at, day int64) *job {
	j := &job{level: LevelDay, base: true}
	var changes, base int64
	over := false
	for _, f := range m.Files {
		switch f.Level {
		case LevelHour:
			changes += f.Rows
			over = over || f.At/day < at/day
		case LevelDay:
			base += f.Rows
		default:
			continue
		}
		j.inputs = append(j.inputs, f)
	}
	if changes == 0 || !over && changes < max(baseRowsMin, base/4) {
		return nil
	}
	return j
}

// dueDays merges the files of one bucket and month when there are many small ones.
func dueDays(m *Manifest) *job {
	type place struct {
		bucket int
		month  string
	}
	by := map[place][]ManifestFile{}
	for _, f := range m.Files {
		if f.Level != LevelDay || f.Bucket == nil || f.Bytes > fileBytesSome {
			continue
		}
		p := place{*f.Bucket, f.Month}
		if by[p] = append(by[p], f); len(by[p]) > daysMax {
			return &job{inputs: by[p], level: LevelDay, spread: true}
		}
	}
	return nil
}
