package tables

import (
	"kith/internal/lake"
	"kith/internal/lake/local"
)

// recordCopies bounds the copies of archived records on this machine: they are read
// when a state is made anew, mostly once.
const recordCopies = 2 << 30

// Records are the settings of the place beside the tables where raw records are
// archived. copies is the folder of copies of files that lie elsewhere; it belongs to
// this process alone.
func (s Settings) Records(copies string) Settings {
	const beside = ".records"
	s.Workspace, s.Folder = s.Workspace+beside, s.Folder+beside
	s.Copies, s.copiesMax = copies, recordCopies
	return s
}

// Guarded returns access for one reader or one writer of a place that several
// processes write.
func (p *Place) Guarded() lake.Guarded {
	if p.remote != nil {
		return p.remote.Store()
	}
	return local.NewShared(p.settings.FS, p.dir, p.settings.Rand)
}
