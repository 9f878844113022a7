package scenario

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// Parse reads a scenario. name is for messages. The error is an *Error: the
// first mistake of the file.
func Parse(name string, data []byte) (*File, error) {
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	text = strings.TrimSuffix(text, "\n")
	p := &parser{table: table(), file: &File{Name: name, lines: strings.Split(text, "\n")}}
	if err := p.parse(); err != nil {
		var m *mistake
		if errors.As(err, &m) {
			return nil, &Error{File: name, Line: p.line, What: m.what, Remedy: m.remedy}
		}
		return nil, err
	}
	return p.file, nil
}

type parser struct {
	table []*command
	file  *File
	at    int // index of the next line
	line  int // of the command being read, from 1
	round int // of the repeat block being read; 0 outside
	calls int // calls read so far
	read  int // lines read so far, those of repeat blocks once for each round
	bytes int // of expanded lines so far
}

func (p *parser) parse() error {
	for {
		s, err := p.next()
		if err != nil {
			return err
		}
		if s == nil {
			return nil
		}
		if s.command == nil {
			return wrong("take it away, or open a block above", "end without a block")
		}
		s.below = p.at
		p.expected(s)
		p.file.steps = append(p.file.steps, s)
	}
}

// next reads a command and, if it is a block, everything up to its end. A step
// without a command is the word end; nil is the end of the file.
func (p *parser) next() (*step, error) {
	text, ok, err := p.logical()
	if err != nil || !ok {
		return nil, err
	}
	s := &step{line: p.line}
	word, rest := cutWord(text)
	if word == endWord {
		if strings.TrimSpace(rest) != "" {
			return nil, wrong("end stands alone on its line", "unexpected text after end")
		}
		return s, nil
	}
	s.raw = strings.TrimSpace(rest)
	if s.command, err = commandNamed(p.table, word); err != nil {
		return nil, err
	}
	if s.command.shape == callShape || s.command.shape == recordShape {
		p.calls++
		s.number = p.calls
	}
	if s.command.shape != rawShape {
		if s.args, err = parseArgs(s.raw); err != nil {
			return nil, err
		}
	}
	if err := s.command.checkArgs(s); err != nil {
		return nil, err
	}
	if s.command.block {
		return s, p.block(s)
	}
	return s, nil
}

// cutWord takes the first word off a line.
func cutWord(text string) (word, rest string) {
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		return text[:i], text[i:]
	}
	return text, ""
}

// logical reads the next line that says something, with those that it goes on in
// and with its expansions.
func (p *parser) logical() (text string, ok bool, err error) {
	for p.at < len(p.file.lines) {
		first := strings.TrimSpace(p.file.lines[p.at])
		p.at++
		if first == "" || first[0] == '#' {
			continue
		}
		p.line = p.at
		first = p.continued(first)
		if p.read++; p.read > linesMax {
			return "", false, wrong("repeat less", "the file has more than %d lines once its blocks are repeated", linesMax)
		}
		if !utf8.ValidString(first) {
			return "", false, wrong("write bytes that are no text as @(0x…)", "the line is not UTF-8")
		}
		text, err = expand(first, p.round)
		if p.bytes += len(text); err == nil && p.bytes > fileMax {
			err = wrong("repeat less", "the file becomes larger than 64 MiB")
		}
		return text, err == nil, err
	}
	return "", false, nil
}

// continued adds to a line those that it goes on in, as long as it ends in a
// backslash.
func (p *parser) continued(line string) string {
	for strings.HasSuffix(line, `\`) {
		next := ""
		if p.at < len(p.file.lines) {
			next = p.file.lines[p.at]
			p.at++
		}
		line = strings.TrimSpace(strings.TrimSpace(strings.TrimSuffix(line, `\`)) + " " + strings.TrimSpace(next))
	}
	return line
}

// block reads what a block holds, up to its end.
func (p *parser) block(s *step) error {
	if s.command.shape == macroShape {
		return p.repeat(s)
	}
	return p.members(s)
}

// repeat reads the lines of a repeat block once for each round.
func (p *parser) repeat(s *step) error {
	rounds, err := repeatRounds(s)
	if err != nil {
		return err
	}
	outer, first := p.round, p.at
	defer func() { p.round = outer }()
	for p.round = 1; p.round <= rounds; p.round++ {
		p.at = first
		if err := p.members(s); err != nil {
			return err
		}
	}
	return nil
}

// members reads steps into a block up to its end.
func (p *parser) members(s *step) error {
	for {
		inner, err := p.next()
		if err != nil {
			return err
		}
		if inner == nil {
			p.line = s.line
			return wrong("close it with a line that says end", "%s does not end", s.command.name)
		}
		if inner.command == nil {
			// The bound on lines also counts the ends, so that empty rounds are not free.
			return nil
		}
		if err := s.take(inner); err != nil {
			return err
		}
	}
}

// take puts a step into a block, a repeat block's steps in its place.
func (s *step) take(inner *step) error {
	if inner.command.shape == macroShape && s.command.shape != macroShape {
		for _, each := range inner.body {
			if err := s.take(each); err != nil {
				return err
			}
		}
		return nil
	}
	shape := inner.command.shape
	if s.command.shape != macroShape && shape != callShape && (shape != batchShape && shape != recordShape || s.command.shape == batchShape) {
		return wrong("calls may stand there, and a batch in a shuffle; everything else stands below the end",
			"%s cannot stand in a %s block", inner.command.name, s.command.name)
	}
	s.body = append(s.body, inner)
	return nil
}

// expected reads the output that stands below a command, if any.
func (p *parser) expected(s *step) {
	if p.at < len(p.file.lines) && strings.TrimSpace(p.file.lines[p.at]) == separator {
		var want strings.Builder
		for p.at++; p.at < len(p.file.lines) && strings.TrimSpace(p.file.lines[p.at]) != ""; p.at++ {
			want.WriteString(strings.TrimRight(p.file.lines[p.at], " \t\r"))
			want.WriteByte('\n')
		}
		s.want = want.String()
	}
	s.until = p.at
}
