// Command report runs go test and says at the end what was skipped and why.
//
// Without -v, go test does not tell a skipped test from one that passed. This
// command takes the arguments of go test, prints what go test prints of packages
// and of tests that fail, then every reason for which a test was skipped, with
// the tests, and one line of counts. It exits as go test does.
//
//	go run ./test/report -race ./...
//	go run ./test/report -all ./...    # every line, as go test -v
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
)

func main() {
	args := os.Args[1:]
	all := len(args) > 0 && args[0] == "-all"
	if all {
		args = args[1:]
	}
	code, err := run(os.Stdout, all, args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
	}
	os.Exit(code)
}

// run starts go test with the arguments and writes the report of it. The code is
// the one to exit with.
func run(w io.Writer, all bool, args []string) (code int, err error) {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return 1, err
	}
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	out := bufio.NewWriter(w)
	r := newReport(out, all)
	readErr := r.read(events)
	waitErr := cmd.Wait()
	r.summary()
	if err := out.Flush(); err != nil {
		return 1, err
	}
	if readErr != nil {
		return 1, readErr
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		return max(code, 1), nil // -1: ended by a signal
	}
	return 0, waitErr
}
