package duckdb

import (
	"path/filepath"
	"runtime/debug"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"kith/internal/errs"
)

// confine keeps this process in its place before it has seen the query: bounded
// memory, time and files, no new rights, of the disk the folders of the listed
// files and only for reading, and of the system's calls those that computing and
// reading need. It returns what the kernel does not know how to do.
func confine(req *request) (lacking []string, err error) {
	debug.SetMemoryLimit(64 << 20) // what this program itself holds beside the engine
	if err := bound(req); err != nil {
		return nil, errs.Wrap(err, errs.Unavailable, "sql.process", "the process of a query cannot be bounded")
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return nil, errs.Wrap(err, errs.Unavailable, "sql.process", "the process of a query cannot give up its rights")
	}
	if err := confineFiles(req); err != nil {
		lacking = append(lacking, "files: the process could open what its user may (no Landlock)")
	}
	if err := confineCalls(); err != nil {
		lacking = append(lacking, "calls: the process could make any system call (no seccomp)")
	}
	return lacking, nil
}

// bound sets limits that the kernel holds. The memory of the engine's buffers is
// its own limit; this one is behind it, for what the engine does not count.
func bound(req *request) error {
	for _, l := range []struct {
		what  int
		limit uint64
	}{
		{unix.RLIMIT_CORE, 0},
		{unix.RLIMIT_FSIZE, 0},
		{unix.RLIMIT_DATA, uint64(req.MemoryBytes)*3/2 + memoryAround + 512<<20},
		{unix.RLIMIT_CPU, uint64(req.Seconds)*uint64(req.Threads) + 10},
	} {
		var now unix.Rlimit
		if err := unix.Getrlimit(l.what, &now); err != nil {
			return err
		}
		most := min(l.limit, now.Max)
		if err := unix.Setrlimit(l.what, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return err
		}
	}
	return nil
}

// confineFiles gives this thread, and every one that it starts, the folders of the
// listed files for reading and nothing else of the disk (Landlock).
func confineFiles(req *request) error {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return errno
	}
	rules := unix.LandlockRulesetAttr{Handled_access_fs: 1<<13 - 1}
	if version >= 2 {
		rules.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if version >= 3 {
		rules.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if version >= 4 {
		rules.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	size := unsafe.Sizeof(rules.Handled_access_fs)
	if version >= 4 {
		size += unsafe.Sizeof(rules.Handled_access_net)
	}
	set, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&rules)), size, 0)
	if errno != 0 {
		return errno
	}
	defer unix.Close(int(set))
	for _, dir := range folders(req) {
		if err := allowReading(set, dir); err != nil {
			return err
		}
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, set, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// folders are those of the listed files, each once.
func folders(req *request) []string {
	var dirs []string
	for i := range req.Tables {
		for _, f := range req.Tables[i].Files {
			dirs = append(dirs, filepath.Dir(f.Path))
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

func allowReading(set uintptr, dir string) error {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil //nolint:nilerr // a folder that is gone needs no rule; the engine will not find it either
	}
	defer unix.Close(fd)
	rule := unix.LandlockPathBeneathAttr{Allowed_access: unix.LANDLOCK_ACCESS_FS_READ_FILE, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, set, unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// confineCalls puts a filter on the system calls of all threads (seccomp). What is
// not on the list fails with EPERM.
func confineCalls() error {
	program := filter()
	if program == nil {
		return unix.ENOSYS
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return errno
	}
	return nil
}

// Places in what the kernel hands to a filter: the call, the architecture, the
// lower halves of the arguments.
const (
	placeCall = 0
	placeArch = 4
	placeArgs = 16
)

func load(place uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: place}
}

func verdict(v uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: v}
}

// Verdicts.
const (
	allow   = unix.SECCOMP_RET_ALLOW
	refuse  = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	unknown = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
)

// equal goes on behind the next n instructions unless what is loaded is v.
func equal(v uint32, n uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: v, Jf: n}
}

// masked goes on behind the next n instructions if what is loaded has none of the
// bits.
func masked(bits uint32, n uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: bits, Jf: n}
}

// filter is the list of calls: to compute, to wait, to map memory that is not
// executed, to start threads, to read files, to write to what is open.
func filter() []unix.SockFilter {
	if auditArch == 0 {
		return nil
	}
	f := []unix.SockFilter{
		load(placeArch),
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: auditArch, Jt: 1},
		verdict(unix.SECCOMP_RET_KILL_PROCESS),
		load(placeCall),
	}
	for _, call := range append(slices.Clone(plainCalls), archCalls...) {
		f = append(f, equal(uint32(call), 1), verdict(allow))
	}
	withArg := func(call int, arg int, test func(n uint8) unix.SockFilter, hit, miss uint32) {
		// The argument is loaded in the branch of its call alone.
		f = append(f, equal(uint32(call), 4), load(placeArgs+8*uint32(arg)), test(1), verdict(hit), verdict(miss))
	}
	bits := func(b uint32) func(uint8) unix.SockFilter {
		return func(n uint8) unix.SockFilter { return masked(b, n) }
	}
	is := func(v uint32) func(uint8) unix.SockFilter {
		return func(n uint8) unix.SockFilter { return equal(v, n) }
	}
	const writing = unix.O_WRONLY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC | unix.O_APPEND
	withArg(unix.SYS_OPENAT, 2, bits(writing), refuse, allow)
	withArg(unix.SYS_MMAP, 2, bits(unix.PROT_EXEC), refuse, allow)
	withArg(unix.SYS_MPROTECT, 2, bits(unix.PROT_EXEC), refuse, allow)
	withArg(unix.SYS_CLONE, 0, bits(unix.CLONE_THREAD), allow, refuse)
	withArg(unix.SYS_PRLIMIT64, 0, is(0), allow, refuse)
	f = append(f, equal(unix.SYS_CLONE3, 1), verdict(unknown)) // clone is tried then
	return append(f, verdict(refuse))
}

