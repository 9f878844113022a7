package duckdb

import "golang.org/x/sys/unix"

// auditArch names the architecture to a filter of system calls.
const auditArch = unix.AUDIT_ARCH_X86_64

// archCalls are allowed beside plainCalls: older names of the same.
var archCalls = []int{
	unix.SYS_STAT, unix.SYS_LSTAT, unix.SYS_NEWFSTATAT, unix.SYS_ACCESS, unix.SYS_READLINK, unix.SYS_POLL, unix.SYS_EPOLL_WAIT,
	unix.SYS_ARCH_PRCTL, unix.SYS_TIME,
}
