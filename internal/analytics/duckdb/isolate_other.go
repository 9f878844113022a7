//go:build !linux

package duckdb

import "syscall"

// isolations are the ways to start a child, the strictest first.
func isolations() []*syscall.SysProcAttr { return []*syscall.SysProcAttr{nil} }

func notPermitted(error) bool { return false }

// memoryOf is not known here; the engine's own limit holds.
func memoryOf(int) int64 { return 0 }
