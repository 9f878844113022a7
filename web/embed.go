//go:build !noui

package web

import (
	"embed"
	"io/fs"
)

//go:embed dist
var dist embed.FS

// files are what was built.
func files() (fs.FS, bool) {
	built, err := fs.Sub(dist, "dist")
	return built, err == nil
}