// plainCalls are allowed with any arguments, on every architecture.
var plainCalls = []int{
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_PREAD64, unix.SYS_CLOSE, unix.SYS_LSEEK,
	unix.SYS_FSTAT, unix.SYS_STATX, unix.SYS_FSTATFS, unix.SYS_STATFS, unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2, unix.SYS_READLINKAT, unix.SYS_GETDENTS64,
	unix.SYS_FCNTL, unix.SYS_FADVISE64, unix.SYS_READAHEAD, unix.SYS_GETCWD, unix.SYS_DUP, unix.SYS_PIPE2, unix.SYS_EVENTFD2,
	unix.SYS_MUNMAP, unix.SYS_MREMAP, unix.SYS_MADVISE, unix.SYS_BRK, unix.SYS_MINCORE, unix.SYS_MEMBARRIER,
	unix.SYS_FUTEX, unix.SYS_SET_ROBUST_LIST, unix.SYS_GET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_SET_TID_ADDRESS,
	unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_SCHED_SETAFFINITY, unix.SYS_SCHED_GETPARAM, unix.SYS_SCHED_GETSCHEDULER, unix.SYS_GETCPU,
	unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_GETRES, unix.SYS_GETTIMEOFDAY,
	unix.SYS_TIMER_CREATE, unix.SYS_TIMER_SETTIME, unix.SYS_TIMER_DELETE, unix.SYS_SETITIMER,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK, unix.SYS_TGKILL, unix.SYS_RESTART_SYSCALL,
	unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_GETPPID, unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID,
	unix.SYS_GETRANDOM, unix.SYS_GETRUSAGE, unix.SYS_GETRLIMIT, unix.SYS_SYSINFO, unix.SYS_UNAME, unix.SYS_TIMES, unix.SYS_PRCTL,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_PWAIT2, unix.SYS_PPOLL, unix.SYS_PSELECT6,
	unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
}
