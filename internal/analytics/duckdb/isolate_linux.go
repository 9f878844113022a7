package duckdb

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"syscall"
)

// isolations are the ways to start a child, the strictest first: without network
// and without a share in anything between processes. Where the system permits
// neither, the child confines itself as far as it may.
func isolations() []*syscall.SysProcAttr {
	const apart = syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS
	one := []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
	group := []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
	return []*syscall.SysProcAttr{
		{Cloneflags: syscall.CLONE_NEWUSER | apart, UidMappings: one, GidMappings: group},
		{Cloneflags: apart},
		{},
	}
}

// notPermitted reports whether another way of starting may succeed.
func notPermitted(err error) bool {
	for _, e := range []error{syscall.EPERM, syscall.EINVAL, syscall.ENOSYS, syscall.ENOSPC, syscall.EACCES, os.ErrPermission} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// memoryOf returns the bytes that a process holds for itself, without the pages of
// files; 0 when it is gone.
func memoryOf(pid int) int64 {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	_, after, _ := bytes.Cut(data, []byte("RssAnon:"))
	fields := bytes.Fields(after)
	if len(fields) == 0 {
		return 0
	}
	kilobytes, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		return 0
	}
	return kilobytes << 10
}
