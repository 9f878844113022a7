package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// event is one line of go test -json; "go doc test2json" tells what they mean.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

type testName struct{ pkg, test string }

// report follows one run of go test.
type report struct {
	out     *bufio.Writer
	all     bool                  // print every line as it comes
	lines   map[testName][]string // output of tests that have not ended
	reasons map[string][]string   // why → the tests that were skipped for it

	passed, failed, skipped int
}

func newReport(out *bufio.Writer, all bool) *report {
	return &report{out: out, all: all, lines: map[testName][]string{}, reasons: map[string][]string{}}
}

// read follows the events to their end. Lines that are no events, such as those
// of the go command itself, are printed as they are.
func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			r.line(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) line(line []byte) {
	var e event
	if !bytes.HasPrefix(line, []byte("{")) || json.Unmarshal(line, &e) != nil {
		r.print(string(line))
		return
	}
	name := testName{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		r.print(e.Output)
	case "output":
		r.output(name, e.Output)
	case "pass", "fail", "skip":
		r.end(name, e.Action)
	}
}

func (r *report) output(name testName, text string) {
	switch {
	case r.all:
		r.print(text)
		if name.test != "" {
			r.lines[name] = append(r.lines[name], text)
		}
	case name.test != "":
		r.lines[name] = append(r.lines[name], text)
	case text != "PASS\n" && !strings.HasSuffix(text, "[no test files]\n"):
		r.print(text)
	}
}

// end counts a test that has ended and prints it if it failed. A package that
// fails while tests are under way, by a panic or for want of time, takes their
// output with it.
func (r *report) end(name testName, action string) {
	if name.test == "" {
		if action == "fail" {
			r.flushPackage(name.pkg)
		}
		return
	}
	lines := r.lines[name]
	delete(r.lines, name)
	switch action {
	case "pass":
		r.passed++
	case "fail":
		r.failed++
		r.show(lines)
	case "skip":
		r.skipped++
		why := reason(lines)
		r.reasons[why] = append(r.reasons[why], name.pkg+"."+name.test)
	}
}

func (r *report) flushPackage(pkg string) {
	for name, lines := range r.lines {
		if name.pkg == pkg {
			r.failed++
			r.show(lines)
			delete(r.lines, name)
		}
	}
}

func (r *report) show(lines []string) {
	if r.all {
		return // printed already
	}
	for _, l := range lines {
		if !strings.HasPrefix(l, "=== ") {
			r.print(l)
		}
	}
}

// print writes and flushes a line, so that who watches sees it at once. An error
// of the writer stays in it and comes out of the last Flush.
func (r *report) print(text string) {
	_, _ = r.out.WriteString(text)
	_ = r.out.Flush()
}

var place = regexp.MustCompile(`^\s*[\w.-]+\.go:\d+: `)

// reason is what a test said when it was skipped.
func reason(lines []string) string {
	var said []string
	for _, l := range lines {
		if strings.HasPrefix(l, "=== ") || strings.HasPrefix(strings.TrimSpace(l), "--- SKIP") {
			continue
		}
		if l = strings.TrimSpace(place.ReplaceAllString(l, "")); l != "" {
			said = append(said, l)
		}
	}
	if len(said) == 0 {
		return "(no reason given)"
	}
	return strings.Join(said, " ")
}

// testsShown bounds how many tests are named for one reason.
const testsShown = 8

// summary writes what was skipped, by reason, and the counts.
func (r *report) summary() {
	reasons := make([]string, 0, len(r.reasons))
	for why := range r.reasons {
		reasons = append(reasons, why)
	}
	slices.Sort(reasons)
	for _, why := range reasons {
		tests := r.reasons[why]
		slices.Sort(tests)
		fmt.Fprintf(r.out, "\nSKIPPED %d: %s\n", len(tests), why)
		for _, t := range tests[:min(len(tests), testsShown)] {
			fmt.Fprintf(r.out, "    %s\n", t)
		}
		if more := len(tests) - testsShown; more > 0 {
			fmt.Fprintf(r.out, "    and %d more\n", more)
		}
	}
	fmt.Fprintf(r.out, "\n%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
}
