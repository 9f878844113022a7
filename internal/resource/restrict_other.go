//go:build !unix

package resource

import "github.com/cockroachdb/pebble/v2/vfs"

// restrict does nothing where files have no mode: there the data folder's own
// access rights decide.
func restrict(vfs.File) error { return nil }
