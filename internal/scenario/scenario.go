// Package scenario is the language in which kith's semantics are told: what a
// source sends, what time does, what breaks, and what then can be read. A file
// is text, one command a line; a command's expected output stands below it and
// is rewritten on request. test/scenario/README.md describes the language.
//
// A scenario runs in one goroutine on a clock of its own that stands still until
// the file moves it. Calls go in through the collector's real HTTP handler and
// are folded by the real pipeline. Everything that the engines may differ in (ids
// made at random, positions, hashes) is numbered in the order in which the file
// shows it, so one text holds for every engine, batch size and number of
// partitions.
//
// A new command is one file cmd_*.go and one line in the table of command.go.
package scenario

import (
	"fmt"
	"strings"
	"time"
)

// start is the moment at which every scenario begins.
var start = time.Date(2025, time.March, 1, 9, 0, 0, 0, time.UTC)

// separator stands between a command and the output that is expected of it.
const separator = "----"

// Error is a mistake in a scenario file: where it is, what is wrong and what to
// do about it.
type Error struct {
	File   string
	Line   int // from 1
	What   string
	Remedy string // a sentence, or empty
}

// Error implements error.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.What)
	if e.Remedy != "" {
		text += "; " + e.Remedy
	}
	return text
}

// mistake is an Error that does not yet know where it is.
type mistake struct{ what, remedy string }

func (m *mistake) Error() string {
	if m.remedy == "" {
		return m.what
	}
	return m.what + "; " + m.remedy
}

// wrong makes a mistake.
func wrong(remedy, format string, args ...any) error {
	return &mistake{fmt.Sprintf(format, args...), remedy}
}

// File is a scenario that was read without mistakes.
type File struct {
	Name  string
	steps []*step
	lines []string // as they stand in the file, without line ends
}

// Calls is how many messages the file sends, those of send commands not counted.
func (f *File) Calls() int { return calls(f.steps) }

func calls(steps []*step) int {
	n := 0
	for _, s := range steps {
		if s.command.shape == callShape {
			n++
		}
		n += calls(s.body)
	}
	return n
}

// step is one command of a file.
type step struct {
	line    int // of the command, from 1
	command *command
	args    []arg
	raw     string  // what follows the command's name
	body    []*step // of a block
	number  int     // of a call: how many calls the file has up to it

	want         string // the expected output, every line ended
	below, until int    // indices of the lines to replace when the output is rewritten
}

// arg is one argument: key=value, or a value alone.
type arg struct {
	key   string // or empty
	value value
}

// value is an argument's value as JSON. A bare word is a JSON string.
type value struct {
	json string
	word bool
}

// text is the string that the value is, or its JSON.
func (v value) text() string {
	if s, ok := unquote(v.json); ok {
		return s
	}
	return v.json
}

// positional returns the arguments without a key.
func (s *step) positional() []value {
	var out []value
	for _, a := range s.args {
		if a.key == "" {
			out = append(out, a.value)
		}
	}
	return out
}

// option returns the argument of that key.
func (s *step) option(key string) (value, bool) {
	for _, a := range s.args {
		if a.key == key {
			return a.value, true
		}
	}
	return value{}, false
}

// text returns the text of an option, or other if it is absent.
func (s *step) text(key, other string) string {
	if v, ok := s.option(key); ok {
		return v.text()
	}
	return other
}

// rewritten returns the file's text with the outputs in place of what was
// expected.
func (f *File) rewritten(outputs map[*step]string) string {
	var out []string
	at := 0
	for _, s := range f.steps {
		out = append(out, f.lines[at:s.below]...)
		if got := outputs[s]; got != "" {
			out = append(out, separator)
			out = append(out, strings.Split(strings.TrimSuffix(got, "\n"), "\n")...)
			if s.until < len(f.lines) && strings.TrimSpace(f.lines[s.until]) != "" {
				out = append(out, "")
			}
		}
		at = s.until
	}
	out = append(out, f.lines[at:]...)
	return strings.Join(out, "\n") + "\n"
}
