package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Watched is a server beside kith whose use of this machine is measured: its
// processes with all their children, and the folders that it keeps its data in.
type Watched struct {
	Name    string
	PIDs    []int
	Folders []string
}

// ParseWatched reads NAME=PID[,PID…][@FOLDER[,FOLDER…]].
func ParseWatched(s string) (w Watched, err error) {
	name, rest, ok := strings.Cut(s, "=")
	pids, folders, _ := strings.Cut(rest, "@")
	if !ok || name == "" {
		return w, fmt.Errorf("%q is not NAME=PID,PID@FOLDER", s)
	}
	w.Name = name
	for p := range strings.SplitSeq(pids, ",") {
		pid, err := strconv.Atoi(p)
		if err != nil || pid <= 0 {
			return w, fmt.Errorf("%q is not the number of a process", p)
		}
		w.PIDs = append(w.PIDs, pid)
	}
	if folders != "" {
		w.Folders = strings.Split(folders, ",")
	}
	return w, nil
}

// process times of /proc/PID/stat
type times struct {
	parent int
	own    time.Duration // of the process
	waited time.Duration // of its children that have ended, and of theirs
}

// treeCPU returns the CPU time that processes and all their descendants have used,
// also those that have ended, 0 where there is no /proc.
func treeCPU(pids ...int) time.Duration {
	all := map[int]times{}
	children := map[int][]int{}
	names, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is right
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended meanwhile
		}
		pid, t, ok := parseStat(string(data))
		if ok {
			all[pid] = t
			children[t.parent] = append(children[t.parent], pid)
		}
	}
	var total time.Duration
	for left := append([]int(nil), pids...); len(left) > 0; {
		pid := left[len(left)-1]
		left = append(left[:len(left)-1], children[pid]...)
		total += all[pid].own + all[pid].waited
	}
	return total
}

// parseStat reads a line of /proc/PID/stat. The name of the program is in brackets
// and may hold anything.
func parseStat(line string) (pid int, t times, ok bool) {
	open, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return 0, t, false
	}
	fields := strings.Fields(line[end+1:])
	if len(fields) < 15 {
		return 0, t, false
	}
	numbers := [6]int64{}
	for i, text := range append([]string{strings.TrimSpace(line[:open]), fields[1]}, fields[11:15]...) {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, t, false
		}
		numbers[i] = n
	}
	return int(numbers[0]), times{
		parent: int(numbers[1]),
		own:    time.Duration(numbers[2]+numbers[3]) * ticks, waited: time.Duration(numbers[4]+numbers[5]) * ticks,
	}, true
}

// machineCPU returns the CPU time that everything on this machine has used, 0 where
// there is no /proc.
func machineCPU() time.Duration {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(data), "\n")
	fields := strings.Fields(line) // cpu user nice system idle iowait irq softirq …
	var total int64
	for _, i := range [...]int{1, 2, 3, 6, 7} {
		if i >= len(fields) {
			return 0
		}
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return 0
		}
		total += n
	}
	return time.Duration(total) * ticks
}

// blocks sums what the files below folders take on the disk: a server may make
// files larger than what it has written to them. What goes away meanwhile counts
// nothing.
func blocks(folders []string) (total int64) {
	for _, dir := range folders {
		_ = filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
			if err != nil || info.IsDir() {
				return nil
			}
			if s, ok := info.Sys().(*syscall.Stat_t); ok {
				total += s.Blocks * 512
			}
			return nil
		})
	}
	return total
}
