//go:build noui

package web

import "io/fs"

// files are none: this build has the API alone.
func files() (fs.FS, bool) { return nil, false }
