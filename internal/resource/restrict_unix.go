//go:build unix

package resource

import (
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// restrict takes the rights of group and others from an open file. A file that
// lies in memory has none to take.
func restrict(f vfs.File) error {
	if f.Fd() == vfs.InvalidFd {
		return nil
	}
	return syscall.Fchmod(int(f.Fd()), 0o600)
}
