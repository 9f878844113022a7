package lake

import (
	"context"
	"slices"
	"sync"

	"kith/event"
	"kith/internal/errs"
)

// retireTime is how long a file stays after it has left the list, in
// milliseconds: who has read the list by then can still read the file.
const retireTime = 10 * 60 * 1000

// files is one table of the lake as this process writes it. The writer and the
// merger both replace the list, under mu; columns has its own lock.
type files struct {
	store Store
	table Table

	periods Periods

	mu       sync.Mutex
	manifest *Manifest
	retired  map[string]int64 // paths that are not listed → when that was seen
	making   map[string]bool  // paths that are being written and are not listed yet

	columnsMu sync.Mutex
	columns   *registry
}

func openFiles(ctx context.Context, s Store, t Table, p Periods) (*files, error) {
	m, err := ReadManifest(ctx, s, t.Name)
	if err != nil && !errs.Is(err, errs.Corrupt) {
		return nil, err
	}
	f := &files{store: s, table: t, periods: p, manifest: m, retired: map[string]int64{}, making: map[string]bool{}}
	switch {
	case m == nil:
		f.manifest = f.empty(0)
	case m.Layout != manifestLayout:
		f.manifest = f.empty(m.Generation + 1) // which no round has made, so all is made anew
	}
	f.columns = newRegistry(f.manifest.Columns)
	return f, nil
}

// empty is the list of a table without rows.
func (f *files) empty(generation uint64) *Manifest {
	return &Manifest{
		Format: manifestFormat, Table: f.table.Name, Kind: f.table.Kind, Key: f.table.Key,
		Layout: manifestLayout, Generation: generation, Columns: f.table.manifestColumns(), Files: []ManifestFile{},
	}
}

// now returns the list as it is; it must not be changed.
func (f *files) now() *Manifest {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.manifest
}

// restart begins a generation: the list that is replaced next starts empty.
func (f *files) restart(generation uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.empty(generation)
	m.Version = f.manifest.Version
	f.manifest = m
	f.columnsMu.Lock()
	defer f.columnsMu.Unlock()
	f.columns = newRegistry(nil)
}

// replace replaces the list by what change makes of it. at is the present, in UTC
// milliseconds.
func (f *files) replace(ctx context.Context, at int64, change func(*Manifest) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.replaceLocked(ctx, at, change)
}

func (f *files) replaceLocked(ctx context.Context, at int64, change func(*Manifest) error) error {
	m := f.manifest.clone()
	if err := change(m); err != nil {
		return err
	}
	m.Version++
	f.columnsMu.Lock()
	m.Columns = append(f.table.manifestColumns(), f.columns.columns()...)
	f.columnsMu.Unlock()
	if err := m.write(ctx, f.store); err != nil {
		return err
	}
	for _, old := range f.manifest.Files {
		if !m.lists(old.Path) {
			f.retired[old.Path] = at
		}
	}
	for _, have := range m.Files {
		delete(f.making, have.Path)
	}
	f.manifest = m
	return nil
}

// take notes a path that is about to be written, so that nobody sweeps it.
func (f *files) take(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.making[path] = true
}

// drop gives a path up that was taken and will not be listed.
func (f *files) drop(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.making, path)
}

// choose picks the columns of properties of a file.
func (f *files) choose(counts map[string]int64, rows int64) ([]string, bool) {
	f.columnsMu.Lock()
	defer f.columnsMu.Unlock()
	return f.columns.choose(counts, rows)
}

// sweep deletes what has not been listed for retireTime, by the clock of this
// process: also what a crash left behind. Where others write the table too, what
// this process knows of it must still be so.
func (f *files) sweep(ctx context.Context, at int64, shared bool) error {
	all, err := f.store.List(ctx, f.table.Name)
	if err != nil {
		return err
	}
	if shared {
		if err := f.unmoved(ctx); err != nil {
			return err
		}
	}
	for _, name := range f.unlisted(all, at) {
		if err := f.store.Delete(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// unmoved fails with kind Conflict when the list is not the one that this process
// knows. What others list from then on has names that are not there yet.
func (f *files) unmoved(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, err := ReadManifest(ctx, f.store, f.table.Name)
	if err != nil {
		return err
	}
	version, generation := uint64(0), f.manifest.Generation
	if m != nil {
		version, generation = m.Version, m.Generation
	}
	if version != f.manifest.Version || generation != f.manifest.Generation {
		return errMoved()
	}
	return nil
}

// unlisted returns the names of files that have to go.
func (f *files) unlisted(all []Info, at int64) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var gone []string
	there := map[string]bool{}
	for _, info := range all {
		path := info.Name[len(f.table.Name)+1:]
		there[path] = true
		if path == ManifestName || f.making[path] || f.manifest.lists(path) {
			delete(f.retired, path)
			continue
		}
		since, known := f.retired[path]
		switch {
		case !known:
			f.retired[path] = at
		case at-since >= retireTime:
			gone = append(gone, info.Name)
		}
	}
	for path := range f.retired {
		if !there[path] {
			delete(f.retired, path)
		}
	}
	return gone
}

func (m *Manifest) lists(path string) bool {
	return slices.ContainsFunc(m.Files, func(f ManifestFile) bool { return f.Path == path })
}

// enter notes in the list that a round is in it.
func (m *Manifest) enter(r *round) {
	m.Generation, m.Round, m.AsOf = r.Generation, r.First, event.FormatTime(r.At)
}

// holds reports whether a round is in the list already.
func (m *Manifest) holds(r *round) bool { return m.Generation == r.Generation && m.Round >= r.First }
