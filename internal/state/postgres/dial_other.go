//go:build !linux

package postgres

import "syscall"

// bound leaves a connection as it is: the system cannot be told.
func bound(string, string, syscall.RawConn) error { return nil }
