package duckdb

import "golang.org/x/sys/unix"

// auditArch names the architecture to a filter of system calls.
const auditArch = unix.AUDIT_ARCH_AARCH64

// archCalls are allowed beside plainCalls: older names of the same.
var archCalls = []int{unix.SYS_FSTATAT}
