package sys

import (
	"errors"
	"io/fs"
)

// MakeDir makes a folder and those above it, each durable in its parent before
// anything is put into it. What is there already stays as it is.
func MakeDir(files FS, dir string, mode fs.FileMode) error {
	if _, err := files.Stat(dir); err == nil {
		return nil
	}
	parent := files.PathDir(dir)
	if parent != dir {
		if err := MakeDir(files, parent, mode); err != nil {
			return err
		}
	}
	if err := files.MkdirAll(dir, mode); err != nil {
		return err
	}
	return SyncDir(files, parent)
}

// SyncDir makes the names in a folder durable.
func SyncDir(files FS, dir string) error {
	d, err := files.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
