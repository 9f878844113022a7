package scenario

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Variant is how a file is run. None of it may show in the text.
type Variant struct {
	Partitions int    // of the log; 1 if 0
	Batch      int    // records in one transaction at most; 1,000 if 0
	Seed       uint64 // of the orders that shuffle blocks take
}

// Result is the outcome of one run of one file.
type Result struct {
	// Mismatches are the commands whose output was not the expected one.
	Mismatches []Mismatch
	// Text is the file with the outputs of this run in place of the expected ones.
	Text string
}

// Mismatch is one command whose output was not the expected one.
type Mismatch struct {
	File    string
	Line    int
	Command string // as it is written, cut to one line
	Want    string
	Got     string
}

// String tells the mismatch with its place and the lines that differ.
func (m Mismatch) String() string {
	return fmt.Sprintf("%s:%d: %s\n%s", m.File, m.Line, m.Command, difference(m.Want, m.Got))
}

// Run runs a file on an engine. The error is an *Error when a command cannot be
// carried out or the file's end finds the state in disorder; other errors mean
// that the engine could not be opened or closed.
func Run(ctx context.Context, f *File, e Engine, v Variant) (res Result, err error) {
	place, err := e.Open(ctx, max(v.Partitions, 1))
	if err != nil {
		return res, fmt.Errorf("open %s: %w", e.Name(), err)
	}
	defer func() {
		if closing := place.Close(); err == nil && closing != nil {
			err = fmt.Errorf("close %s: %w", e.Name(), closing)
		}
	}()
	s, err := open(ctx, place, v.Batch, v.Seed)
	if err != nil {
		return res, fmt.Errorf("begin on %s: %w", e.Name(), err)
	}
	outputs := map[*step]string{}
	for _, st := range f.steps {
		got, err := s.do(ctx, f.Name, st)
		if err != nil {
			return res, err
		}
		outputs[st] = got
		if got != st.want {
			res.Mismatches = append(res.Mismatches, Mismatch{f.Name, st.line, f.command(st), st.want, got})
		}
	}
	res.Text = f.rewritten(outputs)
	return res, s.finish(ctx, f)
}

// do carries out a step and returns its output with every line ended and no line
// empty, as an expected text can be.
func (s *session) do(ctx context.Context, name string, st *step) (string, error) {
	out, err := st.command.run(ctx, s, st)
	if err == nil {
		return tidy(out), nil
	}
	at := &Error{File: name, Line: st.line, What: st.command.name + ": " + err.Error()}
	var m *mistake
	if errors.As(err, &m) {
		at.What, at.Remedy = m.what, m.remedy
	}
	return "", at
}

// tidy makes an output one that can stand in a file and be read there: without
// empty lines, and with escapes for what cannot be seen.
func tidy(out string) string {
	if out == "" {
		return ""
	}
	lines := strings.Split(strings.TrimRight(visible(out), "\n"), "\n")
	for i, l := range lines {
		if lines[i] = strings.TrimRight(l, " "); lines[i] == "" {
			lines[i] = "."
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// visible writes characters that have no shape, or whose shape stands for bytes
// that were no text, as JSON escapes.
func visible(s string) string {
	var out strings.Builder
	for _, r := range s {
		if r != '\n' && (r == utf8.RuneError || !unicode.IsGraphic(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)) {
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&out, "\\u%04x", unit)
			}
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

// finish holds the state against the log once more. A file that breaks folding
// may leave records held that a replay would fold.
func (s *session) finish(ctx context.Context, f *File) error {
	if s.faults.used {
		return nil
	}
	if err := s.replay(ctx); err != nil {
		return &Error{File: f.Name, Line: len(f.lines), What: "at the end of the file " + err.Error()}
	}
	return nil
}

// command is a step as it is written, cut to one line.
func (f *File) command(st *step) string { return strings.TrimSpace(f.lines[st.line-1]) }
